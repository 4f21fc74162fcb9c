//! What is deployed for a version: the image its contract names, from where the one before came from.
use super::{Look, place};
use crate::compat::deps::{self, Move};
use crate::compat::{Area, Severity};

/// Host and path of an image, without tag and digest.
fn repository(image: &str) -> &str {
    let name = image.split('@').next().unwrap_or(image);
    match name.rsplit_once(':') {
        // What holds a slash after the colon is the port of a host.
        Some((before, after)) if !after.contains('/') => before,
        _ => name,
    }
}

fn without_digest(image: &str) -> &str {
    image.split('@').next().unwrap_or(image)
}

pub(super) fn look(look: &mut Look<'_>, m: &Move) {
    let named = |v| look.get(&m.service, v).and_then(|p| p.contract.spec.image.as_deref());
    let (old, contract) = (named(&m.from), named(&m.to));
    let deployed = look.asked.images.get(&m.service).map(String::as_str);
    if let (Some(deployed), Some(contract)) = (deployed, contract)
        && without_digest(deployed) != without_digest(contract)
    {
        let message =
            format!("{} {} would be deployed from {deployed}, and its contract names {contract}", m.service, m.to);
        put(look, m, message, "name the same image in both, or leave out the one in the Upgrade and name a release");
    }
    let (Some(old), Some(new)) = (old, deployed.or(contract)) else { return };
    if repository(old) != repository(new) {
        let message =
            format!("{} {} comes from {}, and {} from {}", m.service, m.to, repository(new), m.from, repository(old));
        put(look, m, message, "is it the image of this service? Accept it, if the repository was moved");
    }
}

fn put(look: &mut Look<'_>, m: &Move, message: String, advice: &str) {
    let at = look.get(&m.service, &m.to).map(|p| place(&p.contract, "/image"));
    let mut f =
        deps::finding("version-image-elsewhere", Severity::Warning, Area::Version, at.as_ref(), &m.service, message);
    f.recommendation = Some(advice.to_string());
    look.put(m, "", Vec::new(), f);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_is_what_stands_before_tag_and_digest() {
        for (image, wanted) in [
            ("registry.example:5000/shop/billing:4.2.1", "registry.example:5000/shop/billing"),
            ("registry.example:5000/billing", "registry.example:5000/billing"),
            ("billing:4.2.1@sha256:abc", "billing"),
            ("r/billing@sha256:abc", "r/billing"),
        ] {
            assert_eq!(repository(image), wanted);
        }
    }
}
