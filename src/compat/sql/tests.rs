mod hangs;
mod measured;
mod renamed;
mod session;
mod taken;
mod undone;
mod unknown;

use proptest::prelude::*;

use super::catalogue::{Constraint, Index, Table};
use super::declared::{Declared, Reader, release};
use super::predict::{Effect, Lock, Sure, effects};
use super::*;
use crate::compat::deps::Phase;

fn empty() -> Catalogue {
    Catalogue::default()
}

/// A table `t` of many rows that points at `p`.
fn known() -> Catalogue {
    let mut known = Catalogue { utc: Some(false), ..Catalogue::default() };
    let columns = [
        ("i", "integer"),
        ("v", "character varying(20)"),
        ("x", "text"),
        ("n", "numeric(10,2)"),
        ("ts", "timestamp without time zone"),
    ];
    let table = Table {
        rows: Some(300_000_000),
        columns: columns.iter().map(|(c, t)| ((*c).to_string(), (*t).to_string())).collect(),
        constraints: [
            ("nn".to_string(), Constraint::Check { valid: true, not_null: vec!["x".to_string()], columns: Vec::new() }),
            ("fk".to_string(), Constraint::ForeignKey { valid: true, to: "p".to_string(), columns: Vec::new() }),
        ]
        .into(),
        indexes: [("ix".to_string(), Index::default())].into(),
        default_partition: None,
        ..Table::default()
    };
    known.tables.insert("t".into(), table);
    known.tables.insert("small".into(), Table { rows: Some(12), ..Table::default() });
    known
}

fn one(sql: &str, known: &Catalogue) -> Effect {
    let all: Vec<Effect> = effects(sql, known).unwrap().into_iter().flatten().collect();
    assert_eq!(all.len(), 1, "{sql}: {all:?}");
    all[0].clone()
}

/// Rules and how bad, without the notes on locks.
fn rules(sql: &str, known: &Catalogue) -> Vec<(&'static str, Severity)> {
    let report = lint("m.sql", sql, &mut known.clone()).unwrap_or_else(|e| panic!("{sql}: {}", e[0]));
    let notes = ["sql-lock", "sql-no-lock-timeout", "sql-lock-other-table", "sql-concurrently-waits"];
    report.findings.iter().filter(|f| !notes.contains(&f.rule)).map(|f| (f.rule, f.severity)).collect()
}

