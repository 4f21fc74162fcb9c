//! Whatever can be meant can be written: random valid bundles come back from YAML as they were.
use std::collections::BTreeMap;

use pilothouse::spec::fleet::*;
use pilothouse::spec::policy::*;
use pilothouse::spec::units::{Dur, Limit, Ratio, Unit};
use pilothouse::spec::upgrade::{Segment, Strategy as Way, Target, UpgradeSpec};
use pilothouse::spec::{SourceFile, load};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use serde::Serialize;

#[derive(Serialize)]
struct Document<'a, T> {
    #[serde(rename = "apiVersion")]
    api_version: &'a str,
    kind: &'a str,
    metadata: BTreeMap<&'a str, &'a str>,
    spec: &'a T,
}

fn document<T: Serialize>(kind: &str, name: &str, spec: &T) -> String {
    let metadata = BTreeMap::from([("name", name)]);
    let document = Document { api_version: "pilothouse.dev/v1alpha1", kind, metadata, spec };
    serde_saphyr::to_string(&document).unwrap()
}

/// Names that look like other things in YAML are among them.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z][a-z0-9-]{0,20}[a-z0-9]",
        select(vec!["null", "true", "no", "yes", "on", "y", "nan", "inf", "e", "x1"]).prop_map(str::to_string)
    ]
}

fn dur() -> impl Strategy<Value = Dur> {
    (10_000u64..1_000_000_000).prop_map(Dur)
}

fn convention() -> impl Strategy<Value = Convention> {
    prop_oneof![
        Just(Convention::Prometheus),
        Just(Convention::Otel),
        Just(Convention::Istio),
        ("[a-z_]{1,8}", "[a-z_]{1,8}", "[a-z]{1,8}", 0.001..10.0f64).prop_map(
            |(requests, code_label, duration, duration_unit)| {
                Convention::Own(Names {
                    requests,
                    code_label,
                    duration,
                    duration_unit,
                    pod_label: None,
                    namespace_label: None,
                })
            }
        ),
    ]
}

fn fleet() -> impl Strategy<Value = FleetSpec> {
    let service = (any::<bool>(), option::of((0u32..20, 0u32..20, 0u32..20)), option::of(convention()), 1u16..);
    let services = proptest::collection::btree_map(name(), service, 1..6);
    let environment = (
        option::of(name()),
        name(),
        option::of("https?://[a-z]{1,9}(:[1-9][0-9]{0,3})?(/[a-z]{1,5})?"),
        option::of(dur()),
        convention(),
    );
    let environments = proptest::collection::btree_map(name(), environment, 1..4);
    (services, environments).prop_map(|(services, environments)| FleetSpec {
        contracts: None,
        environments: environments
            .into_iter()
            .map(|(name, (context, namespace, prometheus, source_interval, convention))| Environment {
                name,
                production: false,
                gitops: prometheus.is_none().then_some(GitOps::Ignored),
                kubernetes: Kubernetes { context, namespace },
                metrics: Metrics {
                    auth: prometheus.as_ref().map(|p| Auth {
                        bearer_file: Some(format!("/run/{}", p.len())),
                        basic: None,
                        ca_file: None,
                        client_cert_file: None,
                    }),
                    prometheus,
                    source_interval,
                    convention,
                    scrape: Scrape::default(),
                },
            })
            .collect(),
        services: services
            .into_iter()
            .map(|(name, (critical, version, convention, port))| Service {
                workload: Workload { deployment: format!("d-{name}"), container: "app".into() },
                traffic: Traffic {
                    http_route: HttpRoute {
                        name: name.clone(),
                        stable: format!("s-{name}"),
                        next: format!("n-{name}"),
                        port,
                    },
                },
                critical,
                version: version.map(|(a, b, c)| format!("{a}.{b}.{c}")),
                convention,
                tenancy: if critical { Tenancy::Routed(Routed::Header("x-tenant".into())) } else { Tenancy::Shared },
                gitops: critical.then_some(GitOps::Suspended),
                name,
            })
            .collect(),
    })
}

