//! Colours by meaning, from files.
use std::collections::BTreeMap;

use ratatui::style::{Color, Modifier, Style};
use serde::Deserialize;
use termprofile::TermProfile;
use toml::Spanned;

use super::caret::{FileError, nearest};

/// The themes that are shipped: name and text.
pub const SHIPPED: [(&str, &str); 4] = [
    ("default-dark", include_str!("../../themes/default-dark.toml")),
    ("light", include_str!("../../themes/light.toml")),
    ("high-contrast", include_str!("../../themes/high-contrast.toml")),
    ("mono", include_str!("../../themes/mono.toml")),
];

/// What a piece of the screen means. A theme gives styles to meanings; one it does not name takes the style of its
/// fallback, so that an old theme survives a new meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Meaning {
    Text,
    Dim,
    Border,
    /// Border of the panel that has the keys.
    Focus,
    Title,
    Header,
    Selected,
    /// A production environment's badge.
    Production,
    /// Badge of any other environment, and of practice.
    Environment,
    /// Verdict words.
    Ok,
    Move,
    Warn,
    Held,
    Roll,
    Lost,
    Done,
    /// The line that asks for a person.
    Ask,
    /// A gate's word and value.
    Good,
    Bad,
    Missing,
    /// A value that is too old to trust.
    Stale,
    Limit,
    Spark,
    Bar,
    /// Keys in footer and help, and those that are off.
    Key,
    KeyOff,
    Input,
    Dialog,
    Hint,
}

use Meaning as M;

/// Meaning, name in a theme file, fallback.
const MEANINGS: [(Meaning, &str, Option<Meaning>); 29] = [
    (M::Text, "text", None),
    (M::Dim, "dim", Some(M::Text)),
    (M::Border, "border", Some(M::Dim)),
    (M::Focus, "focus", Some(M::Border)),
    (M::Title, "title", Some(M::Text)),
    (M::Header, "header", Some(M::Dim)),
    (M::Selected, "selected", Some(M::Text)),
    (M::Production, "production", Some(M::Text)),
    (M::Environment, "environment", Some(M::Production)),
    (M::Ok, "ok", Some(M::Text)),
    (M::Move, "move", Some(M::Ok)),
    (M::Warn, "warn", Some(M::Text)),
    (M::Held, "held", Some(M::Warn)),
    (M::Roll, "roll", Some(M::Warn)),
    (M::Lost, "lost", Some(M::Roll)),
    (M::Done, "done", Some(M::Ok)),
    (M::Ask, "ask", Some(M::Warn)),
    (M::Good, "good", Some(M::Ok)),
    (M::Bad, "bad", Some(M::Held)),
    (M::Missing, "missing", Some(M::Warn)),
    (M::Stale, "stale", Some(M::Dim)),
    (M::Limit, "limit", Some(M::Text)),
    (M::Spark, "spark", Some(M::Text)),
    (M::Bar, "bar", Some(M::Spark)),
    (M::Key, "key", Some(M::Title)),
    (M::KeyOff, "key-off", Some(M::Dim)),
    (M::Input, "input", Some(M::Text)),
    (M::Dialog, "dialog", Some(M::Text)),
    (M::Hint, "hint", Some(M::Ask)),
];

/// A style for each meaning.
#[derive(Debug, Clone, PartialEq)]
pub struct Theme {
    pub name: String,
    styles: [Style; MEANINGS.len()],
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: String,
    #[serde(default)]
    styles: BTreeMap<Spanned<String>, Spanned<String>>,
}

impl Theme {
    /// A shipped theme.
    pub fn shipped(name: &str) -> Option<Result<Theme, FileError>> {
        SHIPPED.iter().find(|(n, _)| *n == name).map(|(n, text)| Theme::parse(&format!("{n}.toml"), text))
    }

    /// Reads a theme file: `[styles]` with lines such as `held = "yellow bold"` or `selected = "on #30363d"`.
    ///
    /// # Errors
    /// The first thing in the file that is no theme, with its place.
    pub fn parse(file: &str, text: &str) -> Result<Theme, FileError> {
        let parsed: File = toml::from_str(text).map_err(|e| FileError::from_toml(file, text, &e))?;
        let mut given: BTreeMap<Meaning, Style> = BTreeMap::new();
        for (name, value) in &parsed.styles {
            let Some((meaning, _, _)) = MEANINGS.iter().find(|(_, n, _)| n == name.as_ref()) else {
                let near = nearest(name.as_ref(), MEANINGS.iter().map(|m| m.1));
                let near = near.map(|n| format!("; did you mean `{n}`?")).unwrap_or_default();
                return Err(FileError::at(
                    file,
                    text,
                    name.span(),
                    format!("`{}` is nothing a theme can colour{near}", name.as_ref()),
                ));
            };
            let style = style(value.as_ref()).map_err(|why| FileError::at(file, text, value.span(), why))?;
            given.insert(*meaning, style);
        }
        let styles = MEANINGS.map(|(meaning, _, _)| resolve(meaning, &given));
        Ok(Theme { name: parsed.name, styles })
    }

