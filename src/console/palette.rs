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

/// How well `query` (lower case) fits `name`: all its characters must appear in order; runs, beginnings of words and
/// short names count more. `None`: it does not fit.
pub fn score(query: &str, name: &str) -> Option<u32> {
    if query.is_empty() {
        return Some(0);
    }
    let name = name.to_lowercase();
    let initials: String = name.split([' ', '-']).filter_map(|word| word.chars().next()).collect();
    let mut score = 0;
    if name == query {
        score += 1000;
    } else if name.starts_with(query) {
        score += 500;
    } else if query.len() > 1 && initials.starts_with(query) {
        score += 300;
    } else if name.contains(query) {
        score += 200;
    }
    let mut chars = name.chars().enumerate();
    let mut last = None;
    let mut before = ' ';
    for wanted in query.chars() {
        let at = loop {
            let (i, c) = chars.next()?;
            if c == wanted {
                score += if matches!(before, ' ' | '-') { 30 } else { 10 };
                before = c;
                break i;
            }
            before = c;
        };
        if last.is_some_and(|l| l + 1 == at) {
            score += 20;
        }
        last = Some(at);
    }
    Some(score + 20u32.saturating_sub(name.chars().count() as u32))
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
    }
}
