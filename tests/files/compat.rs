//! `pilothouse compat` as it is typed: exit codes, the forms of its output, files that refer to one another.
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// A folder of its own, gone when the test is over.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("pilothouse-compat-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(path.join("parts")).unwrap();
        Folder(path)
    }

    fn write(&self, name: &str, text: &str) -> &Folder {
        std::fs::write(self.0.join(name), text).unwrap();
        self
    }

    fn run(&self, args: &[&str]) -> (i32, String, String) {
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
fn fleet(name: &str, services: &[(&str, &str, &str)], contracts: &[(&str, &str, &str)]) -> Folder {
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

const NAMED: [&str; 6] = ["-f", "all.yaml", "--contracts", "contracts", "--state-dir", "state"];

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
