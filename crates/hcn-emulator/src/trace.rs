//! The data path: where a new connection goes.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use switchyard_hcn::{Distribution, Guid, LoadBalancer, PortMapping, PortMappingFlags};
use switchyard_model::{
    Deciders, Destination, Family, Origin, Outcome, Packet, Protocol, Reached, SourceSeen, Verdict,
};

use crate::State;
use crate::frontend::{Frontend, frontends};

#[cfg(test)]
mod tests;

/// A remote client of a load balancer with direct server return and no backend on this node.
const DSR_REMOTE_CLIENT: &str = "dsr-remote-client";
/// A share of the connections that goes nowhere.
const DANGLING: &str = "dangling";

/// The addresses of the node that a state is of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NodeAddresses(BTreeSet<IpAddr>);

impl NodeAddresses {
    /// Whether the node has `address`.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address)
    }
}

impl FromIterator<IpAddr> for NodeAddresses {
    fn from_iter<I: IntoIterator<Item = IpAddr>>(addresses: I) -> Self {
        Self(addresses.into_iter().collect())
    }
}

/// Answers for packets from what HNS holds, and from nothing else.
#[derive(Debug)]
pub struct Tracer<'a> {
    state: &'a State,
    node: NodeAddresses,
    frontends: BTreeMap<Frontend, (Guid, &'a PortMapping)>,
}

/// What a load balancer does with a packet: one cell of the table.
enum Treatment {
    /// It is not for such packets.
    Untouched,
    /// It spreads them over these backends, which see this source.
    Spread(Backends, Source),
}

enum Backends {
    All,
    OnThisNode,
}

enum Source {
    /// The client's own, but for a client that is itself the backend.
    Kept,
    /// An address of the node, or the source VIP.
    Rewritten,
}

/// A backend that gets a share of the connections.
struct Share {
    endpoint: Guid,
    reached: Reached,
}

impl<'a> Tracer<'a> {
    /// The data path of the node that has the addresses `node` and whose HNS holds `state`.
    #[must_use]
    pub fn new(state: &'a State, node: NodeAddresses) -> Self {
        let mut by_frontend = BTreeMap::new();
        for (id, load_balancer) in state.load_balancers() {
            for (frontend, mapping) in frontends(load_balancer) {
                // HNS refuses a second one; where a file has it, the lowest id stands.
                by_frontend.entry(frontend).or_insert((id, mapping));
            }
        }
        Self { state, node, frontends: by_frontend }
    }

    /// Where a new connection goes that begins with `packet`.
    #[must_use]
    pub fn trace(&self, packet: &Packet) -> Verdict {
        let (address, port, protocol) = match packet.destination {
            Destination::Port { address, port, protocol } => (address, port, protocol),
            // Kubernetes' page on Windows networking: ICMP to a virtual address is not supported.
            Destination::Echo { .. } => return Verdict::pass(),
        };
        let Some((id, mapping)) = self.look_up(address, port, protocol) else {
            return Verdict::pass();
        };
        let Some(load_balancer) = self.state.load_balancer(id) else {
            return Verdict::pass();
        };
        let (backends, source) = match treatment(packet.client.origin, load_balancer, mapping) {
            Treatment::Untouched => return Verdict::pass(),
            Treatment::Spread(backends, source) => (backends, source),
        };

        let mut decided_by = Deciders::default();
        decided_by.load_balancer(&id);
        let (shares, lost) = self.shares(load_balancer, mapping, Family::of(address), port);
        if lost {
            decided_by.limit(DANGLING);
        }
        if shares.is_empty() {
            decided_by.limit(DANGLING);
            return Verdict::without_backends(Outcome::Drop, decided_by);
        }
        let is_asked_for = |share: &&Share| match backends {
            Backends::All => true,
            Backends::OnThisNode => share.reached.local,
        };
        let shares: Vec<&Share> = shares.iter().filter(is_asked_for).collect();
        if shares.is_empty() {
            // kubernetes/kubernetes#115344: the rule for clients outside has the local backends only, so with none of
            // them there is no rule.
            decided_by.limit(DSR_REMOTE_CLIENT);
            return Verdict::without_backends(Outcome::Pass, decided_by);
        }
        for share in &shares {
            decided_by.endpoint(&share.endpoint);
        }
        let backends: BTreeSet<Reached> = shares.iter().map(|share| share.reached).collect();
        let source = source_seen(&source, packet.client.address, &backends);
        let sticky = mapping.distribution_type != Distribution::FIVE_TUPLE;
        Verdict { outcome: Outcome::Forward, backends, source: Some(source), sticky, decided_by }
    }

