//! The HNS network that load balancers are made on, and what the operator says of it.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;
use switchyard_hcn::{
    Capabilities, Endpoint, Feature, Guid, MacAddress, Network, NetworkType, Policy, RemoteSubnet,
    Version,
};
use switchyard_model::{Family, NodeFacts};

/// What the operator says, and what HNS does not tell of the node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WindowsSettings {
    /// Whether ClusterIP load balancers are to use direct server return (`--enable-dsr`).
    pub dsr: bool,
    /// Whether clients of ClusterIPs are always rewritten, which direct server return cannot do.
    pub masquerade_all: bool,
    /// The address that load balancers of an overlay rewrite clients to (`--source-vip`); without it the endpoint is looked
    /// for that a CNI makes for it.
    pub source_vip: Option<IpAddr>,
    /// Whether a cloud's health checks of a load-balancer address are forwarded to the node (`--forward-healthcheck-vip`).
    pub forward_health_check_vip: bool,
    /// The name of the endpoint by which the node itself is reached (`--root-hnsendpoint-name`).
    pub root_endpoint_name: String,
    /// The node's addresses, besides those that HNS tells.
    pub management_addresses: BTreeSet<IpAddr>,
    /// The hardware address of the adapter with the node's address, where HNS does not tell.
    pub host_mac: Option<MacAddress>,
    /// The addresses that pods of this node have, where HNS does not tell.
    pub subnets: Vec<IpNet>,
    /// Routes of an overlay to the pods of other nodes, besides those that HNS tells.
    pub remote_subnets: Vec<RemoteSubnet>,
}

impl Default for WindowsSettings {
    fn default() -> Self {
        Self {
            dsr: true,
            masquerade_all: false,
            source_vip: None,
            forward_health_check_vip: false,
            root_endpoint_name: "cbr0".to_owned(),
            management_addresses: BTreeSet::new(),
            host_mac: None,
            subnets: Vec::new(),
            remote_subnets: Vec::new(),
        }
    }
}

/// What the planner knows of the network and of HNS: a function of the settings, the network's document, the endpoints on
/// this node, and the version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WindowsNetwork {
    /// The network's id.
    pub id: Guid,
    /// Whether it is an overlay; otherwise it is bridged.
    pub overlay: bool,
    /// The node's addresses on it.
    pub management_addresses: BTreeSet<IpAddr>,
    /// The address by which other nodes of an overlay reach this one.
    pub provider_address: Option<IpAddr>,
    /// The hardware address of the host on it.
    pub host_mac: Option<MacAddress>,
    /// The addresses that pods of this node have.
    pub subnets: Vec<IpNet>,
    /// How an overlay reaches the pods of other nodes.
    pub remote_subnets: Vec<RemoteSubnet>,
    /// The address that load balancers of an overlay rewrite clients to.
    pub source_vip: Option<IpAddr>,
    /// The address of the endpoint that health checks of a load-balancer address are forwarded to, if they are.
    pub root_endpoint: Option<IpAddr>,
    /// What this HNS can do.
    pub capabilities: Capabilities,
    /// The most backends that a load balancer takes.
    pub most_backends: usize,
    /// Whether ClusterIP load balancers are to use direct server return.
    pub dsr: bool,
    /// Whether clients of ClusterIPs are always rewritten.
    pub masquerade_all: bool,
}

/// Why no load balancer can be made on a network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NetworkTrouble {
    /// No address to rewrite clients to is known.
    #[error(
        "overlay network {network} has no endpoint called Calico_ep or with the host's hardware address: name the address to rewrite clients to with --source-vip"
    )]
    NoSourceVip {
        /// The network's name.
        network: String,
    },
    /// The address to rewrite clients to is no address of the network.
    #[error("--source-vip {address} is in no subnet of network {network} ({subnets})")]
    SourceVipOutside {
        /// The address.
        address: IpAddr,
        /// The network's name.
        network: String,
        /// Its subnets.
        subnets: String,
    },
    /// The address to rewrite clients to is an IPv6 one.
    #[error("--source-vip {address}: an overlay rewrites clients to IPv4 addresses")]
    SourceVipFamily {
        /// The address.
        address: IpAddr,
    },
    /// The host's hardware address is not known.
    #[error(
        "the hardware address of the host on overlay network {network} is not known: no adapter has the node's address"
    )]
    NoHostMac {
        /// The network's name.
        network: String,
    },
    /// The node's address is not known.
    #[error("overlay network {network} has no ManagementIP and the node no address")]
    NoManagementAddress {
        /// The network's name.
        network: String,
    },
}

