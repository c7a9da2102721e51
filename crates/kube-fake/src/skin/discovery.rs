//! What is served, for clients that find out: `/version`, `/api`, `/apis` and below.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::resource::{RESOURCES, Resource, group_version};

/// The version of Kubernetes whose rules are followed.
const MINOR: u32 = 33;

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
    let verbs = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
    let mut rows = vec![json!({
        "name": resource.plural,
        "singularName": resource.singular,
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": verbs,
        "shortNames": resource.short_names,
        "storageVersionHash": "",
    })];
    if resource.has_status {
        rows.push(json!({
            "name": format!("{}/status", resource.plural),
            "singularName": "",
            "namespaced": resource.namespaced,
            "kind": resource.kind,
            "verbs": ["get", "patch", "update"],
        }));
    }
    rows
}
