//! Pairs of schemas, each compared once.
//!
//! A comparison says nothing of direction and knows only its own level: what lies below are edges to other pairs. So a
//! schema that a thousand operations use is looked at once, and a circle of references is an edge back.
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::groups;
use super::kind::{Effect, Kind};
use super::shape::{self, Conj, Shape};
use super::types::Types;
use super::{conditions, objects, odd, subtypes, values};
use crate::compat::document::{Library, NodeId};
use crate::compat::lifecycle::Terms;

/// Number of a pair in its [`Engine`].
pub type PairId = u32;

/// What all that a pair leads to comes to together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Relation {
    effect: Effect,
    /// Nothing at all was changed, not even what makes no difference to the values that fit.
    same: bool,
}

/// Pairs that one question about alternatives looks at; beyond, they are taken for unrelated, which is told.
const MAX_LOOK: usize = 2_000;
/// The same for all questions of one comparison together.
const MAX_LOOK_ALL: usize = 400_000;
/// Alternatives inside alternatives that are matched by what they hold.
const MAX_INSIDE: usize = 24;

/// Whether the property a change is about travels one way only.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hidden {
    /// Never sent in a request.
    pub read_only: bool,
    /// Never sent in a response.
    pub write_only: bool,
}

/// One change of one pair of schemas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub kind: Kind,
    /// What it comes to where all values are written as text, as those of parameters are.
    pub as_text: Option<Kind>,
    /// Where it stands, or the schema it is missing from.
    pub base: Option<NodeId>,
    pub revision: Option<NodeId>,
    /// The property, keyword or alternative it is about, where the place does not say it.
    pub subject: String,
    pub from: String,
    pub to: String,
    pub details: Vec<String>,
    pub hidden: Hidden,
}

/// How one leads from a pair to one inside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The same value, seen otherwise.
    Same,
    Property(Hidden),
    Item,
    Inner,
    /// `not`: what narrows it widens the whole.
    Not,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edge {
    pub to: PairId,
    pub step: Step,
}

/// What one pair comes to by itself.
#[derive(Debug, Default)]
pub struct Own {
    pub changes: Vec<Change>,
    pub edges: Vec<Edge>,
    /// What counts in addition where all values are written as text, and the types have nothing else in common.
    pub text: Vec<Change>,
    pub text_edges: Vec<Edge>,
    /// Met and not compared: what, and where on either side.
    pub notes: Vec<(String, Option<NodeId>, Option<NodeId>)>,
    /// `$ref`s that lead nowhere, on the base and on the revision.
    pub dangling: (Vec<NodeId>, Vec<NodeId>),
}

enum State {
    New,
    Busy,
    Done(Rc<Own>),
}

/// See the [module](self).
pub struct Engine<'a> {
    pub base: &'a Library,
    pub revision: &'a Library,
    pub terms: Terms,
    /// Keywords beside a `$ref` count, on either side.
    siblings: (bool, bool),
    pairs: Vec<(Conj, Conj)>,
    states: Vec<State>,
    index: BTreeMap<(Conj, Conj), PairId>,
    relations: BTreeMap<PairId, Relation>,
    looked: usize,
    inside: usize,
    /// More lies inside than is looked at, in the pair that is being compared.
    beyond: bool,
}

