//! One run from start to end, over as many processes as it takes.
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use pilothouse::driver::{Driver, Input, Options};
use pilothouse::engine::Run;
use pilothouse::engine::command::{Command, Scope, Verb};
use pilothouse::engine::message::Stamp;
use pilothouse::engine::run::{Ask, AskKind};
use pilothouse::journal::{FileName, Header, Journal, MemoryStore, Store};
use pilothouse::plan::Plan;
use pilothouse::ports::World;
use pilothouse::spec::units::{Dur, Time};
use tokio::sync::{mpsc, watch};

use super::faults::{Faults, START};
use super::ports::{Sim, ivo};

/// Long enough for every wait of the short policies to end by itself.
pub const HORIZON: Dur = Dur::hours(1);
/// A disk that is full is looked at again after this.
const LOOK_AGAIN: Dur = Dur::secs(7);

pub struct Night {
    pub sim: Sim,
    pub run: Run,
    pub store: MemoryStore,
    pub restarts: u32,
    pub read_back: bool,
}

/// Runs one. Every state that is published is read back from its own text when `read_back` says so.
pub fn night(plan: &Plan, faults: Faults, read_back: bool) -> Night {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(drive(plan, faults, read_back))
}

async fn drive(plan: &Plan, faults: Faults, read_back: bool) -> Night {
    let store = MemoryStore::default();
    let (broken, torn_after) = (faults.broken, faults.torn_after);
    let sim = Sim::new(plan, faults, store.clone());
    let place = || -> Box<dyn Store> {
        if broken.journals_late { Box::new(LateStore::over(store.clone())) } else { Box::new(store.clone()) }
    };
    let when = plan.when.clone().filter(|_| !broken.forgets_windows);
    let mut driven = Plan { when, ..plan.clone() };
    if broken.forgets_tenants {
        super::campaign::open_all_day(&mut driven);
    }
    let mut run = Run::new("7f3a", driven, Stamp { wall: START, mono: 0 });
    let mut journal = Journal::create_in(place(), Header::new(&run)).unwrap();
    // Counted from the first line on: a run without a whole header is none.
    store.die_after(torn_after);
    let mut restarts = 0;
    let mut people = Person::default();
    loop {
        let (keys, inputs) = mpsc::channel(8);
        let (view, seen) = watch::channel(Arc::new(run.clone()));
        sim.state().laws.view = Some(seen);
        let port = Arc::new(sim.clone());
        let world = World { clock: port.clone(), cluster: port.clone(), lease: port.clone(), metrics: port };
        let mut driver = Driver::new(run, world, journal, inputs, view);
        if read_back {
            driver = driver.on_change(Box::new(|run| {
                let text = serde_json::to_string(run).unwrap();
                assert_eq!(serde_json::from_str::<Run>(&text).unwrap(), *run, "a saved state reads back as another");
            }));
        }
        let interactive = sim.state().faults.people.interactive;
        let start = sim.state().faults.people.start_at.is_none();
        let options = Options { interactive, start, pager: false, leave_at: None };
        let ended = tokio::select! {
            biased;
            () = people.act(&sim, keys) => None,
            done = driver.drive(options) => Some(done.0),
        };
        let over = sim.state().now.since(START) >= HORIZON;
        if let Some(ended) = ended
            && (ended.is_ended() || over || sim.state().stolen)
        {
            return Night { run: ended, sim, store, restarts, read_back };
        }
        restarts += 1;
        sim.state().killed = true;
        // A disk that is full now is not full for ever.
        while sim.state().store_refuses() {
            wait(&sim, LOOK_AGAIN);
        }
        store.die_after(None);
        let after = sim.state().faults.restart_after;
        wait(&sim, after);
        let (again, snapshot) = Journal::resume_in(place(), "7f3a").unwrap();
        journal = again;
        let (heard, open) = (snapshot.next_seq.saturating_sub(1), snapshot.open_intents.clone());
        // As the command line takes a run up.
        run = snapshot.caught_up();
        run.seq = run.seq.max(heard);
        if over || run.is_ended() {
            return Night { run, sim, store, restarts, read_back };
        }
        sim.reattach();
        if broken.repeats_after_kill {
            let mut s = sim.state();
            for call in &open {
                let mark = pilothouse::engine::observe::OwnerMark { run: "7f3a".into(), epoch: s.epoch, seq: call.key };
                s.sent(call);
                s.write(call, mark);
            }
        }
    }
}

fn wait(sim: &Sim, after: Dur) {
    let mut s = sim.state();
    let later = s.now + after;
    s.advance(later);
}

impl super::world::State {
    pub fn store_refuses(&self) -> bool {
        super::faults::within(&self.faults.journal_full, self.now)
    }
}

