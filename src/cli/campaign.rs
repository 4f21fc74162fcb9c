//! `pilothouse campaign`: who is upgraded when, why not earlier, and what would have to change.
//!
//! # Layout
//! - here: what is asked, and the lines that answer it; `show` writes them, `only` says which of them
mod only;
mod show;

use std::io::Write;

use anyhow::{Context, Result, anyhow};

use only::Only;

use super::args::{CampaignArgs, CampaignOutput, Global};
use super::tenants::{self, Files};
use super::windows::{instant, needs};
use super::{place, together, when};
use crate::calendar::campaign::{Ask, Begun, Campaign, plan_beside};
use crate::calendar::reasons::{Obstacle, Pods, Reasons};
use crate::calendar::{Book, Groups, LOOK};
use crate::engine::forecast::{Ahead, forecast_with};
use crate::plan::Plan;
use crate::spec::Tenant;
use crate::spec::units::{Dur, Time};

/// Tenants that move one after the other: those of one service, or of everything where nothing says what is upgraded.
struct Line<'m> {
    service: Option<String>,
    tenants: Vec<&'m Tenant>,
    groups: Groups,
    book: Book<'m>,
    campaign: Campaign,
    ask: Ask,
    /// From when on it is asked for, and what keeps its first move from being then.
    asked: Time,
    late: Vec<Obstacle>,
}

impl<'m> Line<'m> {
    /// `begun`: who is begun by the lines before it.
    fn of(files: &'m Files, service: Option<&str>, tenants: Vec<&'m Tenant>, ask: Ask, begun: &mut Begun) -> Line<'m> {
        let book = Book::new(&files.calendar, &files.loaded.ics, ask.start);
        let groups = book.groups(tenants.iter().copied(), ask.start);
        let campaign = plan_beside(&files.calendar, &tenants, &groups, ask, begun);
        let (service, asked) = (service.map(String::from), ask.start);
        Line { service, tenants, groups, book, campaign, ask, asked, late: Vec::new() }
    }

    fn reasons(&self) -> Reasons<'_> {
        let Line { book, tenants, groups, campaign, ask, .. } = self;
        let pods = self.service.as_deref().map(|service| Pods { service, asked: self.asked, late: &self.late });
        Reasons { book, tenants, groups, campaign, ask: *ask, pods }
    }

    fn tenant(&self, position: u32) -> Option<&'m Tenant> {
        self.tenants.get(usize::try_from(position).ok()?).copied()
    }

    fn id(&self, position: u32) -> &'m str {
        self.tenant(position).map_or("", |t| &*t.id)
    }

    fn cohort(&self, number: u16) -> &str {
        self.campaign.parts.get(usize::from(number)).map_or("", |p| &p.name)
    }
}

/// A plan with all it was made from.
struct Made<'m> {
    files: &'m Files,
    now: Time,
    start: Time,
    needs: Dur,
    lines: Vec<Line<'m>>,
    /// What comes of each service, in the order of the plan; nothing where nothing says what is upgraded.
    services: Vec<Service<'m>>,
    only: Only,
}

struct Service<'m> {
    ahead: Ahead,
    /// Its tenants, where they move by themselves and it does not even begin.
    waiting: Vec<&'m Tenant>,
}

/// Plans and prints; gives the exit code: 0, or 2 when there is no time for some tenant.
///
/// # Errors
/// Files or flags that cannot be used; a cohort that must be upgraded at once and cannot.
pub fn campaign(args: &CampaignArgs, global: &Global, now: Time, out: &mut dyn Write) -> Result<i32> {
    let files = tenants::load(&args.files)?;
    // Who does not say when means from the next minute on.
    let start = args.at.as_deref().map_or(Ok(now.ceil(Dur::mins(1))), instant)?;
    let mut upgrade = files.plan(&args.files)?;
    if let (Some(plan), Ok(state_dir)) = (&mut upgrade, place::state_dir(global.state_dir.as_deref())) {
        when::learn(plan, &state_dir);
    }
    let wanted = needs(args.needs.as_deref())?;
    let needs = wanted.or_else(|| upgrade.as_ref().map(Plan::tenant_needs)).context(
        "--needs is missing: say how long one tenant takes, such as 90m, or give the files of the upgrade, too",
    )?;
    let plans: Vec<&Plan> = upgrade.iter().collect();
    together::check(&files.loaded, &plans, wanted, start).map_err(|report| anyhow!("{report}"))?;
    let (lines, services) = match upgrade.filter(|plan| plan.services.iter().any(|p| p.phased.is_some())) {
        Some(plan) => of_plan(&files, &plan, start, wanted),
        None => {
            let ask = Ask::at(start, needs, needs);
            (vec![Line::of(&files, None, files.tenants(), ask, &mut Begun::default())], Vec::new())
        }
    };
    let mut made = Made { files: &files, now, start, needs, lines, services, only: Only::default() };
    made.only = Only::of(args, &made)?;
    match args.output {
        CampaignOutput::Text => made.text(out)?,
        CampaignOutput::Json => made.json(out)?,
        // A file of no event is none (RFC 5545, 3.6).
        CampaignOutput::Ics if made.lines.iter().all(|line| made.only.moves(line).next().is_none()) => {
            let who = made.only.said().map_or_else(|| "nobody".into(), |who| format!("nobody of {who}"));
            eprintln!("{who} has a time within {LOOK}, so there is no event to write; `-o text` says why");
        }
        CampaignOutput::Ics => write!(out, "{}", made.ics())?,
    }
    let whole = made.services.iter().all(|s| s.ahead.full.is_some());
    Ok(if whole && made.lines.iter().all(|line| line.campaign.never.is_empty()) { 0 } else { 2 })
}

/// The lines of a plan, one for each service whose tenants move by themselves, and what comes of all services; `wanted`:
/// how long one move takes, if somebody says something else than the policy.
fn of_plan<'m>(files: &'m Files, plan: &Plan, start: Time, wanted: Option<Dur>) -> (Vec<Line<'m>>, Vec<Service<'m>>) {
    let (mut lines, mut begun) = (Vec::new(), Begun::default());
    let forecast = forecast_with(plan, start, &mut |planned, ask| {
        let service = planned.service.name.as_str();
        let ask = wanted.map_or(ask, |needs| Ask { needs, takes: needs, ..ask });
        let line = Line::of(files, Some(service), files.of_service(service), ask, &mut begun);
        let campaign = line.campaign.clone();
        lines.push(Line { asked: start, ..line });
        campaign
    });
    let service = |ahead: Ahead| {
        let phased = plan.get(&ahead.service).is_some_and(|p| p.phased.is_some());
        let idle = phased && ahead.tenants.is_none();
        Service { waiting: if idle { files.of_service(&ahead.service) } else { Vec::new() }, ahead }
    };
    let services: Vec<Service<'m>> = forecast.into_iter().flat_map(|forecast| forecast.services).map(service).collect();
    for line in &mut lines {
        let its = services.iter().find(|s| line.service.as_ref() == Some(&s.ahead.service));
        line.late = its.map_or_else(Vec::new, |s| s.ahead.late.clone());
    }
    (lines, services)
}
