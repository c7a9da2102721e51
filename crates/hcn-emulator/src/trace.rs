//! The data path: where a new connection goes, and why.
//!
//! * `table`: what a load balancer does with packets of which clients.
//! * `backends`: what becomes of each of its endpoints; `overlay`: which remote ones are routed there.
//! * `rules`: the rules of the virtual switch on the way.
//! * `explanation`: all of that as data. `explain` puts it together, `note` with what is worth knowing besides.

mod backends;
mod explain;
mod explanation;
mod note;
mod overlay;
mod rules;
mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use switchyard_hcn::{Distribution, Guid, LoadBalancer, PortMapping, PortMappingFlags};
use switchyard_model::{
    Client, Deciders, Destination, Family, Outcome, Packet, Protocol, Reached, SourceSeen, Verdict,
};

pub use backends::{Backend, Fate, Lost};
pub use explanation::{Explanation, Matched, MatchedBy, SeenAs, Step, Unmatched};
pub use note::Note;
pub use overlay::{Misleading, NotRouted};
pub use rules::{Rule, SwitchPort};
pub use table::{Action, Asked, Cell, Source};

use crate::frontend::{Frontend, frontends};
use crate::{Build, State};
use backends::Surroundings;
use overlay::Overlays;

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

    /// The addresses, the lowest first.
    fn iter(&self) -> impl Iterator<Item = IpAddr> {
        self.0.iter().copied()
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
    frontends: BTreeMap<Frontend, Held<'a>>,
    overlays: Overlays,
}

/// Who holds a frontend.
#[derive(Debug, Clone, Copy)]
struct Held<'a> {
    id: Guid,
    load_balancer: &'a LoadBalancer,
    mapping: &'a PortMapping,
}

/// A packet that a load balancer is for, followed to its end.
struct Followed<'a> {
    client: Client,
    address: IpAddr,
    port: u16,
    protocol: Protocol,
    held: Held<'a>,
    by: MatchedBy,
    cell: Cell,
    backends: Vec<Backend>,
    verdict: Verdict,
}

impl<'a> Tracer<'a> {
    /// The data path of the node that has the addresses `node` and whose HNS holds `state`.
    #[must_use]
    pub fn new(state: &'a State, node: NodeAddresses) -> Self {
        let mut by_frontend = BTreeMap::new();
        for (id, load_balancer) in state.load_balancers() {
            for (frontend, mapping) in frontends(load_balancer) {
                // HNS refuses a second one; where a file has it, the lowest id stands.
                by_frontend.entry(frontend).or_insert(Held { id, load_balancer, mapping });
            }
        }
        Self { state, node, frontends: by_frontend, overlays: Overlays::of(state) }
    }

    /// Where a new connection goes that begins with `packet`.
    #[must_use]
    pub fn trace(&self, packet: &Packet) -> Verdict {
        self.follow(packet).map_or_else(Verdict::pass, |followed| followed.verdict)
    }

    /// Where a new connection goes that begins with `packet`, and why. The verdict is that of [`Self::trace`].
    #[must_use]
    pub fn explain(&self, packet: &Packet) -> Explanation {
        match self.follow(packet) {
            None => Explanation {
                verdict: Verdict::pass(),
                steps: vec![Step::Unmatched(self.unmatched(packet.destination))],
            },
            Some(followed) => {
                let steps = self.steps(&followed);
                Explanation { verdict: followed.verdict, steps }
            }
        }
    }

