//! The cluster whose changes are counted: Services with one port each, and every endpoint a pod of its own on another Node.

use std::net::{IpAddr, Ipv4Addr};

use switchyard_model::{
    ClusterEvent, Conditions, Endpoint, EndpointSlice, Family, Name, ObjectKey, Protocol, Service,
    ServiceKey, ServicePort, ServiceType, SlicePort, TargetPort,
};

use crate::cluster;

/// How many Nodes there are; the first is the one that is looked at.
pub(super) const NODES: usize = 130;
/// How many pods a Node has room for.
const PODS: usize = 250;
/// The number of the Service that changes, far behind all others.
const SUBJECT: usize = 50_000;

/// The address of the pod elsewhere with this number.
pub(super) fn remote_pod(number: usize) -> (IpAddr, usize) {
    let node = 1 + number / PODS % (NODES - 1);
    (pod(node, number % PODS), node)
}

/// The pod with this number on the Node that is looked at.
pub(super) fn local_pod(number: usize) -> (IpAddr, usize) {
    (pod(0, number), 0)
}

fn pod(node: usize, number: usize) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from(cluster::pod_network(node) + cluster::number(number) + 2))
}

/// The Nodes.
pub(super) fn nodes() -> impl Iterator<Item = ClusterEvent> {
    (0..NODES).map(cluster::node).map(ClusterEvent::Node)
}

/// `services` Services with `endpoints` endpoints in all, spread evenly.
pub(super) fn services(services: usize, endpoints: usize) -> impl Iterator<Item = ClusterEvent> {
    (0..services).flat_map(move |number| {
        let share = number * endpoints / services..(number + 1) * endpoints / services;
        let backends: Vec<_> = share.map(remote_pod).collect();
        let service = cluster::service(number);
        let slice = slice(&service, 0, &backends);
        [ClusterEvent::Service(service), slice]
    })
}

/// The Service that changes: with its ClusterIP alone, or a node port and a load-balancer address besides.
pub(super) fn subject(frontends: usize) -> Service {
    let mut service = cluster::service(SUBJECT);
    if frontends == 3 {
        service.kind = ServiceType::LoadBalancer;
        service.ports[0].node_port = Some(cluster::port(30_080));
        service.load_balancer_ips = Box::new([IpAddr::V4(Ipv4Addr::new(203, 0, 113, 10))]);
    }
    service
}

/// One slice of `service` with these endpoints, each an address and the number of its Node.
pub(super) fn slice(service: &Service, part: usize, backends: &[(IpAddr, usize)]) -> ClusterEvent {
    let endpoints = backends.iter().map(|(address, node)| Endpoint {
        address: Some(*address),
        conditions: Conditions { ready: true, serving: true, terminating: false },
        node: Some(Name::from(cluster::node_name(*node))),
        hints: None,
    });
    let ports = service.ports.iter().map(|own| SlicePort {
        name: own.name.clone(),
        protocol: own.protocol,
        port: match own.target {
            TargetPort::Number(number) => number,
            TargetPort::Same | TargetPort::Named => own.port,
        },
    });
    let mut ports: Vec<_> = ports.collect();
    ports.sort_by(|one, other| (&one.name, one.protocol).cmp(&(&other.name, other.protocol)));
    ClusterEvent::Slice(EndpointSlice {
        key: ObjectKey {
            namespace: service.key.namespace.clone(),
            name: Name::from(format!("{}-{part}", service.key.name)),
        },
        service: Some(service.key.name.clone()),
        family: Family::IPv4,
        ports: ports.into(),
        endpoints: endpoints.collect(),
        pods: Box::default(),
    })
}

/// The API server: one endpoint on a Node that is no Windows node.
pub(super) fn api_server() -> (Service, Vec<(IpAddr, usize)>) {
    let mut service = cluster::service(SUBJECT + 1);
    service.key = ServiceKey::new("default", "kubernetes");
    service.ports = Box::new([port("https", Protocol::Tcp, 443, 6_443)]);
    let address = IpAddr::V4(Ipv4Addr::new(10, 224, 0, 4 + 100));
    (service, vec![(address, 100)])
}

/// The DNS: two endpoints elsewhere, three ports.
pub(super) fn dns() -> (Service, Vec<(IpAddr, usize)>) {
    let mut service = cluster::service(SUBJECT + 2);
    service.key = ServiceKey::new("kube-system", "kube-dns");
    service.cluster_dns = true;
    service.ports = Box::new([
        port("dns", Protocol::Udp, 53, 53),
        port("dns-tcp", Protocol::Tcp, 53, 53),
        port("metrics", Protocol::Tcp, 9_153, 9_153),
    ]);
    (service, vec![remote_pod(30_000), remote_pod(30_001)])
}

fn port(name: &str, protocol: Protocol, number: u16, target: u16) -> ServicePort {
    ServicePort {
        name: Name::from(name),
        protocol,
        port: cluster::port(number),
        node_port: None,
        target: TargetPort::Number(cluster::port(target)),
    }
}
