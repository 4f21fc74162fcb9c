//! From files to bundles: reads every document, checks shape, then meaning, and reports everything at once.
use std::collections::{BTreeMap, BTreeSet};

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::calendar::Calendar;
use super::check::known::{Known, KnownFleet};
use super::check::{self, Scope};
use super::contract::{CompatPolicy, Contract, Origin, Record, Release};
use super::fleet::{Fleet, FleetSpec};
use super::ics::{self, IcsFile};
use super::nearest::nearest;
use super::policy::{Policy, PolicySpec};
use super::report::{Place, Problem, Report, Severity, Sink, SourceFile};
use super::schema::{self, KINDS};
use super::structure::{Checker, Path};
use super::tenants::Tenants;
use super::tenants_read::ReadTenants;
use super::tree::{self, Node, Yaml};
use super::upgrade::{Upgrade, UpgradeSpec};
use super::{API_VERSION, Bundle};

mod contracts;
mod when;

/// Bytes of one file that are read: a hundred thousand tenants with everything there is to say of them stay below. What
/// a file may hold besides is bounded by its values, see `tree`.
pub const MAX_FILE: usize = 64 * 1024 * 1024;

/// Everything some files say, without errors.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    pub fleets: Vec<Fleet>,
    pub policies: Vec<Policy>,
    pub upgrades: Vec<Upgrade>,
    pub tenants: Vec<Tenants>,
    pub calendars: Vec<Calendar>,
    pub ics: Vec<IcsFile>,
    pub contracts: Vec<Contract>,
    pub migrations: Vec<Record>,
    pub releases: Vec<Release>,
    pub compat: Option<CompatPolicy>,
    /// `Fleet/NAME` and `Upgrade/NAME` to where they stand: paths in a Fleet start from its file.
    pub origins: BTreeMap<String, Origin>,
    /// Policies that came with the program.
    pub presets: Vec<Policy>,
    /// What is allowed but probably not meant.
    pub warnings: Report,
}

impl Loaded {
    /// A policy of the files, else a preset.
    pub fn policy(&self, name: &str) -> Option<&Policy> {
        self.policies.iter().chain(&self.presets).find(|p| p.name == name)
    }

    /// The upgrade with this name, or the only one, with everything it refers to.
    ///
    /// # Errors
    /// No upgrade is in the files, there is no such one, or none is named and there are several.
    pub fn bundle(&self, upgrade: Option<&str>) -> Result<Bundle, Report> {
        let names: Vec<&str> = self.upgrades.iter().map(|u| u.name.as_str()).collect();
        let fail =
            |message: String, help: String| Err(Report::of(Problem::of_file("the given files", message, Some(help))));
        let chosen = match (upgrade, self.upgrades.as_slice()) {
            (_, []) => {
                return fail(
                    "no document of kind Upgrade is in them".into(),
                    "give the file that holds it, too".into(),
                );
            }
            (None, [only]) => only,
            (None, _) => {
                return fail(
                    format!("{} upgrades are in them: {}", names.len(), names.join(", ")),
                    "say which one is meant".into(),
                );
            }
            (Some(name), all) => match all.iter().find(|u| u.name == name) {
                Some(found) => found,
                None => {
                    let near = nearest(name, names.iter().copied());
                    let help = near.map_or(format!("there: {}", names.join(", ")), |n| format!("did you mean `{n}`?"));
                    return fail(format!("no Upgrade named `{name}` is in them"), help);
                }
            },
        };
        let fleet = self.fleets.iter().find(|f| f.name == chosen.spec.fleet);
        let environment = fleet.and_then(|f| f.spec.environments.iter().find(|e| e.name == chosen.spec.environment));
        match (fleet, environment, self.policy(&chosen.spec.policy)) {
            (Some(fleet), Some(environment), Some(policy)) => Ok(Bundle {
                fleet: fleet.clone(),
                environment: environment.clone(),
                policy: policy.clone(),
                upgrade: chosen.clone(),
                calendar: self.calendar_of(&chosen.spec).cloned(),
                ics: self.ics.clone(),
                tenants: self.tenants_of(&chosen.spec).map(Tenants::listed).collect(),
                movers: self.movers(&chosen.spec),
            }),
            // Loading has checked these references; this is for a `Loaded` put together by hand.
            _ => fail(format!("`{}` refers to something that is not in them", chosen.name), "check the names".into()),
        }
    }
}

