//! Texts of people and other systems, made fit to be journalled, signed and drawn.
use serde_json::Value;

/// Takes out what can mislead a reader or carry a secret:
/// - control characters; line breaks and tabs become a space,
/// - characters that reorder text (bidirectional controls) or have no width,
/// - user and password in a URL, and what follows `Bearer` or `Basic` in a header an error text quotes.
pub fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\t' | '\r' => out.push(' '),
            c if c.is_control() || is_invisible(c) => {}
            c => out.push(c),
        }
    }
    mask_tokens(&mask_user_info(&out))
}

/// Reorders its neighbours or has no width of its own (Unicode: Bidi_Control, and the format characters of category Cf
/// that draw nothing; tag characters).
fn is_invisible(c: char) -> bool {
    matches!(u32::from(c),
        0x00ad | 0x034f | 0x061c | 0x115f..=0x1160 | 0x17b4..=0x17b5 | 0x180b..=0x180f | 0x200b..=0x200f
        | 0x2028..=0x202e | 0x2060..=0x206f | 0xfeff | 0xfff9..=0xfffb | 0x1d173..=0x1d17a | 0xe0000..=0xe007f)
}

/// `https://user:secret@host` becomes `https://***@host`.
fn mask_user_info(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        out.push_str(before);
        let end = after.find(|c: char| c.is_whitespace() || "/?#\"'<>)".contains(c)).unwrap_or(after.len());
        match after[..end].rfind('@') {
            Some(sign) => {
                out.push_str("***");
                rest = &after[sign..];
            }
            None => rest = after,
        }
    }
    out.push_str(rest);
    out
}

/// `Bearer eyJh…` becomes `Bearer ***`. Only long words are taken: `basic auth` is no secret.
fn mask_tokens(text: &str) -> String {
    let mut out = text.to_owned();
    for scheme in ["bearer ", "basic "] {
        let mut from = 0;
        while let Some(at) = out[from..].to_ascii_lowercase().find(scheme).map(|i| from + i + scheme.len()) {
            let token = |c: char| c.is_ascii_alphanumeric() || "-._~+/=".contains(c);
            let end = out[at..].find(|c| !token(c)).map_or(out.len(), |i| at + i);
            if end - at >= 12 {
                out.replace_range(at..end, "***");
            }
            from = at;
        }
    }
    out
}

/// [`clean`]s every text within a value; the names of members are ours and stay.
pub fn clean_all(value: &mut Value) {
    match value {
        Value::String(s) => *s = clean(s),
        Value::Array(items) => items.iter_mut().for_each(clean_all),
        Value::Object(members) => members.values_mut().for_each(clean_all),
        _ => {}
    }
}

/// Puts `***` in place of the literal values of environment variables in a pod template: people keep passwords there,
/// and no decision reads them.
pub fn mask_env(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(mask_env),
        Value::Object(members) => {
            for (name, member) in members.iter_mut() {
                match member {
                    Value::Array(vars) if name == "env" => {
                        for literal in vars.iter_mut().filter_map(|v| v.get_mut("value")) {
                            *literal = Value::from("***");
                        }
                    }
                    other => mask_env(other),
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_misleads_a_reader_goes() {
        assert_eq!(clean("a\u{1b}[31mb\nc\u{7f}"), "a[31mb c");
        assert_eq!(clean("ivo\u{202e}nimda\u{200b}\u{feff}\u{2066}"), "ivonimda");
        assert_eq!(clean("Ünï ✓ 日本 👍"), "Ünï ✓ 日本 👍");
    }

    #[test]
    fn secrets_in_error_texts_go() {
        assert_eq!(clean("GET http://ann:pa@ss@prom:9090/api failed"), "GET http://***@prom:9090/api failed");
        assert_eq!(clean("http://prom:9090/a@b and x://u:p@h"), "http://prom:9090/a@b and x://***@h");
        assert_eq!(
            clean("authorization: Bearer eyJhbGciOi.J9-x_y, basic auth refused"),
            "authorization: Bearer ***, basic auth refused"
        );
        assert_eq!(clean("BEARER abcdefghijklmnop bearer qrstuvwxyzabcdef"), "BEARER *** bearer ***");
    }

    #[test]
    fn literal_environment_values_go() {
        let mut v = json!({"spec": {"containers": [
            {"env": [{"name": "PW", "value": "hunter2"}, {"name": "R", "valueFrom": {"secretKeyRef": {"name": "s"}}}]}]}});
        mask_env(&mut v);
        let text = v.to_string();
        assert!(!text.contains("hunter2") && text.contains("secretKeyRef"), "{text}");
    }
}
