//! Broken, deep, circular and huge: an error with a place, or a result, and soon.
use super::*;

fn fails(text: &str) -> Problem {
    let sound = "openapi: 3.0.3\npaths: {}\n";
    let problem = attempt(text, sound).expect_err(text.get(..200).unwrap_or(text));
    assert!(attempt(sound, text).is_err());
    assert!(problem.file == "base.yaml" && problem.line > 0 && problem.help.is_some(), "{problem:?}");
    problem
}

#[test]
fn what_is_no_description_is_said_with_its_place() {
    for (text, line, word) in [
        ("", 1, "empty"),
        ("openapi: 3.0.3\npaths: {a: [}\n", 2, "not YAML"),
        ("{\"openapi\": \"3.0.3\",\n \"paths\": {}\n", 3, "not JSON"),
        ("{\"openapi\": \"3.0.3\",\n \"paths\": {} \"a\": 1}", 2, "expected `,`"),
        ("{\"a\": \"\\q\"}", 1, "escape"),
        ("{\"a\": 1, \"a\": 2}", 1, "twice"),
        ("openapi: 3.0.3\npaths:\n  /a: {}\n  /a: {}\n", 4, "twice"),
        ("openapi: 3.0.3\n? [a]\n: b\n", 2, "key must be a word"),
        ("openapi: 3.0.3\npaths: *x\n", 2, "refers to nothing"),
        ("openapi: 3.0.3\n<<: 5\n", 3, "merges"),
        ("[1, 2]", 1, "no OpenAPI"),
        ("openapi: 4.0.0\n", 1, "4.0.0 is not read"),
        ("swagger: '1.2'\n", 1, "1.2 is not read"),
        ("hello", 1, "no OpenAPI"),
        ("openapi: 3.0.3\ninfo: {title: t, version: '1'}\n", 1, "describes nothing"),
        ("openapi: 3.0.3\npaths: [1, 2]\n", 2, "`paths` must be an object, and is a list (at /paths)"),
        ("openapi: 3.0.3\npaths:\n  /a: [get]\n", 3, "a path must be an object, and is a list (at /paths/~1a)"),
        ("openapi: 3.0.3\npaths:\n  /a:\n    get: yes\n", 4, "an operation must be an object, and is `yes`"),
        ("openapi: 3.0.3\npaths:\n  /a:\n    get:\n", 4, "an operation must be an object, and is empty"),
        ("openapi: 3.0.3\npaths: {/a: {get: {parameters: {id: {}}}}}\n", 2, "`parameters` must be a list"),
        (
            "openapi: 3.0.3\npaths: {/a: {get: {responses: {'200': ok}}}}\n",
            2,
            "an answer must be an object, and is `ok`",
        ),
        ("openapi: 3.0.3\npaths: []\n", 2, "`paths` must be an object, and is a list"),
        ("openapi: 3.0.3\ncomponents:\n  schemas: []\n", 3, "`schemas` must be an object, and is a list"),
        ("openapi: 3.7.0\npaths: {}\n", 1, "OpenAPI 3.7.0 is not read"),
        ("openapi: 3.0.3\ncomponents:\n  schemas:\n    S: {properties: [a]}\n", 4, "`properties` must be an object"),
        ("openapi: 3.0.3\ncomponents:\n  schemas:\n    S: {oneOf: {a: {}}}\n", 4, "`oneOf` must be a list"),
        ("swagger: '2.0'\npaths: {}\ndefinitions: [a]\n", 3, "`definitions` must be an object"),
        ("openapi: 3.0.3\npaths: {}\n---\npaths: {/a: {}}\n", 4, "a second document"),
        ("openapi: 3.0.3\npaths: {}\n---\nmore\n", 4, "a second document"),
        ("openapi: 3.0.3\npaths: {}\n---\n- more\n", 4, "a second document"),
    ] {
        let problem = fails(text);
        assert!(problem.message.contains(word) && problem.line == line, "{text:?}: {problem:?}");
    }
}

#[test]
fn what_is_left_empty_is_no_fault() {
    let plain = "openapi: 3.0.3\npaths: {}\n";
    for text in [
        "---\nopenapi: 3.0.3\npaths: {}\n---\n",
        "---\n---\nopenapi: 3.0.3\npaths: {}\n...\n",
        "openapi: 3.0.3\npaths:\ncomponents:\n",
        "openapi: 3.0.3\npaths: {x-a: [1]}\nservers:\n",
    ] {
        assert_eq!(compare(text, plain).findings, [], "{text}");
    }
}

