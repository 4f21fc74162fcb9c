//! Names of images: what was asked for, and what a cluster made of it. Admission webhooks pin tags to digests and send
//! pulls through mirrors, so a stored name that differs in text may still be the same image.

/// `host/path/name:tag@digest`, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Parts<'a> {
    /// Without the registry's host, and without Docker Hub's `library/`.
    repository: &'a str,
    tag: Option<&'a str>,
    digest: Option<&'a str>,
}

impl<'a> Parts<'a> {
    fn of(image: &'a str) -> Parts<'a> {
        let (name, digest) = match image.split_once('@') {
            Some((name, digest)) => (name, Some(digest)),
            None => (image, None),
        };
        let (path, tag) = match name.rsplit_once(':') {
            // A colon before a slash is the port of the registry.
            Some((path, tag)) if !tag.contains('/') => (path, Some(tag)),
            _ => (name, None),
        };
        let host = |first: &str| first.contains(['.', ':']) || first == "localhost";
        let repository = match path.split_once('/') {
            Some((first, rest)) if host(first) => rest,
            _ => path,
        };
        let repository = repository.strip_prefix("library/").unwrap_or(repository);
        Parts { repository, tag: tag.or_else(|| digest.is_none().then_some("latest")), digest }
    }
}

/// How an image that is stored relates to the one that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stored {
    AsAsked,
    /// Another text for the same image: a digest was added, or a mirror put before it.
    Rewritten,
    /// Another repository, tag or digest, or the digest was dropped.
    Other,
}

/// Compares a stored image with the one that was asked for.
pub fn stored_as(asked: &str, stored: &str) -> Stored {
    if asked == stored {
        return Stored::AsAsked;
    }
    let (a, s) = (Parts::of(asked), Parts::of(stored));
    let same = match (a.digest, s.digest) {
        // The content itself, wherever it is pulled from.
        (Some(a), Some(s)) => a == s,
        (Some(_), None) => false,
        (None, _) => {
            let mirrored = s.repository.strip_suffix(a.repository).is_some_and(|p| p.is_empty() || p.ends_with('/'));
            mirrored && (s.tag == a.tag || (s.tag.is_none() && s.digest.is_some()))
        }
    };
    if same { Stored::Rewritten } else { Stored::Other }
}

/// Whether what is stored is the image that was asked for, in whatever words.
pub fn is_stored(asked: &str, stored: &str) -> bool {
    stored_as(asked, stored) != Stored::Other
}

/// The digest of `name@digest`, as an image or the `imageID` of a pod names it; the whole text when it has none.
pub fn digest(image: &str) -> &str {
    image.rsplit_once('@').map_or(image, |(_, digest)| digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pinned_digest_or_a_mirror_is_the_same_image() {
        for (asked, stored) in [
            ("r.example/shop/billing:4.2.1", "r.example/shop/billing:4.2.1@sha256:ab"),
            ("r.example/shop/billing:4.2.1", "r.example/shop/billing@sha256:ab"),
            ("r.example/shop/billing:4.2.1", "mirror.corp:5000/shop/billing:4.2.1"),
            ("r.example/shop/billing:4.2.1", "mirror.corp/r.example/shop/billing:4.2.1"),
            ("billing:4.2.1", "docker.io/library/billing:4.2.1"),
            ("billing", "docker.io/library/billing:latest"),
            ("r.example/billing@sha256:ab", "mirror.corp/anything@sha256:ab"),
            ("r.example/billing:4.2.1@sha256:ab", "r.example/billing@sha256:ab"),
        ] {
            assert_eq!(stored_as(asked, stored), Stored::Rewritten, "{asked} {stored}");
        }
        assert_eq!(stored_as("billing:1", "billing:1"), Stored::AsAsked);
    }

    #[test]
    fn another_repository_tag_or_digest_is_another_image() {
        for (asked, stored) in [
            ("r.example/shop/billing:4.2.1", "r.example/shop/billing:4.1.8"),
            ("r.example/shop/billing:4.2.1", "r.example/shop/ledger:4.2.1"),
            ("r.example/shop/billing:4.2.1", "r.example/shop/old-billing:4.2.1"),
            ("r.example/shop/billing:4.2.1", "r.example/shop/billing"),
            ("r.example/billing@sha256:ab", "r.example/billing@sha256:cd"),
            ("r.example/billing:4.2.1@sha256:ab", "r.example/billing:4.2.1"),
            ("r.example:5000/billing:4.2.1", "r.example:5000/billing:4.1.8@sha256:ab"),
        ] {
            assert_eq!(stored_as(asked, stored), Stored::Other, "{asked} {stored}");
        }
    }

    #[test]
    fn a_digest_is_what_follows_the_at_sign() {
        assert_eq!(digest("docker-pullable://r/billing@sha256:ab"), "sha256:ab");
        assert_eq!(digest("sha256:ab"), "sha256:ab");
    }
}
