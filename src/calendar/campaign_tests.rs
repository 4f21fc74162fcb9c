//! Campaigns: by example, and what holds for all of them.
use proptest::prelude::*;

use super::*;
use crate::calendar::Book;
use crate::calendar::reasons::{Cause, Obstacle, Reasons};
use crate::spec::when::Date;
use crate::spec::{SourceFile, load, presets};

const START: &str = "2026-11-22T12:00:00Z";

fn at(text: &str) -> Time {
    text.parse::<crate::spec::when::Instant>().unwrap().0
}

/// Reads a calendar's and a list of tenants' inner parts.
fn read(calendar: &str, tenants: &str) -> (crate::spec::calendar::CalendarSpec, Vec<Tenant>) {
    let head =
        |kind: &str| format!("apiVersion: pilothouse.dev/v1alpha1\nkind: {kind}\nmetadata: {{name: x}}\nspec:\n");
    let text = format!("{}{calendar}\n---\n{}  tenants:\n{tenants}", head("Calendar"), head("Tenants"));
    let mut loaded = load(&[SourceFile { name: "t.yaml".into(), text }], presets()).unwrap_or_else(|r| panic!("{r}"));
    (loaded.calendars.remove(0).spec, loaded.tenants.remove(0).spec.tenants)
}

struct Told {
    /// `id start`, in order.
    moves: Vec<String>,
    /// Causes of each, in the same order.
    why: Vec<Vec<Cause>>,
    never: Vec<String>,
    why_never: Vec<Vec<Obstacle>>,
    obstacles: Vec<Vec<Obstacle>>,
    done: Option<Time>,
    /// Those of cohorts that move together and cannot.
    apart: Vec<String>,
}

fn told(calendar: &str, tenants: &str, needs: Dur) -> Told {
    let (calendar, tenants) = read(calendar, tenants);
    let ask = Ask::at(at(START), needs, needs);
    let book = Book::new(&calendar, &[], ask.start);
    let list: Vec<&Tenant> = tenants.iter().collect();
    let groups = book.groups(list.iter().copied(), ask.start);
    let id = |t: u32| tenants[usize::try_from(t).unwrap()].id.to_string();
    let campaign = plan(&calendar, &list, &groups, ask);
    let reasons = Reasons { book: &book, tenants: &list, groups: &groups, campaign: &campaign, ask, pods: None };
    Told {
        moves: campaign
            .moves
            .iter()
            .map(|m| format!("{} {}", id(m.tenant), m.start.utc().format("%m-%dT%H:%M")))
            .collect(),
        why: campaign.moves.iter().map(|m| reasons.of(m).iter().map(|o| o.cause).collect()).collect(),
        never: campaign.never.iter().map(|n| id(n.tenant)).collect(),
        why_never: campaign.never.iter().map(|n| reasons.never(n)).collect(),
        obstacles: campaign.moves.iter().map(|m| reasons.of(m)).collect(),
        done: campaign.done,
        apart: apart(&calendar, &list, &groups, ask).iter().flat_map(|a| &a.tenants).map(|t| id(*t)).collect(),
    }
}

const ANY: &str = "windows: [{days: [Mon, Tue, Wed, Thu, Fri, Sat, Sun], start: \"00:00\", end: \"00:00\"}]";

#[test]
fn the_order_is_that_of_the_cohorts_and_not_of_the_file() {
    let told = told(
        "  cohorts: [{name: internal, bake: 12h}, {name: beta, bake: 1d}, {name: standard}]",
        &format!(
            "    - {{id: c, zone: UTC, {ANY}}}\n    - {{id: b, zone: UTC, cohort: beta, {ANY}}}\n    - {{id: a, zone: UTC, cohort: internal, {ANY}}}\n"
        ),
        Dur::hours(1),
    );
    assert_eq!(told.moves, ["a 11-22T12:00", "b 11-23T01:00", "c 11-24T02:00"]);
    assert_eq!(told.why, [vec![], vec![Cause::Cohort], vec![Cause::Cohort]]);
}

