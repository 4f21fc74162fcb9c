//! `pilothouse compat` as it is typed: exit codes, the forms of its output, files that refer to one another.
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// A folder of its own, gone when the test is over.
pub struct Folder(pub PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("pilothouse-compat-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(path.join("parts")).unwrap();
        Folder(path)
    }

    pub fn write(&self, name: &str, text: &str) -> &Folder {
        std::fs::write(self.0.join(name), text).unwrap();
        self
    }

    pub fn run(&self, args: &[&str]) -> (i32, String, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pilothouse"));
        let out = command.args(args).current_dir(&self.0).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        (out.status.code().unwrap(), text(&out.stdout), text(&out.stderr))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn description(reference: &str) -> String {
    format!(
        "openapi: 3.1.0\ninfo: {{title: Orders, version: '1'}}\npaths:\n  /orders:\n    post:\n      requestBody:\n        content:\n          \
         application/json:\n            schema: {{$ref: '{reference}'}}\n      responses: {{}}\n"
    )
}

fn pair(name: &str) -> Folder {
    let folder = Folder::new(name);
    folder
        .write("old.yaml", &description("parts/old.yaml#/Order"))
        .write("new.yaml", &description("parts/new.yaml#/Order"))
        .write("parts/old.yaml", "Order:\n  type: object\n  properties:\n    note: {type: string, maxLength: 80}\n")
        .write("parts/new.yaml", "Order:\n  type: object\n  properties:\n    note: {type: string, maxLength: 40}\n");
    folder
}

#[test]
fn the_exit_code_says_whether_it_may_follow() {
    let folder = pair("codes");
    assert_eq!(folder.run(&["compat", "openapi", "old.yaml", "old.yaml"]).0, 0);
    let (code, text, _) = folder.run(&["compat", "openapi", "old.yaml", "new.yaml"]);
    assert_eq!(code, 2);
    for part in [
        "critical[request-max-length-tightened] `maxLength` lowered from 80 to 40",
        "base      parts/old.yaml:4 #/Order/properties/note/maxLength",
        "revision  parts/new.yaml:4 #/Order/properties/note/maxLength",
        "reaches   POST /orders",
        "not compatible: 1 critical, 0 warning, 0 info",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    let (code, text, _) = folder.run(&["compat", "openapi", "new.yaml", "old.yaml"]);
    assert_eq!((code, text.contains("compatible: 0 critical, 0 warning, 1 info")), (0, true), "{text}");
}

#[test]
fn what_cannot_be_read_is_told_with_its_place() {
    let folder = pair("unread");
    folder.write("broken.yaml", "openapi: 3.1.0\npaths: [\n").write("far.yaml", &description("parts/none.yaml#/Order"));
    std::fs::write(folder.0.join("latin.yaml"), b"openapi: 3.1.0\ninfo: \xe4\n").unwrap();
    for (file, told) in [
        ("none.yaml", "none.yaml"),
        ("parts", "is no file"),
        ("broken.yaml", "broken.yaml:2:8"),
        ("far.yaml", "far.yaml:9:"),
        ("latin.yaml", "latin.yaml:2:"),
    ] {
        let (code, out, told_of) = folder.run(&["compat", "openapi", "old.yaml", file]);
        assert_eq!((code, out.as_str()), (1, ""), "{file}: {told_of}");
        assert!(told_of.contains(told) && told_of.contains("help:"), "{file}: {told_of}");
    }
}

#[test]
fn programs_get_what_they_read() {
    let folder = pair("forms");
    let run = |form: &str| folder.run(&["compat", "openapi", "old.yaml", "new.yaml", "-o", form]);
    let json: Value = serde_json::from_str(&run("json").1).unwrap();
    assert_eq!(json["compatible"], false);
    assert_eq!(json["not_compared"], Value::Array(vec![]));
    let finding = &json["findings"][0];
    for (field, wanted) in [
        ("rule", "request-max-length-tightened"),
        ("severity", "critical"),
        ("direction", "request"),
        ("area", "schema"),
        ("message", "`maxLength` lowered from 80 to 40"),
    ] {
        assert_eq!(finding[field], wanted, "{finding}");
    }
    assert_eq!(finding["location"]["revision"]["line"], 4);
    let sarif: Value = serde_json::from_str(&run("sarif").1).unwrap();
    let result = &sarif["runs"][0]["results"][0];
    assert_eq!((&sarif["version"], &result["level"]), (&Value::from("2.1.0"), &Value::from("error")));
    assert_eq!(result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"], "parts/new.yaml");
    let junit = run("junit").1;
    assert!(junit.contains(r#"tests="2" failures="2""#) && junit.contains("POST /orders</failure>"), "{junit}");
    let github = run("github").1;
    let line = "::error file=parts/new.yaml,line=4,title=request-max-length-tightened::`maxLength` lowered from 80 to 40 (POST /orders)";
    assert_eq!(github.trim_end(), line);
    for form in ["json", "sarif", "junit", "github"] {
        assert_eq!(run(form).0, 2, "{form}");
    }
}

#[test]
fn every_rule_is_listed_with_reason_and_example() {
    let folder = Folder::new("rules");
    let (code, text, _) = folder.run(&["compat", "rules"]);
    assert_eq!(code, 0);
    assert!(text.contains("critical  operation-removed\n"), "{text}");
    let (_, json, _) = folder.run(&["compat", "rules", "-o", "json"]);
    let rules: Vec<Value> = serde_json::from_str(&json).unwrap();
    assert!(rules.iter().all(|r| r["reason"].is_string() && r["example"].is_string()), "{json}");
    assert!(Path::new(&folder.0).is_dir());
}

/// Files of one fleet: services with the version that runs and the one they go to, contracts, and what else is said of them.
pub fn fleet(name: &str, services: &[(&str, &str, &str)], contracts: &[(&str, &str, &str)]) -> Folder {
    let folder = Folder::new(name);
    let head = |kind: &str, name: &str| {
        format!("apiVersion: pilothouse.dev/v1alpha1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec:\n")
    };
    let (mut listed, mut to) = (String::new(), String::new());
    for (service, from, next) in services {
        let version = if from.is_empty() { String::new() } else { format!("version: {from}, ") };
        listed += &format!(
            "    - {{name: {service}, {version}workload: {{deployment: {service}, container: app}},\n       traffic: \
             {{httpRoute: {{name: {service}, stable: {service}, next: {service}-next, port: 80}}}}}}\n"
        );
        to += &format!("    {service}: {{image: \"r.example/{service}:{next}\"}}\n");
    }
    let environments = "  environments: [{name: test, kubernetes: {namespace: shop}}]\n  services:\n";
    let upgrade = "  fleet: shop\n  environment: test\n  policy: erp\n  strategy: canary\n  to:\n";
    folder.write(
        "all.yaml",
        &format!("{}{environments}{listed}---\n{}{upgrade}{to}", head("Fleet", "shop"), head("Upgrade", "up")),
    );
    for (service, version, more) in contracts {
        let path = format!("contracts/{service}/{version}");
        std::fs::create_dir_all(folder.0.join(&path)).unwrap();
        folder.write(
            &format!("{path}/service.yaml"),
            &format!("{}  version: {version}\n{more}", head("Contract", service)),
        );
    }
    folder
}

pub const NAMED: [&str; 6] = ["-f", "all.yaml", "--contracts", "contracts", "--state-dir", "state"];

/// Both commands say the same, whatever somebody accepts.
#[test]
fn check_and_plan_agree_on_an_accepted_circle() {
    let a = "  depends:\n    - {service: b, req: ^2}\n";
    let b = "  depends:\n    - {service: a, req: ^2}\n";
    let c = "  depends:\n    - {service: d, req: ^2}\n";
    let moves = ["a", "b", "c", "d"].map(|s| (s, "1.0.0", "2.0.0"));
    let folder =
        fleet("circle", &moves, &[("a", "2.0.0", a), ("b", "2.0.0", b), ("c", "2.0.0", c), ("d", "2.0.0", "")]);
    let said = |command: &[&str]| folder.run(&[command, &NAMED, &["-o", "json"]].concat());
    let value = |(code, out, err): (i32, String, String)| -> (i32, Value) {
        (code, serde_json::from_str(&out).unwrap_or_else(|e| panic!("{e}: {out}{err}")))
    };
    let both = || (value(said(&["compat", "check"])), value(said(&["plan"])));
    let ((code, check), (_, plan)) = both();
    assert_eq!((code, &check["compatible"], &plan["compatible"]), (2, &Value::from(false), &Value::from(false)));
    let print = check["findings"][0]["fingerprint"].as_str().unwrap().to_string();
    let policy = "apiVersion: pilothouse.dev/v1alpha1\nkind: CompatPolicy\nmetadata: {name: p}\nspec:\n";
    let waiver = format!(
        "{policy}  waivers:\n    - {{fingerprint: \"{print}\", reason: at night, until: 2999-12-31, by: [mara, jun]}}\n"
    );
    for accepted in [waiver, format!("{policy}  severities: {{dependency-circle: off}}\n")] {
        folder.write("contracts/compat.yaml", &accepted);
        let ((code, check), (planned, plan)) = both();
        assert_eq!((code, planned), (0, 0), "{check:#}\n{plan:#}");
        assert_eq!((&check["compatible"], &plan["compatible"]), (&Value::from(true), &Value::from(true)));
        let wave = |name: &str| {
            let all = plan["services"].as_array().unwrap();
            all.iter().find(|s| s["service"] == name).unwrap()["wave"].as_u64().unwrap()
        };
        assert!(wave("d") < wave("c") && wave("a") != wave("b"), "{plan:#}");
    }
}

#[test]
fn a_service_that_moves_from_nobody_knows_where_is_told() {
    let folder = fleet("unseen", &[("a", "", "2.0.0")], &[("a", "2.0.0", "")]);
    let (code, text, _) = folder.run(&[&["compat", "check"], &NAMED[..]].concat());
    assert_eq!(code, 0, "{text}");
    let told = "warning[version-unknown] a goes to 2.0.0, and nothing of it was checked: the Fleet does not say which version runs";
    assert!(text.contains(told), "{text}");
    assert!(text.contains("not compared:\n  a: the Fleet does not say which version runs"), "{text}");
}

/// What decides whether a run may begin is named to it as it is to the check.
#[test]
fn a_run_takes_the_folder_of_contracts_too() {
    let folder = fleet("flags", &[("a", "1.0.0", "2.0.0")], &[("a", "2.0.0", "")]);
    let run =
        |more: &[&str]| folder.run(&[more, &["-f", "all.yaml", "--state-dir", "state", "--cache", "kept"]].concat());
    let (code, _, err) = run(&["run", "--contracts", "nowhere"]);
    assert!(code == 1 && err.contains("nowhere") && !err.contains("unexpected argument"), "{err}");
    let (code, _, err) = folder.run(&["watch", "--run", "7f3a", "--contracts", "contracts"]);
    assert!(code == 1 && err.contains("cannot be used with"), "{err}");
}

#[test]
fn one_schema_alone_is_compared_with_nothing() {
    let folder = Folder::new("alone");
    folder.write("a.avsc", "\"string\"").write("a.schema.json", "{}");
    for (kind, file) in [("avro", "a.avsc"), ("jsonschema", "a.schema.json")] {
        let (code, out, told) = folder.run(&["compat", kind, file]);
        assert_eq!((code, out.as_str()), (1, ""), "{told}");
        assert!(
            told.contains("nothing to compare it with") && told.contains("help: name the version before"),
            "{told}"
        );
        assert_eq!(folder.run(&["compat", kind, file, file]).0, 0);
    }
}

#[test]
fn what_is_nested_too_deep_is_told_with_its_place() {
    let folder = Folder::new("deep");
    let deep = format!("{{\n\"tables\": {}{}}}", "[".repeat(200), "]".repeat(200));
    folder.write("deep.json", &deep).write("m.sql", "").write("odd.json", "{\n\"tables\": 5}");
    for (args, place, word) in [
        (vec!["avro", "deep.json", "deep.json"], "deep.json:2:", "nested deeper than 127 levels"),
        (vec!["sql", "m.sql", "--catalogue", "deep.json"], "deep.json:2:", "nested deeper than 127 levels"),
        (vec!["sql", "m.sql", "--catalogue", "odd.json"], "odd.json:2:", "no catalogue"),
    ] {
        let (code, _, told) = folder.run(&[&["compat"], args.as_slice()].concat());
        assert_eq!(code, 1, "{told}");
        assert!(told.contains(place) && told.contains(word) && !told.contains("recursion"), "{told}");
    }
}

/// Whatever is wrong in the folder of contracts is shown with its line, and with the name that is near.
#[test]
fn a_mistake_in_the_folder_of_contracts_is_pointed_at() {
    let check = |folder: &Folder| folder.run(&[&["compat", "check"], &NAMED[..]].concat());
    let moves = [("a", "1.0.0", "2.0.0"), ("orders", "1.0.0", "1.1.0")];
    let with = |name: &str, more: &str| {
        let contracts = [("a", "1.0.0", ""), ("a", "2.0.0", more), ("orders", "1.0.0", ""), ("orders", "1.1.0", "")];
        fleet(name, &moves, &contracts)
    };
    let description = "openapi: 3.1.0\ninfo: {title: T, version: '1'}\npaths:\n  /a:\n   - get\n";
    let policy = "apiVersion: pilothouse.dev/v1alpha1\nkind: CompatPolicy\nmetadata: {name: p}\nspec:\n  severities: {operation-remove: info}\n";
    for (name, more, file, wanted) in [
        (
            "missing",
            "  openapi: opnapi.yaml\n",
            ("contracts/a/2.0.0/openapi.yaml", description),
            "6 |   openapi: opnapi.yaml\n  |            ^^^^^^^^^^^\n  = help: did you mean `openapi.yaml`?",
        ),
        (
            "form",
            "",
            ("contracts/a/2.0.0/openapi.yaml", description),
            "5 |    - get\n  |    ^\n  = help: look at the indentation",
        ),
        (
            "rule",
            "",
            ("contracts/compat.yaml", policy),
            "{operation-remove: info}\n  |                                  ^^^^\n  = help: did you mean `operation-removed`?",
        ),
        (
            "least",
            "  min_from: 2.0.0\n",
            ("contracts/note.txt", ""),
            "6 |   min_from: 2.0.0\n  |             ^^^^^\n  = help: write the lowest version of those before it",
        ),
    ] {
        let folder = with(name, more);
        folder.write(file.0, file.1);
        if name == "form" {
            // It is read where there is another one to hold it against.
            folder
                .write("contracts/a/1.0.0/openapi.yaml", "openapi: 3.1.0\ninfo: {title: T, version: '1'}\npaths: {}\n");
        }
        let (code, _, told) = check(&folder);
        assert!(code == 1 && told.contains(wanted), "{name}: {told}");
    }
}

#[test]
fn a_release_names_what_there_is_or_the_nearest_is_told() {
    let folder = fleet("release", &[("a", "1.0.0", "2.0.0"), ("orders", "1.0.0", "1.0.0")], &[("a", "2.0.0", "")]);
    let text = std::fs::read_to_string(folder.0.join("all.yaml")).unwrap();
    let (before, _) = text.split_once("  to:\n").unwrap();
    folder.write("all.yaml", &format!("{before}  release: 2026.4.0\n"));
    std::fs::create_dir_all(folder.0.join("contracts/releases")).unwrap();
    let release = |services: &str| {
        let head =
            "apiVersion: pilothouse.dev/v1alpha1\nkind: Release\nmetadata: {name: 2026.4.0}\nspec:\n  services:\n";
        folder.write("contracts/releases/2026.4.0.yaml", &format!("{head}{services}"));
        folder.run(&[&["compat", "check"], &NAMED[..]].concat())
    };
    let (code, _, told) = release("    oders: 1.0.0\n    a: 2.0.1\n");
    assert_eq!(code, 1, "{told}");
    for part in [
        "6 |     oders: 1.0.0\n  |            ^^^^^\n  = help: did you mean `orders`?",
        "7 |     a: 2.0.1\n  |        ^^^^^\n  = help: did you mean `2.0.0`?",
    ] {
        assert!(told.contains(part), "{part}\n{told}");
    }
}

#[test]
fn a_mistyped_dependency_is_a_warning_with_its_place() {
    let a = "  depends:\n    - {service: oders, req: '>=1'}\n";
    let folder = fleet("slip", &[("a", "1.0.0", "1.1.0"), ("orders", "1.0.0", "1.1.0")], &[("a", "1.1.0", a)]);
    let (code, text, _) = folder.run(&[&["compat", "check"], &NAMED[..]].concat());
    assert_eq!(code, 0, "{text}");
    for part in [
        "warning[dependency-service-unknown] a 1.1.0 depends on oders, and no service of the fleet has that name",
        "contracts/a/1.1.0/service.yaml:7 #/spec/depends/0/service",
        "to do     did you mean `orders`?",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
}

#[test]
fn a_version_that_stays_is_told_as_that() {
    let a = "  depends:\n    - {service: b, req: ^1}\n";
    let services = [("a", "1.0.0", "1.0.0"), ("b", "1.0.0", "2.0.0")];
    let folder = fleet("stays", &services, &[("a", "1.0.0", a), ("b", "2.0.0", "")]);
    let text = std::fs::read_to_string(folder.0.join("all.yaml")).unwrap();
    folder.write("all.yaml", &text.replace("    a: {image: \"r.example/a:1.0.0\"}\n", ""));
    let (code, text, _) = folder.run(&[&["compat", "check"], &NAMED[..]].concat());
    assert_eq!(code, 2, "{text}");
    assert!(text.contains("  stays     a 1.0.0\n") && !text.contains("1.0.0 → 1.0.0"), "{text}");
    assert!(text.contains("to do     leave b on 1.0.0, or widen the range in a 1.0.0"), "{text}");
}

#[test]
fn a_folder_that_names_no_version_is_told() {
    let folder = fleet("named", &[("a", "1.0.0", "2.0.0")], &[("a", "2.0.0", "")]);
    std::fs::rename(folder.0.join("contracts/a/2.0.0"), folder.0.join("contracts/a/new")).unwrap();
    let (code, _, told) = folder.run(&[&["compat", "check"], &NAMED[..]].concat());
    assert_eq!(code, 0, "{told}");
    let wanted = "warning: spec.version: says 2.0.0, and stands in the folder `new`, which names no version\n --> \
                  contracts/a/new/service.yaml:5:12\n";
    assert!(told.contains(wanted) && told.contains("= help: call the folder 2.0.0"), "{told}");
}

const EMPTY: &str = "openapi: 3.1.0\ninfo: {title: T, version: '1'}\npaths: {}\n";
const ANSWERS: &str =
    "openapi: 3.1.0\ninfo: {title: T, version: '1'}\npaths:\n  /b: {get: {responses: {'200': {description: ok}}}}\n";

/// Fields are there whether or not they say something, so that a program need not ask for each.
#[test]
fn a_finding_has_all_its_fields() {
    let folder = pair("fields");
    let (_, json, _) = folder.run(&["compat", "openapi", "old.yaml", "new.yaml", "-o", "json"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    let finding = json["findings"][0].as_object().unwrap();
    assert_eq!(finding["details"], Value::Array(vec![]));
    assert!(finding.contains_key("recommendation") && finding.contains_key("direction"), "{finding:?}");
    folder.write("m.sql", "DROP TABLE t;\n");
    let (_, json, _) = folder.run(&["compat", "sql", "m.sql", "-o", "json"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["findings"][0].get("direction"), Some(&Value::Null), "{json:#}");
}

#[test]
fn a_place_in_sarif_is_a_reference() {
    let folder = Folder::new("names");
    std::fs::create_dir_all(folder.0.join("Verträge é")).unwrap();
    for (name, uri) in [
        ("Verträge é/n a%.yaml", "Vertr%C3%A4ge%20%C3%A9/n%20a%25.yaml"),
        ("r,a:b#c?.yaml", "r%2Ca%3Ab%23c%3F.yaml"),
        ("契約.yaml", "%E5%A5%91%E7%B4%84.yaml"),
    ] {
        folder.write("new.yaml", EMPTY).write(name, ANSWERS);
        let (_, sarif, err) = folder.run(&["compat", "openapi", name, "new.yaml", "-o", "sarif"]);
        let sarif: Value = serde_json::from_str(&sarif).unwrap_or_else(|e| panic!("{e}: {sarif}{err}"));
        let place = &sarif["runs"][0]["results"][0]["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], uri, "{sarif:#}");
    }
}

#[test]
fn what_was_not_compared_is_skipped_in_junit() {
    let folder = fleet("junit", &[("a", "", "2.0.0")], &[("a", "2.0.0", "")]);
    let (_, junit, _) = folder.run(&[&["compat", "check"], &NAMED[..], &["-o", "junit"]].concat());
    assert!(junit.contains(r#"tests="3" failures="0" errors="0" skipped="1""#), "{junit}");
    let case = "<testcase classname=\"compat.not-compared\" name=\"a: the Fleet does not say which version runs\">\n      \
                <skipped message=\"not compared\"/>";
    assert!(junit.contains(case), "{junit}");
    let (_, help, _) = folder.run(&["compat", "check", "--help"]);
    assert!(help.contains("a case for each finding"), "{help}");
}

/// What check says of two versions is what the matrix says of them.
#[test]
fn versions_say_what_check_says() {
    let b = "  depends:\n    - {service: a, req: '>=1, <3', operations: ['GET /b']}\n";
    let services = [("a", "1.0.0", "2.0.0"), ("b", "1.0.0", "1.0.0")];
    let folder = fleet("beside", &services, &[("a", "1.0.0", ""), ("a", "2.0.0", ""), ("b", "1.0.0", b)]);
    folder.write("contracts/a/1.0.0/openapi.yaml", ANSWERS).write("contracts/a/2.0.0/openapi.yaml", EMPTY);
    let text = std::fs::read_to_string(folder.0.join("all.yaml")).unwrap();
    folder.write("all.yaml", &text.replace("    b: {image: \"r.example/b:1.0.0\"}\n", ""));
    let run = |args: &[&str]| folder.run(&[args, &NAMED].concat());
    let (code, check, _) = run(&["compat", "check"]);
    assert!(code == 2 && check.contains("consumers b 1.0.0"), "{check}");
    let (code, table, _) = run(&["versions"]);
    let told = "\n1 of 2 pairs of versions may run beside each other\n  not a 2.0.0 beside b 1.0.0:\n    b 1.0.0 calls GET \
                /b, which a 2.0.0 does not have\n";
    assert!(code == 0 && table.contains(told), "{table}");
    let (_, one, _) = run(&["versions", "--service", "a"]);
    assert!(
        one.contains("         1.0.0       2.0.0\nb 1.0.0  yes         no\n") && one.contains("  not a 2.0.0"),
        "{one}"
    );
    let (_, json, _) = run(&["versions", "-o", "json"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    let why = |i: usize| json["fleets"][0]["pairs"][i]["why"].as_array().unwrap().len();
    assert_eq!((why(0), why(1)), (0, 1), "{json:#}");
}

#[test]
fn what_a_policy_leaves_out_is_told_in_every_form() {
    let folder = fleet("off", &[("a", "1.0.0", "2.0.0")], &[("a", "1.0.0", ""), ("a", "2.0.0", "")]);
    folder.write("contracts/a/1.0.0/openapi.yaml", ANSWERS).write("contracts/a/2.0.0/openapi.yaml", EMPTY);
    let policy = "apiVersion: pilothouse.dev/v1alpha1\nkind: CompatPolicy\nmetadata: {name: p}\nspec:\n  severities: \
                  {operation-removed: off}\n";
    folder.write("contracts/compat.yaml", policy);
    let run = |command: &[&str], form: &str| {
        let (code, text, err) = folder.run(&[command, &NAMED, &["-o", form]].concat());
        assert_eq!(code, 0, "{text}{err}");
        text
    };
    let by = "left out: compat.yaml:5 switches its rule off; by itself it is critical";
    for form in ["text", "json", "junit", "sarif", "github"] {
        let told = run(&["compat", "check"], form);
        assert!(told.contains(by) && told.contains("operation-removed"), "{form}: {told}");
    }
    let json: Value = serde_json::from_str(&run(&["compat", "check"], "json")).unwrap();
    assert_eq!((json["findings"].as_array().unwrap().len(), json["left_out"].as_array().unwrap().len()), (0, 1));
    let text = run(&["plan"], "text");
    assert!(text.contains("left out  a: ") && text.contains(by) && text.contains("it may start"), "{text}");
    let plan: Value = serde_json::from_str(&run(&["plan"], "json")).unwrap();
    assert_eq!((&plan["compatible"], &plan["compat"]["findings"][0]["off"]), (&Value::from(true), &Value::from(true)));
}

#[test]
fn the_order_of_check_is_told_as_one_by_need_alone() {
    let a = "  depends:\n    - {service: b, req: ^2}\n";
    let moves = [("a", "1.0.0", "2.0.0"), ("b", "1.0.0", "2.0.0")];
    let folder = fleet("waves", &moves, &[("a", "2.0.0", a), ("b", "2.0.0", "")]);
    let (_, text, _) = folder.run(&[&["compat", "check"], &NAMED[..]].concat());
    assert!(
        text.contains("waves, by need alone; a run moves at most 8 at once, as `pilothouse plan` shows:\n"),
        "{text}"
    );
}
