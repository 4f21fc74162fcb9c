//! What an established linter for PostgreSQL says, behind our own findings. It also is the judge of what is SQL.
use std::collections::BTreeSet;

use squawk_linter::{Linter, Rule};
use squawk_syntax::SourceFile;

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
    Said(Vec<Said>),
    /// It is no SQL: where, and why.
    Broken(Vec<(usize, String)>),
    /// Its parser goes down a level for each bracket and operator, and has no floor.
    Untame(usize, String),
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
        return Checked::Untame(0, format!("longer than {} MB", LENGTH >> 20));
    }
    if let Some((at, why)) = statements.iter().find_map(untame) {
        return Checked::Untame(at, why);
    }
    let mut parsed = SourceFile::parse(text);
    let known = if parsed.errors().is_empty() { None } else { gaps::without(text, statements) };
    let text = known.as_deref().unwrap_or(text);
    if known.is_some() {
        parsed = SourceFile::parse(text);
    }
    let errors = parsed.errors();
    if !errors.is_empty() {
        let at = |e: &squawk_syntax::syntax_error::SyntaxError| usize::from(e.range().start());
        return Checked::Broken(errors.iter().take(20).map(|e| (at(e), format!("not SQL: {}", e.message()))).collect());
    }
    let rules: BTreeSet<usize> = (0..RULES.len()).collect();
    let mut linter = Linter::from(rules.iter().map(|n| RULES[*n].0));
    let found = linter.lint(&parsed, text).into_iter().filter_map(|violation| {
        let (_, rule, severity) = RULES.iter().find(|(rule, ..)| *rule == violation.code)?;
        let at = usize::from(violation.text_range.start());
        Some(Said { rule, severity: *severity, at, message: violation.message, help: violation.help })
    });
    Checked::Said(found.collect())
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
