//! What a transaction took back is not believed, and neither is what only one connection saw.
use super::*;

fn told(sql: &str, rule: &str, known: &Catalogue) -> bool {
    let report = lint("m.sql", sql, &mut known.clone()).unwrap_or_else(|e| panic!("{sql}: {}", e[0]));
    report.findings.iter().any(|f| f.rule == rule)
}

/// What the second of two files meets.
fn after(first: &str, second: &str, rule: &str) -> bool {
    let mut known = empty();
    lint("a.sql", first, &mut known).unwrap_or_else(|e| panic!("{first}: {}", e[0]));
    told(second, rule, &known)
}

#[test]
fn what_is_rolled_back_was_not_done() {
    let (drop, index) = ("DROP TABLE o", "CREATE INDEX i ON o (c)");
    for (sql, rule, is) in [
        (format!("BEGIN; CREATE TABLE o (c int); ROLLBACK; {drop};"), "sql-drop-table", true),
        (format!("BEGIN; CREATE TABLE o (c int); ABORT; {drop};"), "sql-drop-table", true),
        (format!("BEGIN; CREATE TABLE o (c int); COMMIT; {drop};"), "sql-drop-table", false),
        (format!("CREATE TABLE o (c int); BEGIN; DROP TABLE o; ROLLBACK; {drop};"), "sql-drop-table", false),
        (
            format!("CREATE TABLE n (c int); BEGIN; ALTER TABLE n RENAME TO o; ROLLBACK; {drop};"),
            "sql-drop-table",
            true,
        ),
        (format!("BEGIN; CREATE TABLE o (c int); ROLLBACK; {index};"), "sql-scan-under-lock", true),
        (format!("BEGIN; CREATE TABLE o (c int); ROLLBACK AND CHAIN; {drop}; COMMIT;"), "sql-drop-table", true),
        (format!("BEGIN; CREATE TABLE o (c int); COMMIT AND CHAIN; ROLLBACK; {drop};"), "sql-drop-table", false),
        (format!("BEGIN; SAVEPOINT a; CREATE TABLE o (c int); ROLLBACK TO a; {drop}; COMMIT;"), "sql-drop-table", true),
        (
            format!("BEGIN; CREATE TABLE o (c int); SAVEPOINT a; ROLLBACK TO a; {drop}; COMMIT;"),
            "sql-drop-table",
            false,
        ),
        (
            format!(
                "BEGIN; SAVEPOINT a; CREATE TABLE o (c int); SAVEPOINT a; RELEASE a; ROLLBACK TO a; {drop}; COMMIT;"
            ),
            "sql-drop-table",
            true,
        ),
        (
            format!("BEGIN; SAVEPOINT a; CREATE TABLE o (c int); SAVEPOINT b; ROLLBACK WORK TO b; {drop}; COMMIT;"),
            "sql-drop-table",
            false,
        ),
        ("ROLLBACK PREPARED 'x'; CREATE TABLE o (c int); DROP TABLE o;".to_string(), "sql-drop-table", false),
        (
            "BEGIN; CREATE DOMAIN d AS int; ROLLBACK; ALTER TABLE t ADD COLUMN e d;".to_string(),
            "sql-table-rewrite",
            true,
        ),
        (
            "BEGIN; ALTER TABLE t DROP CONSTRAINT nn; ROLLBACK; ALTER TABLE t ALTER x SET NOT NULL;".to_string(),
            "sql-scan-under-lock",
            false,
        ),
        (
            "BEGIN; ALTER TABLE t ALTER v TYPE bigint; ROLLBACK; ALTER TABLE t ALTER v TYPE text;".to_string(),
            "sql-scan-under-lock",
            false,
        ),
    ] {
        assert_eq!(told(&sql, rule, &known()), is, "{sql}");
    }
    let mut unsure = known();
    let check = Constraint::Check { valid: false, not_null: vec!["i".to_string()], columns: Vec::new() };
    unsure.tables.get_mut("t").unwrap().constraints.insert("ni".to_string(), check);
    let validate =
        |end: &str| format!("BEGIN; ALTER TABLE t VALIDATE CONSTRAINT ni; {end}; ALTER TABLE t ALTER i SET NOT NULL;");
    let scans = |sql: &str| effects(sql, &unsure).unwrap().last().unwrap()[0].scan.clone();
    assert_eq!((scans(&validate("ROLLBACK")), scans(&validate("COMMIT"))), (Sure::Yes, Sure::No));
    assert!(after("BEGIN; CREATE TABLE o (c int);", "DROP TABLE o;", "sql-drop-table"), "it was never committed");
    assert!(!after("BEGIN; CREATE TABLE o (c int); COMMIT;", "DROP TABLE o;", "sql-drop-table"));
}

