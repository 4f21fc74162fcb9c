//! Which key means what, from files.
use std::collections::BTreeMap;
use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;

use super::action::{Action, is_dangerous};
use super::caret::{FileError, nearest};
use super::chord::{Code, Key, sequence, show};

/// The keymaps that are shipped: name and text.
pub const SHIPPED: [(&str, &str); 3] = [
    ("default", include_str!("../../keymaps/default.toml")),
    ("vim", include_str!("../../keymaps/vim.toml")),
    ("emacs", include_str!("../../keymaps/emacs.toml")),
];

/// Screens with keys of their own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Screen {
    #[default]
    Main,
    Detail,
    Events,
    /// All of them.
    Tenants,
    /// One of them.
    Tenant,
    /// The plan, and what the contracts say of it.
    Plan,
}

impl Screen {
    pub const ALL: [Screen; 6] =
        [Screen::Main, Screen::Detail, Screen::Events, Screen::Tenants, Screen::Tenant, Screen::Plan];

    pub fn name(self) -> &'static str {
        match self {
            Screen::Main => "main",
            Screen::Detail => "detail",
            Screen::Events => "events",
            Screen::Tenants => "tenants",
            Screen::Tenant => "tenant",
            Screen::Plan => "plan",
        }
    }
}

/// Which key means what on which screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keymap {
    pub name: String,
    verbs: BTreeMap<Vec<Key>, Action>,
    all: BTreeMap<Vec<Key>, Action>,
    own: BTreeMap<Screen, BTreeMap<Vec<Key>, Action>>,
}

/// What the keys pressed so far mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    Action(Action),
    /// The beginning of a longer sequence.
    Prefix,
    Nothing,
}

type Section = BTreeMap<Spanned<String>, Spanned<String>>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: String,
    /// The engine's verbs: the same on every screen.
    #[serde(default)]
    verbs: Section,
    /// Everything else that is the same on every screen.
    #[serde(default)]
    all: Section,
    #[serde(default)]
    main: Section,
    #[serde(default)]
    detail: Section,
    #[serde(default)]
    events: Section,
    #[serde(default)]
    tenants: Section,
    #[serde(default)]
    tenant: Section,
    #[serde(default)]
    plan: Section,
}

/// One line of the file, read.
struct Line {
    keys: Vec<Key>,
    action: Action,
    span: Range<usize>,
}

impl Keymap {
    /// A shipped keymap.
    pub fn shipped(name: &str) -> Option<Result<Keymap, FileError>> {
        SHIPPED.iter().find(|(n, _)| *n == name).map(|(n, text)| Keymap::parse(&format!("{n}.toml"), text))
    }

    /// Reads a keymap file and checks it: see [`check_lines`] and [`check_shift`].
    ///
    /// # Errors
    /// The first thing that is wrong, with its place.
    pub fn parse(file: &str, text: &str) -> Result<Keymap, FileError> {
        let parsed: File = toml::from_str(text).map_err(|e| FileError::from_toml(file, text, &e))?;
        let read = |section: &Section| read_section(file, text, section);
        let (verbs, all) = (read(&parsed.verbs)?, read(&parsed.all)?);
        for line in &verbs {
            let wrong = if !matches!(line.action, Action::Verb(_)) {
                Some(format!("`{}` is no verb: it belongs under [all] or a screen", line.action.name()))
            } else if line.keys.iter().any(|k| k.ctrl || k.alt) {
                Some("ctrl and alt keys change nothing: take a plain key for a verb".into())
            } else {
                None
            };
            if let Some(wrong) = wrong {
                return Err(FileError::at(file, text, line.span.clone(), wrong));
            }
        }
        no_verbs(file, text, &all)?;
        let shared: Vec<&Line> = verbs.iter().chain(&all).collect();
        check_lines(file, text, &shared)?;
        check_shift(file, text, &verbs)?;
        let mut own = BTreeMap::new();
        for (screen, section) in [
            (Screen::Main, &parsed.main),
            (Screen::Detail, &parsed.detail),
            (Screen::Events, &parsed.events),
            (Screen::Tenants, &parsed.tenants),
            (Screen::Tenant, &parsed.tenant),
            (Screen::Plan, &parsed.plan),
        ] {
            let lines = read(section)?;
            no_verbs(file, text, &lines)?;
            let together: Vec<&Line> = shared.iter().copied().chain(&lines).collect();
            check_lines(file, text, &together)?;
            own.insert(screen, map(lines));
        }
        let keymap = Keymap { name: parsed.name, verbs: map(verbs), all: map(all), own };
        for needed in [Action::Quit, Action::Help, Action::Back, Action::Command] {
            if keymap.key_of(Screen::Main, needed).is_none() {
                return Err(FileError::whole(
                    file,
                    format!("no key means `{}`: nobody could find the way", needed.name()),
                ));
            }
        }
        Ok(keymap)
    }

