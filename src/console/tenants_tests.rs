use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::spec::calendar::Calendar;
use crate::spec::fleet::Tenancy;
use crate::spec::when::Instant;

pub(in crate::console) fn at(text: &str) -> Time {
    text.parse::<Instant>().unwrap().0
}

pub(in crate::console) fn roster() -> Arc<Roster> {
    let tenants = json!([
        {"id": "acme", "zone": "Europe/Berlin", "cohort": "premium", "services": ["billing"]},
        {"id": "night", "zone": "Europe/Oslo", "windows": [{"days": ["Sat"], "start": "22:00", "end": "04:00"}]},
        {"id": "nova", "zone": "America/Chicago", "region": "us1", "exclude": ["2026-12-06"]},
        {"id": "kiwi", "zone": "Pacific/Auckland", "hemisphere": "south", "seasons": ["summer"]},
        {"id": "basel", "zone": "Europe/Zurich"},
        {"id": "bern", "zone": "Europe/Zurich"},
    ]);
    let calendar = json!({"name": "house",
        "freezes": [{"name": "close", "from": "2026-11-27T17:00:00Z", "to": "2026-11-29T03:00:00Z", "tenants": ["basel"]},
                    {"name": "days", "dates": "2026-12-18..2027-01-04"}],
        "seasons": [{"name": "summer", "months": [6], "days": ["Sun"]}]});
    let calendar: Calendar = serde_json::from_value(calendar).unwrap();
    let services = [("billing", Tenancy::Shared), ("orders", Tenancy::Shared)];
    Arc::new(Roster {
        calendar,
        ics: Vec::new(),
        tenants: serde_json::from_value(tenants).unwrap(),
        services: services.into_iter().map(|(name, how)| (name.to_string(), how)).collect(),
    })
}

pub(in crate::console) fn run() -> Run {
    let planned = ["billing", "orders"].map(|s| crate::cluster::fake::planned(s, "2.0.0"));
    let plan = crate::cluster::fake::plan(planned.to_vec());
    Run::new("7f3a", plan, crate::engine::message::Stamp { wall: at("2026-11-28T00:00:00Z"), mono: 0 })
}

fn ids(tenants: &Tenants) -> Vec<&str> {
    (0..tenants.len()).map(|p| &*tenants.tenant(tenants.at(p).unwrap()).unwrap().id).collect()
}

#[test]
fn open_ones_come_first_then_those_that_open_next() {
    // Saturday 22:30 in Oslo, Sunday 10:30 in Auckland.
    let mut tenants = Tenants::new(roster(), at("2026-11-28T21:30:00Z"));
    assert_eq!(ids(&tenants), ["night", "acme", "bern", "basel", "nova", "kiwi"]);
    let counts = tenants.counts();
    assert_eq!((counts.all, counts.open, counts.frozen, counts.done), (6, 1, 1, 0));
    // Who is done is counted as nothing else: `acme` uses only what is done, all others use more.
    let mut over = run();
    let all = ["billing", "orders"];
    for (done, want) in [(&all[..1], (6, 1, 1, 1)), (&all[..], (6, 0, 0, 6))] {
        done.iter().for_each(|name| over.tracks.get_mut(*name).unwrap().phase = Phase::Done);
        tenants.prepare(at("2026-11-28T21:30:00Z"), &over, Sort::Opening, "");
        let counts = tenants.counts();
        assert_eq!((counts.all, counts.open, counts.frozen, counts.done), want);
    }
    tenants.prepare(at("2026-11-28T21:30:00Z"), &run(), Sort::Opening, "");
    let basel = tenants.look_of(4);
    assert!(basel.frozen && !basel.open);
    assert_eq!(basel.start, Some(at("2026-11-29T03:00:00Z")), "the freeze ends within its window");
    let now = at("2026-11-28T21:30:00Z");
    let listed = |tenants: &mut Tenants, sort, query: &str| {
        tenants.prepare(now, &run(), sort, query);
        ids(tenants).join(" ")
    };
    assert_eq!(listed(&mut tenants, Sort::Name, ""), "acme basel bern kiwi night nova");
    assert_eq!(listed(&mut tenants, Sort::Name, "ZURICH"), "basel bern");
    assert_eq!(listed(&mut tenants, Sort::Name, "frozen"), "basel");
    assert_eq!(listed(&mut tenants, Sort::Opening, "us1"), "nova");
    assert_eq!(listed(&mut tenants, Sort::Cohort, "e"), "night bern basel nova acme");
    assert_eq!(listed(&mut tenants, Sort::Zone, "berlin"), "acme");
    assert_eq!((tenants.place("acme"), tenants.place("nova")), (Some(0), None));
    assert_eq!(tenants.counts().all, 6, "the filter narrows the list, not what there is");
}

#[test]
fn equal_windows_are_one_head() {
    let tenants = Tenants::new(roster(), at("2026-11-29T03:30:00Z"));
    let heads: Vec<(&str, usize)> =
        tenants.heads().iter().map(|h| (&*tenants.tenant(h.tenant).unwrap().id, h.count)).collect();
    // Basel's window opened later than Bern's, when its freeze ended.
    assert_eq!(heads, [("acme", 2), ("basel", 1), ("nova", 1), ("night", 1), ("kiwi", 1)]);
}

#[test]
fn who_uses_what_is_done_is_done() {
    let mut run = run();
    let now = at("2026-11-28T21:30:00Z");
    let mut tenants = Tenants::new(roster(), now);
    run.tracks.get_mut("billing").unwrap().phase = Phase::Done;
    tenants.prepare(now, &run, Sort::Opening, "");
    assert_eq!((tenants.is_done(0), tenants.is_done(1), tenants.counts().done), (true, false, 1));
    run.tracks.get_mut("orders").unwrap().phase = Phase::Done;
    tenants.prepare(now, &run, Sort::Opening, "");
    assert_eq!(tenants.counts().done, 6);
}

proptest! {
    /// Whatever way time goes, what was kept says the same as a fresh look.
    #[test]
    fn what_is_kept_is_what_is(steps in proptest::collection::vec(-3_000i64..60_000, 1..12)) {
        let (run, mut now) = (run(), at("2026-11-27T12:00:00Z"));
        let mut kept = Tenants::new(roster(), now);
        for minutes in steps {
            now = Time(now.0 + minutes * 60_000);
            kept.prepare(now, &run, Sort::Opening, "");
            let fresh = Tenants::new(roster(), now);
            for i in 0..6 {
                let known = |l: &Look| (l.open, l.frozen, l.start, l.end);
                prop_assert_eq!(known(kept.look_of(i)), known(fresh.look_of(i)), "tenant {} at {}", i, now);
                let (view, allowed) = (fresh.view(i), fresh.allowed(i));
                prop_assert_eq!(kept.look_of(i).open, view.in_window(now));
                let freeze = crate::calendar::explain(&view, &allowed.closures, now, None);
                prop_assert_eq!(kept.look_of(i).frozen, !freeze[0].allows);
            }
            prop_assert_eq!(ids(&kept), ids(&fresh));
        }
    }
}
