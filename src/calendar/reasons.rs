//! Why a tenant is not upgraded earlier, and what would have to change.
use serde::Serialize;

use super::book::{Allowed, Book, Groups};
use super::campaign::{Ask, Campaign, Move, NAMED, Never};
use super::why::{Extent, Rule, explain};
use super::window::{LOOK, Rules, View};
use super::zone::date;
use crate::spec::calendar::{Bind, Cohort};
use crate::spec::tenants::Tenant;
use crate::spec::units::{Dur, Time};
use crate::spec::when::{DAY, Instant};

/// What stands in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// Another service has to come to its end before this one begins, or what all share does not let it.
    Service,
    /// No pod of the new version is warm before.
    WarmUp,
    /// The cohort before is not done, or bakes.
    Cohort,
    /// The tenant asks for a later date.
    Preferred,
    Freeze,
    Blackout,
    Season,
    Window,
    /// It is open, but not for long enough.
    Time,
    /// All of the cohort at once.
    Together,
    /// As many as are allowed on a day are taken.
    PerDay,
    /// Others were before it: one moves at a time.
    InTurn,
}

impl Cause {
    pub fn name(self) -> &'static str {
        match self {
            Cause::Service => "service",
            Cause::WarmUp => "warm_up",
            Cause::Cohort => "cohort",
            Cause::Preferred => "preferred",
            Cause::Freeze => "freeze",
            Cause::Blackout => "blackout",
            Cause::Season => "season",
            Cause::Window => "window",
            Cause::Time => "time",
            Cause::Together => "together",
            Cause::PerDay => "per_day",
            Cause::InTurn => "in_turn",
        }
    }
}

impl From<Rule> for Cause {
    fn from(rule: Rule) -> Cause {
        match rule {
            Rule::Freeze => Cause::Freeze,
            Rule::Blackout => Cause::Blackout,
            Rule::Season => Cause::Season,
            Rule::Window => Cause::Window,
            Rule::Time => Cause::Time,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Obstacle {
    pub cause: Cause,
    pub text: String,
    /// What would have to change.
    pub change: String,
}

fn obstacle(cause: Cause, text: String, change: String) -> Obstacle {
    Obstacle { cause, text, change }
}

/// A campaign with all it was planned from.
pub struct Reasons<'p> {
    pub book: &'p Book<'p>,
    pub tenants: &'p [&'p Tenant],
    pub groups: &'p Groups,
    pub campaign: &'p Campaign,
    pub ask: Ask,
    /// What the first of them wait for until the start; nothing where nobody asked for an earlier one.
    pub pods: Option<Pods<'p>>,
}

/// New pods are not warm before the start of a campaign.
#[derive(Clone, Copy)]
pub struct Pods<'p> {
    pub service: &'p str,
    /// When the campaign was asked for.
    pub asked: Time,
    /// What keeps the pods from an earlier begin.
    pub late: &'p [Obstacle],
}

/// What the reasons of a move depend on: those of moves with the same are the same.
pub type Same = (u32, Time, Option<Time>, Option<Option<Time>>, bool);

/// The longest time between two openings of the same window, and a day for a date that a zone leaves out.
const WEEK: Dur = Dur::hours(24 * 8);

