//! An entry for a finding that is accepted, put into a CompatPolicy that people keep: what stands there stays as it is,
//! comments and order included.
use super::report::Sink;
use super::tree::{self, Document, Node};
use super::{API_VERSION, SourceFile};

/// What an entry says; texts, so that one that is not complete yet can be shown.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    pub fingerprint: &'a str,
    /// What is accepted, for whoever reads the file: a comment.
    pub about: &'a str,
    pub reason: &'a str,
    pub until: &'a str,
    pub by: &'a [&'a str],
}

/// Double quotes, as JSON and YAML both have them: a name such as `no` or `1e3` stays a text.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

impl Entry<'_> {
    /// The lines as they are written, but for the indentation of the list they come into.
    pub fn lines(&self) -> Vec<String> {
        let names: Vec<String> = self.by.iter().map(|name| quoted(name)).collect();
        vec![
            format!("# {}", super::report::clean(self.about)),
            format!("- fingerprint: {}", quoted(self.fingerprint)),
            format!("  reason: {}", quoted(self.reason)),
            format!("  until: {}", self.until),
            format!("  by: [{}]", names.join(", ")),
        ]
    }
}

/// A CompatPolicy with this entry alone, where there is none yet.
pub fn new_policy(name: &str, entry: &Entry<'_>) -> String {
    let lines: Vec<String> = entry.lines().iter().map(|l| format!("    {l}\n")).collect();
    format!(
        "apiVersion: {API_VERSION}\nkind: CompatPolicy\nmetadata: {{name: {}}}\nspec:\n  waivers:\n{}",
        quoted(name),
        lines.concat()
    )
}

/// The file with the entry at the end of the waivers of its CompatPolicy.
///
/// # Errors
/// Why it is left to a person: it is written in a way that cannot be added to line by line.
pub fn with_entry(file: &SourceFile, entry: &Entry<'_>) -> Result<String, String> {
    let before = documents(file)?;
    let Some(spec) = before.iter().find_map(spec_of) else { return Err("no CompatPolicy is in it".into()) };
    let (skip, at, first, indent) = place(&file.text, spec).ok_or_else(|| FLOW.to_string())?;
    let lines: Vec<&str> = file.text.split_inclusive('\n').collect();
    let end = if file.text.contains("\r\n") { "\r\n" } else { "\n" };
    let mut text = lines[..at].concat();
    if !text.is_empty() && !text.ends_with('\n') {
        text.push_str(end);
    }
    text.push_str(&first.map(|line| line + end).unwrap_or_default());
    for line in entry.lines() {
        text.push_str(&format!("{}{line}{end}", " ".repeat(indent)));
    }
    text.push_str(&lines[at + skip..].concat());
    let after = documents(&SourceFile { name: file.name.clone(), text: text.clone() })?;
    // Whatever a file looks like: what it says must be what it said, and the entry.
    if added(&before, &after, entry) { Ok(text) } else { Err(FLOW.into()) }
}

const FLOW: &str =
    "its waivers are not a list with one entry below the other, so nothing can be added without rewriting it";

fn documents(file: &SourceFile) -> Result<Vec<Document>, String> {
    let mut sink = Sink::new(file);
    let (documents, whole) = tree::read(&file.text, &mut sink, &mut |_, _, _| {});
    let problem = sink.finish().into_iter().next();
    match problem {
        None if whole => Ok(documents),
        None => Err("it cannot be read to its end".into()),
        Some(p) => Err(format!("line {}: {}", p.line, p.message)),
    }
}

fn spec_of(document: &Document) -> Option<&Node> {
    let root = &document.root;
    let ours = root.get("kind").and_then(|e| e.node.text()) == Some("CompatPolicy");
    root.get("spec").filter(|_| ours).map(|e| &e.node)
}

/// How many lines give way, at which line the entry comes, what stands before it, and its indentation.
fn place(text: &str, spec: &Node) -> Option<(usize, usize, Option<String>, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let line_of = |number: u32| usize::try_from(number).ok()?.checked_sub(1).filter(|at| *at < lines.len());
    let Some(waivers) = spec.get("waivers") else {
        let first = spec.entries().first()?;
        let (at, indent) = (line_of(first.key_place.line)?, indent_of(lines[line_of(first.key_place.line)?]));
        let block = indent > 0 && usize::try_from(first.key_place.column).ok()? == indent + 1;
        let head = format!("{}waivers:", " ".repeat(indent));
        return block.then(|| (0, block_end(&lines, at, indent), Some(head), indent + 2));
    };
    let key = line_of(waivers.key_place.line)?;
    let Some(last) = waivers.node.items().last() else {
        // `waivers: []`, perhaps with a comment behind it.
        let (head, rest) = lines[key].split_once(':')?;
        let rest = rest.trim_start().strip_prefix("[]").unwrap_or(rest);
        let plain = head.trim() == "waivers" && (rest.trim().is_empty() || rest.trim_start().starts_with('#'));
        let indent = indent_of(lines[key]) + 2;
        return plain.then(|| (1, key, Some(format!("{head}:{}", rest.trim_end())), indent));
    };
    let at = line_of(last.place.line)?;
    let dash = indent_of(lines[at]);
    let block = lines[at].trim_start().starts_with("- ") && usize::try_from(last.place.column).ok()? > dash + 2;
    block.then(|| (0, block_end(&lines, at, dash + 1), None, dash))
}

