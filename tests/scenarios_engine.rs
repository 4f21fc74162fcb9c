//! Runs `tests/scenarios/engine/*.toml` through `engine::step`: samples and keys in, decisions out.
//!
//! A scenario has `services` (each with what it needs), `apart` (each with those that have to serve 100 % before it, as
//! contracts ask for), a `[policy]` (what differs from a short one), and two texts.
//! With a `[calendar]` windows bind; `[upgrade]` is what the upgrade says besides, and `begins` when the night is: an
//! instant, which is 0:00. `tenants` move one by one under the strategy `phased` where `routed` tells them apart. `night` says what happens, one thing a line: `MINUTES:SECONDS what`. See [`Night::happens`] for what can. `decisions` is
//! what the run says of itself: `MINUTES:SECONDS service "part of the text"` in this order, or `never service "text"`, or
//! `N times service "text"`. `-` stands for the run. `ends` is the outcome, or `still running` at `until`.
//!
//! The world around the engine does what it is told and answers at once: pods are ready 5 s after they were asked for, a
//! gateway accepts at once, every other sample is good. A campaign to which nothing happens goes as it was forecast.
#[path = "scenarios/world.rs"]
mod world;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use pilothouse::engine::effect::Event;
use pilothouse::engine::forecast::{Forecast, forecast};
use pilothouse::plan::Plan;
use pilothouse::spec::units::{Dur, Time};
use pilothouse::spec::when::Instant;
use pilothouse::spec::{SourceFile, load, presets};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use world::World;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Scenario {
    about: String,
    /// Name to names of services it needs; a name that ends in `!` is critical.
    services: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    apart: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    policy: Map<String, Value>,
    #[serde(default)]
    calendar: Option<Map<String, Value>>,
    #[serde(default)]
    upgrade: Map<String, Value>,
    /// Service to what its tenants are told by; others share it.
    #[serde(default)]
    routed: BTreeMap<String, Value>,
    #[serde(default)]
    tenants: Vec<Value>,
    #[serde(default = "one_night")]
    begins: String,
    #[serde(default)]
    interactive: bool,
    night: String,
    decisions: String,
    ends: String,
    #[serde(default = "an_hour")]
    until: String,
}

fn one_night() -> String {
    "2026-11-18T11:06:40Z".into()
}

fn an_hour() -> String {
    "60:00".into()
}

