//! The rules of events, migrations and versions, as `pilothouse compat rules` lists them. A rule whose findings weigh less
//! where a table is small stands with the most it can weigh.
mod events;
mod services;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use super::openapi::rules::Rule;
use super::{Area, Severity};

const fn rule(id: &'static str, severity: Severity, area: Area, why: &'static str, example: &'static str) -> Rule {
    Rule { id, severity, direction: None, area, why, example, advice: "" }
}

/// Every rule once, in order of its name.
pub fn all() -> Vec<&'static Rule> {
    let mut all: Vec<&Rule> =
        [events::AVRO, events::JSON, services::DATABASE, services::VERSIONS].into_iter().flatten().collect();
    all.sort_by_key(|r| r.id);
    all
}

/// The name of a rule, where there is one of this name.
pub fn id(name: &str) -> Option<&'static str> {
    static ALL: LazyLock<BTreeSet<&'static str>> = LazyLock::new(|| all().iter().map(|r| r.id).collect());
    ALL.get(name).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_of_the_code_is_in_the_book_and_none_else() {
        let code = [
            include_str!("../avro/explain.rs"),
            include_str!("../jsonschema/array.rs"),
            include_str!("../jsonschema/combined.rs"),
            include_str!("../jsonschema/diff.rs"),
            include_str!("../jsonschema/object.rs"),
            include_str!("../jsonschema/scalar.rs"),
            include_str!("../sql/declared.rs"),
            include_str!("../sql/hazard.rs"),
            include_str!("../sql/hazard/gone.rs"),
            include_str!("../sql/squawk.rs"),
            include_str!("../deps/honesty.rs"),
            include_str!("../deps/order.rs"),
            include_str!("../deps/window.rs"),
            include_str!("../fleet/api.rs"),
            include_str!("../fleet/calls.rs"),
            include_str!("../fleet/events.rs"),
            include_str!("../fleet/images.rs"),
            include_str!("../fleet/readers.rs"),
            include_str!("../fleet/order.rs"),
            include_str!("../fleet/remote.rs"),
            include_str!("../fleet/strays.rs"),
        ];
        let families =
            ["avro-", "json-", "sql-", "migration-", "dependency-", "upgrade-", "version-", "event-", "registry-"];
        let mut said = BTreeSet::new();
        for text in code {
            let between = text.split('"').skip(1).step_by(2);
            let rule = |t: &&str| {
                families.iter().any(|f| t.starts_with(f)) && t.chars().all(|c| c.is_ascii_lowercase() || c == '-')
            };
            said.extend(between.filter(rule));
        }
        assert_eq!(all().iter().map(|r| r.id).collect::<BTreeSet<_>>(), said);
        assert_eq!(all().len(), said.len());
    }
}
