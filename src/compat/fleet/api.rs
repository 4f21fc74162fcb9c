//! Interfaces that change, and the versions of other services that call them.
use std::collections::BTreeSet;

use semver::{Version, VersionReq};

use super::pairs::Question;
use super::readers::both_say;
use super::{Look, Published, calls, place, running};
use crate::compat::deps::honesty::Change;
use crate::compat::deps::order::Edge;
use crate::compat::deps::{self, Move};
use crate::compat::openapi::{belongs_to, is_removed, is_webhook, plain};
use crate::compat::{Area, Finding, Severity};
use crate::spec::contract::{Audience, Depend};
use crate::spec::upgrade::in_range;

/// A version of a service that calls another.
pub(super) struct Caller<'a> {
    service: &'a str,
    version: &'a Version,
    depend: &'a Depend,
    /// It moves in the same upgrade, and this is where it goes.
    new: bool,
    /// Its service is on this version when all have moved: it runs beside whatever is there then.
    ends: bool,
    /// What the version that it goes to in the same upgrade says of the same service, where it goes to one that is known.
    next: Option<Vec<&'a Depend>>,
    /// Files and pointers of the values it reads as a closed list.
    pub(super) closed: Vec<(String, String)>,
}

impl<'a> Caller<'a> {
    /// One that is looked at by itself.
    pub(super) fn new(service: &'a str, version: &'a Version, depend: &'a Depend) -> Caller<'a> {
        Caller { service, version, depend, new: false, ends: false, next: None, closed: Vec::new() }
    }
}

impl Caller<'_> {
    fn name(&self) -> String {
        format!("{} {}", self.service, self.version)
    }

    /// It may run beside this version, by what it says itself.
    fn beside(&self, version: &Version) -> bool {
        VersionReq::parse(&self.depend.req).is_ok_and(|req| in_range(&req, version))
    }

    /// It runs beside the new version though its own range bars that.
    fn against_its_range(&self, m: &Move) -> bool {
        self.ends && !self.beside(&m.to)
    }

    /// It meets the new version. One that leaves, and whose range bars it, has gone before, and one that bars the old was
    /// made for the new; but what stays runs beside it whatever its range says.
    fn meets(&self, m: &Move) -> bool {
        self.against_its_range(m) || self.beside(&m.to) && (!self.new || self.beside(&m.from))
    }

    /// It calls what goes, and goes before: its next version calls none of it, and an edge keeps that order.
    fn leaves(&self, finding: &Finding) -> bool {
        let named = self.depend.operations.is_some();
        let without = |d: &&Depend| d.operations.as_ref().is_some_and(|all| !names(all, &finding.affected));
        let removed = is_removed(finding) && !finding.affected.is_empty();
        named && removed && self.next.as_ref().is_some_and(|next| next.iter().all(without))
    }

    /// It calls one of these operations; all are meant where none is named, and any may be called where it lists none.
    pub(super) fn calls(&self, affected: &[String]) -> bool {
        let Some(operations) = &self.depend.operations else { return true };
        affected.is_empty() || names(operations, affected)
    }

    /// It reads the values at this place as a closed list.
    fn closed(&self, finding: &Finding) -> bool {
        let places = [&finding.location.base, &finding.location.revision];
        places.into_iter().flatten().any(|at| {
            self.closed.iter().any(|(file, pointer)| {
                let below = at.pointer.strip_prefix(pointer.as_str());
                // Whole parts only: `/a/b` is not `/a/bc`.
                at.file == *file && below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            })
        })
    }
}

/// One of the operations is named, or what it is called back because of.
fn names(operations: &[String], affected: &[String]) -> bool {
    let named: BTreeSet<String> = operations.iter().map(|o| plain(o)).collect();
    affected.iter().any(|a| belongs_to(a, &named))
}

