//! A campaign as text, JSON and iCalendar file.
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use anyhow::Result;
use serde::Serialize;
use serde_json::json;

use super::super::out::{self, Rows};
use super::super::windows::utc;
use super::{Line, Made, Only, Service};
use crate::calendar::campaign::Move;
use crate::calendar::reasons::{Cause, Obstacle, Same, few};
use crate::calendar::{LOOK, export};
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
struct Known(BTreeMap<Same, Vec<Obstacle>>);

impl Line<'_> {
    fn why<'k>(&self, m: &Move, known: &'k mut Known) -> &'k [Obstacle] {
        let reasons = self.reasons();
        known.0.entry(reasons.same(m)).or_insert_with(|| reasons.of(m))
    }

    fn theirs(&self, m: &Move) -> String {
        self.groups.view(usize::try_from(m.group).unwrap_or(0)).clock.read(m.start)
    }
}

impl Made<'_> {
    /// Everybody, by id; one that several services move is one tenant.
    pub(super) fn ids(&self) -> BTreeSet<&str> {
        let waiting = self.services.iter().flat_map(|s| &s.waiting);
        self.lines.iter().flat_map(|line| &line.tenants).chain(waiting).map(|t| &*t.id).collect()
    }

    /// Those for whom some service has no time, in order of their ids.
    fn left(&self) -> BTreeSet<&str> {
        let waiting = self.services.iter().flat_map(|s| &s.waiting).map(|t| &*t.id);
        let never = self.lines.iter().flat_map(|line| line.campaign.never.iter().map(|n| line.id(n.tenant)));
        never.chain(waiting).collect()
    }

    /// When the last of those that have a time is done.
    fn done(&self) -> Option<Time> {
        let ends = self.lines.iter().flat_map(|line| line.campaign.moves.last().map(|m| m.start + line.ask.takes));
        ends.max()
    }

    /// When all are done, or how many are, and who is not.
    fn outcome(&self, all: usize) -> String {
        let left = self.left();
        match self.done() {
            Some(done) if left.is_empty() => format!("the last is done {}", utc(done)),
            Some(done) if left.len() < all => {
                let (some, who) = (all - left.len(), few(left.iter().copied()));
                format!("{some} of them done by {}, NOT DONE within {LOOK}: {who}", utc(done))
            }
            _ => format!("NOBODY is done within {LOOK}"),
        }
    }

    pub(super) fn text(&self, out: &mut dyn Write) -> Result<()> {
        let all = self.ids().len();
        writeln!(
            out,
            "{}: {} from {}, each needs {} of its window; {}; the line stops after {}",
            self.files.name,
            counted(all, "tenant"),
            utc(self.start),
            self.needs,
            self.outcome(all),
            counted(self.files.calendar.stop_after_rollbacks as usize, "rollback")
        )?;
        if let Some(who) = self.only.said() {
            writeln!(out, "shown: {who}")?;
        }
        for service in &self.services {
            writeln!(out)?;
            around(service, out)?;
            let its = self.lines.iter().find(|line| line.service.as_ref() == Some(&service.ahead.service));
            its.map_or(Ok(()), |line| line.text(&self.only, out))?;
        }
        for line in self.lines.iter().filter(|line| line.service.is_none()) {
            writeln!(out)?;
            line.text(&self.only, out)?;
        }
        Ok(())
    }

    pub(super) fn json(&self, out: &mut dyn Write) -> std::io::Result<()> {
        let parts = self.lines.iter().flat_map(|line| {
            self.only.parts(line).map(|p| {
                json!({
                    "cohort": p.name, "service": line.service, "tenants": p.tenants, "turn": p.turn.map(utc),
                    "starts": p.starts.map(utc), "done": p.done.map(utc), "bake": p.bake.to_string(), "perDay": p.per_day,
                })
            })
        });
        let moves = self.lines.iter().flat_map(|line| {
            let mut known = Known::default();
            self.only.moves(line).map(move |m| {
                let clock = line.groups.view(usize::try_from(m.group).unwrap_or(0)).clock;
                json!({
                    "id": line.id(m.tenant), "service": line.service, "cohort": line.cohort(m.cohort),
                    "zone": clock.zone().to_string(), "start": utc(m.start), "end": utc(m.start + line.ask.takes),
                    "local": clock.stamp(m.start), "why": line.why(m, &mut known),
                })
            })
        });
        let never = self.lines.iter().flat_map(|line| {
            self.only.never(line).map(|n| {
                json!({
                    "id": line.id(n.tenant), "service": line.service, "cohort": line.cohort(n.cohort),
                    "why": line.reasons().never(n),
                })
            })
        });
        let waiting = self.services.iter().flat_map(|s| {
            let shown = s.waiting.iter().filter(|t| self.only.shows(t));
            shown.map(|t| json!({"id": t.id, "service": s.ahead.service, "cohort": t.cohort, "why": s.why()}))
        });
        let services = self.services.iter().map(|s| {
            let ahead = &s.ahead;
            let everybody = ahead.tenants.as_ref().and_then(|t| t.everybody);
            json!({
                "service": ahead.service, "begins": ahead.begins.map(utc),
                "tenantsFrom": ahead.tenants.as_ref().map(|t| utc(t.from)), "everybodyFrom": everybody.map(utc),
                "full": ahead.full.map(utc), "soaked": ahead.soaked.map(utc), "why": s.why(),
            })
        });
        let list = List {
            cohorts: Rows::new(parts),
            done: self.done().filter(|_| self.left().is_empty()).map(utc),
            name: &self.files.name,
            needs: self.needs.to_string(),
            never: Rows::new(never.chain(waiting)),
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
        export::ics(&self.files.name, self.now, &entries)
    }

    fn entries<'l>(&'l self, line: &'l Line<'l>) -> impl Iterator<Item = export::Entry<'l>> {
        let whole = &self.files.name;
        self.only.moves(line).map(move |m| {
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

impl Service<'_> {
    /// What keeps it from an earlier begin, and from its end.
    fn why(&self) -> Vec<Obstacle> {
        let stuck = self.ahead.stuck.iter();
        let stuck = stuck.map(|s| Obstacle { cause: Cause::Service, text: s.why.clone(), change: s.change.clone() });
        self.ahead.late.iter().cloned().chain(stuck).collect()
    }
}

/// What a service does before and after its tenants, and what keeps it from its end.
fn around(service: &Service<'_>, out: &mut dyn Write) -> Result<()> {
    let ahead = &service.ahead;
    let (name, at) = (&ahead.service, |at: Option<Time>| at.map_or_else(|| format!("not within {LOOK}"), utc));
    match &ahead.tenants {
        Some(tenants) => {
            writeln!(out, "{name}: new pods {}, tenants from {}", at(ahead.begins), utc(tenants.from))?;
            let everybody = at(tenants.everybody);
            writeln!(out, "then everybody else {everybody}, at 100% {}, soaked {}", at(ahead.full), at(ahead.soaked))?;
        }
        None => {
            let (full, soaked) = (at(ahead.full), at(ahead.soaked));
            writeln!(out, "{name}: new pods {}, at 100% {full}, soaked {soaked}", at(ahead.begins))?;
        }
    }
    if !ahead.late.is_empty() {
        writeln!(out, "not earlier: {}", told(&ahead.late))?;
    }
    if let Some(stuck) = &ahead.stuck {
        let change = if stuck.change.is_empty() { String::new() } else { format!(" [{}]", stuck.change) };
        writeln!(out, "it does not come to its end: {}{change}", stuck.why)?;
    }
    if !service.waiting.is_empty() {
        let who = few(service.waiting.iter().map(|t| &*t.id));
        writeln!(out, "{} wait for it: {who}", counted(service.waiting.len(), "tenant"))?;
    }
    Ok(())
}

impl Line<'_> {
    fn text(&self, only: &Only, out: &mut dyn Write) -> Result<()> {
        if self.service.is_some() {
            writeln!(out)?;
        }
        self.cohorts(only, out)?;
        self.rows(only, out)
    }

    fn cohorts(&self, only: &Only, out: &mut dyn Write) -> Result<()> {
        writeln!(out, "{:<12} {:>7}  {:<20}  {:<20}  {:<8}  PER DAY", "COHORT", "TENANTS", "FROM", "DONE", "BAKES")?;
        for part in only.parts(self) {
            let shown = |at: Option<Time>| at.map_or_else(|| "-".into(), utc);
            let cap = part.per_day.map_or_else(|| "-".into(), |n| n.to_string());
            let (from, done, bake) = (shown(part.starts), shown(part.done), part.bake.to_string());
            writeln!(out, "{:<12} {:>7}  {from:<20}  {done:<20}  {bake:<8}  {cap}", part.name, part.tenants)?;
        }
        Ok(())
    }

    fn rows(&self, only: &Only, out: &mut dyn Write) -> Result<()> {
        let width = self.tenants.iter().filter(|t| only.shows(t)).map(|t| t.id.len()).max().unwrap_or(6).max(6);
        let head = ("TENANT", "COHORT", "START", "THEIR TIME");
        writeln!(out, "\n{:<width$}  {:<12}  {:<20}  {:<28}  WHY NOT EARLIER", head.0, head.1, head.2, head.3)?;
        let mut known = Known::default();
        for m in only.moves(self) {
            let (cohort, theirs) = (self.cohort(m.cohort), self.theirs(m));
            let why = told(self.why(m, &mut known));
            writeln!(out, "{:<width$}  {cohort:<12}  {:<20}  {theirs:<28}  {why}", self.id(m.tenant), utc(m.start))?;
        }
        for n in only.never(self) {
            let (id, cohort, why) = (self.id(n.tenant), self.cohort(n.cohort), told(&self.reasons().never(n)));
            let start = format!("not within {LOOK}");
            writeln!(out, "{id:<width$}  {cohort:<12}  {start:<20}  {:<28}  {why}", "")?;
        }
        let mut parts = self.campaign.parts.iter().filter(|p| p.tenants > 0).skip_while(|p| p.done.is_some());
        if let Some(part) = parts.next() {
            let after: Vec<&str> = parts.map(|p| p.name.as_str()).collect();
            let follow =
                if after.is_empty() { String::new() } else { format!(": {} would follow it", after.join(", ")) };
            writeln!(out, "\nnot all of {} are done within {LOOK}{follow}", part.name)?;
        }
        let never = only.never(self).count();
        if never > 0 {
            writeln!(out, "\nno time within {LOOK} for {never} of them")?;
        }
        Ok(())
    }
}

/// One line: what stands in the way, and what would have to change about the last of it.
fn told(why: &[Obstacle]) -> String {
    let Some(last) = why.last() else { return "it is the start".into() };
    let all: Vec<String> = why.iter().map(|o| format!("{}: {}", o.cause.name(), o.text)).collect();
    let change = if last.change.is_empty() { String::new() } else { format!(" [{}]", last.change) };
    format!("{}{change}", all.join("; "))
}
