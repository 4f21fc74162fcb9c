//! Upgrades: do its references resolve, its images carry versions, its needs hold and order the work?
use std::collections::{BTreeMap, BTreeSet};

use semver::{Version, VersionReq};

use super::known::{Known, KnownFleet};
use super::{Scope, Seg, at, segments};
use crate::spec::fleet::{FleetSpec, Tenancy};
use crate::spec::nearest::nearest;
use crate::spec::policy::{Observed, PolicySpec};
use crate::spec::units::Dur;
use crate::spec::upgrade::{Strategy, Target, UpgradeSpec, image_version, in_range};

/// How often pods are read when no Prometheus is named and nothing else is said.
const DIRECT_SCRAPE: Dur = Dur::secs(15);

pub fn check(upgrade: &UpgradeSpec, known: &Known<'_>, scope: &mut Scope<'_, '_, '_>) {
    let mut fleet = known.fleets.get(&upgrade.fleet);
    if fleet.is_none() && known.unread.none_of("Fleet") {
        dangling(at!["fleet"], "fleet", &upgrade.fleet, known.fleets.keys(), "in these files", scope);
        // Of the one that was meant, what else is wrong can be told at once.
        fleet =
            nearest(&upgrade.fleet, known.fleets.keys().map(String::as_str)).and_then(|meant| known.fleets.get(meant));
    }
    if let Some(fleet) = fleet.filter(|f| f.complete && !f.environments.contains(&upgrade.environment)) {
        let place = fleet.place();
        dangling(at!["environment"], "environment", &upgrade.environment, fleet.environments.iter(), &place, scope);
    }
    if !known.policies.contains_key(&upgrade.policy) && known.unread.none_of("Policy") {
        let place = "in these files or among the presets";
        dangling(at!["policy"], "policy", &upgrade.policy, known.policies.keys(), place, scope);
    }
    if upgrade.to.is_empty() && upgrade.release.is_none() && scope.untried(&[], &["to", "release"]) {
        let help = "list services with their image, such as billing: {image: \"registry.example/billing:4.2.1\"}, or name \
                    a `release`";
        scope.error(at!["to"], "nothing is to be upgraded", help.to_string());
    }
    for (name, target) in &upgrade.to {
        if scope.sink.hopeless() {
            return;
        }
        if let Some(fleet) = fleet.filter(|f| f.complete && !f.services.contains(name)) {
            let place = fleet.place();
            dangling(at!["to", name], "service", name, fleet.services.iter(), &place, scope);
        }
        image(name, target, upgrade, scope);
        needs(name, target, upgrade, fleet, scope);
        same_or_older(name, target, fleet, scope);
        tenancy(name, upgrade, fleet, scope);
    }
    stay(upgrade, fleet, scope);
    phased(upgrade, known, fleet, scope);
    segments::check(upgrade, known, fleet, scope);
    circles(upgrade, scope);
    when(upgrade, known, scope);
    if let Some(fleet) = fleet.and_then(|f| f.spec) {
        with_environment(upgrade, fleet, known.policies.get(&upgrade.policy).copied().flatten(), scope);
    }
}

/// What stays is of the release: everything else that is not in `to` stays anyway.
fn stay(upgrade: &UpgradeSpec, fleet: Option<&KnownFleet<'_>>, scope: &mut Scope<'_, '_, '_>) {
    if !upgrade.stay.is_empty() && upgrade.release.is_none() && scope.untried(&[], &["release"]) {
        let help = "take it out, or name a `release`".to_string();
        scope.error(at!["stay"], "without a `release` whatever is not in `to` stays", help);
    }
    for (i, name) in upgrade.stay.iter().enumerate() {
        if let Some(fleet) = fleet.filter(|f| f.complete && !f.services.contains(name)) {
            let place = fleet.place();
            dangling(at!["stay", i], "service", name, fleet.services.iter(), &place, scope);
        }
        if upgrade.to.contains_key(name) {
            let message = format!("`{name}` is in `to` as well, and cannot both stay and go");
            scope.error(at!["stay", i], &message, "take it out of one of them".to_string());
        }
        if upgrade.stay[..i].contains(name) {
            scope.error(at!["stay", i], &format!("`{name}` is named twice"), "name it once".to_string());
        }
    }
}

