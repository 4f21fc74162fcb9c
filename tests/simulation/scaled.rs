//! Somebody scales a version by hand: what was taken away under traffic is given back, and people are told.
use pilothouse::engine::observe::Slot;
use pilothouse::engine::run::{Phase, Run, Settling, Track};
use pilothouse::spec::units::{Dur, Time};

use super::faults::START;
use super::laws::{Laws, needed};
use super::world::State;

/// To so many pods, once the version is there.
#[derive(Debug, Clone)]
pub struct Scaled {
    pub service: String,
    pub at: Dur,
    pub slot: Slot,
    pub pods: u32,
}

/// What is decided and what is written may be this far apart.
const AT_ONCE: Dur = Dur::secs(3);
/// Pods that were made again are ready by then.
const BOOT: Dur = Dur::secs(10);
/// Time for a look, a write, and a write that is tried again.
const PATIENCE: Dur = Dur::secs(30);

/// One version that a hand left with other pods than it had.
#[derive(Debug, Clone)]
struct Edit {
    service: String,
    slot: Slot,
    since: Time,
    /// It has had what it must have since then.
    mended: Option<Time>,
    /// Somebody had to be told.
    matters: bool,
}

#[derive(Debug, Default)]
pub struct Hands(Vec<Edit>);

impl Hands {
    fn of(&self, service: &str, slot: Slot) -> impl Iterator<Item = &Edit> {
        self.0.iter().filter(move |e| e.service == service && e.slot == slot)
    }

    /// Pods are missing that somebody took away, or not ready again yet.
    pub fn excuse(&self, service: &str, slot: Slot, now: Time) -> bool {
        self.of(service, slot).any(|e| e.mended.is_none_or(|at| now.since(at) <= BOOT))
    }

    pub fn any(&self, slot: Slot, now: Time) -> bool {
        self.0.iter().any(|e| e.slot == slot && e.mended.is_none_or(|at| now.since(at) <= BOOT))
    }

    /// Nobody who decided could have seen it.
    pub fn just_now(&self, service: &str, slot: Slot, now: Time) -> bool {
        self.of(service, slot).any(|e| now.since(e.since) <= AT_ONCE)
    }

    /// It has stood for longer than a look takes.
    pub fn stand(&self, service: &str, slot: Slot, now: Time) -> bool {
        self.of(service, slot).any(|e| e.mended.is_none() && now.since(e.since) > AT_ONCE)
    }
}

impl State {
    /// What hands do in this second. What is not there yet is scaled as soon as it is.
    pub fn scale_by_hand(&mut self) {
        let Some(s) = self.faults.scaled.get(self.scaled_done).cloned() else { return };
        if self.now < START + s.at {
            return;
        }
        let Some(mut d) = self.deployed(&s.service, s.slot).cloned() else { return };
        self.scaled_done += 1;
        let ready = match s.slot {
            Slot::Next => self.faults.ready_at_most.get(&s.service).copied().unwrap_or(u32::MAX),
            Slot::Stable => u32::MAX,
        };
        self.grow(&mut d, s.pods, self.now, ready);
        d.generation += 1;
        let Some(service) = self.services.get_mut(&s.service) else { return };
        match s.slot {
            Slot::Stable => service.stable = d,
            Slot::Next => service.next = Some(d),
        }
        let edit = Edit { service: s.service, slot: s.slot, since: self.now, mended: None, matters: false };
        self.laws.hands.0.push(edit);
    }
}

/// Pods a version must have for what flows to the new one.
fn must_have(state: &State, name: &str, slot: Slot) -> u32 {
    let share = state.accepted(name).share().max(100.0 * state.ruled(name));
    match slot {
        Slot::Stable => state.r0(),
        Slot::Next if share > 0.0 => needed(state, name, share.round() as u32),
        Slot::Next => 0,
    }
}

impl Laws {
    /// `scaled_back`: while the new version has traffic, either version has the pods it must have, or had them taken away a
    /// moment ago; and that it was so is among the events.
    pub fn scaled_back(&mut self, state: &State, run: &Run, t: &Track) {
        let (now, name) = (state.now, t.service.as_str());
        let flows = state.accepted(name).share() > 0.0;
        let rests = matches!(
            t.phase,
            Phase::Shifting { .. } | Phase::Soaking { .. } | Phase::Soaked | Phase::Settling(Settling::CopyBack)
        );
        let unseen = self.unseen == now;
        let told =
            run.events.iter().any(|e| e.service.as_deref() == Some(name) && e.text.contains("by a foreign edit"));
        let mut broken = Vec::new();
        let edited = self.hand.contains(name);
        for e in self.hands.0.iter_mut().filter(|e| e.service == name && e.mended.is_none()) {
            let have = state.deployed(name, e.slot).map(|d| d.pods.len() as u32);
            let need = must_have(state, name, e.slot);
            if have.is_none_or(|have| have >= need) {
                e.mended = Some(now);
                if e.matters && have.is_some() && rests && !told {
                    broken.push(format!("{name}: {:?} was scaled by hand, and nobody was told", e.slot));
                }
                continue;
            }
            if !flows || !rests || unseen || edited || t.fault.is_some() {
                // Not looked at, or on its way elsewhere: the time for it begins when that is over.
                e.since = now;
                continue;
            }
            e.matters |= now.since(e.since) > AT_ONCE;
            if now.since(e.since) > PATIENCE {
                broken.push(format!(
                    "{name}: {:?} has {have:?} of {need} pods {} after it",
                    e.slot,
                    now.since(e.since)
                ));
                e.since = now;
            }
        }
        broken.into_iter().for_each(|text| self.break_law("scaled_back", text));
    }
}
