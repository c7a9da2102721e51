//! Which Services are served, and their frontends.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::Value;

use super::documents::{
    Configuration, Documents, address, label, list, name, namespace, port_number, text,
};
use super::routing::Protocol;
use super::{Family, FrontendKind, Policies, Policy};

/// A Service that this proxy serves.
#[derive(Debug)]
pub(super) struct Service {
    pub(super) namespace: String,
    pub(super) name: String,
    /// Seconds since 1970; none sorts last.
    created: Option<i64>,
    pub(super) policies: Policies,
    pub(super) client_affinity: bool,
    pub(super) ports: Vec<ServicePort>,
    /// At most one per family.
    pub(super) cluster_addresses: Vec<IpAddr>,
    load_balancer_addresses: Vec<IpAddr>,
    external_addresses: Vec<IpAddr>,
    /// None is open to all.
    pub(super) source_ranges: Option<Vec<IpNet>>,
}

/// One entry of `spec.ports`.
#[derive(Debug)]
pub(super) struct ServicePort {
    pub(super) name: String,
    pub(super) protocol: Protocol,
    number: u16,
    node_port: Option<u16>,
}

/// Which service port a frontend belongs to, by its place among the services.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frontend {
    pub(super) kind: FrontendKind,
    pub(super) service: usize,
    pub(super) port: usize,
}

impl Service {
    /// Whether a load balancer or external address of a family that the Service has is this one.
    pub(super) fn announces(&self, address: IpAddr) -> bool {
        self.has_family_of(address)
            && (self.load_balancer_addresses.contains(&address)
                || self.external_addresses.contains(&address))
    }

    fn has_family_of(&self, address: IpAddr) -> bool {
        let mut families = self.cluster_addresses.iter().map(|own| Family::of(*own));
        families.any(|family| family == Family::of(address))
    }
}

/// The served Services in the order in which they win conflicts, and the addresses of those left to others.
pub(super) fn read(
    documents: &Documents<'_>,
    configuration: &Configuration,
) -> (Vec<Service>, BTreeSet<IpAddr>) {
    let mut served = Vec::new();
    let mut ignored_addresses = BTreeSet::new();
    for object in &documents.services {
        let addresses = cluster_addresses(&object["spec"]);
        if is_left_to_others(object) {
            ignored_addresses.extend(addresses);
        } else if !addresses.is_empty() {
            served.push(read_one(object, addresses, configuration));
        }
    }
    served.sort_by(|left, right| {
        let key = |service: &Service| {
            let newest = service.created.is_none();
            (newest, service.created, service.namespace.clone(), service.name.clone())
        };
        key(left).cmp(&key(right))
    });
    (served, ignored_addresses)
}

/// Any value of the first label, even an empty one, hands the Service to another proxy.
fn is_left_to_others(object: &Value) -> bool {
    label(object, "service.kubernetes.io/service-proxy-name").is_some()
        || label(object, "service.kubernetes.io/headless").is_some()
        || object["spec"]["type"] == "ExternalName"
}

/// The first usable cluster address of each family. `spec.clusterIP` decides whether there is one at all, and
/// `spec.clusterIPs` which ones they are when it is given.
fn cluster_addresses(spec: &Value) -> Vec<IpAddr> {
    let single = text(&spec["clusterIP"]);
    if single.is_empty() || single == "None" {
        return Vec::new();
    }
    let mut texts: Vec<&str> = list(&spec["clusterIPs"]).iter().map(text).collect();
    if texts.is_empty() {
        texts.push(single);
    }
    let mut found: Vec<IpAddr> = Vec::new();
    for candidate in texts.into_iter().filter_map(address) {
        if found.iter().all(|other| Family::of(*other) != Family::of(candidate)) {
            found.push(candidate);
        }
    }
    found
}

