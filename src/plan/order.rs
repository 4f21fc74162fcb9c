//! Who goes after whom for other reasons than what it needs, such as an event that has to be understood first.
use std::collections::{BTreeMap, BTreeSet};

use super::{Plan, PlanError, Planned};
use crate::spec::{Fleet, policy};

/// Service to those that must have moved before it, each with the reason.
pub type After = BTreeMap<String, BTreeMap<String, String>>;

/// Services that move at once, and so the most of one wave: people can watch so many, and what goes wrong with a release
/// shows before all of it is out.
pub const AT_ONCE: usize = 8;

impl Planned {
    /// Services that must have moved as a whole before this one begins: what it needs, and what goes before it.
    pub fn goes_after(&self) -> impl Iterator<Item = &String> {
        self.needs.keys().chain(self.after.keys().filter(|name| !self.needs.contains_key(*name)))
    }

    /// What `first` has to reach before this one begins, under the policy's `after`.
    pub fn waits_until(&self, first: &str, after: policy::After) -> policy::After {
        match after {
            policy::After::Step(_) if self.apart.contains(first) => policy::After::Full,
            other => other,
        }
    }
}

impl Plan {
    /// The same plan with its services in this order as well; services that are not in it do not count. What the order
    /// keeps apart stays apart under any policy, also where it is needed anyhow.
    ///
    /// # Errors
    /// The order and the needs go in a circle.
    pub fn in_order(mut self, fleet: &Fleet, after: &After) -> Result<Plan, PlanError> {
        let names: Vec<String> = self.services.iter().map(|s| s.service.name.clone()).collect();
        for planned in &mut self.services {
            let first = after.get(&planned.service.name).into_iter().flatten().filter(|(name, _)| names.contains(name));
            planned.apart = first.clone().map(|(name, _)| name.clone()).collect();
            let first = first.filter(|(name, _)| !planned.needs.contains_key(*name));
            planned.after = first.map(|(name, why)| (name.clone(), why.clone())).collect();
        }
        let waves = self.waves()?;
        let at = |name: &str| fleet.spec.services.iter().position(|s| s.name == name);
        for planned in &mut self.services {
            planned.wave = waves.get(&planned.service.name).copied().unwrap_or(1);
        }
        self.services.sort_by_key(|p| (p.wave, at(&p.service.name)));
        self.cap();
        // More waves take longer.
        self.learn(&[]);
        Ok(self)
    }

    /// Makes several waves of one with more than [`AT_ONCE`] services: first what fewest depend on and least is said
    /// against. `services` are in order of waves; those that fit stay in theirs as they stand.
    pub(super) fn cap(&mut self) {
        let risk = |p: &Planned| {
            let told = self.compat.iter().flat_map(|v| &v.findings).filter(|f| !f.off);
            let said = told.filter(|f| f.service.as_ref() == Some(&p.service.name)).count();
            (self.dependants(&p.service.name).count(), said)
        };
        let waves: BTreeSet<u32> = self.services.iter().map(|p| p.wave).collect();
        let mut capped: Vec<Planned> = Vec::new();
        let mut number = 0;
        for wave in waves {
            let mut all: Vec<&Planned> = self.services.iter().filter(|p| p.wave == wave).collect();
            if all.len() > AT_ONCE {
                // Stable: of equal ones the fleet's order decides.
                all.sort_by_key(|p| risk(p));
            }
            for part in all.chunks(AT_ONCE) {
                number += 1;
                capped.extend(part.iter().map(|p| Planned { wave: number, ..(*p).clone() }));
            }
        }
        self.services = capped;
    }

    /// Each service one wave later than the last it goes after.
    fn waves(&self) -> Result<BTreeMap<String, u32>, PlanError> {
        let mut waves: BTreeMap<String, u32> = BTreeMap::new();
        let mut left: Vec<&Planned> = self.services.iter().collect();
        while !left.is_empty() {
            let ready = |p: &&Planned| p.goes_after().filter(|n| self.get(n).is_some()).all(|n| waves.contains_key(n));
            let (now, later): (Vec<&Planned>, Vec<&Planned>) = left.iter().copied().partition(ready);
            if now.is_empty() {
                return Err(PlanError::Cycle(circle(&later)));
            }
            let placed: Vec<(String, u32)> = now
                .iter()
                .map(|p| {
                    let last = p.goes_after().filter_map(|n| waves.get(n)).max().copied().unwrap_or(0);
                    (p.service.name.clone(), last + 1)
                })
                .collect();
            waves.extend(placed);
            left = later;
        }
        Ok(waves)
    }
}

