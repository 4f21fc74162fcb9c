//! What the gates of one service say.
use super::super::history::Point;
use super::super::model::{Model, Panel};
use super::super::theme::Meaning;
use super::{Freshness, Scene};
use crate::engine::status::{enough_at, human, trigger, unit_of};
use crate::engine::{Run, Track};
use crate::gate::{Evaluation, Verdict};
use crate::spec::policy::{Baseline, Gate};
use crate::spec::units::Unit;

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
    /// Which rows get the room: bad before missing before good.
    pub urgency: u8,
    /// The limit is 0: a yes or no, with no line or bar worth drawing while it is good.
    pub flag: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Gates {
    pub service: String,
    pub rows: Vec<GateRow>,
    /// `STALE 0:14`, `LOST 0:14`.
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
    let rows = match track {
        Some(track) => {
            run.plan.policy.gates.iter().map(|g| row(run, track, g, model, scene, stale.is_some())).collect()
        }
        None => Vec::new(),
    };
    Gates {
        service: selected.unwrap_or("-").to_string(),
        rows,
        stale,
        focus: model.panel == Panel::Gates,
        scroll: model.gates_scroll,
        basis: track.map(|t| basis(t, scene)).unwrap_or_default(),
    }
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
    let last = track.gates.get(&gate.name).and_then(|g| g.last.as_ref());
    let unit = unit_of(gate);
    let (word, meaning, urgency) = match last.map(|e| verdict(gate, e)) {
        None => ("-", Meaning::Dim, 3),
        // An old verdict is none.
        Some((_, _, urgency)) if old && last.is_some_and(|e| !e.verdict.is_missing()) => ("?", Meaning::Stale, urgency),
        Some(known) => known,
    };
    let doubt = old || last.is_some_and(|e| e.verdict.is_missing());
    let value = match last.and_then(|e| e.value) {
        Some(v) => format!("{}{}", if doubt { "?" } else { "" }, unit.show(v)),
        None => "-".into(),
    };
    let points: Vec<Point> = model.history.last(&track.service, &gate.name, 180).collect();
    let remark = last.and_then(|e| remark(run, track, e, model, scene));
    let limit_value = gate.max.or(gate.min).map(|l| l.value);
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
        spark: spark(gate, unit, &points),
        gauge: last.and_then(|e| e.value).filter(|_| !doubt).zip(limit_value).map(|(v, l)| gauge(gate, unit, v, l)),
        limit_at: LIMIT_AT,
        dwell: last.filter(|_| remark.is_none() && !old).map(|e| trigger(e, scene.now)),
        remark,
        urgency,
        flag: limit_value == Some(0.0),
    }
}

fn limit(gate: &Gate) -> String {
    let unit = unit_of(gate);
    match (gate.max, gate.min, gate.baseline) {
        (_, _, Some(Baseline::Ratio(r))) => format!("max {r}x old"),
        (_, _, Some(Baseline::Difference(d))) => format!("old +{d}"),
        (Some(max), _, _) => format!("max {}", unit.show(max.value)),
        (_, Some(min), _) => format!("min {}", unit.show(min.value)),
        _ => String::new(),
    }
}

fn verdict(gate: &Gate, e: &Evaluation) -> (&'static str, Meaning, u8) {
    match (e.verdict, e.acts_as) {
        _ if e.fires => ("BREACH", Meaning::Bad, 0),
        (Verdict::Bad, _) => (if gate.min.is_some() { "UNDER" } else { "OVER" }, Meaning::Bad, 0),
        (Verdict::Good, _) => ("ok", Meaning::Good, 2),
        (Verdict::NotApplicable, _) => ("n/a", Meaning::Dim, 3),
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
        _ => points.iter().filter_map(|p| p.value).filter(|v| v.is_finite()).fold(limit, f64::max),
    };
    let height = |v: f64| if high > low { ((v - low) / (high - low)).clamp(0.0, 1.0) } else { 0.0 };
    points.iter().map(|p| SparkPoint { height: p.value.map(height), bad: p.verdict == Verdict::Bad }).collect()
}
