//! A campaign: the tenants of a service move one after the other while its weight stays 0.
//!
//! The step machine is the one of the weights: written, accepted, judged clean for the hold, and then the next. Who is
//! next is the Calendar's to say ([`crate::calendar::turn`]); what goes wrong takes the one back that is on its way.
use super::cx::{Cx, ENGINE, capacity};
use super::effect::{Action, EventKind};
use super::forward::{OBSERVE_PATIENCE, accepted, pods_for, step_complete};
use super::holds::{hold, lift_if, raise_blocked};
use super::moves::{Looked, MoveTrack, Next, Place, line_stopped, moving, went_back};
use super::rollback::{may_go_back, old_ready, scale_target};
use super::run::{Ask, AskKind, GateTrack, Hold, HoldReason, ObservedShare, Phase, Run, Track};
use super::tick::judged_lately;
use super::traffic::route_rules;
use super::turn::{Found, closes, look};
use super::window::{self, NOTICE};
use crate::calendar::LOOK;
use crate::gate::Verdict;
use crate::plan::{Move, Phased, Planned};
use crate::spec::policy::{AtWindowEnd, Observed};
use crate::spec::units::{Dur, Time};

/// One look at the tenants of a service.
pub(super) fn advance(cx: &mut Cx, t: &mut Track, p: &Planned, phased: &Phased, held: Hold) {
    let Some(name) = t.moves.now.clone() else { return choose(cx, t, p, phased, &held) };
    let Some(m) = phased.get(&name) else { return };
    match t.moves.place(&name) {
        Some(Place::GoingBack { why, again, .. }) => {
            let (why, again) = (why.clone(), *again);
            take_back(cx, t, phased, m, why, again);
        }
        Some(Place::OnItsWay) if held.accepted_at.is_none() => write(cx, t, p, phased, m, held),
        Some(Place::OnItsWay) => judge(cx, t, phased, m, held),
        _ => t.moves.now = None,
    }
}

/// Begins the next move when its turn has come.
fn choose(cx: &mut Cx, t: &mut Track, p: &Planned, phased: &Phased, held: &Hold) {
    if cx.run.frozen.is_some() || raise_blocked(cx.run, t).is_some() {
        return;
    }
    if t.held.as_ref().is_some_and(|h| !matches!(h.reason, HoldReason::Line | HoldReason::Window)) {
        return;
    }
    // What an earlier move left behind, such as a write that was taken for lost.
    let wanted = t.moves.rules(phased);
    if t.written.as_ref().is_some_and(|w| w.traffic.rules != wanted) {
        return cx.call(t, route_rules(t, wanted), "only those that moved have rules");
    }
    // After one went back, how those that stay do is seen first.
    let unseen = held.accepted_at.is_some() && held.ticks == 0;
    let known = |v: Verdict| v.passes() || v == Verdict::TooFew;
    let unknown = t.gates.values().filter_map(|g| g.last.as_ref()).any(|e| !known(e.acts_as));
    if unseen || unknown || !judged_lately(cx.run) {
        return;
    }
    match whose_turn(cx, t, phased) {
        Found::Move(name) => begin(cx, t, p, phased, &name),
        Found::Next(Next::Wait { .. }) => lift_if(cx, t, &[HoldReason::Line], "others can move"),
        Found::Next(Next::Stopped) => {
            let back: Vec<String> =
                went_back(cx.run, t).into_iter().map(|(name, why)| format!("{name} ({why})")).collect();
            ask(cx, t, format!("the line is stopped: {} went back", back.join(", ")));
        }
        Found::Next(Next::Left) => {
            let left = left(cx.run, t, phased);
            ask(cx, t, format!("these went back or have no window within {LOOK}: {}", left.join(", ")));
        }
        Found::Next(Next::Over) => everybody_else(cx, t, p, phased),
    }
}

/// Whom a person has to decide about: of the first cohort that cannot go on, and of those before it.
fn left<'p>(run: &Run, t: &Track, phased: &'p Phased) -> Vec<&'p str> {
    let mut left = Vec::new();
    for cohort in phased.moves.chunk_by(|a, b| a.cohort == b.cohort) {
        let back = |m: &&Move| matches!(t.moves.place(&m.name), Some(Place::Back { .. }));
        let waits = |m: &&Move| t.moves.place(&m.name).is_none() && !run.kept.contains_key(&m.name);
        let (gone_back, waiting) = (cohort.iter().any(|m| back(&m)), cohort.iter().any(|m| waits(&m)));
        left.extend(cohort.iter().filter(|m| back(m) || waits(m)).map(|m| m.name.as_str()));
        if waiting || (gone_back && !cohort.iter().any(|m| t.moves.moved(m))) {
            break;
        }
    }
    left
}

