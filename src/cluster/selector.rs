//! Label selectors, as the API server evaluates them.
use std::collections::BTreeMap;

use serde_json::Value;

use super::json::{list, strings, text};

type Labels = BTreeMap<String, String>;

/// Whether a Service's selector (a plain map) picks these labels. A Service without a selector picks nothing.
pub fn map_matches(selector: &Labels, labels: &Labels) -> bool {
    !selector.is_empty() && selector.iter().all(|(key, value)| labels.get(key) == Some(value))
}

/// Whether a LabelSelector (`matchLabels`, `matchExpressions`) picks these labels. An empty one picks everything; an
/// operator that is not known picks everything too, so that a clash is never overlooked.
pub fn selector_matches(selector: &Value, labels: &Labels) -> bool {
    let wanted = strings(selector, "/matchLabels");
    wanted.iter().all(|(key, value)| labels.get(key) == Some(value))
        && list(selector, "/matchExpressions").iter().all(|e| expression_matches(e, labels))
}

fn expression_matches(expression: &Value, labels: &Labels) -> bool {
    let Some(have) = text(expression, "/key").map(|key| labels.get(key)) else { return true };
    let among = |value: &String| list(expression, "/values").iter().any(|v| v.as_str() == Some(value));
    match text(expression, "/operator").unwrap_or_default() {
        "In" => have.is_some_and(among),
        // As the API server does: a pod without the label is `NotIn` any set.
        "NotIn" => !have.is_some_and(among),
        "Exists" => have.is_some(),
        "DoesNotExist" => have.is_none(),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect()
    }

    #[test]
    fn selectors_pick_as_the_api_server_does() {
        let pod = labels(&[("app", "billing"), ("tier", "back")]);
        for (selector, expected) in [
            (json!({}), true),
            (json!({"matchLabels": {"app": "billing"}}), true),
            (json!({"matchLabels": {"app": "billing", "tier": "front"}}), false),
            (json!({"matchExpressions": [{"key": "tier", "operator": "In", "values": ["front", "back"]}]}), true),
            (json!({"matchExpressions": [{"key": "tier", "operator": "NotIn", "values": ["back"]}]}), false),
            (json!({"matchExpressions": [{"key": "zone", "operator": "NotIn", "values": ["a"]}]}), true),
            (json!({"matchExpressions": [{"key": "zone", "operator": "Exists"}]}), false),
            (json!({"matchExpressions": [{"key": "zone", "operator": "DoesNotExist"}]}), true),
        ] {
            assert_eq!(selector_matches(&selector, &pod), expected, "{selector}");
        }
        assert!(!map_matches(&Labels::new(), &pod), "a Service without selector picks nothing");
        assert!(map_matches(&labels(&[("app", "billing")]), &pod));
    }
}
