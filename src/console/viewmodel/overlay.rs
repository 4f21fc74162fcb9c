//! What lies over the picture: dialogs, help, the palette. The picture behind goes on.
use super::super::action::{Action, DEEDS, Group, toggled};
use super::super::dialog::{Confirm, Dialog, Field, ReasonField, Situation};
use super::super::keymap::Screen;
use super::super::model::{Help, Mode, Model};
use super::super::palette::{Does, Palette, score};
use super::super::tenants::scope_here;
use super::super::text::width;
use super::super::theme::Meaning;
use super::tenants::concerned;
use super::{Scene, days_or_clock, footer, waive};
use crate::engine::command::{Class, Scope, VERBS, Verb};
use crate::engine::people::{preview, role, word};
use crate::engine::window::stay_of;
use crate::engine::{Phase, Run, Track};
use crate::spec::policy::OnExit;
use crate::spec::units::Time;

#[derive(Debug, Clone, PartialEq)]
pub enum Overlay {
    Dialog(DialogView),
    Help(HelpView),
    Palette(PaletteView),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldView {
    pub label: String,
    pub value: String,
    pub focus: bool,
}

/// One thing a dialog says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DialogLine {
    /// Empty: goes on under the label above.
    pub label: &'static str,
    /// Such as `1 `: stands before the text, which wraps under itself.
    pub lead: String,
    pub text: String,
}

pub(super) fn line(label: &'static str, text: String) -> DialogLine {
    DialogLine { label, lead: String::new(), text }
}

#[derive(Debug, Clone, PartialEq)]
pub struct DialogView {
    pub title: String,
    pub meaning: Meaning,
    /// The view wraps a text under itself.
    pub lines: Vec<DialogLine>,
    /// What changed since the dialog opened.
    pub changed: Option<String>,
    pub fields: Vec<FieldView>,
    /// Text and whether it works now.
    pub buttons: Vec<(String, bool)>,
    /// Why Enter does nothing.
    pub note: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HelpRow {
    pub keys: String,
    pub what: String,
    /// What it asks for, or why it is off.
    pub note: String,
    pub off: bool,
    pub group: Group,
}

/// How wide the columns of help are, in cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HelpCells {
    /// Keys of what only looks, and what it does.
    pub look_keys: usize,
    pub look: usize,
    /// Keys of what acts.
    pub act_keys: usize,
}

/// The list of keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HelpView {
    pub title: String,
    pub role: String,
    pub rows: Vec<HelpRow>,
    pub cells: HelpCells,
    pub query: String,
    pub typing: bool,
    pub scroll: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaletteView {
    pub query: String,
    /// Name, help, why it is off.
    pub rows: Vec<(String, String, Option<String>)>,
    pub chosen: usize,
}

pub fn build(run: &Run, model: &Model, scene: Scene) -> Option<Overlay> {
    match &model.mode {
        Mode::Keys | Mode::Filter { .. } => None,
        Mode::Dialog(Dialog::Confirm(confirm)) => Some(Overlay::Dialog(confirm_view(run, confirm, model, scene))),
        Mode::Dialog(Dialog::Waive(it)) => Some(Overlay::Dialog(waive::dialog(run, it, scene))),
        Mode::Dialog(Dialog::Refused(why)) => Some(Overlay::Dialog(waive::refused(run, why, scene))),
        Mode::Dialog(Dialog::Quit) => Some(Overlay::Dialog(quit_view(run, model))),
        Mode::Help(help) => Some(Overlay::Help(help_view(run, model, help, scene))),
        Mode::Palette(palette) => Some(Overlay::Palette(palette_view(run, model, palette, scene))),
    }
}

pub(super) fn badge(run: &Run, scene: Scene) -> String {
    let env = &run.plan.environment;
    let badge = if scene.label.practice {
        "[PRACTICE]"
    } else if env.production {
        "[PROD]"
    } else {
        "[TEST]"
    };
    format!("{badge} {} (run {})", env.name, run.id)
}

/// When what is typed would end.
fn until(run: &Run, confirm: &Confirm, model: &Model, scene: Scene) -> Option<String> {
    let stay = stay_of(confirm.verb, &run.identity.name, &confirm.reason, scene.now).ok()??;
    let zone = scene.of_tenant(model);
    let at = |until: Time| {
        let left = days_or_clock(until.since(scene.now));
        format!("{} {} (in {left})", zone.near(until, scene.now), zone.label(until))
    };
    Some(stay.until.map_or_else(|| "somebody lifts it: no end is given".into(), at))
}

