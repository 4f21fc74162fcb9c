//! Contracts, releases and compatibility policies: versions and ranges that read as such, names that are there once.
use std::collections::BTreeSet;

use semver::{Version, VersionReq};

use super::upgrade::image_problem;
use super::{Scope, Seg, at, is_label, repeated};
use crate::spec::contract::{CompatPolicySpec, ContractSpec, Migration, Phase, ReleaseSpec};
use crate::spec::people::person;
use crate::spec::upgrade::image_version;

const METHODS: [&str; 8] = ["GET", "PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH", "TRACE"];

pub fn contract(service: &str, spec: &ContractSpec, scope: &mut Scope<'_, '_, '_>) {
    version(at!["version"], &spec.version, scope);
    if let Some(image) = &spec.image
        && let Some(problem) = image_problem(image)
    {
        let help = "such as registry.example/billing:4.2.1".to_string();
        scope.error(at!["image"], &format!("`{image}` {problem}"), help);
    } else if let Some(tag) = spec.image.as_deref().and_then(image_version)
        && Version::parse(&spec.version).is_ok_and(|v| v.to_string() != tag)
    {
        scope.warn(at!["version"], &format!("says {}, but the image's tag says {tag}", spec.version), None);
    }
    if let Some(least) = &spec.min_from {
        version(at!["min_from"], least, scope);
        let parsed = (Version::parse(least), Version::parse(&spec.version));
        if let (Ok(least), Ok(own)) = parsed
            && least >= own
        {
            let message = format!("{least} is not before {own}, the version itself: nobody could ever step to it");
            let help = "write the lowest version of those before it that one may step from".to_string();
            scope.error(at!["min_from"], &message, help);
        }
    }
    if let Some(range_) = &spec.rollback_to {
        range(at!["rollback_to"], range_, scope);
    }
    for (list, names) in [("produces", &spec.produces), ("consumes", &spec.consumes)] {
        for (i, name) in names.iter().enumerate() {
            // It is the stem of a file.
            if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c)) {
                let help = "use letters, digits, `.`, `_` and `-`".to_string();
                scope.error(at![list, i], &format!("`{name}` cannot be the name of an event"), help);
            }
        }
        once(list, None, names.iter().map(String::as_str), scope);
    }
    depends(service, spec, scope);
    migrations(spec, scope);
}

fn depends(service: &str, spec: &ContractSpec, scope: &mut Scope<'_, '_, '_>) {
    once("depends", Some("service"), spec.depends.iter().map(|d| d.service.as_str()), scope);
    for (i, depend) in spec.depends.iter().enumerate() {
        if depend.service == service {
            let help = "take it out".to_string();
            scope.error(at!["depends", i, "service"], "a service does not depend on itself", help);
        }
        range(at!["depends", i, "req"], &depend.req, scope);
        for (n, operation) in depend.operations.iter().flatten().enumerate() {
            let (webhook, called) = match operation.strip_prefix("webhook ") {
                Some(called) => (true, called),
                None => (false, operation.as_str()),
            };
            // Webhooks have a name, paths a slash.
            let named = |p: &str| if webhook { !p.trim().is_empty() } else { p.starts_with('/') };
            if !called.split_once(' ').is_some_and(|(m, p)| METHODS.contains(&m) && named(p)) {
                let help =
                    "write method and path as its description does, such as `GET /prices/{sku}`, and what it receives \
                            as `webhook POST orderPaid`"
                        .to_string();
                let message = format!("`{operation}` is no operation");
                scope.error(at!["depends", i, "operations", n], &message, help);
            }
        }
        for (n, name) in depend.closed_enums.iter().enumerate() {
            // A pointer may be written as in a `$ref`.
            if !(name.starts_with('/') || name.starts_with("#/"))
                && name.split('.').filter(|part| !part.is_empty()).count() < 2
            {
                let help = "write the schema and its property, such as `Order.status`, or a JSON pointer".to_string();
                let message = format!("`{name}` names no property");
                scope.error(at!["depends", i, "closed_enums", n], &message, help);
            }
        }
    }
}

fn migrations(spec: &ContractSpec, scope: &mut Scope<'_, '_, '_>) {
    once("migrations", Some("id"), spec.migrations.iter().map(|m| m.id.as_str()), scope);
    for (i, m) in spec.migrations.iter().enumerate() {
        migration(at!["migrations", i], m, scope);
    }
}

