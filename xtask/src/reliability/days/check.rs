//! Whether a node is as it should be, by what the API server has.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use switchyard::answer::Trace;
use switchyard::failure::Failure;
use switchyard::target::{parse_destination, parse_source};
use switchyard::windows::{WindowsTrace, node_addresses};
use switchyard_conformance::Answer;
use switchyard_conformance::oracle::Oracle;
use switchyard_hcn_emulator::{Emulator, NodeAddresses, Setup, State};
use switchyard_model::{Destination, EndpointSlice, Family, ServicePortView};
use switchyard_nodeview::{Clients, SourceError, Stream};
use switchyard_winkernel::MemoryLedger;

use super::super::entrances::{Entrance, entrance};
use super::super::judge::Judge;
use super::super::node::{Node, is_at_rest};
use super::super::packets::packets;
use super::super::scenario::{Event, Stage};
use super::day::{DEAF, Day};

/// When everything must be as it should, once nothing goes wrong any more.
const USUAL: Duration = Duration::from_secs(5);
const AWAITED: Duration = Duration::from_secs(10);
const CONTESTED: Duration = Duration::from_secs(65);
/// How many packets are held against the oracle each time.
const PACKETS: usize = 6;

/// How long it may take by what happened, and what that is called.
pub(super) fn bound(day: &Day<'_>, awaits: bool) -> (&'static str, Duration) {
    let two_audits = 2 * day.beginning.reconciler.audit_period + Duration::from_secs(30);
    let scars = day.scars;
    match (scars.silent, scars.contested, scars.deaf) {
        (true, ..) => ("after a silent drift", two_audits),
        (_, true, _) => ("after a contest", CONTESTED),
        (_, _, true) => ("after a silent watch", DEAF),
        _ if scars.lost => ("after a total loss", USUAL),
        _ if awaits => ("with an awaited pod", AWAITED),
        _ => ("in general", USUAL),
    }
}

/// All views of a node.
pub(super) fn views(stream: &Stream) -> Vec<Arc<ServicePortView>> {
    stream.view().views().cloned().collect()
}

/// Whether the proxy knows the Services and slices that the API server has.
fn objects(own: &Stream, truth: &Stream) -> Result<(), String> {
    let (own, truth) = (own.cluster(), truth.cluster());
    for service in truth.services() {
        let known = own.service(&service.key);
        if known != Some(service) {
            return Err(format!("the proxy has {known:?}, the API server {service:?}"));
        }
    }
    for slice in truth.slices() {
        let known = own.slices().find(|known| known.key == slice.key);
        // A proxy has no use for the names of pods.
        let slice = &Arc::new(EndpointSlice { pods: Box::default(), ..(**slice).clone() });
        if known != Some(slice) {
            return Err(format!("the proxy has {known:?}, the API server {slice:?}"));
        }
    }
    let services = (own.services().count(), truth.services().count());
    let slices = (own.slices().count(), truth.slices().count());
    if services.0 != services.1 || slices.0 != slices.1 {
        return Err(format!("the proxy knows {services:?} Services and {slices:?} slices"));
    }
    Ok(())
}

/// Whether what the proxy says of itself is what there is: it knows all that the API server has, follows all of it, and has
/// nothing left to do.
pub(super) fn standing(day: &Day<'_>) -> Result<(), String> {
    let agent = &day.agent;
    for (kind, status) in agent.shared.status() {
        if let Some(trouble) = status.trouble {
            return Err(format!("{kind} cannot be followed: {trouble}"));
        }
    }
    let (own, truth) = (agent.core.stream(), &day.cluster.truth);
    objects(own, truth)?;
    if own.view().node() != truth.view().node() {
        let (own, truth) = (own.view().node(), truth.view().node());
        return Err(format!("the node is {own:?}, not {truth:?}"));
    }
    if views(own) != views(truth) {
        return Err("the same objects have led to other views".to_owned());
    }
    let reconciler = agent.core.reconciler();
    if !is_at_rest(reconciler) || agent.under_way() > 0 {
        return Err(format!("no rest: {:?}", reconciler.standing()));
    }
    let now = agent.now();
    let status = agent.core.status(now);
    if status.state != switchyard_agent::State::Settled {
        return Err(format!("it says {:?} of itself: {:?}", status.state, status.waiting_for));
    }
    let verdict = agent.core.health().verdict(now);
    if verdict.ailment.is_some() || !verdict.is_alive() {
        return Err(format!("its health is {verdict:?}"));
    }
    Ok(())
}

