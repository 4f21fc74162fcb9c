//! A watch: what one client has been told, and what it is still to be told.

use super::kinds::Kind;
use super::objects::text;
use super::selector::{Fields, Labels};
use super::status;
use super::store::What;
use super::table::table;
use super::world::World;
use serde_json::{Value, json};

/// What a list or watch is about.
#[derive(Clone, Debug)]
pub struct View {
    pub kind: &'static Kind,
    /// Empty: all namespaces.
    pub namespace: String,
    pub labels: Labels,
    pub fields: Fields,
    pub form: Form,
    /// `includeObject` of a Table request.
    pub include: String,
}

/// The form objects are answered in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Whole,
    Table,
    /// `PartialObjectMetadata`.
    Metadata,
}

impl View {
    pub fn shows(&self, o: &Value) -> bool {
        (self.namespace.is_empty() || text(o, "/metadata/namespace") == self.namespace)
            && self.labels.matches(o.pointer("/metadata/labels").unwrap_or(&Value::Null))
            && self.fields.matches(o)
    }
}

/// An open watch.
#[derive(Clone, Debug)]
pub struct Watch {
    pub view: View,
    /// Wall seconds after which the server closes it.
    pub timeout_s: u64,
    pub bookmarks: bool,
    after: u64,
    headed: bool,
    first: Vec<Value>,
    over: bool,
}

fn event(kind: &str, object: Value) -> Value {
    json!({"type": kind, "object": object})
}

impl Watch {
    /// A watch from `rv` on; `None` or 0 begins with everything there is. `mark_initial` sends the bookmark that
    /// ends the initial events.
    pub fn new(
        world: &World,
        view: View,
        rv: Option<u64>,
        bookmarks: bool,
        mark_initial: bool,
        timeout_s: u64,
    ) -> Self {
        let mut w =
            Self { view, timeout_s, bookmarks, after: rv.unwrap_or(0), headed: true, first: Vec::new(), over: false };
        if mark_initial || rv.unwrap_or(0) == 0 {
            w.after = world.rv();
            let mut all = world.objects(w.view.kind.plural, &w.view.namespace);
            all.retain(|o| w.view.shows(o));
            for o in &all {
                let shown = w.show(o, world.now());
                w.first.push(event("ADDED", shown));
            }
            if mark_initial {
                let mut mark = w.bookmark(world);
                mark["object"]["metadata"]["annotations"] = json!({"k8s.io/initial-events-end": "true"});
                w.first.push(mark);
            }
        }
        w
    }

    fn show(&mut self, o: &Value, now: i64) -> Value {
        match self.view.form {
            Form::Whole => o.clone(),
            Form::Metadata => {
                json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": o["metadata"]})
            }
            Form::Table => {
                let headed = std::mem::take(&mut self.headed);
                let rv = text(o, "/metadata/resourceVersion");
                table(self.view.kind, &[o], &rv, now, headed, &self.view.include)
            }
        }
    }

    /// The events this client has not been told yet, oldest first.
    pub fn news(&mut self, world: &World) -> Vec<Value> {
        let mut out = std::mem::take(&mut self.first);
        if self.over {
            return out;
        }
        let changes: Vec<_> = match world.store.since(self.view.kind.plural, self.after) {
            Ok(changes) => changes.cloned().collect(),
            Err(oldest) => {
                self.over = true;
                let gone = status::expired(format!("too old resource version: {} ({oldest})", self.after));
                out.push(event("ERROR", gone.body));
                return out;
            }
        };
        for c in changes {
            self.after = c.rv;
            let now = c.what != What::Deleted && self.view.shows(&c.object);
            let before = c.before.as_ref().is_some_and(|b| self.view.shows(b));
            let kind = match (before, now) {
                (false, true) => "ADDED",
                (true, true) => "MODIFIED",
                (true, false) => "DELETED",
                (false, false) => continue,
            };
            let shown = self.show(&c.object, world.now());
            out.push(event(kind, shown));
        }
        out
    }

    /// Whether the stream ends after what `news` gave.
    pub fn over(&self) -> bool {
        self.over
    }

    /// A bookmark: everything up to the world's version has been told. Call right after `news`.
    pub fn bookmark(&mut self, world: &World) -> Value {
        self.after = self.after.max(world.rv());
        let k = self.view.kind;
        let (kind, api) = match self.view.form {
            Form::Whole => (k.kind, k.api_version()),
            Form::Table | Form::Metadata => ("PartialObjectMetadata", "meta.k8s.io/v1".into()),
        };
        event(
            "BOOKMARK",
            json!({"kind": kind, "apiVersion": api,
            "metadata": {"resourceVersion": self.after.to_string(), "creationTimestamp": null}}),
        )
    }
}
