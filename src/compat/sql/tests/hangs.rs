//! What hangs on a column: keys, checks and indexes, as measured on PostgreSQL 15.
use super::*;

/// The scan of the last statement.
fn scan(sql: &str, known: &Catalogue) -> &'static str {
    match effects(sql, known).unwrap().last().and_then(|all| all.first()).map(|e| e.scan.clone()) {
        Some(Sure::Yes) => "yes",
        Some(Sure::Unless(_)) => "unless",
        Some(Sure::No) | None => "no",
    }
}

#[test]
fn a_primary_key_reads_all_rows_unless_its_columns_are_known_to_be_there() {
    let index = "CREATE UNIQUE INDEX CONCURRENTLY u ON t (i)";
    let key = "ALTER TABLE t ADD PRIMARY KEY USING INDEX u";
    for (sql, reads) in [
        (format!("{index}; {key}"), "unless"),
        (format!("ALTER TABLE t ADD COLUMN k int; CREATE UNIQUE INDEX u ON t (k); {key}"), "yes"),
        (format!("ALTER TABLE t ADD COLUMN k int NOT NULL DEFAULT 1; CREATE UNIQUE INDEX u ON t (k); {key}"), "no"),
        (
            format!("ALTER TABLE t ADD IF NOT EXISTS k int NOT NULL DEFAULT 1; CREATE UNIQUE INDEX u ON t (k); {key}"),
            "unless",
        ),
        (format!("{index}; ALTER TABLE t ALTER i DROP NOT NULL; {key}"), "yes"),
        (format!("{index}; ALTER TABLE t ALTER i SET NOT NULL; {key}"), "no"),
        (format!("{index}; ALTER TABLE t ALTER i SET NOT NULL, ADD PRIMARY KEY USING INDEX u"), "yes"),
        (format!("{index}; ALTER TABLE t ADD CHECK (i IS NOT NULL); {key}"), "no"),
        (format!("{index}; ALTER TABLE t ADD CHECK (i IS NOT NULL) NOT VALID; {key}"), "unless"),
        (format!("CREATE UNIQUE INDEX u ON t (x); {key}"), "no"),
        (format!("CREATE UNIQUE INDEX u ON t (x) INCLUDE (i); {key}"), "no"),
        (format!("CREATE UNIQUE INDEX u ON t (x, i); {key}"), "unless"),
        ("ALTER TABLE t ADD CONSTRAINT k PRIMARY KEY USING INDEX ix".to_string(), "unless"),
        (format!("BEGIN; ALTER TABLE t ALTER i SET NOT NULL; ROLLBACK; {index}; {key}"), "unless"),
        (format!("ALTER TABLE t ALTER x DROP NOT NULL, DROP COLUMN x, ADD COLUMN x text; {index}; {key}"), "unless"),
        ("ALTER TABLE t DROP COLUMN x, ADD COLUMN x text; CREATE UNIQUE INDEX u ON t (x); ".to_string() + key, "yes"),
    ] {
        assert_eq!(scan(&sql, &known()), reads, "{sql}");
    }
    let told =
        rules(&format!("ALTER TABLE t ADD COLUMN k int; CREATE UNIQUE INDEX CONCURRENTLY u ON t (k); {key}"), &known());
    assert!(told.contains(&("sql-scan-under-lock", Severity::Critical)), "{told:?}");
    let unsure = rules(&format!("{index}; {key}"), &known());
    assert!(unsure.contains(&("sql-scan-under-lock", Severity::Warning)), "{unsure:?}");
}

