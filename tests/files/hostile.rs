//! Files that are broken, or made to hurt: they end in a report, soon, and never in a panic.
use std::time::{Duration, Instant};

use pilothouse::spec::{MAX_FILE, Report, SourceFile, load, presets};
use proptest::prelude::*;

const SHOP: &str = concat!(
    include_str!("../../examples/shop/fleet.yaml"),
    "---\n",
    include_str!("../../examples/shop/policy.yaml"),
    "---\n",
    include_str!("../../examples/shop/upgrade.yaml")
);

fn read(text: &str) -> Result<(), Report> {
    let file = SourceFile { name: "hostile.yaml".into(), text: text.into() };
    let report = load(&[file], presets()).map(|_| ());
    if let Err(report) = &report {
        let lines = u32::try_from(text.matches('\n').count() + text.matches('\r').count() + 1).unwrap();
        assert!(report.errors() > 0);
        for problem in &report.problems {
            assert!(problem.line <= lines + 1, "line {} of {lines}: {problem}", problem.line);
            assert!(!problem.message.is_empty());
        }
        // Drawing them must not fail either, and must stay short.
        assert!(report.to_string().len() < 200_000);
        serde_json::to_string(report).unwrap();
    }
    report
}

fn repeated(part: &str, bytes: usize) -> String {
    part.repeat(bytes / part.len())
}

fn billion_laughs() -> String {
    let mut text = String::from("a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n");
    for i in 1..12 {
        let refs = vec![format!("*a{}", i - 1); 10].join(", ");
        text += &format!("a{i}: &a{i} [{refs}]\n");
    }
    text
}

/// Each alias nests one deeper than any bracket in the file.
fn alias_ladder() -> String {
    let mut text = String::from("a0: &a0 [x]\n");
    for i in 1..20_000 {
        text += &format!("a{i}: &a{i} [*a{}]\n", i - 1);
    }
    text
}

#[test]
fn hostile_files_end_soon() {
    let mega = 1 << 20;
    let cases = [
        ("billion laughs", billion_laughs()),
        ("ladder of aliases", alias_ladder()),
        ("alias of itself", "a: &a [*a]\n".into()),
        ("open lists", repeated("[", mega)),
        ("open maps", repeated("{a: ", mega)),
        ("nested dashes", repeated("- ", mega)),
        ("nested keys", (0..1200).map(|i| format!("{}a:\n", " ".repeat(i))).collect()),
        ("question marks", repeated("? ", mega)),
        ("quotes", repeated("\"", mega)),
        ("one open quote", format!("a: \"{}", repeated("x ", mega))),
        ("anchors", repeated("&a ", mega)),
        ("tags", repeated("!!a ", mega)),
        ("directives", repeated("%YAML 1.2\n", mega)),
        ("documents", repeated("---\na: 1\n", mega)),
        ("broken documents", repeated("---\na: [\n", mega)),
        ("the same key", repeated("a: 1\n", mega)),
        ("many keys", (0..80_000).map(|i| format!("key{i}: 1\n")).collect()),
        ("many items", format!("a:\n{}", repeated("- 1\n", mega))),
        ("tabs", repeated("\t", mega)),
        ("tab indent", repeated("a:\n\tb: 1\n", mega)),
        ("block scalars", repeated("a: |\n", mega)),
        ("commas", format!("[{}", repeated(",", mega))),
        ("colons", repeated(": ", mega)),
        ("one long line", repeated("x", mega)),
        ("carriage returns", repeated("\r", mega)),
        ("zero bytes", repeated("\0", mega)),
        ("byte order marks", repeated("\u{feff}", mega)),
        ("not latin", repeated("会議🚢\u{202e}", mega)),
        ("too large", repeated("# hello\n", MAX_FILE + 8)),
        ("unknown gates", format!("{}{}", GATES, repeated("    - {nmae: x, mesure: y}\n", mega))),
    ];
    for (name, text) in cases {
        let start = Instant::now();
        let outcome = read(&text);
        let took = start.elapsed();
        eprintln!("{name}: {took:?}");
        assert!(outcome.is_err(), "{name} was accepted");
        // Each takes about half a second at most, unoptimised; what this catches is work that grows out of bounds, not a
        // busy machine.
        assert!(took < Duration::from_secs(20), "{name} took {took:?}");
    }
}

const GATES: &str = "apiVersion: pilothouse.dev/v1alpha1\nkind: Policy\nmetadata: {name: x}\nspec:\n  gates:\n";

