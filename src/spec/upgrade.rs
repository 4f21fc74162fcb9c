//! The Upgrade: what is to run afterwards.
use std::collections::BTreeMap;

use schemars::JsonSchema;
use semver::{Version, VersionReq};
use serde::{Deserialize, Serialize};

use super::when::Date;

/// What to bring to which version, under which policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UpgradeSpec {
    pub fleet: String,
    pub environment: String,
    /// Name of a Policy in the given files, or of a preset (`erp`, `studio`).
    pub policy: String,
    pub strategy: Strategy,
    /// Name of the Calendar whose slots and freezes bind it. Left out: the only one in the files; without one nothing binds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calendar: Option<String>,
    /// Name of the Tenants it is for. Left out: all in the files that go by its Calendar.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenants: Option<String>,
    /// It begins at the first fit on or after this date of the Calendar's zone.
    #[serde(default, rename = "preferredDate", skip_serializing_if = "Option::is_none")]
    pub preferred_date: Option<Date>,
    /// Name of a Release of the contracts: services go to the versions it lists, unless `to` says otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
    /// Services that the `release` lists and that stay at what runs all the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stay: Vec<String>,
    /// Service to its target.
    #[serde(default)]
    pub to: BTreeMap<String, Target>,
    /// Users all of whose requests go to the new version from the first weight on, while all others go by the weights;
    /// under the strategy `canary`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub segments: Vec<Segment>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Upgrade {
    pub name: String,
    #[serde(flatten)]
    pub spec: UpgradeSpec,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// The new version runs beside stable and gets a growing share of the traffic.
    Canary,
    /// Tenants move to it one after the other, each in its own window, cohort after cohort; then everybody else. Services
    /// whose tenants cannot be told apart go by canary.
    Phased,
}

/// Users that go to the new version first, such as beta users or the internal team. One of `header` and `host` tells their
/// requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Segment {
    pub name: String,
    /// A request header, such as x-user-type, that holds one of the values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<String>,
    /// The host, with {value} in place of a value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// What their requests carry, one of them.
    #[schemars(length(min = 1))]
    pub values: Vec<String>,
    /// Services on which they go first. Left out: every service of the upgrade.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<String>,
}

impl Segment {
    /// What a header of their requests holds: the values, or the hosts they make.
    pub fn matched(&self) -> impl Iterator<Item = String> {
        self.values.iter().map(|value| match &self.host {
            Some(host) if self.header.is_none() => host.replace("{value}", value),
            _ => value.clone(),
        })
    }
}

/// The version one service goes to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Target {
    #[schemars(length(min = 1))]
    pub image: String,
    /// Left out: the image's tag, read as a semantic version. Needed only where another service needs this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// What this version needs of other services, as semantic-version ranges.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub needs: BTreeMap<String, String>,
    /// Strategic-merge patch for the new version's pod template, such as a new environment variable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patch: Option<serde_json::Map<String, serde_json::Value>>,
}

impl Target {
    /// `version:` if written, else the image's tag if it reads as a semantic version.
    pub fn version(&self) -> Option<String> {
        self.version.clone().or_else(|| image_version(&self.image))
    }

    /// What this version is called on screen, in the journal and in labels: [`Target::version`], else the tag as it
    /// stands, else the beginning of the digest. Nobody needs a particular version of it then.
    pub fn name(&self) -> String {
        self.version().unwrap_or_else(|| image_name(&self.image))
    }
}

/// An image without a version in a word: its tag, the first 12 digits of its digest, or `latest`, which is what no tag
/// means.
pub fn image_name(image: &str) -> String {
    let digest = image.split_once("@sha256:").map(|(_, hex)| hex.chars().take(12).collect::<String>());
    image_tag(image).map(str::to_string).or(digest).unwrap_or_else(|| "latest".into())
}

/// The tag of an image reference, without registry port or digest.
pub fn image_tag(image: &str) -> Option<&str> {
    let name = image.split('@').next().unwrap_or(image);
    let last = name.rsplit('/').next().unwrap_or(name);
    last.split_once(':').map(|(_, tag)| tag)
}

/// The tag of an image read as a semantic version; a leading `v` is allowed.
pub fn image_version(image: &str) -> Option<String> {
    let tag = image_tag(image)?;
    semver::Version::parse(tag.strip_prefix('v').unwrap_or(tag)).ok().map(|v| v.to_string())
}

/// Whether a version is in a range. `*` is no range: every version is in it, pre-releases as well.
pub fn in_range(range: &VersionReq, version: &Version) -> bool {
    *range == VersionReq::STAR || range.matches(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_read_from_the_tag_only() {
        assert_eq!(image_version("registry.example:5000/shop/billing:4.2.1").as_deref(), Some("4.2.1"));
        assert_eq!(image_version("registry.example/billing:v4.2.1@sha256:abc").as_deref(), Some("4.2.1"));
        assert_eq!(image_version("registry.example:5000/billing"), None);
        assert_eq!(image_version("billing:latest"), None);
    }

    #[test]
    fn an_image_without_a_version_has_a_name() {
        let digest = "registry.example/billing@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
        for (image, name) in [
            ("r/auth:latest", "latest"),
            ("r/auth:4.2", "4.2"),
            ("r:5000/auth", "latest"),
            (digest, "0123456789ab"),
            ("r/auth:v1.2.3", "1.2.3"),
        ] {
            let target = Target { image: image.into(), version: None, needs: BTreeMap::new(), patch: None };
            assert_eq!(target.name(), name, "{image}");
        }
    }
}
