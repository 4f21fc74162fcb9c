//! Whose turn it is: by example, and what holds for every campaign.
use proptest::prelude::*;

use super::super::campaign;
use super::super::{Book, clock};
use super::*;
use crate::spec::calendar::{Bind, CalendarSpec};
use crate::spec::tenants::Tenant;
use crate::spec::{SourceFile, load, presets};

fn at(text: &str) -> Time {
    text.parse::<crate::spec::when::Instant>().unwrap().0
}

fn read(calendar: &str, tenants: &str) -> (CalendarSpec, Vec<Tenant>) {
    let head =
        |kind: &str| format!("apiVersion: pilothouse.dev/v1alpha1\nkind: {kind}\nmetadata: {{name: x}}\nspec:\n");
    let text = format!("{}{calendar}\n---\n{}  tenants:\n{tenants}", head("Calendar"), head("Tenants"));
    let mut loaded = load(&[SourceFile { name: "t.yaml".into(), text }], presets()).unwrap_or_else(|r| panic!("{r}"));
    (loaded.calendars.remove(0).spec, loaded.tenants.remove(0).spec.tenants)
}

/// Tenants with their starts, in that order, and those that have no time.
type Forecast = (Vec<(usize, Time)>, Vec<usize>);

/// A campaign as it goes.
struct Way {
    calendar: CalendarSpec,
    tenants: Vec<Tenant>,
    /// Tenants of each move.
    moves: Vec<Vec<usize>>,
    states: Vec<State>,
    rollbacks: u32,
    /// Moves that were begun in other services as well, and tenants that move only there.
    elsewhere: Vec<(usize, Time)>,
    others: Vec<(usize, Vec<Time>)>,
    needs: Dur,
    takes: Dur,
}

impl Way {
    fn new(calendar: &str, tenants: &str, needs: Dur) -> Way {
        let (calendar, tenants) = read(calendar, tenants);
        let mut moves: Vec<Vec<usize>> = Vec::new();
        for cohort in &calendar.cohorts {
            let members = (0..tenants.len()).filter(|i| *tenants[*i].cohort == *cohort.name);
            match cohort.bind {
                Bind::Own => moves.extend(members.map(|i| vec![i])),
                Bind::Intersection => moves.extend(Some(members.collect::<Vec<_>>()).filter(|m| !m.is_empty())),
            }
        }
        let (states, elsewhere, others) = (vec![State::Waits; moves.len()], Vec::new(), Vec::new());
        Way { states, calendar, tenants, moves, rollbacks: 0, elsewhere, others, needs, takes: needs }
    }

    fn cohort(&self, i: usize) -> usize {
        let tenant = &self.tenants[self.moves[i][0]];
        self.calendar.cohorts.iter().position(|c| *c.name == *tenant.cohort).unwrap()
    }

    fn next(&self, now: Time) -> Turn {
        let book = Book::new(&self.calendar, &[], now);
        let groups = book.groups(self.tenants.iter(), now);
        let days = clock(self.calendar.zone, now);
        let of = |tenant: usize| groups.view(usize::try_from(groups.of[tenant]).unwrap());
        let begins = |tenant: usize| {
            let date = self.tenants[tenant].preferred_date?;
            Some(Time(of(tenant).clock.first_at(i64::from(date.0) * DAY)))
        };
        let list: Vec<Candidate<'_>> = (0..self.moves.len())
            .map(|i| Candidate {
                cohort: self.cohort(i),
                preferred: self.moves[i].iter().filter_map(|t| begins(*t)).max(),
                views: self.moves[i].iter().map(|t| of(*t)).collect(),
                state: self.states[i],
                elsewhere: self.elsewhere.iter().filter(|(at, _)| *at == i).map(|(_, begun)| *begun).collect(),
            })
            .collect();
        let ask = Ask {
            now,
            needs: self.needs,
            cohorts: &self.calendar.cohorts,
            days: &days,
            rollbacks: self.rollbacks,
            stop_after: self.calendar.stop_after_rollbacks,
            others: &self.others,
        };
        next(&ask, &list)
    }

    fn fits(&self, i: usize, now: Time) -> bool {
        self.moves[i].iter().all(|tenant| {
            let allowed = Book::new(&self.calendar, &[], now).allowed(&self.tenants[*tenant]);
            let clock = clock(self.tenants[*tenant].zone, now);
            View { clock: &clock, rules: &allowed.rules }.fits(now, self.needs)
        })
    }