#[test]
fn each_statement_locks_rewrites_and_scans_as_measured() {
    use Lock::{AccessExclusive, RowExclusive, Share, ShareRowExclusive, ShareUpdateExclusive};
    let (no, yes) = (Sure::No, Sure::Yes);
    let cases = [
        ("ALTER TABLE t ADD COLUMN a int", AccessExclusive, &no, &no),
        ("ALTER TABLE t ADD a int NOT NULL DEFAULT 7", AccessExclusive, &no, &no),
        ("ALTER TABLE t ADD COLUMN a timestamptz DEFAULT now()", AccessExclusive, &no, &no),
        ("ALTER TABLE t ADD COLUMN a text DEFAULT 'x' || lower('Y')", AccessExclusive, &no, &no),
        ("ALTER TABLE t ADD COLUMN a uuid DEFAULT gen_random_uuid()", AccessExclusive, &yes, &yes),
        ("ALTER TABLE t ADD COLUMN a int DEFAULT (1 + random() * 3)::int", AccessExclusive, &yes, &yes),
        ("ALTER TABLE t ADD COLUMN a bigserial", AccessExclusive, &yes, &yes),
        ("ALTER TABLE t ADD COLUMN a int GENERATED ALWAYS AS IDENTITY", AccessExclusive, &yes, &yes),
        ("ALTER TABLE t ADD COLUMN a int GENERATED ALWAYS AS (i * 2) STORED", AccessExclusive, &yes, &yes),
        ("ALTER TABLE t ADD COLUMN a int CHECK (a > 0)", AccessExclusive, &no, &yes),
        ("ALTER TABLE t ADD COLUMN a int REFERENCES p", AccessExclusive, &no, &no),
        ("ALTER TABLE t ADD COLUMN a int UNIQUE", AccessExclusive, &no, &yes),
        ("ALTER TABLE t DROP COLUMN i", AccessExclusive, &no, &no),
        ("ALTER TABLE t RENAME COLUMN i TO j", AccessExclusive, &no, &no),
        ("ALTER TABLE t ALTER i SET DEFAULT 1", AccessExclusive, &no, &no),
        ("ALTER TABLE t ALTER COLUMN i DROP NOT NULL", AccessExclusive, &no, &no),
        ("ALTER TABLE t ALTER i TYPE bigint", AccessExclusive, &yes, &yes),
        ("ALTER TABLE t ALTER x TYPE varchar(9)", AccessExclusive, &yes, &yes),
        ("ALTER TABLE t ALTER v TYPE varchar(10)", AccessExclusive, &yes, &yes),
        ("ALTER TABLE t ALTER v TYPE varchar(40)", AccessExclusive, &no, &no),
        ("ALTER TABLE t ALTER v SET DATA TYPE text USING v::text", AccessExclusive, &no, &no),
        ("ALTER TABLE t ALTER v TYPE text USING lower(v)", AccessExclusive, &yes, &yes),
        ("ALTER TABLE t ALTER n TYPE numeric(12,2)", AccessExclusive, &no, &no),
        ("ALTER TABLE t ALTER n TYPE numeric(12,4)", AccessExclusive, &yes, &yes),
        ("ALTER TABLE t ALTER ts TYPE timestamptz", AccessExclusive, &yes, &yes),
        ("ALTER TABLE t ALTER i SET NOT NULL", AccessExclusive, &no, &yes),
        ("ALTER TABLE t ALTER x SET NOT NULL", AccessExclusive, &no, &no),
        ("ALTER TABLE t ALTER i SET STATISTICS 100", ShareUpdateExclusive, &no, &no),
        ("ALTER TABLE t SET (fillfactor = 70)", ShareUpdateExclusive, &no, &no),
        ("ALTER TABLE t ADD CHECK (i > 0)", AccessExclusive, &no, &yes),
        ("ALTER TABLE t ADD CONSTRAINT c CHECK (i > 0) NOT VALID", AccessExclusive, &no, &no),
        ("ALTER TABLE t VALIDATE CONSTRAINT c", ShareUpdateExclusive, &no, &yes),
        ("ALTER TABLE t ADD FOREIGN KEY (i) REFERENCES p", ShareRowExclusive, &no, &yes),
        ("ALTER TABLE t ADD FOREIGN KEY (i) REFERENCES p NOT VALID", ShareRowExclusive, &no, &no),
        ("ALTER TABLE t ADD UNIQUE (i)", AccessExclusive, &no, &yes),
        ("ALTER TABLE t ADD CONSTRAINT u UNIQUE USING INDEX ix", AccessExclusive, &no, &no),
        ("ALTER TABLE t ADD EXCLUDE USING gist (i WITH =)", AccessExclusive, &no, &yes),
        ("ALTER TABLE t DROP CONSTRAINT nn", AccessExclusive, &no, &no),
        ("CREATE INDEX ON t (i)", Share, &no, &yes),
        ("CREATE UNIQUE INDEX CONCURRENTLY a ON public.t (i)", ShareUpdateExclusive, &no, &yes),
        ("DROP INDEX ix", AccessExclusive, &no, &no),
        ("DROP INDEX CONCURRENTLY ix", ShareUpdateExclusive, &no, &no),
        ("REINDEX INDEX ix", Share, &no, &yes),
        ("REINDEX TABLE CONCURRENTLY t", ShareUpdateExclusive, &no, &yes),
        ("CREATE TRIGGER a BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()", ShareRowExclusive, &no, &no),
        ("CLUSTER t USING ix", AccessExclusive, &yes, &yes),
        ("VACUUM FULL t", AccessExclusive, &yes, &yes),
        ("VACUUM (ANALYZE) t", ShareUpdateExclusive, &no, &no),
        ("TRUNCATE t", AccessExclusive, &no, &no),
        ("UPDATE t SET i = 1 WHERE i = 2", RowExclusive, &no, &no),
        ("LOCK TABLE t IN SHARE MODE", Share, &no, &no),
        ("ALTER TABLE t SET TABLESPACE fast", AccessExclusive, &yes, &yes),
        ("ALTER TABLE t DETACH PARTITION t1 CONCURRENTLY", ShareUpdateExclusive, &no, &no),
        ("ALTER TABLE \"t\" RENAME TO \"T2\"", AccessExclusive, &no, &no),
        ("CREATE RULE r AS ON INSERT TO t DO NOTHING", AccessExclusive, &no, &no),
        ("CREATE POLICY r ON t", AccessExclusive, &no, &no),
        ("DROP RULE r ON t", AccessExclusive, &no, &no),
    ];
    for (sql, lock, rewrite, scan) in cases {
        let e = one(sql, &known());
        assert_eq!((e.table.as_str(), e.lock, &e.rewrite, &e.scan), ("t", lock, rewrite, scan), "{sql}");
    }
    let others = |sql: &str| one(sql, &known()).others;
    assert_eq!(others("ALTER TABLE t ADD FOREIGN KEY (i) REFERENCES p"), [("p".to_string(), ShareRowExclusive)]);
    assert_eq!(others("ALTER TABLE t DROP CONSTRAINT fk"), [("p".to_string(), AccessExclusive)]);
    assert_eq!(others("DROP TABLE t"), [("p".to_string(), AccessExclusive)]);
}

