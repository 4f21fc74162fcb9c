//! Does a version number say what changed?
use semver::Version;

use super::super::{Area, Finding, Place, Report, Severity};
use super::finding;

/// What changed between two versions of a contract, at its worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    None,
    Additive,
    Breaking,
}

/// Rules that tell of something callers can use now and could not before. Other texts, promises and failures are none.
pub(super) const ADDITIONS: [&str; 30] = [
    "callback-added",
    "operation-added",
    "parameter-added-optional",
    "request-any-of-added",
    "request-body-added-optional",
    "request-enum-value-added",
    "request-media-type-added",
    "request-media-type-widened",
    "request-null-added",
    "request-one-of-added",
    "request-optional-property-added",
    "request-subtype-added",
    "request-type-widened",
    "response-any-of-added",
    "response-enum-value-added",
    "response-header-added",
    "response-media-type-added",
    "response-one-of-added",
    "response-optional-property-added",
    "response-required-property-added",
    "response-status-added",
    "response-subtype-added",
    "response-write-only-property-added",
    "webhook-added",
    "webhook-answer-header-added",
    "webhook-answer-media-type-added",
    "webhook-answer-status-added",
    "webhook-body-added",
    "webhook-media-type-added",
    "webhook-parameter-added",
];

impl Change {
    pub fn of(report: &Report) -> Self {
        let adds = || report.findings.iter().any(|f| ADDITIONS.contains(&f.rule));
        match report.compatible() {
            false => Self::Breaking,
            true if adds() => Self::Additive,
            true => Self::None,
        }
    }
}

/// What a step from one version to another allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bump {
    Down,
    /// The same version, whatever its build is called.
    None,
    Patch,
    Minor,
    Major,
}

impl Bump {
    /// Before 1.0 the first number that is not zero counts as the major one, as package managers read it: 0.2.0 may break
    /// what 0.1.0 promised, and so may 0.0.2 what 0.0.1 did; 0.1.3 may add to 0.1.2.
    pub fn between(from: &Version, to: &Version) -> Self {
        let (a, b) = ((from.major, from.minor, from.patch), (to.major, to.minor, to.patch));
        if to.cmp_precedence(from).is_lt() {
            return Self::Down;
        }
        if a == b {
            // A pre-release promises nothing to what follows it.
            return if to.cmp_precedence(from).is_eq() { Self::None } else { Self::Major };
        }
        if a.0 != b.0 {
            return Self::Major;
        }
        match (b.0, b.1, a.1 != b.1) {
            (0, _, true) | (0, 0, false) => Self::Major,
            (_, _, true) | (0, _, false) => Self::Minor,
            _ => Self::Patch,
        }
    }
}

/// What is to be said of a step, given what changed. `place` is where the version is written.
pub fn honest(service: &str, from: &Version, to: &Version, change: Change, place: Option<&Place>) -> Vec<Finding> {
    let bump = Bump::between(from, to);
    let mut findings = Vec::new();
    let mut say = |rule, severity, message: String, advice: &str| {
        let mut f = finding(rule, severity, Area::Version, place, service, message);
        f.recommendation = Some(advice.to_string());
        findings.push(f);
    };
    if bump == Bump::Down {
        let message = format!("{service} would go down from {from} to {to}");
        say(
            "version-downgrade",
            Severity::Critical,
            message,
            "going back is a rollback, or a reverse upgrade of its own",
        );
    }
    if !to.pre.is_empty() {
        let message = format!("{service} would go to the pre-release {to}");
        say("version-prerelease", Severity::Warning, message, "release it, or say why it goes out like this");
    }
    // The nearest one that such a step leads to.
    let next = |bump| match (bump, from.major, from.minor) {
        (_, 0, 0) | (Bump::Minor, 0, _) => Version::new(0, from.minor, from.patch + 1),
        (Bump::Major, 0, _) => Version::new(0, from.minor + 1, 0),
        (Bump::Major, ..) => Version::new(from.major + 1, 0, 0),
        _ => Version::new(from.major, from.minor + 1, 0),
    };
    match (change, bump) {
        (Change::Breaking, Bump::None | Bump::Patch | Bump::Minor) => {
            let message = format!("{service} breaks its contract and is called {to} after {from}");
            let advice = format!("call it {}, or take the breaking change out", next(Bump::Major));
            say("version-breaking-under-minor", Severity::Critical, message, &advice);
        }
        (Change::Additive, Bump::None | Bump::Patch) => {
            let message = format!("{service} adds to its contract and is called {to} after {from}");
            say("version-additive-under-patch", Severity::Warning, message, &format!("call it {}", next(Bump::Minor)));
        }
        _ => {}
    }
    findings
}

/// A service that goes somewhere and could not be looked at, and why. `to` is what it goes to, as it is written.
pub fn unseen(service: &str, to: &str, why: &str) -> Finding {
    let message = format!("{service} goes to {to}, and nothing of it was checked: {why}");
    let mut f = finding("version-unknown", Severity::Warning, Area::Version, None, service, message);
    f.recommendation = Some("write its `version` in the Fleet, and a semantic version where it goes".to_string());
    f
}