fn trigger() -> impl Strategy<Value = Trigger> {
    prop_oneof![
        Just(Trigger::Instant),
        dur().prop_map(Trigger::For),
        (1u32..9, 0u32..9).prop_map(|(k, more)| Trigger::KOfN(KOfN { k, n: k + more })),
        (1u32..99).prop_map(Trigger::Consecutive),
    ]
}

fn missing() -> impl Strategy<Value = Missing> {
    let one = || select(vec![OnMissing::Hold, OnMissing::Bad, OnMissing::Good, OnMissing::Ask]);
    (one(), one(), one(), one(), one()).prop_map(|(provider_down, invalid, no_data, stale, too_few)| Missing {
        provider_down,
        invalid,
        no_data,
        stale,
        too_few,
    })
}

/// A question with the limit it is compared with, and the triggers it can have.
fn question() -> impl Strategy<Value = Gate> {
    let bare = |measure| Gate { measure, ..serde_json::from_value(serde_json::json!({ "name": "" })).unwrap() };
    let limit = |value, unit| Some(Limit { value, unit });
    prop_oneof![
        (0.0..0.99f64, trigger(), option::of(0.1..9.0f64)).prop_map(move |(v, trigger, ratio)| Gate {
            max: limit(v, Unit::Ratio),
            trigger,
            baseline: ratio.map(Baseline::Ratio),
            ..bare(Some(Measure::ErrorRate))
        }),
        (0.01..0.99f64, proptest::bool::ANY).prop_map(move |(slo, own)| Gate {
            trigger: Trigger::BurnRate(BurnRate {
                slo: Ratio(slo),
                windows: vec![BurnWindow {
                    factor: if own { 1.0 } else { 0.5 },
                    long: Dur::hours(1),
                    short: Dur::mins(5)
                }],
            }),
            ..bare(Some(Measure::ErrorRate))
        }),
        (0.01..1.0f64, trigger()).prop_map(move |(v, trigger)| Gate {
            min: limit(v, Unit::Ratio),
            trigger,
            ..bare(Some(Measure::SuccessRate))
        }),
        (0.0001..60.0f64, 0.01..0.999f64, trigger(), 0.0..1.0f64).prop_map(move |(v, q, trigger, d)| Gate {
            max: limit(v, Unit::Seconds),
            quantile: Some(q),
            trigger,
            baseline: Some(Baseline::Difference(Limit { value: d, unit: Unit::Seconds })),
            ..bare(Some(Measure::LatencyQuantile))
        }),
        (1u32..1000).prop_map(move |v| Gate { min: limit(f64::from(v), Unit::Count), ..bare(Some(Measure::Requests)) }),
        trigger().prop_map(move |trigger| Gate {
            max: limit(0.0, Unit::Count),
            trigger,
            ..bare(Some(Measure::HealthChecks))
        }),
        ("[a-z]{1,9}", -1e9..1e9f64, select(vec![Reduce::Max, Reduce::Min, Reduce::Sum, Reduce::Mean, Reduce::Every]))
            .prop_map(move |(metric, v, reduce)| Gate {
                promql: Some(format!("rate({metric}{{service=\"{{{{service}}}}\",x!~'a: #b'}}[{{{{window}}}}])")),
                freshness: Some(format!("{metric}{{service=\"{{{{service}}}}\"}}")),
                reduce: Some(reduce),
                max: limit(v, Unit::Count),
                ..bare(None)
            }),
    ]
}