    /// Who is begun in other services.
    fn begun(&self) -> campaign::Begun {
        let mut begun = campaign::Begun::default();
        for (i, at) in &self.elsewhere {
            let cohort = &self.calendar.cohorts[self.cohort(*i)];
            let id: &str = &self.tenants[self.moves[*i][0]].id;
            let name = if cohort.bind == Bind::Intersection { &cohort.name } else { id };
            begun.put(&cohort.name, self.day(*at), name);
        }
        for (n, (cohort, all)) in self.others.iter().enumerate() {
            for at in all {
                begun.put(&self.calendar.cohorts[*cohort].name, self.day(*at), &format!("other-{n}"));
            }
        }
        begun
    }

    /// What is planned of it.
    fn planned(&self, start: Time) -> Forecast {
        let ask = campaign::Ask::at(start, self.needs, self.takes);
        let book = Book::new(&self.calendar, &[], start);
        let refs: Vec<&Tenant> = self.tenants.iter().collect();
        let groups = book.groups(refs.iter().copied(), start);
        let planned = campaign::plan_beside(&self.calendar, &refs, &groups, ask, &mut self.begun());
        let position = |tenant: u32| usize::try_from(tenant).unwrap();
        let mut never: Vec<usize> = planned.never.iter().map(|n| position(n.tenant)).collect();
        never.sort_unstable();
        (planned.moves.iter().map(|m| (position(m.tenant), m.start)).collect(), never)
    }

    fn day(&self, at: Time) -> Date {
        date(clock(self.calendar.zone, at).wall(at))
    }

    /// Goes on until nobody can be moved; `good` says how each move ends. Who moved, and when.
    fn go(&mut self, start: Time, good: impl Fn(usize) -> bool) -> (Vec<(usize, Time)>, Turn) {
        let (mut now, mut moves) = (start, Vec::new());
        loop {
            match self.next(now) {
                Turn::Move(i) => {
                    moves.push((i, now));
                    let begun = now;
                    now = now + self.takes;
                    self.states[i] = match good(i) {
                        true => State::Done { begun, at: now },
                        false => State::Back { begun },
                    };
                    self.rollbacks += u32::from(!good(i));
                }
                Turn::Wait { until: Some(until), who, .. } => {
                    assert!(until > now, "{who} waits for an instant that has passed");
                    now = until;
                }
                end => return (moves, end),
            }
        }
    }
}

const START: &str = "2026-11-24T10:00:00Z";

fn window(id: &str, cohort: &str, start: &str, end: &str) -> String {
    format!(
        "    - {{id: {id}, zone: UTC, cohort: {cohort}, windows: [{{days: [Tue], start: \"{start}\", end: \"{end}\"}}]}}\n"
    )
}

#[test]
fn who_is_next_and_why_not_earlier() {
    let cohorts = "  cohorts: [{name: internal, bake: 30m, per_day: 1}, {name: beta}]";
    let list = window("a", "internal", "10:00", "12:00")
        + &window("b", "internal", "10:00", "12:00")
        + &window("c", "beta", "11:00", "14:00");
    let mut way = Way::new(cohorts, &list, Dur::mins(20));
    let now = at(START);
    assert_eq!(way.next(now), Turn::Move(0));
    assert_eq!(way.next(now - Dur::mins(5)), Turn::Wait { until: Some(now), who: 0, why: Why::Window });
    // The rest of its window is too short.
    let late = at("2026-11-24T11:45:00Z");
    let week = at("2026-12-01T10:00:00Z");
    assert_eq!(way.next(late), Turn::Wait { until: Some(week), who: 0, why: Why::Window });
    way.states[0] = State::Done { begun: now, at: now + Dur::mins(10) };
    let later = now + Dur::mins(15);
    assert_eq!(way.next(later), Turn::Wait { until: Some(week), who: 1, why: Why::PerDay(1) });
    // The other one is put off by a person: the cohort waits for nobody, and bakes.
    way.states[1] = State::PutOff(None);
    let baked = at("2026-11-24T11:00:00Z");
    assert_eq!(way.next(later), Turn::Wait { until: Some(baked), who: 2, why: Why::Window });
    way.states[0] = State::Done { begun: now, at: now + Dur::mins(45) };
    let baked = now + Dur::mins(75);
    assert_eq!(way.next(at("2026-11-24T11:05:00Z")), Turn::Wait { until: Some(baked), who: 2, why: Why::Bake(0) });
    assert_eq!(way.next(baked), Turn::Move(2));
    way.states[2] = State::Done { begun: baked, at: baked };
    assert_eq!(way.next(baked), Turn::Wait { until: None, who: 1, why: Why::PutOff });
    way.states[1] = State::PutOff(Some(week + Dur::mins(30)));
    let until = Some(week + Dur::mins(30));
    assert_eq!(way.next(baked), Turn::Wait { until, who: 1, why: Why::PutOff });
    way.states[1] = State::Back { begun: now };
    assert_eq!(way.next(baked), Turn::Left);
}