/// By which Calendar and for which Tenants: named ones exist, and where several are given one is named.
fn when(upgrade: &UpgradeSpec, known: &Known<'_>, scope: &mut Scope<'_, '_, '_>) {
    let tenants: BTreeSet<String> = known.tenants.keys().cloned().collect();
    let lists = [
        ("calendar", "Calendar", &upgrade.calendar, &known.calendars),
        ("tenants", "Tenants", &upgrade.tenants, &tenants),
    ];
    for (field, kind, written, there) in lists {
        if let Some(name) = written.as_ref().filter(|name| !there.contains(*name) && known.unread.none_of(kind)) {
            dangling(at![field], kind, name, there.iter(), "in these files", scope);
        }
    }
    if upgrade.calendar.is_none() && known.calendars.len() > 1 && scope.untried(&[], &["calendar"]) {
        let names: Vec<&str> = known.calendars.iter().map(String::as_str).collect();
        let message = format!("{} calendars are given, and `calendar` does not say which is meant", names.len());
        scope.error(&[], &message, format!("write `calendar:` with one of: {}", names.join(", ")));
    }
    if upgrade.preferred_date.is_some() && known.calendars.is_empty() && known.unread.none_of("Calendar") {
        let help = "give a Calendar, too: its `zone` says when a date begins".to_string();
        scope.error(at!["preferredDate"], "without a Calendar nobody knows in which zone this date is", help);
    }
    let theirs = upgrade.tenants.as_ref().and_then(|name| known.tenants.get(name)?.as_ref());
    if let (Some(ours), Some(theirs)) = (&upgrade.calendar, theirs)
        && ours != theirs
    {
        let message = format!("they go by Calendar `{theirs}`, and this upgrade by `{ours}`");
        scope.error(at!["tenants"], &message, "name the same one in both".to_string());
    }
}

pub(super) fn dangling<'n>(
    here: &[Seg<'_>],
    what: &str,
    name: &str,
    names: impl Iterator<Item = &'n String>,
    place: &str,
    scope: &mut Scope<'_, '_, '_>,
) {
    let names: Vec<&str> = names.map(String::as_str).collect();
    let help = match nearest(name, names.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if names.is_empty() => format!("there is no {what} {place}"),
        None => format!("there: {}", names.join(", ")),
    };
    let message = format!("there is no {what} `{name}` {place}");
    match here.last() {
        Some(Seg::Key(key)) if *key == name => scope.error_at_key(here, &message, help),
        _ => scope.error(here, &message, help),
    }
}

/// Parts of an image reference (OCI distribution spec: `[host[:port]/]path[:tag][@digest]`).
pub fn image_problem(image: &str) -> Option<&'static str> {
    let (name, digest) = image.split_once('@').map_or((image, None), |(n, d)| (n, Some(d)));
    if image.is_empty() {
        return Some("is empty");
    }
    if image.contains(|c: char| c.is_whitespace() || c.is_control() || !c.is_ascii()) {
        return Some("holds a space or a character no image has");
    }
    if image.contains("://") {
        return Some("is a URL; an image starts with the registry's host, without http://");
    }
    if let Some(digest) = digest {
        let hex = digest.strip_prefix("sha256:").unwrap_or("");
        if hex.len() != 64 || !hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return Some("has a digest that is not `sha256:` and 64 hexadecimal digits");
        }
    }
    let (host, rest) = match name.split_once('/') {
        Some((host, rest)) if host.contains(['.', ':']) || host == "localhost" => (Some(host), rest),
        _ => (None, name),
    };
    if let Some(host) = host {
        let (host, port) = host.split_once(':').map_or((host, None), |(h, p)| (h, Some(p)));
        let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-');
        if host.is_empty() || !host.bytes().all(fits) || port.is_some_and(|p| p.parse::<u16>().is_err()) {
            return Some("has a registry that is not a host and port");
        }
    }
    let (path, tag) = rest.split_once(':').map_or((rest, None), |(p, t)| (p, Some(t)));
    let part = |p: &str| {
        let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'_' | b'-');
        let edge = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        p.bytes().all(inner) && p.starts_with(edge) && p.ends_with(edge)
    };
    if !path.split('/').all(part) {
        return Some("has a name that is not lower-case letters, digits, `.`, `_`, `-` and `/`");
    }
    let tag_fits = |t: &str| {
        let inner = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        (1..=128).contains(&t.len()) && t.bytes().all(inner) && !t.starts_with(['.', '-'])
    };
    if !tag.is_none_or(tag_fits) {
        return Some("has a tag that is not letters, digits, `.`, `_` and `-`");
    }
    None
}

