//! What the loop itself adds to the engine: when it says what.
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use async_trait::async_trait;

use super::*;
use crate::engine::command::{Command, Identity, IdentitySource, Scope, Verb};
use crate::engine::effect::Call;
use crate::engine::measure::{MeasureAnswer, MeasureRequest};
use crate::engine::message::CallOutcome;
use crate::engine::observe::{Observation, PreflightReport};
use crate::journal::{FileName, Header, MemoryStore, Store};
use crate::plan::Plan;
use crate::ports::{Clock, Cluster, Lease, Metrics};

/// A cluster of which one kind cannot be watched; all else works.
struct Half {
    began: Instant,
    link: Mutex<Link>,
    /// By how much both clocks are ahead, in milliseconds.
    ahead: AtomicU64,
}

impl Half {
    fn new() -> Arc<Half> {
        Arc::new(Half { began: Instant::now(), link: Mutex::new(Link::Up), ahead: AtomicU64::new(0) })
    }
}

#[async_trait]
impl Clock for Half {
    fn now(&self) -> Stamp {
        let mono = u64::try_from(self.began.elapsed().as_millis()).unwrap() + self.ahead.load(Ordering::Relaxed);
        Stamp { wall: crate::journal::testing::at(0) + Dur(mono), mono }
    }

    async fn sleep_until(&self, until: Time) {
        tokio::time::sleep(until.until(self.now().wall).into()).await;
    }
}

#[async_trait]
impl Cluster for Half {
    async fn preflight(&self, _plan: &Plan, _run: &str, _now: Time) -> Result<PreflightReport, String> {
        std::future::pending().await
    }

    async fn watch(&self, _plan: &Plan, _run: &str) -> Result<(), String> {
        Ok(())
    }

    async fn changed(&self) {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }

    fn observe(&self) -> Option<Vec<Observation>> {
        None
    }

    fn link(&self) -> Link {
        self.link.lock().unwrap().clone()
    }

    async fn call(&self, _plan: &Plan, _run: &str, _call: &Call) -> CallOutcome {
        std::future::pending().await
    }

    async fn whoami(&self) -> Result<Identity, String> {
        Ok(Identity { name: "mara".into(), source: IdentitySource::Kubernetes })
    }
}

#[async_trait]
impl Lease for Half {
    async fn renew(&self, _now: Time) -> LeaseSeen {
        LeaseSeen::Held { epoch: 4 }
    }

    async fn release(&self) {}
}

#[async_trait]
impl Metrics for Half {
    async fn measure(&self, _request: &MeasureRequest) -> MeasureAnswer {
        std::future::pending().await
    }
}

/// A driver on its way, and what a test has in hand of it.
struct Driven {
    half: Arc<Half>,
    inputs: mpsc::Sender<Input>,
    seen: watch::Receiver<Arc<Run>>,
    driving: tokio::task::JoinHandle<(Run, End)>,
}

fn driven(store: impl Store + 'static) -> Driven {
    let run = crate::journal::testing::run();
    let half = Half::new();
    let world = World { clock: half.clone(), cluster: half.clone(), lease: half.clone(), metrics: half.clone() };
    let journal = Journal::create_in(Box::new(store), Header::new(&run)).unwrap();
    let (inputs, inputs_rx) = mpsc::channel(8);
    let (view, seen) = watch::channel(Arc::new(run.clone()));
    let driver = Driver::new(run, world, journal, inputs_rx, view);
    let options = Options { interactive: true, start: false, pager: false, leave_at: None };
    Driven { half, inputs, seen, driving: tokio::spawn(driver.drive(options)) }
}

#[tokio::test]
async fn a_watch_that_fails_is_told_also_before_everything_was_listed() {
    let Driven { half, inputs, mut seen, driving } = driven(MemoryStore::default());
    *half.link.lock().unwrap() = Link::Down("watch pods: forbidden (403)".into());
    let told = async {
        while !seen.borrow_and_update().events.iter().any(|e| e.text.contains("watch pods: forbidden (403)")) {
            seen.changed().await.unwrap();
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(3), told).await.expect("said within 3 s");
    inputs.send(Input::Quit).await.unwrap();
    driving.await.unwrap();
}

#[tokio::test]
async fn a_process_that_stood_still_looks_at_everything_anew() {
    let Driven { half, inputs, mut seen, driving } = driven(MemoryStore::default());
    let told = async {
        while seen.borrow_and_update().driving.epoch() != Some(4) {
            seen.changed().await.unwrap();
        }
        half.ahead.store(40_000, Ordering::Relaxed);
        while !seen.borrow_and_update().events.iter().any(|e| e.text.contains("stood still for 0:4")) {
            seen.changed().await.unwrap();
        }
        // And asks for its lease before it writes again.
        while seen.borrow_and_update().driving.epoch() != Some(4) {
            seen.changed().await.unwrap();
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), told).await.expect("said, and driving again");
    inputs.send(Input::Quit).await.unwrap();
    driving.await.unwrap();
}

/// Room for a line here and there, and none for the state.
struct Nearly(MemoryStore);

impl Store for Nearly {
    fn read(&self, file: FileName) -> std::io::Result<Option<Vec<u8>>> {
        self.0.read(file)
    }

    fn append(&mut self, file: FileName, bytes: &[u8]) -> std::io::Result<()> {
        self.0.append(file, bytes)
    }

    fn replace(&mut self, file: FileName, bytes: &[u8]) -> std::io::Result<()> {
        match file {
            FileName::Snapshot => Err(std::io::ErrorKind::StorageFull.into()),
            _ => self.0.replace(file, bytes),
        }
    }

    fn set_aside(&mut self, file: FileName, len: u64) -> std::io::Result<()> {
        self.0.set_aside(file, len)
    }

    fn place(&self) -> String {
        self.0.place()
    }
}

#[tokio::test]
async fn a_record_that_fits_ends_no_outage_of_the_journal() {
    let Driven { inputs, mut seen, driving, .. } = driven(Nearly(MemoryStore::default()));
    let by = Identity { name: "mara".into(), source: IdentitySource::Kubernetes };
    let told = async {
        for text in ["first", "second"] {
            while seen.borrow_and_update().journal.down.is_none() {
                seen.changed().await.unwrap();
            }
            let (by, reason) = (by.clone(), text.to_string());
            let note = Command { verb: Verb::Note, scope: Scope::Run, by, reason, typed: None };
            inputs.send(Input::Command(note)).await.unwrap();
            while !seen.borrow_and_update().events.iter().any(|e| e.text.contains(text)) {
                seen.changed().await.unwrap();
            }
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), told).await.expect("both notes are heard");
    inputs.send(Input::Quit).await.unwrap();
    let (run, _) = driving.await.unwrap();
    let events: Vec<&str> = run.events.iter().map(|e| e.text.as_str()).collect();
    assert!(run.journal.down.is_some() && !events.iter().any(|e| e.contains("journal: back")), "{events:#?}");
    assert_eq!(events.iter().filter(|e| e.contains("the journal cannot be written")).count(), 1, "{events:#?}");
}
