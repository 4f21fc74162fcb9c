//! What contracts and SQL say of one database.
use super::*;

/// `orders.note` is dropped by a contract phase; who reads what, and what is declared, is spelled in many ways.
#[test]
fn names_are_what_the_database_takes_them_for() {
    let sql = |what: &str| format!("SET lock_timeout = '1s'; {what};");
    let stand = |reads: &str, drops: &str, what: &str| {
        let new = format!(
            "  reads: [other.id]\n  migrations:\n    - {{id: m, phase: contract, destructive: true, drops: [{drops}], sql: m.sql}}\n"
        );
        let old = format!("  reads: [{reads}]\n");
        Stand::new(&[("a 1.0.0", &old), ("a 1.1.0", &new)], &[("a/1.1.0/m.sql", &sql(what))])
            .moves(&[("a", "1.0.0", "1.1.0")])
    };
    let column = "ALTER TABLE orders DROP COLUMN note";
    let read = "Critical migration-drops-what-is-read".to_string();
    for (reads, drops, what, is_read) in [
        ("public.orders.note", "orders.note", column, true),
        ("Orders.Note", "orders.note", column, true),
        ("orders", "orders.note", column, true),
        ("orders.note", "orders", "DROP TABLE orders", true),
        ("sales.orders.note", "sales", "DROP SCHEMA sales CASCADE", true),
        ("'\"Orders\".note'", "orders.note", column, false),
        ("orders.id", "public.orders.note", column, false),
    ] {
        let told = stand(reads, drops, what).told();
        assert_eq!(told.contains(&read), is_read, "{reads} {drops}: {told:?}");
        let bars = told.iter().any(|t| t.starts_with("Critical sql-drop-"));
        assert_eq!(bars, is_read, "{reads} {drops}: {told:?}");
    }
    // What the SQL drops besides stays what it is, also where it is deferred; and so it does where nobody says what is read.
    let both = "ALTER TABLE orders DROP COLUMN note, DROP COLUMN total";
    assert_eq!(
        stand("orders.id", "orders.note", both).told().iter().filter(|t| *t == "Critical sql-drop-column").count(),
        1
    );
    assert!(
        stand("orders.id", "orders.note, deferred.x", "DROP TABLE orders")
            .told()
            .contains(&"Critical sql-drop-table".into())
    );
    let mut unknown = stand("orders.id", "orders.note", column);
    unknown.registry.services.get_mut("a").unwrap().remove(&v("1.0.0"));
    assert!(unknown.told().contains(&"Critical sql-drop-column".into()), "{:?}", unknown.told());
    assert!(unknown.told().contains(&"Critical migration-drops-what-is-read".into()), "{:?}", unknown.told());
}

#[test]
fn an_id_that_comes_twice_is_told() {
    let m = |sql: &str| format!("  migrations:\n    - {{id: m, phase: expand, sql: {sql}.sql}}\n");
    let stand = |again: &str, middle: &str| {
        let text = "SET lock_timeout = '1s'; CREATE TABLE n (i int);";
        let files =
            [(format!("a/{middle}/m.sql"), text.to_string()), ("a/1.2.0/m.sql".to_string(), format!("{text}{again}"))];
        let files: Vec<(&str, &str)> = files.iter().map(|(p, t)| (p.as_str(), t.as_str())).collect();
        let between = format!("a {middle}");
        Stand::new(&[("a 1.0.0", ""), (&between, &m("m")), ("a 1.2.0", &m("m"))], &files)
            .moves(&[("a", "1.0.0", "1.2.0")])
    };
    assert_eq!(stand("", "1.1.0").told(), ["Warning migration-id-repeated"]);
    let other = stand(" ALTER TABLE t ADD a int;", "1.1.0").told();
    assert!(other.contains(&"Critical migration-id-repeated".into()), "{other:?}");
    assert!(other.contains(&"Info sql-lock".into()), "both are looked at: {other:?}");
    // A release brings what its pre-release brought.
    assert_eq!(stand("", "1.2.0-rc.1").told(), [""; 0]);
}

