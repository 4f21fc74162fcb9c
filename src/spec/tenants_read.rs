//! Tenants are read one by one: each is checked and made small while the rest of its file is still text, so that a
//! hundred thousand of them never stand in memory as a tree.
use serde_json::Value;

use super::report::{Place, Sink};
use super::structure::{Checker, Path};
use super::tenants::Tenant;
use super::tree::Node;

/// A tenant, and where the names in it stand that other documents decide about.
#[derive(Debug, Clone)]
pub struct ReadTenant {
    pub tenant: Tenant,
    /// Position in its list.
    pub index: u32,
    pub id: Place,
    pub cohort: Place,
    /// Of `seasons`, else of the tenant.
    pub seasons: Place,
    /// Of `services`, else of the tenant.
    pub services: Place,
}

/// The tenants of one document.
#[derive(Default)]
pub struct ReadTenants {
    pub list: Vec<ReadTenant>,
    /// Elements that were looked at, broken ones included.
    pub seen: usize,
}

impl ReadTenants {
    /// Checks the next element of `spec.tenants` and keeps it, unless it is no tenant, which is reported.
    pub fn add(&mut self, schema: &Value, node: &Node, sink: &mut Sink<'_>) {
        if !sink.hopeless() {
            self.list.extend(read(schema, node, self.seen, sink));
        }
        self.seen += 1;
    }
}

fn read(schema: &Value, node: &Node, index: usize, sink: &mut Sink<'_>) -> Option<ReadTenant> {
    let path = Path::default().key("spec").key("tenants").index(index);
    let shape = schema.pointer("/$defs/Tenant")?;
    let before = sink.count();
    let sound = Checker { root: schema, sink }.check(shape, node, &path, node.place)?;
    let tenant: Tenant = match serde_json::from_value(sound.to_json()) {
        Ok(tenant) => tenant,
        // What stands in for a part that was reported may be none.
        Err(_) if sink.count() > before => return None,
        Err(error) => {
            sink.error(node.place, format!("{path} cannot be read: {error}"), None);
            return None;
        }
    };
    let place = |key: &str| sound.get(key).map_or(node.place, |e| e.node.place);
    let at = |key: &str| sound.get(key).map_or(node.place, |e| e.key_place);
    // What stands in for a missing or broken part is not talked about.
    if sink.count() == before {
        let id = &tenant.id;
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if id.is_empty() || id.len() > 63 || !id.chars().all(allowed) {
            let help = "use letters, digits, `-`, `_` and `.`, at most 63".to_string();
            sink.error(place("id"), format!("{path}.id: `{id}` cannot be an id"), Some(help));
        }
        if sound.get("windows").is_some() && tenant.windows.is_empty() {
            let help = "list at least one, or leave `windows` out for those of its cohort".to_string();
            sink.error(at("windows"), format!("{path}.windows: no window is listed"), Some(help));
        }
        // Left out it is all of them, and of an empty list nobody knows whether that was meant.
        if sound.get("services").is_some() && tenant.services.is_empty() {
            let help = "name those it uses, or leave `services` out for all".to_string();
            sink.error(at("services"), format!("{path}.services: no service is in the list"), Some(help));
        }
        for (i, window) in tenant.windows.iter().enumerate() {
            if window.days.is_empty() {
                let help = "name at least one, such as [Sun]".to_string();
                let place = sound.get("windows").and_then(|e| e.node.items().get(i)).map_or(at("windows"), |w| w.place);
                sink.error(place, format!("{path}.windows[{i}].days: the window opens on no day"), Some(help));
            }
        }
    }
    let index = u32::try_from(index).unwrap_or(u32::MAX);
    let (seasons, services) = (at("seasons"), at("services"));
    Some(ReadTenant { id: place("id"), cohort: place("cohort"), seasons, services, tenant, index })
}
