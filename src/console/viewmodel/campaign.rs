//! What a campaign says of one tenant: moved, on its way, back, next, kept back; and since when and why.
use std::collections::BTreeMap;

use super::super::tenants::{Tenants, needs_of};
use super::super::theme::Meaning;
use super::super::zone::Zone;
use super::{Line, piece};
use crate::engine::moves::{Kept, Lost, Next, Place, lost, moving, of_tenant};
use crate::engine::window::Stay;
use crate::engine::{Phase, Run, Track};
use crate::plan::Move;
use crate::spec::tenants::Tenant;
use crate::spec::units::Time;
use crate::spec::when::DAY;

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

impl Told {
    /// Where it is by now, or was: what no freeze takes back.
    pub fn is_begun(&self) -> bool {
        matches!(self.rank, 0..=2 | 6)
    }

    /// A person keeps it back.
    pub fn is_kept(&self) -> bool {
        self.rank == 3
    }
}

/// What persons said that keeps it back, with the word for that: of the run, and of itself where it has not moved yet.
pub fn stays<'r>(run: &'r Run, tenant: &'r Tenant) -> Vec<(&'static str, &'r Stay)> {
    let whole = run.frozen.iter().map(|s| ("frozen", s));
    if run.kept.is_empty() {
        return whole.collect();
    }
    let moves = of_tenant(run, &tenant.id, &tenant.cohort).filter(|(t, m)| t.moves.place(&m.name).is_none());
    let kept: BTreeMap<&str, &Kept> =
        moves.filter_map(|(_, m)| Some((m.name.as_str(), run.kept.get(&m.name)?))).collect();
    let of = |k: &'r Kept| {
        let both = [("frozen", &k.frozen), ("put off", &k.deferred)];
        both.into_iter().filter_map(|(word, stay)| Some((word, stay.as_ref()?)))
    };
    whole.chain(kept.into_values().flat_map(of)).collect()
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
                (3, if frozen { "FROZEN" } else { "put off" }, if frozen { Meaning::Bad } else { Meaning::Held }, None)
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

/// The tenant's turn as the run has it: when, in words of its own clock, and why not earlier. Of several services the first
/// in which it is next.
pub fn next<'r>(run: &'r Run, tenant: &'r Tenant) -> Option<(Option<Time>, &'r str, &'r str)> {
    of_tenant(run, &tenant.id, &tenant.cohort).find_map(|(t, m)| match place(run, t, m)? {
        Where::Next { until, said, why } => Some((until, said, why)),
        _ => None,
    })
}

/// What goes before a tenant that has not moved and is not next; nothing where no move of its own is to come.
pub fn waits(run: &Run, tenant: &Tenant) -> Option<String> {
    let (t, m) = of_tenant(run, &tenant.id, &tenant.cohort).find(|(t, m)| place(run, t, m).is_none())?;
    let cohort = |name: &str| run.plan.get(&t.service)?.phased.as_ref()?.get(name).map(|m| m.cohort.as_str());
    Some(match (&t.moves.now, t.moves.turn.as_ref().map(|l| &l.next)) {
        (Some(name), _) => format!("{name} moves now"),
        (None, Some(Next::Wait { name, .. })) => match cohort(name).filter(|first| *first != m.cohort) {
            Some(first) => format!("cohort {first} goes first, {name} next"),
            None => format!("{name} goes first"),
        },
        (None, Some(Next::Stopped)) => "the line is stopped".into(),
        (None, Some(Next::Left)) => "a person decides about those that are left".into(),
        (None, Some(Next::Over) | None) => "its turn has not come".into(),
    })
}

/// When the date begins, on its clock, that a tenant asks for.
pub fn preferred(tenants: &Tenants, index: usize) -> Option<Time> {
    let date = tenants.tenant(index)?.preferred_date?;
    Some(Time(tenants.view(index).clock.first_at(i64::from(date.0) * DAY)))
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
            Some(Where::At(Place::OnItsWay)) => {
                let closed = t.moves.begun.get(&m.name).and_then(|b| b.closes).filter(|closes| *closes <= now);
                let closed = closed.map(|c| format!("; its window closed {}", at(c))).unwrap_or_default();
                (Meaning::Move, format!("moves{with} since {begun}{}{closed}", far(run, t)))
            }
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

/// Tenants that persons keep back, and those of them whose window is open.
#[derive(Default)]
pub struct KeptBack {
    pub all: usize,
    pub open: usize,
}

pub fn kept(run: &Run, tenants: &Tenants) -> KeptBack {
    let mut kept = KeptBack::default();
    if run.kept.is_empty() {
        return kept;
    }
    let moves: BTreeMap<&str, usize> = run
        .in_order()
        .filter_map(|t| Some((t, run.plan.get(&t.service)?.phased.as_ref()?)))
        .flat_map(|(t, phased)| phased.moves.iter().filter(|m| t.moves.place(&m.name).is_none()))
        .filter(|m| run.kept.contains_key(&m.name))
        .map(|m| (m.name.as_str(), m.tenants))
        .collect();
    for (name, count) in moves {
        kept.all += count;
        let index = tenants.place(name).and_then(|place| tenants.at(place));
        kept.open += usize::from(index.is_some_and(|i| tenants.look_of(i).open));
    }
    kept
}

/// When it goes on, at the earliest, after all that persons said; nothing when somebody has to lift that.
pub fn let_go(run: &Run, tenants: &Tenants, index: usize, now: Time) -> Option<Time> {
    let tenant = tenants.tenant(index)?;
    let ends: Vec<Time> = stays(run, tenant).iter().map(|(_, s)| s.until).collect::<Option<_>>()?;
    // The run knows what else it waits for.
    let turn = of_tenant(run, &tenant.id, &tenant.cohort).find_map(|(t, m)| match &t.moves.turn.as_ref()?.next {
        Next::Wait { name, until, .. } if *name == m.name && run.frozen.is_none() => *until,
        _ => None,
    });
    if turn.is_some() {
        return turn;
    }
    let over = ends.into_iter().chain(preferred(tenants, index)).max()?.max(now);
    tenants.view(index).earliest_fit(over, needs_of(run, tenant).0)
}