#[test]
fn what_only_a_catalogue_can_tell_is_said_so() {
    let rewrite = |sql: &str, known: &Catalogue| one(sql, known).rewrite;
    assert!(matches!(rewrite("ALTER TABLE t ALTER v TYPE text", &empty()), Sure::Unless(_)));
    assert!(
        matches!(rewrite("ALTER TABLE t ALTER v TYPE varchar(30)", &empty()), Sure::Unless(c) if c.contains("at most 30"))
    );
    assert_eq!(rewrite("ALTER TABLE t ALTER v TYPE bigint", &empty()), Sure::Yes);
    let zoneless = Catalogue { utc: None, ..known() };
    assert!(
        matches!(rewrite("ALTER TABLE t ALTER ts TYPE timestamptz", &zoneless), Sure::Unless(c) if c.contains("UTC"))
    );
    let utc = Catalogue { utc: Some(true), ..known() };
    assert_eq!(rewrite("ALTER TABLE t ALTER ts TYPE timestamp with time zone", &utc), Sure::No);
    assert!(
        matches!(rewrite("ALTER TABLE t ADD a int DEFAULT own()", &known()), Sure::Unless(c) if c.contains("own()"))
    );
}

#[test]
fn each_hazard_has_its_rule() {
    use Severity::{Critical, Info, Warning};
    let cases: &[(&str, &[(&str, Severity)])] = &[
        ("ALTER TABLE t ADD COLUMN a int", &[]),
        ("ALTER TABLE t ALTER i TYPE bigint", &[("sql-table-rewrite", Critical)]),
        ("ALTER TABLE unknown ALTER i TYPE text", &[("sql-table-rewrite", Warning)]),
        ("ALTER TABLE small ALTER i TYPE bigint", &[("sql-table-rewrite", Info)]),
        ("ALTER TABLE t ADD CHECK (i > 0)", &[("sql-scan-under-lock", Critical)]),
        ("ALTER TABLE t ADD CHECK (i > 0) NOT VALID; ALTER TABLE t VALIDATE CONSTRAINT c", &[]),
        ("CREATE INDEX ON t (i)", &[("sql-scan-under-lock", Critical)]),
        ("CREATE INDEX CONCURRENTLY a ON t (i)", &[]),
        ("CREATE INDEX CONCURRENTLY IF NOT EXISTS a ON t (i)", &[("sql-index-if-not-exists", Warning)]),
        ("BEGIN; CREATE INDEX CONCURRENTLY a ON t (i); COMMIT", &[("sql-concurrently-in-transaction", Critical)]),
        ("DROP TABLE t", &[("sql-drop-table", Critical)]),
        ("ALTER TABLE t DROP i", &[("sql-drop-column", Critical)]),
        ("TRUNCATE TABLE t", &[("sql-truncate", Critical)]),
        ("DELETE FROM t", &[("sql-delete-all", Critical)]),
        ("DELETE FROM t WHERE i = 1", &[]),
        ("UPDATE t SET i = (SELECT 1 FROM p WHERE true)", &[("sql-update-all", Critical)]),
        ("UPDATE unknown SET i = 1", &[("sql-update-all", Critical)]),
        ("UPDATE t SET i = 1 WHERE i = 2", &[]),
        ("ALTER TABLE t RENAME i TO j", &[("sql-rename", Critical)]),
        ("ALTER TABLE t RENAME TO u", &[("sql-rename", Critical)]),
        ("ALTER TABLE t ADD a int NOT NULL", &[("sql-column-required", Critical)]),
        ("ALTER TABLE t ADD a int NOT NULL DEFAULT 0", &[]),
        ("ALTER TABLE t ALTER x SET NOT NULL", &[("sql-not-null-for-writers", Warning)]),
        ("LOCK TABLE t", &[("sql-lock-table", Critical)]),
        ("VACUUM FULL", &[("sql-table-rewrite", Critical)]),
        ("CLUSTER", &[("sql-table-rewrite", Critical)]),
        ("DROP VIEW v", &[("sql-drop-object", Warning)]),
        ("DROP DATABASE d", &[("sql-drop-database", Critical)]),
        ("DROP SCHEMA s CASCADE", &[("sql-drop-schema", Critical)]),
        ("DROP SCHEMA s", &[("sql-drop-object", Warning)]),
        ("DROP OWNED BY app", &[("sql-drop-owned", Critical)]),
        ("REASSIGN OWNED BY app TO ops", &[("sql-reassign-owned", Warning)]),
        ("DROP TYPE mood CASCADE", &[("sql-drop-cascade", Critical)]),
        ("DROP TYPE mood", &[("sql-drop-object", Warning)]),
        ("DROP FOREIGN TABLE t", &[("sql-drop-table", Critical)]),
        ("ALTER TABLE ONLY t DROP COLUMN i", &[("sql-drop-column", Critical)]),
        ("ALTER TABLE IF EXISTS ONLY public.t DROP IF EXISTS i", &[("sql-drop-column", Critical)]),
        ("ALTER TYPE mood RENAME VALUE 'a' TO 'b'", &[("sql-rename", Critical)]),
        ("ALTER TYPE mood RENAME TO humour", &[("sql-rename", Critical)]),
        ("ALTER TYPE mood DROP ATTRIBUTE a", &[("sql-drop-cascade", Critical)]),
        ("ALTER VIEW v SET SCHEMA s", &[("sql-rename", Critical)]),
        ("ALTER TABLE t SET SCHEMA s", &[("sql-rename", Critical)]),
        ("ALTER SEQUENCE q RENAME TO r", &[("sql-rename", Critical)]),
        ("ALTER INDEX ix RENAME TO iy", &[]),
        ("ALTER TYPE mood ADD VALUE 'c'", &[("sql-enum-value-added", Info)]),
        (
            "BEGIN; ALTER TYPE mood ADD VALUE 'c'; COMMIT",
            &[("sql-enum-value-added", Info), ("sql-enum-value-in-transaction", Warning)],
        ),
        ("ALTER TABLE t DETACH PARTITION t1 CONCURRENTLY", &[("sql-detach-partition", Warning)]),
        ("REFRESH MATERIALIZED VIEW v", &[("sql-scan-under-lock", Critical)]),
        ("REFRESH MATERIALIZED VIEW CONCURRENTLY v", &[]),
        ("REFRESH MATERIALIZED VIEW v WITH NO DATA", &[("sql-truncate", Critical)]),
        ("REINDEX TABLE t", &[("sql-scan-under-lock", Critical)]),
        ("REINDEX (VERBOSE, CONCURRENTLY) TABLE t", &[]),
        ("REINDEX SCHEMA s", &[("sql-scan-under-lock", Critical)]),
        ("BEGIN; REINDEX SCHEMA CONCURRENTLY s; COMMIT", &[("sql-concurrently-in-transaction", Critical)]),
        (
            "BEGIN; SAVEPOINT a; ROLLBACK TO SAVEPOINT a; CREATE INDEX CONCURRENTLY x ON t (i); COMMIT",
            &[("sql-concurrently-in-transaction", Critical)],
        ),
        ("REVOKE SELECT ON t FROM app", &[("sql-revoke", Warning)]),
        ("ALTER TABLE t ENABLE ROW LEVEL SECURITY", &[("sql-row-security", Warning)]),
        ("ALTER TABLE t DISABLE ROW LEVEL SECURITY", &[]),
        ("ALTER TABLE t ALTER i DROP DEFAULT", &[("sql-drop-default", Warning)]),
        ("ALTER TABLE t NO INHERIT p", &[("sql-detach-partition", Warning)]),
        ("CREATE TABLE e (i int); TRUNCATE e", &[]),
        ("CREATE TABLE IF NOT EXISTS e (i int); DROP TABLE e", &[("sql-drop-table", Critical)]),
        ("CREATE TABLE IF NOT EXISTS e (i int); CREATE INDEX ON e (i)", &[("sql-scan-under-lock", Info)]),
        ("BEGIN; ALTER TABLE t ADD a int; ALTER TABLE p ADD a int; COMMIT", &[("sql-locks-several-tables", Warning)]),
        ("CREATE TABLE n (a int); CREATE INDEX ON n (a); ALTER TABLE n ALTER a TYPE bigint; DROP TABLE n", &[]),
        ("INSERT INTO t VALUES (1), (2); COMMENT ON TABLE t IS 'x'; GRANT SELECT ON t TO a", &[]),
    ];
    for (sql, expected) in cases {
        let mut found = rules(sql, &known());
        let mut expected = expected.to_vec();
        found.sort();
        expected.sort();
        assert_eq!(found, expected, "{sql}");
    }
}

