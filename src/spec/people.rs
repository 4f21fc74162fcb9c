//! Names of people who vouch for something: when two of them are two people.

/// Characters nobody sees, or that turn the direction of text round: with one of them a name looks like another's.
pub fn unseen(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{00ad}' | '\u{034f}' | '\u{061c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// A name as it is compared with another one: capitals, and blanks around and between its parts, tell nobody apart.
///
/// # Errors
/// It has a character by which one name can be written as two that look alike, and which one.
pub fn person(name: &str) -> Result<String, String> {
    // A letter with its accent is one character or two, and both look the same. Without tables of all letters only the
    // second can be told, so it is the first that is asked for.
    let mark = |c: &char| matches!(*c, '\u{0300}'..='\u{036f}');
    let name = name.trim();
    if let Some(c) = name.chars().find(|c| unseen(*c)) {
        return Err(format!("has U+{:04X} in it, which nobody sees", u32::from(c)));
    }
    if let Some(c) = name.chars().find(mark) {
        return Err(format!("has an accent of its own, U+{:04X}, behind a letter", u32::from(c)));
    }
    Ok(name.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_person_has_one_name() {
        for (a, b) in [("mara", " Mara "), ("mara lee", "mara  lee"), ("mara lee", "Mara\u{a0}Lee")] {
            assert_eq!(person(a), person(b), "{a} {b}");
        }
        assert_ne!(person("mara"), person("jun"));
        assert!(person("\u{e9}va").is_ok() && person("Ивó Żółć").is_ok());
        assert_eq!(person("ma\u{200b}ra").unwrap_err(), "has U+200B in it, which nobody sees");
        assert_eq!(person("e\u{301}va").unwrap_err(), "has an accent of its own, U+0301, behind a letter");
    }
}
