//! The built-in measures of one tick as few queries: many parts joined by `or`.
use std::collections::{BTreeMap, BTreeSet};

use tokio::time::Instant;

use super::http::Api;
use super::memory::{Look, Looks};
use super::promql::{self, ARM, Arm, SOURCE};
use super::reply::Answer;
use crate::engine::measure::MeasureRequest;
use crate::engine::observe::Slot;
use crate::gate::Failure;
use crate::metrics::answer::Wanted;
use crate::metrics::names::{ByService, Kind, Names};
use crate::spec::units::{Dur, Time};

/// Most parts of one query.
const MAX_PARTS: usize = 16;
/// Most pods of one part.
const MAX_PODS: usize = 300;

/// Parts to be asked, each about some pods.
pub struct Batch {
    parts: Vec<Part>,
}

/// One part: the names it reads by, what it asks, and about which pods.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    pub names: Names,
    pub arm: Arm,
    pub pods: Vec<String>,
}

/// Each part with its rows, or why it has none, and what the server warned of.
pub type Answered = (Vec<(Part, Result<Vec<Row>, Failure>)>, Vec<String>);

/// One number of a part.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    pub pod: String,
    /// Job and address of the scrape it comes from, where the part asks by them.
    pub source: [String; 2],
    /// Status code or upper bound, where the part asks by it.
    pub group: String,
    pub value: f64,
}

/// Service and pod of every version a request is about.
pub fn asked(request: &MeasureRequest) -> impl Iterator<Item = (&str, &str)> {
    let slots = wanted(request).into_iter().map(|(service, slot, _)| (service, slot)).collect::<BTreeSet<_>>();
    slots
        .into_iter()
        .flat_map(move |(service, slot)| pods(request, service, slot).iter().map(move |p| (service, p.as_str())))
}

fn pods<'a>(request: &'a MeasureRequest, service: &str, slot: Slot) -> &'a [String] {
    request.subjects.get(service).map(|s| s.pods(slot)).unwrap_or_default()
}

/// Which versions need which kind of series.
fn wanted(request: &MeasureRequest) -> BTreeSet<(&str, Slot, Kind)> {
    let mut all = BTreeSet::new();
    for q in &request.questions {
        if let Ok(Some(wanted)) = Wanted::of(q) {
            all.insert((q.service.as_str(), q.slot, wanted.kind()));
            if q.baseline {
                all.insert((q.service.as_str(), q.slot.other(), wanted.kind()));
            }
        }
    }
    for s in &request.shares {
        all.extend([Slot::Stable, Slot::Next].map(|slot| (s.service.as_str(), slot, Kind::Requests)));
    }
    all
}

/// Collects pods by what is asked about them.
#[derive(Default)]
struct Builder<'a> {
    parts: Vec<(&'a Names, Arm, BTreeSet<&'a str>)>,
}

impl<'a> Builder<'a> {
    fn add(&mut self, names: &'a Names, arm: Arm, pods: &'a [String]) {
        let part = match self.parts.iter_mut().find(|(n, a, _)| *n == names && *a == arm) {
            Some(part) => part,
            None => {
                self.parts.push((names, arm, BTreeSet::new()));
                // Just pushed.
                let Some(part) = self.parts.last_mut() else { return };
                part
            }
        };
        part.2.extend(pods.iter().map(String::as_str));
    }

    fn build(self) -> Batch {
        let mut parts = Vec::new();
        for (names, arm, pods) in self.parts {
            let pods: Vec<String> = pods.into_iter().map(str::to_string).collect();
            for some in pods.chunks(MAX_PODS) {
                parts.push(Part { names: names.clone(), arm: arm.clone(), pods: some.to_vec() });
            }
        }
        Batch { parts }
    }
}

