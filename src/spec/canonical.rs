//! One text for one JSON value, so that it can be hashed and signed: RFC 8785 (JSON Canonicalization Scheme).
//!
//! Members are sorted by their names' UTF-16 code units (RFC 8785 section 3.2.3), strings escape only what must be
//! (3.2.2.2), numbers are written as ECMAScript writes them (3.2.2.3), and there is no white space.
//!
//! **Integers** are written with all their digits. Within ±(2⁵³ − 1), the range RFC 8785 is made for, that is what it
//! asks; beyond it the RFC would round to a double, and a count that reads back as another count is worse.
//!
//! [`parse`] is the reader to use on such a text: the usual reader of this program rounds some decimal fractions to
//! the neighbouring double, and then an honest text would no longer be its own canonical form.
use serde::Serialize;
use serde_json::{Map, Number, Value};
use sha2::{Digest, Sha256};

/// Deeper nesting than this is refused by [`parse`].
const MAX_DEPTH: usize = 128;

/// The canonical text of a value.
pub fn text(value: &Value) -> String {
    let mut out = String::new();
    write(value, &mut out);
    out
}

/// The canonical text of anything that serialises. A float that is not finite becomes `null`, as JSON has no word for it.
pub fn of<T: Serialize>(thing: &T) -> Result<String, serde_json::Error> {
    serde_json::to_value(thing).map(|v| text(&v))
}

/// SHA-256 in lower-case hex over `domain`, a zero byte, and `text`. The domain keeps a hash made for one purpose from
/// being taken for another.
pub fn digest(domain: &str, text: &str) -> String {
    let mut hasher = Sha256::new();
    hasher.update(domain.as_bytes());
    hasher.update([0]);
    hasher.update(text.as_bytes());
    hex(&hasher.finalize())
}

/// Lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, b| {
        // Writing to a String cannot fail.
        let _ = write!(out, "{b:02x}");
        out
    })
}

fn write(value: &Value, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
        Value::Number(n) => out.push_str(&number(n)),
        Value::String(s) => string(s, out),
        Value::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write(item, out);
            }
            out.push(']');
        }
        Value::Object(members) => {
            let mut members: Vec<(&String, &Value)> = members.iter().collect();
            // Bytes and UTF-16 units order ASCII alike, and the map is most likely in that order already.
            if !(members.iter().all(|m| m.0.is_ascii()) && members.is_sorted_by_key(|m| m.0)) {
                members.sort_by(|a, b| a.0.encode_utf16().cmp(b.0.encode_utf16()));
            }
            out.push('{');
            for (i, (name, member)) in members.into_iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                string(name, out);
                out.push(':');
                write(member, out);
            }
            out.push('}');
        }
    }
}

fn string(s: &str, out: &mut String) {
    use std::fmt::Write as _;
    out.push('"');
    let mut rest = s;
    // Only ASCII bytes are escaped, so every cut lies between characters.
    while let Some(at) = rest.bytes().position(|b| b < b' ' || b == b'"' || b == b'\\') {
        let (plain, special) = rest.split_at(at);
        out.push_str(plain);
        match special.as_bytes()[0] {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            0x08 => out.push_str("\\b"),
            b'\t' => out.push_str("\\t"),
            b'\n' => out.push_str("\\n"),
            0x0c => out.push_str("\\f"),
            b'\r' => out.push_str("\\r"),
            control => {
                let _ = write!(out, "\\u{control:04x}");
            }
        }
        rest = &special[1..];
    }
    out.push_str(rest);
    out.push('"');
}

fn number(n: &Number) -> String {
    match n.as_f64() {
        Some(f) if n.is_f64() => ecmascript(f),
        _ => n.to_string(),
    }
}