fn image(name: &str, target: &Target, upgrade: &UpgradeSpec, scope: &mut Scope<'_, '_, '_>) {
    let here = at!["to", name, "image"];
    if let Some(problem) = image_problem(&target.image) {
        scope.error(
            here,
            &format!("`{}` {problem}", target.image),
            "such as registry.example/billing:4.2.1".to_string(),
        );
        return;
    }
    let tag = image_version(&target.image);
    match (&target.version, tag) {
        (None, None) => {
            let needs = |other: &Target| other.needs.get(name).cloned();
            let by = upgrade.to.iter().filter(|(by, _)| *by != name).find_map(|(by, other)| Some((by, needs(other)?)));
            // A version that nobody needs may be called anything.
            let untried = scope.untried(at!["to", name], &["version"]);
            if let Some((by, range)) = by.filter(|_| untried) {
                let help = "give it a tag such as 4.2.1, or add `version:`".to_string();
                let message =
                    format!("`{by}` needs `{range}`, and the tag of `{}` is no semantic version", target.image);
                scope.error(here, &message, help);
            }
        }
        (Some(version), tag) => {
            let here = at!["to", name, "version"];
            match (as_label(version), parse(version)) {
                (false, _) => {
                    let help = "letters, digits, `.`, `_` and `-`, at most 63: it is written into a label of the pods";
                    scope.error(here, &format!("`{version}` cannot be a version"), help.to_string());
                }
                (true, None) => {
                    let help = "such as 4.2.1; leave it out where no other service needs it".to_string();
                    scope.error(here, &format!("`{version}` is no semantic version"), help);
                }
                (true, Some(v)) => {
                    if let Some(tag) = tag.filter(|tag| v.to_string() != *tag) {
                        scope.warn(here, &format!("says {version}, but the image's tag says {tag}"), None);
                    }
                }
            }
        }
        (None, Some(_)) => {}
    }
}

/// Kubernetes takes it as the value of a label.
fn as_label(version: &str) -> bool {
    let inner = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    let edge = |c: char| c.is_ascii_alphanumeric();
    version.len() <= 63 && version.bytes().all(inner) && version.starts_with(edge) && version.ends_with(edge)
}

/// A semantic version; a leading `v` is allowed.
fn parse(version: &str) -> Option<Version> {
    Version::parse(version.strip_prefix('v').unwrap_or(version)).ok()
}

fn needs(
    name: &str,
    target: &Target,
    upgrade: &UpgradeSpec,
    fleet: Option<&KnownFleet<'_>>,
    scope: &mut Scope<'_, '_, '_>,
) {
    for (needed, range) in &target.needs {
        let here = at!["to", name, "needs", needed];
        if needed == name {
            scope.error_at_key(here, "a version cannot need its own service", None);
            continue;
        }
        if let Some(fleet) = fleet.filter(|f| f.complete && !f.services.contains(needed)) {
            dangling(here, "service", needed, fleet.services.iter(), &fleet.place(), scope);
        }
        let requirement = match VersionReq::parse(range) {
            Ok(requirement) if !range.trim().is_empty() => requirement,
            _ => {
                let help = "such as \">=5.2\", \"^4.1.0\" or \">=1.2, <2\"".to_string();
                scope.error(here, &format!("`{range}` is no range of semantic versions"), help);
                continue;
            }
        };
        let (there, brought) = match upgrade.to.get(needed) {
            Some(target) => (target.version(), true),
            None => {
                let service = fleet.and_then(|f| f.spec?.services.iter().find(|s| s.name == *needed));
                (service.and_then(|s| s.version.clone()), false)
            }
        };
        let Some(there) = there else { continue };
        let verb = if brought { "this upgrade brings it to" } else { "it stays at" };
        match parse(&there) {
            // Said where it is written.
            None if brought => {}
            None => {
                let message = format!("needs `{range}`, but {verb} `{there}`, which is no semantic version");
                scope.error(here, &message, None);
            }
            Some(version) if !in_range(&requirement, &version) => {
                let help = match (brought, version.pre.is_empty()) {
                    (_, false) => {
                        "a range takes a pre-release only if it names one, such as \">=5.2.4-rc.1\"".to_string()
                    }
                    (true, true) => format!("change the range, or the version of `{needed}`"),
                    (false, true) => format!("add `{needed}` to `to`"),
                };
                scope.error(here, &format!("needs `{range}`, but {verb} {there}"), help);
            }
            Some(_) => {}
        }
    }
}

