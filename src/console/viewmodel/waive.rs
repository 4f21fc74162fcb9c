//! The dialogs about accepting a finding.
use super::super::theme::Meaning;
use super::super::waive::{Part, Refusal, Waive};
use super::Scene;
use super::overlay::{DialogLine, DialogView, FieldView, badge, line};
use crate::engine::Run;
use crate::engine::people::{role, word};

pub fn dialog(run: &Run, waive: &Waive, scene: Scene) -> DialogView {
    let (who, ready) = (&run.identity, waive.ready(&run.identity, scene.now));
    let mut lines = vec![
        line("What", format!("accept {}", waive.about())),
        line("On", badge(run, scene)),
        line("Into", waive.file.clone()),
    ];
    // Its first line repeats what is accepted.
    for (i, text) in waive.entry(who).into_iter().skip(1).enumerate() {
        lines.push(indented(if i == 0 { "Entry" } else { "" }, &text));
    }
    lines.push(line("Then", "the contracts are read again; start is on when nothing critical is left".into()));
    lines
        .push(line("Unproven", "that the second person agrees: self-declared, and worth nothing in production".into()));
    lines.push(line("You", format!("{} ({})", who.name, word(role(run, who)))));
    let field = |part: Part, label: &str, value: &str| FieldView {
        label: label.into(),
        value: value.into(),
        focus: waive.focus == part,
    };
    DialogView {
        title: format!("WAIVE {}", waive.finding.fingerprint),
        meaning: Meaning::Bad,
        lines,
        changed: None,
        fields: vec![
            field(Part::Reason, "Reason:        ", &waive.reason),
            field(Part::Until, "Last day:      ", &waive.until),
            field(Part::Second, "Second person: ", &waive.second),
        ],
        buttons: vec![("Esc cancel".into(), true), ("Enter write it".into(), ready.is_ok())],
        note: ready.err(),
    }
}

/// An entry to add by hand has lines, and their indentation is part of it.
fn todo(text: &str) -> impl Iterator<Item = DialogLine> + '_ {
    text.lines().enumerate().map(|(i, text)| indented(if i == 0 { "Do" } else { "" }, text))
}

/// A line of a file.
fn indented(label: &'static str, text: &str) -> DialogLine {
    let body = text.trim_start();
    DialogLine { label, lead: " ".repeat(text.len() - body.len()), text: body.to_string() }
}

pub fn refused(run: &Run, refusal: &Refusal, scene: Scene) -> DialogView {
    let mut lines =
        vec![line("What", refusal.what.clone()), line("On", badge(run, scene)), line("Why", refusal.why.clone())];
    lines.extend(todo(&refusal.todo));
    DialogView {
        title: "NOT ACCEPTED".into(),
        meaning: Meaning::Focus,
        lines,
        changed: None,
        fields: Vec::new(),
        buttons: vec![("Esc back".into(), true)],
        note: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_to_add_by_hand_keeps_its_lines() {
        let text = "add it by hand:\n# auth: GET /x removed\n- fingerprint: \"a\"\n  reason: \"b\"";
        let lines: Vec<(&str, String)> = todo(text).map(|l| (l.label, l.lead + &l.text)).collect();
        let wanted = [
            ("Do", "add it by hand:"),
            ("", "# auth: GET /x removed"),
            ("", "- fingerprint: \"a\""),
            ("", "  reason: \"b\""),
        ];
        assert_eq!(lines, wanted.map(|(label, text)| (label, text.to_string())));
    }
}
