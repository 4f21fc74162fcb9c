//! `pilothouse campaign`: who is upgraded when, why not earlier, and what would have to change.
use std::collections::BTreeMap;
use std::io::Write;

use anyhow::{Context, Result, anyhow};
use serde::Serialize;
use serde_json::json;

use super::args::{CampaignArgs, CampaignOutput};
use super::out::{self, Rows};
use super::tenants::{self, Files};
use super::windows::{instant, needs, utc};
use crate::calendar::campaign::{Ask, Campaign, Move, Never, plan};
use crate::calendar::reasons::{Obstacle, Reasons};
use crate::calendar::{Book, Groups, LOOK, export};
use crate::spec::Tenant;
use crate::spec::units::Time;

/// A plan with all it was made from.
struct Made<'m> {
    files: &'m Files,
    tenants: &'m [&'m Tenant],
    reasons: Reasons<'m>,
}

/// The campaign as a program reads it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct List<'l, C, N, M> {
    cohorts: C,
    done: Option<String>,
    name: &'l str,
    needs: String,
    never: N,
    start: String,
    stop_after_rollbacks: u32,
    tenants: M,
    tz: &'static str,
}

/// Plans and prints; gives the exit code: 0, or 2 when there is no time for some tenant.
///
/// # Errors
/// Files or flags that cannot be used; a cohort that must be upgraded at once and cannot.
pub fn campaign(args: &CampaignArgs, now: Time, out: &mut dyn Write) -> Result<i32> {
    let files = tenants::load(&args.files)?;
    let start = args.at.as_deref().map_or(Ok(now), instant)?;
    let needs = needs(args.needs.as_deref())?.or_else(|| files.needs()).context(
        "--needs is missing: say how long one tenant takes, such as 90m, or give the files of the upgrade, too",
    )?;
    let ask = Ask { start, needs, takes: needs, at_once: false };
    let tenants = files.tenants();
    let book = Book::new(&files.calendar, &files.loaded.ics, start);
    let groups = book.groups(tenants.iter().copied(), start);
    let planned = plan(&book, &tenants, &groups, ask).map_err(|apart| {
        let names: Vec<&str> = apart.tenants.iter().filter_map(|t| at(&tenants, *t)).map(|t| &*t.id).collect();
        anyhow!(
            "cohort {} is upgraded all at once (`bind: intersection`), and these have no {needs} in common within {LOOK} \
             of {}: {}; change the window of one of them, or write `bind: own`",
            apart.cohort,
            utc(apart.turn),
            names.join(", ")
        )
    })?;
    let reasons = Reasons { book: &book, groups: &groups, campaign: &planned, ask };
    let made = Made { files: &files, tenants: &tenants, reasons };
    match args.output {
        CampaignOutput::Text => made.text(out)?,
        CampaignOutput::Json => made.json(out)?,
        CampaignOutput::Ics => write!(out, "{}", made.ics())?,
    }
    Ok(if planned.never.is_empty() { 0 } else { 2 })
}

fn at<'t>(tenants: &[&'t Tenant], position: u32) -> Option<&'t Tenant> {
    tenants.get(usize::try_from(position).ok()?).copied()
}

/// Reasons by what they depend on: tenants that are alike have the same.
#[derive(Default)]
struct Known(BTreeMap<(u32, Time, bool, bool), Vec<Obstacle>>);