/// Whoever says how tenants share a service must hear where all of them are moved at once all the same.
fn tenancy(name: &str, upgrade: &UpgradeSpec, fleet: Option<&KnownFleet<'_>>, scope: &mut Scope<'_, '_, '_>) {
    let service = fleet.and_then(|f| f.spec?.services.iter().find(|s| s.name == name));
    let (message, help) = match (service.map(|s| &s.tenancy), upgrade.strategy) {
        (None | Some(Tenancy::Shared), _) | (Some(Tenancy::Routed(_)), Strategy::Phased) => return,
        (Some(Tenancy::Routed(_)), Strategy::Canary) => (
            "all of its tenants are moved at once, bound by the slots only",
            "write `strategy: phased` to move each in its own window, or let the slots of the Calendar fit all tenants",
        ),
        (Some(Tenancy::Namespace | Tenancy::Flag), _) => (
            "its `tenancy` is not driven yet: all tenants are moved at once, bound by the slots only",
            "let the slots of the Calendar fit all tenants, or leave the service out",
        ),
    };
    scope.warn(at!["to", name], message, help.to_string());
}

/// Tenants that move one by one: there are some, a service tells them apart, and their policy asks for no proof that
/// requests cannot give.
fn phased(upgrade: &UpgradeSpec, known: &Known<'_>, fleet: Option<&KnownFleet<'_>>, scope: &mut Scope<'_, '_, '_>) {
    if upgrade.strategy != Strategy::Phased {
        return;
    }
    let here = at!["strategy"];
    if known.tenants.is_empty() && known.unread.none_of("Tenants") {
        let help = "give the file with a document of kind Tenants, too, or write `strategy: canary`".to_string();
        return scope.error(here, "moves tenants one by one, and no Tenants are given", help);
    }
    let spec = fleet.filter(|f| f.complete && f.clean).and_then(|f| f.spec);
    let routed = |name: &str| {
        let of = |f: &FleetSpec| f.services.iter().any(|s| s.name == name && matches!(s.tenancy, Tenancy::Routed(_)));
        spec.is_none_or(of)
    };
    if upgrade.release.is_none() && !upgrade.to.is_empty() && !upgrade.to.keys().any(|name| routed(name)) {
        let help = "write `tenancy: {routed: {header: x-tenant}}` in the fleet where a header tells tenants apart, or \
                    `strategy: canary`"
            .to_string();
        scope.error(here, "moves tenants one by one, and no service of `to` can tell them apart", help);
    }
    let policy = known.policies.get(&upgrade.policy).copied().flatten();
    if policy.is_some_and(|p| p.observed == Observed::Require) {
        let help =
            "write `observed: prefer` in the policy: a tenant is then confirmed by its accepted route and the gates";
        let message =
            format!("`{}` asks for `observed: require`, but requests do not say whose they are", upgrade.policy);
        scope.error(at!["policy"], &message, help.to_string());
    }
}

fn same_or_older(name: &str, target: &Target, fleet: Option<&KnownFleet<'_>>, scope: &mut Scope<'_, '_, '_>) {
    let running = fleet.and_then(|f| f.spec?.services.iter().find(|s| s.name == name)?.version.as_deref());
    let (Some(from), Some(to)) = (running, target.version()) else { return };
    let here = at!["to", name, if target.version.is_some() { "version" } else { "image" }];
    if from == to {
        let help = "take the service out, or correct the fleet's `version`".to_string();
        scope.error(here, &format!("the fleet says {from} is what runs already"), help);
    } else if let (Some(from), Some(to)) = (parse(from), parse(&to))
        && to < from
    {
        scope.warn(here, &format!("goes back from {from} to {to}"), None);
    }
}