/// What is deferred is dropped when only the new version runs: what that one reads is missed then, what the old one reads
/// is missed by whoever wanted to go back.
#[test]
fn what_is_deferred_is_missed_by_the_version_that_stays() {
    let stand = |old: &str, new: &str, sql: Option<&str>| {
        let from = format!("  reads: [{old}]\n");
        let file = sql.map_or("", |_| ", sql: m.sql");
        let to = format!(
            "  reads: [{new}]\n  migrations:\n    - {{id: m, phase: contract, deferred: true, destructive: true, drops: [t.a]{file}}}\n"
        );
        let text = sql.map(|sql| format!("SET lock_timeout = '1s'; {sql};"));
        let files: Vec<(&str, &str)> = text.iter().map(|t| ("a/1.1.0/m.sql", t.as_str())).collect();
        Stand::new(&[("a 1.0.0", &from), ("a 1.1.0", &to)], &files).moves(&[("a", "1.0.0", "1.1.0")]).told()
    };
    let drop = Some("ALTER TABLE t DROP COLUMN a");
    for (old, new, sql, severity) in [
        ("t.a", "t.a", None, "Critical"),
        ("t.b", "t.a", None, "Critical"),
        ("t.a", "t.b", None, "Warning"),
        ("t.a", "t.a", drop, "Critical"),
        ("t.a", "t.b", drop, "Warning"),
    ] {
        let told = stand(old, new, sql);
        let worst = |part: &str| told.iter().filter(|t| t.ends_with(part)).max_by_key(|t| t.starts_with("Critical"));
        assert_eq!(worst("drops-what-is-read").unwrap().split(' ').next(), Some(severity), "{old} {new}: {told:?}");
        if sql.is_some() {
            assert_eq!(worst("sql-drop-column").unwrap().split(' ').next(), Some(severity), "{old} {new}: {told:?}");
        }
    }
    let quiet = stand("t.b", "t.b", None);
    assert!(!quiet.iter().any(|t| t.contains("drops-what-is-read")), "{quiet:?}");
}

#[test]
fn an_id_that_has_run_is_told_where_it_comes_again() {
    let m = |drops: &str| format!("  migrations:\n    - {{id: m, phase: contract{drops}}}\n");
    let stand = |from: &str, again: &str| {
        let first = format!("a {from}");
        Stand::new(&[(&first, &m("")), ("a 1.1.0", &m(again))], &[]).moves(&[("a", from, "1.1.0")])
    };
    let other = ", destructive: true, drops: [t.x]";
    let outcome = stand("1.0.0", other).outcome();
    let f = find(&outcome, "migration-id-repeated");
    assert_eq!(f.severity, Severity::Critical);
    assert!(f.message.starts_with("m comes with a 1.0.0 and with 1.1.0"), "{}", f.message);
    assert!(stand("1.0.0", "").told().contains(&"Warning migration-id-repeated".into()));
    // A release brings what its pre-release brought; something else under that id is left out.
    assert!(!stand("1.1.0-rc.1", "").told().iter().any(|t| t.contains("repeated")));
    assert!(stand("1.1.0-rc.1", other).told().contains(&"Critical migration-id-repeated".into()));
}

#[test]
fn what_a_contract_phase_takes_back_is_there() {
    let stand = |expand: &str, takes: &str| {
        let old = "  migrations:\n    - {id: long-ago, phase: expand}\n";
        let new = format!(
            "  migrations:\n    - {{id: {expand}, phase: expand}}\n    - {{id: m2, phase: contract, contracts: {takes}}}\n"
        );
        Stand::new(&[("a 1.0.0", old), ("a 1.1.0", &new)], &[]).moves(&[("a", "1.0.0", "1.1.0")]).outcome()
    };
    let rule = "migration-contracts-unknown";
    let slip = stand("m1", "ml");
    let f = find(&slip, rule);
    let advice = "did you mean `m1`? That one runs in the same upgrade";
    assert_eq!((f.severity, f.recommendation.as_deref()), (Severity::Critical, Some(advice)));
    let before = stand("m1", "lomg-ago");
    let f = find(&before, rule);
    assert_eq!((f.severity, f.recommendation.as_deref()), (Severity::Warning, Some("did you mean `long-ago`?")));
    assert_eq!(find(&stand("m1", "nowhere"), rule).severity, Severity::Warning);
    for known in ["m1", "long-ago"] {
        assert!(!stand("m1", known).report.findings.iter().any(|f| f.rule == rule), "{known}");
    }
}

