//! Every moment of an upgrade. While a service moves, both its versions run; so whatever runs of one service must be in
//! range for whatever runs of another, at every moment.
use std::collections::{BTreeMap, BTreeSet};

use semver::Version;

use super::super::{Area, Finding, Place, Severity};
use super::{Contract, Fleet, Move, Need, crossed, finding, order, out_of};

/// Which versions of a service run at a moment.
type Running<'a> = BTreeMap<&'a str, BTreeSet<&'a Version>>;

/// A pair of versions that run beside each other and must not.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Clash {
    /// Who needs.
    pub service: String,
    pub version: Version,
    /// Who is needed.
    pub other: String,
    pub beside: Version,
    /// Why it is out of range.
    pub why: String,
}

/// Goes through the waves (each a list of services that move side by side) and says what is out of range, and when.
/// Services of no wave stay where they are. A rollback passes through the same moments the other way round. What is
/// `already_told`, by the reason an edge gives for it, is not told again.
pub fn replay(fleet: &Fleet, waves: &[Vec<String>], already_told: &BTreeSet<String>) -> Vec<Finding> {
    let mut told = BTreeMap::new();
    let today: BTreeSet<Clash> = clashes(fleet, &running(fleet, waves, None)).into_iter().map(|(c, _)| c).collect();
    for at in 0..=waves.len() {
        for (clash, need) in clashes(fleet, &running(fleet, waves, Some(at))) {
            told.entry(clash).or_insert((at, need));
        }
    }
    let reason = |c: &Clash, need: &Need| order::reason(&c.service, &c.version, need, &c.why);
    let new = told.into_iter().filter(|(clash, (_, need))| !already_told.contains(&reason(clash, need)));
    let found = new.map(|(clash, (at, need))| match today.contains(&clash) {
        true => already(&clash, need),
        false => out_of_range(fleet, &clash, need, at, waves),
    });
    found.collect()
}

/// What runs before the start (`None`), while a wave moves, and after the last.
fn running<'a>(fleet: &'a Fleet, waves: &[Vec<String>], at: Option<usize>) -> Running<'a> {
    let mut wave_of: BTreeMap<&str, usize> = BTreeMap::new();
    for (n, wave) in waves.iter().enumerate() {
        wave_of.extend(wave.iter().map(|s| (s.as_str(), n)));
    }
    let of = |m: &'a Move| match (wave_of.get(m.service.as_str()), at) {
        (Some(wave), Some(at)) if *wave < at => BTreeSet::from([&m.to]),
        (Some(wave), Some(at)) if *wave == at => BTreeSet::from([&m.from, &m.to]),
        _ => BTreeSet::from([&m.from]),
    };
    fleet.moves.iter().map(|m| (m.service.as_str(), of(m))).collect()
}

fn clashes<'a>(fleet: &'a Fleet, running: &Running<'a>) -> Vec<(Clash, &'a Need)> {
    let mut found = Vec::new();
    for (service, versions) in running {
        for version in versions {
            for need in fleet.needs(service, version) {
                for beside in running.get(need.service.as_str()).into_iter().flatten() {
                    if let Some(why) = out_of(&need.req, beside) {
                        let clash = Clash {
                            service: (*service).to_string(),
                            version: (*version).clone(),
                            other: need.service.clone(),
                            beside: (*beside).clone(),
                            why,
                        };
                        found.push((clash, need));
                    }
                }
            }
        }
    }
    found
}

fn already(clash: &Clash, need: &Need) -> Finding {
    let about = format!("{}@{} {}@{}", clash.service, clash.version, clash.other, clash.beside);
    let message = format!(
        "{} {} already runs beside {} {}: {}",
        clash.service, clash.version, clash.other, clash.beside, clash.why
    );
    finding("dependency-out-of-range-today", Severity::Warning, Area::Dependency, need.place.as_ref(), &about, message)
}

fn out_of_range(fleet: &Fleet, clash: &Clash, need: &Need, at: usize, waves: &[Vec<String>]) -> Finding {
    let about = format!("{}@{} {}@{}", clash.service, clash.version, clash.other, clash.beside);
    let message =
        format!("{} {} would run beside {} {}: {}", clash.service, clash.version, clash.other, clash.beside, clash.why);
    let mut f =
        finding("dependency-out-of-range", Severity::Critical, Area::Dependency, need.place.as_ref(), &about, message);
    f.affected = vec![clash.service.clone(), clash.other.clone()];
    f.details = vec![match at < waves.len() {
        true => format!("first while wave {} of {} moves", at + 1, waves.len()),
        false => "for good, after the last wave".to_string(),
    }];
    f.recommendation = Some(remedy(fleet, clash, need));
    f
}

