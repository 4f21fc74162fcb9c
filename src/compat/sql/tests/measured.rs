//! What PostgreSQL 15 was seen to lock, rewrite and read through: partitions, domains, what goes along with a `CASCADE`.
use super::*;
use Lock::{AccessExclusive, Share, ShareRowExclusive, ShareUpdateExclusive};

/// Table, lock and scan of each effect.
fn all(sql: &str, known: &Catalogue) -> Vec<(String, Lock, &'static str)> {
    let word = |scan: &Sure| match scan {
        Sure::No => "no",
        Sure::Yes => "yes",
        Sure::Unless(_) => "unless",
    };
    let found = effects(sql, known).unwrap().into_iter().last().unwrap_or_default();
    found.into_iter().map(|e| (e.table, e.lock, word(&e.scan))).collect()
}

fn said(sql: &str, known: &Catalogue) -> Vec<Finding> {
    lint("m.sql", sql, &mut known.clone()).unwrap_or_else(|e| panic!("{sql}: {}", e[0])).findings
}

fn worst(sql: &str, rule: &str, known: &Catalogue) -> Option<Severity> {
    said(sql, known).iter().filter(|f| f.rule == rule).map(|f| f.severity).max()
}

#[test]
fn a_partition_that_comes_is_read_through_and_so_is_the_default_one() {
    let known: Catalogue = serde_json::from_str(
        r#"{"tables": {
            "pt": {"rows": 300000000, "defaultPartition": "rest"},
            "rest": {"rows": 300000000},
            "np": {"rows": 300000000},
            "checked": {"rows": 300000000, "constraints": {"k": {"kind": "check", "valid": true}}}
        }}"#,
    )
    .unwrap();
    let row = |table: &str, lock, scan| (table.to_string(), lock, scan);
    let (pt, rest) = (row("pt", ShareUpdateExclusive, "no"), row("rest", AccessExclusive, "yes"));
    let bounds = "FOR VALUES FROM (1) TO (2)";
    assert_eq!(
        all(&format!("ALTER TABLE pt ATTACH PARTITION np {bounds}"), &known),
        [pt.clone(), row("np", AccessExclusive, "yes"), rest.clone()]
    );
    assert_eq!(
        all(&format!("ALTER TABLE pt ATTACH PARTITION checked {bounds}"), &known),
        [pt.clone(), row("checked", AccessExclusive, "unless"), rest.clone()]
    );
    assert_eq!(all("ALTER TABLE pt ATTACH PARTITION np DEFAULT", &known), [pt, row("np", AccessExclusive, "yes")]);
    assert_eq!(
        all(&format!("CREATE TABLE n PARTITION OF pt {bounds}"), &known),
        [row("pt", AccessExclusive, "no"), rest]
    );
    // Where nothing is known of a default partition there may be one.
    let unknown = all(&format!("CREATE TABLE n PARTITION OF t {bounds}"), &empty());
    assert_eq!(unknown[1], row("the default partition of t", AccessExclusive, "unless"));
    let one = "CREATE TABLE n PARTITION OF t DEFAULT; ALTER TABLE t ATTACH PARTITION n DEFAULT";
    assert!(
        !said(one, &empty()).iter().any(|f| f.message.contains("default partition")),
        "it is the default one itself"
    );
    let fresh = format!("CREATE TABLE t (k int) PARTITION BY RANGE (k); CREATE TABLE n PARTITION OF t {bounds}");
    assert_eq!(rules(&fresh, &empty()), [], "a parent that was just made has no rows below it");
    let attach = format!("ALTER TABLE pt ATTACH PARTITION np {bounds}");
    assert_eq!(worst(&attach, "sql-scan-under-lock", &known), Some(Severity::Critical));
    let online = format!(
        "ALTER TABLE np ADD CONSTRAINT b CHECK (k >= 1 AND k < 2) NOT VALID; ALTER TABLE np VALIDATE CONSTRAINT b; \
         ALTER TABLE free ATTACH PARTITION np {bounds}"
    );
    assert_eq!(worst(&online, "sql-scan-under-lock", &known), Some(Severity::Warning));
    // The way to index a partitioned table: first itself, then each partition by itself.
    assert_eq!(all("CREATE INDEX x ON ONLY pt (k)", &known), [row("pt", Share, "no")]);
    assert_eq!(all("CREATE INDEX x ON pt (k)", &known), [row("pt", Share, "yes")]);
}

