//! Rust source as the house test reads it: what is code, what is comment, and which part of it only tests see.
//!
//! A lexer of a hundred lines is enough here: it only has to tell code from comments and literals, and to find the
//! braces that belong together.

/// One file's source with everything but code blanked out, byte for byte at the same places.
pub struct Source {
    pub code: String,
    /// Byte for byte: comments, everything else blank.
    comments: String,
}

impl Source {
    /// Blanks comments and literals; and items under `#[cfg(test)]`.
    pub fn new(text: &str) -> Source {
        let (code, comments) = split(text);
        Source { code: without_tests(code), comments }
    }

    /// Line number, counted from 1, of a byte.
    pub fn line(&self, at: usize) -> usize {
        self.code[..at].matches('\n').count() + 1
    }

    /// There is a comment on this line, or on the lines right above it.
    pub fn is_commented(&self, line: usize) -> bool {
        let has = |n: usize| n > 0 && self.comments.lines().nth(n - 1).is_some_and(|l| !l.trim().is_empty());
        has(line) || has(line - 1)
    }

    /// Where `word` stands as a word of its own: not within a longer name.
    pub fn find<'a>(&'a self, word: &'a str) -> impl Iterator<Item = usize> + 'a {
        let part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        let edges = (part(word.chars().next()), part(word.chars().next_back()));
        self.code.match_indices(word).map(|(at, _)| at).filter(move |&at| {
            let before = part(self.code[..at].chars().next_back());
            let after = part(self.code[at + word.len()..].chars().next());
            let longer = (edges.0 && before) || (edges.1 && after);
            !longer
        })
    }

    /// The first names in a path that goes on at `at`: one, or those of a group in braces.
    pub fn names(&self, at: usize) -> Vec<String> {
        let rest = self.code[at..].trim_start();
        let Some(group) = rest.strip_prefix('{') else { return vec![name(rest)] };
        let (mut depth, mut names, mut start) = (0, Vec::new(), 0);
        for (i, c) in group.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth > 0 => depth -= 1,
                ',' | '}' if depth == 0 => {
                    names.push(name(group[start..i].trim_start()));
                    start = i + 1;
                    if c == '}' {
                        break;
                    }
                }
                _ => {}
            }
        }
        names.retain(|n| !n.is_empty());
        names
    }

    /// Functions with a body: name, and how many lines they have from `fn` to the closing brace.
    pub fn functions(&self) -> Vec<(String, usize)> {
        let mut found = Vec::new();
        for at in self.find("fn") {
            let name = name(self.code[at + 2..].trim_start());
            let end = end_of_item(&self.code, at);
            if !name.is_empty() && self.code[..end].ends_with('}') {
                found.push((name, self.code[at..end].matches('\n').count() + 1));
            }
        }
        found
    }

    /// How many modules in braces stand around this place.
    pub fn inline_modules(&self, at: usize) -> usize {
        self.find("mod").filter(|&m| m < at && (m..end_of_item(&self.code, m)).contains(&at)).count()
    }
}

