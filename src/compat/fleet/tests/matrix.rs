//! Which published versions may run beside each other.
use super::super::matrix::{Matrix, Pair, matrix};
use super::*;

fn made(stand: &Stand, runs: &[(&str, &str)], memory: &mut dyn Memory) -> Matrix {
    let runs = runs.iter().map(|(s, version)| ((*s).to_string(), v(version))).collect();
    matrix(&stand.registry, &runs, stand.asked().today, memory).unwrap_or_else(|p| panic!("{p:?}"))
}

/// `a 1.0.0 b 2.0.0`, and why not.
fn pairs(stand: &Stand, runs: &[(&str, &str)]) -> Vec<(String, String)> {
    let said = |p: Pair| (format!("{} {} {} {}", p.service, p.version, p.other, p.beside), p.why.join("; "));
    made(stand, runs, &mut Forgetful).pairs.into_iter().map(said).collect()
}

fn may(stand: &Stand, runs: &[(&str, &str)]) -> Vec<String> {
    pairs(stand, runs).into_iter().filter(|(_, why)| why.is_empty()).map(|(pair, _)| pair).collect()
}

#[test]
fn a_pair_is_there_once_whoever_needs_the_other() {
    let needs = |other: &str, req: &str| format!("  depends:\n    - {{service: {other}, req: \"{req}\"}}\n");
    let contracts = [
        ("a 1.0.0", needs("b", "<2")),
        ("a 2.0.0", needs("b", ">=2")),
        ("b 1.0.0", needs("a", "<2")),
        ("b 1.5.0", needs("a", "<3")),
        ("b 2.0.0", needs("a", ">=2")),
    ];
    let contracts = contracts.each_ref().map(|(name, spec)| (*name, spec.as_str()));
    let stand = Stand::new(&contracts, &[]);
    assert_eq!(pairs(&stand, &[]).len(), 6);
    assert_eq!(may(&stand, &[]), ["a 1.0.0 b 1.0.0", "a 1.0.0 b 1.5.0", "a 2.0.0 b 2.0.0"]);
    // Both sides bar it, and both say why.
    let told = pairs(&stand, &[]);
    let (_, why) = told.iter().find(|(pair, _)| pair == "a 1.0.0 b 2.0.0").unwrap();
    assert_eq!(why, "a 1.0.0 needs b `<2`, and 2.0.0 is not in `<2`; b 2.0.0 needs a `>=2`, and 1.0.0 is not in `>=2`");
}

#[test]
fn what_is_called_has_to_be_there_whatever_the_range_says() {
    let gone = without_stock();
    let files = [("a/1.0.0/openapi.json", API), ("a/2.0.0/openapi.json", gone.as_str())];
    let calls =
        |operation: &str| format!("  depends:\n    - {{service: a, req: '>=1, <3', operations: ['{operation}']}}\n");
    let (stock, price) = (calls("GET /stock"), calls("GET /prices/{id}"));
    let stand = Stand::new(&[("a 1.0.0", ""), ("a 2.0.0", ""), ("b 1.0.0", &stock), ("c 1.0.0", &price)], &files);
    let runs = [("a", "1.0.0"), ("b", "1.0.0"), ("c", "1.0.0")];
    assert_eq!(may(&stand, &runs), ["a 1.0.0 b 1.0.0", "a 1.0.0 c 1.0.0", "a 2.0.0 c 1.0.0"]);
    let told = pairs(&stand, &runs);
    let why = "b 1.0.0 calls GET /stock, which a 2.0.0 does not have";
    assert!(told.contains(&("a 2.0.0 b 1.0.0".into(), why.into())), "{told:?}");
}

#[test]
fn an_answer_that_changed_bars_who_reads_it_and_not_what_runs_today() {
    let other = API.replace(r#""amount": {"type": "number"}"#, r#""amount": {"type": "string"}"#);
    let files = [("a/1.0.0/openapi.json", API), ("a/2.0.0/openapi.json", other.as_str())];
    let calls = |operation: &str| format!("  depends:\n    - {{service: a, operations: ['{operation}']}}\n");
    let (stock, price) = (calls("GET /stock"), calls("GET /prices/{sku}"));
    let stand = Stand::new(&[("a 1.0.0", ""), ("a 2.0.0", ""), ("b 1.0.0", &price), ("c 1.0.0", &stock)], &files);
    assert_eq!(may(&stand, &[("a", "1.0.0")]), ["a 1.0.0 b 1.0.0", "a 1.0.0 c 1.0.0", "a 2.0.0 c 1.0.0"]);
    let told = pairs(&stand, &[("a", "1.0.0")]);
    assert!(told[2].1.contains("a 2.0.0 against 1.0.0, which b 1.0.0 goes with"), "{told:?}");
    // Where the new one runs already, that is what it is held to.
    assert_eq!(may(&stand, &[("a", "2.0.0")]), ["a 1.0.0 c 1.0.0", "a 2.0.0 b 1.0.0", "a 2.0.0 c 1.0.0"]);
}

#[test]
fn who_reads_an_event_has_to_read_what_is_written() {
    let (plain, more) = (event(""), event(r#", {"name": "n", "type": "int"}"#));
    let files =
        [("w/1.0.0/events/E.avsc", plain.as_str()), ("w/2.0.0/events/E.avsc", &more), ("r/2.0.0/events/E.avsc", &more)];
    let (writes, reads) = ("  produces: [E]\n", "  consumes: [E]\n");
    let contracts = [
        ("w 1.0.0", writes),
        ("w 2.0.0", writes),
        ("w 3.0.0", ""),
        ("r 1.0.0", reads),
        ("r 2.0.0", reads),
        ("x 1.0.0", ""),
    ];
    let stand = Stand::new(&contracts, &files);
    let runs = [("w", "1.0.0"), ("r", "1.0.0")];
    assert_eq!(may(&stand, &runs), ["r 1.0.0 w 1.0.0", "r 1.0.0 w 2.0.0", "r 2.0.0 w 2.0.0"]);
    let told = pairs(&stand, &runs);
    assert!(
        told.contains(&("r 1.0.0 w 3.0.0".into(), "w 3.0.0 does not write E, which r 1.0.0 reads".into())),
        "{told:?}"
    );
    assert!(told.iter().any(|(_, why)| why.starts_with("r 2.0.0 cannot read the E of w 1.0.0: ")), "{told:?}");
}

/// Counts what is worked out.
#[derive(Default)]
struct Counting(usize);

impl Memory for Counting {
    fn get(&mut self, _: &str) -> Option<Answer> {
        None
    }
    fn put(&mut self, _: &str, _: &Answer) {
        self.0 += 1;
    }
}

#[test]
fn two_versions_are_compared_once_for_all_who_call_them() {
    let gone = without_stock();
    let files = [("a/1.0.0/openapi.json", API), ("a/2.0.0/openapi.json", gone.as_str()), ("z/1.0.0/openapi.json", API)];
    let b = "  depends:\n    - {service: a, operations: ['GET /prices/{sku}']}\n";
    let names: Vec<String> = (0..20).map(|n| format!("b{n} 1.0.0")).collect();
    let mut contracts: Vec<(&str, &str)> = names.iter().map(|n| (n.as_str(), b)).collect();
    contracts.extend([("a 1.0.0", ""), ("a 2.0.0", ""), ("z 1.0.0", "")]);
    let mut asked = Counting::default();
    assert_eq!(made(&Stand::new(&contracts, &files), &[("a", "1.0.0")], &mut asked).pairs.len(), 40);
    // The operations of two descriptions, and what changed between them; nobody calls the third.
    assert_eq!(asked.0, 3);
}
