//! Interfaces that change, and the versions of other services that call them.
use std::collections::BTreeSet;

use semver::{Version, VersionReq};

use super::pairs::Question;
use super::{Look, place, running};
use crate::compat::deps::honesty::Change;
use crate::compat::deps::order::Edge;
use crate::compat::deps::{self, Move};
use crate::compat::openapi::plain;
use crate::compat::{Area, Finding, Severity};
use crate::spec::contract::{Audience, Depend};

/// A version of a service that calls another.
struct Caller<'a> {
    service: &'a str,
    version: &'a Version,
    depend: &'a Depend,
    /// It moves in the same upgrade, and this is where it goes.
    new: bool,
}

impl Caller<'_> {
    fn name(&self) -> String {
        format!("{} {}", self.service, self.version)
    }

    /// It may run beside this version, by what it says itself.
    fn beside(&self, version: &Version) -> bool {
        VersionReq::parse(&self.depend.req).is_ok_and(|req| req.matches(version))
    }

    /// It calls one of these operations; all are meant where none is named, and any may be called where it lists none.
    fn calls(&self, affected: &[String]) -> bool {
        let Some(operations) = &self.depend.operations else { return true };
        let called: BTreeSet<String> = operations.iter().map(|o| plain(o)).collect();
        affected.is_empty() || affected.iter().any(|a| called.contains(&plain(a)))
    }

    /// It reads the values at this place as a closed list.
    fn closed(&self, finding: &Finding) -> bool {
        let base = finding.location.base.as_ref().map_or("", |p| p.pointer.as_str());
        let revision = finding.location.revision.as_ref().map_or("", |p| p.pointer.as_str());
        self.depend.closed_enums.iter().any(|name| {
            [base, revision].iter().any(|pointer| match name.strip_prefix('/') {
                Some(_) => pointer.starts_with(name.as_str()),
                None => {
                    let path = name.replace('.', "/properties/");
                    // A whole part of the pointer: `Order.status` is not `BackOrder.status`.
                    format!("{pointer}/").contains(&format!("/{path}/"))
                }
            })
        })
    }
}

fn callers<'a>(look: &Look<'a>, service: &str) -> Vec<Caller<'a>> {
    let mut found = Vec::new();
    for m in look.asked.moves.iter().filter(|m| m.service != service) {
        for version in running(m) {
            let Some(published) = look.get(&m.service, version) else { continue };
            let depends = published.contract.spec.depends.iter().filter(|d| d.service == service);
            let new = m.from != m.to && *version == m.to;
            found.extend(depends.map(|depend| Caller { service: &m.service, version, depend, new }));
        }
    }
    found
}

/// Everybody who calls it is known, and says what.
fn all_known(look: &Look<'_>, callers: &[Caller<'_>], service: &str) -> bool {
    let written = |m: &Move| running(m).into_iter().all(|v| look.get(&m.service, v).is_some());
    look.asked.moves.iter().filter(|m| m.service != service).all(written)
        && look.asked.unknown.is_empty()
        && callers.iter().all(|c| c.depend.operations.is_some())
}

pub(super) fn look(look: &mut Look<'_>, m: &Move) {
    let (Some(old), Some(new)) = (look.get(&m.service, &m.from), look.get(&m.service, &m.to)) else {
        for version in running(m).into_iter().filter(|v| look.get(&m.service, v).is_none()).collect::<Vec<_>>() {
            look.note(format!("{} {version}: there is no contract of it, so its interface is not compared", m.service));
        }
        return;
    };
    match (old.openapi.as_slice(), new.openapi.as_slice()) {
        ([], []) => return,
        ([], _) | (_, []) => {
            let which = if old.openapi.is_empty() { &m.from } else { &m.to };
            return look.note(format!("{} {which} has no description, so its interface is not compared", m.service));
        }
        _ => {}
    }
    let (old, new, today) = (&old.openapi[..], &new.openapi[..], look.asked.today);
    let Some(forward) = look.ask(&Question::Openapi { old, new, today }) else { return };
    let callers = callers(look, &m.service);
    look.changed(&m.service, Change::of(&forward.report));
    for note in forward.report.not_compared {
        look.note(note);
    }
    let internal = look.get(&m.service, &m.to).is_some_and(|p| p.contract.spec.audience == Audience::Internal);
    let nobody_else = internal && all_known(look, &callers, &m.service);
    for finding in forward.report.findings {
        let (finding, consumers) = reach(finding, m, &callers, nobody_else);
        look.put(m, "", consumers, finding);
    }
    wishes(look, m, (old, new), &callers);
}

