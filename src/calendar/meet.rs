//! When do all of some windows let the same work begin? And if never: who are a few that cannot meet?
use super::window::{LOOK, View};
use crate::spec::units::{Dur, Time};

/// Different rules of one cohort for which a smallest set is looked for; beyond, a set from which nobody can be left out.
const MAX_TRIPLES: usize = 150;

/// The earliest instant from `from` on, at most [`LOOK`] after it, from which all stay open for `needs`.
pub fn meet(views: &[View<'_>], from: Time, needs: Dur) -> Option<Time> {
    let mut at = from;
    while at <= from + LOOK {
        // Everybody's earliest start that is not before; the latest of them is the next candidate.
        let mut latest = at;
        for view in views {
            latest = latest.max(view.earliest_fit(at, needs)?);
        }
        if latest == at {
            return Some(at);
        }
        at = latest;
    }
    None
}

/// Positions of as few views as can be found that have no common start between two instants; empty when all do.
pub fn cannot_meet(views: &[View<'_>], (from, limit): (Time, Time), needs: Dur) -> Vec<usize> {
    let starts: Vec<Starts> = views.iter().map(|view| starts(view, from, limit, needs)).collect();
    let all: Vec<usize> = (0..starts.len()).collect();
    let apart = |set: &[usize]| common(set.iter().map(|i| &starts[*i])).is_empty();
    if let Some(i) = all.iter().find(|i| apart(&[**i])) {
        return vec![*i];
    }
    for i in &all {
        if let Some(j) = all[i + 1..].iter().find(|j| apart(&[*i, **j])) {
            return vec![*i, *j];
        }
    }
    if starts.len() <= MAX_TRIPLES
        && let Some(three) = triple(&starts)
    {
        return three.to_vec();
    }
    // From the whole set, everybody without whom the rest still cannot meet goes.
    if !apart(&all) {
        return Vec::new();
    }
    let mut set = all;
    let mut at = 0;
    while at < set.len() {
        let mut less = set.clone();
        less.remove(at);
        if apart(&less) { set = less } else { at += 1 }
    }
    set
}

fn triple(starts: &[Starts]) -> Option<[usize; 3]> {
    for i in 0..starts.len() {
        for j in i + 1..starts.len() {
            let both = common([&starts[i], &starts[j]].into_iter());
            let third = (j + 1..starts.len()).find(|k| common([&both, &starts[*k]].into_iter()).is_empty());
            if let Some(k) = third {
                return Some([i, j, k]);
            }
        }
    }
    None
}

/// Stretches of instants at which work may begin, first and last of each, in order.
type Starts = Vec<(i64, i64)>;

fn starts(view: &View<'_>, from: Time, limit: Time, needs: Dur) -> Starts {
    let (mut found, mut at) = (Vec::new(), from);
    while let Some(start) = view.earliest_fit(at, needs).filter(|start| *start <= limit) {
        let Some(end) = view.closes_after(start, limit + LOOK) else {
            found.push((start.0, limit.0));
            break;
        };
        found.push((start.0, (end - needs).min(limit).0));
        at = end;
    }
    found
}

fn common<'s>(mut lists: impl Iterator<Item = &'s Starts>) -> Starts {
    let first = lists.next().cloned().unwrap_or_default();
    lists.fold(first, |left, right| {
        let (mut i, mut j, mut both) = (0, 0, Vec::new());
        while let (Some(a), Some(b)) = (left.get(i), right.get(j)) {
            let (from, to) = (a.0.max(b.0), a.1.min(b.1));
            if from <= to {
                both.push((from, to));
            }
            if a.1 < b.1 { i += 1 } else { j += 1 }
        }
        both
    })
}