/// What was found last, or what is found now; says so when it is something else.
fn whose_turn(cx: &mut Cx, t: &mut Track, phased: &Phased) -> Found {
    let now = cx.now;
    if let Some(known) = t.moves.turn.as_ref().filter(|l| l.at <= now && now < l.again) {
        cx.wake_at(known.again);
        return Found::Next(known.next.clone());
    }
    let (found, again) = look(cx.run, t, phased, now);
    let before = t.moves.turn.take().map(|l| l.next);
    let Found::Next(next) = &found else { return found };
    cx.wake_at(again);
    if let Next::Wait { name, said, why, .. } = next
        && before.as_ref() != Some(next)
    {
        let service = t.service.clone();
        cx.event(EventKind::Hold, ENGINE, Some(&service), format!("{name} is next, {said}: {why}"));
    }
    t.moves.turn = Some(Looked { at: now, again, next: next.clone() });
    found
}

/// Nothing moves before a person says so.
fn ask(cx: &mut Cx, t: &mut Track, text: String) {
    let asked = format!("{text}: retry, or abort?");
    if t.open(Ask { kind: AskKind::Tenants, text: asked, since: cx.now, deadline: None }) {
        let service = t.service.clone();
        cx.page(Some(&service), format!("{text}; no further tenant moves"));
    }
    hold(cx, t, HoldReason::Line, text, None);
}

/// A person goes on: those that went back are tried again when their turn comes.
pub(super) fn go_on(cx: &mut Cx, t: &mut Track) {
    t.moves.begun.retain(|_, m| !matches!(m.place, Place::Back { .. }));
    // What stopped the line of one service stopped that of all.
    for moves in cx.run.tracks.values_mut().map(|o| &mut o.moves).chain([&mut t.moves]) {
        (moves.rollbacks, moves.turn) = (0, None);
        moves.went_back.clear();
    }
    lift_if(cx, t, &[HoldReason::Line], "a person goes on");
}

fn begin(cx: &mut Cx, t: &mut Track, p: &Planned, phased: &Phased, name: &str) {
    let Some(m) = phased.get(name) else { return };
    lift_if(cx, t, &[HoldReason::Line], "its turn has come");
    let (closes, said) = closes(cx.run, m, cx.now);
    let track = MoveTrack { begun: cx.now, closes, place: Place::OnItsWay, told: false, over: false };
    t.moves.begun.insert(name.into(), track);
    t.moves.now = Some(name.into());
    turns_anew(cx, t);
    t.observed = ObservedShare::Unknown;
    let held = Hold::default();
    t.phase = Phase::Shifting { step: 0, hold: held.clone() };
    let service = t.service.clone();
    let with = if m.tenants > 1 { format!(" ({} tenants)", m.tenants) } else { String::new() };
    let text = format!("{name}{with} of {} moves; its window is open {said}", m.cohort);
    cx.event(EventKind::Step, ENGINE, Some(&service), text);
    write(cx, t, p, phased, m, held);
}

/// Pods first, then its rule, then acceptance.
fn write(cx: &mut Cx, t: &mut Track, p: &Planned, phased: &Phased, m: &Move, mut held: Hold) {
    let wanted = t.moves.rules(phased);
    let ours = t.written.as_ref().is_some_and(|w| w.traffic.rules == wanted);
    if ours && t.route.as_ref().is_some_and(|r| t.written.as_ref().is_some_and(|w| w.traffic.rules_stand(r))) {
        if accepted(cx, t) {
            lift_if(cx, t, &[HoldReason::Capacity], "the rule is accepted");
            held.accepted_at = Some(cx.now);
            t.gates_from = Some(cx.now);
            t.phase = Phase::Shifting { step: 0, hold: held };
            let service = t.service.clone();
            let text =
                format!("{}: all its requests go to {}, accepted; judged for {}", m.name, p.version, phased.hold());
            cx.event(EventKind::Step, ENGINE, Some(&service), text);
        } else {
            overstays(cx, t, m);
        }
        return;
    }
    if t.call.is_some() {
        return;
    }
    // Time may have passed while pods were made or a write was tried again.
    let needs = phased.needs(&cx.run.plan.policy);
    let closes = t.moves.begun.get(&m.name).and_then(|b| b.closes);
    let fits = closes.is_none_or(|end| end.since(cx.now) >= needs && end > cx.now);
    let kept = cx.run.frozen.is_some() || cx.run.kept.contains_key(&m.name) || line_stopped(cx.run, t);
    if !fits || kept || raise_blocked(cx.run, t).is_some() {
        return give_up_turn(cx, t, m, if fits { "it may not move now" } else { "its window is too short by now" });
    }
    let known = |v: Verdict| v.passes() || v == Verdict::TooFew;
    if !judged_lately(cx.run) || t.gates.values().filter_map(|g| g.last.as_ref()).any(|e| !known(e.acts_as)) {
        t.unready_since = None;
        return;
    }
    // How much of the traffic is theirs nobody knows: pods for all of it.
    if pods_for(cx, t, capacity(p, t.r0, 100), &m.name) {
        cx.call(t, route_rules(t, wanted), format!("{} of {} moves", m.name, m.cohort));
    }
}

