//! The last row: the verbs of the selected service, those that are off with the reason.
use super::super::action::{Action, toggled};
use super::super::keymap::Screen;
use super::super::model::{Mode, Model};
use super::super::tenants::scope_here;
use super::Scene;
use crate::engine::command::{Allowance, Scope, Verb};
use crate::engine::people::judge;
use crate::engine::{Run, status};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FooterKey {
    pub key: String,
    pub label: String,
    /// Why it is off.
    pub off: Option<String>,
    /// Dropped first when there is no room.
    pub spare: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Footer {
    Keys(Vec<FooterKey>),
    /// An answer to the last key.
    Hint(String),
    /// A text being typed: what for, and the text.
    Typing(&'static str, String),
}

/// Verbs that are always worth a place, then those only when they are on.
const ALWAYS: [Verb; 4] = [Verb::Pause, Verb::Next, Verb::Abort, Verb::Rollback];
/// Where tenants are shown.
const OF_TENANTS: [Verb; 2] = [Verb::Freeze, Verb::Defer];
/// What gives way to verbs where there is no room for all keys, the last of them first; and on the plan screen.
const SPARE: [Action; 1] = [Action::Open];
const SPARE_OF_PLAN: [Action; 3] = [Action::Open, Action::Sort, Action::Filter];
const WHEN_ON: [Verb; 5] = [Verb::Start, Verb::Keep, Verb::Retry, Verb::Skip, Verb::Ack];

pub fn build(run: &Run, model: &Model, scene: Scene) -> Footer {
    if let Mode::Filter { .. } = model.mode {
        let text = match (model.screen, model.panel) {
            (Screen::Events, _) | (Screen::Main, super::Panel::Events) => &model.events_filter,
            (Screen::Tenants | Screen::Tenant, _) => &model.tenants_filter,
            (Screen::Plan, _) => &model.plan_filter,
            _ => &model.services_filter,
        };
        return Footer::Typing("filter", text.clone());
    }
    if !model.pending.is_empty() {
        return Footer::Typing("keys", super::super::chord::show(&model.pending));
    }
    if let Some(hint) = &model.hint {
        return Footer::Hint(scene.shown(model).within(hint, scene.now));
    }
    let mut keys = Vec::new();
    let ended = run.is_ended() || run.is_left();
    for verb in WHEN_ON.into_iter().filter(|_| !ended) {
        // Skipping a service that only waits for its turn is a rare act: by name, not in everybody's way.
        let asked = verb != Verb::Skip || asked_for(run, model, verb);
        let key = verb_key(run, model, scene, verb);
        keys.extend(key.filter(|k| k.off.is_none() && asked));
    }
    // Before the start all of them are off for the one reason that row 4 gives; a tenant is not what they act on.
    let of_tenants = matches!(model.screen, Screen::Tenants | Screen::Tenant);
    let always: &[Verb] = if of_tenants { &OF_TENANTS } else { &ALWAYS };
    let of_plan = model.screen == Screen::Plan;
    if !ended && !of_plan && (of_tenants || run.started.is_some()) {
        keys.extend(always.iter().filter_map(|v| verb_key(run, model, scene, *v)));
    }
    // What the plan screen is for before the start: off, and why, as long as something stands.
    if of_plan && run.plan.compat.is_some() && !ended && run.started.is_none() {
        keys.extend(verb_key(run, model, scene, Verb::Waive));
        if keys.iter().all(|k| k.label != Verb::Start.info().name) {
            keys.extend(verb_key(run, model, scene, Verb::Start));
        }
    }
    let spare: &[Action] = if of_plan { &SPARE_OF_PLAN } else { &SPARE };
    // Nothing is selected in the tree.
    let shown = look(model.screen).iter().filter(|(action, _)| !(of_plan && model.graph && *action == Action::Open));
    for (action, label) in shown {
        if let Some(key) = scene.keymap.key_of(model.screen, *action) {
            let label = if *action == Action::Open && model.finding { "service" } else { label };
            keys.push(FooterKey { key, label: label.to_string(), off: None, spare: spare.contains(action) });
        }
    }
    Footer::Keys(keys)
}

/// Ways to look, by screen.
fn look(screen: Screen) -> &'static [(Action, &'static str)] {
    match screen {
        Screen::Main => &[
            (Action::Open, "detail"),
            (Action::Command, "cmd"),
            (Action::Filter, "filter"),
            (Action::Help, "help"),
            (Action::Quit, "quit"),
        ],
        Screen::Detail => {
            &[(Action::Back, "back"), (Action::Command, "cmd"), (Action::Help, "help"), (Action::Quit, "quit")]
        }
        Screen::Tenants => &[
            (Action::Open, "tenant"),
            (Action::Back, "back"),
            (Action::Sort, "sort"),
            (Action::Zone, "zone"),
            (Action::Filter, "filter"),
            (Action::Closings, "closings"),
            (Action::Help, "help"),
            (Action::Quit, "quit"),
        ],
        Screen::Plan => &[
            (Action::Open, "in full"),
            (Action::Graph, "graph"),
            (Action::Sort, "sort"),
            (Action::Filter, "filter"),
            (Action::Export, "export"),
            (Action::Back, "back"),
            (Action::Help, "help"),
            (Action::Quit, "quit"),
        ],
        Screen::Tenant => &[
            (Action::Back, "back"),
            (Action::Zone, "zone"),
            (Action::Command, "cmd"),
            (Action::Help, "help"),
            (Action::Quit, "quit"),
        ],
        Screen::Events => {
            &[(Action::Back, "back"), (Action::Filter, "filter"), (Action::Help, "help"), (Action::Quit, "quit")]
        }
    }
}

/// The selected service asks, and this verb answers.
fn asked_for(run: &Run, model: &Model, verb: Verb) -> bool {
    let track = model.selected(run).and_then(|name| run.track(name));
    track.is_some_and(|t| status::answers(run, t).contains(&verb))
}

fn verb_key(run: &Run, model: &Model, scene: Scene, verb: Verb) -> Option<FooterKey> {
    let key = scene.keymap.key_of(model.screen, Action::Verb(verb))?;
    let scope = scope_here(run, model, scene.tenants, verb.info());
    let shown = toggled(run, verb, &scope);
    let label = match shown {
        Verb::Rollback => "roll back".to_string(),
        Verb::Abort if scope == Scope::Run => "abort run".to_string(),
        _ => shown.info().name.to_string(),
    };
    Some(FooterKey { key, label, off: off(run, model, shown, &scope), spare: false })
}

/// Why a verb cannot be asked for now; typing a word is asking.
pub fn off(run: &Run, model: &Model, verb: Verb, scope: &Scope) -> Option<String> {
    if model.read_only {
        return Some("read-only".into());
    }
    match judge(run, verb, scope, &run.identity, None) {
        Allowance::Denied(why) => Some(why),
        Allowance::NeedsSecond => Some("needs a second person".into()),
        Allowance::Allowed | Allowance::NeedsTyping(_) => None,
    }
}
