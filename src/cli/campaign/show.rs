//! A campaign as text, JSON and iCalendar file.
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use anyhow::Result;
use serde::Serialize;
use serde_json::json;

use super::super::out::{self, Rows};
use super::super::windows::utc;
use super::{Line, Made};
use crate::calendar::campaign::{Move, Never};
use crate::calendar::reasons::Obstacle;
use crate::calendar::{LOOK, export};
use crate::engine::forecast::Ahead;
use crate::spec::units::{Time, counted};

/// The campaign as a program reads it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct List<'l, C, N, S, M> {
    cohorts: C,
    done: Option<String>,
    name: &'l str,
    needs: String,
    never: N,
    services: S,
    start: String,
    stop_after_rollbacks: u32,
    tenants: M,
    tz: &'static str,
}

/// Reasons by what they depend on: tenants that are alike have the same.
#[derive(Default)]
struct Known(BTreeMap<(u32, Time, bool, bool), Vec<Obstacle>>);

impl Line<'_> {
    fn why<'k>(&self, m: &Move, known: &'k mut Known) -> &'k [Obstacle] {
        known.0.entry((m.group, m.turn, m.start > m.fit, m.capped)).or_insert_with(|| self.reasons().of(m))
    }

    fn theirs(&self, m: &Move) -> String {
        self.groups.view(usize::try_from(m.group).unwrap_or(0)).clock.read(m.start)
    }
}

impl Made<'_> {
    /// When the last tenant is done; nothing when one of them never is.
    fn done(&self) -> Option<Time> {
        self.lines.iter().filter_map(|line| line.campaign.done).max()
    }

    pub(super) fn text(&self, out: &mut dyn Write) -> Result<()> {
        // One that several services move is one tenant.
        let ids: BTreeSet<&str> = self.lines.iter().flat_map(|line| &line.tenants).map(|t| &*t.id).collect();
        let done =
            self.done().map_or_else(|| "nobody can be upgraded".into(), |d| format!("the last is done {}", utc(d)));
        writeln!(
            out,
            "{}: {} from {}, each needs {} of its window; {done}; the line stops after {}",
            self.files.name,
            counted(ids.len(), "tenant"),
            utc(self.start),
            self.needs,
            counted(self.files.calendar.stop_after_rollbacks as usize, "rollback")
        )?;
        for line in &self.lines {
            writeln!(out)?;
            if let (Some(service), Some(ahead)) = (&line.service, &line.ahead) {
                around(service, ahead, out)?;
            }
            line.cohorts(out)?;
            line.rows(out)?;
        }
        Ok(())
    }

    pub(super) fn json(&self, out: &mut dyn Write) -> std::io::Result<()> {
        let parts = self.lines.iter().flat_map(|line| {
            line.campaign.parts.iter().filter(|p| p.tenants > 0).map(|p| {
                json!({
                    "cohort": p.name, "service": line.service, "tenants": p.tenants, "turn": utc(p.turn),
                    "starts": p.starts.map(utc), "done": p.done.map(utc), "bake": p.bake.to_string(), "perDay": p.per_day,
                })
            })
        });
        let moves = self.lines.iter().flat_map(|line| {
            let mut known = Known::default();
            line.campaign.moves.iter().map(move |m| {
                let clock = line.groups.view(usize::try_from(m.group).unwrap_or(0)).clock;
                json!({
                    "id": line.id(m.tenant), "service": line.service, "cohort": line.cohort(m.cohort),
                    "zone": clock.zone().to_string(), "start": utc(m.start), "end": utc(m.start + line.ask.takes),
                    "local": clock.stamp(m.start), "why": line.why(m, &mut known),
                })
            })
        });
        let never = self.lines.iter().flat_map(|line| {
            line.campaign.never.iter().map(|n: &Never| {
                json!({
                    "id": line.id(n.tenant), "service": line.service, "cohort": line.cohort(n.cohort),
                    "why": line.reasons().never(n),
                })
            })
        });
        let services = self.lines.iter().filter_map(|line| {
            let (service, ahead) = (line.service.as_ref()?, line.ahead.as_ref()?);
            let everybody = ahead.tenants.as_ref().and_then(|t| t.everybody);
            Some(json!({
                "service": service, "begins": ahead.begins.map(utc),
                "tenantsFrom": ahead.tenants.as_ref().map(|t| utc(t.from)), "everybodyFrom": everybody.map(utc),
                "full": ahead.full.map(utc), "soaked": ahead.soaked.map(utc),
            }))
        });
        let list = List {
            cohorts: Rows::new(parts),
            done: self.done().map(utc),
            name: &self.files.name,
            needs: self.needs.to_string(),
            never: Rows::new(never),
            services: Rows::new(services),
            start: utc(self.start),
            stop_after_rollbacks: self.files.calendar.stop_after_rollbacks,
            tenants: Rows::new(moves),
            tz: crate::calendar::tz_version(),
        };
        out::pretty(out, &list)
    }

    pub(super) fn ics(&self) -> String {
        let entries: Vec<export::Entry<'_>> = self.lines.iter().flat_map(|line| self.entries(line)).collect();
        export::ics(&self.files.name, self.start, &entries)
    }

    fn entries<'l>(&'l self, line: &'l Line<'l>) -> impl Iterator<Item = export::Entry<'l>> {
        let whole = &self.files.name;
        line.campaign.moves.iter().map(move |m| {
            let name = line.tenant(m.tenant).map_or("", |t| t.name.as_deref().unwrap_or(&t.id));
            let id = line.id(m.tenant);
            let (uid, summary) = match &line.service {
                Some(service) => (format!("{whole}.{service}.{id}@pilothouse"), format!("{whole}, {service}: {name}")),
                None => (format!("{whole}.{id}@pilothouse"), format!("{whole}: {name}")),
            };
            let (start, end) = (m.start, m.start + line.ask.takes);
            export::Entry { uid, start, end, summary, description: line.cohort(m.cohort) }
        })
    }
}

