use proptest::prelude::*;

use super::honesty::{Bump, Change, honest};
use super::order::{Edge, circle_finding, edges, order};
use super::path::{Compared, Way, ways};
use super::window::{replay, steps};
use super::*;

fn v(text: &str) -> Version {
    Version::parse(text).unwrap()
}

fn need(service: &str, req: &str) -> Need {
    Need { service: service.into(), req: VersionReq::parse(req).unwrap(), place: None }
}

/// `("a", "1.0.0", "2.0.0", [(version, [(service, range)])])`
type Row<'a> = (&'a str, &'a str, &'a str, &'a [(&'a str, &'a [(&'a str, &'a str)])]);

fn fleet(rows: &[Row]) -> Fleet {
    let mut fleet = Fleet::default();
    for (service, from, to, contracts) in rows {
        fleet.moves.push(Move { service: (*service).into(), from: v(from), to: v(to) });
        let of = fleet.contracts.entry((*service).into()).or_default();
        for (version, needs) in *contracts {
            let needs = needs.iter().map(|(s, r)| need(s, r)).collect();
            of.insert(v(version), Contract { needs, ..Contract::EMPTY });
        }
    }
    fleet
}

fn names(fleet: &Fleet) -> BTreeSet<String> {
    fleet.moves.iter().map(|m| m.service.clone()).collect()
}

fn rules(findings: &[Finding]) -> Vec<&'static str> {
    findings.iter().map(|f| f.rule).collect()
}

#[test]
fn only_what_callers_can_use_is_an_addition() {
    let with = |rule: &'static str, severity| {
        let f = Finding { severity, ..finding(rule, Severity::Info, Area::Operation, None, "a", String::new()) };
        Change::of(&crate::compat::Report { findings: vec![f], not_compared: Vec::new() })
    };
    for rule in ["operation-id-changed", "tag-added", "tag-removed", "response-failure-removed", "operation-deprecated"]
    {
        assert_eq!(with(rule, Severity::Info), Change::None, "{rule}");
    }
    assert_eq!(with("operation-added", Severity::Info), Change::Additive);
    assert_eq!(with("response-enum-value-added", Severity::Warning), Change::Additive);
    assert_eq!(with("operation-removed", Severity::Critical), Change::Breaking);
    assert_eq!(Change::of(&crate::compat::Report::default()), Change::None);
    for rule in super::honesty::ADDITIONS {
        assert!(crate::compat::openapi::rules::id(rule).is_some(), "{rule}");
    }
}

#[test]
fn a_bump_is_what_package_managers_read() {
    let cases = [
        ("1.2.3", "1.2.3", Bump::None),
        ("1.2.3", "1.2.3+build", Bump::None),
        ("1.2.3", "1.2.4", Bump::Patch),
        ("1.2.3", "1.3.0", Bump::Minor),
        ("1.2.3", "2.0.0", Bump::Major),
        ("1.2.3", "1.2.2", Bump::Down),
        ("0.1.2", "0.1.3", Bump::Minor),
        ("0.1.2", "0.2.0", Bump::Major),
        ("0.0.2", "0.0.3", Bump::Major),
        ("0.9.0", "1.0.0", Bump::Major),
        ("2.0.0-rc.1", "2.0.0", Bump::Major),
        ("2.0.0", "2.0.0-rc.1", Bump::Down),
        ("1.0.0", "1.1.0-rc.1", Bump::Minor),
    ];
    for (from, to, bump) in cases {
        assert_eq!(Bump::between(&v(from), &v(to)), bump, "{from} -> {to}");
    }
}

