//! What is installed before a run: a Deployment, its Service and its route.

/// As much of an HTTPRoute as weights need, for clusters without the Gateway API.
pub const ROUTE_DEFINITION: &str = r#"
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: httproutes.gateway.networking.k8s.io
  annotations: {api-approved.kubernetes.io: "unapproved, for tests"}
spec:
  group: gateway.networking.k8s.io
  scope: Namespaced
  names: {kind: HTTPRoute, listKind: HTTPRouteList, plural: httproutes, singular: httproute}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}}
    schema:
      openAPIV3Schema:
        type: object
        properties:
          status: {type: object, x-kubernetes-preserve-unknown-fields: true}
          spec:
            type: object
            properties:
              parentRefs: {type: array, items: {type: object, x-kubernetes-preserve-unknown-fields: true}}
              rules:
                type: array
                items:
                  type: object
                  properties:
                    matches: {type: array, items: {type: object, x-kubernetes-preserve-unknown-fields: true}}
                    backendRefs:
                      type: array
                      items:
                        type: object
                        required: [name]
                        properties:
                          name: {type: string}
                          port: {type: integer}
                          weight: {type: integer, minimum: 0, maximum: 1000000}
"#;

/// Pods are to be run by [`super::stage`] where there are real nodes too: no node has this label.
const NOWHERE: &str = "nodeSelector: {pilothouse.dev/suite: nowhere}";

fn deployment(name: &str, version: &str, probe: &str) -> String {
    format!(
        r#"
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}, labels: {{app: {name}}}}}
spec:
  replicas: 3
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}, version: {version}}}}}
    spec:
      {NOWHERE}
      containers:
      - name: app
        image: registry.example/{name}:{version}
        ports: [{{containerPort: 8080, name: http}}]
        {probe}
---
apiVersion: v1
kind: Service
metadata: {{name: {name}}}
spec: {{selector: {{app: {name}}}, ports: [{{name: http, port: 80, targetPort: http}}]}}
"#
    )
}

fn route(name: &str, backends: &str) -> String {
    format!(
        r#"---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{name: {name}}}
spec:
  parentRefs: [{{name: public}}]
  rules:
  - matches: [{{path: {{type: PathPrefix, value: /{name}}}}}]
    backendRefs: [{backends}]
"#
    )
}

pub fn service(name: &str, version: &str) -> String {
    let probe = "readinessProbe: {httpGet: {path: /health/ready, port: http}}";
    deployment(name, version, probe) + &route(name, &format!("{{name: {name}, port: 80}}"))
}

pub fn without_probe(name: &str, version: &str) -> String {
    deployment(name, version, "") + &route(name, &format!("{{name: {name}, port: 80}}"))
}

pub fn third_backend(name: &str) -> String {
    let of = |who: &str, weight: u32| format!("{{name: {who}, port: 80, weight: {weight}}}");
    route(name, &format!("{}, {}, {}", of(name, 80), of(&format!("{name}-next"), 0), of("stranger", 20)))
}
