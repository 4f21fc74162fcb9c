//! Events and files that nobody names.
use super::*;

const INT: &str = r#"{"type": "record", "name": "E", "fields": [{"name": "a", "type": "int"}]}"#;
const STRING: &str = r#"{"type": "record", "name": "E", "fields": [{"name": "a", "type": "string"}]}"#;

/// `a` moves from one schema of `OrderPlaced` to another; `c` reads an event of this name.
fn stand(produces: &str, reads: &str) -> Stand {
    let a = format!("  audience: internal\n  produces: [{produces}]\n");
    let c = format!("  audience: internal\n  consumes: [{reads}]\n");
    let files = [("a/1.0.0/events/OrderPlaced.avsc", INT), ("a/2.0.0/events/OrderPlaced.avsc", STRING)];
    Stand::new(&[("a 1.0.0", &a), ("a 2.0.0", &a), ("c 1.0.0", &c)], &files)
        .moves(&[("a", "1.0.0", "2.0.0"), ("c", "1.0.0", "1.0.0")])
}

#[test]
fn a_slip_in_what_is_read_is_told_and_is_a_reader() {
    let slip = stand("OrderPlaced", "OrderPlacd").outcome();
    let f = find(&slip, "event-unknown");
    assert_eq!(f.severity, Severity::Warning);
    assert_eq!(f.message, "c 1.0.0 reads OrderPlacd, and no service of the fleet writes such an event");
    let advice = "did you mean `OrderPlaced`? Nothing was held against OrderPlacd";
    assert_eq!(f.recommendation.as_deref(), Some(advice));
    assert_eq!(f.location.revision.as_ref().unwrap().pointer, "/spec/consumes/0");
    let changed = slip.report.findings.iter().find(|f| f.rule.starts_with("avro-")).unwrap();
    assert_eq!(changed.severity, Severity::Critical);
    let why = "c 1.0.0 may read it: it reads OrderPlacd, which nobody writes";
    assert!(changed.details.iter().any(|d| d == why), "{changed:#?}");
    // Something else may come from outside of the fleet; nobody else reads what changes.
    let other = stand("OrderPlaced", "Weather").outcome();
    assert!(!other.report.findings.iter().any(|f| f.rule == "event-unknown" || f.severity == Severity::Critical));
    let note = "c reads Weather, which no service here writes: not compared";
    assert!(other.report.not_compared.iter().any(|n| n == note), "{:?}", other.report.not_compared);
}

#[test]
fn what_lies_beside_a_contract_unnamed_is_told() {
    let mut blank = stand("", "OrderPlaced");
    let files = ["events/OrderPlaced.avsc", "migrations/m1.SQL"];
    for version in ["1.0.0", "2.0.0"] {
        let a = blank.registry.services.get_mut("a").unwrap().get_mut(&v(version)).unwrap();
        a.events.clear();
        a.undeclared = files.iter().map(|f| format!("a/{version}/{f}")).collect();
    }
    let outcome = blank.outcome();
    let open = &outcome.report.not_compared;
    for version in ["1.0.0", "2.0.0"] {
        let note = format!(
            "a/{version}/events/OrderPlaced.avsc: a {version} neither writes nor reads OrderPlaced by its contract, so it \
             is not looked at"
        );
        assert!(open.contains(&note), "{open:?}");
    }
    let sql = "a/2.0.0/migrations/m1.SQL: no migration of a 2.0.0 names it, so it is not looked at";
    assert!(open.iter().any(|n| n == sql) && !open.iter().any(|n| n.contains("1.0.0/migrations")), "{open:?}");
    let f = find(&outcome, "event-unknown");
    let advice = "a 1.0.0 has a schema of it: name it under `produces` of its contract if it writes it";
    assert_eq!(f.recommendation.as_deref(), Some(advice));
}

#[test]
fn a_reader_that_begins_and_has_no_schema_to_read_by_is_told() {
    let begins =
        Stand::new(&[("p 1.0.0", "  produces: [E]\n"), ("c 1.0.0", ""), ("c 1.1.0", "  consumes: [E]\n")], &[]);
    let outcome = begins.moves(&[("p", "1.0.0", "1.0.0"), ("c", "1.0.0", "1.1.0")]).outcome();
    let note = "p 1.0.0 has no schema of E, so it is not compared with what c reads";
    assert_eq!(outcome.report.not_compared, [note]);
}
