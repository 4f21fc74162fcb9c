//! What a campaign says of one tenant: moved, on its way, back, next, kept back; and since when and why.
use super::super::theme::Meaning;
use super::super::zone::Zone;
use super::{Line, piece};
use crate::engine::moves::{Kept, Lost, Next, Place, lost, moving, of_tenant};
use crate::engine::{Phase, Run, Track};
use crate::plan::Move;
use crate::spec::tenants::Tenant;
use crate::spec::units::Time;

/// Where a tenant is with one service.
enum Where<'r> {
    Kept(&'r Kept),
    At(&'r Place),
    /// It moved, and its rule does not stand in the route as it was written.
    Lost(Lost),
    Next {
        until: Option<Time>,
        said: &'r str,
        why: &'r str,
    },
    /// It has not moved, and does not any more: what became of its service.
    Never(&'static str),
}

fn place<'r>(run: &'r Run, t: &'r Track, m: &Move) -> Option<Where<'r>> {
    match t.moves.place(&m.name) {
        Some(_) if lost(t, m).is_some() => return lost(t, m).map(Where::Lost),
        Some(place) => return Some(Where::At(place)),
        None => {}
    }
    if t.phase.going_back() || t.phase.is_final() && !matches!(t.phase, Phase::Done) {
        return Some(Where::Never(t.phase.word()));
    }
    if let Some(kept) = run.kept.get(&m.name) {
        return Some(Where::Kept(kept));
    }
    match t.moves.turn.as_ref().map(|l| &l.next) {
        Some(Next::Wait { name, until, said, why }) if *name == m.name => {
            Some(Where::Next { until: *until, said, why })
        }
        _ => None,
    }
}

/// What the list says of a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// What needs a person's eye first has the lowest.
    pub rank: u8,
    pub word: &'static str,
    pub meaning: Meaning,
    pub until: Option<Time>,
}

/// One word for the list, the least of its services' first; nothing where only its windows have something to say.
pub fn state(run: &Run, tenant: &Tenant) -> Option<Told> {
    let all: Vec<(&Track, &Move)> = of_tenant(run, &tenant.id, &tenant.cohort).collect();
    let word = |(t, m): &(&Track, &Move)| {
        let (rank, word, meaning, until) = match place(run, t, m)? {
            Where::At(Place::GoingBack { .. }) => (0, "goes back", Meaning::Roll, None),
            Where::Lost(lost) => (1, lost.word(), Meaning::Bad, None),
            Where::At(Place::Back { .. }) => (1, "back", Meaning::Bad, None),
            Where::At(Place::OnItsWay) => (2, "moves", Meaning::Move, None),
            Where::Kept(kept) => {
                let frozen = kept.frozen.is_some();
                let until = kept.stays().filter_map(|s| s.until).max();
                (3, if frozen { "FROZEN" } else { "put off" }, if frozen { Meaning::Bad } else { Meaning::Held }, until)
            }
            Where::Next { until, .. } => (4, "next", Meaning::Warn, until),
            Where::Never(_) => (5, "not moved", Meaning::Dim, None),
            Where::At(Place::Moved { .. }) => (6, "moved", Meaning::Good, None),
        };
        Some(Told { rank, word, meaning, until })
    };
    let known: Vec<_> = all.iter().map(word).collect();
    // Of several services the one that is not there yet is what its windows are looked at for.
    let open = known.iter().any(Option::is_none);
    let least = known.into_iter().flatten().min_by_key(|told| told.rank)?;
    (!open || least.rank < 6).then_some(least)
}

/// How far the one on its way is.
fn far(run: &Run, t: &Track) -> String {
    let (Phase::Shifting { hold, .. }, Some(phased)) = (&t.phase, moving(run, t)) else { return String::new() };
    match hold.accepted_at {
        Some(_) => format!(", {} of {} clean", hold.clean.clock(), phased.hold().clock()),
        None => ", its rule is not accepted yet".into(),
    }
}

/// For the tenant's page: a line for each service that it moves in.
pub fn lines(run: &Run, tenant: &Tenant, zone: Zone, now: Time, old: bool) -> Vec<Line> {
    let at = |t: Time| zone.day(t, now);
    let mut lines = Vec::new();
    for (t, m) in of_tenant(run, &tenant.id, &tenant.cohort) {
        let with = if m.name == *tenant.id { String::new() } else { format!(" with {}", m.name) };
        let begun = t.moves.begun.get(&m.name).map(|b| at(b.begun)).unwrap_or_default();
        let (meaning, text) = match place(run, t, m) {
            Some(Where::At(Place::Moved { at: done, observed })) => {
                let seen = if *observed { "its requests were seen there" } else { "not observed apart from others" };
                (Meaning::Good, format!("moved{with} {begun}, confirmed {}, {seen}", at(*done)))
            }
            Some(Where::Lost(lost)) => (Meaning::Bad, format!("moved{with} {begun}, and {}", lost.said())),
            Some(Where::At(Place::OnItsWay)) => (Meaning::Move, format!("moves{with} since {begun}{}", far(run, t))),
            Some(Where::At(Place::GoingBack { since, why, .. })) => {
                (Meaning::Roll, format!("goes back{with} since {}: {why}", at(*since)))
            }
            Some(Where::At(Place::Back { at: back, why })) => {
                (Meaning::Bad, format!("moved{with} {begun}, back {}: {why}", at(*back)))
            }
            Some(Where::Kept(kept)) => {
                let said: Vec<String> = kept
                    .stays()
                    .map(|s| {
                        let until = s.until.map_or_else(|| "somebody lifts it".into(), at);
                        format!("kept back by {} until {until}: {}", s.by, s.reason)
                    })
                    .collect();
                (Meaning::Held, said.join("; "))
            }
            Some(Where::Never(word)) => (Meaning::Dim, format!("not moved{with}: {} is {word}", t.service)),
            Some(Where::Next { said, why, .. }) => (Meaning::Text, format!("next{with}, {said}: {why}")),
            None => (Meaning::Dim, format!("waits for its turn{with}, cohort {}", m.cohort)),
        };
        let (meaning, text) = if old { (Meaning::Stale, format!("?{text}")) } else { (meaning, text) };
        lines.push(vec![piece(Meaning::Dim, format!("{:<11}", t.service)), piece(meaning, text)]);
    }
    lines
}
