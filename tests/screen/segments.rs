//! What the screen says of segments that go first: before the start, while they are on new, and on the way back.
use std::sync::Arc;

use crate::frames::Look;
use crate::support::nights::{self, Moment};
use pilothouse::engine::command::{Scope, Verb};
use pilothouse::engine::observe::Weights;
use pilothouse::engine::people::preview;
use pilothouse::engine::rules::{MatchBy, MatchRule, MatchRuleSeen, Stands};
use pilothouse::engine::run::{Hold, ObservedShare, Phase};
use pilothouse::engine::status::status;
use pilothouse::engine::traffic::Traffic;
use pilothouse::headless::{JsonLines, Reporter, Text};
use pilothouse::spec::units::{Dur, Time};

const SERVICE: &str = "billing";

fn segments() -> Vec<MatchRule> {
    let rule = |name: &str, header: &str, values: &[&str]| MatchRule {
        name: name.into(),
        by: MatchBy::Header(header.into()),
        values: values.iter().map(|v| v.to_string()).collect(),
    };
    vec![rule("beta", "x-user-type", &["beta_photographers"]), rule("internal", "x-staff", &["yes"])]
}

/// Segments go first on billing, of which nothing is written yet.
pub fn planned(moment: Moment) -> Moment {
    let Moment { mut run, now } = moment;
    Arc::make_mut(&mut run.plan).services.iter_mut().find(|p| p.service.name == SERVICE).unwrap().segments = segments();
    Moment { run, now }
}

/// Billing is at 10 %, both of its segments on new; requests have shown a share, or not yet.
pub fn moment(observed: ObservedShare) -> Moment {
    let Moment { mut run, now } = planned(nights::safe());
    let t = run.tracks.get_mut(SERVICE).unwrap();
    let hold = Hold { accepted_at: Some(now - Dur::mins(1)), clean: Dur::mins(1), ticks: 6, ..Hold::default() };
    (t.phase, t.desired, t.held, t.observed) = (Phase::Shifting { step: 0, hold }, 10, None, observed);
    let route = t.route.as_mut().unwrap();
    route.weights = Some(Weights { stable: 90, next: Some(10) });
    route.rules = segments().into_iter().map(|rule| MatchRuleSeen { rule, stands: Stands::Intact }).collect();
    if let Some(w) = &mut t.written {
        w.traffic = Traffic { next: 10, rules: segments() };
    }
    Moment { run, now }
}

/// With the line of the main screen that is about the selected service.
pub fn on_billing(m: Moment) -> Look {
    Look::at(m).keys(&["/", SERVICE, "enter"])
}

#[test]
fn the_main_screen_says_who_is_on_new() {
    let frame = on_billing(moment(ObservedShare::Unknown)).frame(120, 30);
    assert!(frame.contains("all of segments beta and internal on new; needs ledger"), "{frame}");
    assert!(frame.contains("blast radius ?"), "{frame}");
    let frame = on_billing(moment(ObservedShare::Confirmed(34.2))).frame(120, 30);
    assert!(frame.contains("blast radius 34%"), "{frame}");
    // Where there are none, nothing is said of them.
    let frame = on_billing(nights::safe()).frame(120, 30);
    assert!(!frame.contains("segment") && !frame.contains("blast radius ?"), "{frame}");
}

#[test]
fn a_services_page_says_where_its_segments_are_and_what_they_are() {
    let mut m = moment(ObservedShare::Unknown);
    let page = |m: &Moment| on_billing(m.clone()).keys(&["enter"]).frame(120, 40);
    assert!(page(&m).contains("all of beta, internal on new, share not known yet"), "{}", page(&m));
    m.run.tracks.get_mut(SERVICE).unwrap().observed = ObservedShare::Confirmed(34.3);
    assert!(page(&m).contains("all of beta, internal on new, about 27%"), "{}", page(&m));
    let before = planned(nights::ready());
    for said in ["go first: beta (x-user-type:", "internal (x-staff: yes)"] {
        assert!(page(&before).contains(said), "{}", page(&before));
    }
    assert!(!page(&nights::safe()).contains("segments"), "{}", page(&nights::safe()));
}

#[test]
fn the_status_says_that_nobody_knows_how_much_they_are() {
    let at = |m: &Moment| status(&m.run, m.now, &|t: Time| t.to_string());
    let unknown = at(&moment(ObservedShare::Unknown));
    assert!(unknown.blast_unknown, "{unknown:?}");
    let seen = at(&moment(ObservedShare::Confirmed(34.2)));
    assert_eq!((seen.blast_unknown, seen.blast_radius), (false, 34));
    assert!(!at(&nights::safe()).blast_unknown);
}

#[test]
fn what_is_asked_before_a_start_and_an_abort_names_them() {
    let before = planned(nights::ready());
    let start = preview(&before.run, Verb::Start, &Scope::Run);
    let said = "all requests of segments beta and internal go to new with the first 10%: how many that are is not known \
                before";
    assert!(start.effects.iter().any(|e| e == said), "{start:?}");
    let m = moment(ObservedShare::Unknown);
    let abort = preview(&m.run, Verb::Abort, &Scope::Service(SERVICE.into()));
    assert_eq!(abort.touches, "10% of the traffic of billing, and all requests of segments beta and internal");
    let said = "rules of segments beta and internal are taken away in the same write";
    assert!(abort.effects.iter().any(|e| e == said), "{abort:?}");
    let run = preview(&m.run, Verb::Abort, &Scope::Run);
    let first = run.effects.iter().find(|e| e.starts_with("weight to 0% now")).unwrap();
    assert!(first.starts_with("weight to 0% now, the rules of segments beta and internal with it: "), "{first}");
}

/// Somebody took one away: undoing that names whose they are.
#[test]
fn undoing_an_edit_of_rules_says_whose_they_are() {
    let mut m = moment(ObservedShare::Unknown);
    m.run.tracks.get_mut(SERVICE).unwrap().route.as_mut().unwrap().rules.pop();
    let revert = preview(&m.run, Verb::RevertDrift, &Scope::Service(SERVICE.into()));
    assert_eq!(revert.effects, ["rules as they were written: all requests of segments beta and internal to 4.2.1"]);
    assert_eq!(revert.touches, "all requests of those whose rules were changed");
}

#[test]
fn headless_says_who_is_on_new() {
    let m = moment(ObservedShare::Unknown);
    let text = Text::new(chrono_tz::UTC).tick(&m.run, m.now).unwrap();
    assert!(text.contains("billing 10 % and segments beta and internal, step 1 of"), "{text}");
    let json = JsonLines::new().tick(&m.run, m.now).unwrap();
    assert!(json.contains(r#""segments":["beta","internal"]"#), "{json}");
    let without = nights::safe();
    let json = JsonLines::new().tick(&without.run, without.now).unwrap();
    assert!(!json.contains("segments"), "{json}");
}
