//! Texts as they come out of editors and as PostgreSQL takes them; and what a transaction takes back.
use super::*;

fn found(sql: &str) -> Vec<Finding> {
    lint("m.sql", sql, &mut known()).unwrap_or_else(|e| panic!("{sql}: {}", e[0])).findings
}

fn has(sql: &str, rule: &str) -> bool {
    found(sql).iter().any(|f| f.rule == rule)
}

#[test]
fn a_byte_order_mark_hides_no_statement() {
    for (sql, line) in [("ALTER TABLE t DROP COLUMN x;", 1), ("\n-- a\nALTER TABLE t DROP COLUMN x;", 3)] {
        let (plain, marked) = (found(sql), found(&format!("\u{feff}{sql}")));
        let f = marked.iter().find(|f| f.rule == "sql-drop-column").unwrap();
        assert_eq!(f.location.revision.as_ref().and_then(|p| p.line), Some(line));
        assert_eq!(plain, marked);
    }
    let faults = |mark: &str| lint("m.sql", &format!("{mark}SELECT 1; SELECT 'open"), &mut known()).unwrap_err();
    assert_eq!(faults("\u{feff}"), faults(""));
    assert_eq!(effects("\u{feff}DROP TABLE t", &known()).unwrap()[0][0].lock, Lock::AccessExclusive);
}

/// What the parser of the linter does not know and PostgreSQL 15 takes.
#[test]
fn sql_that_postgresql_takes_is_sql() {
    for (sql, rule) in [
        ("ALTER TABLE t ADD EXCLUDE USING gist (i inet_ops WITH &&)", Some("sql-scan-under-lock")),
        (
            "ALTER TABLE t ADD CONSTRAINT k EXCLUDE USING gist (x COLLATE \"C\" text_ops DESC NULLS LAST WITH =, \
             int4range(i, i + 1) range_ops (a = 1) WITH OPERATOR(pg_catalog.&&)) WHERE (i > 0)",
            Some("sql-scan-under-lock"),
        ),
        ("CREATE TABLE e (i inet, EXCLUDE USING gist (i inet_ops WITH &&))", None),
        ("ALTER TABLE t ADD COLUMN q text COMPRESSION lz4", Some("sql-lock")),
        ("ALTER TABLE t ADD q text COMPRESSION \"lz4\" NOT NULL", Some("sql-column-required")),
        ("ALTER TABLE t ADD q numeric(5) COMPRESSION pglz, DROP COLUMN x", Some("sql-drop-column")),
        ("CREATE TABLE e (q text COMPRESSION lz4)", None),
        ("ALTER TABLE t ALTER q SET COMPRESSION lz4, ADD r text COMPRESSION lz4", Some("sql-lock")),
        ("ALTER TABLE t ADD COLUMN compression text COMPRESSION lz4, DROP compression", Some("sql-drop-column")),
    ] {
        let sql = format!("{sql};\nDROP TABLE p;");
        let told = found(&sql);
        let drop = told.iter().find(|f| f.rule == "sql-drop-table").unwrap();
        assert_eq!(drop.location.revision.as_ref().and_then(|p| p.line), Some(2), "{sql}");
        assert!(rule.is_none_or(|rule| told.iter().any(|f| f.rule == rule)), "{sql}: {told:?}");
    }
    // All around it is judged as ever.
    for sql in [
        "ALTER TABLE t ADD COLUMN q text COMPRESSION lz4 DEFALT 1",
        "ALTER TABLE t ADD q text COMPRESSION lz4; ALTER TABEL t ADD a int",
        "ALTER TABLE t ADD EXCLUDE USING gist (i inet_ops)",
        "CREATE INDEX a ON t (i COMPRESSION lz4)",
    ] {
        assert!(found(sql).iter().any(|f| f.rule == "sql-not-known"), "{sql}");
    }
}

#[test]
fn what_is_rolled_back_is_not_told_and_its_locks_are() {
    for (sql, rule, is) in [
        ("BEGIN; DROP TABLE t; ROLLBACK;", "sql-drop-table", false),
        ("BEGIN; DROP TABLE t; ROLLBACK;", "sql-lock", true),
        ("BEGIN; DROP TABLE t; ABORT;", "sql-drop-table", false),
        ("BEGIN; DROP TABLE t; COMMIT; ROLLBACK;", "sql-drop-table", true),
        ("DROP TABLE t; ROLLBACK;", "sql-drop-table", true),
        ("BEGIN; ROLLBACK; DROP TABLE t;", "sql-drop-table", true),
        ("BEGIN; ROLLBACK AND CHAIN; DROP TABLE t; COMMIT;", "sql-drop-table", true),
        ("BEGIN; COMMIT AND CHAIN; DROP TABLE t; ROLLBACK;", "sql-drop-table", false),
        ("BEGIN; DROP TABLE t;", "sql-drop-table", true),
        ("BEGIN; ROLLBACK AND CHAIN; DROP TABLE t;", "sql-transaction-open", true),
        ("BEGIN; DROP TABLE t; PREPARE TRANSACTION 'x'; ROLLBACK; COMMIT PREPARED 'x';", "sql-drop-table", true),
        ("BEGIN; SAVEPOINT a; DROP TABLE t; ROLLBACK TO a; COMMIT;", "sql-drop-table", false),
        ("BEGIN; DROP TABLE t; SAVEPOINT a; ROLLBACK TO a; COMMIT;", "sql-drop-table", true),
        ("BEGIN; SAVEPOINT a; ROLLBACK TO a; DROP TABLE t; COMMIT;", "sql-drop-table", true),
        ("BEGIN; SAVEPOINT a; DROP TABLE t; RELEASE a; ROLLBACK TO a; COMMIT;", "sql-drop-table", true),
        ("DO $$ BEGIN DROP TABLE t; IF false THEN ROLLBACK; END IF; END $$;", "sql-drop-table", true),
        ("BEGIN; TRUNCATE t CASCADE; ROLLBACK;", "sql-truncate-cascade", false),
        ("BEGIN; TRUNCATE t CASCADE; COMMIT;", "sql-truncate-cascade", true),
        ("BEGIN; ALTER TABLE t ALTER i TYPE bigint; ROLLBACK;", "sql-table-rewrite", true),
        ("BEGIN; ALTER TABLE t RENAME TO u; ROLLBACK;", "sql-rename", false),
        ("BEGIN; DELETE FROM t; ROLLBACK;", "sql-delete-all", false),
        ("BEGIN; DELETE FROM t; ROLLBACK;", "sql-update-all", true),
    ] {
        assert_eq!(has(sql, rule), is, "{sql} {rule}: {:?}", found(sql));
    }
    let rewrite = found("BEGIN; ALTER TABLE t ALTER i TYPE bigint; ROLLBACK;");
    let f = rewrite.iter().find(|f| f.rule == "sql-table-rewrite").unwrap();
    assert_eq!(f.severity, Severity::Critical);
    assert!(f.details.contains(&"it is rolled back, and holds its locks until then".to_string()), "{f:?}");
    let small = found("BEGIN; DELETE FROM small; ROLLBACK;");
    assert_eq!(small.iter().find(|f| f.rule == "sql-update-all").map(|f| f.severity), Some(Severity::Info));
}
