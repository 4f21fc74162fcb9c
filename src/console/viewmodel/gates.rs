//! What the gates of one service say.
use super::super::model::{Model, Panel};
use super::super::theme::Meaning;
use super::{Freshness, Scene};
use crate::engine::run::GRID;
use crate::engine::status::{BackState, STEPS, back_steps, enough_at, human, trigger, unit_of};
use crate::engine::{Run, Track};
use crate::gate::{Evaluation, Verdict};
use crate::spec::policy::{Baseline, Gate};
use crate::spec::units::{Dur, Time, Unit};

/// Where the limit stands in a gauge, as a fraction of its width.
const LIMIT_AT: f64 = 0.6;

/// One cell of a sparkline: height between 0 and 1, or nothing where there was no data.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SparkPoint {
    pub height: Option<f64>,
    pub bad: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct GateRow {
    pub name: String,
    /// With `?` in front when it is too old to trust.
    pub value: String,
    /// `max 1.00%`.
    pub limit: String,
    pub word: &'static str,
    pub meaning: Meaning,
    pub value_meaning: Meaning,
    /// Oldest first.
    pub spark: Vec<SparkPoint>,
    /// How full the gauge is, between 0 and 1; the limit stands at [`GateRow::limit_at`].
    pub gauge: Option<f64>,
    pub limit_at: f64,
    /// How far the trigger has come: fraction, and in words.
    pub dwell: Option<(f64, String)>,
    /// Instead of a dwell, when there is something to say about missing data.
    pub remark: Option<String>,
    /// Which rows come first and get the room: bad, missing, good shares and times, good counts, nothing to say.
    pub urgency: u8,
}

/// One step of a rollback.
#[derive(Debug, Clone, PartialEq)]
pub struct StoryRow {
    pub state: BackState,
    pub what: String,
    /// When it was done, or how long it still takes.
    pub when: String,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Gates {
    pub service: String,
    /// Where the rollback is, while there is one.
    pub story: Vec<StoryRow>,
    pub story_title: String,
    pub rows: Vec<GateRow>,
    /// Gates that are not asked in this phase.
    pub unasked: Vec<String>,
    /// `STALE 0:14`, `LOST 0:14`, `last 0:50 ago`.
    pub stale: Option<String>,
    pub focus: bool,
    pub scroll: usize,
    /// What the values rest on.
    pub basis: String,
}

pub fn build(run: &Run, model: &Model, selected: Option<&str>, scene: Scene) -> Gates {
    let track = selected.and_then(|name| run.track(name));
    let stale = match (&scene.sources.metrics, &scene.sources.kube) {
        (Freshness::Lost(age), _) | (_, Freshness::Lost(age)) => Some(format!("LOST {}", age.clock())),
        (Freshness::Stale(age), _) => Some(format!("STALE {}", age.clock())),
        _ => None,
    };
    let old = stale.is_some();
    // What they said last stands there as the reason, with its age.
    let stale = stale.or_else(|| track.and_then(|t| idle(t, scene.now)).map(|age| format!("last {} ago", age.clock())));
    let asked = |g: &&Gate| track.is_some_and(|t| last(t, g).is_some());
    let gates = &run.plan.policy.gates;
    let mut rows: Vec<GateRow> = match track {
        Some(t) => gates.iter().filter(asked).map(|g| row(run, t, g, model, scene, old)).collect(),
        None => Vec::new(),
    };
    rows.sort_by_key(|r| r.urgency);
    // What one source answered is said once.
    for i in (1..rows.len()).rev() {
        if rows[i].remark.is_some() && rows[..i].iter().any(|r| r.remark == rows[i].remark) {
            rows[i].remark = Some("as above".into());
        }
    }
    let (story_title, story) = track.map(|t| story(run, t, model, scene)).unwrap_or_default();
    Gates {
        service: selected.unwrap_or("-").to_string(),
        story,
        story_title,
        rows,
        unasked: gates.iter().filter(|g| !asked(g)).map(|g| human(&g.name)).collect(),
        stale,
        focus: model.panel == Panel::Gates,
        scroll: model.gates_scroll,
        basis: track.map(|t| basis(t, scene)).unwrap_or_default(),
    }
}

fn last<'a>(track: &'a Track, gate: &Gate) -> Option<&'a Evaluation> {
    track.gates.get(&gate.name).and_then(|g| g.last.as_ref())
}

/// Age of the newest value where gates are not asked any more, as on the way back until old is watched.
fn idle(track: &Track, now: Time) -> Option<Dur> {
    let newest = track.gates.values().filter_map(|g| g.last.as_ref()).map(|e| e.at).max()?;
    Some(now.since(newest)).filter(|age| *age > GRID.times(3))
}

