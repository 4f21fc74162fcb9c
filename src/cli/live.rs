//! `run`, `watch` and `resume`: a real cluster.
use std::io::Write;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow};
use futures::FutureExt;

use super::args::{Contracts, Files, FilesOrRun, Global, Headless, OnExitArg, RunOutput};
use super::clock::{RealClock, wall};
use super::session::{Face, Ready, Session, need_terminal, say};
use super::{accept, demo, place, screen, spectate, typed, verdict, when};
use crate::cluster::{self, ConnectError, Home, KubeCluster, KubeLease, Options};
use crate::console::viewmodel::{Label, LabelKind};
use crate::engine::Run;
use crate::engine::message::Stamp;
use crate::engine::run::{CameTo, Leaving};
use crate::headless::outcome::WHY_TIMEOUT;
use crate::headless::{Reporter, jsonl, junit};
use crate::identity;
use crate::journal::tenants::{keep_tenants, kept_tenants};
use crate::journal::{Header, Holder, Journal, RunDir};
use crate::plan::{Plan, Roster};
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

/// The context a run of this plan is driven in: a person's flag, the Fleet's, or the kubeconfig's current one.
fn context_of(plan: &Plan, global: &Global) -> Option<String> {
    let named = global.context.clone().or(plan.environment.kubernetes.context.clone());
    cluster::context_of(global.kubeconfig.as_deref(), named.as_deref()).or(named)
}

/// A run is taken up on the cluster it was begun on, and on no other.
async fn same_cluster(cluster: &KubeCluster, known: &str, run: &str) -> Result<(), Exit> {
    let asked = cluster.uid().await;
    let here = asked.map_err(|e| lost(anyhow!("which cluster this is cannot be asked: {e}; nothing was changed")))?;
    match here {
        Some(uid) if uid == known => {}
        Some(uid) if !known.is_empty() => {
            let error = anyhow!(
                "this is another cluster than the one run {run} was begun on (its namespace kube-system has UID {uid}, \
                 not {known}); nothing was changed. Name the run's own with --kubeconfig and --context"
            );
            return Err(error.into());
        }
        _ => eprintln!(
            "pilothouse: whether this is the cluster run {run} was begun on cannot be told, since the namespace \
             kube-system may not be read; it is taken for it"
        ),
    }
    Ok(())
}

