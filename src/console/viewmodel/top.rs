//! Row 1: which system this is, whether the picture is live, who looks, what time it is.
use super::super::model::Model;
use super::super::theme::Meaning;
use super::{Freshness, LabelKind, Scene};
use crate::engine::Run;
use crate::engine::people::{role, word};
use crate::engine::run::Driving;

/// A part of row 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    pub text: String,
    /// For a narrow screen.
    pub short: String,
    pub meaning: Meaning,
    /// What is dropped first when even the short forms do not fit: highest first; 0 never.
    pub drop: u8,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Top {
    pub left: Vec<Segment>,
    pub right: Vec<Segment>,
}

pub fn build(run: &Run, model: &Model, scene: Scene) -> Top {
    let segment = |text: String, short: String, meaning, drop| Segment { text, short, meaning, drop };
    let same = |text: String, meaning, drop| segment(text.clone(), text, meaning, drop);
    let env = &run.plan.environment;
    let mut left = Vec::new();
    left.push(match (scene.label.practice, env.production) {
        (true, _) => same("[PRACTICE]".into(), Meaning::Environment, 0),
        (false, true) => same("[PROD]".into(), Meaning::Production, 0),
        (false, false) => same("[TEST]".into(), Meaning::Environment, 0),
    });
    left.push(same(env.name.clone(), Meaning::Title, 2));
    left.push(segment(format!("run {}", run.id), run.id.clone(), Meaning::Text, 3));
    left.push(same(run.plan.upgrade.clone(), Meaning::Text, 7));
    left.push(match &run.driving {
        Driving::Lost { .. } => same("NOT DRIVING".into(), Meaning::Lost, 0),
        Driving::SteppedDown { holder, .. } => {
            segment(format!("{holder} DRIVES"), "STEPPED DOWN".into(), Meaning::Lost, 0)
        }
        _ if model.read_only && !matches!(scene.label.kind, LabelKind::Spectator(_)) => {
            same("READ-ONLY".into(), Meaning::Move, 0)
        }
        _ => match &scene.label.kind {
            LabelKind::Live => same("LIVE".into(), Meaning::Ok, 0),
            LabelKind::Spectator(who) => segment(format!("SPECTATOR of {who}"), "SPECTATOR".into(), Meaning::Move, 0),
            LabelKind::Sim(speed) => segment(format!("SIM {speed}"), "SIM".into(), Meaning::Move, 0),
        },
    });
    let unverified = match run.identity.source {
        crate::engine::command::IdentitySource::Kubernetes => "",
        crate::engine::command::IdentitySource::Local => "?",
    };
    // Who looks is known when the cluster has answered; until then no role is claimed.
    if !run.identity.name.is_empty() {
        let who = format!("{}{unverified}/{}", run.identity.name, word(role(run, &run.identity)));
        left.push(same(who, Meaning::Dim, 8));
    }
    if !run.pager {
        left.push(same("no pager".into(), Meaning::Warn, 5));
    }
    let unseen = run.pages.iter().filter(|p| p.acked_by.is_none()).count();
    if unseen > 0 {
        let key = scene.keymap.key_of(model.screen, super::super::action::Action::Verb(crate::engine::Verb::Ack));
        let key = key.map(|k| format!(" [{k}]")).unwrap_or_default();
        left.push(segment(format!("{unseen} unseen{key}"), format!("{unseen} unseen"), Meaning::Warn, 4));
    }
    Top { left, right: right(run, model, scene) }
}

fn right(run: &Run, model: &Model, scene: Scene) -> Vec<Segment> {
    let zone = scene.shown(model);
    let metrics = if run.plan.environment.metrics.prometheus.is_some() { "prom" } else { "pods" };
    let utc = super::Zone::UTC;
    // Without the cluster nothing is decided: that it is away is said wherever there is room for one of the two.
    let mut right = vec![age(metrics, &scene.sources.metrics, 2), age("kube", &scene.sources.kube, 0)];
    let label = zone.label(scene.now);
    right.push(Segment {
        text: format!("{} {label}", zone.clock(scene.now)),
        short: format!("{} {label}", zone.minute(scene.now)),
        meaning: Meaning::Text,
        drop: 1,
    });
    // By the clock, not by name: a zone may be UTC under another.
    if utc.minute(scene.now) != zone.minute(scene.now) {
        let text = format!("{}Z", utc.minute(scene.now));
        // The one clock that people in several places share: the name of the upgrade goes before it.
        right.push(Segment { text: text.clone(), short: text, meaning: Meaning::Dim, drop: 6 });
    }
    right
}

/// `trouble`: what [`Segment::drop`] is of a source that does not answer.
fn age(name: &str, freshness: &Freshness, trouble: u8) -> Segment {
    let (text, meaning) = match freshness {
        Freshness::Idle => (format!("{name} -"), Meaning::Dim),
        // Fixed width, so that the row does not jump each time an age gets a second digit.
        Freshness::Live(age) => (format!("{name} {:>2}s", age.0 / 1000), Meaning::Dim),
        Freshness::Stale(age) => (format!("{name} STALE {}", age.clock()), Meaning::Warn),
        Freshness::Lost(age) => (format!("{name} LOST {}", age.clock()), Meaning::Lost),
    };
    let drop = if matches!(freshness, Freshness::Stale(_) | Freshness::Lost(_)) { trouble } else { 4 };
    Segment { short: text.clone(), text, meaning, drop }
}
