//! Two schemas, pair by pair.
//!
//! A pair's answer is worked out once. Schemas hold themselves, so a pair that is met again while it is still open is held
//! to be fine; if it then turns out not to be, everything is worked out again with that known, until no assumption was
//! wrong. So no answer rests on one that was only assumed.
use std::collections::{BTreeMap, BTreeSet};

use super::shape::{How, Id, Node, Schema, Shape};
use super::{array, combined, object, scalar};
use crate::compat::Severity;
use crate::compat::events::{Clash, Reading};
use crate::compat::spots::{Fault, step};

/// A node of one of the two schemas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct At {
    /// The new schema's; it reads.
    pub new: bool,
    pub id: Id,
}

/// What was valid, and what has to accept it. Below a `not` the two schemas change places.
pub(super) type Pair = (At, At);

/// What is wrong with one pair.
#[derive(Debug, Clone, Default)]
pub(super) struct Outcome {
    pub bad: bool,
    pub clashes: Vec<Clash>,
    /// Pairs whose clashes belong to this one's.
    pub below: Vec<Pair>,
}

/// Pairs open at a time: each takes some kilobytes of stack.
const DEEP: usize = 160;
/// Pairs worked out in all.
const MANY: usize = 400_000;

pub(super) struct Diff<'a> {
    new: &'a Schema,
    old: &'a Schema,
    done: BTreeMap<Pair, Outcome>,
    open: BTreeSet<Pair>,
    /// Pairs that are known to be bad from a round before.
    bad: BTreeSet<Pair>,
    /// Pairs that were taken to be fine because they were open.
    assumed: BTreeSet<Pair>,
    work: usize,
    fault: Option<Fault>,
    not_compared: BTreeSet<String>,
}

pub(super) fn diff(new: &Schema, old: &Schema) -> Result<Reading, Fault> {
    let mut diff = Diff {
        new,
        old,
        done: BTreeMap::new(),
        open: BTreeSet::new(),
        bad: BTreeSet::new(),
        assumed: BTreeSet::new(),
        work: 0,
        fault: None,
        not_compared: BTreeSet::new(),
    };
    let root = (At { new: false, id: old.root }, At { new: true, id: new.root });
    loop {
        diff.fits(root.0, root.1);
        diff.catch_up();
        let is_bad = |p: &Pair| diff.done.get(p).is_some_and(|o| o.bad) && !diff.bad.contains(p);
        let wrong: Vec<Pair> = diff.assumed.iter().filter(|p| is_bad(p)).copied().collect();
        if let Some(fault) = diff.fault.take() {
            return Err(fault);
        }
        if wrong.is_empty() {
            break;
        }
        diff.bad.extend(wrong);
        diff.done.clear();
        diff.assumed.clear();
    }
    let left_out = new.left_out.iter().chain(&old.left_out).cloned();
    let mut not_compared: Vec<String> = left_out.chain(std::mem::take(&mut diff.not_compared)).collect();
    not_compared.dedup();
    Ok(Reading { clashes: diff.told(diff.key(root.0, root.1)), not_compared })
}