/// All that is said of each fact that was measured.
#[test]
fn locks_that_are_no_hazard_by_themselves_are_told() {
    let told = |sql: &str| -> Vec<String> {
        let report = lint("m.sql", &format!("SET lock_timeout = '1s'; {sql}"), &mut known()).unwrap();
        report.findings.into_iter().map(|f| format!("{} {}", f.rule, f.message)).collect()
    };
    let says = |sql: &str, what: &str| {
        let told = told(sql);
        assert!(told.iter().any(|t| t.contains(what)), "{sql}: {what} in {told:?}");
    };
    says("ALTER TABLE t ADD COLUMN a timestamptz DEFAULT now()", "sql-lock t is held under ACCESS EXCLUSIVE");
    says("CREATE TRIGGER a BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()", "SHARE ROW EXCLUSIVE for an instant");
    says("ALTER TABLE t ADD FOREIGN KEY (i) REFERENCES p", "p is held under SHARE ROW EXCLUSIVE as well");
    says("ALTER TABLE t ADD FOREIGN KEY (i) REFERENCES p", "while it is read through, and nobody writes");
    says("ALTER TABLE t DROP CONSTRAINT fk", "p is held under ACCESS EXCLUSIVE as well");
    says("ALTER TABLE t DROP CONSTRAINT other", "if other is a foreign key");
    says("CREATE TABLE n (i int REFERENCES t)", "t is held under SHARE ROW EXCLUSIVE for an instant");
    says("CREATE TABLE n PARTITION OF t FOR VALUES IN (1)", "t is held under ACCESS EXCLUSIVE for an instant");
    says(
        "ALTER TABLE t ATTACH PARTITION n FOR VALUES IN (1)",
        "n is held under ACCESS EXCLUSIVE while it is read through",
    );
    says(
        "CREATE INDEX CONCURRENTLY a ON t (i)",
        "waits until every transaction that is older has ended, and leaves an invalid",
    );
    says("DROP INDEX CONCURRENTLY ix", "waits until every transaction that is older has ended");
    says("DO $$ BEGIN TRUNCATE t; END $$; ALTER TABLE t ADD a int", "sql-lock");
    assert!(!told("ALTER TABLE t VALIDATE CONSTRAINT nn").iter().any(|t| t.contains("sql-")), "blocks nobody");
}