/// Nothing of it was written: it waits for its next turn as if it had not begun.
fn give_up_turn(cx: &mut Cx, t: &mut Track, m: &Move, why: &str) {
    t.moves.begun.remove(&m.name);
    (t.moves.now, t.moves.turn, t.unready_since) = (None, None, None);
    lift_if(cx, t, &[HoldReason::Capacity], why);
    let service = t.service.clone();
    cx.event(EventKind::Hold, ENGINE, Some(&service), format!("{} waits for its next turn: {why}", m.name));
}

/// On the new version: judged until its hold is over.
fn judge(cx: &mut Cx, t: &mut Track, phased: &Phased, m: &Move, held: Hold) {
    watch(cx, t, phased, m, &held);
    if step_complete(cx, t, &held, phased.hold()) {
        return confirmed(cx, t, phased, m, &held);
    }
    overstays(cx, t, m);
}

/// Its window is over and its move is not done: it goes back, at once or when it may not be held any longer.
fn overstays(cx: &mut Cx, t: &mut Track, m: &Move) {
    let Some(closes) = t.moves.begun.get(&m.name).and_then(|b| b.closes) else { return };
    let policy = &cx.run.plan.policy;
    let (limit, end) = (policy.max_split_hold, policy.at_window_end);
    if cx.now < closes {
        let soon = closes - NOTICE;
        cx.wake_at(if cx.now < soon { soon } else { closes });
        return window_ends(cx, t, m, end);
    }
    if end == AtWindowEnd::Rollback {
        return goes_back(cx, t, &m.name, "its window is over, and its move is not done");
    }
    window_over(cx, t, m, closes);
    // Only its own move counts, not the time between tenants.
    cx.wake_at(closes + limit);
    if end == AtWindowEnd::Hold && cx.now.since(closes) >= limit {
        let text = format!("its move was not done {limit} after its window, as long as max_split_hold says");
        goes_back(cx, t, &m.name, &text);
    }
}

/// Tells people once that the window of the one on its way ends soon.
fn window_ends(cx: &mut Cx, t: &mut Track, m: &Move, end: AtWindowEnd) {
    let Some(begun) = t.moves.begun.get_mut(&m.name) else { return };
    let Some(closes) = begun.closes.filter(|c| *c - NOTICE <= cx.now && !begun.told) else { return };
    // A window that is hardly longer than the move says nothing.
    if begun.begun > closes - NOTICE {
        return;
    }
    begun.told = true;
    let then = match end {
        AtWindowEnd::Rollback => "it then goes back",
        AtWindowEnd::Finish | AtWindowEnd::Hold => "what has begun is judged to its end",
    };
    let text = format!("the window of {} ends in {}: {then}", m.name, closes.until(cx.now).clock());
    let service = t.service.clone();
    cx.page(Some(&service), text);
}

/// Tells people once that it is over.
fn window_over(cx: &mut Cx, t: &mut Track, m: &Move, closes: Time) {
    let Some(begun) = t.moves.begun.get_mut(&m.name).filter(|b| !b.over) else { return };
    begun.over = true;
    let policy = &cx.run.plan.policy;
    let then = match policy.at_window_end {
        AtWindowEnd::Finish => "it is judged to its end all the same".into(),
        _ => {
            let left = (closes + policy.max_split_hold).until(cx.now).clock();
            format!("it is judged to its end, for {left} at most (max_split_hold)")
        }
    };
    let service = t.service.clone();
    cx.page(Some(&service), format!("the window of {} is over and its move is not done: {then}", m.name));
}

