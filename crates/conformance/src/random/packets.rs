//! Random questions about a setup.

use std::collections::BTreeSet;

use serde_json::Value;

use super::dice::Dice;
use super::history::namespace_of;
use super::nodes::{Plan, pod_address};
use crate::subject::Setup;

/// What a cluster has that packets can be aimed at.
#[derive(Default)]
struct Targets {
    cluster: Vec<(String, u64, String)>,
    node_port: Vec<(String, u64, String)>,
    balancer: Vec<(String, u64, String)>,
    external: Vec<(String, u64, String)>,
    /// What looks like a frontend and, by its type or family, is none.
    stale: Vec<(String, u64, String)>,
    /// Addresses of endpoints.
    endpoints: Vec<String>,
    /// Pods that can be named, with whether they have an address of each family.
    pods: Vec<(String, bool, bool)>,
    own_addresses: Vec<String>,
    other_addresses: Vec<String>,
}

pub(super) fn random(dice: &mut Dice, setup: &Setup, count: usize) -> Vec<(String, String)> {
    let plan = Plan::of(setup);
    let targets = Targets::read(setup);
    (0..count).map(|_| one(dice, &plan, &targets)).collect()
}

fn one(dice: &mut Dice, plan: &Plan, targets: &Targets) -> (String, String) {
    let lists = [
        &targets.cluster,
        &targets.node_port,
        &targets.balancer,
        &targets.external,
        &targets.stale,
    ];
    let aimed = lists[dice.weighted(&[26, 28, 27, 15, 4])];
    let known = dice.one(aimed).or_else(|| dice.one(&targets.cluster)).cloned();
    let odd = dice.percent(14) || known.is_none();
    let (address, port, protocol) = match known {
        Some(known) if odd => oddity(dice, known, plan, targets),
        Some(known) => known,
        None => ("172.20.0.250".to_owned(), 80, "TCP".to_owned()),
    };
    let from = source(dice, plan, targets, &address);
    let is_v6 = address.contains(':');
    let to = match (protocol.as_str(), is_v6) {
        ("ICMP", _) => format!("{address}/ICMP"),
        (_, false) => format!("{address}:{port}/{protocol}"),
        (_, true) => format!("[{address}]:{port}/{protocol}"),
    };
    (from, to)
}

/// A packet that misses a frontend in one way.
fn oddity(
    dice: &mut Dice,
    known: (String, u64, String),
    plan: &Plan,
    targets: &Targets,
) -> (String, u64, String) {
    let (address, port, protocol) = known;
    let is_v6 = address.contains(':');
    match dice.below(9) {
        0 => (address, 81, protocol),
        1 | 2 => {
            let other = dice.pick(&["TCP", "UDP", "SCTP", "udp"]);
            (address, port, other.to_owned())
        }
        3 => (address, port, "ICMP".to_owned()),
        4 | 5 => {
            let free = ["172.20.0.250", "fd00:20::250"][usize::from(is_v6)];
            (free.to_owned(), port, protocol)
        }
        6 => {
            let node_port = dice.one(&targets.node_port).cloned();
            let (_, port, protocol) = node_port.unwrap_or((address, port, protocol));
            let loopback = ["127.0.0.1", "::1"][usize::from(is_v6)];
            (loopback.to_owned(), port, protocol)
        }
        7 => (pod_address(plan.some_node(dice), 20, is_v6), 8080, protocol),
        _ => (address, 30_000 + dice.below(60) as u64, protocol),
    }
}

/// A client of the family of `destination`.
fn source(dice: &mut Dice, plan: &Plan, targets: &Targets, destination: &str) -> String {
    if matches!(destination, "127.0.0.1" | "::1") && dice.percent(60) {
        return "node".to_owned();
    }
    let v6 = destination.contains(':');
    let of_family = |list: &[String]| -> Vec<String> {
        list.iter().filter(|address| address.contains(':') == v6).cloned().collect()
    };
    let outside = |dice: &mut Dice| {
        let v4 = ["203.0.113.7", "203.0.113.200", "198.18.0.20", "198.18.0.77", "10.1.200.1"];
        let v6_clients = ["2001:db8:9::7", "2001:db8:18::20", "fd00:1:77::1"];
        dice.pick(if v6 { &v6_clients[..] } else { &v4[..] }).to_owned()
    };
    let found = match dice.weighted(&[14, 3, 14, 12, 14, 6, 26, 5, 6]) {
        0 => Some("node".to_owned()),
        1 => dice.one(&of_family(&targets.own_addresses)).cloned(),
        2 | 3 => dice.one(&of_family(&targets.endpoints)).cloned(),
        4 => {
            let node = if dice.percent(45) { plan.own } else { dice.between(1, 4) };
            Some(pod_address(node, *dice.pick(&[&9, &10, &77]), v6))
        }
        5 => {
            let with_family = |pod: &&(String, bool, bool)| if v6 { pod.2 } else { pod.1 };
            let named: Vec<_> = targets.pods.iter().filter(with_family).collect();
            dice.one(&named).map(|pod| pod.0.clone())
        }
        6 => None,
        7 => dice.one(&of_family(&targets.other_addresses)).cloned(),
        // A node that holds the address it sends to.
        _ => Some(destination.to_owned()),
    };
    found.unwrap_or_else(|| outside(dice))
}