fn name(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// Names of modules that only tests have and that stand in files of their own, with the `#[path]` if there is one.
pub fn test_modules(text: &str) -> Vec<(String, Option<String>)> {
    let mut found = Vec::new();
    for (at, attribute) in text.match_indices("#[cfg(test)]") {
        let mut path = None;
        for line in text[at + attribute.len()..].lines().skip(1) {
            if let Some(p) = line.trim().strip_prefix("#[path = \"") {
                path = Some(p.trim_end_matches("\"]").to_string());
                continue;
            }
            if let Some((_, rest)) = line.split_once("mod ")
                && let Some(name) = rest.trim_end().strip_suffix(';')
            {
                found.push((name.to_string(), path.take()));
            }
            break;
        }
    }
    found
}

/// Where the item that begins at `at` ends: after its closing brace, or its semicolon.
fn end_of_item(code: &str, at: usize) -> usize {
    let (mut braces, mut others) = (0usize, 0usize);
    for (i, c) in code[at..].char_indices() {
        match c {
            '(' | '[' => others += 1,
            ')' | ']' => others = others.saturating_sub(1),
            '{' => braces += 1,
            '}' if braces <= 1 => return at + i + 1,
            '}' => braces -= 1,
            ';' if braces == 0 && others == 0 => return at + i + 1,
            _ => {}
        }
    }
    code.len()
}

fn without_tests(mut code: String) -> String {
    while let Some(at) = code.find("#[cfg(test)]") {
        let end = end_of_item(&code, at);
        let blank: String = code[at..end].chars().map(|c| if c == '\n' { c } else { ' ' }).collect();
        code.replace_range(at..end, &blank);
    }
    code
}

/// What the next bytes are.
#[derive(PartialEq)]
enum In {
    Code,
    Comment,
    Literal,
}

/// Code alone and comments alone; every other byte is a blank, so that both have the same places.
fn split(text: &str) -> (String, String) {
    let bytes = text.as_bytes();
    let (mut code, mut comments) = (Vec::with_capacity(bytes.len()), Vec::with_capacity(bytes.len()));
    let mut at = 0;
    while at < bytes.len() {
        let (what, length) = next(bytes, at);
        for &b in &bytes[at..at + length] {
            let blank = if b == b'\n' { b'\n' } else { b' ' };
            // Names in code are ASCII; a blank for each byte of anything else keeps the places.
            code.push(if what == In::Code && b.is_ascii() { b } else { blank });
            comments.push(if what == In::Comment && b.is_ascii() { b } else { blank });
        }
        at += length;
    }
    let text = |bytes| String::from_utf8(bytes).expect("only ASCII was kept");
    (text(code), text(comments))
}

fn next(bytes: &[u8], at: usize) -> (In, usize) {
    let rest = &bytes[at..];
    let in_name = at > 0 && (bytes[at - 1].is_ascii_alphanumeric() || bytes[at - 1] == b'_');
    match rest {
        [b'/', b'/', ..] => (In::Comment, rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len())),
        [b'/', b'*', ..] => (In::Comment, block_comment(rest)),
        [b'"', ..] => (In::Literal, string(rest)),
        [b'r', b'"' | b'#', ..] if !in_name => raw_string(rest).map_or((In::Code, 1), |n| (In::Literal, n)),
        [b'b', b'r', b'"' | b'#', ..] if !in_name => {
            raw_string(&rest[1..]).map_or((In::Code, 1), |n| (In::Literal, n + 1))
        }
        [b'\'', b'\\', _, tail @ ..] => {
            (In::Literal, tail.iter().position(|b| *b == b'\'').map_or(rest.len(), |p| p + 4))
        }
        // A character, which may have several bytes; a lifetime has no second quote so near.
        [b'\'', tail @ ..] => match tail.iter().take(5).position(|b| *b == b'\'') {
            Some(n) if n == 1 || (n > 1 && !tail[0].is_ascii()) => (In::Literal, n + 2),
            _ => (In::Code, 1),
        },
        _ => (In::Code, 1),
    }
}

fn block_comment(rest: &[u8]) -> usize {
    let (mut depth, mut i) = (0, 0);
    while i + 1 < rest.len() {
        match (rest[i], rest[i + 1]) {
            (b'/', b'*') => (depth, i) = (depth + 1, i + 2),
            (b'*', b'/') => {
                (depth, i) = (depth - 1, i + 2);
                if depth == 0 {
                    return i;
                }
            }
            _ => i += 1,
        }
    }
    rest.len()
}

fn string(rest: &[u8]) -> usize {
    let mut i = 1;
    while i < rest.len() {
        match rest[i] {
            b'\\' => i += 2,
            b'"' => return i + 1,
            _ => i += 1,
        }
    }
    rest.len()
}

/// `r"…"`, `r#"…"#`; `None` for a raw identifier.
fn raw_string(rest: &[u8]) -> Option<usize> {
    let hashes = rest[1..].iter().take_while(|b| **b == b'#').count();
    if rest.get(1 + hashes) != Some(&b'"') {
        return None;
    }
    let mut close = vec![b'"'];
    close.extend(std::iter::repeat_n(b'#', hashes));
    let body = &rest[2 + hashes..];
    let end = body.windows(close.len()).position(|w| w == close)?;
    Some(2 + hashes + end + close.len())
}
