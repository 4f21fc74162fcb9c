//! What a key does to the model, and what it asks of the world.
use super::action::{Action, toggled};
use super::chord::{Code, Key};
use super::dialog::{Confirm, Dialog, edit_line};
use super::keymap::{Found, Keymap, Screen};
use super::model::{Help, Intent, Mode, Model, Panel};
use super::palette::{Does, Palette};
use super::tenants::{Tenants, scope_here};
use super::viewmodel::{before_length, chosen, lines_at_most, listed};
use super::waive;
use crate::engine::Run;
use crate::engine::command::{Allowance, Class, Command, Identity, Scope, Verb};
use crate::engine::people::judge;
use crate::engine::run::{Driving, Stage};
use crate::plan::graph::tree;
use crate::spec::policy::OnExit;
use crate::spec::units::Time;

/// What a key is judged by.
#[derive(Clone, Copy)]
pub struct Ctx<'a> {
    pub run: &'a Run,
    pub keymap: &'a Keymap,
    pub now: Time,
    /// Of the run's files, if they hold any.
    pub tenants: Option<&'a Tenants>,
    /// Rows a page has.
    pub page: usize,
}

/// Lines a tenant's page, or what is closed, may be scrolled.
const TENANT_LINES: usize = 400;
/// Capitals in a row after which caps lock is suspected.
const CAPITALS: u8 = 3;

/// Takes one key.
pub fn press(model: &mut Model, key: Key, ctx: Ctx) -> Vec<Intent> {
    (model.hint, model.hint_since) = (None, None);
    if key == Key::ctrl('c') {
        return apply(model, Action::Quit, ctx);
    }
    match &mut model.mode {
        Mode::Keys => press_keys(model, key, ctx),
        Mode::Filter { .. } => press_filter(model, key),
        Mode::Palette(_) => press_palette(model, key, ctx),
        Mode::Help(help) => {
            if press_help(help, key, ctx) {
                model.mode = Mode::Keys;
            }
            Vec::new()
        }
        Mode::Dialog(_) => press_dialog(model, key, ctx),
    }
}

/// Takes pasted text: it goes into the field that has the keys, and is never read as keys.
pub fn paste(model: &mut Model, text: &str) {
    let add = |line: &mut String| super::text::clean(text).chars().for_each(|c| edit_line(line, Key::char(c)));
    match &mut model.mode {
        Mode::Dialog(Dialog::Confirm(confirm)) => confirm.paste(text),
        Mode::Dialog(Dialog::Waive(waive)) => waive.paste(text),
        Mode::Palette(palette) => add(&mut palette.query),
        Mode::Help(help) if help.typing => add(&mut help.query),
        Mode::Filter { .. } => add(filter_of(model)),
        _ => model.hint = Some("pasted text was not read as keys".into()),
    }
}

fn press_keys(model: &mut Model, key: Key, ctx: Ctx) -> Vec<Intent> {
    model.pending.push(key);
    match ctx.keymap.find(model.screen, &model.pending) {
        Found::Action(action) => {
            model.pending.clear();
            model.capitals = if is_capital(key) { model.capitals.saturating_add(1) } else { 0 };
            let intents = apply(model, action, ctx);
            suspect_caps_lock(model);
            intents
        }
        Found::Prefix => Vec::new(),
        Found::Nothing => {
            let keys = super::chord::show(&std::mem::take(&mut model.pending));
            model.capitals = if is_capital(key) { model.capitals.saturating_add(1) } else { 0 };
            let help = ctx.keymap.key_of(model.screen, Action::Help).unwrap_or_default();
            model.hint = Some(format!("{keys} means nothing here; {help} lists the keys"));
            suspect_caps_lock(model);
            Vec::new()
        }
    }
}

fn is_capital(key: Key) -> bool {
    matches!(key.code, Code::Char(c) if c.is_uppercase())
}

fn suspect_caps_lock(model: &mut Model) {
    if model.capitals >= CAPITALS && model.mode == Mode::Keys {
        model.hint = Some("only capitals arrive: is caps lock on? Keys here differ by case".into());
    }
}

