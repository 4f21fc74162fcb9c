//! What findings are called, what the fleet's own policy makes of them, and what is accepted.
use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

use super::{Look, stored};
use crate::compat::{Finding, Place, Severity};
use crate::spec::contract::{CompatPolicy, Waiver, Weighs};
use crate::spec::{Problem, nearest};

/// The name of a finding in a fleet: it stays while other parts of the contracts change, and is another one when this
/// change is another, or weighs more, or reaches somebody else: service, rule, severity, direction, pointers, what is said
/// of the values, and the services that are reached. Files, lines and versions have no part in it, where the message does
/// not name them.
fn name(f: &Finding) -> String {
    let consumers = f.of.iter().flat_map(|of| &of.consumers).map(|who| who.split(' ').next().unwrap_or_default());
    let consumers: BTreeSet<&str> = consumers.collect();
    let pointer = |p: &Option<Place>| p.as_ref().map_or("", |p| p.pointer.as_str()).to_string();
    let (service, part) = f.of.as_ref().map_or(("", ""), |of| (of.service.as_str(), of.part.as_str()));
    let parts = [
        service,
        part,
        f.rule,
        &format!("{:?}", f.severity),
        &consumers.into_iter().collect::<Vec<_>>().join(" "),
        &format!("{:?}", f.direction),
        &pointer(&f.location.base),
        &pointer(&f.location.revision),
        &f.message,
        &f.values,
    ];
    Sha256::digest(parts.join("\n").as_bytes()).iter().take(8).map(|b| format!("{b:02x}")).collect()
}

/// Names findings, applies severities and waivers.
pub(super) fn weigh(look: &mut Look<'_>) {
    for f in &mut look.findings {
        f.fingerprint = name(f);
    }
    let mut known = BTreeSet::new();
    look.findings.retain(|f| known.insert(f.fingerprint.clone()));
    let Some(policy) = &look.asked.registry.policy else { return };
    look.problems.extend(unknown_rules(policy));
    unknown_events(look, policy);
    severities(look, policy);
    for (i, waiver) in policy.spec.waivers.iter().enumerate() {
        let line = policy.origin.places.get(&format!("/waivers/{i}")).map_or(0, |(line, _)| *line);
        waive(look, waiver, &format!("{}:{line}", policy.origin.file));
    }
}

/// What is said of an event that nobody writes or reads binds nothing.
fn unknown_events(look: &mut Look<'_>, policy: &CompatPolicy) {
    let contracts = look.asked.registry.services.values().flat_map(|all| all.values()).map(|p| &p.contract.spec);
    let events: BTreeSet<&str> =
        contracts.flat_map(|c| c.produces.iter().chain(&c.consumes)).map(String::as_str).collect();
    for name in policy.spec.events.keys().filter(|name| !events.contains(name.as_str())) {
        let line = policy.origin.places.get(&format!("/events/{name}")).map_or(0, |(line, _)| *line);
        let near = nearest(name, events.iter().copied());
        let near = near.map_or(String::new(), |near| format!("; did you mean `{near}`?"));
        let file = &policy.origin.file;
        look.note(format!("{file}:{line}: spec.events.{name}: no contract writes or reads such an event{near}"));
    }
}

fn unknown_rules(policy: &CompatPolicy) -> Vec<Problem> {
    let wrong = policy.spec.severities.keys().filter(|name| stored::rule(name).is_none());
    let problem = |name: &String| {
        let place = policy.origin.places.get(&format!("/severities/{name}"));
        let (line, column) = place.copied().unwrap_or((0, 0));
        let rules = stored::rules();
        let help = match nearest(name, rules.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "`pilothouse compat rules` lists them".to_string(),
        };
        let message = format!("spec.severities: there is no rule `{name}`");
        Problem::of_file(&policy.origin.file, message, Some(help)).at(line, column)
    };
    wrong.map(problem).collect()
}

const BY_ITSELF: &str = "; by itself it is ";

/// What the CompatPolicy has made of a finding, and by which line, if it weighs otherwise than by itself.
pub fn overruled(f: &Finding) -> Option<&str> {
    f.details.iter().map(String::as_str).find(|detail| detail.contains(BY_ITSELF))
}

/// What the policy makes of rules; each finding that it changes says so, and what it switches off is kept aside.
///
/// Less than critical takes two people in production, and there is no route yet by which they could say so.
fn severities(look: &mut Look<'_>, policy: &CompatPolicy) {
    let production = look.asked.production;
    for mut f in std::mem::take(&mut look.findings) {
        let Some(weighs) = policy.spec.severities.get(f.rule) else {
            look.findings.push(f);
            continue;
        };
        let severity = match weighs {
            Weighs::Critical => Some(Severity::Critical),
            Weighs::Warning => Some(Severity::Warning),
            Weighs::Info => Some(Severity::Info),
            Weighs::Off => None,
        };
        if production && f.severity == Severity::Critical && severity != Some(Severity::Critical) {
            f.details.push("its severity in the policy is not accepted: no route for two people in production".into());
            look.findings.push(f);
            continue;
        }
        let line = policy.origin.places.get(&format!("/severities/{}", f.rule)).map_or(0, |(line, _)| *line);
        // Where somebody keeps the folder is no matter of the finding, nor of a plan that holds it.
        let file = policy.origin.file.rsplit('/').next().unwrap_or_default();
        let (at, own) = (format!("{file}:{line}"), f.severity.name());
        let Some(severity) = severity else {
            f.details.push(format!("left out: {at} switches its rule off{BY_ITSELF}{own}"));
            look.left_out.push(f);
            continue;
        };
        if severity != f.severity {
            f.details.push(format!("{} only by {at}{BY_ITSELF}{own}", severity.name()));
            f.severity = severity;
        }
        look.findings.push(f);
    }
}

/// Who accepts it, until when, and why.
pub fn accepted_by(waiver: &Waiver) -> String {
    format!("{}, until {}: {}", waiver.by.join(" and "), waiver.until, waiver.reason)
}

fn waive(look: &mut Look<'_>, waiver: &Waiver, place: &str) {
    let (production, today) = (look.asked.production, look.asked.today);
    let who = waiver.by.join(" and ");
    let until = waiver.until;
    let Some(f) = look.findings.iter_mut().find(|f| f.fingerprint == waiver.fingerprint) else {
        return look.note(format!("{place}: the waiver {} is for nothing that was found", waiver.fingerprint));
    };
    if until.naive() < today {
        f.details.push(format!("its waiver by {who} ended with {until}"));
    } else if production {
        f.details.push(format!("its waiver by {who} is not accepted: no route for two people in production"));
    } else {
        f.waived = Some(accepted_by(waiver));
    }
}

/// The worst first, accepted ones after those that bar; then by service, rule and place.
pub(super) fn sort(findings: &mut [Finding]) {
    findings.sort_by(|a, b| {
        let service = |f: &Finding| f.of.as_ref().map_or(String::new(), |of| of.service.clone());
        (b.bars(), b.severity, service(a), a.rule, &a.location, &a.message).cmp(&(
            a.bars(),
            a.severity,
            service(b),
            b.rule,
            &b.location,
            &b.message,
        ))
    });
}