#[test]
fn what_a_later_version_adds_is_not_passed_over() {
    let text = |version: &str| format!("openapi: {version}\npaths: {{/a: {{query: {{}}}}}}\n");
    let report = compare(&text("3.1.0"), &text("3.2.0"));
    assert!(report.not_compared.iter().any(|n| n.contains("3.2 is read as 3.1")), "{report:?}");
    assert!(report.not_compared.iter().any(|n| n.contains("`query` is no method")), "{report:?}");
    assert!(!compare(&text("3.1.0"), &text("3.1.1")).not_compared.iter().any(|n| n.contains("3.2")));
}

#[test]
fn a_reference_that_leads_nowhere_is_an_error_where_it_is_needed() {
    for schema in
        ["S: {$ref: '#/components/schemas/None'}", "S: {$ref: other.yaml}", "S: {$ref: 'https://x.example/s'}"]
    {
        let problem = attempt(&around_schemas("3.0.3", schema), &around_schemas("3.0.3", "S: {}")).unwrap_err();
        assert_eq!((problem.line, problem.message.contains("leads nowhere")), (11, true), "{problem:?}");
    }
    let near = around_schemas("3.0.3", "S: {$ref: '#/components/schemas/Ordr'}\nOrder: {}");
    let help = attempt(&near, &near).unwrap_err().help;
    assert_eq!(help.as_deref(), Some("did you mean `#/components/schemas/Order`?"));
    let circle = "S: {$ref: '#/components/schemas/T'}\nT: {$ref: '#/components/schemas/S'}";
    for (version, schemas, empty) in [
        ("3.0.3", circle, true),
        ("3.1.0", circle, true),
        ("3.1.0", "S: {$ref: '#/components/schemas/S', description: me}", true),
        ("3.0.3", "S: {$ref: '#/components/schemas/S', type: string}", true),
        ("3.1.0", "S: {$ref: '#/components/schemas/S', type: string}", false),
    ] {
        let text = around_schemas(version, schemas);
        let answer = attempt(&text, &text);
        assert_eq!(answer.is_err(), empty, "{schemas}");
        if let Err(problem) = answer {
            assert!(problem.message.contains("leads round in a circle") && problem.line >= 11, "{problem:?}");
        }
    }
    let example = around_schemas("3.0.3", "S: {example: {$ref: '#/nowhere'}}");
    assert_eq!(compare(&example, &example), Report::default());
    let parameter = "openapi: 3.0.3\npaths: {/a: {get: {parameters: [{$ref: '#/x'}]}}}\n";
    assert_eq!(attempt(parameter, parameter).unwrap_err().line, 2);
}

#[test]
fn keys_that_are_no_words_are_keys() {
    let text = "openapi: 3.0.3\npaths:\n  /a:\n    get:\n      responses:\n        200: {description: ok}\n        null: {}\n        \
                true: {}\n";
    assert_eq!(compare(text, &text.replace("200:", "'200':")), Report::default());
}

#[test]
fn nesting_and_aliases_have_an_end() {
    assert!(fails(&format!("{{\"a\": {}", "[".repeat(100_000))).message.contains("deeper"));
    assert!(fails(&format!("a: {}", "[".repeat(100_000))).line == 1);
    let mut bomb = String::from("x0: &x0 [a, b]\n");
    for i in 1..60 {
        bomb.push_str(&format!("x{i}: &x{i} [*x{0}, *x{0}, *x{0}]\n", i - 1));
    }
    let used = bomb + &around_schemas("3.1.0", "S: {default: *x59, const: *x59, properties: {a: {enum: *x59}}}");
    assert_eq!(compare(&used, &used), Report::default());
    let other = used.replace("[a, b]", "[a, c]");
    assert!(rules(&compare(&used, &other).findings).contains(&"request-const-changed"));
}

