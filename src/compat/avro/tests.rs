use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::compat::{Direction, Severity};

fn schema(value: &Value) -> Schema {
    parse("x.avsc", &value.to_string()).unwrap_or_else(|e| panic!("{value}: {}", e[0]))
}

/// Rules with the pointers into reader and writer.
fn found(reader: &Value, writer: &Value) -> Vec<(&'static str, Severity, String, String)> {
    let reading = read(&schema(reader), &schema(writer)).unwrap();
    reading.clashes.into_iter().map(|c| (c.rule, c.severity, c.reader, c.writer)).collect()
}

fn reads(reader: &Value, writer: &Value) -> bool {
    found(reader, writer).iter().all(|f| f.1 != Severity::Critical)
}

fn record(fields: Value) -> Value {
    json!({"type": "record", "name": "R", "fields": fields})
}

#[test]
fn promotions_go_one_way() {
    let names = ["null", "boolean", "int", "long", "float", "double", "bytes", "string"];
    let allowed = [
        ("long", "int"),
        ("float", "int"),
        ("float", "long"),
        ("double", "int"),
        ("double", "long"),
        ("double", "float"),
        ("bytes", "string"),
        ("string", "bytes"),
    ];
    for reader in names {
        for writer in names {
            let expected = reader == writer || allowed.contains(&(reader, writer));
            assert_eq!(reads(&json!(reader), &json!(writer)), expected, "{writer} as {reader}");
        }
    }
}

#[test]
fn each_clash_has_its_rule_and_its_place_on_both_sides() {
    let e = |symbols: Value| json!({"type": "enum", "name": "E", "symbols": symbols});
    let f = |size: u32| json!({"type": "fixed", "name": "F", "size": size});
    let field = |of: Value| record(json!([{"name": "a", "type": of}]));
    let at = "/fields/0/type";
    let critical = |rule, r: &str, w: &str| vec![(rule, Severity::Critical, r.to_string(), w.to_string())];
    let cases = [
        (field(json!("int")), field(json!("long")), critical("avro-type-changed", at, at)),
        (field(e(json!(["A"]))), field(e(json!(["A", "B"]))), {
            critical("avro-enum-symbol-missing", "/fields/0/type/symbols", "/fields/0/type/symbols")
        }),
        (field(f(4)), field(f(8)), critical("avro-fixed-size-changed", "/fields/0/type/size", "/fields/0/type/size")),
        (field(f(4)), field(json!({"type": "fixed", "name": "G", "size": 4})), {
            critical("avro-name-changed", "/fields/0/type/name", "/fields/0/type/name")
        }),
        (field(json!(["null", "int"])), field(json!(["null", "string"])), {
            critical("avro-union-branch-missing", at, "/fields/0/type/1")
        }),
        (field(json!("int")), field(json!(["null", "int"])), critical("avro-type-changed", at, "/fields/0/type/0")),
        (field(json!("int")), record(json!([])), critical("avro-field-without-default", "/fields/0", "/fields")),
        (field(json!({"type": "array", "items": "int"})), field(json!({"type": "array", "items": "string"})), {
            critical("avro-type-changed", "/fields/0/type/items", "/fields/0/type/items")
        }),
        (
            record(json!([{"name": "a", "type": "int", "aliases": ["b"]}])),
            record(json!([{"name": "a", "type": "int"}, {"name": "b", "type": "int"}])),
            critical("avro-field-ambiguous", "/fields/0", "/fields"),
        ),
    ];
    for (reader, writer, expected) in cases {
        assert_eq!(found(&reader, &writer), expected, "{reader} reads {writer}");
    }
}