#[test]
fn changes_of_rows_are_seen_wherever_they_stand() {
    use Severity::Critical;
    let (delete, update) = (("sql-delete-all", Critical), ("sql-update-all", Critical));
    for (sql, expected) in [
        ("WITH gone AS (DELETE FROM t RETURNING *) SELECT count(*) FROM gone", vec![delete]),
        ("WITH RECURSIVE a AS (SELECT 1), b AS (SELECT 2) DELETE FROM t", vec![delete]),
        ("WITH x AS MATERIALIZED (UPDATE t SET i = 1 RETURNING i) INSERT INTO p SELECT * FROM x", vec![update]),
        ("WITH a AS (DELETE FROM t RETURNING *) UPDATE t SET i = 2", vec![delete, update]),
        ("WITH x AS (DELETE FROM t WHERE i = 1 RETURNING *) SELECT * FROM x WHERE true", vec![]),
        ("COPY (DELETE FROM t RETURNING *) TO STDOUT", vec![delete]),
        ("EXPLAIN ANALYZE DELETE FROM t", vec![delete]),
        ("EXPLAIN (ANALYZE, BUFFERS) WITH a AS (DELETE FROM t RETURNING *) SELECT 1", vec![delete]),
        ("EXPLAIN DELETE FROM t", vec![]),
    ] {
        let mut found = rules(sql, &known());
        found.sort_unstable();
        assert_eq!(found, expected, "{sql}");
    }
    let many = format!("SELECT {}", vec!["(DELETE FROM t WHERE i = 1)"; 200].join(","));
    let tokens = lex::statements(&many).unwrap();
    let found = action::actions(&tokens[0].tokens);
    assert!(found.len() < 200 && found.iter().any(|a| matches!(a, action::Action::Opaque { .. })), "{}", found.len());
}

