//! `run`, `watch` and `resume`: a real cluster.
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow};

use super::args::{Files, FilesOrRun, Global, Headless, OnExitArg};
use super::clock::{RealClock, wall};
use super::session::{Face, Session, need_terminal};
use super::{demo, place, screen, spectate, validate};
use crate::cluster::{self, ConnectError, KubeCluster, KubeLease, Options};
use crate::console::viewmodel::{Label, LabelKind};
use crate::engine::Run;
use crate::engine::message::Stamp;
use crate::identity;
use crate::journal::{Header, Holder, Journal, RunDir};
use crate::plan::Plan;
use crate::ports::World;
use crate::spec::policy::OnExit;

/// What could not be done, with the exit code it means.
#[derive(Debug)]
pub struct Exit {
    pub code: i32,
    pub error: anyhow::Error,
}

impl<E: Into<anyhow::Error>> From<E> for Exit {
    fn from(error: E) -> Exit {
        Exit { code: 1, error: error.into() }
    }
}

fn lost(error: anyhow::Error) -> Exit {
    Exit { code: 6, error }
}

/// The plan of the files, validated.
///
/// # Errors
/// The whole report of what is wrong.
pub fn plan_of(files: &[PathBuf], upgrade: Option<&str>) -> Result<Plan> {
    let loaded = validate::load(files).map_err(|report| anyhow!("{report}"))?;
    if !loaded.warnings.is_empty() {
        eprintln!("{}", loaded.warnings);
    }
    let bundle = loaded.bundle(upgrade).map_err(|report| anyhow!("{report}"))?;
    Ok(Plan::build(&bundle)?)
}

/// The adapters for a plan's environment.
async fn world(plan: &mut Plan, run: &str, global: &Global) -> Result<World, Exit> {
    let environment = &plan.environment;
    let context = global.context.as_deref().or(environment.kubernetes.context.as_deref());
    let client = cluster::connect(global.kubeconfig.as_deref(), context).await.map_err(|e| {
        let away = matches!(e, ConnectError::Unreachable { .. } | ConnectError::NoApiServer { .. });
        Exit { code: if away { 6 } else { 1 }, error: e.into() }
    })?;
    let about = crate::metrics::about(environment).await.map_err(|e| lost(anyhow!("{e}; nothing was begun")))?;
    if plan.environment.metrics.source_interval.is_none() {
        plan.environment.metrics.source_interval = about.interval;
    }
    let services = plan.services.iter().map(|p| &p.service);
    let seed = u64::from(std::process::id());
    let metrics = crate::metrics::connect(&plan.environment, services, client.clone(), seed).map_err(|e| anyhow!(e))?;
    let cluster = KubeCluster::new(client.clone(), Options::REAL);
    let user = identity::ask(&cluster).await.identity.name;
    let holder = cluster::lease::holder_id(&user, &identity::host(), std::process::id(), run);
    let lease = KubeLease::new(client, &plan.environment.kubernetes.namespace, &plan.fleet, &holder);
    Ok(World { clock: Arc::new(RealClock::new()), cluster: Arc::new(cluster), lease: Arc::new(lease), metrics })
}

fn lines(options: &Headless, global: &Global) -> Result<Face> {
    Ok(Face::Lines(demo::reporter(options.output, screen::zone(global)?.0)))
}

fn console(global: &Global) -> Result<Face> {
    let label = Label { practice: false, kind: LabelKind::Live };
    Ok(Face::Screen(Box::new(screen::options(global, label, Arc::new(wall))?)))
}

fn on_exit(options: &Headless) -> Option<OnExit> {
    options.on_exit.map(|how| match how {
        OnExitArg::Rollback => OnExit::Rollback,
        OnExitArg::Hold => OnExit::Hold,
    })
}

/// A new run of files.
async fn begin(files: &Files, global: &Global, face: Face, options: &Headless, start: bool) -> Result<i32, Exit> {
    let mut plan = plan_of(&files.files, files.upgrade.as_deref())?;
    let state_dir = place::state_dir(global.state_dir.as_deref())?;
    let now = wall();
    let id = place::run_id(&state_dir, &format!("{} {now} {}", plan.upgrade, std::process::id()));
    let world = world(&mut plan, &id, global).await?;
    let run = Run::new(&id, plan, Stamp { wall: now, mono: 0 });
    let mut journal = Journal::create(RunDir::create(&state_dir, &id)?, Header::new(&run))?;
    // From here on there is something to resume, whenever this process ends.
    journal.commit(&[], &run)?;
    let session = Session { run, journal, world, face, start, on_exit: on_exit(options), timeout: options.timeout };
    Ok(session.drive().await?.1)
}

