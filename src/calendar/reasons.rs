//! Why a tenant is not upgraded earlier, and what would have to change.
use serde::Serialize;

use super::book::{Allowed, Book, Groups};
use super::campaign::{Ask, Campaign, Move, Never};
use super::why::{Rule, explain};
use super::window::{LOOK, Rules, View};
use super::zone::date;
use crate::spec::calendar::Bind;
use crate::spec::units::Time;

/// What stands in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The cohort before is not done, or bakes.
    Cohort,
    /// The tenant asks for a later date.
    Preferred,
    Freeze,
    Blackout,
    Season,
    Window,
    /// It is open, but not for long enough.
    Time,
    /// All of the cohort at once.
    Together,
    /// As many as are allowed on a day are taken.
    PerDay,
    /// Others were before it: one moves at a time.
    InTurn,
}

impl Cause {
    pub fn name(self) -> &'static str {
        match self {
            Cause::Cohort => "cohort",
            Cause::Preferred => "preferred",
            Cause::Freeze => "freeze",
            Cause::Blackout => "blackout",
            Cause::Season => "season",
            Cause::Window => "window",
            Cause::Time => "time",
            Cause::Together => "together",
            Cause::PerDay => "per_day",
            Cause::InTurn => "in_turn",
        }
    }
}

impl From<Rule> for Cause {
    fn from(rule: Rule) -> Cause {
        match rule {
            Rule::Freeze => Cause::Freeze,
            Rule::Blackout => Cause::Blackout,
            Rule::Season => Cause::Season,
            Rule::Window => Cause::Window,
            Rule::Time => Cause::Time,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Obstacle {
    pub cause: Cause,
    pub text: String,
    /// What would have to change.
    pub change: String,
}

fn obstacle(cause: Cause, text: String, change: String) -> Obstacle {
    Obstacle { cause, text, change }
}

/// A campaign with all it was planned from.
pub struct Reasons<'p> {
    pub book: &'p Book<'p>,
    pub groups: &'p Groups,
    pub campaign: &'p Campaign,
    pub ask: Ask,
}

impl Reasons<'_> {
    /// What stands between the start of the campaign and that of a tenant, in order of time.
    pub fn of(&self, m: &Move) -> Vec<Obstacle> {
        let mut found = self.before(m.cohort, m.turn, m.group);
        let view = self.groups.view(index(m.group));
        let own = view.earliest_fit(m.turn, self.ask.needs);
        if own.is_some_and(|own| own > m.turn) {
            found.push(self.shut(m.group, m.turn, own));
        }
        let cohort = self.book.calendar.cohorts.get(usize::from(m.cohort));
        match cohort {
            Some(c) if c.bind == Bind::Intersection && own.is_some_and(|own| own < m.start) => found.push(obstacle(
                Cause::Together,
                format!("all of {} at once; alone it could begin {}", c.name, shown(&view, own.unwrap_or(m.start))),
                format!("`bind: own` for {}, or windows of the others that are open then", c.name),
            )),
            Some(c) if m.start > m.fit => {
                let day = || date(super::ZoneClock::around(self.book.calendar.zone, m.fit, m.fit).wall(m.fit));
                found.push(match c.per_day.filter(|_| m.capped) {
                    Some(n) => obstacle(
                        Cause::PerDay,
                        format!("{n} of {} are begun on a day, and those of {} are taken", c.name, day()),
                        format!("a `per_day` of {} above {n}", c.name),
                    ),
                    None => obstacle(
                        Cause::InTurn,
                        format!("it could from {}, and others go before it, one at a time", shown(&view, m.fit)),
                        "a window that is open while nobody else moves".into(),
                    ),
                });
            }
            _ => {}
        }
        found
    }

    /// Why there is no time for a tenant at all.
    pub fn never(&self, n: &Never) -> Vec<Obstacle> {
        let mut found = self.before(n.cohort, n.turn, n.group);
        let limit = self.ask.start + LOOK;
        let cohort = self.campaign.parts.get(usize::from(n.cohort)).map(|p| p.turn);
        match n.fit {
            _ if cohort.is_some_and(|turn| turn > limit) => {
                let text = format!("its turn is more than {LOOK} after the start, and so far is looked ahead");
                found.push(obstacle(
                    Cause::Cohort,
                    text,
                    "shorter moves, longer windows, or less `bake` before".into(),
                ));
            }
            _ if n.turn > limit => {
                let text = format!("that is more than {LOOK} after the start, and so far is looked ahead");
                let change = "a `preferredDate` before that, or a plan that is made nearer to it";
                found.push(obstacle(Cause::Preferred, text, change.into()));
            }
            Some(fit) => {
                let view = self.groups.view(index(n.group));
                let text = format!(
                    "it could from {}, and for all of the {LOOK} that are looked ahead others go before it",
                    shown(&view, fit)
                );
                found.push(obstacle(
                    Cause::InTurn,
                    text,
                    "shorter moves, longer windows, or a higher `per_day`".into(),
                ));
            }
            None => found.push(self.shut(n.group, n.turn, None)),
        }
        found
    }

    /// What keeps its turn from being at the start.
    fn before(&self, cohort: u16, turn: Time, group: u32) -> Vec<Obstacle> {
        let mut found = Vec::new();
        let number = usize::from(cohort);
        let Some(part) = self.campaign.parts.get(number) else { return found };
        let view = self.groups.view(index(group));
        let earlier = self.campaign.parts[..number].iter().rev().find(|p| p.done.is_some());
        if let Some((before, done)) = earlier.and_then(|p| p.done.map(|done| (p, done))) {
            found.push(obstacle(
                Cause::Cohort,
                format!("{} is done {} and bakes {}", before.name, shown(&view, done), before.bake),
                format!("a shorter `bake` of {}, or an earlier end of it", before.name),
            ));
        }
        if turn > part.turn {
            let text = format!("asked for {} or later", date(view.clock.wall(turn)));
            found.push(obstacle(Cause::Preferred, text, "an earlier `preferredDate`".into()));
        }
        found
    }

    /// Which rule keeps it shut from its turn to the first fit.
    fn shut(&self, group: u32, turn: Time, fit: Option<Time>) -> Obstacle {
        let view = self.groups.view(index(group));
        let allowed: &Allowed = &self.groups.allowed[index(group)];
        let needs = self.ask.needs;
        // If windows alone would have allowed it before, something that rules them out is the reason.
        let bare = Rules { windows: allowed.rules.windows.clone(), ..Rules::default() };
        let within = |at: &Time| *at <= self.ask.start + LOOK;
        let alone = View { clock: view.clock, rules: &bare }.earliest_fit(turn, needs).filter(within);
        let told = |at: Time| {
            let reasons = explain(&view, &allowed.closures, at, Some(needs));
            reasons.into_iter().find(|r| !r.allows)
        };
        match alone {
            None => obstacle(
                Cause::Time,
                format!("{needs} are needed, and no window within {LOOK} of the start is as long"),
                "a longer window, or work that takes less time".into(),
            ),
            Some(at) if fit.is_none_or(|fit| at < fit) => {
                let reason = told(at);
                let rule = reason.as_ref().map_or(Rule::Time, |r| r.rule);
                let text = reason.map_or_else(|| "what is left of the window is too short".into(), |r| r.text);
                obstacle(rule.into(), text, format!("without it: {}", shown(&view, at)))
            }
            Some(at) => {
                let reasons = explain(&view, &allowed.closures, turn, Some(needs));
                let window = reasons.into_iter().find(|r| r.rule == Rule::Window && !r.allows);
                let text = window.map_or_else(|| "too little of the window is left".into(), |r| r.text);
                obstacle(Cause::Window, text, format!("a window before {}", shown(&view, at)))
            }
        }
    }
}

fn index(n: u32) -> usize {
    usize::try_from(n).unwrap_or(0)
}

fn shown(view: &View<'_>, at: Time) -> String {
    view.clock.read(at)
}
