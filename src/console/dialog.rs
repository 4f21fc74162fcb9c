//! Questions the console asks back before it sends a command: what is shown, what must be typed, when Enter works.
use super::chord::{Code, Key};
use super::text::clean;
use super::waive::{Refusal, Waive};
use crate::engine::command::{Allowance, Command, Identity, Scope, Verb};
use crate::engine::people::judge;
use crate::engine::status::{self, Word};
use crate::engine::window::stay_of;
use crate::engine::{Phase, Run};
use crate::spec::policy::OnExit;

/// Longest text a field takes, in characters.
const FIELD: usize = 200;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dialog {
    Confirm(Confirm),
    /// A finding shall be accepted.
    Waive(Box<Waive>),
    /// It was not, and why.
    Refused(Refusal),
    /// What shall become of the run when we leave.
    Quit,
}

/// A verb that asks back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirm {
    pub verb: Verb,
    pub scope: Scope,
    /// The word that must be typed, as the policy named it when the dialog opened.
    pub word: Option<String>,
    pub typed: String,
    /// Whether there is a field for a reason, and whether it must be filled.
    pub reason_field: ReasonField,
    pub reason: String,
    pub focus: Field,
    /// Leave afterwards, so.
    pub then_quit: Option<OnExit>,
    /// What it was like when the dialog opened.
    pub opened: Situation,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    Word,
    Reason,
    /// Nothing to type.
    None,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReasonField {
    None,
    Optional,
    Needed,
}

/// What a person looked at when they opened a dialog; a change of it is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Situation {
    pub word: Word,
    pub phase: String,
    /// In per cent.
    pub share: u32,
    pub gates_pass: bool,
}

impl Situation {
    pub fn of(run: &Run, scope: &Scope) -> Situation {
        let word = status::status(run, run.now.wall, &|_| String::new()).word;
        let track = if let Scope::Service(name) = scope { run.track(name) } else { None };
        Situation {
            word,
            phase: track.map_or_else(String::new, |t| phase_name(&t.phase)),
            share: track.map_or_else(|| status::blast_radius(run), |t| t.accepted_share().round() as u32),
            gates_pass: track.is_none_or(|t| t.bad_gates().next().is_none()),
        }
    }

    /// What is different now, in words; `None` when nothing that matters is.
    pub fn change(&self, now: &Situation) -> Option<String> {
        let mut parts = Vec::new();
        if self.word != now.word {
            parts.push(format!("{} -> {}", self.word.text(), now.word.text()));
        }
        if self.share != now.share {
            parts.push(format!("{}% -> {}%", self.share, now.share));
        }
        if self.phase != now.phase {
            parts.push(format!("{} -> {}", self.phase, now.phase));
        }
        if self.gates_pass != now.gates_pass {
            parts.push(if now.gates_pass { "gates recovered".into() } else { "a gate went bad".into() });
        }
        (!parts.is_empty()).then(|| parts.join(", "))
    }
}

fn phase_name(phase: &Phase) -> String {
    match phase {
        Phase::Shifting { step, .. } => format!("step {}", step + 1),
        _ => phase.word().to_string(),
    }
}

impl Confirm {
    /// A dialog for a verb the policy allows, or allows once `word` is typed. The keys go to the first field that must
    /// be filled.
    pub fn new(run: &Run, verb: Verb, scope: Scope, word: Option<String>, then_quit: Option<OnExit>) -> Confirm {
        let reason_field = match verb {
            _ if verb.needs_reason() => ReasonField::Needed,
            Verb::Start => ReasonField::None,
            _ if word.is_some() => ReasonField::Optional,
            _ => ReasonField::None,
        };
        let focus = match (&word, reason_field) {
            (Some(_), _) => Field::Word,
            (None, ReasonField::None) => Field::None,
            (None, _) => Field::Reason,
        };
        let opened = Situation::of(run, &scope);
        Confirm {
            verb,
            scope,
            word,
            typed: String::new(),
            reason_field,
            reason: String::new(),
            focus,
            then_quit,
            opened,
        }
    }

    /// The command, if everything that is asked for has been given and the policy still allows it.
    ///
    /// # Errors
    /// Why Enter does nothing now.
    pub fn ready(&self, run: &Run, who: &Identity) -> Result<Command, String> {
        if self.reason_field == ReasonField::Needed && self.reason.trim().is_empty() {
            let what = if self.verb == Verb::Note { "a note" } else { "a reason" };
            return Err(format!("Enter does nothing until {what} is given."));
        }
        if let Err(why) = stay_of(self.verb, &who.name, &self.reason, run.now.wall) {
            return Err(format!("Enter does nothing: {why}."));
        }
        let typed = self.word.is_some().then_some(self.typed.as_str());
        match judge(run, self.verb, &self.scope, who, typed) {
            Allowance::Allowed => Ok(Command {
                verb: self.verb,
                scope: self.scope.clone(),
                by: who.clone(),
                reason: self.reason.trim().to_string(),
                typed: typed.map(String::from),
            }),
            Allowance::NeedsTyping(word) => Err(format!("Enter does nothing until `{word}` is typed.")),
            Allowance::Denied(why) => Err(format!("Off now: {why}. Enter does nothing.")),
            Allowance::NeedsSecond => Err("Needs a second person; no route to one is configured.".into()),
        }
    }

    /// Takes a key that is neither Enter nor Esc.
    pub fn edit(&mut self, key: Key) {
        match key.code {
            Code::Tab | Code::BackTab | Code::Up | Code::Down => self.next_field(),
            _ => {
                if let Some(text) = self.field() {
                    edit_line(text, key);
                }
            }
        }
    }

    pub fn paste(&mut self, pasted: &str) {
        if let Some(text) = self.field() {
            for c in clean(pasted).chars() {
                edit_line(text, Key::char(c));
            }
        }
    }

    fn field(&mut self) -> Option<&mut String> {
        match self.focus {
            Field::Word => Some(&mut self.typed),
            Field::Reason => Some(&mut self.reason),
            Field::None => None,
        }
    }

    fn next_field(&mut self) {
        if self.word.is_some() && self.reason_field != ReasonField::None {
            self.focus = if self.focus == Field::Word { Field::Reason } else { Field::Word };
        }
    }
}

/// Takes a key into a one-line text that is only ever edited at its end: characters, Backspace, Ctrl-U, Ctrl-W.
pub fn edit_line(text: &mut String, key: Key) {
    match key {
        Key { code: Code::Char('u'), ctrl: true, .. } => text.clear(),
        Key { code: Code::Char('w'), ctrl: true, .. } => {
            let kept = text.trim_end().rfind(' ').map_or(0, |i| i + 1);
            text.truncate(kept);
        }
        Key { code: Code::Backspace, .. } => {
            text.pop();
        }
        Key { code: Code::Char(c), ctrl: false, alt: false } if text.chars().count() < FIELD => {
            text.push_str(&clean(c.encode_utf8(&mut [0; 4])));
        }
        _ => {}
    }
}