/// `MINUTES:SECONDS` and the rest of a line.
fn timed(line: &str) -> Result<(Dur, &str), String> {
    let (time, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let (m, s) = time.split_once(':').ok_or(format!("no time at the beginning of: {line}"))?;
    let number = |t: &str| t.parse::<u64>().map_err(|e| format!("{e} in: {line}"));
    Ok((Dur::secs(number(m)? * 60 + number(s)?), rest.trim()))
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#'))
}

impl Scenario {
    fn plan(&self) -> Result<Plan, String> {
        let mut policy = json!({
            "steps": [{"weight": 25, "hold": "2m"}, {"weight": 50, "hold": "2m"}, {"weight": 100, "hold": "2m"}],
            "warmup": "20s", "soak": "2m", "drain": "10s", "verify": "1m", "min_requests": 50,
            "gates": [{"name": "error-rate", "measure": "error_rate", "max": "1%", "trigger": {"for": "1m"}, "severity": "immediate"}],
        });
        for (key, value) in &self.policy {
            policy[key] = value.clone();
        }
        let (mut fleet, mut to) = (Vec::new(), Map::new());
        for (name, needs) in &self.services {
            let (name, critical) = (name.trim_end_matches('!'), name.ends_with('!'));
            let tenancy = self.routed.get(name).map_or(json!("shared"), |by| json!({"routed": by}));
            fleet.push(
                json!({"name": name, "critical": critical, "workload": {"deployment": name, "container": "app"},
                "traffic": {"httpRoute": {"name": name, "stable": name, "next": format!("{name}-next"), "port": 80}},
                "tenancy": tenancy}),
            );
            let needs: Map<String, Value> = needs.iter().map(|n| (n.clone(), json!(">=2.0.0"))).collect();
            to.insert(name.into(), json!({"image": format!("registry.example/{name}:2.0.0"), "needs": needs}));
        }
        let head = |kind: &str, spec: Value| json!({"apiVersion": "pilothouse.dev/v1alpha1", "kind": kind, "metadata": {"name": "tonight"}, "spec": spec});
        let mut upgrade =
            json!({"fleet": "tonight", "environment": "test", "policy": "tonight", "strategy": "canary", "to": to});
        for (key, value) in &self.upgrade {
            upgrade[key] = value.clone();
        }
        let mut files = vec![
            head(
                "Fleet",
                json!({"environments": [{"name": "test", "production": false,
                "kubernetes": {"namespace": "shop"}, "metrics": {"source_interval": "15s"}}], "services": fleet}),
            ),
            head("Policy", policy),
            head("Upgrade", upgrade),
        ];
        if !self.tenants.is_empty() {
            files.push(head("Tenants", json!({"tenants": self.tenants})));
        }
        files.extend(self.calendar.clone().map(|spec| head("Calendar", spec.into())));
        let named = |f: Value| SourceFile { name: "scenario.yaml".into(), text: f.to_string() };
        let files: Vec<SourceFile> = files.into_iter().map(named).collect();
        let loaded = load(&files, presets()).map_err(|r| r.to_string())?;
        let bundle = loaded.bundle(None).map_err(|r| r.to_string())?;
        let why = |first: &Vec<String>| first.iter().map(|f| (f.clone(), "a reason".to_string())).collect();
        let after = self.apart.iter().map(|(then, first)| (then.clone(), why(first))).collect();
        Plan::build(&bundle).and_then(|p| p.in_order(&bundle.fleet, &after)).map_err(|e| e.to_string())
    }
}

/// All that differs, or nothing.
fn run(text: &str) -> Result<(), String> {
    let scenario: Scenario = toml::from_str(text).map_err(|e| e.to_string())?;
    if scenario.about.trim().is_empty() {
        return Err("`about` is empty".into());
    }
    let start = scenario.begins.parse::<Instant>().map_err(|e| e.to_string())?.0;
    let plan = scenario.plan()?;
    let ahead = forecast(&plan, start);
    let mut world = World::new(plan, scenario.interactive, start);
    let mut night: Vec<(Dur, &str)> = lines(&scenario.night).map(timed).collect::<Result<_, _>>()?;
    night.sort_by_key(|(at, _)| *at);
    let until = timed(&scenario.until)?.0;
    for (at, what) in night {
        world.pass_to(at);
        world.happens(what)?;
    }
    world.pass_to(until);
    let events: Vec<Event> = world.run.events.iter().rev().cloned().collect();
    let told = || events.iter().map(|e| world.line(e)).collect::<Vec<_>>().join("\n");
    let mut seen = 0;
    for line in lines(&scenario.decisions) {
        let problem = decision(&world, &events, line, &mut seen)?;
        if let Some(problem) = problem {
            return Err(format!("{problem}\n{}", told()));
        }
    }
    let ended = world.run.outcome().map_or("still running".into(), |o| json!(o).as_str().unwrap_or("?").to_string());
    if ended != scenario.ends {
        return Err(format!("it is {ended}, not {}\n{}", scenario.ends, told()));
    }
    match ahead.filter(|_| scenario.night.trim().is_empty() && ended == "succeeded") {
        Some(ahead) => as_forecast(&world, &ahead).map_err(|e| format!("{e}\n{}", told())),
        None => Ok(()),
    }
}

/// Where nothing happened to a run it went as it was forecast: its tenants, and then everybody else.
fn as_forecast(world: &World, ahead: &Forecast) -> Result<(), String> {
    for track in world.run.in_order() {
        let its = ahead.get(&track.service).ok_or(format!("no forecast of {}", track.service))?;
        let begun = || track.moves.begun.values().map(|m| m.begun);
        let full = |e: &&Event| e.service.as_ref() == Some(&track.service) && e.text.starts_with("100% new after");
        let full = world.run.events.iter().find(full).map(|e| e.at);
        let tenants = its.tenants.as_ref();
        let all = [
            ("first tenant", tenants.and_then(|t| t.first), begun().min()),
            ("last tenant", tenants.and_then(|t| t.last), begun().max()),
            ("100%", its.full, full),
        ];
        // Each move is written, accepted and found clean in its own seconds.
        let near = Dur::secs(30) + Dur::secs(15).times(track.moves.begun.len() as u64);
        for (what, said, came) in all {
            let off = said.zip(came).map(|(said, came)| said.since(came).max(came.since(said)));
            if said.is_some() != came.is_some() || off.is_some_and(|off| off > near) {
                let at = |t: Option<Time>| t.map_or_else(|| "never".into(), |t| Instant(t).to_string());
                return Err(format!("{} {what}: forecast {}, it was {}", track.service, at(said), at(came)));
            }
        }
    }
    Ok(())
}

/// Holds one line of `decisions` against the events from the `seen`-th on; a text when it does not hold.
fn decision(world: &World, events: &[Event], line: &str, seen: &mut usize) -> Result<Option<String>, String> {
    let part = |rest: &str| -> Result<(Option<String>, String), String> {
        let (service, text) = rest.split_once(char::is_whitespace).ok_or(format!("no text in: {line}"))?;
        let text = text.trim().strip_prefix('"').and_then(|t| t.strip_suffix('"'));
        let service = (service != "-").then(|| service.to_string());
        Ok((service, text.ok_or(format!("no \"text\" in: {line}"))?.to_string()))
    };
    let fits = |e: &Event, (service, text): &(Option<String>, String)| e.service == *service && e.text.contains(text);
    if let Some(rest) = line.strip_prefix("never ") {
        let wanted = part(rest)?;
        return Ok(events.iter().find(|e| fits(e, &wanted)).map(|e| format!("{line}\nbut {}", world.line(e))));
    }
    if let Some((count, rest)) = line.split_once(" times ") {
        let (wanted, count) = (part(rest)?, count.parse::<usize>().map_err(|e| format!("{e} in: {line}"))?);
        let found = events.iter().filter(|e| fits(e, &wanted)).count();
        return Ok((found != count).then(|| format!("{line}\nbut {found} times")));
    }
    let (at, rest) = timed(line)?;
    let wanted = part(rest)?;
    let found =
        events.iter().skip(*seen).position(|e| world.since_start(e.at).0 / 1000 == at.0 / 1000 && fits(e, &wanted));
    match found {
        Some(i) => {
            *seen += i + 1;
            Ok(None)
        }
        None => Ok(Some(format!("not said, or not in this order: {line}"))),
    }
}

#[test]
fn every_scenario_decides_as_it_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios/engine");
    let mut files: Vec<_> = fs::read_dir(&folder).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    let only = std::env::var("PILOTHOUSE_SCENARIO").ok();
    files.retain(|f| only.as_ref().is_none_or(|o| f.file_stem().is_some_and(|s| *s == **o)));
    assert!(!files.is_empty());
    let wrong: Vec<String> = files
        .iter()
        .filter_map(|f| {
            Some(format!("=== {}\n{}", f.file_name()?.display(), run(&fs::read_to_string(f).unwrap()).err()?))
        })
        .collect();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), files.len(), wrong.join("\n"));
}

/// The runner notices what differs.
#[test]
fn a_scenario_that_says_something_else_fails() {
    let good = "about = \"a\"\nservices = {billing = []}\nends = \"succeeded\"\nnight = ''\ndecisions = '0:25 billing \"step 1\"'\n";
    assert_eq!(run(good), Ok(()));
    for (from, to) in [
        ("succeeded", "rolled_back"),
        ("0:25 billing", "0:26 billing"),
        ("0:25 billing", "0:25 -"),
        ("0:25 billing", "never billing"),
        ("0:25 billing", "2 times billing"),
        ("step 1", "step 9"),
        ("night = ''", "night = '0:10 billing sings'"),
    ] {
        let bad = good.replace(from, to);
        assert!(bad != good && run(&bad).is_err(), "{bad}");
    }
}