/// What a service does before and after its tenants.
fn around(service: &str, ahead: &Ahead, out: &mut dyn Write) -> Result<()> {
    let at = |at: Option<Time>| at.map_or_else(|| format!("not within {LOOK}"), utc);
    let tenants = ahead.tenants.as_ref();
    writeln!(out, "{service}: new pods {}, tenants from {}", at(ahead.begins), at(tenants.map(|t| t.from)))?;
    let everybody = at(tenants.and_then(|t| t.everybody));
    writeln!(out, "then everybody else {everybody}, at 100% {}, soaked {}\n", at(ahead.full), at(ahead.soaked))?;
    Ok(())
}

impl Line<'_> {
    fn cohorts(&self, out: &mut dyn Write) -> Result<()> {
        writeln!(out, "{:<12} {:>7}  {:<20}  {:<20}  {:<8}  PER DAY", "COHORT", "TENANTS", "FROM", "DONE", "BAKES")?;
        for part in self.campaign.parts.iter().filter(|p| p.tenants > 0) {
            let shown = |at: Option<Time>| at.map_or_else(|| "-".into(), utc);
            let cap = part.per_day.map_or_else(|| "-".into(), |n| n.to_string());
            let (from, done, bake) = (shown(part.starts), shown(part.done), part.bake.to_string());
            writeln!(out, "{:<12} {:>7}  {from:<20}  {done:<20}  {bake:<8}  {cap}", part.name, part.tenants)?;
        }
        Ok(())
    }

    fn rows(&self, out: &mut dyn Write) -> Result<()> {
        let width = self.tenants.iter().map(|t| t.id.len()).max().unwrap_or(6).max(6);
        let head = ("TENANT", "COHORT", "START", "THEIR TIME");
        writeln!(out, "\n{:<width$}  {:<12}  {:<20}  {:<28}  WHY NOT EARLIER", head.0, head.1, head.2, head.3)?;
        let mut known = Known::default();
        for m in &self.campaign.moves {
            let (cohort, theirs) = (self.cohort(m.cohort), self.theirs(m));
            let why = told(self.why(m, &mut known));
            writeln!(out, "{:<width$}  {cohort:<12}  {:<20}  {theirs:<28}  {why}", self.id(m.tenant), utc(m.start))?;
        }
        for n in &self.campaign.never {
            let (id, cohort, why) = (self.id(n.tenant), self.cohort(n.cohort), told(&self.reasons().never(n)));
            let start = format!("not within {LOOK}");
            writeln!(out, "{id:<width$}  {cohort:<12}  {start:<20}  {:<28}  {why}", "")?;
        }
        for part in self.campaign.parts.iter().filter(|p| p.tenants > 0 && p.done.is_none()) {
            writeln!(out, "\nnobody of {} can be upgraded: the next cohort would follow without its bake", part.name)?;
        }
        if !self.campaign.never.is_empty() {
            writeln!(out, "\nno time within {LOOK} for {} of them", self.campaign.never.len())?;
        }
        Ok(())
    }
}

/// One line: what stands in the way, and what would have to change about the last of it.
fn told(why: &[Obstacle]) -> String {
    let Some(last) = why.last() else { return "it is the start".into() };
    let all: Vec<String> = why.iter().map(|o| format!("{}: {}", o.cause.name(), o.text)).collect();
    format!("{} [{}]", all.join("; "), last.change)
}
