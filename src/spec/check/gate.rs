//! Gates: a limit that fits its measure, a trigger that can fire, and an answer somebody can give.
use super::{GRID, Scope, Seg, at, promql};
use crate::spec::policy::{Baseline, BurnRate, Gate, Measure, Trigger};
use crate::spec::units::{Dur, Limit, Unit};

pub fn check(i: usize, gate: &Gate, scope: &mut Scope<'_, '_, '_>) {
    if gate.name.trim().is_empty() {
        scope.error(at!["gates", i, "name"], "the name is empty", "name the gate as people will read it".to_string());
    }
    question(i, gate, scope);
    quantile(i, gate, scope);
    limits(i, gate, scope);
    baseline(i, gate, scope);
    trigger(i, gate, scope);
    if gate.window == Some(Dur::ZERO) {
        scope.error(at!["gates", i, "window"], "a window of 0s holds no request", None);
    }
    match gate.abs_bad {
        Some(0) => scope.error(at!["gates", i, "abs_bad"], "0 failures are always reached", None),
        Some(_) if gate.measure.is_some_and(|m| !m.needs_requests()) => {
            scope.warn(at!["gates", i, "abs_bad"], "has no effect: this measure does not count requests", None);
        }
        _ => {}
    }
}

/// Has no limit of its own, so it says nothing when the old version gets no requests.
pub fn only_compares(gate: &Gate) -> bool {
    gate.baseline.is_some() && gate.max.is_none() && gate.min.is_none() && !burns(gate)
}

fn burns(gate: &Gate) -> bool {
    matches!(gate.trigger, Trigger::BurnRate(_))
}

/// Counts trouble by itself: over 0 is bad unless a limit says otherwise.
fn counts_trouble(measure: Measure) -> bool {
    matches!(measure, Measure::HealthChecks | Measure::CriticalServices)
}

/// Puts the limits of a gate into the unit of its measure: a bare number is a share for ratios, seconds for latencies.
/// Limits that do not fit stay as they are; [`check`] reports them.
pub fn normalise(gate: &mut Gate) {
    let Some(measure) = gate.measure else { return };
    let unit = measure.unit();
    for limit in [&mut gate.max, &mut gate.min].into_iter().flatten() {
        *limit = fit(*limit, unit).unwrap_or(*limit);
    }
    if let Some(Baseline::Difference(limit)) = &mut gate.baseline {
        *limit = fit(*limit, unit).unwrap_or(*limit);
    }
    if counts_trouble(measure) && gate.max.is_none() && gate.min.is_none() {
        gate.max = Some(Limit { value: 0.0, unit: Unit::Count });
    }
}

/// `limit` in `unit`, or what to write instead.
fn fit(limit: Limit, unit: Unit) -> Result<Limit, String> {
    match (limit.unit, unit) {
        (Unit::Count, Unit::Ratio) if limit.value > 1.0 => {
            Err(format!("a bare number is a share between 0 and 1: write {}% or {}", limit.value, limit.value / 100.0))
        }
        (Unit::Count, unit) => Ok(Limit { value: limit.value, unit }),
        (own, unit) if own == unit => Ok(limit),
        (_, Unit::Ratio) => Err("this measure is a share: write it like 1%".into()),
        (_, Unit::Seconds) => Err("this measure is a time: write it like 500ms or 2s".into()),
        (_, Unit::Count) => Err("this measure is a count: write a bare number".into()),
    }
}

