//! A value against its limits and against the old version; units and limits in words.
use crate::spec::policy::{Baseline, Gate, Measure, Trigger};
use crate::spec::units::{Limit, Unit};

/// Two doubles nearer than this, relative to the greater, are the same number: `0.07%` divided by 100 and the literal
/// `0.0007` differ in the last bit, and so do sums in a different order. Equal is good, so such noise must not be bad.
const NOISE: f64 = 1e-12;

/// `a` is greater than `b` by more than the noise of a calculation.
pub(super) fn exceeds(a: f64, b: f64) -> bool {
    a - b > NOISE * a.abs().max(b.abs())
}

/// In which direction a value gets worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Worse {
    Higher,
    Lower,
}

/// The direction in which this gate's value gets worse: the one its only limit guards; with none or both, the
/// measure's (success rate, availability and requests are better high); else higher is worse.
pub(super) fn worse(gate: &Gate) -> Worse {
    match (&gate.max, &gate.min, gate.measure) {
        (Some(_), None, _) => Worse::Higher,
        (None, Some(_), _) => Worse::Lower,
        (_, _, Some(Measure::SuccessRate | Measure::Availability | Measure::Requests)) => Worse::Lower,
        _ => Worse::Higher,
    }
}

/// One or several series as one reading: lowest and highest are the same number unless every series counts by itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Reading {
    pub low: f64,
    pub high: f64,
}

impl Reading {
    /// The end that is worse.
    pub fn worst(self, worse: Worse) -> f64 {
        match worse {
            Worse::Higher => self.high,
            Worse::Lower => self.low,
        }
    }
}

/// What a value may not pass.
struct Bound {
    edge: f64,
    worse: Worse,
    /// `max`, `min`, or empty for a comparison with the old version.
    word: &'static str,
    /// How the edge came about: `1.5 x old 0.50%`.
    from: Option<String>,
}

/// What a comparison came to.
pub(super) enum Outcome {
    Good {
        value: f64,
        reason: String,
    },
    Bad {
        value: f64,
        reason: String,
    },
    Unusable(String),
    /// No limit is left that could be compared with: the old version has too few requests.
    NothingToCompare {
        value: f64,
    },
}

/// Compares a reading with the gate's limits and, when `old` is given, with the old version. Any bound that is passed
/// makes it bad; equal is good.
///
/// A ratio bounds new over old: where higher is worse, new may be up to `ratio` × old; where lower is worse, new must
/// be at least old ÷ `ratio` (a ratio below 1 is taken as it stands: at least `ratio` × old). An old value of 0 leaves
/// no room under a ratio: any increase is bad; `difference` is the comparison for measures that may be 0. A negative
/// old value has no ratio. A difference is added to the old value, or taken off it where lower is worse.
pub(super) fn compare(gate: &Gate, reading: Reading, old: Option<Reading>) -> Outcome {
    let mut bounds = fixed(gate);
    if let (Some(baseline), Some(old)) = (&gate.baseline, old) {
        match against_old(gate, baseline, old) {
            Ok(bound) => bounds.push(bound),
            Err(why) => return Outcome::Unusable(why),
        }
    }
    if bounds.iter().any(|b| !b.edge.is_finite()) {
        return Outcome::Unusable("the limit is not a finite number".into());
    }
    let (unit, name) = (unit(gate), gate.name.replace(['_', '-'], " "));
    let broken: Vec<&Bound> = bounds
        .iter()
        .filter(|b| match b.worse {
            Worse::Higher => exceeds(reading.high, b.edge),
            Worse::Lower => exceeds(b.edge, reading.low),
        })
        .collect();
    let say = |b: &Bound, broken: bool| {
        let (value, edge) = apart(unit, reading.worst(b.worse), b.edge);
        let sign = match (b.worse, broken) {
            (Worse::Higher, true) => ">",
            (Worse::Higher, false) => "<=",
            (Worse::Lower, true) => "<",
            (Worse::Lower, false) => ">=",
        };
        let word = if b.word.is_empty() { String::new() } else { format!("{} ", b.word) };
        let from = b.from.as_ref().map(|f| format!(" ({f})")).unwrap_or_default();
        format!("{value} {sign} {word}{edge}{from}")
    };
    let join = |texts: Vec<String>| format!("{name} {}", texts.join(", "));
    if let Some(first) = broken.first() {
        let reason = join(broken.iter().map(|b| say(b, true)).collect());
        return Outcome::Bad { value: reading.worst(first.worse), reason };
    }
    let value = reading.worst(worse(gate));
    if bounds.is_empty() {
        return Outcome::NothingToCompare { value };
    }
    Outcome::Good { value, reason: join(bounds.iter().map(|b| say(b, false)).collect()) }
}

/// The limit of a measure that counts what must not be there at all.
fn implied_max(gate: &Gate) -> Option<Limit> {
    let counts_faults = matches!(gate.measure, Some(Measure::HealthChecks | Measure::CriticalServices));
    let silent = gate.max.is_none() && gate.min.is_none() && gate.baseline.is_none();
    (counts_faults && silent).then_some(Limit { value: 0.0, unit: Unit::Count })
}