#[test]
fn what_is_rolled_back_was_not_set() {
    let change = "ALTER TABLE t ALTER ts TYPE timestamptz";
    for (sql, rewrites) in [
        (format!("BEGIN; SET timezone = 'UTC'; ROLLBACK; {change};"), true),
        (format!("BEGIN; SET timezone = 'UTC'; COMMIT; {change};"), false),
        (format!("SET timezone = 'UTC'; BEGIN; RESET timezone; ROLLBACK; {change};"), false),
        (format!("BEGIN; SAVEPOINT a; SET timezone = 'UTC'; ROLLBACK TO a; {change}; COMMIT;"), true),
        (format!("SET timezone = 'UTC'; RESET ALL; {change};"), true),
        (format!("SET timezone = 'UTC'; DISCARD ALL; {change};"), true),
        (format!("SELECT set_config('TimeZone', 'UTC', false); {change};"), false),
    ] {
        assert_eq!(told(&sql, "sql-table-rewrite", &known()), rewrites, "{sql}");
    }
    let add = "ALTER TABLE t ADD c int";
    for (sql, is) in [
        (format!("BEGIN; SET lock_timeout = '1s'; ROLLBACK; {add};"), true),
        (format!("BEGIN; SET lock_timeout = '1s'; COMMIT; {add};"), false),
        (format!("SET lock_timeout = '1s'; BEGIN; SET lock_timeout = 0; ROLLBACK; {add};"), false),
        (format!("BEGIN; SET LOCAL lock_timeout = '1s'; COMMIT; {add};"), true),
        (format!("BEGIN; SET LOCAL lock_timeout = '1s'; {add}; COMMIT;"), false),
        (format!("SET lock_timeout = '1s'; RESET ALL; {add};"), true),
        (format!("SET lock_timeout = '1s'; DISCARD ALL; {add};"), true),
        (format!("SELECT set_config('lock_timeout', '1s', false); {add};"), false),
    ] {
        assert_eq!(told(&sql, "sql-no-lock-timeout", &known()), is, "{sql}");
    }
}

#[test]
fn a_temporary_table_is_of_one_connection_and_of_no_other_schema() {
    for (sql, is) in [
        ("CREATE TEMP TABLE o (x int); DROP TABLE public.o;", true),
        ("CREATE TEMP TABLE o (x int); DROP TABLE o;", false),
        ("CREATE TEMP TABLE o (x int); DROP TABLE pg_temp.o;", false),
        ("CREATE TEMP TABLE o (x int); DROP TABLE o; DROP TABLE o;", true),
        ("CREATE TEMP TABLE o (x int); CREATE TABLE o (x int); DROP TABLE o; DROP TABLE o;", false),
        ("CREATE TEMP TABLE IF NOT EXISTS o (x int); DROP TABLE o;", false),
        ("CREATE LOCAL TEMPORARY TABLE o (x int); ALTER TABLE o RENAME TO p; DROP TABLE p;", false),
        ("CREATE TEMP TABLE o (x int); DISCARD TEMP; DROP TABLE o;", true),
        ("BEGIN; CREATE TEMP TABLE o (x int) ON COMMIT DROP; DROP TABLE o; COMMIT;", false),
        ("BEGIN; CREATE TEMP TABLE o (x int) ON COMMIT DROP; COMMIT; DROP TABLE o;", true),
        ("BEGIN; CREATE TEMP TABLE o (x int); ROLLBACK; DROP TABLE o;", true),
        ("CREATE UNLOGGED TABLE o (x int); DROP TABLE public.o;", false),
    ] {
        assert_eq!(told(sql, "sql-drop-table", &empty()), is, "{sql}");
    }
    assert!(after("CREATE TEMP TABLE o AS SELECT 1 AS x;", "DROP TABLE o;", "sql-drop-table"));
    assert!(!after("CREATE TABLE o AS SELECT 1 AS x;", "DROP TABLE o;", "sql-drop-table"));
}

