//! Which endpoints a service port has, and which of them serve: kube-proxy's pkg/proxy/endpointslicecache.go and
//! pkg/proxy/topology.go.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde_json::Value;

use super::Family;
use super::documents::{Documents, Node, address, label, list, name, namespace, port_number, text};
use super::routing::Protocol;
use super::services::{Service, ServicePort, read_protocol};
use crate::subject::AnswerBackend;

/// An EndpointSlice that is read.
pub(super) struct Slice {
    pub(super) namespace: String,
    service: String,
    name: String,
    family: Family,
    ports: Vec<SlicePort>,
    pub(super) endpoints: Vec<Endpoint>,
}

/// A port of a slice.
struct SlicePort {
    name: String,
    protocol: Protocol,
    number: u16,
}

/// An endpoint of a slice, by the first of its addresses.
#[derive(Debug, Clone)]
pub(super) struct Endpoint {
    pub(super) address: IpAddr,
    /// None when the slice does not say.
    pub(super) node: Option<String>,
    /// The namespace and name of the pod, where the slice says.
    pub(super) pod: Option<(String, String)>,
    ready: bool,
    serving: bool,
    terminating: bool,
    zones: Vec<String>,
    nodes: Vec<String>,
}

/// An endpoint of a service port: slices merged, a port chosen.
pub(super) struct PortEndpoint {
    port: u16,
    local: bool,
    endpoint: Endpoint,
}

/// The slices that are read, in the order of their names.
pub(super) fn read(documents: &Documents<'_>, cluster_addresses: &BTreeSet<IpAddr>) -> Vec<Slice> {
    let mut slices: Vec<Slice> =
        documents.slices.iter().filter_map(|slice| read_slice(slice, cluster_addresses)).collect();
    slices
        .sort_by(|left, right| (&left.namespace, &left.name).cmp(&(&right.namespace, &right.name)));
    slices
}

fn read_slice(object: &Value, cluster_addresses: &BTreeSet<IpAddr>) -> Option<Slice> {
    let family = match text(&object["addressType"]) {
        "IPv4" => Family::V4,
        "IPv6" => Family::V6,
        _ => return None,
    };
    let service = label(object, "kubernetes.io/service-name").filter(|name| !name.is_empty())?;
    if label(object, "service.kubernetes.io/headless").is_some() {
        return None;
    }
    let namespace = namespace(object);
    let endpoints = list(&object["endpoints"])
        .iter()
        .filter_map(|endpoint| read_endpoint(endpoint, &namespace))
        .filter(|endpoint| Family::of(endpoint.address) == family)
        .filter(|endpoint| !cluster_addresses.contains(&endpoint.address))
        .collect();
    Some(Slice {
        service: service.to_owned(),
        name: name(object),
        family,
        ports: list(&object["ports"]).iter().filter_map(read_slice_port).collect(),
        endpoints,
        namespace,
    })
}

/// An unnamed port has an empty name; a port without any name is skipped.
fn read_slice_port(port: &Value) -> Option<SlicePort> {
    Some(SlicePort {
        name: port["name"].as_str()?.to_owned(),
        protocol: read_protocol(&port["protocol"])?,
        number: port_number(&port["port"])?,
    })
}

fn read_endpoint(endpoint: &Value, slice_namespace: &str) -> Option<Endpoint> {
    let address = address(text(list(&endpoint["addresses"]).first()?))?;
    if is_dangerous(address) {
        return None;
    }
    let conditions = &endpoint["conditions"];
    let reference = &endpoint["targetRef"];
    let pod = (reference["kind"] == "Pod").then(|| {
        let namespace = reference["namespace"].as_str().unwrap_or(slice_namespace);
        (namespace.to_owned(), text(&reference["name"]).to_owned())
    });
    let names = |hints: &Value| -> Vec<String> {
        list(hints).iter().map(|hint| text(&hint["name"]).to_owned()).collect()
    };
    Some(Endpoint {
        address,
        node: Some(text(&endpoint["nodeName"]).to_owned()).filter(|node| !node.is_empty()),
        pod,
        ready: conditions["ready"].as_bool().unwrap_or(true),
        serving: conditions["serving"].as_bool().unwrap_or(true),
        terminating: conditions["terminating"].as_bool().unwrap_or(false),
        zones: names(&endpoint["hints"]["forZones"]),
        nodes: names(&endpoint["hints"]["forNodes"]),
    })
}

/// Addresses that would let a slice point a Service at the node itself or at its link (CVE-2021-25737).
fn is_dangerous(address: IpAddr) -> bool {
    let link_local = match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    link_local || address.is_loopback() || address.is_multicast() || address.is_unspecified()
}

