//! Sentences about a service whose tenants move one by one: who moves now, who is next, when, and why not earlier.
use super::super::moves::{Next, Place, count, moving};
use super::super::run::{Hold, Phase, Run, Track};
use super::NextChange;
use crate::plan::Phased;
use crate::spec::units::{Dur, Time};

/// The service's hold, if its tenants move.
fn whole<'r>(run: &'r Run, track: &'r Track) -> Option<(&'r Phased, &'r Hold)> {
    let Phase::Shifting { hold, .. } = &track.phase else { return None };
    moving(run, track).map(|phased| (phased, hold))
}

/// Who moves, or who is next and why not now.
pub fn sentence(run: &Run, track: &Track) -> Option<(String, String)> {
    let (phased, hold) = whole(run, track)?;
    let service = &track.service;
    let (moved, all) = count(phased, &track.moves);
    let so_far = format!("{moved} of {all} tenants moved");
    let of = phased.hold().clock();
    Some(match (&track.moves.now, track.moves.now.as_deref().and_then(|n| track.moves.place(n))) {
        (Some(name), Some(Place::GoingBack { why, .. })) => (
            format!("{service}: {name} goes back to the old version: {why}. The other tenants stay; {so_far}."),
            format!("{service}: {name} goes back: {why}"),
        ),
        (Some(name), _) if hold.accepted_at.is_none() => (
            format!("{service}: {name} moves; its rule is written and not accepted yet. {so_far}."),
            format!("{service}: {name} moves, {so_far}"),
        ),
        (Some(name), _) => {
            let gates = if hold.ticks > 0 && track.gates_pass() { "all gates good" } else { "gates not known yet" };
            let clean = hold.clean.clock();
            (
                format!(
                    "{service}: {name} is on the new version, {gates}, {clean} of {of} clean; {so_far}. It goes back by \
                     itself on a breach."
                ),
                format!("{service}: {name} on new, {clean} of {of} clean, {so_far}"),
            )
        }
        (None, _) => {
            let why = match track.moves.turn.as_ref().map(|l| &l.next) {
                Some(Next::Wait { name, said, why, .. }) => format!("{name} is next, {said}: {why}"),
                Some(Next::Stopped) => "the line is stopped".into(),
                Some(Next::Left) => "nobody who is left can be moved".into(),
                Some(Next::Over) => "all have moved; everybody else follows when the window lets it".into(),
                None => "the next one is looked for".into(),
            };
            (format!("{service}: {so_far}. {why}."), format!("{service}: {so_far}; {why}"))
        }
    })
}

/// What changes next for its tenants, and when.
pub fn next(run: &Run, track: &Track, due: Option<Time>, next: &mut NextChange) -> bool {
    let Some((phased, hold)) = whole(run, track) else { return false };
    let service = &track.service;
    match (&track.moves.now, track.moves.turn.as_ref().map(|l| &l.next)) {
        (Some(name), _) if matches!(track.moves.place(name), Some(Place::GoingBack { .. })) => {
            (next.text, next.condition) = (format!("{service}: {name} on old"), "route accepted".into());
            next.at = None;
        }
        (Some(name), _) if hold.accepted_at.is_none() => {
            (next.text, next.condition) = (format!("{service}: {name} on new"), "route accepted".into());
            next.at = None;
        }
        (Some(name), _) => {
            next.text = format!("{service}: {name} has moved");
            next.condition = format!("{} clean", phased.hold().minus(hold.clean).clock());
            next.at = due;
        }
        (None, Some(Next::Wait { name, until: None, why, .. })) => {
            next.text = format!("{service}: {name} moves only once somebody lets it go");
            (next.condition, next.at) = (why.clone(), None);
        }
        (None, Some(Next::Wait { name, until, why, .. })) => {
            (next.text, next.condition, next.at) = (format!("{service}: {name} moves"), why.clone(), *until);
        }
        (None, Some(Next::Over)) => {
            next.text = format!("{service} 100% for everybody else");
            (next.condition, next.at) = ("its window lets it".into(), None);
        }
        (None, Some(Next::Stopped | Next::Left)) => {
            next.text = format!("{service}: no tenant before somebody decides");
            next.at = None;
        }
        (None, None) => (next.text, next.at) = (format!("{service}: the next tenant"), None),
    }
    true
}

/// In at most eleven cells: `3/41 2:10` while one is judged, `3/41 moved` between two.
pub fn state(run: &Run, track: &Track) -> Option<String> {
    let (phased, hold) = whole(run, track)?;
    let (moved, all) = count(phased, &track.moves);
    let place = track.moves.now.as_deref().and_then(|n| track.moves.place(n));
    Some(match place {
        Some(Place::GoingBack { .. }) => format!("{moved}/{all} back"),
        Some(_) if hold.accepted_at.is_none() => format!("{moved}/{all} +1"),
        Some(_) => format!("{moved}/{all} {}", left(phased, hold).clock()),
        None => format!("{moved}/{all} moved"),
    })
}

fn left(phased: &Phased, hold: &Hold) -> Dur {
    phased.hold().minus(hold.clean)
}
