//! The text of the queries. Pure.
use crate::metrics::names::{Kind, Names};
use crate::spec::units::Dur;

/// Label that tells the parts of a batched query apart in its answer.
pub const ARM: &str = "pilothouse_arm";
/// Labels of a scrape itself: the job, and the address it read.
pub const SOURCE: [&str; 2] = ["job", "instance"];

/// A string literal.
pub fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A name as it is where the old rules allow it, else in quotes (Prometheus 3).
fn name(text: &str, colons: bool) -> String {
    let plain = |(i, c): (usize, char)| {
        c.is_ascii_alphabetic() || c == '_' || (c == ':' && colons) || (c.is_ascii_digit() && i > 0)
    };
    if !text.is_empty() && text.chars().enumerate().all(plain) { text.to_string() } else { quote(text) }
}

/// A regular expression for exactly these pods, safe in any kind of PromQL string: a dot is written `[.]`, since a
/// backslash would mean something else in backticks.
///
/// # Errors
/// A name no Kubernetes object can have.
pub fn pods_regex<'a>(pods: impl IntoIterator<Item = &'a str>) -> Result<String, String> {
    let mut out = String::new();
    for pod in pods {
        if pod.is_empty() || !pod.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '.') {
            return Err(format!("`{}` is no name of a pod", pod.escape_debug()));
        }
        if !out.is_empty() {
            out.push('|');
        }
        out.push_str(&pod.replace('.', "[.]"));
    }
    Ok(out)
}

/// `name{namespace="…",pod=~"…",…}`, with the labels that the convention holds these in.
pub fn selector(metric: &str, names: &Names, namespace: &str, pods: &str, only: &[(String, String)]) -> String {
    let mut matchers = vec![
        format!("{}={}", name(&names.namespace, false), quote(namespace)),
        format!("{}=~{}", name(&names.pod, false), quote(pods)),
    ];
    matchers.extend(only.iter().map(|(label, value)| format!("{}={}", name(label, false), quote(value))));
    let metric = name(metric, true);
    if metric.starts_with('"') {
        format!("{{{metric},{}}}", matchers.join(","))
    } else {
        format!("{metric}{{{}}}", matchers.join(","))
    }
}

/// A range, `120s` or `1500ms`; at least a second.
pub fn range(window: Dur) -> String {
    let ms = window.0.max(1000);
    if ms.is_multiple_of(1000) { format!("{}s", ms / 1000) } else { format!("{ms}ms") }
}

/// One part of a batched query.
#[derive(Debug, Clone, PartialEq)]
pub enum Arm {
    /// Growth by pod, scrape, and status code or bucket.
    Growth { kind: Kind, window: Dur },
    /// When each pod's series were last scraped, in seconds since the Unix epoch.
    Age { kind: Kind },
    /// All requests of each pod so far.
    Total,
    /// When each pod was last scraped with success, whatever it showed.
    Up,
}

impl Arm {
    /// Its query, without the mark that tells it apart.
    pub fn query(&self, names: &Names, namespace: &str, pods: &str) -> String {
        let of = |kind: Kind| selector(names.series(kind).0, names, namespace, pods, &names.only);
        let pod = name(&names.pod, false);
        let source = SOURCE.join(", ");
        match self {
            Arm::Growth { kind, window } => {
                let group = name(names.series(*kind).1, false);
                format!("sum by ({pod}, {source}, {group}) (increase({}[{}]))", of(*kind), range(*window))
            }
            Arm::Age { kind: Kind::Requests } => format!("min by ({pod}) (timestamp({}))", of(Kind::Requests)),
            Arm::Age { kind: Kind::Durations } => {
                // One bucket of each histogram is as old as the others.
                let mut only = names.only.clone();
                only.push(("le".into(), "+Inf".into()));
                format!("min by ({pod}) (timestamp({}))", selector(&names.bucket, names, namespace, pods, &only))
            }
            // Of the same counter read twice, the one that is ahead.
            Arm::Total => format!("max by ({pod}) (sum by ({pod}, {source}) ({}))", of(Kind::Requests)),
            Arm::Up => {
                let up = selector("up", names, namespace, pods, &[]);
                format!("min by ({pod}) (timestamp({up}) and ({up} == 1))")
            }
        }
    }
}

/// One query of many parts: each carries its number in the label [`ARM`].
pub fn batch(parts: impl IntoIterator<Item = (usize, String)>) -> String {
    let marked = parts.into_iter().map(|(n, query)| format!("label_replace({query}, \"{ARM}\", \"{n}\", \"\", \"\")"));
    marked.collect::<Vec<_>>().join(" or ")
}

/// What is filled into a person's query.
#[derive(Debug, Clone, Copy)]
pub struct Fill<'a> {
    pub service: &'a str,
    pub version: &'a str,
    pub namespace: &'a str,
    pub window: &'a str,
    pub pods: &'a str,
}

