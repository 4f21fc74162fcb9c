//! Whether what a service says of another one's interface is there: operations it calls, values it reads as a closed
//! list.
use std::collections::BTreeSet;

use semver::{Version, VersionReq};

use super::pairs::{Named, Question};
use super::{Look, Published, is_moving, place, running};
use crate::compat::deps::order::Edge;
use crate::compat::deps::{self, Move};
use crate::compat::openapi::{is_removed, is_webhook, plain};
use crate::compat::{Area, Severity};
use crate::spec::SourceFile;
use crate::spec::contract::Depend;
use crate::spec::upgrade::in_range;

/// Operations of a description; none where there is no description.
pub(super) fn operations(look: &mut Look<'_>, files: &[SourceFile]) -> Option<BTreeSet<String>> {
    if files.is_empty() {
        return None;
    }
    look.ask(&Question::Operations(files)).map(|a| a.operations.into_iter().collect())
}

/// Where the values stand that are named.
pub(super) fn closed(look: &mut Look<'_>, files: &[SourceFile], names: &[String]) -> Vec<Named> {
    look.ask(&Question::Named { files, names }).map_or(Vec::new(), |a| a.named)
}

/// A version of a service, and one of the services it depends on.
struct Call<'a> {
    m: &'a Move,
    version: &'a Version,
    published: &'a Published,
    /// Its number in the contract.
    i: usize,
    depend: &'a Depend,
    other: &'a Move,
}

impl Call<'_> {
    /// It runs when all has moved.
    fn stays(&self) -> bool {
        *self.version == self.m.to
    }

    /// It may run beside this version of the other, by what it says itself.
    fn beside(&self, version: &Version) -> bool {
        VersionReq::parse(&self.depend.req).is_ok_and(|req| in_range(&req, version))
    }
}

pub(super) fn look(look: &mut Look<'_>, m: &Move) {
    for version in running(m) {
        let Some(published) = look.get(&m.service, version) else { continue };
        for (i, depend) in published.contract.spec.depends.iter().enumerate() {
            let Some(other) = look.asked.moves.iter().find(|o| o.service == depend.service) else { continue };
            let call = Call { m, version, published, i, depend, other };
            let files = |v: &Version| look.get(&other.service, v).map_or(&[][..], |p| &p.openapi[..]);
            let (old, new) = (files(&other.from), files(&other.to));
            if old.is_empty() && new.is_empty() {
                undescribed(look, &call);
                continue;
            }
            called(look, &call, (old, new));
            values(look, &call, (old, new));
        }
    }
}

/// Operations are named of something that nobody describes.
fn undescribed(look: &mut Look<'_>, call: &Call<'_>) {
    let names = call.depend.operations.as_ref().is_some_and(|o| !o.is_empty());
    if names && (is_moving(call.m) || is_moving(call.other)) {
        let (who, what) = (format!("{} {}", call.m.service, call.version), &call.other.service);
        look.note(format!("{what} has no description, so whether what {who} calls is there is not known"));
    }
}

fn called(look: &mut Look<'_>, call: &Call<'_>, (old, new): (&[SourceFile], &[SourceFile])) {
    let Some(named) = &call.depend.operations else { return };
    let (before, after) = (operations(look, old), operations(look, new));
    for (n, operation) in named.iter().enumerate() {
        let name = plain(operation);
        // Without a description nothing is known of that side.
        let there = |side: &Option<BTreeSet<String>>| side.as_ref().map(|known| known.contains(&name));
        match (there(&before), there(&after)) {
            (Some(true), Some(false)) => gone(look, call, n, operation),
            // It waits for what does not come yet, which breaks nobody.
            (Some(false), Some(true)) if is_webhook(operation) => {}
            (Some(false), Some(true)) if call.stays() => new_only(look, call, operation),
            (_, Some(false)) => unknown(look, call, n, operation),
            // It is there, or nobody says whether it is; an old version has done without so far.
            (_, Some(true) | None) => {}
        }
    }
}

/// `calls GET /stock`, `receives webhook POST orderPaid`.
pub(super) fn does(operation: &str) -> String {
    format!("{} {operation}", if is_webhook(operation) { "receives" } else { "calls" })
}

/// What only the new version has is called by a version that goes out with it, or has been waiting for it.
fn new_only(look: &mut Look<'_>, call: &Call<'_>, operation: &str) {
    let (m, other) = (call.m, call.other);
    // Where the range bars the old one that orders them already.
    if is_moving(m) && is_moving(other) && call.beside(&other.from) {
        let reason =
            format!("{} {} calls {operation}, which {} {} does not have", m.service, m.to, other.service, other.from);
        look.edges.insert(Edge { first: other.service.clone(), then: m.service.clone(), reason });
    }
}

