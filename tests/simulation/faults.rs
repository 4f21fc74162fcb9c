//! What may go wrong in a night, and what people do in it.
use std::collections::BTreeMap;

use pilothouse::engine::command::Command;
use pilothouse::engine::message::{CallErrorKind, Leave};
use pilothouse::spec::policy::OnTerminalLoss;
use pilothouse::spec::units::{Dur, Time};

use super::scaled::Scaled;

/// The world begins here.
pub const START: Time = Time(1_795_000_000_000);

/// When, from the start of the world, and for how long.
pub type Span = (Dur, Dur);

/// Nothing goes wrong by default.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    /// The API server is away.
    pub api_away: Vec<Span>,
    /// Its answers take longer than anybody waits for them; the write lands long after.
    pub api_slow: Vec<Span>,
    /// The watches are dead while the lease is renewed as ever.
    pub watch_away: Vec<Span>,
    /// Writes are refused: with this reason, and the server's wish when to come again.
    pub refused: Vec<(Span, CallErrorKind, Option<Dur>)>,
    /// A gateway says no to what is written.
    pub gateway_refuses: Vec<Span>,
    /// The metrics source is away.
    pub metrics_away: Vec<Span>,
    /// It answers NaN.
    pub metrics_nan: Vec<Span>,
    /// It answers with the data of the moment this began.
    pub metrics_stale: Vec<Span>,
    /// It answers two series where one is asked for.
    pub metrics_double: Vec<Span>,
    /// It takes 8 s to answer.
    pub metrics_slow: Vec<Span>,
    /// No gateway accepts a route.
    pub gateway_away: Vec<Span>,
    /// The journal cannot be written.
    pub journal_full: Vec<Span>,
    /// Every n-th write is applied but its answer is lost; 0 is never.
    pub lost_answer_every: u64,
    /// Every n-th write is refused with a conflict; 0 is never.
    pub conflict_every: u64,
    /// Service to what its new version does wrong.
    pub bad: BTreeMap<String, Bad>,
    /// Service to the number of new pods that ever become ready.
    pub ready_at_most: BTreeMap<String, u32>,
    /// The old pods of a service are not ready but for so many.
    pub old_unready: Vec<(String, Span, u32)>,
    /// The critical service outside the run is down.
    pub bystander_down: Vec<Span>,
    /// A route is edited by hand to this share, also before a version has traffic.
    pub drift: Vec<(String, Dur, u32)>,
    /// The new version's backend is taken out of the route by hand, once it is there.
    pub taken_out: Vec<(String, Dur)>,
    /// Somebody scales a version.
    pub scaled: Vec<Scaled>,
    /// Another driver takes the lease.
    pub stolen: Option<Dur>,
    /// The process is killed before (false) or after (true) the n-th write reaches the server.
    pub kill: Option<(u64, bool)>,
    /// The journal takes so many bytes more, then the process dies in the middle of a line.
    pub torn_after: Option<u64>,
    /// How long it takes until another process takes the run up.
    pub restart_after: Dur,
    /// Old pods of each service at the start; 0 is four.
    pub r0: u32,
    /// A Calendar binds, which may take back what nothing else is wrong with.
    pub windows: bool,
    /// Wall time is set by this many milliseconds.
    pub clock_set: Vec<(Dur, i64)>,
    /// How long a gateway takes to accept.
    pub accept_after: Dur,
    /// Requests per second, where not the usual.
    pub rps: BTreeMap<String, f64>,
    pub people: People,
    /// What admission makes of images.
    pub webhook: Webhook,
    /// Mutations of the system itself, for tests that the laws notice.
    pub broken: Broken,
}

/// An admission webhook that writes digests behind tags.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Webhook {
    #[default]
    None,
    /// The same digest for a tag each time.
    Pins,
    /// The tag has moved between the making of `-next` and the copy-back.
    MovesOnCopyBack,
}

impl Webhook {
    pub fn image(self, image: &str, copied_back: bool) -> String {
        match self {
            Webhook::None => image.to_string(),
            Webhook::MovesOnCopyBack if copied_back => format!("{image}@sha256:moved"),
            _ => format!("{image}@sha256:pinned"),
        }
    }
}

/// Failing requests of a new version.
#[derive(Debug, Clone, PartialEq)]
pub struct Bad {
    /// From this long after its first traffic on.
    pub after: Dur,
    pub ratio: f64,
    /// It gets well after this long.
    pub lasts: Option<Dur>,
    /// It is bad for so long, then good for so long, and so on.
    pub flaps: Option<Dur>,
}

#[derive(Debug, Clone, Default)]
pub struct People {
    pub interactive: bool,
    pub commands: Vec<(Dur, Command)>,
    pub leave: Option<(Dur, Leave)>,
    /// Somebody has to say start, and does so then.
    pub start_at: Option<Dur>,
    pub terminal_lost: Option<(Dur, OnTerminalLoss)>,
    /// How long the person on call takes to answer what is asked; nobody answers where it is not said.
    pub answers_after: Option<Dur>,
}

/// Ways in which a system built with less care goes wrong.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Broken {
    /// After a kill, open intents are done again without looking at marks.
    pub repeats_after_kill: bool,
    /// The store says "written" before it has written.
    pub journals_late: bool,
    /// The lease is believed to be ours although it was lost, and routes are not fenced.
    pub deaf_lease: bool,
    /// Pods count as ready as soon as they are wanted.
    pub believes_in_pods: bool,
    /// The Calendar is left out of the plan that is driven.
    pub forgets_windows: bool,
    /// Tenants' windows are taken to be open all day.
    pub forgets_tenants: bool,
    /// Segments' rules are written with the second backend already.
    pub rules_early: bool,
    /// A write of weight 0 leaves the rules as they are.
    pub rules_stay: bool,
}

/// Whether `now` lies in one of the spans.
pub fn within(spans: &[Span], now: Time) -> bool {
    spans.iter().any(|(at, len)| now >= START + *at && now < START + *at + *len)
}

impl Faults {
    /// Nothing is wrong, and nobody interferes.
    pub fn quiet(&self) -> bool {
        let spans = [
            &self.api_away,
            &self.api_slow,
            &self.watch_away,
            &self.gateway_refuses,
            &self.metrics_away,
            &self.metrics_nan,
            &self.metrics_stale,
            &self.metrics_double,
            &self.metrics_slow,
            &self.gateway_away,
            &self.journal_full,
            &self.bystander_down,
        ];
        spans.iter().all(|s| s.is_empty())
            && self.bad.is_empty()
            && self.ready_at_most.is_empty()
            && self.old_unready.is_empty()
            && self.drift.is_empty()
            && self.taken_out.is_empty()
            && self.scaled.is_empty()
            && self.refused.is_empty()
            && self.stolen.is_none()
            && self.clock_set.is_empty()
            && !self.windows
            && self.rps.is_empty()
            && self.people.commands.is_empty()
            && self.people.leave.is_none()
            && self.people.terminal_lost.is_none()
    }
}

/// Share of failed requests of a healthy version.
pub const GOOD: f64 = 0.001;

impl Bad {
    /// Share of failed requests so long after the first traffic.
    pub fn now(&self, spent: Dur) -> f64 {
        let since = spent.minus(self.after);
        let over = self.lasts.is_some_and(|l| since >= l);
        let pause = self.flaps.is_some_and(|f| since.0 / f.0.max(1) % 2 == 1);
        if spent < self.after || over || pause { GOOD } else { self.ratio }
    }
}
