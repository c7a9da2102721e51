//! Random EndpointSlices.

use serde_json::{Value, json};

use super::dice::Dice;
use super::history::{find, namespace_of};
use super::nodes::{Plan, pod_address, pod_name, zone};
use super::services::service_address;

const BAD_V4: [&str; 10] = [
    "010.1.1.1",
    "10.1.1",
    "127.0.0.1",
    "169.254.1.1",
    "224.0.0.5",
    "0.0.0.0",
    "fd00:1:1::77",
    "",
    "10.1.1.1/32",
    "host.example",
];

const BAD_V6: [&str; 8] =
    ["::ffff:10.1.1.21", "::1", "fe80::1", "ff02::1", "::", "10.1.1.77", "fd00:1:1::zz", ""];

/// How the endpoints of one Service are hinted.
#[derive(Clone, Copy, PartialEq)]
enum Hints {
    None,
    Zones,
    Nodes,
    Mixed,
}

/// Adds the slices of a Service. Their names are free in `documents`.
pub(super) fn for_service(
    dice: &mut Dice,
    plan: &Plan,
    service: &Value,
    documents: &mut Vec<Value>,
) {
    let hints =
        [Hints::None, Hints::Zones, Hints::Nodes, Hints::Mixed][dice.weighted(&[55, 22, 13, 10])];
    for number in 0..dice.weighted(&[11, 24, 35, 20, 10]) {
        let mut slice = one(dice, plan, service, hints);
        let service_name = service["metadata"]["name"].as_str().unwrap_or_default();
        let name = format!("{service_name}-{number}");
        slice["metadata"]["name"] = json!(name);
        if find(documents, "EndpointSlice", namespace_of(service), &name).is_none() {
            documents.push(slice);
        }
    }
}

/// A slice with other content for a Service that was made earlier.
pub(super) fn again(dice: &mut Dice, plan: &Plan, service: &Value, name: &str) -> Value {
    let hints =
        [Hints::None, Hints::Zones, Hints::Nodes, Hints::Mixed][dice.weighted(&[6, 2, 1, 1])];
    let mut slice = one(dice, plan, service, hints);
    slice["metadata"]["name"] = json!(name);
    slice
}

fn one(dice: &mut Dice, plan: &Plan, service: &Value, hints: Hints) -> Value {
    let addresses = service["spec"].to_string();
    let may_v6 = addresses.to_lowercase().contains("fd00:");
    let only_v6 = may_v6 && !addresses.contains("172.20.");
    let v6 = only_v6 || (may_v6 && dice.percent(45));
    let service_name = service["metadata"]["name"].as_str().unwrap_or_default();
    let mut metadata = json!({"labels": {"kubernetes.io/service-name": service_name}});
    if let Some(namespace) = service["metadata"]["namespace"].as_str() {
        metadata["namespace"] = json!(namespace);
    }
    match dice.below(60) {
        0 => metadata["labels"] = json!({"kubernetes.io/service-name": ""}),
        1 => metadata["labels"] = json!({"unrelated": "label"}),
        2 => metadata["labels"]["service.kubernetes.io/headless"] = json!(""),
        _ => {}
    }
    let fqdn = dice.percent(2);
    let kind = if fqdn { "FQDN" } else { ["IPv4", "IPv6"][usize::from(v6)] };
    let count = dice.weighted(&[6, 14, 25, 25, 20, 10]);
    let endpoints: Vec<Value> = (0..count).map(|_| endpoint(dice, plan, v6, hints)).collect();
    json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": metadata,
        "addressType": kind, "ports": ports(dice, service), "endpoints": endpoints})
}

/// The ports of the Service as pods have them.
fn ports(dice: &mut Dice, service: &Value) -> Vec<Value> {
    let mut ports = vec![];
    let numbers = if dice.percent(85) { 8080 } else { 9090 };
    for (place, port) in service["spec"]["ports"].as_array().into_iter().flatten().enumerate() {
        if dice.percent(3) {
            continue;
        }
        let mut entry =
            json!({"name": port["name"].as_str().unwrap_or(""), "port": numbers + place});
        if !port["protocol"].is_null() || dice.percent(40) {
            entry["protocol"] = json!(port["protocol"].as_str().unwrap_or("TCP"));
        }
        match dice.below(110) {
            0 => entry["name"] = Value::Null,
            1 => {
                entry = json!({"port": numbers + place});
            }
            2 => entry["port"] = json!(0),
            3 => entry["port"] = Value::Null,
            4 => entry["port"] = json!(70_000),
            5 => entry["protocol"] = json!("QUIC"),
            6 => entry["port"] = json!(-8080),
            _ => {}
        }
        ports.push(entry);
    }
    ports
}

