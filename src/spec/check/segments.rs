//! Segments of an Upgrade: each told by a header or a host, no value of two of them, and only where they can go first.
use std::collections::{BTreeMap, BTreeSet};

use super::known::{Known, KnownFleet};
use super::upgrade::dangling;
use super::{Scope, at, repeated};
use crate::spec::policy::Observed;
use crate::spec::upgrade::{Segment, Strategy, UpgradeSpec};

pub(super) fn check(
    upgrade: &UpgradeSpec,
    known: &Known<'_>,
    fleet: Option<&KnownFleet<'_>>,
    scope: &mut Scope<'_, '_, '_>,
) {
    if upgrade.segments.is_empty() {
        return;
    }
    if upgrade.strategy == Strategy::Phased {
        let help = "write `strategy: canary`, or make a cohort of them that the Calendar lists first";
        let message = "go first by rules of the route, and so do tenants under `strategy: phased`: one of the two";
        return scope.error(at!["segments"], message, help.to_string());
    }
    for (i, first) in repeated(upgrade.segments.iter().map(|s| s.name.as_str())) {
        let message = format!("`{}` is segments[{first}] already", upgrade.segments[i].name);
        scope.error(at!["segments", i, "name"], &message, "give each a name of its own".to_string());
    }
    for (i, segment) in upgrade.segments.iter().enumerate() {
        if scope.sink.hopeless() {
            return;
        }
        name(i, segment, scope);
        told_by(i, segment, scope);
        services(i, segment, upgrade, fleet, scope);
    }
    apart(upgrade, scope);
    under_policy(upgrade, known, scope);
}

/// What people type and read on screens.
fn name(i: usize, segment: &Segment, scope: &mut Scope<'_, '_, '_>) {
    if !super::is_label(&segment.name) {
        let message = format!("`{}` is not the name of a segment", segment.name);
        let help = "use lower-case letters, digits and `-`, such as beta".to_string();
        scope.error(at!["segments", i, "name"], &message, help);
    }
}

/// A header's name (RFC 9110, section 5.1) or a host with one place for a value; and values that can stand there.
fn told_by(i: usize, segment: &Segment, scope: &mut Scope<'_, '_, '_>) {
    let here = at!["segments", i];
    match (&segment.header, &segment.host) {
        (None, None) if scope.untried(here, &["header", "host"]) => {
            let help = "write `header: x-user-type`, or `host: \"{value}.shop.example\"`".to_string();
            scope.error(here, "nothing tells its requests from others", help);
        }
        (Some(_), Some(_)) => {
            let help = "take one of them out; for requests told by either write two segments".to_string();
            scope.error(at!["segments", i, "host"], "its requests are told by `header` already", help);
        }
        (Some(header), None) if !super::is_header(header) => {
            let message = format!("`{header}` is not the name of a header");
            scope.error(at!["segments", i, "header"], &message, "such as x-user-type".to_string());
        }
        (None, Some(host)) if host.matches("{value}").count() != 1 || !is_host(&host.replace("{value}", "a")) => {
            let message = format!("`{host}` is not a host with one `{{value}}` in it");
            scope.error(at!["segments", i, "host"], &message, "such as \"{value}.shop.example\"".to_string());
        }
        _ => values(i, segment, scope),
    }
}

fn values(i: usize, segment: &Segment, scope: &mut Scope<'_, '_, '_>) {
    if segment.values.is_empty() && scope.written(at!["segments", i], &["values"]) {
        let help = "list what their requests carry, or leave the segment out".to_string();
        scope.error(at!["segments", i, "values"], "nobody is in it: there is no value", help);
    }
    for (v, first) in repeated(segment.values.iter().map(String::as_str)) {
        let message = format!("`{}` is values[{first}] already", segment.values[v]);
        scope.error(at!["segments", i, "values", v], &message, "name it once".to_string());
    }
    for (v, (value, matched)) in segment.values.iter().zip(segment.matched()).enumerate() {
        let here = at!["segments", i, "values", v];
        if segment.header.is_none() && !is_host(&matched) {
            scope.error(here, &format!("`{matched}` is not a host"), "such as beta for beta.shop.example".to_string());
        } else if let Some((what, help)) = super::header_value(value) {
            scope.error(here, &format!("`{value}` is no value a header could have: {what}"), help);
        }
    }
}

/// A name of DNS labels, as in a URL, without a port.
fn is_host(host: &str) -> bool {
    host.len() <= 253 && host.split('.').all(super::is_label)
}

/// Only where there is something to go to.
fn services(
    i: usize,
    segment: &Segment,
    upgrade: &UpgradeSpec,
    fleet: Option<&KnownFleet<'_>>,
    scope: &mut Scope<'_, '_, '_>,
) {
    if segment.services.is_empty() && scope.written(at!["segments", i], &["services"]) {
        let help = "name those on which it goes first, or leave `services` out for every service of the upgrade";
        scope.error(at!["segments", i, "services"], "no service is in the list", help.to_string());
    }
    for (s, first) in repeated(segment.services.iter().map(String::as_str)) {
        let message = format!("`{}` is services[{first}] already", segment.services[s]);
        scope.error(at!["segments", i, "services", s], &message, "name it once".to_string());
    }
    for (s, name) in segment.services.iter().enumerate() {
        let here = at!["segments", i, "services", s];
        if let Some(fleet) = fleet.filter(|f| f.complete && !f.services.contains(name)) {
            let place = fleet.place();
            dangling(here, "service", name, fleet.services.iter(), &place, scope);
        } else if !upgrade.to.contains_key(name) && upgrade.release.is_none() && scope.whole(at!["to"]) {
            let names: BTreeSet<String> = upgrade.to.keys().cloned().collect();
            dangling(here, "service", name, names.iter(), "in `to`", scope);
        }
    }
}

/// Whoever is in two segments is counted in one of them and missed in the other when that one is changed.
fn apart(upgrade: &UpgradeSpec, scope: &mut Scope<'_, '_, '_>) {
    let mut seen: BTreeMap<(String, String), (usize, &str)> = BTreeMap::new();
    for (i, segment) in upgrade.segments.iter().enumerate() {
        let header = segment.header.as_deref().unwrap_or("host").to_ascii_lowercase();
        for (v, matched) in segment.matched().enumerate() {
            let (first, name) = *seen.entry((header.clone(), matched)).or_insert((i, &segment.name));
            if first != i {
                let message = format!("`{}` is a value of segment `{name}` already", segment.values[v]);
                scope.error(at!["segments", i, "values", v], &message, "leave it in one of the two".to_string());
            }
        }
    }
}

/// What a policy asks that segments cannot give.
fn under_policy(upgrade: &UpgradeSpec, known: &Known<'_>, scope: &mut Scope<'_, '_, '_>) {
    let Some(policy) = known.policies.get(&upgrade.policy).copied().flatten() else { return };
    if policy.observed == Observed::Require {
        let message =
            format!("`{}` asks for `observed: require`, but requests do not say whose they are", upgrade.policy);
        let help =
            "write `observed: prefer` in the policy: with segments requests prove the least share, not the exact one";
        scope.error(at!["policy"], &message, help.to_string());
    }
    if policy.steps.first().is_some_and(|s| s.weight >= 100) {
        let message = "nobody goes first: the policy begins with 100 % for all";
        scope.warn(at!["segments"], message, "begin its `steps` with a smaller weight".to_string());
    }
}