#[test]
fn a_cap_moves_on_and_a_window_is_shared() {
    let tenants = "    - {id: a, zone: UTC}\n    - {id: b, zone: UTC}\n    - {id: c, zone: UTC}\n    - {id: d, zone: UTC}\n    - {id: e, zone: UTC}\n";
    let told = told("  cohorts: [{name: standard, per_day: 2}]", tenants, Dur::hours(1));
    // Sundays 02:00 to 06:00; the second of a day begins when the first is done.
    assert_eq!(told.moves, ["a 11-29T02:00", "b 11-29T03:00", "c 12-06T02:00", "d 12-06T03:00", "e 12-13T02:00"]);
    let last = |i: usize| told.why[i].last().copied();
    assert_eq!(
        [last(0), last(1), last(2), last(4)],
        [Some(Cause::Window), Some(Cause::InTurn), Some(Cause::PerDay), Some(Cause::PerDay)]
    );
}

#[test]
fn preferred_dates_freezes_and_seasons_are_named() {
    let told = told(
        "  freezes: [{name: year-end, from: 2026-11-28T00:00:00Z, to: 2026-12-10T00:00:00Z, regions: [eu]}]\n  seasons: [{name: advent, months: [11, 12], days: [Sun]}]",
        "    - {id: later, zone: Europe/Berlin, preferredDate: 2026-12-08}\n    - {id: frozen, zone: Europe/Berlin, region: eu}\n    - {id: advent, zone: Europe/Berlin, seasons: [advent]}\n    - {id: south, zone: UTC, seasons: [advent], hemisphere: south}\n",
        Dur::hours(1),
    );
    assert_eq!(told.moves, ["south 11-29T02:00", "later 12-13T01:00", "frozen 12-13T02:00", "advent 01-03T01:00"]);
    let expected = [
        vec![Cause::Window],
        vec![Cause::Preferred, Cause::Window],
        vec![Cause::Freeze, Cause::InTurn],
        vec![Cause::Season],
    ];
    assert_eq!(told.why, expected);
}

#[test]
fn what_is_closed_and_a_date_that_is_asked_for_do_not_hide_each_other() {
    let freeze = "  freezes: [{name: year-end, from: 2026-11-20T00:00:00Z, to: 2027-01-04T00:00:00Z}]";
    let asks =
        |date: &str| told(freeze, &format!("    - {{id: a, zone: UTC, preferredDate: {date}}}\n"), Dur::hours(1));
    // The first Sunday after the freeze is the day it asks for: without one of them it would go then as well.
    let both = asks("2027-01-10");
    assert_eq!(both.moves, ["a 01-10T02:00"]);
    assert_eq!(both.why[0], [Cause::Freeze, Cause::Preferred, Cause::Window]);
    let change = |i: usize| both.obstacles[0][i].change.as_str();
    assert_eq!(change(0), "without it, and an earlier `preferredDate`");
    assert_eq!(change(1), "an earlier `preferredDate`, and that without the freeze");
    // It asks for a day within the freeze: that keeps nothing back.
    let within = asks("2026-12-24");
    assert_eq!(within.why[0], [Cause::Freeze]);
    assert_eq!(within.obstacles[0][0].change, "a freeze that leaves 1h of a window before Sun 2027-01-10 02:00 UTC");
    // It could go before that date, after the freeze.
    assert_eq!(asks("2027-01-17").why[0], [Cause::Preferred, Cause::Window]);
}

#[test]
fn what_has_no_time_is_said_and_the_others_go_on() {
    let told = told(
        "  cohorts: [{name: standard}]",
        "    - {id: short, zone: UTC}\n    - {id: long, zone: UTC, windows: [{days: [Sun], start: \"02:00\", end: \"12:00\"}]}\n",
        Dur::hours(5),
    );
    assert_eq!((told.moves, told.never), (vec!["long 11-29T02:00".to_string()], vec!["short".to_string()]));
}

