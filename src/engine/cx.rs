//! What one step of the engine carries around: the run, the effects so far, and when to wake.
use super::effect::{Action, Call, Effect, Event, EventKind, Page};
use super::run::{AskKind, Driving, EVENTS_KEPT, InFlight, PAGES_KEPT, Phase, Run, Track};
use crate::plan::Planned;
use crate::spec::units::{Dur, Time};

pub(super) const ENGINE: &str = "engine";
/// The same write is sent again no sooner: should what is seen never become what is written, it is not tried without a pause.
const REPEAT: Dur = Dur::secs(2);

pub(super) struct Cx<'a> {
    pub run: &'a mut Run,
    pub now: Time,
    out: Vec<Effect>,
    wake: Option<Time>,
}

impl<'a> Cx<'a> {
    pub fn new(run: &'a mut Run) -> Cx<'a> {
        let now = run.now.wall;
        Cx { run, now, out: Vec::new(), wake: None }
    }

    /// The effects of this step, with at most one wake-up, last.
    pub fn finish(mut self) -> Vec<Effect> {
        if let Some(at) = self.wake {
            self.out.push(Effect::WakeAt(at));
        }
        self.out
    }

    pub fn emit(&mut self, effect: Effect) {
        self.out.push(effect);
    }

    pub fn wake_at(&mut self, at: Time) {
        if at > self.now {
            self.wake = Some(self.wake.map_or(at, |w| w.min(at)));
        }
    }

    pub fn event(&mut self, kind: EventKind, who: &str, service: Option<&str>, text: impl Into<String>) {
        let event =
            Event { at: self.now, kind, who: who.into(), service: service.map(String::from), text: text.into() };
        self.run.event_count += 1;
        self.run.events.push_front(event.clone());
        self.run.events.truncate(EVENTS_KEPT);
        self.out.push(Effect::Record(event));
    }

    /// Tells somebody. Until a pager is configured this is an event and an entry on the screen.
    pub fn page(&mut self, service: Option<&str>, text: impl Into<String>) {
        let page = Page {
            id: self.run.next_page,
            at: self.now,
            service: service.map(String::from),
            text: text.into(),
            acked_by: None,
        };
        self.run.next_page += 1;
        self.event(EventKind::Page, ENGINE, service, page.text.clone());
        self.run.pages.push(page.clone());
        while self.run.pages.len() > PAGES_KEPT {
            let seen = self.run.pages.iter().position(|p| p.acked_by.is_some());
            self.run.pages.remove(seen.unwrap_or(0));
        }
        self.out.push(Effect::Page(page));
    }

    /// Asks for one write, unless one is in flight for this service, one failed a moment ago, or this process may not
    /// write. Level-triggered callers simply ask again at the next pass.
    pub fn call(&mut self, t: &mut Track, action: Action, why: impl Into<String>) {
        if t.call.is_some() {
            return;
        }
        let Driving::Yes { epoch } = self.run.driving else { return };
        if let Some(fault) = &t.fault
            && fault.retry_at > self.now
        {
            self.wake_at(fault.retry_at);
            return;
        }
        if let Some((same, at)) = &t.last_write
            && *same == action
            && self.now.since(*at) < REPEAT
        {
            self.wake_at(*at + REPEAT);
            return;
        }
        // An unwritable journal forbids new risk; going back is always allowed.
        if self.run.journal.down.is_some() && !action.lowers_risk() {
            return;
        }
        let call = Call { key: self.run.next_key, epoch, service: t.service.clone(), action, why: why.into() };
        self.run.next_key += 1;
        t.call = Some(InFlight { call: call.clone(), since: self.now });
        self.out.push(Effect::Call(call));
    }

    /// Moves a track to its next phase, booking the time spent in the old one.
    pub fn enter(&mut self, t: &mut Track, phase: Phase, text: impl Into<String>) {
        let spent = self.now.since(t.since);
        t.durations.push((t.phase.word().to_string(), spent));
        let kind = match &phase {
            p if p.going_back() => EventKind::Rollback,
            Phase::RolledBack { .. } => EventKind::Rollback,
            _ => EventKind::Step,
        };
        t.phase = phase;
        t.since = self.now;
        t.unready_since = None;
        t.stood = Dur::ZERO;
        // Questions about a step are over with it.
        t.close(&[AskKind::TooFew, AskKind::LongStep, AskKind::Missing]);
        let text = text.into();
        if !text.is_empty() {
            let service = t.service.clone();
            self.event(kind, ENGINE, Some(&service), text);
        }
    }
}

/// New pods that must be ready before the new version gets `weight` per cent: ceil(w × R0), at least 1, 2 if critical;
/// all of R0 at 100.
pub(super) fn capacity(planned: &Planned, r0: u32, weight: u32) -> u32 {
    let share = (u64::from(r0) * u64::from(weight)).div_ceil(100) as u32;
    let least = if planned.service.critical { 2 } else { 1 };
    share.max(least)
}

/// Waiting time before try number `attempts + 1`: 0.5 s doubling to 10 s, with up to a quarter taken off, drawn from
/// the call's key so that a replay waits alike.
pub(super) fn backoff(attempts: u32, key: u64) -> Dur {
    let base = 500u64.saturating_mul(1 << attempts.min(5)).min(10_000);
    // Knuth's multiplicative hash spreads neighbouring keys.
    let jitter = (key.wrapping_mul(2_654_435_761) >> 7) % 256;
    Dur(base - base * jitter / 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_stays_between_half_a_second_and_ten() {
        for attempts in 0..40 {
            for key in 0..200 {
                let d = backoff(attempts, key);
                assert!((375..=10_000).contains(&d.0), "{attempts} {key} {d}");
            }
        }
        assert!(backoff(0, 1) < backoff(6, 1));
    }
}
