//! Regular expressions of contracts. Their dialect is ECMA-262's, of which only what no dialect reads is told: whoever meets
//! such a pattern either fails or takes everything.

/// What keeps a pattern from being one; `None` where nothing is plainly wrong.
pub fn fault(pattern: &str) -> Option<&'static str> {
    let (mut depth, mut class) = (0_usize, false);
    // Whether something stands before that can be repeated.
    let mut atom = false;
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => {
                if chars.next().is_none() {
                    return Some("it ends with a backslash");
                }
                atom = true;
            }
            ']' if class => (class, atom) = (false, true),
            _ if class => {}
            '[' => class = true,
            '(' => {
                depth += 1;
                atom = false;
                // `(?:`, `(?=`, `(?<name>` and the like.
                if chars.next_if_eq(&'?').is_some() {
                    chars.next_if(|c| matches!(c, ':' | '=' | '!'));
                }
            }
            ')' if depth == 0 => return Some("a `)` closes nothing"),
            ')' => {
                depth -= 1;
                atom = true;
            }
            '|' => atom = false,
            '*' | '+' | '?' if !atom => return Some("nothing stands before what repeats it"),
            // What follows a repetition makes it lazy or possessive.
            '*' | '+' | '?' => drop(chars.next_if(|c| matches!(c, '?' | '+'))),
            _ => atom = true,
        }
    }
    match (class, depth) {
        (true, _) => Some("a `[` is not closed"),
        (false, 1..) => Some("a `(` is not closed"),
        (false, 0) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::fault;

    #[test]
    fn what_no_dialect_reads_is_told() {
        for bad in ["[", "[a-z", "(a", "a)", "*a", "(?:+)", "a|*", "a\\"] {
            assert!(fault(bad).is_some(), "{bad}");
        }
        for good in ["", "^[a-z]+$", "[]a]", "[^]]", "a{2,3}", "(?<year>\\d{4})", "(?=x)y", "a+?", "\\[", "[(]", "a||b"]
        {
            assert_eq!(fault(good), None, "{good}");
        }
    }
}