/// More values than before, by whatever way: of no consequence but for who reads them as a closed list.
pub(super) const GROWS: [&str; 4] = [
    "response-enum-removed",
    "response-enum-value-added",
    "response-extensible-enum-removed",
    "response-extensible-value-added",
];

fn callers<'a>(look: &Look<'a>, service: &str) -> Vec<Caller<'a>> {
    let mut found = Vec::new();
    for m in look.asked.moves.iter().filter(|m| m.service != service) {
        for version in running(m) {
            let Some(published) = look.get(&m.service, version) else { continue };
            let of = |p: &'a Published| p.contract.spec.depends.iter().filter(|d| d.service == service);
            let new = m.from != m.to && *version == m.to;
            let next = look.get(&m.service, &m.to).filter(|_| m.from != m.to && !new);
            found.extend(of(published).map(|depend| Caller {
                new,
                ends: *version == m.to,
                next: next.map(|p| of(p).collect()),
                ..Caller::new(&m.service, version, depend)
            }));
        }
    }
    found
}

/// Everybody who calls it is known, and says what: operations that are there. What else somebody names may be any.
fn all_known(look: &Look<'_>, callers: &[Caller<'_>], service: &str, described: &BTreeSet<String>) -> bool {
    let written = |m: &Move| running(m).into_iter().all(|v| look.get(&m.service, v).is_some());
    let says =
        |c: &Caller<'_>| c.depend.operations.as_ref().is_some_and(|o| o.iter().all(|o| described.contains(&plain(o))));
    look.asked.moves.iter().filter(|m| m.service != service).all(written)
        && look.asked.unknown.is_empty()
        && callers.iter().all(says)
}

/// It had a description and has none: nobody can say any more whether what is called is there.
fn undescribed(look: &mut Look<'_>, m: &Move, new: &Published) {
    let callers = callers(look, &m.service);
    let names: BTreeSet<String> = callers.iter().filter(|c| c.ends || c.beside(&m.to)).map(Caller::name).collect();
    let severity = if names.is_empty() { Severity::Warning } else { Severity::Critical };
    let message = format!("{} {} has no description of its interface any more", m.service, m.to);
    let at = place(&new.contract, "/version");
    let rule = "dependency-description-removed";
    let mut f = deps::finding(rule, severity, Area::Dependency, Some(&at), &m.service, message);
    f.recommendation = Some("put openapi.yaml back beside the contract".to_string());
    look.note(format!("{} {} has no description, so its interface is not compared", m.service, m.to));
    look.put(m, "", names.into_iter().collect(), f);
}

pub(super) fn look(look: &mut Look<'_>, m: &Move) {
    let (Some(old), Some(new)) = (look.get(&m.service, &m.from), look.get(&m.service, &m.to)) else {
        for version in running(m).into_iter().filter(|v| look.get(&m.service, v).is_none()).collect::<Vec<_>>() {
            look.note(format!("{} {version}: there is no contract of it, so its interface is not compared", m.service));
        }
        return;
    };
    match (old.openapi.as_slice(), new.openapi.as_slice()) {
        ([], []) if callers(look, &m.service).is_empty() => return,
        ([], _) => {
            return look.note(format!("{} {} has no description, so its interface is not compared", m.service, m.from));
        }
        (_, []) => return undescribed(look, m, new),
        _ => {}
    }
    let (old, new, today) = (&old.openapi[..], &new.openapi[..], look.asked.today);
    let Some(forward) = look.ask(&Question::Openapi { old, new, today }) else { return };
    let mut callers = callers(look, &m.service);
    for caller in callers.iter_mut().filter(|c| !c.depend.closed_enums.is_empty()) {
        for files in [old, new] {
            let found = calls::closed(look, files, &caller.depend.closed_enums);
            caller.closed.extend(found.into_iter().flat_map(|n| n.places));
        }
    }
    look.changed(&m.service, Change::of(&forward.report));
    for note in forward.report.not_compared {
        look.note(note);
    }
    // What anybody may call today is not left to the fleet alone by the version that says so.
    let internal = both_say(look, m, |p| p.contract.spec.audience == Audience::Internal);
    let mut described = BTreeSet::new();
    for files in [old, new] {
        described.extend(calls::operations(look, files).into_iter().flatten());
    }
    let nobody_else = internal && all_known(look, &callers, &m.service, &described);
    for finding in forward.report.findings {
        let (finding, consumers) = reach(finding, m, &callers, nobody_else);
        look.put(m, "", consumers, finding);
    }
    wishes(look, m, (old, new), &callers);
}