#[test]
fn a_version_says_what_changed() {
    let said = |from: &str, to: &str, change| rules(&honest("a", &v(from), &v(to), change, None));
    let cases: &[(&str, &str, Change, &[&str])] = &[
        ("1.2.3", "1.3.0", Change::Breaking, &["version-breaking-under-minor"]),
        ("1.2.3", "1.2.4", Change::Breaking, &["version-breaking-under-minor"]),
        ("1.2.3", "2.0.0", Change::Breaking, &[]),
        ("1.2.3", "1.2.4", Change::Additive, &["version-additive-under-patch"]),
        ("1.2.3", "1.3.0", Change::Additive, &[]),
        ("1.2.3", "1.2.4", Change::None, &[]),
        ("0.1.0", "0.2.0", Change::Breaking, &[]),
        ("0.1.0", "0.1.1", Change::Breaking, &["version-breaking-under-minor"]),
        ("0.1.0", "0.1.1", Change::Additive, &[]),
        ("2.0.0", "1.9.0", Change::None, &["version-downgrade"]),
        ("1.0.0", "1.1.0-rc.1", Change::Additive, &["version-prerelease"]),
        ("1.0.0", "1.0.0", Change::Breaking, &["version-breaking-under-minor"]),
    ];
    for (from, to, change, expected) in cases {
        assert_eq!(said(from, to, *change), *expected, "{from} -> {to} {change:?}");
    }
    let advice = |from: &str, to: &str| honest("a", &v(from), &v(to), Change::Breaking, None)[0].recommendation.clone();
    assert_eq!(advice("1.2.3", "1.3.0").unwrap(), "call it 2.0.0, or take the breaking change out");
    assert_eq!(advice("0.2.3", "0.2.4").unwrap(), "call it 0.3.0, or take the breaking change out");
    assert_eq!(advice("0.0.3", "0.0.3+b").unwrap(), "call it 0.0.4, or take the breaking change out");
    let more = honest("a", &v("0.2.3"), &v("0.2.3+b"), Change::Additive, None);
    assert_eq!(more[0].recommendation.as_deref(), Some("call it 0.2.4"));
    assert_eq!(said("0.0.3", "0.0.4", Change::Breaking), [] as [&str; 0]);
}

#[test]
fn a_range_that_bars_the_old_puts_the_new_first() {
    // The shop's new version needs the new prices; the old till cannot work with them.
    let f = fleet(&[
        ("prices", "1.4.0", "2.0.0", &[]),
        ("shop", "3.0.0", "3.1.0", &[("3.0.0", &[("prices", ">=1, <3")]), ("3.1.0", &[("prices", "^2")])]),
        ("till", "1.0.0", "1.1.0", &[("1.0.0", &[("prices", "^1")]), ("1.1.0", &[("prices", ">=1, <3")])]),
    ]);
    let found = edges(&f);
    let pairs: Vec<(&str, &str)> = found.iter().map(|e| (e.first.as_str(), e.then.as_str())).collect();
    assert_eq!(pairs, [("prices", "shop"), ("till", "prices")]);
    assert!(found[0].reason.contains("shop 3.1.0 needs prices `^2`, and 1.4.0 is not in"), "{}", found[0].reason);
    let order = order(&names(&f), &found);
    assert_eq!(order.waves, [["till"], ["prices"], ["shop"]]);
    assert_eq!(order.circles, [] as [Vec<Edge>; 0]);
    assert_eq!(replay(&f, &order.waves, &BTreeSet::new()), []);
    // In any other order somebody is out of range, and the replay says when.
    let wrong = replay(&f, &[vec!["till".into(), "prices".into()], vec!["shop".into()]], &BTreeSet::new());
    assert_eq!(rules(&wrong), ["dependency-out-of-range"]);
    assert_eq!(wrong[0].details, ["first while wave 1 of 2 moves"]);
}

#[test]
fn what_never_fits_and_what_did_not_fit_before() {
    let f = fleet(&[
        ("a", "1.0.0", "2.0.0", &[("1.0.0", &[("b", "^9")]), ("2.0.0", &[("b", "^3"), ("nobody", "*")])]),
        ("b", "1.0.0", "2.0.0", &[]),
    ]);
    let found = replay(&f, &[vec!["b".into()], vec!["a".into()]], &BTreeSet::new());
    let told: Vec<(&str, Severity)> = found.iter().map(|f| (f.rule, f.severity)).collect();
    assert!(told.contains(&("dependency-out-of-range-today", Severity::Warning)), "{found:?}");
    assert!(found.iter().any(|f| f.message.contains("a 2.0.0 would run beside b 2.0.0")), "{found:?}");
    let told: Vec<String> = f.unknown().iter().map(ToString::to_string).collect();
    assert_eq!(told, ["a 2.0.0 needs nobody *, and which version of it runs is not known here"]);
    let pre = fleet(&[("a", "1.0.0", "1.1.0", &[("1.1.0", &[("b", ">=1")])]), ("b", "1.0.0", "2.0.0-rc.1", &[])]);
    let found = replay(&pre, &[vec!["a".into()], vec!["b".into()]], &BTreeSet::new());
    assert!(found[0].message.contains("pre-release"), "{found:?}");
}