/// Fills `{{service}}`, `{{version}}`, `{{namespace}}`, `{{window}}` and `{{pods}}` in; blanks inside the braces are
/// allowed.
///
/// # Errors
/// An unknown placeholder, or one that is not closed.
pub fn fill(query: &str, with: &Fill<'_>) -> Result<String, String> {
    let mut out = String::with_capacity(query.len());
    let mut rest = query;
    while let Some(open) = rest.find("{{") {
        out.push_str(&rest[..open]);
        let inner = &rest[open + 2..];
        let close = inner.find("}}").ok_or("`{{` is not closed in the query")?;
        let value = match inner[..close].trim() {
            "service" => with.service,
            "version" => with.version,
            "namespace" => with.namespace,
            "window" => with.window,
            "pods" => with.pods,
            other => {
                let known = "service, version, namespace, window, pods";
                return Err(format!("unknown `{{{{{other}}}}}` in the query; there are {known}"));
            }
        };
        // They end up inside string literals; none of these signs is in a legal value.
        out.extend(value.chars().filter(|c| !matches!(c, '"' | '\'' | '`' | '\\' | '\n')));
        rest = &inner[close + 2..];
    }
    out.push_str(rest);
    Ok(out)
}

/// Whether a query is about the pods by name.
pub fn names_pods(query: &str) -> bool {
    query.split("{{").skip(1).any(|part| part.split("}}").next().is_some_and(|p| p.trim() == "pods"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::spec::fleet::Convention;

    #[test]
    fn built_in_queries_read_as_a_person_would_write_them() {
        let names = Names::of(&Convention::Prometheus);
        let growth = |kind, window| Arm::Growth { kind, window }.query(&names, "shop", "a|b");
        assert_eq!(
            growth(Kind::Requests, Dur::secs(120)),
            r#"sum by (pod, job, instance, code) (increase(http_requests_total{namespace="shop",pod=~"a|b"}[120s]))"#
        );
        assert_eq!(
            growth(Kind::Durations, Dur(1500)),
            r#"sum by (pod, job, instance, le) (increase(http_request_duration_seconds_bucket{namespace="shop",pod=~"a|b"}[1500ms]))"#
        );
        let istio = Names::of(&Convention::Istio);
        assert_eq!(
            Arm::Age { kind: Kind::Durations }.query(&istio, "shop", "a"),
            r#"min by (pod) (timestamp(istio_request_duration_milliseconds_bucket{namespace="shop",pod=~"a",reporter="destination",le="+Inf"}))"#
        );
        assert_eq!(
            Arm::Up.query(&names, "shop", "a"),
            r#"min by (pod) (timestamp(up{namespace="shop",pod=~"a"}) and (up{namespace="shop",pod=~"a"} == 1))"#
        );
        assert_eq!(
            batch([(0, "a".into()), (7, "b".into())]),
            r#"label_replace(a, "pilothouse_arm", "0", "", "") or label_replace(b, "pilothouse_arm", "7", "", "")"#
        );
        assert_eq!(range(Dur::ZERO), "1s", "a range of nothing is a parse error");
    }

    #[test]
    fn names_of_prometheus_3_are_quoted() {
        let names = Names::of(&Convention::Prometheus);
        assert_eq!(
            selector("http.requests", &names, "shop", "a", &[("k8s.x".into(), "y\"\\".into())]),
            r#"{"http.requests",namespace="shop",pod=~"a","k8s.x"="y\"\\"}"#
        );
    }

    #[test]
    fn a_convention_of_ones_own_may_name_pods_otherwise() {
        let mut names = Names::of(&Convention::Prometheus);
        (names.pod, names.namespace) = ("kubernetes_pod_name".into(), "k8s.ns".into());
        assert_eq!(
            Arm::Total.query(&names, "shop", "a"),
            r#"max by (kubernetes_pod_name) (sum by (kubernetes_pod_name, job, instance) (http_requests_total{"k8s.ns"="shop",kubernetes_pod_name=~"a"}))"#
        );
    }

    #[test]
    fn pods_match_exactly_in_any_kind_of_string() {
        assert_eq!(pods_regex(["a-1", "b.c"]).unwrap(), "a-1|b[.]c");
        assert_eq!(pods_regex([]).unwrap(), "");
        for bad in ["", "a|b", "a\"} or up{x=\"", "a\\", ".*", "a b"] {
            assert!(pods_regex([bad]).is_err(), "{bad}");
        }
    }

    const WITH: Fill<'_> =
        Fill { service: "billing", version: "4.2.1", namespace: "shop", window: "120s", pods: "a|b" };

    #[test]
    fn placeholders_are_filled_and_unknown_ones_named() {
        let query = r#"rate(x{pod=~"{{pods}}",v="{{ version }}",s="{{service}}",n="{{namespace}}"}[{{window}}])"#;
        assert_eq!(fill(query, &WITH).unwrap(), r#"rate(x{pod=~"a|b",v="4.2.1",s="billing",n="shop"}[120s])"#);
        assert!(fill("{{pod}}", &WITH).unwrap_err().contains("unknown `{{pod}}`"));
        assert!(fill("x{{pods", &WITH).is_err());
        assert_eq!(fill(r#"x{a="b"}"#, &WITH).unwrap(), r#"x{a="b"}"#);
        assert!(names_pods("x{{ pods }}") && !names_pods("x{pods=\"a\"}{{window}}"));
    }

    proptest! {
        #[test]
        fn a_filled_value_never_leaves_its_string(version in any::<String>()) {
            let with = Fill { version: &version, ..WITH };
            let got = fill("x{v=\"{{version}}\"}", &with).unwrap();
            prop_assert_eq!(got.matches('"').count(), 2);
            prop_assert!(!got.contains('\\') && !got.contains('\n'));
        }
    }
}
