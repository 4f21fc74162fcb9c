//! What a key can mean, and the one table that help, footer, palette and docs are made from.
use serde::{Deserialize, Serialize};

use crate::engine::command::{Class, VERBS, VerbInfo};
use crate::engine::run::AskKind;
use crate::engine::{Run, Scope, Verb};

/// What a key can mean. The serde names are the names in keymap files and behind `:`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// One row up.
    Up,
    /// One row down.
    Down,
    /// One page up.
    PageUp,
    /// One page down.
    PageDown,
    /// First row.
    Top,
    /// Last row.
    Bottom,
    /// Keys go to the next panel.
    NextPanel,
    /// Keys go to the panel before.
    PrevPanel,
    /// Open the selected service.
    Open,
    /// Back to where one came from; closes what is open.
    Back,
    /// The main screen.
    Main,
    /// The selected service in detail.
    Detail,
    /// All events.
    Events,
    /// All tenants and their windows.
    Tenants,
    /// The plan, and what the contracts say of it.
    Plan,
    /// Another order of the list.
    Sort,
    /// Who goes after whom, as a tree.
    Graph,
    /// Write what the contracts say to a file.
    Export,
    /// Freezes, blackouts, holidays and seasons instead of the timeline.
    Closings,
    /// Type to narrow the list.
    Filter,
    /// Type a command.
    Command,
    /// Times in your zone or in UTC; of tenants, in theirs, too.
    Zone,
    /// Stay at the newest event, or stay where one reads.
    Follow,
    /// Copy the selected line to the clipboard of your terminal.
    Copy,
    /// Write this frame to a file.
    Dump,
    /// The keys of this screen.
    Help,
    /// Leave: asks what shall become of the run.
    Quit,
    /// One of the engine's verbs.
    #[serde(untagged)]
    Verb(Verb),
}

/// Where help lists an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    Look,
    Act,
    Files,
}

/// What everybody needs to know of one action of the console's own; the verbs' table is the engine's.
#[derive(Debug, Clone, Copy)]
pub struct Deed {
    pub action: Action,
    pub name: &'static str,
    pub help: &'static str,
    pub group: Group,
}

const fn look(action: Action, name: &'static str, help: &'static str) -> Deed {
    Deed { action, name, help, group: Group::Look }
}

/// The console's own actions.
pub const DEEDS: [Deed; 27] = [
    look(Action::Up, "up", "up"),
    look(Action::Down, "down", "down"),
    look(Action::PageUp, "page-up", "a page up"),
    look(Action::PageDown, "page-down", "a page down"),
    look(Action::Top, "top", "first row"),
    look(Action::Bottom, "bottom", "last row"),
    look(Action::NextPanel, "next-panel", "next panel"),
    look(Action::PrevPanel, "prev-panel", "panel before"),
    look(Action::Open, "open", "open the service"),
    look(Action::Back, "back", "back, close"),
    look(Action::Main, "main", "main screen"),
    look(Action::Detail, "detail", "service detail"),
    look(Action::Events, "events", "all events"),
    look(Action::Tenants, "tenants", "tenants, windows"),
    look(Action::Plan, "plan", "plan, contracts"),
    look(Action::Sort, "sort", "sort the list"),
    look(Action::Graph, "graph", "order as a tree"),
    look(Action::Closings, "closings", "what is closed"),
    look(Action::Filter, "filter", "filter the list"),
    look(Action::Command, "command", "command by name"),
    look(Action::Zone, "zone", "yours, theirs, UTC"),
    look(Action::Follow, "follow", "follow events"),
    look(Action::Help, "help", "this help"),
    Deed { action: Action::Copy, name: "copy", help: "copy the line", group: Group::Files },
    Deed { action: Action::Dump, name: "dump", help: "write this frame to a file", group: Group::Files },
    Deed { action: Action::Export, name: "export", help: "write findings as JSON", group: Group::Files },
    Deed { action: Action::Quit, name: "quit", help: "leave: hold or abort", group: Group::Act },
];

impl Action {
    /// By the name in keymap files and behind `:`.
    pub fn named(name: &str) -> Option<Action> {
        let deed = DEEDS.iter().find(|d| d.name == name).map(|d| d.action);
        deed.or_else(|| VERBS.iter().find(|v| v.name == name).map(|v| Action::Verb(v.verb)))
    }

    pub fn name(self) -> &'static str {
        match self {
            Action::Verb(verb) => verb.info().name,
            // Every variant stands in the table once; a test holds that.
            _ => DEEDS.iter().find(|d| d.action == self).map_or("", |d| d.name),
        }
    }

    pub fn help(self) -> &'static str {
        match self {
            Action::Verb(verb) => verb.info().help,
            _ => DEEDS.iter().find(|d| d.action == self).map_or("", |d| d.help),
        }
    }

    pub fn group(self) -> Group {
        match self {
            Action::Verb(_) => Group::Act,
            _ => DEEDS.iter().find(|d| d.action == self).map_or(Group::Look, |d| d.group),
        }
    }

    /// Every name there is, for suggestions and the palette.
    pub fn names() -> impl Iterator<Item = &'static str> {
        DEEDS.iter().map(|d| d.name).chain(VERBS.iter().map(|v| v.name))
    }
}

/// Whether a slip of the finger on this verb would need undoing: everything that asks back.
pub fn is_dangerous(verb: Verb) -> bool {
    verb.info().class != Class::Plain
}

/// What the key of a verb does now: the keys of `pause`, `pause-all` and `freeze` lift what they set.
pub fn toggled(run: &Run, verb: Verb, scope: &Scope) -> Verb {
    match (verb, scope) {
        (Verb::Pause, Scope::Service(name)) if run.track(name).is_some_and(|t| t.paused.is_some()) => Verb::Resume,
        (Verb::PauseAll, _) if run.paused_all.is_some() => Verb::ResumeAll,
        (Verb::Freeze, Scope::Tenant(name)) if run.kept.get(name).is_some_and(|k| k.frozen.is_some()) => Verb::Unfreeze,
        (Verb::Freeze, Scope::Run) if run.frozen.is_some() => Verb::Unfreeze,
        _ => verb,
    }
}

/// What a verb acts on when a row is selected. Of a service that went back there is nothing left to abort: there the
/// question is about the run.
pub fn scope_of(run: &Run, info: &VerbInfo, selected: Option<&str>) -> Scope {
    let after =
        |name: &str| info.verb == Verb::Abort && run.track(name).is_some_and(|t| t.asks_for(AskKind::AfterRollback));
    match selected {
        Some(name) if !info.on_run && !after(name) => Scope::Service(name.to_string()),
        _ => Scope::Run,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_serde_names_and_each_stands_once() {
        let mut seen = std::collections::BTreeSet::new();
        for name in Action::names() {
            assert!(seen.insert(name), "{name} twice");
            let action = Action::named(name).unwrap();
            assert_eq!(serde_json::to_value(action).unwrap(), name);
            assert_eq!(serde_json::from_value::<Action>(name.into()).unwrap(), action);
            assert_eq!(action.name(), name);
            assert!(!action.help().is_empty());
        }
    }
}