/// One migration, wherever it is written.
pub fn migration(here: &[Seg<'_>], m: &Migration, scope: &mut Scope<'_, '_, '_>) {
    fn below<'s>(here: &[Seg<'s>], field: &'s str) -> Vec<Seg<'s>> {
        here.iter().copied().chain([Seg::from(field)]).collect()
    }
    if m.id.is_empty() {
        scope.error(&below(here, "id"), "the id is empty", None);
    }
    for (field, written) in [("contracts", m.contracts.is_some()), ("deferred", m.deferred)] {
        if written && m.phase != Phase::Contract {
            let help = "write `phase: contract`, or take it out".to_string();
            scope.error(&below(here, field), "only a contract phase takes something away", help);
        }
    }
    if m.contracts.as_ref() == Some(&m.id) {
        let help = "name the migration that added the new part".to_string();
        scope.error(&below(here, "contracts"), "it cannot take itself back", help);
    }
}

pub fn release(spec: &ReleaseSpec, scope: &mut Scope<'_, '_, '_>) {
    if spec.services.is_empty() {
        let help = "list services with their version, such as billing: 4.2.1".to_string();
        scope.error(at!["services"], "no service is listed", help);
    }
    for (service, version_) in &spec.services {
        version(at!["services", service], version_, scope);
    }
}

pub fn policy(spec: &CompatPolicySpec, scope: &mut Scope<'_, '_, '_>) {
    for (i, waiver) in spec.waivers.iter().enumerate() {
        let hex = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
        if waiver.fingerprint.len() != 16 || !waiver.fingerprint.bytes().all(hex) {
            let help = "copy the 16 hexadecimal digits that stand after `waiver` below the finding".to_string();
            let message = format!("`{}` is no fingerprint", waiver.fingerprint);
            scope.error(at!["waivers", i, "fingerprint"], &message, help);
        }
        if waiver.reason.trim().is_empty() {
            scope.error(at!["waivers", i, "reason"], "the reason is empty", "say why it does no harm".to_string());
        }
        // As the dialog compares them: who writes a name with another capital or blank is nobody else.
        let named = waiver.by.iter().filter(|name| !name.trim().is_empty());
        let mut people = BTreeSet::new();
        let mut unlike = false;
        for (n, name) in waiver.by.iter().enumerate() {
            match person(name) {
                Ok(name) if name.is_empty() => {}
                Ok(name) => drop(people.insert(name)),
                Err(why) => {
                    unlike = true;
                    let help = "write it anew, each letter with its accent as one character".to_string();
                    scope.error(at!["waivers", i, "by", n], &format!("`{name}` {why}"), help);
                }
            }
        }
        if !unlike && people.len() < 2 && scope.written(at!["waivers", i], &["by"]) {
            let named: Vec<String> = named.map(|name| format!("`{name}`")).collect();
            let message = match named.len() {
                0 | 1 => format!("{} of two people is named", people.len()),
                _ => format!(
                    "{} is one person: capitals and blanks around a name tell nobody apart",
                    named.join(" and ")
                ),
            };
            scope.error(at!["waivers", i, "by"], &message, "name two different people".to_string());
        }
    }
    once("waivers", Some("fingerprint"), spec.waivers.iter().map(|w| w.fingerprint.as_str()), scope);
    if let Some(registry) = &spec.registry {
        if let Err(why) = super::fleet::base_url(&registry.url) {
            let help = "write it like http://registry.kafka:8081".to_string();
            scope.error(at!["registry", "url"], why, help);
        }
        if registry.bearer_file.is_some() && registry.basic.is_some() {
            let help = "take one out".to_string();
            scope.error(at!["registry", "basic"], "both a token and a password are named", help);
        }
    }
}

/// Names that stand in a list once.
fn once<'a>(list: &str, field: Option<&str>, names: impl Iterator<Item = &'a str>, scope: &mut Scope<'_, '_, '_>) {
    for (i, first) in repeated(names) {
        let mut place = vec![Seg::from(list), Seg::from(i)];
        place.extend(field.map(Seg::from));
        let (path, at_first) = scope.locate(at![list, first]);
        let message = format!("it is already in {path} on line {}", at_first.line);
        scope.error(&place, &message, "name it once".to_string());
    }
}

fn version(here: &[Seg<'_>], text: &str, scope: &mut Scope<'_, '_, '_>) {
    if Version::parse(text).is_err() {
        scope.error(here, &format!("`{text}` is no semantic version"), "such as 4.2.1".to_string());
    }
}

fn range(here: &[Seg<'_>], text: &str, scope: &mut Scope<'_, '_, '_>) {
    if let Err(why) = VersionReq::parse(text) {
        scope.error(here, &format!("`{text}` is no range of versions: {why}"), "such as `>=1.4, <3`".to_string());
    }
}

/// Names of documents of this kind may have dots, as versions have them.
pub fn is_dotted(name: &str) -> bool {
    name.len() <= 63 && name.split('.').all(is_label)
}
