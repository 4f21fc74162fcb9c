//! Statements that the parser does not know, among those it does.
use super::*;

fn report(sql: &str) -> Report {
    lint("m.sql", sql, &mut known()).unwrap_or_else(|e| panic!("{sql}: {}", e[0]))
}

#[test]
fn a_statement_that_is_not_known_is_listed_and_the_others_are_judged() {
    for (sql, line, severity) in [
        ("DROP TABLE p;\nALTER TABLE t FROBNICATE;\nALTER TABLE t DROP COLUMN i;", 2, Severity::Critical),
        ("DROP TABLE p;\nALTER TABLE t DROP COLUMN i;\nALTER TABEL t ADD a int;", 3, Severity::Critical),
        ("DROP TABLE p;\n\nfrobnicate all the things;\nALTER TABLE t DROP COLUMN i", 3, Severity::Critical),
        ("DROP TABLE p;\nINSERT INTO t VALUES (1 2);\nALTER TABLE t DROP COLUMN i;", 2, Severity::Warning),
        ("BEGIN;\nDROP TABLE p;\nALTER TABLE t FROBNICATE;\nALTER TABLE t DROP i;\nCOMMIT;", 3, Severity::Critical),
    ] {
        let r = report(sql);
        let at = |f: &Finding| f.location.revision.as_ref().and_then(|p| p.line);
        let told: Vec<_> = r.findings.iter().filter(|f| f.rule == "sql-not-known").collect();
        assert_eq!(told.iter().map(|f| (at(f), f.severity)).collect::<Vec<_>>(), [(Some(line), severity)], "{sql}");
        let listed: Vec<_> = r.not_compared.iter().filter(|n| n.starts_with(&format!("m.sql:{line}: `"))).collect();
        assert_eq!((listed.len(), r.not_compared.len()), (1, 1), "{sql}: {:?}", r.not_compared);
        for rule in ["sql-drop-table", "sql-drop-column"] {
            assert!(r.findings.iter().any(|f| f.rule == rule), "{sql}: {rule}");
        }
    }
    // What the linter says of the others it says still.
    let r = report("TRUNCATE t CASCADE;\nALTER TABLE t FROBNICATE;");
    assert!(r.findings.iter().any(|f| f.rule == "sql-truncate-cascade"));
    // Alone, too: a migration is often one statement.
    assert_eq!(report("ALTER TABLE t FROBNICATE").findings.iter().filter(|f| f.rule == "sql-not-known").count(), 1);
}

#[test]
fn two_statements_that_are_not_known_are_told_apart() {
    let of = |sql: &str| report(sql).findings.into_iter().find(|f| f.rule == "sql-not-known").unwrap().fingerprint;
    assert_ne!(of("ALTER TABLE t FROBNICATE"), of("ALTER TABLE t FROBNICATE HARDER"));
    assert_eq!(of("ALTER TABLE t FROBNICATE"), of("\nALTER TABLE  t FROBNICATE;"));
}

#[test]
fn what_is_no_sql_at_all_is_refused() {
    for text in ["apiVersion: v1\nkind: Release\n", "{\"a\": 1}", "Hello, world", "<sql>SELECT 1</sql>", "SELECT 'open"]
    {
        assert!(lint("m.sql", text, &mut known()).is_err(), "{text}");
    }
    for text in ["", "-- nothing\n", ";"] {
        let r = report(text);
        assert!(r.findings.is_empty(), "{text:?}: {r:?}");
    }
}

#[test]
fn a_command_of_psql_ends_with_its_line() {
    let r = report("\\set ON_ERROR_STOP on\n\\echo it's begun\nDROP TABLE t;\n");
    assert_eq!(r.not_compared, Vec::<String>::new());
    assert!(r.findings.iter().any(|f| f.rule == "sql-drop-table"), "{r:?}");
    let r = report("\\i other.sql\nDROP TABLE t;\nSELECT 'DROP TABLE p' \\gexec\nTRUNCATE t CASCADE;\n");
    let told: Vec<_> = r.findings.iter().filter(|f| f.rule == "sql-not-known").collect();
    assert_eq!(told.iter().map(|f| f.severity).collect::<Vec<_>>(), [Severity::Critical; 2], "{told:?}");
    for rule in ["sql-drop-table", "sql-truncate-cascade"] {
        assert!(r.findings.iter().any(|f| f.rule == rule), "{rule}");
    }
}

#[test]
fn a_function_that_a_migration_makes_and_calls_is_listed() {
    let make = "CREATE FUNCTION fill(int) RETURNS int LANGUAGE sql AS 'DELETE FROM t; SELECT 1';\n";
    for call in [
        "SELECT fill(i) FROM t;",
        "UPDATE t SET i = fill(i) WHERE i = 2;",
        "SELECT fill(1);",
        "CALL fill(1);",
        "DO $$ BEGIN PERFORM fill(1); END $$;",
        "DO $$ DECLARE a int; BEGIN a := fill(1); END $$;",
        "INSERT INTO p SELECT public.fill(i) FROM t;",
    ] {
        let listed = report(&format!("{make}{call}")).not_compared;
        assert_eq!(listed.len(), 1, "{call}: {listed:?}");
        assert!(listed[0].starts_with("m.sql:2: "), "{listed:?}");
    }
    for silent in ["GRANT EXECUTE ON FUNCTION fill(int) TO app;", "SELECT count(i) FROM t;", "DROP FUNCTION fill(int);"]
    {
        assert_eq!(report(&format!("{make}{silent}")).not_compared, Vec::<String>::new(), "{silent}");
    }
}