    /// What these keys mean on a screen. Ctrl-C asks to leave whatever the keymap says, so that there is always a way.
    pub fn find(&self, screen: Screen, keys: &[Key]) -> Found {
        if keys == [Key::ctrl('c')] {
            return Found::Action(Action::Quit);
        }
        let own = self.own.get(&screen);
        let maps = [Some(&self.verbs), own, Some(&self.all)];
        for map in maps.into_iter().flatten() {
            if let Some(action) = map.get(keys) {
                return Found::Action(*action);
            }
        }
        let begins = |map: &BTreeMap<Vec<Key>, Action>| map.keys().any(|k| k.len() > keys.len() && k.starts_with(keys));
        if maps.into_iter().flatten().any(begins) { Found::Prefix } else { Found::Nothing }
    }

    /// Every key of a screen, verbs first.
    pub fn entries(&self, screen: Screen) -> impl Iterator<Item = (&[Key], Action)> {
        let own = self.own.get(&screen);
        [Some(&self.verbs), own, Some(&self.all)].into_iter().flatten().flatten().map(|(k, a)| (k.as_slice(), *a))
    }

    /// The shortest way to an action: a plain letter before a named key before a sequence.
    pub fn key_of(&self, screen: Screen, action: Action) -> Option<String> {
        let cost = |keys: &[Key]| {
            (keys.len(), keys.iter().filter(|k| k.ctrl || k.alt || !matches!(k.code, Code::Char(_))).count())
        };
        self.entries(screen).filter(|(_, a)| *a == action).min_by_key(|(k, _)| cost(k)).map(|(k, _)| show(k))
    }
}

fn map(lines: Vec<Line>) -> BTreeMap<Vec<Key>, Action> {
    lines.into_iter().map(|l| (l.keys, l.action)).collect()
}

fn read_section(file: &str, text: &str, section: &Section) -> Result<Vec<Line>, FileError> {
    let mut lines = Vec::new();
    for (keys, name) in section {
        let read = sequence(keys.as_ref()).map_err(|why| FileError::at(file, text, keys.span(), why))?;
        let action = Action::named(name.as_ref()).ok_or_else(|| {
            let near =
                nearest(name.as_ref(), Action::names()).map(|n| format!("; did you mean `{n}`?")).unwrap_or_default();
            FileError::at(file, text, name.span(), format!("`{}` is nothing a key can do{near}", name.as_ref()))
        })?;
        lines.push(Line { keys: read, action, span: keys.span() });
    }
    // In the file's order, so that the later of two lines is the one at fault.
    lines.sort_by_key(|l| l.span.start);
    Ok(lines)
}

/// Verbs mean the same on all screens, so they stand in one place.
fn no_verbs(file: &str, text: &str, lines: &[Line]) -> Result<(), FileError> {
    match lines.iter().find(|l| matches!(l.action, Action::Verb(_))) {
        Some(line) => Err(FileError::at(
            file,
            text,
            line.span.clone(),
            format!("`{}` is a verb: verbs stand under [verbs] and mean the same on every screen", line.action.name()),
        )),
        None => Ok(()),
    }
}

/// No key twice, no key that is the beginning of another, none that a dialog or Ctrl-C needs.
fn check_lines(file: &str, text: &str, lines: &[&Line]) -> Result<(), FileError> {
    for (i, line) in lines.iter().enumerate() {
        if line.keys.contains(&Key::ctrl('c')) {
            return Err(FileError::at(file, text, line.span.clone(), "ctrl-c always asks to leave"));
        }
        for other in &lines[..i] {
            let (short, long) = if line.keys.len() < other.keys.len() { (line, other) } else { (other, line) };
            if long.keys.starts_with(&short.keys) {
                let what = if short.keys == long.keys { "means" } else { "begins a sequence that means" };
                let message = format!("`{}` {what} `{}` already", show(&short.keys), other.action.name());
                return Err(FileError::at(file, text, line.span.clone(), message));
            }
        }
    }
    Ok(())
}

