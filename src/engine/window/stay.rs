//! A person's word on when: a freeze, or a begin that is put off.
use serde::{Deserialize, Serialize};

use super::super::command::Verb;
use crate::spec::units::{Dur, Time};
use crate::spec::when::Instant;

/// A person's word on when: nothing moves, or nothing begins, until then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stay {
    pub by: String,
    pub reason: String,
    pub since: Time,
    /// Left out: until somebody lifts it.
    pub until: Option<Time>,
}

impl Stay {
    /// `frozen by ivo until 2026-11-25T18:00:00Z: "database is moved"`
    pub(in super::super) fn said(&self, what: &str) -> String {
        let until = self.until.map_or_else(|| "until somebody lifts it".into(), |at| format!("until {}", Instant(at)));
        format!("{what} by {} {until}: \"{}\"", self.by, self.reason)
    }
}

/// Words a person begins the reason of a freeze or deferral with: how long, or until when; and the rest. Nothing of both:
/// no end.
pub fn until_of(text: &str, now: Time) -> (Option<Time>, &str) {
    let text = text.trim();
    let (first, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    // To the second: nobody means, or reads, milliseconds.
    let whole = |t: Time| Time(t.0.div_euclid(1000) * 1000);
    let until = first.parse::<Dur>().map(|d| whole(now + d)).or_else(|_| first.parse::<Instant>().map(|i| i.0));
    match until {
        Ok(until) => (Some(until), rest.trim()),
        Err(_) => (None, text),
    }
}

/// What a freeze or a deferral says, and until when: the reason begins with it. Other verbs say nothing of that kind.
///
/// # Errors
/// What is missing, and what to write; short enough for a dialog's line.
pub fn stay_of(verb: Verb, by: &str, said: &str, now: Time) -> Result<Option<Stay>, &'static str> {
    if !matches!(verb, Verb::Freeze | Verb::Defer) {
        return Ok(None);
    }
    let (until, reason) = until_of(said, now);
    if until.is_none() && reason.starts_with(|c: char| c.is_ascii_digit()) {
        // `2 hours moving` was meant to end.
        return Err("write how long as one word, such as 2h, or begin with a letter: no end");
    }
    if until.is_some_and(|until| until <= now) {
        return Err("that is over already: begin with how long, such as 2h, or a later time");
    }
    if verb == Verb::Defer && until.is_none() {
        return Err("begin the reason with how long or until when, such as 2h");
    }
    if reason.is_empty() {
        return Err("it needs a reason behind the time");
    }
    Ok(Some(Stay { by: by.into(), reason: reason.into(), since: now, until }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A dialog has 70 cells for it.
    #[test]
    fn what_is_asked_for_fits_a_dialog() {
        let now = Time(1_795_313_520_000);
        for (verb, said) in [
            (Verb::Freeze, "2 hours"),
            (Verb::Freeze, "2020-01-01T00:00:00Z x"),
            (Verb::Defer, "later"),
            (Verb::Freeze, "2h"),
        ] {
            let asked = stay_of(verb, "ivo", said, now).unwrap_err();
            assert!(asked.chars().count() <= 70, "{asked}");
        }
    }
}
