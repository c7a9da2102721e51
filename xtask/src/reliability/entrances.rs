//! What a node serves: what the cluster wants served, and what HNS serves.

use std::collections::BTreeSet;
use std::net::IpAddr;

use switchyard_hcn::{IpProtocol, LoadBalancer, LoadBalancerFlags};
use switchyard_hcn_emulator::State;
use switchyard_model::{Family, Protocol};
use switchyard_nodeview::Stream;
use switchyard_winkernel::{LoadBalancerKey, WindowsNetwork};

/// What is served: by one load balancer of ours.
pub(super) type Entrance = LoadBalancerKey;

/// What a load balancer stands for; none for one that is not as ours are.
pub(super) fn entrance(held: &LoadBalancer) -> Option<Entrance> {
    let [mapping] = held.port_mappings.as_slice() else { return None };
    let protocol = match mapping.protocol {
        IpProtocol::TCP => Protocol::Tcp,
        IpProtocol::UDP => Protocol::Udp,
        IpProtocol::SCTP => Protocol::Sctp,
        _ => return None,
    };
    let vip = held.vips().next();
    let is_ipv6 = held.flags.contains(LoadBalancerFlags::IPV6);
    let of_flags = if is_ipv6 { Family::IPv6 } else { Family::IPv4 };
    let family = vip.map_or(of_flags, Family::of);
    Some(Entrance { family, vip, port: mapping.external_port, protocol })
}

/// The entrances that HNS serves with some endpoint that exists.
pub(super) fn served(state: &State) -> BTreeSet<Entrance> {
    let serves = |held: &&LoadBalancer| {
        !held.is_degraded()
            && held.host_compute_endpoints.iter().any(|id| state.endpoint(*id).is_some())
    };
    let held = state.load_balancers().map(|(_, held)| held).filter(serves);
    held.filter_map(entrance).collect()
}

/// The entrances that are to be served.
pub(super) fn wanted(stream: &Stream) -> BTreeSet<Entrance> {
    let entrances = stream.view().views().flat_map(|view| {
        let (family, protocol) = (view.key.family, view.key.protocol);
        let entrance = move |vip, port| Entrance { family, vip, port, protocol };
        view.frontends.iter().map(move |own| entrance(own.address, own.port.get()))
    });
    entrances.collect()
}

/// The node's pods that have endpoints of their own, by what the cluster says.
pub(super) fn pods(stream: &Stream, network: &WindowsNetwork) -> BTreeSet<IpAddr> {
    let node = stream.view().node();
    let own = &network.management_addresses;
    let endpoints = stream.cluster().slices().flat_map(|slice| slice.endpoints.iter());
    endpoints
        .filter(|endpoint| endpoint.node.as_ref() == Some(&node.name))
        .filter_map(|endpoint| endpoint.address)
        .filter(|address| !own.contains(address) && !node.has_address(*address))
        .collect()
}
