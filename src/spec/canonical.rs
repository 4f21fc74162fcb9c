//! One text for one JSON value, so that it can be hashed and signed: RFC 8785 (JSON Canonicalization Scheme).
//!
//! Members are sorted by their names' UTF-16 code units (RFC 8785 section 3.2.3), strings escape only what must be
//! (3.2.2.2), numbers are written as ECMAScript writes them (3.2.2.3), and there is no white space.
//!
//! **Integers** are written with all their digits. Within ±(2⁵³ − 1), the range RFC 8785 is made for, that is what it
//! asks; beyond it the RFC would round to a double, and a count that reads back as another count is worse.
use serde::Serialize;
use serde_json::{Number, Value};
use sha2::{Digest, Sha256};

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

/// Reads JSON with every number as the double nearest to its text (the feature `float_roundtrip` of `serde_json`): an
/// honest text is then its own canonical form again. Which is to be compared, since a member named twice is not refused.
///
/// # Errors
/// What is wrong, and where.
pub fn parse(text: &str) -> Result<Value, serde_json::Error> {
    serde_json::from_str(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, json};

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
    fn what_reads_alike_is_not_canonical() {
        for other in ["{\"a\":1,\"a\":1}", "{ \"a\":1}", "{\"a\":1.0}", "{\"a\":01}", "{\"\\u0061\":1}"] {
            assert_ne!(parse(other).map(|v| text(&v)).unwrap_or_default(), other);
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
