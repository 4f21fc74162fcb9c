//! From one version to another over published ones: the cheapest way, why not straight, and the next best.
use std::collections::{BTreeMap, BTreeSet};

use semver::Version;

use super::window::refused;
use super::{Contract, Migration, Phase, crossed};
use crate::spec::units::counted;

/// What comparing two versions said. Waived findings are no longer in the way, but still cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Compared {
    pub criticals: u32,
    pub waived: u32,
    pub warnings: u32,
}

/// A way and what it costs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way {
    /// Where it starts, what it goes over, where it ends.
    pub versions: Vec<Version>,
    /// In fifths of a hop: see [`price`].
    pub cost: u64,
}

/// The answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ways {
    pub best: Option<Way>,
    pub next: Option<Way>,
    /// Why the straight step is refused; empty if it is not.
    pub refused: Vec<String>,
}

/// Looks for a way. `published` are all versions that can be stepped on, with what they say of themselves; `compare` is
/// asked at most once for each pair, and only where nothing else refuses the step.
pub fn ways(
    published: &BTreeMap<Version, Contract>,
    from: &Version,
    to: &Version,
    mut compare: impl FnMut(&Version, &Version) -> Compared,
) -> Ways {
    if from >= to {
        return Ways { refused: vec![format!("{to} is not after {from}")], ..Ways::default() };
    }
    let between = published.range(from..=to).map(|(v, _)| v).filter(|v| (v.pre.is_empty() || *v == to) && *v != from);
    let mut nodes: Vec<&Version> = std::iter::once(from).chain(between).collect();
    if nodes.last() != Some(&to) {
        nodes.push(to);
    }
    let mut graph = Graph { published, nodes, known: BTreeMap::new(), compare: &mut compare };
    let last = graph.nodes.len() - 1;
    let refused = graph.edge(0, last).err().unwrap_or_default();
    let best = graph.cheapest(None);
    // The next best leaves out one step of the best.
    let mut next: Option<Way> = None;
    for pair in best.iter().flat_map(|way| way.versions.windows(2)) {
        let without = graph.cheapest(Some((&pair[0], &pair[1])));
        if let Some(way) =
            without.filter(|w| next.as_ref().is_none_or(|n| (w.cost, &w.versions) < (n.cost, &n.versions)))
        {
            next = Some(way);
        }
    }
    Ways { best, next, refused }
}

/// What a step costs, in fifths: a hop 5, a warning 50, a major crossed 500, a waived critical 5,000, a minute of
/// migrations 1. A major that is not left from its last minor costs 1 more, so of equal ways that one is taken.
fn price(compared: Compared, majors: u64, minutes: u64, from_last: bool) -> u64 {
    5 + 5_000 * u64::from(compared.waived)
        + 500 * majors
        + 50 * u64::from(compared.warnings)
        + minutes
        + u64::from(majors > 0 && !from_last)
}

type Edge = Result<u64, Vec<String>>;

struct Graph<'a, F> {
    published: &'a BTreeMap<Version, Contract>,
    nodes: Vec<&'a Version>,
    known: BTreeMap<(usize, usize), Edge>,
    compare: &'a mut F,
}

impl<F: FnMut(&Version, &Version) -> Compared> Graph<'_, F> {
    fn edge(&mut self, a: usize, b: usize) -> Edge {
        if let Some(known) = self.known.get(&(a, b)) {
            return known.clone();
        }
        let edge = self.look(a, b);
        self.known.insert((a, b), edge.clone());
        edge
    }

    fn look(&mut self, a: usize, b: usize) -> Edge {
        let (from, to) = (self.nodes[a], self.nodes[b]);
        let mut why = Vec::new();
        why.extend(refused(self.published, from, to).into_iter().map(|refusal| refusal.why));
        let crossed: Vec<&Migration> =
            crossed(self.published, from, to).into_iter().flat_map(|(_, c)| &c.migrations).collect();
        let expands: BTreeSet<&str> =
            crossed.iter().filter(|m| m.phase == Phase::Expand).map(|m| m.id.as_str()).collect();
        for m in crossed.iter().filter(|m| m.phase == Phase::Contract) {
            if let Some(expand) = m.contracts.as_deref().filter(|e| expands.contains(e)) {
                why.push(format!("{} would take away what {expand} adds in the same step", m.id));
            }
        }
        if !why.is_empty() {
            return Err(why);
        }
        let compared = (self.compare)(from, to);
        if compared.criticals > 0 {
            return Err(vec![format!(
                "{} between {from} and {to}",
                counted(compared.criticals as usize, "critical finding")
            )]);
        }
        let minutes = crossed.iter().map(|m| u64::from(m.minutes)).sum();
        let later = self.nodes.iter().any(|v| v.major == from.major && (v.minor, v.patch) > (from.minor, from.patch));
        Ok(price(compared, to.major - from.major, minutes, !later))
    }

    /// Dijkstra over versions in order; of equally cheap ways the one with fewer hops, then with later versions first.
    fn cheapest(&mut self, without: Option<(&Version, &Version)>) -> Option<Way> {
        let last = self.nodes.len() - 1;
        let mut best: BTreeMap<usize, (u64, usize, usize)> = BTreeMap::from([(0, (0, 0, 0))]);
        let mut open = BTreeSet::from([(0u64, 0usize, 0usize)]);
        while let Some((cost, hops, at)) = open.pop_first() {
            if at == last {
                break;
            }
            for to in (at + 1..=last).rev() {
                if without == Some((self.nodes[at], self.nodes[to])) {
                    continue;
                }
                let Ok(price) = self.edge(at, to) else { continue };
                let found = (cost + price, hops + 1, at);
                if best.get(&to).is_none_or(|known| (found.0, found.1) < (known.0, known.1)) {
                    best.insert(to, found);
                    open.insert((found.0, found.1, to));
                }
            }
        }
        let (cost, ..) = *best.get(&last)?;
        let (mut versions, mut at) = (vec![self.nodes[last].clone()], last);
        while at != 0 {
            at = best.get(&at)?.2;
            versions.push(self.nodes[at].clone());
        }
        versions.reverse();
        Some(Way { versions, cost })
    }
}
