//! The stage of loading that is about contracts, releases and what is accepted of them.
use std::collections::BTreeMap;

use super::{Doc, Loaded};
use crate::spec::check;
use crate::spec::contract::{
    CompatPolicy, CompatPolicySpec, Contract, ContractSpec, Migration, Origin, Record, Release, ReleaseSpec,
};
use crate::spec::report::Sink;
use crate::spec::tree::{Node, Yaml};

/// Keeps where fleets, upgrades and calendars stand.
pub fn origins(docs: &[Doc], sinks: &[Sink<'_>], loaded: &mut Loaded) {
    for doc in docs.iter().filter(|d| matches!(d.kind, "Fleet" | "Upgrade" | "Calendar")) {
        let origin = origin(doc, sinks);
        loaded.origins.insert(format!("{}/{}", doc.kind, doc.name), origin);
    }
}

fn origin(doc: &Doc, sinks: &[Sink<'_>]) -> Origin {
    let name = (doc.name_place.line, doc.name_place.column);
    Origin { file: sinks[doc.file].name().to_string(), name, places: places(&doc.written) }
}

/// Takes contracts, releases and the compatibility policy out of `docs`.
pub fn read(docs: &[Doc], sinks: &mut [Sink<'_>], loaded: &mut Loaded) {
    let mut policy_at: Option<(usize, u32)> = None;
    for doc in docs {
        let origin = |sinks: &[Sink<'_>]| origin(doc, sinks);
        match doc.kind {
            "Contract" => {
                let Some(spec) = doc.typed::<ContractSpec>(&mut sinks[doc.file]) else { continue };
                if !doc.cut {
                    check::contract::contract(&doc.name, &spec, &mut doc.scope(&mut sinks[doc.file]));
                }
                loaded.contracts.push(Contract { service: doc.name.clone(), spec, origin: origin(sinks) });
            }
            "Migration" => {
                let Some(spec) = doc.typed::<Migration>(&mut sinks[doc.file]) else { continue };
                if !doc.cut {
                    check::contract::migration(&[], &spec, &mut doc.scope(&mut sinks[doc.file]));
                }
                loaded.migrations.push(Record { spec, origin: origin(sinks) });
            }
            "Release" => {
                let Some(spec) = doc.typed::<ReleaseSpec>(&mut sinks[doc.file]) else { continue };
                if !doc.cut {
                    check::contract::release(&spec, &mut doc.scope(&mut sinks[doc.file]));
                }
                loaded.releases.push(Release { name: doc.name.clone(), spec, origin: origin(sinks) });
            }
            "CompatPolicy" => {
                let Some(spec) = doc.typed::<CompatPolicySpec>(&mut sinks[doc.file]) else { continue };
                if !doc.cut {
                    check::contract::policy(&spec, &mut doc.scope(&mut sinks[doc.file]));
                }
                // Two could say different things of one finding.
                if let Some((file, line)) = policy_at {
                    let message = format!("there is a CompatPolicy in {}:{line} already", sinks[file].name());
                    sinks[doc.file].error(doc.name_place, message, Some("put them together into one".into()));
                }
                policy_at = Some((doc.file, doc.name_place.line));
                loaded.compat = Some(CompatPolicy { spec, origin: origin(sinks) });
            }
            _ => {}
        }
    }
}

/// Every value of a block by its pointer, with its line and column.
fn places(spec: &Node) -> BTreeMap<String, (u32, u32)> {
    let mut found = BTreeMap::new();
    let mut open: Vec<(String, &Node)> = vec![(String::new(), spec)];
    while let Some((pointer, node)) = open.pop() {
        for entry in node.entries() {
            let below = format!("{pointer}/{}", entry.key.replace('~', "~0").replace('/', "~1"));
            // A block is meant by its key, anything else by itself.
            let block = matches!(entry.node.yaml, Yaml::Map { .. } | Yaml::Seq { .. });
            let place = if block { entry.key_place } else { entry.node.place };
            found.insert(below.clone(), (place.line, place.column));
            open.push((below, &entry.node));
        }
        for (i, item) in node.items().iter().enumerate() {
            let below = format!("{pointer}/{i}");
            found.insert(below.clone(), (item.place.line, item.place.column));
            open.push((below, item));
        }
    }
    found
}

/// What tells two documents of a kind apart besides their name: each version of a service has a contract of its own, and
/// a migration belongs to the contract it stands beside, so that two services may each have their `m1`.
pub fn part(doc: &Doc, sinks: &[Sink<'_>]) -> String {
    let part = match doc.kind {
        "Contract" => doc.written.get("version").and_then(|e| e.node.text()),
        "Migration" => sinks[doc.file].name().rsplit_once('/').map(|(folder, _)| folder),
        _ => None,
    };
    part.unwrap_or("").to_string()
}

#[cfg(test)]
mod tests {
    use crate::spec::{Report, SourceFile, load};

    fn problems(text: &str) -> Vec<String> {
        let head = |kind: &str, name: &str| {
            format!("apiVersion: pilothouse.dev/v1alpha1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec:\n")
        };
        let text = text.split("---\n").map(|doc| {
            let (first, rest) = doc.split_once('\n').unwrap();
            let (kind, name) = first.split_once(' ').unwrap();
            head(kind, name) + rest
        });
        let file = SourceFile { name: "c.yaml".into(), text: text.collect::<Vec<_>>().join("---\n") };
        let report = load(&[file], &[]).map_or_else(|report| report, |_| Report::default());
        report.problems.iter().map(|p| format!("{}:{} {}", p.line, p.column, p.message)).collect()
    }

    #[test]
    fn two_versions_of_a_service_are_two_contracts() {
        assert_eq!(problems("Contract a\n  version: 1.0.0\n---\nContract a\n  version: 1.1.0\n"), [""; 0]);
        let twice = problems("Contract a\n  version: 1.0.0\n---\nContract a\n  version: 1.0.0\n");
        assert_eq!(twice, ["9:18 metadata.name: a Contract named `a` is already in c.yaml:3"]);
        assert_eq!(problems("Release 2026.4.0\n  services: {a: 1.0.0}\n"), [""; 0]);
        let fleet = problems("Fleet 2026.4.0\n  services: []\n");
        assert!(fleet.iter().any(|p| p.contains("`2026.4.0` cannot be a name")), "{fleet:?}");
    }

    #[test]
    fn every_mistake_of_a_contract_is_told_where_it_stands() {
        let text = "\
Contract a
  version: v1
  min_from: 1
  rollback_to: '>=x'
  produces: [Made, a/b, Made]
  depends:
    - {service: a}
    - {service: b, req: '=>1', operations: [GET prices, /x, webhook paid], closed_enums: [status]}
    - {service: b}
  migrations:
    - {id: m, phase: expand, deferred: true, contracts: m}
    - {id: m, phase: contracts}
  colour: red
";
        let told = problems(text);
        let says = |line: u32, what: &str| {
            let at = format!("{line}:");
            assert!(told.iter().any(|p| p.starts_with(&at) && p.contains(what)), "{line} {what}: {told:#?}");
        };
        says(5, "spec.version: `v1` is no semantic version");
        says(6, "spec.min_from");
        says(7, "spec.rollback_to: `>=x` is no range");
        says(8, "spec.produces[1]: `a/b` cannot be the name of an event");
        says(8, "spec.produces[2]: it is already in spec.produces[0]");
        says(10, "spec.depends[0].service: a service does not depend on itself");
        says(11, "spec.depends[1].req: `=>1` is no range");
        says(11, "spec.depends[1].operations[0]: `GET prices` is no operation");
        says(11, "spec.depends[1].operations[1]");
        says(11, "spec.depends[1].operations[2]: `webhook paid` is no operation");
        says(11, "spec.depends[1].closed_enums[0]: `status` names no property");
        says(12, "spec.depends[2].service: it is already in spec.depends[1] on line 11");
        says(14, "spec.migrations[0].contracts: only a contract phase");
        says(14, "spec.migrations[0].deferred");
        says(15, "spec.migrations[1].id: it is already in");
        says(15, "spec.migrations[1].phase");
        says(16, "unknown field `colour`");
    }

    #[test]
    fn nobody_could_step_to_a_version_that_takes_none_before_it() {
        for least in ["2.0.0", "2.1.0"] {
            let told = problems(&format!("Contract a\n  version: 2.0.0\n  min_from: {least}\n"));
            let wanted = format!(
                "6:13 spec.min_from: {least} is not before 2.0.0, the version itself: nobody could ever step to it"
            );
            assert_eq!(told, [wanted]);
        }
        assert_eq!(problems("Contract a\n  version: 2.0.0\n  min_from: 2.0.0-rc.1\n"), [""; 0]);
    }

    #[test]
    fn a_waiver_has_two_names_a_reason_and_a_fingerprint() {
        let told = problems(
            "CompatPolicy p\n  waivers:\n    - {fingerprint: 12ab, reason: ' ', until: 2026-12-24, by: [mara, mara]}\n",
        );
        assert_eq!(told.len(), 3, "{told:?}");
        let same = problems(
            "CompatPolicy p\n  waivers:\n    - {fingerprint: 0123456789abcdef, reason: r, until: 2026-12-24, by: [Mara, \"mara \"]}\n",
        );
        let wanted = "6:69 spec.waivers[0].by: `Mara` and `mara ` is one person: capitals and blanks around a name tell nobody apart";
        assert_eq!(same, [wanted]);
        let by = |names: &str| {
            problems(&format!(
                "CompatPolicy p\n  waivers:\n    - {{fingerprint: 0123456789abcdef, reason: r, until: 2026-12-24, by: {names}}}\n"
            ))
        };
        let one = by(r#"[mara lee, "mara  lee"]"#);
        assert!(one.len() == 1 && one[0].contains("is one person"), "{one:?}");
        for (names, why) in [
            (r#"[mara, "ma\u200bra"]"#, "which nobody sees"),
            (r#"["\u00e9va", "e\u0301va"]"#, "has an accent of its own, U+0301"),
        ] {
            let told = by(names);
            assert!(told.len() == 1 && told[0].contains("by[1]: ") && told[0].contains(why), "{told:?}");
        }
        let good = "    - {fingerprint: 0123456789abcdef, reason: r, until: 2026-12-24, by: [mara, jun]}\n";
        assert_eq!(problems(&format!("CompatPolicy p\n  waivers:\n{good}")), [""; 0]);
        assert_eq!(problems(&format!("CompatPolicy p\n  waivers:\n{good}{good}")).len(), 1);
        let two = problems("CompatPolicy p\n  waivers: []\n---\nCompatPolicy q\n  waivers: []\n");
        assert_eq!(two, ["9:18 there is a CompatPolicy in c.yaml:3 already"]);
    }
}