/// The operation goes with the new version.
fn gone(look: &mut Look<'_>, call: &Call<'_>, n: usize, operation: &str) {
    let (m, other) = (call.m, call.other);
    if !call.beside(&other.to) {
        // They never run beside each other, and that is told instead.
        return;
    }
    if !call.stays() {
        let reason =
            format!("{} {} {}, which {} {} does not have", m.service, m.from, does(operation), other.service, other.to);
        look.edges.insert(Edge { first: m.service.clone(), then: other.service.clone(), reason });
        return;
    }
    let name = plain(operation);
    let told = look.findings.iter().any(|f| {
        f.severity == Severity::Critical
            && is_removed(f)
            && f.of.as_ref().is_some_and(|of| of.service == other.service)
            && f.affected.iter().any(|a| plain(a) == name)
    });
    if told {
        return;
    }
    let message = format!(
        "{} {} {}, which {} {} does not have any more",
        m.service,
        call.version,
        does(operation),
        other.service,
        other.to
    );
    let advice = "keep the operation until nobody calls it, or move the caller to another one first";
    put(look, call, n, operation, ("dependency-operation-gone", Severity::Critical, message, advice));
}

fn unknown(look: &mut Look<'_>, call: &Call<'_>, n: usize, operation: &str) {
    let (m, other) = (call.m, call.other);
    // So it is today where what is called stays, and the version before called it as well.
    let moves = is_moving(other) || is_moving(m) && call.stays() && !before(look, call, operation);
    let severity = if moves { Severity::Critical } else { Severity::Warning };
    let message =
        format!("{} {} {}, which {} does not describe", m.service, call.version, does(operation), other.service);
    let advice = "write it as the description does, or take it out";
    put(look, call, n, operation, ("dependency-operation-unknown", severity, message, advice));
}

/// The old version of the caller calls it, too.
fn before(look: &Look<'_>, call: &Call<'_>, operation: &str) -> bool {
    let depends = look.get(&call.m.service, &call.m.from).map_or(&[][..], |p| &p.contract.spec.depends[..]);
    let of = depends.iter().filter(|d| d.service == call.depend.service);
    of.flat_map(|d| d.operations.iter().flatten()).any(|o| plain(o) == plain(operation))
}

fn put(
    look: &mut Look<'_>,
    call: &Call<'_>,
    n: usize,
    operation: &str,
    (rule, severity, message, advice): (&'static str, Severity, String, &str),
) {
    let at = place(&call.published.contract, &format!("/depends/{}/operations/{n}", call.i));
    let about = format!("{} {} {operation}", call.m.service, call.other.service);
    let mut f = deps::finding(rule, severity, Area::Dependency, Some(&at), &about, message);
    f.recommendation = Some(advice.to_string());
    look.put(call.m, "", Vec::new(), f);
}

/// Values that are read as a closed list, and are nowhere.
fn values(look: &mut Look<'_>, call: &Call<'_>, (old, new): (&[SourceFile], &[SourceFile])) {
    let names = &call.depend.closed_enums;
    if names.is_empty() {
        return;
    }
    let mut sides = Vec::new();
    for files in [old, new].into_iter().filter(|f| !f.is_empty()) {
        sides.push(closed(look, files, names));
    }
    for (n, name) in names.iter().enumerate() {
        let mine: Vec<&Named> = sides.iter().flatten().filter(|found| found.name == *name).collect();
        if mine.is_empty() || mine.iter().any(|found| !found.places.is_empty()) {
            continue;
        }
        let message = format!(
            "{} {} reads {name} as a closed list, and {} has no such value",
            call.m.service, call.version, call.other.service
        );
        let at = place(&call.published.contract, &format!("/depends/{}/closed_enums/{n}", call.i));
        let about = format!("{} {} {name}", call.m.service, call.other.service);
        let rule = "dependency-closed-enum-unknown";
        let mut f = deps::finding(rule, Severity::Warning, Area::Dependency, Some(&at), &about, message);
        f.recommendation = Some(match mine.iter().find_map(|found| found.near.as_ref()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "write it as the description does: `Schema.property`, or a JSON pointer".to_string(),
        });
        look.put(call.m, "", Vec::new(), f);
    }
}
