//! Readers beside writers: every pair of versions that meet.
use super::*;

const N: &str = r#", {"name": "n", "type": "int"}"#;
const DEFAULTED: &str = r#", {"name": "n", "type": "int", "default": 0}"#;

/// The writer `w` and a reader `r`; schemas by `service/version`, of Avro unless they say otherwise.
fn stand(schemas: &[(&str, &str)], w: (&str, &str), r: (&str, &str), terms: &str) -> Stand {
    let files: Vec<(String, &str)> = schemas
        .iter()
        .map(|(at, text)| {
            let end = if text.contains("$schema") { "schema.json" } else { "avsc" };
            (format!("{at}/events/E.{end}"), *text)
        })
        .collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), *text)).collect();
    let (writes, reads) = ("  audience: internal\n  produces: [E]\n", "  consumes: [E]\n");
    let contracts =
        [("w 1.0.0", writes), ("w 2.0.0", writes), ("w 3.0.0", writes), ("r 1.0.0", reads), ("r 2.0.0", reads)];
    Stand::new(&contracts, &files)
        .moves(&[("w", w.0, w.1), ("r", r.0, r.1)])
        .policy(&format!("  events: {{{terms}}}\n"))
}

const JSON: &str = r#"{"$schema": "http://json-schema.org/draft-07/schema#", "type": "object"}"#;

#[test]
fn a_reader_that_moves_alone_reads_what_is_written() {
    let (plain, more) = (event(""), event(N));
    let of = |new: &str| {
        let schemas = [("w/1.0.0", plain.as_str()), ("r/1.0.0", &plain), ("r/2.0.0", new)];
        stand(&schemas, ("1.0.0", "1.0.0"), ("1.0.0", "2.0.0"), "").outcome()
    };
    // Its new schema asks for a field that nobody writes.
    let outcome = of(&more);
    let f = find(&outcome, "event-not-read");
    assert!(f.message.starts_with("r 2.0.0 cannot read the E of w 1.0.0: "), "{}", f.message);
    assert_eq!((f.severity, f.of.as_ref().unwrap().service.as_str()), (Severity::Critical, "r"));
    assert!(of(&event(DEFAULTED)).report.compatible());
}

