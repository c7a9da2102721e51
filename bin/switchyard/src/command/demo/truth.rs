//! The truth table: sources across, frontends down, and in each cell what HNS does with such a packet.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::IpAddr;

use switchyard_model::{
    Cluster, Destination, Family, Frontend, Outcome, Packet, ServicePortView, SourceSeen, Verdict,
};
use switchyard_nodeview::{NodeView, Source};
use switchyard_winkernel::limits::{Limit, met};

use super::node::{WindowsNode, frontend_name};
use super::pods::Pods;
use super::{heading, outsider};
use crate::failure::Failure;
use crate::print::{counted, table};
use crate::windows::WindowsTrace;

/// Prints the truth table of one node.
pub(super) fn print(node: &WindowsNode, out: &mut dyn Write) -> Result<(), Failure> {
    heading(&format!("Who reaches what through {}", node.name()), out)?;
    let (view, cluster) = (node.stream.view(), node.stream.cluster());
    let state = node.hns.state_to_trace();
    let trace = WindowsTrace::new(&node.hns, &state, &node.stream);
    let pods = Pods::of(cluster);
    let mut rows =
        table(["FRONTEND", "SERVICE", "THE NODE", "A POD HERE", "A POD ELSEWHERE", "OUTSIDE"]);
    let mut limits: BTreeMap<Limit, usize> = BTreeMap::new();
    for port in view.views() {
        for frontend in &port.frontends {
            let Some(destination) = destination(view, port, frontend) else { continue };
            let family = port.key.family;
            let sources = [
                Some(Source::Node),
                pods.example(family, node.name(), true).map(Source::Address),
                pods.example(family, node.name(), false).map(Source::Address),
                outsider(family).parse::<IpAddr>().ok().map(Source::Address),
            ];
            let mut row = vec![
                frontend_name(port, frontend),
                format!("{}:{}", port.key.service, port.key.port),
            ];
            for source in sources {
                row.push(match source {
                    Some(source) => {
                        let packet = trace.packet(&source, destination)?;
                        cell(&trace.verdict(&packet), view, cluster, &packet)
                    }
                    None => "-".to_owned(),
                });
            }
            rows.add_row(row);
            for limit in met(port, frontend, node.hns.ground(view.node())) {
                *limits.entry(limit).or_default() += 1;
            }
        }
    }
    writeln!(out, "{}", rows.trim_fmt())?;
    writeln!(
        out,
        "\nN keep: one of N backends, which sees the client's address; N rewrite: it sees the node's; \
         mixed: it depends on the backend;\npass: left alone; *: not what the rules of Services ask for:"
    )?;
    for (limit, count) in limits {
        let at = counted(count, "frontend");
        writeln!(out, "  limit {limit} at {at}: {}", limit.explanation())?;
    }
    Ok(())
}

/// Where a client would send to reach `frontend`; a node port at the node's primary address.
fn destination(
    view: &NodeView,
    port: &ServicePortView,
    frontend: &Frontend,
) -> Option<Destination> {
    let family: Family = port.key.family;
    let address = frontend.address.or_else(|| view.node().primary(family))?;
    Some(Destination::Port { address, port: frontend.port.get(), protocol: port.key.protocol })
}

fn cell(verdict: &Verdict, view: &NodeView, cluster: &Cluster, packet: &Packet) -> String {
    let model = view.trace(cluster, packet);
    let same = model.outcome == verdict.outcome
        && model.backends == verdict.backends
        && model.source == verdict.source;
    let mark = if same { "" } else { " *" };
    let text = match (verdict.outcome, verdict.source) {
        (Outcome::Forward, source) => {
            let source = source.map_or("", SourceSeen::as_str);
            format!("{} {source}", verdict.backends.len())
        }
        (outcome, _) => outcome.to_string(),
    };
    text + mark
}
