//! What the documents of all files name, for the references between them.
use std::collections::{BTreeMap, BTreeSet};

use crate::spec::fleet::FleetSpec;
use crate::spec::load::Unread;
use crate::spec::policy::PolicySpec;

/// What an upgrade can refer to.
#[derive(Default)]
pub struct Known<'a> {
    pub fleets: BTreeMap<String, KnownFleet<'a>>,
    /// Policies of the files, then presets; nothing for one too broken to read.
    pub policies: BTreeMap<String, Option<&'a PolicySpec>>,
    pub calendars: BTreeSet<String>,
    /// Tenants to the Calendar they name, if they name one.
    pub tenants: BTreeMap<String, Option<String>>,
    /// What could not be read far enough to know its name.
    pub unread: Unread,
}

/// A fleet by its names as written, also of parts that are broken.
pub struct KnownFleet<'a> {
    pub name: &'a str,
    pub spec: Option<&'a FleetSpec>,
    pub environments: BTreeSet<String>,
    pub services: BTreeSet<String>,
    /// Every environment and service has a readable name.
    pub complete: bool,
    /// Nothing is wrong with its shape: what it does not say was not meant.
    pub clean: bool,
}

impl KnownFleet<'_> {
    /// Where its names are looked for, for an error.
    pub fn place(&self) -> String {
        format!("in fleet `{}`", self.name)
    }
}
