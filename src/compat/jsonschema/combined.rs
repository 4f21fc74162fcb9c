//! `allOf`, `anyOf`, `oneOf`: sums may grow, products may shrink, and each branch of the smaller side needs a partner.
use std::collections::BTreeMap;

use super::diff::{At, Diff, Outcome};
use super::shape::{How, Id, Shape};
use crate::compat::Severity::{Critical, Warning};

/// Pairs of branches that are looked at for values that two of them accept.
const MANY: usize = 400;

/// Only one side combines: one fitting branch may be enough. Whether that settled it.
pub(super) fn with_one_side(diff: &mut Diff, old: At, new: At, out: &mut Outcome) -> bool {
    match (diff.shape(old), diff.shape(new)) {
        (Shape::Combined(..), Shape::Combined(..)) => false,
        (_, Shape::Combined(how, branches)) if branches.len() == 1 || how.is_sum() => {
            let into = distinct(diff, new, branches);
            let partner = into.iter().position(|b| diff.fits(old, *b));
            if *how == How::One && diff.is_written(new) {
                overlap(diff, (old, "", &[old]), (new, how.keyword(), &into), &[partner], out);
            }
            partner.is_some_and(|b| diff.below(old, into[b], out))
        }
        (Shape::Combined(how, branches), _) if branches.len() == 1 || *how == How::All => {
            let fits = branches.iter().find(|b| diff.fits(At { id: **b, ..old }, new));
            fits.is_some_and(|b| diff.below(At { id: *b, ..old }, new, out))
        }
        (Shape::Enum(_) | Shape::Const(_), Shape::Combined(How::All, parts)) => type_beside(diff, old, new, parts, out),
        _ => false,
    }
}

/// A `type` that all listed values are of says nothing new of them. What else stands there has to accept them by itself.
fn type_beside(diff: &mut Diff, old: At, new: At, parts: &[Id], out: &mut Outcome) -> bool {
    let parts = parts.iter().map(|id| At { id: *id, ..new });
    let (types, rest): (Vec<At>, Vec<At>) = parts.partition(|part| diff.shape(*part).is_type_of(diff.shape(old)));
    if types.is_empty() || !rest.iter().all(|part| matches!(diff.shape(*part), Shape::Enum(_) | Shape::Const(_))) {
        return false;
    }
    for part in rest {
        diff.below(old, part, out);
    }
    let message = format!("type {} is new, and all values that were listed are of it", diff.words(types[0]));
    let details = vec!["a schema registry may take it for another kind of schema, and refuse it".to_string()];
    diff.clash_for(out, "json-type-added", Warning, (old, ""), (new, "type"), message, details);
    true
}

pub(super) fn combined(
    diff: &mut Diff,
    (old, was, of): (At, How, &[Id]),
    (new, is, into): (At, How, &[Id]),
    out: &mut Outcome,
) {
    let (k, l) = (diff.keyword(old, was), diff.keyword(new, is));
    let may = match (was == is, is) {
        (true, _) | (_, How::Any) => true,
        (_, How::One) => of.len() == 1,
        (_, How::All) => of.len() == 1 && into.len() == 1,
    };
    if !may {
        let message = format!("was {}, is {}", diff.words(old), diff.words(new));
        return diff.clash(out, "json-combination-changed", Critical, (old, k), (new, l), message);
    }
    let (of, into) = (distinct(diff, old, of), distinct(diff, new, into));
    if of.len() < into.len() && is == How::All {
        let message = match diff.is_written(new) {
            true => format!("`allOf` had {} parts and has {}", of.len(), into.len()),
            false => format!("was {}, is {}", diff.words(old), diff.words(new)),
        };
        diff.clash(out, "json-all-of-extended", Critical, (old, k), (new, l), message);
    }
    if of.len() > into.len() && is.is_sum() {
        let message = format!("`{l}` had {} branches and has {}", of.len(), into.len());
        diff.clash(out, "json-branch-removed", Critical, (old, k), (new, l), message);
    }
    let partners = partners(diff, &of, &into);
    for (a, b) in partners.iter().enumerate().filter_map(|(a, b)| b.map(|b| (a, b))) {
        diff.below(of[a], into[b], out);
    }
    if is == How::One {
        overlap(diff, (old, k, &of), (new, l, &into), &partners, out);
    }
    let matched = partners.iter().flatten().count();
    if matched < of.len().min(into.len()) {
        unmatched(diff, (old, k, &of), (new, l, &into), &partners, out);
    }
}

fn unmatched(
    diff: &Diff,
    (old, k, of): (At, &str, &[At]),
    (new, l, into): (At, &str, &[At]),
    partners: &[Option<usize>],
    out: &mut Outcome,
) {
    let mut details = Vec::new();
    let alone: Vec<usize> = (0..of.len()).filter(|a| partners[*a].is_none()).collect();
    for a in alone.iter().take(3) {
        // The one at its place is most likely what it became.
        let became = into.get(*a).map(|b| diff.reasons(of[*a], *b)).unwrap_or_default();
        details.extend(became.into_iter().map(|why| format!("{} has no partner: {why}", diff.pointer(of[*a]))));
    }
    let message = match diff.is_written(old) {
        true => format!("not every part of `{k}` has one that accepts it"),
        false => {
            format!("was {}, is {}: not all of it has something that accepts it", diff.words(old), diff.words(new))
        }
    };
    diff.clash_for(out, "json-branches-changed", Critical, (old, k), (new, l), message, details);
}

