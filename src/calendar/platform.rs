//! When a run that all tenants share may go on: in any slot of the Calendar, less what is closed for everybody.
//!
//! Slots may have zones of their own; touching ones are one window. A Calendar without slots is open whenever nothing is
//! closed.
use super::book::{Allowed, Book};
use super::reasons::{Cause, Obstacle, without};
use super::why::{Reason, Rule, explain, said};
use super::window::{LOOK, Rules, View};
use super::zone::ZoneClock;
use crate::spec::calendar::{CalendarSpec, Slot};
use crate::spec::ics::IcsFile;
use crate::spec::tenants::Hemisphere;
use crate::spec::units::{Dur, Time};
use crate::spec::when::{Clock, DAY, Date, Weekday};

/// The platform's window as it is around one instant.
pub struct Platform {
    slots: Vec<(ZoneClock, Allowed)>,
    /// The Calendar's own.
    clock: ZoneClock,
    always: bool,
    /// So far is looked ahead from the moment of the question.
    limit: Time,
}

impl Platform {
    /// For a run of these services, good for questions about `now` and [`LOOK`] ahead.
    pub fn of(calendar: &CalendarSpec, ics: &[IcsFile], services: &[&str], now: Time) -> Platform {
        let book = Book::new(calendar, ics, now);
        let deployed = |name: &str| services.contains(&name);
        let always = calendar.slots.is_empty();
        let whole = [always_open(calendar)];
        let slots = if always { &whole[..] } else { &calendar.slots };
        let ready = |slot: &Slot| (super::clock(slot.zone, now), book.slot_for(slot, &deployed));
        let (slots, clock) = (slots.iter().map(ready).collect(), super::clock(calendar.zone, now));
        Platform { slots, clock, always, limit: now + LOOK }
    }

    /// So far is looked ahead: [`LOOK`] from the moment of the question, whatever is waited for before.
    pub fn limit(&self) -> Time {
        self.limit
    }