/// ECMA-262 `Number::toString(x)`, radix 10: the shortest digits that read back as the same number, as a plain decimal
/// between 1e-6 and 1e21 and with an exponent outside.
fn ecmascript(f: f64) -> String {
    if f == 0.0 {
        return "0".into();
    }
    let short = format!("{:e}", f.abs());
    let (mantissa, exponent) = short.split_once('e').unwrap_or((&short, "0"));
    let mut digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    if let Some(even) = even_of_a_tie(f.abs(), &digits) {
        digits = even;
    }
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let (k, n) = (digits.len() as i32, exponent + 1);
    let zeros = |count: i32| "0".repeat(count.max(0) as usize);
    let body = if k <= n && n <= 21 {
        format!("{digits}{}", zeros(n - k))
    } else if 0 < n && n <= 21 {
        format!("{}.{}", &digits[..n as usize], &digits[n as usize..])
    } else if -6 < n && n <= 0 {
        format!("0.{}{digits}", zeros(-n))
    } else {
        let sign = if n > 0 { '+' } else { '-' };
        let fraction = if k > 1 { format!(".{}", &digits[1..]) } else { String::new() };
        format!("{}{fraction}e{sign}{}", &digits[..1], (n - 1).abs())
    };
    if f < 0.0 { format!("-{body}") } else { body }
}

/// Two shortest texts can be equally near to a number; ECMAScript takes the one whose last digit is even, Rust the upper.
/// Returns the lower one where it is even and reads back as the same number.
fn even_of_a_tie(f: f64, digits: &str) -> Option<String> {
    if matches!(digits.as_bytes().last(), Some(b'0' | b'2' | b'4' | b'6' | b'8') | None) {
        return None;
    }
    // More digits than any tie has: a tie is exactly half a unit of the last digit, so it ends right after it.
    let exact = format!("{f:.60e}");
    let (mantissa, exponent) = exact.split_once('e')?;
    let all: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let (lower, rest) = all.split_at_checked(digits.len())?;
    let tie = rest.starts_with('5') && rest[1..].bytes().all(|b| b == b'0');
    if !tie || lower == digits {
        return None;
    }
    let read: f64 = format!("{}.{}e{exponent}", &lower[..1], &lower[1..]).parse().ok()?;
    (read == f).then(|| lower.to_owned())
}

/// Why a text is no JSON.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not JSON at byte {at}: {why}")]
pub struct ParseError {
    pub at: usize,
    pub why: &'static str,
}