#[test]
fn a_reason_is_only_what_it_would_go_earlier_without() {
    let hours = Dur::hours(3);
    let two = "    - {id: a, zone: UTC}\n    - {id: b, zone: UTC}\n";
    // One of them fits into a Sunday; all those after the first are frozen.
    let frozen = |to: &str| {
        format!(
            "  freezes: [{{name: year-end, from: 2026-11-30T00:00:00Z, to: {to}}}]\n  cohorts: [{{name: standard}}]"
        )
    };
    let told_ = told(&frozen("2027-01-04T00:00:00Z"), two, hours);
    assert_eq!(told_.moves, ["a 11-29T02:00", "b 01-10T02:00"]);
    assert_eq!(told_.why[1], [Cause::Window, Cause::InTurn, Cause::Freeze]);
    assert_eq!(told_.obstacles[1][2].change, "a freeze that leaves 3h of a window before Sun 2027-01-10 02:00 UTC");
    // The same, and the freeze does not end.
    let told_ = told(&frozen("2029-01-04T00:00:00Z"), two, hours);
    let why: Vec<Cause> = told_.why_never[0].iter().map(|o| o.cause).collect();
    assert_eq!((told_.never, why), (vec!["b".to_string()], vec![Cause::InTurn, Cause::Freeze]));
    assert!(told_.why_never[0][0].text.contains("it could from Sun 2026-11-29 02:00 UTC to Sun 2026-11-29 06:00 UTC"));
    // Neither the cohort before nor a date it prefers keeps one back whose window opens after both.
    let tenants = format!(
        "    - {{id: a, zone: UTC, cohort: internal, {ANY}}}\n    - {{id: b, zone: UTC, preferredDate: 2026-11-24}}\n"
    );
    let told_ = told("  cohorts: [{name: internal, bake: 1h}, {name: standard}]", &tenants, hours);
    assert_eq!((told_.moves[1].as_str(), &told_.why[1]), ("b 11-29T02:00", &vec![Cause::Window]));
    // A bake of which nothing is left out by an earlier end.
    let told_ = told("  cohorts: [{name: internal, bake: 10d}, {name: standard}]", &tenants, hours);
    assert_eq!(told_.why[1], [Cause::Cohort, Cause::Window]);
    assert_eq!(told_.obstacles[1][0].change, "a shorter `bake` of internal, or an earlier end of it");
}

#[test]
fn of_causes_that_end_at_the_same_instant_each_is_told() {
    let two = |beta: &str, second: &str| {
        let calendar = format!("  cohorts: [{{name: beta, bake: 1d, {beta}}}, {{name: standard}}]");
        let tenants =
            format!("    - {{id: first, zone: UTC, cohort: beta}}\n    - {{id: second, zone: UTC, {second}}}\n");
        told(&calendar, &tenants, Dur::hours(1))
    };
    // Sunday 01:00 to 02:00, and a day of bake: Monday 02:00, as the next one's window opens.
    let sunday = "windows: [{days: [Sun], start: \"01:00\", end: \"04:00\"}]";
    let monday = "windows: [{days: [Mon, Tue], start: \"02:00\", end: \"06:00\"}]";
    let tied = two(sunday, &format!("{monday}, exclude: [2026-11-23..2026-11-29]"));
    assert_eq!(tied.moves, ["first 11-29T01:00", "second 11-30T02:00"]);
    // Monday before was excluded.
    assert_eq!(tied.why[1], [Cause::Blackout, Cause::Cohort]);
    // Its window was open on the days before as well.
    let days = "windows: [{days: [Sat, Sun, Mon], start: \"02:00\", end: \"06:00\"}]";
    assert_eq!(two(sunday, days).why[1], [Cause::Cohort]);
    // Nothing was open before, and nothing rules that out: order and window.
    let bake = "windows: [{days: [Sun], start: \"12:00\", end: \"16:00\"}]";
    let both = two(bake, "windows: [{days: [Mon], start: \"13:00\", end: \"17:00\"}]");
    assert_eq!(both.moves, ["first 11-22T12:00", "second 11-23T13:00"]);
    assert_eq!(both.why[1], [Cause::Window, Cause::Cohort]);
    let change = |i: usize| both.obstacles[1][i].change.as_str();
    let bake_less = "a shorter `bake` of beta, or an earlier end of it";
    assert_eq!(change(0), format!("a window before Mon 2026-11-23 13:00 UTC, and {bake_less}"));
    assert_eq!(change(1), format!("{bake_less}, and that with a window before it"));
    // The day it asks for begins as the cohort before has baked.
    let midnight = "windows: [{days: [Sun], start: \"23:00\", end: \"00:00\"}]";
    let asked = two(midnight, &format!("preferredDate: 2026-11-24, {ANY}"));
    assert_eq!(asked.moves, ["first 11-22T23:00", "second 11-24T00:00"]);
    assert_eq!(asked.why[1], [Cause::Cohort, Cause::Preferred]);
    assert_eq!(asked.obstacles[1][1].change, format!("{bake_less}, and an earlier `preferredDate`"));
    // And as its window opens.
    let day = "windows: [{days: [Tue], start: \"00:00\", end: \"06:00\"}]";
    let day = told(
        "  cohorts: [{name: standard}]",
        &format!("    - {{id: a, zone: UTC, preferredDate: 2026-11-24, {day}}}\n"),
        Dur::hours(1),
    );
    assert_eq!((day.moves[0].as_str(), &day.why[0]), ("a 11-24T00:00", &vec![Cause::Window, Cause::Preferred]));
}

