//! The Calendar's answer to whose turn it is among a service's tenants.
use std::collections::BTreeMap;

use super::moves::{Next, Place, went_back};
use super::run::{Run, Track};
use crate::calendar::turn::{Ask, Candidate, State, Turn, Why, next};
use crate::calendar::{Book, Groups, LOOK, Rule, View, ZoneClock, clock, explain, said};
use crate::plan::{Move, Phased, When};
use crate::spec::calendar::CalendarSpec;
use crate::spec::units::{Dur, Time};
use crate::spec::when::DAY;

/// An answer that does not run out is asked for again after this, well within what a look sees ahead.
const LOOK_AGAIN: Dur = Dur::hours(24 * 30);

pub(super) enum Found {
    Move(String),
    Next(Next),
}

/// Clocks and rules of all moves, each different one once.
struct Views {
    groups: Groups,
    /// Where the rules of a move begin.
    first: Vec<usize>,
}

impl Views {
    fn of(book: &Book<'_>, moves: &[Move], now: Time) -> Views {
        let groups = book.groups(moves.iter().flat_map(|m| &m.binds), now);
        let mut first = vec![0];
        for m in moves {
            first.push(first.last().copied().unwrap_or(0) + m.binds.len());
        }
        Views { groups, first }
    }

    fn groups(&self, index: usize) -> Vec<usize> {
        let of = |place: usize| self.first.get(place).copied().unwrap_or(0);
        let groups = self.groups.of.get(of(index)..of(index + 1)).unwrap_or_default();
        let mut groups: Vec<usize> = groups.iter().filter_map(|g| usize::try_from(*g).ok()).collect();
        groups.sort_unstable();
        groups.dedup();
        groups
    }

    fn get(&self, index: usize) -> Vec<View<'_>> {
        self.groups(index).into_iter().map(|g| self.groups.view(g)).collect()
    }

    /// What closes a move now, the first by precedence; nothing when it is open.
    fn closed(&self, index: usize, now: Time) -> Option<String> {
        let reasons = self.groups(index).into_iter().filter_map(|g| {
            let (view, allowed) = (self.groups.view(g), self.groups.allowed.get(g)?);
            let reason = explain(&view, &allowed.closures, now, None).into_iter().find(|r| !r.allows)?;
            let windows: Vec<String> = view.rules.windows.iter().map(said).collect();
            let text = match reason.rule {
                Rule::Window => format!("outside of its window {} {}", windows.join(", "), view.clock.zone()),
                rule => format!("{}: {}", rule.name(), reason.text),
            };
            Some((reason.rule, text))
        });
        reasons.min_by_key(|(rule, _)| *rule).map(|(_, text)| text)
    }
}

/// Whose turn it is at `now`, and how long that holds.
pub(super) fn look(run: &Run, t: &Track, phased: &Phased, now: Time) -> (Found, Time) {
    let Some(When { calendar, ics, .. }) = run.plan.when.as_ref() else { return (Found::Next(Next::Left), now) };
    let spec = &calendar.spec;
    let book = Book::new(spec, ics, now);
    let views = Views::of(&book, &phased.moves, now);
    let days = clock(spec.zone, now);
    let elsewhere = begun_elsewhere(run, t);
    let rank = |cohort: &str| spec.cohorts.iter().position(|c| c.name == cohort).unwrap_or(0);
    let others = elsewhere.iter().filter(|(name, _)| phased.get(name).is_none());
    let others: Vec<(usize, Vec<Time>)> = others.map(|(_, (cohort, begun))| (rank(cohort), begun.clone())).collect();
    let list: Vec<Candidate<'_>> = phased
        .moves
        .iter()
        .enumerate()
        .map(|(i, m)| Candidate {
            cohort: rank(&m.cohort),
            preferred: preferred(m, &views.get(i)),
            views: views.get(i),
            state: state(run, t, m),
            elsewhere: elsewhere.get(m.name.as_str()).map(|(_, begun)| begun.clone()).unwrap_or_default(),
        })
        .collect();
    let policy = &run.plan.policy;
    let ask = Ask {
        now,
        needs: phased.needs(policy),
        cohorts: &spec.cohorts,
        days: &days,
        rollbacks: u32::try_from(went_back(run, t).len()).unwrap_or(u32::MAX),
        stop_after: spec.stop_after_rollbacks,
        others: &others,
    };
    let name = |i: usize| phased.moves.get(i).map_or_else(String::new, |m| m.name.clone());
    let far = now + LOOK_AGAIN;
    let until_far = |next| (Found::Next(next), far);
    match next(&ask, &list) {
        Turn::Move(i) => (Found::Move(name(i)), now),
        Turn::Over => until_far(Next::Over),
        Turn::Stopped => until_far(Next::Stopped),
        Turn::Left => until_far(Next::Left),
        Turn::Wait { until, who, why } => {
            let its = list.get(who).and_then(|c| c.views.first()).map_or(&days, |view| view.clock);
            let words = until.map_or_else(|| "when somebody lifts that".into(), |at| its.read(at));
            let closed = views.closed(who, now);
            let closed =
                closed.unwrap_or_else(|| format!("its window is too short now for the {} it needs", ask.needs));
            let why = reason(run, spec, why, &name(who), closed);
            let again = until.unwrap_or(far).min(far);
            (Found::Next(Next::Wait { name: name(who), until, said: words, why }), again)
        }
    }
}

