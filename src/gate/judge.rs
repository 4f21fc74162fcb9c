//! The verdict of one sample, by precedence.
use super::compare::{Outcome, Reading, compare, worse};
use super::evaluate::Context;
use super::sample::{Failure, Num, Sample, Verdict};
use crate::spec::policy::{Gate, Measure, Reduce};
use crate::spec::units::Dur;

/// What one sample says, before the missing-data policy.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Judged {
    pub verdict: Verdict,
    pub reason: String,
    /// Always finite.
    pub value: Option<f64>,
}

impl Judged {
    pub fn new(verdict: Verdict, reason: impl Into<String>, value: Option<f64>) -> Judged {
        Judged { verdict, reason: reason.into(), value: value.filter(|v| v.is_finite()) }
    }

    fn none(verdict: Verdict, reason: impl Into<String>) -> Judged {
        Judged::new(verdict, reason, None)
    }
}

/// A sample that can be read: the new version's value, and the old version's where the gate compares with it.
pub(super) struct Readings {
    /// `None` only where there were no requests at all: 0 ÷ 0 is no lack of data, it is a lack of traffic.
    pub new: Option<Reading>,
    /// `None` where the gate has no baseline, or either side has too few requests to be compared.
    pub old: Option<Reading>,
}

/// The verdict of a sample under a gate with limits; the first of [`Verdict`]'s order that applies.
pub(super) fn judge(gate: &Gate, cx: &Context, sample: &Sample) -> Judged {
    let readings = match read(gate, cx, sample) {
        Ok(readings) => readings,
        Err(judged) => return judged,
    };
    let value = readings.new.map(|r| r.worst(worse(gate)));
    let judged = match readings.new {
        Some(new) if !too_few(count(sample.requests), needed(gate, cx)) => settle(gate, new, readings.old),
        _ => few(gate, cx, sample, value),
    };
    with_failures(gate, sample, judged, value).0
}

/// `abs_bad` failures act with enough requests and also under `TooFew`: so many are bad whatever the limit says. What
/// ranks above `TooFew` is no count to rest on, and a gate that does not apply here has nothing to say. True: they act.
pub(super) fn with_failures(gate: &Gate, sample: &Sample, judged: Judged, value: Option<f64>) -> (Judged, bool) {
    match (judged.verdict, failures(gate, sample, value)) {
        (Verdict::TooFew | Verdict::Good, Some(reason)) => (Judged::new(Verdict::Bad, reason, value), true),
        (Verdict::Bad, Some(_)) => (judged, true),
        _ => (judged, false),
    }
}

/// Whether so many requests failed that it counts however few there were.
pub fn absolutely_bad(gate: &Gate, sample: &Sample) -> bool {
    let value = match sample.series.as_slice() {
        [one] => Some(one.value()),
        _ => None,
    };
    failures(gate, sample, value).is_some()
}

/// Compares, now that nothing is missing.
pub(super) fn settle(gate: &Gate, new: Reading, old: Option<Reading>) -> Judged {
    match compare(gate, new, old) {
        Outcome::Good { value, reason } => Judged::new(Verdict::Good, reason, Some(value)),
        Outcome::Bad { value, reason } => Judged::new(Verdict::Bad, reason, Some(value)),
        Outcome::Unusable(why) => Judged::none(Verdict::Invalid, why),
        Outcome::NothingToCompare { value } if gate.baseline.is_some() => {
            let reason = "the old version has too few requests to be compared with";
            Judged::new(Verdict::NotApplicable, reason, Some(value))
        }
        Outcome::NothingToCompare { value } => {
            Judged::new(Verdict::Invalid, "the gate has no limit: give it `max`, `min` or `baseline`", Some(value))
        }
    }
}

