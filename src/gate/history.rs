//! The latest evaluations of a gate, for pictures: most of what a run remembers, so it is packed.
use std::collections::VecDeque;
use std::fmt::Write;

use serde::{Deserialize, Serialize};

use super::sample::{Num, Verdict};
use crate::spec::units::{Dur, Time};

/// Evaluations that are kept: 20 minutes on the 10 s grid.
const KEPT: usize = 120;
/// The distance that goes without saying in the text.
const GRID: Dur = Dur::secs(10);
/// Each verdict's letter in the text.
const LETTERS: [(char, Verdict); 8] = [
    ('p', Verdict::ProviderDown),
    ('i', Verdict::Invalid),
    ('d', Verdict::NoData),
    ('s', Verdict::Stale),
    ('t', Verdict::TooFew),
    ('b', Verdict::Bad),
    ('g', Verdict::Good),
    ('n', Verdict::NotApplicable),
];

/// Nothing decides by these numbers: seven digits are enough, and keep a copy of all gates of a hundred services small.
#[derive(Debug, Clone, Copy)]
struct Point {
    at: Time,
    value: Option<f32>,
    verdict: Verdict,
}

impl PartialEq for Point {
    fn eq(&self, other: &Point) -> bool {
        let bits = |p: &Point| p.value.map(f32::to_bits);
        (self.at, bits(self), self.verdict) == (other.at, bits(other), other.verdict)
    }
}

/// As text: `1795315550000:0.0015b 0.0011g 20000:g`, oldest first. Before the colon stand milliseconds, of the first point
/// since 1970, of the others since the point before, left out on the grid; then the value if there was one, and the letter
/// of the verdict.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Saved", into = "String")]
pub(super) struct History(VecDeque<Point>);

impl History {
    pub fn iter(&self) -> impl Iterator<Item = (Time, Option<f64>, Verdict)> {
        self.0.iter().map(|p| (p.at, p.value.map(f64::from), p.verdict))
    }

    pub fn push(&mut self, at: Time, value: Option<f64>, verdict: Verdict) {
        self.0.push_back(Point { at, value: value.map(|v| v as f32), verdict });
        while self.0.len() > KEPT {
            self.0.pop_front();
        }
    }
}

/// Also as it was saved before it was packed.
#[derive(Deserialize)]
#[serde(untagged)]
enum Saved {
    Text(String),
    Points(Vec<(Time, Option<Num>, Verdict)>),
}

impl TryFrom<Saved> for History {
    type Error = String;

    fn try_from(saved: Saved) -> Result<History, String> {
        match saved {
            Saved::Text(text) => text.try_into(),
            Saved::Points(points) => {
                let mut history = History::default();
                points.iter().for_each(|(at, value, verdict)| {
                    history.push(*at, value.as_ref().map(Num::value), *verdict);
                });
                Ok(history)
            }
        }
    }
}

impl From<History> for String {
    fn from(history: History) -> String {
        let mut text = String::with_capacity(history.0.len() * 12);
        let mut before: Option<Time> = None;
        for p in &history.0 {
            if before.is_some() {
                text.push(' ');
            }
            let apart = p.at.0 - before.map_or(0, |b| b.0);
            // Writing to a string does not fail.
            if before.is_none() || apart != GRID.0 as i64 {
                let _ = write!(text, "{apart}:");
            }
            if let Some(value) = p.value {
                let _ = write!(text, "{value}");
            }
            text.extend(LETTERS.iter().find(|(_, v)| *v == p.verdict).map(|(letter, _)| letter));
            before = Some(p.at);
        }
        text
    }
}

impl TryFrom<String> for History {
    type Error = String;

    fn try_from(text: String) -> Result<History, String> {
        let mut history = History::default();
        let mut before: Option<Time> = None;
        for word in text.split_ascii_whitespace() {
            let point = point(word, before).ok_or_else(|| format!("`{word}` is no point of a gate's history"))?;
            before = Some(point.at);
            history.0.push_back(point);
        }
        Ok(history)
    }
}

fn point(word: &str, before: Option<Time>) -> Option<Point> {
    let (apart, rest) = match word.split_once(':') {
        Some((apart, rest)) => (apart.parse().ok()?, rest),
        None => (before.map(|_| GRID.0 as i64)?, word),
    };
    let (letter, verdict) = LETTERS.iter().find(|(letter, _)| rest.ends_with(*letter))?;
    let value = rest.strip_suffix(*letter)?;
    let value = if value.is_empty() { None } else { Some(value.parse().ok()?) };
    Some(Point { at: Time(before.map_or(0, |b| b.0).checked_add(apart)?), value, verdict: *verdict })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(history: &History) -> String {
        serde_json::to_string(history).unwrap()
    }

    #[test]
    fn what_is_kept_reads_back_as_it_was() {
        let mut history = History::default();
        assert_eq!(text(&history), "\"\"");
        let mut at = Time(1_795_315_550_000);
        for (i, (_, verdict)) in LETTERS.iter().enumerate() {
            for value in [None, Some(0.0015), Some(-3.0), Some(f64::NAN), Some(f64::INFINITY), Some(1e30), Some(1e-30)]
            {
                history.push(at, value, *verdict);
                // Off the grid, on it, and a clock that was set back.
                at = Time(at.0 + [10_000, 10_001, -60_000][i % 3]);
            }
        }
        assert_eq!(serde_json::from_str::<History>(&text(&history)).unwrap(), history);
        assert_eq!(history.iter().count(), 7 * LETTERS.len());
    }

    #[test]
    fn it_is_short() {
        let mut history = History::default();
        history.push(Time(1_795_315_550_000), Some(0.001_581_700_936_853_632), Verdict::Bad);
        history.push(Time(1_795_315_560_000), Some(0.25), Verdict::Good);
        history.push(Time(1_795_315_580_000), None, Verdict::Stale);
        assert_eq!(text(&history), "\"1795315550000:0.001581701b 0.25g 20000:s\"");
        for i in 0..1000 {
            history.push(Time(1_795_315_580_000 + i * 10_000), Some(1.0 / (i + 3) as f64), Verdict::Good);
        }
        assert_eq!(history.iter().count(), KEPT);
        assert!(text(&history).len() < KEPT * 16, "{}", text(&history).len());
    }

    #[test]
    fn what_an_earlier_version_saved_is_read() {
        let saved = r#"[[1795315550000,"0.25","good"],[1795315560000,null,"no_data"],[1795315570000,"NaN","invalid"]]"#;
        let history: History = serde_json::from_str(saved).unwrap();
        assert_eq!(text(&history), "\"1795315550000:0.25g d NaNi\"");
    }

    #[test]
    fn what_is_no_history_is_refused() {
        for wrong in ["0.1g", "1:0.1", "1:0.1x", "x:g", "1:..g", "9223372036854775807:g 1:g", "1:1g,"] {
            assert!(History::try_from(wrong.to_string()).is_err(), "{wrong}");
        }
    }
}
