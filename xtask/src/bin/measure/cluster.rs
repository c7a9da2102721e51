//! A cluster of any size, with names as long as real ones are.

use std::net::{IpAddr, Ipv4Addr};
use std::num::{NonZeroU16, NonZeroU32};

use ipnet::{IpNet, Ipv4Net};
use switchyard_model::{
    AddressPair, ClusterEvent, Conditions, Created, Endpoint, EndpointSlice, Family, Name, Node,
    NodeAddress, NodeAddressKind, ObjectKey, Protocol, ServedBy, Service, ServiceKey, ServicePort,
    ServiceType, SlicePort, SourceRanges, TargetPort, TrafficPolicy,
};

/// How many Nodes every cluster has.
const NODES: usize = 100;

/// Teams that have a namespace each.
const NAMESPACES: &[&str] = &[
    "checkout",
    "payments",
    "catalog-search",
    "identity",
    "shipping-emea",
    "recommendations",
    "platform-observability",
    "kube-system",
];

/// Words that Services are called after.
const WORDS: &[&str] =
    &["orders", "inventory", "price", "session", "ledger", "notification", "gateway", "profile"];

/// How large a cluster is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    /// How many Services there are.
    pub(crate) services: usize,
    /// How many endpoints each has, in one slice.
    pub(crate) endpoints: usize,
}

/// The name of the Node with this number.
pub(crate) fn node_name(number: usize) -> String {
    format!("aks-winpool-31422957-vmss{number:06}")
}

impl Shape {
    /// Everything in it. Names are copied into each object, as a reader of documents does.
    pub(crate) fn events(self) -> Vec<ClusterEvent> {
        let nodes = (0..NODES).map(node).map(ClusterEvent::Node);
        let services = (0..self.services).flat_map(|number| {
            let slice = self.slice(number);
            [ClusterEvent::Service(service(number)), ClusterEvent::Slice(slice)]
        });
        nodes.chain(services).collect()
    }

    /// `count` changes, each of another slice: one endpoint stops being ready.
    pub(crate) fn changes(self, count: usize) -> impl Iterator<Item = ClusterEvent> {
        (0..count).map(move |index| {
            let mut slice = self.slice(index * self.services / count);
            if let Some(endpoint) = slice.endpoints.last_mut() {
                endpoint.conditions.ready = false;
            }
            ClusterEvent::Slice(slice)
        })
    }

    /// The Service with this number; `sticky` with session affinity.
    pub(crate) fn service(number: usize, sticky: bool) -> Service {
        Service { affinity_timeout: NonZeroU32::new(10_800).filter(|_| sticky), ..service(number) }
    }

    /// What the Service with this number is called.
    pub(crate) fn service_key(number: usize) -> ServiceKey {
        key(number)
    }

    pub(crate) fn slice(self, service: usize) -> EndpointSlice {
        let owner = key(service);
        EndpointSlice {
            key: ObjectKey {
                namespace: owner.namespace.clone(),
                name: Name::from(format!("{}-{}", owner.name, suffix(service))),
            },
            service: Some(Name::from(owner.name.as_str())),
            family: Family::IPv4,
            ports: Box::new([SlicePort {
                name: Name::from("http"),
                protocol: Protocol::Tcp,
                port: port(8080),
            }]),
            endpoints: (0..self.endpoints).map(|index| endpoint(service, index)).collect(),
            pods: Box::default(),
        }
    }
}

fn endpoint(service: usize, index: usize) -> Endpoint {
    // A pod's Node follows from nothing in the names; what matters is that a Service's pods are on several.
    let node = (service * 7 + index * 13) % NODES;
    let host = (service * 3 + index) % 250 + 2;
    Endpoint {
        address: Some(pod_address(node, host)),
        conditions: Conditions { ready: true, serving: true, terminating: false },
        node: Some(Name::from(node_name(node))),
        hints: None,
    }
}

pub(crate) fn service(number: usize) -> Service {
    let mut cluster_ips = AddressPair::default();
    let address = u32::from(Ipv4Addr::new(10, 96, 0, 1)) + self::number(number);
    // A new pair has room for its first address.
    let _ = cluster_ips.add(IpAddr::V4(Ipv4Addr::from(address)));
    Service {
        key: key(number),
        uid: Some(Name::from(format!("6932a715-446b-4d9b-8fe2-{number:012x}"))),
        created: Created::at(1_700_000_000_000_000),
        kind: ServiceType::ClusterIP,
        served_by: ServedBy::This,
        cluster_dns: false,
        cluster_ips,
        ports: Box::new([ServicePort {
            name: Name::from("http"),
            protocol: Protocol::Tcp,
            port: port(80),
            node_port: None,
            target: TargetPort::Number(port(8080)),
        }]),
        external_ips: Box::default(),
        load_balancer_ips: Box::default(),
        source_ranges: SourceRanges::Open,
        internal_policy: TrafficPolicy::Cluster,
        external_policy: TrafficPolicy::Cluster,
        affinity_timeout: None,
        health_check_node_port: None,
        preserve_destination: false,
        replace_on_change: false,
    }
}

pub(crate) fn node(index: usize) -> Node {
    let address = u32::from(Ipv4Addr::new(10, 224, 0, 4)) + number(index);
    let range = Ipv4Net::new_assert(Ipv4Addr::from(pod_network(index)), 24);
    Node {
        name: Name::from(node_name(index)),
        addresses: Box::new([NodeAddress {
            kind: NodeAddressKind::Internal,
            address: IpAddr::V4(Ipv4Addr::from(address)),
        }]),
        pod_ranges: Box::new([IpNet::V4(range)]),
        zone: Some(Name::from(format!("westeurope-{}", index % 3 + 1))),
        operating_system: Some(Name::from("windows")),
        leaving: None,
    }
}

fn key(number: usize) -> ServiceKey {
    let namespace = NAMESPACES[number % NAMESPACES.len()];
    ServiceKey::new(namespace, format!("{}-api-{number:05}", WORDS[number / 3 % WORDS.len()]))
}

/// Five letters that look as if they were random, as controllers put behind the names of slices.
fn suffix(number: usize) -> String {
    const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    let mut seed = number.wrapping_mul(2_654_435_761);
    (0..5)
        .map(|_| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695);
            char::from(LETTERS[(seed >> 33) % LETTERS.len()])
        })
        .collect()
}

/// The address of a pod of a Node.
pub(crate) fn pod_address(node: usize, host: usize) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from(pod_network(node) + number(host)))
}

/// The network of the pods of a Node.
pub(crate) fn pod_network(node: usize) -> u32 {
    u32::from(Ipv4Addr::new(10, 244, 0, 0)) + (number(node) << 8)
}

/// Numbers here are far below 2^32.
pub(crate) fn number(value: usize) -> u32 {
    value.try_into().unwrap_or(u32::MAX)
}

pub(crate) fn port(number: u16) -> NonZeroU16 {
    NonZeroU16::new(number).unwrap_or(NonZeroU16::MAX)
}
