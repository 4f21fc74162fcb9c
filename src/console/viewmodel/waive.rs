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
        let body = text.trim_start();
        let lead = " ".repeat(text.len() - body.len());
        lines.push(DialogLine { label: if i == 0 { "Entry" } else { "" }, lead, text: body.to_string() });
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

pub fn refused(run: &Run, refusal: &Refusal, scene: Scene) -> DialogView {
    DialogView {
        title: "NOT ACCEPTED".into(),
        meaning: Meaning::Focus,
        lines: vec![
            line("What", refusal.what.clone()),
            line("On", badge(run, scene)),
            line("Why", refusal.why.clone()),
            line("Do", refusal.todo.clone()),
        ],
        changed: None,
        fields: Vec::new(),
        buttons: vec![("Esc back".into(), true)],
        note: None,
    }
}
