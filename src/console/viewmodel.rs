//! What is on screen, as words and numbers: everything decided, nothing drawn.
//!
//! Built anew for each frame from the run, the model, the instant and the zone; so a frame is a function of them.
mod before;
mod campaign;
mod closings;
mod detail;
mod fit;
mod footer;
mod gates;
mod overlay;
mod plan;
mod services;
mod tenant;
mod tenants;
mod top;
mod waive;

pub use before::length as before_length;
pub use detail::Detail;
pub use footer::{Footer, FooterKey};
pub use gates::{GateRow, Gates, SparkPoint, StoryRow};
pub use overlay::{DialogLine, DialogView, FieldView, HelpRow, HelpView, Overlay, PaletteView};
pub use plan::{FindingRow, PlanView, WaveRow, chosen, lines_at_most, listed};
pub use services::{Mark, ServiceRow, Services, StepState};
pub use tenant::TenantPage;
pub use tenants::{Bar, TenantRow, TenantsPanel, TenantsView, Timeline};
pub use top::{Segment, Top};

use super::action::Action;
use super::keymap::{Keymap, Screen};
use super::model::{Mode, Model, Panel};
use super::tenants::Tenants;
use super::theme::Meaning;
use super::zone::Zone;
use crate::engine::effect::{Event, EventKind};
use crate::engine::moves::Next;
use crate::engine::run::{AskKind, GRID, Stage};
use crate::engine::status::{self, Status, Word};
use crate::engine::{Phase, Run, Verb};
use crate::spec::units::{Dur, Time};

/// A piece of text and what it means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    pub text: String,
    pub meaning: Meaning,
}

pub type Line = Vec<Piece>;

pub(super) fn piece(meaning: Meaning, text: impl Into<String>) -> Piece {
    Piece { text: text.into(), meaning }
}

/// How this console stands to the run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Label {
    /// Against the built-in practice cluster.
    pub practice: bool,
    pub kind: LabelKind,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum LabelKind {
    #[default]
    Live,
    /// Another process drives; its person's name.
    Spectator(String),
    /// A virtual clock; its speed, such as `60x`.
    Sim(String),
}

/// How fresh a source is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Freshness {
    /// Nothing is asked of it now.
    Idle,
    /// Answered this long ago.
    Live(Dur),
    /// Older than three of its polls.
    Stale(Dur),
    /// Does not answer, for this long.
    Lost(Dur),
}

/// Age of each source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sources {
    pub kube: Freshness,
    pub metrics: Freshness,
}

/// The lease, renewed every 2 s, lasts 15 s: without an answer for so long nobody knows what the cluster does.
const KUBE_STALE: Dur = Dur::secs(15);

impl Sources {
    /// As the run knows them at `now`.
    pub fn of(run: &Run, now: Time) -> Sources {
        let measured = |t: &&crate::engine::run::Track| {
            matches!(t.phase, Phase::Shifting { .. } | Phase::Soaking { .. } | Phase::Soaked | Phase::Settling(_))
                || t.phase.going_back()
        };
        // Nobody was asked before that: an answer of an earlier try is no source that fell silent.
        let asked_since = run.tracks.values().filter(measured).map(|t| t.since).min();
        let fresh = |state: &crate::engine::run::SourceState, limit: Dur| match (&state.down, state.last_ok) {
            (Some((since, _)), _) => Freshness::Lost(now.since(*since)),
            (None, Some(at)) if now.since(at) > limit => Freshness::Stale(now.since(at)),
            (None, Some(at)) => Freshness::Live(now.since(at)),
            (None, None) => Freshness::Idle,
        };
        // The last picture of a run that ended stays; of one that goes on without this process it is of the past.
        let (ended, left) = (run.is_ended(), run.is_left());
        let past = |state: &crate::engine::run::SourceState| {
            state.last_ok.map_or(Freshness::Idle, |at| Freshness::Stale(now.since(at)))
        };
        let metrics = fresh(&run.metrics, GRID.times(3));
        Sources {
            kube: match left {
                _ if ended => Freshness::Idle,
                true => past(&run.cluster),
                false => fresh(&run.cluster, KUBE_STALE),
            },
            metrics: match metrics {
                _ if ended => Freshness::Idle,
                _ if left && asked_since.is_some() => past(&run.metrics),
                Freshness::Stale(_) | Freshness::Live(_) if asked_since.is_none() => Freshness::Idle,
                Freshness::Stale(_) if asked_since.is_some_and(|at| now.since(at) <= GRID.times(3)) => Freshness::Idle,
                other => other,
            },
        }
    }
}

