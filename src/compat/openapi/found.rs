//! Findings as they come in: each told once, with all the operations it reaches.
use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::rules::Rule;
use super::spread::{Bits, join, members};
use crate::compat::document::{Library, NodeId};
use crate::compat::finding::{Area, Direction, Finding, Location, Severity, fingerprint};

/// Operations that a finding names; all are counted.
const MAX_AFFECTED: usize = 1_000;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    rule: &'static str,
    direction: Option<Direction>,
    base: Option<NodeId>,
    revision: Option<NodeId>,
    subject: String,
}

struct Entry {
    severity: Severity,
    area: Area,
    advice: &'static str,
    message: String,
    details: Vec<String>,
    affected: Bits,
}

/// What is told of one finding.
pub struct Told<'s> {
    pub rule: &'static Rule,
    pub direction: Option<Direction>,
    pub area: Area,
    pub base: Option<NodeId>,
    pub revision: Option<NodeId>,
    pub subject: &'s str,
    pub message: String,
    pub details: Vec<String>,
}

/// Rules whose message names what changed, but not what it was and is: by words in their names.
const WORDLESS: [&str; 12] = [
    "condition",
    "alternatives-",
    "unevaluated",
    "contains",
    "-not-",
    "property-names",
    "content-schema",
    "additional-schema",
    "overlap",
    "form-changed",
    "scheme",
    "pattern-property",
];

/// Rules about something new that the message at most names, by words in their names. What is new stands at the revision.
const NEW: [&str; 6] =
    ["one-of-added", "any-of-added", "property-added", "parameter-added", "body-added", "schema-added"];

/// Digest of the values on both sides, for rules whose message does not say them; of the new one where that is all.
fn values(rule: &str, base: (&Library, Option<NodeId>), revision: (&Library, Option<NodeId>)) -> String {
    let digest = |text: &str| Sha256::digest(text.as_bytes()).iter().take(8).map(|b| format!("{b:02x}")).collect();
    let wordless = WORDLESS.iter().any(|word| rule.contains(word));
    if !wordless && NEW.iter().any(|word| rule.contains(word)) {
        return revision.1.map_or(String::new(), |n| digest(&revision.0.whole(n)));
    }
    if !wordless {
        return String::new();
    }
    let text = |(library, node): (&Library, Option<NodeId>)| node.map_or(String::new(), |n| library.canonical(n));
    digest(&format!("{}\n{}", text(base), text(revision)))
}

/// See the [module](self).
#[derive(Default)]
pub struct Found {
    entries: BTreeMap<Key, Entry>,
    notes: BTreeMap<String, ()>,
}

impl Found {
    pub fn add(&mut self, told: Told<'_>, affected: &Bits) {
        let key = Key {
            rule: told.rule.id,
            direction: told.direction,
            base: told.base,
            revision: told.revision,
            subject: told.subject.to_string(),
        };
        let entry = self.entries.entry(key).or_insert_with(|| Entry {
            severity: told.rule.severity,
            area: told.area,
            advice: told.rule.advice,
            message: told.message,
            details: told.details,
            affected: Bits::new(),
        });
        join(&mut entry.affected, affected);
    }

    pub fn note(&mut self, text: String) {
        self.notes.insert(text, ());
    }

    /// All findings, the worst first, then by place.
    pub fn finish(self, base: &Library, revision: &Library, operations: &[String]) -> (Vec<Finding>, Vec<String>) {
        let finding = |(key, entry): (Key, Entry)| {
            let location =
                Location { base: key.base.map(|n| base.place(n)), revision: key.revision.map(|n| revision.place(n)) };
            let reached = members(&entry.affected).count();
            let named = members(&entry.affected).take(MAX_AFFECTED);
            let mut affected: Vec<String> = named.filter_map(|i| operations.get(i as usize).cloned()).collect();
            affected.sort();
            affected.dedup();
            let mut details = entry.details;
            if reached > MAX_AFFECTED {
                details.push(format!("{reached} operations are reached; {MAX_AFFECTED} of them are named"));
            }
            Finding {
                rule: key.rule,
                severity: entry.severity,
                direction: key.direction,
                area: entry.area,
                fingerprint: fingerprint(key.rule, key.direction, &location),
                location,
                affected,
                message: entry.message,
                details,
                recommendation: Some(entry.advice).filter(|a| !a.is_empty()).map(String::from),
                of: None,
                waived: None,
                values: values(key.rule, (base, key.base), (revision, key.revision)),
            }
        };
        let mut findings: Vec<Finding> = self.entries.into_iter().map(finding).collect();
        findings.sort_by(|a, b| {
            let by_severity = b.severity.cmp(&a.severity);
            by_severity.then_with(|| a.location.cmp(&b.location)).then_with(|| a.rule.cmp(b.rule))
        });
        (findings, self.notes.into_keys().collect())
    }
}