impl<'a> Diff<'a> {
    pub fn schema(&self, at: At) -> &'a Schema {
        if at.new { self.new } else { self.old }
    }

    pub fn node(&self, at: At) -> &'a Node {
        self.schema(at).node(at.id).1
    }

    pub fn shape(&self, at: At) -> &'a Shape {
        self.schema(at).shape(at.id)
    }

    /// Where something stands, as it was written: at the reference, not behind it.
    pub fn pointer(&self, at: At) -> &'a str {
        self.schema(at).pointer(at.id)
    }

    /// Where the rules of a node stand.
    pub fn target(&self, at: At) -> &'a str {
        &self.node(at).pointer
    }

    /// The combination at a node is written down as one, and is not that of keywords beside each other or of several types.
    pub fn is_written(&self, at: At) -> bool {
        match self.shape(at) {
            Shape::Combined(_, parts) => parts.iter().all(|p| self.pointer(At { id: *p, ..at }) != self.target(at)),
            _ => true,
        }
    }

    /// The keyword that a combination stands under.
    pub fn keyword(&self, at: At, how: How) -> &'static str {
        match (self.is_written(at), how.is_sum()) {
            (true, _) => how.keyword(),
            (false, true) => "type",
            (false, false) => "",
        }
    }

    /// What a schema is, by what is written: `string with enum`.
    pub fn words(&self, at: At) -> String {
        let Shape::Combined(how, parts) = self.shape(at) else { return self.shape(at).word().to_string() };
        if self.is_written(at) {
            return how.keyword().to_string();
        }
        let mut words: Vec<String> = parts.iter().map(|p| self.words(At { id: *p, ..at })).collect();
        // The type is what people call it by.
        let types = ["null", "boolean", "integer", "number", "string", "object", "array"];
        words.sort_by_key(|word| !types.iter().any(|t| word.starts_with(t)));
        words.join(if how.is_sum() { " or " } else { " with " })
    }

    pub fn leave_out(&mut self, text: String) {
        self.not_compared.insert(text);
    }

    /// Whether everything valid for `old` is accepted by `new`. The answer stays in `done`.
    pub fn fits(&mut self, old: At, new: At) -> bool {
        let key = self.key(old, new);
        if let Some(known) = self.done.get(&key) {
            return !known.bad;
        }
        if self.open.contains(&key) {
            if self.bad.contains(&key) {
                return false;
            }
            self.assumed.insert(key);
            return true;
        }
        if self.open.len() >= DEEP {
            // Taken up from the top later, so that no chain of references is longer than the stack.
            self.assumed.insert(key);
            return !self.bad.contains(&key);
        }
        self.work += 1;
        if self.work > MANY && self.fault.is_none() {
            let why = format!("more than {MANY} pairs of schemas to compare");
            self.fault = Some(self.schema(new).document.fault(self.pointer(new), why));
        }
        if self.fault.is_some() {
            return false;
        }
        self.open.insert(key);
        let mut outcome = Outcome::default();
        self.compare(key.0, key.1, &mut outcome);
        self.open.remove(&key);
        let fine = !outcome.bad;
        self.done.insert(key, outcome);
        fine
    }

    /// Works out what was only assumed because it lay too deep.
    fn catch_up(&mut self) {
        loop {
            let left: Vec<Pair> = self.assumed.iter().filter(|p| !self.done.contains_key(p)).copied().collect();
            if left.is_empty() || self.fault.is_some() {
                return;
            }
            for (old, new) in left {
                self.fits(old, new);
            }
        }
    }

    /// A pair by what is behind its references, so that every way to it is the same.
    fn key(&self, old: At, new: At) -> Pair {
        let behind = |at: At| At { id: self.schema(at).node(at.id).0, ..at };
        (behind(old), behind(new))
    }

    /// Compares a pair below, and takes its clashes for this one's.
    pub fn below(&mut self, old: At, new: At, outcome: &mut Outcome) -> bool {
        let fine = self.fits(old, new);
        outcome.bad |= !fine;
        outcome.below.push(self.key(old, new));
        fine
    }

    fn compare(&mut self, old: At, new: At, outcome: &mut Outcome) {
        if combined::with_one_side(self, old, new, outcome) {
            return;
        }
        let (was, is) = (self.shape(old), self.shape(new));
        if std::mem::discriminant(was) != std::mem::discriminant(is) {
            if !matches!(was, Shape::Never) && !matches!(is, Shape::Any) {
                let message = format!("was {}, is {}", self.words(old), self.words(new));
                self.clash(outcome, "json-type-changed", Severity::Critical, (old, ""), (new, ""), message);
            }
            return;
        }
        match (was, is) {
            (Shape::Number(a), Shape::Number(b)) => scalar::number(self, (old, a), (new, b), outcome),
            (Shape::String(a), Shape::String(b)) => scalar::text(self, (old, a), (new, b), outcome),
            (Shape::Enum(a), Shape::Enum(b)) => scalar::values(self, (old, a), (new, b), outcome),
            (Shape::Const(a), Shape::Const(b)) if a != b => {
                let message = format!("the one value was {a} and is {b}");
                self.clash(outcome, "json-const-changed", Severity::Critical, (old, "const"), (new, "const"), message);
            }
            (Shape::Not(a), Shape::Not(b)) => {
                // What must not match may only become less.
                let (a, b) = (At { id: *a, ..old }, At { id: *b, ..new });
                if self.fits(b, a) {
                    outcome.below.push(self.key(b, a));
                } else {
                    let message = "`not` refuses more than it did".to_string();
                    self.clash(outcome, "json-not-extended", Severity::Critical, (old, "not"), (new, "not"), message);
                }
            }
            (Shape::Object(a), Shape::Object(b)) => object::object(self, (old, a), (new, b), outcome),
            (Shape::Array(a), Shape::Array(b)) => array::array(self, (old, a), (new, b), outcome),
            (Shape::Combined(a, of), Shape::Combined(b, into)) => {
                combined::combined(self, (old, *a, of), (new, *b, into), outcome);
            }
            (Shape::Conditional(a), Shape::Conditional(b)) if a != b => {
                let message = "`if`, `then` or `else` changed, which is not compared further".to_string();
                self.clash(outcome, "json-condition-changed", Severity::Warning, (old, ""), (new, ""), message);
                self.leave_out(format!("{}#{}: if, then, else", self.schema(new).document.file, self.pointer(new)));
            }
            (Shape::Remote(a), Shape::Remote(b)) if a != b => {
                let message = format!("`$ref` led to `{a}` and leads to `{b}`, and neither can be looked into");
                self.clash(
                    outcome,
                    "json-reference-changed",
                    Severity::Critical,
                    (old, "$ref"),
                    (new, "$ref"),
                    message,
                );
            }
            _ => {}
        }
    }

    /// Notes what is wrong. The places are the schemas' and a keyword below, where there is one.
    pub fn clash(
        &self,
        outcome: &mut Outcome,
        rule: &'static str,
        severity: Severity,
        old: (At, &str),
        new: (At, &str),
        message: String,
    ) {
        self.clash_for(outcome, rule, severity, old, new, message, Vec::new());
    }

    #[allow(clippy::too_many_arguments)]
    pub fn clash_for(
        &self,
        outcome: &mut Outcome,
        rule: &'static str,
        severity: Severity,
        old: (At, &str),
        new: (At, &str),
        message: String,
        details: Vec<String>,
    ) {
        outcome.bad |= severity == Severity::Critical;
        let place = |(at, keyword): (At, &str)| {
            let below = match keyword {
                "" => self.target(at).to_string(),
                keyword => format!("{}/{keyword}", self.target(at)),
            };
            let there = self.schema(at).document.value.pointer(&below).is_some();
            if there { below } else { self.target(at).to_string() }
        };
        // Below a `not` the sides have changed places; in the report reader and writer stay who they are.
        let (reader, writer) = if new.0.new { (place(new), place(old)) } else { (place(old), place(new)) };
        outcome.clashes.push(Clash { rule, severity, reader, writer, message, details, recommendation: advice(rule) });
    }

    /// All clashes that belong to a pair, each once.
    fn told(&self, root: Pair) -> Vec<Clash> {
        let mut clashes: Vec<Clash> = Vec::new();
        let mut seen = BTreeSet::from([root]);
        let mut open = vec![root];
        while let Some(pair) = open.pop() {
            let Some(outcome) = self.done.get(&pair) else { continue };
            for clash in &outcome.clashes {
                if !clashes.contains(clash) {
                    clashes.push(clash.clone());
                }
            }
            open.extend(outcome.below.iter().rev().filter(|p| seen.insert(**p)));
        }
        clashes
    }

    /// The first reasons why a pair does not fit, for a message that stands above it.
    pub fn reasons(&self, old: At, new: At) -> Vec<String> {
        let mut reasons = Vec::new();
        let mut seen = BTreeSet::new();
        let mut open = vec![self.key(old, new)];
        while let Some(pair) = open.pop() {
            let Some(outcome) = self.done.get(&pair).filter(|_| reasons.len() < 3 && seen.len() < 100) else {
                continue;
            };
            if !outcome.bad || !seen.insert(pair) {
                continue;
            }
            let critical = outcome.clashes.iter().filter(|c| c.severity == Severity::Critical);
            reasons.extend(
                critical.map(|c| format!("{}: {}", if c.reader.is_empty() { "/" } else { &c.reader }, c.message)),
            );
            open.extend(outcome.below.iter().rev());
        }
        reasons.truncate(3);
        reasons
    }
}

/// Names a property or an item below a keyword.
pub(super) fn under(keyword: &str, name: impl std::fmt::Display) -> String {
    step(keyword, name)
}

impl How {
    /// A combination that one branch is enough for.
    pub fn is_sum(self) -> bool {
        self != Self::All
    }
}

fn advice(rule: &str) -> Option<&'static str> {
    Some(match rule {
        "json-property-added-to-open" => {
            "old data may hold this name with any value: close the model first (additionalProperties), or use a new name"
        }
        "json-property-removed-from-closed" | "json-property-removed-not-covered" => {
            "keep the property until no data with it is left, or open the model first"
        }
        "json-required-added" | "json-required-property-added" => "give the property a default, or leave it optional",
        "json-type-changed" | "json-type-narrowed" => "add a property of the new type and keep the old one",
        "json-enum-narrowed" | "json-enum-changed" => "keep the old values until no data with them is left",
        _ => return None,
    })
}