#[test]
fn aliases_and_defaults_of_the_reader_count_and_the_writers_do_not() {
    let named = |name: &str, aliases: Value| json!({"type": "fixed", "name": name, "size": 1, "aliases": aliases});
    assert!(reads(&named("New", json!(["Old"])), &named("Old", json!([]))));
    assert!(!reads(&named("New", json!([])), &named("Old", json!(["New"]))));
    // Names count without their namespace, aliases with it.
    assert!(reads(&named("a.Same", json!([])), &named("b.Same", json!([]))));
    assert!(!reads(&named("a.New", json!(["Old"])), &named("b.Old", json!([]))));
    assert!(reads(&named("a.New", json!(["b.Old"])), &named("b.Old", json!([]))));
    let renamed = record(json!([{"name": "new", "type": "int", "aliases": ["old"]}]));
    let old = record(json!([{"name": "old", "type": "int"}]));
    assert!(reads(&renamed, &old) && !reads(&old, &renamed));
    let e = |symbols: Value| json!({"type": "enum", "name": "E", "symbols": symbols, "default": "A"});
    assert_eq!(found(&e(json!(["A"])), &e(json!(["A", "B"])))[0].1, Severity::Info);
    assert!(reads(&record(json!([{"name": "a", "type": "int", "default": 1}])), &record(json!([]))));
}

#[test]
fn names_used_again_are_compared_by_what_they_name() {
    let line = |of: &str| json!({"type": "record", "name": "Line", "fields": [{"name": "q", "type": of}]});
    let reader =
        record(json!([{"name": "x", "type": line("int"), "default": {"q": 0}}, {"name": "b", "type": "Line"}]));
    let writer = record(json!([{"name": "a", "type": line("long")}, {"name": "b", "type": "Line"}]));
    assert_eq!(found(&reader, &writer)[0].0, "avro-type-changed");
    let moved = record(json!([{"name": "b", "type": line("long")}, {"name": "a", "type": "Line"}]));
    assert_eq!(found(&moved, &writer), []);
}

/// An inner pair is looked at while an outer one is still open, and may not be taken for readable when the outer is not.
#[test]
fn nothing_is_called_readable_because_a_circle_was_not_closed_yet() {
    let node = |name: &str, fields: Value| json!({"type": "record", "name": name, "fields": fields});
    let of = |v: &str| {
        let b = node("B", json!([{"name": "a", "type": ["null", "A"]}]));
        let a = node("A", json!([{"name": "b", "type": b}, {"name": "v", "type": v}]));
        // A reads what A wrote only as the last resort of a union; B is used again outside of it.
        node("Top", json!([{"name": "u", "type": ["null", a], "default": null}, {"name": "c", "type": "B"}]))
    };
    let (reader, writer) = (schema(&of("int")), schema(&of("string")));
    let clashes = read(&reader, &writer).unwrap().clashes;
    let places: Vec<&str> = clashes.iter().map(|c| c.writer.as_str()).collect();
    assert_eq!(places, ["/fields/0/type/1", "/fields/0/type/1"], "{clashes:?}");
    assert!(clashes.iter().all(|c| c.rule == "avro-union-branch-missing" && !c.details.is_empty()), "{clashes:?}");
}

#[test]
fn a_changed_meaning_is_a_warning() {
    let long = |l: &str| json!({"type": "long", "logicalType": l});
    let decimal = |p: u32, s: u32| json!({"type": "bytes", "logicalType": "decimal", "precision": p, "scale": s});
    let worst = |r: &Value, w: &Value| found(r, w).into_iter().map(|f| f.1).max();
    assert_eq!(worst(&long("timestamp-millis"), &long("timestamp-micros")), Some(Severity::Warning));
    assert_eq!(worst(&json!("long"), &long("timestamp-micros")), Some(Severity::Warning));
    assert_eq!(worst(&decimal(10, 2), &decimal(12, 4)), Some(Severity::Warning));
    assert_eq!(worst(&decimal(10, 2), &decimal(12, 2)), Some(Severity::Warning));
    assert_eq!(worst(&decimal(12, 2), &decimal(10, 2)), None);
    // Not well-formed: read as plain bytes by everybody.
    assert_eq!(worst(&decimal(2, 10), &json!("bytes")), None);
}

