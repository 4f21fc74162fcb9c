//! Policies that come with the program, as files a person can print, copy and change.

const PRESETS: [(&str, &str); 2] =
    [("erp", include_str!("../../presets/erp.yaml")), ("studio", include_str!("../../presets/studio.yaml"))];

/// Name and text of each preset.
pub fn presets() -> &'static [(&'static str, &'static str)] {
    &PRESETS
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::policy::{Measure, Severity, Trigger};
    use crate::spec::units::{Dur, Unit};
    use crate::spec::{SourceFile, load};

    #[test]
    fn presets_are_named_as_they_say_and_have_nothing_to_complain_about() {
        for (name, text) in presets() {
            let file = SourceFile { name: format!("{name}.yaml"), text: (*text).to_string() };
            let loaded = load(&[file], presets()).unwrap_or_else(|report| panic!("{report}"));
            assert!(loaded.warnings.is_empty(), "{}", loaded.warnings);
            assert_eq!(loaded.policies.len(), 1);
            assert_eq!(loaded.policies[0].name, *name);
            assert_eq!(loaded.policy(name), Some(&loaded.policies[0]));
        }
    }

    #[test]
    fn erp_says_what_its_table_says() {
        let loaded = load(&[], presets()).unwrap();
        let erp = &loaded.policy("erp").unwrap().spec;
        let steps: Vec<(u32, Dur)> = erp.steps.iter().map(|s| (s.weight, s.hold)).collect();
        let two = Dur::mins(2);
        assert_eq!(steps, [(10, two), (25, two), (50, two), (100, two)]);
        assert_eq!((erp.warmup, erp.soak, erp.min_requests), (Dur::mins(5), Dur::mins(30), 300));
        assert!(erp.gates.iter().all(|g| g.severity == Severity::Immediate));
        let of = |m: Measure| erp.gates.iter().find(|g| g.measure == Some(m)).unwrap();
        assert_eq!(of(Measure::ErrorRate).max.unwrap().value, 0.01);
        assert_eq!(of(Measure::ErrorRate).trigger, Trigger::For(two));
        let p95 = of(Measure::LatencyQuantile);
        assert_eq!((p95.quantile, p95.max.unwrap().value, p95.max.unwrap().unit), (Some(0.95), 2.0, Unit::Seconds));
        assert_eq!(p95.trigger, Trigger::For(two));
        assert_eq!(of(Measure::SuccessRate).min.unwrap().value, 0.99);
        assert_eq!(of(Measure::HealthChecks).trigger, Trigger::Consecutive(5));
        assert_eq!(of(Measure::CriticalServices).max.unwrap().value, 0.0);
    }

    #[test]
    fn studio_says_what_its_table_says() {
        let loaded = load(&[], presets()).unwrap();
        let studio = &loaded.policy("studio").unwrap().spec;
        let steps: Vec<(u32, Dur)> = studio.steps.iter().map(|s| (s.weight, s.hold)).collect();
        let five = Dur::mins(5);
        assert_eq!(steps, [(25, five), (50, five), (75, five), (100, five)]);
        let of = |m: Measure| studio.gates.iter().find(|g| g.measure == Some(m)).unwrap();
        assert_eq!(
            (of(Measure::ErrorRate).max.unwrap().value, of(Measure::ErrorRate).severity),
            (0.01, Severity::Fast)
        );
        let p95 = of(Measure::LatencyQuantile);
        assert_eq!((p95.max.unwrap().value, p95.severity), (0.5, Severity::Standard));
    }
}
