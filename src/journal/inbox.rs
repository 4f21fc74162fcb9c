//! The inbox file: every message the engine saw, in order, so that a night can be replayed.
//!
//! One record per flush: the messages as a canonical JSON array, deflated, in base64, with a digest chained to the record
//! before. The newest digest stands in every audit record, so that no message a decision used can be changed unseen.
use std::io::{Read, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use serde_json::{Value, json};

use super::text::mask_env;
use crate::engine::message::{Body, Message};
use crate::spec::canonical;

/// First bytes of what a digest is made over, so that it can be mistaken for no other hash.
const DOMAIN: &str = "pilothouse-inbox@v1";
/// Text of unwritten messages that is kept in memory while the store refuses, in bytes.
const BUFFER_MAX: usize = 8 << 20;
/// A record that inflates to more than this is refused.
const INFLATED_MAX: u64 = 256 << 20;

/// Messages heard and not yet written.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    /// Canonical messages, each but the first after a comma.
    text: String,
    count: u64,
    first: u64,
    last: u64,
    pub lost: u64,
}

impl Buffer {
    pub fn hear(&mut self, message: &Message) {
        if self.text.len() > BUFFER_MAX {
            self.lost += 1;
            return;
        }
        // A message serialises always: its maps have text keys. One that did not would be counted as lost.
        let Ok(mut value) = serde_json::to_value(message) else {
            self.lost += 1;
            return;
        };
        if matches!(message.body, Body::Preflight(_)) {
            mask_env(&mut value);
        }
        if self.count == 0 {
            self.first = message.seq;
        } else {
            self.text.push(',');
        }
        self.text.push_str(&canonical::text(&value));
        self.last = message.seq;
        self.count += 1;
    }

    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub fn count(&self) -> u64 {
        self.count
    }

    /// The record that holds everything in the buffer, and its digest.
    pub fn record(&self, n: u64, before: u64, prev: &str) -> std::io::Result<InboxRecord> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        for part in ["[", &self.text, "]"] {
            encoder.write_all(part.as_bytes())?;
        }
        let mut record = InboxRecord {
            n,
            first: self.first,
            last: self.last,
            count: self.count,
            total: before + self.count,
            data: BASE64.encode(encoder.finish()?),
            prev: prev.into(),
            digest: String::new(),
        };
        record.digest = record.computed_digest();
        Ok(record)
    }

    pub fn clear(&mut self) {
        *self = Buffer { lost: self.lost, ..Buffer::default() };
    }
}

/// One line of the inbox file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboxRecord {
    /// Counts up by one from 1.
    pub n: u64,
    /// Sequence numbers of the first and the last message in it.
    pub first: u64,
    pub last: u64,
    /// Messages in it, and in the file so far.
    pub count: u64,
    pub total: u64,
    pub data: String,
    /// Digest of the record before; zeros for the first.
    pub prev: String,
    pub digest: String,
}

impl InboxRecord {
    fn value(&self, with_digest: bool) -> Value {
        let mut value = json!({
            "n": self.n, "first": self.first, "last": self.last, "count": self.count, "total": self.total,
            "data": self.data, "prev": self.prev,
        });
        if with_digest {
            value["digest"] = self.digest.clone().into();
        }
        value
    }

    pub fn computed_digest(&self) -> String {
        canonical::digest(DOMAIN, &canonical::text(&self.value(false)))
    }

    pub fn line(&self) -> String {
        canonical::text(&self.value(true))
    }

    /// Reads a line; only the canonical text of a record is one.
    ///
    /// # Errors
    /// What is wrong with it, for a person. The digest is not compared here.
    pub fn read(line: &[u8]) -> Result<InboxRecord, String> {
        let text = std::str::from_utf8(line).map_err(|e| format!("not UTF-8 at byte {}", e.valid_up_to()))?;
        let value = canonical::parse(text).map_err(|e| e.to_string())?;
        let count = |name: &str| value[name].as_u64().ok_or_else(|| format!("`{name}` is no count"));
        let word = |name: &str| value[name].as_str().map(str::to_owned).ok_or_else(|| format!("`{name}` is no text"));
        let record = InboxRecord {
            n: count("n")?,
            first: count("first")?,
            last: count("last")?,
            count: count("count")?,
            total: count("total")?,
            data: word("data")?,
            prev: word("prev")?,
            digest: word("digest")?,
        };
        if record.line() != text {
            return Err("not in canonical form".into());
        }
        Ok(record)
    }

    /// The messages in it, as JSON.
    ///
    /// # Errors
    /// When it does not unpack to as many messages as it says.
    pub fn values(&self) -> Result<Vec<Value>, String> {
        let packed = BASE64.decode(&self.data).map_err(|e| format!("not base64: {e}"))?;
        let mut text = String::new();
        ZlibDecoder::new(packed.as_slice())
            .take(INFLATED_MAX)
            .read_to_string(&mut text)
            .map_err(|e| format!("does not unpack: {e}"))?;
        match canonical::parse(&text).map_err(|e| e.to_string())? {
            Value::Array(messages) if messages.len() as u64 == self.count => Ok(messages),
            Value::Array(messages) => Err(format!("says {} messages and holds {}", self.count, messages.len())),
            _ => Err("holds no list".into()),
        }
    }

    /// The messages in it.
    ///
    /// # Errors
    /// Also when one is of a kind this version does not know.
    pub fn messages(&self) -> Result<Vec<Message>, String> {
        let read = |v| serde_json::from_value(v).map_err(|e| format!("holds a message this version cannot read: {e}"));
        self.values()?.into_iter().map(read).collect()
    }
}