/// Requests of its own on the new version, as far as they can be told.
fn watch(cx: &mut Cx, t: &mut Track, phased: &Phased, m: &Move, held: &Hold) {
    let Some(at) = held.accepted_at else { return };
    if cx.run.plan.policy.observed == Observed::Off {
        t.observed = ObservedShare::NotObserved;
        return;
    }
    if !matches!(t.observed, ObservedShare::Unknown | ObservedShare::Off(_)) {
        return;
    }
    let alone = !phased.moves.iter().any(|o| o.name != m.name && t.moves.on_new(o));
    let patience = at + OBSERVE_PATIENCE;
    let text = if !alone {
        format!("{}: its own requests cannot be told from those of tenants that moved before; not observed", m.name)
    } else if cx.now >= patience {
        format!("{}: no request of its own was seen on the new version in {OBSERVE_PATIENCE}; not observed", m.name)
    } else {
        return cx.wake_at(patience);
    };
    t.observed = ObservedShare::NotObserved;
    let service = t.service.clone();
    cx.event(EventKind::Step, ENGINE, Some(&service), text);
}

fn confirmed(cx: &mut Cx, t: &mut Track, phased: &Phased, m: &Move, held: &Hold) {
    let observed = matches!(t.observed, ObservedShare::Confirmed(_));
    if let Some(begun) = t.moves.begun.get_mut(&m.name) {
        begun.place = Place::Moved { at: cx.now, observed };
    }
    (t.moves.now, t.moves.turn) = (None, None);
    let (moved, all) = super::moves::count(phased, &t.moves);
    let how = match &held.ended_by {
        Some(who) => format!("ended early by {who}"),
        None => format!("after {} clean", phased.hold()),
    };
    let seen = if observed { "its requests were seen there" } else { "its requests were not observed apart" };
    let text = format!("{} moved {how}, {seen}: {moved} of {all} tenants", m.name);
    let service = t.service.clone();
    cx.event(EventKind::Step, ENGINE, Some(&service), text);
    // The next one is chosen at the next look, by gates of its own time.
    cx.wake_at(cx.now + Dur::secs(1));
}

/// Whose fault a breach is: the one that is on its way. `None` where it is the new version's, whoever is on it.
pub(super) fn to_blame(run: &Run, t: &Track) -> Option<String> {
    moving(run, t)?;
    let Phase::Shifting { hold, .. } = &t.phase else { return None };
    hold.accepted_at?;
    t.moves.now.clone()
}

/// Caps of a day and the line are the whole run's: whose turn it is is found anew in every service.
fn turns_anew(cx: &mut Cx, t: &mut Track) {
    cx.run.tracks.values_mut().chain([t]).for_each(|t| t.moves.turn = None);
}

/// One tenant goes back to the old version; the others stay.
pub(super) fn goes_back(cx: &mut Cx, t: &mut Track, name: &str, why: &str) {
    let Some(begun) = t.moves.begun.get_mut(name).filter(|b| b.place.on_new()) else { return };
    begun.place = Place::GoingBack { since: cx.now, why: why.into(), again: false };
    t.moves.rollbacks += 1;
    t.moves.went_back.insert(name.into());
    turns_anew(cx, t);
    (t.held, t.breach, t.fault) = (None, None, None);
    t.close_all();
    let service = t.service.clone();
    let of = cx.run.plan.when.as_ref().map_or(2, |w| w.calendar.spec.stop_after_rollbacks);
    let count = went_back(cx.run, t).len();
    let text = format!("{name} goes back: {why}; rollback {count} of {of} that stop the line");
    cx.event(EventKind::Rollback, ENGINE, Some(&service), text.clone());
    cx.page(Some(&service), text);
}

/// The process leaves, and who is on the way would be judged by nobody: back, until its turn comes again. True: somebody is
/// on the way back.
pub(super) fn on_their_way_go_back(cx: &mut Cx) -> bool {
    let why = cx.run.leaving.as_ref().map_or_else(String::new, |l| l.why.clone());
    let on_its_way = |t: &Track| {
        let name = moving(cx.run, t).and(t.moves.now.clone())?;
        Some((t.service.clone(), name))
    };
    let all: Vec<(String, String)> = cx.run.tracks.values().filter_map(on_its_way).collect();
    for (service, name) in &all {
        let Some(begun) = cx.run.tracks.get_mut(service).and_then(|t| t.moves.begun.get_mut(name)) else { continue };
        if matches!(begun.place, Place::OnItsWay) {
            begun.place = Place::GoingBack { since: cx.now, why: why.clone(), again: true };
            let text = format!("{name} goes back, as its move is not done; its turn comes again");
            cx.event(EventKind::Rollback, ENGINE, Some(service), text);
        }
    }
    !all.is_empty()
}

