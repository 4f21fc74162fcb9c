//! Commands that people are told to type: as printed, in a new shell, they reach the same cluster and state folder.
use std::path::{Path, PathBuf};

use super::args::Global;
use super::place;
use crate::engine::Run;
use crate::engine::by_hand::quoted;
use crate::spec::fleet::Environment;

/// What was said, by flag or environment, to name the cluster and the state folder.
#[derive(Debug, Default)]
struct Named {
    kubeconfig: Option<PathBuf>,
    context: Option<String>,
    state_dir: Option<PathBuf>,
}

impl Named {
    fn of(global: &Global) -> Named {
        let set = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty());
        let moved = || set("XDG_STATE_HOME").and_then(|_| place::state_dir(None).ok());
        Named {
            kubeconfig: global.kubeconfig.clone().or_else(|| set("KUBECONFIG").and_then(|list| only(&list))),
            context: global.context.clone(),
            state_dir: global.state_dir.clone().or_else(moved),
        }
    }

    fn pilothouse(&self) -> String {
        let given = [self.kubeconfig(), self.context.as_deref().map(context), self.state_dir()];
        given.into_iter().flatten().collect::<Vec<_>>().join(" ")
    }

    fn kubectl(&self, environment: &Environment) -> String {
        let of_fleet = environment.kubernetes.context.as_ref();
        let given = [self.kubeconfig(), self.context.as_ref().or(of_fleet).map(|c| context(c))];
        given.into_iter().flatten().collect::<Vec<_>>().join(" ")
    }

    fn kubeconfig(&self) -> Option<String> {
        self.kubeconfig.as_deref().map(|file| format!("--kubeconfig {}", path(file)))
    }

    fn state_dir(&self) -> Option<String> {
        self.state_dir.as_deref().map(state_dir)
    }
}

fn context(name: &str) -> String {
    format!("--context {}", quoted(name))
}

/// `--state-dir` with the folder as a shell takes it.
pub fn state_dir(dir: &Path) -> String {
    format!("--state-dir {}", path(dir))
}

fn path(path: &Path) -> String {
    quoted(&std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf()).display().to_string())
}

/// The one file that `$KUBECONFIG` names; for a list of several there is no flag.
fn only(list: &std::ffi::OsStr) -> Option<PathBuf> {
    let mut files = std::env::split_paths(list).filter(|f| !f.as_os_str().is_empty());
    files.next().filter(|_| files.next().is_none())
}

/// The run with what a person needs to type to reach it, or its cluster, from another shell.
pub fn reached(run: Run, global: &Global) -> Run {
    let named = Named::of(global);
    Run { flags: named.pilothouse(), kubectl_flags: named.kubectl(&run.plan.environment), ..run }
}

/// As [`reached`], for `kubectl` alone.
pub fn kubectl_flags(global: &Global, environment: &Environment) -> String {
    Named::of(global).kubectl(environment)
}

/// `pilothouse runs --state-dir /var/lib/x`.
pub fn pilothouse(what: &str, global: &Global) -> String {
    format!("pilothouse {what} {}", Named::of(global).pilothouse()).trim_end().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_kubeconfigs_has_no_flag() {
        assert_eq!(only("/etc/kube/eu1".as_ref()), Some("/etc/kube/eu1".into()));
        assert_eq!(only(":/etc/kube/eu1:".as_ref()), Some("/etc/kube/eu1".into()));
        assert_eq!(only("/etc/kube/eu1:/etc/kube/us1".as_ref()), None);
    }

    #[test]
    fn what_is_typed_in_a_new_shell_means_the_same() {
        let named = Named {
            kubeconfig: Some("/srv/my clusters".into()),
            context: Some("eu1".into()),
            state_dir: Some("/var/lib/x".into()),
        };
        assert_eq!(named.pilothouse(), "--kubeconfig '/srv/my clusters' --context eu1 --state-dir /var/lib/x");
        let mut environment = crate::journal::testing::run().plan.environment.clone();
        environment.kubernetes.context = Some("of-the-fleet".into());
        assert_eq!(named.kubectl(&environment), "--kubeconfig '/srv/my clusters' --context eu1");
        assert_eq!(Named::default().kubectl(&environment), "--context of-the-fleet");
        assert_eq!(Named::default().pilothouse(), "");
        // A shell elsewhere has another working directory.
        let here = Named { kubeconfig: Some("kube".into()), ..Named::default() }.pilothouse();
        assert!(here.starts_with("--kubeconfig /") && here.ends_with("/kube"), "{here}");
    }
}
