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

    /// The same instant for calendar arithmetic and display.
    pub fn utc(self) -> chrono::DateTime<chrono::Utc> {
        chrono::DateTime::from_timestamp_millis(self.0).unwrap_or_default()
    }
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

impl JsonSchema for Dur {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A length of time: 90s, 5m, 1h30m, 500ms, 2d.",
            "pattern": "^([0-9.]+d)?([0-9.]+h)?([0-9.]+m)?([0-9.]+s)?([0-9.]+ms)?$",
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

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.unit.show(self.value))
    }
}

impl FromStr for Limit {
    type Err = UnitError;
    fn from_str(text: &str) -> Result<Limit, UnitError> {
        let t = text.trim();
        let number = |s: &str| s.trim().parse::<f64>().ok().filter(|v| v.is_finite());
        if let Some(value) = t.strip_suffix('%').and_then(number) {
            return Ok(Limit { value: value / 100.0, unit: Unit::Ratio });
        }
        if let Some(value) = number(t) {
            return Ok(Limit { value, unit: Unit::Count });
        }
        t.parse::<Dur>().map(|d| Limit { value: d.as_secs_f64(), unit: Unit::Seconds }).map_err(|_| {
            UnitError(format!("`{text}` is not a limit: write a share (1%), a duration (2s, 500ms) or a number"))
        })
    }
}

impl Serialize for Limit {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self.unit {
            // Rust prints the shortest text that reads back as the same number.
            Unit::Ratio => s.collect_str(&format_args!("{}%", self.value * 100.0)),
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
        s.collect_str(&format_args!("{}%", self.0 * 100.0))
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
        json_schema!({ "type": ["number", "string"], "description": "A share: 99.9% or 0.999.", "format": "pilothouse-ratio" })
    }
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
    fn a_grid_is_anchored_at_the_epoch() {
        assert_eq!(Time(12_345).floor(Dur::secs(10)), Time(10_000));
        assert_eq!(Time(-1).floor(Dur::secs(10)), Time(-10_000));
    }
}