/// Takes up a run that is on disk.
async fn take_up(id: Option<&str>, global: &Global, face: Face, options: &Headless) -> Result<i32, Exit> {
    let state_dir = place::state_dir(global.state_dir.as_deref())?;
    let dir = match id {
        Some(id) => RunDir::open(&state_dir, id)?,
        None => open_run(&state_dir)?,
    };
    // Everything that needs the cluster comes before the journal is taken: a failure here leaves the run as it was.
    let mut plan = Journal::read(&dir)?.run.plan;
    let id = dir.id().to_string();
    let world = world(&mut plan, &id, global).await?;
    let (journal, snapshot) = Journal::resume(dir)?;
    for note in &snapshot.notes {
        eprintln!("pilothouse: {note}");
    }
    let heard = snapshot.next_seq.saturating_sub(1);
    let mut run = snapshot.caught_up();
    // Numbers of messages that were heard after the snapshot are taken.
    run.seq = run.seq.max(heard);
    if run.is_ended() {
        return Err(anyhow!("run {id} has ended; `pilothouse audit show {id}` says how").into());
    }
    let session =
        Session { run, journal, world, face, start: false, on_exit: on_exit(options), timeout: options.timeout };
    Ok(session.drive().await?.1)
}

/// The latest run that has not ended.
fn open_run(state_dir: &std::path::Path) -> Result<RunDir> {
    let runs = RunDir::list(state_dir);
    let open = runs.iter().filter(|r| r.outcome.is_none() && r.problem.is_none()).max_by_key(|r| r.created);
    let open = open.with_context(|| {
        format!("no run under {} waits to be taken up; `pilothouse runs` lists them", state_dir.display())
    })?;
    Ok(RunDir::open(state_dir, &open.id)?)
}

pub async fn run(files: &Files, options: &Headless, global: &Global) -> Result<i32, Exit> {
    refuse_read_only(global)?;
    let face = lines(options, global)?;
    begin(files, global, face, options, true).await
}

pub async fn watch(what: FilesOrRun, global: &Global) -> Result<i32, Exit> {
    need_terminal()?;
    let options = Headless { output: Default::default(), timeout: None, on_exit: None };
    let face = console(global)?;
    let state_dir = place::state_dir(global.state_dir.as_deref())?;
    let files = Files { files: what.files, upgrade: what.upgrade };
    let id = match what.run {
        Some(id) => Some(id),
        None => open_run_of(&state_dir, &files)?,
    };
    let Some(id) = id else {
        refuse_read_only(global)?;
        return begin(&files, global, face, &options, false).await;
    };
    let dir = RunDir::open(&state_dir, &id)?;
    match dir.driver() {
        Some(holder) => spectate::spectate(dir, holder, global).await,
        None if global.read_only => spectate::spectate(dir, Holder::default(), global).await,
        None => take_up(Some(&id), global, face, &options).await,
    }
}

/// The run of these very files that has not ended, if there is one.
fn open_run_of(state_dir: &std::path::Path, files: &Files) -> Result<Option<String>> {
    let plan = plan_of(&files.files, files.upgrade.as_deref())?;
    let open = RunDir::list(state_dir).into_iter().find(|r| {
        let same = r.upgrade == plan.upgrade && r.fleet == plan.fleet && r.environment == plan.environment.name;
        same && r.outcome.is_none() && r.problem.is_none() && r.started.is_some()
    });
    let Some(open) = open else { return Ok(None) };
    let mut begun = Journal::read(&RunDir::open(state_dir, &open.id)?)?.run.plan;
    begun.environment.metrics.source_interval = plan.environment.metrics.source_interval;
    if begun != plan {
        return Err(anyhow!(
            "run {} of {} has begun with other files and has not ended; go on with it as it was (`pilothouse watch \
             --run {}`), or abort it there before these files are used",
            open.id,
            open.upgrade,
            open.id
        ));
    }
    Ok(Some(open.id))
}

pub async fn resume(id: Option<&str>, headless: bool, options: &Headless, global: &Global) -> Result<i32, Exit> {
    refuse_read_only(global)?;
    let face = if headless {
        lines(options, global)?
    } else {
        need_terminal()?;
        console(global)?
    };
    take_up(id, global, face, options).await
}

fn refuse_read_only(global: &Global) -> Result<()> {
    if global.read_only {
        return Err(anyhow!("--read-only drives nothing; use `pilothouse watch --run RUN --read-only` to look"));
    }
    Ok(())
}