impl<'a> Engine<'a> {
    pub fn new(base: &'a Library, revision: &'a Library, siblings: (bool, bool), terms: Terms) -> Engine<'a> {
        Engine {
            base,
            revision,
            terms,
            siblings,
            pairs: Vec::new(),
            states: Vec::new(),
            index: BTreeMap::new(),
            relations: BTreeMap::new(),
            looked: 0,
            inside: 0,
            beyond: false,
        }
    }

    /// The pair of two schemas, each given as all that must hold.
    pub fn pair(&mut self, old: &[NodeId], new: &[NodeId]) -> PairId {
        let key = (plain(self.base, old, self.siblings.0), plain(self.revision, new, self.siblings.1));
        if let Some(id) = self.index.get(&key) {
            return *id;
        }
        let id = PairId::try_from(self.pairs.len()).unwrap_or(PairId::MAX);
        self.pairs.push(key.clone());
        self.states.push(State::New);
        self.index.insert(key, id);
        id
    }

    /// Pairs looked at so far.
    pub fn len(&self) -> usize {
        self.pairs.len()
    }

    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// What a pair comes to. One that is being compared further up is taken for equal: then nothing but what else
    /// is found can make a difference.
    pub fn own(&mut self, id: PairId) -> Rc<Own> {
        match &self.states[id as usize] {
            State::Done(own) => return Rc::clone(own),
            State::Busy => return Rc::new(Own::default()),
            State::New => self.states[id as usize] = State::Busy,
        }
        let (old, new) = self.pairs[id as usize].clone();
        let old = shape::read(self.base, &old, self.siblings.0);
        let new = shape::read(self.revision, &new, self.siblings.1);
        let (places, before) = ((Some(old.at), Some(new.at)), std::mem::take(&mut self.beyond));
        let mut own = compare(self, old, new);
        if self.beyond {
            let what = "alternatives lie deeper inside one another, or hold more, than is looked at: they are taken for unrelated";
            own.notes.push((what.into(), places.0, places.1));
        }
        // Who asked about this one leans on the same guess.
        self.beyond |= before;
        let own = Rc::new(own);
        self.states[id as usize] = State::Done(Rc::clone(&own));
        own
    }

    /// What the revision's schema does to the values that fit the base's. Not exact where schemas lie deeper than can
    /// be looked at: then both, which finds too much rather than too little.
    pub fn relation(&mut self, old: &[NodeId], new: &[NodeId]) -> Effect {
        self.related(old, new).effect
    }

    /// Whether nothing at all was changed from the one schema to the other.
    pub fn same(&mut self, old: &[NodeId], new: &[NodeId]) -> bool {
        self.related(old, new).same
    }

    fn related(&mut self, old: &[NodeId], new: &[NodeId]) -> Relation {
        let root = self.pair(old, new);
        if let Some(known) = self.relations.get(&root) {
            return *known;
        }
        if self.inside >= MAX_INSIDE || self.looked >= MAX_LOOK_ALL {
            self.beyond = true;
            return Relation { effect: Effect::BOTH, same: false };
        }
        self.inside += 1;
        let (mut effect, mut seen, mut left) = (Effect::NONE, BTreeSet::new(), vec![(root, false)]);
        let mut same = true;
        while let Some((pair, swapped)) = left.pop() {
            if effect == Effect::BOTH || !seen.insert((pair, swapped)) {
                continue;
            }
            self.looked += 1;
            if seen.len() > MAX_LOOK {
                self.beyond = true;
                effect = Effect::BOTH;
                break;
            }
            let own = self.own(pair);
            same &= own.changes.is_empty();
            for change in &own.changes {
                let one = change.kind.effect();
                effect = effect.and(if swapped { one.swapped() } else { one });
            }
            left.extend(own.edges.iter().map(|e| (e.to, swapped != (e.step == Step::Not))));
        }
        self.inside -= 1;
        let relation = Relation { effect, same: same && effect == Effect::NONE };
        // An answer found while one further up was open may lean on what was assumed of that one.
        if self.inside == 0 {
            self.relations.insert(root, relation);
        }
        relation
    }
}

/// References alone are followed, so that a schema has one name however it is reached.
fn plain(library: &Library, conj: &[NodeId], siblings: bool) -> Conj {
    let mut out = Conj::with_capacity(conj.len());
    for marked in conj {
        let (mut node, marks) = (marked & shape::PLAIN, marked & !shape::PLAIN);
        for _ in 0..64 {
            let alone = |key: &str| matches!(key, "$ref" | "description" | "summary");
            let bare = !siblings || library.entries(node).iter().all(|(k, _)| alone(k));
            match library.hop(node).filter(|_| bare) {
                Some(next) => node = next,
                None => break,
            }
        }
        if !out.contains(&(node | marks)) {
            out.push(node | marks);
        }
    }
    out
}

/// One comparison under way.
pub(super) struct Work<'e, 'a> {
    pub engine: &'e mut Engine<'a>,
    pub old: Shape<'a>,
    pub new: Shape<'a>,
    /// The types that both sides let through.
    pub common: Types,
    /// All values are written as text.
    pub text: bool,
    pub out: Own,
}

fn compare<'a>(engine: &mut Engine<'a>, old: Shape<'a>, new: Shape<'a>) -> Own {
    let common = old.types.set.both(new.types.set);
    let mut work = Work { engine, old, new, common, text: false, out: Own::default() };
    work.out.dangling = (std::mem::take(&mut work.old.dangling), std::mem::take(&mut work.new.dangling));
    work.notes();
    work.lifecycle();
    work.null();
    if groups::wrapped(&mut work) {
        return work.out;
    }
    work.types();
    values::default(&mut work);
    if !work.common.without(Types::NULL).is_empty() || work.old.types.set == work.new.types.set {
        values::compare(&mut work);
        objects::compare(&mut work);
        groups::compare(&mut work);
        conditions::compare(&mut work);
        subtypes::compare(&mut work);
    } else {
        // With no type in common there is one thing to say, and it is said. Only as text the values may be the same.
        values::as_text(&mut work);
    }
    work.out
}

