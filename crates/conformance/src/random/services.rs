//! Random Services.

use serde_json::{Value, json};

use super::NAMESPACES;
use super::dice::Dice;
use super::nodes::Plan;

const TIMES: [&str; 5] = [
    "2024-05-01T10:00:00Z",
    "2024-05-01T10:00:00Z",
    "2024-05-01T11:30:00+02:00",
    "2023-12-31T23:59:59Z",
    "2025-02-28T08:00:00Z",
];

const SOURCE_RANGES: [&str; 12] = [
    "203.0.113.0/25",
    " 203.0.113.7/24 ",
    "192.0.2.0/24",
    "10.1.0.0/16",
    "198.51.100.0/24",
    "0.0.0.0/0",
    "::/0",
    "2001:db8::/32",
    "fd00:1::/32",
    "10.0.0.0/33",
    "192.0.2.11",
    "",
];

/// A Service; its number gives it addresses of its own, most of which it takes.
pub(super) fn random(dice: &mut Dice, plan: &Plan, number: usize) -> Value {
    let namespace = dice.pick(&NAMESPACES);
    named(dice, plan, namespace, number)
}

/// A Service with the namespace and number of an earlier one.
pub(super) fn named(dice: &mut Dice, plan: &Plan, namespace: &str, number: usize) -> Value {
    let mut metadata = json!({"name": format!("s{number}")});
    if namespace != "default" || dice.percent(40) {
        metadata["namespace"] = json!(namespace);
    }
    if dice.percent(85) {
        metadata["creationTimestamp"] = json!(dice.pick(&TIMES));
    }
    if dice.percent(3) {
        let value = dice.pick(&["other", ""]);
        metadata["labels"] = json!({"service.kubernetes.io/service-proxy-name": value});
    } else if dice.percent(2) {
        metadata["labels"] = json!({"service.kubernetes.io/headless": ""});
    } else if dice.percent(10) {
        metadata["annotations"] = json!({"preserve-destination": "true"});
    }
    if dice.aside().percent(8) {
        metadata["annotations"]["winProxyOptimization"] = json!("DISABLED");
    }

    let mut spec = json!({"ports": ports(dice, number)});
    let kind = dice.weighted(&[22, 28, 44, 3, 3]);
    if let Some(name) = ["ClusterIP", "NodePort", "LoadBalancer", "ExternalName"].get(kind) {
        spec["type"] = json!(name);
    }
    cluster_addresses(dice, plan, number, &mut spec);
    if dice.percent(50) {
        spec["internalTrafficPolicy"] = json!(dice.pick(&["Local", "Local", "Cluster"]));
    }
    if dice.percent(75) {
        spec["externalTrafficPolicy"] = json!(dice.pick(&["Local", "Local", "Cluster"]));
    }
    match dice.below(10) {
        0 | 1 => spec["sessionAffinity"] = json!("ClientIP"),
        2 => {
            let seconds = *dice.pick(&[&10, &86_400, &0, &-1, &90_000]);
            spec["sessionAffinity"] = json!("ClientIP");
            spec["sessionAffinityConfig"] = json!({"clientIP": {"timeoutSeconds": seconds}});
        }
        3 => spec["sessionAffinity"] = json!("None"),
        _ => {}
    }
    if dice.percent(30) {
        let ranges: Vec<&str> =
            (0..dice.between(0, 3)).map(|_| dice.pick(&SOURCE_RANGES)).collect();
        spec["loadBalancerSourceRanges"] = json!(ranges);
    }
    if dice.percent(20) {
        spec["healthCheckNodePort"] = json!(32_000 + number);
    }
    if dice.percent(40) {
        let addresses: Vec<String> =
            (0..dice.between(1, 2)).map(|_| external_address(dice, plan, number)).collect();
        spec["externalIPs"] = json!(addresses);
    }
    let mut service =
        json!({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec});
    // The status of an earlier type may linger.
    if kind == 2 || dice.percent(10) {
        service["status"] = json!({"loadBalancer": {"ingress": ingress(dice, plan, number)}});
    }
    service
}

fn cluster_addresses(dice: &mut Dice, plan: &Plan, number: usize, spec: &mut Value) {
    match dice.below(100) {
        0 | 1 => {
            spec["clusterIP"] = json!("None");
            spec["clusterIPs"] = json!(["None"]);
            return;
        }
        2 => {
            spec["clusterIP"] = json!("");
            return;
        }
        3 => return,
        _ => {}
    }
    let families = match plan.has_v6 {
        true => dice.weighted(&[35, 50, 15]),
        false => dice.weighted(&[88, 10, 2]),
    };
    let mut addresses = vec![];
    if families != 2 {
        addresses.push(cluster_address(dice, number, false));
    }
    if families != 0 {
        addresses.push(cluster_address(dice, number, true));
    }
    if dice.percent(15) {
        addresses.reverse();
    }
    spec["clusterIP"] = json!(addresses[0]);
    if addresses.len() > 1 || dice.percent(60) {
        spec["clusterIPs"] = json!(addresses);
    }
}

