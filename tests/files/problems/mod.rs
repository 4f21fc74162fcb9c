//! One mistake at a time: each must give exactly one problem, at exactly one place, with the right words.
//!
//! A case changes one piece of valid files. `^` in the new piece marks where the problem must stand and is taken out
//! before reading.
mod gates;
mod segments;
mod when;

use pilothouse::spec::{Problem, Severity, SourceFile, load, presets};

const FLEET: &str = r#"apiVersion: pilothouse.dev/v1alpha1
kind: Fleet
metadata:
  name: shop
spec:
  environments:
    - name: practice
      kubernetes: {context: practice, namespace: shop}
    - name: prod
      production: true
      kubernetes:
        namespace: shop
      metrics:
        prometheus: http://prometheus.monitoring:9090
        auth: {bearer_file: /run/token}
        source_interval: 15s
  services:
    - name: ledger
      version: 5.2.0
      workload: {deployment: ledger, container: app}
      traffic: {httpRoute: {name: ledger, stable: ledger, next: ledger-next, port: 80}}
    - name: billing
      workload: {deployment: billing, container: app}
      traffic: {httpRoute: {name: billing, stable: billing, next: billing-next, port: 80}}
    - name: auth
      version: 4.1.8
      workload: {deployment: auth, container: app}
      traffic: {httpRoute: {name: auth, stable: auth, next: auth-next, port: 80}}
"#;

const POLICY: &str = r#"apiVersion: pilothouse.dev/v1alpha1
kind: Policy
metadata:
  name: careful
spec:
  steps:
    - {weight: 10, hold: 2m}
    - {weight: 50, hold: 2m}
    - {weight: 100, hold: 2m}
  warmup: 5m
  soak: 30m
  window: 2m
  gates:
    - name: errors
      measure: error_rate
      max: 1%
      trigger: {for: 2m}
      severity: immediate
    - name: latency
      measure: latency_quantile
      quantile: 0.95
      max: 500ms
    - name: own
      promql: sum(rate(bad{service="{{service}}"}[{{window}}]))
      freshness: bad{service="{{service}}"}
      max: 3
  people:
    operators: [ivo]
"#;

const UPGRADE: &str = r#"apiVersion: pilothouse.dev/v1alpha1
kind: Upgrade
metadata:
  name: release
spec:
  fleet: shop
  environment: prod
  policy: careful
  strategy: canary
  to:
    ledger: {image: "registry.example/ledger:5.3.0"}
    billing:
      image: registry.example/billing:4.2.1
      needs: {ledger: ">=5.3", auth: "^4.1"}
"#;

/// Reads the three files with `from` replaced by `to` in the one that holds it.
fn problems(from: &str, to: &str) -> (Vec<Problem>, Option<(String, u32, u32)>) {
    let texts = [("fleet.yaml", FLEET), ("policy.yaml", POLICY), ("upgrade.yaml", UPGRADE)];
    assert_eq!(texts.iter().filter(|(_, t)| t.matches(from).count() == 1).count(), 1, "`{from}` must occur once");
    let mut expected = None;
    let mut files = Vec::new();
    for (name, text) in texts {
        let mut text = text.replacen(from, to, 1);
        if let Some(at) = text.find('^').filter(|_| to.contains('^') && text.contains(to)) {
            // The files hold one other `^`, in a range; the mark is the one inside the new piece.
            let at = text.find(to).map_or(at, |start| start + to.find('^').unwrap());
            let before = &text[..at];
            let line = before.matches('\n').count() + 1;
            let column = before.rsplit('\n').next().unwrap().chars().count() + 1;
            expected = Some((name.to_string(), u32::try_from(line).unwrap(), u32::try_from(column).unwrap()));
            text.remove(at);
        }
        files.push(SourceFile { name: name.into(), text });
    }
    let found = match load(&files, presets()) {
        Ok(loaded) => loaded.warnings.problems,
        Err(report) => report.problems,
    };
    (found, expected)
}