impl<'a> Work<'_, 'a> {
    pub fn old_lib(&self) -> &'a Library {
        self.engine.base
    }

    pub fn new_lib(&self) -> &'a Library {
        self.engine.revision
    }

    /// Whether keywords about values of these types count. A keyword that does not go with the type beside it is a slip in
    /// one of the two, and nobody can tell in which, so it counts; but not where a schema is compared type by type.
    pub fn concerns(&self, types: Types) -> bool {
        let (old, new) = (self.old.types.set, self.new.types.set);
        match self.old.by_type || self.new.by_type {
            _ if self.text => true,
            true => self.common.has(types),
            // Of a type that comes or goes as a whole, that is all there is to say.
            false => old.has(types) == new.has(types),
        }
    }

    /// Keywords beside a `$ref` count, on the base and on the revision.
    pub fn siblings(&self) -> (bool, bool) {
        self.engine.siblings
    }

    /// Notes a change; where a side has no place for it, its schema is the place.
    pub fn change(&mut self, kind: Kind, base: Option<NodeId>, revision: Option<NodeId>) -> &mut Change {
        let base = base.or_else(|| self.old.parts.first().map(|_| self.old.at));
        let revision = revision.or_else(|| self.new.parts.first().map(|_| self.new.at));
        self.out.changes.push(Change {
            kind,
            as_text: Some(kind),
            base,
            revision,
            subject: String::new(),
            from: String::new(),
            to: String::new(),
            details: Vec::new(),
            hidden: Hidden::default(),
        });
        let last = self.out.changes.len() - 1;
        &mut self.out.changes[last]
    }

    /// The same, with the two values as text.
    pub fn changed(&mut self, kind: Kind, base: Option<NodeId>, revision: Option<NodeId>) -> &mut Change {
        let from = base.map(|n| self.old_lib().brief(n)).unwrap_or_default();
        let to = revision.map(|n| self.new_lib().brief(n)).unwrap_or_default();
        let change = self.change(kind, base, revision);
        (change.from, change.to) = (from, to);
        change
    }

    /// Compares what lies inside, as a pair of its own.
    pub fn edge(&mut self, old: &[NodeId], new: &[NodeId], step: Step) {
        if old.is_empty() && new.is_empty() {
            return;
        }
        let to = self.engine.pair(old, new);
        self.out.edges.push(Edge { to, step });
    }

    pub fn note(&mut self, what: impl Into<String>, base: Option<NodeId>, revision: Option<NodeId>) {
        self.out.notes.push((what.into(), base, revision));
    }

    fn notes(&mut self) {
        if self.old.cut || self.new.cut {
            let (base, revision) = (self.old.at, self.new.at);
            self.note("more `allOf`s than are merged", Some(base), Some(revision));
        }
        let odd: BTreeSet<&str> = self.old.odd.keys().chain(self.new.odd.keys()).copied().collect();
        for key in odd {
            let (base, revision) = (self.old.odd.get(key).copied(), self.new.odd.get(key).copied());
            let why = revision.or(base).map_or("", |(_, why)| why);
            self.note(format!("`{key}` {why}, and is not compared"), base.map(|b| b.0), revision.map(|r| r.0));
        }
        let unknown: BTreeSet<&str> = self.old.unknown.keys().chain(self.new.unknown.keys()).copied().collect();
        for key in unknown {
            let near = odd::near(key).map_or(String::new(), |near| format!("; did you mean `{near}`?"));
            let places = (self.old.unknown.get(key).copied(), self.new.unknown.get(key).copied());
            self.note(format!("`{key}` is no keyword of a schema, and is not compared{near}"), places.0, places.1);
        }
        let keys: BTreeSet<&str> = self.old.residual.keys().chain(self.new.residual.keys()).copied().collect();
        for key in keys {
            let (base, revision) = (self.old.residual.get(key).copied(), self.new.residual.get(key).copied());
            let equal = base.zip(revision).is_some_and(|(x, y)| self.same(x, y));
            // Equal words mean the same only where they say all by themselves.
            if !equal || key.starts_with('$') {
                self.note(format!("`{key}` is not compared"), base, revision);
            }
        }
    }

    pub fn same(&self, base: NodeId, revision: NodeId) -> bool {
        crate::compat::document::same(self.old_lib(), base, self.new_lib(), revision)
    }
}
