//! The values people write and the pure rooms count in: instants, durations, ratios, limits.
use std::borrow::Cow;
use std::fmt;
use std::ops::{Add, Sub};
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// An instant: milliseconds since the Unix epoch, UTC. It enters the pure rooms only inside messages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Time(pub i64);

impl Time {
    /// The later minus the earlier instant; zero when `earlier` is not earlier.
    pub fn since(self, earlier: Time) -> Dur {
        Dur(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// How long until `self` from `now`; zero when it has passed.
    pub fn until(self, now: Time) -> Dur {
        self.since(now)
    }

    /// The last instant of the grid of `step`, anchored at the epoch, that is not after `self`.
    pub fn floor(self, step: Dur) -> Time {
        let step = i64::try_from(step.0.max(1)).unwrap_or(i64::MAX);
        Time(self.0.div_euclid(step) * step)
    }

    /// The first instant of that grid that is not before `self`.
    pub fn ceil(self, step: Dur) -> Time {
        let floor = self.floor(step);
        if floor == self { self } else { floor + step }
    }

    /// The same instant for calendar arithmetic and display. Years that four digits do not write are shown as the first or
    /// the last that they do.
    pub fn utc(self) -> chrono::DateTime<chrono::Utc> {
        let written = self.0.clamp(Time::FIRST_WRITTEN.0, Time::LAST_WRITTEN.0);
        chrono::DateTime::from_timestamp_millis(written).unwrap_or_default()
    }

    /// Itself, if four digits write its year in UTC; `text` is what was read.
    pub(super) fn written(self, text: &str) -> Result<Time, UnitError> {
        let there = (Time::FIRST_WRITTEN.0..Time::LAST_WRITTEN.0 + 1000).contains(&self.0);
        let wrong = || UnitError(format!("`{text}` is in no year from 0 to 9999 of UTC: write one that is"));
        there.then_some(self).ok_or_else(wrong)
    }

    /// 0000-01-01T00:00:00Z and 9999-12-31T23:59:59Z: what RFC 3339 and RFC 5545 can write.
    pub const FIRST_WRITTEN: Time = Time(-62_167_219_200_000);
    pub const LAST_WRITTEN: Time = Time(253_402_300_799_000);
}

impl Add<Dur> for Time {
    type Output = Time;
    fn add(self, d: Dur) -> Time {
        Time(self.0.saturating_add(i64::try_from(d.0).unwrap_or(i64::MAX)))
    }
}

impl Sub<Dur> for Time {
    type Output = Time;
    fn sub(self, d: Dur) -> Time {
        Time(self.0.saturating_sub(i64::try_from(d.0).unwrap_or(i64::MAX)))
    }
}

/// RFC 3339 in UTC with milliseconds, as the journal writes it.
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.utc().format("%Y-%m-%dT%H:%M:%S%.3fZ"))
    }
}

/// A length of elapsed time in milliseconds. Written as `90s`, `5m`, `1h30m`, `500ms`, `2d`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Dur(pub u64);

impl Dur {
    pub const ZERO: Dur = Dur(0);

    pub const fn secs(s: u64) -> Dur {
        Dur(s * 1000)
    }

    pub const fn mins(m: u64) -> Dur {
        Dur(m * 60_000)
    }

    pub const fn hours(h: u64) -> Dur {
        Dur(h * 3_600_000)
    }

    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1000.0
    }

    pub const fn times(self, n: u64) -> Dur {
        Dur(self.0.saturating_mul(n))
    }

    pub fn minus(self, other: Dur) -> Dur {
        Dur(self.0.saturating_sub(other.0))
    }

    /// For a person: `0:48`, `12:05`, `1:02:03`; rounds down to whole seconds.
    pub fn clock(self) -> String {
        let s = self.0 / 1000;
        let (h, m, s) = (s / 3600, s / 60 % 60, s % 60);
        if h > 0 { format!("{h}:{m:02}:{s:02}") } else { format!("{m}:{s:02}") }
    }
}

