//! Why a packet goes where it goes, step by step.

use std::fmt;
use std::net::IpAddr;

use switchyard_hcn::{Distribution, Guid, PortMappingFlags};
use switchyard_model::{Protocol, SourceSeen, Verdict};

use super::Note;
use super::backends::Backend;
use super::rules::Rule;
use super::table::Cell;

/// Where a packet goes, and what HNS regards on the way to that answer, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// Where it goes.
    pub verdict: Verdict,
    /// What leads there.
    pub steps: Vec<Step>,
}

/// One step of an [`Explanation`]. Displayed, it is a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// No load balancer is for the packet.
    Unmatched(Unmatched),
    /// A load balancer is.
    Matched(Matched),
    /// What it does with packets of such a client.
    Cell(Cell),
    /// What becomes of the share of one of its endpoints.
    Endpoint(Backend),
    /// Which source address the backend sees.
    Source(SeenAs),
    /// How a backend is picked.
    Distribution(Distribution),
    /// A rule of the virtual switch that the packet meets.
    Rule(Rule),
    /// What else is worth knowing.
    Note(Note),
}

/// Why no load balancer is for a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unmatched {
    /// It is an ICMP echo.
    Echo,
    /// Load balancers have the address, on these ports and protocols.
    OtherPorts(Vec<(u16, u32)>),
    /// The address is the node's, and no load balancer for the node's addresses has the port and protocol.
    NoNodePort,
    /// A load balancer for the node's addresses has the port and protocol, but the address is not the node's.
    NotTheNodes(Guid),
    /// No load balancer has the address.
    NoLoadBalancer,
}

/// The load balancer that a packet is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matched {
    /// Its id.
    pub load_balancer: Guid,
    /// How it matched.
    pub by: MatchedBy,
    /// The address that the packet is sent to.
    pub address: IpAddr,
    /// The port that the packet is sent to.
    pub external_port: u16,
    /// The port on the backends.
    pub internal_port: u16,
    /// The protocol.
    pub protocol: Protocol,
    /// Whether it has direct server return.
    pub dsr: bool,
    /// The flags of its port mapping.
    pub flags: PortMappingFlags,
    /// Others with the same frontend, which are never asked: the lowest id stands.
    pub hidden: Vec<Guid>,
}

/// How a load balancer matched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MatchedBy {
    /// The address is one of its VIPs.
    Vip,
    /// It has no VIP, and the address is the node's.
    NodeAddress,
}

/// Which source address the backend sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenAs {
    /// The kind of address.
    pub seen: SourceSeen,
    /// The client's own.
    pub client: IpAddr,
    /// What is in its place where it is rewritten.
    pub instead: IpAddr,
    /// Whether that is the load balancer's source VIP; else it is the node's address.
    pub by_source_vip: bool,
}

impl Step {
    /// The word used in JSON.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Unmatched(_) => "unmatched",
            Self::Matched(_) => "matched",
            Self::Cell(_) => "cell",
            Self::Endpoint(_) => "endpoint",
            Self::Source(_) => "source",
            Self::Distribution(_) => "distribution",
            Self::Rule(_) => "rule",
            Self::Note(_) => "note",
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unmatched(unmatched) => unmatched.fmt(f),
            Self::Matched(matched) => matched.fmt(f),
            Self::Cell(cell) => cell.fmt(f),
            Self::Endpoint(backend) => backend.fmt(f),
            Self::Source(source) => source.fmt(f),
            Self::Distribution(distribution) => f.write_str(in_words(*distribution)),
            Self::Rule(rule) => rule.fmt(f),
            Self::Note(note) => note.fmt(f),
        }
    }
}

/// hcsshim has the words of the published schema.
fn in_words(distribution: Distribution) -> &'static str {
    match distribution {
        Distribution::FIVE_TUPLE => {
            "by both addresses, both ports and the protocol: each connection is spread anew"
        }
        Distribution::SOURCE_IP_PROTOCOL => {
            "by both addresses and the protocol: one backend for each client and protocol, without \
             a time-out"
        }
        Distribution::SOURCE_IP => {
            "by both addresses: one backend for each client, without a time-out"
        }
        _ => "in a way that is not known here; taken as one backend for each client",
    }
}

impl Unmatched {
    /// The word used in JSON.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Echo => "echo",
            Self::OtherPorts(_) => "otherPorts",
            Self::NoNodePort => "noNodePort",
            Self::NotTheNodes(_) => "notTheNodes",
            Self::NoLoadBalancer => "noLoadBalancer",
        }
    }
}