#[test]
fn a_search_path_says_which_table_is_meant() {
    for (sql, is) in [
        ("SET search_path = tenant1; CREATE TABLE o (x int); DROP TABLE public.o;", true),
        ("SET search_path = tenant1; CREATE TABLE o (x int); DROP TABLE o;", false),
        ("SET search_path = tenant1; CREATE TABLE o (x int); DROP TABLE tenant1.o;", false),
        ("SET search_path TO tenant1, public; CREATE TABLE o (x int); RESET search_path; DROP TABLE o;", true),
        ("SET search_path TO \"$user\", public; CREATE TABLE o (x int); DROP TABLE public.o;", false),
        ("CREATE TABLE o (x int); SET search_path TO 'tenant1', public; DROP TABLE o;", false),
        ("CREATE TABLE o (x int); SET search_path TO tenant1; DROP TABLE o;", true),
        ("SELECT set_config('search_path', 'tenant1', false); CREATE TABLE o (x int); DROP TABLE public.o;", true),
        ("SELECT pg_catalog.set_config('search_path', '', false); CREATE TABLE public.o (x int); DROP TABLE o;", false),
        ("BEGIN; SET LOCAL search_path = tenant1; COMMIT; CREATE TABLE o (x int); DROP TABLE public.o;", false),
        ("CREATE TABLE o (x int); ALTER TABLE o SET SCHEMA tenant1; DROP TABLE tenant1.o;", false),
        ("CREATE TABLE s.o (x int); ALTER TABLE s.o SET SCHEMA public; DROP TABLE o;", false),
        ("CREATE TABLE public.o (x int); ALTER TABLE public.o RENAME TO p; DROP TABLE p;", false),
    ] {
        assert_eq!(told(sql, "sql-drop-table", &empty()), is, "{sql}");
    }
    let report = lint("m.sql", "DROP TABLE public.o; TRUNCATE public.a, s.b;", &mut empty()).unwrap();
    let named: Vec<&str> = report.findings.iter().flat_map(|f| &f.affected).map(String::as_str).collect();
    assert_eq!(named, ["o", "a", "s.b"]);
}

#[test]
fn what_cannot_run_in_a_transaction() {
    let rule = "sql-concurrently-in-transaction";
    for (sql, is) in [
        ("REINDEX TABLE CONCURRENTLY t", true),
        ("REINDEX INDEX CONCURRENTLY ix", true),
        ("REINDEX (CONCURRENTLY) TABLE t", true),
        ("REINDEX (CONCURRENTLY off) TABLE t", false),
        ("REINDEX TABLE t", false),
        ("CREATE DATABASE d", true),
        ("ALTER SYSTEM SET work_mem = '1GB'", true),
        ("DISCARD ALL", true),
        ("DISCARD PLANS", false),
    ] {
        assert_eq!(told(&format!("BEGIN; {sql}; COMMIT;"), rule, &known()), is, "{sql}");
        assert!(!told(&format!("{sql};"), rule, &known()), "{sql}");
    }
    for off in ["false", "off", "0", "FALSE"] {
        assert!(told(&format!("REINDEX (CONCURRENTLY {off}) TABLE t;"), "sql-scan-under-lock", &known()), "{off}");
    }
    for on in ["", "true", "on", "1", ", VERBOSE off", "off, CONCURRENTLY"] {
        assert!(!told(&format!("REINDEX (CONCURRENTLY {on}) TABLE t;"), "sql-scan-under-lock", &known()), "{on}");
    }
}

