//! Cohorts whose tenants move at once, with `bind: intersection` or told by one header: where their windows never meet, or
//! fewer of them are allowed on a day, whoever reads the files says so, at the place in the Calendar that asks for it.
use super::files::pointed;
use crate::calendar::campaign::{Apart, Ask, apart};
use crate::calendar::reasons::few;
use crate::calendar::{Book, LOOK};
use crate::plan::Plan;
use crate::spec::calendar::{Bind, Calendar};
use crate::spec::ics::IcsFile;
use crate::spec::units::{Dur, Time};
use crate::spec::{Loaded, Problem, Report, Tenant};

/// A cohort, and how many of its tenants one move takes.
type AtOnce<'a> = (&'a str, usize);

/// What tenants have to have in common where nothing says how long a move takes.
const SOME: Dur = Dur::mins(1);

/// Looks at the moves of these plans; where none moves tenants, at all tenants. `wanted`: how long a move takes, if somebody
/// says something else than the policy.
///
/// # Errors
/// Each cohort that is to move at once and has no window in common within [`LOOK`] of `now`, or a `per_day` below the number
/// of its tenants.
pub fn check(loaded: &Loaded, plans: &[&Plan], wanted: Option<Dur>, now: Time) -> Result<(), Report> {
    let mut problems: Vec<Problem> = Vec::new();
    let mut add = |calendar: &Calendar, tenants: &[&Tenant], ics: &[IcsFile], needs: Dur, at_once: &[AtOnce<'_>]| {
        let apart = of(calendar, tenants, ics, needs, now);
        let apart = apart.iter().map(|apart| problem(loaded, calendar, apart, tenants, needs));
        for problem in at_once.iter().filter_map(|all| capped(loaded, calendar, all)).chain(apart) {
            if !problems.iter().any(|p| (&p.file, p.line, p.column) == (&problem.file, problem.line, problem.column)) {
                problems.push(problem);
            }
        }
    };
    let moves = plans.iter().flat_map(|plan| plan.services.iter().map(move |p| (*plan, p)));
    let mut moves = moves.filter_map(|(plan, p)| Some((plan, plan.when.as_ref()?, p.phased.as_ref()?))).peekable();
    if moves.peek().is_none() {
        for calendar in &loaded.calendars {
            let only = loaded.calendars.len() == 1;
            let theirs =
                loaded.tenants.iter().filter(|t| t.spec.calendar.as_ref().map_or(only, |c| *c == calendar.name));
            let tenants: Vec<&Tenant> = theirs.flat_map(|t| &t.spec.tenants).collect();
            let of = |cohort: &str| tenants.iter().filter(|t| *t.cohort == *cohort).count();
            let bound = calendar.spec.cohorts.iter().filter(|c| c.bind == Bind::Intersection);
            let at_once: Vec<AtOnce<'_>> = bound.map(|c| (c.name.as_str(), of(&c.name))).collect();
            add(calendar, &tenants, &loaded.ics, wanted.unwrap_or(SOME), &at_once);
        }
    }
    for (plan, when, phased) in moves {
        let tenants: Vec<&Tenant> = phased.moves.iter().flat_map(|m| &m.binds).collect();
        let at_once: Vec<AtOnce<'_>> = phased.moves.iter().map(|m| (m.cohort.as_str(), m.tenants)).collect();
        add(&when.calendar, &tenants, &when.ics, wanted.unwrap_or_else(|| phased.needs(&plan.policy)), &at_once);
    }
    if problems.is_empty() { Ok(()) } else { Err(pointed(problems)) }
}

fn of(calendar: &Calendar, tenants: &[&Tenant], ics: &[IcsFile], needs: Dur, now: Time) -> Vec<Apart> {
    if calendar.spec.cohorts.iter().all(|c| c.bind == Bind::Own) {
        return Vec::new();
    }
    let groups = Book::new(&calendar.spec, ics, now).groups(tenants.iter().copied(), now);
    apart(&calendar.spec, tenants, &groups, Ask::at(now, needs, needs))
}

fn problem(loaded: &Loaded, calendar: &Calendar, apart: &Apart, tenants: &[&Tenant], needs: Dur) -> Problem {
    let number = calendar.spec.cohorts.iter().position(|c| c.name == apart.cohort).unwrap_or(0);
    let id = |t: &u32| usize::try_from(*t).ok().and_then(|t| tenants.get(t)).map_or("", |t| &*t.id);
    let (cohort, names) = (&apart.cohort, few(apart.tenants.iter().map(id)));
    let text = match apart.tenants.len() {
        1 => format!("{names} of `{cohort}` has no window that is open for {needs} within {LOOK}"),
        _ => format!("the tenants of `{cohort}` move at once, and {names} have no {needs} in common within {LOOK}"),
    };
    let help = match apart.tenants.len() {
        1 => "give it a longer window, or see by `pilothouse windows -f … --explain` what closes it",
        _ => "change the window of one of them, or write `bind: own`",
    };
    at(loaded, calendar, (number, "bind"), &text, help)
}

/// A cap that no day can keep to: all of the cohort are begun at the same moment.
fn capped(loaded: &Loaded, calendar: &Calendar, (name, all): &AtOnce<'_>) -> Option<Problem> {
    let (number, cohort) = calendar.spec.cohorts.iter().enumerate().find(|(_, c)| c.name == *name)?;
    let cap = cohort.per_day.filter(|cap| usize::try_from(*cap).is_ok_and(|cap| cap < *all))?;
    let text = format!("all {all} tenants of `{name}` move at once, so that no day can keep to {cap}");
    let help = match cohort.bind {
        Bind::Intersection => "take it out, or write `bind: own`",
        Bind::Own => "take it out, or tell tenants by a header of their own in the Fleet",
    };
    Some(at(loaded, calendar, (number, "per_day"), &text, help))
}

fn at(loaded: &Loaded, calendar: &Calendar, (number, field): (usize, &str), text: &str, help: &str) -> Problem {
    let origin = loaded.origins.get(&format!("Calendar/{}", calendar.name));
    let place = origin.and_then(|o| o.places.get(&format!("/cohorts/{number}/{field}"))).copied().unwrap_or((0, 0));
    let file = origin.map_or("the given files", |o| o.file.as_str());
    Problem::of_file(file, format!("spec.cohorts[{number}].{field}: {text}"), Some(help.into())).at(place.0, place.1)
}
