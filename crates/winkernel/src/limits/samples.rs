//! Which limits some packet to a frontend meets.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use switchyard_model::{
    Client, Destination, Family, Frontend, Origin, Packet, ServicePortView, Verdict,
};

use super::{Ground, Limit, substitute, without_frontend};
use crate::backends::choose;

/// Every limit that some packet to `frontend`, one of the view's, meets at present.
#[must_use]
pub fn met(view: &ServicePortView, frontend: &Frontend, ground: Ground<'_>) -> BTreeSet<Limit> {
    let node = ground.node;
    let mut limits = BTreeSet::new();
    for packet in samples(view, frontend, ground) {
        let unanswered =
            frontend.address.is_none() && !node.answers_node_ports_at(packet.destination.address());
        let model =
            if unanswered { Verdict::pass() } else { view.verdict(frontend, node, &packet) };
        let destination = packet.destination.address();
        let substitute = if destination.is_loopback() {
            without_frontend(&model)
        } else {
            substitute(view, frontend, ground, &packet, &model)
        };
        limits.extend(substitute.limits);
    }
    if view.affinity_timeout.is_some() && choose(view, frontend, node, ground.network).is_some() {
        limits.insert(Limit::AffinityTimeout);
    }
    limits
}

/// One packet of each kind that a limit tells apart: from every class of client, inside and outside of the source ranges, to
/// every address that answers.
fn samples(view: &ServicePortView, frontend: &Frontend, ground: Ground<'_>) -> Vec<Packet> {
    let Ground { node, network, .. } = ground;
    let family = view.key.family;
    let node_addresses = node
        .addresses
        .iter()
        .map(|own| own.address)
        .chain(network.management_addresses.iter().copied())
        .chain(loopback(family).filter(|address| node.answers_node_ports_at(*address)))
        .filter(|address| Family::of(*address) == family);
    let destinations: BTreeSet<IpAddr> = match frontend.address {
        Some(address) => BTreeSet::from([address]),
        None => node_addresses.collect(),
    };
    let ranges = frontend.source_ranges.iter().flat_map(|ranges| ranges.iter());
    let edges = ranges.flat_map(|range| [Some(range.network()), before(range), behind(range)]);
    let sources: BTreeSet<IpAddr> = edges.flatten().chain([nobody(family)]).collect();
    let origins = [
        (Origin::Node, true),
        (Origin::LocalPod, true),
        (Origin::RemotePod, true),
        (Origin::Outside, false),
    ];
    let mut packets = Vec::new();
    for destination in destinations {
        let (port, protocol) = (frontend.port.get(), view.key.protocol);
        for address in &sources {
            for (origin, internal) in origins {
                packets.push(Packet {
                    client: Client { address: *address, origin, internal },
                    destination: Destination::Port { address: destination, port, protocol },
                });
            }
        }
    }
    packets
}

/// The loopback address of `family`.
fn loopback(family: Family) -> impl Iterator<Item = IpAddr> {
    let address = match family {
        Family::IPv4 => IpAddr::V4(Ipv4Addr::LOCALHOST),
        Family::IPv6 => IpAddr::V6(Ipv6Addr::LOCALHOST),
    };
    std::iter::once(address)
}

/// The address before the first of `range`.
fn before(range: &IpNet) -> Option<IpAddr> {
    match range.network() {
        IpAddr::V4(first) => first.to_bits().checked_sub(1).map(|bits| Ipv4Addr::from(bits).into()),
        IpAddr::V6(first) => first.to_bits().checked_sub(1).map(|bits| Ipv6Addr::from(bits).into()),
    }
}

/// The address behind the last of `range`.
fn behind(range: &IpNet) -> Option<IpAddr> {
    match range.broadcast() {
        IpAddr::V4(last) => last.to_bits().checked_add(1).map(|bits| Ipv4Addr::from(bits).into()),
        IpAddr::V6(last) => last.to_bits().checked_add(1).map(|bits| Ipv6Addr::from(bits).into()),
    }
}

/// An address that no client has.
fn nobody(family: Family) -> IpAddr {
    match family {
        Family::IPv4 => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        Family::IPv6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    }
}