/// Reads and checks files; `presets` are policies by name that the files may refer to (see [`super::presets`]).
///
/// # Errors
/// Every error and warning of every file, when there is at least one error.
pub fn load(files: &[SourceFile], presets: &[(&str, &str)]) -> Result<Loaded, Report> {
    load_known(files, presets, true)
}

/// As [`load`]; with `complete` false some files could not be read at all, so that names they may hold are not missed.
///
/// # Errors
/// As [`load`].
pub fn load_known(files: &[SourceFile], presets: &[(&str, &str)], complete: bool) -> Result<Loaded, Report> {
    load_for(files, presets, complete, false)
}

/// As [`load_known`], for trying single gates on recorded samples: that a policy could not carry a whole run, since all
/// its gates fall silent in some phase, is a warning.
///
/// # Errors
/// As [`load`].
pub fn load_to_try(files: &[SourceFile], presets: &[(&str, &str)], complete: bool) -> Result<Loaded, Report> {
    load_for(files, presets, complete, true)
}

fn load_for(files: &[SourceFile], presets: &[(&str, &str)], complete: bool, trying: bool) -> Result<Loaded, Report> {
    let preset_files: Vec<SourceFile> = presets
        .iter()
        .map(|(name, text)| SourceFile { name: format!("preset {name}"), text: (*text).to_string() })
        .collect();
    let unread = Unread { any: !complete, ..Unread::default() };
    let mut reader =
        Reader { schema: schema::known(), docs: Vec::new(), ics: Vec::new(), sinks: Vec::new(), unread, trying };
    files.iter().for_each(|file| reader.file(file));
    let own = reader.docs.len();
    preset_files.iter().for_each(|file| reader.file(file));
    let (docs, presets) = reader.docs.split_at_mut(own);
    duplicates(docs, &mut reader.sinks);
    let mut loaded = Loaded {
        fleets: Vec::new(),
        policies: Vec::new(),
        upgrades: Vec::new(),
        tenants: Vec::new(),
        calendars: Vec::new(),
        ics: Vec::new(),
        contracts: Vec::new(),
        migrations: Vec::new(),
        releases: Vec::new(),
        compat: None,
        origins: BTreeMap::new(),
        presets: Vec::new(),
        warnings: Report::default(),
    };
    policies(docs, &mut reader.sinks, &mut loaded.policies);
    policies(presets, &mut reader.sinks, &mut loaded.presets);
    for doc in docs.iter().filter(|d| d.kind == "Fleet") {
        let Some(spec) = doc.typed::<FleetSpec>(&mut reader.sinks[doc.file]) else { continue };
        if !doc.cut {
            check::fleet::check(&spec, &mut doc.scope(&mut reader.sinks[doc.file]));
        }
        loaded.fleets.push(Fleet { name: doc.name.clone(), spec });
    }
    let known = known(docs, presets, &loaded, reader.unread.clone());
    let mut upgrades = Vec::new();
    for doc in docs.iter().filter(|d| d.kind == "Upgrade") {
        let Some(spec) = doc.typed::<UpgradeSpec>(&mut reader.sinks[doc.file]) else { continue };
        if !doc.cut {
            check::upgrade::check(&spec, &known, &mut doc.scope(&mut reader.sinks[doc.file]));
        }
        upgrades.push(Upgrade { name: doc.name.clone(), spec });
    }
    loaded.upgrades = upgrades;
    loaded.ics = reader.ics;
    contracts::origins(docs, &reader.sinks, &mut loaded);
    contracts::read(docs, &mut reader.sinks, &mut loaded);
    when::read(docs, &reader.unread, &mut reader.sinks, &mut loaded);
    let report = Report::from(reader.sinks.into_iter().flat_map(Sink::finish).collect::<Vec<Problem>>());
    if report.problems.iter().any(|p| p.severity == Severity::Error) {
        return Err(report);
    }
    loaded.warnings = report;
    Ok(loaded)
}

