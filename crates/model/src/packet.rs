//! A new connection's first packet, and the answer to where it goes.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;

use crate::{Family, FrontendKind, Protocol};

/// Where the sender of a packet is, seen from the node that answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    /// This node itself: its host network.
    Node,
    /// A pod on this node.
    LocalPod,
    /// A pod on another node.
    RemotePod,
    /// Everything else, other nodes included.
    Outside,
}

/// Who sends a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Client {
    /// The source address that the packet carries.
    pub address: IpAddr,
    /// Where that address is.
    pub origin: Origin,
    /// Whether the service rules count this client as internal (pods and this node) or external.
    pub internal: bool,
}

/// Where a packet is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Destination {
    /// A transport port.
    Port {
        /// The destination address.
        address: IpAddr,
        /// The destination port.
        port: u16,
        /// The transport protocol.
        protocol: Protocol,
    },
    /// An ICMP echo request.
    Echo {
        /// The destination address.
        address: IpAddr,
    },
}

impl Destination {
    /// The destination address.
    #[must_use]
    pub fn address(&self) -> IpAddr {
        match self {
            Self::Port { address, .. } | Self::Echo { address } => *address,
        }
    }

    /// The family of the destination address.
    #[must_use]
    pub fn family(&self) -> Family {
        Family::of(self.address())
    }
}

/// The first packet of a new connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packet {
    /// Who sends it.
    pub client: Client,
    /// Where it is sent.
    pub destination: Destination,
}

/// What becomes of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// It goes to one of the backends.
    Forward,
    /// It is actively refused: a TCP reset or an ICMP port unreachable.
    Reject,
    /// It is silently lost.
    Drop,
    /// The proxy does not touch it.
    Pass,
}

impl Outcome {
    /// The word used in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Forward => "forward",
            Self::Reject => "reject",
            Self::Drop => "drop",
            Self::Pass => "pass",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The source address that a backend sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SourceSeen {
    /// The client's own address.
    Keep,
    /// An address of the node, or the source VIP.
    Rewrite,
    /// One or the other, depending on the backend picked.
    Mixed,
}

impl SourceSeen {
    /// The word used in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Rewrite => "rewrite",
            Self::Mixed => "mixed",
        }
    }
}

/// One of the backends that a new connection may reach. Ordered as answers list them: IPv4 first, then the address as a
/// number, then the port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reached {
    /// The backend's address.
    pub address: IpAddr,
    /// The port on the backend.
    pub port: u16,
    /// Whether the backend is on the node that answers.
    pub local: bool,
}

/// The objects that decided a verdict, as the words that answers list. Sorted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Deciders(BTreeSet<String>);

impl Deciders {
    /// `service/NAMESPACE/NAME:PORTNAME`.
    pub fn service(&mut self, namespace: &str, name: &str, port: &str) {
        self.0.insert(format!("service/{namespace}/{name}:{port}"));
    }

    /// `frontend/KIND/ADDRESS/PORT/PROTO`, with `*` for a node port's address.
    pub fn frontend(
        &mut self,
        kind: FrontendKind,
        address: Option<IpAddr>,
        port: u16,
        protocol: Protocol,
    ) {
        let address = address.map_or_else(|| "*".to_owned(), |address| address.to_string());
        self.0.insert(format!("frontend/{kind}/{address}/{port}/{protocol}"));
    }

    /// `range/CIDR`.
    pub fn range(&mut self, range: IpNet) {
        self.0.insert(format!("range/{range}"));
    }

    /// `loadBalancer/GUID`; the id is given in lower case without braces.
    pub fn load_balancer(&mut self, id: &impl fmt::Display) {
        self.0.insert(format!("loadBalancer/{id}"));
    }

    /// `endpoint/GUID`; the id is given in lower case without braces.
    pub fn endpoint(&mut self, id: &impl fmt::Display) {
        self.0.insert(format!("endpoint/{id}"));
    }

    /// `limit/NAME`.
    pub fn limit(&mut self, name: &str) {
        self.0.insert(format!("limit/{name}"));
    }

    /// The words, sorted.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Whether nothing decided it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes all of `other` in.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }
}

/// Where a packet goes, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// What becomes of the packet.
    pub outcome: Outcome,
    /// Exactly the set that each new connection is spread over; empty unless forwarded.
    pub backends: BTreeSet<Reached>,
    /// What address the backend sees; only when forwarded.
    pub source: Option<SourceSeen>,
    /// Whether connections of one client stay with one backend.
    pub sticky: bool,
    /// The objects that decided it.
    pub decided_by: Deciders,
}

impl Verdict {
    /// A verdict that reaches no backend.
    #[must_use]
    pub fn without_backends(outcome: Outcome, decided_by: Deciders) -> Self {
        Self { outcome, backends: BTreeSet::new(), source: None, sticky: false, decided_by }
    }

    /// The proxy does not touch the packet, and nothing decided that.
    #[must_use]
    pub fn pass() -> Self {
        Self::without_backends(Outcome::Pass, Deciders::default())
    }
}
