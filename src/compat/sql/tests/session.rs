//! What statements mean for those after them on the same connection, and changes of type as measured on PostgreSQL 15.
use super::*;

/// The worst of a rule, none where it is not told.
fn worst(sql: &str, rule: &str, known: &Catalogue) -> Option<Severity> {
    let report = lint("m.sql", sql, &mut known.clone()).unwrap_or_else(|e| panic!("{sql}: {}", e[0]));
    report.findings.iter().filter(|f| f.rule == rule).map(|f| f.severity).max()
}

#[test]
fn a_lock_is_held_until_its_transaction_ends() {
    let check = "ALTER TABLE t ADD CONSTRAINT c CHECK (i > 0) NOT VALID";
    let key = "ALTER TABLE t ADD CONSTRAINT c FOREIGN KEY (i) REFERENCES p NOT VALID";
    let validate = "ALTER TABLE t VALIDATE CONSTRAINT c";
    for (sql, told) in [
        (format!("BEGIN; {check}; {validate}; COMMIT;"), true),
        (format!("BEGIN; {key}; {validate}; COMMIT;"), true),
        (format!("{check}, VALIDATE CONSTRAINT c;"), true),
        (format!("BEGIN; {check}; COMMIT; BEGIN; {validate}; COMMIT;"), false),
        (format!("{check}; {validate};"), false),
        (format!("BEGIN; ALTER TABLE small ADD COLUMN a int; {validate}; COMMIT;"), false),
        ("BEGIN; ALTER TABLE t ADD COLUMN a int; UPDATE t SET a = 1; COMMIT;".into(), true),
        ("ALTER TABLE t ADD COLUMN a int; UPDATE t SET a = 1;".into(), false),
    ] {
        let found = worst(&sql, "sql-scan-under-lock", &known());
        assert_eq!(found, told.then_some(Severity::Critical), "{sql}");
    }
}

#[test]
fn the_time_zone_is_the_session_s() {
    let utc = Catalogue { utc: Some(true), ..known() };
    let change = "ALTER TABLE t ALTER ts TYPE timestamptz";
    for (sql, rewrites) in [
        (change.to_string(), false),
        (format!("SET timezone = 'Europe/Berlin'; {change};"), true),
        (format!("SET TIME ZONE 'Asia/Tokyo'; {change};"), true),
        (format!("BEGIN; SET LOCAL timezone TO 'Asia/Tokyo'; {change}; COMMIT;"), true),
        (format!("BEGIN; SET LOCAL timezone TO 'Asia/Tokyo'; COMMIT; {change};"), false),
        (format!("SET TIME ZONE 'Asia/Tokyo'; SET TIME ZONE DEFAULT; {change};"), false),
        (format!("SET TIME ZONE 'Asia/Tokyo'; RESET timezone; {change};"), false),
    ] {
        assert_eq!(worst(&sql, "sql-table-rewrite", &utc).is_some(), rewrites, "{sql}");
    }
    let elsewhere = worst(&format!("SET TIME ZONE 'UTC'; {change};"), "sql-table-rewrite", &known());
    assert_eq!(elsewhere, None, "the catalogue says another zone, and the migration sets UTC");
    let mut next = utc.clone();
    lint("a.sql", "SET timezone = 'Europe/Berlin';", &mut next).unwrap();
    assert_eq!(worst(change, "sql-table-rewrite", &next), None, "each file has a connection of its own");
}

#[test]
fn a_column_of_a_domain_with_a_rule_is_looked_at_row_by_row() {
    for (rule, rewrites) in [("CHECK (VALUE > 0)", true), ("NOT NULL", true), ("", false)] {
        let sql = format!("CREATE DOMAIN dm AS int {rule}; ALTER TABLE t ADD COLUMN c dm;");
        assert_eq!(worst(&sql, "sql-table-rewrite", &known()).is_some(), rewrites, "{sql}");
    }
    let later = "CREATE DOMAIN dm AS int; ALTER DOMAIN dm ADD CHECK (VALUE > 0); ALTER TABLE t ADD COLUMN c dm;";
    assert_eq!(worst(later, "sql-table-rewrite", &known()), Some(Severity::Critical));
}

