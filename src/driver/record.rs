//! What of one step belongs in the audit file.
use crate::engine::effect::Effect;
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
            Effect::Record(e) => entries.push(Entry::Event(e.clone())),
            Effect::Page(p) => entries.push(Entry::Page(p.clone())),
            Effect::Call(c) => entries.push(Entry::Intent(c.clone())),
            _ => {}
        }
    }
    entries
}
