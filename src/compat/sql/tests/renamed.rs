//! What is called otherwise takes along what hangs on it; and what a savepoint gives back.
use super::*;

fn found(sql: &str, known: &Catalogue) -> Vec<Finding> {
    lint("m.sql", sql, &mut known.clone()).unwrap_or_else(|e| panic!("{sql}: {}", e[0])).findings
}

fn worst(sql: &str, rule: &str, known: &Catalogue) -> Option<Severity> {
    found(sql, known).iter().filter(|f| f.rule == rule).map(|f| f.severity).max()
}

#[test]
fn what_hangs_on_a_column_follows_its_new_name() {
    let proof = "ALTER TABLE t ADD CONSTRAINT c CHECK (i IS NOT NULL) NOT VALID; ALTER TABLE t VALIDATE CONSTRAINT c;";
    for (sql, scans) in [
        (format!("{proof} ALTER TABLE t RENAME COLUMN i TO j; ALTER TABLE t ALTER j SET NOT NULL;"), false),
        (format!("{proof} ALTER TABLE t RENAME i TO j; ALTER TABLE t ALTER j SET NOT NULL;"), false),
        (format!("{proof} ALTER TABLE t RENAME i TO j, ADD COLUMN i int; ALTER TABLE t ALTER i SET NOT NULL;"), true),
        (format!("{proof} ALTER TABLE t RENAME CONSTRAINT c TO d; ALTER TABLE t ALTER i SET NOT NULL;"), false),
        (
            format!(
                "{proof} ALTER TABLE t RENAME CONSTRAINT c TO d; ALTER TABLE t DROP CONSTRAINT d; ALTER TABLE t ALTER i SET NOT NULL;"
            ),
            true,
        ),
        (format!("{proof} ALTER TABLE t RENAME TO u; ALTER TABLE u ALTER i SET NOT NULL;"), false),
        (format!("{proof} ALTER TABLE t RENAME TO u; ALTER TABLE t ALTER i SET NOT NULL;"), true),
        (format!("{proof} BEGIN; ALTER TABLE t RENAME i TO j; ROLLBACK; ALTER TABLE t ALTER i SET NOT NULL;"), false),
        (
            format!(
                "{proof} ALTER TABLE t RENAME i TO j; ALTER TABLE t DROP j; ALTER TABLE t ADD j int; ALTER TABLE t ALTER j SET NOT NULL;"
            ),
            true,
        ),
    ] {
        let told = worst(&sql, "sql-scan-under-lock", &known());
        assert_eq!(told, scans.then_some(Severity::Critical), "{sql}");
    }
    // Its type, and an index with a condition.
    let of = "ALTER TABLE t RENAME v TO w; ALTER TABLE t ALTER w TYPE varchar(40);";
    assert_eq!(worst(of, "sql-table-rewrite", &known()), None, "the type it had is known still");
    let index = "CREATE INDEX CONCURRENTLY a ON t (lower(v)); ALTER TABLE t RENAME v TO w; ALTER TABLE t ALTER w TYPE varchar(40);";
    assert_eq!(worst(index, "sql-scan-under-lock", &known()), Some(Severity::Critical));
}

#[test]
fn what_hangs_on_a_table_follows_its_new_name() {
    for (sql, critical) in [
        ("CREATE TABLE n (a int); ALTER TABLE n RENAME TO m; CREATE INDEX ON m (a);", false),
        ("CREATE TABLE n (a int); ALTER TABLE n RENAME TO m; CREATE INDEX ON n (a);", true),
        // It takes the place of one that versions which run ask for.
        ("ALTER TABLE t RENAME TO o; CREATE TABLE n (a int); ALTER TABLE n RENAME TO t; CREATE INDEX ON t (a);", true),
        ("CREATE TABLE n (a int); ALTER TABLE u RENAME TO o; ALTER TABLE n RENAME TO u; CREATE INDEX ON u (a);", true),
        ("DROP TABLE t; CREATE TABLE n (a int); ALTER TABLE n RENAME TO t; CREATE INDEX ON t (a);", true),
        (
            "CREATE TABLE n (a int); BEGIN; ALTER TABLE t RENAME TO o; ROLLBACK; ALTER TABLE n RENAME TO m; CREATE INDEX ON m (a);",
            false,
        ),
    ] {
        let told = worst(sql, "sql-scan-under-lock", &known());
        assert_eq!(told, critical.then_some(Severity::Critical), "{sql}");
    }
    let others = |sql: &str| effects(sql, &known()).unwrap().into_iter().flatten().next_back().unwrap().others;
    let exclusive = |table: &str| vec![(table.to_string(), Lock::AccessExclusive)];
    assert_eq!(others("ALTER TABLE p RENAME TO q; ALTER TABLE t DROP CONSTRAINT fk"), exclusive("q"));
    assert_eq!(others("ALTER TABLE t RENAME CONSTRAINT fk TO k; ALTER TABLE t DROP CONSTRAINT k"), exclusive("p"));
    let on = |sql: &str| effects(sql, &known()).unwrap().into_iter().flatten().next_back().unwrap().table;
    assert_eq!(on("ALTER INDEX ix RENAME TO iy; DROP INDEX iy"), "t");
    assert_eq!(on("ALTER TABLE t RENAME TO u; DROP INDEX ix"), "u");
}