#[test]
fn a_circle_is_told_by_its_shortest_way_round() {
    let e = |first: &str, then: &str| Edge { first: first.into(), then: then.into(), reason: format!("{first}{then}") };
    let edges =
        [e("a", "b"), e("b", "c"), e("c", "d"), e("d", "a"), e("c", "b"), e("d", "z"), e("x", "a"), e("s", "s")];
    let services = ["a", "b", "c", "d", "x", "y", "z", "s"].map(String::from).into();
    let order = order(&services, &edges);
    assert_eq!(order.waves, [["x", "y"]]);
    assert_eq!(order.circles, [vec![e("b", "c"), e("c", "b")], vec![e("s", "s")]]);
    let f = circle_finding(&order.circles[0]);
    assert_eq!(f.message, "no order fits: b → c → b");
    assert_eq!(f.details, ["b before c: bc", "c before b: cb"]);
}

#[test]
fn long_chains_take_no_stack() {
    let e = |a: usize, b: usize| Edge { first: format!("{a:05}"), then: format!("{b:05}"), reason: String::new() };
    let mut edges: Vec<Edge> = (0..3_000).map(|n| e(n, n + 1)).collect();
    let services: BTreeSet<String> = (0..=3_000).map(|n| format!("{n:05}")).collect();
    assert_eq!(order(&services, &edges).waves.len(), 3_001);
    edges.push(e(3_000, 2_900));
    let order = order(&services, &edges);
    assert_eq!((order.waves.len(), order.circles.len(), order.circles[0].len()), (2_900, 1, 101));
}

#[test]
fn a_version_in_between_opens_a_circle() {
    // Both new versions need each other's new; a 1.5 works with either.
    let rows: [Row; 3] = [
        (
            "a",
            "1.0.0",
            "2.0.0",
            &[("1.0.0", &[("b", "^1")]), ("1.5.0", &[("b", ">=1, <3")]), ("2.0.0", &[("b", "^2")])],
        ),
        ("b", "1.0.0", "2.0.0", &[("1.0.0", &[("a", "^1")]), ("2.0.0", &[("a", ">=1.5, <3")])]),
        ("c", "1.0.0", "2.0.0", &[("1.0.0", &[("a", ">=1, <3")]), ("2.0.0", &[("a", ">=1, <3")])]),
    ];
    let mut f = fleet(&rows);
    let circle = &order(&names(&f), &edges(&f)).circles[0];
    assert_eq!(circle.len(), 2);
    let members = circle.iter().map(|e| e.first.clone()).collect();
    let way = between::way(&f, &members).unwrap();
    let told: Vec<String> = way.iter().map(|s| format!("{} {}-{}", s.service, s.from, s.to)).collect();
    assert_eq!(told, ["a 1.0.0-1.5.0", "b 1.0.0-2.0.0", "a 1.5.0-2.0.0"]);
    // Somebody outside who works with neither bars it, and so does a version that does not let one step to it.
    let outside = f.contracts.get_mut("c").unwrap().get_mut(&v("2.0.0")).unwrap();
    outside.needs = vec![need("a", ">=1, <1.4")];
    assert_eq!(between::way(&f, &members), None);
    let mut f = fleet(&rows);
    f.contracts.get_mut("a").unwrap().get_mut(&v("1.5.0")).unwrap().min_from = Some(v("1.2.0"));
    assert_eq!(between::way(&f, &members), None);
}

#[test]
fn a_version_may_refuse_who_steps_to_it() {
    let mut f = fleet(&[("a", "1.0.0", "2.0.0", &[("2.0.0", &[])])]);
    let contract = f.contracts.get_mut("a").unwrap().get_mut(&v("2.0.0")).unwrap();
    contract.min_from = Some(v("1.5.0"));
    contract.rollback_to = Some(VersionReq::parse(">=1.6").unwrap());
    assert_eq!(rules(&steps(&f)), ["upgrade-step-too-long", "upgrade-without-way-back"]);
    f.moves[0].from = v("1.7.0");
    assert_eq!(steps(&f), []);
}

/// What is gone past has its migrations run, too.
#[test]
fn a_version_that_is_gone_past_may_refuse_as_well() {
    let rows: [Row; 1] = [("a", "1.0.0", "3.0.0", &[("2.0.0-rc.1", &[]), ("2.0.0", &[]), ("3.0.0", &[])])];
    let mut f = fleet(&rows);
    assert_eq!(steps(&f), []);
    let of = |f: &mut Fleet, version: &str, say: &dyn Fn(&mut Contract)| {
        say(f.contracts.get_mut("a").unwrap().get_mut(&v(version)).unwrap());
    };
    // A pre-release is not gone past where its release is.
    of(&mut f, "2.0.0-rc.1", &|c| c.min_from = Some(v("1.9.0")));
    assert_eq!(steps(&f), []);
    of(&mut f, "2.0.0", &|c| {
        c.min_from = Some(v("1.5.0"));
        c.rollback_to = Some(VersionReq::parse(">=1.6").unwrap());
    });
    let told = steps(&f);
    assert_eq!(rules(&told), ["upgrade-step-too-long", "upgrade-without-way-back"]);
    assert!(told[0].message.ends_with("2.0.0, which is gone past, takes 1.5.0 or later to step from"), "{told:?}");
    let found = ways(&f.contracts["a"], &v("1.0.0"), &v("3.0.0"), |_, _| Compared::default());
    assert_eq!((found.refused.len(), found.best), (2, None));
    // Down again: what 2.0.0 left behind is there.
    f.moves[0] = Move { service: "a".into(), from: v("3.0.0"), to: v("1.0.0") };
    assert_eq!(rules(&steps(&f)), ["upgrade-without-way-back"]);
}

