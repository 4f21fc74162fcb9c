//! Small fleets, each with one thing about it.
mod calls;
mod database;
mod hooks;
mod matrix;
mod order;
mod readers;
mod strays;
mod waivers;

use std::collections::BTreeMap;

use chrono::NaiveDate;
use semver::{Version, VersionReq};

use super::pairs::{Answer, Forgetful, Memory};
use super::*;
use crate::compat::Severity;
use crate::spec::load;

/// Contracts as YAML, `name version` and the spec below it; files by `name/version/path`.
struct Stand {
    registry: Registry,
    moves: Vec<Move>,
    needs: BTreeMap<String, BTreeMap<String, VersionReq>>,
    images: BTreeMap<String, String>,
    production: bool,
    said: Vec<remote::Said>,
}

fn v(text: &str) -> Version {
    Version::parse(text).unwrap()
}

fn source(name: &str, text: &str) -> SourceFile {
    SourceFile { name: name.into(), text: text.into() }
}

impl Stand {
    fn new(contracts: &[(&str, &str)], files: &[(&str, &str)]) -> Stand {
        let head = |kind: &str, name: &str| {
            format!("apiVersion: pilothouse.dev/v1alpha1\nkind: {kind}\nmetadata: {{name: {name}}}\n")
        };
        let mut registry = Registry::default();
        for (name, spec) in contracts {
            let (service, version) = name.split_once(' ').unwrap();
            let text = format!("{}spec:\n  version: {version}\n{spec}", head("Contract", service));
            let file = source(&format!("{service}/{version}/service.yaml"), &text);
            let loaded = load(&[file], &[]).unwrap_or_else(|report| panic!("{report}"));
            let mut published = Published {
                contract: loaded.contracts[0].clone(),
                openapi: Vec::new(),
                events: BTreeMap::new(),
                sql: BTreeMap::new(),
                undeclared: Vec::new(),
            };
            for (path, text) in files.iter().filter(|(p, _)| p.starts_with(&format!("{service}/{version}/"))) {
                let stem = path.rsplit('/').next().unwrap().split('.').next().unwrap().to_string();
                match path {
                    p if p.contains("openapi") => published.openapi.push(source(path, text)),
                    p if p.contains("events") => drop(published.events.insert(stem, source(path, text))),
                    _ => drop(published.sql.insert(stem, source(path, text))),
                }
            }
            registry.services.entry(service.into()).or_default().insert(v(version), published);
        }
        Stand {
            registry,
            moves: Vec::new(),
            needs: BTreeMap::new(),
            images: BTreeMap::new(),
            production: false,
            said: Vec::new(),
        }
    }

    fn moves(mut self, moves: &[(&str, &str, &str)]) -> Stand {
        self.moves = moves.iter().map(|(s, a, b)| Move { service: (*s).into(), from: v(a), to: v(b) }).collect();
        self
    }

    fn policy(mut self, spec: &str) -> Stand {
        let text =
            format!("apiVersion: pilothouse.dev/v1alpha1\nkind: CompatPolicy\nmetadata: {{name: p}}\nspec:\n{spec}");
        self.registry.policy = load(&[source("compat.yaml", &text)], &[]).unwrap().compat;
        self
    }

    fn asked(&self) -> Asked<'_> {
        Asked {
            registry: &self.registry,
            moves: self.moves.clone(),
            needs: self.needs.clone(),
            images: self.images.clone(),
            production: self.production,
            today: NaiveDate::from_ymd_opt(2026, 11, 25).unwrap(),
            unknown: Vec::new(),
            unseen: Vec::new(),
            said: self.said.clone(),
            unsaid: Vec::new(),
        }
    }

    fn outcome(&self) -> Outcome {
        check(&self.asked(), &mut Forgetful).unwrap_or_else(|p| panic!("{p:?}"))
    }

    fn told(&self) -> Vec<String> {
        let word = |f: &Finding| format!("{:?} {}", f.severity, f.rule);
        self.outcome().report.findings.iter().map(word).collect()
    }
}

fn find<'a>(outcome: &'a Outcome, rule: &str) -> &'a Finding {
    let all = &outcome.report.findings;
    all.iter().find(|f| f.rule == rule).unwrap_or_else(|| panic!("no {rule} in {all:#?}"))
}