/// Whom a finding reaches, and what it weighs then.
fn reach(mut finding: Finding, m: &Move, callers: &[Caller<'_>], nobody_else: bool) -> (Finding, Vec<String>) {
    // A version whose range bars the new one never runs beside it, and one that bars the old was made for the new.
    let meets = |c: &&Caller<'_>| c.beside(&m.to) && (!c.new || c.beside(&m.from));
    let reached: Vec<&Caller<'_>> = callers.iter().filter(meets).filter(|c| c.calls(&finding.affected)).collect();
    match finding.rule {
        // Whoever generates a client gets other names.
        "operation-id-changed" => finding.severity = finding.severity.max(Severity::Warning),
        "response-enum-value-added" if reached.iter().any(|c| c.closed(&finding)) => {
            let who: Vec<String> = reached.iter().filter(|c| c.closed(&finding)).map(|c| c.name()).collect();
            finding.severity = Severity::Critical;
            finding.details.push(format!("{} reads these values as a closed list", who.join(", ")));
        }
        _ => {}
    }
    let calls: u64 = reached.iter().filter(|c| !c.new).filter_map(|c| c.depend.calls_per_day).sum();
    if calls > 0 && finding.severity > Severity::Info {
        finding.details.push(format!("about {calls} calls a day come from them"));
    }
    if finding.severity == Severity::Critical && reached.is_empty() && nobody_else {
        finding.severity = Severity::Warning;
        finding.details.push("no known consumer: every service of the fleet says what it calls".to_string());
    }
    let consumers: BTreeSet<String> = reached.iter().map(|c| c.name()).collect();
    (finding, consumers.into_iter().collect())
}

/// A caller that moves as well, and calls what only the new version has, is better off when that is there.
fn wishes(
    look: &mut Look<'_>,
    m: &Move,
    (old, new): (&[crate::spec::SourceFile], &[crate::spec::SourceFile]),
    callers: &[Caller<'_>],
) {
    let callers: Vec<&Caller<'_>> = callers.iter().filter(|c| c.new && c.depend.operations.is_some()).collect();
    if callers.is_empty() {
        return;
    }
    let today = look.asked.today;
    let Some(back) = look.ask(&Question::Openapi { old: new, new: old, today }) else { return };
    for finding in back.report.findings.iter().filter(|f| f.severity == Severity::Critical && !f.affected.is_empty()) {
        for caller in callers.iter().filter(|c| c.calls(&finding.affected)) {
            let called = finding.affected.iter().find(|a| caller.calls(std::slice::from_ref(a)));
            let called = called.map_or("", String::as_str);
            let reason = format!("{} calls {called}, which {} {} answers otherwise", caller.name(), m.service, m.from);
            let (first, then) = (m.service.clone(), caller.service.to_string());
            if !look.wishes.iter().any(|e| e.first == first && e.then == then) {
                look.wishes.insert(Edge { first, then, reason });
            }
        }
    }
}

/// Operations that a service says it calls, and that nobody describes.
pub(super) fn calls(look: &mut Look<'_>, m: &Move) {
    for version in running(m) {
        let Some(published) = look.get(&m.service, version) else { continue };
        for (i, depend) in published.contract.spec.depends.iter().enumerate() {
            let Some(operations) = &depend.operations else { continue };
            let Some(other) = look.asked.moves.iter().find(|o| o.service == depend.service) else { continue };
            let mut known: Option<BTreeSet<String>> = None;
            for v in running(other) {
                let Some(described) = look.get(&other.service, v).filter(|p| !p.openapi.is_empty()) else { continue };
                let answer = look.ask(&Question::Operations(&described.openapi));
                known.get_or_insert_default().extend(answer.into_iter().flat_map(|a| a.operations));
            }
            let Some(known) = known else { continue };
            for (n, operation) in operations.iter().enumerate().filter(|(_, o)| !known.contains(&plain(o))) {
                let at = place(&published.contract, &format!("/depends/{i}/operations/{n}"));
                let message =
                    format!("{} {version} calls {operation}, which {} does not describe", m.service, other.service);
                let about = format!("{} {} {operation}", m.service, other.service);
                let rule = "dependency-operation-unknown";
                let mut f = deps::finding(rule, Severity::Warning, Area::Dependency, Some(&at), &about, message);
                f.recommendation = Some("write it as the description does, or take it out".to_string());
                look.put(m, "", Vec::new(), f);
            }
        }
    }
}
