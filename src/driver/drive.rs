//! The loop.
mod lease;

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::{mpsc, watch};

use super::effects::{self, Answer, Job, of_before};
use super::input::Input;
use super::record::entries;
use crate::engine::effect::Effect;
use crate::engine::message::{Attached, Body, LeaseSeen, Leave, Link, Message, Stamp};
use crate::engine::{self, Run};
use crate::journal::Journal;
use crate::journal::text::mask_env;
use crate::ports::World;
use crate::spec::units::{Dur, Time};

/// How often the lease is renewed; a third of what would let another driver in.
const LEASE_EVERY: Dur = Dur::secs(2);
/// How often the state is saved when nothing was decided. What a crash may cost is this much of clean time and dwell;
/// messages are written at each tick, and the state with each decision.
const SAVE_EVERY: Dur = Dur::secs(30);
/// How often a journal that could not be written is tried again.
const JOURNAL_RETRY: Dur = Dur::secs(2);

/// How this process takes the run up.
#[derive(Debug, Clone)]
pub struct Options {
    pub interactive: bool,
    /// Begin without a person's `start`.
    pub start: bool,
    pub pager: bool,
    /// Leave then, so.
    pub leave_at: Option<(Time, Leave)>,
}

/// Why the loop returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The run is over, or this process has no more part in it.
    Over,
    /// Told to leave; the run can be resumed.
    Left,
}

/// Hears of each change of a run, in order; must not block.
pub type Listener = Box<dyn FnMut(&Run) + Send>;

/// Owns a run and drives it.
pub struct Driver {
    run: Run,
    world: World,
    journal: Journal,
    inputs: mpsc::Receiver<Input>,
    inputs_open: bool,
    view: watch::Sender<Arc<Run>>,
    listener: Option<Listener>,
    results: mpsc::Receiver<Answer>,
    results_in: mpsc::Sender<Answer>,
    /// Bodies waiting to be taken in, in order.
    queue: VecDeque<Body>,
    /// Effects waiting to be run, in order; virtual time only.
    jobs: VecDeque<Job>,
    wake: Option<Time>,
    lease_due: Time,
    /// The renewal on its way has this number; renewals asked before a jump of the clock are no longer counted.
    lease_asked: Option<u64>,
    renewals: u64,
    /// The watches are to begin anew: what they showed is from before a jump.
    rewatch: bool,
    /// When the renewal in flight was sent, and the last one that worked.
    lease_sent: Time,
    lease_good: Option<Time>,
    journal_due: Option<Time>,
    /// When the state was last saved.
    saved: Time,
    /// Something was recorded since: saved once all that is ready has been taken in.
    unsaved: bool,
    leave_at: Option<(Time, Leave)>,
    link: Option<Link>,
    last: Option<Stamp>,
    synced: bool,
    /// Something changed since the last copy went out.
    fresh: bool,
    ending: bool,
    quit: bool,
}

impl Driver {
    /// A driver for `run`, new or resumed. `view` gets a copy after each change.
    pub fn new(
        run: Run,
        world: World,
        journal: Journal,
        inputs: mpsc::Receiver<Input>,
        view: watch::Sender<Arc<Run>>,
    ) -> Driver {
        // As many effects as there are services can be in flight, and a measurement, a preflight and a lease.
        let (results_in, results) = mpsc::channel(run.tracks.len() * 2 + 8);
        Driver {
            run,
            world,
            journal,
            inputs,
            inputs_open: true,
            view,
            listener: None,
            results,
            results_in,
            queue: VecDeque::new(),
            jobs: VecDeque::new(),
            wake: None,
            lease_due: Time(i64::MIN),
            lease_asked: None,
            renewals: 0,
            rewatch: false,
            lease_sent: Time(i64::MIN),
            lease_good: None,
            journal_due: None,
            saved: Time(i64::MIN),
            unsaved: false,
            leave_at: None,
            link: None,
            last: None,
            synced: false,
            fresh: true,
            ending: false,
            quit: false,
        }
    }

    /// Has `listener` called after each change, in order, where the `view` only holds the newest.
    pub fn on_change(mut self, listener: Listener) -> Driver {
        self.listener = Some(listener);
        self
    }

    /// Drives until the run is over or this process leaves it. Gives the run back as it stands then.
    pub async fn drive(mut self, options: Options) -> (Run, End) {
        // Builds with debug assertions only: what a fault in the driver leaves behind is under test.
        #[cfg(debug_assertions)]
        let fault = std::env::var_os("PILOTHOUSE_PANIC").is_some_and(|what| what == "drive");
        let identity = crate::identity::ask(self.world.cluster.as_ref()).await.identity;
        self.take(Body::Attached(Attached {
            identity,
            interactive: options.interactive,
            start: options.start,
            pager: options.pager,
        }));
        self.leave_at = options.leave_at;
        self.watch().await;
        loop {
            self.pump().await;
            self.save();
            self.publish();
            #[cfg(debug_assertions)]
            assert!(!fault || self.run.started.is_none(), "a fault in the driver, as PILOTHOUSE_PANIC asks");
            if self.ending || self.quit {
                break;
            }
            self.wait().await;
        }
        self.finish().await
    }