/// Does what a key, a palette line or a test asks for.
pub fn apply(model: &mut Model, action: Action, ctx: Ctx) -> Vec<Intent> {
    match action {
        Action::Verb(Verb::Waive) => waive(model, ctx),
        Action::Verb(verb) => {
            let scope = scope_here(ctx.run, model, ctx.tenants, verb.info());
            let verb = toggled(ctx.run, verb, &scope);
            return ask(model, verb, scope, ctx);
        }
        Action::Quit => return quit(model, ctx),
        Action::Copy => return super::copy::copy(model, ctx),
        Action::Dump => return vec![Intent::Dump],
        Action::Export if ctx.run.plan.compat.is_none() => model.hint = Some("this run has no contracts".into()),
        Action::Export => return vec![Intent::Export],
        Action::Up => step(model, ctx, -1),
        Action::Down => step(model, ctx, 1),
        Action::PageUp => page(model, ctx, -(ctx.page.max(1) as isize)),
        Action::PageDown => page(model, ctx, ctx.page.max(1) as isize),
        Action::Top => step(model, ctx, isize::MIN / 2),
        Action::Bottom => step(model, ctx, isize::MAX / 2),
        Action::NextPanel => model.panel = model.panel.next(),
        Action::PrevPanel => model.panel = model.panel.next().next(),
        Action::Open => open(model, ctx),
        Action::Back => back(model),
        Action::Main => go(model, Screen::Main),
        Action::Detail => detail(model, ctx),
        Action::Events => go(model, Screen::Events),
        Action::Tenants if ctx.tenants.is_none() => model.hint = Some("the files of this run hold no tenants".into()),
        Action::Tenants => go(model, Screen::Tenants),
        Action::Plan => go(model, Screen::Plan),
        Action::Sort if model.screen == Screen::Plan => {
            (model.plan_by_service, model.plan_at, model.finding) = (!model.plan_by_service, 0, false);
        }
        Action::Sort => model.tenants_sort = model.tenants_sort.next(),
        Action::Graph => {
            model.graph = !model.graph;
            go(model, Screen::Plan);
        }
        Action::Closings => (model.closings, model.detail_scroll) = (!model.closings, 0),
        Action::Filter => {
            model.finding = false;
            model.mode = Mode::Filter { before: filter_of(model).clone() };
        }
        Action::Command => model.mode = Mode::Palette(Palette::default()),
        Action::Zone => zone(model),
        Action::Follow => {
            model.events_scroll = usize::from(model.follows());
            model.hint =
                Some(if model.follows() { "events follow" } else { "events stand still; f follows again" }.into());
        }
        Action::Help => model.mode = Mode::Help(Help::default()),
    }
    Vec::new()
}

/// Yours, then UTC; of tenants theirs between the two.
fn zone(model: &mut Model) {
    let of_tenants = matches!(model.screen, Screen::Tenants | Screen::Tenant);
    (model.theirs, model.utc) = match (of_tenants && model.theirs, model.utc) {
        (true, _) => (false, true),
        (false, false) if of_tenants => (true, false),
        (false, utc) => (false, !utc),
    };
}

fn go(model: &mut Model, screen: Screen) {
    model.screen = screen;
    (model.detail_scroll, model.finding) = (0, false);
    model.mode = Mode::Keys;
}

fn open(model: &mut Model, ctx: Ctx) {
    match (model.screen, model.panel) {
        (Screen::Main, Panel::Events) => go(model, Screen::Events),
        (Screen::Main, _) if model.selected(ctx.run).is_some() => detail(model, ctx),
        (Screen::Plan, _) if model.graph => {}
        (Screen::Plan, _) if !model.finding => {
            (model.finding, model.detail_scroll) = (chosen(ctx.run, model).is_some(), 0);
        }
        (Screen::Plan, _) => {
            let service = chosen(ctx.run, model).and_then(|f| f.service.clone());
            if let Some(service) = service.filter(|s| ctx.run.track(s).is_some()) {
                model.chosen = Some(service);
                go(model, Screen::Detail);
            }
        }
        (Screen::Tenants, _) => {
            if let Some(id) = selected_tenant(model, ctx) {
                model.tenant = Some(id);
                go(model, Screen::Tenant);
            }
        }
        _ => {}
    }
}

