//! Where a packet comes from: the node itself, a pod here or elsewhere, or anybody else.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;
use switchyard_model::{
    Client, Cluster, Destination, DetectLocalMode, Family, Name, NodeFacts, ObjectKey, Origin,
    Packet, PodDetection,
};

use crate::view::NodeView;

/// A source as a person names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The node's own host network.
    Node,
    /// A pod, by name.
    Pod(ObjectKey),
    /// Whoever has this address.
    Address(IpAddr),
}

/// Why a named source cannot send a packet.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// Nobody knows the pod.
    #[error("pod {0} is unknown: give its Pod document, or a slice that is read and names it")]
    UnknownPod(ObjectKey),
    /// The pod has no address of the destination's family.
    #[error("pod {0} has no {1} address")]
    NoAddress(ObjectKey, Family),
    /// No packet has addresses of two families.
    #[error("{0} cannot send to an {1} address")]
    OtherFamily(IpAddr, Family),
}

/// Tells clients apart, as one node sees them. Built once for many packets.
#[derive(Debug)]
pub struct Clients<'a> {
    cluster: &'a Cluster,
    node: &'a NodeFacts,
    detection: &'a PodDetection,
    other_nodes: BTreeSet<IpAddr>,
    other_pod_ranges: Vec<IpNet>,
    local: BTreeSet<IpAddr>,
    remote: BTreeSet<IpAddr>,
}

impl<'a> Clients<'a> {
    /// Tells clients apart as the node of `view` does, by what `cluster` says. An endpoint that is refused for being at a
    /// Service's own address says nothing.
    #[must_use]
    pub fn new(cluster: &'a Cluster, view: &'a NodeView) -> Self {
        let node = view.node();
        let mut clients = Self {
            cluster,
            node,
            detection: &view.settings().pods,
            other_nodes: BTreeSet::new(),
            other_pod_ranges: Vec::new(),
            local: BTreeSet::new(),
            remote: BTreeSet::new(),
        };
        for other in cluster.nodes().filter(|other| other.name != node.name) {
            clients.other_nodes.extend(other.addresses.iter().map(|own| own.address));
            clients.other_pod_ranges.extend(other.pod_ranges.iter());
        }
        for endpoint in cluster.slices().flat_map(|slice| slice.endpoints.iter()) {
            if let (Some(address), Some(on)) = (endpoint.address, &endpoint.node)
                && !view.is_cluster_ip(address)
            {
                clients.add(address, Some(on));
            }
        }
        for pod in cluster.pods() {
            for address in pod.addresses.iter() {
                clients.add(address, pod.node.as_ref());
            }
        }
        clients
    }

    fn add(&mut self, address: IpAddr, on: Option<&Name>) {
        let set = if on == Some(&self.node.name) { &mut self.local } else { &mut self.remote };
        set.insert(address);
    }

    /// Counts `addresses` as pods of this node: those that its network has endpoints for.
    pub fn add_local(&mut self, addresses: impl IntoIterator<Item = IpAddr>) {
        self.local.extend(addresses);
    }

    /// The packet that `from` sends to `destination`. A packet that already carries the load-balancer address it is sent
    /// to comes from a node that holds that address, so it counts as the node's own.
    ///
    /// # Errors
    /// When `from` is a pod that is unknown, or has no address of the destination's family.
    pub fn packet(
        &self,
        from: &Source,
        destination: Destination,
        is_load_balancer_address: bool,
    ) -> Result<Packet, SourceError> {
        let family = destination.family();
        let address = match from {
            Source::Node => {
                let address = self.node_address(family);
                return Ok(Packet { client: self.node_client(address), destination });
            }
            Source::Pod(key) => self.pod_address(key, family)?,
            Source::Address(address) if Family::of(*address) == family => *address,
            Source::Address(address) => return Err(SourceError::OtherFamily(*address, family)),
        };
        let client = if is_load_balancer_address && address == destination.address() {
            self.node_client(address)
        } else {
            self.classify(address)
        };
        Ok(Packet { client, destination })
    }

    /// The address the node itself sends from. Without one of the family nothing can match it, so it is unspecified.
    fn node_address(&self, family: Family) -> IpAddr {
        self.node.primary(family).unwrap_or(match family {
            Family::IPv4 => IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED),
            Family::IPv6 => IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED),
        })
    }

    fn node_client(&self, address: IpAddr) -> Client {
        Client { address, origin: Origin::Node, internal: true }
    }

    fn pod_address(&self, key: &ObjectKey, family: Family) -> Result<IpAddr, SourceError> {
        let mut known = false;
        if let Some(pod) = self.cluster.pod(key) {
            known = true;
            if let Some(address) = pod.addresses.of(family) {
                return Ok(address);
            }
        }
        for slice in self.cluster.slices() {
            for (endpoint, pod) in slice.endpoints.iter().zip(&slice.pods) {
                if pod.as_ref() != Some(key) {
                    continue;
                }
                known = true;
                if let Some(address) = endpoint.address.filter(|own| Family::of(*own) == family) {
                    return Ok(address);
                }
            }
        }
        Err(if known {
            SourceError::NoAddress(key.clone(), family)
        } else {
            SourceError::UnknownPod(key.clone())
        })
    }

    /// Whose `address` is. The first rule that matches decides.
    #[must_use]
    pub fn classify(&self, address: IpAddr) -> Client {
        let origin = self.origin(address);
        let internal = match origin {
            Origin::Node => true,
            Origin::LocalPod => !self.detection.is_off(),
            Origin::RemotePod => {
                !self.detection.is_off() && self.detection.mode != DetectLocalMode::NodeLocal
            }
            Origin::Outside => false,
        };
        Client { address, origin, internal }
    }

    fn origin(&self, address: IpAddr) -> Origin {
        let inside = |ranges: &[IpNet]| ranges.iter().any(|range| range.contains(&address));
        let cluster_ranges = &self.detection.cluster_ranges;
        if self.node.has_address(address) {
            Origin::Node
        } else if self.other_nodes.contains(&address)
            || (!cluster_ranges.is_empty() && !inside(cluster_ranges))
        {
            Origin::Outside
        } else if inside(&self.node.pod_ranges) || self.local.contains(&address) {
            Origin::LocalPod
        } else if !cluster_ranges.is_empty()
            || inside(&self.other_pod_ranges)
            || self.remote.contains(&address)
        {
            Origin::RemotePod
        } else {
            Origin::Outside
        }
    }
}