impl Add for Dur {
    type Output = Dur;
    fn add(self, o: Dur) -> Dur {
        Dur(self.0.saturating_add(o.0))
    }
}

impl From<Dur> for std::time::Duration {
    fn from(d: Dur) -> Self {
        std::time::Duration::from_millis(d.0)
    }
}

const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

impl fmt::Display for Dur {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0s");
        }
        let mut rest = self.0;
        for (unit, size) in UNITS {
            if rest >= size {
                write!(f, "{}{unit}", rest / size)?;
                rest %= size;
            }
        }
        Ok(())
    }
}

/// Why a duration, ratio or limit could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct UnitError(pub String);

impl FromStr for Dur {
    type Err = UnitError;
    fn from_str(text: &str) -> Result<Dur, UnitError> {
        let bad = |why: &str| {
            UnitError(format!("`{text}` is not a duration: {why}; write it like 90s, 5m, 1h30m, 500ms or 2d"))
        };
        let mut rest = text.trim();
        if rest.is_empty() {
            return Err(bad("it is empty"));
        }
        let (mut total, mut smallest) = (0u64, usize::MAX);
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(|| bad("it has no unit"))?;
            let number: f64 = rest[..digits].parse().map_err(|_| bad("a number must come before each unit"))?;
            rest = &rest[digits..];
            let end = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
            let unit = &rest[..end];
            if unit.starts_with(char::is_whitespace) || unit.ends_with(char::is_whitespace) {
                return Err(bad("there is a space inside"));
            }
            let place =
                UNITS.iter().position(|(u, _)| *u == unit).ok_or_else(|| bad(&format!("unknown unit `{unit}`")))?;
            if smallest != usize::MAX && place <= smallest {
                return Err(bad("units must fall from left to right, each once"));
            }
            smallest = place;
            let millis = number * UNITS[place].1 as f64;
            if !(millis.is_finite() && millis < 1e15) {
                return Err(bad("it is too long"));
            }
            total = total.saturating_add(millis.round() as u64);
            rest = &rest[end..];
        }
        Ok(Dur(total))
    }
}

impl Serialize for Dur {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Dur {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Dur, D::Error> {
        Cow::<str>::deserialize(d)?.parse().map_err(de::Error::custom)
    }
}

/// A number of a pattern: `1`, `1.5`, `.5`.
const N: &str = r"([0-9]+\.?[0-9]*|\.[0-9]+)";

impl JsonSchema for Dur {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A length of time: 90s, 5m, 1h30m, 500ms, 2d.",
            // Each unit at most once, from the greatest down, and at least one.
            "minLength": 2,
            "pattern": format!("^({N}d)?({N}h)?({N}m)?({N}s)?({N}ms)?$"),
            "format": "pilothouse-duration"
        })
    }
}

/// What a [`Limit`] is a limit of; fixes how its value is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// A share between 0 and 1, drawn as per cent.
    Ratio,
    /// Seconds, drawn as `612ms` or `2.00s`.
    Seconds,
    /// A bare number.
    Count,
}

impl Unit {
    /// A value of this unit for a person: `1.31%`, `612ms`, `2.00s`, `118`.
    pub fn show(self, value: f64) -> String {
        match self {
            Unit::Ratio => format!("{:.2}%", value * 100.0),
            Unit::Seconds if value.abs() < 1.0 => format!("{:.0}ms", value * 1000.0),
            Unit::Seconds => format!("{value:.2}s"),
            Unit::Count if value.fract() == 0.0 && value.abs() < 1e12 => format!("{value:.0}"),
            Unit::Count => format!("{value:.2}"),
        }
    }
}

/// A threshold with its unit: `1%` and `0.01` (ratio measures), `2s`, `500ms`, or a bare number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limit {
    /// In the base unit: a ratio between 0 and 1, seconds, or the number itself.
    pub value: f64,
    pub unit: Unit,
}