/// One line of the event list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRow {
    pub time: String,
    pub kind: &'static str,
    pub who: String,
    pub text: String,
    pub meaning: Meaning,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Events {
    /// Newest first.
    pub rows: Vec<EventRow>,
    /// Of the events that match, how many are above the first row.
    pub scrolled: usize,
    pub total: usize,
    pub follows: bool,
    pub filter: String,
    pub focus: bool,
}

/// The row that asks for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskRow {
    pub text: String,
    pub short: String,
    /// What answers it: `[w] keep  [x] abort`.
    pub keys: String,
    /// Without words, for a narrow screen: `[w] [x]`.
    pub bare_keys: String,
}

/// The body of the screen.
#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    Main,
    Detail(Box<Detail>),
    Events,
    Tenants(Box<TenantsView>),
    Plan(Box<PlanView>),
    Tenant(Box<TenantPage>),
}

/// Everything on screen.
#[derive(Debug, Clone, PartialEq)]
pub struct ViewModel {
    pub top: Top,
    pub status: Status,
    pub verdict: Meaning,
    /// Row 3 and its right end, from full to tiny.
    pub next: [String; 5],
    pub next_right: [String; 3],
    /// Row 4; absent when nobody is asked.
    pub ask: Option<AskRow>,
    pub body: Body,
    pub services: Services,
    pub gates: Gates,
    pub events: Events,
    /// Only where the files hold tenants.
    pub tenants: Option<TenantsPanel>,
    /// What was found and will be done, as long as nothing has been started: in the place of the gates.
    pub before: Option<Vec<Line>>,
    pub footer: Footer,
    pub overlay: Option<Overlay>,
}

/// What a frame is made of besides run and model.
#[derive(Clone, Copy)]
pub struct Scene<'a> {
    pub now: Time,
    /// The reader's zone.
    pub zone: Zone,
    pub sources: &'a Sources,
    pub label: &'a Label,
    pub keymap: &'a Keymap,
    /// Of the run's files, if they hold any; prepared for `now`.
    pub tenants: Option<&'a Tenants>,
    /// Rows of the screen: no list needs more.
    pub rows: usize,
}

impl Scene<'_> {
    /// The zone times are shown in now.
    fn shown(&self, model: &Model) -> Zone {
        if model.utc { Zone::UTC } else { self.zone }
    }

    /// The same for what is of tenants: where it is asked for, that of the selected one.
    fn of_tenant(&self, model: &Model) -> Zone {
        let chosen = self.tenants.filter(|_| model.theirs).and_then(|t| t.tenant(model.selected_tenant(t)?));
        chosen.map_or_else(|| self.shown(model), |t| Zone(t.zone.0))
    }
}

