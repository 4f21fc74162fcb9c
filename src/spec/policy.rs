//! The Policy: steps, gates, triggers, severities, and what happens when nobody is there.
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::units::{Dur, Limit, Ratio, Unit};

mod defaults;

use defaults as d;

/// A named policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    pub name: String,
    #[serde(flatten)]
    pub spec: PolicySpec,
}

/// How an upgrade is done and what stops it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicySpec {
    /// Non-decreasing weights that end at 100.
    #[schemars(length(min = 1))]
    pub steps: Vec<Step>,
    /// When a service may start: when what it needs has reached this.
    #[serde(default)]
    pub after: After,
    /// How long the new pods must be ready before they get traffic.
    #[serde(default = "d::warmup")]
    pub warmup: Dur,
    /// How long 100 % new is watched with the old version warm.
    #[serde(default = "d::soak")]
    pub soak: Dur,
    /// Quiet time between the last request and the removal of a version.
    #[serde(default = "d::drain")]
    pub drain: Dur,
    /// How long the old version's gates are watched after a rollback.
    #[serde(default = "d::verify")]
    pub verify: Dur,
    #[serde(default)]
    pub finalize: Finalize,
    /// What one service's rollback does to the others. Left out: `stop` where a person watches, `roll-back-run` headless.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_failure: Option<OnFailure>,
    /// What happens when the program is told to leave. Left out: `hold` with a screen, `rollback` headless.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_exit: Option<OnExit>,
    #[serde(default)]
    pub on_terminal_loss: OnTerminalLoss,
    /// What is done when somebody else changes a weight.
    #[serde(default)]
    pub on_drift: OnDrift,
    /// Headless: how long a blocked rollback is waited for before exit code 4.
    #[serde(default = "d::rollback_give_up")]
    pub rollback_give_up: Dur,
    /// A bad tick starts the hold of a step anew.
    #[serde(default = "d::yes")]
    pub restart_on_bad: bool,
    /// With `restart_on_bad: false`: the share of bad ticks a step may end with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_bad_fraction: Option<Ratio>,
    /// Too few requests extend a step up to this many times its hold, then it asks.
    #[serde(default = "d::max_step")]
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub max_step: u32,
    /// What must be known of the share that really flows before the next raise.
    #[serde(default)]
    pub observed: Observed,
    /// Requests in its window below which a ratio or latency gate has too few.
    #[serde(default = "d::min_requests")]
    pub min_requests: u64,
    /// Sliding window of ratio and latency gates.
    #[serde(default = "d::window")]
    pub window: Dur,
    /// How often the metrics source takes new data, where the environment does not say. Left out: 10 s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_interval: Option<Dur>,
    /// How long gates may be without data before the service is Blind.
    #[serde(default = "d::max_blind")]
    pub max_blind: Dur,
    /// A service raised within this time before a critical service went down is held responsible.
    #[serde(default = "d::attribution")]
    pub attribution: Dur,
    /// New pods that are not ready by then are rolled back.
    #[serde(default = "d::progress_deadline")]
    pub progress_deadline: Dur,
    /// A standard-severity rollback happens after this time unless somebody says `keep`.
    #[serde(default = "d::standard_deadline")]
    pub standard_deadline: Dur,
    /// What becomes of services below 100 % when the window ends. Left out: hold.
    // These four are not written where nothing differs, so that a plan made before they were has the hash it had.
    #[serde(default, skip_serializing_if = "AtWindowEnd::is_usual")]
    pub at_window_end: AtWindowEnd,
    /// A split that stands still because its window is over goes back after this time. Left out: 2h.
    #[serde(default = "d::max_split_hold", skip_serializing_if = "d::is_max_split_hold")]
    pub max_split_hold: Dur,
    /// The soak must fit into the window, too. Left out: it need not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub soak_in_window: bool,
    /// Time that is left in the window for a rollback after each step. Left out: 10m.
    #[serde(default = "d::rollback_reserve", skip_serializing_if = "d::is_rollback_reserve")]
    pub rollback_reserve: Dur,
    #[schemars(length(min = 1))]
    pub gates: Vec<Gate>,
    #[serde(default)]
    pub people: People,
}

