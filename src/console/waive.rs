//! Accepting a finding from the plan screen: what is asked for, the entry that it makes, and why it may not be.
use std::sync::Arc;

use super::action::Action;
use super::chord::{Code, Key};
use super::dialog::{Dialog, edit_line};
use super::keymap::Screen;
use super::model::Model;
use super::text::clean;
use super::update::Ctx;
use super::viewmodel::chosen;
use crate::engine::command::{Allowance, Identity, Scope, Verb};
use crate::engine::people::judge;
use crate::plan::verdict::{Told, Verdict};
use crate::spec::contract::Waiver;
use crate::spec::people::person;
use crate::spec::units::Time;
use crate::spec::waive::Entry;
use crate::spec::when::Date;

/// The folder of contracts a plan was made from.
pub trait ContractsAtHand: Send + Sync {
    /// The file accepted findings stand in, or will.
    fn file(&self) -> String;

    /// Writes the entry, and reads again what the contracts say. May take seconds.
    ///
    /// # Errors
    /// What was not done and why, whether the entry stands in the file, and what to do.
    fn accept(&self, asked: &Accept) -> Result<Verdict, Refusal>;
}

/// How the console reaches it.
pub type AtHand = Option<Arc<dyn ContractsAtHand>>;

/// A finding that shall be accepted.
#[derive(Debug, Clone, PartialEq)]
pub struct Accept {
    pub waiver: Waiver,
    /// The finding, in words.
    pub about: String,
}

/// The dialog that asks for what an entry needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waive {
    pub finding: Told,
    /// The file it comes into.
    pub file: String,
    pub reason: String,
    pub until: String,
    pub second: String,
    pub focus: Part,
}

/// A field of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Reason,
    Until,
    Second,
}

impl Part {
    pub const ALL: [Part; 3] = [Part::Reason, Part::Until, Part::Second];
}

/// Why something was not accepted, and what can be done instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub what: String,
    pub why: String,
    pub todo: String,
}

/// What the key does: the dialog, or one that says why not; a line where that is enough.
///
/// # Errors
/// Why there is nothing to accept here and now.
pub fn open(model: &Model, ctx: Ctx) -> Result<Dialog, String> {
    if model.read_only {
        return Err("this console is read-only".into());
    }
    if model.screen != Screen::Plan || model.graph {
        let key = ctx.keymap.key_of(model.screen, Action::Plan).unwrap_or_else(|| ":plan".into());
        return Err(format!("choose a finding on the plan screen ({key})"));
    }
    let finding = chosen(ctx.run, model);
    let allowed = judge(ctx.run, Verb::Waive, &Scope::Run, &ctx.run.identity, None);
    let Some(finding) = finding else {
        return Err(if let Allowance::Denied(why) = allowed { why } else { "no finding is selected".into() });
    };
    if finding.is_unseen() {
        return Err("it was not compared, so there is nothing to accept: look at it by hand".into());
    }
    if finding.off {
        return Err("its rule is switched off in the CompatPolicy, so it bars nothing".into());
    }
    if let Some(who) = &finding.waived {
        return Err(format!("it is accepted already, by {}", clean(who)));
    }
    let refuse = |why: String, todo: String| {
        let what = format!("{}: {}", finding.rule, clean(&finding.message));
        Ok(Dialog::Refused(Refusal { what, why, todo }))
    };
    let begun = ctx.run.started.is_some() || ctx.run.is_ended();
    match allowed {
        Allowance::Denied(why) if begun || !ctx.run.plan.environment.production => return Err(why),
        Allowance::Denied(why) => return refuse(why, instead(finding)),
        _ => {}
    }
    let Some(file) = model.contracts.clone() else {
        let why = "this console was not started from files with a folder of contracts, so there is no file to write to";
        let todo = format!(
            "put an entry for fingerprint {} into compat.yaml of that folder, with a reason, `until` and two names; then \
             begin anew with `pilothouse watch -f FILES`",
            finding.fingerprint
        );
        return refuse(why.into(), todo);
    };
    if let Some(who) = &finding.lapsed {
        let why =
            format!("an entry for {} stands in {file} already, and has ended: {}", finding.fingerprint, clean(who));
        return refuse(why, format!("give that entry a later `until` in {file}, then begin anew with these files"));
    }
    let (reason, until, second) = Default::default();
    Ok(Dialog::Waive(Box::new(Waive { finding: finding.clone(), file, reason, until, second, focus: Part::Reason })))
}

