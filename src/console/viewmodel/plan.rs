//! The plan: what the contracts say of it, in which order the services go and why, and one finding in full.
use std::collections::BTreeMap;

use super::super::model::Model;
use super::super::text::{clean, width};
use super::super::theme::Meaning;
use super::{Line, Scene, piece};
use crate::engine::Run;
use crate::engine::forecast::of_run;
use crate::plan::Plan;
use crate::plan::graph::tree;
use crate::plan::verdict::{Told, Way};
use crate::spec::units::counted;

/// One finding in the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindingRow {
    pub severity: &'static str,
    pub meaning: Meaning,
    pub place: String,
    pub what: String,
    pub fix: String,
    pub selected: bool,
}

/// Services that go side by side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaveRow {
    pub wave: u32,
    pub services: String,
    pub way: String,
    /// From the first pod to the end of the last step, when every tick is good.
    pub time: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanView {
    pub title: String,
    /// `2 critical, 3 warnings`
    pub counts: String,
    /// The same where there is no room for it: what bars the start.
    pub counts_short: String,
    pub meaning: Meaning,
    /// Those the filter lets through, as many as a screen can have, around the selected one.
    pub rows: Vec<FindingRow>,
    /// How many of the list stand before the first of them.
    pub before: usize,
    /// In the place of rows when there are none.
    pub none: &'static str,
    pub order_title: String,
    pub estimate: String,
    /// The same where there is no room for it.
    pub estimate_short: String,
    pub waves: Vec<WaveRow>,
    /// In the place of findings and order: who goes after whom, as a tree; and how far it is scrolled.
    pub graph: Option<Vec<Line>>,
    pub scroll: usize,
    pub about_title: String,
    /// `12 parts not compared`; empty where all was.
    pub open: String,
    pub about: Vec<Line>,
    /// The finding alone, in the place of all else.
    pub alone: bool,
}

/// Whether any line that a person sees of a finding has these words.
fn says(f: &Told, query: &str) -> bool {
    let row = [f.service.as_deref().unwrap_or("fleet"), severity(f).0, f.fingerprint.as_str()];
    let accepted = [&f.waived, &f.lapsed, &f.overruled].into_iter().flatten().map(String::as_str);
    let has = |text: &str| text.to_lowercase().contains(query);
    let line = |line: &Line| {
        // The label, and behind it what it is about: `reaches orders`.
        let parts: Vec<&str> = line.iter().map(|piece| piece.text.trim()).collect();
        has(&parts.join(" "))
    };
    row.into_iter().chain(accepted).any(has) || facts(f).iter().any(line)
}

/// The findings that are shown, in their order; and after them what was not compared.
pub fn listed<'a>(run: &'a Run, model: &Model) -> Vec<&'a Told> {
    let Some(verdict) = &run.plan.compat else { return Vec::new() };
    let query = model.plan_filter.to_lowercase();
    let fits = |f: &&Told| query.is_empty() || says(f, &query);
    let mut found: Vec<&Told> = verdict.findings.iter().filter(fits).collect();
    match model.plan_by_service {
        true => found.sort_by_key(|f| (f.service.clone(), rank(f))),
        false => found.sort_by_key(|f| (rank(f), f.service.clone())),
    }
    found.extend(verdict.unseen.iter().filter(fits));
    found
}

/// The finding that is selected.
pub fn chosen<'a>(run: &'a Run, model: &Model) -> Option<&'a Told> {
    let found = listed(run, model);
    found.get(model.plan_at.min(found.len().saturating_sub(1))).copied()
}

/// What bars a start first; then warnings, what was accepted, and what the CompatPolicy leaves out.
fn rank(f: &Told) -> u8 {
    match (f.critical, &f.waived) {
        _ if f.is_unseen() => 4,
        _ if f.off => 3,
        (true, None) => 0,
        (false, None) => 1,
        (_, Some(_)) => 2,
    }
}

fn severity(f: &Told) -> (&'static str, Meaning) {
    match rank(f) {
        0 => ("CRIT", Meaning::Bad),
        1 => ("warn", Meaning::Warn),
        2 => ("waived", Meaning::Dim),
        4 => ("unseen", Meaning::Warn),
        _ => ("off", Meaning::Dim),
    }
}

