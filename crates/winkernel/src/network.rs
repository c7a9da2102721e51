//! The HNS network that load balancers are made on.

use std::collections::BTreeSet;
use std::net::IpAddr;

use switchyard_hcn::{Capabilities, Feature, Guid};
use switchyard_model::NodeFacts;

/// What the planner knows of the network and of HNS.
#[derive(Debug, Clone)]
pub struct WindowsNetwork {
    /// The network's id.
    pub id: Guid,
    /// The node's addresses on it.
    pub management_addresses: BTreeSet<IpAddr>,
    /// The addresses of this node's pods that have an endpoint on it, made by the CNI.
    pub local_endpoints: BTreeSet<IpAddr>,
    /// What this HNS can do.
    pub capabilities: Capabilities,
    /// Whether ClusterIP load balancers are to use direct server return.
    pub dsr: bool,
    /// Whether clients of ClusterIPs are always rewritten, which direct server return cannot do.
    pub masquerade_all: bool,
}

/// The most backends a load balancer takes. Builds before the updates of 2021 and 2022 take 64
/// (kubernetes/kubernetes#98680).
pub(crate) const MOST_BACKENDS: usize = 1_024;

impl WindowsNetwork {
    /// Whether HNS has direct server return at all.
    pub(crate) fn has_dsr(&self) -> bool {
        self.capabilities.has(Feature::DirectServerReturn)
    }

    /// Whether ClusterIP load balancers use direct server return.
    pub(crate) fn cluster_ip_dsr(&self) -> bool {
        self.dsr && self.has_dsr() && !self.masquerade_all
    }

    /// Whether HNS can keep a client with its backend.
    pub(crate) fn has_affinity(&self) -> bool {
        self.capabilities.has(Feature::SessionAffinity)
    }

    /// Whether HNS can change the backends of a load balancer in place.
    pub(crate) fn can_modify(&self) -> bool {
        self.capabilities.has(Feature::ModifyLoadBalancer)
    }

    /// Whether `address` is the node's own, by the network or by the Node.
    #[must_use]
    pub fn is_own_address(&self, node: &NodeFacts, address: IpAddr) -> bool {
        self.management_addresses.contains(&address) || node.has_address(address)
    }
}
