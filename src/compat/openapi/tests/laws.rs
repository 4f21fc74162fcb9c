//! What holds for all schemas.
use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::compat::schema::{Engine, Kind, Step};

/// Schemas as people write them, a few levels deep, with a circle among the names.
fn schema() -> impl Strategy<Value = Value> {
    let number = 0..4u32;
    let leaf = prop_oneof![
        Just(json!({})),
        Just(json!({ "type": "integer", "format": "int32" })),
        (number.clone(), number.clone())
            .prop_map(|(a, b)| json!({ "type": "string", "minLength": a, "maxLength": b + 4 })),
        (number.clone(), any::<bool>())
            .prop_map(|(a, x)| json!({ "type": "number", "minimum": a, "exclusiveMinimum": x })),
        prop::sample::subsequence(vec!["a", "b", "c", "d"], 1..4).prop_map(|v| json!({ "enum": v })),
        (0..3u32).prop_map(|i| json!({ "$ref": format!("#/components/schemas/N{i}") })),
        number.prop_map(|n| json!({ "type": "integer", "multipleOf": n + 1, "nullable": n == 2 })),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        let name = || prop::sample::select(vec!["a", "b", "c"]);
        let object = (
            prop::collection::btree_map(name(), inner.clone(), 0..3),
            prop::collection::btree_set(name(), 0..3),
            prop::option::of(any::<bool>()),
        );
        prop_oneof![
            object.prop_map(|(properties, required, open)| {
                let required: Vec<&str> = required.into_iter().filter(|n| properties.contains_key(n)).collect();
                let mut schema = json!({ "type": "object", "properties": properties, "required": required });
                if let Some(open) = open {
                    schema["additionalProperties"] = json!(open);
                }
                schema
            }),
            (inner.clone(), 0..3u32).prop_map(|(items, n)| json!({ "type": "array", "items": items, "minItems": n })),
            prop::collection::vec(inner.clone(), 1..3).prop_map(|all| json!({ "allOf": all })),
            inner.clone().prop_map(|not| json!({ "not": not })),
            prop::sample::subsequence(vec!["N0", "N1", "N2"], 1..3).prop_map(|names| {
                let refs: Vec<Value> =
                    names.iter().map(|n| json!({ "$ref": format!("#/components/schemas/{n}") })).collect();
                json!({ "oneOf": refs })
            }),
        ]
    })
}

/// Schemas with choices of all kinds in and beside other keywords.
fn choices() -> impl Strategy<Value = Value> {
    fn types() -> impl Strategy<Value = Value> {
        let word = prop::sample::select(vec!["string", "integer", "number", "boolean", "null"]);
        prop::collection::btree_set(word, 1..4).prop_map(|t| json!({ "type": t }))
    }
    prop::collection::vec(prop_oneof![schema(), types()], 1..4).prop_flat_map(move |all| {
        (Just(all), prop::sample::select(vec!["oneOf", "anyOf", "allOf"]), prop::option::of(types()), 0..3u32).prop_map(
            |(all, word, beside, more)| {
                let mut schema = beside.unwrap_or_else(|| json!({}));
                schema[word] = json!(all);
                match more {
                    0 => schema["patternProperties"] = json!({ "^a": { "maxLength": 3 } }),
                    1 => schema["contains"] = json!({ "type": "string" }),
                    _ => {}
                }
                schema
            },
        )
    })
}

fn description(root: &Value, named: &[Value]) -> String {
    let mut schemas = json!({ "S": root });
    for (i, schema) in named.iter().enumerate() {
        // References that lead to each other and nowhere else are an error.
        let bare = schema.get("$ref").is_some();
        schemas[format!("N{i}")] = if bare { json!({ "allOf": [schema] }) } else { schema.clone() };
    }
    let body = json!({ "content": { "application/json": { "schema": { "$ref": "#/components/schemas/S" } } } });
    json!({
        "openapi": "3.1.0",
        "paths": { "/s": { "post": { "requestBody": body, "responses": { "200": body } } } },
        "components": { "schemas": schemas },
    })
    .to_string()
}