/// The adapters for a plan's environment. `known` is the UID of the cluster the run was begun on.
async fn world(plan: &mut Plan, run: &str, global: &Global, known: Option<&str>) -> Result<World, Exit> {
    let environment = &plan.environment;
    let context = global.context.as_deref().or(environment.kubernetes.context.as_deref());
    let client = cluster::connect(global.kubeconfig.as_deref(), context).await.map_err(|e| {
        let away = matches!(e, ConnectError::Unreachable { .. } | ConnectError::NoApiServer { .. });
        Exit { code: if away { 6 } else { 1 }, error: e.into() }
    })?;
    let kubectl_flags = typed::kubectl_flags(global, environment);
    let cluster = KubeCluster::new(client.clone(), Options::REAL).named_by(kubectl_flags);
    let home = Home::new(known.map(str::to_string));
    let cluster = cluster.at(home.clone());
    if let Some(known) = known {
        same_cluster(&cluster, known, run).await?;
    }
    let about = match crate::metrics::about(environment, plan.services.iter().map(|p| &p.service)).await {
        Ok(about) => about.interval,
        Err(error) if known.is_some() => {
            // Traffic may be split: without metrics it can still be watched, held and taken back.
            eprintln!("pilothouse: {error}; the run is taken up, and raises nothing until there is data");
            None
        }
        Err(error) => return Err(lost(anyhow!("{error}; nothing was begun"))),
    };
    let interval = &mut plan.environment.metrics.source_interval;
    *interval = interval.or(about);
    let services = plan.services.iter().map(|p| &p.service);
    let seed = u64::from(std::process::id());
    let metrics = crate::metrics::connect(&plan.environment, services, client.clone(), seed).map_err(|e| anyhow!(e))?;
    let user = identity::ask(&cluster).await.identity.name;
    let holder = cluster::lease::holder_id(&user, &identity::host(), std::process::id(), run);
    let lease = KubeLease::new(client, &plan.environment.kubernetes.namespace, &plan.fleet, &holder).at(home);
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

/// A new run of a plan.
async fn begin(
    (mut plan, tenants): (Plan, Option<Arc<Roster>>),
    global: &Global,
    face: Face,
    options: &Headless,
    start: bool,
) -> Result<i32, Exit> {
    let state_dir = place::state_dir(global.state_dir.as_deref())?;
    when::learn(&mut plan, &state_dir);
    let now = wall();
    let id = place::run_id(&state_dir, &format!("{} {now} {}", plan.upgrade, std::process::id()));
    let run = typed::reached(Run::new(&id, plan, Stamp { wall: now, mono: 0 }), global);
    let shown = run.clone();
    let global = global.clone();
    let opening = async move {
        let mut plan = run.plan;
        let world = world(Arc::make_mut(&mut plan), &id, &global, None).await?;
        let run = typed::reached(Run::new(&id, plan, Stamp { wall: now, mono: 0 }), &global);
        let dir = RunDir::create(&state_dir, &id)?;
        if let Some(roster) = &tenants {
            keep_tenants(&dir, roster);
        }
        let mut journal = Journal::create(dir, Header::new(&run))?;
        // From here on there is something to resume, whenever this process ends.
        journal.commit(&[], &run)?;
        Ok(Ready { run, journal, world })
    };
    let opening = opening.boxed();
    let timeout_is = WHY_TIMEOUT;
    let session = Session { shown, opening, start, on_exit: on_exit(options), timeout: options.timeout, timeout_is };
    session.drive(face).await
}

/// The plan of the files, for the cluster it will be carried out on.
fn plan_here(files: &Files, contracts: &Contracts, global: &Global) -> Result<(Plan, Option<Roster>)> {
    let (mut plan, roster) = verdict::plan_of(files, contracts, global)?;
    plan.environment.kubernetes.context = context_of(&plan, global);
    Ok((plan, roster))
}

/// Takes up a run that is on disk.
async fn take_up(id: Option<&str>, global: &Global, mut face: Face, options: &Headless) -> Result<i32, Exit> {
    let state_dir = place::state_dir(global.state_dir.as_deref())?;
    let dir = match id {
        Some(id) => RunDir::open(&state_dir, id)?,
        None => open_run(&state_dir, global)?,
    };
    if let Face::Screen(options) = &mut face {
        options.tenants = options.tenants.take().or_else(|| kept_tenants(&dir).map(Arc::new));
    }
    // Everything that needs the cluster comes before the journal is taken: a failure here leaves the run as it was.
    let begun = Journal::read(&dir)?.run;
    let id = dir.id().to_string();
    if begun.is_ended() {
        return Err(has_ended(&id, global).into());
    }
    if begun.started.is_none() && !begun.start_wanted && matches!(face, Face::Lines(_)) {
        return Err(anyhow!(
            "run {id} has not begun, and without a screen nobody can say `start`; `{}` has one, `pilothouse run -f …` \
             begins at once",
            typed::pilothouse(&format!("watch --run {id}"), global)
        )
        .into());
    }
    if begun.rehearsal {
        let show = typed::pilothouse(&format!("audit show {id}"), global);
        return Err(anyhow!(
            "run {id} was a rehearsal, and its practice cluster ended with it; `{show}` says how it went"
        )
        .into());
    }
    let known = begun.preflight.as_ref().map(|p| p.cluster_uid.clone());
    let mut plan = begun.plan.clone();
    match (world(Arc::make_mut(&mut plan), &id, global, known.as_deref()).await, face) {
        (Ok(world), face) => drive(dir, world, global, face, options).await,
        (Err(exit), Face::Lines(reporter)) if exit.code == 6 => Ok(out_of_reach(begun, &exit, reporter, global)),
        (Err(exit), _) => Err(exit),
    }
}

/// A run whose cluster does not answer goes on as it is: whoever reads lines gets its end, and how it is taken up.
fn out_of_reach(begun: Run, exit: &Exit, mut reporter: Box<dyn Reporter>, global: &Global) -> i32 {
    let why = format!("{:#}", exit.error);
    let leaving =
        Leaving { how: OnExit::Hold, why: why.clone(), since: wall(), came_to: Some(CameTo::Lost), takes_back: false };
    let run = typed::reached(Run { leaving: Some(leaving), ..begun }, global);
    let _ = writeln!(std::io::stdout(), "{}", reporter.end(&run));
    say(&format!("pilothouse: {why}"));
    exit.code
}

async fn drive(dir: RunDir, world: World, global: &Global, face: Face, options: &Headless) -> Result<i32, Exit> {
    let id = dir.id().to_string();
    let (journal, snapshot) = Journal::resume(dir)?;
    for note in &snapshot.notes {
        eprintln!("pilothouse: {note}");
    }
    let heard = snapshot.next_seq.saturating_sub(1);
    let mut run = typed::reached(snapshot.caught_up(), global);
    // Numbers of messages that were heard after the snapshot are taken.
    run.seq = run.seq.max(heard);
    if run.is_ended() {
        return Err(has_ended(&id, global).into());
    }
    let ready = Session::of(Ready { run, journal, world });
    Session { on_exit: on_exit(options), timeout: options.timeout, ..ready }.drive(face).await
}

fn has_ended(id: &str, global: &Global) -> anyhow::Error {
    let show = typed::pilothouse(&format!("audit show {id}"), global);
    anyhow!("run {id} has ended, so there is nothing to take up; `{show}` says how it went")
}

/// The latest run that has not ended.
fn open_run(state_dir: &std::path::Path, global: &Global) -> Result<RunDir> {
    let runs = RunDir::list(state_dir);
    let open = runs.iter().filter(|r| r.is_open()).max_by_key(|r| r.created);
    let open = open.with_context(|| {
        let runs = typed::pilothouse("runs", global);
        format!("no run under {} waits to be taken up; `{runs}` lists them", state_dir.display())
    })?;
    Ok(RunDir::open(state_dir, &open.id)?)
}

pub async fn run(files: &Files, contracts: &Contracts, options: &Headless, global: &Global) -> Result<i32, Exit> {
    let begun = async {
        refuse_read_only(global)?;
        let face = lines(options, global)?;
        let (plan, roster) = plan_here(files, contracts, global)?;
        begin((plan, roster.map(Arc::new)), global, face, options, true).await
    };
    told(begun.await, options.output)
}

/// Whoever reads a report or lines must get one also of a run that could not begin.
fn told(begun: Result<i32, Exit>, output: RunOutput) -> Result<i32, Exit> {
    if let Err(Exit { code, error }) = &begun {
        let why = format!("{error:#}");
        let line = match output {
            RunOutput::Text => return begun,
            RunOutput::Jsonl => jsonl::unbegun(wall(), *code, &why),
            RunOutput::Junit => junit::unbegun(wall(), &why),
        };
        // The exit code says the same to whoever cannot read it.
        let _ = writeln!(std::io::stdout(), "{line}");
    }
    begun
}

pub async fn watch(what: FilesOrRun, global: &Global) -> Result<i32, Exit> {
    need_terminal()?;
    let options = Headless { output: Default::default(), timeout: None, on_exit: None };
    let mut face = console(global)?;
    let state_dir = place::state_dir(global.state_dir.as_deref())?;
    let id = match what.run {
        Some(id) => id,
        None => {
            let files = Files { files: what.files, upgrade: what.upgrade };
            let (plan, roster) = plan_here(&files, &what.contracts, global)?;
            let tenants = roster.map(Arc::new);
            if let Face::Screen(options) = &mut face {
                options.tenants = tenants.clone();
                options.contracts = accept::at_hand(files, what.contracts, global, &plan);
            }
            match open_run_of(&state_dir, &plan, global)? {
                Some(id) => id,
                None => {
                    refuse_read_only(global)?;
                    return begin((plan, tenants), global, face, &options, false).await;
                }
            }
        }
    };
    let dir = RunDir::open(&state_dir, &id)?;
    match dir.driver() {
        Some(holder) => spectate::spectate(dir, holder, global).await,
        None if global.read_only => spectate::spectate(dir, Holder::default(), global).await,
        None => take_up(Some(&id), global, face, &options).await,
    }
}

/// The run of these very files that has not ended, if there is one.
fn open_run_of(state_dir: &std::path::Path, plan: &Plan, global: &Global) -> Result<Option<String>> {
    // One that waits for its start in another console is followed there; left so, it is nothing to take up.
    let driven = |id: &str| RunDir::open(state_dir, id).is_ok_and(|dir| dir.driver().is_some());
    let open = RunDir::list(state_dir).into_iter().find(|r| {
        let same = r.upgrade == plan.upgrade && r.fleet == plan.fleet && r.environment == plan.environment.name;
        same && r.is_open() && (r.started.is_some() || driven(&r.id))
    });
    let Some(open) = open else { return Ok(None) };
    let mut begun = Arc::unwrap_or_clone(Journal::read(&RunDir::open(state_dir, &open.id)?)?.run.plan);
    begun.environment.metrics.source_interval = plan.environment.metrics.source_interval;
    // How long it takes is known better with each run; the run that is open goes by what it began with.
    if let (Some(begun), Some(now)) = (&mut begun.when, &plan.when) {
        begun.needs = now.needs.clone();
    }
    let here = plan.environment.kubernetes.context.clone();
    let there = std::mem::replace(&mut begun.environment.kubernetes.context, here.clone());
    let watch = |global: &Global| typed::pilothouse(&format!("watch --run {}", open.id), global);
    if let (Some(there), Some(here)) = (&there, &here)
        && there != here
    {
        return Err(anyhow!(
            "run {} of {} has begun in context `{there}` and has not ended, and this would be `{here}`; go on with it \
             (`{}`), or abort it there before these files are used elsewhere",
            open.id,
            open.upgrade,
            watch(&Global { context: Some(there.clone()), ..global.clone() })
        ));
    }
    if let Some(ended) = verdict::waivers_ended(&begun, plan) {
        return Err(anyhow!(
            "run {} of {} has begun under a waiver that has ended since, and has not ended itself: {ended}. Go on with it as \
             it was (`{}`), or abort it there; a new run takes a new waiver",
            open.id,
            open.upgrade,
            watch(global)
        ));
    }
    if begun != *plan {
        return Err(anyhow!(
            "run {} of {} has begun with other files and has not ended; go on with it as it was (`{}`), or abort it there \
             before these files are used",
            open.id,
            open.upgrade,
            watch(global)
        ));
    }
    Ok(Some(open.id))
}

pub async fn resume(id: Option<&str>, headless: bool, options: &Headless, global: &Global) -> Result<i32, Exit> {
    if headless {
        let begun = async {
            refuse_read_only(global)?;
            take_up(id, global, lines(options, global)?, options).await
        };
        return told(begun.await, options.output);
    }
    refuse_read_only(global)?;
    need_terminal()?;
    take_up(id, global, console(global)?, options).await
}

fn refuse_read_only(global: &Global) -> Result<()> {
    if global.read_only {
        return Err(anyhow!("--read-only drives nothing; use `pilothouse watch --run RUN --read-only` to look"));
    }
    Ok(())
}