/// Everything that ranks above `TooFew`: provider, shape, absence, age.
///
/// Several series with `reduce` are one value only when every one of them is a number: one NaN among them is a part
/// that is missing, and what it hides may be good or bad, so the whole is `NoData`. One infinity makes it `Invalid`.
/// The same holds for the old version's reading where it is needed.
pub(super) fn read(gate: &Gate, cx: &Context, sample: &Sample) -> Result<Readings, Judged> {
    match &sample.failure {
        Some(Failure::Down(why)) if why.trim().is_empty() => {
            return Err(Judged::none(Verdict::ProviderDown, "the metrics source did not answer"));
        }
        Some(Failure::Down(why)) => return Err(Judged::none(Verdict::ProviderDown, why.clone())),
        Some(Failure::Shape(why)) => return Err(Judged::none(Verdict::Invalid, format!("invalid answer: {why}"))),
        None => {}
    }
    let comparable = gate.baseline.is_some() && !not_comparable(gate, cx, sample);
    let new = reduce(gate, &sample.series, "the source");
    let old =
        if comparable { reduce(gate, sample.baseline.as_deref().unwrap_or(&[]), "the old version") } else { Ok(None) };
    let (new, old) = match (new, old) {
        (Err(Unread::Invalid(why)), _) | (_, Err(Unread::Invalid(why))) => {
            return Err(Judged::none(Verdict::Invalid, why));
        }
        // No requests at all: the ratio has no value, and that is no fault of the source.
        (Err(Unread::NoData(_)), old) if count(sample.requests) == Some(0.0) => (None, old),
        (Err(Unread::NoData(why)), _) => return Err(Judged::none(Verdict::NoData, why)),
        (Ok(new), old) => (new, old),
    };
    let old = match old {
        Ok(old) => old,
        Err(Unread::Invalid(why)) => return Err(Judged::none(Verdict::Invalid, why)),
        Err(Unread::NoData(why)) => return Err(Judged::none(Verdict::NoData, why)),
    };
    if let Some((age, allowed)) = too_old(cx, sample) {
        let reason = format!("stale: newest data is {} old, {} allowed", seconds(age), seconds(allowed));
        return Err(Judged::new(Verdict::Stale, reason, new.map(|r| r.worst(worse(gate)))));
    }
    Ok(Readings { new, old })
}

/// How many requests there were, never more: rates are counted back to requests, and of a few of them the fraction counts.
fn so_many(seen: f64) -> f64 {
    if seen < 10.0 { (seen * 10.0).floor() / 10.0 } else { seen.floor() }
}

/// Too few requests: a gate that only compares with the old version has nothing to say; any other waits.
fn few(gate: &Gate, cx: &Context, sample: &Sample, value: Option<f64>) -> Judged {
    let seen = count(sample.requests).unwrap_or(0.0);
    let need = needed(gate, cx).or(comparison_needs(gate, cx)).unwrap_or(1);
    let reason = format!("{} of {need} requests", so_many(seen));
    if only_compares(gate) {
        return Judged::new(
            Verdict::NotApplicable,
            format!("{reason}: too few to compare with the old version"),
            value,
        );
    }
    Judged::new(Verdict::TooFew, reason, value)
}

/// Why it is bad, when as many requests failed as the gate's `abs_bad` says. Where the source does not count failures
/// they follow from the rate and the requests it rests on.
fn failures(gate: &Gate, sample: &Sample, value: Option<f64>) -> Option<String> {
    let limit = gate.abs_bad.filter(|n| *n > 0)?;
    let derived = || {
        let (value, requests) = (value?, count(sample.requests)?);
        match gate.measure? {
            Measure::ErrorRate => Some(value * requests),
            Measure::SuccessRate => Some((1.0 - value) * requests),
            _ => None,
        }
    };
    let failed = count(sample.failed).or_else(derived)?;
    // A rate times a count is a whole number but for the noise of the division.
    (failed + 1e-6 >= limit as f64)
        .then(|| format!("{failed:.0} failed requests, {limit} are bad however few requests there are"))
}

/// Requests below which there are too few; `None` where the gate does not depend on a number of requests. A measure
/// that needs requests needs at least one, whatever the policy says.
pub(super) fn needed(gate: &Gate, cx: &Context) -> Option<u64> {
    let by_measure = gate.measure.is_some_and(Measure::needs_requests);
    if only_compares(gate) {
        return comparison_needs(gate, cx);
    }
    match gate.min_requests {
        Some(n) if by_measure => Some(n.max(1)),
        Some(n) => Some(n),
        None if by_measure => Some(cx.min_requests.max(1)),
        None => None,
    }
}