#[test]
fn a_condition_that_always_holds_is_none() {
    for (condition, all) in [
        ("true", true),
        ("TRUE RETURNING i", true),
        ("1=1", true),
        ("(1 = 1) AND NOT false", true),
        ("i = 1 OR (2 > 1)", true),
        ("i = i", true),
        ("t.i >= t.i", true),
        ("'a' <> 'b'", true),
        ("1 <> 2 AND (i = 3 OR true)", true),
        ("i IS NULL OR i IS NOT NULL", true),
        ("i IS NULL OR n IS NOT NULL", false),
        ("true AND i = 1", false),
        ("1 = 2", false),
        ("random() = random()", false),
        ("i BETWEEN 1 AND 1", false),
        ("NOT true", false),
        ("x = 'true'", false),
        ("i IN (SELECT 1 WHERE true)", false),
    ] {
        let found = rules(&format!("DELETE FROM t WHERE {condition}"), &known());
        assert_eq!(found.iter().any(|(rule, _)| *rule == "sql-delete-all"), all, "{condition}");
    }
}

#[test]
fn a_finding_is_named_by_its_statement() {
    let print = |sql: &str| {
        let report = lint("m.sql", sql, &mut known()).unwrap();
        report.findings.into_iter().find(|f| f.rule == "sql-table-rewrite").unwrap().fingerprint
    };
    let two = lint("m.sql", "DROP TABLE a, b", &mut empty()).unwrap().findings;
    let drops: Vec<&Finding> = two.iter().filter(|f| f.rule == "sql-drop-table").collect();
    assert_ne!(drops[0].fingerprint, drops[1].fingerprint);
    let one = print("ALTER TABLE t ALTER i TYPE bigint");
    assert_eq!(one, print("-- wider\nalter  TABLE t\n  ALTER i TYPE BIGINT;"));
    assert_ne!(one, print("ALTER TABLE t ALTER n TYPE bigint"));
    assert_ne!(one, print("ALTER TABLE t ALTER i TYPE numeric(4,1)"));
}

#[test]
fn a_migration_knows_what_it_did_itself() {
    let nn = "ALTER TABLE t ADD CONSTRAINT c CHECK (i IS NOT NULL) NOT VALID;\n";
    let (validate, set) = ("ALTER TABLE t VALIDATE CONSTRAINT c;\n", "ALTER TABLE t ALTER i SET NOT NULL;");
    let scans = |sql: &str| rules(sql, &known()).iter().any(|(r, _)| *r == "sql-scan-under-lock");
    assert!(!scans(&format!("{nn}{validate}{set}")));
    assert!(scans(&format!("{nn}{set}")) && scans(set));
    let grown = "ALTER TABLE u ADD v varchar(10); ALTER TABLE u ALTER v TYPE varchar(20);";
    assert!(rules(grown, &empty()).is_empty());
}