#[test]
fn types_that_are_the_same_bytes() {
    for (from, to, rewrites) in [
        ("varchar(10)[]", "varchar(20)[]", true),
        ("varchar(10)[]", "varchar[]", false),
        ("text[]", "varchar[]", true),
        ("varchar[]", "text[]", true),
        ("varchar(10)[]", "text[]", true),
        ("timestamp(3)", "timestamptz(3)", true),
        ("timestamptz(3)", "timestamp(3)", true),
        ("timestamp(3)", "timestamptz", false),
        ("timestamp(3)", "timestamptz(6)", false),
        ("interval(3)", "interval(6)", false),
        ("interval(3)", "interval", false),
        ("interval", "interval(3)", true),
        ("interval", "interval year to month", true),
        ("interval(6)", "interval day to second(3)", true),
        ("interval", "interval day to second", false),
        ("interval year to month", "interval", false),
        ("bit(5)", "varbit", false),
        ("bit(5)", "varbit(9)", true),
        ("xml", "text", false),
        ("integer", "oid", false),
        ("oid", "integer", false),
        ("oid", "regclass", false),
        ("integer", "bigint", true),
    ] {
        let mut known = Catalogue { utc: Some(true), ..known() };
        known.tables.get_mut("t").unwrap().columns.insert("c".into(), from.into());
        let effect = one(&format!("ALTER TABLE t ALTER COLUMN c TYPE {to}"), &known);
        assert_eq!(effect.rewrite, if rewrites { Sure::Yes } else { Sure::No }, "{from} -> {to}");
    }
}

#[test]
fn an_order_of_texts_is_an_order_of_indexes() {
    let change = |collate: &str| format!("ALTER TABLE t ALTER COLUMN v TYPE varchar(20) {collate};");
    assert_eq!(worst(&change("COLLATE \"C\""), "sql-scan-under-lock", &known()), Some(Severity::Warning));
    assert_eq!(worst(&change(""), "sql-scan-under-lock", &known()), None);
    let utc = Catalogue { utc: Some(true), ..known() };
    let zoned = "ALTER TABLE t ALTER ts TYPE timestamptz";
    assert_eq!(worst(zoned, "sql-scan-under-lock", &utc), Some(Severity::Warning), "its index is built anew");
    assert_eq!(worst("ALTER TABLE t ALTER v TYPE text", "sql-scan-under-lock", &utc), None);
}