fn indent_of(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

/// The line behind a block that begins at `at` and whose lines have at least this indentation.
fn block_end(lines: &[&str], at: usize, indent: usize) -> usize {
    let mut end = at + 1;
    for (i, line) in lines.iter().enumerate().skip(at + 1) {
        match line.trim() {
            "" => continue,
            _ if indent_of(line) < indent => break,
            _ => end = i + 1,
        }
    }
    end
}

fn added(before: &[Document], after: &[Document], entry: &Entry<'_>) -> bool {
    let mut wanted: Vec<serde_json::Value> = before.iter().map(|d| d.root.to_json()).collect();
    let Some(at) = before.iter().position(|d| spec_of(d).is_some()) else { return false };
    let waivers = &mut wanted[at]["spec"]["waivers"];
    if waivers.is_null() {
        *waivers = serde_json::Value::Array(Vec::new());
    }
    let Some(list) = waivers.as_array_mut() else { return false };
    list.push(serde_json::json!({
        "fingerprint": entry.fingerprint, "reason": entry.reason, "until": entry.until, "by": entry.by,
    }));
    wanted == after.iter().map(|d| d.root.to_json()).collect::<Vec<_>>()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str =
        "# ours\napiVersion: pilothouse.dev/v1alpha1\nkind: CompatPolicy\nmetadata: {name: erp}\nspec:\n";
    const NEW: Entry<'static> = Entry {
        fingerprint: "0123456789012345",
        about: "operation-removed: GET /x",
        reason: "only \"portal\" reads it: # and takes both",
        until: "2026-12-31",
        by: &["mara", "no"],
    };
    const LINES: &str = "# operation-removed: GET /x
- fingerprint: \"0123456789012345\"
  reason: \"only \\\"portal\\\" reads it: # and takes both\"
  until: 2026-12-31
  by: [\"mara\", \"no\"]
";

    fn lines(indent: usize) -> String {
        LINES.lines().map(|l| format!("{}{l}\n", " ".repeat(indent))).collect()
    }

    fn with(text: &str) -> Result<String, String> {
        with_entry(&SourceFile { name: "compat.yaml".into(), text: text.into() }, &NEW)
    }

    #[test]
    fn what_stands_there_stays_as_it_is() {
        let old = "    # the portal\n    - fingerprint: \"aaaaaaaaaaaaaaaa\" # kept\n      reason: >\n        long\n\n        text\n      \
                   until: 2026-11-30\n      by: [a, b]\n";
        let one = format!("{HEAD}  # why\n  waivers:\n{old}");
        let more = "\n# behind it\n  severities: {operation-id-changed: info}\n---\n# another\n";
        assert_eq!(with(&one).unwrap(), format!("{one}{}", lines(4)));
        assert_eq!(with(&format!("{one}{more}")).unwrap(), format!("{one}{}{more}", lines(4)));
        let flow = format!("{HEAD}  waivers:\n  - {{fingerprint: \"a\", reason: r, until: 2026-11-30, by: [a, b]}}");
        assert_eq!(with(&flow).unwrap(), format!("{flow}\n{}", lines(2)), "the last line had no end");
        let crlf = one.replace('\n', "\r\n");
        assert_eq!(with(&crlf).unwrap(), format!("{one}{}", lines(4)).replace('\n', "\r\n"));
    }

    #[test]
    fn a_policy_without_waivers_gets_the_list() {
        let bare = format!("{HEAD}  severities:\n    operation-id-changed: info # noisy\n\n# end\n");
        let wanted =
            format!("{HEAD}  severities:\n    operation-id-changed: info # noisy\n  waivers:\n{}\n# end\n", lines(4));
        assert_eq!(with(&bare).unwrap(), wanted);
        let empty = format!("{HEAD}  waivers: [] # none yet\n  severities: {{}}\n");
        let wanted = format!("{HEAD}  waivers: # none yet\n{}  severities: {{}}\n", lines(4));
        assert_eq!(with(&empty).unwrap(), wanted);
        let text = new_policy("erp", &NEW);
        let loaded = crate::spec::load(&[SourceFile { name: "c.yaml".into(), text }], crate::spec::presets()).unwrap();
        let waivers = loaded.compat.unwrap().spec.waivers;
        assert_eq!((waivers.len(), waivers[0].reason.as_str(), waivers[0].by[1].as_str()), (1, NEW.reason, "no"));
    }

    #[test]
    fn what_cannot_be_added_to_is_left_alone() {
        for body in [
            "  waivers: [{fingerprint: \"a\", reason: r, until: 2026-11-30, by: [a, b]}]\n",
            "  {severities: {}}\n",
            "  waivers:\n    - &a {fingerprint: \"a\", reason: r, until: 2026-11-30, by: [a, b]}\n    -\n      fingerprint: b\n",
        ] {
            assert!(with(&format!("{HEAD}{body}")).is_err(), "{body}");
        }
        assert!(with("kind: Fleet\nspec: {}\n").unwrap_err().contains("no CompatPolicy"));
        assert!(with(&format!("{HEAD}  waivers: [\n")).unwrap_err().starts_with("line "));
    }
}
