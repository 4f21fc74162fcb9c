use serde_json::{Value, json};

use crate::cluster::fake::{
    Answer, Asked, Fake, http_route, plan, planned, service, stable_deployment, stable_service, status,
};
use crate::cluster::{KubeCluster, Options};
use crate::engine::observe::{PreflightReport, Problem};
use crate::plan::Plan;
use crate::ports::Cluster;
use crate::spec::fleet::GitOps;
use crate::spec::units::Time;

/// 2026-11-22T01:00:00Z.
const NOW: Time = Time(1_795_309_200_000);

/// A namespace in which nothing is wrong, to break one thing of.
pub(super) struct World {
    pub(super) plan: Plan,
    deployment: Value,
    service: Value,
    pub(super) route: Value,
    pods: Vec<Value>,
    pub(super) more: Vec<(&'static str, Value)>,
    denied: Vec<&'static str>,
    dry_run: Option<Answer>,
}

fn pod(name: &str, digest: &str) -> Value {
    json!({"metadata": {"name": name, "labels": {"app": "billing", "pod-template-hash": "5d"},
             "ownerReferences": [{"kind": "ReplicaSet", "name": "billing-5d", "controller": true}]},
           "status": {"conditions": [{"type": "Ready", "status": "True"}],
             "containerStatuses": [{"name": "app", "imageID": format!("r/billing@sha256:{digest}")}]}})
}

impl World {
    pub(super) fn new() -> World {
        World {
            plan: plan(vec![planned("billing", "4.2.1")]),
            deployment: stable_deployment("billing", "4.1.8"),
            service: stable_service("billing"),
            route: http_route("billing", None),
            pods: vec![pod("billing-5d-a", "aa"), pod("billing-5d-b", "aa")],
            more: Vec::new(),
            denied: Vec::new(),
            dry_run: None,
        }
    }