/// What is taken away without SQL to tell of it is told by what the contract says.
#[test]
fn what_a_contract_phase_takes_away_is_told_without_sql() {
    let stand = |rest: &str, old: &str| {
        let new = format!("  reads: [t.y]\n  migrations:\n    - {{id: m, phase: contract, tables: [t]{rest}}}\n");
        Stand::new(&[("a 1.0.0", &format!("  reads: [{old}]\n")), ("a 2.0.0", &new)], &[])
            .moves(&[("a", "1.0.0", "2.0.0")])
            .told()
    };
    let drops = ", destructive: true, drops: [t.x]";
    assert_eq!(stand(drops, "t.y"), ["Warning migration-drops"]);
    assert_eq!(stand(drops, "t.x"), ["Critical migration-drops-what-is-read"]);
    assert_eq!(stand(", deferred: true, destructive: true, drops: [t.x]", "t.y"), ["Warning migration-drops"]);
    assert_eq!(stand(", destructive: true", "t.y"), ["Warning migration-drops-unsaid"]);
    assert_eq!(stand("", "t.y"), [""; 0]);
}

/// The one who drops it is not the only one who may read it.
#[test]
fn another_service_that_reads_what_is_dropped_is_told() {
    let stand = |reads: &str, more: &str, deferred: &str, to: &str, sql: bool| {
        let file = if sql { ", sql: m.sql" } else { "" };
        let a = format!(
            "  reads: [t.y]\n  migrations:\n    - {{id: m, phase: contract, tables: [t], destructive: true, drops: [t.x]{deferred}{file}}}\n"
        );
        let b = format!("{reads}{more}");
        let contracts = [("a 1.0.0", "  reads: [t.y]\n"), ("a 2.0.0", &a), ("b 1.0.0", &b), ("b 2.0.0", "")];
        let text = "SET lock_timeout = '1s'; ALTER TABLE t DROP COLUMN x;";
        let files: &[(&str, &str)] = if sql { &[("a/2.0.0/m.sql", text)] } else { &[] };
        Stand::new(&contracts, files).moves(&[("a", "1.0.0", "2.0.0"), ("b", "1.0.0", to)]).outcome()
    };
    let rule = "migration-drops-what-is-read";
    let is =
        |outcome: &Outcome, rule: &str| outcome.report.findings.iter().find(|f| f.rule == rule).map(|f| f.severity);
    for reads in ["  reads: [t.x]\n", "  reads: [t]\n", "  reads: [public.t.x, other.z]\n"] {
        let outcome = stand(reads, "", "", "1.0.0", false);
        let f = find(&outcome, rule);
        assert_eq!(f.severity, Severity::Critical);
        assert!(f.message.starts_with("b 1.0.0 may still run and reads "), "{}", f.message);
    }
    for (reads, deferred, to, severity) in [
        ("  reads: [t.y]\n", "", "1.0.0", None),
        // Nobody asks a service that says nothing.
        ("", "", "1.0.0", None),
        ("  reads: [t.x]\n", "", "2.0.0", Some(Severity::Critical)),
        ("  reads: [t.x]\n", ", deferred: true", "1.0.0", Some(Severity::Critical)),
        ("  reads: [t.x]\n", ", deferred: true", "2.0.0", Some(Severity::Warning)),
    ] {
        assert_eq!(is(&stand(reads, "", deferred, to, false), rule), severity, "{reads}{deferred}{to}");
    }
    // A table of that name that it changes itself may be one of its own database.
    let own = stand("  reads: [t.x]\n", "  migrations: [{id: n, phase: expand, tables: [t]}]\n", "", "1.0.0", false);
    assert_eq!(is(&own, rule), Some(Severity::Warning));
    // So is what the SQL drops.
    assert_eq!(is(&stand("  reads: [t.x]\n", "", "", "1.0.0", true), "sql-drop-column"), Some(Severity::Critical));
    assert_eq!(is(&stand("  reads: [t.y]\n", "", "", "1.0.0", true), "sql-drop-column"), Some(Severity::Warning));
}
