//! stub
use super::KubeCluster;
use crate::engine::observe::PreflightReport;
use crate::plan::Plan;
pub async fn run(_c: &KubeCluster, _plan: &Plan, _run: &str) -> Result<PreflightReport, String> {
    Err("".into())
}