    /// Follows a packet; nothing when no load balancer is for it.
    fn follow(&self, packet: &Packet) -> Option<Followed<'a>> {
        // Kubernetes' page on Windows networking: ICMP to a virtual address is not supported.
        let Destination::Port { address, port, protocol } = packet.destination else { return None };
        let (held, by) = self.look_up(address, port, protocol)?;
        let cell = Cell::of(packet.client.origin, held.load_balancer, held.mapping);
        let (backends, verdict) = match cell.action {
            Action::Untouched => (Vec::new(), Verdict::pass()),
            Action::Spread(asked, source) => {
                let surroundings = Surroundings {
                    state: self.state,
                    node: &self.node,
                    overlays: &self.overlays,
                    family: Family::of(address),
                    port: backend_port(held.mapping),
                };
                let backends = surroundings.backends(held.load_balancer, asked);
                let sticky = self.distribution(held.mapping) != Distribution::FIVE_TUPLE;
                let verdict = spread(held, &backends, source, packet.client.address, sticky);
                (backends, verdict)
            }
        };
        let client = packet.client;
        Some(Followed { client, address, port, protocol, held, by, cell, backends, verdict })
    }

    /// How a backend is picked: as the mapping says, where the build looks at that.
    fn distribution(&self, mapping: &PortMapping) -> Distribution {
        if Build::of(self.state.version).distribution {
            mapping.distribution_type
        } else {
            Distribution::FIVE_TUPLE
        }
    }

    /// The load balancer for a destination: one with the address as VIP before one for every address of the node.
    fn look_up(
        &self,
        address: IpAddr,
        port: u16,
        protocol: Protocol,
    ) -> Option<(Held<'a>, MatchedBy)> {
        let family = Family::of(address);
        let protocol = u32::from(protocol.number());
        let with = |vip| self.frontends.get(&Frontend { family, vip, port, protocol }).copied();
        let by_vip = with(Some(address)).map(|held| (held, MatchedBy::Vip));
        by_vip.or_else(|| {
            let held = self.node.contains(address).then(|| with(None)).flatten()?;
            Some((held, MatchedBy::NodeAddress))
        })
    }
}

/// Whether packets reach the backends with the destination that the client sent them to.
fn preserves(mapping: &PortMapping) -> bool {
    mapping.flags.contains(PortMappingFlags::PRESERVE_DIP)
}

/// The port on the backends. hcsshim: with PreserveDip there is no translation of the destination; that this is so of the
/// port, too: inferred.
fn backend_port(mapping: &PortMapping) -> u16 {
    if preserves(mapping) { mapping.external_port } else { mapping.internal_port }
}

/// What becomes of a packet that is spread over `backends`.
fn spread(
    held: Held<'_>,
    backends: &[Backend],
    source: Source,
    client: IpAddr,
    sticky: bool,
) -> Verdict {
    let mut decided_by = Deciders::default();
    decided_by.load_balancer(&held.id);
    let lost = |backend: &Backend| matches!(backend.fate, Fate::Lost(_));
    if backends.iter().any(lost) {
        decided_by.limit(DANGLING);
    }
    if backends.iter().all(lost) {
        decided_by.limit(DANGLING);
        return Verdict::without_backends(Outcome::Drop, decided_by);
    }
    for backend in backends.iter().filter(|backend| backend.fate == Fate::Serves) {
        decided_by.endpoint(&backend.endpoint);
    }
    let reached = reached_once(backends);
    if reached.is_empty() {
        // kubernetes/kubernetes#115344: the rule for clients outside has the local backends only, so with none of them
        // there is no rule.
        decided_by.limit(DSR_REMOTE_CLIENT);
        return Verdict::without_backends(Outcome::Pass, decided_by);
    }
    let source = source_seen(source, client, &reached);
    Verdict {
        outcome: Outcome::Forward,
        backends: reached,
        source: Some(source),
        sticky,
        decided_by,
    }
}

/// Where those are that serve. A local and a remote endpoint at one address are one destination, and it is on this node.
fn reached_once(backends: &[Backend]) -> BTreeSet<Reached> {
    let mut places: BTreeMap<(IpAddr, u16), bool> = BTreeMap::new();
    let serving = backends.iter().filter(|backend| backend.fate == Fate::Serves);
    for own in serving.filter_map(|backend| backend.reached) {
        *places.entry((own.address, own.port)).or_default() |= own.local;
    }
    let reached = |((address, port), local)| Reached { address, port, local };
    places.into_iter().map(reached).collect()
}

/// What the backends see. A client that is picked itself is rewritten in any case, as otherwise its answer would never
/// leave it (kubernetes-sigs/sig-windows-tools#119 has the loopback path; that it shows there: inferred).
fn source_seen(source: Source, client: IpAddr, backends: &BTreeSet<Reached>) -> SourceSeen {
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
