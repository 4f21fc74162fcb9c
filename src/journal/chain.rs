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
    /// Number of the record, counted from 1; of one that cannot be read, counted on from the one before it.
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

/// Where the chain of a file does not hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Breaks {
    /// Numbers of the records that nothing ties to what stands before them; none where the chain is whole.
    pub at: Vec<u64>,
    /// Records from the first of them on.
    pub untied: u64,
}

/// One file's records, what is wrong with them, and where they do not hold together.
pub(super) struct Checked<T> {
    pub records: Vec<T>,
    pub problems: Vec<Problem>,
    pub breaks: Breaks,
}

/// What the next record of a chain has to be.
struct Link {
    /// What begins each problem.
    of: &'static str,
    /// Hash of the record before; `None` after a line that cannot be read.
    prev: Option<String>,
    number: u64,
    problems: Vec<Problem>,
    breaks: Breaks,
}

impl Link {
    fn first(of: &'static str) -> Link {
        let (prev, breaks) = (Some(NO_HASH.to_owned()), Breaks::default());
        Link { of, prev, number: 1, problems: Vec::new(), breaks }
    }

    fn problem(&mut self, record: u64, what: &str, expected: impl Into<String>, found: impl Into<String>) {
        self.problems.push(Problem::new(record, format!("{}{what}", self.of), expected, found));
    }

    /// One damaged record is one problem: the next that can be read is looked at for itself.
    fn unreadable(&mut self, why: &str, line: &[u8]) {
        self.problem(self.number, &format!("cannot be read: {why}"), "a record", excerpt(line));
        self.breaks.untied += u64::from(!self.breaks.at.is_empty());
        (self.prev, self.number) = (None, self.number + 1);
    }

    /// Checks a record's place behind the one before it. What is missing is one problem, however much follows: numbers
    /// are counted on from it. `own`: its hash is that of its content, so that its number is what was written.
    fn follow(&mut self, number: u64, prev: &str, hash: &str, own: bool) {
        let (want, jumps) = (self.number, number != self.number);
        let record = if own { number } else { want };
        match self.prev.take() {
            Some(before) if before != prev && jumps => {
                let missing = match number.checked_sub(want).filter(|_| own) {
                    Some(1) => format!(": record {want} is missing"),
                    Some(_) => format!(": records {want} to {} are missing", number - 1),
                    None => String::new(),
                };
                let what = format!("it does not follow the record before it{missing}");
                self.problem(
                    record,
                    &what,
                    format!("record {want} after {before}"),
                    format!("record {number} after {prev}"),
                );
                self.breaks.at.push(record);
            }
            Some(before) if before != prev => {
                self.problem(record, "it does not follow the record before it", before, prev);
                self.breaks.at.push(record);
            }
            before => {
                if jumps {
                    self.problem(record, "its number is not the next", want.to_string(), number.to_string());
                }
                if before.is_none() {
                    self.breaks.at.push(record);
                }
            }
        }
        self.breaks.untied += u64::from(!self.breaks.at.is_empty());
        (self.prev, self.number) = (Some(hash.to_owned()), record.saturating_add(1));
    }
}

/// Reads the audit records and checks number, chain and hash of each.
pub(super) fn audit(whole: &[&[u8]]) -> Checked<Record> {
    let (mut records, mut link): (Vec<Record>, Link) = (Vec::new(), Link::first(""));
    for line in whole {
        let record = match Record::read(line) {
            Ok(record) => record,
            Err(why) => {
                link.unreadable(&why, line);
                continue;
            }
        };
        let computed = record.computed_hash();
        let own = computed == record.hash;
        if !own {
            link.problem(link.number, "its hash is not that of its content", &computed, &record.hash);
        }
        link.follow(record.seq, &record.prev, &record.hash, own);
        records.push(record);
    }
    Checked { records, problems: link.problems, breaks: link.breaks }
}

/// The same for the inbox.
pub(super) fn inbox(whole: &[&[u8]]) -> Checked<InboxRecord> {
    let (mut records, mut link): (Vec<InboxRecord>, Link) = (Vec::new(), Link::first("inbox: "));
    for line in whole {
        let record = match InboxRecord::read(line) {
            Ok(record) => record,
            Err(why) => {
                link.unreadable(&why, line);
                continue;
            }
        };
        let computed = record.computed_digest();
        let own = computed == record.digest;
        if !own {
            link.problem(link.number, "its digest is not that of its content", &computed, &record.digest);
        }
        let broken = link.breaks.at.len();
        link.follow(record.n, &record.prev, &record.digest, own);
        let before = records.last().map_or(0, |r: &InboxRecord| r.total);
        // What a break took along is told with it.
        if broken == link.breaks.at.len() && record.total != before + record.count {
            let expected = (before + record.count).to_string();
            link.problem(record.n, "messages are missing before it", expected, record.total.to_string());
        }
        records.push(record);
    }
    Checked { records, problems: link.problems, breaks: link.breaks }
}

/// The beginning of a line, for a message.
fn excerpt(line: &[u8]) -> String {
    let text: String = String::from_utf8_lossy(line).chars().take(60).collect();
    let shown = super::text::clean(&text);
    if shown.is_empty() { "an empty line".into() } else { shown }
}