/// A finite number times ten to the `shift`, rounded once: `1%` is the same number as `0.01`, which `1.0 / 100.0` does
/// not promise for every number.
fn decimal(text: &str, shift: i32) -> Option<f64> {
    let text = text.trim();
    let (digits, exponent) = match text.split_once(['e', 'E']) {
        Some((digits, exponent)) => (digits, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    if !digits.ends_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    format!("{digits}e{}", exponent.checked_add(shift)?).parse().ok().filter(|v: &f64| v.is_finite())
}

/// The shortest text of `value` in per cent that [`decimal`] reads back as the same number.
fn percent(value: f64) -> String {
    if value == 0.0 {
        return "0%".into();
    }
    // Rust prints the shortest digits that read back as the same number; only the point moves.
    let text = format!("{value:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent = exponent.parse::<i32>().unwrap_or(0) + 2;
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits), |d| ("-", d));
    let digits = digits.replace('.', "");
    let zeros = |n: i32| "0".repeat(usize::try_from(n).unwrap_or(0));
    let length = i32::try_from(digits.len()).unwrap_or(i32::MAX);
    match exponent {
        e if !(-20..=20).contains(&e) => format!("{}e{}%", text.split_once('e').map_or("0", |(d, _)| d), e),
        e if e < 0 => format!("{sign}0.{}{digits}%", zeros(-e - 1)),
        e if e + 1 >= length => format!("{sign}{digits}{}%", zeros(e + 1 - length)),
        e => {
            let (whole, rest) = digits.split_at(usize::try_from(e + 1).unwrap_or(0));
            format!("{sign}{whole}.{rest}%")
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.unit.show(self.value))
    }
}

impl FromStr for Limit {
    type Err = UnitError;
    fn from_str(text: &str) -> Result<Limit, UnitError> {
        let t = text.trim();
        if let Some(value) = t.strip_suffix('%').and_then(|n| decimal(n, -2)) {
            return Ok(Limit { value, unit: Unit::Ratio });
        }
        if let Some(value) = decimal(t, 0) {
            return Ok(Limit { value, unit: Unit::Count });
        }
        // One unit alone is read exactly; a `Dur` would round it to milliseconds.
        let seconds = t.strip_suffix("ms").map_or_else(|| t.strip_suffix('s').map(|n| (n, 0)), |n| Some((n, -3)));
        if let Some(value) = seconds.and_then(|(n, shift)| decimal(n, shift)).filter(|v| v.is_sign_positive()) {
            return Ok(Limit { value, unit: Unit::Seconds });
        }
        t.parse::<Dur>().map(|d| Limit { value: d.as_secs_f64(), unit: Unit::Seconds }).map_err(|_| {
            UnitError(format!("`{text}` is not a limit: write a share (1%), a duration (2s, 500ms) or a number"))
        })
    }
}

impl Serialize for Limit {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self.unit {
            Unit::Ratio => s.collect_str(&percent(self.value)),
            Unit::Seconds => s.collect_str(&format_args!("{}s", self.value)),
            Unit::Count => s.serialize_f64(self.value),
        }
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum NumberOrText<'a> {
    Number(f64),
    #[serde(borrow)]
    Text(Cow<'a, str>),
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Limit, D::Error> {
        match NumberOrText::deserialize(d)? {
            NumberOrText::Number(value) => Ok(Limit { value, unit: Unit::Count }),
            NumberOrText::Text(text) => text.parse().map_err(de::Error::custom),
        }
    }
}

impl JsonSchema for Limit {
    fn schema_name() -> Cow<'static, str> {
        "Limit".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["number", "string"],
            "description": "A share (1%), a duration (2s, 500ms) or a number.",
            "minLength": 1,
            "format": "pilothouse-limit"
        })
    }
}

/// A share between 0 and 1, written `99.9%` or `0.999`.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Ratio(pub f64);

impl FromStr for Ratio {
    type Err = UnitError;
    fn from_str(text: &str) -> Result<Ratio, UnitError> {
        let limit: Limit =
            text.parse().map_err(|_| UnitError(format!("`{text}` is not a share: write it like 99.9% or 0.999")))?;
        if limit.unit == Unit::Seconds || !(0.0..=1.0).contains(&limit.value) {
            return Err(UnitError(format!("`{text}` is not a share between 0% and 100%")));
        }
        Ok(Ratio(limit.value))
    }
}