/// Raise the new version's share to `weight` and hold it for `hold`, clean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Share of the traffic in per cent, 1 to 100.
    #[schemars(range(min = 1, max = 100))]
    pub weight: u32,
    pub hold: Dur,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum After {
    /// What it needs serves 100 % with good gates.
    #[default]
    Full,
    /// What it needs has soaked.
    Soaked,
    /// What it needs has completed this step, counted from 1.
    Step(u32),
}

/// When the new version is copied back to the stable Deployment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Finalize {
    /// When every service has soaked: a joint rollback stays possible until then.
    #[default]
    Run,
    /// When every service of its wave has soaked.
    Wave,
    /// When it has soaked itself.
    Service,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OnFailure {
    /// Raises stop; a person decides.
    Stop,
    /// Every service of the run goes back, dependants first.
    RollBackRun,
    /// Services that do not need the failed one go on.
    ContinueIndependent,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnExit {
    /// Leave the weights where they are.
    Hold,
    /// Bring every service below 100 % back to the old version.
    Rollback,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnDrift {
    /// Nothing moves until a person takes the edit over or undoes it.
    #[default]
    Hold,
    /// The edit is taken as the weight to go on from.
    Adopt,
    /// The edit is undone.
    Revert,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AtWindowEnd {
    /// What has begun is brought to 100 %; nothing new begins. A freeze stops that, too.
    Finish,
    /// The step is finished, then the share stays until the next window.
    #[default]
    Hold,
    /// What is below 100 % goes back to the old version.
    Rollback,
}

impl AtWindowEnd {
    fn is_usual(&self) -> bool {
        *self == AtWindowEnd::default()
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnTerminalLoss {
    /// No more raises; automatic rollback stays armed.
    #[default]
    Hold,
    /// Go on as if somebody watched.
    Continue,
    Rollback,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Observed {
    /// No raise until requests prove the share.
    Require,
    /// As `require`, but two minutes after the route was accepted go on, marked "not observed".
    #[default]
    Prefer,
    Off,
}

/// Whom the policy lets do what, by the name the API server knows them by. Who is not listed is a viewer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct People {
    pub viewers: Vec<String>,
    pub operators: Vec<String>,
    pub approvers: Vec<String>,
    pub owners: Vec<String>,
}

impl People {
    /// Nobody is listed.
    pub fn is_empty(&self) -> bool {
        [&self.viewers, &self.operators, &self.approvers, &self.owners].iter().all(|list| list.is_empty())
    }
}

/// One question of health with the answer that is still good, and what a bad one does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Gate {
    #[schemars(length(min = 1))]
    pub name: String,
    /// A built-in measure; exactly one of `measure` and `promql`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measure: Option<Measure>,
    /// Quantile of `latency_quantile`, between 0 and 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("exclusiveMinimum" = 0, "exclusiveMaximum" = 1))]
    pub quantile: Option<f64>,
    /// A query of your own; `{{service}} {{version}} {{namespace}} {{window}} {{pods}}` are filled in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub promql: Option<String>,
    /// Raw selector whose oldest sample gives the age of a `promql` gate's data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub freshness: Option<String>,
    /// How several series become one value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reduce: Option<Reduce>,
    /// Good up to and including this; exactly one of `max` and `min` where a value is compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<Limit>,
    /// Good from this on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<Limit>,
    /// Compare with the old version at the same time instead of, or besides, a fixed limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<Baseline>,
    /// When bad samples become a breach.
    #[serde(default)]
    pub trigger: Trigger,
    #[serde(default)]
    pub severity: Severity,
    /// Overrides the policy's `min_requests`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_requests: Option<u64>,
    /// Overrides the policy's `window`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Dur>,
    /// This many failed requests in the window are bad, whatever the limit says, also while there are too few requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub abs_bad: Option<u64>,
    #[serde(default)]
    pub missing: Missing,
}

impl Gate {
    /// A gate on a built-in measure with nothing else set.
    pub fn of(name: &str, measure: Measure) -> Gate {
        Gate {
            name: name.into(),
            measure: Some(measure),
            quantile: None,
            promql: None,
            freshness: None,
            reduce: None,
            max: None,
            min: None,
            baseline: None,
            trigger: Trigger::Instant,
            severity: Severity::Standard,
            min_requests: None,
            window: None,
            abs_bad: None,
            missing: Missing::default(),
        }
    }
}

/// The built-in measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Responses with status 5xx over all responses.
    ErrorRate,
    /// Responses below 500 over all responses.
    SuccessRate,
    /// Quantile of the response time.
    LatencyQuantile,
    /// Ready new pods over wanted new pods, as Kubernetes reports them.
    Availability,
    /// Requests per second.
    Requests,
    /// One look per grid tick at the readiness probes of the new pods: 1 when any failed.
    HealthChecks,
    /// Number of critical services that are down.
    CriticalServices,
    /// Restarts of the new pods since they were made.
    Restarts,
}

impl Measure {
    /// What the measure counts in.
    pub fn unit(self) -> Unit {
        match self {
            Measure::ErrorRate | Measure::SuccessRate | Measure::Availability => Unit::Ratio,
            Measure::LatencyQuantile => Unit::Seconds,
            Measure::Requests | Measure::HealthChecks | Measure::CriticalServices | Measure::Restarts => Unit::Count,
        }
    }

    /// Answered from what Kubernetes reports, needing no metrics source.
    pub fn from_cluster(self) -> bool {
        matches!(self, Measure::Availability | Measure::HealthChecks | Measure::CriticalServices | Measure::Restarts)
    }

    /// Needs a minimum of requests to mean anything.
    pub fn needs_requests(self) -> bool {
        matches!(self, Measure::ErrorRate | Measure::SuccessRate | Measure::LatencyQuantile)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reduce {
    Max,
    Min,
    Sum,
    Mean,
    /// Every series must be good by itself.
    Every,
}

/// How far from the old version the new one may be.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Baseline {
    /// New over old; `1.5` lets the new version be half as bad again (under `max`).
    Ratio(#[schemars(extend("exclusiveMinimum" = 0))] f64),
    /// New minus old, in the measure's unit.
    Difference(Limit),
}

/// When bad samples become a breach.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// The first bad sample.
    #[default]
    Instant,
    /// All bad for this long; missing data freezes the dwell, one good sample clears it.
    For(Dur),
    /// `k` bad of the last `n` answers.
    KOfN(KOfN),
    /// This many bad answers in a row.
    Consecutive(#[schemars(extend("exclusiveMinimum" = 0))] u32),
    BurnRate(BurnRate),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KOfN {
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub k: u32,
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub n: u32,
}

/// Burn rate of an error budget (Google SRE Workbook, chapter 5): bad ratio over (1 − SLO), in a long and a short window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BurnRate {
    pub slo: Ratio,
    /// Left out: 14.4 on 1h/5m, 6 on 6h/30m, 1 on 3d/6h.
    #[serde(default = "d::burn_windows")]
    #[schemars(length(min = 1))]
    pub windows: Vec<BurnWindow>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BurnWindow {
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub factor: f64,
    pub long: Dur,
    pub short: Dur,
}

/// How a breach is answered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Hold, page, ask; happens at its deadline unless somebody keeps it or it recovers.
    #[default]
    Standard,
    /// Halve the share at each tick, 0 at the fourth at the latest.
    Fast,
    /// One write to 0 %.
    Immediate,
}

/// What each kind of missing data does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Missing {
    pub provider_down: OnMissing,
    pub invalid: OnMissing,
    pub no_data: OnMissing,
    pub stale: OnMissing,
    pub too_few: OnMissing,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnMissing {
    /// No raise, no rollback, until there is data.
    #[default]
    Hold,
    Bad,
    Good,
    /// Hold and ask a person.
    Ask,
}
