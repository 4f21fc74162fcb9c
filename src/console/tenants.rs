//! Tenants and their windows, prepared so that a frame costs what is seen of them.
//!
//! Tenants that say the same share one set of rules, and what those say holds until their next turn. So a hundred thousand
//! tenants are looked at once, then only where something turns; between two turns a frame reads a few rows of a list that
//! is sorted already.
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::action::scope_of;
use super::keymap::Screen;
use super::model::Model;
use crate::calendar::{Allowed, Book, Groups, Rule, View};
use crate::engine::command::VerbInfo;
use crate::engine::rules::{MatchRule, MatchRuleSeen, Stands};
use crate::engine::{Phase, Run, Scope, Verb, moves};
use crate::plan::{NeedsFrom, Roster};
use crate::spec::tenants::Tenant;
use crate::spec::units::{Dur, Time};

/// Clocks and events are known for five days beyond what is looked at: then they are made anew.
const GOOD_FOR: Dur = Dur::hours(24 * 4);
/// Different windows that the main screen may show.
const HEADS: usize = 12;

/// By what the list is sorted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Sort {
    /// Open ones by when they close, then the others by when they open.
    #[default]
    Opening,
    Name,
    Zone,
    Cohort,
}

impl Sort {
    pub fn next(self) -> Sort {
        match self {
            Sort::Opening => Sort::Name,
            Sort::Name => Sort::Zone,
            Sort::Zone => Sort::Cohort,
            Sort::Cohort => Sort::Opening,
        }
    }

    pub fn word(self) -> &'static str {
        match self {
            Sort::Opening => "next opening",
            Sort::Name => "name",
            Sort::Zone => "zone",
            Sort::Cohort => "cohort",
        }
    }
}

/// What one set of rules says now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    pub open: bool,
    /// A freeze holds.
    pub frozen: bool,
    /// Of the interval that is open, else of the next one.
    pub start: Option<Time>,
    pub end: Option<Time>,
    /// It holds until then.
    until: Time,
}

impl Look {
    fn at(view: &View<'_>, allowed: &Allowed, now: Time) -> Look {
        let outlook = view.outlook(now, None);
        let freezes = || allowed.closures.iter().filter(|c| c.rule == Rule::Freeze);
        let today = view.clock.date(now.0);
        let turns = freezes().filter_map(|c| c.turn_after(view.clock, now));
        let next = [outlook.next_start, outlook.next_end].into_iter().flatten().chain(turns).min();
        Look {
            open: outlook.in_window,
            frozen: freezes().any(|c| c.holds(now, today)),
            start: if outlook.in_window { outlook.current_start } else { outlook.next_start },
            end: outlook.next_end,
            until: next.unwrap_or(now + GOOD_FOR),
        }
    }

    /// What tenants have in common that are one head.
    fn shared(&self) -> Same {
        (self.key(), self.start, self.end, self.frozen)
    }

    fn same(&self, other: &Look) -> bool {
        self.shared() == other.shared()
    }

    /// Open ones by their end, then closed ones by their start, then those that never open.
    fn key(&self) -> (u8, i64) {
        match (self.open, self.start) {
            (true, _) => (0, self.end.map_or(i64::MAX, |t| t.0)),
            (false, Some(start)) => (1, start.0),
            (false, None) => (2, 0),
        }
    }
}

/// Tenants with the same window now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The first of them in the files.
    pub tenant: usize,
    pub count: usize,
    pub look: Look,
}

/// Tenants of one head of whom a run says the same: they move together, or not by themselves at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// The first of them in the files.
    pub tenant: usize,
    pub count: usize,
}

/// So many kinds of a head are told apart; no route has room for the rules of more.
const KINDS: usize = 256;

/// What tenants share that are one head: place in the list, start, end, frozen.
type Same = ((u8, i64), Option<Time>, Option<Time>, bool);

/// How many are what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub all: usize,
    pub open: usize,
    pub frozen: usize,
    /// On the new version to the end.
    pub done: usize,
    /// By a move of its own, confirmed in each of its services, while the run goes on.
    pub moved: usize,
}

/// The list as it was asked for last.
#[derive(Debug, Default, PartialEq, Eq)]
struct Asked {
    sort: Sort,
    /// In small letters.
    query: String,
    /// Services that are done: whoever uses no others is.
    done: BTreeSet<String>,
    /// Moves that are confirmed, by service.
    moved: BTreeSet<(String, String)>,
}

