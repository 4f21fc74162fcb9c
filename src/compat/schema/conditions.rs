//! Schemas that hold under a condition: `if` and `dependentSchemas`. What one demands that is new or gone changes something
//! only where it was not demanded anyway, which the relation of the schemas with and without it says.
use super::engine::{Step, Work};
use super::kind::Kind;
use super::reader::plain_demand;
use super::shape::{Condition, Conj, NO_CONDITIONS};
use crate::compat::document::{Library, NodeId};

pub(super) fn compare(work: &mut Work<'_, '_>) {
    let (old, new) = (std::mem::take(&mut work.old.conditions), std::mem::take(&mut work.new.conditions));
    let mut left: Vec<&Condition> = new.iter().collect();
    for x in &old {
        // Of several `if`s the same one, where it is there.
        let same = left.iter().position(|y| y.name == x.name && work.same(x.at, y.at));
        let at = same.or_else(|| left.iter().position(|y| y.name == x.name));
        let Some(y) = at.map(|at| left.remove(at)) else {
            let kind = gone(work, x, &x.adds);
            work.change(kind, Some(x.at), None).subject = x.name.clone();
            continue;
        };
        let kept = x.name != "if" || work.same(x.at, y.at);
        if !kept {
            work.change(Kind::ConditionChanged, Some(x.at), Some(y.at)).subject = x.name.clone();
        }
        for (word, a) in &x.adds {
            match y.adds.iter().find(|(w, _)| w == word) {
                // Under the same condition it is one schema with what holds anyway: a property that it bounds is no new one.
                Some((_, b)) if kept => {
                    let (was, is) = (with(&work.old.parts, *a).1, with(&work.new.parts, *b).1);
                    work.edge(&was, &is, Step::Same);
                }
                Some((_, b)) => work.edge(&[*a], &[*b], Step::Inner),
                None => {
                    let kind = gone(work, x, &[(word, *a)]);
                    work.change(kind, Some(*a), Some(y.at)).subject = (*word).into();
                }
            }
        }
        for (word, b) in y.adds.iter().filter(|(word, _)| x.adds.iter().all(|(w, _)| w != word)) {
            let kind = come(work, y, &[(word, *b)]);
            work.change(kind, Some(x.at), Some(*b)).subject = (*word).into();
        }
    }
    for y in left {
        let kind = come(work, y, &y.adds);
        work.change(kind, None, Some(y.at)).subject = y.name.clone();
    }
}

/// The parts of a schema without their conditions, and with one thing more that must hold.
fn with(parts: &[NodeId], add: NodeId) -> (Conj, Conj) {
    let bare: Conj = parts.iter().map(|n| n | NO_CONDITIONS).collect();
    let more = bare.iter().copied().chain([add]).collect();
    (bare, more)
}

fn come(work: &mut Work<'_, '_>, of: &Condition, adds: &[(&str, NodeId)]) -> Kind {
    let (old, new) = (work.old.parts.clone(), work.new.parts.clone());
    let mut kind = Kind::ConditionAddedHarmlessly;
    for (_, add) in adds {
        let (was, is) = (with(&old, *add).0, with(&new, *add).1);
        if !work.engine.relation(&was, &is).narrows {
            continue;
        }
        if !is_slip(work.new_lib(), of.at, *add) {
            return Kind::ConditionAdded;
        }
        kind = Kind::LooseConditionAdded;
    }
    kind
}

fn gone(work: &mut Work<'_, '_>, of: &Condition, adds: &[(&str, NodeId)]) -> Kind {
    let (old, new) = (work.old.parts.clone(), work.new.parts.clone());
    let mut kind = Kind::ConditionRemovedHarmlessly;
    for (_, add) in adds {
        let (was, is) = (with(&old, *add).1, with(&new, *add).0);
        if !work.engine.relation(&was, &is).widens {
            continue;
        }
        if !is_slip(work.old_lib(), of.at, *add) {
            return Kind::ConditionRemoved;
        }
        kind = Kind::LooseConditionRemoved;
    }
    kind
}

/// What is demanded is no more than that the properties are there which the `if` speaks of. It holds for a value that lacks
/// them as well, since it does not require them, which is seldom meant.
fn is_slip(library: &Library, condition: NodeId, add: NodeId) -> bool {
    let names = |node: NodeId| library.get(node, "required").map_or(&[][..], |n| library.items(n));
    let said = |n: &NodeId| {
        let spoken = library.get(condition, "properties").zip(library.text(*n));
        let required = names(condition).iter().any(|m| library.text(*m) == library.text(*n));
        spoken.is_some_and(|(properties, name)| library.get(properties, name).is_some()) && !required
    };
    let alone = library.entries(add).iter().all(|(key, _)| plain_demand(key));
    alone && !names(add).is_empty() && names(add).iter().all(said)
}
