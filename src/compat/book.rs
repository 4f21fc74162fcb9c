//! The rules of events, migrations and versions, as `pilothouse compat rules` lists them. A rule whose findings weigh less
//! where a table is small stands with the most it can weigh.
use super::openapi::rules::Rule;
use super::{Area, Severity};

const fn rule(id: &'static str, severity: Severity, area: Area, why: &'static str, example: &'static str) -> Rule {
    Rule { id, severity, direction: None, area, why, example, advice: "" }
}

use Area::{Database, Dependency, Event, Version};
use Severity::{Critical, Info, Warning};

/// Avro.
const AVRO: &[Rule] = &[
    rule(
        "avro-decimal-changed",
        Warning,
        Event,
        "digits are read at another place, or do not fit",
        "decimal(12,4) is read as decimal(10,2)",
    ),
    rule(
        "avro-enum-symbol-defaulted",
        Info,
        Event,
        "a symbol the reader does not know becomes its default",
        "`GIFT` is read as `OTHER`",
    ),
    rule(
        "avro-enum-symbol-missing",
        Critical,
        Event,
        "a symbol the reader does not know cannot be read",
        "`GIFT` is written and the reader's enum has no default",
    ),
    rule(
        "avro-field-ambiguous",
        Critical,
        Event,
        "a reader's field names several fields of the writer",
        "alias `old` of `new`, while the writer has both",
    ),
    rule(
        "avro-field-without-default",
        Critical,
        Event,
        "nothing was written for a field, and nothing is said to take its place",
        "a new field without `default`",
    ),
    rule(
        "avro-fixed-size-changed",
        Critical,
        Event,
        "the wrong number of bytes is read",
        "fixed of 4 bytes became one of 8",
    ),
    rule(
        "avro-logical-type-changed",
        Warning,
        Event,
        "the bytes can be read and mean something else",
        "timestamp-millis became timestamp-micros",
    ),
    rule(
        "avro-name-changed",
        Critical,
        Event,
        "named types are matched by name",
        "record `Order` became `Purchase` without an alias",
    ),
    rule("avro-promotion-inexact", Info, Event, "not every value is kept by the promotion", "long is read as double"),
    rule("avro-type-changed", Critical, Event, "a type is read as one it cannot become", "string became int"),
    rule(
        "avro-union-branch-missing",
        Critical,
        Event,
        "no branch of the reader's union reads what may be written",
        "`null` was taken out of a union",
    ),
];