/// No two dangerous verbs on keys that differ by shift only: caps lock must not turn one into the other.
fn check_shift(file: &str, text: &str, verbs: &[Line]) -> Result<(), FileError> {
    let plain = |line: &Line| line.keys.iter().map(|k| k.unshifted()).collect::<Vec<_>>();
    let danger = |line: &&Line| matches!(line.action, Action::Verb(v) if is_dangerous(v));
    let dangerous: Vec<&Line> = verbs.iter().filter(danger).collect();
    for (i, line) in dangerous.iter().enumerate() {
        if let Some(other) = dangerous[..i].iter().find(|o| plain(o) == plain(line)) {
            let message = format!(
                "differs by shift only from `{}`, which means `{}`: with caps lock one becomes the other",
                show(&other.keys),
                other.action.name()
            );
            return Err(FileError::at(file, text, line.span.clone(), message));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Verb;

    const NEEDED: &str = "name = \"t\"\n[all]\nq = \"quit\"\n\"?\" = \"help\"\nesc = \"back\"\n\":\" = \"command\"\n";

    fn error(more: &str) -> FileError {
        Keymap::parse("t.toml", &format!("{NEEDED}{more}")).unwrap_err()
    }

    #[test]
    fn shipped_keymaps_read_and_every_verb_key_is_the_table_s() {
        for (name, _) in SHIPPED {
            let keymap = Keymap::shipped(name).unwrap().unwrap_or_else(|e| panic!("{e}"));
            assert_eq!(keymap.name, name);
            for (verb, key) in [
                (Verb::Pause, "p"),
                (Verb::PauseAll, "H"),
                (Verb::Next, "n"),
                (Verb::Abort, "x"),
                (Verb::Rollback, "b"),
            ] {
                for screen in Screen::ALL {
                    assert_eq!(keymap.key_of(screen, Action::Verb(verb)).as_deref(), Some(key), "{name} {screen:?}");
                }
            }
        }
    }

    #[test]
    fn case_and_sequences_are_significant() {
        let keymap = Keymap::shipped("vim").unwrap().unwrap();
        let g = Key::char('g');
        assert_eq!(keymap.find(Screen::Main, &[g]), Found::Prefix);
        assert_eq!(keymap.find(Screen::Main, &[g, g]), Found::Action(Action::Top));
        assert_eq!(keymap.find(Screen::Main, &[g, Key::char('q')]), Found::Nothing);
        assert_eq!(keymap.find(Screen::Main, &[Key::char('h')]), Found::Nothing);
        assert_eq!(keymap.find(Screen::Main, &[Key::char('H')]), Found::Action(Action::Verb(Verb::PauseAll)));
        assert_eq!(keymap.find(Screen::Events, &[Key::ctrl('c')]), Found::Action(Action::Quit));
    }

    #[test]
    fn the_lint_finds_what_would_hurt_at_night() {
        let e = error("[verbs]\nn = \"next\"\nN = \"force-next\"\n");
        assert!(e.message.contains("caps lock"), "{e}");
        assert_eq!(e.line, 9);
        assert!(error("[verbs]\np = \"pause\"\n[main]\np = \"page-up\"\n").message.contains("means `pause` already"));
        assert!(error("[main]\nx = \"abort\"\n").message.contains("[verbs]"));
        assert!(error("[verbs]\nctrl-x = \"abort\"\n").message.contains("change nothing"));
        assert!(error("[verbs]\nj = \"down\"\n").message.contains("no verb"));
        assert!(error("[main]\ng = \"top\"\n\"g g\" = \"bottom\"\n").message.contains("begins"));
        assert!(error("[main]\nctrl-c = \"top\"\n").message.contains("always asks"));
        // Pause-all and a movement key may differ by shift: neither hurts.
        let fine = format!("{NEEDED}[verbs]\nH = \"pause-all\"\n[main]\nh = \"up\"\n");
        assert!(Keymap::parse("t", &fine).is_ok());
    }

    #[test]
    fn errors_point_at_the_word() {
        let e = error("[main]\nj = \"dwon\"\n");
        assert_eq!((e.line, e.column), (8, 5));
        assert!(e.message.contains("`down`"), "{e}");
        let e = error("[main]\nentr = \"down\"\n");
        assert_eq!((e.line, e.column), (8, 1));
        let e = Keymap::parse("t", "name = \"t\"\n[al]\n").unwrap_err();
        assert!(e.to_string().contains("[al]") && e.line == 2, "{e}");
        assert!(Keymap::parse("t", "name = \"t\"\n").unwrap_err().message.contains("`quit`"));
    }
}
