//! Instants of the practice world: milliseconds since the Unix epoch, written the way Kubernetes writes them.

use chrono::{DateTime, SecondsFormat, Utc};

fn at(ms: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(ms).unwrap_or(DateTime::UNIX_EPOCH)
}

/// `metav1.Time`: RFC 3339 in UTC, whole seconds.
pub fn seconds(ms: i64) -> String {
    at(ms).to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// `metav1.MicroTime`: RFC 3339 in UTC with six decimals, as Leases use it.
pub fn micros(ms: i64) -> String {
    at(ms).to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// Reads either form back; `None` for anything else.
pub fn parse(text: &str) -> Option<i64> {
    DateTime::parse_from_rfc3339(text).ok().map(|t| t.timestamp_millis())
}

/// An age as kubectl prints it: two units while small, one when it no longer matters.
/// The rule is `k8s.io/apimachinery/pkg/util/duration.HumanDuration`.
pub fn age(ms: i64) -> String {
    let s = ms / 1000;
    if ms < -1000 {
        return "<invalid>".into();
    }
    if s <= 0 {
        return "0s".into();
    }
    let two = |big: i64, b: &str, small: i64, u: &str| match small {
        0 => format!("{big}{b}"),
        n => format!("{big}{b}{n}{u}"),
    };
    let (m, h) = (s / 60, s / 3600);
    match s {
        _ if s < 120 => format!("{s}s"),
        _ if m < 10 => two(m, "m", s % 60, "s"),
        _ if m < 180 => format!("{m}m"),
        _ if h < 8 => two(h, "h", m % 60, "m"),
        _ if h < 48 => format!("{h}h"),
        _ if h < 192 => two(h / 24, "d", h % 24, "h"),
        _ if h < 24 * 365 * 2 => format!("{}d", h / 24),
        _ => format!("{}y", h / 24 / 365),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_read_as_kubectl_prints_them() {
        let cases = [
            (0, "0s"),
            (3_000, "3s"),
            (119_000, "119s"),
            (120_000, "2m"),
            (200_000, "3m20s"),
            (600_000, "10m"),
            (3 * 3_600_000, "3h"),
            (5 * 3_600_000 + 60_000, "5h1m"),
            (9 * 3_600_000, "9h"),
            (3 * 86_400_000 + 3_600_000, "3d1h"),
        ];
        for (ms, want) in cases {
            assert_eq!(age(ms), want, "{ms} ms");
        }
    }

    #[test]
    fn written_instants_read_back() {
        assert_eq!(seconds(1_795_337_043_999), "2026-11-22T08:44:03Z");
        assert_eq!(parse("2026-11-22T08:44:03Z"), Some(1_795_337_043_000));
        assert_eq!(parse(&micros(1_795_337_043_250)), Some(1_795_337_043_250));
        assert_eq!(parse("yesterday"), None);
    }
}
