//! Who goes after whom for other reasons than what it needs, such as an event that has to be understood first.
use std::collections::BTreeMap;

use super::{Plan, PlanError, Planned};
use crate::spec::{Fleet, policy};

/// Service to those that must have moved before it, each with the reason.
pub type After = BTreeMap<String, BTreeMap<String, String>>;

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
        // More waves take longer.
        self.learn(&[]);
        Ok(self)
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