#[test]
fn two_rollbacks_stop_the_line_and_a_cohort_that_went_back_lets_nobody_follow() {
    let cohorts = "  cohorts: [{name: internal, bake: 1m}, {name: beta}]";
    let list = window("a", "internal", "10:00", "12:00") + &window("b", "beta", "10:00", "12:00");
    let mut way = Way::new(cohorts, &list, Dur::mins(20));
    way.states[0] = State::Back { begun: at(START) };
    way.rollbacks = 1;
    assert_eq!(way.next(at(START)), Turn::Left, "nothing was learnt from the first cohort");
    way.rollbacks = 2;
    assert_eq!(way.next(at(START)), Turn::Stopped);
}

/// Who has no window within what is looked ahead from today has one in what is looked ahead from a later day: the others
/// wait for it on both.
#[test]
fn who_has_no_time_yet_is_waited_for_today_as_tomorrow() {
    let list = window("a", "one", "10:00", "12:00").replace("zone: UTC", "zone: UTC, preferredDate: 2028-01-18")
        + &window("b", "one", "10:00", "12:00")
        + &window("c", "two", "10:00", "12:00");
    let mut way = Way::new("  cohorts: [{name: one, bake: 1h}, {name: two}]", &list, Dur::mins(20));
    let today = at(START);
    assert_eq!(way.planned(today), (vec![(1, today)], vec![0, 2]));
    assert_eq!(way.next(today), Turn::Move(1));
    way.states[1] = State::Done { begun: today, at: today + Dur::mins(20) };
    assert_eq!(way.next(today + Dur::hours(2)), Turn::Left);
    let (later, date) = (today + Dur::hours(24 * 30), at("2028-01-18T10:00:00Z"));
    assert_eq!(way.next(later), Turn::Wait { until: Some(date), who: 0, why: Why::Preferred });
    way.states[1] = State::Waits;
    let week = at("2026-12-29T10:00:00Z");
    // Nothing that was promised has changed, and more is known.
    assert_eq!(way.planned(later), (vec![(1, week), (0, date), (2, date + Dur::mins(80))], vec![]));
    // Who is put off is not waited for.
    (way.states[0], way.states[1]) = (State::PutOff(None), State::Done { begun: today, at: today + Dur::mins(20) });
    assert_eq!(way.next(today + Dur::mins(80)), Turn::Move(2));
}

/// What may come in a list: zone, cohort, weekday, start, length, preferred date.
type Wish = (usize, usize, usize, u32, u32, Option<i32>);

fn list(wishes: &[Wish]) -> String {
    let zones = ["UTC", "Europe/Berlin", "America/St_Johns", "Pacific/Apia", "Asia/Kathmandu"];
    let one = |(i, (zone, cohort, day, start, long, preferred)): (usize, &Wish)| {
        let day = crate::spec::when::Weekday::ALL[*day].short();
        let preferred = preferred.map_or(String::new(), |d| format!(", preferredDate: {}", Date(20_780 + d)));
        format!(
            "    - {{id: t{i}, zone: {}, cohort: {}, windows: [{{days: [{day}], start: \"{start:02}:30\", end: \"{:02}:30\"}}]{preferred}}}\n",
            zones[*zone],
            ["one", "two", "three"][*cohort],
            (start + long) % 24
        )
    };
    wishes.iter().enumerate().map(one).collect()
}