#[test]
fn checks_and_computed_indexes_are_done_anew_with_any_new_type() {
    let grows = "ALTER TABLE t ALTER v TYPE varchar(40)";
    for (before, reads) in [
        ("", "no"),
        ("ALTER TABLE t ADD CHECK (length(v) > 0)", "yes"),
        ("ALTER TABLE t ADD CONSTRAINT k CHECK (length(v) > 0)", "yes"),
        ("ALTER TABLE t ADD CONSTRAINT k CHECK (length(v) > 0) NOT VALID", "no"),
        ("ALTER TABLE t ADD CONSTRAINT k CHECK (length(v) > 0) NOT VALID; ALTER TABLE t VALIDATE CONSTRAINT k", "yes"),
        ("ALTER TABLE t ADD CONSTRAINT k CHECK (length(v) > 0); ALTER TABLE t DROP CONSTRAINT k", "no"),
        ("ALTER TABLE t ADD CHECK (i > 0)", "no"),
        ("ALTER TABLE t DROP COLUMN v; ALTER TABLE t ADD COLUMN v varchar(20) CHECK (length(v) > 0)", "yes"),
        ("ALTER TABLE t DROP COLUMN v; ALTER TABLE t ADD COLUMN v varchar(20)", "no"),
        ("CREATE INDEX a ON t (v)", "no"),
        ("CREATE INDEX a ON t (v text_pattern_ops DESC)", "no"),
        ("CREATE INDEX a ON t (i) INCLUDE (v)", "no"),
        ("CREATE INDEX a ON t (lower(v))", "yes"),
        ("CREATE INDEX ON t USING gin ((v || 'x') gin_trgm_ops)", "yes"),
        ("CREATE INDEX a ON t (i) WHERE v = 'a'", "yes"),
        ("CREATE INDEX a ON t (v) WHERE i = 1", "yes"),
        ("CREATE INDEX a ON t (i) WHERE x = 'v'", "no"),
        ("CREATE INDEX a ON t (lower(v)); DROP INDEX a", "no"),
        ("BEGIN; CREATE INDEX a ON t (lower(v)); ROLLBACK", "no"),
        ("BEGIN; DROP INDEX ex; ROLLBACK; CREATE INDEX a ON t (lower(x))", "no"),
    ] {
        let sql = format!("{before}; {grows}");
        assert_eq!(scan(&sql, &known()), reads, "{sql}");
    }
    // A catalogue tells it as well, by the name of an index alone or with what is known of it.
    let table = |rest: &str| -> Catalogue {
        let text = format!(r#"{{"tables": {{"t": {{"rows": 9000000, "columns": {{"v": "varchar(20)"}}, {rest}}}}}}}"#);
        serde_json::from_str(&text).unwrap()
    };
    let check = |more: &str| format!(r#""constraints": {{"k": {{"kind": "check", "valid": true{more}}}}}"#);
    for (rest, reads) in [
        (r#""indexes": ["a"]"#.to_string(), "no"),
        (r#""indexes": {"a": {"columns": ["v"]}}"#.to_string(), "no"),
        (r#""indexes": {"a": {"columns": ["v"], "computed": true}}"#.to_string(), "yes"),
        (r#""indexes": {"a": {"columns": ["w"], "computed": true}}"#.to_string(), "no"),
        (check(r#", "columns": "v""#), "yes"),
        (check(r#", "columns": ["w"]"#), "no"),
        (check(r#", "notNull": "v""#), "yes"),
        (check(""), "unless"),
    ] {
        assert_eq!(scan(grows, &table(&rest)), reads, "{rest}");
    }
    let report = lint("m.sql", &format!("ALTER TABLE t ADD CONSTRAINT k CHECK (length(v) > 0); {grows}"), &mut known());
    let found = report.unwrap().findings;
    let f = found.iter().rfind(|f| f.rule == "sql-scan-under-lock").unwrap();
    assert_eq!(f.severity, Severity::Critical);
    assert!(f.message.contains("while its check k is held against every row"), "{}", f.message);
    // Where the type is not known it may be written anew, and is read through in any case.
    let unknown =
        rules("CREATE INDEX CONCURRENTLY a ON u (lower(v)); ALTER TABLE u ALTER v TYPE varchar(40)", &empty());
    for told in [("sql-table-rewrite", Severity::Warning), ("sql-scan-under-lock", Severity::Critical)] {
        assert!(unknown.contains(&told), "{unknown:?}");
    }
}

#[test]
fn types_that_hold_the_same_are_not_written_anew() {
    let of = |from: &str| -> Catalogue {
        let text = format!(r#"{{"tables": {{"t": {{"rows": 9000000, "columns": {{"c": "{from}"}}}}}}}}"#);
        serde_json::from_str(&text).unwrap()
    };
    for (from, before, to, rewrites) in [
        ("character(5)", "", "bpchar", false),
        ("character(5)", "", "character(9)", true),
        ("bpchar", "", "char", true),
        ("char", "", "character(1)", false),
        ("character varying(5)", "", "bpchar", false),
        ("text", "", "bpchar", false),
        ("bpchar", "", "text", true),
        ("integer", "CREATE DOMAIN d AS int;", "d", false),
        ("integer", "CREATE DOMAIN d int;", "d", false),
        ("integer", "CREATE DOMAIN d AS bigint;", "d", true),
        ("integer", "CREATE DOMAIN d AS int CHECK (VALUE > 0);", "d", true),
        ("integer", "CREATE DOMAIN d AS int; ALTER DOMAIN d ADD CHECK (VALUE > 0);", "d", true),
        ("integer", "CREATE DOMAIN d AS int; CREATE DOMAIN e AS d;", "e", false),
        ("varchar(5)", "CREATE DOMAIN d AS varchar(10);", "d", false),
        ("varchar(5)", "CREATE DOMAIN d AS varchar(3);", "d", true),
        ("integer", "CREATE DOMAIN d AS int CHECK (VALUE > 0); ALTER TABLE t ALTER c TYPE d;", "int", false),
        ("integer", "CREATE DOMAIN d AS int CHECK (VALUE > 0); ALTER TABLE t ALTER c TYPE d;", "d", false),
        ("integer", "", "d", true),
    ] {
        let sql = format!("{before} ALTER TABLE t ALTER c TYPE {to}");
        let all = effects(&sql, &of(from)).unwrap();
        assert_eq!(all.last().unwrap()[0].rewrite == Sure::Yes, rewrites, "{from}: {sql}");
    }
    let index = "CREATE INDEX a ON t (c); ALTER TABLE t ALTER c TYPE bpchar";
    assert_eq!((scan(index, &of("text")), scan(index, &of("character(5)"))), ("unless", "no"));
}