/// Services of this upgrade that need each other in a circle, each circle once.
///
/// Takes away, again and again, what needs nothing that is left (Kahn); what stays leads into a circle. Not recursive: a
/// chain of needs may be as long as the file allows.
fn circles(upgrade: &UpgradeSpec, scope: &mut Scope<'_, '_, '_>) {
    let to = &upgrade.to;
    let mut left: BTreeMap<&str, usize> = BTreeMap::new();
    let mut dependants: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, target) in to {
        let within: Vec<&str> =
            target.needs.keys().filter(|n| *n != name && to.contains_key(*n)).map(String::as_str).collect();
        left.insert(name, within.len());
        within.into_iter().for_each(|need| dependants.entry(need).or_default().push(name));
    }
    let mut free: Vec<&str> = left.iter().filter(|(_, n)| **n == 0).map(|(name, _)| *name).collect();
    loop {
        while let Some(name) = free.pop() {
            left.remove(name);
            for dependant in dependants.get(name).into_iter().flatten() {
                if let Some(open) = left.get_mut(dependant) {
                    *open -= 1;
                    if *open == 0 {
                        free.push(dependant);
                    }
                }
            }
        }
        let Some(circle) = one_circle(to, &left) else { return };
        let shown: Vec<&str> = circle.iter().chain(circle.first()).copied().collect();
        let (first, next) = (shown[0], shown[1]);
        let message = format!("services need each other in a circle: {}", shown.join(" -> "));
        scope.error_at_key(at!["to", first, "needs", next], &message, "take one of these needs out".to_string());
        free.extend(circle);
    }
}

/// Follows needs among what is left until a service comes up again.
fn one_circle<'a>(to: &'a BTreeMap<String, Target>, left: &BTreeMap<&'a str, usize>) -> Option<Vec<&'a str>> {
    let mut path: Vec<&str> = Vec::new();
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    let mut here = *left.keys().next()?;
    loop {
        if let Some(at) = seen.get(here) {
            let mut circle = path.split_off(*at);
            let smallest = circle.iter().enumerate().min_by_key(|(_, name)| **name).map_or(0, |(i, _)| i);
            circle.rotate_left(smallest);
            return Some(circle);
        }
        seen.insert(here, path.len());
        path.push(here);
        let needs = &to.get(here)?.needs;
        here = needs.keys().map(String::as_str).find(|n| *n != here && left.contains_key(n))?;
    }
}

/// What only shows when a policy meets an environment.
fn with_environment(
    upgrade: &UpgradeSpec,
    fleet: &FleetSpec,
    policy: Option<&PolicySpec>,
    scope: &mut Scope<'_, '_, '_>,
) {
    let Some(environment) = fleet.environments.iter().find(|e| e.name == upgrade.environment) else { return };
    let Some(policy) = policy else { return };
    if environment.production && policy.people.is_empty() {
        let message = format!("`{}` names no people, and `{}` is production", upgrade.policy, environment.name);
        let help = "copy the policy under a name of your own and list who may do what under `people`".to_string();
        scope.error(at!["policy"], &message, help);
    }
    let direct = environment.metrics.prometheus.is_none().then_some(DIRECT_SCRAPE);
    let Some(interval) = environment.metrics.source_interval.or(direct) else { return };
    let reads_window = |g: &crate::spec::policy::Gate| {
        g.measure.is_some_and(|m| m.needs_requests()) || g.promql.as_ref().is_some_and(|q| q.contains("window"))
    };
    for gate in policy.gates.iter().filter(|g| reads_window(g)) {
        let window = gate.window.unwrap_or(policy.window);
        if window > Dur::ZERO && window < interval.times(2) {
            let message = format!(
                "gate `{}` looks at {window}, but `{}` is read only every {interval}: often no increase will be seen",
                gate.name, environment.name
            );
            scope.warn(at!["policy"], &message, format!("a window of at least {}", interval.times(2)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_follow_the_distribution_spec() {
        let digest = format!("registry.example/a@sha256:{}", "0a".repeat(32));
        for good in
            ["billing:4.2.1", "registry.example:5000/shop/billing:v4", "localhost/a_b/c.d-e", "a", digest.as_str()]
        {
            assert_eq!(image_problem(good), None, "{good}");
        }
        for bad in [
            "",
            " ",
            "a b",
            "https://r.example/a:1",
            "registry.example/Billing:1",
            "r.example/a:",
            "r.example/a:-1",
            "r.example/a:1:2",
            "r.example//a",
            "r.example/a@sha256:12",
            "r.example:port/a:1",
            "r.example/billing:${TAG}",
            "bílling:1",
            ":1",
        ] {
            assert!(image_problem(bad).is_some(), "{bad}");
        }
    }
}