    async fn watch(&mut self) {
        let (plan, run) = (self.run.plan.clone(), self.run.id.clone());
        if let Err(why) = self.world.cluster.watch(&plan, &run).await {
            self.take(Body::ClusterLink(Link::Down(why)));
        }
    }

    /// Takes in everything that is ready, until nothing is left to do at this instant.
    async fn pump(&mut self) {
        loop {
            self.world.clock.settle().await;
            self.notice_jump();
            if std::mem::take(&mut self.rewatch) {
                self.watch().await;
            }
            let mut busy = false;
            while let Ok(input) = self.inputs.try_recv() {
                self.input(input);
                busy = true;
            }
            while let Ok(answer) = self.results.try_recv() {
                self.answered(answer);
            }
            busy |= self.observe();
            self.renew_if_due().await;
            let now = self.world.clock.now().wall;
            if self.lapses().is_some_and(|t| t <= now) {
                self.queue.push_back(Body::Lease(LeaseSeen::Lapsed));
            }
            if self.wake.is_some_and(|w| w <= now) {
                self.wake = None;
                self.queue.push_back(Body::Wake);
            }
            if let Some((_, leave)) = self.leave_at.take_if(|(at, _)| *at <= now) {
                self.queue.push_back(Body::Leave(leave));
            }
            if self.journal_due.is_some_and(|d| d <= now) {
                self.journal_due = None;
                self.retry_journal();
            }
            while let Some(body) = self.queue.pop_front() {
                busy = true;
                self.take(body);
            }
            if let Some(job) = self.jobs.pop_front() {
                busy = true;
                // Who looks on sees what is being done before it is done.
                self.publish();
                let body = effects::run(job, &self.world, &self.run.plan, &self.run.id).await;
                self.queue.push_back(body);
            }
            if !busy || self.ending || self.quit {
                return;
            }
        }
    }

    fn input(&mut self, input: Input) {
        match input {
            Input::Command(c) => self.queue.push_back(Body::Command(c)),
            Input::Waived(w) => self.queue.push_back(Body::Waived(w)),
            Input::Leave(l) => self.queue.push_back(Body::Leave(l)),
            Input::TerminalLost(how) => self.queue.push_back(Body::TerminalLost(how)),
            Input::Quit => self.quit = true,
        }
    }

    fn answered(&mut self, answer: Answer) {
        match answer {
            Answer::Of(body) => self.queue.push_back(body),
            Answer::Lease(number, seen) if self.lease_asked == Some(number) => {
                self.lease_asked = None;
                self.note_renewal(&seen);
                self.queue.push_back(Body::Lease(seen));
            }
            // Asked before the clock jumped: says nothing of whose the lease is now.
            Answer::Lease(..) => {}
        }
    }

    /// What the watches have brought since the last look.
    fn observe(&mut self) -> bool {
        // In virtual time the lease alone says whether the server answers, unless the watches' word is no race.
        if !self.world.clock.is_virtual() || self.world.cluster.link_is_virtual() {
            let link = self.world.cluster.link();
            // Before everything has been listed once, only a failure is news.
            let news = self.synced || self.link.is_some() || matches!(link, Link::Down(_));
            if news && self.link.as_ref() != Some(&link) {
                self.link = Some(link.clone());
                self.queue.push_back(Body::ClusterLink(link));
            }
        }
        let Some(seen) = self.world.cluster.observe() else { return false };
        let any = !seen.is_empty();
        self.queue.extend(seen.into_iter().map(Body::Observed));
        if !self.synced {
            self.synced = true;
            self.queue.push_back(Body::Synced);
            return true;
        }
        any
    }

    /// One message: stamped, journalled, stepped; what the engine decides is journalled before any of it is done.
    fn take(&mut self, mut body: Body) {
        if self.notice_jump() && of_before(&body) {
            return;
        }
        if let Body::Preflight(report) = &mut body {
            // The run is saved as it is, and no decision reads what people keep in environment variables.
            report.facts.iter_mut().for_each(|f| mask_env(Arc::make_mut(&mut f.template)));
        }
        let at = self.world.clock.now();
        if let Body::Lease(seen) = &body
            && self.nothing_new(seen)
        {
            self.run.cluster.last_ok = Some(at.wall);
            // No decision, but a screen that shows how fresh its picture is must hear of it.
            self.fresh = true;
            return;
        }
        self.step(at, body);
    }

