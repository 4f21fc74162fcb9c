//! Segments of users that go first: all of their requests go to the new version by rules of their own, from the first
//! weight until the last step is over, while everybody else goes by the weights.
//!
//! The rules come in the same write as the first weight and leave in the same write as weight 0; at the end of the last
//! step they leave as tenants' rules do. How much of the traffic segments are nobody knows before; what requests show of
//! it counts for the pods of the next raise.
use super::rules::{MatchRule, Turn};
use super::run::{ObservedShare, Run, Track};
use super::traffic::turn;
use crate::plan::Planned;
use crate::plan::rules::{Whose, segments_said};
use crate::spec::units::counted;

/// What a raise to `weight` has to make of the rules as well; `None` where they are as they should be. At 100 % nobody needs
/// one.
pub(super) fn turn_with(t: &Track, p: &Planned, weight: u32) -> Option<Turn> {
    let stand = t.written.as_ref().map_or(&[][..], |w| &w.traffic.rules);
    let goes_first = p.phased.is_none() && !p.segments.is_empty() && weight < 100;
    (goes_first && stand != p.segments).then(|| turn(t, p.segments.clone()))
}

/// Per cent of all requests for which the new version needs pods at `weight`: the weight, of what segments leave, on top of
/// what they were seen to be. As long as nobody has seen them, the weight.
pub(super) fn load(t: &Track, weight: u32) -> u32 {
    let (segments, weight) = (t.segments_share.unwrap_or(0).min(100), weight.min(100));
    segments + ((100 - segments) * weight).div_ceil(100)
}

/// Takes from requests, at the end of a step, how much of them segments are; says so.
pub(super) fn learn(t: &mut Track) -> Option<String> {
    let share = seen_now(t)?;
    t.segments_share = Some(share);
    Some(format!("; segments are about {share}% of the requests"))
}

/// What segments are of all requests, in per cent, as requests show it now: what comes on top of the weight. `None` where
/// they show nothing, or nobody is there by a rule.
fn seen_now(t: &Track) -> Option<u32> {
    let ObservedShare::Confirmed(seen) = t.observed else { return None };
    // That of the step, or what was taken over from a foreign edit.
    let weight = f64::from(t.desired);
    if !t.has_rules() || !(1..100).contains(&t.desired) {
        return None;
    }
    // A hair less, so that a whole number that was computed stays one.
    Some(((seen - weight) / (100.0 - weight) * 100.0 - 1e-6).ceil().clamp(0.0, 100.0) as u32)
}

/// The same, or what was seen of them last.
pub fn share(t: &Track) -> Option<u32> {
    seen_now(t).or(t.segments_share)
}

/// The segments whose rules stand in the route of a service now.
pub fn on_new<'r>(run: &Run, track: &'r Track) -> Vec<&'r str> {
    let first = run.plan.get(&track.service).is_some_and(|p| p.whose() == Whose::Segments);
    let rules = track.route.iter().flat_map(|r| &r.rules).filter(|_| first);
    // One that somebody edited or took out sends there nobody knows whom.
    rules.filter(|seen| seen.is_intact()).map(|seen| seen.rule.name.as_str()).collect()
}

/// The same for a person; `None` for nobody.
pub fn on_new_said(run: &Run, track: &Track) -> Option<String> {
    segments_said(on_new(run, track).into_iter())
}

/// Whom these rules send to the new version, for a person; `None` for nobody.
pub fn said<'r>(planned: &Planned, rules: impl Iterator<Item = &'r MatchRule>) -> Option<String> {
    match planned.whose() {
        Whose::Segments => segments_said(rules.map(|r| r.name.as_str())),
        Whose::Tenants => {
            let count = rules.map(|r| r.values.len()).sum();
            (count > 0).then(|| counted(count, "tenant"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::observe::{Accepted, RouteSeen, Weights};
    use crate::engine::rules::{MatchBy, MatchRuleSeen, Stands};
    use crate::journal::testing::run;

    /// Half of the rest on top of a fifth, rounded up, and never more than all.
    #[test]
    fn pods_are_for_the_segments_and_the_weight_of_the_rest() {
        let mut run = run();
        let t = run.tracks.get_mut("billing").unwrap();
        assert_eq!((load(t, 10), load(t, 100)), (10, 100));
        t.segments_share = Some(20);
        assert_eq!((load(t, 0), load(t, 50), load(t, 1), load(t, 100)), (20, 60, 21, 100));
        t.segments_share = Some(100);
        assert_eq!(load(t, 25), 100);
    }

    #[test]
    fn what_comes_on_top_of_the_weight_are_the_segments() {
        let mut run = run();
        let t = run.tracks.get_mut("billing").unwrap();
        (t.observed, t.desired) = (ObservedShare::Confirmed(47.5), 25);
        assert_eq!(share(t), None, "nobody is there by a rule");
        let rule = MatchRule { name: "beta".into(), by: MatchBy::Header("x-user".into()), values: vec!["a".into()] };
        let route = Weights { stable: 75, next: Some(25) };
        t.route = Some(RouteSeen {
            service: "billing".into(),
            uid: "r".into(),
            weights: Some(route),
            backends: Vec::new(),
            rules: vec![MatchRuleSeen { rule, stands: Stands::Intact }],
            everybody: false,
            accepted: Accepted::Yes,
            owner: None,
            generation: 1,
            writer: None,
        });
        assert_eq!((share(t), t.segments_share), (Some(30), None));
        assert_eq!(learn(t).as_deref(), Some("; segments are about 30% of the requests"));
        for (observed, desired) in [(ObservedShare::Unknown, 25), (ObservedShare::Confirmed(100.0), 100)] {
            (t.observed, t.desired) = (observed, desired);
            assert_eq!(share(t), Some(30), "what was seen last");
        }
        // Sampling may show a little less than the weight alone.
        (t.observed, t.desired) = (ObservedShare::Confirmed(24.0), 25);
        assert_eq!(share(t), Some(0));
    }
}