pub(super) fn selected_tenant(model: &Model, ctx: Ctx) -> Option<String> {
    let tenants = ctx.tenants?;
    let tenant = model.selected_tenant(tenants).and_then(|index| tenants.tenant(index));
    tenant.map(|t| t.id.to_string())
}

/// The page must not turn under the reader.
fn detail(model: &mut Model, ctx: Ctx) {
    model.choose(ctx.run);
    go(model, Screen::Detail);
}

fn back(model: &mut Model) {
    if model.screen == Screen::Plan && model.finding {
        model.finding = false;
    } else if !filter_of(model).is_empty() {
        filter_of(model).clear();
    } else if model.screen == Screen::Tenant {
        go(model, Screen::Tenants);
    } else if model.screen == Screen::Tenants && model.closings {
        model.closings = false;
    } else if model.screen == Screen::Plan && model.graph {
        model.graph = false;
    } else if model.screen != Screen::Main {
        go(model, Screen::Main);
    } else {
        model.panel = Panel::Services;
        model.events_scroll = 0;
        model.gates_scroll = 0;
        if model.chosen.take().is_some() {
            model.hint = Some("the selection follows what matters most".into());
        }
    }
}

/// The filter of the list on screen.
fn filter_of(model: &mut Model) -> &mut String {
    match (model.screen, model.panel) {
        (Screen::Events, _) | (Screen::Main, Panel::Events) => &mut model.events_filter,
        (Screen::Tenants | Screen::Tenant, _) => &mut model.tenants_filter,
        (Screen::Plan, _) => &mut model.plan_filter,
        _ => &mut model.services_filter,
    }
}

/// Before the start the pages of the main screen are those of the preview: that is what must be read.
fn page(model: &mut Model, ctx: Ctx, by: isize) {
    if model.screen == Screen::Main && model.panel == Panel::Services && ctx.run.started.is_none() {
        let last = before_length(ctx.run);
        model.gates_scroll = model.gates_scroll.saturating_add_signed(by).min(last);
    } else {
        step(model, ctx, by);
    }
}

fn step(model: &mut Model, ctx: Ctx, by: isize) {
    let moved = |from: usize, last: usize| from.saturating_add_signed(by).min(last);
    match (model.screen, model.panel) {
        (Screen::Events, _) | (Screen::Main, Panel::Events) => {
            model.events_scroll = moved(model.events_scroll, ctx.run.events.len().saturating_sub(1));
        }
        (Screen::Plan, _) if model.graph => {
            let lines = tree(&ctx.run.plan).len();
            model.detail_scroll = moved(model.detail_scroll, lines);
        }
        (Screen::Plan, _) if model.finding => {
            let lines = chosen(ctx.run, model).map_or(0, |f| lines_at_most(f, ctx.run));
            model.detail_scroll = moved(model.detail_scroll, lines);
        }
        (Screen::Plan, _) => {
            let last = listed(ctx.run, model).len().saturating_sub(1);
            model.plan_at = moved(model.plan_at.min(last), last);
        }
        (Screen::Tenants, _) if model.closings => model.detail_scroll = moved(model.detail_scroll, TENANT_LINES),
        (Screen::Tenants, _) => {
            let Some(tenants) = ctx.tenants else { return };
            let to = moved(model.tenant_place(tenants), tenants.len().saturating_sub(1));
            let tenant = tenants.at(to).and_then(|index| tenants.tenant(index));
            model.tenant = tenant.map(|t| t.id.to_string()).or(model.tenant.take());
        }
        // How long it is the view knows.
        (Screen::Tenant, _) => model.detail_scroll = moved(model.detail_scroll, TENANT_LINES),
        (Screen::Detail, _) => {
            let track = model.selected(ctx.run).and_then(|name| ctx.run.track(name));
            let pods = |w: &Option<crate::engine::observe::WorkloadSeen>| w.as_ref().map_or(0, |w| w.pods.len());
            // Facts and heads take some twenty lines; the view knows how many of them are out of sight.
            let lines = track.map_or(0, |t| t.durations.len() + pods(&t.next) + pods(&t.stable) + 20);
            model.detail_scroll = moved(model.detail_scroll, lines);
        }
        (Screen::Main, Panel::Gates) => {
            let before = before_length(ctx.run);
            let last = if before > 0 { before } else { ctx.run.plan.policy.gates.len().saturating_sub(1) };
            model.gates_scroll = moved(model.gates_scroll, last);
        }
        (Screen::Main, Panel::Services) => {
            let visible = model.visible(ctx.run);
            let at = model.selected(ctx.run).and_then(|s| visible.iter().position(|v| *v == s)).unwrap_or(0);
            let to = moved(at, visible.len().saturating_sub(1));
            model.chosen = visible.get(to).map(|s| s.to_string());
            model.gates_scroll = 0;
        }
    }
}