    fn views(&self) -> impl Iterator<Item = View<'_>> {
        self.slots.iter().map(|(clock, allowed)| View { clock, rules: &allowed.rules })
    }

    pub fn open(&self, at: Time) -> bool {
        self.views().any(|view| view.in_window(at))
    }

    /// At `open` it is open: when it closes; nothing when that is not within [`LOOK`].
    pub fn closes_after(&self, open: Time) -> Option<Time> {
        let limit = open + LOOK;
        let mut at = open;
        loop {
            // The open slot that lasts longest; where it ends another may go on.
            let ends = self.views().filter(|view| view.in_window(at)).map(|view| view.closes_after(at, limit));
            let end = ends.max_by_key(|end| end.map_or(i64::MAX, |t| t.0))??;
            if !self.open(end) {
                return Some(end);
            }
            at = end;
        }
    }

    /// At `closed` it is not open: when it opens; nothing when that is not within [`LOOK`].
    pub fn opens_after(&self, closed: Time) -> Option<Time> {
        self.views().filter_map(|view| view.opens_after(closed, closed + LOOK)).min()
    }

    /// The earliest instant from `from` on, at most [`LOOK`] after the moment of the question, from which it stays open for
    /// `needs`.
    pub fn earliest_fit(&self, from: Time, needs: Dur) -> Option<Time> {
        if from > self.limit {
            return None;
        }
        let mut start = if self.open(from) { from } else { self.opens_after(from)? };
        while start <= self.limit {
            match self.closes_after(start) {
                Some(end) if end.since(start) < needs => start = self.opens_after(end)?,
                _ => return Some(start),
            }
        }
        None
    }

    /// Where nothing fits from `from` on: what stands against it, and what to do about it.
    pub fn against(&self, from: Time, needs: Dur) -> (String, String) {
        if from > self.limit {
            let text = format!("that is {}, and {LOOK} are looked ahead", self.read(from));
            return (text, "ask again nearer to it".into());
        }
        let closed = self.bare().earliest_fit(from, needs).map(|at| self.closed_from(at));
        match closed {
            Some(at) => {
                let why = self.why(at);
                let change = format!("let the {} leave {needs} of it open", why.rule.name());
                (format!("{}: {}", why.rule.name(), why.text), change)
            }
            None => (
                format!("no slot of the Calendar is as long: {}", self.said().join("; ")),
                "make a slot of the Calendar longer, or the steps of the policy shorter".into(),
            ),
        }
    }

    /// Something that needs so much could go on at `from`, and fits at `fit` only: what stands against an earlier time, and
    /// what would have to change. `since`: from when on this platform alone said when `from` is; without it something else
    /// did, and nobody knows what that would be under other rules.
    pub fn late(&self, (since, from): (Option<Time>, Time), fit: Time, needs: Dur) -> Obstacle {
        let bare = self.bare();
        let Some(at) = bare.earliest_fit(from, needs).filter(|at| *at < fit) else {
            let slots = self.said().join("; ");
            let text = match bare.open(from) {
                true => format!("slots {slots}, and less than {needs} of them is left"),
                false => format!("slots {slots}"),
            };
            return Obstacle { cause: Cause::Window, text, change: format!("a slot before {}", self.read(fit)) };
        };
        let closed = self.closed_from(at);
        let why = self.ruled_out(closed).unwrap_or_else(|| self.why(closed));
        let rest =
            self.with(|clock, allowed| without(allowed, &View { clock, rules: &allowed.rules }, why.rule, closed));
        // What went before may have waited for the same: then it would have been done earlier without it.
        let known = |other: &Platform| since.is_some_and(|since| self.agrees(other, since, from));
        let change = match rest.earliest_fit(at.min(closed), needs).filter(|alone| *alone < fit) {
            Some(alone) if known(&rest) => format!("without it: {}", self.read(alone)),
            Some(_) => "without it".into(),
            None if known(&bare) => format!("without it and what else is closed then: {}", self.read(at)),
            None => "without it and what else is closed then".into(),
        };
        Obstacle { cause: why.rule.into(), text: why.text, change }
    }

    /// Whether both are open at the same instants from one to another, but for a stretch up to the last in which nothing
    /// could begin here.
    fn agrees(&self, other: &Platform, from: Time, to: Time) -> bool {
        let turn = |p: &Platform, at: Time| if p.open(at) { p.closes_after(at) } else { p.opens_after(at) };
        let mut at = from;
        while at < to {
            if self.open(at) != other.open(at) {
                return !self.open(at) && self.opens_after(at).is_none_or(|opens| opens >= to);
            }
            let next = [turn(self, at), turn(other, at)].into_iter().flatten().min();
            at = next.unwrap_or(to);
        }
        true
    }

    /// The same slots by other rules.
    fn with(&self, rules: impl Fn(&ZoneClock, &Allowed) -> Rules) -> Platform {
        let of = |(clock, allowed): &(ZoneClock, Allowed)| {
            (clock.clone(), Allowed { rules: rules(clock, allowed), ..allowed.clone() })
        };
        let slots = self.slots.iter().map(of).collect();
        Platform { slots, clock: self.clock.clone(), always: self.always, limit: self.limit }
    }

    /// The slots alone, whatever rules them out.
    fn bare(&self) -> Platform {
        self.with(|_, allowed| Rules { windows: allowed.rules.windows.clone(), ..Rules::default() })
    }

    /// The first instant from `at` on at which it is closed.
    fn closed_from(&self, at: Time) -> Time {
        if self.open(at) { self.closes_after(at).unwrap_or(at) } else { at }
    }

    /// What rules out the slot that is open at an instant by its own times.
    fn ruled_out(&self, closed: Time) -> Option<Reason> {
        self.slots.iter().find_map(|(clock, allowed)| {
            let view = View { clock, rules: &allowed.rules };
            let reasons = explain(&view, &allowed.closures, closed, None);
            reasons.into_iter().filter(|_| view.in_a_window(closed)).find(|reason| !reason.allows)
        })
    }

    /// Which rule stands against it at an instant at which it is closed. Of several slots the one that opens first is
    /// the one that is waited for.
    pub fn why(&self, closed: Time) -> Reason {
        let next = |view: &View<'_>| view.opens_after(closed, closed + LOOK).map_or(i64::MAX, |t| t.0);
        let waited = self.slots.iter().min_by_key(|(clock, allowed)| next(&View { clock, rules: &allowed.rules }));
        let found = waited.and_then(|(clock, allowed)| {
            let view = View { clock, rules: &allowed.rules };
            explain(&view, &allowed.closures, closed, None).into_iter().find(|reason| !reason.allows)
        });
        found.unwrap_or_else(|| Reason { rule: Rule::Window, allows: false, text: "no slot is open".into() })
    }

    /// The slots in words, such as `Tue 10:00-14:00 Europe/Berlin`; nothing when there are none to keep to.
    pub fn said(&self) -> Vec<String> {
        let slots = self.slots.iter().filter(|_| !self.always);
        let one = |(clock, allowed): &(ZoneClock, Allowed)| {
            let windows: Vec<String> = allowed.rules.windows.iter().map(said).collect();
            format!("{} {}", windows.join(", "), clock.zone())
        };
        slots.map(one).collect()
    }

    /// An instant as the Calendar's zone reads it, such as `Tue 2026-11-24 14:00 CET`.
    pub fn read(&self, at: Time) -> String {
        self.clock.read(at)
    }

    /// When a date of the Calendar's zone begins.
    pub fn begins(&self, date: Date) -> Time {
        Time(self.clock.first_at(i64::from(date.0) * DAY))
    }
}

/// A slot that is open on every day, all day, in a Calendar that has none.
fn always_open(calendar: &CalendarSpec) -> Slot {
    Slot {
        name: String::new(),
        zone: calendar.zone,
        days: Weekday::ALL.into_iter().collect(),
        start: Clock::MIDNIGHT,
        end: Clock::MIDNIGHT,
        why: None,
        seasons: Vec::new(),
        hemisphere: Hemisphere::North,
        exclude: Vec::new(),
        not_on_holidays: false,
    }
}

#[cfg(test)]
#[path = "platform_tests.rs"]
mod tests;