/// The way back as a list, with times.
fn story(run: &Run, track: &Track, model: &Model, scene: Scene) -> (String, Vec<StoryRow>) {
    let zone = scene.shown(model);
    let Some(steps) = back_steps(run, track, scene.now) else { return Default::default() };
    let done = steps.iter().filter(|s| s.state == BackState::Done).count();
    let title = if done == STEPS { "Went back".into() } else { format!("Way back, step {} of {STEPS}", done + 1) };
    let rows = steps.into_iter().map(|step| {
        let when = match (step.at, step.left, step.state) {
            (Some(at), _, _) => zone.clock(at),
            (None, Some(left), _) => format!("{} left", left.clock()),
            (None, None, BackState::Done) => "done".into(),
            (None, None, BackState::Now) => "now".into(),
            (None, None, BackState::Blocked) => "BLOCKED".into(),
            (None, None, BackState::Todo) => String::new(),
        };
        StoryRow { state: step.state, what: step.what, when }
    });
    (title, rows.collect())
}

/// `812 requests, asked 4s ago`.
fn basis(track: &Track, scene: Scene) -> String {
    let last = track.gates.values().filter_map(|g| g.last.as_ref());
    let Some(at) = last.clone().map(|e| e.at).max() else { return "not evaluated yet".into() };
    let asked = format!("asked {}s ago", scene.now.since(at).0 / 1000);
    // The gate that rests on the fewest is the one to doubt.
    match last.filter_map(|e| e.requests).fold(None, |least: Option<f64>, r| Some(least.map_or(r, |l| l.min(r)))) {
        Some(requests) => format!("{requests:.0} requests, {asked}"),
        None => asked,
    }
}

fn row(run: &Run, track: &Track, gate: &Gate, model: &Model, scene: Scene, old: bool) -> GateRow {
    let last = last(track, gate);
    let unit = unit_of(gate);
    let (word, meaning, urgency) = match last.map(|e| verdict(gate, e, unit)) {
        None => ("-", Meaning::Dim, 4),
        // An old verdict is none.
        Some((_, _, urgency)) if old && last.is_some_and(|e| !e.verdict.is_missing()) => ("?", Meaning::Stale, urgency),
        Some(known) => known,
    };
    let doubt = old || last.is_some_and(|e| e.verdict.is_missing());
    let value = match last.and_then(|e| e.value) {
        Some(v) => format!("{}{}", if doubt { "?" } else { "" }, value_text(unit, v)),
        None => "-".into(),
    };
    let state = track.gates.get(&gate.name).map(|g| &g.state);
    let points: Vec<Point> = state.into_iter().flat_map(|s| s.history()).collect();
    let remark = last.filter(|_| !old).and_then(|e| remark(run, track, e, model, scene));
    let limit_value = gate.max.or(gate.min).map(|l| l.value);
    // A line that never moved tells nothing.
    let still = urgency >= 2 && points.windows(2).all(|w| w[0].1 == w[1].1);
    let gauged = last.and_then(|e| e.value).filter(|_| !doubt && !still).zip(limit_value);
    let trigger = last.filter(|_| remark.is_none() && !old && !still).map(|e| trigger(e, scene.now));
    GateRow {
        name: human(&gate.name),
        value,
        limit: limit(gate),
        word,
        meaning: if old { Meaning::Stale } else { meaning },
        value_meaning: match (doubt, meaning) {
            (true, _) => Meaning::Stale,
            (false, Meaning::Bad) => Meaning::Bad,
            _ => Meaning::Text,
        },
        spark: if still { Vec::new() } else { spark(gate, unit, &points) },
        gauge: gauged.map(|(v, l)| gauge(gate, unit, v, l)),
        limit_at: LIMIT_AT,
        dwell: trigger,
        remark,
        urgency,
    }
}

/// When, the value if one was read, and the verdict.
type Point = (Time, Option<f64>, Verdict);

/// A whole share is written without zeros: `100%`.
fn value_text(unit: Unit, value: f64) -> String {
    if unit == Unit::Ratio && value == 1.0 { compact(unit, value) } else { unit.show(value) }
}

/// Without zeros at the end: `1%`, `99.5%`, `2s`.
fn compact(unit: Unit, value: f64) -> String {
    let text = unit.show(value);
    let Some(dot) = text.find('.') else { return text };
    let end = text[dot..].find(|c: char| c != '.' && !c.is_ascii_digit()).map_or(text.len(), |i| dot + i);
    let number = text[..end].trim_end_matches('0').trim_end_matches('.');
    format!("{number}{}", &text[end..])
}