#[test]
fn a_lock_timeout_is_asked_for_once() {
    let asked = |sql: &str| {
        let found = lint("m.sql", sql, &mut known()).unwrap().findings;
        found.iter().filter(|f| f.rule == "sql-no-lock-timeout").count()
    };
    assert_eq!(asked("ALTER TABLE t ADD a int; ALTER TABLE t ADD b int"), 1);
    assert_eq!(asked("SET lock_timeout = '500ms'; ALTER TABLE t ADD a int"), 0);
    assert_eq!(asked("SET LOCAL lock_timeout TO 0; ALTER TABLE t ADD a int"), 1);
    assert_eq!(asked("CREATE INDEX CONCURRENTLY a ON t (i)"), 0);
    // What is set for one transaction ends with it.
    let local = "BEGIN; SET LOCAL lock_timeout = '1s'; ALTER TABLE t ADD a int; COMMIT;";
    assert_eq!((asked(local), asked(&format!("{local} ALTER TABLE t ADD b int"))), (0, 1));
}

#[test]
fn findings_and_faults_have_their_lines() {
    let sql = "-- first\nSELECT 1;\n\n  /* a /* nested */ b */ ALTER TABLE t\n  RENAME TO \"u;v\";\n";
    let report = lint("m.sql", sql, &mut known()).unwrap();
    let f = report.findings.iter().find(|f| f.rule == "sql-rename").unwrap();
    let place = f.location.revision.as_ref().unwrap();
    assert_eq!((place.line, place.pointer.as_str()), (Some(4), "/1"));
    for (sql, line, column, says) in [
        ("SELECT 1;\nSELECT 'open", 2, 8, "not closed"),
        ("SELECT 1;\n/* open", 2, 1, "not closed"),
        ("DO $x$ begin", 1, 4, "not closed"),
        ("\n  kind: Release", 2, 3, "not SQL"),
    ] {
        let faults = lint("m.sql", sql, &mut empty()).unwrap_err();
        assert!(faults[0].message.contains(says) && faults[0].line == line, "{sql}: {faults:?}");
        assert!(column == faults[0].column || says == "not SQL", "{sql}: {faults:?}");
    }
}

#[test]
fn code_that_cannot_be_seen_into_is_said() {
    let sql = "DO LANGUAGE plperl $$ spi_exec_query('DROP TABLE t') $$;\nCALL f();";
    let report = lint("m.sql", sql, &mut empty()).unwrap();
    assert_eq!(report.not_compared.len(), 2, "{report:?}");
    assert!(report.not_compared[0].starts_with("m.sql:1: `do"), "{report:?}");
}

#[test]
fn hostile_text_neither_fells_the_stack_nor_takes_its_time() {
    let cases = [
        format!("SELECT {}1{};", "(".repeat(50_000), ")".repeat(50_000)),
        format!("SELECT {}1;", "- ".repeat(50_000)),
        format!("SELECT {}1;", "CASE WHEN ".repeat(20_000)),
        format!("SELECT 1{};", " + 1".repeat(50_000)),
        format!("SELECT 1{};", " UNION SELECT 1".repeat(20_000)),
        format!("DO $$ SELECT {} $$;", "(".repeat(50_000)),
        format!("ALTER TABLE t ADD a int DEFAULT {}1{};", "f(".repeat(5_000), ")".repeat(5_000)),
    ];
    for sql in &cases {
        let report = lint("m.sql", sql, &mut empty()).unwrap();
        assert!(report.not_compared.iter().any(|n| n.contains("only our own rules")), "{}", &sql[..40]);
    }
    let long = format!("-- {}\nALTER TABLE t ADD a int;", "x".repeat(1 << 20));
    assert!(lint("m.sql", &long, &mut empty()).unwrap().not_compared[0].contains("longer than"));
}

