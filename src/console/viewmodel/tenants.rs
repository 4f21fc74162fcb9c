//! Tenants and their windows: the list, a day as a timeline, the selected one, what is closed; and the panel of the main
//! screen.
use std::collections::BTreeMap;

use super::super::model::Model;
use super::super::tenants::{Head, Kind, Look, Tenants, moved, needs_of};
use super::super::theme::Meaning;
use super::super::zone::Zone;
use super::campaign;
use super::closings::{closed_texts, closings};
use super::fit::{change_line, fit_line};
use super::{Line, Scene, doubted, piece};
use crate::calendar::{Change, Rule, said};
use crate::engine::Run;
use crate::spec::tenants::Tenant;
use crate::spec::units::{Dur, Time};

/// How far a timeline reaches.
pub const DAY: Dur = Dur::hours(24);
/// A change of the clock is marked in the list when it is as near as this.
const SOON: Dur = Dur::hours(24 * 30);
/// Open windows in the main screen's panel, and those that open next.
const HEADS: (usize, usize) = (2, 4);

/// One tenant in the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantRow {
    pub name: String,
    pub zone: String,
    /// What its clock reads now.
    pub now: String,
    /// The window that is open, or the next one: on its clock, and on the reader's.
    pub theirs: String,
    pub shown: String,
    /// A change of the clock makes a window longer or shorter soon.
    pub changes: bool,
    pub state: String,
    pub meaning: Meaning,
    /// Until it closes, or opens.
    pub left: String,
    pub selected: bool,
}

/// When a tenant's window is open within the next [`DAY`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bar {
    pub name: String,
    /// First instant and first instant after, from the left edge.
    pub open: Vec<(Dur, Dur)>,
    pub frozen: Vec<(Dur, Dur)>,
    /// `OPEN 2:48`; of several that share a window `1 moves, 27 waiting`.
    pub state: String,
    pub meaning: Meaning,
    /// Its zone and what its clock reads now, for the main screen.
    pub zone: String,
    pub now: String,
    pub selected: bool,
}

/// A day from now on; now is the left edge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeline {
    /// Each full hour in it, and how it is written.
    pub hours: Vec<(Dur, u32)>,
    pub zone: String,
    pub bars: Vec<Bar>,
}

/// The screen of all tenants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantsView {
    pub title: String,
    /// `41: 4 open, 36 waiting, 1 frozen`
    pub counts: String,
    /// Heading of the column with the reader's times.
    pub shown: String,
    /// As many as a screen can have, around the selected one.
    pub rows: Vec<TenantRow>,
    /// How many of the list stand before the first of them.
    pub before: usize,
    pub timeline: Timeline,
    pub selected: Vec<Line>,
    /// In the place of the timeline, and how far it is scrolled.
    pub closings: Option<Vec<Line>>,
    pub scroll: usize,
}

/// The panel of the main screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantsPanel {
    pub title: String,
    pub short_title: String,
    /// `41 tenants, 4 open [4]`
    pub right: String,
    pub short_right: String,
    pub timeline: Timeline,
    /// For a small screen: what closes and opens next.
    pub line: String,
}

pub fn build(run: &Run, model: &Model, scene: Scene) -> Option<TenantsView> {
    let tenants = scene.tenants?;
    let place = model.tenant_place(tenants);
    let chosen = tenants.at(place);
    let before = place.saturating_sub(scene.rows);
    let places = before..tenants.len().min(place + scene.rows + 1);
    let indices: Vec<usize> = places.filter_map(|p| tenants.at(p)).collect();
    let zone = shown_zone(model, scene, tenants, chosen);
    let of = |index: &usize| row(run, tenants, *index, model, scene, Some(*index) == chosen);
    // The bars stand for the rows around the selected one; at the end of the list more of them for those before it.
    let first = (place - before).saturating_sub(1).min(indices.len().saturating_sub(scene.rows));
    let bars = indices.iter().skip(first).take(scene.rows);
    let bars = bars.filter_map(|i| bar(run, tenants, *i, scene, Some(*i) == chosen)).collect();
    Some(TenantsView {
        title: title(model, tenants),
        counts: counts(run, tenants),
        shown: match (model.theirs, model.utc) {
            (true, _) => "ON".into(),
            (false, true) => "UTC".into(),
            (false, false) => format!("YOURS ({})", scene.zone.label(scene.now)),
        },
        rows: indices.iter().filter_map(of).collect(),
        before,
        timeline: timeline(zone, scene.now, bars),
        selected: chosen.map(|i| selected(run, tenants, i, model, scene)).unwrap_or_default(),
        closings: model.closings.then(|| closings(tenants, zone)),
        scroll: model.detail_scroll,
    })
}

