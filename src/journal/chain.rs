//! Lines of a file, and the chain they make.
use serde::Serialize;

use super::entry::{NO_HASH, Record};
use super::inbox::InboxRecord;

/// A file cut into lines.
pub(super) struct Lines<'a> {
    pub whole: Vec<&'a [u8]>,
    /// Bytes up to the end of the last whole line.
    pub whole_len: u64,
    /// What follows the last line break: a line whose writing was cut short. Its effect never began, since nothing is
    /// done before the write has returned.
    pub torn: Option<&'a [u8]>,
}

pub(super) fn lines(bytes: &[u8]) -> Lines<'_> {
    let whole_len = bytes.iter().rposition(|b| *b == b'\n').map_or(0, |i| i + 1);
    let (whole, rest) = bytes.split_at(whole_len);
    let mut whole: Vec<&[u8]> = whole.split(|b| *b == b'\n').collect();
    // What stands after the last line break is `rest`.
    whole.pop();
    Lines { whole, whole_len: whole_len as u64, torn: (!rest.is_empty()).then_some(rest) }
}

/// Something in a file is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Number of the record, counted from 1 by its place in the file.
    pub record: u64,
    pub what: String,
    pub expected: String,
    pub found: String,
}

impl Problem {
    pub(super) fn new(
        record: u64,
        what: impl Into<String>,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> Problem {
        Problem { record, what: what.into(), expected: expected.into(), found: found.into() }
    }
}

/// Reads the audit records and checks place, chain and hash. After an unreadable line the chain goes on at the next one
/// that can be read, so that one damaged record is one problem.
pub(super) fn audit(whole: &[&[u8]]) -> (Vec<Record>, Vec<Problem>) {
    let (mut records, mut problems) = (Vec::new(), Vec::new());
    let mut prev = Some(NO_HASH.to_owned());
    for (place, line) in (1u64..).zip(whole) {
        let record = match Record::read(line) {
            Ok(record) => record,
            Err(why) => {
                problems.push(Problem::new(place, format!("cannot be read: {why}"), "a record", excerpt(line)));
                prev = None;
                continue;
            }
        };
        let computed = record.computed_hash();
        if computed != record.hash {
            problems.push(Problem::new(place, "its hash is not that of its content", &computed, &record.hash));
        }
        if let Some(prev) = prev.filter(|p| *p != record.prev) {
            problems.push(Problem::new(place, "it does not follow the record before it", prev, &record.prev));
        }
        if record.seq != place {
            problems.push(Problem::new(
                place,
                "its number is not its place",
                place.to_string(),
                record.seq.to_string(),
            ));
        }
        prev = Some(record.hash.clone());
        records.push(record);
    }
    (records, problems)
}

/// The same for the inbox.
pub(super) fn inbox(whole: &[&[u8]]) -> (Vec<InboxRecord>, Vec<Problem>) {
    let (mut records, mut problems): (Vec<InboxRecord>, Vec<Problem>) = (Vec::new(), Vec::new());
    let mut prev = Some(NO_HASH.to_owned());
    for (place, line) in (1u64..).zip(whole) {
        let record = match InboxRecord::read(line) {
            Ok(record) => record,
            Err(why) => {
                problems.push(Problem::new(place, format!("inbox: cannot be read: {why}"), "a record", excerpt(line)));
                prev = None;
                continue;
            }
        };
        let computed = record.computed_digest();
        if computed != record.digest {
            problems.push(Problem::new(
                place,
                "inbox: its digest is not that of its content",
                &computed,
                &record.digest,
            ));
        }
        if let Some(prev) = prev.filter(|p| *p != record.prev) {
            problems.push(Problem::new(place, "inbox: it does not follow the record before it", prev, &record.prev));
        }
        if record.n != place {
            problems.push(Problem::new(
                place,
                "inbox: its number is not its place",
                place.to_string(),
                record.n.to_string(),
            ));
        }
        let before = records.last().map_or(0, |r| r.total);
        if record.total != before + record.count {
            let expected = (before + record.count).to_string();
            problems.push(Problem::new(
                place,
                "inbox: messages are missing before it",
                expected,
                record.total.to_string(),
            ));
        }
        prev = Some(record.digest.clone());
        records.push(record);
    }
    (records, problems)
}

/// The beginning of a line, for a message.
fn excerpt(line: &[u8]) -> String {
    let text: String = String::from_utf8_lossy(line).chars().take(60).collect();
    let shown = super::text::clean(&text);
    if shown.is_empty() { "an empty line".into() } else { shown }
}