/// Requests each side needs for a comparison with the old version.
fn comparison_needs(gate: &Gate, cx: &Context) -> Option<u64> {
    gate.baseline.map(|_| gate.min_requests.unwrap_or(cx.min_requests).max(1))
}

/// No limit of its own, only the old version to compare with.
fn only_compares(gate: &Gate) -> bool {
    gate.baseline.is_some() && gate.max.is_none() && gate.min.is_none()
}

fn not_comparable(gate: &Gate, cx: &Context, sample: &Sample) -> bool {
    let need = comparison_needs(gate, cx);
    too_few(count(sample.requests), need) || too_few(count(sample.baseline_requests), need)
}

/// Fewer than needed; an unknown count is not too few.
pub(super) fn too_few(seen: Option<f64>, need: Option<u64>) -> bool {
    matches!((seen, need), (Some(seen), Some(need)) if seen < need as f64)
}

/// A count a source reported. What is not a count (NaN, negative, infinite) counts as none: it must not pass for enough.
pub(super) fn count(reported: Option<f64>) -> Option<f64> {
    reported.map(|n| if n.is_finite() && n > 0.0 { n } else { 0.0 })
}

/// Age and allowed age, when the data is older than two looks of the slower of grid and source, and 5 s for the way.
/// Exactly that old is fresh. An unknown age is not stale; a timestamp in the future is age 0.
fn too_old(cx: &Context, sample: &Sample) -> Option<(Dur, Dur)> {
    let age = sample.at.since(sample.sample_at?);
    let allowed = cx.grid.max(cx.source_interval).times(2) + Dur::secs(5);
    (age > allowed).then_some((age, allowed))
}

/// Whole seconds as a person counts them, with milliseconds only where they are all there is to tell apart.
fn seconds(d: Dur) -> String {
    if d.0.is_multiple_of(1000) { format!("{}s", d.0 / 1000) } else { format!("{:.1}s", d.as_secs_f64()) }
}

enum Unread {
    Invalid(String),
    NoData(String),
}

/// Several series to one reading. The order of the series does not matter, not even to the last bit.
fn reduce(gate: &Gate, series: &[Num], whose: &str) -> Result<Option<Reading>, Unread> {
    let mut values = Vec::with_capacity(series.len());
    for num in series {
        match num.read() {
            None => return Err(Unread::Invalid(format!("invalid: {whose} answered `{}`, which is no number", num.0))),
            Some(v) if v.is_infinite() => {
                return Err(Unread::Invalid(format!("invalid: {whose} answered {}", Num::from(v).0)));
            }
            Some(v) => values.push(v),
        }
    }
    let n = values.len();
    if n > 1 && gate.reduce.is_none() {
        let why = format!("invalid: {whose} answered {n} series where one is needed; give the gate `reduce`");
        return Err(Unread::Invalid(why));
    }
    match values.iter().filter(|v| v.is_nan()).count() {
        _ if n == 0 => return Err(Unread::NoData(format!("no data: {whose} has no such series"))),
        0 => {}
        _ if n == 1 => return Err(Unread::NoData(format!("no data: {whose} answered NaN"))),
        nan => return Err(Unread::NoData(format!("no data: {nan} of {n} series of {whose} are NaN"))),
    }
    values.sort_by(f64::total_cmp);
    let (low, high) = (values[0], values[n - 1]);
    let sum = || values.iter().sum::<f64>();
    let one = |v: f64| Reading { low: v, high: v };
    let reading = match gate.reduce {
        Some(Reduce::Every) => Reading { low, high },
        Some(Reduce::Min) => one(low),
        Some(Reduce::Sum) => one(sum()),
        Some(Reduce::Mean) => one(sum() / n as f64),
        Some(Reduce::Max) | None => one(high),
    };
    if !(reading.low.is_finite() && reading.high.is_finite()) {
        return Err(Unread::Invalid(format!("invalid: the series of {whose} add up to no finite number")));
    }
    Ok(Some(reading))
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
