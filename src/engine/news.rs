//! Which of two pictures of an object is the newer one. A watch may lag behind the answer to our own write, so a picture of an
//! older generation is no news; unless the cluster was set back, from a backup of its etcd, and the older one is the truth.
use super::observe::{RouteSeen, Slot, WorkloadSeen};
use super::run::{Run, Track};
use crate::spec::units::{Dur, Time};

/// A watch that lags behind the answer to a write catches up within this.
const LAG: Dur = Dur::secs(30);

/// Where a picture comes from.
#[derive(Clone, Copy)]
pub(super) enum From {
    /// A watch; `anew` while everything is being read for the first time.
    Watch { anew: bool, now: Time },
    /// The answer to a write that was sent then.
    Answer { sent: Time },
}

impl From {
    /// A picture of an older generation is believed all the same.
    fn believed(self, t: &Track) -> bool {
        match self {
            From::Watch { anew, now } => anew || t.answered.is_none_or(|at| now.since(at) >= LAG),
            From::Answer { sent } => t.watched.is_none_or(|at| at < sent),
        }
    }

    fn book(self, t: &mut Track) {
        if let From::Watch { now, .. } = self {
            t.watched = Some(now);
        }
    }
}

pub(super) fn workload(t: &mut Track, w: &WorkloadSeen, from: From) {
    let known = match w.slot {
        Slot::Stable => &t.stable,
        Slot::Next => &t.next,
    };
    let of = |w: &WorkloadSeen| w.deployment.as_ref().map(|d| (d.uid.clone(), d.generation));
    if let Some((uid, was)) = known.as_ref().and_then(of)
        && let Some((same, is)) = of(w)
        && is < was
        && uid == same
        && !from.believed(t)
    {
        return;
    }
    from.book(t);
    match w.slot {
        Slot::Stable => t.stable = Some(w.clone()),
        Slot::Next => t.next = Some(w.clone()),
    }
}

pub(super) fn route(t: &mut Track, r: &RouteSeen, from: From) {
    if let Some(old) = &t.route
        && r.generation < old.generation
        && r.weights.is_some()
        && old.uid == r.uid
        && !from.believed(t)
    {
        return;
    }
    from.book(t);
    t.route = Some(r.clone());
}

/// Everything is read anew: what came before says nothing of what is newer.
pub(super) fn forget(run: &mut Run) {
    for t in run.tracks.values_mut() {
        (t.answered, t.watched, t.last_write) = (None, None, None);
    }
}
