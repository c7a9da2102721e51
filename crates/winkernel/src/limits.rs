//! What HNS cannot do, as data: for a packet, what HNS will answer instead of the model, and by which limits.
//!
//! Everything here is computed from the view, the node and the network alone, never from the state of HNS: so the model
//! plus the limits can be held against a trace of HNS.

use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use switchyard_model::{
    Client, Deciders, Destination, Family, Frontend, FrontendKind, NodeFacts, Origin, Outcome,
    Packet, Reached, ServicePortView, SourceRule, SourceSeen, Verdict,
};

use crate::backends::{Chosen, choose};
use crate::frontend::{planned_dsr, planned_set};
use crate::network::WindowsNetwork;

/// Where frontends are served: what the limits depend on besides the view and the node.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The network.
    pub network: &'a WindowsNetwork,
    /// The addresses of this node's pods that have an endpoint on it, made by the CNI.
    pub local_endpoints: &'a BTreeSet<IpAddr>,
}

/// One thing that HNS cannot do. The names are a contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Limit {
    /// A packet that should be rejected or dropped is left alone.
    Refusal,
    /// Load-balancer source ranges are not obeyed.
    SourceRanges,
    /// Node ports answer at every address of the node.
    NodePortAddresses,
    /// Internal and external clients have the same backends.
    InternalShortcut,
    /// Under direct server return, clients that are not on this node reach local backends only.
    DsrRemoteClient,
    /// The client's address is rewritten where it should be kept.
    ClientAddress,
    /// Affinity has no time-out; HNS below 12.0 has no affinity.
    AffinityTimeout,
    /// Backends of another port than the most common are left out.
    InternalPort,
    /// Backends beyond what a load balancer takes are left out.
    TooManyBackends,
}

impl Limit {
    /// All limits.
    pub const ALL: [Self; 9] = [
        Self::Refusal,
        Self::SourceRanges,
        Self::NodePortAddresses,
        Self::InternalShortcut,
        Self::DsrRemoteClient,
        Self::ClientAddress,
        Self::AffinityTimeout,
        Self::InternalPort,
        Self::TooManyBackends,
    ];