impl Batch {
    /// Growth over every window asked about. `interval`: a share over less than two scrapes is not asked for.
    pub fn growth(request: &MeasureRequest, names: &ByService, interval: Dur) -> Batch {
        let mut builder = Builder::default();
        for q in &request.questions {
            let Ok(Some(wanted)) = Wanted::of(q) else { continue };
            let arm = || Arm::Growth { kind: wanted.kind(), window: q.window };
            builder.add(names.get(&q.service), arm(), pods(request, &q.service, q.slot));
            if q.baseline {
                builder.add(names.get(&q.service), arm(), pods(request, &q.service, q.slot.other()));
            }
        }
        for s in &request.shares {
            let window = request.tick.since(s.since);
            for slot in [Slot::Stable, Slot::Next].into_iter().filter(|_| window >= interval.times(2)) {
                let arm = Arm::Growth { kind: Kind::Requests, window };
                builder.add(names.get(&s.service), arm, pods(request, &s.service, slot));
            }
        }
        // Parts of one kind next to each other: few queries of each, and the cheap ones are not held up.
        builder.parts.sort_by_key(|(_, arm, _)| matches!(arm, Arm::Growth { kind: Kind::Durations, .. }));
        builder.build()
    }

    /// When each pod was last seen, and what it has counted so far.
    pub fn looks(request: &MeasureRequest, names: &ByService) -> Batch {
        let mut builder = Builder::default();
        let shared: BTreeSet<&str> = request.shares.iter().map(|s| s.service.as_str()).collect();
        for (service, slot, kind) in wanted(request) {
            let pods = pods(request, service, slot);
            builder.add(names.get(service), Arm::Age { kind }, pods);
            builder.add(names.get(service), Arm::Up, pods);
            if shared.contains(service) {
                builder.add(names.get(service), Arm::Total, pods);
            }
        }
        builder.build()
    }

    /// Asks every part that has pods; parts of one kind of series share a query.
    pub async fn ask(self, api: &Api, namespace: &str, tick: Time, deadline: Instant) -> Answered {
        let mut queries: Vec<Vec<Part>> = Vec::new();
        let durations = |p: &Part| matches!(p.arm, Arm::Growth { kind: Kind::Durations, .. });
        for part in self.parts {
            match queries.last_mut() {
                Some(last) if last.len() < MAX_PARTS && durations(&last[0]) == durations(&part) => last.push(part),
                _ => queries.push(vec![part]),
            }
        }
        let asked = queries.into_iter().map(|parts| async move {
            let rows = ask(api, namespace, &parts, tick, deadline).await;
            (parts, rows)
        });
        let mut answered = Vec::new();
        let mut warnings = Vec::new();
        for (parts, rows) in futures::future::join_all(asked).await {
            match rows {
                Ok((rows, warned)) => {
                    answered.extend(parts.into_iter().zip(rows.into_iter().map(Ok)));
                    warnings.extend(warned);
                }
                Err(failure) => answered.extend(parts.into_iter().map(|p| (p, Err(failure.clone())))),
            }
        }
        (answered, warnings)
    }
}

type Rows = (Vec<Vec<Row>>, Vec<String>);

async fn ask(api: &Api, namespace: &str, parts: &[Part], tick: Time, deadline: Instant) -> Result<Rows, Failure> {
    let mut texts = Vec::new();
    for (n, part) in parts.iter().enumerate() {
        let pods = promql::pods_regex(part.pods.iter().map(String::as_str)).map_err(Failure::Shape)?;
        texts.push((n, part.arm.query(&part.names, namespace, &pods)));
    }
    let answer = api.query(&promql::batch(texts), tick, deadline).await?;
    Ok((rows(parts, &answer)?, answer.warnings))
}

/// Sorts an answer's series to the parts they belong to.
fn rows(parts: &[Part], answer: &Answer) -> Result<Vec<Vec<Row>>, Failure> {
    let mut rows: Vec<Vec<Row>> = vec![Vec::new(); parts.len()];
    for (labels, value) in &answer.series {
        let label = |name: &str| labels.get(name).cloned().unwrap_or_default();
        let number: Option<usize> = label(ARM).parse().ok();
        let (Some(part), Some(into)) = (number.and_then(|n| parts.get(n)), number.and_then(|n| rows.get_mut(n))) else {
            return Err(Failure::Shape(format!("the answer holds a series that was not asked for: {labels:?}")));
        };
        let group = match &part.arm {
            Arm::Growth { kind, .. } => label(part.names.series(*kind).1),
            _ => String::new(),
        };
        let source = SOURCE.map(label);
        into.push(Row { pod: label(&part.names.pod), source, group, value: value.value() });
    }
    Ok(rows)
}