fn policy() -> impl Strategy<Value = PolicySpec> {
    let severity = select(vec![Severity::Standard, Severity::Fast, Severity::Immediate]);
    let gate = (question(), severity, missing(), option::of(1u64..), option::of(dur()));
    let gates = proptest::collection::vec(gate, 1..6);
    let steps = proptest::collection::btree_map(1u32..100, dur(), 0..5);
    let after = prop_oneof![Just(After::Full), Just(After::Soaked), Just(After::Step(1))];
    let finalize = select(vec![Finalize::Run, Finalize::Wave, Finalize::Service]);
    let failure = option::of(select(vec![OnFailure::Stop, OnFailure::RollBackRun, OnFailure::ContinueIndependent]));
    let exit = option::of(select(vec![OnExit::Hold, OnExit::Rollback]));
    let observed = select(vec![Observed::Require, Observed::Prefer, Observed::Off]);
    let people = proptest::collection::vec("[a-z@.:-]{1,12}|\"?# ?x|true|'|-", 1..4);
    (gates, steps, after, finalize, failure, exit, observed, people, dur()).prop_map(
        |(gates, steps, after, finalize, on_failure, on_exit, observed, people, d)| {
            // The fields nothing is said about take their defaults.
            let mut spec: PolicySpec = serde_json::from_value(serde_json::json!({ "steps": [], "gates": [] })).unwrap();
            spec.steps = steps.into_iter().map(|(weight, hold)| Step { weight, hold }).collect();
            spec.steps.push(Step { weight: 100, hold: d });
            spec.gates = gates
                .into_iter()
                .enumerate()
                .map(|(i, (gate, severity, missing, min_requests, window))| Gate {
                    name: format!("gate {i}: x"),
                    severity,
                    missing,
                    min_requests,
                    window: window.map(|w| w + Dur::mins(1)),
                    ..gate
                })
                .collect();
            (spec.after, spec.finalize, spec.on_failure) = (after, finalize, on_failure);
            (spec.on_exit, spec.observed) = (on_exit, observed);
            spec.people.operators = people;
            spec
        },
    )
}

fn upgrade(fleet: &FleetSpec) -> UpgradeSpec {
    let names: Vec<&str> = fleet.services.iter().map(|s| s.name.as_str()).collect();
    let target = |i: usize, name: &str| Target {
        image: format!("registry.example/{name}:v99.{i}.0"),
        version: None,
        // Each needs the one before it: a chain, never a circle.
        needs: i.checked_sub(1).map(|before| (names[before].to_string(), ">=99".to_string())).into_iter().collect(),
        patch: serde_json::json!({"spec": {"x": [1, 2.5, "true", null, {"y": "no"}]}}).as_object().cloned(),
    };
    UpgradeSpec {
        fleet: "f".into(),
        environment: fleet.environments[0].name.clone(),
        policy: "p".into(),
        release: None,
        stay: Vec::new(),
        strategy: Way::Canary,
        calendar: None,
        tenants: None,
        preferred_date: None,
        to: names.iter().enumerate().map(|(i, name)| ((*name).to_string(), target(i, name))).collect(),
        segments: vec![Segment {
            name: "beta".into(),
            header: Some("x-user-type".into()),
            host: None,
            values: vec!["tester".into(), "yes".into(), "1".into()],
            services: vec![names[0].to_string()],
        }],
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn valid_bundles_survive_yaml(fleet in fleet(), policy in policy()) {
        let mut upgrade = upgrade(&fleet);
        if policy.observed == Observed::Require {
            // Which segments cannot give.
            upgrade.segments.clear();
        }
        let text = [document("Fleet", "f", &fleet), document("Policy", "p", &policy), document("Upgrade", "u", &upgrade)].join("---\n");
        let file = SourceFile { name: "all.yaml".into(), text: text.clone() };
        let loaded = load(&[file], &[]).map_err(|report| TestCaseError::fail(format!("{report}\n{text}")))?;
        let bundle = loaded.bundle(None).map_err(|report| TestCaseError::fail(report.to_string()))?;
        prop_assert_eq!(bundle.fleet.spec, fleet);
        prop_assert_eq!(bundle.policy.spec, policy, "{}", text);
        prop_assert_eq!(bundle.upgrade.spec, upgrade);
    }
}
