//! `pilothouse demo` and `pilothouse practice`: the built-in cluster.
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow};
use tokio::time::Duration;

use super::args::{DemoArgs, Global, PracticeArgs, RunOutput};
use super::clock::{Speed, VirtualClock, wall};
use super::session::{Face, Ready, Session, need_terminal, say};
use super::{place, screen, typed};
use crate::cluster::{self, KubeCluster, KubeLease, Options};
use crate::console::ConsoleOptions;
use crate::console::viewmodel::{Label, LabelKind};
use crate::engine::Run;
use crate::engine::by_hand::quoted;
use crate::engine::message::Stamp;
use crate::headless::outcome::WHY_NOBODY;
use crate::headless::{JUnit, JsonLines, Reporter, Text};
use crate::journal::{Header, Journal, RunDir};
use crate::plan::{Plan, Roster};
use crate::ports::{Clock, World};
use crate::practice::{Config, Scenario, Server, Shared, World as PracticeWorld};
use crate::spec::units::Dur;
use crate::spec::{self, SourceFile};

/// Sunday 22 November 2026, 02:20 in Berlin: a night like those the screen is for.
const NIGHT: i64 = 1_795_310_400_000;
/// A night of about two hours and a half in about three minutes.
const DEFAULT_SPEED: Speed = Speed::Times(50.0);

/// A night without a person ends by then, also where only a person could answer.
const PATIENCE: Dur = Dur::hours(4);

/// The files of the demo, as they ship in `examples/shop`.
const FILES: [(&str, &str); 3] = [
    ("examples/shop/fleet.yaml", include_str!("../../examples/shop/fleet.yaml")),
    ("examples/shop/policy.yaml", include_str!("../../examples/shop/policy.yaml")),
    ("examples/shop/upgrade.yaml", include_str!("../../examples/shop/upgrade.yaml")),
];

/// Whose windows the demo shows beside its run; what all tenants share is not bound by them.
const CUSTOMERS: [(&str, &str); 2] = [
    ("examples/customers/calendar.yaml", include_str!("../../examples/customers/calendar.yaml")),
    ("examples/customers/tenants.yaml", include_str!("../../examples/customers/tenants.yaml")),
];

/// What each scenario shows and how it ends.
pub fn list() -> String {
    let mut out = String::new();
    for s in Scenario::ALL {
        out.push_str(&format!("{:<20} {}\n{:<20} ends: {}\n", s.name(), s.describe(), "", s.ending()));
    }
    out
}

fn scenario(name: &str) -> Result<Scenario> {
    name.parse().map_err(|_| {
        let names: Vec<&str> = Scenario::ALL.iter().map(|s| s.name()).collect();
        let near = spec::nearest(name, names.iter().copied());
        let hint = near.map(|n| format!(", did you mean `{n}`?")).unwrap_or_default();
        anyhow!("there is no scenario `{name}`{hint}; there are {}", names.join(", "))
    })
}

/// The upgrade of the demo.
fn plan() -> Result<Plan> {
    let files = FILES.map(|(name, text)| SourceFile { name: name.into(), text: text.into() });
    let bundle = spec::load(&files, spec::presets()).and_then(|l| l.bundle(None)).map_err(|r| anyhow!("{r}"))?;
    Ok(Plan::build(&bundle)?)
}

/// The tenants of the demo.
fn roster() -> Result<Option<Roster>> {
    let files: Vec<SourceFile> = FILES
        .iter()
        .chain(&CUSTOMERS)
        .map(|(name, text)| SourceFile { name: name.to_string(), text: text.to_string() })
        .collect();
    let loaded = spec::load(&files, spec::presets()).map_err(|r| anyhow!("{r}"))?;
    let bundle = loaded.bundle(None).map_err(|r| anyhow!("{r}"))?;
    Ok(Roster::of(&loaded, &bundle))
}

pub fn reporter(output: RunOutput, zone: chrono_tz::Tz) -> Box<dyn Reporter> {
    match output {
        RunOutput::Text => Box::new(Text::new(zone)),
        RunOutput::Jsonl => Box::new(JsonLines::new()),
        RunOutput::Junit => Box::new(JUnit::new()),
    }
}

