//! Every moment of an upgrade. While a service moves, both its versions run; so whatever runs of one service must be in
//! range for whatever runs of another, at every moment.
use std::collections::{BTreeMap, BTreeSet};

use semver::Version;

use super::super::{Area, Finding, Severity};
use super::{Fleet, Move, Need, finding, out_of};

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
/// Services of no wave stay where they are. A rollback passes through the same moments the other way round.
pub fn replay(fleet: &Fleet, waves: &[Vec<String>]) -> Vec<Finding> {
    let mut told = BTreeMap::new();
    let today: BTreeSet<Clash> = clashes(fleet, &running(fleet, waves, None)).into_iter().map(|(c, _)| c).collect();
    for at in 0..=waves.len() {
        for (clash, need) in clashes(fleet, &running(fleet, waves, Some(at))) {
            told.entry(clash).or_insert((at, need));
        }
    }
    let found = told.into_iter().map(|(clash, (at, need))| match today.contains(&clash) {
        true => already(&clash, need),
        false => out_of_range(&clash, need, at, waves),
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

fn out_of_range(clash: &Clash, need: &Need, at: usize, waves: &[Vec<String>]) -> Finding {
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
    f.recommendation = Some(match at < waves.len() {
        true => {
            format!("move {} and {} in different waves, in the order their ranges ask for", clash.service, clash.other)
        }
        false => format!("widen the range of {}, or choose another version of {}", clash.service, clash.other),
    });
    f
}

/// What single moves are refused for, whatever else moves: a step that is too long, or one there is no way back from.
pub fn steps(fleet: &Fleet) -> Vec<Finding> {
    let mut found = Vec::new();
    for m in fleet.moves.iter().filter(|m| m.from != m.to) {
        let Some(contract) = fleet.contract(&m.service, &m.to) else { continue };
        for (rule, why) in refused(contract, &m.from) {
            let message = format!("{} cannot go from {} to {}: {why}", m.service, m.from, m.to);
            let mut f = finding(rule, Severity::Critical, Area::Version, contract.place.as_ref(), &m.service, message);
            f.recommendation = Some("go over a version in between".to_string());
            found.push(f);
        }
    }
    found
}

/// Why a version does not let one step to it from another.
pub(super) fn refused(contract: &super::Contract, from: &Version) -> Vec<(&'static str, String)> {
    let mut why = Vec::new();
    if let Some(least) = contract.min_from.as_ref().filter(|least| from < *least) {
        why.push(("upgrade-step-too-long", format!("it takes {least} or later to step from")));
    }
    if let Some(req) = &contract.rollback_to
        && let Some(out) = out_of(req, from)
    {
        why.push((
            "upgrade-without-way-back",
            format!("what its migrations leave behind is not for every version: {out}"),
        ));
    }
    why
}
