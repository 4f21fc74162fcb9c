//! Fleets: names, clusters, metrics sources, and services that would step on each other's feet.
use std::collections::BTreeMap;

use super::{Scope, Seg, at, dns_label, object_name, repeated, service_name};
use crate::spec::fleet::{Auth, Convention, Environment, FleetSpec, Routed, Service, Tenancy};
use crate::spec::units::Dur;

pub fn check(fleet: &FleetSpec, scope: &mut Scope<'_, '_, '_>) {
    if fleet.environments.is_empty() {
        scope.error(
            at!["environments"],
            "no environment is listed",
            "name the cluster and namespace to upgrade".to_string(),
        );
    }
    if fleet.services.is_empty() {
        scope.error(
            at!["services"],
            "no service is listed",
            "list the services with their workload and route".to_string(),
        );
    }
    for (list, repeats) in [
        ("environments", repeated(fleet.environments.iter().map(|e| e.name.as_str()))),
        ("services", repeated(fleet.services.iter().map(|s| s.name.as_str()))),
    ] {
        for (i, first) in repeats {
            let (path, place) = scope.locate(at![list, first]);
            let message = format!("the name is taken by {path} on line {}", place.line);
            scope.error(at![list, i, "name"], &message, "give each its own name".to_string());
        }
    }
    for (i, environment) in fleet.environments.iter().enumerate() {
        if scope.sink.hopeless() {
            return;
        }
        check_environment(i, environment, scope);
    }
    for (i, service) in fleet.services.iter().enumerate() {
        if scope.sink.hopeless() {
            return;
        }
        check_service(i, service, scope);
    }
    collisions(fleet, scope);
}

fn check_environment(i: usize, environment: &Environment, scope: &mut Scope<'_, '_, '_>) {
    dns_label(scope, at!["environments", i, "name"], &environment.name);
    dns_label(scope, at!["environments", i, "kubernetes", "namespace"], &environment.kubernetes.namespace);
    if environment.kubernetes.context.as_deref().is_some_and(|c| c.trim().is_empty()) {
        let help = "leave it out to use the kubeconfig's current context".to_string();
        scope.error(at!["environments", i, "kubernetes", "context"], "the context is empty", help);
    }
    let metrics = &environment.metrics;
    let here = |field| [Seg::Key("environments"), Seg::Index(i), Seg::Key("metrics"), Seg::Key(field)];
    if let Some(url) = &metrics.prometheus
        && let Err(why) = base_url(url)
    {
        let help = "write it like http://prometheus.monitoring:9090".to_string();
        scope.error(&here("prometheus"), &format!("`{url}` {why}"), help);
    }
    if let Some(auth) = &metrics.auth {
        if metrics.prometheus.is_none() {
            scope.warn(&here("auth"), "has no effect: no `prometheus` is named here", None);
        }
        check_auth(&here("auth"), auth, scope);
    }
    if metrics.source_interval == Some(Dur::ZERO) {
        scope.error(&here("source_interval"), "a source that looks every 0s cannot be", None);
    }
    check_convention(&here("convention"), &metrics.convention, scope);
    if !metrics.scrape.path.starts_with('/') {
        let help = format!("write `/{}`", metrics.scrape.path);
        scope.error(&[&here("scrape")[..], at!["path"]].concat(), "a path starts with `/`", help);
    }
    let port = &metrics.scrape.port;
    let named = (1..=15).contains(&port.len()) && super::is_label(port) && port.bytes().any(|b| b.is_ascii_lowercase());
    if !(named || port.parse::<u16>().is_ok_and(|p| p > 0)) {
        let help = "write the name of a container port, such as `http`, or its number in quotes".to_string();
        scope.error(&[&here("scrape")[..], at!["port"]].concat(), &format!("`{port}` is not a port"), help);
    }
}

