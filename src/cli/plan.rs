//! `pilothouse plan`: waves, steps, times, effects; nothing is touched.
use serde_json::{Value, json};

use super::args::{Global, PlanOutput};
use super::windows::utc;
use super::{place, plan_compat, when};
use crate::engine::forecast::{Ahead, Forecast, forecast};
use crate::engine::run::Outcome;
use crate::journal::past_durations;
use crate::plan::rules::segments_said;
use crate::plan::{MatchRule, Phased, Plan, Planned, Roster, graph};
use crate::spec::policy::Step;
use crate::spec::units::{Dur, Time, counted};

/// What stands beside a plan.
#[derive(Clone, Copy)]
pub struct Beside<'a> {
    /// As [`earlier`] gives them.
    pub earlier: &'a [Dur],
    pub tenants: Option<&'a Roster>,
    pub now: Time,
}

impl Beside<'_> {
    /// What comes of a plan whose tenants move by themselves, if it is told to begin now.
    fn ahead(&self, plan: &Plan) -> Option<Forecast> {
        let by_tenant = plan.services.iter().any(|p| p.phased.is_some());
        by_tenant.then(|| forecast(plan, self.now)).flatten()
    }
}

/// How long earlier runs of the fleet took in this environment under this policy, the shortest first. Those count that came
/// to their end.
pub fn earlier(plan: &Plan, global: &Global) -> Vec<Dur> {
    let Ok(state_dir) = place::state_dir(global.state_dir.as_deref()) else { return Vec::new() };
    let past = past_durations(&state_dir, &plan.fleet, &plan.environment.name).into_iter();
    let past = past.filter(|d| d.outcome == Some(Outcome::Succeeded) && d.policy == plan.policy_name);
    let mut took: Vec<Dur> = past.filter_map(|d| Some(d.ended?.since(d.started?))).collect();
    took.sort();
    took
}

/// In the form asked for.
pub fn show(plan: &Plan, beside: Beside<'_>, output: PlanOutput) -> String {
    match output {
        PlanOutput::Text => text(plan, beside),
        PlanOutput::Json => json(plan, beside) + "\n",
        PlanOutput::Dot => graph::dot(plan),
        PlanOutput::Svg => graph::svg(plan),
    }
}

/// For a person.
pub fn text(plan: &Plan, beside: Beside<'_>) -> String {
    let mut out = format!(
        "{} on {} ({}{}), policy {}\n\n",
        plan.upgrade,
        plan.environment.name,
        plan.fleet,
        if plan.environment.production { ", production" } else { "" },
        plan.policy_name
    );
    let width = plan.services.iter().map(|p| p.service.name.len()).max().unwrap_or(0).max("service".len());
    let steps: Vec<String> = plan.policy.steps.iter().map(|s| s.weight.to_string()).collect();
    let steps = steps.join("/");
    out.push_str(&format!("wave  {:<width$}  to         strategy  steps         est      needs\n", "service"));
    let ahead = beside.ahead(plan);
    for p in &plan.services {
        let needs: Vec<String> = p.needs.iter().map(|(n, r)| format!("{n} {r}")).collect();
        let line = format!(
            "{:<4}  {:<width$}  {:<9}  {:<8}  {:<12}  {:<7}  {}",
            p.wave,
            p.service.name,
            p.version,
            way(p),
            p.phased.as_ref().map_or_else(|| steps.clone(), |f| format!("{} tenants", f.count(|_| true))),
            estimate(plan, p, ahead.as_ref()).map_or_else(|| "-".into(), short),
            needs.join(", ")
        );
        out.push_str(line.trim_end());
        out.push('\n');
    }
    match &ahead {
        Some(ahead) => phased(plan, ahead, &mut out),
        None => {
            let (shift, soak) = plan.estimate();
            let (shift, soak) = (short(shift), short(soak));
            out.push_str(&format!(
                "\nAbout {shift} to 100 % everywhere and {soak} of soaking, when every tick is good.\n"
            ));
        }
    }
    out.push_str(&when::text(plan, beside.tenants, beside.now));
    if let Some(median) = beside.earlier.get(beside.earlier.len() / 2) {
        let count = beside.earlier.len();
        out.push_str(&format!(
            "Runs of this fleet here under this policy that succeeded: {count}; half took up to {}.\n",
            short(*median)
        ));
    }
    for (names, steps) in ways(plan) {
        out.push_str(&format!("\nFor {names}, in this order:\n"));
        for (i, line) in effects(plan, steps, any_segments(plan)).iter().enumerate() {
            out.push_str(&format!("  {}. {line}\n", i + 1));
        }
    }
    segments(plan, &mut out);
    plan_compat::text(plan, &mut out);
    out.push_str("\nNot undone by a rollback: answers the new version gave, and rows it wrote.\n");
    out.push_str(&format!("Plan {}\n", plan.hash()));
    out
}