/// What there is to do where nobody can accept it.
fn instead(finding: &Told) -> String {
    let stay = finding.service.as_ref().map_or(String::new(), |s| format!(", or leave {s} out of this upgrade"));
    match &finding.advice {
        Some(advice) => format!("{}{stay}; then begin anew", clean(advice).trim_end_matches('.')),
        None => format!("take the change out of the new version{stay}; then begin anew"),
    }
}

impl Waive {
    /// The finding, in words.
    pub fn about(&self) -> String {
        let service = self.finding.service.as_ref().map_or(String::new(), |s| format!("{s}: "));
        format!("{service}{} ({})", clean(&self.finding.message), self.finding.rule)
    }

    /// The entry as far as it is typed, line by line.
    pub fn entry(&self, who: &Identity) -> Vec<String> {
        let (fingerprint, about) = (&self.finding.fingerprint, &self.about());
        let by = [who.name.as_str(), self.second.trim()];
        Entry { fingerprint, about, reason: self.reason.trim(), until: self.until.trim(), by: &by }.lines()
    }

    /// What is to be accepted, if all that is needed was given.
    ///
    /// # Errors
    /// Why Enter does nothing now.
    pub fn ready(&self, who: &Identity, now: Time) -> Result<Accept, String> {
        let missing = |what: &str| Err(format!("Enter does nothing until {what}."));
        if self.reason.trim().is_empty() {
            return missing("a reason is given");
        }
        if self.until.trim().is_empty() {
            return missing("its last day is given, as in 2026-12-24");
        }
        let until: Date = match self.until.trim().parse() {
            Ok(date) => date,
            Err(why) => return Err(format!("Enter does nothing: {why}.")),
        };
        if until.naive() < now.utc().date_naive() {
            return Err(format!("Enter does nothing: {until} is over."));
        }
        let second = self.second.trim();
        if second.is_empty() {
            return missing("a second person is named");
        }
        let as_person =
            |name: &str| person(name).map_err(|why| format!("Enter does nothing: the name {} {why}.", clean(name)));
        if as_person(second)? == as_person(&who.name)? {
            return Err(format!("Enter does nothing: {second} is you; it must be somebody else."));
        }
        let waiver = Waiver {
            fingerprint: self.finding.fingerprint.clone(),
            reason: self.reason.trim().to_string(),
            until,
            by: vec![who.name.clone(), second.to_string()],
        };
        Ok(Accept { waiver, about: self.about() })
    }

    /// Takes a key that is neither Enter nor Esc.
    pub fn edit(&mut self, key: Key) {
        let at = Part::ALL.iter().position(|p| *p == self.focus).unwrap_or(0);
        match key.code {
            Code::Tab | Code::Down => self.focus = Part::ALL[(at + 1) % Part::ALL.len()],
            Code::BackTab | Code::Up => self.focus = Part::ALL[(at + Part::ALL.len() - 1) % Part::ALL.len()],
            _ => edit_line(self.field(), key),
        }
    }

    pub fn paste(&mut self, pasted: &str) {
        clean(pasted).chars().for_each(|c| edit_line(self.field(), Key::char(c)));
    }

    fn field(&mut self) -> &mut String {
        match self.focus {
            Part::Reason => &mut self.reason,
            Part::Until => &mut self.until,
            Part::Second => &mut self.second,
        }
    }
}
