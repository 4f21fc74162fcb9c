//! What the key that copies puts into the clipboard: the selected line of whatever is on screen.
use super::keymap::Screen;
use super::model::{Intent, Model, Panel};
use super::update::{Ctx, selected_tenant};
use super::viewmodel::chosen;
use crate::engine::status::{by_hand, state_text};

pub(super) fn copy(model: &mut Model, ctx: Ctx) -> Vec<Intent> {
    let line = match (model.screen, model.panel) {
        (Screen::Events, _) | (Screen::Main, Panel::Events) => {
            let event = ctx.run.events.get(model.events_scroll);
            event.map(|e| {
                format!("{} {} {} {} {}", e.at, e.kind.word(), e.who, e.service.as_deref().unwrap_or("-"), e.text)
            })
        }
        (Screen::Tenants | Screen::Tenant, _) => selected_tenant(model, ctx),
        (Screen::Plan, _) => chosen(ctx.run, model).map(|f| {
            let name = if f.is_unseen() { f.at.as_deref().unwrap_or("-") } else { &f.fingerprint };
            format!("{name} {} {} {}", f.rule, f.service.as_deref().unwrap_or("-"), f.message)
        }),
        _ => model.selected(ctx.run).and_then(|name| ctx.run.track(name)).map(|t| {
            if let Some((_, command)) = by_hand(ctx.run, t) {
                return command;
            }
            let from = t.facts.as_ref().map_or("?", |f| f.from_version.as_str());
            let to = ctx.run.plan.get(&t.service).map_or("?", |p| p.version.as_str());
            format!("{} {from} > {to} {:.0}% {}", t.service, t.accepted_share(), state_text(ctx.run, t, ctx.now))
        }),
    };
    let Some(line) = line else {
        model.hint = Some("nothing to copy".into());
        return Vec::new();
    };
    model.hint = Some("copied, if your terminal takes OSC 52".into());
    vec![Intent::Copy(super::text::clean(&line).into_owned())]
}