    pub(super) async fn look(&self) -> (PreflightReport, Vec<Asked>) {
        let fake = Fake::default();
        let of = |kind: &str| self.more.iter().filter(|(k, _)| *k == kind).map(|(_, o)| o.clone()).collect::<Vec<_>>();
        let with = |kind: &str, first: Vec<Value>| {
            let all = [first, of(kind)].concat();
            json!({"items": all})
        };
        let ns = "namespaces/shop";
        fake.ok("GET /version", json!({"gitVersion": "v1.36.2"}));
        fake.ok("GET /api/v1/namespaces/kube-system", json!({"metadata": {"uid": "cluster-1"}}));
        fake.ok(&format!("GET /api/v1/{ns}"), json!({}));
        fake.ok(&format!("GET /apis/apps/v1/{ns}/deployments"), with("deployments", vec![self.deployment.clone()]));
        fake.ok(&format!("GET /apis/apps/v1/{ns}/replicasets"), with("replicasets", vec![]));
        fake.ok(&format!("GET /api/v1/{ns}/pods"), json!({"items": self.pods}));
        fake.ok(&format!("GET /api/v1/{ns}/services"), with("services", vec![self.service.clone()]));
        let routes = "/apis/gateway.networking.k8s.io/v1/namespaces/shop/httproutes";
        fake.ok(&format!("GET {routes}"), with("httproutes", vec![self.route.clone()]));
        for (group, kind) in [
            ("autoscaling/v2", "horizontalpodautoscalers"),
            ("policy/v1", "poddisruptionbudgets"),
            ("networking.k8s.io/v1", "networkpolicies"),
            ("argoproj.io/v1alpha1", "rollouts"),
        ] {
            fake.ok(&format!("GET /apis/{group}/{ns}/{kind}"), with(kind, vec![]));
        }
        fake.ok(&format!("GET /api/v1/{ns}/resourcequotas"), with("resourcequotas", vec![]));
        for kind in ["servicemonitors", "podmonitors"] {
            fake.ok(&format!("GET /apis/monitoring.coreos.com/v1/{kind}"), with(kind, vec![]));
        }
        if let Some(lease) = of("leases").pop() {
            fake.ok(&format!("GET /apis/coordination.k8s.io/v1/{ns}/leases/pilothouse-shop"), lease);
        }
        let dry = self.dry_run.clone().unwrap_or(Answer::Json(201, json!({})));
        fake.on(&format!("POST /apis/apps/v1/{ns}/deployments"), dry);
        fake.on(&format!("POST /api/v1/{ns}/services"), Answer::Json(201, json!({})));
        let reviews = "POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
        fake.answer_with(reviews, {
            let denied = self.denied.clone();
            move |question| {
                let at = |p: &str| question.pointer(p).and_then(Value::as_str).unwrap_or_default().to_string();
                let spec = "/spec/resourceAttributes";
                let asked = format!("{} {}", at(&format!("{spec}/verb")), at(&format!("{spec}/resource")));
                json!({"status": {"allowed": !denied.contains(&asked.as_str())}})
            }
        });
        let cluster = KubeCluster::new(fake.client(), Options::LOCAL);
        (cluster.preflight(&self.plan, "7f3a", NOW).await.unwrap(), fake.asked())
    }
}

pub(super) async fn problems(change: impl FnOnce(&mut World)) -> Vec<Problem> {
    let mut world = World::new();
    change(&mut world);
    world.look().await.0.problems
}

/// One change, one problem: it says `word` and blocks or not.
pub(super) async fn finds(blocking: bool, word: &str, change: impl FnOnce(&mut World)) {
    let found = problems(change).await;
    let hit = found.iter().find(|p| p.what.contains(word));
    let hit = hit.unwrap_or_else(|| panic!("{word:?} not among {found:#?}"));
    assert_eq!(hit.blocking, blocking, "{hit:?}");
    assert!(!hit.fix.is_empty());
    assert_eq!(found.iter().filter(|p| p.blocking).count(), usize::from(blocking), "{found:#?}");
}

#[tokio::test]
async fn a_sound_namespace_has_no_problems_and_tells_what_runs() {
    let (report, asked) = World::new().look().await;
    assert_eq!(report.problems, []);
    assert_eq!((report.cluster_uid.as_str(), report.server_version.as_str()), ("cluster-1", "v1.36.2"));
    let facts = &report.facts[0];
    assert_eq!((facts.from_version.as_str(), facts.ready), ("4.1.8", 3));
    assert_eq!(facts.from_image, "registry.example/billing:4.1.8");
    assert_eq!(*facts.template, stable_deployment("billing", "4.1.8")["spec"]["template"]);
    let creates: Vec<_> = asked.iter().filter(|a| a.method != "GET" && !a.path.contains("reviews")).collect();
    assert_eq!(creates.len(), 2);
    assert!(
        creates.iter().all(|a| a.method == "POST" && a.path.ends_with("&dryRun=All&fieldValidation=Strict")),
        "changes nothing"
    );
    assert!(asked.iter().any(|a| a.body.pointer("/spec/resourceAttributes/subresource") == Some(&json!("proxy"))));
}

#[tokio::test]
async fn everything_wrong_comes_in_one_report() {
    let found = problems(|w| {
        w.deployment["spec"]["template"]["spec"]["containers"][0].as_object_mut().unwrap().remove("readinessProbe");
        w.route["spec"]["rules"][0]["backendRefs"] = json!([{"name": "other", "port": 80}]);
        w.denied = vec!["patch httproutes", "delete services"];
        w.plan.services[0].service.version = Some("4.0.0".into());
    })
    .await;
    assert_eq!(found.iter().filter(|p| p.blocking).count(), 5, "{found:#?}");
    let rights: Vec<&str> = found.iter().filter(|p| p.what.starts_with("no right")).map(|p| p.what.as_str()).collect();
    assert_eq!(
        rights,
        ["no right to patch httproutes in namespace shop", "no right to delete services in namespace shop"]
    );
    assert!(found.iter().any(|p| p.fix.contains("--verb=patch --resource=httproutes")));
}

#[tokio::test]
async fn stable_must_stand() {
    finds(true, "already runs", |w| w.plan.services[0].image = "registry.example/billing:4.1.8".into()).await;
    finds(true, "deployment bill does not exist", |w| {
        w.plan.services[0].service.workload.deployment = "bill".into();
    })
    .await;
    finds(true, "no container main", |w| w.plan.services[0].service.workload.container = "main".into()).await;
    finds(true, "runs 4.1.8, the Fleet says 4.0.0", |w| {
        w.plan.services[0].service.version = Some("4.0.0".into());
    })
    .await;
    finds(true, "middle of a rollout: 1 of 3", |w| w.deployment["status"]["updatedReplicas"] = json!(1)).await;
    finds(true, "2 of 3 pods are ready", |w| w.deployment["status"]["readyReplicas"] = json!(2)).await;
    finds(true, "is paused", |w| w.deployment["spec"]["paused"] = json!(true)).await;
    finds(true, "scaled to 0", |w| w.deployment["spec"]["replicas"] = json!(0)).await;
    finds(true, "different images under one tag", |w| w.pods.push(pod("billing-5d-c", "bb"))).await;
    // Where nobody asserts or needs a version it may be called anything.
    finds(true, "cannot be read", |w| {
        w.plan.services[0].service.version = Some("4.1.8".into());
        let template = &mut w.deployment["spec"]["template"];
        template["metadata"]["labels"] = json!({"app": "billing"});
        template["spec"]["containers"][0]["image"] = json!("billing:latest");
    })
    .await;
}

#[tokio::test]
async fn the_route_must_carry_stable_and_nothing_half_moved() {
    let backends = |w: &mut World, refs: Value| w.route["spec"]["rules"][0]["backendRefs"] = refs;
    finds(true, "HTTPRoute gone does not exist", |w| {
        w.plan.services[0].service.traffic.http_route.name = "gone".into();
    })
    .await;
    finds(true, "Service billing has no port 8080", |w| {
        w.plan.services[0].service.traffic.http_route.port = 8080;
        backends(w, json!([{"name": "billing", "port": 8080}]));
    })
    .await;
    finds(true, "no rule holds Service billing port 80", |w| backends(w, json!([{"name": "billing", "port": 81}])))
        .await;
    finds(true, "a third backend: odd", |w| {
        backends(w, json!([{"name": "billing", "port": 80}, {"name": "odd", "port": 80}]));
    })
    .await;
    finds(true, "90 and 5 do not sum to 100", |w| {
        backends(
            w,
            json!([{"name": "billing", "port": 80, "weight": 90}, {"name": "billing-next", "port": 80, "weight": 5}]),
        );
    })
    .await;
    finds(true, "weight 0", |w| backends(w, json!([{"name": "billing", "port": 80, "weight": 0}]))).await;
    finds(true, "still has rules that send acme to billing-next, under the mark of run beef", |w| {
        w.route = http_route("billing", Some(0));
        let rule = json!({"matches": [{"headers": [{"name": "x-tenant", "value": "acme"}]}],
                          "backendRefs": [{"name": "billing-next", "port": 80}]});
        w.route["spec"]["rules"].as_array_mut().unwrap().insert(0, rule);
        let note = r#"[{"name":"acme","by":{"header":"x-tenant"},"values":["acme"]}]"#;
        w.route["metadata"]["annotations"] =
            json!({"owner.pilothouse.dev/billing": "beef/1/4", "tenants.pilothouse.dev/billing": note});
    })
    .await;
    let marked = |w: &mut World, mark: &str| {
        w.route = http_route("billing", Some(25));
        w.route["metadata"]["annotations"] = json!({"owner.pilothouse.dev/billing": mark});
    };
    finds(true, "already sends 25 % to billing-next, under the mark of run beef", |w| marked(w, "beef/1/9")).await;
    assert_eq!(problems(|w| marked(w, "7f3a/1/9")).await, [], "our own run's half-moved weight is adopted");
    finds(true, "refused by its gateway", |w| {
        w.route["status"]["parents"][0]["conditions"][1]["status"] = json!("False");
    })
    .await;
    finds(false, "no gateway has accepted", |w| w.route["metadata"]["generation"] = json!(4)).await;
    finds(true, "does not select the pods", |w| w.service["spec"]["selector"] = json!({"app": "other"})).await;
}

#[tokio::test]
async fn selectors_that_would_catch_the_new_pods_are_refused() {
    let tier = |w: &mut World| w.deployment["spec"]["template"]["metadata"]["labels"]["tier"] = json!("back");
    finds(true, "Service back would catch", |w| {
        tier(w);
        w.more.push(("services", json!({"metadata": {"name": "back"}, "spec": {"selector": {"tier": "back"}}})));
    })
    .await;
    let by_tier = json!({"matchLabels": {"tier": "back"}});
    for (kind, word) in [
        ("poddisruptionbudgets", "PodDisruptionBudget x would catch"),
        ("deployments", "deployment x would catch"),
        ("replicasets", "ReplicaSet x would catch"),
    ] {
        finds(true, word, |w| {
            tier(w);
            w.more.push((kind, json!({"metadata": {"name": "x"}, "spec": {"selector": by_tier}})));
        })
        .await;
    }
    finds(true, "would bind the new pods but not the old", |w| {
        let odd = json!({"podSelector": {"matchLabels": {"pilothouse.dev/slot": "next"}}});
        w.more.push(("networkpolicies", json!({"metadata": {"name": "x"}, "spec": odd})));
    })
    .await;
    finds(false, "will not bind the new", |w| {
        let own = json!({"podSelector": {"matchLabels": {"app": "billing"}}});
        w.more.push(("networkpolicies", json!({"metadata": {"name": "x"}, "spec": own})));
    })
    .await;
    let harmless = problems(|w| {
        w.more.push(("networkpolicies", json!({"metadata": {"name": "all"}, "spec": {"podSelector": {}}})));
        w.more.push(("poddisruptionbudgets", json!({"metadata": {"name": "all"}, "spec": {"selector": {}}})));
        w.more.push(("services", json!({"metadata": {"name": "none"}, "spec": {}})));
    })
    .await;
    assert_eq!(harmless, []);
    finds(true, "holds a version label", |w| {
        w.service["spec"]["selector"] = json!({"app": "billing", "version": "4.1.8"});
    })
    .await;
    finds(true, "Service front would catch", |w| {
        let patch = json!({"metadata": {"labels": {"edge": "yes", "app": "billing"}}});
        w.plan.services[0].patch = patch.as_object().cloned();
        w.more.push(("services", json!({"metadata": {"name": "front"}, "spec": {"selector": {"edge": "yes"}}})));
    })
    .await;
}

#[tokio::test]
async fn other_owners_are_named() {
    let next = |mark: &str| {
        let mut d = stable_deployment("billing-next", "4.2.1");
        d["spec"]["template"]["metadata"]["labels"] = json!({"app": "billing-next"});
        d["spec"]["selector"] = json!({"matchLabels": {"app": "billing-next"}});
        d["metadata"]["annotations"] = json!({"owner.pilothouse.dev/billing": mark});
        ("deployments", d)
    };
    finds(true, "deployment billing-next was left by run beef", |w| w.more.push(next("beef/1/1"))).await;
    let in_use = problems(|w| {
        w.more.push(next("beef/1/1"));
        w.route = http_route("billing", Some(50));
    })
    .await;
    let left = in_use.iter().find(|p| p.what.contains("was left by run beef")).unwrap();
    assert!(
        left.what.contains("serves 50 % of the traffic") && left.fix.contains("pilothouse resume beef"),
        "{left:?}"
    );
    assert!(!left.fix.contains("delete"), "what serves is not deleted: {left:?}");
    assert_eq!(problems(|w| w.more.push(next("7f3a/1/1"))).await, []);
    let hpa = json!({"metadata": {"name": "h"}, "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "billing"}}});
    finds(true, "HorizontalPodAutoscaler h sizes", |w| w.more.push(("horizontalpodautoscalers", hpa))).await;
    finds(true, "Argo Rollout r owns", |w| {
        w.more.push(("rollouts", json!({"metadata": {"name": "r"}, "spec": {"workloadRef": {"name": "billing"}}})));
    })
    .await;
    let marked =
        |w: &mut World| w.route["metadata"]["annotations"] = json!({"owner.pilothouse.dev/billing": "beef/3/9"});
    let lease = |holder: &str, n: u64| ("leases", json!({"spec": {"holderIdentity": holder, "leaseTransitions": n}}));
    finds(true, "run beef drives billing now, from mia@host/7/beef", |w| {
        marked(w);
        w.more.push(lease("mia@host/7/beef", 3));
    })
    .await;
    assert_eq!(problems(marked).await, [], "a Lease that is made anew stands above every mark");
    finds(true, "carries epoch 3, the Lease stands at 1", |w| {
        marked(w);
        w.more.push(lease("", 1));
    })
    .await;
    assert_eq!(
        problems(|w| {
            marked(w);
            w.more.push(lease("", 3));
        })
        .await,
        []
    );
    finds(true, "HTTPRoute billing is managed by Argo CD", |w| {
        w.route["metadata"]["annotations"] = json!({"argocd.argoproj.io/tracking-id": "x"});
    })
    .await;
    let by_helm = |w: &mut World| w.deployment["metadata"]["labels"] = json!({"app.kubernetes.io/managed-by": "Helm"});
    finds(true, "deployment billing is managed by Helm", by_helm).await;
    let declared = |of: fn(&mut World) -> &mut Option<GitOps>| {
        problems(move |w| {
            by_helm(w);
            *of(w) = Some(GitOps::Suspended);
        })
    };
    assert_eq!(declared(|w| &mut w.plan.services[0].service.gitops).await, []);
    assert_eq!(declared(|w| &mut w.plan.environment.gitops).await, []);
}

#[tokio::test]
async fn the_server_rehearses_the_new_objects() {
    let quota = status(403, "Forbidden", "deployments.apps \"billing-next\" is forbidden: exceeded quota: small");
    finds(true, "exceeded quota: small", |w| w.dry_run = Some(Answer::Json(403, quota))).await;
}

#[tokio::test]
async fn a_quota_must_leave_room_for_both_versions() {
    let quota = |w: &mut World, pods: &str, cpu: &str| {
        let container = &mut w.deployment["spec"]["template"]["spec"]["containers"][0];
        container["resources"] = json!({"requests": {"cpu": "250m"}});
        let status = json!({"hard": {"pods": pods, "requests.cpu": cpu, "services": "1"},
                            "used": {"pods": "3", "requests.cpu": "750m", "services": "1"}});
        w.more.push(("resourcequotas", json!({"metadata": {"name": "small"}, "status": status})));
    };
    assert_eq!(problems(|w| quota(w, "7", "1750m")).await, []);
    let pods = "quota small allows 6 of pods; 3 are free and the run needs 4 more";
    finds(true, pods, |w| quota(w, "6", "1750m")).await;
    let cpu = "quota small allows 1 of requests.cpu; 250m are free and the run needs 1 more";
    finds(true, cpu, |w| quota(w, "7", "1")).await;
}

#[tokio::test]
async fn needs_outside_the_upgrade_are_held_against_what_runs() {
    let ledger = |w: &mut World, range: &str| {
        w.plan.services[0].needs.insert("ledger".into(), range.into());
        w.plan.bystanders.push(service("ledger"));
        w.more.push(("deployments", stable_deployment("ledger", "5.1.0")));
    };
    assert_eq!(problems(|w| ledger(w, ">=5.1")).await, []);
    finds(true, "billing 4.2.1 needs ledger >=5.2: 5.1.0 runs", |w| ledger(w, ">=5.2")).await;
    finds(true, "there is no deployment tax", |w| {
        w.plan.services[0].needs.insert("tax".into(), ">=1".into());
    })
    .await;
}

#[tokio::test]
async fn an_image_that_admission_changes_is_refused_and_a_pinned_digest_is_not() {
    let made = |image: &str| {
        let mut d = stable_deployment("billing-next", "4.2.1");
        d["spec"]["template"]["spec"]["containers"][0]["image"] = json!(image);
        Some(Answer::Json(201, d))
    };
    let pinned = problems(|w| w.dry_run = made("registry.example/billing:4.2.1@sha256:ab")).await;
    assert_eq!(pinned, []);
    finds(true, "the cluster makes image registry.example/billing:4.2.0 of", |w| {
        w.dry_run = made("registry.example/billing:4.2.0");
    })
    .await;
    finds(true, "already runs", |w| {
        let container = &mut w.deployment["spec"]["template"]["spec"]["containers"][0];
        container["image"] = json!("registry.example/billing:4.2.1@sha256:ab");
        w.deployment["spec"]["template"]["metadata"]["labels"]["version"] = json!("4.2.1");
    })
    .await;
}

#[tokio::test]
async fn one_image_pulled_by_two_names_is_one_image() {
    let found = problems(|w| {
        w.pods[1]["status"]["containerStatuses"][0]["imageID"] = json!("docker-pullable://mirror/billing@sha256:aa");
    })
    .await;
    assert_eq!(found, []);
}

#[tokio::test]
async fn a_next_backend_that_is_written_ahead_does_not_block() {
    let unresolved = |w: &mut World, weight: u32| {
        w.route = http_route("billing", Some(weight));
        let resolved = &mut w.route["status"]["parents"][0]["conditions"][1];
        resolved["status"] = json!("False");
        resolved["reason"] = json!("BackendNotFound");
        resolved["message"] = json!("service billing-next not found");
    };
    assert_eq!(problems(|w| unresolved(w, 0)).await, []);
    let found = problems(|w| {
        unresolved(w, 0);
        w.route["spec"]["rules"][0]["backendRefs"].as_array_mut().unwrap()[1]["name"] = json!("gone");
    })
    .await;
    assert!(found.iter().any(|p| p.blocking && p.what.contains("refused by its gateway")), "{found:#?}");
    finds(false, "public does not say which generation", |w| {
        for condition in w.route["status"]["parents"][0]["conditions"].as_array_mut().unwrap() {
            condition.as_object_mut().unwrap().remove("observedGeneration");
        }
    })
    .await;
}

#[tokio::test]
async fn policies_that_let_old_pods_through_must_let_new_ones() {
    let policy = |name: &str, spec: Value| ("networkpolicies", json!({"metadata": {"name": name}, "spec": spec}));
    let old = json!({"podSelector": {"matchLabels": {"app": "billing"}}});
    let database = json!({"podSelector": {"matchLabels": {"app": "db"}}, "ingress": [{"from": [old]}]});
    finds(true, "NetworkPolicy db lets the old pods through by spec.ingress[0].from, but not the new", |w| {
        w.more.push(policy("db", database.clone()));
    })
    .await;
    let found = problems(|w| w.more.push(policy("db", database.clone()))).await;
    let peer = r#"{"podSelector":{"matchLabels":{"app":"billing-next"}}}"#;
    assert!(found[0].fix.contains(peer), "{}", found[0].fix);
    finds(true, "spec.egress[0].to, but not the new: they may not be reached", |w| {
        w.more.push(policy("web", json!({"podSelector": {"matchLabels": {"app": "web"}}, "egress": [{"to": [old]}]})));
    })
    .await;
    finds(false, "NetworkPolicy db lets the old pods through", |w| {
        let mut far = database.clone();
        far["ingress"][0]["from"][0]["namespaceSelector"] = json!({"matchLabels": {"team": "shop"}});
        w.more.push(policy("db", far));
    })
    .await;
    let harmless = problems(|w| {
        let both = json!([old, {"podSelector": {"matchLabels": {"app": "billing-next"}}}]);
        w.more.push(policy("a", json!({"podSelector": {"matchLabels": {"app": "db"}}, "ingress": [{"from": both}]})));
        w.more.push(policy("b", json!({"podSelector": {"matchLabels": {"app": "x"}}, "ingress": [{"from": [old]}]})));
        w.more.push(policy("c", json!({"podSelector": {"matchLabels": {"app": "x"}}, "ingress": [{}]})));
        let block = json!({"ipBlock": {"cidr": "10.0.0.0/8"}});
        w.more.push(policy("d", json!({"podSelector": {}, "ingress": [{"from": [block]}]})));
    })
    .await;
    assert_eq!(harmless, []);
}

#[tokio::test]
async fn monitors_that_would_not_scrape_the_new_pods_are_named() {
    let monitor =
        |namespace: &str, spec: Value| json!({"metadata": {"name": "m", "namespace": namespace}, "spec": spec});
    let prometheus = |w: &mut World| w.plan.environment.metrics.prometheus = Some("http://prometheus:9090".into());
    let by = |key: &str, value: &str| json!({"selector": {"matchLabels": {key: value}}});
    let label = |w: &mut World| {
        w.service["metadata"]["labels"] = json!({"app": "billing", "team": "shop", "helm.sh/chart": "x"});
    };
    finds(false, "ServiceMonitor shop/m scrapes billing but would not scrape billing-next", |w| {
        prometheus(w);
        label(w);
        w.more.push(("servicemonitors", monitor("shop", by("app", "billing"))));
    })
    .await;
    finds(false, "PodMonitor shop/m scrapes billing", |w| {
        prometheus(w);
        w.more.push(("podmonitors", monitor("shop", by("app", "billing"))));
    })
    .await;
    finds(false, "ServiceMonitor shop/m", |w| {
        prometheus(w);
        label(w);
        w.more.push(("servicemonitors", monitor("shop", by("helm.sh/chart", "x"))));
    })
    .await;
    let quiet = problems(|w| {
        prometheus(w);
        label(w);
        w.more.push(("servicemonitors", monitor("shop", by("team", "shop"))));
        w.more.push(("servicemonitors", monitor("elsewhere", by("app", "billing"))));
    })
    .await;
    assert_eq!(quiet, [], "labels of people's own are carried over");
    let elsewhere = json!({"selector": {"matchLabels": {"app": "billing"}}, "namespaceSelector": {"any": true}});
    finds(false, "ServiceMonitor monitoring/m", |w| {
        prometheus(w);
        label(w);
        w.more.push(("servicemonitors", monitor("monitoring", elsewhere)));
    })
    .await;
}

#[tokio::test]
async fn rights_are_asked_for_what_is_used() {
    let asked = |world: World| async move {
        let (_, asked) = world.look().await;
        let at = |a: &Asked, p: &str| a.body.pointer(p).and_then(Value::as_str).unwrap_or_default().to_string();
        let spec = "/spec/resourceAttributes";
        asked
            .iter()
            .map(|a| ["verb", "resource", "subresource"].map(|f| at(a, &format!("{spec}/{f}"))).join(" "))
            .filter(|right| right.starts_with("get pods"))
            .collect::<Vec<_>>()
    };
    assert_eq!(asked(World::new()).await, ["get pods proxy", "get pods "], "a named port is looked up in the Pod");
    let mut numbered = World::new();
    numbered.plan.environment.metrics.scrape.port = "9090".into();
    assert_eq!(asked(numbered).await, ["get pods proxy"]);
    let mut watched = World::new();
    watched.plan.environment.metrics.prometheus = Some("http://p:9090".into());
    assert_eq!(asked(watched).await, Vec::<String>::new());
}