#[test]
fn a_type_that_nobody_knows_may_be_a_domain() {
    for (sql, told) in [
        ("ALTER TABLE t ADD COLUMN a posint", Some(Severity::Warning)),
        ("ALTER TABLE t ADD COLUMN a shop.posint DEFAULT 1", Some(Severity::Warning)),
        ("CREATE TYPE mood AS ENUM ('a'); ALTER TABLE t ADD COLUMN a mood", None),
        ("ALTER TABLE t ADD COLUMN a posint[]", None),
        ("ALTER TABLE t ADD COLUMN a citext; ALTER TABLE t ADD COLUMN b interval day", None),
        ("ALTER TABLE t ADD COLUMN a tstzrange; ALTER TABLE t ADD COLUMN b double precision", None),
    ] {
        assert_eq!(worst(sql, "sql-table-rewrite", &known()), told, "{sql}");
    }
    let told = said("ALTER TABLE t ADD COLUMN a posint", &known());
    assert!(told.iter().any(|f| f.message.ends_with("unless posint is no domain with a rule")), "{told:?}");
}

#[test]
fn a_rule_of_a_domain_is_looked_at_in_every_table_that_has_it() {
    let mut known = known();
    known.tables.get_mut("t").unwrap().columns.insert("d".into(), "posint".into());
    let read = [("t".to_string(), Share, "yes")];
    for change in
        ["SET NOT NULL", "ADD CHECK (VALUE > 0)", "ADD CONSTRAINT z CHECK (VALUE > 0)", "VALIDATE CONSTRAINT z"]
    {
        let sql = format!("ALTER DOMAIN posint {change}");
        assert_eq!(all(&sql, &known), read, "{sql}");
        assert_eq!(worst(&sql, "sql-scan-under-lock", &known), Some(Severity::Critical), "{sql}");
        assert_eq!(worst(&sql, "sql-scan-under-lock", &empty()), Some(Severity::Critical), "{sql}");
    }
    for harmless in ["ADD CHECK (VALUE > 0) NOT VALID", "DROP CONSTRAINT z", "DROP NOT NULL"] {
        assert_eq!(all(&format!("ALTER DOMAIN posint {harmless}"), &known), [], "{harmless}");
    }
    assert_eq!(worst("ALTER DOMAIN other SET NOT NULL", "sql-scan-under-lock", &known), Some(Severity::Warning));
    assert_eq!(worst("CREATE DOMAIN d AS int; ALTER DOMAIN d SET NOT NULL", "sql-scan-under-lock", &empty()), None);
}

#[test]
fn what_only_changes_the_catalogue_is_locked_all_the_same() {
    for (sql, table, lock) in [
        ("ALTER TABLE t ALTER x SET STORAGE external", "t", AccessExclusive),
        ("ALTER TABLE t ALTER x SET COMPRESSION lz4", "t", AccessExclusive),
        ("CREATE OR REPLACE VIEW v AS SELECT 1", "v", AccessExclusive),
        ("ALTER POLICY p ON t RENAME TO q", "t", AccessExclusive),
        ("ALTER POLICY p ON t USING (false)", "t", AccessExclusive),
        ("ALTER TRIGGER g ON t RENAME TO h", "t", AccessExclusive),
        ("ALTER MATERIALIZED VIEW mv SET TABLESPACE fast", "mv", AccessExclusive),
        ("ALTER TABLE t DISABLE TRIGGER g", "t", ShareRowExclusive),
        ("ALTER TABLE t ENABLE ALWAYS TRIGGER g", "t", ShareRowExclusive),
        ("ALTER TABLE t SET WITHOUT CLUSTER", "t", ShareUpdateExclusive),
    ] {
        let e = one(sql, &known());
        assert_eq!((e.table.as_str(), e.lock), (table, lock), "{sql}");
    }
    assert_eq!(one("ALTER MATERIALIZED VIEW mv SET TABLESPACE fast", &known()).rewrite, Sure::Yes);
    assert_eq!(rules("ALTER MATERIALIZED VIEW mv RENAME TO mw", &known()), [("sql-rename", Severity::Critical)]);
    assert_eq!(all("CREATE VIEW v AS SELECT 1", &known()), []);
}

