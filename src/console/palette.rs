//! The `:` palette: everything that can be done, by name, best match first.
use super::action::{Action, DEEDS};
use crate::engine::Run;
use crate::engine::command::{Scope, VERBS, Verb};

/// What is typed and which line is chosen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Palette {
    pub query: String,
    pub chosen: usize,
}

/// One line of the palette.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub name: String,
    pub help: &'static str,
    pub does: Does,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Does {
    Action(Action),
    /// A verb on something other than what is selected.
    On(Verb, Scope),
    /// Select this service.
    Go(String),
}

impl Palette {
    /// Entries that match what is typed, best first; without a query all but the services, in the tables' order.
    pub fn entries(&self, run: &Run) -> Vec<Entry> {
        let query = self.query.trim().to_lowercase();
        let mut found: Vec<(u32, usize, Entry)> = Vec::new();
        let mut add = |entry: Entry| {
            if let Some(score) = score(&query, &entry.name) {
                found.push((u32::MAX - score, found.len(), entry));
            }
        };
        for verb in &VERBS {
            add(Entry { name: verb.name.into(), help: verb.help, does: Does::Action(Action::Verb(verb.verb)) });
            if verb.verb == Verb::Abort {
                add(Entry {
                    name: "abort run".into(),
                    help: "every service below 100 % back to old",
                    does: Does::On(Verb::Abort, Scope::Run),
                });
            }
        }
        for deed in DEEDS.iter().filter(|d| !matches!(d.action, Action::Command)) {
            add(Entry { name: deed.name.into(), help: deed.help, does: Does::Action(deed.action) });
        }
        if !query.is_empty() {
            for planned in &run.plan.services {
                let name = &planned.service.name;
                add(Entry { name: format!("go {name}"), help: "select this service", does: Does::Go(name.clone()) });
            }
        }
        found.sort_by_key(|(score, order, _)| (*score, *order));
        found.into_iter().map(|(_, _, entry)| entry).collect()
    }
}

/// How well `query` (lower case) fits `name`; runs, beginnings of words and short names count more. `None`: it does not fit.
///
/// Every character must begin a word or follow the one before it: what is only strewn over a name was not meant. Of two,
/// as in `rb` for rollback, the second may be anywhere.
pub fn score(query: &str, name: &str) -> Option<u32> {
    if query.is_empty() {
        return Some(0);
    }
    let name = name.to_lowercase();
    let initials: String = name.split([' ', '-']).filter_map(|word| word.chars().next()).collect();
    let whole = if name == query {
        1000
    } else if name.starts_with(query) {
        500
    } else if query.chars().nth(1).is_some() && initials.starts_with(query) {
        300
    } else if name.contains(query) {
        200
    } else {
        0
    };
    let letters: Vec<char> = name.chars().collect();
    let wanted: Vec<char> = query.chars().filter(|c| *c != ' ').collect();
    let pieces = pieces(&wanted, &letters);
    if whole == 0 && pieces.is_none() {
        return None;
    }
    let length = u32::try_from(letters.len()).unwrap_or(u32::MAX);
    Some(whole + pieces.unwrap_or(0) + 20u32.saturating_sub(length))
}

/// The best way to find all that is wanted, in order; a beginning of a word is worth as much as following the one before.
fn pieces(wanted: &[char], letters: &[char]) -> Option<u32> {
    let begins = |at: usize| at == 0 || matches!(letters[at - 1], ' ' | '-');
    // By letter: the best worth of what is found so far and ends there.
    let mut ends: Vec<Option<u32>> = Vec::new();
    for (nth, c) in wanted.iter().enumerate() {
        // The best that ends anywhere before the letter looked at.
        let mut before = (nth == 0).then_some(0);
        let mut found = vec![None; letters.len()];
        for at in 0..letters.len() {
            let adjacent = at.checked_sub(1).and_then(|i| ends.get(i).copied().flatten());
            before = before.max(adjacent);
            if letters[at] == *c {
                let jump = match begins(at) {
                    true => before.map(|w| w + 30),
                    false if wanted.len() == 2 && nth == 1 => before.map(|w| w + 10),
                    false => None,
                };
                found[at] = jump.max(adjacent.map(|w| w + 30));
            }
        }
        ends = found;
    }
    ends.into_iter().flatten().max()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_comes_first() {
        let names = ["pause", "pause-all", "page-up", "resume", "rollback", "abort run", "abort"];
        let best = |query: &str| {
            let mut scored: Vec<_> = names.iter().filter_map(|n| score(query, n).map(|s| (s, *n))).collect();
            scored.sort_by_key(|(s, _)| std::cmp::Reverse(*s));
            scored.first().map(|(_, n)| *n)
        };
        assert_eq!(best("pa"), Some("pause"));
        assert_eq!(best("pall"), Some("pause-all"));
        assert_eq!(best("abort"), Some("abort"));
        assert_eq!(best("ar"), Some("abort run"));
        assert_eq!(best("rb"), Some("rollback"));
        assert_eq!(best("xyz"), None);
        assert_eq!(best("pgu"), None, "strewn over page-up");
        assert_eq!(best("up"), Some("page-up"));
        assert_eq!(best("bort r"), Some("abort run"));
    }
}
