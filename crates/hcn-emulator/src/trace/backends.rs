//! What becomes of each endpoint of a load balancer.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use switchyard_hcn::{Endpoint, Guid, LoadBalancer, MacAddress};
use switchyard_model::{Family, Reached};

use super::overlay::{NotRouted, Overlays};
use super::{Asked, NodeAddresses};
use crate::State;

/// An endpoint of a load balancer, and what becomes of its share of the connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backend {
    /// The endpoint's id.
    pub endpoint: Guid,
    /// Its address of the packet's family, the port on it, and whether it is on this node.
    pub reached: Option<Reached>,
    /// What becomes of its share.
    pub fate: Fate,
}

/// What becomes of the share of an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It gets its share.
    Serves,
    /// Its share is lost.
    Lost(Lost),
    /// It is elsewhere, and the packet's client reaches backends on this node only.
    NotAsked,
    /// Another endpoint before it has the same hardware address and gets its share too.
    SameMac {
        /// The endpoint that gets the share.
        first: Guid,
        /// The hardware address of both.
        mac: MacAddress,
    },
}

/// Why the share of an endpoint is lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lost {
    /// HNS has no endpoint with this id.
    Missing,
    /// The endpoint has no address of this family.
    NoAddress(Family),
    /// The load balancer is degraded (state 4): its rules are not in place.
    Degraded,
    /// HNS has no network with this id, which the endpoint is on.
    NoNetwork(Guid),
    /// The endpoint was taken off its port of the switch (state 4).
    Detached,
    /// The endpoint itself is degraded (state 5).
    EndpointDegraded,
    /// The endpoint is gone, and only its document is left (state 6).
    Destroyed,
    /// The endpoint is on an overlay network that does not carry packets to it.
    NotRouted(NotRouted),
}

impl Fate {
    /// The word used in JSON.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Serves => "serves",
            Self::Lost(_) => "lost",
            Self::NotAsked => "notAsked",
            Self::SameMac { .. } => "sameMac",
        }
    }
}

impl Lost {
    /// The word used in JSON.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::NoAddress(_) => "noAddress",
            Self::Degraded => "degraded",
            Self::NoNetwork(_) => "noNetwork",
            Self::Detached => "detached",
            Self::EndpointDegraded => "endpointDegraded",
            Self::Destroyed => "destroyed",
            Self::NotRouted(why) => why.as_str(),
        }
    }
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("HNS has no such endpoint"),
            Self::NoAddress(family) => write!(f, "it has no {family} address"),
            Self::Degraded => f.write_str("the load balancer is degraded (state 4)"),
            Self::NoNetwork(network) => {
                write!(f, "HNS has no network {network}, which it is on (inferred)")
            }
            Self::Detached => f.write_str("it has no port: it is detached (state 4) (inferred)"),
            Self::EndpointDegraded => f.write_str("it is degraded itself (state 5) (inferred)"),
            Self::Destroyed => f.write_str("it is destroyed (state 6) (inferred)"),
            Self::NotRouted(why) => why.fmt(f),
        }
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.endpoint)?;
        if let Some(reached) = &self.reached {
            let place = if reached.local { "on this node" } else { "elsewhere" };
            write!(f, " at {} port {}, {place}", reached.address, reached.port)?;
        }
        match &self.fate {
            Fate::Serves => f.write_str(": serves"),
            Fate::Lost(why) => write!(f, ": lost, {why}"),
            Fate::NotAsked => {
                f.write_str(": not asked for, such clients reach the backends on this node only")
            }
            Fate::SameMac { first, mac } => write!(
                f,
                ": gets nothing, {first} before it has the same hardware address {mac} and gets \
                 its share (kubernetes/kubernetes#68897)"
            ),
        }
    }
}

/// What decides the fate of endpoints, beside the load balancer.
pub(super) struct Surroundings<'a> {
    pub(super) state: &'a State,
    pub(super) node: &'a NodeAddresses,
    pub(super) overlays: &'a Overlays,
    pub(super) family: Family,
    /// The port on all backends.
    pub(super) port: u16,
}

impl Surroundings<'_> {
    /// Every endpoint of `load_balancer` once, in its order.
    pub(super) fn backends(&self, load_balancer: &LoadBalancer, asked: Asked) -> Vec<Backend> {
        let mut named = BTreeSet::new();
        let ids = load_balancer.host_compute_endpoints.iter().filter(|id| named.insert(**id));
        let mut backends: Vec<Backend> =
            ids.map(|id| self.backend(*id, load_balancer.is_degraded())).collect();
        if matches!(asked, Asked::OnThisNode) {
            // The rule for such clients has no share for what is elsewhere, so that none of it can be lost.
            let not_asked = |backend: &&mut Backend| {
                backend.reached.is_some_and(|own| !own.local)
                    && backend.fate != Fate::Lost(Lost::Degraded)
            };
            for backend in backends.iter_mut().filter(not_asked) {
                backend.fate = Fate::NotAsked;
            }
        }
        self.merge_equal_macs(&mut backends);
        backends
    }

    fn backend(&self, id: Guid, degraded: bool) -> Backend {
        let lost = |reached, why| Backend { endpoint: id, reached, fate: Fate::Lost(why) };
        let Some(endpoint) = self.state.endpoint(id) else {
            return lost(None, Lost::Missing);
        };
        let Some(address) =
            endpoint.addresses().find(|address| Family::of(*address) == self.family)
        else {
            return lost(None, Lost::NoAddress(self.family));
        };
        // A process of the node has no endpoint of its own: it is a remote one at the node's address.
        let local = !endpoint.is_remote() || self.node.contains(address);
        let reached = Some(Reached { address, port: self.port, local });
        if degraded {
            return lost(reached, Lost::Degraded);
        }
        let routed = || self.overlays.refuse(endpoint, address, self.node).map(Lost::NotRouted);
        match self.not_in_place(endpoint).or_else(routed) {
            Some(why) => lost(reached, why),
            None => Backend { endpoint: id, reached, fate: Fate::Serves },
        }
    }

    /// Why an endpoint that HNS has is of no use, whatever leads to it. microsoft/hcsshim#1043: rules cannot be made for an
    /// endpoint without its port; and a network takes its endpoints along (hcsshim's tests). That those which are there
    /// before get nothing any more: inferred. Remote endpoints never have a port.
    fn not_in_place(&self, endpoint: &Endpoint) -> Option<Lost> {
        match endpoint.state {
            Endpoint::DETACHED if !endpoint.is_remote() => Some(Lost::Detached),
            Endpoint::DEGRADED => Some(Lost::EndpointDegraded),
            Endpoint::DESTROYED => Some(Lost::Destroyed),
            _ => {
                let network = endpoint.host_compute_network.filter(|_| endpoint.is_remote());
                let missing = network.filter(|id| self.state.network(*id).is_none());
                missing.map(Lost::NoNetwork)
            }
        }
    }

    /// kubernetes/kubernetes#68897: HNS takes backends with one hardware address, and sends all their connections to one of
    /// them. That it is the first: inferred. So is that only those count which the rule for this client has.
    fn merge_equal_macs(&self, backends: &mut [Backend]) {
        let mut first_with = BTreeMap::new();
        for backend in backends.iter_mut().filter(|backend| backend.fate == Fate::Serves) {
            let endpoint = self.state.endpoint(backend.endpoint);
            let Some(mac) = endpoint.and_then(Endpoint::mac) else { continue };
            let first = *first_with.entry(mac).or_insert(backend.endpoint);
            if first != backend.endpoint {
                backend.fate = Fate::SameMac { first, mac };
            }
        }
    }
}