#[test]
fn expand_and_contract_belong_into_different_releases() {
    let m = |id: &str, phase, contracts: Option<&str>| Declared {
        id: id.into(),
        service: "stock".into(),
        version: Version::new(2, 0, 0),
        phase,
        contracts: contracts.map(Into::into),
        deferred: false,
        estimated: Some(crate::spec::units::Dur::mins(1)),
        destructive: phase == Phase::Contract,
        reversible: phase != Phase::Contract,
        drops: Default::default(),
        place: None,
    };
    use semver::Version;
    let told = |run: &[Declared], readers: &[Reader]| -> Vec<(&'static str, Severity)> {
        let found = release(run, readers, &[]);
        found.iter().filter(|f| f.severity > Severity::Info).map(|f| (f.rule, f.severity)).collect()
    };
    let (expand, contract) = (m("add", Phase::Expand, None), m("drop", Phase::Contract, Some("add")));
    let unsaid = ("migration-drops-unsaid", Severity::Warning);
    assert_eq!(told(std::slice::from_ref(&contract), &[]), [unsaid]);
    let both = [expand.clone(), contract.clone()];
    assert_eq!(told(&both, &[]), [("migration-contract-with-expand", Severity::Critical), unsaid]);
    let deferred = [expand.clone(), Declared { deferred: true, ..contract.clone() }];
    assert_eq!(told(&deferred, &[]), [("migration-contract-with-expand", Severity::Warning), unsaid]);
    let drops = Declared { drops: ["stock.old".to_string()].into(), ..contract.clone() };
    let reader = Reader {
        service: "shop".into(),
        version: Version::new(1, 0, 0),
        stays: false,
        reads: ["stock.old".to_string()].into(),
        own: Default::default(),
    };
    assert_eq!(told(&[drops], &[reader]), [("migration-drops-what-is-read", Severity::Critical)]);
    let rest = [Declared {
        estimated: Some(crate::spec::units::Dur::mins(6)),
        destructive: true,
        reversible: false,
        ..expand.clone()
    }];
    assert_eq!(
        told(&rest, &[]),
        [
            ("migration-long", Severity::Warning),
            ("migration-not-reversible", Severity::Warning),
            ("migration-destructive", Severity::Critical),
        ]
    );
    // What it says it drops is taken for destructive, whatever else it says.
    let quiet = Declared { destructive: false, drops: ["stock.old".to_string()].into(), ..contract.clone() };
    assert_eq!(told(std::slice::from_ref(&quiet), &[]), [("migration-undeclared-destructive", Severity::Critical)]);
    let early = Declared { phase: Phase::Expand, contracts: None, reversible: true, ..quiet };
    assert_eq!(told(&[early], &[]), [("migration-destructive", Severity::Critical)]);
    // Who accepts what it drops accepts no more than that.
    let print = |drops: &str| {
        let early = Declared { destructive: true, drops: [drops.to_string()].into(), ..expand.clone() };
        release(&[early], &[], &[]).into_iter().find(|f| f.rule == "migration-destructive").unwrap()
    };
    assert_ne!(print("stock.old").values, print("stock.new").values);
    let sql = lint("m.sql", "DROP TABLE t", &mut empty()).unwrap();
    let drop = sql.findings.iter().find(|f| f.rule == "sql-drop-table").unwrap();
    assert_eq!(release(&[expand], &[], &[(0, drop)])[0].rule, "migration-undeclared-destructive");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever is thrown at it: an answer, and every statement's place lies inside the text.
    #[test]
    fn any_text_ends_in_an_answer(words in prop::collection::vec(prop::sample::select(vec![
        "alter", "table", "t", "add", "column", "\"", "'", "$$", "(", ")", ",", ";", "drop", "not", "null", "default", "now()",
        "--", "/*", "*/", "\n", "create", "index", "on", "é", "::", "1", "using", "type", "check", "begin", "atomic", "end",
    ]), 0..30)) {
        let text = words.join(" ");
        let _ = lint("m.sql", &text, &mut empty());
        if let Ok(statements) = lex::statements(&text) {
            for s in statements {
                prop_assert!(s.start <= s.end && s.end <= text.len());
            }
        }
    }
}