#[test]
fn aliases_may_not_nest_deeper_than_brackets() {
    let report = read(&alias_ladder()).unwrap_err();
    assert!(report.problems[0].message.contains("nested deeper than 48 levels, by aliases"), "{report}");
    assert!(report.problems[0].line < 60, "{report}");
}

#[test]
fn a_long_chain_of_needs_is_no_deep_recursion() {
    let mut text = SHOP[..SHOP.find("  services:\n").unwrap()].to_string() + "  services:\n";
    let count = 3000;
    for i in 0..count {
        text += &format!(
            "    - {{name: s{i}, workload: {{deployment: s{i}, container: app}}, traffic: {{httpRoute: {{name: s{i}, stable: s{i}, next: s{i}-next, port: 80}}}}}}\n"
        );
    }
    text += "---\napiVersion: pilothouse.dev/v1alpha1\nkind: Upgrade\nmetadata: {name: u}\nspec:\n  fleet: shop\n  environment: practice\n  policy: erp\n  strategy: canary\n  to:\n";
    for i in 0..count {
        let need = (i + 1) % count;
        text += &format!("    s{i}: {{image: \"r.example/s{i}:1.0.0\", needs: {{s{need}: \">=1\"}}}}\n");
    }
    let report = read(&text).unwrap_err();
    assert_eq!(report.problems.len(), 1, "{report}");
    assert!(report.problems[0].message.contains("in a circle: s0 -> s1 -> s2"), "{report}");
}

#[test]
fn two_circles_are_two_problems() {
    let text = SHOP
        .replace(
            "auth: {image: \"registry.example/auth:4.2.1\"}",
            "auth: {image: \"r.example/auth:4.2.1\", needs: {ledger: \">=5\"}}",
        )
        .replace(
            "tenants: {image: \"registry.example/tenants:1.5.0\"}",
            "tenants: {image: \"r.example/tenants:1.5.0\", needs: {search: \">=2\"}}",
        );
    let report = read(&text).unwrap_err();
    let messages: Vec<&str> = report.problems.iter().map(|p| p.message.as_str()).collect();
    assert_eq!(messages.len(), 2, "{report}");
    assert!(messages.iter().any(|m| m.contains("circle: auth -> ledger -> auth")), "{report}");
    assert!(messages.iter().any(|m| m.contains("circle: catalog -> tenants -> search -> catalog")), "{report}");
}

fn fragment() -> impl Strategy<Value = String> {
    let words = vec![
        "\t",
        "\0",
        "\n",
        "\r\n",
        "---\n",
        "...\n",
        "- ",
        "? ",
        ": ",
        "{",
        "}",
        "[",
        "]",
        ",",
        "\"",
        "'",
        "|",
        ">",
        "&a ",
        "*a",
        "!x ",
        "!!str ",
        "%",
        "#",
        "<<: *a",
        "null",
        "true",
        ".nan",
        "-1",
        "1e999",
        "99999999999999999999",
        "0x1",
        "100%",
        "5m",
        "{for: }",
        "spec:",
        "name:",
        "  ",
        "kind: Policy\n",
        "\u{feff}",
        "é",
        "\u{2028}",
        "{{",
        "}}",
    ];
    prop_oneof![proptest::sample::select(words).prop_map(str::to_string), any::<char>().prop_map(String::from)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// Cut, doubled and salted files of every kind are read without a panic, and the same way twice.
    #[test]
    fn mutated_files_never_panic(
        cuts in proptest::collection::vec((0.0..1.0f64, 0usize..40, fragment()), 1..6),
    ) {
        let mut text: Vec<char> = SHOP.chars().collect();
        for (at, gone, put) in cuts {
            let start = ((text.len() as f64) * at) as usize;
            let end = (start + gone).min(text.len());
            text.splice(start..end, put.chars());
        }
        let text: String = text.into_iter().collect();
        let (first, second) = (read(&text), read(&text));
        prop_assert_eq!(first, second);
    }

    #[test]
    fn half_written_files_never_panic(at in 0.0..1.0f64) {
        let end = ((SHOP.len() as f64) * at) as usize;
        let _ = read(&SHOP[..SHOP.floor_char_boundary(end)]);
    }

    #[test]
    fn garbage_never_panics(text in "\\PC{0,400}", bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = read(&text);
        let _ = read(&String::from_utf8_lossy(&bytes));
    }
}