fn question(i: usize, gate: &Gate, scope: &mut Scope<'_, '_, '_>) {
    match (gate.measure, &gate.promql) {
        (None, None) if scope.untried(at!["gates", i], &["measure", "promql"]) => {
            let help = "add `measure:` with a built-in one such as error_rate, or `promql:` with a query".to_string();
            scope.error(at!["gates", i], "the gate asks nothing", help);
        }
        (Some(_), Some(_)) => {
            scope.error(at!["gates", i, "promql"], "`measure` and `promql` exclude each other", "keep one".to_string());
        }
        _ => {}
    }
    if let Some(query) = &gate.promql {
        if let Some((message, help)) = promql::check(query) {
            scope.error(at!["gates", i, "promql"], &message, help);
        }
        if promql::hides_missing(query) {
            let help = "it turns missing data into a healthy number; take it out, `missing:` says what absence does";
            scope.warn(at!["gates", i, "promql"], "has `or vector(...)`", help.to_string());
        }
        let untried = scope.untried(at!["gates", i], &["freshness"]);
        if gate.freshness.is_none() && gate.measure.is_none() && untried {
            let help = "add `freshness:` with the raw selector the query reads, such as up{service=\"{{service}}\"}";
            scope.warn(at!["gates", i], "has no `freshness`: old data would pass for new", help.to_string());
        }
    } else {
        for (field, given) in [("freshness", gate.freshness.is_some()), ("reduce", gate.reduce.is_some())] {
            if given && gate.measure.is_some() {
                scope.warn(at!["gates", i, field], "has no effect without `promql`", None);
            }
        }
    }
    if let Some(selector) = &gate.freshness {
        if let Some((message, help)) = promql::check(selector) {
            scope.error(at!["gates", i, "freshness"], &message, help);
        } else if !promql::is_raw_selector(selector) {
            let help = "write the metric and its labels alone: the age of rate(...) is only when it was asked";
            scope.error(at!["gates", i, "freshness"], "is not a raw selector", help.to_string());
        }
    }
}

fn quantile(i: usize, gate: &Gate, scope: &mut Scope<'_, '_, '_>) {
    let latency = gate.measure == Some(Measure::LatencyQuantile);
    match gate.quantile {
        None if latency && scope.untried(at!["gates", i], &["quantile"]) => {
            scope.error(
                at!["gates", i],
                "`latency_quantile` needs a `quantile`",
                "such as `quantile: 0.95`".to_string(),
            );
        }
        Some(q) if !(q > 0.0 && q < 1.0) => {
            let help = (q > 1.0 && q < 100.0).then(|| format!("write {}", q / 100.0));
            scope.error(at!["gates", i, "quantile"], &format!("{q} is not between 0 and 1"), help);
        }
        Some(_) if !latency => {
            let help = "a query of your own has its quantile inside: histogram_quantile(0.95, ...)".to_string();
            scope.error(at!["gates", i, "quantile"], "belongs to `measure: latency_quantile` only", help);
        }
        _ => {}
    }
}

fn limits(i: usize, gate: &Gate, scope: &mut Scope<'_, '_, '_>) {
    let counts = gate.measure.is_some_and(counts_trouble);
    let untried = scope.untried(at!["gates", i], &["max", "min", "baseline", "trigger"]);
    let asks = (gate.measure.is_some() || gate.promql.is_some()) && untried;
    if asks && gate.max.is_none() && gate.min.is_none() && gate.baseline.is_none() && !burns(gate) && !counts {
        let help = "add `max:` or `min:`, or compare with the old version by `baseline:`".to_string();
        scope.error(at!["gates", i], "nothing says which value is good", help);
    }
    if let (Some(max), Some(min)) = (gate.max, gate.min) {
        let message = if min.unit == max.unit && min.value > max.value {
            format!("no value is both at least {min} and at most {max}")
        } else {
            "`max` and `min` exclude each other".to_string()
        };
        scope.error(at!["gates", i, "min"], &message, "keep one; write a second gate for the other".to_string());
    }
    let both = gate.max.is_some() && gate.min.is_some();
    let Some(measure) = gate.measure else { return };
    for (field, limit) in [("max", gate.max), ("min", gate.min)] {
        let Some(limit) = limit else { continue };
        let here = at!["gates", i, field];
        match fit(limit, measure.unit()) {
            Err(help) => {
                let message = format!("{} does not fit `{}`", written(limit), word(measure));
                scope.error(here, &message, help);
            }
            Ok(_) if both => {}
            Ok(limit) => reachable(here, field == "max", limit, measure, scope),
        }
    }
}