fn read_one(
    object: &Value,
    cluster_addresses: Vec<IpAddr>,
    configuration: &Configuration,
) -> Service {
    let spec = &object["spec"];
    let is_load_balancer = spec["type"] == "LoadBalancer";
    let has_node_ports = is_load_balancer || spec["type"] == "NodePort";
    let policy = |field: &str| if spec[field] == "Local" { Policy::Local } else { Policy::Cluster };
    let ingress =
        if is_load_balancer { list(&object["status"]["loadBalancer"]["ingress"]) } else { &[] };
    let is_virtual = |entry: &&Value| entry["ipMode"].is_null() || entry["ipMode"] == "VIP";
    let ranges = list(&spec["loadBalancerSourceRanges"]);
    Service {
        namespace: namespace(object),
        name: name(object),
        created: seconds_since_1970(text(&object["metadata"]["creationTimestamp"])),
        policies: Policies {
            internal: policy("internalTrafficPolicy"),
            external: policy("externalTrafficPolicy"),
        },
        client_affinity: spec["sessionAffinity"] == "ClientIP",
        ports: list(&spec["ports"])
            .iter()
            .filter_map(|port| read_port(port, has_node_ports))
            .collect(),
        cluster_addresses,
        load_balancer_addresses: ingress
            .iter()
            .filter(is_virtual)
            .filter_map(|entry| address(text(&entry["ip"])))
            .collect(),
        external_addresses: list(&spec["externalIPs"])
            .iter()
            .filter_map(|entry| address(text(entry)))
            .filter(|address| configuration.allows_external(*address))
            .collect(),
        // Ranges that cannot be read are left out, so that a list of nothing else closes the address. A range of
        // the other family never holds a client of this one.
        source_ranges: (!ranges.is_empty())
            .then(|| ranges.iter().filter_map(|range| text(range).trim().parse().ok()).collect()),
    }
}

fn read_port(port: &Value, has_node_ports: bool) -> Option<ServicePort> {
    Some(ServicePort {
        name: text(&port["name"]).to_owned(),
        protocol: read_protocol(&port["protocol"])?,
        number: port_number(&port["port"])?,
        node_port: port_number(&port["nodePort"]).filter(|_| has_node_ports),
    })
}

/// An absent protocol is TCP; an unknown one is none.
pub(super) fn read_protocol(value: &Value) -> Option<Protocol> {
    if value.is_null() { Some(Protocol::Tcp) } else { Protocol::read(text(value)) }
}

/// Every frontend, each with the one service port that holds it: the oldest Service wins, and within one Service the
/// cluster address comes before load-balancer addresses, and those before external ones.
#[expect(clippy::type_complexity, reason = "the two tables are named where they are kept")]
pub(super) fn frontends(
    services: &[Service],
) -> (BTreeMap<(IpAddr, u16, Protocol), Frontend>, BTreeMap<(Family, u16, Protocol), Frontend>) {
    let mut by_address = BTreeMap::new();
    let mut by_node_port = BTreeMap::new();
    for (service_index, service) in services.iter().enumerate() {
        let kinds = [
            (FrontendKind::ClusterIp, &service.cluster_addresses),
            (FrontendKind::LoadBalancerIp, &service.load_balancer_addresses),
            (FrontendKind::ExternalIp, &service.external_addresses),
        ];
        for (kind, addresses) in kinds {
            let own_families = addresses.iter().filter(|address| service.has_family_of(**address));
            for address in own_families {
                for (port_index, port) in service.ports.iter().enumerate() {
                    let frontend = Frontend { kind, service: service_index, port: port_index };
                    by_address.entry((*address, port.number, port.protocol)).or_insert(frontend);
                }
            }
        }
        for address in &service.cluster_addresses {
            for (port_index, port) in service.ports.iter().enumerate() {
                let Some(node_port) = port.node_port else { continue };
                let frontend = Frontend {
                    kind: FrontendKind::NodePort,
                    service: service_index,
                    port: port_index,
                };
                let key = (Family::of(*address), node_port, port.protocol);
                by_node_port.entry(key).or_insert(frontend);
            }
        }
    }
    (by_address, by_node_port)
}

/// Reads a time as Kubernetes writes it, for example `2024-05-01T10:00:00Z`, with any offset.
fn seconds_since_1970(text: &str) -> Option<i64> {
    let number = |range: std::ops::Range<usize>| -> Option<i64> { text.get(range)?.parse().ok() };
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
    let zone = text.get(19..)?.trim_start_matches(|c: char| c == '.' || c.is_ascii_digit());
    let offset = match zone {
        "Z" | "z" => 0,
        _ => {
            let sign = if zone.starts_with('-') { -1 } else { 1 };
            let (hours, minutes) = zone.get(1..)?.split_once(':')?;
            sign * (hours.parse::<i64>().ok()? * 3600 + minutes.parse::<i64>().ok()? * 60)
        }
    };
    // Days of a calendar whose year begins in March, so that the leap day is the last one.
    let (shifted_year, shifted_month) =
        if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = shifted_year / 4 - shifted_year / 100 + shifted_year / 400;
    let days = 365 * shifted_year + leap_days + (153 * shifted_month + 2) / 5 + day - 719_469;
    Some(days * 86_400 + hour * 3600 + minute * 60 + second - offset)
}