/// Whether names lead to each other by nothing but words that apply to the same value: such schemas say nothing of any
/// value, so that there is no answer the sides could agree on. With anything beside the words, as heirs have it that name
/// the parent that lists them, there is.
fn says_nothing(named: &[Value]) -> bool {
    fn names(schema: &Value, found: &mut BTreeSet<usize>) {
        let Some(words) = schema.as_object() else { return };
        if words.keys().any(|w| !["$ref", "oneOf", "anyOf", "allOf", "not"].contains(&w.as_str())) {
            return;
        }
        for value in words.values() {
            if let Some(name) = value.as_str().and_then(|r| r.rsplit_once('N')) {
                found.extend(name.1.parse::<usize>());
            }
            value.as_array().into_iter().flatten().chain([value]).for_each(|inner| names(inner, found));
        }
    }
    (0..named.len()).any(|start| {
        let (mut seen, mut left) = (BTreeSet::new(), vec![start]);
        while let Some(at) = left.pop() {
            let mut next = BTreeSet::new();
            names(&named[at], &mut next);
            if next.contains(&start) {
                return true;
            }
            left.extend(next.into_iter().filter(|n| seen.insert(*n)));
        }
        false
    })
}

/// Every change that can be reached from the two `S`, with how often it was found; `not`s turn it round.
fn changes(base: &str, revision: &str) -> BTreeMap<(Kind, String, String, String), usize> {
    let read = |text: &str| Library::read(&[file("f.json", text)]).unwrap();
    let (old, new) = (read(base), read(revision));
    let find = |l: &Library| {
        let components = l.get(l.root(), "components").unwrap();
        l.get(l.get(components, "schemas").unwrap(), "S").unwrap()
    };
    let mut engine = Engine::new(&old, &new, (true, true), Terms::default());
    let root = engine.pair(&[find(&old)], &[find(&new)]);
    let (mut seen, mut left, mut found) = (BTreeSet::new(), vec![(root, false)], BTreeMap::new());
    while let Some((pair, turned)) = left.pop() {
        if !seen.insert((pair, turned)) {
            continue;
        }
        let own = engine.own(pair);
        for change in &own.changes {
            let kind = if turned { change.kind.swapped() } else { change.kind };
            let place = |l: &Library, n: Option<u32>| n.map(|n| l.pointer(n)).unwrap_or_default();
            let key = (kind, place(&old, change.base), place(&new, change.revision), change.subject.clone());
            *found.entry(key).or_insert(0) += 1;
        }
        left.extend(own.edges.iter().map(|e| (e.to, turned != (e.step == Step::Not))));
    }
    found
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_description_against_itself_has_no_finding(root in schema(), named in prop::collection::vec(schema(), 3)) {
        let text = description(&root, &named);
        prop_assert_eq!(compare(&text, &text).findings, vec![]);
    }

    #[test]
    fn a_choice_against_itself_has_no_finding(root in choices(), named in prop::collection::vec(choices(), 3)) {
        let text = description(&root, &named);
        prop_assert_eq!(compare(&text, &text).findings, vec![]);
    }

    #[test]
    fn sides_that_trade_places_find_the_opposite(
        (a, b) in (schema(), schema()),
        (x, y) in (prop::collection::vec(schema(), 3), prop::collection::vec(schema(), 3)),
    ) {
        prop_assume!(!says_nothing(&x) && !says_nothing(&y));
        let (old, new) = (description(&a, &x), description(&b, &y));
        let turned: BTreeMap<_, _> = changes(&new, &old)
            .into_iter()
            .map(|((kind, base, revision, subject), n)| ((kind.swapped(), revision, base, subject), n))
            .collect();
        prop_assert_eq!(changes(&old, &new), turned);
    }

    #[test]
    fn nothing_breaks_a_request_that_does_not_narrow(a in schema(), named in prop::collection::vec(schema(), 3)) {
        prop_assume!(!says_nothing(&named));
        // A choice that has the old schema in it by its name.
        let named: Vec<Value> = named.into_iter().chain([a]).collect();
        let old = json!({ "$ref": "#/components/schemas/N3" });
        let wider = json!({ "anyOf": [{ "type": "string", "title": "more" }, old.clone()] });
        let report = compare(&description(&old, &named), &description(&wider, &named));
        let critical: Vec<_> = report.findings.iter()
            .filter(|f| f.direction == Some(Direction::Request) && f.severity == crate::compat::Severity::Critical).collect();
        prop_assert!(critical.is_empty(), "{critical:?}");
    }

    #[test]
    fn no_text_makes_it_panic(text in "[\\PC\n\t{}\\[\\]:,\"'&*<|>-]{0,200}", json in any::<bool>()) {
        let text = if json { format!("{{{text}") } else { format!("openapi: 3.1.0\n{text}") };
        let _ = attempt(&text, &text);
    }
}

#[test]
fn a_kind_turned_round_twice_is_itself() {
    for kind in Kind::all() {
        assert_eq!(kind.swapped().swapped(), kind);
        assert_eq!(kind.swapped().effect(), kind.effect().swapped(), "{kind:?}");
    }
}
