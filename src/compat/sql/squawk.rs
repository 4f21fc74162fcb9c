//! What an established linter for PostgreSQL says, behind our own findings. It also is the judge of what is SQL.
use std::collections::BTreeSet;

use squawk_linter::{Linter, Rule};
use squawk_syntax::SourceFile;

use super::cursor::Cursor;
use super::gaps;
use super::lex::{Kind, Statement};
use crate::compat::Severity;

pub(super) struct Said {
    pub rule: &'static str,
    pub severity: Severity,
    pub at: usize,
    pub message: String,
    pub help: Option<String>,
}

pub(super) enum Checked {
    /// What it said, and statements it does not know.
    Said(Vec<Said>, Vec<Unknown>),
    /// It is no SQL: where, and why.
    Broken(Vec<(usize, String)>),
    /// Its parser goes down a level for each bracket and operator, and has no floor; or it takes the statements and not the
    /// file.
    Untame(usize, String, Vec<Unknown>),
}

/// A statement that its parser does not take.
pub(super) struct Unknown {
    /// Among the statements of the file.
    pub number: usize,
    pub at: usize,
    pub why: String,
}

/// What it looks at that our own rules do not. Where both look, ours know the catalogue.
const RULES: &[(Rule, &str, Severity)] = &[
    (Rule::BanTruncateCascade, "sql-truncate-cascade", Severity::Critical),
    (Rule::BanAlterDomainWithAddConstraint, "sql-domain-constraint", Severity::Warning),
    (Rule::BanCreateDomainWithConstraint, "sql-domain-constraint", Severity::Info),
    (Rule::RequireConcurrentPartitionDetach, "sql-detach-blocks", Severity::Warning),
    (Rule::IdentifierTooLong, "sql-name-too-long", Severity::Warning),
    (Rule::BanDuplicateColumnAssignments, "sql-assigned-twice", Severity::Critical),
];

/// Brackets inside each other, and operators in one statement, that its parser is trusted with.
const DEPTH: usize = 40;
const OPERATORS: usize = 300;
/// Longer texts take it seconds.
const LENGTH: usize = 1 << 20;

pub(super) fn check(text: &str, statements: &[Statement]) -> Checked {
    if text.len() > LENGTH {
        return Checked::Untame(0, format!("longer than {} MB", LENGTH >> 20), Vec::new());
    }
    if let Some((at, why)) = statements.iter().find_map(untame) {
        return Checked::Untame(at, why, Vec::new());
    }
    let mut parsed = SourceFile::parse(text);
    let known = if parsed.errors().is_empty() { None } else { gaps::without(text, statements) };
    let text = known.as_deref().unwrap_or(text);
    if known.is_some() {
        parsed = SourceFile::parse(text);
    }
    let mut unknown = Vec::new();
    let mut rest = String::new();
    if !parsed.errors().is_empty() {
        unknown = refused(text, statements);
        if !statements.iter().enumerate().any(|(n, s)| is_sql(n, s, &unknown)) {
            let all = unknown.into_iter().take(20).map(|u| (u.at, format!("not SQL: {}", u.why)));
            return Checked::Broken(all.collect());
        }
        rest = without(text, statements, &unknown);
        parsed = SourceFile::parse(&rest);
    }
    let text = if rest.is_empty() { text } else { &rest };
    if let Some(e) = parsed.errors().first() {
        let why = format!("its statements are none together ({})", e.message());
        return Checked::Untame(usize::from(e.range().start()), why, unknown);
    }
    let rules: BTreeSet<usize> = (0..RULES.len()).collect();
    let mut linter = Linter::from(rules.iter().map(|n| RULES[*n].0));
    let found = linter.lint(&parsed, text).into_iter().filter_map(|violation| {
        let (_, rule, severity) = RULES.iter().find(|(rule, ..)| *rule == violation.code)?;
        let at = usize::from(violation.text_range.start());
        Some(Said { rule, severity: *severity, at, message: violation.message, help: violation.help })
    });
    Checked::Said(found.collect(), unknown)
}

/// Statements that are none by themselves. Where an error is told of a whole file, the parser may have passed over what
/// comes after it.
fn refused(text: &str, statements: &[Statement]) -> Vec<Unknown> {
    let alone = |(number, s): (usize, &Statement)| {
        let error = SourceFile::parse(text.get(s.start..s.end)?).errors().into_iter().next()?;
        Some(Unknown { number, at: s.start + usize::from(error.range().start()), why: error.message().to_string() })
    };
    statements.iter().enumerate().filter_map(alone).collect()
}

/// What statements of migrations begin with. A text of which no statement begins so is none.
const HEADS: [&str; 32] = [
    "alter",
    "analyze",
    "begin",
    "call",
    "cluster",
    "comment on",
    "copy",
    "create",
    "delete from",
    "do",
    "drop",
    "execute",
    "explain",
    "grant",
    "import foreign",
    "insert into",
    "lock",
    "merge into",
    "prepare",
    "reassign owned",
    "refresh materialized",
    "reindex",
    "revoke",
    "security label",
    "select",
    "set",
    "truncate",
    "update",
    "vacuum",
    "with",
    "start transaction",
    "\\",
];

/// The parser takes it, or it begins like a statement: one it does not know, or one with a slip.
fn is_sql(number: usize, statement: &Statement, unknown: &[Unknown]) -> bool {
    let refused = unknown.binary_search_by_key(&number, |u| u.number).is_ok();
    !refused || Cursor::new(&statement.tokens).eat_any(&HEADS)
}

/// The text without these statements, of the same length. A command of psql ends what stands before it.
fn without(text: &str, statements: &[Statement], unknown: &[Unknown]) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for statement in unknown.iter().filter_map(|u| statements.get(u.number)) {
        let inside = bytes.get_mut(statement.start..statement.end).unwrap_or_default();
        inside.iter_mut().filter(|b| **b != b'\n').for_each(|b| *b = b' ');
        if let (true, Some(first)) = (statement.is_meta(), inside.first_mut()) {
            *first = b';';
        }
    }
    // Whole characters went, so that this is text.
    String::from_utf8(bytes).unwrap_or_default()
}

fn untame(statement: &Statement) -> Option<(usize, String)> {
    let (mut depth, mut operators) = (0usize, 0usize);
    let words = [
        "and",
        "or",
        "not",
        "case",
        "union",
        "intersect",
        "except",
        "join",
        "select",
        "begin",
        "if",
        "loop",
        "is",
        "in",
        "like",
    ];
    for token in &statement.tokens {
        match (token.kind, token.text.as_ref()) {
            (Kind::Sign, "(" | "[") => depth += 1,
            (Kind::Sign, ")" | "]") => depth = depth.saturating_sub(1),
            (Kind::Sign, "," | "." | ";") => {}
            (Kind::Sign, _) => operators += 1,
            (Kind::Word, word) if words.contains(&word) => operators += 1,
            // The bodies of functions are parsed as well.
            (Kind::String, body) if body.len() > 200 || body.contains(['(', ';']) => {
                operators += body.matches(['(', '[', '+', '-', '*', '/', '~', '^', '|']).count();
                operators += body.split_whitespace().filter(|w| words.contains(&w.to_lowercase().as_str())).count();
            }
            _ => {}
        }
        if depth > DEPTH || operators > OPERATORS {
            return Some((token.at, "nested deeply, or of many operators".to_string()));
        }
    }
    None
}