impl Reasons<'_> {
    pub fn same(&self, m: &Move) -> Same {
        let late = (m.start > m.fit).then(|| self.opening(m));
        (m.group, m.turn, self.preferred(m.tenant, m.group), late, m.capped)
    }

    /// The start of a move that begins as its window opens.
    fn opening(&self, m: &Move) -> Option<Time> {
        let before = Time(m.start.0 - 1);
        (!self.view(m.group).in_window(before)).then_some(m.start)
    }

    /// What stands between the start of the campaign and that of a tenant, in order of time: only what it would go
    /// earlier without. Of several that end at the same instant each is told: without all of them it would go earlier.
    pub fn of(&self, m: &Move) -> Vec<Obstacle> {
        let view = self.view(m.group);
        let own = view.earliest_fit(m.turn, self.ask.needs);
        let mut found = self.before(m.cohort, m.turn, (m.tenant, m.group), own);
        if own.is_some_and(|own| own > m.turn) {
            once(&mut found, self.shut(m.group, m.turn, own));
        }
        let Some(cohort) = self.cohort(m.cohort) else { return found };
        if let Some(own) = own.filter(|own| *own < m.fit) {
            let text = format!("all of {} at once; alone it could begin {}", cohort.name, shown(&view, own));
            found.push(obstacle(Cause::Together, text, self.not_together(cohort, "of the others that are open then")));
        } else if m.start > m.fit {
            self.in_line(m, cohort, &mut found);
        }
        found
    }

    /// Others were before it; and where a rule took the openings after that one away, that rule.
    fn in_line(&self, m: &Move, cohort: &Cohort, found: &mut Vec<Obstacle>) {
        let (view, needs) = (self.view(m.group), self.ask.needs);
        let day = || date(super::ZoneClock::around(self.book.calendar.zone, m.fit, m.fit).wall(m.fit));
        found.push(match cohort.per_day.filter(|_| m.capped) {
            Some(n) => obstacle(
                Cause::PerDay,
                format!("{n} of {} are begun on a day, and those of {} are taken", cohort.name, day()),
                format!("a `per_day` of {} above {n}", cohort.name),
            ),
            None => obstacle(
                Cause::InTurn,
                format!("it could from {}, and others go before it, one at a time", shown(&view, m.fit)),
                "a window that is open while nobody else moves".into(),
            ),
        });
        // It began as its window opened: nobody was in its way any more, so what kept that shut is what it waited for.
        let Some(opened) = self.opening(m) else { return };
        let from = m.fit.max(opened - WEEK);
        let missed = |view: &View<'_>| view.earliest_fit(from, needs).filter(|at| *at < opened);
        let bare = self.bare(m.group);
        if missed(&view).is_none()
            && let Some(at) = missed(&View { clock: view.clock, rules: &bare })
        {
            found.push(self.ruled_out(m.group, at, Some(m.start)));
        }
    }

    /// Why there is no time for a tenant at all.
    pub fn never(&self, n: &Never) -> Vec<Obstacle> {
        let Some(turn) = n.turn else { return self.after_nobody(n.cohort).into_iter().collect() };
        let mut found = self.before(n.cohort, turn, (n.tenant, n.group), None);
        let limit = self.ask.limit;
        let part = self.campaign.parts.get(usize::from(n.cohort));
        let apart = self.campaign.apart.as_ref().filter(|a| part.is_some_and(|p| p.name == a.cohort));
        let cohort = self.cohort(n.cohort);
        match (n.fit, apart, cohort) {
            _ if part.and_then(|p| p.turn).is_some_and(|turn| turn > limit) => {
                let text = format!("its turn is more than {LOOK} away, and so far is looked ahead");
                let change = "shorter moves, or an earlier end or less `bake` of the cohorts before";
                found.push(obstacle(Cause::Cohort, text, change.into()));
            }
            _ if turn > limit => {
                let text = format!("that is more than {LOOK} after the start, and so far is looked ahead");
                let change = "a `preferredDate` before that, or a plan that is made nearer to it";
                found.push(obstacle(Cause::Preferred, text, change.into()));
            }
            (_, Some(apart), Some(cohort)) if apart.tenants.len() > 1 => {
                let (names, needs) = (self.names(&apart.tenants), self.ask.needs);
                let text =
                    format!("all of {} at once, and {names} have no {needs} in common within {LOOK}", cohort.name);
                found.push(obstacle(Cause::Together, text, self.not_together(cohort, "that meet")));
            }
            (Some(fit), _, cohort) => self.always_behind(n.group, fit, cohort, &mut found),
            _ => {
                // Of those that go at once the one that has no time is what the others wait for.
                let alone = apart.and_then(|a| a.tenants.first()).filter(|t| **t != n.tenant);
                let group = alone.and_then(|t| self.groups.of.get(index(*t))).copied().unwrap_or(n.group);
                if let Some(alone) = alone {
                    let text = format!("it goes at once with {}, which has no time", self.names(&[*alone]));
                    found.push(obstacle(Cause::Together, text, String::new()));
                }
                once(&mut found, self.shut(group, turn, None));
            }
        }
        found
    }

    /// It has times, and others take all of them.
    fn always_behind(&self, group: u32, fit: Time, cohort: Option<&Cohort>, found: &mut Vec<Obstacle>) {
        let (view, needs) = (self.view(group), self.ask.needs);
        let end = view.fit_until(fit, needs).and_then(|(_, end)| end).filter(|end| *end <= self.ask.limit);
        let again = end.and_then(|end| view.earliest_fit(end, needs)).filter(|at| *at <= self.ask.limit);
        let per_day = cohort.and_then(|c| c.per_day).map_or("", |_| ", or a higher `per_day`");
        let change = format!("shorter moves, or a longer window{per_day}");
        let at = shown(&view, fit);
        match (end, again) {
            (Some(end), None) => {
                let text = format!("it could from {at} to {}, and others go before it", shown(&view, end));
                found.push(obstacle(Cause::InTurn, text, change));
                found.push(self.shut(group, end, None));
            }
            _ => {
                let text = format!("it could from {at}, and whenever it could within {LOOK} others go before it");
                found.push(obstacle(Cause::InTurn, text, change));
            }
        }
    }

    /// An earlier cohort has somebody without a time, so that the turn of this one does not come.
    fn after_nobody(&self, cohort: u16) -> Option<Obstacle> {
        let parts = &self.campaign.parts[..usize::from(cohort).min(self.campaign.parts.len())];
        let part = parts.iter().find(|p| p.left > 0)?;
        let (name, who) = (&part.name, and_more(self.names(&part.first_left), part.left - part.first_left.len()));
        let text = format!("it follows {name}, which is not done within {LOOK}: no time for {who}");
        Some(obstacle(Cause::Cohort, text, format!("what keeps {who} from a time")))
    }

    fn names(&self, tenants: &[u32]) -> String {
        let ids: Vec<&str> = tenants.iter().map(|t| self.tenants.get(index(*t)).map_or("", |t| &*t.id)).collect();
        ids.join(", ")
    }

    fn not_together(&self, cohort: &Cohort, which: &str) -> String {
        match cohort.bind {
            Bind::Intersection if !self.ask.at_once => format!("`bind: own` for {}, or windows {which}", cohort.name),
            _ => format!("windows {which}"),
        }
    }

    fn cohort(&self, number: u16) -> Option<&Cohort> {
        self.book.calendar.cohorts.get(usize::from(number))
    }

    fn view(&self, group: u32) -> View<'_> {
        self.groups.view(index(group))
    }

    /// When the date begins that a tenant asks for.
    fn preferred(&self, tenant: u32, group: u32) -> Option<Time> {
        let day = self.tenants.get(index(tenant))?.preferred_date?;
        Some(Time(self.view(group).clock.first_at(i64::from(day.0) * DAY)))
    }

    /// What keeps its turn from being earlier, where its windows would let it; and where they open at the very instant at
    /// which its turn comes, what keeps them shut until then as well. `own`: its first fit from its turn on.
    fn before(&self, cohort: u16, turn: Time, (tenant, group): (u32, u32), own: Option<Time>) -> Vec<Obstacle> {
        let Some(its) = self.campaign.parts.get(usize::from(cohort)).and_then(|p| p.turn) else { return Vec::new() };
        let start = self.pods.filter(|_| its <= self.ask.start).map_or(self.ask.start, |pods| pods.asked);
        let date = self.preferred(tenant, group).filter(|at| *at > start);
        // Without the last of them it waits for what is before that.
        let free = if turn > its { its } else { date.filter(|at| *at < turn).unwrap_or(start) };
        let view = self.view(group);
        let fits = view.earliest_fit(free, self.ask.needs).is_some_and(|at| at < turn);
        let mut bound = if turn > its { Vec::new() } else { self.order(cohort, its, group, fits) };
        let last = bound.len().saturating_sub(1);
        let mut advice: Vec<String> = bound.last().map(|o| o.change.clone()).into_iter().collect();
        // Of those that go at once it may be another's.
        if turn > its || date == Some(turn) {
            advice.push("an earlier `preferredDate`".into());
            let text = format!("asked for {} or later", super::zone::date(view.clock.wall(turn)));
            bound.push(obstacle(Cause::Preferred, text, String::new()));
        }
        let asks = bound.last().is_some_and(|o| o.cause == Cause::Preferred);
        if bound.is_empty() {
            return bound;
        }
        let (rest, at_once) = (advice.join(", and "), own == Some(turn));
        let (first, and) = match self.bare_fit(group, free).filter(|at| *at < turn) {
            _ if fits => (None, String::new()),
            // What is closed until then hides the others, and the other way round.
            Some(at) if at_once || asks => {
                let shut = self.ruled_out(group, at, None);
                let and = format!(", and that without the {}", shut.cause.name());
                let told = bound.iter().any(|o| o.cause == shut.cause && named(o) == named(&shut));
                let shut = Obstacle { change: format!("without it, and {rest}"), ..shut };
                (Some(shut).filter(|_| !told), and)
            }
            None if at_once => {
                let shut = self.shut(group, free, own);
                let change = format!("{}, and {rest}", shut.change);
                (Some(Obstacle { change, ..shut }), ", and that with a window before it".into())
            }
            _ => return Vec::new(),
        };
        for o in &mut bound[last..] {
            o.change = format!("{rest}{and}");
        }
        first.into_iter().chain(bound).collect()
    }

    /// What keeps the turn of a cohort from being earlier: that of the one before it, or what the first of all wait for.
    /// `alone`: its windows would let it begin earlier.
    fn order(&self, cohort: u16, its: Time, group: u32, alone: bool) -> Vec<Obstacle> {
        let parts = &self.campaign.parts[..usize::from(cohort).min(self.campaign.parts.len())];
        let earlier = parts.iter().rev().find(|p| p.done.is_some());
        let Some((before, done)) = earlier.and_then(|p| p.done.map(|done| (p, done))) else {
            let Some(pods) = self.pods.filter(|pods| pods.asked < its) else { return Vec::new() };
            let text = format!("the new pods of {} are not warm before {}", pods.service, Instant(its));
            let warm = obstacle(Cause::WarmUp, text, "a shorter `warmup` of the policy".into());
            return pods.late.iter().cloned().chain([warm]).collect();
        };
        let view = self.view(group);
        let change = match !alone || view.earliest_fit(done, self.ask.needs).is_some_and(|at| at < its) {
            true => format!("a shorter `bake` of {}, or an earlier end of it", before.name),
            false => format!("an earlier end of {}", before.name),
        };
        let name = self.cohort(cohort).map_or("", |c| &c.name);
        let text = format!("{} goes before {name}: done {}, bakes {}", before.name, shown(&view, done), before.bake);
        vec![obstacle(Cause::Cohort, text, change)]
    }

    /// Its windows alone, whatever rules them out.
    fn bare(&self, group: u32) -> Rules {
        Rules { windows: self.groups.allowed[index(group)].rules.windows.clone(), ..Rules::default() }
    }

    /// The first fit from an instant on by its windows alone.
    fn bare_fit(&self, group: u32, from: Time) -> Option<Time> {
        let rules = self.bare(group);
        View { clock: self.view(group).clock, rules: &rules }.earliest_fit(from, self.ask.needs)
    }

    /// Which rule keeps it shut from its turn to the first fit.
    fn shut(&self, group: u32, turn: Time, fit: Option<Time>) -> Obstacle {
        let (view, needs) = (self.view(group), self.ask.needs);
        // If windows alone would have allowed it before, something that rules them out is the reason.
        match self.bare_fit(group, turn) {
            None => obstacle(
                Cause::Time,
                format!("{needs} are needed, and no window within {LOOK} is as long"),
                "a longer window, or work that takes less time".into(),
            ),
            Some(at) if at > self.ask.limit => {
                let text = format!("its next window opens {}, and {LOOK} are looked ahead", shown(&view, at));
                obstacle(Cause::Window, text, "a plan that is made nearer to it".into())
            }
            Some(at) if fit.is_none_or(|fit| at < fit) => self.ruled_out(group, at, fit),
            Some(at) => {
                let closures = &self.groups.allowed[index(group)].closures;
                let reasons = explain(&view, closures, turn, Some(needs));
                let window = reasons.into_iter().find(|r| r.rule == Rule::Window && !r.allows);
                let text = window.map_or_else(|| "too little of the window is left".into(), |r| r.text);
                obstacle(Cause::Window, text, format!("a window before {}", shown(&view, at)))
            }
        }
    }

    /// A window would let it at this instant, and a rule does not: which, and what comes of it without that.
    fn ruled_out(&self, group: u32, at: Time, fit: Option<Time>) -> Obstacle {
        let (view, needs) = (self.view(group), self.ask.needs);
        let allowed = &self.groups.allowed[index(group)];
        let reason = explain(&view, &allowed.closures, at, Some(needs)).into_iter().find(|r| !r.allows);
        // It is open, and something closes it too soon.
        let closes = || view.closes_after(at, at + LOOK).unwrap_or(at);
        let (rule, text, shut) = match reason {
            Some(r) if r.rule != Rule::Time => (r.rule, r.text, at),
            _ => {
                let closed = closes();
                let then = explain(&view, &allowed.closures, closed, None).into_iter().find(|r| !r.allows);
                let then = then.filter(|r| r.rule != Rule::Window);
                let text = |r: &super::Reason| format!("open for less than {needs} before {}", r.text);
                then.map_or((Rule::Time, "what is left of the window is too short".into(), closed), |r| {
                    (r.rule, text(&r), closed)
                })
            }
        };
        let rules = without(allowed, &view, rule, shut);
        let alone = View { clock: view.clock, rules: &rules }.earliest_fit(at.min(shut), needs);
        let helps = alone.is_some_and(|alone| alone <= self.ask.limit && fit.is_none_or(|fit| alone < fit));
        // When it would begin then nobody knows: without it others of the line go at other times, too.
        let by = fit.map_or_else(|| format!("within {LOOK}"), |fit| format!("before {}", shown(&view, fit)));
        let room = match rule {
            Rule::Time | Rule::Window => format!("a window of {needs} {by}"),
            _ => format!("a {} that leaves {needs} of a window {by}", rule.name()),
        };
        let change = if helps { room } else { format!("{room}, and the same of what else is closed then") };
        obstacle(rule.into(), text, change)
    }
}

