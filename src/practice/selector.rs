//! Label and field selectors: the query strings of list and watch, and the selectors inside objects.

use serde_json::Value;

#[derive(Clone, Debug, PartialEq)]
enum Rule {
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
    Exists(String),
    Absent(String),
}

/// A parsed label selector; the empty one matches everything.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Labels(Vec<Rule>);

fn text<'a>(labels: &'a Value, key: &str) -> Option<&'a str> {
    labels.get(key).and_then(Value::as_str)
}

impl Rule {
    fn matches(&self, labels: &Value) -> bool {
        match self {
            Rule::In(k, vs) => text(labels, k).is_some_and(|v| vs.iter().any(|x| x == v)),
            Rule::NotIn(k, vs) => text(labels, k).is_none_or(|v| vs.iter().all(|x| x != v)),
            Rule::Exists(k) => text(labels, k).is_some(),
            Rule::Absent(k) => text(labels, k).is_none(),
        }
    }
}

impl Labels {
    /// Parses `a=b,c!=d,e in (f,g),h notin (i),j,!k`.
    ///
    /// # Errors
    /// The part that cannot be read, in words.
    pub fn parse(query: &str) -> Result<Self, String> {
        let mut rules = Vec::new();
        for part in split_outside_brackets(query) {
            let part = part.trim();
            if part.is_empty() {
                continue;
            }
            rules.push(parse_rule(part).ok_or_else(|| format!("unable to parse requirement: found '{part}'"))?);
        }
        Ok(Self(rules))
    }

    /// The `matchLabels`/`matchExpressions` form. `None` when the selector is absent or empty: what an empty
    /// selector means differs by kind, so the caller decides.
    pub fn from_object(selector: &Value) -> Option<Self> {
        let mut rules = equalities(selector.get("matchLabels"));
        for e in selector.get("matchExpressions").and_then(Value::as_array).into_iter().flatten() {
            let key = e.get("key").and_then(Value::as_str).unwrap_or_default().to_string();
            let values = e
                .get("values")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(|v| v.as_str().map(str::to_string))
                .collect();
            match e.get("operator").and_then(Value::as_str) {
                Some("In") => rules.push(Rule::In(key, values)),
                Some("NotIn") => rules.push(Rule::NotIn(key, values)),
                Some("Exists") => rules.push(Rule::Exists(key)),
                Some("DoesNotExist") => rules.push(Rule::Absent(key)),
                _ => return None,
            }
        }
        (!rules.is_empty()).then_some(Self(rules))
    }

    /// The flat map form a Service has. `None` when empty: such a Service selects nothing.
    pub fn from_map(map: &Value) -> Option<Self> {
        let rules = equalities(Some(map));
        (!rules.is_empty()).then_some(Self(rules))
    }

    /// One label with the value every match must have, if there is such a rule.
    pub fn equality(&self) -> Option<(String, String)> {
        self.0.iter().find_map(|r| match r {
            Rule::In(k, vs) if vs.len() == 1 => Some((k.clone(), vs[0].clone())),
            _ => None,
        })
    }

    /// Whether an object's `metadata.labels` satisfy every rule.
    pub fn matches(&self, labels: &Value) -> bool {
        self.0.iter().all(|r| r.matches(labels))
    }
}

fn equalities(map: Option<&Value>) -> Vec<Rule> {
    map.and_then(Value::as_object)
        .into_iter()
        .flatten()
        .filter_map(|(k, v)| v.as_str().map(|v| Rule::In(k.clone(), vec![v.to_string()])))
        .collect()
}

fn split_outside_brackets(query: &str) -> Vec<&str> {
    let (mut depth, mut start, mut out) = (0usize, 0usize, Vec::new());
    for (i, c) in query.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                out.push(&query[start..i]);
                start = i + 1;
            }
            _ => {}
        }
    }
    out.push(&query[start..]);
    out
}

