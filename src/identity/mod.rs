//! Who is this?
//!
//! The API server's word counts: its answer to SelfSubjectReview. Where it gives none, the local user's name stands in,
//! marked as unverified, for the file that says who did what; it grants nothing by itself.
use std::env;

use crate::engine::command::{Identity, IdentitySource};
use crate::ports::Cluster;
use crate::spec::people::unseen;

/// Longest name that is kept, in characters.
const NAME_MAX: usize = 200;

/// Who drives, as the cluster says, and why it could not say so otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    pub identity: Identity,
    /// Why the name is unverified.
    pub why_local: Option<String>,
}

/// Asks the cluster who we are; without an answer it is the local user, unverified.
pub async fn ask(cluster: &dyn Cluster) -> Known {
    match cluster.whoami().await {
        Ok(identity) => Known { identity: clean(identity), why_local: None },
        Err(why) => Known { identity: local(), why_local: Some(why) },
    }
}

/// The local user: what the environment says, unverified.
pub fn local() -> Identity {
    let name = ["USER", "LOGNAME", "USERNAME"].iter().find_map(|key| env::var(key).ok().filter(|v| !v.is_empty()));
    clean(Identity { name: name.unwrap_or_default(), source: IdentitySource::Local })
}

/// The machine's name, for the holder of a Lease.
pub fn host() -> String {
    let file = || std::fs::read_to_string("/etc/hostname").ok();
    let name = env::var("HOSTNAME").ok().filter(|v| !v.is_empty()).or_else(file).unwrap_or_default();
    // A slash would be read as the end of the host within a holder's name.
    let name = clean_name(&name).replace('/', "-");
    if name.is_empty() { "localhost".to_string() } else { name }
}

fn clean(identity: Identity) -> Identity {
    let name = clean_name(&identity.name);
    Identity { name: if name.is_empty() { "unknown".to_string() } else { name }, ..identity }
}

/// A name as it may be drawn and journalled: no control, bidirectional or zero-width characters, which could make it
/// look like another's.
pub fn clean_name(name: &str) -> String {
    name.trim().chars().filter(|c| !unseen(*c)).take(NAME_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_dress_up_as_another() {
        assert_eq!(clean_name("iv\u{200b}o\u{202e}\n"), "ivo");
        assert_eq!(clean_name("system:serviceaccount:shop:pilot"), "system:serviceaccount:shop:pilot");
        assert_eq!(clean_name("Ивó Żółć"), "Ивó Żółć");
        assert_eq!(clean_name(&"x".repeat(999)).len(), NAME_MAX);
    }

    #[test]
    fn nobody_is_without_a_name() {
        let nobody = clean(Identity { name: "\u{200b}".into(), source: IdentitySource::Local });
        assert_eq!(nobody.name, "unknown");
        assert!(!host().is_empty() && !host().contains('/'));
        assert_eq!(local().source, IdentitySource::Local);
    }
}