impl WindowsNetwork {
    /// What `document` says, with `endpoints`, those of the network that are on this node.
    #[must_use]
    pub fn new<'a>(
        document: &Network,
        endpoints: impl IntoIterator<Item = &'a Endpoint>,
        version: Version,
        settings: &WindowsSettings,
    ) -> Self {
        let overlay = document.network_type == NetworkType::Overlay;
        let host_mac = host_mac(document).or(settings.host_mac);
        let mut remote_subnets: Vec<_> = document.remote_subnets().collect();
        for route in &settings.remote_subnets {
            if remote_subnets.iter().all(|own| own.destination_prefix != route.destination_prefix) {
                remote_subnets.push(route.clone());
            }
        }
        let mut source_vip = settings.source_vip;
        let mut root_endpoint = None;
        for endpoint in endpoints.into_iter().filter(|endpoint| !endpoint.is_remote()) {
            let is_source = endpoint.name.eq_ignore_ascii_case("Calico_ep")
                || (endpoint.mac().is_some() && endpoint.mac() == host_mac);
            let address = endpoint.addresses().find(IpAddr::is_ipv4);
            if is_source {
                source_vip = source_vip.or(address);
            }
            if settings.forward_health_check_vip && endpoint.name == settings.root_endpoint_name {
                root_endpoint = endpoint.addresses().next();
            }
        }
        let mut management_addresses = management_addresses(document);
        management_addresses.extend(&settings.management_addresses);
        let subnets: Vec<IpNet> =
            document.subnets().filter_map(switchyard_hcn::Subnet::prefix).collect();
        let first = || management_addresses.iter().copied().find(IpAddr::is_ipv4);
        Self {
            id: document.id.unwrap_or(Guid::NIL),
            overlay,
            provider_address: provider_address(document).or_else(first),
            management_addresses,
            host_mac,
            subnets: if subnets.is_empty() { settings.subnets.clone() } else { subnets },
            remote_subnets,
            source_vip: source_vip.filter(|_| overlay),
            root_endpoint,
            capabilities: Capabilities::of(version),
            most_backends: most_backends(version),
            dsr: settings.dsr,
            masquerade_all: settings.masquerade_all,
        }
    }

    /// Why no load balancer can be made on it, called `name`.
    ///
    /// # Errors
    /// When an overlay lacks what its endpoints are made of.
    pub fn check(&self, name: &str) -> Result<(), NetworkTrouble> {
        if !self.overlay {
            return Ok(());
        }
        let network = name.to_owned();
        if self.host_mac.is_none() {
            return Err(NetworkTrouble::NoHostMac { network });
        }
        if self.provider_address.is_none() {
            return Err(NetworkTrouble::NoManagementAddress { network });
        }
        let Some(address) = self.source_vip else {
            return Err(NetworkTrouble::NoSourceVip { network });
        };
        if !address.is_ipv4() {
            return Err(NetworkTrouble::SourceVipFamily { address });
        }
        if !self.subnets.iter().any(|subnet| subnet.contains(&address)) {
            let subnets: Vec<_> = self.subnets.iter().map(ToString::to_string).collect();
            let subnets = if subnets.is_empty() { "none".to_owned() } else { subnets.join(", ") };
            return Err(NetworkTrouble::SourceVipOutside { address, network, subnets });
        }
        Ok(())
    }

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

    /// Whether load balancers of `family` can be made.
    pub(crate) fn serves(&self, family: Family) -> bool {
        match family {
            Family::IPv4 => true,
            Family::IPv6 => !self.overlay && self.capabilities.has(Feature::Ipv6DualStack),
        }
    }

    /// Whether `address` is the node's own, by the network or by the Node.
    #[must_use]
    pub fn is_own_address(&self, node: &NodeFacts, address: IpAddr) -> bool {
        self.management_addresses.contains(&address) || node.has_address(address)
    }
}

/// The most backends a load balancer takes. Builds before the updates of 2021 and 2022 take 64, those after 1,024
/// (kubernetes/kubernetes#98680, #135518); the version does not tell the update, so that the old builds count as not updated.
fn most_backends(version: Version) -> usize {
    if version < Version::new(11, 0) { 64 } else { 1_024 }
}

/// The node's address as an overlay tells it to other nodes.
fn provider_address(network: &Network) -> Option<IpAddr> {
    let managed = network.unknown.get("ManagementIP").and_then(|value| value.as_str());
    let managed = managed.and_then(|text| text.parse().ok());
    network.policy(Policy::as_provider_address).or(managed).filter(IpAddr::is_ipv4)
}

/// The node's addresses as the network knows them: `ManagementIP` and an overlay's own provider address, which HNS fills
/// in, and those that a state made here carries besides.
fn management_addresses(network: &Network) -> BTreeSet<IpAddr> {
    let single = network.unknown.get("ManagementIP").and_then(|value| value.as_str());
    let all = parameter(network, "ManagementAddresses").and_then(|addresses| addresses.as_array());
    let all = all.into_iter().flatten().filter_map(|value| value.as_str());
    let provider = network.policies.iter().filter_map(Policy::as_provider_address);
    let told = single.into_iter().chain(all).filter_map(|text| text.parse().ok());
    told.chain(provider).collect()
}

/// The hardware address of the host on the network: what a state made here carries, the policy that sets it, or what
/// version 1 of the API calls it.
fn host_mac(network: &Network) -> Option<MacAddress> {
    let set = network.policies.iter().filter(|policy| policy.is("SourceMacAddress"));
    let set = set.filter_map(|policy| policy.settings.get("SourceMacAddress"));
    let candidates = parameter(network, "HostMac")
        .into_iter()
        .chain(set)
        .chain(network.unknown.get("SourceMac"));
    candidates.filter_map(|value| value.as_str()).find_map(|text| text.parse().ok())
}

fn parameter<'a>(network: &'a Network, name: &str) -> Option<&'a serde_json::Value> {
    network.unknown.get("AdditionalParams")?.get(name)
}