/// JSON Schema.
const JSON: &[Rule] = &[
    rule(
        "json-additional-items-closed",
        Critical,
        Event,
        "items beyond the listed were valid",
        "`additionalItems: false` is new",
    ),
    rule(
        "json-additional-items-narrowed",
        Critical,
        Event,
        "items beyond the listed were valid with any value",
        "`additionalItems` got a schema",
    ),
    rule(
        "json-additional-properties-closed",
        Critical,
        Event,
        "properties that are not listed were valid",
        "`additionalProperties: false` is new",
    ),
    rule(
        "json-additional-properties-narrowed",
        Critical,
        Event,
        "properties that are not listed were valid with any value",
        "`additionalProperties` got a schema",
    ),
    rule("json-all-of-extended", Critical, Event, "one more part has to hold", "`allOf` got a part"),
    rule(
        "json-branch-removed",
        Critical,
        Event,
        "what only that branch accepted is no longer valid",
        "`oneOf` lost a branch",
    ),
    rule(
        "json-branches-changed",
        Critical,
        Event,
        "a branch accepts less than the one it was",
        "a branch of `oneOf` got a new required property",
    ),
    rule(
        "json-combination-changed",
        Critical,
        Event,
        "the other way to combine accepts less",
        "`anyOf` became `allOf`",
    ),
    rule("json-condition-changed", Warning, Event, "conditions are not compared further", "`then` got another schema"),
    rule("json-const-changed", Critical, Event, "the one value that was valid is not", "`const` was 1 and is 2"),
    rule(
        "json-contains-narrowed",
        Warning,
        Event,
        "registries do not compare it, and data may fail",
        "`contains` is new",
    ),
    rule(
        "json-dependency-added",
        Critical,
        Event,
        "data that was valid lacks what is needed beside a property",
        "`a` now needs `b`",
    ),
    rule("json-enum-changed", Critical, Event, "a value that was valid is not", "`[1, 2]` became `[1, 3]`"),
    rule("json-enum-narrowed", Critical, Event, "a value that was valid is not", "`[1, 2]` became `[1]`"),
    rule("json-exclusive-maximum-added", Critical, Event, "values beyond were valid", "`exclusiveMaximum` is new"),
    rule(
        "json-exclusive-maximum-decreased",
        Critical,
        Event,
        "values beyond were valid",
        "`exclusiveMaximum` was 9 and is 8",
    ),
    rule("json-exclusive-minimum-added", Critical, Event, "values below were valid", "`exclusiveMinimum` is new"),
    rule(
        "json-exclusive-minimum-increased",
        Critical,
        Event,
        "values below were valid",
        "`exclusiveMinimum` was 1 and is 2",
    ),
    rule(
        "json-format-changed",
        Warning,
        Event,
        "most validators only note a format, some refuse",
        "`format: date` is new",
    ),
    rule(
        "json-item-added-not-covered",
        Critical,
        Event,
        "the new item accepts less than what stood for it",
        "`items` got a number where `additionalItems` says string",
    ),
    rule("json-item-added-to-open", Critical, Event, "any value was valid at that place", "a tuple got a second item"),
    rule(
        "json-item-removed-from-closed",
        Critical,
        Event,
        "the item was valid and no longer is",
        "a closed tuple lost an item",
    ),
    rule(
        "json-item-removed-not-covered",
        Critical,
        Event,
        "what stands for the item now accepts less",
        "an item of a tuple was removed, and `additionalItems` says number",
    ),
    rule("json-items-added", Critical, Event, "items with any value were valid", "`items` is new"),
    rule("json-max-contains-added", Critical, Event, "arrays with more were valid", "`maxContains` is new"),
    rule("json-max-contains-decreased", Critical, Event, "arrays with more were valid", "`maxContains` was 3 and is 2"),
    rule("json-max-items-added", Critical, Event, "longer arrays were valid", "`maxItems` is new"),
    rule("json-max-items-decreased", Critical, Event, "longer arrays were valid", "`maxItems` was 3 and is 2"),
    rule("json-max-length-added", Critical, Event, "longer texts were valid", "`maxLength` is new"),
    rule("json-max-length-decreased", Critical, Event, "longer texts were valid", "`maxLength` was 30 and is 20"),
    rule("json-max-properties-added", Critical, Event, "larger objects were valid", "`maxProperties` is new"),
    rule(
        "json-max-properties-decreased",
        Critical,
        Event,
        "larger objects were valid",
        "`maxProperties` was 3 and is 2",
    ),
    rule("json-maximum-added", Critical, Event, "larger numbers were valid", "`maximum` is new"),
    rule("json-maximum-decreased", Critical, Event, "larger numbers were valid", "`maximum` was 9 and is 8"),
    rule(
        "json-min-contains-added",
        Critical,
        Event,
        "arrays with fewer were valid",
        "`contains` or `minContains` is new",
    ),
    rule(
        "json-min-contains-increased",
        Critical,
        Event,
        "arrays with fewer were valid",
        "`minContains` was 1 and is 2",
    ),
    rule("json-min-items-added", Critical, Event, "shorter arrays were valid", "`minItems` is new"),
    rule("json-min-items-increased", Critical, Event, "shorter arrays were valid", "`minItems` was 1 and is 2"),
    rule("json-min-length-added", Critical, Event, "shorter texts were valid", "`minLength` is new"),
    rule("json-min-length-increased", Critical, Event, "shorter texts were valid", "`minLength` was 1 and is 2"),
    rule("json-min-properties-added", Critical, Event, "smaller objects were valid", "`minProperties` is new"),
    rule(
        "json-min-properties-increased",
        Critical,
        Event,
        "smaller objects were valid",
        "`minProperties` was 1 and is 2",
    ),
    rule("json-minimum-added", Critical, Event, "smaller numbers were valid", "`minimum` is new"),
    rule("json-minimum-increased", Critical, Event, "smaller numbers were valid", "`minimum` was 1 and is 2"),
    rule("json-multiple-of-added", Critical, Event, "other numbers were valid", "`multipleOf` is new"),
    rule("json-multiple-of-changed", Critical, Event, "other numbers were valid", "`multipleOf` was 5 and is 3"),
    rule("json-multiple-of-expanded", Critical, Event, "numbers between were valid", "`multipleOf` was 5 and is 10"),
    rule(
        "json-not-extended",
        Critical,
        Event,
        "more is refused than was",
        "`not` refused integers and refuses numbers",
    ),
    rule("json-pattern-added", Critical, Event, "other texts were valid", "`pattern` is new"),
    rule(
        "json-pattern-changed",
        Critical,
        Event,
        "whether one pattern accepts all of another is not decided",
        "`pattern` was `^a` and is `^b`",
    ),
    rule(
        "json-pattern-property-narrowed",
        Warning,
        Event,
        "registries do not compare it, and data may fail",
        "`patternProperties` got an entry",
    ),
    rule(
        "json-property-added-not-covered",
        Critical,
        Event,
        "the new property accepts less than what stood for it",
        "`b` is a number, and `additionalProperties` said string",
    ),
    rule(
        "json-property-added-to-open",
        Critical,
        Event,
        "any value was valid under that name",
        "`b` was added, and the model is open",
    ),
    rule(
        "json-property-names-narrowed",
        Warning,
        Event,
        "registries do not compare it, and data may fail",
        "`propertyNames` is new",
    ),
    rule(
        "json-property-removed-from-closed",
        Critical,
        Event,
        "the property was valid and no longer is",
        "`b` was removed, and `additionalProperties` is false",
    ),
    rule(
        "json-property-removed-not-covered",
        Critical,
        Event,
        "what stands for the property now accepts less",
        "`b` was removed, and `additionalProperties` says number",
    ),
    rule(
        "json-reference-changed",
        Critical,
        Event,
        "another document is referred to, and neither is at hand",
        "`$ref: a.json` became `$ref: b.json`",
    ),
    rule(
        "json-required-added",
        Critical,
        Event,
        "data without the property was valid",
        "`a` was optional and is required",
    ),
    rule(
        "json-required-property-added",
        Critical,
        Event,
        "data without the property was valid",
        "`b` was added and is required, without a default",
    ),
    rule(
        "json-required-unlisted",
        Warning,
        Event,
        "registries look at listed properties only, and data may fail",
        "`required` names one that `properties` does not",
    ),
    rule(
        "json-type-added",
        Warning,
        Event,
        "registries do not compare it, and data of other types may fail",
        "`type: string` beside `maxLength` is new",
    ),
    rule("json-type-changed", Critical, Event, "values of the old type are no longer valid", "string became number"),
    rule("json-type-narrowed", Critical, Event, "numbers with a fraction were valid", "number became integer"),
    rule(
        "json-unevaluated-items-narrowed",
        Critical,
        Event,
        "items no rule looks at were valid",
        "`unevaluatedItems: false` is new",
    ),
    rule(
        "json-unevaluated-properties-narrowed",
        Critical,
        Event,
        "properties no rule looks at were valid",
        "`unevaluatedProperties: false` is new",
    ),
    rule(
        "json-unique-items-added",
        Critical,
        Event,
        "arrays with equal items were valid",
        "`uniqueItems: true` is new",
    ),
];