fn title(model: &Model, tenants: &Tenants) -> String {
    let sorted = format!("Tenants by {}", model.tenants_sort.word());
    if model.tenants_filter.is_empty() {
        return sorted;
    }
    format!("{sorted}, {} match \"{}\"", tenants.len(), model.tenants_filter)
}

/// The zone of the timeline: of several tenants' zones that of the selected one.
pub(super) fn shown_zone(model: &Model, scene: Scene, tenants: &Tenants, chosen: Option<usize>) -> Zone {
    let theirs = chosen.filter(|_| model.theirs).and_then(|i| tenants.tenant(i)).map(|t| Zone(t.zone.0));
    theirs.unwrap_or_else(|| scene.shown(model))
}

/// Tenants whose window is open for them now: nobody's while the run is frozen.
fn open_now(run: &Run, tenants: &Tenants) -> usize {
    let open = tenants.counts().open.saturating_sub(campaign::kept(run, tenants).open);
    if run.frozen.is_some() { 0 } else { open }
}

fn counts(run: &Run, tenants: &Tenants) -> String {
    let c = tenants.counts();
    if let Some(frozen) = &run.frozen {
        return format!("{}: frozen by {}", c.all, frozen.by);
    }
    let (open, kept) = (open_now(run, tenants), campaign::kept(run, tenants).all);
    let waiting = c.all.saturating_sub(open + c.frozen + c.done + c.moved + kept);
    let parts = [
        (open, "open"),
        (c.moved, "moved"),
        (c.done, "done"),
        (waiting, "waiting"),
        (c.frozen, "frozen"),
        (kept, "kept back"),
    ];
    let parts: Vec<String> = parts.iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{n} {word}")).collect();
    format!("{}: {}", c.all, parts.join(", "))
}

/// What a row says of its window, how that is meant, and until when it is so. What the cluster showed is marked when nobody
/// sees whether it still does; what clocks say is not.
fn state(run: &Run, tenants: &Tenants, index: usize, scene: Scene) -> (String, Meaning, Option<Time>) {
    let (look, now) = (tenants.look_of(index), scene.now);
    let Some(tenant) = tenants.tenant(index) else { return (String::new(), Meaning::Dim, None) };
    let old = doubted(run, scene);
    let seen = |word: &str, meaning| if old { (format!("?{word}"), Meaning::Stale) } else { (word.into(), meaning) };
    if tenants.is_done(index) {
        let (word, meaning) = seen("done", Meaning::Done);
        return (word, meaning, None);
    }
    let told = campaign::state(run, tenant);
    // A person's freeze is above everything but where its requests go already.
    if run.frozen.is_some() && !told.as_ref().is_some_and(campaign::Told::is_begun) {
        return ("FROZEN".into(), Meaning::Bad, campaign::let_go(run, tenants, index, now));
    }
    if let Some(told) = told {
        let (word, meaning) = seen(told.word, told.meaning);
        let until = if told.is_kept() { campaign::let_go(run, tenants, index, now) } else { told.until };
        return (word, meaning, until);
    }
    let until = if look.open { look.end } else { look.start };
    let word = match (look.open, look.frozen) {
        (_, true) => ("FROZEN", Meaning::Bad),
        // It is open, but what has to be done does not fit any more.
        (true, _) if look.end.is_some_and(|end| end.since(now) < needs_of(run, tenant).0) => {
            ("OPEN late", Meaning::Warn)
        }
        (true, _) => ("OPEN", Meaning::Good),
        (false, _) if was_open(tenants, index, now) => ("missed", Meaning::Missing),
        (false, _) => ("waits", Meaning::Dim),
    };
    let running = moved(run, tenant).next().map(|_| format!(" {}", seen("moved", Meaning::Good).0));
    (format!("{}{}", word.0, running.unwrap_or_default()), word.1, until)
}