#[test]
fn nothing_is_advised_that_would_change_nothing() {
    // A freeze and a blackout on the same Sundays: without one of them it is closed all the same.
    let both = "  freezes: [{name: x, from: 2026-11-28T00:00:00Z, to: 2026-12-10T00:00:00Z}]\n  blackouts: [{name: y, from: 2026-11-28T00:00:00Z, to: 2026-12-10T00:00:00Z}]";
    let told_ = told(both, "    - {id: a, zone: UTC}\n", Dur::hours(1));
    assert_eq!(told_.moves, ["a 12-13T02:00"]);
    let both =
        "a freeze that leaves 1h of a window before Sun 2026-12-13 02:00 UTC, and the same of what else is closed then";
    assert_eq!(told_.obstacles[0][0].change, both);
    // A range of its own: no day inside of it is named as one that would be free.
    let own = "    - {id: a, zone: UTC, exclude: [2026-11-28..2027-02-01]}\n    - {id: b, zone: UTC}\n";
    let told_ = told("  cohorts: [{name: standard}]", own, Dur::hours(1));
    assert_eq!(told_.moves[1], "a 02-07T02:00");
    let advice = &told_.obstacles[1][0].change;
    assert_eq!(advice, "a blackout that leaves 1h of a window before Sun 2027-02-07 02:00 UTC");
    // No cohort has a `per_day`, so no higher one is advised.
    let many: String = (0..60).map(|i| format!("    - {{id: t{i}, zone: UTC}}\n")).collect();
    let told_ = told("  cohorts: [{name: standard}]", &many, Dur::hours(3));
    assert_eq!((told_.never.len(), told_.done), (3, None));
    assert_eq!(told_.why_never[0].last().map(|o| o.change.as_str()), Some("shorter moves, or a longer window"));
    let told_ = told("  cohorts: [{name: standard, per_day: 1}]", &many, Dur::hours(1));
    let change = told_.why_never[0].last().map(|o| o.change.as_str());
    assert_eq!(change, Some("shorter moves, or a longer window, or a higher `per_day`"));
}

#[test]
fn nobody_follows_who_has_no_time() {
    let tenants = window("short", "Sun", "02:00", "02:30")
        + &window("next", "Sun", "02:00", "06:00").replace("zone: UTC", "zone: UTC, cohort: last");
    let told_ = told("  cohorts: [{name: standard}, {name: last}]", &tenants, Dur::hours(1));
    assert_eq!((told_.moves.len(), told_.never), (0, vec!["short".to_string(), "next".to_string()]));
    assert_eq!(told_.why_never[1][0].text, "it follows standard, which is not done within 400d: no time for short");
}

fn window(id: &str, days: &str, start: &str, end: &str) -> String {
    format!("    - {{id: {id}, zone: UTC, windows: [{{days: [{days}], start: \"{start}\", end: \"{end}\"}}]}}\n")
}