/// What keeps it shut. Where that began before its turn and says so already, it alone is the reason, whatever date is asked
/// for in it.
fn once(found: &mut Vec<Obstacle>, shut: Obstacle) {
    if found.first().is_some_and(|first| (first.cause, &first.text) == (shut.cause, &shut.text)) {
        found.clear();
    }
    found.push(shut);
}

/// A closing's name, whichever clock its end is told by.
fn named(o: &Obstacle) -> &str {
    o.text.rsplit_once(": ").map_or(&o.text, |(name, _)| name)
}

/// A tenant's rules without those of a kind that hold at an instant.
pub(super) fn without(allowed: &Allowed, view: &View<'_>, rule: Rule, at: Time) -> Rules {
    let today = view.clock.date(at.0);
    let mut rules = Rules { windows: allowed.rules.windows.clone(), ..Rules::default() };
    rules.seasons =
        allowed.rules.seasons.iter().filter(|s| rule != Rule::Season || !s.forbids(today)).copied().collect();
    rules.excluded = allowed.own.iter().filter(|d| rule != Rule::Blackout || !d.holds(today)).copied().collect();
    for closure in allowed.closures.iter().filter(|c| c.rule != rule || !c.holds(at, today)) {
        match closure.extent {
            Extent::Local(dates) => rules.excluded.push(dates),
            Extent::Between(from, to) => rules.closed.push((from, to)),
        }
    }
    rules.tidy()
}

/// A few names, and how many there are besides: `acme, lumen, fjord and 12 more`.
pub fn few<'n>(mut names: impl Iterator<Item = &'n str>) -> String {
    let first: Vec<&str> = names.by_ref().take(NAMED).collect();
    and_more(first.join(", "), names.count())
}

fn and_more(names: String, more: usize) -> String {
    if more == 0 { names } else { format!("{names} and {more} more") }
}

fn index(n: u32) -> usize {
    usize::try_from(n).unwrap_or(0)
}

fn shown(view: &View<'_>, at: Time) -> String {
    view.clock.read(at)
}