/// SQL and declared migrations.
const DATABASE: &[Rule] = &[
    rule(
        "migration-contract-with-expand",
        Critical,
        Database,
        "the old version may still need what is taken back; deferred until all soaked it is a warning",
        "`drop` takes back what `add` adds in the same release",
    ),
    rule(
        "migration-destructive",
        Critical,
        Database,
        "only a contract phase may take away",
        "an expand phase that drops a column",
    ),
    rule(
        "migration-drops-what-is-read",
        Critical,
        Database,
        "a version that may still run reads it",
        "`drop` drops orders.note, which shop 1.4.0 reads",
    ),
    rule("migration-long", Warning, Database, "an upgrade waits for it", "a migration of 12 minutes"),
    rule(
        "migration-not-reversible",
        Warning,
        Database,
        "there is no way back from it; expected of a contract phase",
        "no undo is given",
    ),
    rule(
        "migration-undeclared-destructive",
        Critical,
        Database,
        "what it says of itself is not what its SQL does",
        "`DROP TABLE` in a migration that says it destroys nothing",
    ),
    rule("sql-assigned-twice", Critical, Database, "the statement fails", "UPDATE t SET a = 1, a = 2"),
    rule(
        "sql-column-required",
        Critical,
        Database,
        "rows that are there have no value, and old versions give none",
        "ADD COLUMN a int NOT NULL",
    ),
    rule(
        "sql-concurrently-in-transaction",
        Critical,
        Database,
        "the statement fails",
        "BEGIN; CREATE INDEX CONCURRENTLY …",
    ),
    rule("sql-delete-all", Critical, Database, "all rows are gone", "DELETE FROM t"),
    rule("sql-detach-blocks", Warning, Database, "readers of the parent wait", "DETACH PARTITION without CONCURRENTLY"),
    rule(
        "sql-domain-constraint",
        Warning,
        Database,
        "columns of the domain are read through, and it cannot be changed online",
        "ALTER DOMAIN … ADD CONSTRAINT",
    ),
    rule(
        "sql-drop-column",
        Critical,
        Database,
        "old versions that run may read it, and it does not come back",
        "ALTER TABLE t DROP COLUMN a",
    ),
    rule("sql-drop-database", Critical, Database, "everything is gone", "DROP DATABASE d"),
    rule("sql-drop-object", Warning, Database, "old versions that run may use it", "DROP VIEW v"),
    rule(
        "sql-drop-table",
        Critical,
        Database,
        "old versions that run may read it, and it does not come back",
        "DROP TABLE t",
    ),
    rule(
        "sql-index-if-not-exists",
        Warning,
        Database,
        "an invalid index of a failed attempt passes for the real one",
        "CREATE INDEX CONCURRENTLY IF NOT EXISTS …",
    ),
    rule("sql-lock", Info, Database, "readers and writers wait for an instant", "ALTER TABLE t ADD COLUMN a int"),
    rule(
        "sql-lock-other-table",
        Info,
        Database,
        "a second table is locked as well",
        "DROP CONSTRAINT of a foreign key",
    ),
    rule("sql-lock-table", Critical, Database, "held until the transaction ends", "LOCK TABLE t"),
    rule(
        "sql-locks-several-tables",
        Warning,
        Database,
        "two transactions may wait for each other",
        "two ALTER TABLE in one transaction",
    ),
    rule("sql-name-too-long", Warning, Database, "names are cut at 63 bytes", "a name of 70 letters"),
    rule(
        "sql-no-lock-timeout",
        Warning,
        Database,
        "all that come after wait behind a lock that is not given",
        "ALTER TABLE without SET lock_timeout",
    ),
    rule(
        "sql-not-null-for-writers",
        Warning,
        Database,
        "old versions that run may write none",
        "ALTER COLUMN a SET NOT NULL",
    ),
    rule("sql-rename", Critical, Database, "every version that runs knows the old name", "RENAME COLUMN a TO b"),
    rule(
        "sql-scan-under-lock",
        Critical,
        Database,
        "the table is read through while writers, or all, wait; less where it is small",
        "ADD CHECK without NOT VALID",
    ),
    rule(
        "sql-table-rewrite",
        Critical,
        Database,
        "every row is written anew while all wait; less where the table is small",
        "ALTER COLUMN a TYPE bigint",
    ),
    rule(
        "sql-transaction-nesting",
        Warning,
        Database,
        "the inner BEGIN or COMMIT is not what it seems",
        "BEGIN; BEGIN",
    ),
    rule("sql-transaction-open", Warning, Database, "a transaction is not ended", "BEGIN without COMMIT"),
    rule("sql-truncate", Critical, Database, "all rows are gone", "TRUNCATE t"),
    rule(
        "sql-truncate-cascade",
        Critical,
        Database,
        "tables that point here are emptied as well",
        "TRUNCATE t CASCADE",
    ),
    rule(
        "sql-update-all",
        Critical,
        Database,
        "every row stays locked until the end; less where the table is small",
        "UPDATE t SET a = 1",
    ),
];