/// The own address, one of another Service, or nonsense.
fn cluster_address(dice: &mut Dice, number: usize, v6: bool) -> String {
    match dice.below(100) {
        0 => {
            dice.pick(&["172.20.0.010", "::ffff:172.20.0.10", "172.20.0", "fd00:20::zz"]).to_owned()
        }
        1..=10 => service_address(dice.below(12), v6),
        11..=13 if v6 => format!("FD00:0020:0:0::{}", 10 + number),
        _ => service_address(number, v6),
    }
}

pub(super) fn service_address(number: usize, v6: bool) -> String {
    if v6 { format!("fd00:20::{}", 10 + number) } else { format!("172.20.0.{}", 10 + number) }
}

/// An address of `spec.externalIPs`.
fn external_address(dice: &mut Dice, plan: &Plan, number: usize) -> String {
    let v6 = dice.percent(if plan.has_v6 { 35 } else { 5 });
    match dice.below(100) {
        0..=2 => dice.pick(&["203.0.113.090", "nonsense", "::ffff:203.0.113.90", ""]).to_owned(),
        3..=6 => service_address(dice.below(12), v6),
        7..=10 if v6 => format!("2001:db8::1{}", plan.own),
        7..=10 => format!("192.0.2.1{}", plan.own),
        11..=18 => balancer_address(dice.below(12), v6),
        19..=25 => outer_address(dice.below(12), v6),
        _ => outer_address(number, v6),
    }
}

fn outer_address(number: usize, v6: bool) -> String {
    if v6 { format!("2001:db8:90::{number}") } else { format!("203.0.113.{}", 100 + number) }
}

fn balancer_address(number: usize, v6: bool) -> String {
    if v6 { format!("2001:db8:80::{number}") } else { format!("203.0.113.{}", 50 + number) }
}

fn ingress(dice: &mut Dice, plan: &Plan, number: usize) -> Value {
    let mut entries = vec![];
    for _ in 0..dice.weighted(&[4, 66, 30]) {
        let v6 = dice.percent(if plan.has_v6 { 35 } else { 5 });
        let address = match dice.below(100) {
            0..=1 => dice.pick(&["203.0.113.080", "nonsense", "::ffff:203.0.113.80"]).to_owned(),
            2..=4 => service_address(dice.below(12), v6),
            5..=8 => outer_address(dice.below(12), v6),
            9..=15 => balancer_address(dice.below(12), v6),
            16..=18 => format!("192.0.2.1{}", plan.own),
            _ => balancer_address(number, v6),
        };
        let entry = match dice.below(20) {
            0 => json!({"hostname": "balancer.example"}),
            1 | 2 => json!({"ip": address, "ipMode": "Proxy"}),
            3..=7 => json!({"ip": address, "ipMode": "VIP"}),
            8 => json!({"ip": address, "ipMode": null}),
            _ => json!({"ip": address}),
        };
        if !entries.contains(&entry) {
            entries.push(entry);
        }
    }
    json!(entries)
}

/// One to three ports with different names, numbers and node ports, and seldom one that cannot be used.
fn ports(dice: &mut Dice, number: usize) -> Vec<Value> {
    let known = [
        ("http", 80, "TCP"),
        ("https", 443, "TCP"),
        ("dns", 53, "UDP"),
        ("dns-tcp", 53, "TCP"),
        ("sctp", 9000, "SCTP"),
        ("quic", 443, "UDP"),
    ];
    let mut chosen: Vec<usize> = (0..known.len()).collect();
    dice.shuffle(&mut chosen);
    // Most Services have port 80, so that shared addresses collide.
    if dice.percent(60) {
        chosen.retain(|index| *index != 0);
        chosen.insert(0, 0);
    }
    let count = dice.weighted(&[0, 50, 35, 15]);
    let unnamed = count == 1 && dice.percent(30);
    let mut ports = vec![];
    for (place, index) in chosen.into_iter().take(count).enumerate() {
        let (name, port, protocol) = known[index];
        let mut entry = json!({"port": port, "targetPort": "any"});
        match (unnamed, dice.percent(20)) {
            (false, _) => entry["name"] = json!(name),
            (true, true) => entry["name"] = json!(""),
            (true, false) => {}
        }
        if protocol != "TCP" || dice.percent(75) {
            entry["protocol"] = json!(protocol);
        }
        // A node port of its own, or one of a few that several Services want.
        let shared = dice.percent(12);
        let node_port = 30_000 + if shared { place } else { 10 + number * 4 + place };
        if dice.percent(92) {
            entry["nodePort"] = json!(node_port);
        }
        match dice.below(120) {
            0 => entry["port"] = json!(0),
            1 => entry["port"] = json!(65_536),
            2 => entry["port"] = json!(-1),
            3 => entry["protocol"] = json!("QUIC"),
            4 => entry["nodePort"] = json!(0),
            5 => entry["nodePort"] = json!(70_000),
            _ => {}
        }
        ports.push(entry);
    }
    ports
}