#[test]
fn schemas_that_chase_one_another_have_an_end() {
    // Two circles of lengths without a common factor: every pair of the two would be another one.
    let ring = |n: usize| {
        let one =
            |i: usize| format!("R{i}: {{properties: {{n: {{$ref: '#/components/schemas/R{}'}}}}}}\n", (i + 1) % n);
        "S: {$ref: '#/components/schemas/R0'}\n".to_string() + &(0..n).map(one).collect::<String>()
    };
    let report = compare(&around_schemas("3.0.3", &ring(101)), &around_schemas("3.0.3", &ring(103)));
    assert_eq!(report, Report::default());
    // Choices inside choices without a name, against one schema.
    let mut tree = "{type: integer}".to_string();
    for i in 0..9 {
        tree = format!("{{oneOf: [{tree}, {{properties: {{p{i}: {tree}}}}}]}}");
    }
    assert!(both("{type: object, properties: {p8: {}}}", &tree).0.len() < 20);
    let chain = |n: usize, end: &str| {
        let one = |i: usize| format!("C{i}: {{allOf: [{{$ref: '#/components/schemas/C{}'}}]}}\n", i + 1);
        format!("S: {{$ref: '#/components/schemas/C0'}}\n{}C{n}: {end}", (0..n).map(one).collect::<String>())
    };
    let report = compare(
        &around_schemas("3.0.3", &chain(200, "{maxLength: 5}")),
        &around_schemas("3.0.3", &chain(200, "{maxLength: 4}")),
    );
    assert_eq!(rules(&report.findings), ["request-max-length-tightened"]);
    let long = around_schemas("3.0.3", &chain(900, "{}"));
    assert!(compare(&long, &long).not_compared.iter().any(|n| n.contains("allOf")));
}

#[test]
fn a_keyword_that_is_nonsense_is_told_and_stops_nothing() {
    for (schema, why) in [
        ("{type: {}}", "`type` is neither a type nor a list of types"),
        ("{required: x}", "`required` is no list of names"),
        ("{required: true}", "`required` is no list of names"),
        ("{minimum: x}", "`minimum` is no number"),
        ("{exclusiveMaximum: x}", "`exclusiveMaximum` is neither a number nor true or false"),
        ("{multipleOf: 0}", "`multipleOf` is no number above 0"),
        ("{minLength: x}", "`minLength` is no whole number from 0 on"),
        ("{maxItems: -1}", "`maxItems` is no whole number from 0 on"),
        ("{maxLength: 1.5}", "`maxLength` is no whole number from 0 on"),
        ("{discriminator: 5}", "`discriminator` is no object"),
        ("{pattern: 5}", "`pattern` is no text"),
        ("{pattern: '['}", "`pattern` is no regular expression"),
        ("{format: [a]}", "`format` is no text"),
        ("{uniqueItems: x}", "`uniqueItems` is neither true nor false"),
        ("{enum: {}}", "`enum` is no list"),
        ("{if: 5}", "`if` is no schema"),
        ("{dependentRequired: {a: b}}", "`dependentRequired` is no object of lists of names"),
    ] {
        let text = |schema: &str| around_schemas("3.1.0", &format!("S: {schema}"));
        let good = "{type: object, properties: {a: {}}, required: [a]}";
        for (old, new) in [(schema, good), (good, schema), (schema, schema)] {
            let told = compare(&text(old), &text(new)).not_compared;
            let wanted = format!("{why}, and is not compared");
            assert!(told.iter().any(|note| note.ends_with(&wanted)), "{old} {new}: {told:?}");
        }
        assert_eq!(both(schema, schema), (vec![], vec![]), "{schema}");
    }
    let swagger =
        "{type: string, pattern: '^[a-z]+$', minLength: 0, nullable: true, exclusiveMinimum: true, deprecated: false}";
    let text = around_schemas("3.0.0", &format!("S: {swagger}"));
    assert_eq!(compare(&text, &text).not_compared, [""; 0]);
}

