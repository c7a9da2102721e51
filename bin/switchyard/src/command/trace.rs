//! `trace`: where a new connection goes.

use std::io::Write;

use switchyard_hcn::{LoadBalancer, PortMappingFlags};
use switchyard_hcn_emulator::{Backend as Endpoint, Explanation, Fate, Note, State, Step};
use switchyard_model::{ClusterEvent, Destination, Name, Node, NodeAddress, NodeAddressKind};
use switchyard_nodeview::{Clients, Source, Stream};
use switchyard_source::Configuration;
use switchyard_winkernel::limits::Limit;

use crate::answer::{Trace, TraceExplanation};
use crate::arguments::{Backend, InputArguments, TraceArguments};
use crate::failure::{Exit, Failure};
use crate::input::{Input, configuration};
use crate::network::Hns;
use crate::print::structured;
use crate::target::{parse_destination, parse_source};
use crate::windows::{WindowsTrace, converge, node_addresses};

/// What a node is called that no manifest names.
const UNNAMED_NODE: &str = "node";

pub(super) fn run(
    arguments: &TraceArguments,
    out: &mut dyn Write,
    notices: &mut dyn Write,
) -> Result<Exit, Failure> {
    let source = parse_source(&arguments.from)
        .map_err(|trouble| Failure::Usage(format!("--from {trouble}")))?;
    let destination = parse_destination(&arguments.to)
        .map_err(|trouble| Failure::Usage(format!("--to {trouble}")))?;
    let input = match (&arguments.manifests, &arguments.node) {
        (Some(manifests), Some(node)) => Some(Input::read(
            &InputArguments {
                manifests: manifests.clone(),
                node: node.clone(),
                common: arguments.common.clone(),
            },
            notices,
        )?),
        _ => None,
    };
    let backend = arguments.backend.unwrap_or_else(|| default_backend(arguments, input.as_ref()));
    if backend == Backend::Model && arguments.explain {
        return Err(Failure::Usage(
            "--explain needs HNS: give --backend winkernel, or --hns with a state of it".to_owned(),
        ));
    }
    let explanation = match (backend, &input) {
        (Backend::Model, None) => {
            return Err(Failure::Usage(
                "--backend model needs --manifests and --node: HNS knows no Services".to_owned(),
            ));
        }
        (Backend::Model, Some(input)) => {
            let (view, cluster) = (input.stream.view(), input.stream.cluster());
            let held = view.is_load_balancer_address(&destination);
            let packet = Clients::new(cluster, view)
                .packet(&source, destination, held)
                .map_err(anyhow::Error::new)?;
            Explanation { verdict: view.trace(cluster, &packet), steps: Vec::new() }
        }
        (Backend::Winkernel, input) => {
            explain_by_hns(arguments, input.as_ref(), &source, destination, notices)?
        }
    };
    print(&explanation, arguments, out)?;
    Ok(input.map_or(Exit::Answered, |input| input.exit(arguments.common.strict)))
}

/// Where HNS sends a packet, and why: as a state of it that is given does, or as it does when it holds what the manifests want.
fn explain_by_hns(
    arguments: &TraceArguments,
    input: Option<&Input>,
    source: &Source,
    destination: Destination,
    notices: &mut dyn Write,
) -> Result<Explanation, Failure> {
    let own = match input {
        Some(_) => Configuration::default(),
        None => configuration(arguments.common.config.as_deref(), notices)?,
    };
    let windows = input.map_or(&own.windows, |input| &input.windows);
    let mut unnamed = Stream::new(Name::from(UNNAMED_NODE), own.settings);
    let stream = input.map_or(&unnamed, |input| &input.stream);
    let hns = if arguments.windows.hns.is_some() {
        Hns::as_it_is(&arguments.windows, windows, stream)?
    } else {
        let hns = Hns::new(&arguments.windows, windows, stream)?;
        converge(&hns, stream, notices)?;
        hns
    };
    if input.is_none() {
        name_node(&mut unnamed, &hns);
    }
    let stream = input.map_or(&unnamed, |input| &input.stream);
    if node_addresses(&hns, stream.view()).is_empty() {
        writeln!(
            notices,
            "no address of the node is known, so nothing is for the node or its node ports: the HNS state has no \
             ManagementIP; name managementAddresses in a file for --network"
        )?;
    }
    let state = hns.state_to_trace();
    let trace = WindowsTrace::new(&hns, &state, stream);
    let mut packet = trace.packet(source, destination)?;
    if input.is_none() && is_own_vip(&state, source, destination) {
        let address = packet.client.address;
        packet = trace.packet(&Source::Node, destination)?;
        packet.client.address = address;
    }
    Ok(trace.explain(&packet))
}

