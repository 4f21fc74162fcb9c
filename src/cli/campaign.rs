//! `pilothouse campaign`: who is upgraded when, why not earlier, and what would have to change.
//!
//! # Layout
//! - here: what is asked, and the lines that answer it; `show` writes them
mod show;

use std::io::Write;

use anyhow::{Context, Result, anyhow, bail};

use super::args::{CampaignArgs, CampaignOutput, Global};
use super::tenants::{self, Files};
use super::windows::{instant, needs, utc};
use super::{place, when};
use crate::calendar::campaign::{Apart, Ask, Campaign, plan};
use crate::calendar::reasons::Reasons;
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
    /// What comes of its service besides.
    ahead: Option<Ahead>,
}

impl<'m> Line<'m> {
    fn of(files: &'m Files, service: Option<&str>, tenants: Vec<&'m Tenant>, ask: Ask) -> Result<Line<'m>, Refused> {
        let book = Book::new(&files.calendar, &files.loaded.ics, ask.start);
        let groups = book.groups(tenants.iter().copied(), ask.start);
        let campaign = match plan(&book, &tenants, &groups, ask) {
            Ok(campaign) => campaign,
            Err(apart) => {
                let name = |t: &u32| Some(tenants.get(usize::try_from(*t).ok()?)?.id.to_string());
                let names = apart.tenants.iter().filter_map(name).collect();
                return Err(Refused { apart, names, needs: ask.needs });
            }
        };
        Ok(Line { service: service.map(String::from), tenants, groups, book, campaign, ask, ahead: None })
    }

    fn reasons(&self) -> Reasons<'_> {
        Reasons { book: &self.book, groups: &self.groups, campaign: &self.campaign, ask: self.ask }
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

/// A cohort that is upgraded at once and cannot be.
struct Refused {
    apart: Apart,
    names: Vec<String>,
    needs: Dur,
}

impl From<Refused> for anyhow::Error {
    fn from(Refused { apart, names, needs }: Refused) -> anyhow::Error {
        anyhow!(
            "cohort {} is upgraded all at once (`bind: intersection`), and these have no {needs} in common within {LOOK} \
             of {}: {}; change the window of one of them, or write `bind: own`",
            apart.cohort,
            utc(apart.turn),
            names.join(", ")
        )
    }
}

/// A plan with all it was made from.
struct Made<'m> {
    files: &'m Files,
    start: Time,
    needs: Dur,
    lines: Vec<Line<'m>>,
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
    let lines = match upgrade.filter(|plan| plan.services.iter().any(|p| p.phased.is_some())) {
        Some(plan) => of_plan(&files, &plan, start, wanted)?,
        None => {
            let ask = Ask { start, needs, takes: needs, at_once: false };
            vec![Line::of(&files, None, files.tenants(), ask)?]
        }
    };
    let made = Made { files: &files, start, needs, lines };
    match args.output {
        CampaignOutput::Text => made.text(out)?,
        CampaignOutput::Json => made.json(out)?,
        CampaignOutput::Ics => write!(out, "{}", made.ics())?,
    }
    Ok(if made.lines.iter().all(Line::comes_to_its_end) { 0 } else { 2 })
}

impl Line<'_> {
    fn comes_to_its_end(&self) -> bool {
        self.campaign.never.is_empty() && self.ahead.as_ref().is_none_or(|ahead| ahead.full.is_some())
    }
}

/// The lines of a plan, one for each service whose tenants move by themselves; `wanted`: how long one move takes, if
/// somebody says something else than the policy.
fn of_plan<'m>(files: &'m Files, plan: &Plan, start: Time, wanted: Option<Dur>) -> Result<Vec<Line<'m>>> {
    let (mut lines, mut refused) = (Vec::new(), None);
    let forecast = forecast_with(plan, start, &mut |planned, ask| {
        let service = planned.service.name.as_str();
        let ask = wanted.map_or(ask, |needs| Ask { needs, takes: needs, ..ask });
        let line = Line::of(files, Some(service), files.of_service(service), ask).map_err(|r| {
            let apart = r.apart.clone();
            refused.get_or_insert(r);
            apart
        })?;
        let campaign = line.campaign.clone();
        lines.push(line);
        Ok(campaign)
    });
    if let Some(refused) = refused {
        return Err(refused.into());
    }
    let Some(forecast) = forecast.filter(|_| !lines.is_empty()) else {
        let needs = plan.when.as_ref().map_or(Dur::ZERO, |when| when.needs.run);
        bail!(
            "new pods are made in the window that all share, and within {LOOK} of {} none is open for the {needs} they and \
             the last step need: make a slot of the Calendar longer",
            utc(start)
        );
    };
    for line in &mut lines {
        line.ahead = line.service.as_ref().and_then(|service| forecast.get(service)).cloned();
    }
    Ok(lines)
}
