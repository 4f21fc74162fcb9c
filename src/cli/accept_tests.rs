use std::path::PathBuf;

use clap::Parser;

use super::*;
use crate::cli::args::{Cli, Command};
use crate::spec::contract::Waiver;

/// A folder of its own, gone with the test.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

const FLEET: &str = "apiVersion: pilothouse.dev/v1alpha1\nkind: Fleet\nmetadata: {name: shop}\nspec:\n  contracts: contracts\n  \
environments: [{name: test, kubernetes: {namespace: shop}}]\n  services:\n    - {name: auth, version: 1.0.0, workload: \
{deployment: auth, container: app},\n       traffic: {httpRoute: {name: auth, stable: auth, next: auth-next, port: \
80}}}\n---\napiVersion: pilothouse.dev/v1alpha1\nkind: Upgrade\nmetadata: {name: up}\nspec:\n  fleet: shop\n  environment: \
test\n  policy: erp\n  strategy: canary\n  to:\n    auth: {image: \"r.example/auth:2.0.0\"}\n";

/// `auth` loses what it answered.
fn folder(name: &str) -> Folder {
    let folder = Folder(std::env::temp_dir().join(format!("pilothouse-accept-{name}-{}", std::process::id())));
    let write = |path: &str, text: &str| {
        let path = folder.0.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("all.yaml", FLEET);
    for (version, paths) in [("1.0.0", "  /x: {get: {responses: {'200': {description: ok}}}}\n"), ("2.0.0", "  {}\n")] {
        let head = "apiVersion: pilothouse.dev/v1alpha1\nkind: Contract\nmetadata: {name: auth}\nspec:\n";
        write(&format!("contracts/auth/{version}/service.yaml"), &format!("{head}  version: {version}\n"));
        let text = format!("openapi: 3.0.0\ninfo: {{title: a, version: '1'}}\npaths:\n{paths}");
        write(&format!("contracts/auth/{version}/openapi.yaml"), &text);
    }
    folder
}

fn at(folder: &Folder) -> (Arc<dyn ContractsAtHand>, Plan) {
    let (all, cache) = (folder.0.join("all.yaml"), folder.0.join("cache"));
    let cli = Cli::parse_from(["pilothouse", "plan", "-f", all.to_str().unwrap(), "--cache", cache.to_str().unwrap()]);
    let Some(Command::Plan { files, contracts, .. }) = cli.command else { unreachable!() };
    let (plan, _) = verdict::plan_of(&files, &contracts, &cli.global).unwrap();
    (at_hand(files, contracts, &cli.global, &plan).unwrap(), plan)
}

fn asked(plan: &Plan) -> Accept {
    let told = plan.compat.as_ref().unwrap().barring().next().unwrap();
    let waiver = Waiver {
        fingerprint: told.fingerprint.clone(),
        reason: "nobody calls it".into(),
        until: "2999-12-31".parse().unwrap(),
        by: vec!["ivo".into(), "jun".into()],
    };
    Accept { waiver, about: format!("auth: {} ({})", told.message, told.rule) }
}

#[test]
fn what_is_accepted_stands_in_the_file_and_bars_no_more() {
    let folder = folder("new");
    let (desk, plan) = at(&folder);
    let before = plan.compat.as_ref().unwrap().barring().count();
    assert_eq!(before, 1, "{:#?}", plan.compat);
    let verdict = desk.accept(&asked(&plan)).unwrap();
    assert_eq!(verdict.barring().count(), 0);
    let who = verdict.accepted().next().unwrap().waived.clone();
    assert_eq!(who.as_deref(), Some("ivo and jun, until 2999-12-31: nobody calls it"));
    // Whoever reads the files later reads the same.
    assert_eq!(at(&folder).1.compat, Some(verdict));
    let twice = desk.accept(&asked(&plan)).unwrap_err();
    assert!(twice.why.contains("already. Nothing was written"), "{twice:?}");
    let left: Vec<_> = fs::read_dir(folder.0.join("contracts")).unwrap().flatten().map(|e| e.file_name()).collect();
    assert_eq!(left.len(), 2, "nothing but the service and the file: {left:?}");
}

#[test]
fn a_file_somebody_keeps_gets_an_entry_more() {
    let folder = folder("kept");
    let path = folder.0.join("contracts/compat.yaml");
    let text = "# ours\napiVersion: pilothouse.dev/v1alpha1\nkind: CompatPolicy\nmetadata: {name: p}\nspec:\n  severities: \
                {operation-id-changed: info} # noisy\n";
    fs::write(&path, text).unwrap();
    let (desk, plan) = at(&folder);
    desk.accept(&asked(&plan)).unwrap();
    let now = fs::read_to_string(&path).unwrap();
    assert!(now.starts_with(text) && now.contains("  waivers:\n    # auth: "), "{now}");
}

#[test]
fn what_cannot_be_written_is_told_and_changes_nothing() {
    let folder = folder("refused");
    let path = folder.0.join("contracts/compat.yaml");
    let (desk, plan) = at(&folder);
    // Somebody else was quicker.
    let text = "apiVersion: pilothouse.dev/v1alpha1\nkind: CompatPolicy\nmetadata: {name: p}\nspec: {}\n";
    fs::write(&path, text).unwrap();
    let refused = desk.accept(&asked(&plan)).unwrap_err();
    assert!(refused.why.contains("was changed by somebody else since this plan was made"), "{refused:?}");
    // Its rights say that nobody shall, whoever asks.
    let kept = text.replace("spec: {}", "spec:\n  severities: {operation-id-changed: info}");
    fs::write(&path, &kept).unwrap();
    let (desk, plan) = at(&folder);
    let mut rights = fs::metadata(&path).unwrap().permissions();
    rights.set_readonly(true);
    fs::set_permissions(&path, rights).unwrap();
    let refused = desk.accept(&asked(&plan)).unwrap_err();
    assert!(
        refused.why.ends_with("compat.yaml cannot be written: it is read-only. Nothing was written"),
        "{refused:?}"
    );
    assert_eq!(fs::read_to_string(&path).unwrap(), kept);
    // The file says it in one line, which cannot be added to.
    fs::remove_file(&path).unwrap();
    fs::write(&path, text).unwrap();
    let (desk, plan) = at(&folder);
    let refused = desk.accept(&asked(&plan)).unwrap_err();
    assert!(refused.todo.starts_with("add it by hand:\n# auth: "), "{refused:?}");
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
}

#[test]
fn files_that_changed_meanwhile_make_another_plan() {
    let folder = folder("changed");
    let (desk, plan) = at(&folder);
    fs::write(folder.0.join("all.yaml"), FLEET.replace("policy: erp", "policy: studio")).unwrap();
    let refused = desk.accept(&asked(&plan)).unwrap_err();
    assert!(refused.why.contains("stands in") && refused.why.contains("another one now"), "{refused:?}");
}