fn check_auth(here: &[Seg<'_>], auth: &Auth, scope: &mut Scope<'_, '_, '_>) {
    if auth.bearer_file.is_some() && auth.basic.is_some() {
        scope.error(here, "`bearer_file` and `basic` cannot be used together", "keep one of them".to_string());
    }
    let files = [
        ("bearer_file", auth.bearer_file.as_deref()),
        ("ca_file", auth.ca_file.as_deref()),
        ("client_cert_file", auth.client_cert_file.as_deref()),
    ];
    for (field, _) in files.into_iter().filter(|(_, file)| file.is_some_and(|f| f.trim().is_empty())) {
        scope.error(&[here, at![field]].concat(), "the file name is empty", None);
    }
    if let Some(basic) = &auth.basic {
        for (field, value) in [("user", &basic.user), ("password_file", &basic.password_file)] {
            if value.trim().is_empty() {
                scope.error(&[here, at!["basic", field]].concat(), "it is empty", None);
            }
        }
    }
}

fn check_convention(here: &[Seg<'_>], convention: &Convention, scope: &mut Scope<'_, '_, '_>) {
    let Convention::Own(names) = convention else { return };
    let metric = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '_' | ':'))
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b':'))
    };
    let labels = [("pod_label", &names.pod_label), ("namespace_label", &names.namespace_label)];
    let named = [("requests", &names.requests), ("code_label", &names.code_label), ("duration", &names.duration)];
    let labels = labels.into_iter().filter_map(|(field, value)| Some((field, value.as_ref()?)));
    for (field, value) in named.into_iter().chain(labels) {
        if !metric(value) {
            let message = format!("`{value}` is not a name Prometheus takes");
            let help = "use letters, digits and `_`, not a digit first".to_string();
            scope.error(&[here, at!["own", field]].concat(), &message, help);
        }
    }
    if let Some(base) = names.duration.strip_suffix("_bucket") {
        let help = format!("write `{base}`");
        scope.error(&[here, at!["own", "duration"]].concat(), "name the histogram without `_bucket`", help);
    }
    if !(names.duration_unit > 0.0 && names.duration_unit.is_finite()) {
        let help = "1 for seconds, 0.001 for milliseconds".to_string();
        scope.error(&[here, at!["own", "duration_unit"]].concat(), "a unit must be above 0 seconds", help);
    }
}

fn check_service(i: usize, service: &Service, scope: &mut Scope<'_, '_, '_>) {
    let route = &service.traffic.http_route;
    let here =
        |field| [Seg::Key("services"), Seg::Index(i), Seg::Key("traffic"), Seg::Key("httpRoute"), Seg::Key(field)];
    dns_label(scope, at!["services", i, "name"], &service.name);
    object_name(scope, at!["services", i, "workload", "deployment"], &service.workload.deployment);
    dns_label(scope, at!["services", i, "workload", "container"], &service.workload.container);
    object_name(scope, &here("name"), &route.name);
    service_name(scope, &here("stable"), &route.stable);
    service_name(scope, &here("next"), &route.next);
    if route.stable == route.next {
        let help = format!("`next: {}-next`, a Service of its own that the run makes", route.stable);
        scope.error(&here("next"), "is the same Service as `stable`: no traffic could be told apart", help);
    }
    if route.port == 0 {
        scope.error(&here("port"), "0 is not a port", "write the Service's port, such as 80".to_string());
    }
    if service.version.as_deref().is_some_and(|v| v.trim().is_empty()) {
        scope.error(at!["services", i, "version"], "the version is empty", "leave it out".to_string());
    }
    if let Some(convention) = &service.convention {
        check_convention(at!["services", i, "convention"], convention, scope);
    }
    if let Tenancy::Routed(routed) = &service.tenancy {
        check_routed(at!["services", i, "tenancy", "routed"], routed, scope);
    }
}

