//! From pairs of schemas to findings: which pairs are reached, by which operations, in which direction.
//!
//! Operations flow along the edges from pair to pair as sets of bits, until nothing changes any more. So the cost is that
//! of the pairs and their edges, however many operations lead to them.
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::found::{Found, Told};
use super::rules::{Book, Rule, Scope};
use crate::compat::document::Library;
use crate::compat::finding::{Area, Direction};
use crate::compat::schema::{Change, Engine, Kind, PairId, Step, sentence};
use crate::spec::Problem;

/// Pairs of one comparison. Beyond, the rest is told as not compared: no real description comes near.
const MAX_PAIRS: usize = 400_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    Body,
    /// Of a media type that writes all values as text, as forms and XML do.
    TextBody,
    /// The fields of a form are text, unless they are objects: those are JSON.
    Multipart,
    Parameter,
    /// One that was required: all who keep to that send it, so that its default never counts.
    NeededParameter,
    Header,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Depth {
    Top,
    Item,
    /// A field of a form, or the items of one.
    Field,
    Inside,
}

/// From where a pair is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct View {
    pub direction: Direction,
    pub part: Part,
    depth: Depth,
    /// Below a property that does not travel this way.
    hidden: bool,
    /// Below an odd number of `not`s.
    negated: bool,
}

impl View {
    pub fn of(direction: Direction, part: Part) -> View {
        View { direction, part, depth: Depth::Top, hidden: false, negated: false }
    }

    fn below(self, step: Step) -> View {
        let inside = View { depth: Depth::Inside, ..self };
        match step {
            Step::Same => self,
            Step::Item if self.depth == Depth::Top => View { depth: Depth::Item, ..self },
            Step::Item if self.depth == Depth::Field => self,
            Step::Property(hidden) => {
                let hides = match self.direction {
                    Direction::Request => hidden.read_only,
                    _ => hidden.write_only,
                };
                let field = self.part == Part::Multipart && self.depth == Depth::Top;
                let depth = if field { Depth::Field } else { Depth::Inside };
                View { hidden: self.hidden || hides, depth, ..self }
            }
            Step::Item | Step::Inner => inside,
            Step::Not => View { negated: !self.negated, ..inside },
        }
    }

    /// Values are written as text: a parameter's own with the items of its list, and those of forms.
    fn as_text(self) -> bool {
        match self.part {
            Part::Parameter | Part::NeededParameter => self.depth != Depth::Inside,
            Part::TextBody => true,
            Part::Multipart => self.depth == Depth::Field,
            Part::Body | Part::Header => false,
        }
    }

    fn rule(self, book: &Book, change: &Change) -> Option<(&'static Rule, Kind)> {
        let kind = if self.as_text() { change.as_text? } else { change.kind };
        let kind = if self.negated { kind.swapped() } else { kind };
        let defaults = matches!(kind, Kind::DefaultAdded | Kind::DefaultRemoved | Kind::DefaultChanged);
        if defaults && self.part == Part::NeededParameter {
            return None;
        }
        let request = self.direction == Direction::Request;
        let hidden = self.hidden || if request { change.hidden.read_only } else { change.hidden.write_only };
        let scope = match (request, hidden, self.part) {
            (true, true, _) => Scope::ReadOnlyInRequest,
            (false, true, _) => Scope::WriteOnlyInResponse,
            (true, false, Part::Parameter | Part::NeededParameter) => match self.depth {
                Depth::Inside => Scope::ParameterProperty,
                _ => Scope::Parameter,
            },
            (true, false, _) => Scope::Request,
            (false, false, _) => Scope::Response,
        };
        book.find(kind, scope).map(|rule| (rule, kind))
    }

    fn area(self) -> Area {
        match self.part {
            Part::Body | Part::TextBody | Part::Multipart => Area::Schema,
            Part::Parameter | Part::NeededParameter => Area::Parameter,
            Part::Header => Area::Header,
        }
    }
}