/// The same of all tenants that share a window, in numbers; nothing where all of them are what the window says.
fn folded(run: &Run, tenants: &Tenants, head: &Head, kinds: &[Kind], scene: Scene) -> Option<(String, Meaning)> {
    if run.frozen.is_some() || head.count < 2 {
        return None;
    }
    let (old, look) = (doubted(run, scene), &head.look);
    let by_window = match (look.open, look.frozen) {
        (_, true) => (7, "frozen", Meaning::Bad),
        (true, _) => (7, "open", Meaning::Good),
        (false, _) => (7, "waiting", Meaning::Dim),
    };
    let mut counts: BTreeMap<(u8, &str), (usize, Meaning)> = BTreeMap::new();
    for kind in kinds {
        let told = tenants.tenant(kind.tenant).and_then(|t| campaign::state(run, t));
        let (rank, word, meaning) = match told {
            _ if tenants.is_done(kind.tenant) => (8, "done", Meaning::Done),
            Some(told) => (told.rank, told.word, told.meaning),
            None => by_window,
        };
        counts.entry((rank, word)).or_insert((0, meaning)).0 += kind.count;
    }
    let first = counts.first_key_value().filter(|(key, _)| counts.len() > 1 || **key != (7, by_window.1))?;
    let meaning = if old && first.0.0 != 7 { Meaning::Stale } else { first.1.1 };
    let sign = |rank: u8| if old && rank != 7 { "?" } else { "" };
    let said = counts.iter().map(|((rank, word), (n, _))| format!("{}{n} {word}", sign(*rank)));
    Some((said.collect::<Vec<_>>().join(", "), meaning))
}

/// Its window was open within the last day, and does not open within the next.
fn was_open(tenants: &Tenants, index: usize, now: Time) -> bool {
    let later = tenants.look_of(index).start.is_none_or(|start| start.since(now) > DAY);
    let (view, before) = (tenants.view(index), now - DAY);
    later && (view.in_window(before) || view.next_start(before).is_some_and(|start| start < now))
}

/// `2:48`, or `6 d` where it is more than two days.
pub(super) fn left(until: Option<Time>, now: Time) -> String {
    let Some(left) = until.map(|t| t.until(now)) else { return "-".into() };
    let minutes = left.0.div_ceil(60_000);
    if minutes > 48 * 60 { format!("{} d", minutes / 60 / 24) } else { format!("{}:{:02}", minutes / 60, minutes % 60) }
}

fn row(run: &Run, tenants: &Tenants, index: usize, model: &Model, scene: Scene, selected: bool) -> Option<TenantRow> {
    let (tenant, look, now) = (tenants.tenant(index)?, tenants.look_of(index), scene.now);
    let theirs = Zone(tenant.zone.0);
    let (state, meaning, until) = state(run, tenants, index, scene);
    let shown = match (model.theirs, look.start.or(look.end)) {
        (true, Some(start)) => theirs.show(start, "%Y-%m-%d"),
        (true, None) => no_window(look).into(),
        (false, _) => short_span(scene.shown(model), look, now),
    };
    Some(TenantRow {
        name: tenant.id.to_string(),
        zone: tenant.zone.to_string(),
        now: theirs.show(now, "%a %H:%M"),
        theirs: span(theirs, look, now),
        shown,
        changes: next_change(tenants, index, now).is_some_and(|(change, _)| change.at.since(now) <= SOON),
        state,
        meaning,
        left: left(until, now),
        selected,
    })
}

/// Of one that neither opens nor closes within what is looked ahead.
fn no_window(look: &Look) -> &'static str {
    if look.open { "always open" } else { "not in 400 d" }
}

/// `Sun 02:00-06:00`, with the date where it is not within a week.
fn span(zone: Zone, look: &Look, now: Time) -> String {
    let day = |t: Time| {
        let near = t.since(now).max(now.since(t)) < DAY.times(6);
        if near { zone.show(t, "%a %H:%M") } else { zone.date(t, now) }
    };
    match (look.start, look.end) {
        (None, None) => no_window(look).into(),
        (None, Some(end)) => format!("until {}", day(end)),
        (Some(start), None) => format!("from {}", day(start)),
        (Some(start), Some(end)) if end.since(start) <= DAY => format!("{}-{}", day(start), zone.minute(end)),
        (Some(start), Some(end)) if end.since(start) < DAY.times(6) => {
            format!("{}-{}", day(start), zone.show(end, "%a %H:%M"))
        }
        (Some(start), Some(end)) => format!("{}-{}", day(start), zone.date(end, now)),
    }
}

