//! Comparisons of contracts as questions, so that an answer can be kept: the same texts have the same answer.
use chrono::NaiveDate;
use sha2::{Digest, Sha256};

use crate::compat::document::Library;
use crate::compat::events::Mode;
use crate::compat::lifecycle::Terms;
pub use crate::compat::openapi::named::Named;
use crate::compat::spots::Fault;
use crate::compat::sql::catalogue::Catalogue;
use crate::compat::{Report, avro, jsonschema, openapi, sql};
use crate::spec::{Problem, SourceFile};

/// Changes with every change of the checks, so that answers of another program version are not believed; see `build.rs`.
const RULES: &str = concat!("pilothouse compat ", env!("PILOTHOUSE_COMPAT_RULES"));

/// What can be asked of texts alone.
#[derive(Debug, Clone)]
pub enum Question<'a> {
    Openapi {
        old: &'a [SourceFile],
        new: &'a [SourceFile],
        today: NaiveDate,
    },
    /// The operations of one description.
    Operations(&'a [SourceFile]),
    /// Where the values stand in a description that somebody names, as `Schema.property` or by JSON pointer.
    Named {
        files: &'a [SourceFile],
        names: &'a [String],
    },
    /// Old ones oldest first.
    Event {
        mode: Mode,
        old: Vec<&'a SourceFile>,
        new: &'a SourceFile,
    },
    Sql {
        files: Vec<&'a SourceFile>,
        known: Catalogue,
    },
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    pub report: Report,
    pub operations: Vec<String>,
    pub named: Vec<Named>,
}

/// What was asked before, kept by the question's [key](Question::key).
pub trait Memory {
    fn get(&mut self, key: &str) -> Option<Answer>;
    fn put(&mut self, key: &str, answer: &Answer);
}

/// Keeps nothing.
pub struct Forgetful;

impl Memory for Forgetful {
    fn get(&mut self, _: &str) -> Option<Answer> {
        None
    }
    fn put(&mut self, _: &str, _: &Answer) {}
}

/// A schema of JSON Schema rather than of Avro.
pub fn is_json_schema(file: &SourceFile) -> bool {
    file.name.ends_with(".schema.json")
}

impl Question<'_> {
    /// The answer, from memory where it is there.
    ///
    /// # Errors
    /// What is wrong with the files.
    pub fn ask(&self, memory: &mut dyn Memory) -> Result<Answer, Vec<Problem>> {
        let key = self.key();
        if let Some(known) = memory.get(&key) {
            return Ok(known);
        }
        let answer = self.answer()?;
        memory.put(&key, &answer);
        Ok(answer)
    }

    /// SHA-256 over everything the answer depends on, in hex.
    pub fn key(&self) -> String {
        let mut hash = Sha256::new();
        let mut put = |text: &str| {
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text.as_bytes());
        };
        put(RULES);
        // The answer names files.
        let mut side = |word: &str, files: &mut dyn Iterator<Item = &SourceFile>| {
            put(word);
            for file in files {
                put(&file.name);
                put(&file.text);
            }
        };
        match self {
            Self::Openapi { old, new, today } => {
                side("openapi", &mut old.iter());
                side("new", &mut new.iter());
                // The day matters where an end is announced.
                let dated = old.iter().chain(*new).any(|f| f.text.contains("x-sunset"));
                put(&if dated { today.to_string() } else { String::new() });
            }
            Self::Operations(files) => side("operations", &mut files.iter()),
            Self::Named { files, names } => {
                side("named", &mut files.iter());
                names.iter().for_each(|name| put(name));
            }
            Self::Event { mode, old, new } => {
                side(mode.name(), &mut old.iter().copied());
                side("new", &mut std::iter::once(*new));
            }
            Self::Sql { files, known } => {
                side("sql", &mut files.iter().copied());
                // Made of texts, numbers and maps with text keys: that always serialises.
                put(&serde_json::to_string(known).unwrap_or_default());
            }
        }
        hash.finalize().iter().map(|b| format!("{b:02x}")).collect()
    }

    fn answer(&self) -> Result<Answer, Vec<Problem>> {
        let told = |report| Answer { report, ..Answer::default() };
        match self {
            Self::Openapi { old, new, today } => {
                let terms = Terms { today: Some(*today), ..Terms::default() };
                let read = |files: &[SourceFile]| Library::read(files).map_err(|p| vec![p]);
                openapi::compare(read(old)?, read(new)?, terms).map(told).map_err(|p| vec![p])
            }
            Self::Operations(files) => {
                let library = Library::read(files).map_err(|p| vec![p])?;
                let operations = openapi::operations(library).map_err(|p| vec![p])?;
                Ok(Answer { operations, ..Answer::default() })
            }
            Self::Named { files, names } => {
                let library = Library::read(files).map_err(|p| vec![p])?;
                Ok(Answer { named: openapi::named::find(&library, names), ..Answer::default() })
            }
            Self::Event { mode, old, new } => event(*mode, old, new).map(told).map_err(problems),
            Self::Sql { files, known } => {
                let (mut report, mut known) = (Report::default(), known.clone());
                for file in files {
                    let found = sql::lint(&file.name, &file.text, &mut known).map_err(problems)?;
                    report.findings.extend(found.findings);
                    report.not_compared.extend(found.not_compared);
                }
                Ok(told(report))
            }
        }
    }
}

fn event(mode: Mode, old: &[&SourceFile], new: &SourceFile) -> Result<Report, Vec<Fault>> {
    fn all<S>(
        old: &[&SourceFile],
        new: &SourceFile,
        parse: impl Fn(&str, &str) -> Result<S, Vec<Fault>>,
    ) -> Result<(Vec<S>, S), Vec<Fault>> {
        let old = old.iter().map(|f| parse(&f.name, &f.text)).collect::<Result<_, _>>()?;
        Ok((old, parse(&new.name, &new.text)?))
    }
    if is_json_schema(new) {
        let (old, new) = all(old, new, jsonschema::parse)?;
        return jsonschema::check(mode, &old, &new).map_err(|f| vec![f]);
    }
    let (old, new) = all(old, new, avro::parse)?;
    avro::check(mode, &old, &new).map_err(|f| vec![f])
}

fn problems(faults: Vec<Fault>) -> Vec<Problem> {
    let problem = |f: Fault| {
        let at = if f.pointer.is_empty() { String::new() } else { format!(" (at {})", f.pointer) };
        Problem::of_file(&f.file, format!("{}{at}", f.message), None).at(f.line, f.column)
    };
    faults.into_iter().map(problem).collect()
}