/// Whether HNS holds what it should, and packets go where they should.
pub(super) fn judge(day: &mut Day<'_>) -> Result<(), String> {
    let state = day.emulator.state();
    let setup = Setup { knobs: day.knobs.knobs.clone(), ..Setup::of(state.clone()) };
    let node = Node {
        emulator: Emulator::in_virtual_time(setup),
        ledger: MemoryLedger(day.ledger.text.clone()),
        proxy: day.agent.core.reconciler().clone(),
    };
    let truth = &day.cluster.truth;
    let stage = Stage {
        event: Event::Restart,
        changes: Vec::new(),
        views: truth.snapshot(),
        packets: packets(truth),
        settings: day.beginning.reconciler.clone(),
    };
    let addresses: NodeAddresses =
        node_addresses(&day.cluster.hns, truth.view()).into_iter().collect();
    Judge::default().judge(&node, (0, &stage), &day.world, &addresses)?;
    oracle(day, state)
}

/// What other owners' load balancers stand for.
fn held_by_others(day: &Day<'_>, state: &State) -> BTreeSet<Entrance> {
    let held = day.world.foreign.keys().filter_map(|id| state.load_balancer(*id));
    held.filter_map(entrance).collect()
}

/// Whether the packet goes to one of `entrances`.
fn enters(entrances: &BTreeSet<Entrance>, destination: &Destination) -> bool {
    let Destination::Port { address, port, protocol } = *destination else { return false };
    let family = Family::of(address);
    let entrance = |vip| Entrance { family, vip, port, protocol };
    [Some(address), None].into_iter().any(|vip| entrances.contains(&entrance(vip)))
}

/// Whether packets go where an independent reading of the rules has them go, by the objects of the API server.
fn oracle(day: &mut Day<'_>, state: State) -> Result<(), String> {
    let elsewhere = held_by_others(day, &state);
    let cluster = &mut day.cluster;
    let oracle = Oracle::new(&cluster.seen())?;
    cluster.hns.hold(state);
    let state = cluster.hns.state_to_trace();
    let trace = WindowsTrace::new(&cluster.hns, &state, &cluster.truth);
    for (from, to) in cluster.generator.packets(&cluster.setup, PACKETS) {
        let Ok(expected) = oracle.explain(&from, &to) else { continue };
        let (source, destination) = (parse_source(&from)?, parse_destination(&to)?);
        // Where a packet goes through another owner's load balancer, is for that owner to say.
        if enters(&elsewhere, &destination) {
            continue;
        }
        let packet = match trace.packet(&source, destination) {
            Ok(packet) => packet,
            // The oracle knows pods by their documents; a proxy, by slices alone.
            Err(Failure::Failed(error)) if is_unknown_pod(&error) => continue,
            Err(failure) => return Err(failure.to_string()),
        };
        let (verdict, substitute) = trace.foretold(&packet);
        let verdict = if substitute.foretells(&verdict) {
            let view = cluster.truth.view();
            let clients = Clients::new(cluster.truth.cluster(), view);
            let held = view.is_load_balancer_address(&destination);
            let packet = clients.packet(&source, destination, held);
            view.trace(cluster.truth.cluster(), &packet.map_err(|trouble| trouble.to_string())?)
        } else {
            verdict
        };
        let json =
            serde_json::to_value(Trace::from(&verdict)).map_err(|error| error.to_string())?;
        let got: Answer = serde_json::from_value(json).map_err(|error| error.to_string())?;
        if !is_same(&got, &expected.answer) {
            let expected = expected.answer;
            return Err(format!("{from} to {to} has {got:?}, and the oracle {expected:?}"));
        }
        day.report.packets += 1;
    }
    Ok(())
}

fn is_unknown_pod(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(SourceError::UnknownPod(_)))
}

/// Whether the packet goes to the same place, whoever decided that.
fn is_same(one: &Answer, other: &Answer) -> bool {
    one.outcome == other.outcome
        && one.backends == other.backends
        && one.source == other.source
        && one.affinity == other.affinity
}