/// What tenants are told by is a header's name (RFC 9110, section 5.1), or a host with one place for the tenant's id.
fn check_routed(here: &[Seg<'_>], routed: &Routed, scope: &mut Scope<'_, '_, '_>) {
    match routed {
        Routed::Header(name) | Routed::Cohort(name) => {
            let cohort = matches!(routed, Routed::Cohort(_));
            let (field, such) = if cohort { ("cohort", "x-cohort") } else { ("header", "x-tenant") };
            if !super::is_header(name) {
                let help = format!("such as {such}");
                scope.error(&[here, at![field]].concat(), &format!("`{name}` is not the name of a header"), help);
            }
        }
        Routed::Host(host) => {
            let help = "such as \"{tenant}.shop.example\"".to_string();
            let filled = host.replacen("{tenant}", "a", 1);
            if filled == *host {
                let message = format!("`{host}` has no `{{tenant}}`: all tenants would be the same");
                scope.error(&[here, at!["host"]].concat(), &message, help);
            } else if host.starts_with("{tenant}.") && filled.split('.').all(super::is_label) {
            } else {
                let message = format!("`{host}` is not a host whose first part is the tenant");
                scope.error(&[here, at!["host"]].concat(), &message, help);
            }
        }
    }
}

/// Two services must not move the same Deployment, Service or share of a route.
fn collisions(fleet: &FleetSpec, scope: &mut Scope<'_, '_, '_>) {
    let mut deployments = BTreeMap::new();
    let mut services = BTreeMap::new();
    for (i, service) in fleet.services.iter().enumerate() {
        let here = at!["services", i, "workload", "deployment"];
        let next = service.next_deployment();
        let own = taken(&mut deployments, i, &service.workload.deployment, "the Deployment", here, fleet, scope);
        if !own {
            taken(&mut deployments, i, &next, "the new Deployment", here, fleet, scope);
        }
        let route = &service.traffic.http_route;
        for (name, role, field) in [(&route.stable, "the stable", "stable"), (&route.next, "the next", "next")] {
            let here = at!["services", i, "traffic", "httpRoute", field];
            taken(&mut services, i, name, &format!("{role} Service"), here, fleet, scope);
        }
    }
}

/// Notes that service `i` uses the object `name` as its `role`; true, and an error, when another service does already.
fn taken(
    owners: &mut BTreeMap<String, (usize, String)>,
    i: usize,
    name: &str,
    role: &str,
    here: &[Seg<'_>],
    fleet: &FleetSpec,
    scope: &mut Scope<'_, '_, '_>,
) -> bool {
    let (other, other_role) = owners.entry(name.to_string()).or_insert((i, role.to_string()));
    if *other == i {
        return false;
    }
    let line = scope.locate(at!["services", *other]).1.line;
    let owner = &fleet.services[*other].name;
    let message = format!("{role} `{name}` is {other_role} of service `{owner}` (line {line}) already");
    scope.error(here, &message, "each service needs objects of its own".to_string());
    true
}

/// Scheme, host and an optional path; no credentials, query or fragment.
pub fn base_url(url: &str) -> Result<(), &'static str> {
    if url.contains('#') {
        return Err("has a fragment (`#`)");
    }
    let uri: http::Uri = url.parse().map_err(|_| "is not a URL")?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        return Err("does not start with http:// or https://");
    }
    let authority = uri.authority().ok_or("names no host")?;
    if authority.as_str().contains('@') {
        return Err("holds credentials; put them into files named under `auth`");
    }
    if uri.host().is_none_or(str::is_empty) {
        return Err("names no host");
    }
    // `Uri` takes any digits for a port and then says there is none.
    let after_host = authority.as_str().get(authority.host().len()..).unwrap_or("");
    if after_host.strip_prefix(':').is_some_and(|port| port.parse::<u16>().map_or(true, |p| p == 0)) {
        return Err("has a port that is not a number up to 65535");
    }
    if uri.query().is_some() {
        return Err("has a query; only the base of the server's address belongs here");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::base_url;

    #[test]
    fn a_prometheus_address_is_a_plain_base_url() {
        for good in
            ["http://prometheus.monitoring:9090", "https://p.example/prom/", "http://[::1]:9090", "http://localhost"]
        {
            assert_eq!(base_url(good), Ok(()), "{good}");
        }
        for bad in [
            "prometheus:9090",
            "prometheus",
            "",
            "ftp://p:9090",
            "http://",
            "http://user:pw@p:9090",
            "http://p:99999",
            "http://p:9090/?x=1",
            "http://p/#graph",
            "http://p q/",
        ] {
            assert!(base_url(bad).is_err(), "{bad}");
        }
    }
}