/// All tenants of a run's files, and what is known of them now.
pub struct Tenants {
    roster: Arc<Roster>,
    groups: Groups,
    made: Time,
    looks: Vec<Look>,
    /// Since when they are known, and until when they hold.
    at: Time,
    until: Time,
    asked: Asked,
    /// Whose moves are all confirmed; empty while nobody's are.
    moved: Vec<bool>,
    order: Vec<u32>,
    heads: Vec<Head>,
    /// Of each head, once a run was looked at; none where they are too many.
    kinds: Vec<Vec<Kind>>,
    counts: Counts,
}

impl Tenants {
    pub fn new(roster: Arc<Roster>, now: Time) -> Tenants {
        let groups = Book::new(&roster.calendar.spec, &roster.ics, now).groups(roster.tenants.iter(), now);
        let mut made = Tenants {
            roster,
            groups,
            made: now,
            looks: Vec::new(),
            at: now,
            until: now,
            asked: Asked::default(),
            moved: Vec::new(),
            order: Vec::new(),
            heads: Vec::new(),
            kinds: Vec::new(),
            counts: Counts::default(),
        };
        made.look(now);
        made.sort();
        made
    }

    /// Brings everything up to `now`; costs nothing while nothing turned and nothing else is asked for.
    pub fn prepare(&mut self, now: Time, run: &Run, sort: Sort, query: &str) {
        if now.since(self.made).max(self.made.since(now)) > GOOD_FOR {
            let (asked, moved) = (std::mem::take(&mut self.asked), std::mem::take(&mut self.moved));
            *self = Tenants { asked, moved, ..Tenants::new(self.roster.clone(), now) };
            self.sort();
        }
        let done = done(run);
        let turned = now < self.at || now >= self.until;
        if turned {
            self.look(now);
        }
        let asked = Asked { sort, query: query.to_lowercase(), done, moved: confirmed(run) };
        if self.asked.moved != asked.moved {
            self.moved = self.all_moved(run, &asked.moved);
        }
        if turned || self.asked != asked {
            self.asked = asked;
            self.sort();
        }
        if self.kinds.len() != self.heads.len() {
            self.fold(run);
        }
    }

    /// Whether all moves of each tenant are among these, and it has one.
    fn all_moved(&self, run: &Run, these: &BTreeSet<(String, String)>) -> Vec<bool> {
        if these.is_empty() {
            return Vec::new();
        }
        let phased = run.in_order().filter_map(|t| Some((t, run.plan.get(&t.service)?.phased.as_ref()?)));
        let is = |service: &str, name: &str| these.contains(&(service.to_string(), name.to_string()));
        let known: Vec<Vec<bool>> =
            phased.map(|(t, phased)| phased.moves.iter().map(|m| is(&t.service, &m.name)).collect()).collect();
        let index = moves::Index::of(run);
        let moved = |tenant: &Tenant| {
            let its = index.moves(&tenant.id, &tenant.cohort);
            let mut its = its.into_iter().zip(&known).filter_map(|(place, known)| known.get(place?)).peekable();
            its.peek().is_some() && its.all(|moved| *moved)
        };
        self.roster.tenants.iter().map(moved).collect()
    }

    /// Tells apart who shares a window, by what moves them.
    fn fold(&mut self, run: &Run) {
        let index = moves::Index::of(run);
        let mut kinds: Vec<BTreeMap<_, Kind>> = vec![BTreeMap::new(); self.heads.len()];
        let of: Vec<Option<usize>> =
            self.looks.iter().map(|look| self.heads.iter().position(|h| h.look.same(look))).collect();
        for (i, tenant) in self.roster.tenants.iter().enumerate() {
            let Some(kinds) = of[self.group(i)].and_then(|head| kinds.get_mut(head)) else { continue };
            if kinds.len() <= KINDS {
                let key = (self.is_done(i), index.moves(&tenant.id, &tenant.cohort));
                kinds.entry(key).or_insert(Kind { tenant: i, count: 0 }).count += 1;
            }
        }
        let few =
            |kinds: BTreeMap<_, Kind>| if kinds.len() > KINDS { Vec::new() } else { kinds.into_values().collect() };
        self.kinds = kinds.into_iter().map(few).collect();
    }

    /// Looks anew where something has turned; everywhere when time went back.
    fn look(&mut self, now: Time) {
        let whole = self.looks.is_empty() || now < self.at;
        let anew = |group: usize| Look::at(&self.groups.view(group), &self.groups.allowed[group], now);
        if whole {
            self.looks = (0..self.groups.allowed.len()).map(anew).collect();
        } else {
            for group in 0..self.looks.len() {
                if self.looks[group].until <= now {
                    self.looks[group] = anew(group);
                }
            }
        }
        self.at = now;
        self.until = self.looks.iter().map(|l| l.until).min().unwrap_or(now + GOOD_FOR);
    }