#[test]
fn modes_say_who_reads_whom() {
    let v1 = schema(&record(json!([{"name": "a", "type": "int"}])));
    let v2 = schema(&record(json!([{"name": "a", "type": "int"}, {"name": "b", "type": "int", "default": 0}])));
    let v3 = schema(&record(json!([{"name": "a", "type": "int"}, {"name": "b", "type": "int"}])));
    let old = [v1, v2];
    let ok = |mode, old: &[Schema], new: &Schema| check(mode, old, new).unwrap().compatible();
    assert!(ok(Mode::None, &old, &schema(&json!("int"))));
    assert!(ok(Mode::Backward, &old, &v3) && !ok(Mode::BackwardTransitive, &old, &v3));
    assert!(ok(Mode::ForwardTransitive, &old, &v3));
    assert!(ok(Mode::Full, &old, &v3) && !ok(Mode::FullTransitive, &old, &v3));
    assert!(ok(Mode::FullTransitive, &[], &v3));
    let report = check(Mode::FullTransitive, &old, &v3).unwrap();
    assert_eq!(report.findings[0].direction, Some(Direction::Backward));
    assert_eq!(report.findings[0].location.revision.as_ref().unwrap().pointer, "/fields/1");
}

#[test]
fn a_finding_has_lines_and_tells_of_several_versions_once() {
    let text = |of: &str| {
        format!("{{\"type\": \"record\", \"name\": \"R\", \"fields\": [\n  {{\"name\": \"a\", \"type\": {of}}}\n]}}")
    };
    let old = [parse("v1.avsc", &text("\"long\"")).unwrap(), parse("v2.avsc", &text("\"long\"")).unwrap()];
    let report = check(Mode::BackwardTransitive, &old, &parse("v3.avsc", &text("\n\"int\"")).unwrap()).unwrap();
    let [finding] = report.findings.as_slice() else { panic!("{report:?}") };
    let (base, revision) = (finding.location.base.clone().unwrap(), finding.location.revision.clone().unwrap());
    assert_eq!((base.file.as_str(), base.line), ("v2.avsc", Some(2)));
    assert_eq!(
        (revision.file.as_str(), revision.line, revision.pointer.as_str()),
        ("v3.avsc", Some(3), "/fields/0/type")
    );
    assert_eq!(finding.details, ["also against v1.avsc"]);
}

#[test]
fn every_mistake_of_a_schema_has_its_place() {
    let named = |v: Value| json!({"type": "record", "name": "R", "fields": [{"name": "a", "type": v}]});
    let cases = [
        (json!({"type": "record", "name": "1R", "fields": []}), "/name", "is no name"),
        (json!({"type": "record", "name": "R"}), "", "`fields`"),
        (json!({"type": "enum", "name": "E", "symbols": ["A", "A"]}), "/symbols/1", "twice"),
        (json!({"type": "enum", "name": "E", "symbols": ["A-B"]}), "/symbols/0", "no name"),
        (json!({"type": "enum", "name": "E", "symbols": ["A"], "default": "B"}), "/default", "none of the symbols"),
        (json!({"type": "fixed", "name": "F", "size": -1}), "/size", "number of bytes"),
        (json!({"type": "array"}), "", "`items`"),
        (json!({"name": "x"}), "", "without `type`"),
        (json!(7), "", "not 7"),
        (named(json!("Oder")), "/fields/0/type", "no type is named `Oder`"),
        (named(json!("strin")), "/fields/0/type", "no type is named `strin`; did you mean `string`?"),
        (named(json!(["int", "int"])), "/fields/0/type/1", "twice"),
        (named(json!(["int", ["null"]])), "/fields/0/type/1", "inside a union"),
        (named(json!({"type": "fixed", "name": "R", "size": 1})), "/fields/0/type/name", "defined twice"),
        (record(json!([{"name": "a", "type": "int"}, {"name": "a", "type": "int"}])), "/fields/1/name", "twice"),
        (record(json!([{"name": "a", "type": "int", "default": "x"}])), "/fields/0/default", "is no int"),
        (record(json!([{"name": "a", "type": ["null", "int"], "default": "x"}])), "/fields/0/default", "no branch"),
        (record(json!([{"name": "a", "type": "int", "default": 1_u64 << 40}])), "/fields/0/default", "is no int"),
        (record(json!([{"name": "a", "type": "int", "order": "up"}])), "/fields/0/order", "ascending"),
    ];
    for (value, pointer, says) in cases {
        let wrong = parse("x.avsc", &value.to_string()).unwrap_err();
        assert_eq!(wrong.len(), 1, "{value}: {wrong:?}");
        assert_eq!(wrong[0].pointer, pointer, "{value}: {}", wrong[0]);
        assert!(wrong[0].message.contains(says) && wrong[0].line == 1, "{value}: {}", wrong[0]);
    }
    let two = record(json!([{"name": "1", "type": "int"}, {"name": "b", "type": "Nix"}]));
    assert_eq!(parse("x.avsc", &two.to_string()).unwrap_err().len(), 2);
}

