//! The name somebody probably meant.

/// The candidate nearest to what was written, if one is near enough to be a slip; the first of several equally near.
///
/// Distance is optimal string alignment: insertions, deletions, substitutions and swaps of neighbours, one each. Case and
/// the choice between `-`, `_` and camel case cost nothing, since people mix those up first.
pub fn nearest<'a>(written: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = fold(written);
    if wanted.is_empty() || wanted.len() > 64 {
        return None;
    }
    let allowed = (wanted.len() / 3).clamp(1, 4);
    candidates
        .into_iter()
        .filter(|c| *c != written)
        .map(|c| (distance(&wanted, &fold(c)), c))
        .filter(|(d, _)| *d <= allowed)
        .min_by_key(|(d, _)| *d)
        .map(|(_, c)| c)
}

fn fold(name: &str) -> Vec<char> {
    name.chars().filter(|c| !matches!(c, '-' | '_' | ' ')).flat_map(char::to_lowercase).take(65).collect()
}

fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, &ca) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, &cb) in b.iter().enumerate() {
            let mut best = (last[j] + usize::from(ca != cb)).min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && ca == b[j - 1] && a[i - 1] == cb {
                best = best.min(before[j - 1] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_found_and_strangers_are_not() {
        let fields = ["deployment", "container", "progress_deadline", "max", "min"];
        for (written, meant) in [
            ("deploymnet", Some("deployment")),
            ("progressDeadline", Some("progress_deadline")),
            ("Container", Some("container")),
            ("progress-deadlin", Some("progress_deadline")),
            ("maxx", Some("max")),
            ("replicas", None),
            ("", None),
        ] {
            assert_eq!(nearest(written, fields), meant, "{written}");
        }
        assert_eq!(nearest(&"x".repeat(10_000), fields), None);
    }

    #[test]
    fn a_swap_of_neighbours_is_one_slip() {
        let chars = |s: &str| s.chars().collect::<Vec<_>>();
        assert_eq!(distance(&chars("ledger"), &chars("legder")), 1);
        assert_eq!(distance(&chars("ledger"), &chars("ledgers")), 1);
        assert_eq!(distance(&chars(""), &chars("abc")), 3);
    }
}
