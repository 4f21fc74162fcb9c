//! Which rows of a campaign are printed: one tenant, or one cohort. The plan is that of all in any case.
use anyhow::{Result, anyhow};

use super::super::args::CampaignArgs;
use super::{Line, Made};
use crate::calendar::campaign::{Move, Never, Part};
use crate::spec::{Tenant, nearest};

/// Everybody, unless somebody says who.
#[derive(Default)]
pub(super) struct Only {
    tenant: Option<String>,
    cohort: Option<String>,
}

impl Only {
    /// What the flags say of a campaign.
    ///
    /// # Errors
    /// A tenant or a cohort that is not in it: which was probably meant.
    pub fn of(args: &CampaignArgs, made: &Made<'_>) -> Result<Only> {
        let (tenant, cohort) = (args.tenant.clone(), args.cohort.clone());
        if let Some(id) = tenant.as_deref().filter(|id| !made.ids().contains(id)) {
            let near = nearest(id, made.ids());
            let help = near.map_or_else(|| format!("it has {}", made.ids().len()), |n| format!("did you mean `{n}`?"));
            return Err(anyhow!("--tenant: there is no tenant `{id}` in this campaign; {help}"));
        }
        let cohorts = || made.files.calendar.cohorts.iter().map(|c| c.name.as_str());
        if let Some(name) = cohort.as_deref().filter(|name| !cohorts().any(|c| c == *name)) {
            let all = || format!("there: {}", cohorts().collect::<Vec<_>>().join(", "));
            let help = nearest(name, cohorts()).map_or_else(all, |n| format!("did you mean `{n}`?"));
            return Err(anyhow!("--cohort: there is no cohort `{name}` in the Calendar; {help}"));
        }
        Ok(Only { tenant, cohort })
    }

    /// `tenant acme`, `cohort beta`; nothing where all are meant.
    pub fn said(&self) -> Option<String> {
        let tenant = self.tenant.iter().map(|id| format!("tenant {id}"));
        let all: Vec<String> = tenant.chain(self.cohort.iter().map(|name| format!("cohort {name}"))).collect();
        (!all.is_empty()).then(|| all.join(" of "))
    }

    pub fn shows(&self, tenant: &Tenant) -> bool {
        let is = |wanted: &Option<String>, name: &str| wanted.as_ref().is_none_or(|wanted| wanted == name);
        is(&self.tenant, &tenant.id) && is(&self.cohort, &tenant.cohort)
    }

    fn at(&self, line: &Line<'_>, position: u32) -> bool {
        line.tenant(position).is_some_and(|tenant| self.shows(tenant))
    }

    pub fn moves<'l>(&'l self, line: &'l Line<'_>) -> impl Iterator<Item = &'l Move> {
        line.campaign.moves.iter().filter(|m| self.at(line, m.tenant))
    }

    pub fn never<'l>(&'l self, line: &'l Line<'_>) -> impl Iterator<Item = &'l Never> {
        line.campaign.never.iter().filter(|n| self.at(line, n.tenant))
    }

    /// Cohorts of those that are shown.
    pub fn parts<'l>(&'l self, line: &'l Line<'_>) -> impl Iterator<Item = &'l Part> {
        let shown = |part: &&Part| line.tenants.iter().any(|t| *t.cohort == *part.name && self.shows(t));
        line.campaign.parts.iter().filter(shown)
    }
}
