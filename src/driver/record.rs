//! What of one step belongs in the audit file.
use crate::engine::effect::{Effect, EventKind};
use crate::engine::message::Body;
use crate::journal::Entry;

/// In the order it happened.
pub(super) fn entries(body: &Body, effects: &[Effect]) -> Vec<Entry> {
    let mut entries = Vec::new();
    match body {
        Body::Command(c) => entries.push(Entry::Command(c.clone())),
        Body::Called(r) => entries.push(Entry::Result(r.clone())),
        _ => {}
    }
    for effect in effects {
        match effect {
            // A page has a record of its own, which says all of it.
            Effect::Record(e) if e.kind == EventKind::Page => {}
            Effect::Record(e) => entries.push(Entry::Event(e.clone())),
            Effect::Page(p) => entries.push(Entry::Page(p.clone())),
            Effect::Call(c) => entries.push(Entry::Intent(c.clone())),
            _ => {}
        }
    }
    entries
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::effect::{Event, Page};
    use crate::journal::testing::at;

    #[test]
    fn a_page_is_recorded_once() {
        let text = "ROLLBACK BLOCKED".to_string();
        let event = |kind| Event { at: at(1), kind, who: "engine".into(), service: None, text: text.clone() };
        let page = Page { id: 1, at: at(1), service: None, text: text.clone(), acked_by: None };
        let told = [
            Effect::Record(event(EventKind::Page)),
            Effect::Page(page.clone()),
            Effect::Record(event(EventKind::Rollback)),
        ];
        assert_eq!(entries(&Body::Wake, &told), [Entry::Page(page), Entry::Event(event(EventKind::Rollback))]);
    }
}