fn wishes() -> impl Strategy<Value = Vec<Wish>> {
    let one = (0..5_usize, 0..3_usize, 0..7_usize, 0..24_u32, 3..20_u32, prop::option::of(0..40_i32));
    prop::collection::vec(one, 1..12)
}

/// A day's cap is of tenants, not of their moves: one that moves in two services is one, and others of another service are
/// others.
#[test]
fn a_day_counts_whoever_moves_in_whichever_service() {
    let cohorts = "  cohorts: [{name: beta, per_day: 1}]";
    let list = window("a", "beta", "09:00", "13:00") + &window("b", "beta", "09:00", "13:00");
    let mut way = Way::new(cohorts, &list, Dur::mins(20));
    let now = at(START) + Dur::hours(1);
    assert_eq!(way.next(now), Turn::Move(0));
    // `b` was begun today in another service: it may move here as well, and nobody else.
    way.elsewhere = vec![(1, at(START))];
    assert_eq!(way.next(now), Turn::Move(1));
    way.states[1] = State::Done { begun: at(START), at: now };
    assert!(matches!(way.next(now), Turn::Wait { who: 0, why: Why::PerDay(1), .. }), "{:?}", way.next(now));
    // Somebody who does not move here at all is one of the day, too; of another cohort not.
    (way.elsewhere, way.states[1], way.others) = (Vec::new(), State::Waits, vec![(0, vec![at(START)])]);
    assert!(matches!(way.next(now), Turn::Wait { why: Why::PerDay(1), .. }), "{:?}", way.next(now));
    way.others = vec![(1, vec![at(START)])];
    assert_eq!(way.next(now), Turn::Move(0));
}