/// Somebody says which webhooks it receives. Where nobody does, that says nothing of who receives them: the service calls by
/// itself, and contracts used not to speak of it.
fn receives_any(callers: &[Caller<'_>]) -> bool {
    callers.iter().any(|c| c.depend.operations.iter().flatten().any(|o| is_webhook(o)))
}

/// Whom a finding reaches, and what it weighs then.
pub(super) fn reach(
    mut finding: Finding,
    m: &Move,
    callers: &[Caller<'_>],
    nobody_else: bool,
) -> (Finding, Vec<String>) {
    let called = callers.iter().filter(|c| c.meets(m) && c.calls(&finding.affected));
    let called: Vec<&Caller<'_>> = called.collect();
    let (leaving, reached): (Vec<&Caller<'_>>, Vec<_>) = called.into_iter().partition(|c| c.leaves(&finding));
    if !leaving.is_empty() {
        let who: BTreeSet<String> = leaving.iter().map(|c| c.name()).collect();
        let who = who.into_iter().collect::<Vec<_>>().join(", ");
        finding.details.push(format!("{who} calls it and goes first, to a version that does not"));
    }
    let against: BTreeSet<String> = reached.iter().filter(|c| c.against_its_range(m)).map(|c| c.name()).collect();
    if !against.is_empty() && finding.severity > Severity::Info {
        let who = against.into_iter().collect::<Vec<_>>().join(", ");
        finding.details.push(format!("{who} would run beside {} {}, which its own range bars", m.service, m.to));
    }
    match finding.rule {
        // Whoever generates a client gets other names.
        "operation-id-changed" => finding.severity = finding.severity.max(Severity::Warning),
        rule if GROWS.contains(&rule) && reached.iter().any(|c| c.closed(&finding)) => {
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
    let unheard = finding.affected.iter().any(|a| is_webhook(a)) && !receives_any(callers);
    if finding.severity == Severity::Critical && reached.is_empty() && nobody_else && unheard {
        let who = m.service.as_str();
        finding
            .details
            .push(format!("who receives it is not known: no contract names a webhook of {who} among its operations"));
    } else if finding.severity == Severity::Critical && reached.is_empty() && nobody_else {
        finding.severity = Severity::Warning;
        finding.details.push(match leaving.is_empty() {
            true => "no known consumer: every service of the fleet says what it calls".to_string(),
            false => "nobody calls it by then: every service of the fleet says what it calls".to_string(),
        });
        if !leaving.is_empty() {
            finding.recommendation = Some(format!("keep to the order: whoever calls it goes before {}", m.service));
        }
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
    for finding in back.report.findings.iter().filter(|f| f.severity == Severity::Critical) {
        // A webhook that does not come yet breaks nobody.
        let called = |c: &&&Caller<'_>, a: &&String| !is_webhook(a) && c.calls(std::slice::from_ref(*a));
        for caller in &callers {
            let Some(called) = finding.affected.iter().find(|a| called(&caller, a)) else { continue };
            let reason = format!("{} calls {called}, which {} {} answers otherwise", caller.name(), m.service, m.from);
            let (first, then) = (m.service.clone(), caller.service.to_string());
            if !look.wishes.iter().any(|e| e.first == first && e.then == then) {
                look.wishes.insert(Edge { first, then, reason });
            }
        }
    }
}