/// The same without the day where that is today's.
fn short_span(zone: Zone, look: &Look, now: Time) -> String {
    let today = |t: Time| zone.show(t, "%F") == zone.show(now, "%F");
    match (look.start, look.end) {
        (Some(start), Some(end)) if today(start) && end.since(start) <= DAY => {
            format!("{}-{}", zone.minute(start), zone.minute(end))
        }
        (Some(start), Some(_)) if start.since(now) >= DAY.times(6) => zone.date(start, now),
        _ => span(zone, look, now),
    }
}

/// The next change of its clock that touches a window.
pub(super) fn next_change(tenants: &Tenants, index: usize, now: Time) -> Option<(Change, crate::calendar::Touched)> {
    let view = tenants.view(index);
    let changes = view.clock.changes(now, now + crate::calendar::LOOK);
    changes.into_iter().find_map(|change| view.touched(&change).first().map(|touched| (change, *touched)))
}

/// Stretches of the next day in which a tenant's window is open, and in which it is frozen.
fn bar(run: &Run, tenants: &Tenants, index: usize, scene: Scene, selected: bool) -> Option<Bar> {
    let now = scene.now;
    let (tenant, view, end) = (tenants.tenant(index)?, tenants.view(index), now + DAY);
    let mut open = Vec::new();
    let mut at = if view.in_window(now) { Some(now) } else { view.next_start(now) };
    while let Some(start) = at.filter(|t| *t < end) {
        let closes = view.next_end(start).unwrap_or(end);
        open.push((start.since(now), closes.min(end).since(now)));
        at = view.next_start(closes);
    }
    let freezes = tenants.allowed(index).closures.iter().filter(|c| c.rule == Rule::Freeze);
    let frozen = freezes.flat_map(|c| c.stretches(view.clock)).filter(|(from, to)| *from < end && *to > now);
    let frozen = frozen.map(|(from, to)| (from.since(now), to.min(end).since(now)));
    // A person's word is above everything.
    let stays = campaign::stays(run, tenant);
    let person = stays.iter().map(|(_, s)| (Dur::ZERO, s.until.map_or(end, |until| until.min(end)).since(now)));
    let frozen = person.chain(frozen).collect();
    let (word, meaning, until) = state(run, tenants, index, scene);
    let left = left(until, now);
    let state = match word.as_str() {
        "waits" => format!("in {left}"),
        _ if left == "-" => word,
        _ => format!("{word} {left}"),
    };
    let zone = Zone(tenant.zone.0);
    let (name, now) = (tenant.id.to_string(), zone.minute(now));
    Some(Bar { name, open, frozen, state, meaning, zone: city(tenant), now, selected })
}

/// The last part of a zone's name, as people say it.
fn city(tenant: &Tenant) -> String {
    let name = tenant.zone.0.name();
    name.rsplit('/').next().unwrap_or(name).replace('_', " ")
}

fn timeline(zone: Zone, now: Time, bars: Vec<Bar>) -> Timeline {
    const QUARTER: Dur = Dur::mins(15);
    // Every zone is a whole number of quarters of an hour away from the others, so full hours are found at quarters.
    let first = now.floor(QUARTER) + QUARTER;
    let quarters = (0..4 * 24).map(|i| first + QUARTER.times(i)).filter(|t| *t < now + DAY);
    let full = quarters.filter(|t| zone.show(*t, "%M") == "00");
    let hours = full.map(|t| (t.since(now), zone.show(t, "%H").parse().unwrap_or(0))).collect();
    Timeline { hours, zone: zone.label(now), bars }
}