#[test]
fn what_points_at_a_table_goes_along() {
    let mut known = known();
    known.tables.insert("p".into(), Table::default());
    let key = Constraint::ForeignKey { valid: true, to: "t".to_string(), columns: Vec::new() };
    known.tables.insert("q".into(), Table { constraints: [("k".to_string(), key)].into(), ..Table::default() });
    assert_eq!(one("DROP TABLE p CASCADE", &known).others, [("t".to_string(), AccessExclusive)]);
    assert_eq!(one("DROP TABLE p", &known).others, []);
    let dropped = said("DROP TABLE p CASCADE", &known);
    let dropped = dropped.iter().find(|f| f.rule == "sql-drop-table").unwrap();
    assert_eq!(dropped.details, ["t loses its foreign key to p, and is locked for it"]);
    // One that points at one that points there, too.
    let locked: Vec<String> = all("TRUNCATE p CASCADE", &known).into_iter().map(|(table, ..)| table).collect();
    assert_eq!(locked, ["p", "t", "q"]);
    let emptied = said("TRUNCATE p RESTART IDENTITY CASCADE", &known);
    let emptied = emptied.iter().find(|f| f.rule == "sql-truncate").unwrap();
    assert_eq!(emptied.message, "empties p, and with it t, q");
    assert_eq!(emptied.affected, ["p", "t", "q"]);
    assert_eq!(all("DROP TABLE p CASCADE; TRUNCATE p CASCADE", &known).len(), 1, "the key is gone by then");
}

#[test]
fn a_timeout_for_a_transaction_needs_one() {
    let told = |sql: &str| said(sql, &known()).into_iter().find(|f| f.rule == "sql-no-lock-timeout");
    let change = "ALTER TABLE t ADD COLUMN a int;";
    let idle = told(&format!("SET LOCAL lock_timeout = '1s'; {change}")).unwrap();
    assert!(idle.details[0].contains("SET LOCAL"), "{idle:?}");
    assert_eq!(told(&format!("BEGIN; SET LOCAL lock_timeout = '1s'; {change} COMMIT;")), None);
    assert_eq!(told(&format!("SET lock_timeout = '1s'; {change}")), None);
    assert!(told(change).unwrap().details.is_empty());
}

#[test]
fn a_cast_to_the_type_itself_is_none() {
    for (using, rewrites) in [
        ("v", false),
        ("v::text", false),
        ("(v)::text", false),
        ("((v)::text)", false),
        ("CAST(v AS text)", false),
        ("CAST((v) AS text)", false),
        ("v::varchar(5)::text", true),
        ("CAST(x AS text)", true),
        ("CAST(v AS varchar(5))", true),
        ("(v || '')::text", true),
        ("lower(v)", true),
    ] {
        let effect = one(&format!("ALTER TABLE t ALTER v TYPE text USING {using}"), &known());
        assert_eq!(effect.rewrite, if rewrites { Sure::Yes } else { Sure::No }, "{using}");
    }
}

#[test]
fn how_long_a_lock_is_held_is_said_once() {
    let told = |sql: &str| -> Vec<String> {
        let sql = format!("SET lock_timeout = '1s'; {sql}");
        said(&sql, &known()).into_iter().map(|f| f.message).collect()
    };
    assert_eq!(told("LOCK TABLE t"), ["t is held under ACCESS EXCLUSIVE until the transaction ends"]);
    let refresh = told("REFRESH MATERIALIZED VIEW CONCURRENTLY mv");
    assert!(refresh[0].starts_with("mv is held under EXCLUSIVE until it is refreshed"), "{refresh:?}");
    let inside = told("BEGIN; ALTER TABLE t ADD COLUMN a int; COMMIT;");
    assert_eq!(inside, ["t is held under ACCESS EXCLUSIVE until the transaction ends"]);
    assert_eq!(told("ALTER TABLE t ADD COLUMN a int;"), ["t is held under ACCESS EXCLUSIVE for an instant"]);
}

#[test]
fn the_time_of_a_migration_is_said_as_it_is_written() {
    let m = Declared {
        id: "fill".into(),
        service: "stock".into(),
        version: semver::Version::new(2, 0, 0),
        phase: Phase::Backfill,
        contracts: None,
        deferred: false,
        estimated: Some(crate::spec::units::Dur::secs(301)),
        destructive: false,
        reversible: true,
        drops: Default::default(),
        place: None,
    };
    let told = release(std::slice::from_ref(&m), &[], &[]);
    assert_eq!(told[0].message, "fill takes about 5m1s");
    let five = Declared { estimated: Some(crate::spec::units::Dur::mins(5)), ..m };
    assert_eq!(release(&[five], &[], &[]), []);
}