fn confirm_view(run: &Run, confirm: &Confirm, model: &Model, scene: Scene) -> DialogView {
    let info = confirm.verb.info();
    let preview = preview(run, confirm.verb, &confirm.scope);
    let target = match &confirm.scope {
        Scope::Run => format!("run {}", run.id),
        Scope::Service(name) | Scope::Tenant(name) => name.clone(),
    };
    let mut lines = vec![line("What", preview.what), line("On", badge(run, scene))];
    lines.extend(effects(preview.effects));
    let mut add = |label, text: String| {
        if !text.is_empty() {
            lines.push(line(label, text));
        }
    };
    add("Touches", preview.touches);
    if let (Verb::Freeze | Verb::Defer, Scope::Run, Some(tenants)) = (confirm.verb, &confirm.scope, scene.tenants) {
        add("Tenants", concerned(run, tenants, scene.now));
    }
    add("Until", until(run, confirm, model, scene).unwrap_or_default());
    add("Not undone", preview.not_undone.join("; "));
    add("Time", preview.time);
    add("You", format!("{} ({})", run.identity.name, word(role(run, &run.identity))));
    if let Some(OnExit::Rollback) = confirm.then_quit {
        add("Then", "this console leaves".into());
    }
    let mut fields = Vec::new();
    if let Some(word) = &confirm.word {
        fields.push(FieldView {
            label: format!("Type {word} to {}:", info.name),
            value: confirm.typed.clone(),
            focus: confirm.focus == Field::Word,
        });
    }
    if confirm.reason_field != ReasonField::None {
        let label = match (confirm.verb, confirm.reason_field) {
            (Verb::Freeze | Verb::Defer, _) => "How long, and why, as in `2h database moves`:",
            (Verb::Note, _) => "Note:",
            (_, ReasonField::Needed) => "Reason:",
            _ => "Reason (may be empty):",
        };
        fields.push(FieldView {
            label: label.into(),
            value: confirm.reason.clone(),
            focus: confirm.focus == Field::Reason,
        });
    }
    let ready = confirm.ready(run, &run.identity);
    DialogView {
        title: format!("{} {target}", info.name.to_uppercase()),
        meaning: if info.class == Class::Preview { Meaning::Focus } else { Meaning::Bad },
        lines,
        changed: confirm
            .opened
            .change(&Situation::of(run, &confirm.scope))
            .map(|c| format!("Changed since this opened: {c}")),
        fields,
        buttons: vec![("Esc cancel".into(), true), (format!("Enter {}", info.name), ready.is_ok())],
        note: ready.err(),
    }
}

/// One effect a line, numbered in the order in which they will happen; waves carry their numbers already.
fn effects(effects: Vec<String>) -> impl Iterator<Item = DialogLine> {
    let numbered = effects.len() > 1 && !effects.iter().all(|e| e.starts_with("wave "));
    effects.into_iter().enumerate().map(move |(i, text)| {
        let label = if i == 0 { "Effect" } else { "" };
        let (lead, text) = match text.split_once(": ") {
            _ if numbered => (format!("{} ", i + 1), text),
            Some((wave, rest)) if wave.starts_with("wave ") => (format!("{wave}  "), rest.to_string()),
            _ => (String::new(), text),
        };
        DialogLine { label, lead, text }
    })
}

fn quit_view(run: &Run, model: &Model) -> DialogView {
    let now = left_behind(run);
    let off = footer::off(run, model, Verb::Abort, &Scope::Run);
    let abort = match &off {
        None => "every service below 100% goes back to old, then leave; asks for the run's id".to_string(),
        Some(why) => format!("off: {why}"),
    };
    let hold = match run.started {
        Some(_) if run.rehearsal => "leave; the practice cluster ends with this process, and the night with it".into(),
        Some(_) => format!(
            "leave every share where it is; nobody drives afterwards. Take it up again with: {}",
            run.resume_command()
        ),
        None => "leave; nothing was begun and nothing was changed, so there is nothing to take up".into(),
    };
    DialogView {
        title: "LEAVE".into(),
        meaning: Meaning::Focus,
        lines: vec![
            line("Now", now),
            line("h hold", hold),
            line("a abort", abort),
            line("Esc stay", "nothing happens".into()),
        ],
        changed: None,
        fields: Vec::new(),
        buttons: vec![("Esc stay".into(), true), ("h hold".into(), true), ("a abort".into(), off.is_none())],
        note: None,
    }
}

