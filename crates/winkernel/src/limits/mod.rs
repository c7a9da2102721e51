//! What HNS cannot do, as data: for a packet, what HNS will answer instead of the model, and by which limits.
//!
//! Everything here is computed from the view, the node and the network alone, never from the state of HNS: so the model
//! plus the limits can be held against a trace of HNS.

mod page;
mod samples;
mod substitute;

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;

use switchyard_model::NodeFacts;

use crate::network::WindowsNetwork;

pub use self::page::Page;
pub use self::samples::met;
pub use self::substitute::{Substitute, substitute, without_frontend};

/// What a packet meets, besides the view: the node, its network, and the pods that are really there.
#[derive(Debug, Clone, Copy)]
pub struct Ground<'a> {
    /// The node.
    pub node: &'a NodeFacts,
    /// The network.
    pub network: &'a WindowsNetwork,
    /// The addresses of this node's pods that have an endpoint, made by the CNI.
    pub local_endpoints: &'a BTreeSet<IpAddr>,
}

impl Ground<'_> {
    fn is_own_address(&self, address: IpAddr) -> bool {
        self.network.is_own_address(self.node, address)
    }

    /// Whether a packet for `address` stays on this node.
    fn is_local(&self, address: IpAddr) -> bool {
        self.is_own_address(address) || self.local_endpoints.contains(&address)
    }
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
    /// On an overlay, backends that are no pods are left out among pods.
    MixedBackends,
    /// With the annotation `preserve-destination`, backends on this node receive packets as they came.
    PreserveDestination,
    /// HNS has no load balancers for it at all.
    Unsupported,
}

impl Limit {
    /// All limits.
    pub const ALL: [Self; 12] = [
        Self::Refusal,
        Self::SourceRanges,
        Self::NodePortAddresses,
        Self::InternalShortcut,
        Self::DsrRemoteClient,
        Self::ClientAddress,
        Self::AffinityTimeout,
        Self::InternalPort,
        Self::TooManyBackends,
        Self::MixedBackends,
        Self::PreserveDestination,
        Self::Unsupported,
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
            Self::MixedBackends => "mixed-backends",
            Self::PreserveDestination => "preserve-destination",
            Self::Unsupported => "unsupported",
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
                "HNS keeps clients with their backends without the Service's time-out; below 12.0 it does not keep them"
            }
            Self::InternalPort => {
                "one load balancer has one backend port: backends with another are left out"
            }
            Self::TooManyBackends => {
                "a load balancer takes 1,024 backends, or 64 before HNS 11.0: the others are left out"
            }
            Self::MixedBackends => {
                "an overlay rewrites clients to one address for all backends: those that are no pods are left out among pods"
            }
            Self::PreserveDestination => {
                "packets for a load-balancer address go to backends on this node, address and port unchanged"
            }
            Self::Unsupported => {
                "this HNS has no load balancers for IPv6: it is below 11.10, or the network is an overlay"
            }
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