#[test]
fn what_the_reference_reads_is_read() {
    let cases = [
        json!({"type": {"type": "record", "name": "R", "fields": []}}),
        // A name before its definition, a name of no namespace, a field that holds its own record.
        json!({"type": "record", "name": "n.R", "fields": [{"name": "a", "type": ["null", "E"]},
            {"name": "b", "type": {"type": "enum", "name": "E", "symbols": ["A"]}}, {"name": "c", "type": ["null", "R"]}]}),
        record(json!([{"name": "a", "type": ["null", "string"], "default": "any branch"}])),
        record(json!([{"name": "a", "type": ["null", "R"], "default": {}, "order": "Ignore"}])),
        json!([]),
    ];
    for case in cases {
        assert_eq!(found(&case, &case), [], "{case}");
    }
}

/// A chain of records each of which holds the next twice, as the branch of a union and in an array.
fn ladder(steps: usize, last: &str) -> Value {
    let branch = |n: usize| {
        let next = if n == 0 { last.to_string() } else { format!("N{}", n - 1) };
        json!({"type": "record", "name": format!("N{n}"), "fields": [
            {"name": "l", "type": ["null", next]}, {"name": "r", "type": {"type": "array", "items": ["null", next]}}]})
    };
    let mut branches: Vec<Value> = (0..steps).map(branch).collect();
    branches.reverse();
    Value::Array(branches)
}

#[test]
fn deep_and_wide_schemas_take_no_stack_and_no_time() {
    let (reader, writer) = (ladder(1_000, "int"), ladder(1_000, "string"));
    assert!(reads(&reader, &reader));
    let clashes = found(&reader, &writer);
    assert_eq!(clashes.iter().filter(|c| c.1 == Severity::Critical).count(), 1_000);
    // Each level of the default fits either branch but for the last: tried again and again it would not come to an end.
    let side = |name: &str| {
        json!({"type": "record", "name": name, "fields": [
            {"name": "x", "type": ["null", "A", "B"]}, {"name": format!("only_{name}"), "type": "int"}]})
    };
    let deep = (0..60).fold(json!(null), |inner, _| json!({"x": inner}));
    let tricky = record(json!([{"name": "f", "type": [side("A"), side("B"), "null"], "default": deep}]));
    assert!(parse("x.avsc", &tricky.to_string()).is_err());
    let nested = (0..200).fold(json!("int"), |of, _| json!({"type": "array", "items": of}));
    let fault = &parse("deep.avsc", &nested.to_string()).unwrap_err()[0];
    assert!(fault.message.contains("deeper") && fault.line == 1 && fault.column > 1, "{fault}");
}

#[test]
fn too_many_pairs_are_refused() {
    // Every record of one side meets every record of the other through an array of names without namespace.
    let many = |n: usize| {
        let refs: Vec<String> = (0..n).map(|n| format!("s{n}.R")).collect();
        let of =
            |k: usize| json!({"type": "record", "name": format!("s{k}.R"), "fields": [{"name": "a", "type": refs}]});
        Value::Array((0..n).map(of).collect())
    };
    let s = schema(&many(30));
    assert!(relation::Relation::new(&s, &s, 10_000).is_err());
    assert!(relation::Relation::new(&s, &s, 100_000).is_ok());
}