fn fixed(gate: &Gate) -> Vec<Bound> {
    let bound = |limit: Limit, worse, word| Bound { edge: limit.value, worse, word, from: None };
    let max = gate.max.or_else(|| implied_max(gate)).map(|l| bound(l, Worse::Higher, "max"));
    let min = gate.min.map(|l| bound(l, Worse::Lower, "min"));
    max.into_iter().chain(min).collect()
}

fn against_old(gate: &Gate, baseline: &Baseline, old: Reading) -> Result<Bound, String> {
    let (worse, unit) = (worse(gate), unit(gate));
    let old = old.worst(worse);
    let shown = unit.show(old);
    let (edge, from) = match *baseline {
        Baseline::Ratio(_) if old < 0.0 => {
            return Err(format!(
                "the old version's {shown} is negative: a ratio to it means nothing; use `difference`"
            ));
        }
        Baseline::Ratio(ratio) => match worse {
            Worse::Higher => (old * ratio, format!("{ratio} x old {shown}")),
            Worse::Lower if ratio < 1.0 => (old * ratio, format!("{ratio} x old {shown}")),
            Worse::Lower => (old / ratio, format!("old {shown} / {ratio}")),
        },
        Baseline::Difference(by) => match worse {
            Worse::Higher => (old + by.value, format!("old {shown} + {}", unit.show(by.value))),
            Worse::Lower => (old - by.value, format!("old {shown} - {}", unit.show(by.value))),
        },
    };
    Ok(Bound { edge, worse, word: "", from: Some(from) })
}

/// Unit of the gate's value: of its limit when that was written with one, else its measure's.
pub fn unit(gate: &Gate) -> Unit {
    let by = match gate.baseline {
        Some(Baseline::Difference(by)) => Some(by),
        _ => None,
    };
    let written = [gate.max, gate.min, by].into_iter().flatten().map(|l| l.unit).find(|u| *u != Unit::Count);
    let budget = matches!(gate.trigger, Trigger::BurnRate(_)).then_some(Unit::Ratio);
    written.or(gate.measure.map(Measure::unit)).or(budget).unwrap_or(Unit::Count)
}

/// The gate's limits for a person: `max 1.00%`, `min 99.00%, 1.5 x old`, `SLO 99.90%`.
pub fn limit_text(gate: &Gate) -> String {
    let unit = unit(gate);
    let mut parts: Vec<String> = fixed(gate).iter().map(|b| format!("{} {}", b.word, exact(unit, b.edge))).collect();
    match (&gate.baseline, worse(gate)) {
        (None, _) => {}
        (Some(Baseline::Ratio(r)), Worse::Lower) if *r >= 1.0 => parts.push(format!("min old / {r}")),
        (Some(Baseline::Ratio(r)), Worse::Lower) => parts.push(format!("min {r} x old")),
        (Some(Baseline::Ratio(r)), Worse::Higher) => parts.push(format!("max {r} x old")),
        (Some(Baseline::Difference(by)), Worse::Higher) => parts.push(format!("max old + {}", exact(unit, by.value))),
        (Some(Baseline::Difference(by)), Worse::Lower) => parts.push(format!("min old - {}", exact(unit, by.value))),
    }
    if let Trigger::BurnRate(burn) = &gate.trigger {
        parts.push(format!("SLO {}", exact(Unit::Ratio, burn.slo.0)));
    }
    if parts.is_empty() { "no limit".into() } else { parts.join(", ") }
}

/// As [`Unit::show`] with more digits behind the point.
fn digits(unit: Unit, value: f64, more: usize) -> String {
    match unit {
        _ if more == 0 => unit.show(value),
        Unit::Ratio => format!("{:.*}%", 2 + more, value * 100.0),
        Unit::Seconds if value.abs() < 1.0 => format!("{:.*}ms", more, value * 1000.0),
        Unit::Seconds => format!("{:.*}s", 2 + more, value),
        Unit::Count => format!("{:.*}", 2 + more, value),
    }
}

/// With as many digits as a limit needs not to be rounded to another one: `0.005%` is not `0.01%`.
fn exact(unit: Unit, value: f64) -> String {
    let scale = match unit {
        Unit::Ratio => 100.0,
        Unit::Seconds if value.abs() < 1.0 => 1000.0,
        _ => 1.0,
    };
    let kept = |text: &String| {
        let number = text.trim_end_matches(|c: char| !c.is_ascii_digit()).parse::<f64>().unwrap_or(f64::NAN) / scale;
        !exceeds(number, value) && !exceeds(value, number)
    };
    (0..6).map(|more| digits(unit, value, more)).find(kept).unwrap_or_else(|| unit.show(value))
}

/// Two numbers with as many digits as tell them apart, so that no line reads `1.00% > max 1.00%`.
fn apart(unit: Unit, a: f64, b: f64) -> (String, String) {
    let differ = exceeds(a, b) || exceeds(b, a);
    let pair = |more| (digits(unit, a, more), digits(unit, b, more));
    if !differ {
        return pair(0);
    }
    // Sixteen digits more tell apart whatever a calculation can; numbers so small that they do not are told as they are.
    (0..16).map(pair).find(|(x, y)| x != y).unwrap_or_else(|| (a.to_string(), b.to_string()))
}

#[cfg(test)]
#[path = "compare_tests.rs"]
mod tests;
