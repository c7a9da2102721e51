//! The objects that the API server begins with.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Value, json};
use switchyard_kube_fake::{Failure, Part, RESOURCES, Resource, Store, WriteOptions};

/// Who is said to have made them.
const MANAGER: &str = "switchyard-demo";

/// The fields of metadata that a server writes. Those of another server would be conditions here.
const SERVERS: [&str; 3] = ["uid", "resourceVersion", "managedFields"];

/// Creates the objects of the kinds that the server knows, and their namespaces. Returns what was refused.
pub(super) fn fill(store: &mut Store, objects: Vec<Value>, now: Timestamp) -> Vec<String> {
    let options = WriteOptions::new(MANAGER, now);
    let mut refused = Vec::new();
    let mut namespaces = BTreeSet::from(["default".to_owned()]);
    for object in objects {
        let Some(resource) = resource_of(&object) else { continue };
        let word = |field: &str| object["metadata"][field].as_str().unwrap_or_default().to_owned();
        let (mut namespace, name) = (word("namespace"), word("name"));
        if !resource.namespaced {
            namespace.clear();
        } else if namespace.is_empty() {
            namespace.push_str("default");
        }
        match create(store, resource, (&namespace, &name), object, &options) {
            Ok(()) if resource.namespaced => drop(namespaces.insert(namespace)),
            Ok(()) => {}
            Err(failure) => {
                let slash = if namespace.is_empty() { "" } else { "/" };
                refused.push(format!("{} {namespace}{slash}{name}: {failure}", resource.kind));
            }
        }
    }
    for namespace in namespaces {
        let document = json!({"metadata": {"name": namespace}, "status": {"phase": "Active"}});
        let Some(resource) = Resource::of_kind("", "Namespace") else { continue };
        // One that the manifests have is there already.
        if store.get(resource, "", &namespace).is_err()
            && let Err(failure) = create(store, resource, ("", &namespace), document, &options)
        {
            refused.push(format!("Namespace {namespace}: {failure}"));
        }
    }
    refused
}

/// The resource whose objects these are. The server has no others, and a proxy reads none.
fn resource_of(object: &Value) -> Option<&'static Resource> {
    let (version, kind) = (object["apiVersion"].as_str()?, object["kind"].as_str()?);
    RESOURCES.iter().find(|resource| resource.kind == kind && resource.api_version() == version)
}

/// Creates an object with its status, which a server takes separately.
fn create(
    store: &mut Store,
    resource: &Resource,
    (namespace, name): (&str, &str),
    mut object: Value,
    options: &WriteOptions,
) -> Result<(), Failure> {
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.retain(|field, _| !SERVERS.contains(&field.as_str()));
    }
    store.create(resource, namespace, object.clone(), options)?;
    if resource.has_status && object.get("status").is_some() {
        store.update(resource, (namespace, name), Part::Status, object, options)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_come_with_their_status_and_namespaces() {
        let service = json!({"apiVersion": "v1", "kind": "Service",
            "metadata": {"name": "web", "namespace": "shop", "uid": "a", "resourceVersion": "7"},
            "spec": {"ports": [{"port": 80}]},
            "status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.9"}]}}});
        let other =
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "x"}});
        let wrong = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "A_B"}});
        let mut store = Store::new();
        let objects = vec![service.clone(), other, wrong, service];
        let refused = fill(&mut store, objects, Timestamp::UNIX_EPOCH);
        assert_eq!(refused.len(), 2, "{refused:?}");
        assert!(refused[0].starts_with("Service default/A_B: "), "{refused:?}");
        assert!(refused[1].starts_with("Service shop/web: "), "{refused:?}");
        let services = Resource::of_kind("", "Service").expect("Services are served");
        let held = store.get(services, "shop", "web").expect("it was created").value();
        assert_eq!(held["status"]["loadBalancer"]["ingress"][0]["ip"], "192.0.2.9");
        let namespaces = Resource::of_kind("", "Namespace").expect("Namespaces are served");
        assert!(store.get(namespaces, "", "shop").is_ok());
        assert!(store.get(namespaces, "", "default").is_ok());
    }
}
