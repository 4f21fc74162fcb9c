//! Tenants and their Calendar from the files a command is given.
use std::path::PathBuf;

use anyhow::{Result, anyhow, bail};

use super::{contracts, validate};
use crate::plan::Plan;
use crate::spec::calendar::CalendarSpec;
use crate::spec::upgrade::Strategy;
use crate::spec::{Loaded, Tenant};

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

    /// The plan of the only upgrade in them; nothing where there is none, or one whose tenants do not move by themselves and
    /// which makes no plan.
    ///
    /// # Errors
    /// Its tenants move one by one, and the plan says why they cannot.
    pub fn plan(&self, paths: &[PathBuf]) -> Result<Option<Plan>> {
        let [upgrade] = self.loaded.upgrades.as_slice() else { return Ok(None) };
        let known = contracts::load(paths, None);
        let plan = known.and_then(|known| known.plan(&known.bundle(None)?)).map_err(|report| anyhow!("{report}"));
        match upgrade.spec.strategy {
            Strategy::Phased => plan.map(Some),
            Strategy::Canary => Ok(plan.ok()),
        }
    }

    /// Those of the upgrade that use a service, as its plan moves them.
    pub fn of_service(&self, service: &str) -> Vec<&Tenant> {
        let uses = |t: &&Tenant| t.services.is_empty() || t.services.iter().any(|s| **s == *service);
        let lists = self.loaded.upgrades.first().into_iter().flat_map(|u| self.loaded.tenants_of(&u.spec));
        lists.flat_map(|list| &list.spec.tenants).filter(uses).collect()
    }
}
