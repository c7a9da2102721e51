//! What is served, for clients that find out: `/version`, `/api`, `/apis` and below.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::resource::{RESOURCES, Resource, group_version};

/// The version of Kubernetes whose rules are followed.
const MINOR: u32 = 33;

const VERBS: [&str; 8] =
    ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
const STATUS_VERBS: [&str; 3] = ["get", "patch", "update"];

/// The content type of all at once.
pub(super) const AGGREGATED: &str =
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/// The answer to a path of discovery.
pub(super) fn answer(path: &str) -> Option<Value> {
    let parts: Vec<_> = path.split('/').filter(|part| !part.is_empty()).collect();
    match *parts.as_slice() {
        ["version"] => Some(version()),
        ["api"] => Some(json!({
            "kind": "APIVersions",
            "versions": ["v1"],
            "serverAddressByClientCIDRs": [],
        })),
        ["apis"] => Some(json!({
            "kind": "APIGroupList",
            "apiVersion": "v1",
            "groups": groups().into_iter().map(group).collect::<Vec<_>>(),
        })),
        ["apis", name] => {
            let mut group = groups().contains(name).then(|| group(name))?;
            group["kind"] = json!("APIGroup");
            group["apiVersion"] = json!("v1");
            Some(group)
        }
        ["api", version] => resources("", version),
        ["apis", group, version] => resources(group, version),
        _ => None,
    }
}

fn version() -> Value {
    json!({
        "major": "1",
        "minor": MINOR.to_string(),
        "gitVersion": format!("v1.{MINOR}.0+switchyard"),
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "none",
        "compiler": "rustc",
        "platform": "memory/any",
    })
}

/// All resources of `/api` or of `/apis` at once.
pub(super) fn aggregated(path: &str) -> Option<Value> {
    let names: Vec<_> = match path {
        "/api" => vec![""],
        "/apis" => groups().into_iter().collect(),
        _ => return None,
    };
    let items: Vec<_> = names.into_iter().map(aggregated_group).collect();
    Some(json!({
        "kind": "APIGroupDiscoveryList",
        "apiVersion": "apidiscovery.k8s.io/v2",
        "metadata": {},
        "items": items,
    }))
}

fn aggregated_group(group: &str) -> Value {
    let here = RESOURCES.iter().filter(|resource| resource.group == group);
    let resources: Vec<_> = here
        .map(|resource| {
            let kind = json!({"group": group, "version": resource.version, "kind": resource.kind});
            let mut row = json!({
                "resource": resource.plural,
                "responseKind": kind,
                "scope": if resource.namespaced { "Namespaced" } else { "Cluster" },
                "singularResource": resource.singular,
                "verbs": VERBS,
            });
            if !resource.short_names.is_empty() {
                row["shortNames"] = json!(resource.short_names);
            }
            if resource.has_status {
                row["subresources"] = json!([{
                    "subresource": "status",
                    "responseKind": kind,
                    "verbs": STATUS_VERBS,
                }]);
            }
            row
        })
        .collect();
    let metadata = if group.is_empty() { json!({}) } else { json!({"name": group}) };
    let version = json!({"version": "v1", "resources": resources, "freshness": "Current"});
    json!({"metadata": metadata, "versions": [version]})
}

/// The groups but for the core group.
pub(super) fn groups() -> BTreeSet<&'static str> {
    RESOURCES.iter().map(|resource| resource.group).filter(|group| !group.is_empty()).collect()
}

fn group(name: &str) -> Value {
    let version = json!({"groupVersion": group_version(name, "v1"), "version": "v1"});
    json!({"name": name, "versions": [version], "preferredVersion": version})
}

fn resources(group: &str, version: &str) -> Option<Value> {
    let is_here = |resource: &&Resource| (resource.group, resource.version) == (group, version);
    let found: Vec<_> = RESOURCES.iter().filter(is_here).flat_map(rows).collect();
    (!found.is_empty()).then(|| {
        json!({
            "kind": "APIResourceList",
            "apiVersion": "v1",
            "groupVersion": group_version(group, version),
            "resources": found,
        })
    })
}

fn rows(resource: &Resource) -> Vec<Value> {
    let mut row = json!({
        "name": resource.plural,
        "singularName": resource.singular,
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": VERBS,
    });
    if !resource.short_names.is_empty() {
        row["shortNames"] = json!(resource.short_names);
    }
    let mut rows = vec![row];
    if resource.has_status {
        rows.push(json!({
            "name": format!("{}/status", resource.plural),
            "singularName": "",
            "namespaced": resource.namespaced,
            "kind": resource.kind,
            "verbs": STATUS_VERBS,
        }));
    }
    rows
}