/// Every service between old and new, those on their way back as well: leaving stops that too.
fn left_behind(run: &Run) -> String {
    let between = |t: &&Track| {
        let begun = t.phase.in_flight() || t.phase.going_back();
        let settles = matches!(t.phase, Phase::Settling(_));
        begun && !settles && t.accepted_share() < 99.5
    };
    let say = |t: &Track| {
        let back = if t.phase.going_back() { ", going back" } else { "" };
        format!("{} {:.0}%{back}", t.service, t.accepted_share())
    };
    let between: Vec<String> = run.in_order().filter(between).map(say).collect();
    match (between.is_empty(), &run.cluster.down) {
        (true, _) => "no service is between old and new".into(),
        (false, None) => format!("below 100% new: {}", between.join("; ")),
        (false, Some(_)) => format!("below 100% new when last seen: {}", between.join("; ")),
    }
}

/// Help is made from the two tables of what there is, the keymap, and the policy.
fn help_view(run: &Run, model: &Model, help: &Help, scene: Scene) -> HelpView {
    let keys_of = |action: Action| {
        let keys = scene.keymap.entries(model.screen).filter(|(_, a)| *a == action);
        keys.map(|(k, _)| super::super::chord::show(k)).collect::<Vec<_>>().join(" ")
    };
    let elsewhere = |action| Screen::ALL.iter().any(|screen| scene.keymap.key_of(*screen, action).is_some());
    let mut rows = Vec::new();
    for deed in &DEEDS {
        let keys = match keys_of(deed.action) {
            // It has a key where it means something.
            k if k.is_empty() && elsewhere(deed.action) => continue,
            k if k.is_empty() => format!(":{}", deed.name),
            k => k,
        };
        rows.push(HelpRow { keys, what: deed.help.into(), note: String::new(), off: false, group: deed.group });
    }
    for verb in &VERBS {
        let keys = match (keys_of(Action::Verb(verb.verb)), verb.verb) {
            (k, _) if !k.is_empty() => k,
            // Lifted by the key that set it.
            (_, Verb::Resume | Verb::ResumeAll | Verb::Unfreeze) => continue,
            (_, _) => format!(":{}", verb.name),
        };
        let scope = scope_here(run, model, scene.tenants, verb);
        let off = footer::off(run, model, toggled(run, verb.verb, &scope), &scope);
        let asks = match verb.class {
            Class::Plain | Class::Preview => "",
            Class::Typed => "type the id",
            Class::TwoPersons => "2 people",
        };
        let note = off.as_ref().map_or_else(|| asks.to_string(), |why| format!("off: {why}"));
        let what = match verb.verb {
            Verb::Pause => "pause / resume this service".to_string(),
            Verb::PauseAll => "pause-all / resume-all".to_string(),
            Verb::Freeze => "freeze / unfreeze: nothing moves".to_string(),
            _ if keys.starts_with(':') => verb.help.to_string(),
            _ => format!("{}: {}", verb.name, verb.help),
        };
        rows.push(HelpRow { keys, what, note, off: off.is_some(), group: Group::Act });
    }
    let cells = help_cells(&rows);
    let query = help.query.to_lowercase();
    rows.retain(|r| query.is_empty() || score(&query, &format!("{} {}", r.keys, r.what)).is_some_and(|s| s >= 200));
    HelpView {
        title: format!("Keys: {} screen (keymap {})", model.screen.name(), scene.keymap.name),
        role: word(role(run, &run.identity)).into(),
        rows,
        cells,
        query: help.query.clone(),
        typing: help.typing,
        scroll: help.scroll,
    }
}

/// As wide as all there is: a filter leaves rows out, and the columns stay where they are.
fn help_cells(rows: &[HelpRow]) -> HelpCells {
    let widest = |act: bool, of: fn(&HelpRow) -> &str| {
        rows.iter().filter(|r| (r.group == Group::Act) == act).map(|r| width(of(r))).max().unwrap_or(0)
    };
    let keys = |act: bool| widest(act, |r| &r.keys).clamp(1, 14);
    HelpCells { look_keys: keys(false), look: widest(false, |r| &r.what), act_keys: keys(true) }
}

fn palette_view(run: &Run, model: &Model, palette: &Palette, scene: Scene) -> PaletteView {
    let rows = palette.entries(run).into_iter().map(|entry| {
        let off = match &entry.does {
            Does::Action(Action::Verb(verb)) => {
                footer::off(run, model, *verb, &scope_here(run, model, scene.tenants, verb.info()))
            }
            Does::On(verb, scope) => footer::off(run, model, *verb, scope),
            _ => None,
        };
        (entry.name, entry.help.to_string(), off)
    });
    let rows: Vec<_> = rows.collect();
    PaletteView { chosen: palette.chosen.min(rows.len().saturating_sub(1)), rows, query: palette.query.clone() }
}