#[test]
fn a_column_with_a_foreign_key_takes_the_lock_of_what_it_points_at() {
    let key = "ALTER TABLE t ADD FOREIGN KEY (i) REFERENCES q NOT VALID;";
    let others = |sql: &str| effects(sql, &known()).unwrap().into_iter().flatten().next_back().unwrap().others;
    let held = vec![("q".to_string(), Lock::AccessExclusive)];
    assert_eq!(others(&format!("{key} ALTER TABLE t DROP COLUMN i")), held);
    assert_eq!(others(&format!("{key} ALTER TABLE t RENAME i TO j; ALTER TABLE t DROP j")), held);
    assert_eq!(others("ALTER TABLE t ADD COLUMN k int REFERENCES q; ALTER TABLE t DROP k"), held);
    assert_eq!(others(&format!("{key} ALTER TABLE t DROP COLUMN x")), []);
    assert_eq!(others(&format!("{key} ALTER TABLE t DROP i; ALTER TABLE t ADD i int; ALTER TABLE t DROP i")), []);
    let catalogue = r#"{"tables": {"a": {"columns": {"i": "integer"},
        "constraints": {"k": {"kind": "foreignKey", "valid": true, "to": "q", "columns": ["i"]}}}}}"#;
    let known: Catalogue = serde_json::from_str(catalogue).unwrap();
    let told = |sql: &str, known: &Catalogue| -> Vec<String> {
        found(sql, known).into_iter().filter(|f| f.rule == "sql-lock-other-table").map(|f| f.message).collect()
    };
    assert_eq!(told("ALTER TABLE a DROP COLUMN i", &known), ["q is held under ACCESS EXCLUSIVE as well"]);
    // Where nobody says which keys there are.
    assert!(told("ALTER TABLE a DROP COLUMN i", &empty())[0].starts_with("if a foreign key goes with i"));
}

#[test]
fn a_savepoint_that_is_gone_back_to_gives_back_its_locks() {
    let add = "ALTER TABLE t ADD COLUMN a int;";
    let fill = "UPDATE t SET i = 1;";
    for (sql, held) in [
        (format!("BEGIN; SAVEPOINT s; {add} ROLLBACK TO s; {fill} COMMIT;"), false),
        (format!("BEGIN; {add} SAVEPOINT s; ROLLBACK TO s; {fill} COMMIT;"), true),
        (format!("BEGIN; SAVEPOINT s; {add} RELEASE s; {fill} COMMIT;"), true),
        (format!("BEGIN; SAVEPOINT s; SAVEPOINT r; {add} RELEASE r; ROLLBACK TO s; {fill} COMMIT;"), false),
        (format!("BEGIN; CREATE INDEX ON t (x); SAVEPOINT s; {add} ROLLBACK TO s; {fill} COMMIT;"), true),
    ] {
        let told = found(&sql, &known());
        let under =
            told.iter().any(|f| f.rule == "sql-scan-under-lock" && f.message.contains("as the transaction has it"));
        assert_eq!(under, held, "{sql}: {told:?}");
    }
    let two = "BEGIN; SAVEPOINT s; ALTER TABLE t ADD a int; ROLLBACK TO s; ALTER TABLE p ADD a int; COMMIT;";
    assert_eq!(worst(two, "sql-locks-several-tables", &known()), None);
}