impl Targets {
    fn read(setup: &Setup) -> Self {
        let mut targets = Self::default();
        let mut pods = BTreeSet::new();
        let mut services = vec![];
        for object in &setup.documents {
            match object["kind"].as_str().unwrap_or_default() {
                "Service" => services.push(object),
                "EndpointSlice" => targets.read_slice(object, &mut pods),
                "Pod" => {
                    pods.insert((pod(object), true, true));
                }
                _ => targets.read_node(object, &setup.node),
            }
        }
        // A pod that slices of both families refer to counts once for each.
        targets.pods = pods.into_iter().collect();
        for service in services {
            targets.read_service(service);
        }
        targets
    }

    fn read_node(&mut self, object: &Value, own: &str) {
        let known = if object["metadata"]["name"] == own {
            &mut self.own_addresses
        } else {
            &mut self.other_addresses
        };
        let addresses = items(&object["status"]["addresses"]);
        let mut found: Vec<String> =
            addresses.filter_map(|entry| usable(&entry["address"])).collect();
        // The first address of a family is usually the primary one, where node ports answer: it is met more often.
        let first_of = |v6: bool| found.iter().find(move |own| own.contains(':') == v6).cloned();
        let often: Vec<String> = [false, true].into_iter().filter_map(first_of).collect();
        found.extend(often.iter().chain(&often).cloned().collect::<Vec<_>>());
        known.extend(found);
    }

    fn read_slice(&mut self, slice: &Value, pods: &mut BTreeSet<(String, bool, bool)>) {
        let labels = &slice["metadata"]["labels"];
        let is_read =
            labels["kubernetes.io/service-name"].as_str().is_some_and(|name| !name.is_empty())
                && labels["service.kubernetes.io/headless"].is_null();
        for endpoint in items(&slice["endpoints"]) {
            let address = usable(&endpoint["addresses"][0]);
            let is_v6 = slice["addressType"] == "IPv6";
            let is_v4 = slice["addressType"] == "IPv4";
            self.endpoints.extend(address);
            let reference = endpoint["targetRef"]["name"].as_str();
            if let Some(name) = reference.filter(|_| is_read) {
                pods.insert((format!("pod/{}/{name}", namespace_of(slice)), is_v4, is_v6));
            }
        }
    }

    fn read_service(&mut self, service: &Value) {
        let spec = &service["spec"];
        let mut cluster: Vec<String> = items(&spec["clusterIPs"]).filter_map(usable).collect();
        if cluster.is_empty() {
            cluster.extend(usable(&spec["clusterIP"]));
        }
        let external: Vec<String> = items(&spec["externalIPs"]).filter_map(usable).collect();
        let kind = spec["type"].as_str().unwrap_or("ClusterIP");
        let ingress = items(&service["status"]["loadBalancer"]["ingress"]);
        let balancer: Vec<String> = ingress.filter_map(|entry| usable(&entry["ip"])).collect();
        for port in items(&spec["ports"]) {
            let protocol = match port["protocol"].as_str() {
                Some("UDP") => "UDP",
                Some("SCTP") => "SCTP",
                _ => "TCP",
            };
            let aim = |addresses: &[String], number: &Value| -> Vec<(String, u64, String)> {
                let number = number.as_u64().filter(|number| (1..65_536).contains(number));
                let with = |address: &String| {
                    number.map(|number| (address.clone(), number, protocol.to_owned()))
                };
                addresses.iter().filter_map(with).collect()
            };
            let serves = |to: &(String, u64, String)| {
                let v6 = to.0.contains(':');
                let same_family = |address: &String| address.contains(':') == v6;
                kind != "ExternalName"
                    && cluster.iter().any(same_family)
                    && self.own_addresses.iter().any(same_family)
            };
            let mut sorted = |found: Vec<(String, u64, String)>, owns: bool| {
                let (live, stale): (Vec<_>, Vec<_>) =
                    found.into_iter().partition(|to| owns && serves(to));
                self.stale.extend(stale);
                live
            };
            let is_balancer = kind == "LoadBalancer";
            let has_node_ports = is_balancer || kind == "NodePort";
            let live = [
                sorted(aim(&cluster, &port["port"]), true),
                sorted(aim(&external, &port["port"]), true),
                sorted(aim(&balancer, &port["port"]), is_balancer),
                sorted(aim(&self.own_addresses, &port["nodePort"]), has_node_ports),
            ];
            let [cluster, external, balancer, node_port] = live;
            self.cluster.extend(cluster);
            self.external.extend(external);
            self.balancer.extend(balancer);
            self.node_port.extend(node_port);
        }
    }
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn pod(object: &Value) -> String {
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    format!("pod/{}/{name}", namespace_of(object))
}

/// An address that a packet can be sent to.
fn usable(value: &Value) -> Option<String> {
    let address: std::net::IpAddr = value.as_str()?.parse().ok()?;
    let is_mapped =
        matches!(address, std::net::IpAddr::V6(address) if address.to_ipv4_mapped().is_some());
    (!is_mapped).then(|| address.to_string())
}
