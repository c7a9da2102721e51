//! The HNS network of a random Windows node, as the network file describes it.

use serde_json::{Value, json};

use super::dice::Dice;
use super::history::find;
use super::nodes::Plan;
use crate::subject::Setup;

/// The builds of HNS, and how often each turns up: those in use mostly, for the older ones can do too little to compare much.
const VERSIONS: [(&str, usize); 10] = [
    ("9.2", 1),
    ("9.3", 2),
    ("10.1", 1),
    ("10.4", 2),
    ("11.10", 4),
    ("12.0", 6),
    ("13.2", 10),
    ("15.4", 12),
    ("15.5", 50),
    ("16.0", 12),
];

/// A network for the node of `setup`.
pub(super) fn random(dice: &mut Dice, plan: &Plan, setup: &Setup) -> Value {
    let own = plan.own;
    let weights = VERSIONS.map(|(_, weight)| weight);
    let (version, _) = VERSIONS[dice.weighted(&weights)];
    let mut network = json!({"hnsVersion": version, "dsr": dice.percent(70)});
    // One in six in all; fewer where there is IPv6, which overlays do not carry.
    let overlay = dice.percent(if plan.has_v6 { 6 } else { 22 }) && has_v4_address(setup);
    let mut subnets = vec![format!("10.1.{own}.0/24")];
    if !overlay && plan.has_v6 {
        subnets.push(format!("fd00:1:{own}::/64"));
    }
    // An overlay's source VIP has to be in a subnet, so that somebody must name it.
    let is_known = node_text(setup).contains(&subnets[0]);
    if dice.percent(75) || (overlay && !is_known) {
        network["podSubnets"] = json!(subnets);
    }
    if overlay {
        network["type"] = json!("overlay");
        network["sourceVip"] = json!(format!("10.1.{own}.{}", dice.pick(&["2", "3", "250"])));
        network["remoteSubnets"] = remote_subnets(plan);
    } else if dice.percent(50) {
        network["type"] = json!("l2bridge");
    }
    network
}

/// Gives one slice more pods than a load balancer of an old build takes, where the build is such.
pub(super) fn crowd(setup: &mut Setup) {
    let version = setup.windows.as_ref().and_then(|network| network["hnsVersion"].as_str());
    if !matches!(version, Some("9.2" | "9.3" | "10.1" | "10.4")) {
        return;
    }
    let is_crowdable = |document: &&mut Value| {
        document["kind"] == "EndpointSlice" && document["addressType"] == "IPv4"
    };
    let slice = setup.documents.iter_mut().find(is_crowdable);
    let endpoints = slice.and_then(|slice| slice["endpoints"].as_array_mut());
    if let Some(endpoints) = endpoints {
        endpoints.extend(
            (100..170)
                .map(|last| json!({"addresses": [format!("10.1.9.{last}")], "nodeName": "n9"})),
        );
    }
}

/// The routes to the pods of all other nodes.
fn remote_subnets(plan: &Plan) -> Value {
    let others = (1..=plan.node_count).filter(|number| *number != plan.own);
    let route = |number: usize| {
        json!({"subnet": format!("10.1.{number}.0/24"), "providerAddress": format!("192.0.2.1{number}"),
            "isolationId": 4096, "distributedRouterMac": format!("02-00-C0-00-02-{:02X}", 10 + number)})
    };
    others.map(route).collect()
}

/// The node's own document.
fn node_of(setup: &Setup) -> Option<&Value> {
    find(&setup.documents, "Node", "", &setup.node).map(|index| &setup.documents[index])
}

fn node_text(setup: &Setup) -> String {
    node_of(setup).map(Value::to_string).unwrap_or_default()
}

/// Whether the node has an IPv4 address, by which the others of an overlay reach it.
fn has_v4_address(setup: &Setup) -> bool {
    let addresses = node_of(setup).and_then(|node| node["status"]["addresses"].as_array());
    let is_v4 = |entry: &Value| entry["address"].as_str().is_some_and(|text| text.contains('.'));
    addresses.into_iter().flatten().any(is_v4)
}