/// One document whose kind is known.
struct Doc {
    /// Position of its sink.
    file: usize,
    kind: &'static str,
    /// Empty when it could not be read; that is reported.
    name: String,
    name_place: Place,
    start: Place,
    /// The sound part of `spec`, with stand-ins for what must be there and is not.
    sound: Node,
    written: Node,
    cut: bool,
    /// Nothing was wrong with its shape.
    clean: bool,
    /// Of Tenants, in order; they are not in `sound`.
    tenants: ReadTenants,
}

impl Doc {
    fn scope<'d, 's, 'a>(&'d self, sink: &'s mut Sink<'a>) -> Scope<'d, 's, 'a> {
        Scope { spec: &self.sound, original: &self.written, start: self.start, sink }
    }

    /// The typed `spec`.
    fn typed<T: DeserializeOwned>(&self, sink: &mut Sink<'_>) -> Option<T> {
        match serde_json::from_value(self.sound.to_json()) {
            Ok(spec) => Some(spec),
            Err(error) => {
                // The schema comes from these very types, so this is a rule serde knows and the schema does not.
                sink.error(self.start, format!("this {} cannot be read: {error}", self.kind), None);
                None
            }
        }
    }
}

struct Reader<'s, 'a> {
    schema: &'s Value,
    docs: Vec<Doc>,
    ics: Vec<IcsFile>,
    sinks: Vec<Sink<'a>>,
    unread: Unread,
    trying: bool,
}

/// What could not be read far enough to know its name: a name that such a document may hold is not missed.
#[derive(Debug, Clone, Default)]
pub struct Unread {
    /// It may be of any kind.
    any: bool,
    kinds: BTreeSet<&'static str>,
}

impl Unread {
    /// All documents of this kind could be read.
    pub fn none_of(&self, kind: &str) -> bool {
        !self.any && !self.kinds.contains(kind)
    }

    fn add(&mut self, kind: Option<&'static str>) {
        match kind {
            Some(kind) => drop(self.kinds.insert(kind)),
            None => self.any = true,
        }
    }
}