/// Who asks for an act of two persons leaves a trace: the engine denies it in the journal.
fn denied(verb: Verb, scope: Scope, by: &Identity) -> Vec<Intent> {
    if verb.info().class != Class::TwoPersons {
        return Vec::new();
    }
    vec![Intent::Command(Command { verb, scope, by: by.clone(), reason: String::new(), typed: None })]
}

/// Sends a verb, or opens the dialog it needs, or says why not.
fn ask(model: &mut Model, verb: Verb, scope: Scope, ctx: Ctx) -> Vec<Intent> {
    let who = &ctx.run.identity;
    let off = |why: &str| Some(format!("{} is off: {why}", verb.info().name));
    if model.read_only {
        model.hint = off("this console is read-only");
        return Vec::new();
    }
    let word = match judge(ctx.run, verb, &scope, who, None) {
        Allowance::Denied(why) => {
            model.hint = off(&why);
            return denied(verb, scope, who);
        }
        Allowance::NeedsSecond => {
            model.hint = off("it needs a second person, and no route to one is configured");
            return denied(verb, scope, who);
        }
        Allowance::Allowed => None,
        Allowance::NeedsTyping(word) => Some(word),
    };
    // Whatever the verdict turns to next, the person goes on with the service they acted on.
    if let Scope::Service(name) = &scope {
        model.chosen = Some(name.clone());
    }
    if word.is_none() && verb.info().class == Class::Plain {
        model.hint = Some(sent(verb, &scope));
        return vec![Intent::Command(Command { verb, scope, by: who.clone(), reason: String::new(), typed: None })];
    }
    model.mode = Mode::Dialog(Dialog::Confirm(Confirm::new(ctx.run, verb, scope, word, None)));
    Vec::new()
}

fn waive(model: &mut Model, ctx: Ctx) {
    match waive::open(model, ctx) {
        Ok(dialog) => model.mode = Mode::Dialog(dialog),
        Err(why) => model.hint = Some(format!("waive is off: {why}")),
    }
}

fn sent(verb: Verb, scope: &Scope) -> String {
    match scope {
        Scope::Service(name) | Scope::Tenant(name) => format!("{} {name} sent", verb.info().name),
        Scope::Run => format!("{} sent", verb.info().name),
    }
}

/// Leaves at once when there is nothing to decide, else asks.
fn quit(model: &mut Model, ctx: Ctx) -> Vec<Intent> {
    let others = matches!(ctx.run.driving, Driving::SteppedDown { .. });
    if model.read_only || others || matches!(ctx.run.stage, Stage::Ended(_)) {
        return vec![Intent::Quit(OnExit::Hold)];
    }
    model.pending.clear();
    model.mode = Mode::Dialog(Dialog::Quit);
    Vec::new()
}

fn press_filter(model: &mut Model, key: Key) -> Vec<Intent> {
    match key.code {
        Code::Enter => model.mode = Mode::Keys,
        Code::Esc => {
            if let Mode::Filter { before } = std::mem::take(&mut model.mode) {
                *filter_of(model) = before;
            }
        }
        _ => edit_line(filter_of(model), key),
    }
    Vec::new()
}

/// True when help closes.
fn press_help(help: &mut Help, key: Key, ctx: Ctx) -> bool {
    let search = matches!(ctx.keymap.find(Screen::Main, &[key]), Found::Action(Action::Filter));
    let closes =
        matches!(ctx.keymap.find(Screen::Main, &[key]), Found::Action(Action::Help | Action::Quit | Action::Back));
    match (key.code, help.typing) {
        (Code::Esc, true) => *help = Help::default(),
        (Code::Enter, true) => help.typing = false,
        (Code::Esc | Code::Enter, false) => return true,
        (Code::Down | Code::PageDown, _) => help.scroll += 1,
        (Code::Up | Code::PageUp, _) => help.scroll = help.scroll.saturating_sub(1),
        (_, true) => edit_line(&mut help.query, key),
        (_, false) if search => help.typing = true,
        (_, false) => return closes,
    }
    false
}

