//! What Git has to say from now on: a tool that delivers from there, and was told to keep off, would else take the new
//! version back one day.
use serde_json::{Value, json};

use crate::engine::Run;
use crate::engine::run::Phase;
use crate::plan::Planned;
use crate::spec::fleet::GitOps;

/// A change of one Deployment that stays after the run.
pub(super) struct Change<'a> {
    planned: &'a Planned,
    from: &'a str,
}

/// By service in the plan's order; only where Git still holds what was changed.
pub(super) fn changes(run: &Run) -> Vec<Change<'_>> {
    let of_git = |p: &Planned| matches!(run.plan.gitops(p), Some(GitOps::Ignored | GitOps::Suspended));
    let done = run.in_order().filter(|t| matches!(t.phase, Phase::Done));
    let changed = done.filter_map(|t| {
        let planned = run.plan.get(&t.service).filter(|p| of_git(p))?;
        Some(Change { planned, from: &t.facts.as_ref()?.from_image })
    });
    changed.collect()
}

impl Change<'_> {
    /// As a diff that a person, or `patch`, puts into a manifest: lines only, the file is theirs.
    pub fn lines(&self) -> Vec<String> {
        let workload = &self.planned.service.workload;
        let mut out = vec![
            format!("deployment {}, container {}:", workload.deployment, workload.container),
            format!("-   image: {}", self.from),
            format!("+   image: {}", self.planned.image),
        ];
        if let Some(patch) = &self.planned.patch {
            let yaml = serde_saphyr::to_string(patch).unwrap_or_else(|_| json!(patch).to_string());
            out.push("its pod template, merged:".into());
            out.extend(yaml.trim_end().lines().map(|line| format!("+   {line}")));
        }
        out
    }

    pub fn json(&self) -> Value {
        let workload = &self.planned.service.workload;
        json!({
            "service": self.planned.service.name,
            "deployment": workload.deployment,
            "container": workload.container,
            "from": self.from,
            "to": self.planned.image,
            "patch": self.planned.patch,
        })
    }
}
