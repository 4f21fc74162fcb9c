//! What requests say of the share that flows.
use super::cx::capacity;
use super::measure::ShareSeen;
use super::run::{ObservedShare, Phase, Settling, Track};
use crate::plan::Planned;

/// Reads requests for the observed share, and for silence where a version is to go.
pub(super) fn take_share(t: &mut Track, p: &Planned, seen: &ShareSeen, weight: u32) {
    let quiet = match &mut t.phase {
        Phase::RollingBack(r) => Some((&mut r.quiet_scrapes, r.accepted_zero.is_some())),
        Phase::Settling(Settling::Confirm { quiet, .. }) => Some((quiet, true)),
        _ => None,
    };
    if let Some((quiet, counts)) = quiet {
        match seen.next_recent.as_ref().map(|n| n.value()) {
            Some(0.0) if counts => *quiet += 1,
            Some(v) if v > 0.0 => *quiet = 0,
            _ => {}
        }
        return;
    }
    let (Some(next), Some(stable)) = (&seen.next, &seen.stable) else { return };
    let (next, all) = (next.value(), next.value() + stable.value());
    if !(all >= 1.0 && all.is_finite()) || capacity(p, t.r0, weight) == 0 {
        return;
    }
    let share = next / all * 100.0;
    if weight == 0 && t.has_rules() {
        // Whoever is there, is there by a rule. Which tenant it is, requests do not say.
        t.observed = match t.observed {
            ObservedShare::NotObserved => ObservedShare::NotObserved,
            _ if next >= 1.0 => ObservedShare::Confirmed(share),
            _ => ObservedShare::Unknown,
        };
        return;
    }
    let w = f64::from(weight);
    // Three standard deviations of a binomial share, in points, or two points; of a small share no more than half.
    let rarer = w.min(100.0 - w);
    let sampling = 3.0 * (w * (100.0 - w) / all).sqrt();
    let tolerance = sampling.max(if rarer > 0.0 { (rarer / 2.0).min(2.0) } else { 2.0 });
    // Who goes by a rule comes on top of the weight: then requests can show too little, but not too much.
    let off = if t.has_rules() { (w - share).max(0.0) } else { (share - w).abs() };
    t.observed = match off <= tolerance {
        // So few requests look like this whether the rarer version gets its share or nothing at all.
        true if rarer > 0.0 && tolerance >= rarer => match t.observed {
            ObservedShare::NotObserved => ObservedShare::NotObserved,
            _ => ObservedShare::Unknown,
        },
        true => ObservedShare::Confirmed(share),
        // What was counted while something was missing says nothing of the share there is now.
        false if counts_anew(t) => ObservedShare::Unknown,
        false => ObservedShare::Off(share),
    };
}

/// Whether something was missing since requests are counted; then they count from when it was whole again.
fn counts_anew(t: &mut Track) -> bool {
    let Phase::Shifting { hold, .. } = &t.phase else { return false };
    let from = hold.accepted_at.map(|at| t.stands_from(at));
    let anew = t.lame_at.is_some_and(|lame| from.is_some_and(|from| lame > from));
    if anew {
        t.undone_at = t.lame_at;
    }
    anew
}