fn press_palette(model: &mut Model, key: Key, ctx: Ctx) -> Vec<Intent> {
    let Mode::Palette(palette) = &mut model.mode else { return Vec::new() };
    match key.code {
        Code::Esc => model.mode = Mode::Keys,
        Code::Up => palette.chosen = palette.chosen.saturating_sub(1),
        Code::Down | Code::Tab => {
            let last = palette.entries(ctx.run).len().saturating_sub(1);
            palette.chosen = (palette.chosen + 1).min(last);
        }
        Code::Enter => {
            let entry = palette.entries(ctx.run).into_iter().nth(palette.chosen);
            model.mode = Mode::Keys;
            return match entry.map(|e| e.does) {
                // By name a verb means itself; only its key toggles.
                Some(Does::Action(Action::Verb(verb))) if verb != Verb::Waive => {
                    let scope = scope_here(ctx.run, model, ctx.tenants, verb.info());
                    ask(model, verb, scope, ctx)
                }
                Some(Does::Action(action)) => apply(model, action, ctx),
                Some(Does::On(verb, scope)) => ask(model, verb, scope, ctx),
                Some(Does::Go(name)) => {
                    model.chosen = Some(name);
                    model.services_filter.clear();
                    Vec::new()
                }
                None => {
                    model.hint = Some("no command of that name".into());
                    Vec::new()
                }
            };
        }
        _ => {
            palette.chosen = 0;
            edit_line(&mut palette.query, key);
        }
    }
    Vec::new()
}

fn press_dialog(model: &mut Model, key: Key, ctx: Ctx) -> Vec<Intent> {
    let Mode::Dialog(dialog) = &mut model.mode else { return Vec::new() };
    if key.code == Code::Esc {
        model.mode = Mode::Keys;
        return Vec::new();
    }
    match dialog {
        Dialog::Quit => press_quit(model, key, ctx),
        Dialog::Confirm(confirm) if key.code == Code::Enter => {
            let Ok(command) = confirm.ready(ctx.run, &ctx.run.identity) else { return Vec::new() };
            let then = confirm.then_quit;
            model.mode = Mode::Keys;
            model.hint = Some(sent(command.verb, &command.scope));
            // Leaving with an abort is one message: the driver aborts, then leaves.
            vec![then.map_or(Intent::Command(command), Intent::Quit)]
        }
        Dialog::Confirm(confirm) => {
            confirm.edit(key);
            Vec::new()
        }
        Dialog::Waive(waive) if key.code == Code::Enter => {
            let Ok(accept) = waive.ready(&ctx.run.identity, ctx.now) else { return Vec::new() };
            model.mode = Mode::Keys;
            model.hint = Some("sent: the contracts are read again once the entry is written".into());
            vec![Intent::Accept(accept)]
        }
        Dialog::Waive(waive) => {
            waive.edit(key);
            Vec::new()
        }
        Dialog::Refused(_) => Vec::new(),
    }
}

fn press_quit(model: &mut Model, key: Key, ctx: Ctx) -> Vec<Intent> {
    match key.code {
        // A letter, not Enter: nobody leaves a run by a stray key.
        Code::Char('h') => vec![Intent::Quit(OnExit::Hold)],
        Code::Char('a') => {
            match judge(ctx.run, Verb::Abort, &Scope::Run, &ctx.run.identity, None) {
                Allowance::NeedsTyping(word) => {
                    let confirm = Confirm::new(ctx.run, Verb::Abort, Scope::Run, Some(word), Some(OnExit::Rollback));
                    model.mode = Mode::Dialog(Dialog::Confirm(confirm));
                }
                Allowance::Allowed => return vec![Intent::Quit(OnExit::Rollback)],
                Allowance::Denied(why) => model.hint = Some(format!("abort is off: {why}")),
                Allowance::NeedsSecond => model.hint = Some("abort is off: it needs a second person".into()),
            }
            Vec::new()
        }
        _ => Vec::new(),
    }
}