/// One circle among services that all wait for one another.
fn circle(left: &[&Planned]) -> Vec<String> {
    let mut path: Vec<&str> = Vec::new();
    let mut here = left.first().map_or("", |p| p.service.name.as_str());
    loop {
        if let Some(at) = path.iter().position(|p| *p == here) {
            let mut circle: Vec<String> = path[at..].iter().map(ToString::to_string).collect();
            circle.push(here.to_string());
            return circle;
        }
        path.push(here);
        let planned = left.iter().find(|p| p.service.name == here);
        let next = planned.and_then(|p| p.goes_after().find(|n| left.iter().any(|o| o.service.name == **n)));
        match next {
            Some(next) => here = next,
            None => return path.iter().map(ToString::to_string).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{SourceFile, load, presets};

    fn plan(services: usize) -> (Plan, Fleet) {
        let (mut fleet, mut to) = (String::new(), String::new());
        for n in 0..services {
            fleet += &format!(
                "    - {{name: s{n}, workload: {{deployment: s{n}, container: app}},\n       traffic: {{httpRoute: {{name: \
                 s{n}, stable: s{n}, next: s{n}-next, port: 80}}}}}}\n"
            );
            // The first is needed by the second.
            let needs = if n == 1 { ", needs: {s0: \">=2\"}" } else { "" };
            to += &format!("    s{n}: {{image: \"r.example/s{n}:2.0.0\"{needs}}}\n");
        }
        let text = format!(
            "apiVersion: pilothouse.dev/v1alpha1\nkind: Fleet\nmetadata: {{name: shop}}\nspec:\n  environments: [{{name: \
             test, kubernetes: {{namespace: shop}}}}]\n  services:\n{fleet}---\napiVersion: \
             pilothouse.dev/v1alpha1\nkind: Upgrade\nmetadata: {{name: up}}\nspec:\n  fleet: shop\n  environment: \
             test\n  policy: erp\n  strategy: canary\n  to:\n{to}"
        );
        let loaded = load(&[SourceFile { name: "all.yaml".into(), text }], presets()).unwrap_or_else(|r| panic!("{r}"));
        let bundle = loaded.bundle(None).unwrap();
        (Plan::build(&bundle).unwrap(), bundle.fleet)
    }

    fn waves(plan: &Plan) -> Vec<Vec<&str>> {
        let last = plan.services.iter().map(|p| p.wave).max().unwrap_or(0);
        let of = |n| plan.services.iter().filter(|p| p.wave == n).map(|p| p.service.name.as_str()).collect();
        (1..=last).map(of).collect()
    }

    #[test]
    fn a_wave_has_no_more_than_move_at_once() {
        let (small, _) = plan(9);
        assert_eq!(waves(&small), [vec!["s0", "s2", "s3", "s4", "s5", "s6", "s7", "s8"], vec!["s1"]]);
        let (large, fleet) = plan(19);
        // What another needs goes last of its wave, and that one after it.
        let wanted = [
            vec!["s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9"],
            vec!["s10", "s11", "s12", "s13", "s14", "s15", "s16", "s17"],
            vec!["s18", "s0"],
            vec!["s1"],
        ];
        assert_eq!(waves(&large), wanted);
        assert_eq!(large.estimate().0, large.service_estimate().times(4));
        let ordered = large.clone().in_order(&fleet, &After::new()).unwrap();
        assert_eq!(waves(&ordered), wanted);
    }

    #[test]
    fn what_is_kept_apart_waits_for_all_of_the_first() {
        let (plan, fleet) = plan(3);
        let after = [("s1", "s0"), ("s2", "s0")]
            .map(|(then, first)| (then.to_string(), BTreeMap::from([(first.to_string(), "why".to_string())])));
        let ordered = plan.clone().in_order(&fleet, &after.into()).unwrap();
        let until = |plan: &Plan, name: &str, after| plan.get(name).unwrap().waits_until("s0", after);
        use policy::After::{Full, Soaked, Step};
        assert_eq!((until(&plan, "s1", Step(1)), until(&ordered, "s1", Step(1))), (Step(1), Full));
        assert_eq!((until(&ordered, "s2", Step(1)), until(&ordered, "s2", Soaked)), (Full, Soaked));
        // A need stays one, and is no order besides.
        assert_eq!((ordered.get("s1").unwrap().after.len(), ordered.get("s2").unwrap().after.len()), (0, 1));
    }
}
