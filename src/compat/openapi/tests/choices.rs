//! Which alternative became which, and which of several choices.
use super::*;

fn none() -> (Vec<&'static str>, Vec<&'static str>) {
    (vec![], vec![])
}

/// `S` and what it leads to, of which `A`, `B`, `X` and `Y` need a property of their own, and `Cat`, `Dog`, `Eel` none.
fn with_others(schema: &str) -> String {
    let needs =
        ["A", "B", "X", "Y"].map(|n| format!("{n}: {{type: object, properties: {{{n}: {{}}}}, required: [{n}]}}"));
    let open = ["Cat", "Dog", "Eel"].map(|n| format!("{n}: {{type: object, properties: {{{n}: {{}}}}}}"));
    around_schemas("3.1.0", &[&[format!("S: {schema}")], &needs[..], &open[..]].concat().join("\n"))
}

fn refs(names: &str) -> String {
    let all: Vec<String> = names.split(' ').map(|n| format!("{{$ref: '#/components/schemas/{n}'}}")).collect();
    format!("[{}]", all.join(", "))
}

fn named(old: &str, new: &str) -> (Vec<&'static str>, Vec<&'static str>) {
    of_directions(&compare(&with_others(old), &with_others(new)))
}

#[test]
fn objects_that_need_nothing_are_matched_by_what_they_declare() {
    let pay = |no: &str| {
        format!(
            "{{type: object, properties: {{id: {{type: string}}, card: {{type: object, properties: {{no: {{type: {no}}}}}}}}}}}"
        )
    };
    let bank = "{type: object, properties: {id: {type: string}, iban: {type: string}}}";
    for word in ["oneOf", "anyOf"] {
        let choice = |all: &[&str]| format!("{{{word}: [{}]}}", all.join(", "));
        let (old, new) = (choice(&[&pay("number"), bank]), choice(&[&pay("integer"), bank]));
        assert_eq!(both(&old, &new), (vec!["request-type-narrowed"], vec!["response-type-narrowed"]), "{word}");
        let turned = choice(&[bank, &pay("integer")]);
        assert_eq!(both(&old, &turned), both(&old, &new), "the order makes no difference");
        assert_eq!(both(&choice(&[&pay("number"), bank]), &choice(&[bank, &pay("number")])), none());
        let at =
            compare(&around_schemas("3.1.0", &format!("S: {old}")), &around_schemas("3.1.0", &format!("S: {turned}")));
        assert!(at.findings.iter().all(|f| f.message.contains("number")), "{:?}", at.findings);
        let one = |name: &str, rest: &str| format!("{{type: object, properties: {{{name}: {{type: string}}{rest}}}}}");
        let (x, y) = (one("x", ""), one("y", ""));
        assert_eq!(both(&choice(&[&x, &y]), &choice(&[&y, &x])), none());
        // Both were changed: each goes with the one that is like it.
        let (more_x, more_y) = (one("x", ", p: {}"), one("y", ", q: {}"));
        assert_eq!(
            both(&choice(&[&x, &y]), &choice(&[&more_y, &more_x])),
            (vec!["request-optional-property-added"], vec!["response-optional-property-added"])
        );
    }
    // A value that tells them apart weighs more than the names they share.
    let kind = |kind: &str, no: &str| {
        format!("{{type: object, properties: {{kind: {{const: {kind}}}, no: {{type: {no}}}}}, required: [kind]}}")
    };
    let old = format!("{{oneOf: [{}, {}]}}", kind("a", "number"), kind("b", "string"));
    let new = format!("{{oneOf: [{}, {}]}}", kind("b", "string"), kind("a", "integer"));
    assert_eq!(both(&old, &new), (vec!["request-type-narrowed"], vec!["response-type-narrowed"]));
    let new = format!("{{oneOf: [{}, {}]}}", kind("c", "number"), kind("b", "string"));
    assert!(both(&old, &new).0.contains(&"request-const-changed"), "{:?}", both(&old, &new));
}

#[test]
fn a_name_for_something_else_is_another_alternative() {
    let of = |second: &str, rest: &str| {
        let text = format!("S: {{oneOf: {}}}\nCat: {{type: object, properties: {{c: {{}}}}}}\n{rest}", refs(second));
        around_schemas("3.1.0", &text)
    };
    let old = of("Cat Dog", "Dog: {type: object, properties: {d: {}}}");
    let same = of("Cat Hound", "Hound: {type: object, properties: {d: {}}}");
    assert_eq!(of_directions(&compare(&old, &same)), none());
    let other = of("Cat Eel", "Eel: {type: object, properties: {e: {}}}");
    assert_eq!(
        of_directions(&compare(&old, &other)),
        (
            vec!["request-one-of-added", "request-one-of-removed"],
            vec!["response-one-of-added", "response-one-of-removed"]
        )
    );
}