#[test]
fn where_no_range_is_said_a_pre_release_will_do() {
    assert_eq!(out_of(&VersionReq::STAR, &v("2.0.0-rc.1")), None);
    assert!(
        out_of(&VersionReq::parse(">=1").unwrap(), &v("2.0.0-rc.1")).is_some_and(|why| why.contains("pre-release"))
    );
}

fn published(rows: &[(&str, Option<&str>)]) -> BTreeMap<Version, Contract> {
    let of = |least: &Option<&str>| Contract { min_from: least.map(v), ..Contract::EMPTY };
    rows.iter().map(|(version, least)| (v(version), of(least))).collect()
}

fn texts(way: Option<&Way>) -> Vec<String> {
    way.map_or(Vec::new(), |w| w.versions.iter().map(ToString::to_string).collect())
}

#[test]
fn the_way_goes_over_the_last_minor_and_says_why_not_straight() {
    let versions = published(&[
        ("1.0.0", None),
        ("1.4.0", None),
        ("1.9.0", None),
        ("2.0.0", Some("1.4.0")),
        ("2.1.0", Some("2.0.0")),
    ]);
    let found = ways(&versions, &v("1.0.0"), &v("2.1.0"), |_, _| Compared::default());
    let past = "2.0.0, which is gone past, takes 1.4.0 or later to step from";
    assert_eq!(found.refused, [past, "it takes 2.0.0 or later to step from"]);
    assert_eq!(texts(found.best.as_ref()), ["1.0.0", "1.9.0", "2.0.0", "2.1.0"]);
    assert_eq!(texts(found.next.as_ref()), ["1.0.0", "1.4.0", "2.0.0", "2.1.0"]);
    let straight = ways(&versions, &v("1.0.0"), &v("1.9.0"), |_, _| Compared::default());
    assert_eq!((texts(straight.best.as_ref()), straight.refused), (vec!["1.0.0".into(), "1.9.0".into()], vec![]));
    let down = ways(&versions, &v("2.0.0"), &v("1.0.0"), |_, _| Compared::default());
    assert_eq!((down.best, down.refused), (None, vec!["1.0.0 is not after 2.0.0".into()]));
}

#[test]
fn what_bars_a_step_and_what_it_costs() {
    let mut versions = published(&[("1.0.0", None), ("1.1.0", None), ("1.2.0", None)]);
    let m = |id: &str, phase, contracts: Option<&str>, minutes| Migration {
        id: id.into(),
        phase,
        contracts: contracts.map(Into::into),
        minutes,
    };
    versions.get_mut(&v("1.1.0")).unwrap().migrations = vec![m("add", Phase::Expand, None, 10)];
    versions.get_mut(&v("1.2.0")).unwrap().migrations = vec![m("drop", Phase::Contract, Some("add"), 0)];
    let found = ways(&versions, &v("1.0.0"), &v("1.2.0"), |_, _| Compared::default());
    assert_eq!(found.refused, ["drop would take away what add adds in the same step"]);
    assert_eq!(found.best.map(|w| (w.versions.len(), w.cost)), Some((3, 20)));
    // Criticals bar, warnings cost: two clean hops are cheaper than one with a warning.
    let versions = published(&[("1.0.0", None), ("1.1.0", None), ("1.2.0", None)]);
    let warned =
        |a: &Version, b: &Version| Compared { warnings: u32::from(b.minor - a.minor == 2), ..Compared::default() };
    assert_eq!(texts(ways(&versions, &v("1.0.0"), &v("1.2.0"), warned).best.as_ref()).len(), 3);
    let barred = |_: &Version, _: &Version| Compared { criticals: 1, ..Compared::default() };
    let none = ways(&versions, &v("1.0.0"), &v("1.2.0"), barred);
    assert_eq!((none.best, none.next), (None, None));
    assert_eq!(none.refused, ["1 critical finding between 1.0.0 and 1.2.0"]);
}