impl<'a> Reader<'_, 'a> {
    fn file(&mut self, file: &'a SourceFile) {
        let mut sink = Sink::new(file);
        sink.trying = self.trying;
        let index = self.sinks.len();
        if let Some((message, help)) = unfit(&file.text) {
            sink.whole(message, help);
            self.unread.any = true;
        } else if ics::is_ics(file) {
            let events = ics::read(&file.text, &mut sink);
            self.ics.push(IcsFile { name: file.name.clone(), events });
        } else {
            let mut tenants: BTreeMap<usize, ReadTenants> = BTreeMap::new();
            let (documents, whole) = tree::read(&file.text, &mut sink, &mut |document, node, sink| {
                tenants.entry(document).or_default().add(self.schema, node, sink);
            });
            // A syntax error may have swallowed further documents.
            self.unread.any |= !whole;
            if documents.is_empty() && whole {
                let help = "a document starts with `apiVersion:` and `kind:`".to_string();
                sink.whole("the file holds no document".into(), Some(help));
            }
            for (number, document) in documents.into_iter().enumerate() {
                let tenants = tenants.remove(&number).unwrap_or_default();
                match self.document(index, &document, tenants, &mut sink) {
                    Some(doc) => {
                        if doc.name.is_empty() {
                            self.unread.add(Some(doc.kind));
                        }
                        self.docs.push(doc);
                    }
                    None => self.unread.add(meant_kind(&document.root)),
                }
            }
        }
        self.sinks.push(sink);
    }

    fn document(
        &self,
        file: usize,
        document: &tree::Document,
        mut tenants: ReadTenants,
        sink: &mut Sink<'a>,
    ) -> Option<Doc> {
        let before = sink.count();
        let root = &document.root;
        let Yaml::Map { entries, .. } = &root.yaml else {
            let help = "write fields: apiVersion, kind, metadata and spec".to_string();
            sink.error(root.place, "a document must be a block of fields".into(), Some(help));
            return None;
        };
        let start = entries.first().map_or(root.place, |e| e.key_place);
        let version_fits = api_version(root, document.cut, start, sink);
        let kind = kind(root, document.cut, version_fits, start, sink)?;
        let mut frame = self.schema.pointer(&format!("/$defs/{kind}")).cloned().unwrap_or_default();
        let mut spec_schema = self.schema.pointer(&format!("/$defs/{kind}Spec"))?.clone();
        // Elements of the streamed list have been looked at one by one.
        if let Some(list) = spec_schema.pointer_mut("/properties/tenants").filter(|_| kind == "Tenants") {
            *list = json!({ "type": "array" });
        }
        // These three are looked at here; the frame still knows their names.
        for field in ["apiVersion", "kind", "spec"] {
            frame["properties"][field] = Value::Bool(true);
        }
        frame["required"] = json!(["metadata", "spec"]);
        let mut checker = Checker { root: self.schema, sink };
        let head = checker.fields(&frame, root, &Path::default(), start);
        let path = Path::default().key("spec");
        let entry = root.get("spec");
        let sound = entry.and_then(|e| checker.check(&spec_schema, &e.node, &path, e.key_place));
        let mut sound = sound.unwrap_or_else(|| checker.stand_in(&spec_schema, start));
        let mut written = entry.map_or_else(|| sound.clone(), |e| e.node.clone());
        if kind == "Tenants" {
            // A file that names its kind late, and one that breaks off inside an element, leave some to be looked at.
            written.take_items("tenants");
            for node in sound.take_items("tenants") {
                tenants.add(self.schema, &node, checker.sink);
            }
        }
        let name = head.iter().find(|e| e.key == "metadata").and_then(|e| e.node.get("name"));
        let (name, name_place) =
            name.map_or((String::new(), start), |e| (e.node.text().unwrap_or("").to_string(), e.node.place));
        let fits = if kind == "Release" { check::contract::is_dotted } else { check::is_label };
        if !name.is_empty() && !fits(&name) {
            let help = "use lower-case letters, digits and `-`, at most 63, a letter or digit at both ends".to_string();
            checker.sink.error(name_place, format!("metadata.name: `{name}` cannot be a name"), Some(help));
        }
        if head.iter().any(|e| e.key == "metadata") && name.is_empty() {
            checker.sink.error(name_place, "metadata.name: the name is empty".into(), None);
        }
        let clean = checker.sink.count() == before;
        Some(Doc { file, kind, name, name_place, start, sound, written, cut: document.cut, clean, tenants })
    }
}

/// Why a text is not worth parsing.
fn unfit(text: &str) -> Option<(String, Option<String>)> {
    if text.len() > MAX_FILE {
        let message = format!("the file has {} bytes; at most {MAX_FILE} are read", text.len());
        return Some((message, Some("is it the right file? If so, split it".into())));
    }
    if text.contains('\0') {
        return Some(("the file holds a NUL byte: it is not text".into(), Some("is it the right file?".into())));
    }
    text.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}')
        .is_empty()
        .then(|| ("the file is empty".into(), Some("is it written to the end?".into())))
}

fn api_version(root: &Node, cut: bool, start: Place, sink: &mut Sink<'_>) -> bool {
    let write = Some(format!("write `apiVersion: {API_VERSION}`"));
    match root.get("apiVersion") {
        None if !cut => sink.error(start, "this document has no `apiVersion`".into(), write),
        Some(entry) => match entry.node.text() {
            Some(API_VERSION) => return true,
            Some(other) => {
                let ours = other.starts_with("pilothouse.dev/");
                let message =
                    format!("apiVersion: `{other}` is not read{}", if ours { " by this version" } else { "" });
                let help = format!("this program reads `{API_VERSION}`");
                sink.error(entry.node.place, message, Some(help));
            }
            None => sink.error(entry.key_place, "apiVersion: expected text".into(), write),
        },
        None => {}
    }
    false
}

