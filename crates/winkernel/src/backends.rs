//! Which of a view's backends a load balancer can have.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::num::NonZeroU16;

use switchyard_model::{Backend, Frontend, NodeFacts, ServicePortView};
use uuid::Uuid;

use crate::frontend::planned_backends;
use crate::network::WindowsNetwork;

/// The backends of one load balancer.
#[derive(Debug, Clone)]
pub(crate) struct Chosen {
    /// The one port they all have.
    pub(crate) port: NonZeroU16,
    /// Sorted.
    pub(crate) backends: Vec<Backend>,
    /// The address that clients are rewritten to, on an overlay.
    pub(crate) source_vip: Option<IpAddr>,
    /// How many have another port and are left out.
    pub(crate) other_ports: usize,
    /// How many are not pods, among pods, and are left out.
    pub(crate) mixed: usize,
    /// How many are more than a load balancer takes and are left out.
    pub(crate) too_many: usize,
}

/// Whether `frontend`, one of the view's, has a load balancer: HNS takes none without backends.
#[must_use]
pub fn has_load_balancer(
    view: &ServicePortView,
    frontend: &Frontend,
    node: &NodeFacts,
    network: &WindowsNetwork,
) -> bool {
    choose(view, frontend, node, network).is_some()
}

/// Chooses the backends of the load balancer for `frontend`; `None` when there are none, or when HNS cannot have one.
///
/// * One load balancer has one port for all: the most common wins, of equals the lowest.
/// * On an overlay all clients are rewritten to one address: the source VIP for pods, the node's for nodes and what is
///   outside. Where there are both, pods stay.
/// * Of too many backends those stay that hash lowest, ready ones first, so that nodes choose differently and a change moves
///   few.
pub(crate) fn choose(
    view: &ServicePortView,
    frontend: &Frontend,
    node: &NodeFacts,
    network: &WindowsNetwork,
) -> Option<Chosen> {
    if !network.serves(view.key.family) {
        return None;
    }
    let set = planned_backends(view, frontend, network);
    let mut counts: BTreeMap<NonZeroU16, usize> = BTreeMap::new();
    for backend in &*set {
        *counts.entry(backend.port).or_default() += 1;
    }
    let most = counts.values().copied().max()?;
    let port = counts.into_iter().find(|(_, count)| *count == most).map(|(port, _)| port)?;
    let mut backends: Vec<_> = set.iter().filter(|backend| backend.port == port).copied().collect();
    let other_ports = set.len() - backends.len();
    let (source_vip, mixed) = settle_source(&mut backends, node, network);
    let too_many = backends.len().saturating_sub(network.most_backends);
    if too_many > 0 {
        let service = &view.key.service;
        backends.sort_by_cached_key(|backend| {
            let name = format!("backend/1/{service}/{}", backend.address);
            (backend.draining, Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()))
        });
        backends.truncate(network.most_backends);
        backends.sort();
    }
    Some(Chosen { port, backends, source_vip, other_ports, mixed, too_many })
}

/// Settles which address clients of `backends` are rewritten to, and leaves those out that cannot answer to it.
fn settle_source(
    backends: &mut Vec<Backend>,
    node: &NodeFacts,
    network: &WindowsNetwork,
) -> (Option<IpAddr>, usize) {
    if !network.overlay {
        return (None, 0);
    }
    let is_pod = |backend: &Backend| match Place::of(backend, node, network) {
        Place::Here | Place::PodElsewhere(_) => true,
        Place::ThisNode | Place::OtherNode | Place::Public => false,
    };
    let all = backends.len();
    let pods = backends.iter().filter(|backend| is_pod(backend)).count();
    if pods == 0 {
        // What is at this node's addresses has the host's hardware address, which HNS takes for one backend.
        let here = |backend: &Backend| Place::of(backend, node, network) == Place::ThisNode;
        let first = backends.iter().find(|backend| here(backend)).copied();
        backends.retain(|backend| !here(backend) || Some(*backend) == first);
        return (network.provider_address, all - backends.len());
    }
    if pods < all {
        backends.retain(is_pod);
    }
    (network.source_vip, all - pods)
}

/// Where a backend is, as far as a network cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// A pod on this node: it has an endpoint that the CNI makes.
    Here,
    /// An address of this node: a pod of the host's network.
    ThisNode,
    /// A pod behind the node with this address; only an overlay knows.
    PodElsewhere(IpAddr),
    /// An address of another node; only an overlay knows.
    OtherNode,
    /// Any other; on a bridged network all that is not on this node.
    Public,
}

impl Place {
    pub(crate) fn of(backend: &Backend, node: &NodeFacts, network: &WindowsNetwork) -> Self {
        let address = backend.address;
        if network.is_own_address(node, address) {
            return Self::ThisNode;
        }
        if backend.local {
            return Self::Here;
        }
        Self::elsewhere(address, network)
    }

    /// The address of the node that an overlay sends packets for `address` to, which is not on this node.
    pub(crate) fn provider(address: IpAddr, network: &WindowsNetwork) -> Option<IpAddr> {
        match Self::elsewhere(address, network) {
            Self::PodElsewhere(provider) => Some(provider),
            Self::OtherNode => Some(address),
            Self::Here | Self::ThisNode | Self::Public => network.provider_address,
        }
    }

    /// The place of an address that is not on this node. The last route wins, and the address of a node is that of a node,
    /// as kube-proxy has it (`pkg/proxy/winkernel/proxier.go`).
    fn elsewhere(address: IpAddr, network: &WindowsNetwork) -> Self {
        let routes = &network.remote_subnets;
        if routes.iter().any(|route| route.provider_address == address) {
            return Self::OtherNode;
        }
        let last = routes.iter().rev().find(|route| route.destination_prefix.contains(&address));
        last.map_or(Self::Public, |route| Self::PodElsewhere(route.provider_address))
    }
}