/// Everybody who presses keys, and whoever kills processes.
#[derive(Default)]
struct Person {
    commands_done: usize,
    left: bool,
    terminal_lost: bool,
    started: bool,
    answered: BTreeMap<String, Time>,
}

impl Person {
    /// Returns when the process was killed by a fault, or the night is over.
    async fn act(&mut self, sim: &Sim, keys: mpsc::Sender<Input>) {
        loop {
            {
                let s = sim.state();
                if s.killed || s.now.since(START) >= HORIZON || s.store.is_dead() {
                    return;
                }
                self.press(&s, &keys);
            }
            tokio::task::yield_now().await;
        }
    }

    fn press(&mut self, s: &super::world::State, keys: &mpsc::Sender<Input>) {
        let (now, people) = (s.now, &s.faults.people);
        while let Some((at, command)) = people.commands.get(self.commands_done)
            && now >= START + *at
        {
            self.commands_done += 1;
            let _ = keys.try_send(Input::Command(command.clone()));
        }
        if people.start_at.is_some_and(|at| now >= START + at) && !std::mem::replace(&mut self.started, true) {
            let _ = keys.try_send(Input::Command(command(Verb::Start, None, "")));
        }
        if let Some((at, leave)) = &people.leave
            && now >= START + *at
            && !std::mem::replace(&mut self.left, true)
        {
            let _ = keys.try_send(Input::Leave(leave.clone()));
        }
        if let Some((at, how)) = people.terminal_lost
            && now >= START + at
            && !std::mem::replace(&mut self.terminal_lost, true)
        {
            let _ = keys.try_send(Input::TerminalLost(how));
        }
        let Some(patience) = people.answers_after else { return };
        let Some(run) = s.laws.run() else { return };
        for t in run.tracks.values() {
            let Some(ask) = t.ask.as_ref().filter(|a| s.wall().since(a.since) >= patience) else { continue };
            if self.answered.insert(t.service.clone(), ask.since) != Some(ask.since) {
                let _ = keys.try_send(Input::Command(answer(ask, &t.service, t.attempt)));
            }
        }
    }
}

/// What the person on call says; which of the answers goes by the second it is given in.
fn answer(ask: &Ask, service: &str, attempt: u32) -> Command {
    let even = ask.since.0 / 1000 % 2 == 0;
    let verb = match ask.kind {
        AskKind::Keep if even => Verb::Keep,
        AskKind::Drift if even => Verb::AdoptDrift,
        AskKind::Drift => Verb::RevertDrift,
        AskKind::AfterRollback if attempt == 0 && even => Verb::Retry,
        AskKind::AfterRollback => Verb::Skip,
        AskKind::Tenants => Verb::Retry,
        AskKind::Write => Verb::Retry,
        AskKind::TooFew | AskKind::LongStep if even => Verb::Next,
        AskKind::Keep
        | AskKind::TooFew
        | AskKind::LongStep
        | AskKind::Missing
        | AskKind::NotAccepted
        | AskKind::Rollout
        | AskKind::Footing => Verb::Abort,
    };
    command(verb, Some(service), "on call")
}

/// A command of the operator's, with the word typed that it asks for.
pub fn command(verb: Verb, service: Option<&str>, reason: &str) -> Command {
    let scope = service.map_or(Scope::Run, |s| Scope::Service(s.into()));
    let typed = (verb == Verb::Abort).then(|| service.unwrap_or("7f3a").to_string());
    Command { verb, scope, by: ivo(), reason: reason.into(), typed }
}

/// Says "written" at once and writes with the next append: what a journal without waiting for the disk comes to.
struct LateStore {
    inner: MemoryStore,
    waiting: Vec<(FileName, Vec<u8>)>,
}

impl LateStore {
    fn over(inner: MemoryStore) -> LateStore {
        LateStore { inner, waiting: Vec::new() }
    }
}

impl Store for LateStore {
    fn read(&self, file: FileName) -> io::Result<Option<Vec<u8>>> {
        Store::read(&self.inner, file)
    }

    fn append(&mut self, file: FileName, bytes: &[u8]) -> io::Result<()> {
        for (file, bytes) in std::mem::take(&mut self.waiting) {
            self.inner.append(file, &bytes)?;
        }
        self.waiting.push((file, bytes.to_vec()));
        Ok(())
    }

    fn replace(&mut self, file: FileName, bytes: &[u8]) -> io::Result<()> {
        self.inner.replace(file, bytes)
    }

    fn set_aside(&mut self, file: FileName, len: u64) -> io::Result<()> {
        self.inner.set_aside(file, len)
    }

    fn place(&self) -> String {
        self.inner.place()
    }
}
