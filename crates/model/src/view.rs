//! What a backend receives: finished frontends and backend sets, and the stream they travel on.

use std::fmt;
use std::net::IpAddr;
use std::num::{NonZeroU16, NonZeroU32};
use std::sync::Arc;

use ipnet::IpNet;

use crate::{Family, FrontendKind, Name, NodeAddress, NodeAddressKind, Protocol, ServiceKey};

/// What one service port of one family is called.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ViewKey {
    /// The Service.
    pub service: ServiceKey,
    /// The port's name, empty when it has none.
    pub port: Name,
    /// The transport protocol.
    pub protocol: Protocol,
    /// The family.
    pub family: Family,
}

impl fmt::Display for ViewKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}/{}/{}", self.service, self.port, self.protocol, self.family)
    }
}

/// One backend. Equal address and port is the same backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Backend {
    /// The address.
    pub address: IpAddr,
    /// The port, as the EndpointSlice has it.
    pub port: NonZeroU16,
    /// Whether it is on this node.
    pub local: bool,
    /// Whether it is going away.
    pub draining: bool,
}

/// Which set of backends serves a class of clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum BackendSet {
    /// [`ServicePortView::cluster`].
    Cluster,
    /// [`ServicePortView::local`].
    Local,
}

/// What becomes of a packet when the set that should serve it is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum WhenEmpty {
    /// It is actively refused: nobody anywhere serves it.
    Reject,
    /// It is silently lost: others serve it elsewhere, and the sender should find them.
    Drop,
    /// It is left alone.
    Pass,
}

/// Whether the backend sees the client's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SourceRule {
    /// It does.
    Keep,
    /// It sees the node's instead.
    Rewrite,
}

/// How one class of clients is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Serving {
    /// The backends.
    pub set: BackendSet,
    /// What happens when there are none.
    pub when_empty: WhenEmpty,
    /// What the backend sees. The node itself is always rewritten, and so is a client that is its own backend.
    pub source: SourceRule,
}

/// One way in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frontend {
    /// What it is.
    pub kind: FrontendKind,
    /// Its address; `None` for a node port, whose addresses are in [`NodeFacts`].
    pub address: Option<IpAddr>,
    /// Its port.
    pub port: NonZeroU16,
    /// Who may enter: `None` is everybody, an empty list nobody. Judged before the backend set.
    pub source_ranges: Option<Arc<[IpNet]>>,
    /// How pods and this node are served.
    pub internal: Serving,
    /// How everyone else is served.
    pub external: Serving,
}

/// One service port of one family, as this node must serve it. A value: it depends on nothing but the cluster's present
/// state, whatever the history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServicePortView {
    /// What it is called.
    pub key: ViewKey,
    /// The Service's UID, for events.
    pub uid: Option<Name>,
    /// The ways in that this service port holds, sorted by kind and address.
    pub frontends: Box<[Frontend]>,
    /// The backends of the whole cluster, sorted; empty when no frontend could use them.
    pub cluster: Arc<[Backend]>,
    /// The backends on this node, sorted; empty when no frontend could use them.
    pub local: Arc<[Backend]>,
    /// Seconds for which a client stays with a backend; `None` without session affinity.
    pub affinity_timeout: Option<NonZeroU32>,
    /// The port a cloud load balancer asks for this node's health.
    pub health_check_node_port: Option<NonZeroU16>,
    /// The annotation `preserve-destination: "true"`.
    pub preserve_destination: bool,
    /// The annotation `winProxyOptimization: DISABLED`.
    pub replace_on_change: bool,
    /// Whether the Service is the cluster DNS.
    pub cluster_dns: bool,
}

impl ServicePortView {
    /// The backends of `set`.
    #[must_use]
    pub fn backends(&self, set: BackendSet) -> &[Backend] {
        match set {
            BackendSet::Cluster => &self.cluster,
            BackendSet::Local => &self.local,
        }
    }
}