/// How one service is moved.
fn way(p: &Planned) -> &'static str {
    if p.phased.is_some() { "phased" } else { "canary" }
}

/// How long a service takes from its new pods to 100 %; nothing when it never gets there.
fn estimate(plan: &Plan, p: &Planned, ahead: Option<&Forecast>) -> Option<Dur> {
    match ahead.and_then(|ahead| ahead.get(&p.service.name)).filter(|_| p.phased.is_some()) {
        Some(its) => Some(its.full?.since(its.begins?)),
        None => Some(plan.service_estimate()),
    }
}

/// As one effect of all services names them.
fn any_segments(plan: &Plan) -> Option<String> {
    plan.services.iter().any(|p| !p.segments.is_empty()).then(|| "the segments that go first".into())
}

/// Who goes first, and that nobody knows before how much of the traffic that is.
fn segments(plan: &Plan, out: &mut String) {
    for p in plan.services.iter().filter(|p| !p.segments.is_empty()) {
        let all: Vec<String> = p.segments.iter().map(MatchRule::said).collect();
        out.push_str(&format!(
            "\nFirst on {}, with all of their requests, while everybody else goes by these steps: {}.\n  Their share of the \
             requests is not known before: the first pods are for the weight alone, those of each next step for what was \
             seen of them.\n",
            p.service.name,
            all.join(", ")
        ));
    }
}

/// The moves of one service.
fn line_of_tenants(name: &str, phased: &Phased, ahead: &Forecast, its: &Ahead, out: &mut String) {
    let (tenants, moves) = (counted(phased.count(|_| true), "tenant"), counted(phased.moves.len(), "move"));
    out.push_str(&format!("\n{name}: {tenants} in {moves}, one at a time: {}\n", phased.said()));
    let mut line = |what: &str, at: Option<Time>| {
        let utc = at.map_or_else(String::new, |at| format!(" ({})", utc(at.ceil(Dur::mins(1)))));
        out.push_str(&format!("  {what:<14} {}{utc}\n", ahead.said(at)));
    };
    line("new pods", its.begins);
    if let Some(tenants) = &its.tenants {
        line("first tenant", tenants.first);
        line("last tenant", tenants.last);
        line("everybody else", tenants.everybody);
    }
    line("at 100 %", its.full);
}

/// Who moves one by one and when, what follows, and what does not come to its end.
fn phased(plan: &Plan, ahead: &Forecast, out: &mut String) {
    for p in &plan.services {
        let Some(its) = ahead.get(&p.service.name) else { continue };
        if let Some(phased) = &p.phased {
            line_of_tenants(&p.service.name, phased, ahead, its, out);
        }
        if let Some(stuck) = &its.stuck {
            let name = if p.phased.is_some() { "" } else { p.service.name.as_str() };
            let lead = if name.is_empty() { "  it".to_string() } else { format!("\n{name}") };
            let change = if stuck.change.is_empty() { String::new() } else { format!("; {}", stuck.change) };
            out.push_str(&format!("{lead} does not come to its end: {}{change}\n", stuck.why));
        }
    }
    out.push_str(&match (ahead.full(), ahead.soaked()) {
        (Some(full), Some(soaked)) => format!(
            "\nAll at 100 % about {} and soaked about {}, when every tick is good.\n`pilothouse campaign` says when each \
             tenant moves, and why not earlier.\n",
            ahead.read(full),
            ahead.read(soaked)
        ),
        _ => "\nNot all of it comes to 100 %: `pilothouse campaign` says for whom there is no time, and why.\n".into(),
    });
}

/// Services by how they go, with the steps of each way.
fn ways(plan: &Plan) -> Vec<(String, &[Step])> {
    let names = |phased: bool| {
        let of = plan.services.iter().filter(|p| p.phased.is_some() == phased);
        of.map(|p| p.service.name.as_str()).collect::<Vec<_>>()
    };
    let (by_weight, by_tenant) = (names(false), names(true));
    let both = !by_weight.is_empty() && !by_tenant.is_empty();
    let ways = [by_weight, by_tenant].into_iter().filter_map(|names| {
        let steps = plan.steps(names.first()?);
        Some((if both { names.join(", ") } else { "each service".into() }, steps))
    });
    ways.collect()
}

/// `40s`, `16m`, `1h5m`, `4d23h`: in full seconds, from a minute on in full minutes, from a day on in full hours.
fn short(d: Dur) -> String {
    let unit = match d {
        d if d < Dur::mins(1) => Dur::secs(1),
        d if d < Dur::hours(24) => Dur::mins(1),
        _ => Dur::hours(1),
    };
    Dur(d.0.div_ceil(unit.0) * unit.0).to_string()
}

