//! Nodes, Pods, and the plan of addresses that everything else follows.
//!
//! Node N has 192.0.2.1N and 2001:db8::1N, a second address 198.51.100.1N, and pods in 10.1.N.0/24 and
//! fd00:1:N::/64: 20 to 25 behind services, 9 and 10 as clients.

use serde_json::{Value, json};

use super::dice::Dice;
use super::history::find;
use crate::subject::Setup;

/// What all documents of one cluster share.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) node_count: usize,
    pub(super) own: usize,
    pub(super) has_v6: bool,
}

impl Plan {
    pub(super) fn random(dice: &mut Dice) -> Self {
        let node_count = dice.weighted(&[0, 10, 30, 35, 25]);
        Self { node_count, own: dice.between(1, node_count), has_v6: dice.percent(50) }
    }

    /// The plan of a cluster that was made earlier.
    pub(super) fn of(setup: &Setup) -> Self {
        let nodes = setup.documents.iter().filter(|document| document["kind"] == "Node");
        let own = find(&setup.documents, "Node", "", &setup.node)
            .map(|index| setup.documents[index].to_string());
        Self {
            node_count: nodes.count().max(1),
            own: setup.node.trim_start_matches('n').parse().unwrap_or(1),
            has_v6: own
                .is_some_and(|text| text.contains("2001:db8::1") || text.contains("fd00:1:")),
        }
    }

    pub(super) fn own_name(&self) -> String {
        format!("n{}", self.own)
    }

    pub(super) fn nodes(&self, dice: &mut Dice) -> Vec<Value> {
        (1..=self.node_count).map(|number| self.node(dice, number)).collect()
    }

    fn node(&self, dice: &mut Dice, number: usize) -> Value {
        let entry = |kind: &str, address: String| json!({"type": kind, "address": address});
        let mut addresses = vec![];
        if dice.percent(96) {
            addresses.push(entry("InternalIP", format!("192.0.2.1{number}")));
        }
        if self.has_v6 && dice.percent(93) {
            addresses.push(entry("InternalIP", format!("2001:db8::1{number}")));
        }
        if dice.percent(45) {
            let kind = dice.pick(&["InternalIP", "ExternalIP"]);
            addresses.push(entry(kind, format!("198.51.100.1{number}")));
        }
        if self.has_v6 && dice.percent(25) {
            let kind = dice.pick(&["InternalIP", "ExternalIP"]);
            addresses.push(entry(kind, format!("2001:db8:51::1{number}")));
        }
        if dice.percent(30) {
            addresses.push(entry("Hostname", format!("n{number}")));
        }
        if dice.percent(35) {
            dice.shuffle(&mut addresses);
        }
        let mut node = json!({"apiVersion": "v1", "kind": "Node",
            "metadata": {"name": format!("n{number}"), "labels": {"kubernetes.io/os": "linux"}},
            "spec": {}, "status": {"addresses": addresses}});
        if dice.percent(75) {
            node["metadata"]["labels"]["topology.kubernetes.io/zone"] = json!(zone(dice));
        }
        let mut ranges = vec![];
        if dice.percent(85) {
            ranges.push(format!("10.1.{number}.0/24"));
        }
        if self.has_v6 && dice.percent(85) {
            ranges.push(format!("fd00:1:{number}::/64"));
        }
        if let Some(first) = ranges.first().cloned() {
            node["spec"]["podCIDR"] = json!(first);
            if ranges.len() > 1 || dice.percent(70) {
                node["spec"]["podCIDRs"] = json!(ranges);
            }
        }
        node
    }

    /// Clients, host-network pods, and some of the pods behind services.
    pub(super) fn pods(&self, dice: &mut Dice, documents: &mut Vec<Value>) {
        for _ in 0..dice.below(6) {
            let node = self.some_node(dice);
            let place = dice.pick(&[&9, &10, &20, &21]);
            let name =
                if dice.percent(15) { format!("host{node}") } else { pod_name(node, *place) };
            let namespace = dice.pick(&super::NAMESPACES);
            if find(documents, "Pod", namespace, &name).is_some() {
                continue;
            }
            let (v4, v6) = if name.starts_with("host") {
                (format!("192.0.2.1{node}"), format!("2001:db8::1{node}"))
            } else {
                (pod_address(node, *place, false), pod_address(node, *place, true))
            };
            let mut pod = json!({"apiVersion": "v1", "kind": "Pod",
                "metadata": {"namespace": namespace, "name": name},
                "spec": {}, "status": {"podIP": v4, "podIPs": [{"ip": v4}, {"ip": v6}]}});
            if dice.percent(90) {
                pod["spec"]["nodeName"] = json!(format!("n{node}"));
            }
            documents.push(pod);
        }
    }

    /// A node that pods run on: often the one under test, seldom one without a document.
    pub(super) fn some_node(&self, dice: &mut Dice) -> usize {
        if dice.percent(40) {
            self.own
        } else {
            let known = dice.percent(92);
            dice.between(1, if known { self.node_count } else { 4 })
        }
    }
}

/// The name of a pod says where it is, so that all its documents agree on its addresses.
pub(super) fn pod_name(node: usize, place: usize) -> String {
    format!("p{node}-{place}")
}

pub(super) fn pod_address(node: usize, place: usize, v6: bool) -> String {
    if v6 { format!("fd00:1:{node}::{place}") } else { format!("10.1.{node}.{place}") }
}

pub(super) fn zone(dice: &mut Dice) -> &'static str {
    dice.pick(&["z1", "z1", "z2", "z2", "z3", ""])
}
