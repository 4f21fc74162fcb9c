//! What is asked about one service. Several questions may be open at once: the most dangerous one stands in front, the
//! others behind it, and each comes up when what stood before it was answered or is over.
use super::run::{Ask, AskKind, Track};
use crate::spec::units::Time;

impl AskKind {
    fn rank(self) -> u8 {
        match self {
            // Requests are lost or go where no weight keeps them from, or nothing could be taken back.
            AskKind::Footing => 0,
            // The new version is bad, and whoever is on it is hit until the deadline.
            AskKind::Keep => 1,
            // Traffic is where nobody of this run sent it.
            AskKind::Drift => 2,
            // What was written may not be in force, a way back neither.
            AskKind::NotAccepted => 3,
            AskKind::Write => 4,
            // It is back; all others stand still.
            AskKind::AfterRollback => 5,
            // One stands still, with the new version serving all of it.
            AskKind::Rollout => 6,
            AskKind::Tenants => 6,
            // Nothing is wrong that anybody knows of.
            AskKind::Missing => 7,
            AskKind::LongStep => 8,
            AskKind::TooFew => 9,
        }
    }
}

impl Track {
    /// What is open, the most dangerous first.
    pub fn asks(&self) -> impl Iterator<Item = &Ask> {
        self.ask.iter().chain(&self.asks_behind)
    }

    /// Whether a question of this kind is open, in front or behind.
    pub fn asks_for(&self, kind: AskKind) -> bool {
        self.asks().any(|a| a.kind == kind)
    }

    /// Which question about it comes first, least first: by what goes on while nobody answers. Everything that puts open
    /// questions in an order goes by this one.
    pub fn rank(&self, kind: AskKind) -> u8 {
        match kind {
            // All of its requests are lost.
            AskKind::Drift if self.route.as_ref().is_some_and(|r| r.uid.is_empty()) => AskKind::Footing.rank(),
            kind => kind.rank(),
        }
    }

    /// Opens a question; one of its kind that is open stays as it was asked. True: it is new.
    pub(super) fn open(&mut self, ask: Ask) -> bool {
        if self.asks_for(ask.kind) {
            return false;
        }
        self.asks_behind.push(ask);
        self.put_in_order();
        true
    }

    /// The most dangerous to the front, as things are now.
    pub(super) fn put_in_order(&mut self) {
        self.asks_behind.splice(0..0, self.ask.take());
        let mut open = std::mem::take(&mut self.asks_behind);
        open.sort_by_key(|a| self.rank(a.kind));
        self.asks_behind = open;
        self.come_up();
    }

    /// Asks what is so now: one of its kind that is open gets these words, and keeps since when it is asked.
    pub(super) fn ask_now(&mut self, kind: AskKind, text: String, since: Time) {
        match self.ask.iter_mut().chain(&mut self.asks_behind).find(|a| a.kind == kind) {
            Some(open) => open.text = text,
            None => drop(self.open(Ask { kind, text, since, deadline: None })),
        }
    }

    /// Closes questions of these kinds; what stood behind comes up. The first of them, if one was open.
    pub(super) fn close(&mut self, kinds: &[AskKind]) -> Option<AskKind> {
        let first = self.asks().map(|a| a.kind).find(|kind| kinds.contains(kind))?;
        self.ask.take_if(|a| kinds.contains(&a.kind));
        self.asks_behind.retain(|a| !kinds.contains(&a.kind));
        self.come_up();
        Some(first)
    }

    /// Nothing that was asked is of any interest any more.
    pub(super) fn close_all(&mut self) {
        self.ask = None;
        self.asks_behind.clear();
    }

    fn come_up(&mut self) {
        if self.ask.is_none() && !self.asks_behind.is_empty() {
            self.ask = Some(self.asks_behind.remove(0));
        }
    }
}