/// Reads JSON (RFC 8259) with every number as the double nearest to its text. Refuses a member named twice, since such
/// a text has no one meaning.
pub fn parse(text: &str) -> Result<Value, ParseError> {
    let mut reader = Reader { text, at: 0 };
    let value = reader.value(0)?;
    reader.space();
    if reader.at < text.len() {
        return Err(reader.error("something follows the value"));
    }
    Ok(value)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn error(&self, why: &'static str) -> ParseError {
        ParseError { at: self.at, why }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        self.space();
        let found = self.peek() == Some(byte);
        if found {
            self.at += 1;
        }
        found
    }

    fn value(&mut self, depth: usize) -> Result<Value, ParseError> {
        if depth > MAX_DEPTH {
            return Err(self.error("nested too deeply"));
        }
        self.space();
        match self.peek() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => self.string().map(Value::String),
            Some(b't') => self.word("true", Value::Bool(true)),
            Some(b'f') => self.word("false", Value::Bool(false)),
            Some(b'n') => self.word("null", Value::Null),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(_) => Err(self.error("a value was expected")),
            None => Err(self.error("the text ends too early")),
        }
    }

    fn word(&mut self, word: &str, value: Value) -> Result<Value, ParseError> {
        if self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
            self.at += word.len();
            return Ok(value);
        }
        Err(self.error("a value was expected"))
    }

    fn object(&mut self, depth: usize) -> Result<Value, ParseError> {
        self.at += 1;
        let mut members = Map::new();
        if self.take(b'}') {
            return Ok(Value::Object(members));
        }
        loop {
            self.space();
            if self.peek() != Some(b'"') {
                return Err(self.error("a member's name was expected"));
            }
            let name = self.string()?;
            if !self.take(b':') {
                return Err(self.error("`:` was expected"));
            }
            let value = self.value(depth + 1)?;
            if members.insert(name, value).is_some() {
                return Err(self.error("a member is named twice"));
            }
            if self.take(b'}') {
                return Ok(Value::Object(members));
            }
            if !self.take(b',') {
                return Err(self.error("`,` or `}` was expected"));
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<Value, ParseError> {
        self.at += 1;
        let mut items = Vec::new();
        if self.take(b']') {
            return Ok(Value::Array(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            if self.take(b']') {
                return Ok(Value::Array(items));
            }
            if !self.take(b',') {
                return Err(self.error("`,` or `]` was expected"));
            }
        }
    }

    fn string(&mut self) -> Result<String, ParseError> {
        self.at += 1;
        let mut out = String::new();
        loop {
            let rest = &self.text.as_bytes()[self.at..];
            let plain = rest.iter().position(|b| matches!(b, b'"' | b'\\' | 0..0x20)).unwrap_or(rest.len());
            // Only ASCII bytes end a plain stretch, so it begins and ends between characters.
            out.push_str(self.text.get(self.at..self.at + plain).unwrap_or_default());
            self.at += plain;
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(out);
                }
                Some(b'\\') => out.push(self.escape()?),
                Some(_) => return Err(self.error("a control character in a string")),
                None => return Err(self.error("the text ends within a string")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, ParseError> {
        self.at += 1;
        let letter = self.peek().ok_or_else(|| self.error("the text ends within a string"))?;
        self.at += 1;
        Ok(match letter {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.code_point(),
            _ => return Err(self.error("an unknown escape")),
        })
    }

    fn code_point(&mut self) -> Result<char, ParseError> {
        let first = self.hex4()?;
        let code = if (0xd800..0xdc00).contains(&first) {
            if !self.text.as_bytes()[self.at..].starts_with(b"\\u") {
                return Err(self.error("half a surrogate pair"));
            }
            self.at += 2;
            let second = self.hex4()?;
            if !(0xdc00..0xe000).contains(&second) {
                return Err(self.error("half a surrogate pair"));
            }
            0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00)
        } else {
            first
        };
        char::from_u32(code).ok_or_else(|| self.error("half a surrogate pair"))
    }

    fn hex4(&mut self) -> Result<u32, ParseError> {
        let digits = self.text.get(self.at..self.at + 4).filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()));
        let code = digits.and_then(|d| u32::from_str_radix(d, 16).ok());
        let code = code.ok_or_else(|| self.error("four hex digits were expected"))?;
        self.at += 4;
        Ok(code)
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        self.at - start
    }

    fn number(&mut self) -> Result<Value, ParseError> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        let leading_zero = self.peek() == Some(b'0');
        let whole = self.digits();
        if whole == 0 || (leading_zero && whole > 1) {
            return Err(self.error("not a number"));
        }
        let mut integer = true;
        if self.peek() == Some(b'.') {
            self.at += 1;
            integer = false;
            if self.digits() == 0 {
                return Err(self.error("digits were expected after the point"));
            }
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            integer = false;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            if self.digits() == 0 {
                return Err(self.error("digits were expected in the exponent"));
            }
        }
        let text = &self.text[start..self.at];
        if integer {
            if let Ok(n) = text.parse::<i64>() {
                // `-0` is an integer only by its looks.
                return Ok(if n == 0 && text.starts_with('-') { Value::from(-0.0) } else { Value::from(n) });
            }
            if let Ok(n) = text.parse::<u64>() {
                return Ok(Value::from(n));
            }
        }
        let number = text.parse::<f64>().ok().and_then(Number::from_f64);
        number.map(Value::Number).ok_or_else(|| self.error("a number too large for a double"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// RFC 8785 appendix B, in its own order.
    #[test]
    fn numbers_are_written_as_the_rfc_lists_them() {
        for (bits, want) in [
            (0x0000_0000_0000_0000u64, "0"),
            (0x8000_0000_0000_0000, "0"),
            (0x0000_0000_0000_0001, "5e-324"),
            (0x8000_0000_0000_0001, "-5e-324"),
            (0x7fef_ffff_ffff_ffff, "1.7976931348623157e+308"),
            (0xffef_ffff_ffff_ffff, "-1.7976931348623157e+308"),
            (0x4340_0000_0000_0000, "9007199254740992"),
            (0xc340_0000_0000_0000, "-9007199254740992"),
            (0x4430_0000_0000_0000, "295147905179352830000"),
            (0x44b5_2d02_c7e1_4af5, "9.999999999999997e+22"),
            (0x44b5_2d02_c7e1_4af6, "1e+23"),
            (0x44b5_2d02_c7e1_4af7, "1.0000000000000001e+23"),
            (0x444b_1ae4_d6e2_ef4e, "999999999999999700000"),
            (0x444b_1ae4_d6e2_ef4f, "999999999999999900000"),
            (0x444b_1ae4_d6e2_ef50, "1e+21"),
            (0x3eb0_c6f7_a0b5_ed8c, "9.999999999999997e-7"),
            (0x3eb0_c6f7_a0b5_ed8d, "0.000001"),
            (0x41b3_de43_5555_5553, "333333333.3333332"),
            (0x41b3_de43_5555_5554, "333333333.33333325"),
            (0x41b3_de43_5555_5555, "333333333.3333333"),
            (0x41b3_de43_5555_5556, "333333333.3333334"),
            (0x41b3_de43_5555_5557, "333333333.33333343"),
            (0xbecb_f647_612f_3696, "-0.0000033333333333333333"),
            (0x4314_3ff3_c1cb_0959, "1424953923781206.2"),
        ] {
            assert_eq!(ecmascript(f64::from_bits(bits)), want, "{bits:016x}");
        }
    }

    /// RFC 8785 section 3.2.2 (the example object) and 3.2.3 (the order of names by UTF-16 units).
    #[test]
    fn members_are_sorted_and_strings_escaped_as_the_rfc_shows() {
        let value = parse(
            r#"{"numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
                "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/", "literals": [null, true, false]}"#,
        )
        .unwrap();
        let want = r#"{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"#.to_owned()
            + r#""string":"€$\u000f\nA'B\"\\\\\"/"}"#;
        assert_eq!(text(&value), want);
        let names = json!({"\u{20ac}": 1, "\r": 2, "\u{fb33}": 3, "1": 4, "\u{1f600}": 5, "\u{80}": 6, "\u{f6}": 7});
        assert_eq!(
            text(&names),
            "{\"\\r\":2,\"1\":4,\"\u{80}\":6,\"\u{f6}\":7,\"\u{20ac}\":1,\"\u{1f600}\":5,\"\u{fb33}\":3}"
        );
    }

    #[test]
    fn what_is_no_json_is_refused_with_its_place() {
        for (bad, at) in [
            ("", 0),
            ("{\"a\":1,\"a\":2}", 12),
            ("[1,]", 3),
            ("01", 2),
            ("1.", 2),
            ("1e", 2),
            ("nul", 0),
            ("\"\\ud800\"", 7),
            ("\"\n\"", 1),
            ("1 2", 2),
            ("1e999", 5),
        ] {
            assert_eq!(parse(bad).map_err(|e| e.at), Err(at), "{bad:?}");
        }
        assert!(parse(&"[".repeat(1000)).is_err());
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_filter("finite", |f| f.is_finite()).prop_map(Value::from),
            ".*".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::btree_map(".*", inner, 0..6)
                    .prop_map(|m| Value::Object(m.into_iter().collect::<Map<_, _>>())),
            ]
        })
    }

    proptest! {
        /// The text of what was read from a canonical text is that text again: without this no hash could be checked.
        #[test]
        fn canonical_text_is_a_fixed_point(value in any_json()) {
            let once = text(&value);
            prop_assert_eq!(text(&parse(&once).unwrap()), once);
        }

        #[test]
        fn a_double_keeps_its_bits(f in any::<f64>().prop_filter("finite, not -0", |f| f.is_finite() && f.to_bits() != 1 << 63)) {
            let back = parse(&ecmascript(f)).unwrap().as_f64().unwrap();
            prop_assert_eq!(back.to_bits(), f.to_bits());
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".*") {
            let _ = parse(&text);
        }
    }
}