/// Whether a packet comes from the very address it goes to, and that is one of those by which a load balancer outside
/// leads clients into the cluster: then the node that holds the address has sent it. Manifests would tell such addresses;
/// HNS tells them by a flag.
fn is_own_vip(state: &State, source: &Source, destination: Destination) -> bool {
    let Destination::Port { address, port, protocol } = destination else { return false };
    let holds = |load_balancer: &LoadBalancer| {
        let mut mappings = load_balancer.port_mappings.iter();
        load_balancer.vips().any(|vip| vip == address)
            && mappings.any(|mapping| {
                mapping.external_port == port
                    && mapping.protocol.0 == u32::from(protocol.number())
                    && mapping.flags.contains(PortMappingFlags::VIP_EXTERNAL_IP)
            })
    };
    *source == Source::Address(address)
        && state.load_balancers().any(|(_, load_balancer)| holds(load_balancer))
}

/// HNS for a node labelled as Windows, and where a state of HNS is given; else the model.
fn default_backend(arguments: &TraceArguments, input: Option<&Input>) -> Backend {
    let Some(input) = input else { return Backend::Winkernel };
    let node = arguments.node.as_deref().and_then(|node| input.stream.cluster().node(node));
    let windows = node.and_then(|node| node.operating_system.as_deref()) == Some("windows");
    if windows || arguments.windows.hns.is_some() { Backend::Winkernel } else { Backend::Model }
}

/// Tells the stream of a node without manifests what HNS knows of the node: its addresses and its pods' subnets.
fn name_node(stream: &mut Stream, hns: &Hns) {
    let state = hns.emulator.state();
    let subnets = state.network(hns.network.id).into_iter().flat_map(|network| {
        network.subnets().filter_map(switchyard_hcn::Subnet::prefix).collect::<Vec<_>>()
    });
    let addresses = hns.network.management_addresses.iter();
    let node = Node {
        name: Name::from(UNNAMED_NODE),
        addresses: addresses
            .map(|address| NodeAddress { kind: NodeAddressKind::Internal, address: *address })
            .collect(),
        pod_ranges: subnets.collect(),
        zone: None,
        operating_system: None,
        leaving: None,
    };
    stream.apply([ClusterEvent::Node(node)]);
}

fn print(
    explanation: &Explanation,
    arguments: &TraceArguments,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let mut answer = Trace::from(&explanation.verdict);
    if arguments.explain {
        answer.explanation = Some(TraceExplanation::from(explanation));
    }
    if structured(&answer, arguments.common.output, out)? {
        return Ok(());
    }
    let (from, to) = (&arguments.from, &arguments.to);
    writeln!(out, "{from} -> {to}: {}", answer.outcome)?;
    for backend in &answer.backends {
        let place = if backend.local { "on this node" } else { "elsewhere" };
        writeln!(out, "  {} port {} {place}", backend.address, backend.port)?;
    }
    if let Some(source) = answer.source {
        let seen = match source {
            "keep" => "the client's address",
            "rewrite" => "an address of the node",
            _ => "the client's address, or the node's, depending on the backend",
        };
        writeln!(out, "  the backend sees {seen} ({source}); affinity {}", answer.affinity)?;
    }
    for decider in &answer.decided_by {
        writeln!(out, "  by {decider}")?;
    }
    for limit in Limit::ALL {
        if answer.decided_by.contains(&format!("limit/{limit}")) {
            writeln!(out, "  {limit}: {}", limit.explanation())?;
        }
    }
    print_lost(explanation, out)?;
    if arguments.explain {
        writeln!(out, "why:")?;
        for step in &explanation.steps {
            writeln!(out, "  {}: {step}", step.as_str())?;
        }
    }
    Ok(())
}

/// Says of each endpoint whose share is lost why it is.
fn print_lost(explanation: &Explanation, out: &mut dyn Write) -> Result<(), Failure> {
    for step in &explanation.steps {
        match step {
            Step::Endpoint(Endpoint { endpoint, fate: Fate::Lost(why), .. }) => {
                writeln!(out, "  lost: endpoint/{endpoint}: {why}")?;
            }
            Step::Note(note @ Note::NoEndpoints) => writeln!(out, "  lost: {note}")?,
            _ => {}
        }
    }
    Ok(())
}