/// Its rule is taken away, and is gone when a gateway follows.
fn take_back(cx: &mut Cx, t: &mut Track, phased: &Phased, m: &Move, why: String, again: bool) {
    if t.call.is_some() {
        return;
    }
    let wanted = t.moves.rules(phased);
    let gone = t.written.as_ref().is_some_and(|w| w.traffic.rules == wanted);
    if !gone {
        if !may_go_back(t) {
            scale_target(cx, t);
            let text = format!("{} is to go back, but only {} of {} old pods are ready", m.name, old_ready(t), t.r0);
            return hold(cx, t, HoldReason::Capacity, text, None);
        }
        return cx.call(t, route_rules(t, wanted), format!("{} goes back: {why}", m.name));
    }
    if !accepted(cx, t) {
        return;
    }
    lift_if(cx, t, &[HoldReason::Capacity, HoldReason::Write], "its rule is gone");
    if again {
        t.moves.begun.remove(&m.name);
    } else if let Some(begun) = t.moves.begun.get_mut(&m.name) {
        begun.place = Place::Back { at: cx.now, why: why.clone() };
    }
    (t.moves.now, t.moves.turn) = (None, None);
    // Those that stay are judged from here on, by what they do from here on; without any there are no requests to judge by.
    t.gates_from = t.has_rules().then_some(cx.now);
    for gate in t.gates.values_mut() {
        *gate = GateTrack::fresh();
    }
    t.phase = Phase::Shifting { step: 0, hold: Hold { accepted_at: Some(cx.now), ..Hold::default() } };
    t.stood = Dur::ZERO;
    let service = t.service.clone();
    let text = format!("{} is back on the old version, accepted", m.name);
    cx.event(EventKind::Rollback, ENGINE, Some(&service), text);
}

/// The whole service is to go back: nobody's rule is wanted any more.
pub(super) fn all_go_back(cx: &mut Cx, t: &mut Track, why: &str) {
    for m in t.moves.begun.values_mut().filter(|m| m.place.on_new()) {
        m.place = Place::GoingBack { since: cx.now, why: why.into(), again: false };
    }
    (t.moves.now, t.moves.turn) = (None, None);
}

/// Nobody has a rule any more, and a gateway has taken that on, or there never was one it could follow.
pub(super) fn all_are_back(cx: &mut Cx, t: &mut Track) {
    for m in t.moves.begun.values_mut() {
        if let Place::GoingBack { why, .. } = &m.place {
            m.place = Place::Back { at: cx.now, why: why.clone() };
        }
    }
}

/// All have moved: the weight goes to 100 for whom no rule tells, in the window that all share.
fn everybody_else(cx: &mut Cx, t: &mut Track, p: &Planned, phased: &Phased) {
    if window::stops(cx, t) {
        return;
    }
    let all = phased.count(|_| true);
    let text = format!("all {all} tenants have moved; step 2: 0% -> 100% for everybody else");
    cx.enter(t, Phase::Shifting { step: 1, hold: Hold::default() }, text);
    t.observed = ObservedShare::Unknown;
    super::forward::shifting(cx, t, p, 1, Hold::default());
}

/// At 100 % nobody needs a rule any more. True: they are gone, and a gateway has taken that on.
pub(super) fn without_rules(cx: &mut Cx, t: &mut Track) -> bool {
    if t.has_rules() {
        cx.call(t, route_rules(t, Vec::new()), "the weight sends everybody there");
        return false;
    }
    accepted(cx, t)
}

fn turns_rules(action: &Action) -> bool {
    matches!(action, Action::RouteRules(_) | Action::SetWeight { rules: Some(_), .. })
}

/// Takes every rule away, whatever was written; for a way back. True: none is there.
pub(super) fn no_rules(cx: &mut Cx, t: &mut Track, why: &str) -> bool {
    if t.has_rules() {
        cx.call(t, route_rules(t, Vec::new()), why);
        return false;
    }
    !t.call.as_ref().is_some_and(|f| turns_rules(&f.call.action))
}
