//! The tenants of a run's files, kept beside its journal: they are in no plan, and whoever takes the run up or looks on without
//! those files sees the same tenants in the same places. Nothing is decided by them, so nothing is lost with the file.
use super::RunDir;
use super::store::{FileName, Store};
use crate::plan::Roster;

/// Keeps them, without whom to tell: keys and addresses are nobody's business here. A folder that takes no more keeps none.
pub fn keep_tenants(dir: &RunDir, roster: &Roster) {
    let mut kept = roster.clone();
    kept.tenants.iter_mut().for_each(|tenant| tenant.contacts = Default::default());
    if let Ok(bytes) = serde_json::to_vec(&kept) {
        let _ = dir.store().replace(FileName::Tenants, &bytes);
    }
}

/// Those that were kept; none beside runs of before they were, and where there are none.
pub fn kept_tenants(dir: &RunDir) -> Option<Roster> {
    serde_json::from_slice(&dir.store().read(FileName::Tenants).ok()??).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::calendar::Calendar;
    use crate::spec::tenants::{Contact, Tenant};

    /// All of them, also those that are bound alike and move at once, whom a plan knows by their number only.
    #[test]
    fn a_run_keeps_its_tenants_without_whom_to_tell() {
        let folder = std::env::temp_dir().join(format!("pilothouse-tenants-{}", std::process::id()));
        let dir = RunDir::create(&folder, "7f3a").unwrap();
        assert_eq!(kept_tenants(&dir), None);
        let one = |id: &str| -> Tenant {
            serde_json::from_value(serde_json::json!({"id": id, "zone": "Europe/Oslo", "cohort": "beta"})).unwrap()
        };
        let calendar = Calendar { name: "house".into(), spec: Default::default() };
        let tenants = vec![one("fjord"), one("lumen")];
        let plain = Roster { calendar, ics: Vec::new(), tenants, services: Default::default() };
        let mut roster = plain.clone();
        roster.tenants[0].contacts = vec![Contact::Pagerduty("secret".into())].into();
        keep_tenants(&dir, &roster);
        assert_eq!(kept_tenants(&dir), Some(plain));
        let text = std::fs::read_to_string(dir.path().join("tenants.json")).unwrap();
        assert!(!text.contains("secret"), "{text}");
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