/// The endpoints of a service port. The same address and port in several places is one endpoint: local if any of them
/// says so, in the state of the one that is not terminating, then of the one that is ready, then of the first.
pub(super) fn of_port(
    slices: &[Slice],
    service: &Service,
    port: &ServicePort,
    family: Family,
    node: &str,
) -> Vec<PortEndpoint> {
    let mut merged: BTreeMap<(IpAddr, u16), PortEndpoint> = BTreeMap::new();
    let of_service = slices.iter().filter(|slice| {
        slice.namespace == service.namespace
            && slice.service == service.name
            && slice.family == family
    });
    for slice in of_service {
        let matching =
            slice.ports.iter().filter(|own| own.name == port.name && own.protocol == port.protocol);
        for slice_port in matching {
            for endpoint in &slice.endpoints {
                let local = endpoint.node.as_deref() == Some(node);
                let found =
                    PortEndpoint { port: slice_port.number, local, endpoint: endpoint.clone() };
                let key = (endpoint.address, slice_port.number);
                let Some(known) = merged.get_mut(&key) else {
                    merged.insert(key, found);
                    continue;
                };
                known.local |= local;
                let rank = |endpoint: &Endpoint| (endpoint.terminating, !endpoint.ready);
                if rank(endpoint) < rank(&known.endpoint) {
                    known.endpoint = found.endpoint;
                }
            }
        }
    }
    merged.into_values().collect()
}

/// The backends of a service port, by policy.
#[derive(Debug)]
pub(super) struct Sets {
    pub(super) cluster: Vec<AnswerBackend>,
    pub(super) local: Vec<AnswerBackend>,
    /// Whether any endpoint anywhere is usable.
    pub(super) has_any: bool,
}

/// Which endpoints hints leave to this node.
enum Topology {
    Everywhere,
    SameZone,
    SameNode,
}

impl Sets {
    /// Divides endpoints, which must be in the order of answers.
    pub(super) fn categorize(endpoints: &[PortEndpoint], node: &Node) -> Self {
        let topology = topology(endpoints, node);
        let available = |candidate: &&PortEndpoint| match topology {
            Topology::Everywhere => true,
            Topology::SameZone => candidate.endpoint.zones.contains(&node.zone),
            Topology::SameNode => candidate.endpoint.nodes.contains(&node.name),
        };
        let ready = |candidate: &&PortEndpoint| candidate.endpoint.ready;
        let draining = |candidate: &&PortEndpoint| {
            candidate.endpoint.serving && candidate.endpoint.terminating
        };
        let local = |candidate: &&PortEndpoint| candidate.local;
        let usable = |candidate: &PortEndpoint| ready(&candidate) || draining(&candidate);
        Self {
            cluster: first_not_empty(
                backends(endpoints.iter().filter(ready).filter(available)),
                backends(endpoints.iter().filter(draining)),
            ),
            local: first_not_empty(
                backends(endpoints.iter().filter(local).filter(ready)),
                backends(endpoints.iter().filter(local).filter(draining)),
            ),
            has_any: endpoints.iter().any(usable),
        }
    }
}

/// Hints count only when every ready endpoint has them and one of them is for us. Nodes come before zones.
fn topology(endpoints: &[PortEndpoint], node: &Node) -> Topology {
    let ready: Vec<&Endpoint> =
        endpoints.iter().map(|found| &found.endpoint).filter(|found| found.ready).collect();
    let all_hint_nodes = ready.iter().all(|endpoint| !endpoint.nodes.is_empty());
    if all_hint_nodes && ready.iter().any(|endpoint| endpoint.nodes.contains(&node.name)) {
        return Topology::SameNode;
    }
    let all_hint_zones = ready.iter().all(|endpoint| !endpoint.zones.is_empty());
    let any_for_zone = ready.iter().any(|endpoint| endpoint.zones.contains(&node.zone));
    if !node.zone.is_empty() && all_hint_zones && any_for_zone {
        return Topology::SameZone;
    }
    Topology::Everywhere
}

fn backends<'a>(endpoints: impl Iterator<Item = &'a PortEndpoint>) -> Vec<AnswerBackend> {
    endpoints
        .map(|found| AnswerBackend {
            address: found.endpoint.address.to_string(),
            port: found.port,
            local: found.local,
        })
        .collect()
}

fn first_not_empty(
    preferred: Vec<AnswerBackend>,
    fallback: Vec<AnswerBackend>,
) -> Vec<AnswerBackend> {
    if preferred.is_empty() { fallback } else { preferred }
}