impl ViewModel {
    pub fn build(run: &Run, model: &Model, scene: Scene) -> ViewModel {
        let zone = scene.shown(model);
        let now = scene.now;
        // Where a panel reads another clock, times above it say which one they are by.
        let named = model.theirs && matches!(model.screen, Screen::Tenants | Screen::Tenant);
        let name = |t: Time| if named { format!(" {}", zone.label(t)) } else { String::new() };
        let say = |t: Time| zone.near(t, now) + &name(t);
        let mut status = status::status(run, now, &say);
        for text in
            [&mut status.sentence, &mut status.short].into_iter().chain(status.ask.as_mut().map(|a| &mut a.text))
        {
            *text = Zone::told(&in_zone(run, model, zone, text, now), &say);
        }
        let selected = model.selected(run);
        let gates = gates::build(run, model, selected, scene);
        let service_events = matches!(model.screen, Screen::Detail).then_some(selected).flatten();
        ViewModel {
            top: top::build(run, model, scene),
            verdict: meaning(status.word),
            next: next_text(&status, zone, now, &name),
            next_right: next_right(&status, if doubted(run, scene) { "?" } else { "" }),
            ask: ask_text(&status, selected, scene, model),
            tenants: (model.screen == Screen::Main).then(|| tenants::panel(run, model, scene)).flatten(),
            body: match (model.screen, selected) {
                (Screen::Tenants, _) => {
                    tenants::build(run, model, scene).map_or(Body::Main, |view| Body::Tenants(Box::new(view)))
                }
                (Screen::Tenant, _) => {
                    tenant::build(run, model, scene).map_or(Body::Main, |page| Body::Tenant(Box::new(page)))
                }
                (Screen::Detail, Some(name)) => Body::Detail(Box::new(detail::build(run, name, model, scene))),
                (Screen::Events, _) => Body::Events,
                (Screen::Plan, _) => Body::Plan(Box::new(plan::build(run, model, scene))),
                _ => Body::Main,
            },
            services: services::build(run, model, selected, scene),
            gates,
            events: events(run, model, service_events, zone, scene),
            footer: footer::build(run, model, scene),
            overlay: overlay::build(run, model, scene),
            before: before::build(run),
            status,
        }
    }

    /// For the terminal's title: `HELD billing 25%`.
    pub fn title(&self) -> String {
        let mut title = self.status.word.text().to_string();
        if let Some(service) = &self.status.service {
            title.push(' ');
            title.push_str(service);
            if let Some(row) = self.services.rows.iter().find(|r| r.name == *service) {
                title.push(' ');
                title.push_str(row.share.trim());
            }
        }
        super::text::clean(&title).into_owned()
    }
}

/// A sentence in which the next tenant's time stands as that one's clock reads it: in the zone that is shown.
fn in_zone(run: &Run, model: &Model, zone: Zone, text: &str, now: Time) -> String {
    let turns = run.tracks.values().filter_map(|t| match &t.moves.turn.as_ref()?.next {
        Next::Wait { until: Some(at), said, .. } if !model.theirs => Some((said, *at)),
        _ => None,
    });
    turns.fold(text.to_string(), |text, (said, at)| {
        text.replace(said.as_str(), &format!("{} {}", zone.day(at, now), zone.label(at)))
    })
}

/// `4:05`; `34 d` where it is more than two days.
fn days_or_clock(d: Dur) -> String {
    if d > Dur::hours(48) { format!("{} d", d.0 / Dur::hours(24).0) } else { d.clock() }
}

/// The style of a verdict word.
pub fn meaning(word: Word) -> Meaning {
    match word {
        Word::Lost => Meaning::Lost,
        Word::Roll => Meaning::Roll,
        Word::Held => Meaning::Held,
        Word::Warn => Meaning::Warn,
        Word::Move => Meaning::Move,
        Word::Ok => Meaning::Ok,
        Word::Done => Meaning::Done,
    }
}

fn next_right(status: &Status, doubt: &str) -> [String; 3] {
    let (full, all) = status.done;
    // A share that no request shows is none that could be given.
    let blast = match status.blast_unknown {
        true => "?".to_string(),
        false => format!("{doubt}{}%", status.blast_radius),
    };
    [
        format!("{doubt}{full} of {all} at 100% | blast radius {blast}"),
        format!("{doubt}{full}/{all} at 100%  blast {blast}"),
        format!("blast {blast}"),
    ]
}