#[test]
fn a_transaction_in_another_and_the_end_of_none() {
    let (nested, open) = ("sql-transaction-nesting", "sql-transaction-open");
    for (sql, rule, is) in [
        ("BEGIN; SAVEPOINT a; ROLLBACK TO a; SELECT 1; COMMIT;", nested, false),
        ("BEGIN; SELECT 1; COMMIT;", nested, false),
        ("BEGIN; BEGIN; COMMIT;", nested, true),
        ("BEGIN; COMMIT; COMMIT;", nested, true),
        ("ROLLBACK;", nested, true),
        ("BEGIN; COMMIT AND CHAIN; COMMIT;", nested, false),
        ("DO $$ BEGIN NULL; COMMIT; END $$;", nested, false),
        ("BEGIN; SELECT 1;", open, true),
        ("BEGIN; SAVEPOINT a; ROLLBACK TO a;", open, true),
        ("BEGIN; COMMIT AND CHAIN;", open, true),
        ("BEGIN; ROLLBACK;", open, false),
    ] {
        assert_eq!(told(sql, rule, &empty()), is, "{sql}");
    }
}

#[test]
fn what_is_done_without_looking_like_it() {
    let mut known = known();
    known.tables.get_mut("t").unwrap().columns.insert("ci".to_string(), "citext".to_string());
    for (sql, rule, is) in [
        ("ALTER TABLE t ADD c uuid DEFAULT \"gen_random_uuid\"();", "sql-table-rewrite", true),
        ("ALTER TABLE t ADD c uuid DEFAULT public.\"gen_random_uuid\"();", "sql-table-rewrite", true),
        ("ALTER TABLE t ADD c text DEFAULT \"random\"()::text;", "sql-table-rewrite", true),
        ("ALTER TABLE t ADD c text DEFAULT ('a' || \"random\"());", "sql-table-rewrite", true),
        ("ALTER TABLE t ADD c timestamptz DEFAULT \"now\"();", "sql-table-rewrite", false),
        ("ALTER INDEX ix SET TABLESPACE fast;", "sql-scan-under-lock", true),
        ("ALTER INDEX ix RENAME TO iy;", "sql-scan-under-lock", false),
        ("EXPLAIN (ANALYZE false) DELETE FROM t;", "sql-delete-all", false),
        ("EXPLAIN (ANALYZE off, VERBOSE) UPDATE t SET i = 1;", "sql-update-all", false),
        ("EXPLAIN (VERBOSE off, ANALYZE) DELETE FROM t;", "sql-delete-all", true),
        ("ALTER TABLE t ALTER ci TYPE text;", "sql-table-rewrite", false),
        ("ALTER TABLE t ALTER ci TYPE text;", "sql-scan-under-lock", true),
        ("ALTER TABLE t ALTER x TYPE citext;", "sql-table-rewrite", false),
        ("ALTER TABLE t ALTER ci TYPE varchar(9);", "sql-table-rewrite", true),
    ] {
        assert_eq!(told(sql, rule, &known), is, "{sql}");
    }
    for sql in [
        "ALTER INDEX ALL IN TABLESPACE a SET TABLESPACE b;",
        "ALTER DATABASE d SET TABLESPACE b;",
        "ALTER TYPE ct ALTER ATTRIBUTE a TYPE bigint CASCADE;",
        "ALTER TYPE ct ADD ATTRIBUTE b int CASCADE;",
    ] {
        assert_eq!(lint("m.sql", sql, &mut empty()).unwrap().not_compared.len(), 1, "{sql}");
    }
    let renamed = lint("m.sql", "ALTER TABLE o RENAME TO p;", &mut empty()).unwrap();
    assert!(renamed.findings.iter().any(|f| f.message.starts_with("renames o: ")), "{renamed:?}");
}
