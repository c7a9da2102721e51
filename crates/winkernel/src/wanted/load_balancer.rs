//! The load balancers of one view.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use switchyard_hcn::{
    Distribution, Guid, IpProtocol, LoadBalancer, LoadBalancerFlags, PortMapping, PortMappingFlags,
    Version,
};
use switchyard_model::{
    Backend, BackendSet, Family, Frontend, FrontendKind, Protocol, ServicePortView, ViewKey,
};

use super::{Role, Surroundings};
use crate::backends::{Chosen, Place, choose};
use crate::frontend::{planned_dsr, planned_flags};
use crate::identity::OWNER;
use crate::key::LoadBalancerKey;
use crate::network::WindowsNetwork;

/// A load balancer that should exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WantedLoadBalancer {
    /// Who it is for.
    pub(crate) view: ViewKey,
    pub(crate) rank: Rank,
    pub(crate) flags: LoadBalancerFlags,
    pub(crate) mapping: Mapping,
    /// The address that clients are rewritten to; none lets HNS choose.
    pub(crate) source_vip: Option<IpAddr>,
    /// The backends, by address; the frontends of one view mostly share theirs.
    pub(crate) backends: Arc<[(IpAddr, Role)]>,
    /// The endpoints that an overlay needs besides the backends'.
    companions: Companions,
    /// The annotation `winProxyOptimization: DISABLED`: changes replace it.
    pub(crate) replace_on_change: bool,
}

/// The endpoints that an overlay needs for a load balancer, which does not name them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Companions {
    virtual_address: Option<IpAddr>,
    source_vip: Option<IpAddr>,
}

/// Its port mapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mapping {
    pub(crate) protocol: IpProtocol,
    pub(crate) internal_port: u16,
    pub(crate) external_port: u16,
    pub(crate) distribution: Distribution,
    pub(crate) flags: PortMappingFlags,
}

/// Which load balancers come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rank {
    /// `default/kubernetes`: nothing works without the API server.
    ApiServer,
    /// The cluster DNS, and what the operator named.
    Priority,
    /// Services with a backend on this node.
    LocalBackend,
    Rest,
}

/// What `view` needs.
pub(super) fn of_view(
    view: &ServicePortView,
    around: Surroundings<'_>,
) -> BTreeMap<LoadBalancerKey, WantedLoadBalancer> {
    let mut wanted: BTreeMap<LoadBalancerKey, WantedLoadBalancer> = BTreeMap::new();
    let rank = Rank::of(view, around);
    for frontend in &view.frontends {
        let Some(chosen) = choose(view, frontend, around.node, around.network) else { continue };
        let shared = wanted.values().next_back().map(|last| last.backends.clone());
        let load_balancer = for_frontend(view, frontend, &chosen, around, rank, shared);
        let key = LoadBalancerKey::of(view, frontend);
        wanted.entry(key).or_insert(load_balancer);
        if let Some((key, load_balancer)) = for_health_check(view, frontend, around, rank) {
            wanted.entry(key).or_insert(load_balancer);
        }
    }
    wanted
}

fn for_frontend(
    view: &ServicePortView,
    frontend: &Frontend,
    chosen: &Chosen,
    around: Surroundings<'_>,
    rank: Rank,
    shared: Option<Arc<[(IpAddr, Role)]>>,
) -> WantedLoadBalancer {
    let network = around.network;
    let backends = chosen.backends.iter();
    let backends = backends.map(|backend| (backend.address, role(backend, around)));
    let backends = match shared {
        Some(shared) if shared.iter().copied().eq(backends.clone()) => shared,
        _ => backends.collect(),
    };
    let sticky = view.affinity_timeout.is_some() && network.has_affinity();
    WantedLoadBalancer {
        view: view.key.clone(),
        rank,
        flags: flags(view.key.family, planned_dsr(view, frontend, network)),
        mapping: Mapping {
            protocol: IpProtocol(u32::from(view.key.protocol.number())),
            internal_port: chosen.port.get(),
            external_port: frontend.port.get(),
            distribution: if sticky { Distribution::SOURCE_IP } else { Distribution::default() },
            flags: planned_flags(view, frontend, network),
        },
        source_vip: chosen.source_vip,
        backends,
        companions: Companions {
            virtual_address: frontend
                .address
                .filter(|_| network.overlay && frontend.kind == FrontendKind::ClusterIP),
            source_vip: chosen.source_vip.filter(|vip| network.source_vip == Some(*vip)),
        },
        replace_on_change: view.replace_on_change,
    }
}

/// The key of the load balancer that forwards a cloud's health checks of `frontend` to the node: where it is a load-balancer
/// address, the Service has a port for checks, and the node is asked to forward them. Always TCP: the checks are HTTP,
/// whatever the Service speaks.
#[must_use]
pub fn health_check_key(
    view: &ServicePortView,
    frontend: &Frontend,
    network: &WindowsNetwork,
) -> Option<LoadBalancerKey> {
    let root = network.root_endpoint?;
    let port = view.health_check_node_port?;
    let address = frontend.address?;
    let for_cloud = frontend.kind == FrontendKind::LoadBalancerIP
        && frontend.external.set == BackendSet::Local
        && Family::of(root) == view.key.family;
    for_cloud.then_some(LoadBalancerKey {
        family: view.key.family,
        vip: Some(address),
        port: port.get(),
        protocol: Protocol::Tcp,
    })
}