    /// Makes list, heads and counts from what is known.
    fn sort(&mut self) {
        let tenants = &self.roster.tenants;
        let look = |i: usize| &self.looks[self.group(i)];
        let fits = |i: usize| self.asked.query.is_empty() || self.matches(i, &self.asked.query);
        let mut order: Vec<usize> = (0..tenants.len()).filter(|i| fits(*i)).collect();
        match self.asked.sort {
            Sort::Opening => order.sort_by_key(|i| look(*i).key()),
            Sort::Name => order.sort_by(|a, b| tenants[*a].id.cmp(&tenants[*b].id)),
            Sort::Zone => order.sort_by_key(|i| (tenants[*i].zone, look(*i).key())),
            Sort::Cohort => {
                let listed = &self.roster.calendar.spec.cohorts;
                let rank = |i: usize| listed.iter().position(|c| *c.name == *tenants[i].cohort).unwrap_or(usize::MAX);
                let ranks: Vec<usize> = (0..tenants.len()).map(rank).collect();
                order.sort_by_key(|i| (ranks[*i], look(*i).key()));
            }
        }
        let mut sizes: Vec<(usize, usize)> = vec![(usize::MAX, 0); self.looks.len()];
        for i in 0..tenants.len() {
            let size = &mut sizes[self.group(i)];
            *size = (size.0.min(i), size.1 + 1);
        }
        let mut heads: BTreeMap<Same, Head> = BTreeMap::new();
        for (look, (tenant, count)) in self.looks.iter().zip(&sizes).filter(|(_, (_, count))| *count > 0) {
            let head = heads.entry(look.shared()).or_insert(Head { tenant: *tenant, count: 0, look: *look });
            (head.tenant, head.count) = (head.tenant.min(*tenant), head.count + count);
        }
        // Who is there is neither open nor frozen any more.
        let mut going: Vec<usize> = sizes.iter().map(|(_, count)| *count).collect();
        let (mut done, mut moved) = (0, 0);
        if !self.asked.done.is_empty() || !self.moved.is_empty() {
            for i in 0..tenants.len() {
                let is_done = self.is_done(i);
                if is_done || self.has_moved(i) {
                    going[self.group(i)] -= 1;
                    *(if is_done { &mut done } else { &mut moved }) += 1;
                }
            }
        }
        let sum = |fits: &dyn Fn(&Look) -> bool| {
            self.looks.iter().zip(&going).filter(|(look, _)| fits(look)).map(|(_, count)| count).sum()
        };
        let (open, frozen) = (sum(&|l| l.open), sum(&|l| l.frozen));
        self.counts = Counts { all: tenants.len(), open, frozen, done, moved };
        self.heads = heads.into_values().take(HEADS).collect();
        self.kinds.clear();
        self.order = order.into_iter().map(|i| u32::try_from(i).unwrap_or(u32::MAX)).collect();
    }

    fn matches(&self, tenant: usize, query: &str) -> bool {
        let has = |text: &str| text.to_lowercase().contains(query);
        let t = &self.roster.tenants[tenant];
        let look = self.look_of(tenant);
        has(&t.id)
            || t.name.as_deref().is_some_and(has)
            || has(t.zone.0.name())
            || has(&t.cohort)
            || t.region.as_deref().is_some_and(has)
            || (look.open && "open".contains(query))
            || (look.frozen && "frozen".contains(query))
    }

    fn group(&self, tenant: usize) -> usize {
        // As many as tenants, each a place among the groups.
        self.groups.of.get(tenant).and_then(|g| usize::try_from(*g).ok()).unwrap_or(0)
    }

    pub fn roster(&self) -> &Roster {
        &self.roster
    }

    /// How many the filter lets through.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// The tenant at a place of the sorted and filtered list.
    pub fn at(&self, place: usize) -> Option<usize> {
        self.order.get(place).and_then(|i| usize::try_from(*i).ok())
    }

    /// Its place in the list, by its id.
    pub fn place(&self, id: &str) -> Option<usize> {
        let index = self.roster.tenants.iter().position(|t| *t.id == *id)?;
        self.order.iter().position(|i| usize::try_from(*i).is_ok_and(|i| i == index))
    }

    pub fn tenant(&self, index: usize) -> Option<&Tenant> {
        self.roster.tenants.get(index)
    }

    pub fn look_of(&self, index: usize) -> &Look {
        &self.looks[self.group(index)]
    }

    pub fn allowed(&self, index: usize) -> &Allowed {
        &self.groups.allowed[self.group(index)]
    }