const API: &str = r##"{"openapi": "3.0.0", "info": {"title": "t", "version": "1"}, "paths": {
  "/prices/{sku}": {"get": {"operationId": "getPrice", "responses": {"200": {"description": "d", "content":
    {"application/json": {"schema": {"$ref": "#/components/schemas/Price"}}}}}}},
  "/stock": {"get": {"responses": {"200": {"description": "d"}}}}},
  "components": {"schemas": {"Price": {"type": "object", "required": ["amount"], "properties":
    {"amount": {"type": "number"}, "state": {"type": "string", "enum": ["open", "sold"]}}}}}}"##;

fn without_stock() -> String {
    API.replace(r#""/stock": {"get": {"responses": {"200": {"description": "d"}}}}"#, r#""/x": {}"#)
}

#[test]
fn who_calls_it_decides_what_a_removed_operation_weighs() {
    let gone = without_stock();
    let files = [("a/1.0.0/openapi.json", API), ("a/2.0.0/openapi.json", gone.as_str())];
    let stand = |audience: &str, operations: &str| {
        let a = format!("  audience: {audience}\n");
        let b = format!("  depends:\n    - {{service: a{operations}}}\n");
        Stand::new(&[("a 1.0.0", &a), ("a 2.0.0", &a), ("b 1.0.0", &b)], &files)
            .moves(&[("a", "1.0.0", "2.0.0"), ("b", "1.0.0", "1.0.0")])
    };
    let calls = ", operations: [GET /stock], calls_per_day: 1200";
    let outcome = stand("internal", calls).outcome();
    let f = find(&outcome, "operation-removed");
    assert_eq!((f.severity, f.of.as_ref().unwrap().consumers.join(", ")), (Severity::Critical, "b 1.0.0".into()));
    assert!(f.details.contains(&"about 1200 calls a day come from them".to_string()), "{f:?}");
    // Names of parameters do not tell two operations apart.
    let other = ", operations: ['GET /prices/{id}']";
    assert!(stand("internal", other).told().contains(&"Warning operation-removed".into()));
    // Anybody may call what is public, and a consumer that does not say what it calls may call anything.
    assert!(stand("public", other).told().contains(&"Critical operation-removed".into()));
    assert!(stand("internal", "").told().contains(&"Critical operation-removed".into()));
    // A service of the fleet without a contract may call anything, too.
    let mut without = stand("internal", other);
    without.moves.push(Move { service: "c".into(), from: v("1.0.0"), to: v("1.0.0") });
    assert!(without.told().contains(&"Critical operation-removed".into()));
    // A range that bars the new version keeps nobody from running beside it who stays: both are told.
    let barred = stand("internal", ", req: ^1, operations: [GET /stock]").outcome();
    let f = find(&barred, "operation-removed");
    assert_eq!((f.severity, f.of.as_ref().unwrap().consumers.join(", ")), (Severity::Critical, "b 1.0.0".into()));
    let against = "b 1.0.0 would run beside a 2.0.0, which its own range bars";
    assert!(f.details.iter().any(|d| d == against), "{f:?}");
    assert_eq!(find(&barred, "dependency-out-of-range").severity, Severity::Critical);
    // One that moves to a version that takes it, and calls none of it, has gone by then.
    let mut moves = stand("internal", ", req: ^1, operations: [GET /stock]");
    let next =
        Stand::new(&[("b 2.0.0", "  depends: [{service: a, req: '>=1', operations: ['GET /prices/{id}']}]\n")], &[]);
    moves.registry.services.get_mut("b").unwrap().extend(next.registry.services["b"].clone());
    moves = moves.moves(&[("a", "1.0.0", "2.0.0"), ("b", "1.0.0", "2.0.0")]);
    assert_eq!(find(&moves.outcome(), "operation-removed").severity, Severity::Warning);
}

#[test]
fn a_breaking_change_under_a_minor_version_is_a_lie() {
    let gone = without_stock();
    let files = [("a/1.0.0/openapi.json", API), ("a/1.1.0/openapi.json", gone.as_str())];
    let stand = Stand::new(&[("a 1.0.0", ""), ("a 1.1.0", "")], &files).moves(&[("a", "1.0.0", "1.1.0")]);
    assert!(stand.told().contains(&"Critical version-breaking-under-minor".into()));
    // A renamed operationId breaks nobody on the wire, and those who generate clients.
    let renamed = API.replace("getPrice", "fetchPrice");
    let files = [("a/1.0.0/openapi.json", API), ("a/1.1.0/openapi.json", renamed.as_str())];
    let stand = Stand::new(&[("a 1.0.0", ""), ("a 1.1.0", "")], &files).moves(&[("a", "1.0.0", "1.1.0")]);
    assert_eq!(stand.told(), ["Warning operation-id-changed"]);
}

#[test]
fn one_more_value_breaks_who_reads_a_closed_list() {
    let more = API.replace(r#""open", "sold""#, r#""open", "sold", "lent""#);
    let files = [("a/1.0.0/openapi.json", API), ("a/1.1.0/openapi.json", more.as_str())];
    let stand = |closed: &str| {
        let b = format!(
            "  depends:\n    - {{service: a, operations: ['GET /prices/{{sku}}'], closed_enums: [{closed}]}}\n"
        );
        Stand::new(&[("a 1.0.0", ""), ("a 1.1.0", ""), ("b 1.0.0", &b)], &files)
            .moves(&[("a", "1.0.0", "1.1.0"), ("b", "1.0.0", "1.0.0")])
    };
    assert_eq!(stand("").told(), ["Warning response-enum-value-added"]);
    assert_eq!(stand("Price.amount").told(), ["Warning response-enum-value-added"]);
    assert_eq!(stand("Price.state").told(), ["Critical response-enum-value-added"]);
}

#[test]
fn operations_that_nobody_describes_are_named_and_new_ones_order() {
    let more = API.replace(r#""/stock""#, r#""/new": {"get": {"responses": {"200": {"description": "d"}}}}, "/stock""#);
    let files = [("a/1.0.0/openapi.json", API), ("a/1.1.0/openapi.json", more.as_str())];
    let b = |operation: &str| format!("  depends:\n    - {{service: a, operations: [{operation}]}}\n");
    let stand = Stand::new(
        &[("a 1.0.0", ""), ("a 1.1.0", ""), ("b 1.0.0", &b("GET /nowhere")), ("b 1.1.0", &b("GET /new"))],
        &files,
    )
    .moves(&[("a", "1.0.0", "1.1.0"), ("b", "1.0.0", "1.1.0")]);
    let outcome = stand.outcome();
    let f = find(&outcome, "dependency-operation-unknown");
    assert_eq!((f.severity, f.message.contains("b 1.0.0 calls GET /nowhere")), (Severity::Critical, true));
    assert_eq!(
        f.location.revision.as_ref().map(|p| (p.file.as_str(), p.line)),
        Some(("b/1.0.0/service.yaml", Some(7)))
    );
    assert_eq!(outcome.waves, [["a"], ["b"]]);
}

fn event(fields: &str) -> String {
    format!(r#"{{"type": "record", "name": "E", "fields": [{{"name": "id", "type": "string"}}{fields}]}}"#)
}

/// The writer `w` and a reader `r`, both in an upgrade, if `r` moves.
fn events(old: &str, new: &str, reader: (&str, &str), terms: &str) -> Stand {
    let files = [("w/1.0.0/events/E.avsc", old), ("w/2.0.0/events/E.avsc", new)];
    let w = "  audience: internal\n  produces: [E]\n";
    let r = "  consumes: [E]\n";
    Stand::new(&[("w 1.0.0", w), ("w 2.0.0", w), ("r 1.0.0", r), ("r 2.0.0", r)], &files)
        .moves(&[("w", "1.0.0", "2.0.0"), ("r", reader.0, reader.1)])
        .policy(&format!("  events: {{{terms}}}\n"))
}

#[test]
fn what_only_new_readers_read_goes_in_order_or_not_at_all() {
    // A field is removed that had no default: new readers read old records, old ones do not read new.
    let (old, new) = (event(r#", {"name": "n", "type": "int"}"#), event(""));
    let moving = events(&old, &new, ("1.0.0", "2.0.0"), "").outcome();
    assert!(moving.report.compatible(), "{:#?}", moving.report);
    assert_eq!(moving.waves, [["r"], ["w"]]);
    assert!(moving.report.findings.iter().any(|f| f.severity == Severity::Warning && f.direction.is_some()));
    let staying = events(&old, &new, ("1.0.0", "1.0.0"), "").outcome();
    assert!(!staying.report.compatible());
    let f = staying.report.findings.iter().find(|f| f.bars()).unwrap();
    assert_eq!(f.of.as_ref().unwrap().consumers, ["r 1.0.0"]);
}

#[test]
fn old_records_bind_new_readers_for_as_long_as_they_stay() {
    // A field without default is added: new readers do not read old records.
    let (old, new) = (event(""), event(r#", {"name": "n", "type": "int"}"#));
    let stay = events(&old, &new, ("1.0.0", "2.0.0"), "").outcome();
    assert!(!stay.report.compatible() && stay.edges.is_empty(), "no order helps: {:?}", stay.edges);
    let gone = events(&old, &new, ("1.0.0", "2.0.0"), "E: {retained: false}").outcome();
    assert!(gone.report.compatible(), "{:#?}", gone.report);
    assert_eq!(gone.waves, [["w"], ["r"]]);
    // Both ways at once: no order helps.
    let both = event(r#", {"name": "n", "type": "int"}"#).replace("id", "no");
    assert!(!events(&old, &both, ("1.0.0", "2.0.0"), "E: {retained: false}").outcome().report.compatible());
}

#[test]
fn records_of_every_version_before_are_read() {
    let with = |default: &str| event(&format!(r#", {{"name": "n", "type": "int"{default}}}"#));
    let (first, second, third) = (event(""), with(r#", "default": 0"#), with(""));
    let files = [
        ("w/1.0.0/events/E.avsc", first.as_str()),
        ("w/2.0.0/events/E.avsc", second.as_str()),
        ("w/3.0.0/events/E.avsc", third.as_str()),
    ];
    let w = "  produces: [E]\n  consumes: [E]\n";
    let stand = |from: &str| {
        Stand::new(&[("w 1.0.0", w), ("w 2.0.0", w), ("w 3.0.0", w)], &files).moves(&[("w", from, "3.0.0")])
    };
    // 3 reads what 2 wrote; what 1 wrote is still there, and has no `n`.
    let outcome = stand("2.0.0").outcome();
    assert!(!outcome.report.compatible());
    let kept = stand("2.0.0").policy("  events: {E: {retained: false}}\n").outcome();
    assert!(kept.report.compatible(), "{:#?}", kept.report);
}

#[test]
fn a_reader_with_a_schema_of_its_own_is_asked_itself() {
    let (old, new) = (event(r#", {"name": "n", "type": "int"}"#), event(""));
    let stand = |own: &str| {
        let files =
            [("w/1.0.0/events/E.avsc", old.as_str()), ("w/2.0.0/events/E.avsc", &new), ("r/1.0.0/events/E.avsc", own)];
        let w = "  audience: internal\n  produces: [E]\n";
        Stand::new(&[("w 1.0.0", w), ("w 2.0.0", w), ("r 1.0.0", "  consumes: [E]\n")], &files)
            .moves(&[("w", "1.0.0", "2.0.0"), ("r", "1.0.0", "1.0.0")])
    };
    // It never read `n`, so that it is gone is nothing to it.
    let fine = stand(&event("")).outcome();
    assert!(fine.report.compatible(), "{:#?}", fine.report);
    let broken = stand(&old).outcome();
    let f = find(&broken, "event-not-read");
    assert!(f.message.starts_with("r 1.0.0 cannot read the E of w 2.0.0: "), "{}", f.message);
}

#[test]
fn an_event_that_is_not_written_any_more_is_missed() {
    let stand = |reader: &str| {
        let (old, new) = ("  audience: internal\n  produces: [E]\n", "  audience: internal\n");
        Stand::new(&[("w 1.0.0", old), ("w 2.0.0", new), ("r 1.0.0", reader)], &[])
            .moves(&[("w", "1.0.0", "2.0.0"), ("r", "1.0.0", "1.0.0")])
    };
    assert_eq!(find(&stand("  consumes: [E]\n").outcome(), "event-removed").severity, Severity::Critical);
    assert_eq!(stand("").told(), ["Warning event-removed"]);
}

#[test]
fn migrations_are_looked_at_with_who_still_reads() {
    let stand = |migration: &str, sql: &str| {
        let new =
            format!("  migrations:\n    - {{id: m1, phase: expand, sql: m1.sql}}\n    - {{id: m, {migration}}}\n");
        let files = [("a/1.1.0/m1.sql", "SET lock_timeout = '1s'; CREATE TABLE n (id int);"), ("a/1.1.0/m.sql", sql)];
        Stand::new(&[("a 1.0.0", "  reads: [orders.note]\n"), ("a 1.1.0", &new)], &files)
            .moves(&[("a", "1.0.0", "1.1.0")])
    };
    let drops = "SET lock_timeout = '1s'; ALTER TABLE orders DROP COLUMN note;";
    let now = "phase: contract, destructive: true, contracts: m1, drops: [orders.note]";
    let told = stand(now, drops).told();
    assert!(told.contains(&"Critical migration-drops-what-is-read".into()), "{told:?}");
    assert!(told.contains(&"Critical migration-contract-with-expand".into()), "{told:?}");
    let later = stand(&format!("{now}, deferred: true"), drops).told();
    assert!(later.contains(&"Warning migration-drops-what-is-read".into()), "{later:?}");
    assert!(!later.contains(&"Critical migration-drops-what-is-read".into()), "{later:?}");
    assert!(later.contains(&"Warning migration-contract-with-expand".into()), "{later:?}");
    assert!(told.contains(&"Critical sql-drop-column".into()), "{told:?}");
    assert!(later.contains(&"Warning sql-drop-column".into()), "{later:?}");
    // Both versions say what they read, and it is something else.
    let other = "phase: contract, destructive: true, drops: [orders.remark]";
    let sql = "SET lock_timeout = '1s'; ALTER TABLE orders DROP COLUMN remark;";
    assert!(stand(other, sql).told().contains(&"Critical sql-drop-column".into()));
    let mut both = stand(other, sql);
    let new = both.registry.services.get_mut("a").unwrap().get_mut(&v("1.1.0")).unwrap();
    new.contract.spec.reads = vec!["orders.id".into()];
    assert!(both.told().contains(&"Warning sql-drop-column".into()), "{:?}", both.told());
    let long = stand("phase: backfill, estimated: 5m1s", "").told();
    assert!(long.contains(&"Warning migration-long".into()), "{long:?}");
    assert!(!stand("phase: backfill, estimated: 5m", "").told().contains(&"Warning migration-long".into()));
}

#[test]
fn a_barred_step_has_a_way_over_versions_in_between() {
    let stand =
        Stand::new(&[("a 1.0.0", ""), ("a 1.9.0", ""), ("a 2.0.0", "  min_from: 1.5.0\n"), ("b 1.0.0", "")], &[])
            .moves(&[("a", "1.0.0", "2.0.0"), ("b", "1.0.0", "1.0.0")]);
    let outcome = stand.outcome();
    assert_eq!(find(&outcome, "upgrade-step-too-long").of.as_ref().unwrap().service, "a");
    assert_eq!(outcome.detours[0].over, ["1.0.0", "1.9.0", "2.0.0"]);
}

#[test]
fn circles_have_their_reasons() {
    let needs = |other: &str, range: &str| format!("  depends:\n    - {{service: {other}, req: {range}}}\n");
    let stand = Stand::new(
        &[("a 1.0.0", ""), ("a 2.0.0", &needs("b", "^2")), ("b 1.0.0", ""), ("b 2.0.0", &needs("a", "^2"))],
        &[],
    )
    .moves(&[("a", "1.0.0", "2.0.0"), ("b", "1.0.0", "2.0.0")]);
    let outcome = stand.outcome();
    let f = find(&outcome, "dependency-circle");
    assert!(f.details.iter().any(|d| d.contains("a before b: b 2.0.0 needs a `^2`")), "{f:#?}");
}

/// Takes the fingerprint of the removed operation, and accepts it.
fn waived(stand: &Stand, until: &str) -> String {
    let print = find(&stand.outcome(), "operation-removed").fingerprint.clone();
    format!("  waivers:\n    - {{fingerprint: '{print}', reason: nobody calls it, until: {until}, by: [mara, jun]}}\n")
}

#[test]
fn a_waiver_counts_until_its_day_outside_production_and_for_this_change_only() {
    let gone = without_stock();
    let stand = |gone: &str| {
        let files = [("a/1.0.0/openapi.json", API), ("a/2.0.0/openapi.json", gone)];
        Stand::new(&[("a 1.0.0", ""), ("a 2.0.0", "")], &files).moves(&[("a", "1.0.0", "2.0.0")])
    };
    let good = waived(&stand(&gone), "2026-11-25");
    let outcome = stand(&gone).policy(&good).outcome();
    assert!(outcome.report.compatible());
    assert_eq!(
        find(&outcome, "operation-removed").waived.as_deref(),
        Some("mara and jun, until 2026-11-25: nobody calls it")
    );
    // What else changes does not matter; another change has another name.
    let more = gone.replace(r#""title": "t""#, r#""title": "other""#);
    assert!(stand(&more).policy(&good).outcome().report.compatible());
    let other = API.replace("/prices/", "/costs/");
    let outcome = stand(&other).policy(&good).outcome();
    assert!(!outcome.report.compatible());
    assert!(outcome.report.not_compared.iter().any(|n| n.contains("is for nothing that was found")));
    assert!(!stand(&gone).policy(&waived(&stand(&gone), "2026-11-24")).outcome().report.compatible());
    let mut production = stand(&gone).policy(&good);
    production.production = true;
    let outcome = production.outcome();
    assert!(!outcome.report.compatible());
    assert!(find(&outcome, "operation-removed").details[0].contains("not accepted: no route"));
}

#[test]
fn severities_are_the_fleets_own_but_for_critical_ones_in_production() {
    let gone = without_stock();
    let files = [("a/1.0.0/openapi.json", API), ("a/2.0.0/openapi.json", gone.as_str())];
    let mut stand = Stand::new(&[("a 1.0.0", ""), ("a 2.0.0", "")], &files)
        .moves(&[("a", "1.0.0", "2.0.0")])
        .policy("  severities: {operation-removed: info}\n");
    assert_eq!(stand.told(), ["Info operation-removed"]);
    stand.production = true;
    assert_eq!(stand.told(), ["Critical operation-removed"]);
    let stand = stand.policy("  severities: {operation-removd: info}\n");
    let problems = check(&stand.asked(), &mut Forgetful).unwrap_err();
    assert_eq!((problems[0].line, problems[0].column), (5, 34));
    assert_eq!(problems[0].help.as_deref(), Some("did you mean `operation-removed`?"));
}

/// Keeps answers as text, as they are kept on disk.
#[derive(Default)]
struct Kept {
    answers: BTreeMap<String, String>,
    asked: usize,
}

impl Memory for Kept {
    fn get(&mut self, key: &str) -> Option<Answer> {
        stored::read(self.answers.get(key)?)
    }
    fn put(&mut self, key: &str, answer: &Answer) {
        self.asked += 1;
        self.answers.insert(key.into(), stored::write(answer));
    }
}

#[test]
fn what_is_remembered_is_what_was_found() {
    let gone = without_stock().replace("number", "integer");
    let files = [("a/1.0.0/openapi.json", API), ("a/2.0.0/openapi.json", gone.as_str())];
    let stand = Stand::new(&[("a 1.0.0", ""), ("a 2.0.0", "")], &files).moves(&[("a", "1.0.0", "2.0.0")]);
    let mut kept = Kept::default();
    let first = check(&stand.asked(), &mut kept).unwrap().report;
    let asked = kept.asked;
    assert!(asked > 0 && !first.findings.is_empty());
    assert_eq!(check(&stand.asked(), &mut kept).unwrap().report, first);
    assert_eq!((kept.asked, &first), (asked, &stand.outcome().report));
    // Something else in a kept answer is no answer.
    kept.answers.values_mut().for_each(|text| *text = text.replace("operation-removed", "operation-gone"));
    assert_eq!(check(&stand.asked(), &mut kept).unwrap().report, first);
    assert!(kept.asked > asked);
}

#[test]
fn a_registry_that_says_otherwise_is_a_warning() {
    let (old, new) = (event(""), event(r#", {"name": "n", "type": "int", "default": 0}"#));
    let stand = |takes: bool, there: &str| {
        let mut stand = events(&old, &new, ("1.0.0", "1.0.0"), "");
        stand.said = vec![remote::Said {
            service: "w".into(),
            event: "E".into(),
            subject: "E-value".into(),
            mode: Some(crate::compat::events::Mode::Backward),
            versions: vec![(4, there.to_string())],
            takes,
            messages: vec!["READER_FIELD_MISSING_DEFAULT_VALUE".into()],
        }];
        let mut told = stand.told();
        told.retain(|t| t.contains("registry-"));
        told
    };
    assert_eq!(stand(true, &old), [""; 0]);
    assert_eq!(stand(false, &old), ["Warning registry-disagrees"]);
    // Another schema is there, and by that one both refuse.
    let other = event("").replace("\"string\"", "\"int\"");
    assert_eq!(stand(false, &other), ["Warning registry-differs", "Warning registry-refuses"]);
    assert_eq!(stand(true, &other), ["Warning registry-differs", "Warning registry-disagrees"]);
    // It holds the new one already.
    assert_eq!(stand(true, &new), [""; 0]);
    // Only what changes is asked about, and only where a registry is named.
    let mut stand = events(&old, &new, ("1.0.0", "1.0.0"), "");
    assert_eq!(remote::enquiries(&stand.asked()), []);
    stand = stand.policy("  events: {E: {subject: e.topic}}\n  registry: {url: http://registry.kafka:8081}\n");
    let asked = remote::enquiries(&stand.asked());
    assert_eq!((asked.len(), asked[0].subject.as_str(), asked[0].json), (1, "e.topic", false));
}
