//! What a tenant's window leaves it: until when its move fits, when it fits next, and what the run says of its turn.
use super::super::model::Model;
use super::super::tenants::{Tenants, needs_of};
use super::super::theme::Meaning;
use super::super::zone::Zone;
use super::tenants::{left, next_change, shown_zone, when};
use super::{Line, Piece, Scene, campaign, doubted, piece};
use crate::calendar::explain;
use crate::engine::Run;
use crate::spec::units::{Dur, Time};

/// Whether it still fits, and the last moment at which it does; of one that the run moves by itself what the run says.
pub(super) fn fit_line(run: &Run, tenants: &Tenants, index: usize, model: &Model, scene: Scene) -> Line {
    let now = scene.now;
    let zone = shown_zone(model, scene, tenants, Some(index));
    let at = |t: Time| format!("{} {}", when(zone, t, now), zone.label(t));
    let ahead = |t: Time| format!("{} (in {})", at(t), left(Some(t), now));
    if let Some((meaning, text)) = there(run, tenants, index) {
        let old = doubted(run, scene);
        return vec![if old { piece(Meaning::Stale, format!("?{text}")) } else { piece(meaning, text) }];
    }
    let Some(tenant) = tenants.tenant(index) else { return Vec::new() };
    let (needed, from) = needs_of(run, tenant);
    let lead = piece(Meaning::Text, format!("needs {} ({from}), ", short(needed)));
    let stays = campaign::stays(run, tenant);
    if let Some((word, stay)) = stays.iter().max_by_key(|(_, s)| (s.until.is_none(), s.until)) {
        let then = match (stay.until, campaign::let_go(run, tenants, index, now)) {
            (None, _) => " until somebody lifts it".into(),
            (_, None) => ": does not fit within 400 days".into(),
            (_, Some(t)) => format!(": fits from {}", ahead(t)),
        };
        return vec![lead, piece(Meaning::Bad, format!("{word} by {}{then}", stay.by))];
    }
    if let Some((until, said, why)) = campaign::next(run, tenant) {
        let then = until.map_or_else(|| said.to_string(), ahead);
        return vec![lead, piece(Meaning::Warn, format!("next, {then}: {}", zone.within(why, now)))];
    }
    if let Some(why) = campaign::waits(run, tenant) {
        let asked = campaign::preferred(tenants, index).filter(|t| *t > now);
        let not_before = asked.map_or_else(String::new, |t| format!(", and it asks for {} or later", at(t)));
        let fits = tenants.view(index).earliest_fit(asked.unwrap_or(now), needed);
        let fits = fits.map_or_else(
            || "its window does not fit within 400 days".into(),
            |t| {
                if t <= now {
                    "its window is open for it now".into()
                } else {
                    format!("its window fits from {}", ahead(t))
                }
            },
        );
        return vec![lead, piece(Meaning::Text, format!("waits: {why}{not_before}; {fits}"))];
    }
    vec![lead, by_window(tenants, index, needed, now, &at)]
}

/// What is over for it, or on its way: no window says anything of that any more.
fn there(run: &Run, tenants: &Tenants, index: usize) -> Option<(Meaning, String)> {
    if tenants.is_done(index) {
        return Some((Meaning::Done, "done: it needs its window no more".into()));
    }
    let told = campaign::state(run, tenants.tenant(index)?)?;
    let text = match told.rank {
        0 | 2 => format!("{} now: what was begun is brought to its end", told.word),
        1 => format!("{}: nothing more before a person decides", told.word),
        5 => "not moved, and not any more in this run".into(),
        6 => "moved and confirmed: it needs its window no more".into(),
        _ => return None,
    };
    Some((told.meaning, text))
}

/// What its window alone says.
fn by_window(tenants: &Tenants, index: usize, needed: Dur, now: Time, at: &dyn Fn(Time) -> String) -> Piece {
    let (look, view) = (tenants.look_of(index), tenants.view(index));
    let ahead = |t: Time| format!("{} (in {})", at(t), left(Some(t), now));
    let next = view.earliest_fit(now, needed);
    match (look.open, look.end) {
        (true, Some(end)) if end.since(now) >= needed => {
            let text = format!("{} left: last safe start {}", left(Some(end), now), ahead(end - needed));
            piece(Meaning::Good, text)
        }
        (true, Some(end)) => {
            let next = next.map(|t| format!(": fits from {}", ahead(t)));
            piece(Meaning::Warn, format!("only {} left{}", left(Some(end), now), next.unwrap_or_default()))
        }
        (true, None) => piece(Meaning::Good, "it does not close within 400 days"),
        (false, _) => {
            let why = explain(&view, &tenants.allowed(index).closures, now, None).into_iter().find(|r| !r.allows);
            let why = why.map(|r| format!("closed by {}", r.rule.name())).unwrap_or_default();
            match next {
                Some(t) => piece(Meaning::Text, format!("{why}: fits from {}", ahead(t))),
                None => piece(Meaning::Bad, format!("{why}: does not fit within 400 days")),
            }
        }
    }
}

/// The next change of its clock that touches a window, before it does.
pub(super) fn change_line(tenants: &Tenants, index: usize, now: Time) -> Option<Line> {
    let (change, touched) = next_change(tenants, index, now)?;
    let zone = tenants.tenant(index)?.zone;
    let wall = |offset: i64| Zone::UTC.minute(Time(change.at.0 + offset));
    let date = Zone::UTC.show(Time(change.at.0 + change.before), "%F");
    let which =
        if touched.date.to_string() == date { "that window".into() } else { format!("the one of {}", touched.date) };
    let length = match touched.length {
        Some(length) => format!("{which} is {} long, not {}", short(length), short(touched.usual)),
        None => "there is no window that day".into(),
    };
    let text =
        format!("* on {date} the clock in {zone} goes {} -> {}: {length}", wall(change.before), wall(change.after));
    Some(vec![piece(Meaning::Warn, text)])
}

/// `2:31`: hours and minutes, rounded up.
fn short(d: Dur) -> String {
    let minutes = d.0.div_ceil(60_000);
    format!("{}:{:02}", minutes / 60, minutes % 60)
}