/// Where exactly one branch has to fit, what a new one accepts as well as another is refused. Registries count branches and
/// look away; of those that accept a part of the same, nothing is known.
fn overlap(
    diff: &mut Diff,
    (old, k, of): (At, &str, &[At]),
    (new, l, into): (At, &str, &[At]),
    partners: &[Option<usize>],
    out: &mut Outcome,
) {
    let come: Vec<At> = (0..into.len()).filter(|b| !partners.contains(&Some(*b))).map(|b| into[b]).collect();
    let kept: Vec<At> = (0..of.len()).filter(|a| partners[*a].is_some()).map(|a| of[a]).collect();
    if come.len() * kept.len() > MANY {
        return;
    }
    let mut both = |b: &At| kept.iter().any(|a| diff.fits(*a, *b) || diff.fits(*b, *a));
    let Some(second) = come.iter().copied().find(|b| both(b)) else { return };
    let message = format!("a branch of `{l}` is new, and accepts what another does: both together refuse it");
    let details = vec![format!("{} is the new one", diff.pointer(second))];
    diff.clash_for(out, "json-one-of-overlap", Warning, (old, k), (new, l), message, details);
}

/// Branches that are written alike count once.
fn distinct(diff: &Diff, at: At, branches: &[Id]) -> Vec<At> {
    let mut seen = BTreeMap::new();
    for (n, id) in branches.iter().enumerate() {
        seen.entry(diff.schema(at).nodes[*id].text.as_str()).or_insert((n, *id));
    }
    let mut kept: Vec<(usize, Id)> = seen.into_values().collect();
    kept.sort_unstable();
    kept.into_iter().map(|(_, id)| At { id, ..at }).collect()
}

/// For each old branch a new one that accepts it, as many as can have one of their own.
fn partners(diff: &mut Diff, of: &[At], into: &[At]) -> Vec<Option<usize>> {
    let text = |d: &Diff, at: At| d.schema(at).nodes[at.id].text.clone();
    let texts: Vec<String> = into.iter().map(|b| text(diff, *b)).collect();
    let mut fits: Vec<Vec<usize>> = Vec::new();
    for (n, a) in of.iter().enumerate() {
        let mut may: Vec<usize> = (0..into.len()).filter(|b| diff.fits(*a, into[*b])).collect();
        // Unchanged ones first, then those at the same place: so the report tells of the change somebody made.
        let own = text(diff, *a);
        may.sort_by_key(|b| (texts[*b] != own, *b != n));
        fits.push(may);
    }
    matching(&fits, into.len())
}

/// A largest matching, by augmenting paths found breadth first.
fn matching(fits: &[Vec<usize>], right: usize) -> Vec<Option<usize>> {
    let mut partner: Vec<Option<usize>> = vec![None; fits.len()];
    let mut taken: Vec<Option<usize>> = vec![None; right];
    for start in 0..fits.len() {
        let mut from: Vec<Option<usize>> = vec![None; right];
        let mut queue = std::collections::VecDeque::from([start]);
        let mut free = None;
        while let (Some(a), None) = (queue.pop_front(), free) {
            for b in &fits[a] {
                if from[*b].is_some() {
                    continue;
                }
                from[*b] = Some(a);
                match taken[*b] {
                    None => {
                        free = Some(*b);
                        break;
                    }
                    Some(next) => queue.push_back(next),
                }
            }
        }
        while let Some(b) = free {
            let Some(a) = from[b] else { break };
            taken[b] = Some(a);
            free = partner[a].replace(b);
        }
    }
    partner
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::rules;
    use super::matching;

    #[test]
    fn a_second_branch_that_accepts_the_same_is_a_warning() {
        let of = |how: &str, types: &[&str]| {
            let all: Vec<_> = types.iter().map(|t| json!({"type": t})).collect();
            json!({how: all})
        };
        for (old, new, wanted) in [
            (of("oneOf", &["integer"]), of("oneOf", &["integer", "number"]), true),
            (of("oneOf", &["number"]), of("oneOf", &["number", "integer"]), true),
            (of("oneOf", &["number", "string"]), of("oneOf", &["string", "number", "integer"]), true),
            (json!({"type": "integer"}), of("oneOf", &["integer", "number"]), true),
            (json!({"type": "integer"}), json!({"oneOf": [{"type": "integer"}, {}]}), true),
            (of("oneOf", &["integer"]), of("oneOf", &["integer", "string"]), false),
            (of("oneOf", &["integer", "number"]), of("oneOf", &["number", "integer", "string"]), false),
            (of("oneOf", &["integer"]), of("anyOf", &["integer", "number"]), false),
            (json!({"type": "integer"}), json!({"type": ["integer", "string"]}), false),
        ] {
            let expected: &[&str] = if wanted { &["?json-one-of-overlap"] } else { &[] };
            assert_eq!(rules(&old, &new), expected, "{old} -> {new}");
            assert_eq!(rules(&new, &new), [] as [&str; 0], "{new}");
        }
    }

    #[test]
    fn a_matching_takes_as_many_as_can_have_one() {
        let count = |fits: &[Vec<usize>], right| matching(fits, right).iter().flatten().count();
        assert_eq!(count(&[vec![0, 1], vec![0]], 2), 2);
        assert_eq!(count(&[vec![0], vec![0], vec![0]], 3), 1);
        assert_eq!(count(&[vec![0, 1], vec![0, 1], vec![1, 2], vec![2]], 3), 3);
        assert_eq!(matching(&[vec![1], vec![0, 1]], 2), [Some(1), Some(0)]);
        assert_eq!(matching(&[], 0), [] as [Option<usize>; 0]);
    }
}