pub fn build(run: &Run, model: &Model, scene: Scene) -> PlanView {
    let found = listed(run, model);
    let at = model.plan_at.min(found.len().saturating_sub(1));
    let before = at.saturating_sub(scene.rows);
    let row = |(i, f): (usize, &&Told)| {
        let (severity, meaning) = severity(f);
        FindingRow {
            severity,
            meaning,
            place: f.service.clone().unwrap_or_else(|| "fleet".into()),
            what: clean(&f.message).into_owned(),
            fix: f.advice.as_deref().map(|a| clean(a).into_owned()).unwrap_or_default(),
            selected: i == at,
        }
    };
    let plan = &run.plan;
    let (counts, counts_short, meaning) = counts(plan);
    let (estimate, estimate_short) = estimate(run);
    PlanView {
        title: title(model, found.len()),
        counts,
        counts_short,
        meaning,
        rows: found.iter().enumerate().skip(before).take(scene.rows * 2 + 1).map(row).collect(),
        before,
        none: match &plan.compat {
            None => "the Fleet names no contracts, so nothing was compared",
            Some(v) if v.findings.is_empty() => "nothing found that stops or warns",
            Some(_) => "no finding matches",
        },
        order_title: format!(
            "Order of work: {}, {}",
            counted(last_wave(plan) as usize, "wave"),
            counted(plan.services.len(), "service")
        ),
        estimate,
        estimate_short,
        waves: waves(plan),
        graph: model.graph.then(|| graph(plan)),
        scroll: model.detail_scroll,
        about_title: match found.get(at) {
            None => "Plan".into(),
            Some(f) if f.is_unseen() => format!("Not compared, {} of {}", at + 1, found.len()),
            Some(_) => format!("Finding {} of {}", at + 1, found.len()),
        },
        open: not_compared(plan),
        about: found.get(at).map_or_else(|| of_plan(run), |f| about(f, run)),
        alone: model.finding && !found.is_empty(),
    }
}

fn title(model: &Model, found: usize) -> String {
    let by = if model.plan_by_service { "by service" } else { "by severity" };
    if model.plan_filter.is_empty() {
        return format!("Compatibility {by}");
    }
    format!("Compatibility {by}, {found} match \"{}\"", model.plan_filter)
}

/// What the check does not know; `pilothouse compat check` names it.
fn not_compared(plan: &Plan) -> String {
    match plan.compat.as_ref().map_or(0, |v| v.not_compared as usize) {
        0 => String::new(),
        n => format!("{} not compared", counted(n, "part")),
    }
}

fn counts(plan: &Plan) -> (String, String, Meaning) {
    let none = || ("no contracts".to_string(), "no contracts".to_string(), Meaning::Border);
    let Some(verdict) = &plan.compat else { return none() };
    let of = |rank_of: u8| verdict.findings.iter().filter(|f| rank(f) == rank_of).count();
    let more = if verdict.more > 0 { format!(", {} more", verdict.more) } else { String::new() };
    let parts = [
        (of(0), "critical", "critical"),
        (of(1), "warning", "warnings"),
        (of(2), "waived", "waived"),
        (of(3), "left out", "left out"),
        (verdict.infos as usize, "note", "notes"),
    ];
    let said = |(n, one, many): &(usize, &str, &str)| format!("{n} {}", if *n == 1 { one } else { many });
    let parts: Vec<String> = parts.iter().filter(|(n, ..)| *n > 0).map(said).collect();
    let text = if parts.is_empty() { "nothing found".to_string() } else { parts.join(", ") + &more };
    match of(0) {
        0 => (text, parts.first().cloned().unwrap_or_default(), Meaning::Border),
        n => (format!("START IS OFF: {text}"), format!("START IS OFF: {n} critical"), Meaning::Bad),
    }
}

/// How long it takes, and the same where there is little room.
fn estimate(run: &Run) -> (String, String) {
    let plan = &run.plan;
    let (shift, soak) = plan.estimate();
    let whole = match run.started.is_none().then(|| of_run(run, true)).flatten() {
        Some(ahead) => format!("100% about {}, then {soak} soak", ahead.said(ahead.full())),
        None if plan.services.iter().any(|p| p.phased.is_some()) => "each tenant in its own window".into(),
        None => {
            let short = format!("{shift}, then {soak} soak");
            return (format!("{shift} to 100%, then {soak} soak, if all stays good"), short);
        }
    };
    (whole.clone(), whole)
}

fn last_wave(plan: &Plan) -> u32 {
    plan.services.iter().map(|p| p.wave).max().unwrap_or(0)
}

/// Wave by wave: by canary, or tenant by tenant; what else would do is said beside it.
fn waves(plan: &Plan) -> Vec<WaveRow> {
    let mut by_wave: BTreeMap<u32, Vec<&str>> = BTreeMap::new();
    for p in plan.services.iter().filter(|p| p.phased.is_none()) {
        by_wave.entry(p.wave).or_default().push(&p.service.name);
    }
    let steps: Vec<String> = plan.policy.steps.iter().map(|s| s.weight.to_string()).collect();
    let way = format!("canary {}", steps.join("/"));
    let first = |name: &&str| plan.get(name).is_some_and(|p| !p.segments.is_empty());
    let row = |(wave, names): (u32, Vec<&str>)| WaveRow {
        wave,
        way: if names.iter().any(first) { format!("{way}, segments first") } else { way.clone() },
        services: names.join(", "),
        time: plan.service_estimate().to_string(),
    };
    let phased = plan.services.iter().filter_map(|p| {
        let phased = p.phased.as_ref()?;
        let services = format!("{}: {} tenants", p.service.name, phased.count(|_| true));
        Some(WaveRow { wave: p.wave, services, way: "phased".into(), time: "per window".into() })
    });
    let mut rows: Vec<WaveRow> = by_wave.into_iter().map(row).chain(phased).collect();
    rows.sort_by_key(|r| r.wave);
    rows
}

