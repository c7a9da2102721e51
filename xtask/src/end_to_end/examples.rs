//! The example sets as documents, and as the files that kubectl is given.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use switchyard_source::from_yaml;

/// The set that is wrong on purpose.
const BROKEN: &str = "troubles";

/// Whether the mistakes in a set are what it is for.
pub(super) fn is_broken(set: &str) -> bool {
    set == BROKEN
}

/// The objects in the files of a folder, lists opened.
pub(super) fn documents(folder: &Path) -> Result<Vec<Value>> {
    let mut found = Vec::new();
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("list {}", folder.display()))? {
        entries.push(entry.with_context(|| format!("list {}", folder.display()))?.path());
    }
    entries.sort();
    for path in entries {
        let is_manifest = path.extension().is_some_and(|end| end == "yaml" || end == "json");
        if path.is_dir() {
            found.extend(documents(&path)?);
        } else if is_manifest {
            let text = fs::read_to_string(&path);
            let text = text.with_context(|| format!("read {}", path.display()))?;
            found.extend(of_text(&text).with_context(|| path.display().to_string())?);
        }
    }
    Ok(found)
}

/// The objects in one file.
fn of_text(text: &str) -> Result<Vec<Value>> {
    let mut found = Vec::new();
    let text = format!("\n{text}");
    for document in text.split("\n---") {
        let value: Value = from_yaml(document).map_err(anyhow::Error::msg)?;
        match (value["kind"].as_str(), value["items"].as_array()) {
            (Some("List"), Some(items)) => found.extend(items.iter().cloned()),
            (Some(_), _) => found.push(value),
            // Comments alone.
            (None, _) => {}
        }
    }
    Ok(found)
}

/// What kubectl replaces the status of objects with: the addresses of Nodes, and those that a cloud gave Services.
/// They are no list: of lists kubectl itself checks what servers check of others, and is stricter.
pub(super) fn statuses(documents: &[Value]) -> String {
    let has_status = |document: &&Value| match document["kind"].as_str() {
        Some("Node") => document["status"].is_object(),
        Some("Service") => document["status"]["loadBalancer"]["ingress"].is_array(),
        _ => false,
    };
    let again = |document: &Value| {
        let mut document = document.clone();
        // Who replaces an object says all that it is; these are the server's.
        let own = ["uid", "resourceVersion", "creationTimestamp", "generation"];
        if let Some(metadata) = document["metadata"].as_object_mut() {
            metadata.retain(|field, _| !own.contains(&field.as_str()));
        }
        format!("---\n{document}\n")
    };
    documents.iter().filter(has_status).map(again).collect()
}

/// All but the Nodes, by name.
pub(super) fn without_nodes(documents: &[Value]) -> Value {
    let others = documents.iter().filter(|document| document["kind"] != "Node");
    list(others.cloned().collect())
}

/// A list as kubectl takes it.
pub(super) fn list(items: Vec<Value>) -> Value {
    json!({"apiVersion": "v1", "kind": "List", "items": items})
}

/// The address of the Service that is added.
pub(super) const ADDED_ADDRESS: &str = "10.199.0.1";

/// A Service that no set has, with one backend on no node of ours.
pub(super) fn added() -> Value {
    let service = json!({"apiVersion": "v1", "kind": "Service",
        "metadata": {"name": "added", "namespace": "default"},
        "spec": {"clusterIP": ADDED_ADDRESS, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]}});
    let slice = json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
        "metadata": {"name": "added-1", "namespace": "default",
            "labels": {"kubernetes.io/service-name": "added"}},
        "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
        "endpoints": [{"addresses": ["10.199.1.1"], "conditions": {"ready": true}}]});
    list(vec![service, slice])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_split_and_lists_opened() {
        let text =
            "# a comment\n---\nkind: List\nitems:\n- kind: Node\n- kind: Pod\n---\nkind: Service\n";
        let kinds: Vec<_> = of_text(text).unwrap().iter().map(|one| one["kind"].clone()).collect();
        assert_eq!(kinds, ["Node", "Pod", "Service"]);
        assert!(of_text("kind: {").is_err());
    }

    #[test]
    fn only_what_has_a_status_gets_one() {
        let documents = [
            json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n", "uid": "u"}, "status": {"a": 1}}),
            json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s", "namespace": "x"},
                "status": {"loadBalancer": {}}}),
        ];
        let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}, "status": {"a": 1}});
        assert_eq!(of_text(&statuses(&documents)).unwrap(), [node]);
        assert_eq!(without_nodes(&documents)["items"], json!([documents[1]]));
    }
}
