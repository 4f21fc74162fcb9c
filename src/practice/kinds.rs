//! The kinds this API server knows: one table that feeds discovery, routing, storage and validation.

/// One row of the table.
#[derive(Debug, PartialEq, Eq)]
pub struct Kind {
    pub group: &'static str,
    pub version: &'static str,
    pub kind: &'static str,
    pub plural: &'static str,
    pub singular: &'static str,
    pub short: &'static [&'static str],
    pub namespaced: bool,
    /// Has a `/status` subresource: main writes keep the status, status writes keep the rest.
    pub status: bool,
    /// Has a `/scale` subresource.
    pub scale: bool,
    /// Carries `metadata.generation`, raised on a change of the spec only.
    pub generation: bool,
    /// Served as a custom resource: no strategic merge patch, validation by schema.
    pub custom: bool,
    /// A review: created and answered, never stored.
    pub review: bool,
    /// In `kubectl get all`.
    pub all: bool,
}

const BASE: Kind = Kind {
    group: "",
    version: "v1",
    kind: "",
    plural: "",
    singular: "",
    short: &[],
    namespaced: true,
    status: false,
    scale: false,
    generation: false,
    custom: false,
    review: false,
    all: false,
};

macro_rules! kind {
    ($group:literal $version:literal $kind:literal $plural:literal $singular:literal [$($short:literal)*] $($flag:ident = $value:literal)*) => {
        Kind {
            group: $group, version: $version, kind: $kind, plural: $plural, singular: $singular,
            short: &[$($short),*], $($flag: $value,)* ..BASE
        }
    };
}

/// Every kind served, in the order kubectl lists them.
pub static KINDS: &[Kind] = &[
    kind!("" "v1" "ConfigMap" "configmaps" "configmap" ["cm"]),
    kind!("" "v1" "Event" "events" "event" ["ev"]),
    kind!("" "v1" "Namespace" "namespaces" "namespace" ["ns"] namespaced = false status = true),
    kind!("" "v1" "Node" "nodes" "node" ["no"] namespaced = false status = true),
    kind!("" "v1" "Pod" "pods" "pod" ["po"] status = true generation = true all = true),
    kind!("" "v1" "ResourceQuota" "resourcequotas" "resourcequota" ["quota"] status = true),
    kind!("" "v1" "ServiceAccount" "serviceaccounts" "serviceaccount" ["sa"]),
    kind!("" "v1" "Service" "services" "service" ["svc"] status = true all = true),
    kind!("apps" "v1" "Deployment" "deployments" "deployment" ["deploy"] status = true scale = true generation = true all = true),
    kind!("apps" "v1" "ReplicaSet" "replicasets" "replicaset" ["rs"] status = true scale = true generation = true all = true),
    kind!("authentication.k8s.io" "v1" "SelfSubjectReview" "selfsubjectreviews" "selfsubjectreview" [] namespaced = false review = true),
    kind!("authorization.k8s.io" "v1" "SelfSubjectAccessReview" "selfsubjectaccessreviews" "selfsubjectaccessreview" [] namespaced = false review = true),
    kind!("authorization.k8s.io" "v1" "SelfSubjectRulesReview" "selfsubjectrulesreviews" "selfsubjectrulesreview" [] namespaced = false review = true),
    kind!("autoscaling" "v2" "HorizontalPodAutoscaler" "horizontalpodautoscalers" "horizontalpodautoscaler" ["hpa"] status = true all = true),
    kind!("coordination.k8s.io" "v1" "Lease" "leases" "lease" []),
    kind!("discovery.k8s.io" "v1" "EndpointSlice" "endpointslices" "endpointslice" [] generation = true),
    kind!("gateway.networking.k8s.io" "v1" "HTTPRoute" "httproutes" "httproute" [] status = true generation = true custom = true),
    kind!("networking.k8s.io" "v1" "NetworkPolicy" "networkpolicies" "networkpolicy" ["netpol"] generation = true),
    kind!("policy" "v1" "PodDisruptionBudget" "poddisruptionbudgets" "poddisruptionbudget" ["pdb"] status = true generation = true),
];

impl Kind {
    /// `apps/v1`, or `v1` for the core group.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.to_string() } else { format!("{}/{}", self.group, self.version) }
    }

    /// `deployments.apps`, or `pods`: the name error messages use.
    pub fn qualified(&self) -> String {
        if self.group.is_empty() { self.plural.to_string() } else { format!("{}.{}", self.plural, self.group) }
    }

    /// `Deployment.apps`, or `Pod`.
    pub fn qualified_kind(&self) -> String {
        if self.group.is_empty() { self.kind.to_string() } else { format!("{}.{}", self.kind, self.group) }
    }

    /// The verbs clients may use on the main resource.
    pub fn verbs(&self) -> &'static [&'static str] {
        if self.review {
            &["create"]
        } else {
            &["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]
        }
    }
}

/// The kind of a path's group, version and plural.
pub fn find(group: &str, version: &str, plural: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|k| k.group == group && k.version == version && k.plural == plural)
}

/// The kind with this plural; plurals are unique in the table.
pub fn of(plural: &str) -> &'static Kind {
    KINDS.iter().find(|k| k.plural == plural).unwrap_or(&KINDS[0])
}

/// Groups with their versions, core first, each once.
pub fn groups() -> Vec<(&'static str, &'static str)> {
    let mut out: Vec<(&str, &str)> = Vec::new();
    for k in KINDS {
        if !out.contains(&(k.group, k.version)) {
            out.push((k.group, k.version));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plurals_are_unique_so_they_can_name_shelves() {
        let mut seen: Vec<&str> = KINDS.iter().map(|k| k.plural).collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), KINDS.len());
        assert_eq!(of("leases").kind, "Lease");
    }
}
