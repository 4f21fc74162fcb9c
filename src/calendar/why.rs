//! Why is it not allowed now, rule by rule, and when will it be?
use serde::{Deserialize, Serialize};

use super::window::{LOOK, Season, View, Weekly};
use super::zone::{ZoneClock, date};
use crate::spec::units::{Dur, Time};
use crate::spec::when::{Date, Dates, Weekday};

/// What may stand against it, in order of precedence: the first that does is the reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    Freeze,
    Blackout,
    Season,
    Window,
    /// Nothing forbids it, but what has to be done does not fit.
    Time,
}

impl Rule {
    pub fn name(self) -> &'static str {
        match self {
            Rule::Freeze => "freeze",
            Rule::Blackout => "blackout",
            Rule::Season => "season",
            Rule::Window => "window",
            Rule::Time => "time",
        }
    }
}

/// When something is closed: by the dates on the wall, wherever that is, or between two instants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Extent {
    Local(Dates),
    /// First instant, and first instant after.
    Between(Time, Time),
}

/// A freeze or a blackout that has a name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Closure {
    /// [`Rule::Freeze`] or [`Rule::Blackout`].
    pub rule: Rule,
    pub name: String,
    pub extent: Extent,
}

impl Closure {
    /// `today` is the date on the wall at that instant.
    pub fn holds(&self, at: Time, today: Date) -> bool {
        match self.extent {
            Extent::Local(dates) => dates.holds(today),
            Extent::Between(from, to) => from <= at && at < to,
        }
    }

    /// The stretches it closes on a clock.
    pub fn stretches(&self, clock: &ZoneClock) -> Vec<(Time, Time)> {
        match self.extent {
            Extent::Local(dates) => clock.stretches(dates),
            Extent::Between(from, to) => vec![(from, to)],
        }
    }

    /// The first instant after `now` at which it begins or ends.
    pub fn turn_after(&self, clock: &ZoneClock, now: Time) -> Option<Time> {
        self.stretches(clock).into_iter().flat_map(|(from, to)| [from, to]).filter(|t| *t > now).min()
    }
}

/// What one rule says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    pub rule: Rule,
    pub allows: bool,
    pub text: String,
}

/// Every rule's word on this instant, in order of precedence.
pub fn explain(view: &View<'_>, closures: &[Closure], now: Time, needs: Option<Dur>) -> Vec<Reason> {
    let wall = view.clock.wall(now);
    let today = date(wall);
    let mut reasons: Vec<Reason> =
        [Rule::Freeze, Rule::Blackout].into_iter().map(|rule| closed(view, closures, rule, now, today)).collect();
    reasons.push(season(view, today));
    reasons.push(window(view, now));
    if let Some(needs) = needs.filter(|_| reasons.iter().all(|r| r.allows)) {
        let (allows, text) = match view.next_end(now) {
            Some(end) => {
                let left = end.since(now);
                let why = cut_short(view, closures, end);
                (left >= needs, format!("{needs} are needed, {left} are left{why}"))
            }
            None => (true, format!("{needs} are needed, and it does not close within {LOOK}")),
        };
        reasons.push(Reason { rule: Rule::Time, allows, text });
    }
    reasons
}

/// What closes at `end`, where the window by itself would go on.
fn cut_short(view: &View<'_>, closures: &[Closure], end: Time) -> String {
    let goes_on = view.in_a_window(end);
    let cut = explain(view, closures, end, None).into_iter().find(|r| goes_on && !r.allows);
    cut.map_or_else(String::new, |r| format!(": from {} on, {}: {}", view.clock.read(end), r.rule.name(), r.text))
}

fn closed(view: &View<'_>, closures: &[Closure], rule: Rule, now: Time, today: Date) -> Reason {
    let of_rule = || closures.iter().filter(move |c| c.rule == rule);
    let now_closed: Vec<String> = of_rule()
        .filter(|c| c.holds(now, today))
        .map(|c| match c.extent {
            // Which clock shows these dates is another instant for everybody.
            Extent::Local(dates) => {
                let last = if dates.first == dates.last { "" } else { ", the last day included" };
                format!("{}: {dates} on the clock of {}{last}", c.name, view.clock.zone())
            }
            Extent::Between(_, to) => format!("{}: until {}", c.name, view.clock.read(to)),
        })
        .collect();
    // A tenant's own excluded dates have no name; they are blackouts of its own.
    let own = view.rules.excluded(today).filter(|_| rule == Rule::Blackout && now_closed.is_empty());
    match (now_closed.is_empty(), own) {
        (false, _) => Reason { rule, allows: false, text: now_closed.join("; ") },
        (true, Some(dates)) if !closures.iter().any(|c| c.holds(now, today)) => {
            Reason { rule, allows: false, text: format!("{today} is excluded ({dates})") }
        }
        _ if of_rule().next().is_none() && (rule == Rule::Freeze || view.rules.excluded.is_empty()) => {
            Reason { rule, allows: true, text: "none is set".into() }
        }
        _ => Reason { rule, allows: true, text: format!("none holds on {today}") },
    }
}

fn season(view: &View<'_>, today: Date) -> Reason {
    let seasons = &view.rules.seasons;
    let said = |s: &Season| format!("no {} in months {}", s.days, s.months);
    let day = today.weekday().short();
    match seasons.iter().find(|s| s.forbids(today)) {
        Some(season) => {
            let text = format!("{}, and it is {day} {today}", said(season));
            Reason { rule: Rule::Season, allows: false, text }
        }
        None if seasons.is_empty() => Reason { rule: Rule::Season, allows: true, text: "none is set".into() },
        None => {
            let all: Vec<String> = seasons.iter().map(said).collect();
            let text = format!("{}; it is {day} {today}", all.join("; "));
            Reason { rule: Rule::Season, allows: true, text }
        }
    }
}

fn window(view: &View<'_>, now: Time) -> Reason {
    let windows: Vec<String> = view.rules.windows.iter().map(said).collect();
    let windows = windows.join(", ");
    let allows = view.in_a_window(now);
    let text = format!("{windows} {}; there it is {}", view.clock.zone(), view.clock.read(now));
    Reason { rule: Rule::Window, allows, text }
}

/// `Sun 02:00-06:00`
pub fn said(weekly: &Weekly) -> String {
    let days = weekly.days;
    // Whole days of a week touch: it never closes by itself.
    if weekly.start == weekly.end && Weekday::ALL.into_iter().all(|day| days.holds(day)) {
        return "always open".into();
    }
    if weekly.start == weekly.end && weekly.start.millis() == 0 {
        return format!("{days} all day");
    }
    format!("{days} {}-{}", weekly.start, weekly.end)
}
