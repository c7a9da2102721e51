//! One Windows node: its views led into an emulated HNS, and packets traced through what HNS then holds.

use std::collections::BTreeSet;
use std::io::Write;
use std::net::IpAddr;
use std::num::NonZeroU16;

use anyhow::Context;
use switchyard_hcn::Client;
use switchyard_hcn_emulator::{Explanation, NodeAddresses, State, Tracer};
use switchyard_model::{
    Cluster, Destination, Frontend, Outcome, Packet, ServicePortView, Settings, Verdict, ViewSet,
};
use switchyard_nodeview::{Clients, NodeView, Source, Stream};
use switchyard_winkernel::limits::{self, Substitute};
use switchyard_winkernel::{Observed, Reconciler, Subject, Wanted, execute};

use crate::failure::Failure;
use crate::network::Hns;

/// What the node's views want in HNS.
///
/// # Errors
/// When the views are not complete.
pub fn wanted(hns: &Hns, views: &ViewSet, settings: &Settings) -> Result<Wanted, Failure> {
    let wanted = Wanted::new(views, &hns.network, &settings.priority_services);
    Ok(wanted.context("the views of the node are not complete")?)
}

/// The way from what HNS holds to what the node's views want.
///
/// # Errors
/// When HNS cannot be read, or the views are not complete.
pub fn reconciler(hns: &Hns, stream: &Stream) -> Result<Reconciler, Failure> {
    let observed = Observed::read(Client::new(&hns.emulator), hns.network.id)
        .context("read what HNS holds")?;
    let views: ViewSet = stream.snapshot().into_iter().collect();
    let wanted = wanted(hns, &views, stream.view().settings())?;
    Ok(Reconciler::new(hns.network.clone(), wanted, observed))
}

/// Leads HNS to what the node's views want, and says which calls failed.
///
/// # Errors
/// As [`reconciler`], and when the network cannot be opened.
pub fn converge(hns: &Hns, stream: &Stream, notices: &mut dyn Write) -> Result<(), Failure> {
    run(hns, &mut reconciler(hns, stream)?, notices)
}

/// Runs `reconciler` to its end, and says which calls failed.
///
/// # Errors
/// When the network cannot be opened.
pub fn run(hns: &Hns, reconciler: &mut Reconciler, notices: &mut dyn Write) -> Result<(), Failure> {
    let failures = execute(reconciler, Client::new(&hns.emulator), hns.network.id)
        .context("change what HNS holds")?;
    for (operation, failure) in failures {
        let verb = operation.verb.as_str();
        let views: Vec<_> = operation.views.iter().map(ToString::to_string).collect();
        let what = match &operation.subject {
            Subject::Endpoint { key, .. } => format!("endpoint {key}"),
            Subject::LoadBalancer { key: Some(key), .. } => format!("load balancer {key}"),
            Subject::LoadBalancer { key: None, .. } => format!("load balancer {}", operation.id),
        };
        let chain = format!("{:#}", anyhow::Error::new(failure));
        writeln!(notices, "failed: {verb} {what} for {}: {chain}", views.join(", "))?;
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
        let (node, place) = (self.view.node(), self.hns.place());
        let substitute = match self.frontend(packet) {
            Some((view, frontend)) => {
                if verdict.outcome != Outcome::Pass {
                    verdict.decided_by.extend(view.deciders(frontend));
                }
                limits::substitute(view, frontend, node, place, packet, &model)
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
