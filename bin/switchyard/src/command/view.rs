//! `view`: what a node's proxy has to do.

use std::io::Write;

use crate::answer::{ViewAnswer, ViewBackend, ViewFrontend, ViewServicePort, ViewServing};
use crate::arguments::ViewArguments;
use crate::failure::{Exit, Failure};
use crate::input::Input;
use crate::print::{structured, table};

pub(super) fn run(
    arguments: &ViewArguments,
    out: &mut dyn Write,
    notices: &mut dyn Write,
) -> Result<Exit, Failure> {
    let input = Input::read(&arguments.input, notices)?;
    let answer = ViewAnswer::new(&input.stream, &input.refused);
    if !structured(&answer, arguments.input.common.output, out)? {
        print(&answer, out)?;
    }
    Ok(input.exit(arguments.input.common.strict))
}

fn print(answer: &ViewAnswer, out: &mut dyn Write) -> Result<(), Failure> {
    let zone = answer.zone.as_deref().unwrap_or("no zone");
    writeln!(out, "node {} ({zone}), addresses {}", answer.node, answer.addresses.join(", "))?;
    let mut ports =
        table(["SERVICE PORT", "FRONTEND", "INTERNAL", "EXTERNAL", "CLUSTER", "LOCAL", "AFFINITY"]);
    for port in &answer.service_ports {
        let affinity = port.affinity_timeout_seconds.map(|seconds| format!("{seconds} s"));
        for (index, frontend) in port.frontends.iter().enumerate() {
            let first = |text: String| if index == 0 { text } else { String::new() };
            ports.add_row([
                first(name(port)),
                describe(frontend, port.protocol),
                rule(&frontend.internal),
                rule(&frontend.external),
                first(backends(&port.cluster)),
                first(backends(&port.local)),
                first(affinity.clone().unwrap_or_else(|| "none".to_owned())),
            ]);
        }
    }
    writeln!(out, "{}", ports.trim_fmt())?;
    for conflict in &answer.conflicts {
        let (frontend, winner, loser) = (&conflict.frontend, &conflict.winner, &conflict.loser);
        writeln!(out, "conflict: {frontend}: {winner} has it, {loser} does not")?;
    }
    writeln!(
        out,
        "{} service ports, {} refused",
        answer.service_ports.len(),
        answer.refused.len()
    )?;
    Ok(())
}

fn name(port: &ViewServicePort) -> String {
    let (namespace, service, name) = (&port.namespace, &port.service, &port.port);
    let colon = if name.is_empty() { "" } else { ":" };
    format!("{namespace}/{service}{colon}{name} {}", port.family)
}

fn describe(frontend: &ViewFrontend, protocol: &str) -> String {
    let address = frontend.address.as_deref().unwrap_or("*");
    let ranges = match &frontend.source_ranges {
        None => String::new(),
        Some(ranges) if ranges.is_empty() => " from nobody".to_owned(),
        Some(ranges) => format!(" from {}", ranges.join(", ")),
    };
    format!("{} {address} {}/{protocol}{ranges}", frontend.kind, frontend.port)
}

fn rule(serving: &ViewServing) -> String {
    format!("{}, {}, else {}", serving.set, serving.source, serving.when_empty)
}

/// A few backends by name, many by count.
fn backends(set: &[ViewBackend]) -> String {
    const NAMED: usize = 4;
    let shown = |backend: &ViewBackend| {
        let draining = if backend.draining { " (draining)" } else { "" };
        format!("{}:{}{draining}", backend.address, backend.port)
    };
    match set.len() {
        0 => "none".to_owned(),
        count if count > NAMED => format!("{count} backends"),
        _ => set.iter().map(shown).collect::<Vec<_>>().join("\n"),
    }
}