/// Any schema of some depth; named types take their names from a counter, so that none is defined twice.
fn any_schema() -> impl Strategy<Value = Value> {
    let primitive = prop::sample::select(vec!["null", "boolean", "int", "long", "float", "double", "bytes", "string"]);
    let symbols = prop::sample::subsequence(vec!["A", "B", "C"], 1..=3);
    let leaf = prop_oneof![
        4 => primitive.prop_map(|p| json!(p)),
        1 => (symbols, any::<bool>()).prop_map(|(s, d)| match d {
            true => json!({"type": "enum", "symbols": s, "default": s[0]}),
            false => json!({"type": "enum", "symbols": s}),
        }),
        1 => (1u32..3).prop_map(|size| json!({"type": "fixed", "size": size})),
        1 => Just(json!({"again": true})),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let field = (prop::sample::select(vec!["a", "b", "c"]), inner.clone());
        prop_oneof![
            inner.clone().prop_map(|of| json!({"type": "array", "items": of})),
            inner.clone().prop_map(|of| json!({"type": "map", "values": of})),
            prop::collection::vec(inner, 0..4).prop_map(Value::Array),
            prop::collection::vec(field, 0..4).prop_map(|fields| {
                let fields: Vec<Value> = fields.iter().map(|(n, t)| json!({"name": n, "type": t})).collect();
                json!({"type": "record", "fields": fields})
            }),
        ]
    })
    .prop_map(|v| named(&v, &mut Vec::new()))
}

/// Gives names, repairs what a schema may not hold, and puts in a name that was given before where one is asked for.
fn named(value: &Value, names: &mut Vec<String>) -> Value {
    match value {
        Value::Array(branches) => {
            let mut seen = std::collections::BTreeSet::new();
            let mut kept = Vec::new();
            for branch in branches.iter().filter(|b| !b.is_array()) {
                let before = names.len();
                let branch = named(branch, names);
                let key = branch.get("name").or_else(|| branch.get("type")).unwrap_or(&branch);
                match seen.insert(key.to_string()) {
                    true => kept.push(branch),
                    // What it would have named is not there.
                    false => names.truncate(before),
                }
            }
            Value::Array(kept)
        }
        Value::Object(o) if o.contains_key("again") => names.first().map_or(json!("int"), |n| json!(n)),
        Value::Object(o) => {
            let mut out = o.clone();
            let kind = o["type"].as_str().unwrap();
            if matches!(kind, "record" | "enum" | "fixed") {
                let name = format!("{}{}", &kind[..1].to_uppercase(), names.len());
                out.insert("name".into(), json!(name));
                names.push(name);
            }
            for key in ["items", "values"] {
                if let Some(of) = o.get(key) {
                    out.insert(key.into(), named(of, names));
                }
            }
            if let Some(fields) = o.get("fields").and_then(Value::as_array) {
                let mut seen = std::collections::BTreeSet::new();
                let fields = fields.iter().filter(|f| seen.insert(f["name"].to_string()));
                let fields: Vec<Value> =
                    fields.map(|f| json!({"name": f["name"], "type": named(&f["type"], names)})).collect();
                out.insert("fields".into(), json!(fields));
            }
            Value::Object(out)
        }
        other => other.clone(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn a_schema_reads_itself(s in any_schema()) {
        prop_assert_eq!(found(&s, &s), vec![]);
    }

    #[test]
    fn full_is_the_same_from_both_sides(a in any_schema(), b in any_schema()) {
        let (a, b) = (schema(&a), schema(&b));
        let ok = |old: &Schema, new: &Schema| check(Mode::Full, std::slice::from_ref(old), new).unwrap().compatible();
        prop_assert_eq!(ok(&a, &b), ok(&b, &a));
        let one_way = |mode| check(mode, std::slice::from_ref(&a), &b).unwrap().compatible();
        prop_assert_eq!(ok(&a, &b), one_way(Mode::Backward) && one_way(Mode::Forward));
    }

    #[test]
    fn transitive_asks_for_each_pair(versions in prop::collection::vec(any_schema(), 2..4)) {
        let versions: Vec<Schema> = versions.iter().map(schema).collect();
        let (new, old) = versions.split_last().unwrap();
        let all = check(Mode::BackwardTransitive, old, new).unwrap().compatible();
        let each = old.iter().all(|o| check(Mode::Backward, std::slice::from_ref(o), new).unwrap().compatible());
        prop_assert_eq!(all, each);
    }

    #[test]
    fn hostile_text_ends_in_an_answer(text in "[\\[\\]{}\":,a-z0-9 ]{0,60}", cut in 0usize..200) {
        let _ = parse("x", &text);
        let whole = ladder(3, "int").to_string();
        let _ = parse("x", whole.get(..cut).unwrap_or(&whole));
    }
}