#[test]
fn an_intersection_is_when_all_can_and_a_smallest_set_is_named_that_cannot() {
    let calendar = "  cohorts: [{name: standard, bind: intersection}]";
    let meets = window("a", "Sat, Sun", "02:00", "06:00") + &window("b", "Sun", "03:00", "08:00");
    let told_ = told(calendar, &meets, Dur::hours(3));
    assert_eq!(told_.moves, ["a 11-29T03:00", "b 11-29T03:00"]);
    assert_eq!(told_.why[0].last(), Some(&Cause::Together));
    let apart = |tenants: &str, needs| told(calendar, tenants, needs).apart;
    assert_eq!(apart(&(meets.clone() + &window("c", "Sun", "07:00", "09:00")), Dur::hours(1)), ["a", "c"]);
    // Each two of these meet, and all three do not.
    let three = window("x", "Sat, Sun", "02:00", "04:00")
        + &window("y", "Sun, Mon", "02:00", "04:00")
        + &window("z", "Sat, Mon", "02:00", "04:00");
    assert_eq!(apart(&(window("all", "Sat, Sun, Mon", "01:00", "07:00") + &three), Dur::hours(1)), ["x", "y", "z"]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever the tenants are: each is planned once or named as one that cannot be; every start is in its window with
    /// room for the work; cohorts keep their order and their bake; a day's cap holds.
    #[test]
    fn a_plan_keeps_every_rule(
        tenants in prop::collection::vec((0..6_usize, 0..3_usize, 0..7_usize, 0..24_u32, 1..20_u32, prop::option::of(0..40_i32)), 1..40),
        per_day in prop::option::of(1..4_u32),
        hours in 1..6_u64,
    ) {
        let zones = ["UTC", "Europe/Berlin", "America/St_Johns", "Pacific/Apia", "Asia/Kathmandu", "Australia/Lord_Howe"];
        let cap = per_day.map_or(String::new(), |n| format!(", per_day: {n}"));
        let calendar = format!("  zone: Europe/Berlin\n  blackouts: [{{name: b, dates: 2026-12-20..2026-12-26}}]\n  cohorts: [{{name: one, bake: 1h}}, {{name: two, bake: 2d{cap}}}, {{name: three{cap}}}]");
        let mut list = String::new();
        for (i, (zone, cohort, day, start, long, preferred)) in tenants.iter().enumerate() {
            let day = crate::spec::when::Weekday::ALL[*day].short();
            let preferred = preferred.map_or(String::new(), |d| format!(", preferredDate: {}", Date(20_780 + d)));
            list += &format!(
                "    - {{id: t{i}, zone: {}, cohort: {}, windows: [{{days: [{day}], start: \"{start:02}:30\", end: \"{:02}:30\"}}]{preferred}}}\n",
                zones[*zone], ["one", "two", "three"][*cohort], (start + long) % 24
            );
        }
        let (calendar, tenants) = read(&calendar, &list);
        let needs = Dur::hours(hours);
        let ask = Ask::at(at(START), needs, Dur::mins(30 * hours));
        let book = Book::new(&calendar, &[], ask.start);
        let refs: Vec<&Tenant> = tenants.iter().collect();
        let groups = book.groups(refs.iter().copied(), ask.start);
        let campaign = plan(&calendar, &refs, &groups, ask);
        let mut seen: Vec<u32> = campaign.moves.iter().map(|m| m.tenant).chain(campaign.never.iter().map(|n| n.tenant)).collect();
        seen.sort_unstable();
        prop_assert_eq!(seen, (0..u32::try_from(tenants.len()).unwrap()).collect::<Vec<_>>());
        let days = ZoneClock::around(calendar.zone, ask.start, ask.start);
        let mut begun: BTreeMap<(u16, Date), u32> = BTreeMap::new();
        for two in campaign.moves.windows(2) {
            prop_assert!(two[1].start >= two[0].start + ask.takes, "two at once: {two:?}");
        }
        let reasons = Reasons { book: &book, tenants: &refs, groups: &groups, campaign: &campaign, ask, pods: None };
        for m in &campaign.moves {
            // Whoever begins later is told why, and who begins at once is not.
            prop_assert_eq!(reasons.of(m).is_empty(), m.start == ask.start, "{:?}: {:?}", m, reasons.of(m));
            let tenant = &tenants[usize::try_from(m.tenant).unwrap()];
            let allowed = book.allowed(tenant);
            let clock = ZoneClock::around(tenant.zone, ask.start, ask.start);
            let view = View { clock: &clock, rules: &allowed.rules };
            prop_assert!(view.fits(m.start, ask.needs), "{} at {}", tenant.id, m.start);
            prop_assert!(tenant.preferred_date.is_none_or(|d| clock.date(m.start.0) >= d));
            *begun.entry((m.cohort, days.date(m.start.0))).or_default() += 1;
            let later = campaign.parts[usize::from(m.cohort) + 1..].iter().filter_map(|p| p.starts);
            for start in later {
                prop_assert!(start >= m.start + ask.takes + campaign.parts[usize::from(m.cohort)].bake);
            }
        }
        for ((cohort, day), n) in begun {
            let cap = calendar.cohorts[usize::from(cohort)].per_day;
            prop_assert!(cap.is_none_or(|cap| n <= cap), "{n} of cohort {cohort} on {day}");
        }
    }
}
