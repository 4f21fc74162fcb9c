//! Bodies of requests and what is in them, by media type.
use super::media::{Entry, entries, holder, speaks_for};
use super::spread::Part;
use super::{At, Check};
use crate::compat::document::NodeId;
use crate::compat::finding::Direction;

type Content<'a> = &'a [(Box<str>, NodeId)];

pub(super) fn request(check: &mut Check<'_>, old: NodeId, new: NodeId, at: At) {
    let (x, y) = (check.old.library.get(old, "requestBody"), check.new.library.get(new, "requestBody"));
    let x = x.and_then(|n| check.old_at(n));
    let y = y.and_then(|n| check.new_at(n));
    match (x, y) {
        (None, Some(y)) => {
            let required = check.new.library.flag(y, "required");
            let id = if required { "request-body-added-required" } else { "request-body-added-optional" };
            let word = if required { "required" } else { "optional" };
            check.tell(at, id, (Some(old), Some(y)), "", format!("{word} request body added"));
        }
        (Some(x), None) => {
            check.tell(at, "request-body-removed", (Some(x), Some(new)), "", "request body removed".into());
        }
        (Some(x), Some(y)) => {
            match (check.old.library.flag(x, "required"), check.new.library.flag(y, "required")) {
                (false, true) => {
                    let message = "request body became required".to_string();
                    check.tell(at, "request-body-became-required", (Some(x), Some(y)), "", message);
                }
                (true, false) => {
                    let message = "request body became optional".to_string();
                    check.tell(at, "request-body-became-optional", (Some(x), Some(y)), "", message);
                }
                _ => {}
            }
            let (olds, news) = (check.old.map(x, "content"), check.new.map(y, "content"));
            content(check, (olds, news), (x, y), at, Way { direction: at.sent(), request: true });
        }
        (None, None) => {}
    }
}

/// The content of a parameter, which is written as its media type says.
pub(super) fn parameter(check: &mut Check<'_>, old: NodeId, new: NodeId, at: At) {
    let (olds, news) = (check.old.library.entries(old), check.new.library.entries(new));
    content(check, (olds, news), (old, new), at, Way { direction: at.sent(), request: true });
}

/// Which way a content travels, and whether it is that of the call or of its answer.
#[derive(Clone, Copy)]
pub(super) struct Way {
    pub direction: Direction,
    pub request: bool,
}

impl Way {
    /// Who reads JSON reads what is made of it, but who takes JSON refuses what is called otherwise.
    fn find<'e>(self, entry: &Entry, all: &'e [Entry], other: &[Entry]) -> Option<&'e Entry> {
        match self.direction {
            Direction::Request => holder(&entry.media, all),
            _ => speaks_for(&entry.media, all, other),
        }
    }

    fn id(self, request: &'static str, response: &'static str) -> &'static str {
        if self.request { request } else { response }
    }
}

/// Each media type of either side, with what speaks for it on both: a name that is wider, or a range, may.
pub(super) fn content(
    check: &mut Check<'_>,
    media: (Content<'_>, Content<'_>),
    places: (NodeId, NodeId),
    at: At,
    way: Way,
) {
    let (olds, news) = (entries(media.0), entries(media.1));
    let mut all: Vec<&Entry> = olds.iter().chain(&news).collect();
    all.sort_by(|a, b| a.media.cmp(&b.media));
    all.dedup_by(|a, b| a.media == b.media);
    for entry in all {
        let (x, y) = (way.find(entry, &olds, &news), way.find(entry, &news, &olds));
        match (x, y) {
            (Some(x), Some(y)) => {
                renamed(check, (x, y), (&olds, &news), at, way);
                schemas(check, entry, (x.node, y.node), at, way);
            }
            (Some(x), None) => gone(check, x, &news, places.1, (at, way)),
            (None, Some(y)) => come(check, y, (&olds, &news), places.0, (at, way)),
            (None, None) => {}
        }
    }
}

/// Both sides speak of a media type; it may be under another name.
fn renamed(check: &mut Check<'_>, (x, y): (&Entry, &Entry), all: (&[Entry], &[Entry]), at: At, way: Way) {
    if x.media.is_same(&y.media) {
        return;
    }
    let nodes = (Some(x.node), Some(y.node));
    let holds = |outer: &Entry, inner: &Entry| outer.media.holds(&inner.media) || outer.media.generalizes(&inner.media);
    if holds(y, x) && all.0.iter().all(|old| !old.media.holds(&y.media)) {
        let id = way.id("request-media-type-widened", "response-media-type-generalized");
        check.tell(at, id, nodes, "", format!("media type {} became {}", x.shown, y.shown));
    }
    // Where the wider name stays, the new one only says more of what was there.
    if holds(x, y) && all.1.iter().any(|new| new.media.is_same(&x.media)) && !at.traded {
        let id = way.id("request-media-type-added", "response-media-type-added");
        check.tell(at, id, nodes, &y.shown, format!("media type {} added", y.shown));
    }
}

fn gone(check: &mut Check<'_>, x: &Entry, news: &[Entry], place: NodeId, (at, way): (At, Way)) {
    let narrower = news.iter().find(|new| x.media.holds(&new.media) || x.media.generalizes(&new.media));
    match narrower.filter(|_| !way.request || at.traded) {
        Some(y) => {
            let message = format!("media type {} became {}", x.shown, y.shown);
            let id = way.id("webhook-media-type-specialized", "response-media-type-specialized");
            check.tell(at, id, (Some(x.node), Some(y.node)), "", message);
        }
        None => {
            let id = way.id("request-media-type-removed", "response-media-type-removed");
            let message = format!("media type {} removed", x.shown);
            check.tell(at, id, (Some(x.node), Some(place)), &x.shown, message);
        }
    }
}

fn come(check: &mut Check<'_>, y: &Entry, all: (&[Entry], &[Entry]), place: NodeId, (at, way): (At, Way)) {
    // What took the place of something narrower has been told there.
    let widened = |old: &Entry| way.find(old, all.1, all.0).is_some_and(|new| new.media == y.media);
    if all.0.iter().any(widened) {
        return;
    }
    let id = way.id("request-media-type-added", "response-media-type-added");
    check.tell(at, id, (Some(place), Some(y.node)), &y.shown, format!("media type {} added", y.shown));
}

fn schemas(check: &mut Check<'_>, entry: &Entry, (old, new): (NodeId, NodeId), at: At, way: Way) {
    let part: Part = entry.media.part();
    let (x, y) = (check.old.library.get(old, "schema"), check.new.library.get(new, "schema"));
    let places = (x.or(Some(old)), y.or(Some(new)));
    match (x, y) {
        (Some(x), Some(y)) => check.schemas(at, x, y, way.direction, part),
        (None, Some(_)) => {
            let id = way.id("request-schema-added", "response-schema-added");
            check.tell(at, id, places, "", "schema added".into());
        }
        (Some(_), None) => {
            let id = way.id("request-schema-removed", "response-schema-removed");
            check.tell(at, id, places, "", "schema removed".into());
        }
        (None, None) => {}
    }
    for key in ["encoding", "itemSchema", "itemEncoding", "prefixEncoding"] {
        let (x, y) = (check.old.library.get(old, key), check.new.library.get(new, key));
        if !check.equal(x, y) {
            check.note(x, y, &format!("`{key}` is not compared"));
        }
    }
}
