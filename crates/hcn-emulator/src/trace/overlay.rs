//! Which remote endpoints of an overlay network are routed.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;
use switchyard_hcn::{Endpoint, Guid, MacAddress, Network, NetworkType, RemoteSubnet};

use super::NodeAddresses;
use crate::State;

/// Why an overlay network does not carry packets to a remote endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotRouted {
    /// It has no provider address, or one that cannot be read.
    NoProvider,
    /// It has no hardware address, or one that cannot be read.
    NoMac,
    /// It is at an address of this node and has another hardware address than the host.
    NotTheHost {
        /// What it has.
        mac: MacAddress,
        /// The host's.
        host: MacAddress,
    },
    /// It is behind another node and has this host's hardware address.
    TheHost {
        /// The address of the other node.
        provider: IpAddr,
        /// The host's hardware address, which it has.
        host: MacAddress,
    },
    /// The network has a route to its address through another node.
    OtherProvider {
        /// The node that the endpoint names.
        provider: IpAddr,
        /// The addresses that the route is for.
        prefix: IpNet,
        /// The node that the route names.
        routed: IpAddr,
    },
}

impl NotRouted {
    /// The word used in JSON.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::NoProvider => "noProviderAddress",
            Self::NoMac => "noHardwareAddress",
            Self::NotTheHost { .. } => "notTheHostsHardwareAddress",
            Self::TheHost { .. } => "theHostsHardwareAddress",
            Self::OtherProvider { .. } => "otherProviderAddress",
        }
    }
}

impl fmt::Display for NotRouted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not routed on the overlay: ")?;
        match self {
            Self::NoProvider => f.write_str("it has no provider address"),
            Self::NoMac => f.write_str("it has no hardware address"),
            Self::NotTheHost { mac, host } => write!(
                f,
                "it is at an address of this node but has the hardware address {mac}, not the host's {host}"
            ),
            Self::TheHost { provider, host } => write!(
                f,
                "it is behind node {provider} but has this host's hardware address {host}"
            ),
            Self::OtherProvider { provider, prefix, routed } => write!(
                f,
                "its provider address is {provider}, but the network's route to {prefix} goes to {routed}"
            ),
        }
    }
}

/// Why a remote endpoint at a VIP does not lead packets to this host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misleading {
    /// It has no provider address, or one that cannot be read.
    NoProvider,
    /// Its provider address is of another node.
    Provider(IpAddr),
    /// It has no hardware address, or one that cannot be read.
    NoMac,
    /// It has another hardware address than the host.
    Mac {
        /// What it has.
        mac: MacAddress,
        /// The host's.
        host: MacAddress,
    },
}

impl fmt::Display for Misleading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoProvider => f.write_str("no provider address"),
            Self::Provider(provider) => {
                write!(f, "the provider address {provider}, which is not this node's")
            }
            Self::NoMac => f.write_str("no hardware address"),
            Self::Mac { mac, host } => {
                write!(f, "the hardware address {mac}, not the host's {host}")
            }
        }
    }
}

/// The overlay networks of a state. On other networks the underlay routes, so there is nothing to know of them.
#[derive(Debug)]
pub(super) struct Overlays(BTreeMap<Guid, Overlay>);

#[derive(Debug)]
struct Overlay {
    host: Option<MacAddress>,
    routes: Vec<RemoteSubnet>,
}

impl Overlays {
    pub(super) fn of(state: &State) -> Self {
        let overlays =
            state.networks().filter(|(_, network)| network.network_type == NetworkType::Overlay);
        let overlay = |network: &Network| Overlay {
            host: host_mac(network),
            routes: network.remote_subnets().collect(),
        };
        Self(overlays.map(|(id, network)| (id, overlay(network))).collect())
    }

    /// Why packets to `endpoint` at `address` are not carried; nothing where they are, or where the endpoint is not a
    /// remote one of an overlay network.
    ///
    /// The Kubernetes enhancement KEP-5100 and kube-proxy describe what is right: the other node's address as provider
    /// address and a hardware address of the endpoint's own; for what this node itself delivers (a virtual address, a
    /// public one) the node's own provider address. That anything else is lost is inferred.
    pub(super) fn refuse(
        &self,
        endpoint: &Endpoint,
        address: IpAddr,
        node: &NodeAddresses,
    ) -> Option<NotRouted> {
        if !endpoint.is_remote() {
            return None;
        }
        let overlay = self.0.get(&endpoint.host_compute_network?)?;
        let Some(provider) = endpoint.provider_address() else {
            return Some(NotRouted::NoProvider);
        };
        let Some(mac) = endpoint.mac() else {
            return Some(NotRouted::NoMac);
        };
        if let Some(host) = overlay.host {
            if node.contains(address) && mac != host {
                return Some(NotRouted::NotTheHost { mac, host });
            }
            if !node.contains(provider) && mac == host {
                return Some(NotRouted::TheHost { provider, host });
            }
        }
        let route = overlay.route(address).filter(|route| route.provider_address != provider)?;
        Some(NotRouted::OtherProvider {
            provider,
            prefix: route.destination_prefix,
            routed: route.provider_address,
        })
    }

    /// Why `endpoint`, which is at a VIP on `network`, does not lead packets to this host. kube-proxy gives such an endpoint
    /// the host's hardware address and this node's own provider address. Addresses that are not known are not judged.
    pub(super) fn misleads(
        &self,
        network: Guid,
        endpoint: &Endpoint,
        node: &NodeAddresses,
    ) -> Option<Misleading> {
        let Some(provider) = endpoint.provider_address() else {
            return Some(Misleading::NoProvider);
        };
        if node.iter().next().is_some() && !node.contains(provider) {
            return Some(Misleading::Provider(provider));
        }
        let Some(mac) = endpoint.mac() else {
            return Some(Misleading::NoMac);
        };
        let host = self.0.get(&network)?.host?;
        (mac != host).then_some(Misleading::Mac { mac, host })
    }

    /// Whether hardware addresses on `network` cannot be judged, for want of the host's.
    pub(super) fn host_is_unknown(&self, network: Guid) -> bool {
        self.0.get(&network).is_some_and(|overlay| overlay.host.is_none())
    }
}

impl Overlay {
    /// The route to `address`: the last that is for it, as kube-proxy looks them up. To kube-proxy the address of another
    /// node itself is behind that node, whatever a route before says.
    fn route(&self, address: IpAddr) -> Option<&RemoteSubnet> {
        let concerns = |route: &&RemoteSubnet| {
            route.destination_prefix.contains(&address) || route.provider_address == address
        };
        let last = self.routes.iter().rev().find(concerns)?;
        last.destination_prefix.contains(&address).then_some(last)
    }
}

/// The hardware address of the host on a network: what a state of our own tools carries, else the policy that sets it,
/// else what version 1 of the API calls it.
fn host_mac(network: &Network) -> Option<MacAddress> {
    let parameters = network.unknown.get("AdditionalParams");
    let carried = parameters.and_then(|parameters| parameters.get("HostMac"));
    let policies = network.policies.iter().filter(|policy| policy.is("SourceMacAddress"));
    let set = policies.filter_map(|policy| policy.settings.get("SourceMacAddress"));
    let told = network.unknown.get("SourceMac");
    let candidates = carried.into_iter().chain(set).chain(told);
    candidates.filter_map(|value| value.as_str()).find_map(|text| text.parse().ok())
}