    /// The load balancer for a destination: one with the address as VIP before one for every address of the node.
    fn look_up(
        &self,
        address: IpAddr,
        port: u16,
        protocol: Protocol,
    ) -> Option<(Guid, &'a PortMapping)> {
        let family = Family::of(address);
        let protocol = u32::from(protocol.number());
        let with = |vip| self.frontends.get(&Frontend { family, vip, port, protocol });
        let node_port = || self.node.contains(address).then(|| with(None)).flatten();
        with(Some(address)).or_else(node_port).copied()
    }

    /// The backends of a load balancer, and whether a share is lost: one whose endpoint does not exist, or has no
    /// address of the family, or all when the load balancer is degraded.
    fn shares(
        &self,
        load_balancer: &LoadBalancer,
        mapping: &PortMapping,
        family: Family,
        external_port: u16,
    ) -> (Vec<Share>, bool) {
        if load_balancer.is_degraded() {
            return (Vec::new(), true);
        }
        // hcsshim: with PreserveDip nothing is translated, so the backend sees the port that the client sent to.
        let preserve = mapping.flags.contains(PortMappingFlags::PRESERVE_DIP);
        let port = if preserve { external_port } else { mapping.internal_port };
        let share = |id: &Guid| {
            let endpoint = self.state.endpoint(*id)?;
            let address = endpoint.addresses().find(|address| Family::of(*address) == family)?;
            // A process of the node has no endpoint of its own: it is a remote one at the node's address.
            let local = !endpoint.is_remote() || self.node.contains(address);
            Some(Share { endpoint: *id, reached: Reached { address, port, local } })
        };
        let shares: Vec<Share> =
            load_balancer.host_compute_endpoints.iter().filter_map(share).collect();
        let lost = shares.len() < load_balancer.host_compute_endpoints.len();
        (shares, lost)
    }
}

/// The table: what a load balancer does, by where the client is.
fn treatment(origin: Origin, load_balancer: &LoadBalancer, mapping: &PortMapping) -> Treatment {
    let dsr = load_balancer.is_dsr();
    match (origin, dsr) {
        // Microsoft's "Direct Server Return in a nutshell": with it the client pod's own switch port picks the backend
        // and translates, and the backend sees the pod's address.
        (Origin::LocalPod, true) => Treatment::Spread(Backends::All, Source::Kept),
        // The same page: without it the host picks, and translates the source too, to the node's address or on an
        // overlay to the source VIP.
        (Origin::LocalPod, false) => Treatment::Spread(Backends::All, Source::Rewritten),
        // hcsshim: LocalRoutedVip makes a frontend reachable from the host. That one with a VIP is reachable without
        // it: microsoft/wcnscripts expects rules for each on the host's port. That direct server return makes no
        // difference there, and that backends see the node's address: inferred.
        (Origin::Node, _) => {
            let routed = mapping.flags.contains(PortMappingFlags::LOCAL_ROUTED_VIP);
            if load_balancer.has_no_vip() && !routed {
                return Treatment::Untouched;
            }
            Treatment::Spread(Backends::All, Source::Rewritten)
        }
        // hcsshim: "internal load balancing". That packets which come in from the network are then left alone: inferred.
        (Origin::RemotePod | Origin::Outside, _)
            if mapping.flags.contains(PortMappingFlags::ILB) =>
        {
            Treatment::Untouched
        }
        // Kubernetes' page on Windows networking: clients outside keep their address with direct server return.
        // kubernetes/kubernetes#115344: only the local backends are in the rule for them.
        (Origin::RemotePod | Origin::Outside, true) => {
            Treatment::Spread(Backends::OnThisNode, Source::Kept)
        }
        // "Direct Server Return in a nutshell", as for a local pod: both addresses are translated on the host.
        (Origin::RemotePod | Origin::Outside, false) => {
            Treatment::Spread(Backends::All, Source::Rewritten)
        }
    }
}

/// What the backends see. A client that is picked itself is rewritten in any case, as otherwise its answer would never
/// leave it (containernetworking/plugins#613 has the loopback path; that it shows there: inferred).
fn source_seen(source: &Source, client: IpAddr, backends: &BTreeSet<Reached>) -> SourceSeen {
    match source {
        Source::Rewritten => SourceSeen::Rewrite,
        Source::Kept => {
            let itself = backends.iter().filter(|reached| reached.address == client).count();
            match itself {
                0 => SourceSeen::Keep,
                _ if itself == backends.len() => SourceSeen::Rewrite,
                _ => SourceSeen::Mixed,
            }
        }
    }
}