/// The document's kind. An unknown kind of a foreign `apiVersion` is not worth a second error.
fn kind(root: &Node, cut: bool, version_fits: bool, start: Place, sink: &mut Sink<'_>) -> Option<&'static str> {
    let all = format!("one of: {}", KINDS.join(", "));
    let Some(entry) = root.get("kind") else {
        if !cut {
            sink.error(start, "this document has no `kind`".into(), Some(all));
        }
        return None;
    };
    let Some(word) = entry.node.text() else {
        sink.error(entry.key_place, "kind: expected text".into(), Some(all));
        return None;
    };
    let found = KINDS.into_iter().find(|k| *k == word);
    if found.is_none() && version_fits {
        let help = nearest(word, KINDS).map_or(all, |k| format!("did you mean `{k}`?"));
        sink.error(entry.node.place, format!("kind: unknown kind `{word}`"), Some(help));
    }
    found
}

/// The kind that somebody meant who mistyped it.
fn meant_kind(root: &Node) -> Option<&'static str> {
    nearest(root.get("kind")?.node.text()?, KINDS)
}

fn duplicates(docs: &[Doc], sinks: &mut [Sink<'_>]) {
    let mut first: BTreeMap<(&str, &str, String), &Doc> = BTreeMap::new();
    for doc in docs.iter().filter(|d| !d.name.is_empty()) {
        let key = (doc.kind, doc.name.as_str(), contracts::part(doc, sinks));
        match first.get(&key) {
            None => {
                first.insert(key, doc);
            }
            Some(before) => {
                let there = format!("{}:{}", sinks[before.file].name(), before.name_place.line);
                let message = format!("metadata.name: a {} named `{}` is already in {there}", doc.kind, doc.name);
                sinks[doc.file].error(doc.name_place, message, Some("give each its own name".into()));
            }
        }
    }
}

fn policies(docs: &[Doc], sinks: &mut [Sink<'_>], out: &mut Vec<Policy>) {
    for doc in docs.iter().filter(|d| d.kind == "Policy") {
        let Some(mut spec) = doc.typed::<PolicySpec>(&mut sinks[doc.file]) else { continue };
        if !doc.cut {
            check::policy::check(&spec, &mut doc.scope(&mut sinks[doc.file]));
        }
        spec.gates.iter_mut().for_each(check::gate::normalise);
        out.push(Policy { name: doc.name.clone(), spec });
    }
}

/// What upgrades can refer to, by the names as written.
fn known<'a>(docs: &'a [Doc], presets: &'a [Doc], loaded: &'a Loaded, unread: Unread) -> Known<'a> {
    let mut known = Known { unread, ..Known::default() };
    for doc in docs.iter().filter(|d| d.kind == "Fleet") {
        let names = |list: &str| -> (BTreeSet<String>, bool) {
            let items = doc.written.get(list).map_or(&[][..], |e| e.node.items());
            let names: Vec<Option<&str>> = items.iter().map(|i| i.get("name").and_then(|e| e.node.text())).collect();
            let readable = !items.is_empty() && names.iter().all(Option::is_some);
            (names.into_iter().flatten().map(str::to_string).collect(), readable)
        };
        let ((environments, e), (services, s)) = (names("environments"), names("services"));
        let spec = loaded.fleets.iter().find(|f| f.name == doc.name).map(|f| &f.spec);
        known.fleets.insert(
            doc.name.clone(),
            KnownFleet {
                name: &doc.name,
                spec,
                environments,
                services,
                complete: e && s && !doc.cut,
                clean: doc.clean,
            },
        );
    }
    for doc in presets.iter().chain(docs).filter(|d| d.kind == "Policy") {
        let people = |node: &Node| node.get("people").map_or(0, |e| e.node.entries().len());
        let broken = doc.cut || people(&doc.sound) != people(&doc.written);
        let spec = loaded.policy(&doc.name).map(|p| &p.spec).filter(|_| !broken);
        known.policies.insert(doc.name.clone(), spec);
    }
    let named = |kind: &'static str| docs.iter().filter(move |d| d.kind == kind && !d.name.is_empty());
    known.calendars = named("Calendar").map(|d| d.name.clone()).collect();
    let goes_by = |d: &Doc| d.written.get("calendar").and_then(|e| e.node.text()).map(String::from);
    known.tenants = named("Tenants").map(|d| (d.name.clone(), goes_by(d))).collect();
    known
}
