//! What a transaction takes back was never done; but its locks it held until then.
use super::{LARGE, SMALL, number};
use crate::compat::sql::action::Action;
use crate::compat::sql::catalogue::Catalogue;
use crate::compat::sql::lex::Statement;
use crate::compat::{Finding, Report, Severity};

/// Findings that are about what happens until then.
const MEANWHILE: [&str; 13] = [
    "sql-assigned-twice",
    "sql-concurrently-in-transaction",
    "sql-lock",
    "sql-lock-other-table",
    "sql-lock-table",
    "sql-locks-several-tables",
    "sql-no-lock-timeout",
    "sql-not-known",
    "sql-reassign-owned",
    "sql-scan-under-lock",
    "sql-table-rewrite",
    "sql-transaction-nesting",
    "sql-update-all",
];

/// Statements that are taken back, by number.
#[derive(Default)]
pub(super) struct Undone {
    /// Where the transaction began.
    from: Option<usize>,
    points: Vec<(String, usize)>,
    /// From the first up to one behind the last.
    spans: Vec<(usize, usize)>,
}

impl Undone {
    /// A statement that stands by itself: in a block a branch may not be taken. `inside`: a transaction is open before it.
    pub fn take(&mut self, number: usize, statement: &Statement, word: Option<&Action>, inside: bool) {
        match word {
            Some(Action::Begin) if !inside => self.begins(Some(number)),
            Some(Action::Commit { chain }) => self.begins(Some(number).filter(|_| *chain)),
            Some(Action::Rollback { chain }) => {
                self.spans.extend(self.from.filter(|_| inside).map(|from| (from, number)));
                self.begins(Some(number).filter(|_| *chain && inside));
            }
            Some(Action::Savepoint { name }) if inside => self.points.push((name.clone(), number)),
            Some(Action::RollbackTo { name }) if inside && self.from.is_some() => {
                if let Some(at) = self.point(name) {
                    self.points.truncate(at + 1);
                    self.spans.push((self.points[at].1, number));
                }
            }
            Some(Action::Release { name }) => {
                let at = self.point(name);
                at.into_iter().for_each(|at| self.points.truncate(at));
            }
            // It is committed later, maybe from elsewhere.
            _ if matches!(statement.tokens.as_slice(), [a, b, ..] if a.is("prepare") && b.is("transaction")) => {
                self.begins(None);
            }
            _ => {}
        }
    }

    fn begins(&mut self, at: Option<usize>) {
        self.from = at;
        self.points.clear();
    }

    fn point(&self, name: &str) -> Option<usize> {
        self.points.iter().rposition(|(of, _)| of == name)
    }

    /// Takes out what is not done after all.
    pub fn settle(&self, count: usize, known: &Catalogue, report: &mut Report) {
        // How many spans begin less how many end, statement by statement.
        let mut steps = vec![0i64; count + 1];
        for (from, to) in &self.spans {
            steps[*from] += 1;
            steps[*to] -= 1;
        }
        let mut open = 0;
        let undone: Vec<bool> = steps.iter().map(|step| (open += step, open > 0).1).collect();
        report.findings.retain_mut(|f| {
            if number(f).is_none_or(|n| undone.get(n) != Some(&true)) {
                return true;
            }
            if f.rule == "sql-delete-all" {
                held_rows(f, known);
            }
            if f.severity > Severity::Info {
                f.details.push("it is rolled back, and holds its locks until then".to_string());
            }
            MEANWHILE.contains(&f.rule)
        });
    }
}

/// Of rows that are deleted and come back remains that nobody else could change them.
fn held_rows(f: &mut Finding, known: &Catalogue) {
    let table = f.affected.first().cloned().unwrap_or_default();
    f.rule = "sql-update-all";
    f.message = format!("holds every row of {table} until the transaction ends");
    f.severity = match known.table(&table).and_then(|t| t.rows) {
        Some(rows) if rows < SMALL => Severity::Info,
        Some(rows) if rows < LARGE => Severity::Warning,
        _ => Severity::Critical,
    };
}