/// Both can begin when the campaign does, one a day: the one whose window opened first goes first, wherever it is listed.
#[test]
fn at_a_tie_the_window_that_opened_first_goes_first_in_plan_and_on_the_way() {
    let cohorts = "  cohorts: [{name: internal, per_day: 1}]";
    let list = window("a", "internal", "09:30", "13:00") + &window("b", "internal", "09:00", "13:00");
    let mut way = Way::new(cohorts, &list, Dur::mins(20));
    let planned: Vec<usize> = way.planned(at(START)).0.into_iter().map(|(tenant, _)| tenant).collect();
    let moved: Vec<usize> = way.go(at(START), |_| true).0.into_iter().map(|(i, _)| i).collect();
    assert_eq!((planned, moved), (vec![1, 0], vec![1, 0]));
    // Also where the turn of both came later, when the cohort before them had baked.
    let cohorts = "  cohorts: [{name: internal, bake: 1h}, {name: beta}]";
    let crew = window("crew", "internal", "08:00", "20:00");
    let list = crew + &window("late", "beta", "06:00", "20:00") + &window("early", "beta", "02:00", "12:30");
    let mut way = Way::new(cohorts, &list, Dur::mins(20));
    let planned: Vec<usize> = way.planned(at(START)).0.into_iter().map(|(tenant, _)| tenant).collect();
    let moved: Vec<usize> = way.go(at(START), |_| true).0.into_iter().map(|(i, _)| i).collect();
    assert_eq!((planned, moved), (vec![0, 2, 1], vec![0, 2, 1]));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever happens to whom: nobody moves outside of a window with room for the move, over a day's cap, before an
    /// earlier cohort is done and has baked, or after the line has stopped; and it always comes to an end.
    #[test]
    fn a_campaign_on_its_way_keeps_every_rule(
        wishes in wishes(),
        bad in prop::collection::vec(prop::bool::weighted(0.15), 12),
        kept in prop::collection::vec(prop::bool::weighted(0.1), 12),
        per_day in 1..3_u32,
    ) {
        let calendar = format!("  zone: Europe/Berlin\n  freezes: [{{name: f, from: 2026-12-01T00:00:00Z, to: 2026-12-04T00:00:00Z}}]\n  cohorts: [{{name: one, bake: 1h}}, {{name: two, bake: 2d, per_day: {per_day}}}, {{name: three, per_day: {per_day}}}]");
        let mut way = Way::new(&calendar, &list(&wishes), Dur::hours(2));
        for (state, _) in way.states.iter_mut().zip(&kept).filter(|(_, kept)| **kept) {
            *state = State::PutOff(None);
        }
        let (moves, end) = way.go(at(START), |i| !bad[i]);
        let mut begun: BTreeMap<(usize, Date), u32> = BTreeMap::new();
        let mut rollbacks = 0;
        for (n, (i, start)) in moves.iter().enumerate() {
            prop_assert!(way.fits(*i, *start), "t{i} at {start}");
            prop_assert!(rollbacks < 2, "t{i} moves after the line stopped");
            prop_assert!(!kept[*i]);
            rollbacks += u32::from(bad[*i]);
            *begun.entry((way.cohort(*i), way.day(*start))).or_default() += 1;
            for (before, at) in &moves[..n] {
                prop_assert!(way.cohort(*before) <= way.cohort(*i), "t{i} before t{before}");
                if way.cohort(*before) < way.cohort(*i) && !bad[*before] {
                    let bake = way.calendar.cohorts[way.cohort(*before)].bake;
                    prop_assert!(*start >= *at + way.needs + bake, "t{i} at {start} before {before} baked");
                }
            }
        }
        for ((cohort, _), n) in begun {
            prop_assert!(cohort == 0 || n <= per_day);
        }
        let all = (0..wishes.len()).all(|i| !bad[i] && !kept[i]);
        match end {
            Turn::Over => prop_assert_eq!(moves.len(), wishes.len()),
            Turn::Stopped => prop_assert_eq!(rollbacks, 2),
            Turn::Left | Turn::Wait { .. } => prop_assert!(!all, "{:?}", moves),
            Turn::Move(_) => prop_assert!(false),
        }
    }

    /// When everything goes well, it goes as `pilothouse campaign` says: each tenant at that instant, and who has no time
    /// there has none on the way. Windows are shared and overlap, days have caps, of which other services take some, and one
    /// cohort moves at once.
    #[test]
    fn it_goes_as_it_was_planned(
        wishes in wishes(),
        few in prop::bool::ANY,
        caps in prop::collection::vec(prop::option::of(1..4_u32), 3),
        bakes in prop::collection::vec(0..60_u64, 3),
        (needs, takes) in (20..300_u64).prop_flat_map(|needs| (Just(needs), 1..=needs)),
        together in prop::bool::ANY,
        elsewhere in prop::collection::vec((0..40_usize, 0..1440_u64), 0..8),
        others in prop::collection::vec((0..3_usize, 0..1440_u64), 0..6),
    ) {
        // Of few different windows many are shared.
        let wishes: Vec<Wish> = match few {
            true => wishes.into_iter().map(|(zone, cohort, day, start, long, p)| (zone % 2, cohort, day % 2, start % 3 + 9, long % 4, p)).collect(),
            false => wishes,
        };
        let cohort = |i: usize, name: &str| {
            let cap = caps[i].map_or(String::new(), |n| format!(", per_day: {n}"));
            let bind = if together && i == 1 { ", bind: intersection" } else { "" };
            format!("{{name: {name}, bake: {}h{cap}{bind}}}", bakes[i])
        };
        let calendar = format!(
            "  zone: Europe/Berlin\n  freezes: [{{name: f, from: 2026-12-01T00:00:00Z, to: 2026-12-04T11:00:00Z}}]\n  cohorts: [{}, {}, {}]",
            cohort(0, "one"), cohort(1, "two"), cohort(2, "three")
        );
        let mut way = Way::new(&calendar, &list(&wishes), Dur::mins(needs));
        way.takes = Dur::mins(takes);
        way.elsewhere = elsewhere.iter().map(|(i, hour)| (i % way.moves.len(), at(START) + Dur::hours(*hour))).collect();
        way.others = others.iter().map(|(cohort, hour)| (*cohort, vec![at(START) + Dur::hours(*hour)])).collect();
        let (planned, never) = way.planned(at(START));
        let (moves, end) = way.go(at(START), |_| true);
        let moves: Vec<(usize, Time)> =
            moves.iter().flat_map(|(i, start)| way.moves[*i].iter().map(|tenant| (*tenant, *start))).collect();
        let left = (0..way.moves.len()).filter(|i| way.states[*i] == State::Waits).flat_map(|i| way.moves[i].clone());
        let mut left: Vec<usize> = left.collect();
        left.sort_unstable();
        prop_assert_eq!(end, if left.is_empty() { Turn::Over } else { Turn::Left });
        prop_assert_eq!((moves, left), (planned, never));
    }
}