/// Three services with versions 1, 2 and ranges at random.
fn any_fleet() -> impl Strategy<Value = Fleet> {
    let range = prop::sample::select(vec!["*", ">=1", ">=1, <3", "<3", "^1", "^2", ">=1, <4", "*"]);
    prop::collection::vec(range, 24).prop_map(|ranges| {
        let names = ["a", "b", "c", "d"];
        let mut ranges = ranges.into_iter();
        let mut fleet = Fleet::default();
        for name in names {
            fleet.moves.push(Move { service: name.into(), from: v("1.0.0"), to: v("2.0.0") });
            for version in ["1.0.0", "2.0.0"] {
                let others = names.iter().filter(|n| **n != name);
                let needs = others.filter_map(|n| Some(need(n, ranges.next()?))).collect();
                fleet
                    .contracts
                    .entry(name.into())
                    .or_default()
                    .insert(v(version), Contract { needs, ..Contract::EMPTY });
            }
        }
        fleet
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Where there is no circle, the order leaves nothing out of range but what never fits, old beside old or new beside new.
    #[test]
    fn the_order_keeps_every_moment_in_range(f in any_fleet()) {
        let order = order(&names(&f), &edges(&f));
        if !order.circles.is_empty() {
            return Ok(());
        }
        prop_assert_eq!(order.waves.iter().flatten().count(), 4);
        for finding in replay(&f, &order.waves, &BTreeSet::new()) {
            let (old, new) = (finding.message.matches("1.0.0").count(), finding.message.matches("2.0.0").count());
            prop_assert!(old == 0 || new == 0 || finding.rule == "dependency-out-of-range-today", "{}", finding.message);
        }
    }

    /// A way found for all services keeps every moment in range when it is replayed step by step.
    #[test]
    fn a_way_found_can_be_walked(f in any_fleet()) {
        if let Some(way) = between::way(&f, &names(&f)) {
            let mut at = f.clone();
            at.moves.iter_mut().for_each(|m| m.to = m.from.clone());
            for step in way {
                let service = at.moves.iter_mut().find(|m| m.service == step.service).unwrap();
                prop_assert_eq!(&service.from, &step.from);
                service.to = step.to.clone();
                let out: Vec<Finding> = replay(&at, &[vec![step.service.clone()]], &BTreeSet::new());
                prop_assert!(out.iter().all(|f| f.severity != Severity::Critical), "{:?}", out);
                let service = at.moves.iter_mut().find(|m| m.service == step.service).unwrap();
                service.from = service.to.clone();
            }
            prop_assert!(at.moves.iter().all(|m| m.from == v("2.0.0")));
        }
    }

    /// The cheapest way is no dearer than any other that is allowed.
    #[test]
    fn no_way_is_cheaper_than_the_best(warnings in prop::collection::vec(0u32..4, 36), barred in prop::collection::vec(any::<bool>(), 36)) {
        let rows: Vec<(String, Option<&str>)> = (0..6).map(|n| (format!("{}.{}.0", 1 + n / 3, n % 3), None)).collect();
        let rows: Vec<(&str, Option<&str>)> = rows.iter().map(|(a, b)| (a.as_str(), *b)).collect();
        let versions = published(&rows);
        let number = |x: &Version| ((x.major - 1) * 3 + x.minor) as usize;
        let compare = |a: &Version, b: &Version| {
            let at = number(a) * 6 + number(b);
            Compared { criticals: u32::from(barred[at]), waived: 0, warnings: warnings[at] }
        };
        let all: Vec<&Version> = versions.keys().collect();
        let price = |a: &Version, b: &Version| {
            let c = compare(a, b);
            let majors = b.major - a.major;
            (c.criticals == 0).then(|| 5 + 500 * majors + 50 * u64::from(c.warnings) + u64::from(majors > 0 && a.minor != 2))
        };
        let mut cheapest: Option<u64> = None;
        for mask in 0..16u32 {
            let over: Vec<&Version> = (0..6).filter(|n| *n == 0 || *n == 5 || mask >> (n - 1) & 1 == 1).map(|n| all[n]).collect();
            let cost = over.windows(2).map(|w| price(w[0], w[1])).sum::<Option<u64>>();
            cheapest = [cheapest, cost].into_iter().flatten().min();
        }
        let found = ways(&versions, all[0], all[5], compare);
        prop_assert_eq!(found.best.as_ref().map(|w| w.cost), cheapest);
        if let (Some(best), Some(next)) = (found.best, found.next) {
            prop_assert!(next.cost >= best.cost && next.versions != best.versions);
        }
    }
}