impl Serialize for Ratio {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(&percent(self.0))
    }
}

impl<'de> Deserialize<'de> for Ratio {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Ratio, D::Error> {
        let text = match NumberOrText::deserialize(d)? {
            NumberOrText::Number(n) => n.to_string(),
            NumberOrText::Text(t) => t.into_owned(),
        };
        text.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for Ratio {
    fn schema_name() -> Cow<'static, str> {
        "Ratio".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["number", "string"],
            "description": "A share: 99.9% or 0.999.",
            "minimum": 0,
            "maximum": 1,
            "pattern": format!("^{N}([eE][-+]?[0-9]+)?%?$"),
            "format": "pilothouse-ratio"
        })
    }
}

/// `1 service`, `2 services`.
pub fn counted(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_and_print_alike() {
        for (text, ms, back) in [
            ("90s", 90_000, "1m30s"),
            ("5m", 300_000, "5m"),
            ("1h30m", 5_400_000, "1h30m"),
            ("500ms", 500, "500ms"),
            ("1.5s", 1500, "1s500ms"),
        ] {
            let d: Dur = text.parse().unwrap();
            assert_eq!(d.0, ms, "{text}");
            assert_eq!(d.to_string(), back);
            assert_eq!(back.parse::<Dur>().unwrap(), d);
        }
        for bad in ["", "5", "m5", "5m5m", "5s1m", "5 m", "-5s", "5x"] {
            assert!(bad.parse::<Dur>().is_err(), "{bad}");
        }
    }

    #[test]
    fn limits_know_their_unit() {
        assert_eq!("1%".parse::<Limit>().unwrap(), Limit { value: 0.01, unit: Unit::Ratio });
        assert_eq!("500ms".parse::<Limit>().unwrap(), Limit { value: 0.5, unit: Unit::Seconds });
        assert_eq!("3".parse::<Limit>().unwrap(), Limit { value: 3.0, unit: Unit::Count });
        assert!("fast".parse::<Limit>().is_err());
        assert!("NaN".parse::<Limit>().is_err());
    }

    #[test]
    fn a_per_cent_is_the_hundredth_part_exactly() {
        for tenths_of_a_per_mille in 0..=10_000_u32 {
            let text = format!("{}.{:02}", tenths_of_a_per_mille / 100, tenths_of_a_per_mille % 100);
            let share: f64 =
                format!("{}.{:04}", tenths_of_a_per_mille / 10_000, tenths_of_a_per_mille % 10_000).parse().unwrap();
            let limit: Limit = format!("{text}%").parse().unwrap();
            assert_eq!(limit, Limit { value: share, unit: Unit::Ratio }, "{text}%");
            assert_eq!(percent(share).parse::<Limit>().unwrap(), limit, "{}", percent(share));
        }
        for (value, text) in
            [(0.01, "1%"), (0.0131, "1.31%"), (0.29, "29%"), (1.0, "100%"), (0.0, "0%"), (-0.5, "-50%")]
        {
            assert_eq!(percent(value), text);
        }
        assert_eq!(percent(1e-40).parse::<Limit>().unwrap().value, 1e-40);
        assert_eq!("0.0005s".parse::<Limit>().unwrap(), Limit { value: 0.0005, unit: Unit::Seconds });
        assert_eq!("1m30s".parse::<Limit>().unwrap(), Limit { value: 90.0, unit: Unit::Seconds });
        for bad in ["-2s", "%", "e%", "1e%", "inf", "s", "infs", "1 s s"] {
            assert!(bad.parse::<Limit>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_grid_is_anchored_at_the_epoch() {
        assert_eq!(Time(12_345).floor(Dur::secs(10)), Time(10_000));
        assert_eq!(Time(-1).floor(Dur::secs(10)), Time(-10_000));
    }
}
