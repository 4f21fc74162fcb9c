//! Tenants of all files together: each id once, and every cohort and season they name is there.
use std::collections::{BTreeMap, BTreeSet};

use super::is_label;
use crate::spec::nearest::nearest;
use crate::spec::report::{Place, Sink};
use crate::spec::tenants_read::ReadTenant;

/// One document's tenants.
pub struct List<'t> {
    /// Position of its sink.
    pub file: usize,
    pub tenants: &'t [ReadTenant],
    /// What the calendar they go by has; nothing when it is missing, which is reported.
    pub names: Option<&'t Names>,
}

/// Names that tenants may use, each list where all of it could be read, whatever else of its calendar is broken.
#[derive(Default)]
pub struct Names {
    pub cohorts: Option<Vec<String>>,
    pub seasons: Option<Vec<String>>,
}

/// Checks the lists of all files. `fleets`: every service there is, when that is known. `hosts`: those that tell tenants by
/// the host, each with how it is made.
pub fn check(
    lists: &[List<'_>],
    fleets: Option<&BTreeSet<String>>,
    hosts: &BTreeMap<String, String>,
    sinks: &mut [Sink<'_>],
) {
    ids(lists, sinks);
    for list in lists.iter().filter(|_| !hosts.is_empty()) {
        make_hosts(list, hosts, &mut sinks[list.file]);
    }
    if let Some(there) = fleets {
        for list in lists {
            uses(list, there, &mut sinks[list.file]);
        }
    }
    for list in lists {
        let Some(names) = list.names else { continue };
        let sink = &mut sinks[list.file];
        for read in list.tenants.iter().take_while(|_| !sink.hopeless()).collect::<Vec<_>>() {
            references(read, names, sink);
        }
    }
}

fn ids(lists: &[List<'_>], sinks: &mut [Sink<'_>]) {
    let mut first: BTreeMap<&str, (usize, Place)> = BTreeMap::new();
    for (list, read) in lists.iter().flat_map(|l| l.tenants.iter().map(move |t| (l, t))) {
        let id: &str = &read.tenant.id;
        if id.is_empty() {
            continue;
        }
        match first.get(id) {
            None => {
                first.insert(id, (list.file, read.id));
            }
            Some((file, place)) => {
                let there = format!("{}:{}", sinks[*file].name(), place.line);
                let message = format!("spec.tenants[{}].id: `{id}` is already in {there}", read.index);
                sinks[list.file].error(read.id, message, Some("give each its own id".into()));
            }
        }
    }
}

/// Ids that make no host: no request would be told by them.
fn make_hosts(list: &List<'_>, hosts: &BTreeMap<String, String>, sink: &mut Sink<'_>) {
    for read in list.tenants.iter().filter(|read| !read.tenant.id.is_empty() && !is_label(&read.tenant.id)) {
        let uses = |name: &str| read.tenant.services.is_empty() || read.tenant.services.iter().any(|s| **s == *name);
        let Some((service, host)) = hosts.iter().find(|(name, _)| uses(name)) else { continue };
        if sink.hopeless() {
            return;
        }
        let id: &str = &read.tenant.id;
        let made = host.replace("{tenant}", id);
        let message =
            format!("spec.tenants[{}].id: {service} tells tenants by the host, and `{made}` is none", read.index);
        let help = "use lower-case letters, digits and `-`, or tell its tenants by a header in the fleet".to_string();
        sink.error(read.id, message, Some(help));
    }
}

/// Services that no Fleet has: what is meant for them would reach nobody.
fn uses(list: &List<'_>, there: &BTreeSet<String>, sink: &mut Sink<'_>) {
    for read in list.tenants {
        for (i, service) in read.tenant.services.iter().enumerate().filter(|(_, s)| !there.contains(&***s)) {
            if sink.hopeless() {
                return;
            }
            let message = format!("spec.tenants[{}].services[{i}]: no Fleet has a service `{service}`", read.index);
            sink.warn(read.services, message, Some(near(service, there)));
        }
    }
}

/// The name that was probably meant, else how many there are.
pub fn near(written: &str, there: &BTreeSet<String>) -> String {
    match nearest(written, there.iter().map(String::as_str)) {
        Some(name) => format!("did you mean `{name}`?"),
        None if there.is_empty() => "there is none at all: write it there, or take it out".into(),
        None => format!("none of the {} there is called so: correct it, or take it out", there.len()),
    }
}

fn references(read: &ReadTenant, names: &Names, sink: &mut Sink<'_>) {
    let (tenant, index) = (&read.tenant, read.index);
    let unknown = |there: &Option<Vec<String>>, name: &str| -> Option<String> {
        let there = there.as_ref().filter(|there| !there.iter().any(|n| n == name))?;
        Some(meant(name, there.iter().map(String::as_str).collect()))
    };
    if let Some(help) = unknown(&names.cohorts, &tenant.cohort) {
        let message = format!("spec.tenants[{index}].cohort: there is no cohort `{}`", tenant.cohort);
        sink.error(read.cohort, message, Some(help));
    }
    for (i, season) in tenant.seasons.iter().enumerate() {
        if let Some(help) = unknown(&names.seasons, season) {
            let message = format!("spec.tenants[{index}].seasons[{i}]: there is no season `{season}`");
            sink.error(read.seasons, message, Some(help));
        }
    }
}

/// The name that was probably meant, else all there are.
pub fn meant(written: &str, there: Vec<&str>) -> String {
    match nearest(written, there.iter().copied()) {
        Some(name) => format!("did you mean `{name}`?"),
        None if there.is_empty() => "the Calendar has none".into(),
        None => format!("there: {}", there.join(", ")),
    }
}