#[test]
fn what_a_check_says_besides_is_no_matter() {
    let not_null = "ALTER TABLE t ALTER COLUMN a SET NOT NULL";
    for (check, believed) in [
        ("a IS NOT NULL", true),
        ("((a IS NOT NULL) AND (b = 1))", true),
        ("b = 1 AND a IS NOT NULL", true),
        ("a IS NOT NULL OR b = 1", false),
        ("NOT (a IS NOT NULL)", false),
        ("b IS NOT NULL", false),
        ("b BETWEEN 1 AND a IS NOT NULL", false),
    ] {
        let sql = format!(
            "ALTER TABLE t ADD CONSTRAINT c CHECK ({check}) NOT VALID; ALTER TABLE t VALIDATE CONSTRAINT c; {not_null};"
        );
        let told = worst(&sql, "sql-scan-under-lock", &known());
        assert_eq!(told.is_none(), believed, "{check}: {told:?}");
    }
    let text = |columns: &str| {
        format!(r#"{{"tables": {{"t": {{"constraints": {{"c": {{"kind": "check", "valid": true{columns}}}}}}}}}}}"#)
    };
    for (columns, believed) in [
        (r#", "notNull": "a""#, true),
        (r#", "notNull": ["b", "a"]"#, true),
        (r#", "notNull": null"#, false),
        ("", false),
    ] {
        let known: Catalogue = serde_json::from_str(&text(columns)).unwrap();
        assert_eq!(worst(not_null, "sql-scan-under-lock", &known).is_none(), believed, "{columns}");
    }
}

#[test]
fn what_is_made_and_then_renamed_is_new() {
    let change = "ALTER TABLE m ALTER COLUMN a TYPE bigint;";
    assert_eq!(
        worst(&format!("CREATE TABLE n (a int); ALTER TABLE n RENAME TO m; {change}"), "sql-table-rewrite", &empty()),
        None
    );
    let known = worst(&format!("ALTER TABLE small RENAME TO m; {change}"), "sql-table-rewrite", &known());
    assert_eq!(known, Some(Severity::Info), "its size goes with it");
}

#[test]
fn a_vacuum_that_is_not_full_holds_nobody_up() {
    for (options, told) in [
        ("FULL t", true),
        ("(FULL) t", true),
        ("(FULL true) t", true),
        ("(FULL off) t", false),
        ("(FULL false, ANALYZE) t", false),
    ] {
        assert_eq!(worst(&format!("VACUUM {options}"), "sql-table-rewrite", &known()).is_some(), told, "{options}");
    }
}

#[test]
fn a_table_of_unknown_size_is_taken_for_a_large_one() {
    assert_eq!(worst("UPDATE t SET a = 1", "sql-update-all", &empty()), Some(Severity::Critical));
    assert_eq!(worst("UPDATE small SET a = 1", "sql-update-all", &known()), Some(Severity::Info));
}

#[test]
fn what_a_do_block_carries_out_is_looked_at() {
    for (sql, rule, told) in [
        ("DO $$ BEGIN DROP TABLE t; END $$;", "sql-drop-table", true),
        (
            "DO $x$ BEGIN\n IF EXISTS (SELECT 1 FROM u) THEN ALTER TABLE t DROP COLUMN x; END IF; END $x$;",
            "sql-drop-column",
            true,
        ),
        (
            "DO $$ DECLARE r record; BEGIN FOR r IN SELECT 1 LOOP DELETE FROM t; END LOOP; END $$",
            "sql-delete-all",
            true,
        ),
        ("DO $$ BEGIN EXECUTE 'DROP TABLE t'; END $$ LANGUAGE plpgsql;", "sql-drop-table", true),
        ("DO 'BEGIN DROP TABLE t; END';", "sql-drop-table", true),
        (
            "DO $$ BEGIN IF true THEN NULL; ELSE UPDATE t SET i = CASE WHEN true THEN 1 ELSE 2 END; END IF; END $$",
            "sql-update-all",
            true,
        ),
        ("DO $$ BEGIN ALTER TABLE t ADD COLUMN a int; UPDATE t SET a = 1; END $$", "sql-scan-under-lock", true),
        ("DO $$ BEGIN RAISE NOTICE 'drop table t'; END $$;", "sql-drop-table", false),
        ("DO $$ BEGIN IF to_regclass('n') IS NULL THEN CREATE TABLE n (i int); END IF; END $$", "sql-lock", false),
    ] {
        assert_eq!(worst(sql, rule, &known()).is_some(), told, "{sql}");
        let report = lint("m.sql", sql, &mut known()).unwrap();
        assert!(report.not_compared.is_empty(), "{sql}: {report:?}");
    }
    let sql = "SELECT 1;\nDO $$\nBEGIN\n  DROP TABLE t;\n  EXECUTE format('DROP TABLE %I', 'x');\nEND $$;";
    let report = lint("m.sql", sql, &mut known()).unwrap();
    let dropped = report.findings.iter().find(|f| f.rule == "sql-drop-table").unwrap();
    let place = dropped.location.revision.as_ref().unwrap();
    assert_eq!((place.pointer.as_str(), place.line), ("/1", Some(4)));
    assert_eq!(report.not_compared, ["m.sql:5: `do … execute`: what it does cannot be seen from here"]);
}

/// As on PostgreSQL 15: what cannot run in a transaction cannot run in a block.
#[test]
fn a_do_block_is_a_transaction() {
    let alone = "sql-concurrently-in-transaction";
    for body in ["CREATE INDEX CONCURRENTLY i ON t (i)", "DROP INDEX CONCURRENTLY ix", "VACUUM t"] {
        assert_eq!(worst(&format!("DO $$ BEGIN {body}; END $$;"), alone, &known()), Some(Severity::Critical), "{body}");
        let after = format!("DO $$ BEGIN NULL; END $$; {body};");
        assert_eq!(worst(&after, alone, &known()), None, "{after}: the block's transaction has ended");
    }
    let two = "DO $$ BEGIN ALTER TABLE t ADD a int; ALTER TABLE small ADD a int; END $$;";
    assert_eq!(worst(two, "sql-locks-several-tables", &known()), Some(Severity::Warning));
    let each = "DO $$ BEGIN ALTER TABLE t ADD a int; COMMIT; ALTER TABLE small ADD a int; END $$;";
    assert_eq!(worst(each, "sql-locks-several-tables", &known()), None);
    let within = "BEGIN; DO $$ BEGIN NULL; END $$; DROP INDEX CONCURRENTLY ix; COMMIT;";
    assert_eq!(worst(within, alone, &known()), Some(Severity::Critical), "the one around it goes on");
}

#[test]
fn a_function_that_is_carried_out_is_said_not_to_be_seen_into() {
    for (sql, said) in [
        ("SELECT drop_all();", true),
        ("SELECT my.f(1), 2;", true),
        ("DO $$ DECLARE n int; BEGIN SELECT drop_all() INTO n; END $$;", true),
        ("SELECT setval('s', 1);", false),
        ("SELECT pg_catalog.set_config('search_path', '', false);", false),
        ("SELECT count(*) FROM t;", false),
        ("SELECT 1 WHERE 1 IN (1, 2);", false),
    ] {
        let report = lint("m.sql", sql, &mut known()).unwrap();
        assert_eq!(!report.not_compared.is_empty(), said, "{sql}: {report:?}");
    }
}