/// Growth by part, to be looked up by what was asked.
pub struct Growth {
    parts: Vec<Grew>,
}

struct Grew {
    names: Names,
    arm: Arm,
    pods: BTreeSet<String>,
    grown: Result<Grown, Failure>,
}

/// The growth of each pod by group. A pod may be scraped more than once: by two jobs, at two of its ports, or with its
/// sidecar's merged series. Its requests are the same ones, and adding them up would double them, so the scrape that
/// counted most is taken, whole.
fn one_source_a_pod(rows: Vec<Row>) -> Grown {
    let mut by_source: BTreeMap<String, BTreeMap<[String; 2], BTreeMap<String, f64>>> = BTreeMap::new();
    for row in rows {
        let groups = by_source.entry(row.pod).or_default().entry(row.source).or_default();
        *groups.entry(row.group).or_insert(0.0) += row.value;
    }
    let most = |sources: BTreeMap<[String; 2], BTreeMap<String, f64>>| {
        let all = |groups: &BTreeMap<String, f64>| groups.values().sum::<f64>();
        sources.into_values().max_by(|a, b| all(a).total_cmp(&all(b))).unwrap_or_default()
    };
    by_source.into_iter().map(|(pod, sources)| (pod, most(sources))).collect()
}

/// Pod to group to growth.
type Grown = BTreeMap<String, BTreeMap<String, f64>>;

impl Growth {
    pub fn of(answered: Vec<(Part, Result<Vec<Row>, Failure>)>) -> Growth {
        let grew = |(part, rows): (Part, Result<Vec<Row>, Failure>)| Grew {
            names: part.names,
            arm: part.arm,
            pods: part.pods.into_iter().collect(),
            grown: rows.map(one_source_a_pod),
        };
        Growth { parts: answered.into_iter().map(grew).collect() }
    }

    /// The growth of each of these pods that has any series; in order of name.
    ///
    /// # Errors
    /// The failure of a query one of the pods was in.
    pub fn of_pods(
        &self,
        names: &Names,
        kind: Kind,
        window: Dur,
        pods: &[String],
    ) -> Result<Vec<&BTreeMap<String, f64>>, Failure> {
        let arm = Arm::Growth { kind, window };
        let mut out = BTreeMap::new();
        for part in self.parts.iter().filter(|p| p.names == *names && p.arm == arm) {
            for pod in pods.iter().filter(|p| part.pods.contains(*p)) {
                match &part.grown {
                    Ok(grown) => out.extend(grown.get(pod).map(|g| (pod, g))),
                    Err(failure) => return Err(failure.clone()),
                }
            }
        }
        Ok(out.into_values().collect())
    }
}

/// What each pod showed.
///
/// # Errors
/// The first failure: without the age of the data no number can be relied on.
pub fn looks(answered: Vec<(Part, Result<Vec<Row>, Failure>)>) -> Result<Looks, Failure> {
    let mut looks = Looks::new();
    for (part, rows) in answered {
        for row in rows? {
            let look: &mut Look = looks.entry(row.pod).or_default();
            let at = Some(Time((row.value * 1000.0).round() as i64)).filter(|_| row.value.is_finite());
            match part.arm {
                Arm::Age { kind: Kind::Requests } => look.requests_at = at,
                Arm::Age { kind: Kind::Durations } => look.durations_at = at,
                Arm::Up => look.up_at = at,
                Arm::Total => look.total = Some(row.value),
                Arm::Growth { .. } => {}
            }
        }
    }
    Ok(looks)
}