    fn step(&mut self, at: Stamp, body: Body) {
        let message = Message { at, seq: self.run.seq + 1, body };
        self.journal.hear(&message);
        let (tick_before, was_down) = (self.run.tick_asked, self.run.journal.down.is_some());
        let effects = engine::step(&mut self.run, &message);
        self.fresh = true;
        let entries = entries(&message.body, &effects);
        // Also the proof that an outage is over: a record may fit where the state does not.
        let saves = effects.iter().any(|e| matches!(e, Effect::Call(_))) || at.wall.since(self.saved) >= SAVE_EVERY;
        let written = if saves {
            (self.saved, self.unsaved) = (at.wall, false);
            self.journal.commit(&entries, &self.run).map_err(|e| e.to_string())
        } else if !entries.is_empty() {
            self.unsaved = true;
            self.journal.record(&entries, &self.run).map_err(|e| e.to_string())
        } else if self.run.tick_asked != tick_before {
            self.journal.tick().map_err(|e| e.to_string())
        } else {
            Ok(())
        };
        if let Err(why) = &written {
            self.journal_due = Some(at.wall + JOURNAL_RETRY);
            if !was_down {
                self.queue.push_back(Body::JournalLink(effects::journal_link(&written)));
            }
            self.perform(effects, Some(why));
        } else {
            if was_down && saves {
                self.queue.push_back(Body::JournalLink(Link::Up));
            }
            self.perform(effects, None);
        }
    }

    /// The state after records that are followed by no effect; those that are were saved with them.
    fn save(&mut self) {
        if !std::mem::take(&mut self.unsaved) || self.run.journal.down.is_some() {
            return;
        }
        self.saved = self.run.now.wall;
        if let Err(why) = self.journal.commit(&[], &self.run) {
            self.journal_due = Some(self.run.now.wall + JOURNAL_RETRY);
            self.queue.push_back(Body::JournalLink(Link::Down(why.to_string())));
        }
    }

    fn retry_journal(&mut self) {
        let written = self.journal.commit(&[], &self.run).map_err(|e| e.to_string());
        if written.is_err() {
            self.journal_due = Some(self.world.clock.now().wall + JOURNAL_RETRY);
        }
        self.queue.push_back(Body::JournalLink(effects::journal_link(&written)));
    }

    fn perform(&mut self, effects: Vec<Effect>, unwritten: Option<&String>) {
        for effect in effects {
            match &effect {
                Effect::WakeAt(t) => self.wake = Some(*t),
                Effect::End => self.ending = true,
                Effect::Call(call) => match unwritten {
                    // An intent nobody can read later must not raise risk; going back is always allowed.
                    Some(why) if !call.action.lowers_risk() => self.queue.push_back(effects::refused(call, why)),
                    _ => self.launch(&effect),
                },
                Effect::Measure(_) | Effect::Preflight => self.launch(&effect),
                Effect::Record(_) | Effect::Page(_) => {}
            }
        }
    }

    fn launch(&mut self, effect: &Effect) {
        let Some(job) = Job::of(effect) else { return };
        if self.world.clock.is_virtual() {
            self.jobs.push_back(job);
            return;
        }
        let (world, results) = (self.world.clone(), self.results_in.clone());
        let (plan, run) = (self.run.plan.clone(), self.run.id.clone());
        tokio::spawn(async move {
            let body = effects::run(job, &world, &plan, &run).await;
            let _ = results.send(Answer::Of(body)).await;
        });
    }

    fn publish(&mut self) {
        if std::mem::take(&mut self.fresh) {
            if let Some(listener) = &mut self.listener {
                listener(&self.run);
            }
            self.view.send_replace(Arc::new(self.run.clone()));
        }
    }

    /// Until something happens or is due.
    async fn wait(&mut self) {
        // A renewal in flight is waited for as an answer: its time is past, and waiting for that would never sleep.
        // A look now and then shows that this process runs at all.
        let mut due = match self.lease_asked {
            Some(_) => self.world.clock.now().wall + LEASE_EVERY.times(2),
            None => self.lease_due,
        };
        let leave = self.leave_at.as_ref().map(|(at, _)| *at);
        for t in [self.wake, self.journal_due, leave, self.lapses()].into_iter().flatten() {
            due = due.min(t);
        }
        let clock = self.world.clock.clone();
        let cluster = self.world.cluster.clone();
        let watched = async { if clock.is_virtual() { std::future::pending().await } else { cluster.changed().await } };
        tokio::select! {
            biased;
            input = self.inputs.recv(), if self.inputs_open => match input {
                Some(input) => self.input(input),
                None => self.inputs_open = false,
            },
            Some(answer) = self.results.recv() => self.answered(answer),
            () = watched => {}
            () = clock.sleep_until(due) => {}
        }
    }

    async fn finish(mut self) -> (Run, End) {
        let over = self.run.is_ended() || self.run.driving.epoch().is_none();
        if let Err(why) = self.journal.commit(&[], &self.run) {
            tracing::error!(%why, "the end of the run could not be written to the journal");
        }
        self.world.lease.release().await;
        self.publish();
        (self.run, if over { End::Over } else { End::Left })
    }
}

#[cfg(test)]
#[path = "drive_tests.rs"]
mod tests;
