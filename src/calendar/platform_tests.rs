use proptest::prelude::*;

use super::*;
use crate::spec::when::Instant;

fn at(text: &str) -> Time {
    text.parse::<Instant>().unwrap().0
}

fn calendar(text: &str) -> CalendarSpec {
    serde_json::from_str(text).unwrap()
}

fn platform(text: &str, services: &[&str], now: &str) -> Platform {
    Platform::of(&calendar(text), &[], services, at(now))
}

#[test]
fn slots_that_touch_are_one_window_also_across_zones() {
    // 10:00 to 12:00 in Berlin is 09:00 to 11:00 UTC; the second goes on from there.
    let text = r#"{"slots": [{"name": "a", "zone": "Europe/Berlin", "days": ["Tue"], "start": "10:00", "end": "12:00"},
                  {"name": "b", "zone": "UTC", "days": ["Tue"], "start": "11:00", "end": "13:00"}]}"#;
    let p = platform(text, &[], "2026-11-24T08:00:00Z");
    assert!(!p.open(at("2026-11-24T08:59:59Z")) && p.open(at("2026-11-24T09:00:00Z")));
    assert_eq!(p.opens_after(at("2026-11-24T08:00:00Z")), Some(at("2026-11-24T09:00:00Z")));
    assert_eq!(p.closes_after(at("2026-11-24T09:00:00Z")), Some(at("2026-11-24T13:00:00Z")));
    assert_eq!(p.earliest_fit(at("2026-11-24T08:00:00Z"), Dur::hours(4)), Some(at("2026-11-24T09:00:00Z")));
    assert_eq!(p.earliest_fit(at("2026-11-24T09:00:01Z"), Dur::hours(4)), Some(at("2026-12-01T09:00:00Z")));
    assert_eq!(p.earliest_fit(at("2026-11-24T08:00:00Z"), Dur::hours(5)), None);
    assert_eq!(p.said(), ["Tue 10:00-12:00 Europe/Berlin", "Tue 11:00-13:00 UTC"]);
}

#[test]
fn without_slots_only_closings_bind() {
    let text = r#"{"freezes": [{"name": "year-end", "from": "2026-12-18T18:00:00Z", "to": "2027-01-04T06:00:00Z"}],
                  "holidays": [{"name": "year-end", "dates": "2026-11-24"}]}"#;
    let p = platform(text, &[], "2026-11-24T08:00:00Z");
    assert!(p.open(at("2026-11-24T08:00:00Z")), "a holiday binds slots that say so");
    assert_eq!(p.closes_after(at("2026-11-24T08:00:00Z")), Some(at("2026-12-18T18:00:00Z")));
    assert_eq!(p.opens_after(at("2026-12-20T00:00:00Z")), Some(at("2027-01-04T06:00:00Z")));
    let why = p.why(at("2026-12-20T00:00:00Z"));
    assert_eq!((why.rule, why.text.starts_with("year-end: until")), (Rule::Freeze, true), "{}", why.text);
    assert!(p.said().is_empty());
    let free = platform("{}", &[], "2026-11-24T08:00:00Z");
    assert_eq!((free.open(at("2026-11-24T08:00:00Z")), free.closes_after(at("2026-11-24T08:00:00Z"))), (true, None));
}

#[test]
fn what_is_closed_for_other_services_does_not_bind() {
    let text = r#"{"freezes": [{"name": "ledger", "from": "2026-11-24T00:00:00Z", "to": "2026-11-25T00:00:00Z", "services": ["ledger"]}]}"#;
    let now = "2026-11-24T08:00:00Z";
    assert!(!platform(text, &["billing", "ledger"], now).open(at(now)));
    assert!(platform(text, &["billing"], now).open(at(now)));
}

#[test]
fn what_would_be_without_a_rule_is_said_only_where_that_is_known() {
    let text = r#"{"seasons": [{"name": "fair", "months": [11], "days": ["Sat", "Sun"]}],
                   "slots": [{"name": "a", "zone": "UTC", "start": "10:00", "end": "16:00", "seasons": ["fair"],
                              "days": ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]}]}"#;
    let p = platform(text, &[], "2026-11-21T12:00:00Z");
    let from = at("2026-11-28T11:00:00Z");
    let fit = p.earliest_fit(from, Dur::hours(1)).unwrap();
    assert_eq!(fit, at("2026-11-30T10:00:00Z"));
    let change = |since| p.late((since, from), fit, Dur::hours(1)).change;
    assert_eq!(change(Some(from)), "without it: Sat 2026-11-28 11:00 UTC");
    assert_eq!(change(Some(at("2026-11-23T10:00:00Z"))), "without it: Sat 2026-11-28 11:00 UTC");
    // On the weekend before it was closed by the same: what went before would have begun then.
    assert_eq!(change(Some(at("2026-11-21T12:00:00Z"))), "without it");
    assert_eq!(change(None), "without it");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// What the union answers is what its slots answer one by one, minute by minute.
    #[test]
    fn a_platform_is_the_union_of_its_slots(
        slots in prop::collection::vec((0usize..3, 0u32..7, 0u32..24, 0u32..24), 1..4), start in 0i64..20_160, needs in 1u64..600,
    ) {
        let zones = ["UTC", "Europe/Berlin", "America/New_York"];
        let slots: Vec<serde_json::Value> = slots.iter().enumerate().map(|(i, (zone, day, from, to))| {
            serde_json::json!({"name": format!("s{i}"), "zone": zones[*zone], "days": [Weekday::ALL[*day as usize]],
                "start": format!("{from:02}:00"), "end": format!("{to:02}:00")})
        }).collect();
        let calendar: CalendarSpec = serde_json::from_value(serde_json::json!({"slots": slots})).unwrap();
        // Around the night on which Berlin's clocks go back.
        let from = at("2026-10-20T00:00:00Z") + Dur::mins(start as u64);
        let p = Platform::of(&calendar, &[], &[], from);
        let minute = |i: u64| from + Dur::mins(i);
        let open: Vec<bool> = (0..14 * 24 * 60).map(|i| p.open(minute(i))).collect();
        let turn = open.iter().position(|o| *o != open[0]).map(|i| minute(i as u64));
        let said = if open[0] { p.closes_after(from) } else { p.opens_after(from) };
        prop_assert_eq!(turn, said.filter(|t| *t <= minute(open.len() as u64 - 1)));
        let needs = needs as usize;
        let fit = (0..open.len() - needs).find(|i| open[*i..i + needs].iter().all(|o| *o)).map(|i| minute(i as u64));
        let said = p.earliest_fit(from, Dur::mins(needs as u64));
        // From within a minute on, slots begin on whole hours: nothing starts between minutes but `from` itself.
        prop_assert_eq!(fit, said.filter(|t| *t < minute((open.len() - needs) as u64)));
    }
}