impl Made<'_> {
    fn campaign(&self) -> &Campaign {
        self.reasons.campaign
    }

    fn groups(&self) -> &Groups {
        self.reasons.groups
    }

    fn why<'k>(&self, m: &Move, known: &'k mut Known) -> &'k [Obstacle] {
        known.0.entry((m.group, m.turn, m.start > m.fit, m.capped)).or_insert_with(|| self.reasons.of(m))
    }

    fn id(&self, position: u32) -> &str {
        at(self.tenants, position).map_or("", |t| &*t.id)
    }

    fn text(&self, out: &mut dyn Write) -> Result<()> {
        let (campaign, ask) = (self.campaign(), self.reasons.ask);
        let done =
            campaign.done.map_or_else(|| "nobody can be upgraded".into(), |d| format!("the last is done {}", utc(d)));
        writeln!(
            out,
            "{}: {} tenants from {}, {} each; {done}; the line stops after {} rollbacks\n",
            self.files.name,
            self.tenants.len(),
            utc(ask.start),
            ask.needs,
            self.files.calendar.stop_after_rollbacks
        )?;
        writeln!(out, "{:<12} {:>7}  {:<20}  {:<20}  {:<8}  PER DAY", "COHORT", "TENANTS", "FROM", "DONE", "BAKES")?;
        for part in campaign.parts.iter().filter(|p| p.tenants > 0) {
            let shown = |at: Option<Time>| at.map_or_else(|| "-".into(), utc);
            let cap = part.per_day.map_or_else(|| "-".into(), |n| n.to_string());
            let (from, done, bake) = (shown(part.starts), shown(part.done), part.bake.to_string());
            writeln!(out, "{:<12} {:>7}  {from:<20}  {done:<20}  {bake:<8}  {cap}", part.name, part.tenants)?;
        }
        let width = self.tenants.iter().map(|t| t.id.len()).max().unwrap_or(6).max(6);
        writeln!(
            out,
            "\n{:<width$}  {:<12}  {:<20}  {:<28}  WHY NOT EARLIER",
            "TENANT", "COHORT", "START", "THEIR TIME"
        )?;
        let mut known = Known::default();
        for m in &campaign.moves {
            let cohort = self.cohort(m.cohort);
            let theirs = self.groups().view(usize::try_from(m.group).unwrap_or(0)).clock.read(m.start);
            let why = told(self.why(m, &mut known));
            writeln!(out, "{:<width$}  {cohort:<12}  {}  {theirs:<28}  {why}", self.id(m.tenant), utc(m.start))?;
        }
        for n in &campaign.never {
            let why = told(&self.reasons.never(n));
            writeln!(
                out,
                "{:<width$}  {:<12}  {:<20}  {:<28}  {why}",
                self.id(n.tenant),
                self.cohort(n.cohort),
                "never",
                ""
            )?;
        }
        for part in campaign.parts.iter().filter(|p| p.tenants > 0 && p.done.is_none()) {
            writeln!(out, "\nnobody of {} can be upgraded: the next cohort would follow without its bake", part.name)?;
        }
        if !campaign.never.is_empty() {
            writeln!(out, "\nno time within {LOOK} for {} of them", campaign.never.len())?;
        }
        Ok(())
    }

    fn cohort(&self, number: u16) -> &str {
        self.campaign().parts.get(usize::from(number)).map_or("", |p| &p.name)
    }

    fn json(&self, out: &mut dyn Write) -> std::io::Result<()> {
        let (campaign, ask) = (self.campaign(), self.reasons.ask);
        let parts = campaign.parts.iter().filter(|p| p.tenants > 0).map(|p| {
            json!({
                "cohort": p.name, "tenants": p.tenants, "turn": utc(p.turn), "starts": p.starts.map(utc),
                "done": p.done.map(utc), "bake": p.bake.to_string(), "perDay": p.per_day,
            })
        });
        let mut known = Known::default();
        let moves = campaign.moves.iter().map(|m| {
            let clock = self.groups().view(usize::try_from(m.group).unwrap_or(0)).clock;
            json!({
                "id": self.id(m.tenant), "cohort": self.cohort(m.cohort), "zone": clock.zone().to_string(),
                "start": utc(m.start), "end": utc(m.start + ask.needs), "local": clock.stamp(m.start),
                "why": self.why(m, &mut known),
            })
        });
        let never = campaign.never.iter().map(
            |n: &Never| json!({"id": self.id(n.tenant), "cohort": self.cohort(n.cohort), "why": self.reasons.never(n)}),
        );
        let list = List {
            cohorts: Rows::new(parts),
            done: campaign.done.map(utc),
            name: &self.files.name,
            needs: ask.needs.to_string(),
            never: Rows::new(never),
            start: utc(ask.start),
            stop_after_rollbacks: self.files.calendar.stop_after_rollbacks,
            tenants: Rows::new(moves),
            tz: crate::calendar::tz_version(),
        };
        out::pretty(out, &list)
    }

    fn ics(&self) -> String {
        let ask = self.reasons.ask;
        let entry = |m: &Move| {
            let name = at(self.tenants, m.tenant).map_or("", |t| t.name.as_deref().unwrap_or(&t.id));
            export::Entry {
                uid: format!("{}.{}@pilothouse", self.files.name, self.id(m.tenant)),
                start: m.start,
                end: m.start + ask.needs,
                summary: format!("{}: {name}", self.files.name),
                description: self.cohort(m.cohort),
            }
        };
        let entries: Vec<export::Entry<'_>> = self.campaign().moves.iter().map(entry).collect();
        export::ics(&self.files.name, ask.start, &entries)
    }
}

/// One line: what stands in the way, and what would have to change about the last of it.
fn told(why: &[Obstacle]) -> String {
    let Some(last) = why.last() else { return "it is the start".into() };
    let all: Vec<String> = why.iter().map(|o| format!("{}: {}", o.cause.name(), o.text)).collect();
    format!("{} [{}]", all.join("; "), last.change)
}