/// What there is to know of the selected tenant, most important first.
fn selected(run: &Run, tenants: &Tenants, index: usize, model: &Model, scene: Scene) -> Vec<Line> {
    let Some(tenant) = tenants.tenant(index) else { return Vec::new() };
    let view = tenants.view(index);
    let windows: Vec<String> = view.rules.windows.iter().map(said).collect();
    let offset = scene.now.utc().with_timezone(&tenant.zone.0).format("%:z").to_string();
    let mut first = format!("{} {} (UTC{offset})", windows.join(", "), tenant.zone);
    let closed = closed_texts(tenants, index, scene.now);
    if !closed.is_empty() {
        first.push_str(&format!(", closed {}", closed.join(", ")));
    }
    let mut lines = vec![
        vec![piece(Meaning::Title, format!("{}: ", tenant.id)), piece(Meaning::Text, first)],
        fit_line(run, tenants, index, model, scene),
    ];
    lines.extend(change_line(tenants, index, scene.now));
    lines
}

/// Whom a freeze or a deferral concerns, for its preview.
pub fn concerned(run: &Run, tenants: &Tenants, now: Time) -> String {
    let (all, open) = (tenants.counts().all, open_now(run, tenants));
    let next = tenants.heads().iter().find(|h| !h.look.open);
    let next = next.and_then(|h| Some(format!("; next {} in {}", named(tenants, h), left(Some(h.look.start?), now))));
    format!("{all} tenants, {open} of them open now{}", next.unwrap_or_default())
}

/// The panel of the main screen; nothing where there are no tenants.
pub fn panel(run: &Run, model: &Model, scene: Scene) -> Option<TenantsPanel> {
    let tenants = scene.tenants?;
    let (now, zone) = (scene.now, scene.shown(model));
    let now_open = match &run.frozen {
        Some(frozen) => format!("frozen by {}", frozen.by),
        None => format!("{} open", open_now(run, tenants)),
    };
    let key = scene.keymap.key_of(model.screen, super::Action::Tenants);
    let key = key.map(|k| format!(" [{k}]")).unwrap_or_default();
    let heads = tenants.heads();
    // The open window that closes first, then what opens next.
    let bar = |head: &Head| {
        let mut bar = bar(run, tenants, head.tenant, scene, false)?;
        bar.name = named(tenants, head);
        if let Some(said) = folded(run, tenants, head, tenants.kinds(head), scene) {
            (bar.state, bar.meaning) = said;
        }
        Some(bar)
    };
    let (open, shut): (Vec<&Head>, Vec<&Head>) = heads.iter().partition(|h| h.look.open);
    let bars = open.iter().take(HEADS.0).chain(shut.iter().take(HEADS.1)).copied();
    let closes = open.iter().take(1).map(|h| {
        let end = h.look.end.map(|end| format!(" closes {} ({})", zone.minute(end), left(Some(end), now)));
        format!("{}{}", named(tenants, h), end.unwrap_or_default())
    });
    let opens = shut
        .iter()
        .take(3)
        .filter_map(|h| h.look.start.map(|s| format!("{} {}", named(tenants, h), when(zone, s, now))));
    let (closes, opens): (Vec<String>, Vec<String>) = (closes.collect(), opens.collect());
    let mut line = Vec::new();
    if !closes.is_empty() {
        line.push(format!("open: {}", closes.join(", ")));
    }
    if !opens.is_empty() {
        line.push(format!("next: {}", opens.join(", ")));
    }
    let label = zone.label(now);
    Some(TenantsPanel {
        title: format!("Tenant windows: now is the left edge, 24 h, {label}"),
        short_title: format!("Tenant windows, {label}"),
        right: format!("{} tenants, {now_open}{key}", tenants.counts().all),
        short_right: format!("{now_open}{key}"),
        timeline: timeline(zone, now, bars.filter_map(bar).collect()),
        line: line.join(" | "),
    })
}

/// `acme-eu +3`: the first of those that share a window.
fn named(tenants: &Tenants, head: &Head) -> String {
    let id = tenants.tenant(head.tenant).map_or("?", |t| &t.id);
    if head.count > 1 { format!("{id} +{}", head.count - 1) } else { id.to_string() }
}

/// `06:00`, with the day where it is not within one.
pub(super) fn when(zone: Zone, t: Time, now: Time) -> String {
    if t.since(now) < DAY { zone.show(t, "%H:%M") } else { zone.day(t, now) }
}

#[cfg(test)]
#[path = "tenants_tests.rs"]
mod tests;