/// What is written for one service, in order. `first`: who goes first on it.
fn effects(plan: &Plan, steps: &[Step], first: Option<String>) -> Vec<String> {
    let policy = &plan.policy;
    let mut out = vec![
        "Deployment and Service NAME-next beside stable, from its live template with the new image".into(),
        "NAME-next becomes the route's second backend, at weight 0".into(),
        format!("new pods must stay ready for {}", policy.warmup),
    ];
    let first = first.filter(|_| steps.first().is_some_and(|s| s.weight < 100));
    for (i, s) in steps.iter().enumerate() {
        if s.weight == 0 {
            out.push(format!("tenant after tenant: its rule in the route, then {} clean; the weight stays 0", s.hold));
            continue;
        }
        let with = first.as_ref().filter(|_| i == 0).map_or_else(String::new, |who| format!(" and rules for {who}"));
        out.push(format!("pods for {}%, then weight {}%{with}, then {} clean", s.weight, s.weight, s.hold));
    }
    if first.is_some() {
        out.push("segments' rules are taken away: the weight sends everybody there".into());
    }
    if steps.iter().any(|s| s.weight == 0) {
        out.push("tenants' rules are taken away: the weight sends everybody there".into());
    }
    out.push(format!("100% new is watched for {}, old kept warm", policy.soak));
    out.push("when all have soaked: stable gets the new template, weight back to stable, NAME-next removed".into());
    out
}

/// What is written for this service, with its names.
fn exact(plan: &Plan, p: &Planned) -> Vec<String> {
    let name = p.service.next_deployment();
    let first = segments_said(p.segments.iter().map(|s| s.name.as_str()));
    effects(plan, plan.steps(&p.service.name), first).into_iter().map(|line| line.replace("NAME-next", &name)).collect()
}

fn segment(rule: &MatchRule) -> Value {
    json!({"name": rule.name, "header": rule.by.header(), "values": rule.values})
}

/// When what happens to a service, as far as that can be told; what never does is null.
fn future(its: &Ahead) -> serde_json::Value {
    let tenants = its.tenants.as_ref();
    json!({
        "begins": its.begins.map(utc), "first_tenant": tenants.and_then(|t| t.first).map(utc),
        "last_tenant": tenants.and_then(|t| t.last).map(utc), "everybody_else": tenants.and_then(|t| t.everybody).map(utc),
        "full": its.full.map(utc), "soaked": its.soaked.map(utc), "never": tenants.map(|t| t.never),
        "stuck": its.stuck.as_ref().map(|s| &s.why),
    })
}

/// For a program.
pub fn json(plan: &Plan, beside: Beside<'_>) -> String {
    let ahead = beside.ahead(plan);
    let (shift, soak) = plan.estimate();
    let shift = match &ahead {
        Some(ahead) => ahead.full().map(|full| full.since(beside.now)),
        None => Some(shift),
    };
    let services: Vec<_> = plan
        .services
        .iter()
        .map(|p| {
            json!({
                "service": p.service.name, "wave": p.wave, "image": p.image, "version": p.version, "strategy": way(p),
                "needs": p.needs, "after": p.after, "effects": exact(plan, p), "critical": p.service.critical,
                "estimate_seconds": estimate(plan, p, ahead.as_ref()).map(|d| d.as_secs_f64()),
                "forecast": ahead.as_ref().and_then(|a| a.get(&p.service.name)).map(future),
                "segments": p.segments.iter().map(segment).collect::<Vec<_>>(),
                "tenants": p.phased.as_ref().map(|f| f.moves.iter().map(|m| &m.name).collect::<Vec<_>>()),
            })
        })
        .collect();
    let steps: Vec<_> =
        plan.policy.steps.iter().map(|s| json!({"weight": s.weight, "hold_seconds": s.hold.as_secs_f64()})).collect();
    let mut value = json!({
        "upgrade": plan.upgrade, "fleet": plan.fleet, "environment": plan.environment.name, "policy": plan.policy_name,
        "production": plan.environment.production, "services": services, "steps": steps,
        "when": when::json(plan, beside.tenants, beside.now),
        "effects_per_service": effects(plan, ways(plan).first().map_or(&plan.policy.steps[..], |(_, steps)| steps), any_segments(plan)),
        "estimate_seconds": {"shift": shift.map(|d| d.as_secs_f64()), "soak": soak.as_secs_f64()},
        "earlier_seconds": beside.earlier.iter().map(|d| d.as_secs_f64()).collect::<Vec<_>>(),
        "plan_hash": plan.hash(),
    });
    plan_compat::json(plan, &mut value);
    format!("{value:#}")
}