    pub fn view(&self, index: usize) -> View<'_> {
        self.groups.view(self.group(index))
    }

    /// Different windows, the open ones first, then by when they open.
    pub fn heads(&self) -> &[Head] {
        &self.heads
    }

    /// Whom a head is made of.
    pub fn kinds(&self, head: &Head) -> &[Kind] {
        let place = self.heads.iter().position(|h| h == head);
        place.and_then(|at| self.kinds.get(at)).map_or(&[], Vec::as_slice)
    }

    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// All of its own moves are confirmed.
    pub fn has_moved(&self, index: usize) -> bool {
        self.moved.get(index).copied().unwrap_or(false)
    }

    /// Every service of the run that it uses is done.
    pub fn is_done(&self, index: usize) -> bool {
        let Some(tenant) = self.tenant(index) else { return false };
        let uses = |name: &str| tenant.services.is_empty() || tenant.services.iter().any(|s| **s == *name);
        let mut its = self.roster.services.keys().filter(|name| uses(name)).peekable();
        its.peek().is_some() && its.all(|name| self.asked.done.contains(name))
    }
}

fn done(run: &Run) -> BTreeSet<String> {
    run.tracks.values().filter(|t| matches!(t.phase, Phase::Done)).map(|t| t.service.clone()).collect()
}

/// Moves that are confirmed and stand, each with its service.
fn confirmed(run: &Run) -> BTreeSet<(String, String)> {
    let tracks = run.in_order().filter_map(|t| Some((t, run.plan.get(&t.service)?.phased.as_ref()?)));
    let of = |t: &crate::engine::Track, m: &crate::plan::Move| {
        let stands = t.moves.moved(m) && moves::lost(t, m).is_none();
        stands.then(|| (t.service.clone(), m.name.clone()))
    };
    tracks.flat_map(|(t, phased)| phased.moves.iter().filter_map(move |m| of(t, m))).collect()
}

/// Services that send this tenant to the new version by a rule of its own, accepted or not.
pub fn moved<'a>(run: &'a Run, tenant: &'a Tenant) -> impl Iterator<Item = &'a str> {
    let host = |v: &str| v.strip_prefix(&*tenant.id).is_some_and(|rest| rest.starts_with('.'));
    let ours = move |rule: &MatchRule| {
        let its = |v: &String| *v == *tenant.id || (*v == *tenant.cohort && rule.name == *v) || host(v);
        rule.values.iter().any(its)
    };
    let seen = move |t: &&crate::engine::Track| {
        let there = |seen: &MatchRuleSeen| seen.stands != Stands::Gone && ours(&seen.rule);
        t.route.as_ref().is_some_and(|route| route.rules.iter().any(there))
    };
    run.tracks.values().filter(seen).map(|t| t.service.as_str())
}

/// What a verb acts on: on the page of a tenant that moves by itself that tenant, where it can.
pub fn scope_here(run: &Run, model: &Model, tenants: Option<&Tenants>, info: &VerbInfo) -> Scope {
    let of_tenant = matches!(info.verb, Verb::Freeze | Verb::Defer | Verb::Unfreeze) && model.screen == Screen::Tenant;
    let chosen = tenants.filter(|_| of_tenant).and_then(|t| t.tenant(model.selected_tenant(t)?));
    let name = chosen.and_then(|t| Some(moves::of_tenant(run, &t.id, &t.cohort).next()?.1.name.clone()));
    name.map_or_else(|| scope_of(run, info, model.selected(run)), Scope::Tenant)
}

/// How much of a window the run needs, and where that is from.
pub fn needs(run: &Run) -> (Dur, String) {
    match &run.plan.when {
        Some(when) => {
            let from = match when.needs.from {
                NeedsFrom::Steps => "steps and reserve".to_string(),
                NeedsFrom::P90 { runs } => format!("nine of ten of {runs} earlier runs"),
            };
            (when.needs.run, from)
        }
        None => {
            let (steps, _) = run.plan.estimate();
            (steps + run.plan.policy.rollback_reserve, "steps and reserve".into())
        }
    }
}

/// The same for one tenant: of one that moves by itself only its own move counts.
pub fn needs_of(run: &Run, tenant: &Tenant) -> (Dur, String) {
    let own = moves::of_tenant(run, &tenant.id, &tenant.cohort);
    let own = own.filter_map(|(t, _)| run.plan.get(&t.service)?.phased.as_ref());
    match own.map(|phased| phased.needs(&run.plan.policy)).max() {
        Some(needs) => (needs, "its move and reserve".into()),
        None => needs(run),
    }
}

#[cfg(test)]
#[path = "tenants_tests.rs"]
pub(super) mod tests;
