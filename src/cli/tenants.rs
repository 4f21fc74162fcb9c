//! Tenants and their Calendar from the files a command is given.
use std::path::PathBuf;

use anyhow::{Result, anyhow, bail};

use super::validate;
use crate::spec::calendar::CalendarSpec;
use crate::spec::units::Dur;
use crate::spec::upgrade::Strategy;
use crate::spec::{Loaded, Tenant};

/// What is left in a window for a rollback that begins at its end.
const ROLLBACK_RESERVE: Dur = Dur::mins(10);

/// Everything the files say, and the one calendar all tenants go by.
pub struct Files {
    pub loaded: Loaded,
    pub calendar: CalendarSpec,
    /// What a plan of them is called.
    pub name: String,
}

/// Reads and checks the files.
///
/// # Errors
/// Everything that is wrong with them; no tenants; tenants that go by several calendars.
pub fn load(paths: &[PathBuf]) -> Result<Files> {
    let loaded = validate::load(paths).map_err(|report| anyhow!("{report}"))?;
    if !loaded.warnings.is_empty() {
        eprintln!("{}", loaded.warnings);
    }
    let Some(first) = loaded.tenants.first() else {
        bail!("the files hold no document of kind Tenants; give the file that holds it, too");
    };
    let only = match loaded.calendars.as_slice() {
        [one] => Some(one.name.as_str()),
        _ => None,
    };
    let by = |t: &crate::spec::Tenants| t.spec.calendar.clone().or_else(|| only.map(String::from));
    if let Some(other) = loaded.tenants.iter().find(|t| by(t) != by(first)) {
        bail!(
            "tenants of `{}` and of `{}` go by different calendars; give the files of one of them",
            first.name,
            other.name
        );
    }
    let calendar = by(first).and_then(|name| loaded.calendars.iter().find(|c| c.name == name));
    let calendar = calendar.map_or_else(CalendarSpec::default, |c| c.spec.clone());
    let name = match loaded.upgrades.as_slice() {
        [one] => one.name.clone(),
        _ => first.name.clone(),
    };
    Ok(Files { loaded, calendar, name })
}

impl Files {
    /// Of all documents, in order.
    pub fn tenants(&self) -> Vec<&Tenant> {
        self.loaded.tenants.iter().flat_map(|t| &t.spec.tenants).collect()
    }

    /// How long one tenant takes: the steps of the only upgrade's policy and the reserve; with the warm-up unless tenants
    /// move one by one.
    pub fn needs(&self) -> Option<Dur> {
        let bundle = self.loaded.bundle(None).ok()?;
        let policy = &bundle.policy.spec;
        let steps = policy.steps.iter().fold(Dur::ZERO, |sum, step| sum + step.hold);
        Some(match bundle.upgrade.spec.strategy {
            Strategy::Canary => policy.warmup + steps + ROLLBACK_RESERVE,
            // New pods are there before the first tenant moves.
            Strategy::Phased => steps + policy.rollback_reserve,
        })
    }
}
