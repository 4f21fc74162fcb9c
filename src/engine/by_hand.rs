//! What a person types when this program cannot write, or must not.
use super::observe::{BackendSeen, Slot};
use crate::spec::fleet::{Environment, HttpRoute};

/// `kubectl` for the cluster and namespace of an environment. `flags` are those by which the cluster was named where the
/// run is driven, as a shell takes them; without any its context alone says which.
pub fn kubectl(environment: &Environment, flags: &str) -> String {
    let k = &environment.kubernetes;
    let context = k.context.as_ref().map_or(String::new(), |c| format!("--context {}", quoted(c)));
    let flags = if flags.is_empty() { &context } else { flags };
    let space = if flags.is_empty() { "" } else { " " };
    format!("kubectl{space}{flags} -n {}", k.namespace)
}

/// As a shell takes it for one word.
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%=,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_string();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// All traffic to stable, in each rule that is ours as it was seen last; `rules`: those that send some to the new version
/// alone, as they are called. `kubectl` is a [`kubectl`].
pub fn all_to_stable(kubectl: &str, traffic: &HttpRoute, backends: &[BackendSeen], rules: Option<&str>) -> String {
    let route = &traffic.name;
    if backends.is_empty() || rules.is_some() {
        let mut what = format!("weight 100 for {}, 0 for {}", traffic.stable, traffic.next);
        if let Some(rules) = rules {
            what.push_str(&format!(", and without {rules}"));
        }
        return format!("{kubectl} edit httproute {route}  # {what}");
    }
    // Places move when somebody edits the route: the patch is refused rather than given to another backend.
    let mut ops: Vec<String> = backends
        .iter()
        .map(|b| {
            let name = if b.slot == Slot::Stable { &traffic.stable } else { &traffic.next };
            format!("{{\"op\":\"test\",\"path\":\"{}/name\",\"value\":\"{name}\"}}", b.path())
        })
        .collect();
    for b in backends {
        let weight = if b.slot == Slot::Stable { 100 } else { 0 };
        // `add` sets a member whether it is there or not.
        ops.push(format!("{{\"op\":\"add\",\"path\":\"{}/weight\",\"value\":{weight}}}", b.path()));
        if !backends.iter().any(|o| o.rule == b.rule && o.slot == Slot::Stable) {
            let stable = format!("{{\"name\":\"{}\",\"port\":{},\"weight\":100}}", traffic.stable, traffic.port);
            let path = format!("/spec/rules/{}/backendRefs/-", b.rule);
            ops.push(format!("{{\"op\":\"add\",\"path\":\"{path}\",\"value\":{stable}}}"));
        }
    }
    format!("{kubectl} patch httproute {route} --type=json -p '[{}]'", ops.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_for_a_shell() {
        for (word, want) in [("/var/lib/x", "/var/lib/x"), ("a b", "'a b'"), ("", "''"), ("it's", r"'it'\''s'")] {
            assert_eq!(quoted(word), want);
        }
    }
}