#[test]
fn old_and_new_of_both_sides_meet() {
    let (plain, more) = (event(""), event(N));
    let both = |new: &str, terms: &str| {
        let schemas = [("w/1.0.0", plain.as_str()), ("w/2.0.0", &more), ("r/1.0.0", &plain), ("r/2.0.0", new)];
        stand(&schemas, ("1.0.0", "2.0.0"), ("1.0.0", "2.0.0"), terms).outcome()
    };
    // The new reader needs what only the new writer writes: while records stay no order helps.
    let stays = both(&more, "");
    assert_eq!(find(&stays, "event-not-read").severity, Severity::Critical);
    assert!(stays.edges.is_empty(), "{:?}", stays.edges);
    let gone = both(&more, "E: {retained: false}");
    assert_eq!(find(&gone, "event-not-read").severity, Severity::Warning);
    assert_eq!(gone.waves, [["w"], ["r"]]);
    // The new reader reads neither, whatever the order.
    let none = both(&event(r#", {"name": "other", "type": "int"}"#), "E: {retained: false}");
    let f = find(&none, "event-not-read");
    assert_eq!(f.severity, Severity::Critical);
    assert!(f.details.iter().any(|d| d.starts_with("nor that of w 2.0.0: ")), "{f:#?}");
    // The old reader does not read the new writer, and the new one reads both: it goes first, and that is told.
    let schemas = [("w/1.0.0", more.as_str()), ("w/2.0.0", &plain), ("r/1.0.0", &more), ("r/2.0.0", &plain)];
    let before = stand(&schemas, ("1.0.0", "2.0.0"), ("1.0.0", "2.0.0"), "").outcome();
    assert_eq!(find(&before, "event-not-read").severity, Severity::Warning);
    assert_eq!(before.waves, [["r"], ["w"]]);
}

#[test]
fn what_both_come_to_in_the_end_is_looked_at_too() {
    // Each new version gets along with the other's old one, and not with its new one.
    let (a, b) = (event(r#", {"name": "a", "type": "int"}"#), event(r#", {"name": "b", "type": "int"}"#));
    let plain = event("");
    let schemas = [("w/1.0.0", a.as_str()), ("w/2.0.0", &b), ("r/1.0.0", &plain), ("r/2.0.0", &a)];
    let outcome = stand(&schemas, ("1.0.0", "2.0.0"), ("1.0.0", "2.0.0"), "").outcome();
    let f = find(&outcome, "event-not-read");
    assert!(f.message.starts_with("r 2.0.0 cannot read the E of w 2.0.0: "), "{}", f.message);
    assert_eq!(f.severity, Severity::Critical);
}

#[test]
fn a_new_reader_meets_the_records_of_every_version_before() {
    let (first, second) = (event(""), event(N));
    let schemas = |old: &'static str| {
        let old = if old == "second" { event(N) } else { event(DEFAULTED) };
        let schemas = [
            ("w/1.0.0", first.as_str()),
            ("w/2.0.0", &second),
            ("w/3.0.0", &second),
            ("r/1.0.0", &old),
            ("r/2.0.0", &second),
        ];
        let outcome = |terms| stand(&schemas, ("2.0.0", "3.0.0"), ("1.0.0", "2.0.0"), terms).outcome();
        (outcome(""), outcome("E: {retained: false}"))
    };
    let (stay, gone) = schemas("first");
    let f = find(&stay, "event-not-read");
    assert!(f.message.starts_with("r 2.0.0 cannot read the E of w 1.0.0: "), "{}", f.message);
    assert_eq!(f.severity, Severity::Critical);
    assert!(f.details.contains(&"records of before stay, and it meets them".to_string()), "{f:?}");
    assert!(gone.report.compatible(), "{:#?}", gone.report);
    // The version before could not read them either, so this upgrade breaks nothing.
    let (known, _) = schemas("second");
    assert_eq!(find(&known, "event-not-read").severity, Severity::Warning);
}

#[test]
fn records_of_one_that_wrote_it_once_are_there_as_well() {
    // `x` wrote it with another name for the field, and `w` has taken over since.
    let (ours, theirs) = (event(N), event(""));
    let stand = |reader: &str, writer: &str| {
        let files = [
            ("x/1.0.0/events/E.avsc", theirs.as_str()),
            ("w/1.0.0/events/E.avsc", &ours),
            ("w/2.0.0/events/E.avsc", writer),
            ("r/1.0.0/events/E.avsc", &theirs),
            ("r/2.0.0/events/E.avsc", reader),
        ];
        let (writes, reads) = ("  audience: internal\n  produces: [E]\n", "  consumes: [E]\n");
        let contracts = [
            ("x 1.0.0", writes),
            ("x 2.0.0", "  audience: internal\n"),
            ("w 1.0.0", writes),
            ("w 2.0.0", writes),
            ("r 1.0.0", reads),
            ("r 2.0.0", reads),
        ];
        let last = if writer == ours { "1.0.0" } else { "2.0.0" };
        Stand::new(&contracts, &files)
            .moves(&[("x", "2.0.0", "2.0.0"), ("w", "1.0.0", last), ("r", "1.0.0", "2.0.0")])
            .outcome()
    };
    let outcome = stand(&ours, &ours);
    let f = find(&outcome, "event-not-read");
    assert!(f.message.starts_with("r 2.0.0 cannot read the E of x 1.0.0: "), "{}", f.message);
    assert_eq!(f.severity, Severity::Critical);
    assert!(stand(&event(DEFAULTED), &ours).report.compatible());
    // The writer's own new schema has to read them, too: whoever reads by it meets them.
    let more = event(r#", {"name": "n", "type": "int"}, {"name": "m", "type": "int", "default": 0}"#);
    let f = stand(&event(DEFAULTED), &more);
    let f = find(&f, "avro-field-without-default");
    assert!(f.location.base.as_ref().unwrap().file.starts_with("x/1.0.0/"), "{f:#?}");
}

#[test]
fn a_schema_of_another_language_is_not_read() {
    let plain = event("");
    let schemas = [("w/1.0.0", plain.as_str()), ("w/2.0.0", JSON), ("r/1.0.0", &plain), ("r/2.0.0", JSON)];
    let outcome = stand(&schemas, ("1.0.0", "2.0.0"), ("1.0.0", "2.0.0"), "").outcome();
    let f = find(&outcome, "event-language-changed");
    assert_eq!(f.severity, Severity::Critical);
    assert_eq!(f.of.as_ref().unwrap().consumers, ["r 2.0.0"]);
    assert!(f.message.contains("Avro") && f.message.contains("JSON Schema"), "{}", f.message);
    assert_eq!(find(&outcome, "event-not-read").severity, Severity::Critical);
    // Nobody reads it: told all the same, and not compared.
    let alone = Stand::new(
        &[
            ("w 1.0.0", "  audience: internal\n  produces: [E]\n"),
            ("w 2.0.0", "  audience: internal\n  produces: [E]\n"),
        ],
        &[("w/1.0.0/events/E.avsc", plain.as_str()), ("w/2.0.0/events/E.schema.json", JSON)],
    )
    .moves(&[("w", "1.0.0", "2.0.0")]);
    let outcome = alone.outcome();
    assert_eq!(find(&outcome, "event-language-changed").severity, Severity::Warning);
    assert!(
        outcome.report.not_compared.iter().any(|n| n.contains("two languages")),
        "{:?}",
        outcome.report.not_compared
    );
}

#[test]
fn a_schema_that_is_gone_is_told_loudly() {
    let plain = event("");
    let with = |reader: &str| {
        let w = "  produces: [E]\n";
        Stand::new(&[("w 1.0.0", w), ("w 2.0.0", w), ("r 1.0.0", reader)], &[("w/1.0.0/events/E.avsc", plain.as_str())])
            .moves(&[("w", "1.0.0", "2.0.0"), ("r", "1.0.0", "1.0.0")])
            .outcome()
    };
    let read = with("  consumes: [E]\n");
    let f = find(&read, "event-schema-removed");
    assert_eq!((f.severity, f.of.as_ref().unwrap().consumers.join(" ")), (Severity::Critical, "r 1.0.0".into()));
    let unread = with("");
    assert_eq!(find(&unread, "event-schema-removed").severity, Severity::Warning);
    let note = "w 2.0.0 has no schema of E, so it is not compared";
    assert!(unread.report.not_compared.contains(&note.to_string()), "{:?}", unread.report.not_compared);
}

#[test]
fn what_is_public_today_is_not_left_to_the_fleet() {
    // The old reader does not read the new event; it moves before. Outside of the fleet nobody does.
    let (old, new) = (event(N), event(""));
    let stand = |first: &str, second: &str| {
        let files = [("w/1.0.0/events/E.avsc", old.as_str()), ("w/2.0.0/events/E.avsc", &new)];
        let w = |audience: &str| format!("  audience: {audience}\n  produces: [E]\n");
        let r = "  consumes: [E]\n";
        Stand::new(&[("w 1.0.0", &w(first)), ("w 2.0.0", &w(second)), ("r 1.0.0", r), ("r 2.0.0", r)], &files)
            .moves(&[("w", "1.0.0", "2.0.0"), ("r", "1.0.0", "2.0.0")])
            .outcome()
    };
    assert!(stand("internal", "internal").report.compatible());
    for (first, second) in [("public", "internal"), ("internal", "public"), ("public", "public")] {
        let outcome = stand(first, second);
        assert!(!outcome.report.compatible(), "{first} {second}");
        assert_eq!(outcome.waves, [["r"], ["w"]]);
    }
}

#[test]
fn an_event_that_goes_names_who_reads_it_then() {
    let stand = |audience: &str, old: &str, new: &str| {
        let w = |produces: &str| format!("  audience: {audience}\n{produces}");
        Stand::new(
            &[("w 1.0.0", &w("  produces: [E]\n")), ("w 2.0.0", &w("")), ("r 1.0.0", old), ("r 2.0.0", new)],
            &[],
        )
        .moves(&[("w", "1.0.0", "2.0.0"), ("r", "1.0.0", "2.0.0")])
        .outcome()
    };
    let reads = "  consumes: [E]\n";
    // It does not read it any more once it has moved, so it goes first.
    let leaves = stand("internal", reads, "");
    let f = find(&leaves, "event-removed");
    assert_eq!((f.severity, f.of.as_ref().unwrap().consumers.join(" ")), (Severity::Warning, "r 1.0.0".into()));
    assert_eq!(leaves.waves, [["r"], ["w"]]);
    let begins = stand("internal", "", reads);
    let f = find(&begins, "event-removed");
    assert_eq!((f.severity, f.of.as_ref().unwrap().consumers.join(" ")), (Severity::Critical, "r 2.0.0".into()));
    // Who reads what is public is not known.
    let public = stand("public", "", "");
    assert_eq!(find(&public, "event-removed").severity, Severity::Critical);
    assert_eq!(find(&stand("public", reads, ""), "event-removed").severity, Severity::Critical);
}

#[test]
fn an_event_may_change_hands_and_is_compared_then() {
    let (old, new) = (event(N), event(""));
    let stand = |second: &str| {
        let files = [("w/1.0.0/events/E.avsc", old.as_str()), ("x/1.1.0/events/E.avsc", second)];
        let (writes, not) = ("  audience: internal\n  produces: [E]\n", "  audience: internal\n");
        let contracts = [
            ("w 1.0.0", writes),
            ("w 2.0.0", not),
            ("x 1.0.0", not),
            ("x 1.1.0", writes),
            ("r 1.0.0", "  consumes: [E]\n"),
        ];
        Stand::new(&contracts, &files)
            .moves(&[("w", "1.0.0", "2.0.0"), ("x", "1.0.0", "1.1.0"), ("r", "1.0.0", "1.0.0")])
            .outcome()
    };
    let same = stand(&old);
    assert!(same.report.compatible(), "{:#?}", same.report);
    assert_eq!(same.waves, [["x"], ["w"]]);
    let other = stand(&new);
    let f = other.report.findings.iter().find(|f| f.bars()).unwrap();
    assert_eq!(
        (f.of.as_ref().unwrap().service.as_str(), f.of.as_ref().unwrap().consumers.join(" ")),
        ("x", "r 1.0.0".into())
    );
}
