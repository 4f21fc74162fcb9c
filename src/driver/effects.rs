//! Runs one effect against the ports.
use std::time::Duration;

use crate::engine::effect::{Call, Effect};
use crate::engine::measure::{MeasureAnswer, MeasureRequest};
use crate::engine::message::{Body, CallError, CallErrorKind, CallOutcome, CallResult, LeaseSeen, Link};
use crate::engine::observe::{PreflightReport, Problem};
use crate::plan::Plan;
use crate::ports::World;

/// Longer than any adapter may take; a call that does not come back is neither done nor failed.
const CALL_LIMIT: Duration = Duration::from_secs(15);
const MEASURE_LIMIT: Duration = Duration::from_secs(9);
const PREFLIGHT_LIMIT: Duration = Duration::from_secs(60);

/// An effect that reaches outside, with all it needs to run on its own.
pub(super) enum Job {
    Call(Call),
    Measure(MeasureRequest),
    Preflight,
}

impl Job {
    pub fn of(effect: &Effect) -> Option<Job> {
        match effect {
            Effect::Call(c) => Some(Job::Call(c.clone())),
            Effect::Measure(m) => Some(Job::Measure(m.clone())),
            Effect::Preflight => Some(Job::Preflight),
            _ => None,
        }
    }
}

/// What comes back from a task.
pub(super) enum Answer {
    /// To the renewal of this number.
    Lease(u64, LeaseSeen),
    Of(Body),
}

/// True of a moment only: heard before a jump of the clock, it says nothing of the time after it.
pub(super) fn of_before(body: &Body) -> bool {
    matches!(body, Body::Lease(_) | Body::Synced | Body::Observed(_))
}

/// Does it, and says what came of it.
pub(super) async fn run(job: Job, world: &World, plan: &Plan, run: &str) -> Body {
    match job {
        Job::Call(call) => {
            let key = call.key;
            let outcome = match tokio::time::timeout(CALL_LIMIT, world.cluster.call(plan, run, &call)).await {
                Ok(outcome) => outcome,
                Err(_) => CallOutcome::Unknown { error: no_answer(&call) },
            };
            Body::Called(CallResult { key, outcome })
        }
        Job::Measure(request) => match tokio::time::timeout(MEASURE_LIMIT, world.metrics.measure(&request)).await {
            Ok(answer) => Body::Measured(answer),
            Err(_) => Body::Measured(MeasureAnswer {
                tick: request.tick,
                samples: Vec::new(),
                shares: Vec::new(),
                source_down: Some(format!("no answer within {} s", MEASURE_LIMIT.as_secs())),
                notes: Vec::new(),
            }),
        },
        Job::Preflight => {
            match tokio::time::timeout(PREFLIGHT_LIMIT, world.cluster.preflight(plan, run, world.clock.now().wall))
                .await
            {
                Ok(Ok(report)) => Body::Preflight(report),
                Ok(Err(why)) => Body::Preflight(could_not_look(why)),
                Err(_) => Body::Preflight(could_not_look(format!("no answer within {} s", PREFLIGHT_LIMIT.as_secs()))),
            }
        }
    }
}

fn no_answer(call: &Call) -> CallError {
    CallError {
        kind: CallErrorKind::Unreachable,
        text: format!("{} on {}: no answer within {} s", call.action.word(), call.service, CALL_LIMIT.as_secs()),
    }
}

fn could_not_look(why: String) -> PreflightReport {
    let problem = Problem {
        service: None,
        blocking: true,
        what: format!("the cluster could not be looked at: {why}."),
        fix: "check the kubeconfig, the context and that the API server answers".into(),
    };
    PreflightReport { problems: vec![problem], ..PreflightReport::default() }
}

/// Refuses a call whose intent could not be journalled.
pub(super) fn refused(call: &Call, why: &str) -> Body {
    let error = CallError { kind: CallErrorKind::NotDriving, text: format!("the journal cannot be written: {why}") };
    Body::Called(CallResult { key: call.key, outcome: CallOutcome::Failed { error, retry_after: None } })
}

/// For the screen: the journal's state as a link.
pub(super) fn journal_link(result: &Result<(), String>) -> Link {
    match result {
        Ok(()) => Link::Up,
        Err(why) => Link::Down(why.clone()),
    }
}