    /// The name used in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Refusal => "refusal",
            Self::SourceRanges => "source-ranges",
            Self::NodePortAddresses => "node-port-addresses",
            Self::InternalShortcut => "internal-shortcut",
            Self::DsrRemoteClient => "dsr-remote-client",
            Self::ClientAddress => "client-address",
            Self::AffinityTimeout => "affinity-timeout",
            Self::InternalPort => "internal-port",
            Self::TooManyBackends => "too-many-backends",
        }
    }

    /// What a user sees of it.
    #[must_use]
    pub fn explanation(self) -> &'static str {
        match self {
            Self::Refusal => {
                "HNS cannot reject or drop: such packets are left alone and time out or go elsewhere"
            }
            Self::SourceRanges => {
                "HNS does not filter: clients outside the source ranges are served"
            }
            Self::NodePortAddresses => "HNS answers the node port at every address of the node",
            Self::InternalShortcut => {
                "HNS has one set of backends for internal and external clients"
            }
            Self::DsrRemoteClient => {
                "under direct server return, clients elsewhere reach backends on this node only"
            }
            Self::ClientAddress => {
                "the backend sees an address of the node instead of the client's"
            }
            Self::AffinityTimeout => {
                "HNS keeps clients with their backends without the Service's time-out"
            }
            Self::InternalPort => {
                "one load balancer has one backend port: backends with another are left out"
            }
            Self::TooManyBackends => {
                "a load balancer takes 1,024 backends: the others are left out"
            }
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What HNS will answer to a packet, and the limits that make it differ from the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Substitute {
    /// The answer.
    pub verdict: Verdict,
    /// The limits that changed it.
    pub limits: BTreeSet<Limit>,
}

impl Substitute {
    /// Whether `verdict` is what was foretold, whatever is said to have decided it.
    #[must_use]
    pub fn foretells(&self, verdict: &Verdict) -> bool {
        let foretold = &self.verdict;
        foretold.outcome == verdict.outcome
            && foretold.backends == verdict.backends
            && foretold.source == verdict.source
            && foretold.sticky == verdict.sticky
    }
}

/// What HNS will answer to a packet that no load balancer is for: nothing, whatever the model says. What the model forwards
/// without one is a node port at a loopback address.
#[must_use]
pub fn without_frontend(model: &Verdict) -> Substitute {
    let limit = match model.outcome {
        Outcome::Reject | Outcome::Drop => Some(Limit::Refusal),
        Outcome::Forward => Some(Limit::NodePortAddresses),
        Outcome::Pass => None,
    };
    Substitute { verdict: Verdict::pass(), limits: limit.into_iter().collect() }
}

/// What HNS will answer to `packet`, which reaches the load balancer of `frontend`; `model` is what the model answers.
#[must_use]
pub fn substitute(
    view: &ServicePortView,
    frontend: &Frontend,
    node: &NodeFacts,
    place: Place<'_>,
    packet: &Packet,
    model: &Verdict,
) -> Substitute {
    let client = &packet.client;
    let Some(chosen) = choose(view, frontend) else {
        let limit = match model.outcome {
            Outcome::Forward => Some(Limit::InternalShortcut),
            Outcome::Reject | Outcome::Drop => Some(Limit::Refusal),
            Outcome::Pass => None,
        };
        return Substitute { verdict: Verdict::pass(), limits: limit.into_iter().collect() };
    };
    let verdict = table(view, frontend, node, place, packet, &chosen);
    let mut limits = BTreeSet::new();
    if frontend.kind == FrontendKind::NodePort
        && !node.answers_node_ports_at(packet.destination.address())
    {
        limits.insert(Limit::NodePortAddresses);
        return Substitute { verdict, limits };
    }
    if !frontend.admits(client, node) {
        limits.insert(Limit::SourceRanges);
        return Substitute { verdict, limits };
    }
    let class = view.backends(frontend.serving(client).set);
    if *class != *view.backends(planned_set(frontend)) {
        limits.insert(Limit::InternalShortcut);
    }
    if chosen.other_ports > 0 {
        limits.insert(Limit::InternalPort);
    }
    if chosen.too_many > 0 {
        limits.insert(Limit::TooManyBackends);
    }
    let elsewhere = matches!(client.origin, Origin::RemotePod | Origin::Outside);
    let dsr = planned_dsr(frontend, place.network);
    let all_local =
        verdict.outcome == Outcome::Forward && verdict.backends.len() == chosen.backends.len();
    if dsr && elsewhere && (!all_local || model.source != verdict.source) {
        limits.insert(Limit::DsrRemoteClient);
    } else if verdict.outcome == Outcome::Forward
        && model.outcome == Outcome::Forward
        && verdict.source != model.source
    {
        limits.insert(Limit::ClientAddress);
    }
    if verdict.sticky != model.sticky && model.outcome == Outcome::Forward {
        limits.insert(Limit::AffinityTimeout);
    }
    Substitute { verdict, limits }
}

/// What HNS does with a packet that reaches a load balancer: the table that the tracer over HNS has, over the view instead of
/// HNS.
fn table(
    view: &ServicePortView,
    frontend: &Frontend,
    node: &NodeFacts,
    place: Place<'_>,
    packet: &Packet,
    chosen: &Chosen,
) -> Verdict {
    let client = &packet.client;
    let dsr = planned_dsr(frontend, place.network);
    let own_address = |address| place.network.is_own_address(node, address);
    let is_local =
        |address: IpAddr| own_address(address) || place.local_endpoints.contains(&address);
    let elsewhere = matches!(client.origin, Origin::RemotePod | Origin::Outside);
    let backends: BTreeSet<Reached> = chosen
        .backends
        .iter()
        // A pod of this node whose endpoint the CNI has not made yet is waited for.
        .filter(|backend| !backend.local || is_local(backend.address))
        .map(|backend| Reached {
            address: backend.address,
            port: chosen.port.get(),
            local: is_local(backend.address),
        })
        .filter(|reached| !(dsr && elsewhere) || reached.local)
        .collect();
    if backends.is_empty() {
        return Verdict::pass();
    }
    let rule = if dsr { SourceRule::Keep } else { SourceRule::Rewrite };
    let source = SourceSeen::of(rule, client, backends.iter().map(|reached| reached.address));
    let sticky = view.affinity_timeout.is_some() && place.network.has_affinity();
    Verdict {
        outcome: Outcome::Forward,
        backends,
        source: Some(source),
        sticky,
        decided_by: Deciders::default(),
    }
}

/// Every limit that some packet to `frontend`, one of the view's, meets at present.
#[must_use]
pub fn met(
    view: &ServicePortView,
    frontend: &Frontend,
    node: &NodeFacts,
    place: Place<'_>,
) -> BTreeSet<Limit> {
    let mut limits = BTreeSet::new();
    for packet in samples(view, frontend, node, place) {
        let unanswered =
            frontend.address.is_none() && !node.answers_node_ports_at(packet.destination.address());
        let model =
            if unanswered { Verdict::pass() } else { view.verdict(frontend, node, &packet) };
        let destination = packet.destination.address();
        let substitute = if destination.is_loopback() {
            without_frontend(&model)
        } else {
            substitute(view, frontend, node, place, &packet, &model)
        };
        limits.extend(substitute.limits);
    }
    if view.affinity_timeout.is_some() && choose(view, frontend).is_some() {
        limits.insert(Limit::AffinityTimeout);
    }
    limits
}

/// One packet of each kind that a limit tells apart: from every class of client, inside and outside of the source ranges, to
/// every address that answers.
fn samples(
    view: &ServicePortView,
    frontend: &Frontend,
    node: &NodeFacts,
    place: Place<'_>,
) -> Vec<Packet> {
    let family = view.key.family;
    let node_addresses = node
        .addresses
        .iter()
        .map(|own| own.address)
        .chain(place.network.management_addresses.iter().copied())
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