#[test]
fn choices_are_matched_by_their_alternatives() {
    let two = |first: &str, second: &str| format!("{{allOf: [{first}, {second}]}}");
    let one = |names: &str| format!("{{oneOf: {}}}", refs(names));
    let old = two(&one("A B"), &one("X Y"));
    assert_eq!(named(&old, &two(&one("X Y"), &one("A B"))), none());
    assert_eq!(named(&old, &two(&one("Y X"), &one("B A"))), none());
    for left in ["A B", "X Y"] {
        let left = one(left);
        let gone = (vec!["request-alternatives-removed"], vec!["response-alternatives-removed"]);
        assert_eq!(named(&old, &left), gone, "{left}");
        let come = (vec!["request-alternatives-added"], vec!["response-alternatives-added"]);
        assert_eq!(named(&left, &old), come, "{left}");
    }
    // Of another word, too; and those without a name.
    let any = format!("{{anyOf: {}}}", refs("X Y"));
    assert_eq!(named(&two(&one("A B"), &any), &two(&any, &one("A B"))), none());
    let inline = |names: [&str; 2]| {
        let all = names.map(|n| format!("{{type: object, properties: {{{n}: {{}}}}, required: [{n}]}}"));
        format!("{{oneOf: [{}]}}", all.join(", "))
    };
    let (ab, xy) = (inline(["a", "b"]), inline(["x", "y"]));
    assert_eq!(named(&two(&ab, &xy), &two(&xy, &ab)), none());
    assert_eq!(
        named(&old, &two(&one("X Y"), &one("A"))),
        (vec!["request-one-of-removed"], vec!["response-one-of-removed"])
    );
}

#[test]
fn a_choice_among_the_alternatives_is_those_it_holds() {
    let of = |schema: &str, pet: &str| format!("{}    Pet: {pet}\n", with_others(schema));
    let way = |old: &str, new: &str, pet: &str| of_directions(&compare(&of(old, pet), &of(new, pet)));
    for word in ["oneOf", "anyOf"] {
        let choice = |names: &str| format!("{{{word}: {}}}", refs(names));
        let pet = choice("Cat Dog");
        assert_eq!(way(&choice("Cat Dog Eel"), &choice("Pet Eel"), &pet), none(), "{word}");
        assert_eq!(way(&choice("Pet Eel"), &choice("Eel Dog Cat"), &pet), none(), "{word}");
        let inline = format!("{{{word}: [{pet}, {}]}}", &refs("Eel")[1..].trim_end_matches(']'));
        assert_eq!(way(&choice("Cat Dog Eel"), &inline, "{}"), none(), "{word}");
        // A circle has an end.
        let circle = format!("{{{word}: {}}}", refs("Cat Pet"));
        way(&choice("Cat Dog Eel"), &choice("Pet Eel"), &circle);
    }
    let (one, any) = (|names: &str| format!("{{oneOf: {}}}", refs(names)), format!("{{anyOf: {}}}", refs("Cat Dog")));
    let less = way(&one("Cat Dog Eel"), &one("Pet Eel"), &one("Cat"));
    assert_eq!(less, (vec!["request-one-of-removed"], vec!["response-one-of-removed"]));
    let other = way(&one("Cat Dog Eel"), &one("Pet Eel"), &any);
    assert_ne!(other, none(), "any number is not exactly one");
    let told = "{oneOf: [{$ref: '#/components/schemas/Pet'}, {$ref: '#/components/schemas/Eel'}], discriminator: \
                {propertyName: k, mapping: {pet: Pet, eel: Eel}}}";
    let flat = one("Cat Dog Eel").replace("]}", "], discriminator: {propertyName: k}}");
    assert_ne!(way(&flat, told, &one("Cat Dog")), none(), "`pet` is a value that nobody sent");
}

#[test]
fn one_alternative_alone_is_written_in_two_ways() {
    let lost = (vec!["request-one-of-removed"], vec!["response-one-of-removed"]);
    for two in ["{oneOf: [CAT, DOG]}", "{oneOf: [DOG, CAT]}"] {
        let fill = |text: &str| {
            let of = |name: &str| format!("{{$ref: '#/components/schemas/{name}'}}");
            text.replace("CAT", &of("Cat")).replace("DOG", &of("Dog"))
        };
        assert_eq!(named(&fill(two), &fill("{oneOf: [CAT]}")), lost);
        assert_eq!(named(&fill(two), &fill("CAT")), lost);
        // One schema for both lets through what each of them did.
        let all = "{type: object, properties: {Cat: {}, Dog: {}}}";
        assert!(!named(&fill(two), all).0.contains(&"request-one-of-removed"));
    }
}
