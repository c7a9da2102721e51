//! What is read of an object by the own types against what the published types of Kubernetes read of it.

use std::collections::BTreeSet;
use std::fs;
use std::net::IpAddr;
use std::path::Path;

use k8s_openapi::api::core::v1 as core;
use k8s_openapi::api::discovery::v1 as discovery;

use super::*;

/// All objects of the examples, as the API has them.
fn examples() -> Vec<Value> {
    let mut objects = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|one| one == "yaml") {
                let text = fs::read_to_string(path).unwrap();
                let documents = serde_saphyr::from_multiple::<Value>(&text);
                objects.extend(documents.into_iter().flatten().filter(Value::is_object));
            }
        }
    }
    objects
}

#[test]
fn the_published_types_say_the_same() {
    in_paused_time(async {
        let mut world = World::new();
        let mut seen = BTreeSet::new();
        let (mut services, mut slices) = (BTreeMap::new(), BTreeMap::new());
        for object in examples() {
            let name = object["metadata"]["name"].to_string()
                + &object["metadata"]["namespace"].to_string();
            // Some examples have the same objects.
            if !seen.insert((object["kind"].to_string(), name)) {
                continue;
            }
            let kind = object["kind"].as_str().unwrap_or_default().to_owned();
            let mut object = object;
            if object["metadata"]["namespace"].is_null() {
                object["metadata"]["namespace"] = json!("default");
            }
            match kind.as_str() {
                "Service" => {
                    let typed: core::Service = serde_json::from_value(object.clone()).unwrap();
                    services.insert(key(&typed.metadata), typed);
                }
                "EndpointSlice" => {
                    let Ok(typed) =
                        serde_json::from_value::<discovery::EndpointSlice>(object.clone())
                    else {
                        continue;
                    };
                    slices.insert(key(&typed.metadata), typed);
                }
                _ => continue,
            }
            world.put(&kind, object);
        }
        assert!(services.len() > 20 && slices.len() > 20, "{} {}", services.len(), slices.len());
        world.follow();
        world.step(SOON).await.unwrap();
        let mut compared = 0;
        for slice in world.cluster.slices() {
            let Some(typed) = slices.get(&slice.key.to_string()) else { continue };
            let ready = |condition: Option<bool>| condition.unwrap_or(true);
            let addresses: Vec<_> =
                typed.endpoints.iter().map(|one| one.addresses[0].as_str()).collect();
            let found: Vec<_> = slice
                .endpoints
                .iter()
                .map(|one| one.address.map(|address| address.to_string()))
                .collect();
            assert_eq!(addresses.len(), found.len(), "{}", slice.key);
            for (typed, (address, own)) in
                typed.endpoints.iter().zip(found.iter().zip(&slice.endpoints))
            {
                // What has no address that can be used is refused as a whole, and told of.
                let Some(address) = address else { continue };
                let parsed: IpAddr = typed.addresses[0].parse().unwrap();
                assert_eq!(*address, parsed.to_string(), "{}", slice.key);
                let conditions = typed.conditions.clone().unwrap_or_default();
                assert_eq!(own.conditions.ready, ready(conditions.ready), "{}", slice.key);
                assert_eq!(own.node.as_deref(), typed.node_name.as_deref(), "{}", slice.key);
                compared += 1;
            }
            for port in typed.ports.iter().flatten() {
                let name = port.name.as_deref().unwrap_or_default();
                let number = slice.ports.iter().find(|own| *own.name == *name).map(|own| own.port);
                let number = number.map(|number| i32::from(number.get()));
                if !is_known(port.protocol.as_deref()) {
                    continue;
                }
                let legal = port.port.filter(|port| (1..=65_535).contains(port));
                assert_eq!(number, legal, "{} {name}", slice.key);
            }
        }
        assert!(compared > 50, "{compared}");
        for service in world.cluster.services() {
            let Some(typed) = services.get(&service.key.to_string()) else { continue };
            let spec = typed.spec.clone().unwrap_or_default();
            let ports = spec.ports.unwrap_or_default();
            let ports = ports.iter().filter(|port| is_known(port.protocol.as_deref()));
            let numbers: Vec<_> = ports.map(|port| port.port).collect();
            let own: Vec<_> = service.ports.iter().map(|port| i32::from(port.port.get())).collect();
            assert_eq!(own, numbers, "{}", service.key);
            let affinity = spec.session_affinity.as_deref() == Some("ClientIP");
            assert_eq!(service.affinity_timeout.is_some(), affinity, "{}", service.key);
        }
    });
}

/// Whether there is such a protocol: a port of another is refused, and told of.
fn is_known(protocol: Option<&str>) -> bool {
    matches!(protocol, None | Some("TCP" | "UDP" | "SCTP"))
}

fn key(metadata: &k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta) -> String {
    let namespace = metadata.namespace.as_deref().unwrap_or("default");
    format!("{namespace}/{}", metadata.name.as_deref().unwrap_or_default())
}