fn say(lines: &mut Vec<Line>, label: &str, meaning: Meaning, text: &str) {
    lines.push(vec![piece(Meaning::Dim, format!("{label:<8}")), piece(meaning, clean(text).into_owned())]);
}

/// More lines than a finding takes on any screen that is wide enough to read.
pub fn lines_at_most(f: &Told, run: &Run) -> usize {
    const NARROW: usize = 24;
    about(f, run).iter().map(|l| 1 + l.iter().map(|p| width(&p.text)).sum::<usize>() / NARROW).sum()
}

/// All that is known of a finding, and what can be done about it.
fn about(f: &Told, run: &Run) -> Vec<Line> {
    let mut lines = facts(f);
    let begun = run.started.is_some() || run.is_ended();
    match (&f.waived, &f.lapsed, run.plan.environment.production) {
        (Some(who), ..) => say(&mut lines, "waiver", Meaning::Text, who),
        (None, Some(who), _) => say(&mut lines, "waiver", Meaning::Dim, &format!("has ended: {who}")),
        (None, None, _) if begun || !f.critical || f.off => {}
        (None, None, true) => {
            say(&mut lines, "waiver", Meaning::Dim, "not accepted in production: no two-person route is configured");
        }
        (None, None, false) => {
            say(&mut lines, "waiver", Meaning::Dim, "needs two names, a reason and a last day, and is audited");
        }
    }
    lines
}

/// What one has to know first stands first.
fn facts(f: &Told) -> Vec<Line> {
    let mut lines = Vec::new();
    let (_, meaning) = severity(f);
    say(&mut lines, "what", meaning, &f.message);
    if let Some(advice) = &f.advice {
        say(&mut lines, "fix", Meaning::Text, advice);
    }
    if !f.consumers.is_empty() {
        say(&mut lines, "reaches", Meaning::Text, &f.consumers.join(", "));
    }
    f.details.iter().for_each(|why| say(&mut lines, "why", Meaning::Text, why));
    if !f.affected.is_empty() {
        let more = if f.unnamed > 0 { format!(" and {} more", f.unnamed) } else { String::new() };
        say(&mut lines, "in", Meaning::Text, &format!("{}{more}", f.affected.join(", ")));
    }
    if let Some(change) = &f.change {
        say(&mut lines, "move", Meaning::Text, &format!("{} {change}", f.service.as_deref().unwrap_or_default()));
    }
    if let Some(at) = &f.at {
        say(&mut lines, "where", Meaning::Text, at);
    }
    if let Some(at) = &f.was_at {
        say(&mut lines, "before", Meaning::Text, at);
    }
    match f.is_unseen() {
        true => say(&mut lines, "why", Meaning::Text, "it was not compared, so nothing is known of what it breaks"),
        false => say(&mut lines, "rule", Meaning::Text, &format!("{}, fingerprint {}", f.rule, f.fingerprint)),
    }
    lines
}

/// What is to be said where there is no finding.
fn of_plan(run: &Run) -> Vec<Line> {
    let mut lines = Vec::new();
    say(&mut lines, "hash", Meaning::Text, &format!("sha256 {}", run.plan_hash));
    if let Some(verdict) = &run.plan.compat {
        let open = match verdict.not_compared as usize {
            0 => "all parts were compared".to_string(),
            1 => "1 part was not compared; `pilothouse compat check` names it".to_string(),
            n => format!("{n} parts were not compared; `pilothouse compat check` names them"),
        };
        let text = format!("{}, {open}", counted(verdict.infos as usize, "note"));
        say(&mut lines, "checked", Meaning::Text, &text);
    }
    lines
}

fn graph(plan: &Plan) -> Vec<Line> {
    let advice = plan.compat.as_ref().map(|v| &v.advice);
    let line = |node: crate::plan::graph::Node<'_>| {
        let indent = "  ".repeat(node.depth);
        let mut line = vec![piece(Meaning::Dim, indent), piece(Meaning::Title, node.planned.service.name.clone())];
        line.push(piece(Meaning::Text, format!(" {}", node.planned.version)));
        let advised = advice.and_then(|a| a.get(&node.planned.service.name));
        match (node.again, node.why, advised) {
            // Each way to it has a reason of its own.
            (true, why, _) => {
                let why = why.map(|w| format!("{}, the rest ", clean(&w))).unwrap_or_default();
                line.push(piece(Meaning::Dim, format!("  {why}as above")));
            }
            (false, why, advised) => {
                let why = why.map(|w| format!("  {}", clean(&w))).unwrap_or_default();
                let would = advised.filter(|a| !matches!(a.way, Way::Canary | Way::Blocked));
                let would = would.map(|a| format!("  {} would do", a.way.name())).unwrap_or_default();
                line.push(piece(Meaning::Dim, format!("{why}{would}")));
            }
        }
        line
    };
    tree(plan).into_iter().map(line).collect()
}
