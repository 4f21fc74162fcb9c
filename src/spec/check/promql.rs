//! Queries people write: placeholders, brackets, and the idioms that hide missing data. Not a PromQL parser; the server
//! has the last word.
use crate::spec::nearest::nearest;

/// What may stand between double braces.
pub const PLACEHOLDERS: [&str; 5] = ["service", "version", "namespace", "window", "pods"];

/// What is wrong with the placeholders or brackets of a query: message and help.
pub fn check(query: &str) -> Option<(String, Option<String>)> {
    if query.trim().is_empty() {
        return Some(("the query is empty".into(), None));
    }
    placeholders(query).or_else(|| brackets(query))
}

fn placeholders(query: &str) -> Option<(String, Option<String>)> {
    let mut rest = query;
    while let Some(start) = rest.find("{{") {
        rest = &rest[start + 2..];
        let known = format!("known are {}", PLACEHOLDERS.map(|p| format!("{{{{{p}}}}}")).join(" "));
        let Some(end) = rest.find("}}") else {
            return Some(("`{{` is not closed".into(), Some(known)));
        };
        let name = rest[..end].trim();
        if !PLACEHOLDERS.contains(&name) {
            let help = nearest(name, PLACEHOLDERS).map_or(known, |p| format!("did you mean {{{{{p}}}}}?"));
            return Some((format!("nothing is known to fill in for `{{{{{name}}}}}`"), Some(help)));
        }
        rest = &rest[end + 2..];
    }
    None
}

fn brackets(query: &str) -> Option<(String, Option<String>)> {
    let mut open = Vec::new();
    let mut chars = query.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' | '\'' | '`' => loop {
                match chars.next() {
                    None => return Some((format!("a quote ({c}) is left open"), None)),
                    Some('\\') if c != '`' => {
                        chars.next();
                    }
                    Some(end) if end == c => break,
                    Some(_) => {}
                }
            },
            '(' => open.push(')'),
            '[' => open.push(']'),
            '{' => open.push('}'),
            ')' | ']' | '}' if open.pop() != Some(c) => {
                return Some((format!("`{c}` closes nothing that is open"), None));
            }
            _ => {}
        }
    }
    open.pop().map(|c| (format!("a `{c}` is missing"), None))
}

/// Turns an empty answer into a number: `or vector(0)`, `or on() vector(0)`, `absent`-style tricks are not looked for.
pub fn hides_missing(query: &str) -> bool {
    let compact: String = query.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_lowercase();
    ["orvector(", "oron()vector("].iter().any(|trick| compact.contains(trick))
}

/// A selector as it stands in the database, without functions, ranges or operators around it.
pub fn is_raw_selector(selector: &str) -> bool {
    let mut outside = String::new();
    let mut quoted = None;
    for c in selector.chars() {
        match quoted {
            Some(q) if c == q => quoted = None,
            Some(_) => {}
            None if matches!(c, '"' | '\'' | '`') => quoted = Some(c),
            None => outside.push(c),
        }
    }
    let name_end = outside.find('{').unwrap_or(outside.len());
    let name = outside[..name_end].trim();
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b':');
    name.bytes().all(fits) && !outside.contains(['(', '[']) && !(name.is_empty() && name_end == outside.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_and_brackets() {
        let good = r#"sum(rate(up{service="{{service}}",v=~"{{ version }}"}[{{window}}])) / 2"#;
        assert_eq!(check(good), None);
        for (bad, part) in [
            ("", "empty"),
            ("up{service=\"{{servce}}\"}", "{{servce}}"),
            ("up{a=\"{{service\"}", "not closed"),
            ("sum(up", "a `)` is missing"),
            ("sum(up]", "`]` closes nothing"),
            ("up{a=\"b}", "quote"),
        ] {
            let (message, _) = check(bad).unwrap_or_else(|| panic!("{bad} passed"));
            assert!(message.contains(part), "{bad}: {message}");
        }
        assert_eq!(check("up{{servce}}").unwrap().1.as_deref(), Some("did you mean {{service}}?"));
    }

    #[test]
    fn tricks_that_hide_missing_data() {
        assert!(hides_missing("sum(up) or vector(0)"));
        assert!(hides_missing("sum(up) OR\n  vector( 0 )"));
        assert!(hides_missing("sum(up) or on() vector(1)"));
        assert!(!hides_missing("vector(0) + sum(up)"));
        assert!(!hides_missing("up or down"));
    }

    #[test]
    fn freshness_wants_a_raw_selector() {
        for good in ["up", "http_requests_total{service=\"{{service}}\"}", "a:b{x=~\"(a|b)[0-9]\"}", "{job=\"x\"}"] {
            assert!(is_raw_selector(good), "{good}");
        }
        for bad in ["rate(up[5m])", "up[5m]", "up + 1", "", "timestamp(up)"] {
            assert!(!is_raw_selector(bad), "{bad}");
        }
    }
}