#[test]
fn a_key_of_a_path_that_is_no_method_is_told() {
    let text = |key: &str| {
        format!(
            "openapi: 3.1.0\ninfo: {{title: T, version: '1'}}\npaths:\n  /a:\n    summary: s\n    x-own: 1\n    {key}: \
             {{responses: {{'200': {{description: ok}}}}}}\n"
        )
    };
    let told = compare(&text("get"), &text("gett"));
    let wanted =
        "#/paths/~1a/gett: `gett` is no method and no other key of a path, and is not compared; did you mean `get`?";
    assert!(told.not_compared.iter().any(|n| n.ends_with(wanted)), "{:?}", told.not_compared);
    assert!(told.findings.iter().any(|f| f.rule == "operation-removed"), "{:?}", told.findings);
    let body = |key: &str| text("get").replace("get: {", &format!("get: {{{key}: {{}}, "));
    let told = compare(&body("requestbody"), &body("x-body")).not_compared;
    let wanted = "`requestbody` is no key of an operation, and is not compared; did you mean `requestBody`?";
    assert!(told.iter().any(|n| n.ends_with(wanted)), "{told:?}");
    assert!(compare(&text("GET"), &text("GET")).not_compared[0].contains("did you mean `get`?"));
    assert_eq!(compare(&text("get"), &text("get")).not_compared, [""; 0]);
}

/// A comparison would take it for nothing at all, and find nothing wrong with it.
#[test]
fn nonsense_where_a_part_of_the_description_belongs_is_told() {
    for schema in [
        "5",
        "[a]",
        "'x'",
        "{properties: [a]}",
        "{enum: 5}",
        "{allOf: {a: {}}}",
        "{oneOf: [5, null]}",
        "{items: 5}",
        "{additionalProperties: x}",
        "{not: [a]}",
    ] {
        let text = around_schemas("3.1.0", &format!("S: {schema}"));
        let problem = attempt(&text, &text).unwrap_err();
        assert!(problem.line == 11 && problem.message.contains(" (at /components/schemas/S"), "{schema}: {problem:?}");
    }
    for (paths, rest) in [
        ("5", ""),
        ("[a]", ""),
        ("{/a: 5}", ""),
        ("{/a: {get: []}}", ""),
        ("{/a: {get: {parameters: {id: {}}}}}", ""),
        ("{/a: {get: {responses: [a]}}}", ""),
        ("{/a: {get: {security: 5}}}", ""),
        ("{/a: {get: {requestBody: x}}}", ""),
        ("{}", "components: 5\n"),
        ("{}", "servers: x\n"),
    ] {
        let text = format!("openapi: 3.0.3\npaths: {paths}\n{rest}");
        let problem = fails(&text);
        assert!(problem.message.contains(" must be "), "{text}: {problem:?}");
    }
}

#[test]
fn references_between_files_are_followed() {
    let side = |limit: u32| {
        let main = around_schemas("3.0.3", "S: {$ref: 'parts/a.yaml#/A'}");
        let a = "A: {properties: {b: {$ref: '../b.json'}}}\n";
        let b = format!("{{\"maxLength\": {limit}}}");
        Library::read(&[file("api/main.yaml", &main), file("api/parts/a.yaml", a), file("api/b.json", &b)]).unwrap()
    };
    let report = super::super::compare(side(5), side(4), Terms::default()).unwrap();
    let [finding] = report.findings.as_slice() else { panic!("{report:?}") };
    let place = finding.location.revision.as_ref().unwrap();
    assert_eq!((place.file.as_str(), place.pointer.as_str()), ("api/b.json", "/maxLength"));
    let mut main = Library::new();
    main.add_file(&file("api/main.yaml", &around_schemas("3.0.3", "S: {$ref: 'parts/a%20b.yaml#/A'}"))).unwrap();
    assert_eq!(main.missing().into_keys().collect::<Vec<_>>(), ["api/parts/a b.yaml"]);
}

#[test]
fn a_keyword_that_is_none_is_said() {
    for (schema, said) in [
        (
            "{type: object, propertis: {a: {type: string}}}",
            "`propertis` is no keyword of a schema, and is not compared; did you mean `properties`?",
        ),
        ("{type: object, requred: [a]}", "did you mean `required`?"),
        ("{zzzzzzzz: 1}", "`zzzzzzzz` is no keyword of a schema, and is not compared"),
    ] {
        let text = around_schemas("3.0.3", &format!("S: {schema}"));
        let report = compare(&text, &text);
        assert_eq!(report.not_compared.iter().filter(|n| n.contains(said)).count(), 1, "{schema}: {report:?}");
    }
    let fine =
        "S: {type: string, x-own: 1, title: t, description: d, example: e, externalDocs: {url: u}, nullable: true}";
    let text = around_schemas("3.0.3", fine);
    assert_eq!(compare(&text, &text).not_compared, [""; 0]);
}