/// The load balancer that forwards a cloud's health checks of a load-balancer address to the node.
fn for_health_check(
    view: &ServicePortView,
    frontend: &Frontend,
    around: Surroundings<'_>,
    rank: Rank,
) -> Option<(LoadBalancerKey, WantedLoadBalancer)> {
    let root = around.network.root_endpoint?;
    let key = health_check_key(view, frontend, around.network)?;
    let preserving = crate::frontend::preserves_destination(view, frontend, around.network);
    let flags_of_port = if preserving {
        PortMappingFlags::USE_MUX | PortMappingFlags::PRESERVE_DIP
    } else {
        PortMappingFlags::NONE
    };
    let load_balancer = WantedLoadBalancer {
        view: view.key.clone(),
        rank,
        flags: flags(view.key.family, false),
        mapping: Mapping {
            protocol: IpProtocol(u32::from(Protocol::Tcp.number())),
            internal_port: key.port,
            external_port: key.port,
            distribution: Distribution::default(),
            flags: flags_of_port,
        },
        source_vip: around.network.source_vip,
        backends: Arc::from([(root, Role::Local)]),
        companions: Companions { virtual_address: None, source_vip: around.network.source_vip },
        replace_on_change: view.replace_on_change,
    };
    Some((key, load_balancer))
}

fn role(backend: &Backend, around: Surroundings<'_>) -> Role {
    match Place::of(backend, around.node, around.network) {
        Place::Here => Role::Local,
        Place::ThisNode => Role::ThisNode,
        Place::PodElsewhere(_) | Place::OtherNode | Place::Public => Role::Remote,
    }
}

fn flags(family: Family, dsr: bool) -> LoadBalancerFlags {
    let family = match family {
        Family::IPv4 => LoadBalancerFlags::NONE,
        Family::IPv6 => LoadBalancerFlags::IPV6,
    };
    family | if dsr { LoadBalancerFlags::DSR } else { LoadBalancerFlags::NONE }
}

impl Rank {
    fn of(view: &ServicePortView, around: Surroundings<'_>) -> Self {
        let service = &view.key.service;
        if service.namespace == "default" && service.name == "kubernetes" {
            Self::ApiServer
        } else if view.cluster_dns || around.priority_services.contains(service) {
            Self::Priority
        } else if view.cluster.iter().chain(&*view.local).any(|backend| backend.local) {
            Self::LocalBackend
        } else {
            Self::Rest
        }
    }
}

impl Mapping {
    pub(crate) fn document(self) -> PortMapping {
        PortMapping {
            protocol: self.protocol,
            internal_port: self.internal_port,
            external_port: self.external_port,
            distribution_type: self.distribution,
            flags: self.flags,
            ..PortMapping::default()
        }
    }

    pub(crate) fn of(document: &PortMapping) -> Self {
        Self {
            protocol: document.protocol,
            internal_port: document.internal_port,
            external_port: document.external_port,
            distribution: document.distribution_type,
            flags: document.flags,
        }
    }
}

impl WantedLoadBalancer {
    /// The endpoints that must be there, and as what: its backends, and those that an overlay needs besides.
    pub(super) fn needs(&self) -> impl Iterator<Item = (IpAddr, Role)> {
        self.companions().chain(self.backends.iter().copied())
    }

    /// The endpoints that it needs and does not name.
    pub(crate) fn companions(&self) -> impl Iterator<Item = (IpAddr, Role)> {
        let Companions { virtual_address, source_vip } = self.companions;
        let virtual_address = virtual_address.map(|vip| (vip, Role::VirtualAddress));
        virtual_address.into_iter().chain(source_vip.map(|vip| (vip, Role::SourceVip)))
    }

    /// What it is, apart from its backends.
    pub(super) fn form(&self) -> (LoadBalancerFlags, Mapping, Option<IpAddr>) {
        (self.flags, self.mapping, self.source_vip)
    }

    /// The document for it, over `endpoints`.
    pub(crate) fn document(
        &self,
        id: Guid,
        key: &LoadBalancerKey,
        endpoints: Vec<Guid>,
    ) -> LoadBalancer {
        LoadBalancer {
            id: Some(id),
            owner: OWNER.to_owned(),
            name: format!("{}:{} {key}", self.view.service, self.view.port),
            host_compute_endpoints: endpoints,
            source_vip: self.source_vip.map(|vip| vip.to_string()).unwrap_or_default(),
            frontend_vips: key.vip.iter().map(ToString::to_string).collect(),
            port_mappings: vec![self.mapping.document()],
            flags: self.flags,
            schema_version: Some(Version::SCHEMA),
            ..LoadBalancer::default()
        }
    }
}