/// Who has begun to move in other services, of which cohort, and when: a cap is a day's of the whole run.
fn begun_elsewhere<'r>(run: &'r Run, t: &Track) -> BTreeMap<&'r str, (&'r str, Vec<Time>)> {
    let mut all: BTreeMap<&str, (&str, Vec<Time>)> = BTreeMap::new();
    for other in run.tracks.values().filter(|o| o.service != t.service) {
        let Some(phased) = run.plan.get(&other.service).and_then(|p| p.phased.as_ref()) else { continue };
        for (name, begun) in &other.moves.begun {
            if let Some(m) = phased.get(name) {
                all.entry(name).or_insert((&m.cohort, Vec::new())).1.push(begun.begun);
            }
        }
    }
    all
}

fn state(run: &Run, t: &Track, m: &Move) -> State {
    let begun = t.moves.begun.get(&m.name);
    match begun.map(|b| (b.begun, &b.place)) {
        Some((begun, Place::Moved { at, .. })) => State::Done { begun, at: *at },
        Some((begun, _)) => State::Back { begun },
        None => match run.kept.get(&m.name) {
            None => State::Waits,
            Some(kept) if kept.stays().any(|s| s.until.is_none()) => State::PutOff(None),
            Some(kept) => match kept.stays().filter_map(|s| s.until).max() {
                Some(until) => State::PutOff(Some(until)),
                None => State::Waits,
            },
        },
    }
}

/// When the last of the preferred dates begins, each in its tenant's zone.
fn preferred(m: &Move, views: &[View<'_>]) -> Option<Time> {
    let dates = m.binds.iter().filter_map(|b| Some((b.zone, b.preferred_date?)));
    let begins = dates.map(|(zone, date)| {
        let of_zone = views.iter().find(|v| v.clock.zone() == zone).or(views.first());
        of_zone.map(|v| Time(v.clock.first_at(i64::from(date.0) * DAY)))
    });
    begins.flatten().max()
}

/// Why not earlier; `closed` is what the Calendar says of its window.
fn reason(run: &Run, spec: &CalendarSpec, why: Why, name: &str, closed: String) -> String {
    match why {
        Why::Bake(cohort) => {
            let cohort = spec.cohorts.get(cohort);
            let (name, bake) = cohort.map_or(("", Dur::ZERO), |c| (c.name.as_str(), c.bake));
            format!("{name} bakes for {bake} before the next cohort")
        }
        Why::PerDay(n) => format!("{n} of its cohort were begun today, as many as a day allows"),
        Why::Preferred => "not before the date it prefers".into(),
        Why::PutOff => {
            let stay = run.kept.get(name).and_then(|k| k.stays().next().map(|s| (s, k.frozen.is_some())));
            stay.map_or_else(String::new, |(s, frozen)| s.said(if frozen { "frozen" } else { "put off" }))
        }
        Why::Window => closed,
    }
}

/// When the window of a move that begins now closes, and how its own clock says it.
pub(super) fn closes(run: &Run, m: &Move, now: Time) -> (Option<Time>, String) {
    let Some(When { calendar, ics, .. }) = run.plan.when.as_ref() else { return (None, String::new()) };
    let book = Book::new(&calendar.spec, ics, now);
    let views = Views::of(&book, std::slice::from_ref(m), now);
    let ends = views.get(0).into_iter().filter_map(|v| Some((v.next_end(now)?, v.clock.clone())));
    let first: Option<(Time, ZoneClock)> = ends.min_by_key(|(end, _)| *end);
    match first {
        Some((end, clock)) => (Some(end), format!("until {}", clock.read(end))),
        None => (None, format!("for {LOOK} and more")),
    }
}