/// Runs the demo; gives the exit code.
pub async fn demo(args: DemoArgs, global: &Global) -> Result<i32> {
    let scenario = scenario(&args.scenario)?;
    let speed = args.speed.unwrap_or(if args.headless { Speed::Max } else { DEFAULT_SPEED });
    if !args.headless {
        need_terminal()?;
    }
    let zone = screen::zone(global)?;
    // Its own folder unless one is named: a demo leaves nothing among real runs.
    let plan = plan()?;
    let state_dir = match &global.state_dir {
        Some(named) => named.clone(),
        None => own_folder()?,
    };
    let shared = Shared::new(PracticeWorld::new(Config { scenario, seed: args.seed, start_ms: NIGHT }));
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let server = Server::start(shared.clone(), any).await.context("no port on loopback for the practice cluster")?;
    let kubeconfig = write_kubeconfig(&state_dir, &server.kubeconfig())?;
    let client = cluster::connect(Some(&kubeconfig), None).await?;
    let kubectl_flags = format!("--kubeconfig {}", quoted(&kubeconfig.display().to_string()));
    let cluster = KubeCluster::new(client.clone(), Options::LOCAL).named_by(kubectl_flags.clone());
    let cluster = Arc::new(cluster);
    let clock = Arc::new(VirtualClock::new(shared.clone(), cluster.clone(), speed));
    let id = place::run_id(&state_dir, &format!("demo {} {}", scenario.name(), args.seed));
    let holder = cluster::lease::holder_id("demo", "practice", 1, &id);
    let namespace = &plan.environment.kubernetes.namespace;
    let lease = KubeLease::new(client.clone(), namespace, &plan.fleet, &holder);
    let services = plan.services.iter().map(|p| &p.service);
    let metrics = crate::metrics::connect(&plan.environment, services, client, args.seed).map_err(|e| anyhow!(e))?;
    let world = World { clock: clock.clone(), cluster, lease: Arc::new(lease), metrics };
    // What is printed to be typed later finds the journal wherever it is.
    let flags = typed::state_dir(&state_dir);
    let run =
        Run { flags: flags.clone(), kubectl_flags, rehearsal: true, ..Run::new(&id, plan, Stamp { ..clock.now() }) };
    let journal = Journal::create(RunDir::create(&state_dir, &id)?.unsynced(), Header::new(&run))?;
    let face = if args.headless {
        Face::Lines(reporter(args.output, zone.0))
    } else {
        let clock = clock.clone();
        let label = Label { practice: true, kind: LabelKind::Sim(speed.to_string()) };
        let options = screen::options(global, label, Arc::new(move || clock.now().wall))?;
        Face::Screen(Box::new(ConsoleOptions { tenants: roster()?.map(Arc::new), ..options }))
    };
    let timeout = args.headless.then_some(PATIENCE);
    let session =
        Session { start: true, timeout, timeout_is: WHY_NOBODY, ..Session::of(Ready { run, journal, world }) };
    let code = session.drive(face).await.map_err(|exit| exit.error)?;
    if !args.headless || args.output == RunOutput::Text {
        say(&format!("Its journal: pilothouse audit show {id} {flags}"));
    }
    server.shutdown();
    Ok(code)
}

/// A new folder that only its owner may enter; one that is there already may be another's.
fn own_folder() -> Result<std::path::PathBuf> {
    use std::os::unix::fs::DirBuilderExt;
    let folder = |n: u32| std::env::temp_dir().join(format!("pilothouse-demo-{}-{n}", std::process::id()));
    let make = |path: &Path| std::fs::DirBuilder::new().mode(0o700).create(path);
    let mut n = 0;
    loop {
        match make(&folder(n)) {
            Ok(()) => return Ok(folder(n)),
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists && n < 1000 => n += 1,
            Err(e) => return Err(e).with_context(|| format!("{} cannot be made", folder(n).display())),
        }
    }
}

fn write_kubeconfig(dir: &Path, text: &str) -> Result<std::path::PathBuf> {
    std::fs::create_dir_all(dir).with_context(|| format!("{} cannot be made", dir.display()))?;
    let path = dir.join("practice.kubeconfig");
    std::fs::write(&path, text).with_context(|| format!("{} cannot be written", path.display()))?;
    Ok(path)
}

/// Serves the practice cluster until stopped.
pub async fn practice(args: PracticeArgs) -> Result<i32> {
    let scenario = scenario(&args.scenario)?;
    let Speed::Times(speed) = args.speed else {
        return Err(anyhow!("a cluster that others talk to needs a speed in numbers; `max` is for `pilothouse demo`"));
    };
    let shared = Shared::new(PracticeWorld::new(Config { scenario, seed: args.seed, start_ms: wall().0 }));
    let scrape = args.scrape_listen.unwrap_or(SocketAddr::new(args.listen.ip(), 0));
    let server = Server::start_with(shared.clone(), args.listen, scrape)
        .await
        .with_context(|| format!("cannot listen on {} and {scrape}", args.listen))?;
    let path = match &args.kubeconfig_out {
        Some(path) => {
            std::fs::write(path, server.kubeconfig())
                .with_context(|| format!("{} cannot be written", path.display()))?;
            path.clone()
        }
        None => write_kubeconfig(
            &std::env::temp_dir().join(format!("pilothouse-{}", std::process::id())),
            &server.kubeconfig(),
        )?,
    };
    println!("Practice cluster at http://{}, scenario {} (seed {}).", server.addr(), scenario.name(), args.seed);
    println!("  kubectl --kubeconfig {} get deployments", path.display());
    println!("  pilothouse --kubeconfig {} watch -f examples/shop", path.display());
    println!("  Prometheus: http_sd_configs: [{{url: \"http://{}/sd\"}}]", server.scrape_addr());
    let driving = tokio::spawn(crate::practice::drive(shared, speed));
    let mut term = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = term.recv() => {}
    }
    driving.abort();
    server.shutdown();
    tokio::time::sleep(Duration::from_millis(20)).await;
    Ok(0)
}