/// A limit no healthy service meets is an error; one no sick service breaks, or one the wrong way round, a warning.
fn reachable(here: &[Seg<'_>], is_max: bool, limit: Limit, measure: Measure, scope: &mut Scope<'_, '_, '_>) {
    use Measure::{
        Availability, CriticalServices, ErrorRate, HealthChecks, LatencyQuantile, Requests, Restarts, SuccessRate,
    };
    let v = limit.value;
    let highest = match measure {
        ErrorRate | SuccessRate | Availability | HealthChecks => Some(1.0),
        LatencyQuantile | Requests | CriticalServices | Restarts => None,
    };
    let impossible = if is_max {
        v < 0.0 || (v == 0.0 && measure == LatencyQuantile)
    } else {
        highest.is_some_and(|highest| v > highest)
    };
    let toothless = if is_max { highest.is_some_and(|highest| v >= highest) } else { v <= 0.0 };
    let upside_down = match measure {
        ErrorRate | LatencyQuantile | HealthChecks | CriticalServices | Restarts => !is_max,
        SuccessRate | Availability => is_max,
        Requests => false,
    };
    let limit = written(limit);
    if impossible {
        let message = format!(
            "no service can pass: `{}` is never {} {limit}",
            word(measure),
            if is_max { "at most" } else { "at least" }
        );
        scope.error(here, &message, None);
    } else if upside_down {
        let (wrong, right) = if is_max { ("max", "min") } else { ("min", "max") };
        let message = format!("`{wrong}` calls a {} `{}` good", if is_max { "low" } else { "high" }, word(measure));
        scope.warn(here, &message, format!("did you mean `{right}: {limit}`?"));
    } else if toothless {
        let message = format!(
            "`{}` is always {} {limit}: this gate is never bad",
            word(measure),
            if is_max { "at most" } else { "at least" }
        );
        scope.warn(here, &message, None);
    }
}

fn baseline(i: usize, gate: &Gate, scope: &mut Scope<'_, '_, '_>) {
    let Some(baseline) = gate.baseline else { return };
    let here = at!["gates", i, "baseline"];
    if let Some(measure) = gate.measure.filter(|m| m.from_cluster()) {
        let message = format!("`{}` has no old version to compare with", word(measure));
        scope.error(here, &message, "use `max` or `min`".to_string());
    }
    match baseline {
        Baseline::Ratio(ratio) if !(ratio > 0.0 && ratio.is_finite()) => {
            let help = "1.5 lets the new version be half as bad again".to_string();
            scope.error(&[here, at!["ratio"]].concat(), &format!("{ratio} is not above 0"), help);
        }
        Baseline::Difference(limit) => {
            let here = [here, at!["difference"]].concat();
            if limit.value < 0.0 {
                scope.error(&here, "a difference below 0 lets no equal version pass", None);
            }
            if let Some((measure, Err(help))) = gate.measure.map(|m| (m, fit(limit, m.unit()))) {
                let message = format!("{} does not fit `{}`", written(limit), word(measure));
                scope.error(&here, &message, help);
            }
        }
        Baseline::Ratio(_) => {}
    }
    let untried = scope.untried(at!["gates", i], &["max", "min"]);
    if gate.promql.is_some() && gate.max.is_none() && gate.min.is_none() && untried {
        let help = "add `max:` when high values are bad, `min:` when low ones are".to_string();
        scope.warn(here, "nothing says which way a query of your own is worse: higher is taken for worse", help);
    }
}

fn trigger(i: usize, gate: &Gate, scope: &mut Scope<'_, '_, '_>) {
    let here = at!["gates", i, "trigger"];
    let inside = |field| [Seg::Key("gates"), Seg::Index(i), Seg::Key("trigger"), Seg::Key(field)];
    match &gate.trigger {
        Trigger::Instant => {}
        Trigger::For(d) => {
            if *d < GRID {
                let help = format!("gates are asked every {GRID}; write `trigger: instant` if that is meant");
                scope.warn(&inside("for"), &format!("{d} is over at the first bad sample"), help);
            }
        }
        Trigger::KOfN(t) => {
            if t.k == 0 || t.n == 0 {
                scope.error(&inside("k_of_n"), "0 bad samples are always there", "count from 1".to_string());
            } else if t.k > t.n && scope.written(&inside("k_of_n"), &["k", "n"]) {
                let message = format!("{} of {} samples can never be bad", t.k, t.n);
                scope.error(&inside("k_of_n"), &message, format!("did you mean {{k: {}, n: {}}}?", t.n, t.k));
            }
        }
        Trigger::Consecutive(0) => {
            scope.error(&inside("consecutive"), "0 bad samples in a row are always there", "count from 1".to_string());
        }
        Trigger::Consecutive(_) => {}
        Trigger::BurnRate(burn) => {
            if let Some(measure) = gate.measure.filter(|m| !matches!(m, Measure::ErrorRate | Measure::SuccessRate)) {
                let message = format!("a burn rate needs the share of bad requests, which `{}` is not", word(measure));
                scope.error(here, &message, "use `measure: error_rate` or `success_rate`".to_string());
            }
            burn_rate(i, burn, scope);
        }
    }
}

/// Burn = bad ratio / (1 − SLO), so with the bad ratio at most 1 the burn is at most 1 / (1 − SLO).
fn burn_rate(i: usize, burn: &BurnRate, scope: &mut Scope<'_, '_, '_>) {
    let here = at!["gates", i, "trigger", "burn_rate"];
    let slo = burn.slo.0;
    if slo >= 1.0 || slo <= 0.0 {
        let message =
            if slo >= 1.0 { "an SLO of 100% leaves no budget to burn" } else { "an SLO of 0% promises nothing" };
        scope.error(&[here, at!["slo"]].concat(), message, "such as 99.9%".to_string());
        return;
    }
    if burn.windows.is_empty() {
        let help = "leave `windows` out for 14.4 on 1h/5m, 6 on 6h/30m, 1 on 3d/6h".to_string();
        scope.error(&[here, at!["windows"]].concat(), "no window is listed", help);
    }
    for (w, window) in burn.windows.iter().enumerate() {
        let both = scope.written(&[here, at!["windows", w]].concat(), &["long", "short"]);
        let here = |field| [here, at!["windows", w, field]].concat();
        if both && window.long <= window.short {
            let message =
                format!("the long window ({}) is not longer than the short one ({})", window.long, window.short);
            scope.error(&here("long"), &message, None);
        }
        if window.short == Dur::ZERO {
            scope.error(&here("short"), "a window of 0s holds no request", None);
        }
        if !(window.factor > 0.0 && window.factor.is_finite()) {
            scope.error(&here("factor"), &format!("{} is not above 0", window.factor), None);
        } else if window.factor * (1.0 - slo) > 1.0 {
            let share = Unit::Ratio.show(window.factor * (1.0 - slo));
            let message =
                format!("{} times the budget would need {share} bad requests: this never fires", window.factor);
            scope.warn(&here("factor"), &message, format!("at this SLO the highest burn is {:.1}", 1.0 / (1.0 - slo)));
        }
    }
}

/// A limit as a person wrote it, near enough: without the two decimals of the screen.
fn written(limit: Limit) -> String {
    match limit.unit {
        Unit::Ratio => format!("{}%", (limit.value * 1e8).round() / 1e6),
        Unit::Seconds => format!("{}s", limit.value),
        Unit::Count => limit.value.to_string(),
    }
}

fn word(measure: Measure) -> String {
    // A unit variant always turns into its own word.
    serde_json::to_value(measure).ok().and_then(|v| v.as_str().map(str::to_string)).unwrap_or_default()
}
