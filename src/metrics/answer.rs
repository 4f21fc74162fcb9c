//! From growth by status code or bucket to the sample of one gate: the same for both sources.
use std::collections::BTreeMap;

use super::counters::sum;
use super::exposition;
use super::histogram;
use super::names::Kind;
use crate::engine::measure::{Question, What};
use crate::gate::{Failure, Num, Sample};
use crate::spec::policy::Measure;
use crate::spec::units::Time;

/// What a source knows of one version over one window, for one kind of series.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reading {
    /// Growth by status code or upper bound, summed over pods. `None`: there are no such series.
    pub groups: Option<BTreeMap<String, f64>>,
    /// Requests per second, over all pods of the version. `None`: no two looks at the source lie within the window.
    pub rate: Option<f64>,
    /// The oldest moment a pod was last seen.
    pub sample_at: Option<Time>,
}

/// A reading, or why there is none.
pub type Read = Result<Reading, Failure>;

/// A built-in measure that a metrics source answers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Wanted {
    ErrorRate,
    SuccessRate,
    Requests,
    Latency(f64),
}

impl Wanted {
    /// What a question asks of the source's own series; `Ok(None)` for PromQL.
    ///
    /// # Errors
    /// A measure that is not answered here, or a quantile that is none.
    pub fn of(question: &Question) -> Result<Option<Wanted>, Failure> {
        match &question.what {
            What::PromQl { .. } => Ok(None),
            What::Measure { measure: Measure::ErrorRate, .. } => Ok(Some(Wanted::ErrorRate)),
            What::Measure { measure: Measure::SuccessRate, .. } => Ok(Some(Wanted::SuccessRate)),
            What::Measure { measure: Measure::Requests, .. } => Ok(Some(Wanted::Requests)),
            What::Measure { measure: Measure::LatencyQuantile, quantile: Some(q) } if (0.0..=1.0).contains(q) => {
                Ok(Some(Wanted::Latency(*q)))
            }
            What::Measure { measure: Measure::LatencyQuantile, .. } => {
                Err(Failure::Shape("latency_quantile needs a quantile between 0 and 1".into()))
            }
            What::Measure { measure, .. } => {
                Err(Failure::Shape(format!("{measure:?} is answered by the cluster, not by a metrics source")))
            }
        }
    }

    pub fn kind(self) -> Kind {
        match self {
            Wanted::Latency(_) => Kind::Durations,
            _ => Kind::Requests,
        }
    }
}

/// The numbers of one version.
struct Numbers {
    series: Vec<Num>,
    requests: Option<f64>,
    failed: Option<f64>,
}

/// The sample of a built-in measure. `unit`: seconds in one unit of the histogram.
///
/// No series at all is an empty sample (no data). Series that did not grow within the window are zero requests: no
/// number, but `requests` is 0, so that the gate says too few and not no data.
/// A baseline that cannot be had is empty; it does not take the new version's own numbers away.
pub fn sample(at: Time, wanted: Wanted, unit: f64, subject: Read, baseline: Option<Read>) -> Sample {
    let (own, seen) = match subject.and_then(|r| Ok((numbers(wanted, unit, &r)?, r.sample_at))) {
        Ok(both) => both,
        Err(failure) => return Sample::failed(at, failure),
    };
    let mut sample =
        Sample { series: own.series, sample_at: seen, requests: own.requests, failed: own.failed, ..Sample::empty(at) };
    if let Some(baseline) = baseline {
        let seen = baseline.as_ref().ok().and_then(|r| r.sample_at);
        let other = baseline.and_then(|r| numbers(wanted, unit, &r)).ok();
        sample.baseline_requests = other.as_ref().and_then(|n| n.requests);
        sample.baseline = Some(other.map(|n| n.series).unwrap_or_default());
        sample.sample_at = sample.sample_at.into_iter().chain(seen).min();
    }
    sample
}

fn numbers(wanted: Wanted, unit: f64, reading: &Reading) -> Result<Numbers, Failure> {
    let Some(groups) = &reading.groups else {
        return Ok(Numbers { series: Vec::new(), requests: None, failed: None });
    };
    match wanted {
        Wanted::Latency(q) => latency(q, unit, groups),
        _ => counted(wanted, groups, reading.rate),
    }
}

fn counted(wanted: Wanted, groups: &BTreeMap<String, f64>, rate: Option<f64>) -> Result<Numbers, Failure> {
    if groups.contains_key("") && !matches!(wanted, Wanted::Requests) {
        // Counting it as a success would hide failures.
        return Err(Failure::Shape("some series have no status code; name the label that holds it".into()));
    }
    let all = sum(groups.values().copied());
    let failed = sum(groups.iter().filter(|(code, _)| code.starts_with('5')).map(|(_, n)| *n));
    let series = match wanted {
        Wanted::Requests => rate.map(Num::from).into_iter().collect(),
        _ if all == 0.0 => Vec::new(),
        _ if !all.is_finite() => vec![Num::from(all)],
        Wanted::SuccessRate => vec![Num::from((all - failed) / all)],
        _ => vec![Num::from(failed / all)],
    };
    Ok(Numbers { series, requests: finite(all), failed: finite(failed) })
}

fn latency(q: f64, unit: f64, groups: &BTreeMap<String, f64>) -> Result<Numbers, Failure> {
    let mut buckets = Vec::with_capacity(groups.len());
    for (bound, count) in groups {
        let bound: f64 = exposition::number(bound).filter(|b| !b.is_nan()).ok_or_else(|| {
            Failure::Shape(format!("a bucket's bound `le=\"{}\"` is not a number", bound.escape_debug()))
        })?;
        buckets.push((bound, *count));
    }
    let all = sum(buckets.iter().filter(|(bound, _)| *bound == f64::INFINITY).map(|(_, n)| *n));
    let has_all = buckets.is_empty() || buckets.iter().any(|(bound, _)| *bound == f64::INFINITY);
    let series = if all.is_finite() {
        histogram::quantile(q, &buckets).map(|v| Num::from(v * unit)).into_iter().collect()
    } else {
        vec![Num::from(all)]
    };
    Ok(Numbers { series, requests: finite(all).filter(|_| has_all), failed: None })
}

