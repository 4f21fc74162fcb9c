//! A night of the demo, driven in this process and looked at after every change.
use std::path::Path;
use std::sync::Arc;

use pilothouse::cli::clock::{Speed, VirtualClock};
use pilothouse::cluster::{self, KubeCluster, KubeLease, Options};
use pilothouse::driver::{self, Driver, Input};
use pilothouse::engine::message::Message;
use pilothouse::engine::{Run, Stamp};
use pilothouse::journal::inbox::InboxRecord;
use pilothouse::journal::{Header, Journal, RunDir};
use pilothouse::plan::Plan;
use pilothouse::ports::{Clock, World};
use pilothouse::practice::{Config, Scenario, Server, Shared, World as Practice};
use pilothouse::spec::{self, SourceFile};
use tokio::sync::{mpsc, watch};

/// Sunday 22 November 2026, 02:20 in Berlin: the night of the demo.
const NIGHT: i64 = 1_795_310_400_000;
const SEED: u64 = 7;
const ID: &str = "7f3a";

/// What is left of a night.
pub struct Night {
    /// As it began, before any message.
    pub first: Run,
    /// Every message the engine saw, as the journal keeps them.
    pub messages: Vec<Message>,
    /// As it stood at the end.
    pub last: Run,
}

fn plan() -> Plan {
    let files = ["fleet", "policy", "upgrade"].map(|name| {
        let name = format!("examples/shop/{name}.yaml");
        let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(&name)).unwrap();
        SourceFile { name, text }
    });
    Plan::build(&spec::load(&files, spec::presets()).unwrap().bundle(None).unwrap()).unwrap()
}

/// Drives the night as somebody watches it, until it ends or `look` says that it has seen enough.
pub async fn night(scenario: Scenario, mut look: impl FnMut(&Run) -> bool + Send + 'static) -> Night {
    cluster::connect::install_crypto();
    let folder = std::env::temp_dir().join(format!("pilothouse-night-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let shared = Shared::new(Practice::new(Config { scenario, seed: SEED, start_ms: NIGHT }));
    let server = Server::start(shared.clone(), "127.0.0.1:0".parse().unwrap()).await.unwrap();
    let kubeconfig = folder.join("kubeconfig");
    std::fs::write(&kubeconfig, server.kubeconfig()).unwrap();
    let client = cluster::connect(Some(&kubeconfig), None).await.unwrap();
    let cluster = Arc::new(KubeCluster::new(client.clone(), Options::LOCAL));
    let clock = Arc::new(VirtualClock::new(shared, cluster.clone(), Speed::Max));
    let plan = plan();
    let holder = cluster::lease::holder_id("demo", "practice", 1, ID);
    let lease = KubeLease::new(client.clone(), &plan.environment.kubernetes.namespace, &plan.fleet, &holder);
    let services = plan.services.iter().map(|p| &p.service);
    let metrics = pilothouse::metrics::connect(&plan.environment, services, client, SEED).unwrap();
    let first = Run::new(ID, plan, Stamp { ..clock.now() });
    let journal = Journal::create(RunDir::create(&folder, ID).unwrap().unsynced(), Header::new(&first)).unwrap();
    let world = World { clock, cluster, lease: Arc::new(lease), metrics };
    let (leave, inputs) = mpsc::channel(4);
    let (view, _seen) = watch::channel(Arc::new(first.clone()));
    let watching = move |run: &Run| {
        if look(run) {
            let _ = leave.try_send(Input::Quit);
        }
    };
    let driver = Driver::new(first.clone(), world, journal, inputs, view).on_change(Box::new(watching));
    let options = driver::Options { interactive: true, start: true, pager: false, leave_at: None };
    let (last, _) = driver.drive(options).await;
    server.shutdown();
    let inbox = std::fs::read_to_string(folder.join("runs").join(ID).join("inbox.jsonl")).unwrap();
    let records = inbox.lines().map(|l| InboxRecord::read(l.as_bytes()).unwrap());
    let messages = records.flat_map(|r| r.messages().unwrap()).collect();
    std::fs::remove_dir_all(&folder).unwrap();
    Night { first, messages, last }
}