impl fmt::Display for Unmatched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// How many ports are named.
        const NAMED: usize = 8;
        match self {
            Self::Echo => f.write_str(
                "an ICMP echo: load balancers do not answer it (Kubernetes' page on Windows \
                 networking)",
            ),
            Self::OtherPorts(ports) => {
                f.write_str("no load balancer has this port and protocol; the address has ")?;
                for (position, (port, protocol)) in ports.iter().take(NAMED).enumerate() {
                    let comma = if position == 0 { "" } else { ", " };
                    write!(f, "{comma}{port}/{}", protocol_name(*protocol))?;
                }
                if ports.len() > NAMED {
                    write!(f, " and {} more", ports.len() - NAMED)?;
                }
                Ok(())
            }
            Self::NoNodePort => f.write_str(
                "the address is the node's, and no load balancer without a VIP has this port and \
                 protocol",
            ),
            Self::NotTheNodes(id) => write!(
                f,
                "load balancer {id} has this port at every address of the node, but this is none"
            ),
            Self::NoLoadBalancer => f.write_str("no load balancer has the address"),
        }
    }
}

fn protocol_name(number: u32) -> String {
    [Protocol::Tcp, Protocol::Udp, Protocol::Sctp]
        .into_iter()
        .find(|known| u32::from(known.number()) == number)
        .map_or_else(|| number.to_string(), |known| known.to_string())
}

impl fmt::Display for Matched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { load_balancer, address, external_port, protocol, internal_port, .. } = self;
        write!(f, "load balancer {load_balancer} ")?;
        match self.by {
            MatchedBy::Vip => write!(f, "has the VIP {address}")?,
            MatchedBy::NodeAddress => {
                write!(f, "has no VIP, so every address of the node, {address} too")?;
            }
        }
        let dsr = if self.dsr { "direct server return" } else { "no direct server return" };
        write!(f, ", and port {external_port}/{protocol} to {internal_port}; {dsr}")?;
        for word in flag_words(self.flags) {
            write!(f, ", {word}")?;
        }
        if !self.hidden.is_empty() {
            f.write_str("; the same frontend, and never asked: ")?;
            for (position, id) in self.hidden.iter().enumerate() {
                write!(f, "{}{id}", if position == 0 { "" } else { ", " })?;
            }
        }
        Ok(())
    }
}

/// The flags of a port mapping, as the published schema spells them.
pub(super) fn flag_words(flags: PortMappingFlags) -> impl Iterator<Item = &'static str> {
    let all = [
        (PortMappingFlags::ILB, "ILB"),
        (PortMappingFlags::LOCAL_ROUTED_VIP, "LocalRoutedVip"),
        (PortMappingFlags::USE_MUX, "UseMux"),
        (PortMappingFlags::PRESERVE_DIP, "PreserveDip"),
        (PortMappingFlags::VIP_EXTERNAL_IP, "VipExternalIP"),
    ];
    all.into_iter().filter(move |(flag, _)| flags.contains(*flag)).map(|(_, word)| word)
}

impl Matched {
    /// The flags of the port mapping that are set, as words.
    pub fn flag_words(&self) -> impl Iterator<Item = &'static str> {
        flag_words(self.flags)
    }
}

impl MatchedBy {
    /// The word used in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Vip => "vip",
            Self::NodeAddress => "nodeAddress",
        }
    }
}

impl SeenAs {
    /// The addresses that a backend may see.
    #[must_use]
    pub fn addresses(&self) -> Vec<IpAddr> {
        match self.seen {
            SourceSeen::Keep => vec![self.client],
            SourceSeen::Rewrite => vec![self.instead],
            SourceSeen::Mixed => vec![self.client, self.instead],
        }
    }
}

impl fmt::Display for SeenAs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { client, instead, .. } = self;
        let whose =
            if self.by_source_vip { "the load balancer's source VIP" } else { "the node's" };
        match self.seen {
            SourceSeen::Keep => write!(f, "the backend sees {client}, the client's own address"),
            SourceSeen::Rewrite => write!(f, "the backend sees {instead}, {whose}"),
            SourceSeen::Mixed => write!(
                f,
                "the backend sees {client}, the client's own address, but the client itself sees \
                 {instead}, {whose}"
            ),
        }
    }
}