    /// The theme as a terminal with fewer colours can show it.
    pub fn adapted(mut self, profile: TermProfile) -> Theme {
        for style in &mut self.styles {
            style.fg = style.fg.and_then(|c| profile.adapt_color(c));
            style.bg = style.bg.and_then(|c| profile.adapt_color(c));
        }
        self
    }

    pub fn style(&self, meaning: Meaning) -> Style {
        // `MEANINGS` lists the variants in their order; a test holds that.
        self.styles.get(meaning as usize).copied().unwrap_or_default()
    }
}

fn resolve(meaning: Meaning, given: &BTreeMap<Meaning, Style>) -> Style {
    let mut at = Some(meaning);
    while let Some(m) = at {
        if let Some(style) = given.get(&m) {
            return *style;
        }
        at = MEANINGS.iter().find(|(x, _, _)| *x == m).and_then(|(_, _, fallback)| *fallback);
    }
    Style::default()
}

/// Reads `[COLOUR] [on COLOUR] [bold dim italic underlined reversed]…`.
fn style(text: &str) -> Result<Style, String> {
    let mut style = Style::default();
    let mut words = text.split_whitespace();
    while let Some(word) = words.next() {
        style = match word {
            "on" => {
                let colour = words.next().ok_or("`on` needs a colour after it")?;
                style.bg(self::colour(colour)?)
            }
            "bold" => style.add_modifier(Modifier::BOLD),
            "dim" => style.add_modifier(Modifier::DIM),
            "italic" => style.add_modifier(Modifier::ITALIC),
            "underlined" => style.add_modifier(Modifier::UNDERLINED),
            "reversed" => style.add_modifier(Modifier::REVERSED),
            "blink" => return Err("nothing blinks here: somebody may look at this for hours".into()),
            _ => style.fg(self::colour(word)?),
        };
    }
    Ok(style)
}

fn colour(word: &str) -> Result<Color, String> {
    word.parse().map_err(|_| {
        format!("`{word}` is no colour or attribute; write a name (red, light-blue, dark-gray), #rrggbb, 0 to 255, or bold, dim, italic, underlined, reversed")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn meanings_stand_in_their_order_and_fallbacks_end() {
        for (i, (meaning, _, fallback)) in MEANINGS.iter().enumerate() {
            assert_eq!(*meaning as usize, i);
            assert!(fallback.is_none_or(|f| (f as usize) < i), "{meaning:?} falls back upwards only");
        }
    }

    #[test]
    fn shipped_themes_read_and_colour_what_matters() {
        for (name, _) in SHIPPED {
            let theme = Theme::shipped(name).unwrap().unwrap();
            assert_eq!(theme.name, name);
            let loud = [M::Ok, M::Held, M::Roll, M::Lost].map(|m| theme.style(m));
            assert!(loud.iter().all(|s| *s != Style::default()), "{name}");
        }
        let mono = Theme::shipped("mono").unwrap().unwrap();
        assert!(mono.styles.iter().all(|s| s.fg.is_none() && s.bg.is_none()), "mono has no colour");
    }

    #[test]
    fn a_theme_with_three_lines_colours_everything() {
        let theme = Theme::parse("t", "name = \"t\"\n[styles]\nwarn = \"yellow\"\ntext = \"white\"\n").unwrap();
        assert_eq!(theme.style(M::Bad).fg, Some(Color::Yellow));
        assert_eq!(theme.style(M::Border).fg, Some(Color::White));
    }

    #[test]
    fn errors_name_the_place_and_the_nearest_word() {
        let error = Theme::parse("t.toml", "name = \"t\"\n[styles]\nselectd = \"red\"\n").unwrap_err();
        assert_eq!((error.line, error.column), (3, 1));
        assert!(error.message.contains("`selected`"), "{error}");
        let error = Theme::parse("t.toml", "name = \"t\"\n[styles]\nheld = \"reddish\"\n").unwrap_err();
        assert_eq!((error.line, error.column), (3, 8), "{error}");
        assert!(Theme::parse("t", "name = \"t\"\n[styles]\nheld = \"red blink\"\n").is_err());
        assert!(Theme::parse("t", "name = ").unwrap_err().to_string().contains('^'));
    }

    #[test]
    fn fewer_colours_keep_the_attributes() {
        let theme = Theme::parse("t", "name = \"t\"\n[styles]\nheld = \"#ffcc00 bold\"\n").unwrap();
        let none = theme.clone().adapted(TermProfile::NoColor).style(M::Held);
        assert_eq!((none.fg, none.add_modifier), (None, Modifier::BOLD));
        let sixteen = theme.adapted(TermProfile::Ansi16).style(M::Held).fg.unwrap();
        assert!(!matches!(sixteen, Color::Rgb(..) | Color::Indexed(_)), "{sixteen:?}");
    }
}