/// Versions of services.
const VERSIONS: &[Rule] = &[
    rule("dependency-circle", Critical, Dependency, "each has to go before the next", "a → b → a"),
    rule(
        "dependency-out-of-range",
        Critical,
        Dependency,
        "at some moment a version runs beside one it does not work with",
        "till 1.0.0 needs prices `^1`, and 2.0.0 would run",
    ),
    rule(
        "dependency-out-of-range-today",
        Warning,
        Dependency,
        "it is so before anything moves",
        "till 1.0.0 needs prices `^2`, and 1.4.0 runs",
    ),
    rule(
        "upgrade-step-too-long",
        Critical,
        Version,
        "the version does not take everybody",
        "2.0.0 takes 1.5.0 or later to step from",
    ),
    rule(
        "upgrade-without-way-back",
        Critical,
        Version,
        "the old version cannot run on what the migrations leave",
        "`rollback_to: >=2.2`, and 2.1.0 runs",
    ),
    rule(
        "version-additive-under-patch",
        Warning,
        Version,
        "who takes patches expects nothing new",
        "a new operation in 1.2.4",
    ),
    rule(
        "version-breaking-under-minor",
        Critical,
        Version,
        "who takes minor versions expects nothing to break",
        "an operation is gone in 1.3.0",
    ),
    rule("version-downgrade", Critical, Version, "going down is a rollback", "1.3.0 to 1.2.0"),
    rule("version-prerelease", Warning, Version, "it was not released", "2.0.0-rc.1"),
];

/// Every rule once, in order of its name.
pub fn all() -> Vec<&'static Rule> {
    let mut all: Vec<&Rule> = [AVRO, JSON, DATABASE, VERSIONS].into_iter().flatten().collect();
    all.sort_by_key(|r| r.id);
    all
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_rule_of_the_code_is_in_the_book_and_none_else() {
        let code = [
            include_str!("avro/explain.rs"),
            include_str!("jsonschema/array.rs"),
            include_str!("jsonschema/combined.rs"),
            include_str!("jsonschema/diff.rs"),
            include_str!("jsonschema/object.rs"),
            include_str!("jsonschema/scalar.rs"),
            include_str!("sql/declared.rs"),
            include_str!("sql/hazard.rs"),
            include_str!("sql/squawk.rs"),
            include_str!("deps/honesty.rs"),
            include_str!("deps/order.rs"),
            include_str!("deps/window.rs"),
        ];
        let families = ["avro-", "json-", "sql-", "migration-", "dependency-", "upgrade-", "version-"];
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