fn endpoint(dice: &mut Dice, plan: &Plan, v6: bool, hints: Hints) -> Value {
    let node = plan.some_node(dice);
    let place = dice.between(20, 25);
    let mut endpoint = json!({"addresses": [pod_address(node, place, v6)]});
    let mut node_name = Some(format!("n{node}"));
    match dice.below(100) {
        0..=3 => {
            // A pod with host networking.
            let address =
                if v6 { format!("2001:db8::1{node}") } else { format!("192.0.2.1{node}") };
            endpoint["addresses"] = json!([address]);
        }
        4..=7 => {
            // Outside every pod range.
            let address =
                if v6 { format!("2001:db8:18::{place}") } else { format!("198.18.0.{place}") };
            endpoint["addresses"] = json!([address]);
            if dice.percent(60) {
                node_name = None;
            }
        }
        8..=10 => {
            let bad = dice.pick(if v6 { &BAD_V6[..] } else { &BAD_V4[..] });
            let good = pod_address(node, place, v6);
            endpoint["addresses"] =
                if dice.percent(50) { json!([bad]) } else { json!([bad, good]) };
        }
        11 => endpoint["addresses"] = json!([service_address(dice.below(12), v6)]),
        12 => endpoint["addresses"] = json!([]),
        13..=15 => {
            let second = pod_address(node, dice.between(20, 25), v6);
            endpoint["addresses"] = json!([pod_address(node, place, v6), second]);
        }
        16 if v6 => endpoint["addresses"] = json!([format!("FD00:1:{node}:0:0::{place}")]),
        _ if dice.percent(50) => {
            let name = pod_name(node, place);
            endpoint["targetRef"] = json!({"kind": "Pod", "name": name});
        }
        _ => {}
    }
    match dice.below(100) {
        0..=4 => node_name = None,
        5..=7 => node_name = Some(format!("n{}", plan.some_node(dice))),
        _ => {}
    }
    if let Some(name) = node_name {
        endpoint["nodeName"] = json!(name);
    }
    if let Some(conditions) = conditions(dice) {
        endpoint["conditions"] = conditions;
    }
    if let Some(hints) = hints_of(dice, plan, hints) {
        endpoint["hints"] = hints;
    }
    endpoint
}

fn conditions(dice: &mut Dice) -> Option<Value> {
    match dice.below(100) {
        0..=19 => None,
        20..=57 => Some(json!({"ready": true, "serving": true, "terminating": false})),
        58..=64 => Some(json!({"ready": true})),
        65..=67 => Some(json!({"ready": null, "serving": null, "terminating": null})),
        68..=74 => Some(json!({"ready": false, "serving": false, "terminating": false})),
        75..=77 => Some(json!({"ready": false})),
        78..=89 => Some(json!({"ready": false, "serving": true, "terminating": true})),
        90..=92 => Some(json!({"ready": false, "terminating": true})),
        93..=95 => Some(json!({"ready": false, "serving": false, "terminating": true})),
        96..=97 => Some(json!({"ready": true, "serving": true, "terminating": true})),
        _ => Some(json!({})),
    }
}

fn hints_of(dice: &mut Dice, plan: &Plan, hints: Hints) -> Option<Value> {
    if hints == Hints::None || (hints == Hints::Mixed && dice.percent(25)) {
        return None;
    }
    let mut found = json!({});
    if hints != Hints::Nodes {
        let zones: Vec<Value> =
            (0..dice.between(1, 2)).map(|_| json!({"name": zone(dice)})).collect();
        found["forZones"] = json!(zones);
    }
    if hints == Hints::Nodes || (hints == Hints::Mixed && dice.percent(70)) {
        found["forNodes"] = json!([{"name": format!("n{}", plan.some_node(dice))}]);
    }
    Some(found)
}