/// Set of operations.
pub type Bits = Vec<u64>;

/// Adds one set to another; true when something was new.
pub fn join(into: &mut Bits, from: &Bits) -> bool {
    if into.len() < from.len() {
        into.resize(from.len(), 0);
    }
    let mut grew = false;
    for (a, b) in into.iter_mut().zip(from) {
        grew |= *b & !*a != 0;
        *a |= b;
    }
    grew
}

pub fn single(operation: u32) -> Bits {
    let (word, bit) = (operation as usize / 64, operation % 64);
    let mut bits = vec![0; word + 1];
    bits[word] = 1 << bit;
    bits
}

pub fn members(bits: &Bits) -> impl Iterator<Item = u32> + '_ {
    let word = |(w, bits): (usize, &u64)| {
        let (w, bits) = (u32::try_from(w * 64).unwrap_or(0), *bits);
        (0..64).filter(move |b| bits >> b & 1 == 1).map(move |b| w + b)
    };
    bits.iter().enumerate().flat_map(word)
}

/// Pairs that operations use directly.
#[derive(Default)]
pub struct Roots(BTreeMap<(PairId, View), Bits>);

impl Roots {
    pub fn add(&mut self, pair: PairId, view: View, operation: u32) {
        join(self.0.entry((pair, view)).or_default(), &single(operation));
    }
}

/// Follows every edge from the roots and tells what is found.
///
/// # Errors
/// References that lead nowhere.
pub fn spread(engine: &mut Engine<'_>, roots: Roots, book: &Book, found: &mut Found) -> Result<(), Problem> {
    let mut reached = roots.0;
    let mut queue: VecDeque<(PairId, View)> = reached.keys().copied().collect();
    // What waits already takes along whatever is added to it meanwhile.
    let mut waiting: BTreeSet<(PairId, View)> = reached.keys().copied().collect();
    while let Some(at) = queue.pop_front() {
        waiting.remove(&at);
        if engine.len() > MAX_PAIRS {
            found.note(format!("more than {MAX_PAIRS} pairs of schemas: the rest was not compared"));
            break;
        }
        let own = engine.own(at.0);
        let Some(bits) = reached.get(&at).cloned() else { continue };
        let text = own.text_edges.iter().filter(|_| at.1.as_text());
        for edge in own.edges.iter().chain(text) {
            let next = (edge.to, at.1.below(edge.step));
            let known = reached.contains_key(&next);
            if (join(reached.entry(next).or_default(), &bits) || !known) && waiting.insert(next) {
                queue.push_back(next);
            }
        }
    }
    for ((pair, view), bits) in &reached {
        let own = engine.own(*pair);
        if let Some(problem) = own.dangling.0.first().map(|n| engine.base.dangling(*n)) {
            return Err(problem);
        }
        if let Some(problem) = own.dangling.1.first().map(|n| engine.revision.dangling(*n)) {
            return Err(problem);
        }
        for (what, base, revision) in &own.notes {
            found.note(place_of(engine.base, *base, engine.revision, *revision) + ": " + what);
        }
        let text = own.text.iter().filter(|_| view.as_text());
        for change in own.changes.iter().chain(text) {
            let Some((rule, kind)) = view.rule(book, change) else { continue };
            let subject = &change.subject;
            let message = sentence(&Change { kind, ..change.clone() });
            let told = Told {
                rule,
                direction: rule.direction.map(|_| view.direction),
                area: view.area(),
                base: change.base,
                revision: change.revision,
                subject,
                message,
                details: change.details.clone(),
            };
            found.add(told, bits);
        }
    }
    Ok(())
}

/// Where something stands, on the side that has it.
pub fn place_of(base: &Library, x: Option<u32>, revision: &Library, y: Option<u32>) -> String {
    let place = y.map(|n| revision.place(n)).or_else(|| x.map(|n| base.place(n)));
    place.map_or_else(String::new, |p| format!("{}:{} #{}", p.file, p.line.unwrap_or(0), p.pointer))
}
