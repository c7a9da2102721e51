//! What should be in HNS: a function of the views, the node and the network.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use switchyard_hcn::{
    Distribution, Guid, IpProtocol, LoadBalancer, LoadBalancerFlags, MacAddress, PortMapping,
    PortMappingFlags, Version,
};
use switchyard_model::{
    Family, Frontend, FrontendKind, NodeFacts, Protocol, ServiceKey, ServicePortView, ViewKey,
    ViewSet,
};

use crate::backends::{Chosen, choose};
use crate::frontend::planned_dsr;
use crate::identity::{OWNER, hashed_mac};
use crate::key::LoadBalancerKey;
use crate::network::WindowsNetwork;

/// What should be in HNS.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// The load balancers, by frontend.
    pub(crate) load_balancers: BTreeMap<LoadBalancerKey, WantedLoadBalancer>,
    /// The backends that need an endpoint, by address.
    pub(crate) endpoints: BTreeMap<IpAddr, WantedEndpoint>,
}

/// A load balancer that should exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WantedLoadBalancer {
    /// Who it is for.
    pub(crate) view: ViewKey,
    pub(crate) rank: Rank,
    pub(crate) flags: LoadBalancerFlags,
    pub(crate) mapping: PortMapping,
    pub(crate) backends: BTreeSet<IpAddr>,
    /// The annotation `winProxyOptimization: DISABLED`: changes replace it.
    pub(crate) replace_on_change: bool,
}

/// An endpoint that some load balancer names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WantedEndpoint {
    /// A pod on this node: its endpoint is the CNI's, never ours to make. Otherwise the hardware address of the remote
    /// endpoint to make.
    pub(crate) kind: EndpointKind,
    /// The service ports that use it.
    pub(crate) views: BTreeSet<ViewKey>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EndpointKind {
    Local,
    Remote(MacAddress),
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

impl Wanted {
    /// What the views of a ViewStream need. Nothing is wanted before the stream has said all it knows: what is absent from a
    /// part may be in the rest.
    #[must_use]
    pub fn new(
        views: &ViewSet,
        network: &WindowsNetwork,
        priority_services: &[ServiceKey],
    ) -> Option<Self> {
        let node = views.node().filter(|_| views.revision().is_some())?;
        let mut wanted = Self::default();
        for view in views.views() {
            for frontend in &view.frontends {
                wanted.add(view, frontend, node, network, priority_services);
            }
        }
        wanted.resolve_hardware_addresses();
        Some(wanted)
    }

    fn add(
        &mut self,
        view: &ServicePortView,
        frontend: &Frontend,
        node: &NodeFacts,
        network: &WindowsNetwork,
        priority_services: &[ServiceKey],
    ) {
        let Some(chosen) = choose(view, frontend) else { return };
        for backend in &chosen.backends {
            let local = backend.local && !network.is_own_address(node, backend.address);
            let kind = if local {
                EndpointKind::Local
            } else {
                EndpointKind::Remote(plain_mac(backend.address))
            };
            let endpoint = self
                .endpoints
                .entry(backend.address)
                .or_insert_with(|| WantedEndpoint { kind, views: BTreeSet::new() });
            // Two Services may disagree on where a pod is; here wins, for a local endpoint is only ever waited for.
            if local {
                endpoint.kind = EndpointKind::Local;
            }
            endpoint.views.insert(view.key.clone());
        }
        let key = LoadBalancerKey::of(view, frontend);
        let load_balancer = WantedLoadBalancer {
            view: view.key.clone(),
            rank: Rank::of(view, priority_services),
            flags: flags(view.key.family, planned_dsr(frontend, network)),
            mapping: mapping(view, frontend, &chosen, network),
            backends: chosen.backends.iter().map(|backend| backend.address).collect(),
            replace_on_change: view.replace_on_change,
        };
        // Views never hold a frontend twice; should they, the first by key stays.
        self.load_balancers.entry(key).or_insert(load_balancer);
    }

    /// Gives IPv6 backends hardware addresses that are unique: load balancers mix flows of backends with equal ones
    /// (kubernetes/kubernetes#68897). IPv4 ones are unique by their making.
    fn resolve_hardware_addresses(&mut self) {
        let mut taken = BTreeSet::new();
        for (address, endpoint) in &mut self.endpoints {
            let (EndpointKind::Remote(mac), IpAddr::V6(address)) = (&mut endpoint.kind, address)
            else {
                continue;
            };
            let mut attempt = 0;
            while !taken.insert(*mac) {
                attempt += 1;
                *mac = hashed_mac(*address, attempt);
            }
        }
    }
}

impl Rank {
    fn of(view: &ServicePortView, priority_services: &[ServiceKey]) -> Self {
        let service = &view.key.service;
        if service.namespace == "default" && service.name == "kubernetes" {
            Self::ApiServer
        } else if view.cluster_dns || priority_services.contains(service) {
            Self::Priority
        } else if view.cluster.iter().chain(&*view.local).any(|backend| backend.local) {
            Self::LocalBackend
        } else {
            Self::Rest
        }
    }
}

fn flags(family: Family, dsr: bool) -> LoadBalancerFlags {
    let family = match family {
        Family::IPv4 => LoadBalancerFlags::NONE,
        Family::IPv6 => LoadBalancerFlags::IPV6,
    };
    family | if dsr { LoadBalancerFlags::DSR } else { LoadBalancerFlags::NONE }
}

/// The port mapping, with the flags that kube-proxy gives each kind of frontend (`pkg/proxy/winkernel/proxier.go`).
fn mapping(
    view: &ServicePortView,
    frontend: &Frontend,
    chosen: &Chosen,
    network: &WindowsNetwork,
) -> PortMapping {
    let flags = match frontend.kind {
        FrontendKind::ClusterIP => PortMappingFlags::NONE,
        FrontendKind::NodePort => {
            PortMappingFlags::LOCAL_ROUTED_VIP | PortMappingFlags::VIP_EXTERNAL_IP
        }
        FrontendKind::LoadBalancerIP | FrontendKind::ExternalIP => {
            PortMappingFlags::VIP_EXTERNAL_IP
        }
    };
    let sticky = view.affinity_timeout.is_some() && network.has_affinity();
    PortMapping {
        protocol: IpProtocol(u32::from(view.key.protocol.number())),
        internal_port: chosen.port.get(),
        external_port: frontend.port.get(),
        distribution_type: if sticky { Distribution::SOURCE_IP } else { Distribution::default() },
        flags,
        ..PortMapping::default()
    }
}

/// The hardware address of a remote endpoint, before collisions. For IPv4 it is the one kube-proxy gives, so that its
/// endpoints can be used.
fn plain_mac(address: IpAddr) -> MacAddress {
    match address {
        IpAddr::V4(address) => {
            let [a, b, c, d] = address.octets();
            MacAddress([0x02, 0x11, a, b, c, d])
        }
        IpAddr::V6(address) => hashed_mac(address, 0),
    }
}

impl WantedLoadBalancer {
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
            frontend_vips: key.vip.iter().map(ToString::to_string).collect(),
            port_mappings: vec![self.mapping.clone()],
            flags: self.flags,
            schema_version: Some(Version { major: 2, minor: 0 }),
            ..LoadBalancer::default()
        }
    }
}

/// The protocol that HNS calls `number`.
pub(crate) fn protocol_of(number: IpProtocol) -> Option<Protocol> {
    [Protocol::Tcp, Protocol::Udp, Protocol::Sctp]
        .into_iter()
        .find(|protocol| u32::from(protocol.number()) == number.0)
}