fn check(severity: Severity, cases: &[(&str, &str, &str, &str)]) {
    for (from, to, message, help) in cases {
        let (found, expected) = problems(from, to);
        let shown: Vec<String> = found.iter().map(ToString::to_string).collect();
        let shown = format!("case `{to}`:\n{}", shown.join("\n"));
        assert_eq!(found.len(), 1, "{shown}");
        let problem = &found[0];
        let (file, line, column) = expected.unwrap_or_else(|| panic!("`{to}` marks no place"));
        assert_eq!((&problem.file, problem.line, problem.column), (&file, line, column), "{shown}");
        assert_eq!(problem.severity, severity, "{shown}");
        assert!(problem.message.contains(message), "wants `{message}`, {shown}");
        assert!(problem.help.as_deref().unwrap_or("").contains(help), "wants `{help}`, {shown}");
    }
}

#[test]
fn the_files_are_valid_to_begin_with() {
    let (found, _) = problems("name: release", "name: release");
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn shape() {
    check(
        Severity::Error,
        &[
            ("  warmup: 5m", "  ^warmpu: 5m", "unknown field `warmpu` in spec", "`warmup`"),
            ("  soak: 30m", "  ^replicas: 3", "unknown field `replicas` in spec", "known here: after, at_window_end"),
            (
                "soak: 30m",
                "soak: ^30",
                "spec.soak: expected a duration such as 90s, 5m or 1h30m, found the number 30",
                "30s",
            ),
            ("soak: 30m", "soak: ^[30m]", "spec.soak: expected a duration", ""),
            ("soak: 30m", "soak: ^30x", "`30x` is not a duration: unknown unit `x`", ""),
            ("  soak: 30m", "  ^soak:", "spec.soak has no value", "a duration such as 90s"),
            ("soak: 30m", "soak: 30m\n  ^soak: 20m", "`soak` is written twice here; the first is on line 11", ""),
            ("max: 1%", "max: ^much", "`much` is not a limit", ""),
            ("max: 1%", "max: ^.inf", "expected a share (1%), a duration", ""),
            (
                "severity: immediate",
                "severity: ^imediate",
                "spec.gates[0].severity: unknown word `imediate`",
                "`immediate`",
            ),
            ("severity: immediate", "severity: ^high", "unknown word `high`", "one of: standard, fast, immediate"),
            ("trigger: {for: 2m}", "trigger: ^for", "`for` needs a value", "a duration"),
            ("trigger: {for: 2m}", "trigger: {^fro: 2m}", "unknown word `fro`", "`for`"),
            ("trigger: {for: 2m}", "trigger: ^{for: 2m, consecutive: 3}", "exactly one key", "k_of_n"),
            ("trigger: {for: 2m}", "trigger: {^instant: 2m}", "`instant` takes no value", "`instant` alone"),
            (
                "trigger: {for: 2m}",
                "trigger: {^k_of_n: {k: 3}}",
                "spec.gates[0].trigger.k_of_n has no `n`",
                "whole number",
            ),
            ("trigger: {for: 2m}", "trigger: {consecutive: ^2.5}", "expected a whole number, found the number 2.5", ""),
            ("trigger: {for: 2m}", "trigger: {consecutive: ^-1}", "-1 is out of range", "the smallest is 0"),
            ("trigger: {for: 2m}", "trigger: {consecutive: ^5000000000}", "out of range", "the largest is 4294967295"),
            (
                "port: 80}}\n    - name: billing",
                "port: ^70000}}\n    - name: billing",
                "70000 is out of range",
                "65535",
            ),
            ("production: true", "production: ^yes", "expected true or false, found the text `yes`", "write `true`"),
            ("version: 5.2.0", "version: ^5.2", "expected text, found the number 5.2", "in quotes: \"5.2\""),
            ("    operators: [ivo]", "    operators: ^ivo", "expected a list", "after `- `"),
        ],
    );
    check(
        Severity::Error,
        &[
            ("strategy: canary", "strategy: ^blue-green", "`blue-green` is not built yet", "strategy: canary"),
            ("strategy: canary", "strategy: ^canry", "unknown word `canry`", "`canary`"),
            (
                "spec:\n  fleet: shop\n  environment: prod\n  policy: careful\n  strategy: canary",
                "^spec:\n  fleet: shop\n  environment: prod\n  policy: careful",
                "spec has no `strategy`",
                "`strategy: canary`, or `phased` to move tenants one by one; blue-green, rolling, scheduled-downtime come later",
            ),
            ("kind: Upgrade", "kind: ^Upgrad", "unknown kind `Upgrad`", "`Upgrade`"),
            ("kind: Upgrade", "kind: ^Calender", "unknown kind `Calender`", "`Calendar`"),
            (
                "apiVersion: pilothouse.dev/v1alpha1\nkind: Upgrade",
                "apiVersion: ^pilothouse.dev/v2\nkind: Upgrade",
                "`pilothouse.dev/v2` is not read by this version",
                "v1alpha1",
            ),
            (
                "apiVersion: pilothouse.dev/v1alpha1\nkind: Upgrade",
                "apiVersion: ^apps/v1\nkind: Deployment",
                "`apps/v1` is not read",
                "v1alpha1",
            ),
            (
                "apiVersion: pilothouse.dev/v1alpha1\nkind: Upgrade",
                "^kind: Upgrade",
                "has no `apiVersion`",
                "pilothouse.dev/v1alpha1",
            ),
            ("  name: release\n", "  name: ^Release 4\n", "metadata.name: `Release 4` cannot be a name", "lower-case"),
            (
                "metadata:\n  name: release\n",
                "metadata:\n  name: release\n  ^labels: {}\n",
                "unknown field `labels` in metadata",
                "known here: name",
            ),
            (
                "spec:\n  environments:",
                "^speck: 1\nspec:\n  environments:",
                "unknown field `speck` in this document",
                "known here",
            ),
        ],
    );
}

#[test]
fn fleets() {
    check(
        Severity::Error,
        &[
            (
                "      kubernetes:\n        namespace: shop",
                "      kubernetes:\n        namespace: ^Shop",
                "`Shop` is not a name Kubernetes takes",
                "lower-case",
            ),
            ("context: practice", "context: ^\"\"", "the context is empty", "leave it out"),
            (
                "prometheus: http://prometheus.monitoring:9090",
                "prometheus: ^prometheus:9090",
                "`prometheus:9090` does not start with http",
                "http://",
            ),
            (
                "auth: {bearer_file: /run/token}",
                "^auth: {bearer_file: /run/token, basic: {user: a, password_file: b}}",
                "cannot be used together",
                "keep one",
            ),
            ("source_interval: 15s", "source_interval: ^0s", "every 0s", ""),
            ("source_interval: 15s", "scrape: {path: ^metrics}", "a path starts with `/`", "`/metrics`"),
            ("source_interval: 15s", "scrape: {port: ^\"99999\"}", "`99999` is not a port", ""),
            (
                "source_interval: 15s",
                "convention: {own: {requests: ^9x, code_label: code, duration: d}}",
                "`9x` is not a name Prometheus takes",
                "",
            ),
            (
                "source_interval: 15s",
                "convention: {own: {requests: r, code_label: code, duration: ^d_bucket}}",
                "without `_bucket`",
                "write `d`",
            ),
            (
                "source_interval: 15s",
                "convention: {own: {requests: r, code_label: c, duration: d, duration_unit: ^0}}",
                "above 0 seconds",
                "0.001",
            ),
            ("next: ledger-next, port: 80", "next: ^ledger, port: 80", "the same Service as `stable`", "ledger-next"),
            ("next: ledger-next, port: 80", "next: ledger-next, port: ^0", "0 is not a port", ""),
            (
                "deployment: billing",
                "deployment: ^ledger",
                "the Deployment `ledger` is the Deployment of service `ledger` (line 18) already",
                "",
            ),
            ("deployment: billing", "deployment: ^ledger-next", "the new Deployment of service `ledger`", ""),
            (
                "stable: billing",
                "stable: ^ledger",
                "the stable Service `ledger` is the stable Service of service `ledger`",
                "",
            ),
            ("next: billing-next", "next: ^ledger-next", "the next Service `ledger-next` is the next Service", ""),
            ("stable: billing", "stable: ^1billing", "not a name Kubernetes takes", "a letter first"),
        ],
    );
    let (found, _) = problems("    - name: prod\n", "    - name: practice\n");
    let messages: Vec<&str> = found.iter().map(|p| p.message.as_str()).collect();
    assert_eq!(
        messages,
        [
            "spec.environments[1].name: the name is taken by spec.environments[0] on line 7",
            "spec.environment: there is no environment `prod` in fleet `shop`",
        ]
    );
}

#[test]
fn policies() {
    check(
        Severity::Error,
        &[
            ("weight: 50", "weight: ^0", "0 is out of range", "the smallest is 1"),
            ("weight: 50", "weight: ^101", "101 is out of range", "the largest is 100"),
            ("weight: 50", "weight: ^5", "falls from 10 to 5", "rollback"),
            ("weight: 100", "weight: ^90", "the last step stops at 90 %", "end with weight 100"),
            ("hold: 2m}\n    - {weight: 50", "hold: ^0s}\n    - {weight: 50", "a step of 0s is never looked at", "10s"),
            ("  warmup: 5m", "  warmup: 5m\n  after: {step: ^4}", "there is no step 4; there are 3", ""),
            ("  warmup: 5m", "  warmup: 5m\n  after: {step: ^0}", "there is no step 0", ""),
            ("  warmup: 5m", "  warmup: 5m\n  max_step: ^0", "0 times its hold", ""),
            ("  warmup: 5m", "  warmup: 5m\n  progress_deadline: ^0s", "no pod is ready after 0s", ""),
            ("  window: 2m", "  window: ^0s", "a window of 0s holds no request", ""),
            ("operators: [ivo]", "operators: [ivo, ^\" \"]", "names nobody", "whoami"),
        ],
    );
    check(
        Severity::Warning,
        &[
            (
                "hold: 2m}\n    - {weight: 50",
                "hold: ^5s}\n    - {weight: 50",
                "5s may pass without one look",
                "every 10s",
            ),
            ("warmup: 5m", "warmup: ^0s", "there is no warm-up", ""),
            ("soak: 30m", "soak: ^0s", "there is no soak", ""),
            ("  warmup: 5m", "  warmup: 5m\n  max_bad_fraction: ^5%", "has no effect", "restart_on_bad: false"),
            (
                "  people:\n    operators: [ivo]",
                "  ^people:\n    viewers: [ivo]",
                "nobody listed may pause",
                "operators or owners",
            ),
        ],
    );
}

#[test]
fn upgrades() {
    check(
        Severity::Error,
        &[
            (
                "ledger: {image: \"registry.example/ledger:5.3.0\"}",
                "ledger: ^registry.example/ledger:5.3.0",
                "expected a block of fields, found the text `registry.example/ledger:5.3.0`",
                "{image: \"registry.example/ledger:5.3.0\"}",
            ),
            ("fleet: shop", "fleet: ^shopp", "there is no fleet `shopp` in these files", "`shop`"),
            ("environment: prod", "environment: ^prd", "there is no environment `prd` in fleet `shop`", "`prod`"),
            ("policy: careful", "policy: ^studioo", "there is no policy `studioo`", "`studio`"),
            ("policy: careful", "policy: ^studio", "`studio` names no people, and `prod` is production", "people"),
            (
                "    billing:\n      image: registry.example/billing:4.2.1",
                "    ^biling:\n      image: registry.example/billing:4.2.1",
                "there is no service `biling` in fleet `shop`",
                "`billing`",
            ),
            ("auth: \"^4.1\"", "^ath: \">=4\"", "there is no service `ath`", "`auth`"),
            ("auth: \"^4.1\"", "^billing: \">=4\"", "cannot need its own service", ""),
            ("auth: \"^4.1\"", "auth: ^latest", "`latest` is no range of semantic versions", ">=5.2"),
            ("auth: \"^4.1\"", "auth: ^\">=4.2\"", "needs `>=4.2`, but it stays at 4.1.8", "add `auth` to `to`"),
            (
                "ledger: \">=5.3\"",
                "ledger: ^\">=5.4\"",
                "needs `>=5.4`, but this upgrade brings it to 5.3.0",
                "change the range",
            ),
            (
                "\"registry.example/ledger:5.3.0\"",
                "^\"registry.example/ledger:latest\"",
                "`billing` needs `>=5.3`, and the tag of `registry.example/ledger:latest` is no semantic version",
                "add `version:`",
            ),
            (
                "image: registry.example/billing:4.2.1",
                "image: registry.example/billing:4.2.1\n      version: ^latest",
                "`latest` is no semantic version",
                "such as 4.2.1",
            ),
            ("image: registry.example/billing:4.2.1", "image: ^registry.example/Billing:4.2.1", "lower-case", ""),
            ("image: registry.example/billing:4.2.1", "image: ^\"\"", "is empty", ""),
            (
                "image: registry.example/billing:4.2.1",
                "image: registry.example/billing:4.2.1\n      version: ^4.2.1+5",
                "cannot be a version",
                "label",
            ),
        ],
    );
    check(
        Severity::Warning,
        &[
            (
                "image: registry.example/billing:4.2.1",
                "image: registry.example/billing:4.2.1\n      version: ^4.3.0",
                "says 4.3.0, but the image's tag says 4.2.1",
                "",
            ),
            (
                "    billing:\n",
                "    auth: {image: ^\"registry.example/auth:4.1.7\"}\n    billing:\n",
                "goes back from 4.1.8 to 4.1.7",
                "",
            ),
        ],
    );
    let (found, _) = problems("5.3.0\"}", "5.3.0\", needs: {billing: \">=4\"}}");
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((found[0].line, found[0].column), (14, 15));
    assert!(found[0].message.contains("circle: billing -> ledger -> billing"), "{found:?}");
}

/// A version that nobody needs may be called anything.
#[test]
fn an_image_needs_no_version_where_nobody_needs_one() {
    for image in ["registry.example/billing:latest", "registry.example/billing", "registry.example/billing:4.2"] {
        let (found, _) = problems("registry.example/billing:4.2.1", image);
        assert!(found.is_empty(), "{image}: {found:?}");
    }
    let digest = format!("\"registry.example/billing@sha256:{}\"", "0a".repeat(32));
    assert!(problems("registry.example/billing:4.2.1", &digest).0.is_empty());
}

#[test]
fn a_version_that_runs_already() {
    let (found, _) = problems("ledger:5.3.0", "ledger:5.2.0");
    let messages: Vec<&str> = found.iter().map(|p| p.message.as_str()).collect();
    assert_eq!(
        messages,
        [
            "spec.to.ledger.image: the fleet says 5.2.0 is what runs already",
            "spec.to.billing.needs.ledger: needs `>=5.3`, but this upgrade brings it to 5.2.0",
        ]
    );
}

#[test]
fn a_window_shorter_than_two_looks_of_the_source() {
    let (found, _) = problems("window: 2m", "window: 20s");
    let places: Vec<(u32, Severity)> = found.iter().map(|p| (p.line, p.severity)).collect();
    // error_rate, latency_quantile and the query that names its window
    assert_eq!(places, [(8, Severity::Warning); 3], "{found:?}");
    assert!(found[0].message.contains("`prod` is read only every 15s"), "{found:?}");
}
