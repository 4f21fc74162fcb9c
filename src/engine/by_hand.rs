//! What a person types when this program cannot write, or must not.
use super::observe::{BackendSeen, Slot};
use crate::spec::fleet::{Environment, HttpRoute};

/// `kubectl` with the context and namespace of an environment.
pub fn kubectl(environment: &Environment) -> String {
    let k = &environment.kubernetes;
    let context = k.context.as_ref().map_or(String::new(), |c| format!(" --context {c}"));
    format!("kubectl{context} -n {}", k.namespace)
}

/// All traffic to stable, in each rule that is ours as it was seen last; `rules`: those that send some to the new version
/// alone, as they are called.
pub fn all_to_stable(
    environment: &Environment,
    traffic: &HttpRoute,
    backends: &[BackendSeen],
    rules: Option<&str>,
) -> String {
    let (kubectl, route) = (kubectl(environment), &traffic.name);
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