/// `max 1%`.
pub(super) fn limit(gate: &Gate) -> String {
    let unit = unit_of(gate);
    match (gate.max, gate.min, gate.baseline) {
        (_, _, Some(Baseline::Ratio(r))) => format!("max {r}x old"),
        (_, _, Some(Baseline::Difference(d))) => format!("old +{d}"),
        (Some(max), _, _) => format!("max {}", compact(unit, max.value)),
        (_, Some(min), _) => format!("min {}", compact(unit, min.value)),
        _ => String::new(),
    }
}

fn verdict(gate: &Gate, e: &Evaluation, unit: Unit) -> (&'static str, Meaning, u8) {
    match (e.verdict, e.acts_as) {
        _ if e.fires => ("BREACH", Meaning::Bad, 0),
        (Verdict::Bad, _) => (if gate.min.is_some() { "UNDER" } else { "OVER" }, Meaning::Bad, 0),
        (Verdict::Good, _) => ("ok", Meaning::Good, if unit == Unit::Count { 3 } else { 2 }),
        (Verdict::NotApplicable, _) => ("n/a", Meaning::Dim, 4),
        (_, Verdict::Bad) => ("MISSING", Meaning::Bad, 0),
        (Verdict::ProviderDown, _) => ("down", Meaning::Missing, 1),
        (Verdict::Invalid, _) => ("invalid", Meaning::Missing, 1),
        (Verdict::NoData, _) => ("no data", Meaning::Missing, 1),
        (Verdict::Stale, _) => ("stale", Meaning::Missing, 1),
        (Verdict::TooFew, _) => ("too few", Meaning::Missing, 1),
    }
}

fn remark(run: &Run, track: &Track, e: &Evaluation, model: &Model, scene: Scene) -> Option<String> {
    match e.verdict {
        Verdict::TooFew => Some(match enough_at(run, track, scene.now) {
            Some(at) => format!("enough at {} at this traffic", scene.shown(model).minute(at)),
            None => e.reason.clone(),
        }),
        v if v.is_missing() => Some(e.reason.clone()),
        Verdict::NotApplicable => Some(e.reason.clone()),
        _ => None,
    }
}

/// Lowest value a gauge shows. Shares with a lower limit live near 1: there the gauge spans what is between.
fn floor(gate: &Gate, unit: Unit) -> f64 {
    match gate.min {
        Some(min) if unit == Unit::Ratio => 1.0 - (1.0 - min.value).max(1e-6) / (1.0 - LIMIT_AT),
        _ => 0.0,
    }
}

fn gauge(gate: &Gate, unit: Unit, value: f64, limit: f64) -> f64 {
    let low = floor(gate, unit);
    let span = limit - low;
    let fraction = if span > 0.0 {
        (value - low) / span * LIMIT_AT
    } else if value > low {
        1.0
    } else {
        0.0
    };
    if fraction.is_finite() { fraction.clamp(0.0, 1.0) } else { 1.0 }
}

/// Heights between the gauge's floor and the higher of limit and highest value, so that a line at the limit is not
/// mistaken for one above it.
fn spark(gate: &Gate, unit: Unit, points: &[Point]) -> Vec<SparkPoint> {
    let low = floor(gate, unit);
    let limit = gate.max.or(gate.min).map_or(0.0, |l| l.value);
    let high = match gate.min {
        Some(_) if unit == Unit::Ratio => 1.0,
        _ => points.iter().filter_map(|p| p.1).filter(|v| v.is_finite()).fold(limit, f64::max),
    };
    let height = |v: f64| if high > low { ((v - low) / (high - low)).clamp(0.0, 1.0) } else { 0.0 };
    points.iter().map(|p| SparkPoint { height: p.1.map(height), bad: p.2 == Verdict::Bad }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_written_short() {
        for (unit, value, text) in [
            (Unit::Ratio, 0.01, "1%"),
            (Unit::Ratio, 0.995, "99.5%"),
            (Unit::Ratio, 1.0, "100%"),
            (Unit::Ratio, 0.0005, "0.05%"),
            (Unit::Seconds, 2.0, "2s"),
            (Unit::Seconds, 0.5, "500ms"),
            (Unit::Count, 10.0, "10"),
            (Unit::Count, 2.5, "2.5"),
        ] {
            assert_eq!(compact(unit, value), text);
        }
        assert_eq!(value_text(Unit::Ratio, 0.9), "90.00%", "a value keeps its places, so that it does not jump");
    }
}