/// What can be done about it, by who moves: no order helps against a version that stays.
fn remedy(fleet: &Fleet, clash: &Clash, need: &Need) -> String {
    let of = fleet.by_name();
    let (Some(a), Some(b)) = (of.get(clash.service.as_str()), of.get(clash.other.as_str())) else {
        return format!("widen the range of {}", clash.service);
    };
    let wider = format!("widen the range in {} {} if both do work together", a.service, clash.version);
    let other = || best(fleet, b, |v| out_of(&need.req, v).is_none());
    match (a.from != a.to, b.from != b.to) {
        (true, true) if clash.version == a.to && clash.beside == b.from => {
            format!("have {} moved as a whole before {} begins, or {wider}", b.service, a.service)
        }
        (true, true) if clash.version == a.from && clash.beside == b.to => {
            format!("have {} moved as a whole before {} begins, or {wider}", a.service, b.service)
        }
        (_, true) if clash.version == a.to => {
            let another = other().filter(|v| *v != b.to && *v != b.from);
            let another = another.map_or(String::new(), |v| format!("move {} to {v} instead, or ", b.service));
            let follow = if a.from == a.to { follows(fleet, a, clash) } else { String::new() };
            format!("{another}{follow}leave {} on {}, or {wider}", b.service, b.from)
        }
        // What is needed stays: another version of it has to come along, or the one that needs it stays as well.
        _ => {
            let along = other().filter(|v| *v > b.from);
            let along = along.map_or(String::new(), |v| format!("move {} to {v} as well, or ", b.service));
            let stay = if a.from == a.to { String::new() } else { format!("leave {} on {}, or ", a.service, a.from) };
            format!("{along}{stay}{wider}")
        }
    }
}

/// The newest published version of a service for which something holds.
fn best(fleet: &Fleet, m: &Move, holds: impl Fn(&Version) -> bool) -> Option<Version> {
    fleet.contracts.get(&m.service)?.keys().rev().find(|v| holds(v)).cloned()
}

/// A later version of the one that needs, which takes what the other goes to.
fn follows(fleet: &Fleet, a: &Move, clash: &Clash) -> String {
    let takes = |v: &Version| {
        let mut needs = fleet.needs(&a.service, v).iter();
        *v > a.from && needs.all(|n| n.service != clash.other || out_of(&n.req, &clash.beside).is_none())
    };
    best(fleet, a, takes).map_or(String::new(), |v| format!("move {} to {v} as well, or ", a.service))
}

/// What single moves are refused for, whatever else moves: a step that is too long, or one there is no way back from.
pub fn steps(fleet: &Fleet) -> Vec<Finding> {
    let mut found = Vec::new();
    for m in fleet.moves.iter().filter(|m| m.from != m.to) {
        let Some(published) = fleet.contracts.get(&m.service) else { continue };
        for refusal in refused(published, &m.from, &m.to) {
            let message = format!("{} cannot go from {} to {}: {}", m.service, m.from, m.to, refusal.why);
            let place = refusal.place.as_ref();
            let mut f = finding(refusal.rule, Severity::Critical, Area::Version, place, &m.service, message);
            f.recommendation = Some(around(published, m));
            found.push(f);
        }
    }
    found
}

/// A version in between that lets one step to it and from it, if there is one.
fn around(published: &BTreeMap<Version, Contract>, m: &Move) -> String {
    let free = |a: &Version, b: &Version| refused(published, a, b).is_empty();
    let between = |v: &&Version| **v > m.from && **v < m.to && free(&m.from, v) && free(v, &m.to);
    match published.keys().rev().find(between) {
        Some(over) => format!("go to {over} first, and from there to {} in an upgrade of its own", m.to),
        None if m.from > m.to => {
            format!("go no further back than what its migrations allow, or leave it on {}", m.from)
        }
        None => format!("no published version in between lets one step on: publish one, or leave it on {}", m.from),
    }
}

/// Why one may not step from a version to another.
pub(super) struct Refusal {
    rule: &'static str,
    pub why: String,
    place: Option<Place>,
}

/// What the version that one steps to says of it, and every version that is gone past: its migrations run as well. On the
/// way down, what was left behind is still there.
pub(super) fn refused(published: &BTreeMap<Version, Contract>, from: &Version, to: &Version) -> Vec<Refusal> {
    let mut found = Vec::new();
    for (version, contract) in crossed(published, from, to) {
        let past = if version == to { String::new() } else { format!(" {version}, which is gone past,") };
        let mut say = |rule, why: String| found.push(Refusal { rule, why, place: contract.place.clone() });
        if let Some(least) = contract.min_from.as_ref().filter(|least| from < *least) {
            let who = if past.is_empty() { "it" } else { past.trim_start() };
            say("upgrade-step-too-long", format!("{who} takes {least} or later to step from"));
        }
        if let Some(out) = contract.rollback_to.as_ref().and_then(|req| out_of(req, from)) {
            let whose = if past.is_empty() { "its migrations".into() } else { format!("the migrations of{past}") };
            say("upgrade-without-way-back", format!("what {whose} leave behind is not for every version: {out}"));
        }
    }
    for (version, contract) in crossed(published, to, from) {
        if let Some(out) = contract.rollback_to.as_ref().and_then(|req| out_of(req, to)) {
            let why = format!("what the migrations of {version} left behind is not for every version: {out}");
            found.push(Refusal { rule: "upgrade-without-way-back", why, place: contract.place.clone() });
        }
    }
    found
}
