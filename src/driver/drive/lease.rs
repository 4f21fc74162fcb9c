//! The lease the loop lives by, and the time it did not live in.
use super::super::effects::{Answer, of_before};
use super::{Driver, LEASE_EVERY};
use crate::engine::message::{Body, LeaseSeen};
use crate::spec::units::{Dur, Time};

/// Nothing is written under a lease whose last good renewal was sent longer ago than this; others wait for 15 s.
const LEASE_GOOD: Dur = Dur::secs(10);
/// Wall and monotonic time may differ by this much between two messages; a clock that is slewed stays far below it.
const JUMP: i64 = 1_000;
/// Between two looks of the loop, which renews the lease every 2 s: longer than this, and the process stood still.
const STOOD_STILL: u64 = 10_000;

impl Driver {
    pub(super) async fn renew_if_due(&mut self) {
        let now = self.world.clock.now().wall;
        if now < self.lease_due || self.lease_asked.is_some() {
            return;
        }
        self.lease_due = now + LEASE_EVERY;
        self.lease_sent = now;
        if self.world.clock.is_virtual() {
            let seen = self.world.lease.renew(now).await;
            self.lease_seen(seen);
            return;
        }
        self.renewals += 1;
        let number = self.renewals;
        self.lease_asked = Some(number);
        let (lease, results) = (self.world.lease.clone(), self.results_in.clone());
        tokio::spawn(async move {
            let seen = lease.renew(now).await;
            let _ = results.send(Answer::Lease(number, seen)).await;
        });
    }

    pub(super) fn nothing_new(&self, seen: &LeaseSeen) -> bool {
        let LeaseSeen::Held { epoch } = seen else { return false };
        self.run.driving.epoch() == Some(*epoch) && self.run.lease_down.is_none()
    }

    pub(super) fn note_renewal(&mut self, seen: &LeaseSeen) {
        if matches!(seen, LeaseSeen::Held { .. }) {
            self.lease_good = Some(self.lease_sent);
        }
    }

    /// When the lease stops being good, while this process drives.
    pub(super) fn lapses(&self) -> Option<Time> {
        self.run.driving.epoch().and(self.lease_good).map(|sent| sent + LEASE_GOOD)
    }

    /// A renewal that changes nothing is no message: it would fill the inbox with nothing.
    fn lease_seen(&mut self, seen: LeaseSeen) {
        self.note_renewal(&seen);
        if self.nothing_new(&seen) {
            self.run.cluster.last_ok = Some(self.world.clock.now().wall);
        } else {
            self.queue.push_back(Body::Lease(seen));
        }
    }

    /// A clock that was set, a machine that slept, or a process that was stopped: the engine hears of it before anything
    /// else, and whatever this loop waits for by that clock is due now. Without this a clock set back would leave the lease
    /// to run out.
    pub(super) fn notice_jump(&mut self) -> bool {
        let at = self.world.clock.now();
        let last = self.last.replace(at).unwrap_or(at);
        let stood = if self.world.clock.is_virtual() { 0 } else { at.mono.saturating_sub(last.mono) };
        let by = (at.wall.0 - last.wall.0) - (at.mono as i64 - last.mono as i64);
        let jumped = by.abs() > JUMP;
        if !jumped && stood <= STOOD_STILL {
            return false;
        }
        self.lease_due = at.wall;
        (self.synced, self.rewatch, self.link, self.lease_asked) = (false, true, None, None);
        self.queue.retain(|b| !of_before(b));
        self.journal_due = self.journal_due.map(|_| at.wall);
        if jumped {
            self.leave_at.iter_mut().for_each(|(due, _)| due.0 += by);
            self.lease_good.iter_mut().for_each(|sent| sent.0 += by);
            self.step(at, Body::ClockJumped(by));
        }
        if stood > STOOD_STILL {
            self.step(at, Body::StoodStill(Dur(stood)));
        }
        true
    }
}
