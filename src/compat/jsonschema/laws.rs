//! What holds for any schemas.
use proptest::prelude::*;
use serde_json::{Value, json};

use super::tests::{rules, schema};
use super::*;

fn any_schema() -> impl Strategy<Value = Value> {
    let limit = |k: &'static str| (0u32..4).prop_map(move |n| (k.to_string(), json!(n)));
    let leaf = prop_oneof![
        prop::sample::select(vec!["string", "number", "integer", "boolean", "null", "object", "array"])
            .prop_map(|t| json!({"type": t})),
        Just(json!({})),
        any::<bool>().prop_map(|b| json!(b)),
        prop::sample::subsequence(vec![json!(1), json!("a"), json!(null)], 1..=3).prop_map(|e| json!({"enum": e})),
        Just(json!({"$ref": "#"})),
        (limit("maxLength"), limit("minLength")).prop_map(|(a, b)| json!({"type": "string", a.0: a.1, b.0: b.1})),
    ];
    leaf.prop_recursive(3, 20, 3, |inner| {
        let many = prop::collection::vec(inner.clone(), 1..3);
        let named = prop::collection::btree_map(prop::sample::select(vec!["a", "b", "c"]), inner.clone(), 0..3);
        prop_oneof![
            (named, inner.clone(), prop::sample::subsequence(vec!["a", "b"], 0..=2)).prop_map(|(p, rest, required)| {
                json!({"type": "object", "properties": p, "additionalProperties": rest, "required": required})
            }),
            inner.clone().prop_map(|i| json!({"type": "array", "items": i})),
            many.clone().prop_map(|i| json!({"type": "array", "items": i, "additionalItems": false})),
            (prop::sample::select(vec!["oneOf", "anyOf", "allOf"]), many).prop_map(|(how, of)| json!({how: of})),
            inner.prop_map(|i| json!({"not": i})),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn a_schema_follows_itself(s in any_schema()) {
        prop_assert_eq!(rules(&s, &s), Vec::<String>::new());
    }

    #[test]
    fn full_is_the_same_from_both_sides(a in any_schema(), b in any_schema()) {
        let (a, b) = (schema(&a), schema(&b));
        let ok = |mode, old: &Schema, new: &Schema| check(mode, std::slice::from_ref(old), new).unwrap().compatible();
        prop_assert_eq!(ok(Mode::Full, &a, &b), ok(Mode::Full, &b, &a));
        prop_assert_eq!(ok(Mode::Full, &a, &b), ok(Mode::Backward, &a, &b) && ok(Mode::Forward, &a, &b));
    }

    #[test]
    fn hostile_text_ends_in_an_answer(text in "[\\[\\]{}\":,a-z0-9$# ]{0,60}") {
        let _ = parse("x", &text);
    }
}
