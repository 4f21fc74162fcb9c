//! A way out of a circle: its services move one at a time, over published versions in between, so that whatever runs is in
//! range at every moment.
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use semver::Version;

use super::window::refused;
use super::{Fleet, out_of};

/// One service moves by one step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    pub service: String,
    pub from: Version,
    pub to: Version,
}

/// States looked at before the search is given up.
const STATES: usize = 20_000;

/// The fewest steps that bring the members of a circle to where they go; none if there is no way, or none was found in
/// time. Services outside may be at either of their versions meanwhile, so both have to fit.
pub fn way(fleet: &Fleet, members: &BTreeSet<String>) -> Option<Vec<Step>> {
    let search = Search::new(fleet, members);
    let start: Vec<usize> = vec![0; search.names.len()];
    let goal: Vec<usize> = search.versions.iter().map(|v| v.len() - 1).collect();
    let mut came: BTreeMap<Vec<usize>, (Vec<usize>, usize)> = BTreeMap::new();
    let mut queue = VecDeque::from([start.clone()]);
    while let Some(state) = queue.pop_front() {
        if state == goal {
            return Some(search.steps(&came, &start, goal));
        }
        for member in 0..state.len() {
            for to in state[member] + 1..search.versions[member].len() {
                let mut next = state.clone();
                next[member] = to;
                if next == start || came.contains_key(&next) || came.len() >= STATES || !search.may(&state, member, to)
                {
                    continue;
                }
                came.insert(next.clone(), (state.clone(), member));
                queue.push_back(next);
            }
        }
    }
    None
}

struct Search<'a> {
    fleet: &'a Fleet,
    names: Vec<&'a str>,
    /// From where it is to where it goes, for each member.
    versions: Vec<Vec<&'a Version>>,
    outside: Vec<(&'a str, BTreeSet<&'a Version>)>,
}

impl<'a> Search<'a> {
    fn new(fleet: &'a Fleet, members: &BTreeSet<String>) -> Self {
        let mut search = Self { fleet, names: Vec::new(), versions: Vec::new(), outside: Vec::new() };
        for m in &fleet.moves {
            if !members.contains(&m.service) {
                search.outside.push((&m.service, BTreeSet::from([&m.from, &m.to])));
                continue;
            }
            let published = fleet.contracts.get(&m.service);
            let between = published.into_iter().flat_map(|p| p.keys()).filter(|v| **v > m.from && **v < m.to);
            let mut versions = vec![&m.from];
            versions.extend(between);
            if m.to != m.from {
                versions.push(&m.to);
            }
            search.names.push(&m.service);
            search.versions.push(versions);
        }
        search
    }

    /// A member may move while all others stay: whatever runs then is in range, and the new version lets one step to it.
    fn may(&self, state: &[usize], member: usize, to: usize) -> bool {
        let (from, to) = (self.versions[member][state[member]], self.versions[member][to]);
        let published = self.fleet.contracts.get(self.names[member]);
        if published.is_some_and(|p| !refused(p, from, to).is_empty()) {
            return false;
        }
        let mut running: BTreeMap<&str, BTreeSet<&Version>> =
            self.outside.iter().map(|(n, v)| (*n, v.clone())).collect();
        for (n, at) in state.iter().enumerate() {
            let mut versions = BTreeSet::from([self.versions[n][*at]]);
            if n == member {
                versions.insert(to);
            }
            running.insert(self.names[n], versions);
        }
        self.names.iter().all(|name| self.fits(&running, name))
            && self.outside.iter().all(|(name, _)| self.fits(&running, name))
    }

    /// Everything a service needs of the members, and everything a member needs, is in range.
    fn fits(&self, running: &BTreeMap<&str, BTreeSet<&Version>>, service: &str) -> bool {
        let is_member = |name: &str| self.names.contains(&name);
        running.get(service).into_iter().flatten().all(|version| {
            let needs = self.fleet.needs(service, version).iter();
            let mut matter = needs.filter(|n| is_member(service) || is_member(&n.service));
            matter.all(|n| running.get(n.service.as_str()).into_iter().flatten().all(|v| out_of(&n.req, v).is_none()))
        })
    }

    fn steps(&self, came: &BTreeMap<Vec<usize>, (Vec<usize>, usize)>, start: &[usize], goal: Vec<usize>) -> Vec<Step> {
        let mut steps = Vec::new();
        let mut at = &goal;
        while let Some((before, member)) = came.get(at).filter(|_| at != start) {
            let version = |state: &[usize]| self.versions[*member][state[*member]].clone();
            steps.push(Step { service: self.names[*member].to_string(), from: version(before), to: version(at) });
            at = before;
        }
        steps.reverse();
        steps
    }
}
