//! One tenant in full: who it is, when it may be upgraded, what closes it, and what happened to it.
use super::super::model::Model;
use super::super::tenants::{Tenants, moved};
use super::super::theme::Meaning;
use super::super::zone::Zone;
use super::campaign;
use super::closings::closed_texts;
use super::fit::{change_line, fit_line};
use super::tenants::DAY;
use super::{EventRow, Line, Scene, doubted, event_row, piece};
use crate::calendar::{LOOK, said};
use crate::engine::Run;
use crate::engine::effect::Event;
use crate::engine::moves::of_tenant;
use crate::spec::tenants::{Contact, Hemisphere, Tenant};
use crate::spec::units::Time;

/// Windows of the schedule.
const WINDOWS: usize = 6;

/// The page of one tenant.
#[derive(Debug, Clone, PartialEq)]
pub struct TenantPage {
    pub id: String,
    pub lines: Vec<Line>,
    pub scroll: usize,
    /// What happened to it in this run, newest first.
    pub history: Vec<EventRow>,
}

pub fn build(run: &Run, model: &Model, scene: Scene) -> Option<TenantPage> {
    let tenants = scene.tenants?;
    let index = model.selected_tenant(tenants)?;
    let tenant = tenants.tenant(index)?;
    let mut lines = Vec::new();
    who(run, tenant, scene, &mut lines);
    let of_campaign = campaign::lines(run, tenant, scene.shown(model), scene.now, doubted(run, scene));
    if !of_campaign.is_empty() {
        lines.push(vec![piece(Meaning::Title, "This run")]);
        lines.extend(of_campaign);
    }
    schedule(tenants, index, model, scene, &mut lines);
    lines.push(fit_line(run, tenants, index, model, scene));
    lines.extend(change_line(tenants, index, scene.now));
    lines.push(vec![piece(Meaning::Title, "Closed")]);
    let closed = closed_texts(tenants, index, scene.now);
    lines.extend(closed.iter().map(|text| vec![piece(Meaning::Text, format!("  {text}"))]));
    if closed.is_empty() {
        lines.push(vec![piece(Meaning::Dim, "  nothing but outside of its windows")]);
    }
    let zone = if model.theirs { Zone(tenant.zone.0) } else { scene.shown(model) };
    // What moves together is told by the name of all.
    let moves = of_tenant(run, &tenant.id, &tenant.cohort).map(|(_, m)| m.name.as_str());
    let names: Vec<&str> = moves.chain([&*tenant.id]).collect();
    let of_it = run.events.iter().filter(|e| names.iter().any(|n| is_about(e, n))).take(scene.rows);
    Some(TenantPage {
        id: tenant.id.to_string(),
        lines,
        scroll: model.detail_scroll,
        history: of_it.map(|e| event_row(e, zone, scene.now, false)).collect(),
    })
}

/// An event is about a tenant when its text names it as a word.
fn is_about(event: &Event, name: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    event.text.split(|c| !part(c)).any(|word| word.trim_end_matches('.') == name)
}

fn who(run: &Run, tenant: &Tenant, scene: Scene, lines: &mut Vec<Line>) {
    let mut fact = |label: &str, text: String| {
        lines.push(vec![piece(Meaning::Dim, format!("{label:<11}")), piece(Meaning::Text, text)]);
    };
    let name = tenant.name.as_deref().unwrap_or(&tenant.id);
    let region = tenant.region.as_deref().map(|r| format!(", region {r}")).unwrap_or_default();
    fact("name", format!("{name}, cohort {}{region}", tenant.cohort));
    let south = if tenant.hemisphere == Hemisphere::South { ", southern seasons" } else { "" };
    let reads = scene.now.utc().with_timezone(&tenant.zone.0).format("%a %F %H:%M (UTC%:z)");
    fact("clock", format!("{}: {reads}{south}", tenant.zone));
    let services: Vec<&str> = tenant.services.iter().map(|s| &**s).collect();
    fact("uses", if services.is_empty() { "all services".into() } else { services.join(", ") });
    let moved: Vec<&str> = moved(run, tenant).collect();
    if !moved.is_empty() {
        fact("on new", moved.join(", "));
    }
    if let Some(date) = tenant.preferred_date {
        fact("preferred", format!("the first fit on or after {date}"));
    }
    let contacts: Vec<String> = tenant.contacts.iter().map(contact).collect();
    if !contacts.is_empty() {
        fact("tell", contacts.join(", "));
    }
}

fn contact(contact: &Contact) -> String {
    match contact {
        Contact::Email(at) => format!("mail {at}"),
        Contact::Slack(channel) => format!("slack {channel}"),
        Contact::Pagerduty(key) => format!("pagerduty {key}"),
        Contact::Webhook(url) => url.to_string(),
    }
}

/// The windows to come, on both clocks.
fn schedule(tenants: &Tenants, index: usize, model: &Model, scene: Scene, lines: &mut Vec<Line>) {
    let (view, now) = (tenants.view(index), scene.now);
    let windows: Vec<String> = view.rules.windows.iter().map(said).collect();
    let head = [piece(Meaning::Title, "Schedule  "), piece(Meaning::Text, windows.join(", "))];
    lines.push(head.to_vec());
    let (theirs, ours) = (Zone(view.clock.zone().0), scene.shown(model));
    let mut at = if view.in_window(now) { Some(view.current_start(now).unwrap_or(now)) } else { view.next_start(now) };
    for _ in 0..WINDOWS {
        let Some(start) = at else { break };
        let end = view.next_end(start.max(now));
        let open = start <= now;
        if end.is_none() {
            let since =
                view.current_start(start).map_or_else(String::new, |_| format!(" from {}", theirs.day(start, now)));
            let text = format!("{since}, and does not close within {LOOK}");
            let meaning = if open { Meaning::Good } else { Meaning::Text };
            lines.push(vec![piece(meaning, format!("  open{text}"))]);
            break;
        }
        let on = |zone: Zone| {
            // The day only where it is not the same night.
            let to = end.map_or_else(String::new, |end| match end.since(start) <= DAY {
                true => zone.minute(end),
                false => zone.day(end, now),
            });
            format!("{}-{to}", zone.day(start, now))
        };
        let word = if open { "open  " } else { "      " };
        let mut line = vec![
            piece(if open { Meaning::Good } else { Meaning::Dim }, format!("  {word}")),
            piece(Meaning::Text, on(theirs)),
        ];
        if on(ours) != on(theirs) {
            line.push(piece(Meaning::Dim, format!("  {} {}", on(ours), ours.label(start))));
        }
        lines.push(line);
        at = end.and_then(|end: Time| view.next_start(end));
    }
    if !view.in_window(now) && view.next_start(now).is_none() {
        lines.push(vec![piece(Meaning::Bad, format!("  not open within {LOOK}"))]);
    }
}