/// Which of the node's addresses answer node ports.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NodePortAddresses(Box<[NodePortAddress]>);

/// One entry of [`NodePortAddresses`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NodePortAddress {
    /// The primary address of each family.
    Primary,
    /// The node's addresses inside this range; loopback only where a range names it.
    Within(IpNet),
}

impl NodePortAddresses {
    /// Exactly these; none given means the primary addresses.
    #[must_use]
    pub fn new(entries: impl IntoIterator<Item = NodePortAddress>) -> Self {
        Self(entries.into_iter().collect())
    }

    /// The entries; none means the primary addresses.
    #[must_use]
    pub fn entries(&self) -> &[NodePortAddress] {
        &self.0
    }

    /// The ranges of `family`.
    fn ranges(&self, family: Family) -> impl Iterator<Item = &IpNet> {
        self.0.iter().filter_map(move |entry| match entry {
            NodePortAddress::Within(range) if Family::of(range.addr()) == family => Some(range),
            NodePortAddress::Within(_) | NodePortAddress::Primary => None,
        })
    }
}

/// What a backend knows of the node it serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeFacts {
    /// The node's name.
    pub name: Name,
    /// Its addresses, in the Node's order.
    pub addresses: Box<[NodeAddress]>,
    /// The ranges its pods have addresses from.
    pub pod_ranges: Box<[IpNet]>,
    /// Its zone.
    pub zone: Option<Name>,
    /// Which of its addresses answer node ports.
    pub node_port_addresses: NodePortAddresses,
}

impl NodeFacts {
    /// Whether `address` is one of its own.
    #[must_use]
    pub fn has_address(&self, address: IpAddr) -> bool {
        self.addresses.iter().any(|own| own.address == address)
    }

    /// The primary address of `family`: the first internal one, else the first external one.
    #[must_use]
    pub fn primary(&self, family: Family) -> Option<IpAddr> {
        let of_kind = |kind| {
            self.addresses
                .iter()
                .find(|own| own.kind == kind && Family::of(own.address) == family)
                .map(|own| own.address)
        };
        of_kind(NodeAddressKind::Internal).or_else(|| of_kind(NodeAddressKind::External))
    }

    /// Whether the node takes part in `family`: it has an address or a pod range of it.
    #[must_use]
    pub fn has_family(&self, family: Family) -> bool {
        self.addresses.iter().any(|own| Family::of(own.address) == family)
            || self.pod_ranges.iter().any(|range| Family::of(range.addr()) == family)
    }

    /// Whether a node port answers at `address`. A family that the configuration has no range of answers at its primary
    /// address. A loopback address answers only where a range names it, and then to the node alone.
    #[must_use]
    pub fn answers_node_ports_at(&self, address: IpAddr) -> bool {
        let family = Family::of(address);
        let mut ranges = self.node_port_addresses.ranges(family).peekable();
        let wants_primary = ranges.peek().is_none()
            || self.node_port_addresses.entries().contains(&NodePortAddress::Primary);
        if wants_primary && self.primary(family) == Some(address) {
            return true;
        }
        let mut holding = ranges.filter(|range| range.contains(&address));
        if address.is_loopback() {
            holding.any(|range| range.network().is_loopback() && range.broadcast().is_loopback())
        } else {
            self.has_address(address) && holding.next().is_some()
        }
    }
}

/// One step of the stream from the service rules to a backend. Applying all of it, in order, gives the node's whole state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ViewEvent {
    /// Forget what came before: all of it follows.
    Reset,
    /// The node, at the start and whenever it changes.
    Node(NodeFacts),
    /// A service port is new or different.
    Upsert(Arc<ServicePortView>),
    /// A service port is gone.
    Remove(ViewKey),
    /// All that is known so far has been said; only from here on may the absence of something be believed.
    Synced {
        /// Counts the batches; grows.
        revision: u64,
    },
}