/// JSON has no NaN.
fn finite(v: f64) -> Option<f64> {
    v.is_finite().then_some(v)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(groups: &[(&str, f64)]) -> Read {
        Ok(Reading {
            groups: Some(groups.iter().map(|(g, n)| (g.to_string(), *n)).collect()),
            rate: Some(2.5),
            sample_at: Some(Time(900)),
        })
    }

    fn of(wanted: Wanted, groups: &[(&str, f64)]) -> Sample {
        sample(Time(1000), wanted, 1.0, reading(groups), None)
    }

    fn values(sample: &Sample) -> Vec<f64> {
        sample.series.iter().map(Num::value).collect()
    }

    #[test]
    fn ratios_count_5xx_as_failed_and_nothing_else() {
        let codes = [("200", 90.0), ("404", 5.0), ("500", 3.0), ("503", 2.0)];
        let error = of(Wanted::ErrorRate, &codes);
        assert_eq!((values(&error), error.requests, error.failed), (vec![0.05], Some(100.0), Some(5.0)));
        assert_eq!(values(&of(Wanted::SuccessRate, &codes)), [0.95]);
        assert_eq!(values(&of(Wanted::Requests, &codes)), [2.5]);
        assert_eq!(error.sample_at, Some(Time(900)));
    }

    #[test]
    fn no_series_and_no_requests_are_two_things() {
        let none = sample(Time(1000), Wanted::ErrorRate, 1.0, Ok(Reading::default()), None);
        assert_eq!((values(&none), none.requests), (vec![], None));
        for wanted in [Wanted::ErrorRate, Wanted::SuccessRate, Wanted::Latency(0.95)] {
            let zero = of(wanted, &[]);
            assert_eq!((values(&zero), zero.requests, zero.failure), (vec![], Some(0.0), None), "{wanted:?}");
        }
        let zero = of(Wanted::ErrorRate, &[("200", 0.0)]);
        assert_eq!((values(&zero), zero.requests), (vec![], Some(0.0)));
    }

    #[test]
    fn a_series_without_a_status_code_is_not_a_success() {
        let blind = of(Wanted::ErrorRate, &[("", 50.0), ("200", 50.0)]);
        assert!(matches!(blind.failure, Some(Failure::Shape(_))), "{blind:?}");
        assert_eq!(values(&of(Wanted::Requests, &[("", 50.0)])), [2.5], "counting needs no code");
    }

    #[test]
    fn latency_is_in_seconds() {
        let buckets = [("100", 50.0), ("250.0", 100.0), ("+Inf", 100.0)];
        let p50 = sample(Time(0), Wanted::Latency(0.5), 0.001, reading(&buckets), None);
        assert_eq!((values(&p50), p50.requests), (vec![0.1], Some(100.0)));
        let broken = of(Wanted::Latency(0.5), &[("fast", 1.0), ("+Inf", 1.0)]);
        assert!(matches!(broken.failure, Some(Failure::Shape(_))));
        let open = of(Wanted::Latency(0.5), &[("1", 5.0)]);
        assert_eq!((values(&open), open.requests), (vec![], None), "no +Inf bucket: how many there were is unknown");
    }

    #[test]
    fn what_is_no_number_is_handed_on_as_text() {
        let nan = of(Wanted::ErrorRate, &[("200", f64::NAN)]);
        assert_eq!((nan.series, nan.requests), (vec![Num("NaN".into())], None));
        let inf = of(Wanted::Latency(0.9), &[("1", 5.0), ("+Inf", f64::INFINITY)]);
        assert_eq!((inf.series, inf.requests), (vec![Num("+Inf".into())], None));
    }

    #[test]
    fn a_baseline_that_cannot_be_had_leaves_the_rest() {
        let down = Err(Failure::Down("x".into()));
        let s = sample(Time(1000), Wanted::ErrorRate, 1.0, reading(&[("200", 1.0)]), Some(down));
        assert_eq!((s.baseline, s.baseline_requests, s.failure), (Some(vec![]), None, None));
        let mut old = reading(&[("200", 8.0), ("500", 2.0)]).unwrap();
        old.sample_at = Some(Time(100));
        let s = sample(Time(1000), Wanted::ErrorRate, 1.0, reading(&[("200", 1.0)]), Some(Ok(old)));
        assert_eq!((s.baseline, s.baseline_requests), (Some(vec![Num("0.2".into())]), Some(10.0)));
        assert_eq!(s.sample_at, Some(Time(100)), "as old as the older of the two");
    }

    #[test]
    fn measures_of_the_cluster_are_not_answered_here() {
        let question = |measure, quantile| Question {
            service: "billing".into(),
            gate: "g".into(),
            slot: crate::engine::observe::Slot::Next,
            what: What::Measure { measure, quantile },
            window: crate::spec::units::Dur::secs(60),
            baseline: false,
        };
        assert!(Wanted::of(&question(Measure::Availability, None)).is_err());
        assert!(Wanted::of(&question(Measure::LatencyQuantile, None)).is_err());
        assert!(Wanted::of(&question(Measure::LatencyQuantile, Some(1.5))).is_err());
        assert_eq!(Wanted::of(&question(Measure::LatencyQuantile, Some(0.95))), Ok(Some(Wanted::Latency(0.95))));
    }
}