fn next_text(status: &Status, zone: Zone, now: Time, name: &dyn Fn(Time) -> String) -> [String; 5] {
    let next = &status.next;
    let lead = if next.recovers { "if it recovers now: " } else { "" };
    let in_words = |t: Time| days_or_clock(t.until(now));
    let when = |clock: String, t: Time| format!(" at {clock}, in {}", in_words(t));
    let at = next.at.map(|t| when(zone.near(t, now) + &name(t), t)).unwrap_or_default();
    // Where only the hour is said it must be clear of which day.
    let short = |t: Time| match t.until(now) {
        left if left > Dur::hours(20) => format!(" at {}{}", zone.day(t, now), name(t)),
        left => format!(" at {}{} in {}", zone.minute(t), name(t), left.clock()),
    };
    let at_short = next.at.map(short).unwrap_or_default();
    let in_short = next.at.map(|t| format!(" in {}", in_words(t))).unwrap_or_default();
    let condition = if next.condition.is_empty() { String::new() } else { format!(" ({})", next.condition) };
    let brief = if next.recovers { "on recovery: " } else { "" };
    // What only a person or a repair brings must not read as if it came by itself.
    let waits_for = ["when ", "not "].iter().any(|word| next.condition.starts_with(word));
    let needs = if next.at.is_none() && !next.recovers && waits_for { condition.clone() } else { String::new() };
    let waits = if next.meanwhile.is_empty() { String::new() } else { format!("; {}", next.meanwhile) };
    [
        format!("{lead}{}{at}{condition}{waits}", next.text),
        format!("{lead}{}{at}{condition}", next.text),
        format!("{brief}{}{at_short}{condition}", next.text),
        format!("{brief}{}{}", next.text, if next.at.is_some() { at_short } else { condition }),
        format!("{}{}{in_short}{needs}", if next.recovers { "if well: " } else { "" }, next.text),
    ]
}

fn ask_text(status: &Status, selected: Option<&str>, scene: Scene, model: &Model) -> Option<AskRow> {
    let ask = status.ask.as_ref()?;
    let mut keys: Vec<String> = ask
        .answers
        .iter()
        .map(|v| {
            let action = Action::Verb(*v);
            // As `scope_of`: what is left to abort is the run.
            let run = ask.kind == Some(AskKind::AfterRollback) && *v == Verb::Abort;
            let name = if run { "abort run" } else { v.info().name };
            match scene.keymap.key_of(model.screen, action) {
                Some(key) => format!("[{key}] {name}"),
                None => format!(":{name}"),
            }
        })
        .collect();
    // Keys act on the selected service: where that is another they would answer nothing, or worse.
    let elsewhere = ask.service.as_deref().filter(|s| selected != Some(*s));
    if let Some(asked) = elsewhere {
        let key = scene.keymap.key_of(model.screen, Action::Back).unwrap_or_else(|| "esc".into());
        keys = vec![format!("[{key}] select {asked}")];
    } else if ask.service.is_none() && matches!(ask.answers[..], [] | [Verb::Waive]) {
        // What bars the start is read, and accepted, on the plan screen.
        if model.screen != Screen::Plan {
            keys = scene.keymap.key_of(model.screen, Action::Plan).iter().map(|k| format!("[{k}] plan")).collect();
        }
    } else if ask.answers.is_empty() {
        // What a hand can do: read the command, or take it along.
        let there = matches!(model.screen, Screen::Detail);
        for (action, what) in
            [(Action::Open, "command"), (Action::Copy, "copy it")].into_iter().skip(usize::from(there))
        {
            keys.extend(scene.keymap.key_of(model.screen, action).map(|key| format!("[{key}] {what}")));
        }
    }
    // It is answered where it is driven, not here.
    if model.read_only {
        keys.clear();
    }
    let bare_keys = keys.iter().map(|k| k.split(' ').next().unwrap_or(k)).collect::<Vec<_>>().join(" ");
    let keys = keys.join("  ");
    // Texts of the engine often name the service they are about.
    let who = ask.service.as_ref().filter(|s| !ask.text.contains(s.as_str()));
    let who = who.map(|s| format!("{s}: ")).unwrap_or_default();
    // In front, where nothing cuts it.
    let more = if status.asks > 1 { format!("(1 of {}) ", status.asks) } else { String::new() };
    let left = ask.deadline.map(|t| t.until(scene.now).clock());
    let text = ask.text.trim_end_matches('.');
    let by_itself = if ask.kind == Some(AskKind::Keep) { " Rolls back by itself in" } else { " By itself in" };
    let full = left.as_ref().map(|l| format!("{by_itself} {l}")).unwrap_or_default();
    // How long there is comes first: the end may be cut.
    let short = left.map(|l| format!("{l} left: ")).unwrap_or_default();
    Some(AskRow {
        text: format!("{more}{who}{text}{full}"),
        short: format!("{more}{short}{who}{text}"),
        keys,
        bare_keys,
    })
}

