//! Nights in which the tenants of one service move one by one, and a law that looks at their windows for itself.
use pilothouse::calendar::{Book, View, clock};
use pilothouse::engine::run::{Outcome, Phase};
use pilothouse::plan::{Needs, NeedsFrom, Plan, When};
use pilothouse::spec::units::{Dur, Time};
use serde_json::json;

use super::faults::{Bad, Broken, Faults};
use super::night::{Night, night};
use super::seeds::{plan, seeded};
use super::verdict::verdict;

const SERVICE: &str = "billing";

/// Four tenants of three cohorts; the last one's window opens late in the night, which begins at 11:06:40 UTC.
pub fn with_tenants(plan: &mut Plan) {
    let cohorts = json!([{"name": "internal", "bake": "20s"}, {"name": "beta", "bake": "1m"}, {"name": "standard"}]);
    let when = plan.when.get_or_insert_with(|| When {
        calendar: pilothouse::spec::Calendar { name: "house".into(), spec: Default::default() },
        ics: Vec::new(),
        tz: pilothouse::calendar::tz_version().into(),
        needs: Needs { run: Dur::ZERO, services: Default::default(), from: NeedsFrom::Steps },
        preferred: None,
        tenants: Vec::new(),
    });
    when.calendar.spec.cohorts = serde_json::from_value(cohorts).unwrap();
    let moves: Vec<_> = [
        ("own", "internal", "11:00", "11:50"),
        ("acme", "beta", "11:00", "11:50"),
        ("lumen", "beta", "11:10", "11:40"),
        ("fjord", "standard", "11:18", "11:50"),
    ]
    .iter()
    .map(|(id, cohort, start, end)| {
        let window = json!({"days": ["Wed"], "start": start, "end": end});
        json!({"name": id, "cohort": cohort, "by": {"header": "x-tenant"}, "values": [id], "tenants": 1,
            "binds": [{"id": id, "zone": "UTC", "cohort": cohort, "windows": [window]}]})
    })
    .collect();
    let steps = json!([{"weight": 0, "hold": "30s"}, {"weight": 100, "hold": "30s"}]);
    plan.policy.rollback_reserve = Dur::secs(30);
    let planned = plan.services.iter_mut().find(|p| p.service.name == SERVICE).unwrap();
    planned.phased = Some(serde_json::from_value(json!({"moves": moves, "steps": steps})).unwrap());
    plan.learn(&[]);
}

/// Every tenant's window, all day long.
pub fn open_all_day(plan: &mut Plan) {
    let all = json!([{"days": ["Wed"], "start": "00:00", "end": "00:00"}]);
    for m in plan.services.iter_mut().filter_map(|p| p.phased.as_mut()).flat_map(|p| &mut p.moves) {
        m.binds[0].windows = serde_json::from_value(all.clone()).unwrap();
    }
}

/// What is wrong with a move that was decided at `at`, by the clock of the one who decided.
pub fn outside(plan: &Plan, service: &str, value: &str, at: Time) -> Option<String> {
    let phased = plan.get(service)?.phased.as_ref()?;
    let when = plan.when.as_ref()?;
    let m = phased.moves.iter().find(|m| m.values.iter().any(|v| v == value))?;
    let book = Book::new(&when.calendar.spec, &when.ics, at);
    let needs = phased.hold() + plan.policy.rollback_reserve;
    m.binds.iter().find_map(|tenant| {
        let (allowed, clock) = (book.allowed(tenant), clock(tenant.zone, at));
        let fits = View { clock: &clock, rules: &allowed.rules }.fits(at, needs);
        (!fits).then(|| format!("{} does not fit", tenant.id))
    })
}

fn usual() -> Faults {
    Faults { accept_after: Dur(800), restart_after: Dur::secs(7), ..Faults::default() }
}

fn campaign(faults: Faults) -> Night {
    let mut plan = plan();
    with_tenants(&mut plan);
    let n = night(&plan, faults.clone(), true);
    assert_eq!(verdict(&n, &faults, &plan), Vec::<String>::new());
    n
}

fn moved(n: &Night) -> usize {
    n.run.events.iter().filter(|e| e.text.contains(" moved after ")).count()
}

#[test]
fn a_campaign_of_three_cohorts_keeps_the_laws() {
    let n = campaign(usual());
    assert_eq!((n.run.outcome(), moved(&n)), (Some(Outcome::Succeeded), 4));
    assert!(n.run.tracks.values().all(|t| t.phase == Phase::Done));
}

/// Each write of a campaign is one after which the process may die.
#[test]
fn killed_at_any_of_its_writes_it_goes_on() {
    let mut plan = plan();
    with_tenants(&mut plan);
    for writes in 8..30 {
        let faults = Faults { kill: Some((writes, writes % 2 == 0)), ..usual() };
        let n = night(&plan, faults.clone(), false);
        assert_eq!(verdict(&n, &faults, &plan), Vec::<String>::new(), "{writes}");
        assert_eq!((n.run.outcome(), n.restarts, moved(&n)), (Some(Outcome::Succeeded), 1, 4), "{writes}");
    }
}

/// What gets bad with the first tenant's requests takes that one back, and in the end stops the line.
#[test]
fn a_bad_version_stops_the_line_and_everybody_is_back() {
    let mut faults = usual();
    faults.bad.insert(SERVICE.into(), Bad { after: Dur::ZERO, ratio: 0.5, lasts: None, flaps: None });
    faults.people.interactive = true;
    faults.people.answers_after = None;
    let n = campaign(faults);
    assert_eq!(n.run.outcome(), None, "a person is asked");
    assert!(n.sim.state().services[SERVICE].route.rules.is_empty(), "nobody is left on it");
    assert_eq!(moved(&n), 0);
}

#[test]
fn a_driver_that_forgets_the_tenants_windows_is_noticed() {
    let mut plan = plan();
    with_tenants(&mut plan);
    let faults = Faults { broken: Broken { forgets_tenants: true, ..Broken::default() }, ..usual() };
    let found = night(&plan, faults, false).sim.state().laws.broken.clone();
    assert!(found.iter().any(|b| b.starts_with("no_tenant_outside_window")), "{found:?}");
}

/// The faults of other nights, in nights with a campaign.
#[test]
fn seeded_nights_with_a_campaign_break_no_law() {
    let count = super::nights() / 8;
    let mut broken = Vec::new();
    for seed in 0..count {
        let (mut plan, faults) = seeded(&plan(), seed);
        plan.policy.observed = pilothouse::spec::policy::Observed::Prefer;
        with_tenants(&mut plan);
        let n = night(&plan, faults.clone(), seed % 20 == 0);
        let wrong = verdict(&n, &faults, &plan);
        if !wrong.is_empty() {
            broken.push(format!("night {seed}: {}", wrong.join("; ")));
        }
    }
    assert!(broken.is_empty(), "{} of {count}:\n{}", broken.len(), broken.join("\n"));
}

#[test]
fn one_campaign() {
    let Some(seed) = std::env::var("PILOTHOUSE_NIGHT").ok().and_then(|n| n.parse().ok()) else { return };
    let (mut plan, faults) = seeded(&plan(), seed);
    plan.policy.observed = pilothouse::spec::policy::Observed::Prefer;
    with_tenants(&mut plan);
    println!("{:?}\n{faults:?}", plan.policy);
    let n = night(&plan, faults.clone(), true);
    super::print(&n);
    let wrong = verdict(&n, &faults, &plan);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
