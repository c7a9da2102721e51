//! Changes of a setup.

use serde_json::{Value, json};

use super::dice::Dice;
use super::nodes::{Plan, zone};
use super::{NAMESPACES, services, slices};
use crate::subject::{Change, Setup};

/// Applies one change to a list of documents, as a cluster would.
pub fn apply(documents: &mut Vec<Value>, change: &Change) {
    match change {
        Change::Apply(object) => {
            let kind = object["kind"].as_str().unwrap_or_default();
            match find(documents, kind, namespace_of(object), name_of(object)) {
                Some(index) => documents[index] = object.clone(),
                None => documents.push(object.clone()),
            }
        }
        Change::Delete { kind, namespace, name } => {
            if let Some(index) = find(documents, kind, namespace, name) {
                documents.remove(index);
            }
        }
    }
}

/// Where an object is. A Node's namespace does not matter.
pub(super) fn find(documents: &[Value], kind: &str, namespace: &str, name: &str) -> Option<usize> {
    documents.iter().position(|object| {
        object["kind"] == kind
            && name_of(object) == name
            && (kind == "Node" || namespace_of(object) == or_default(namespace))
    })
}

pub(super) fn namespace_of(object: &Value) -> &str {
    or_default(object["metadata"]["namespace"].as_str().unwrap_or_default())
}

fn name_of(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap_or_default()
}

fn or_default(namespace: &str) -> &str {
    if namespace.is_empty() { "default" } else { namespace }
}

/// One to four changes, applied to `setup` as they are made.
pub(super) fn random(dice: &mut Dice, setup: &mut Setup) -> Vec<Change> {
    let plan = Plan::of(setup);
    let mut batch = vec![];
    for _ in 0..dice.between(1, 4) {
        for change in one(dice, &plan, setup) {
            apply(&mut setup.documents, &change);
            batch.push(change);
        }
    }
    batch
}

fn one(dice: &mut Dice, plan: &Plan, setup: &Setup) -> Vec<Change> {
    let of_kind = |kind: &str| -> Vec<&Value> {
        setup.documents.iter().filter(|object| object["kind"] == kind).collect()
    };
    let services = of_kind("Service");
    let slices = of_kind("EndpointSlice");
    match dice.weighted(&[10, 14, 16, 8, 18, 14, 10, 5, 5]) {
        0 => new_service(dice, plan, setup),
        1 => dice.one(&services).map(|old| replaced_service(dice, plan, old)).into_iter().collect(),
        2 => dice.one(&services).map(|old| touched_service(dice, old)).into_iter().collect(),
        3 => dice.one(&services).map(|old| deleted(old)).into_iter().collect(),
        4 => dice.one(&slices).map(|old| touched_slice(dice, old)).into_iter().collect(),
        5 => dice
            .one(&services)
            .map(|service| {
                let number = dice.below(5);
                let name = format!("{}-{number}", name_of(service));
                Change::Apply(slices::again(dice, plan, service, &name))
            })
            .into_iter()
            .collect(),
        6 => dice.one(&slices).map(|old| deleted(old)).into_iter().collect(),
        7 => dice
            .one(&setup.documents)
            .map(|object| Change::Apply(object.clone()))
            .into_iter()
            .collect(),
        _ => dice.one(&of_kind("Node")).map(|old| rezoned(dice, old)).into_iter().collect(),
    }
}

/// A Service of a name that is free, and its slices, in either order.
fn new_service(dice: &mut Dice, plan: &Plan, setup: &Setup) -> Vec<Change> {
    let number = dice.below(14);
    let namespace = dice.pick(&NAMESPACES);
    let name = format!("s{number}");
    if find(&setup.documents, "Service", namespace, &name).is_some() {
        return vec![];
    }
    let service = services::named(dice, plan, namespace, number);
    let mut documents = setup.documents.clone();
    let before = documents.len();
    slices::for_service(dice, plan, &service, &mut documents);
    let mut added = documents.split_off(before);
    added.push(service);
    dice.shuffle(&mut added);
    added.into_iter().map(Change::Apply).collect()
}

fn replaced_service(dice: &mut Dice, plan: &Plan, old: &Value) -> Change {
    let number = name_of(old).trim_start_matches('s').parse().unwrap_or_default();
    Change::Apply(services::named(dice, plan, namespace_of(old), number))
}

/// One field of a Service changes.
fn touched_service(dice: &mut Dice, old: &Value) -> Change {
    let mut service = old.clone();
    let spec = &mut service["spec"];
    match dice.below(9) {
        0 => {
            let kinds = ["ClusterIP", "NodePort", "LoadBalancer", "ExternalName"];
            spec["type"] = json!(dice.pick(&kinds));
        }
        1 => spec["internalTrafficPolicy"] = json!(dice.pick(&["Local", "Cluster"])),
        2 => spec["externalTrafficPolicy"] = json!(dice.pick(&["Local", "Cluster"])),
        3 => spec["sessionAffinity"] = json!(dice.pick(&["ClientIP", "None"])),
        4 => spec["loadBalancerSourceRanges"] = json!(["10.1.0.0/16"]),
        5 => service["status"] = json!({}),
        6 => spec["externalIPs"] = json!([]),
        7 => {
            let label = "service.kubernetes.io/service-proxy-name";
            if service["metadata"]["labels"].is_object() {
                service["metadata"]["labels"] = json!({});
            } else {
                service["metadata"]["labels"] = json!({label: "other"});
            }
        }
        _ => service["metadata"]["creationTimestamp"] = json!("2022-01-01T00:00:00Z"),
    }
    let annotation = match dice.aside().below(12) {
        0 => Some(("preserve-destination", "true")),
        1 => Some(("winProxyOptimization", "DISABLED")),
        _ => None,
    };
    if let Some((name, value)) = annotation {
        let known = &mut service["metadata"]["annotations"];
        let set = known.get(name).is_none();
        known[name] = json!(if set { value } else { "" });
    }
    Change::Apply(service)
}

/// One endpoint of a slice leaves, fails, starts to terminate or moves.
fn touched_slice(dice: &mut Dice, old: &Value) -> Change {
    let mut slice = old.clone();
    if let Some(endpoints) = slice["endpoints"].as_array_mut()
        && !endpoints.is_empty()
    {
        let index = dice.below(endpoints.len());
        match dice.below(5) {
            0 => {
                endpoints.remove(index);
            }
            1 => endpoints[index]["conditions"] = json!({"ready": false, "serving": false}),
            2 => {
                endpoints[index]["conditions"] =
                    json!({"ready": false, "serving": true, "terminating": true});
            }
            3 => endpoints[index]["conditions"] = json!({"ready": true}),
            _ => endpoints.swap(0, index),
        }
    }
    Change::Apply(slice)
}

fn rezoned(dice: &mut Dice, old: &Value) -> Change {
    let mut node = old.clone();
    if let Some(labels) = node["metadata"]["labels"].as_object_mut() {
        labels.remove("topology.kubernetes.io/zone");
        if dice.percent(80) {
            labels.insert("topology.kubernetes.io/zone".to_owned(), json!(zone(dice)));
        }
    }
    Change::Apply(node)
}

fn deleted(object: &Value) -> Change {
    Change::Delete {
        kind: object["kind"].as_str().unwrap_or_default().to_owned(),
        namespace: namespace_of(object).to_owned(),
        name: name_of(object).to_owned(),
    }
}