fn events(run: &Run, model: &Model, service: Option<&str>, zone: Zone, scene: Scene) -> Events {
    let query = model.events_filter.to_lowercase();
    let fits = |e: &&Event| {
        let ours = service.is_none_or(|s| e.service.as_deref() == Some(s));
        ours && (query.is_empty() || event_matches(e, &query))
    };
    let total = run.events.iter().filter(fits).count();
    let scrolled = if service.is_some() { 0 } else { model.events_scroll.min(total.saturating_sub(1)) };
    let hide_service = service.is_some();
    Events {
        rows: run
            .events
            .iter()
            .filter(fits)
            .skip(scrolled)
            .take(scene.rows)
            .map(|e| event_row(e, zone, scene.now, hide_service))
            .collect(),
        scrolled,
        total,
        follows: model.follows(),
        filter: model.events_filter.clone(),
        focus: model.panel == Panel::Events || model.screen == Screen::Events,
    }
}

fn event_matches(e: &Event, query: &str) -> bool {
    let has = |text: &str| text.to_lowercase().contains(query);
    has(&e.text) || has(&e.who) || has(e.kind.word()) || e.service.as_deref().is_some_and(has)
}

fn event_row(e: &Event, zone: Zone, now: Time, hide_service: bool) -> EventRow {
    let service = match &e.service {
        // Texts of the engine often begin with the service they are about.
        Some(s) if !hide_service && !e.text.starts_with(s.as_str()) => format!("{s} "),
        _ => String::new(),
    };
    let meaning = match e.kind {
        EventKind::Rollback => Meaning::Bad,
        EventKind::Gate | EventKind::Fault | EventKind::Drift | EventKind::Page => Meaning::Warn,
        EventKind::Hold | EventKind::Ask => Meaning::Missing,
        EventKind::Run | EventKind::Step => Meaning::Good,
        EventKind::Command => Meaning::Title,
    };
    EventRow {
        time: zone.clock(e.at),
        kind: e.kind.word(),
        who: e.who.clone(),
        text: format!("{service}{}", zone.within(&e.text, now)),
        meaning,
    }
}

/// Whether the picture of the cluster may be old.
fn cluster_lost(run: &Run) -> bool {
    run.cluster.down.is_some() && !matches!(run.stage, Stage::Ended(_))
}

/// What is shown of the cluster is of the past: each of its numbers carries a `?`.
fn doubted(run: &Run, scene: Scene) -> bool {
    cluster_lost(run) || matches!(scene.sources.kube, Freshness::Lost(_) | Freshness::Stale(_))
}

/// Marks each number of a text, and that a route was accepted, as one of the past.
fn doubt(text: &str) -> String {
    let mark = |word: &str| match word.trim_start_matches('!').chars().next() {
        Some(c) if c.is_ascii_digit() || word.trim_end_matches(',') == "accepted" => format!("?{word}"),
        _ => word.to_string(),
    };
    text.split(' ').map(mark).collect::<Vec<_>>().join(" ")
}

/// Whether keys go to the text of a list's filter.
fn filtering(model: &Model) -> bool {
    matches!(model.mode, Mode::Filter { .. })
}