fn parse_rule(part: &str) -> Option<Rule> {
    let one = |v: &str| vec![v.trim().to_string()];
    let plain = |v: &str| v.trim().chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    if let Some((k, v)) = part.split_once("!=") {
        return plain(v).then_some(Rule::NotIn(key(k)?, one(v)));
    }
    if let Some((k, v)) = part.split_once("==").or_else(|| part.split_once('=')) {
        return plain(v).then_some(Rule::In(key(k)?, one(v)));
    }
    for (word, negative) in [(" notin ", true), (" in ", false)] {
        if let Some((k, set)) = part.split_once(word) {
            let inner = set.trim().strip_prefix('(')?.strip_suffix(')')?;
            let values = inner.split(',').map(|v| v.trim().to_string()).collect();
            let k = key(k)?;
            return Some(if negative { Rule::NotIn(k, values) } else { Rule::In(k, values) });
        }
    }
    match part.strip_prefix('!') {
        Some(k) => Some(Rule::Absent(key(k)?)),
        None => Some(Rule::Exists(key(part)?)),
    }
}

fn key(k: &str) -> Option<String> {
    let k = k.trim();
    let ok = !k.is_empty() && k.chars().all(|c| c.is_ascii_alphanumeric() || "-_./".contains(c));
    ok.then(|| k.to_string())
}

/// A parsed field selector: dotted paths with `=`, `==` or `!=`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fields(Vec<(Vec<String>, bool, String)>);

impl Fields {
    /// Parses `metadata.name=billing,involvedObject.kind!=Pod` for a kind with this plural.
    ///
    /// # Errors
    /// A field the kind cannot be selected by, worded as the API server words it.
    pub fn parse(query: &str, plural: &str) -> Result<Self, String> {
        let mut rules = Vec::new();
        for part in query.split(',').filter(|p| !p.is_empty()) {
            let (path, equal, value) = if let Some((p, v)) = part.split_once("!=") {
                (p, false, v)
            } else if let Some((p, v)) = part.split_once("==").or_else(|| part.split_once('=')) {
                (p, true, v)
            } else {
                return Err(format!("invalid selector: '{query}'; can't understand '{part}'"));
            };
            let known = matches!(path, "metadata.name" | "metadata.namespace")
                || match plural {
                    "events" => {
                        path.starts_with("involvedObject.")
                            || matches!(path, "reason" | "type" | "source" | "reportingComponent")
                    }
                    "pods" => matches!(path, "spec.nodeName" | "status.phase" | "status.podIP" | "spec.restartPolicy"),
                    _ => false,
                };
            if !known {
                return Err(format!("field label not supported: {path}"));
            }
            rules.push((path.split('.').map(str::to_string).collect(), equal, value.to_string()));
        }
        Ok(Self(rules))
    }

    pub fn matches(&self, object: &Value) -> bool {
        self.0.iter().all(|(path, equal, want)| {
            let found = path.iter().try_fold(object, |v, k| v.get(k)).and_then(Value::as_str).unwrap_or_default();
            (found == want) == *equal
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn set_based_rules_and_absence() {
        let labels = json!({"app": "billing", "version": "4.1.8"});
        for (query, want) in [
            ("", true),
            ("app=billing", true),
            ("app==billing,version!=4.2.1", true),
            ("app in (orders, billing)", true),
            ("app notin (orders,portal),version", true),
            ("!canary", true),
            ("canary", false),
            ("tier!=web", true),
            ("app in (orders)", false),
        ] {
            assert_eq!(Labels::parse(query).expect("parses").matches(&labels), want, "{query}");
        }
        assert!(Labels::parse("app in billing").is_err());
        assert!(Labels::parse("=x").is_err());
    }

    #[test]
    fn an_empty_service_selector_selects_nothing() {
        assert_eq!(Labels::from_map(&json!({})), None);
        assert_eq!(Labels::from_object(&json!({"matchLabels": {}})), None);
    }

    #[test]
    fn field_selectors_refuse_unknown_paths() {
        assert!(Fields::parse("spec.replicas=3", "deployments").unwrap_err().contains("not supported"));
        let f = Fields::parse("involvedObject.name=billing,metadata.name!=x", "events").expect("known");
        assert!(f.matches(&json!({"metadata": {"name": "y"}, "involvedObject": {"name": "billing"}})));
    }
}
