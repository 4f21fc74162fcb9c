//! What a transaction holds. A lock stays until its end, or until a savepoint before it is gone back to.
use std::collections::{BTreeMap, BTreeSet};

use crate::compat::sql::action::Action;
use crate::compat::sql::predict::Lock;

#[derive(Default)]
pub(super) struct Held {
    /// The strongest lock on each table; a statement alone is a transaction, too.
    locks: BTreeMap<String, Lock>,
    /// Tables that are locked against readers.
    exclusive: BTreeSet<String>,
    /// How each lock since the beginning is given back.
    steps: Vec<Step>,
    /// Savepoints, and how many steps there were.
    points: Vec<(String, usize)>,
}

enum Step {
    Lock(String, Option<Lock>),
    Exclusive(String),
}

impl Held {
    pub fn lock(&self, table: &str) -> Lock {
        self.locks.get(table).copied().unwrap_or(Lock::None)
    }

    pub fn take(&mut self, table: &str, lock: Lock) {
        let before = self.locks.get(table).copied();
        if before.is_none_or(|before| before < lock) {
            self.locks.insert(table.to_string(), lock);
            self.steps.push(Step::Lock(table.to_string(), before));
        }
    }

    /// Whether it was not held against readers before.
    pub fn shuts(&mut self, table: &str) -> bool {
        let new = self.exclusive.insert(table.to_string());
        if new {
            self.steps.push(Step::Exclusive(table.to_string()));
        }
        new
    }

    pub fn shut(&self) -> &BTreeSet<String> {
        &self.exclusive
    }

    /// All is given back.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Savepoints, and what they do to the locks. `inside`: a transaction is open.
    pub fn turn(&mut self, action: &Action, inside: bool) {
        let at = |points: &[(String, usize)], name: &str| points.iter().rposition(|(of, _)| of == name);
        match action {
            Action::Commit { .. } | Action::Rollback { .. } => self.clear(),
            Action::Savepoint { name } if inside => self.points.push((name.clone(), self.steps.len())),
            Action::Release { name } => {
                if let Some(at) = at(&self.points, name) {
                    self.points.truncate(at);
                }
            }
            Action::RollbackTo { name } => {
                if let Some(at) = at(&self.points, name) {
                    self.points.truncate(at + 1);
                    let steps = self.points[at].1;
                    self.steps.drain(steps.min(self.steps.len())..).rev().for_each(|step| match step {
                        Step::Lock(table, Some(lock)) => drop(self.locks.insert(table, lock)),
                        Step::Lock(table, None) => drop(self.locks.remove(&table)),
                        Step::Exclusive(table) => drop(self.exclusive.remove(&table)),
                    });
                }
            }
            _ => {}
        }
    }
}
