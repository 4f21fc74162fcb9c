//! Gates with a query of their own.
use tokio::time::Instant;

use super::http::Api;
use super::memory::Memory;
use super::promql::{self, Fill};
use crate::engine::measure::{MeasureRequest, Question, What};
use crate::engine::observe::Slot;
use crate::gate::{Failure, Num, Sample};
use crate::spec::units::Time;

/// What one gate's queries brought.
#[derive(Debug, Clone, PartialEq)]
pub struct Own {
    series: Vec<Num>,
    baseline: Option<Vec<Num>>,
    /// What the freshness query said, for each version asked about; `None`: it found nothing.
    seen: Vec<(Slot, Option<Time>)>,
    pub warnings: Vec<String>,
}

/// Asks one gate's query, that of its baseline, and those of its freshness.
///
/// # Errors
/// The failure of its own query or freshness. A baseline that cannot be had is empty.
pub async fn ask(
    api: &Api,
    namespace: &str,
    request: &MeasureRequest,
    question: &Question,
    deadline: Instant,
) -> Result<Own, Failure> {
    let What::PromQl { query, freshness, .. } = &question.what else {
        return Err(Failure::Shape("it has no query".into()));
    };
    let one = |text: String, slot: Slot| {
        let text = fill(&text, namespace, request, question, slot);
        async move {
            match text? {
                Some(text) => api.query(&text, request.tick, deadline).await,
                None => Ok(Default::default()),
            }
        }
    };
    let age = |slot: Slot| {
        let text = freshness.as_ref().map(|f| format!("min(timestamp({f}))"));
        async move {
            match text {
                Some(text) => one(text, slot).await.map(Some),
                None => Ok(None),
            }
        }
    };
    let other = question.slot.other();
    let baseline = async {
        if question.baseline { (Some(one(query.clone(), other).await), Some(age(other).await)) } else { (None, None) }
    };
    let (own, seen, (baseline, baseline_seen)) =
        futures::join!(one(query.clone(), question.slot), age(question.slot), baseline);
    let own = own?;
    let mut warnings = own.warnings;
    let mut ages = Vec::new();
    if let Some(answer) = seen? {
        ages.push((question.slot, oldest(&answer.series)));
    }
    if let Some(answer) = baseline_seen.transpose()?.flatten() {
        ages.push((other, oldest(&answer.series)));
    }
    let numbers = |series: Vec<(_, Num)>| series.into_iter().map(|(_, n)| n).collect();
    let baseline = baseline.map(|b| {
        b.map(|a| {
            warnings.extend(a.warnings);
            numbers(a.series)
        })
        .unwrap_or_default()
    });
    Ok(Own { series: numbers(own.series), baseline, seen: ages, warnings })
}

fn oldest<L>(series: &[(L, Num)]) -> Option<Time> {
    let times = series.iter().map(|(_, n)| n.value()).filter(|v| v.is_finite());
    times.map(|v| Time((v * 1000.0).round() as i64)).min()
}

/// The query for one version; `None` when it is about pods and there are none.
fn fill(
    text: &str,
    namespace: &str,
    request: &MeasureRequest,
    question: &Question,
    slot: Slot,
) -> Result<Option<String>, Failure> {
    let subject = request.subjects.get(&question.service).cloned().unwrap_or_default();
    let pods = subject.pods(slot);
    if pods.is_empty() && promql::names_pods(text) {
        // `pod=~""` would match every series without a pod.
        return Ok(None);
    }
    let pods = promql::pods_regex(pods.iter().map(String::as_str)).map_err(Failure::Shape)?;
    let with = Fill {
        service: &question.service,
        version: subject.version(slot),
        namespace,
        window: &promql::range(question.window),
        pods: &pods,
    };
    promql::fill(text, &with).map(Some).map_err(Failure::Shape)
}

/// The sample of one gate.
pub fn sample(tick: Time, question: &Question, own: Option<&Result<Own, Failure>>, memory: &mut Memory) -> Sample {
    match own {
        None => Sample::empty(tick),
        Some(Err(failure)) => Sample::failed(tick, failure.clone()),
        Some(Ok(own)) => {
            let ages =
                own.seen.iter().map(|(slot, seen)| memory.own(tick, &question.service, &question.gate, *slot, *seen));
            Sample {
                series: own.series.clone(),
                sample_at: ages.min(),
                baseline: own.baseline.clone(),
                ..Sample::empty(tick)
            }
        }
    }
}
