//! One Windows node: its views led into an emulated HNS, and packets traced through what HNS then holds.

use std::collections::BTreeSet;
use std::io::Write;
use std::net::IpAddr;
use std::num::NonZeroU16;
use std::time::Duration;

use anyhow::anyhow;
use switchyard_hcn_emulator::{Explanation, NodeAddresses, State, Tracer};
use switchyard_model::{Cluster, Destination, Frontend, Outcome, Packet, ServicePortView, Verdict};
use switchyard_nodeview::{Clients, NodeView, Source, Stream};
use switchyard_winkernel::limits::{self, Substitute};
use switchyard_winkernel::{Ledger, MemoryLedger, Reconciler, observe};

use crate::failure::Failure;
use crate::network::Hns;

/// The way from what HNS holds to what the node's views want.
///
/// # Errors
/// When HNS cannot be read, or no load balancer can be made on its network.
pub fn reconciler(hns: &Hns, stream: &Stream) -> Result<Reconciler, Failure> {
    reconciler_with(hns, stream, Ledger::default())
}

/// As [`reconciler`], with what an earlier proxy wrote down of what it made.
///
/// # Errors
/// As [`reconciler`].
pub fn reconciler_with(hns: &Hns, stream: &Stream, ledger: Ledger) -> Result<Reconciler, Failure> {
    let mut reconciler = Reconciler::new(hns.settings.clone(), ledger);
    reconciler.view(stream.snapshot(), Duration::ZERO);
    observe(&mut reconciler, &hns.emulator, &mut MemoryLedger::default(), Duration::ZERO);
    let standing = reconciler.standing();
    if let Some(missing) = standing.missing_network {
        return Err(anyhow!("{missing}").into());
    }
    if let Some(trouble) = standing.network_trouble {
        return Err(anyhow::Error::new(trouble).into());
    }
    Ok(reconciler)
}

/// Leads HNS to what the node's views want, and says which calls failed.
///
/// # Errors
/// As [`reconciler`].
pub fn converge(hns: &Hns, stream: &Stream, notices: &mut dyn Write) -> Result<(), Failure> {
    run(hns, &mut reconciler(hns, stream)?, Duration::ZERO, notices)
}

/// Has `reconciler` make all calls that are due at `now`, and says which failed.
///
/// # Errors
/// When the notices cannot be written.
pub fn run(
    hns: &Hns,
    reconciler: &mut Reconciler,
    now: Duration,
    notices: &mut dyn Write,
) -> Result<(), Failure> {
    let mut ledger = MemoryLedger::default();
    switchyard_winkernel::run(reconciler, &hns.emulator, &mut ledger, now);
    for (target, delay) in reconciler.standing().delays {
        writeln!(notices, "failed: {target}: {}", delay.message)?;
    }
    Ok(())
}

/// The node's addresses: the Node's, and those of the network.
#[must_use]
pub fn node_addresses(hns: &Hns, view: &NodeView) -> BTreeSet<IpAddr> {
    let own = view.node().addresses.iter().map(|own| own.address);
    own.chain(hns.network.management_addresses.iter().copied()).collect()
}

/// Traces packets through a state of HNS, and says which Services and limits decided.
pub struct WindowsTrace<'a> {
    hns: &'a Hns,
    view: &'a NodeView,
    cluster: &'a Cluster,
    clients: Clients<'a>,
    tracer: Tracer<'a>,
    addresses: BTreeSet<IpAddr>,
}

impl<'a> WindowsTrace<'a> {
    /// Traces through `state`, which is what `hns` holds or held, on the node of `stream`.
    #[must_use]
    pub fn new(hns: &'a Hns, state: &'a State, stream: &'a Stream) -> Self {
        let (view, cluster) = (stream.view(), stream.cluster());
        let addresses = node_addresses(hns, view);
        let mut clients = Clients::new(cluster, view);
        let local = state.endpoints().filter(|(_, endpoint)| !endpoint.is_remote());
        clients.add_local(local.flat_map(|(_, endpoint)| endpoint.addresses()));
        let tracer = Tracer::new(state, addresses.iter().copied().collect::<NodeAddresses>());
        Self { hns, view, cluster, clients, tracer, addresses }
    }

    /// The packet that `source` sends to `destination`.
    ///
    /// # Errors
    /// When the source is a pod that is unknown, or has no address of the destination's family.
    pub fn packet(&self, source: &Source, destination: Destination) -> Result<Packet, Failure> {
        let held = self.view.is_load_balancer_address(&destination);
        let packet = self.clients.packet(source, destination, held).map_err(anyhow::Error::new)?;
        Ok(packet)
    }

    /// Where HNS sends `packet`.
    #[must_use]
    pub fn verdict(&self, packet: &Packet) -> Verdict {
        self.foretold(packet).0
    }

    /// Where HNS sends `packet`, and why.
    #[must_use]
    pub fn explain(&self, packet: &Packet) -> Explanation {
        let Explanation { verdict, steps } = self.tracer.explain(packet);
        Explanation { verdict: self.attributed(packet, verdict).0, steps }
    }

    /// Where HNS sends `packet`, and what the limits foretold of that.
    #[must_use]
    pub fn foretold(&self, packet: &Packet) -> (Verdict, Substitute) {
        self.attributed(packet, self.tracer.trace(packet))
    }

    /// The tracer's verdict with the Services and limits that decided it, and what the limits foretold of it.
    fn attributed(&self, packet: &Packet, mut verdict: Verdict) -> (Verdict, Substitute) {
        let model = self.view.trace(self.cluster, packet);
        let ground = self.hns.ground(self.view.node());
        let substitute = match self.frontend(packet) {
            Some((view, frontend)) => {
                if verdict.outcome != Outcome::Pass {
                    verdict.decided_by.extend(view.deciders(frontend));
                }
                limits::substitute(view, frontend, ground, packet, &model)
            }
            None => limits::without_frontend(&model),
        };
        // Where HNS does something else than foretold, it holds something else than what is wanted: no limit is to blame.
        if substitute.foretells(&verdict) && !substitute.limits.is_empty() {
            for limit in &substitute.limits {
                verdict.decided_by.limit(limit.as_str());
            }
            verdict.decided_by.extend(model.decided_by);
        }
        (verdict, substitute)
    }

    /// The frontend whose load balancer would take the packet: HNS has no node-port addresses, but all of the node's.
    fn frontend(&self, packet: &Packet) -> Option<(&ServicePortView, &Frontend)> {
        let Destination::Port { address, port, protocol } = packet.destination else { return None };
        let port = NonZeroU16::new(port)?;
        let on_node = self.addresses.contains(&address);
        self.view.frontend_at_node(address, port, protocol, on_node)
    }
}
