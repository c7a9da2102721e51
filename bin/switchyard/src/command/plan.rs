//! `plan`: the operations between what HNS holds and what it should.

use std::fs;
use std::io::Write;

use anyhow::Context;
use switchyard_winkernel::{Ledger, plan};

use crate::answer::PlanAnswer;
use crate::arguments::{CommonArguments, PlanArguments};
use crate::failure::{Exit, Failure};
use crate::input::Input;
use crate::network::Hns;
use crate::print::{structured, table};
use crate::windows::{converge, reconciler_with};

pub(super) fn run(
    arguments: &PlanArguments,
    out: &mut dyn Write,
    notices: &mut dyn Write,
) -> Result<Exit, Failure> {
    let input = Input::read(&arguments.input, notices)?;
    let hns = Hns::new(&arguments.windows, &input.windows, &input.stream)?;
    let (common, write) = (&arguments.input.common, arguments.write_hns.as_deref());
    print_plan(&input, &hns, Ledger::default(), write, common, (out, notices))
}

/// Prints the operations between what `hns` holds and what the node of `input` needs, and writes the state as it would be
/// afterwards to `write`.
///
/// # Errors
/// When no load balancer can be made on the network, or something cannot be written.
pub(super) fn print_plan(
    input: &Input,
    hns: &Hns,
    ledger: Ledger,
    write: Option<&str>,
    common: &CommonArguments,
    (out, notices): (&mut dyn Write, &mut dyn Write),
) -> Result<Exit, Failure> {
    let view = input.stream.view();
    let before = reconciler_with(hns, &input.stream, ledger)?;
    let steps = plan(&before);
    let answer = PlanAnswer::new(hns.ground(view.node()), &before, &steps, view.views());
    // Written first: whoever reads the answer may stop reading.
    if let Some(path) = write {
        converge(hns, &input.stream, notices)?;
        fs::write(path, hns.emulator.state().to_json())
            .with_context(|| format!("write HNS state {path}"))?;
    }
    if !structured(&answer, common.output, out)? {
        print(&answer, out)?;
    }
    match input.exit(common.strict) {
        Exit::Answered if !steps.is_empty() => Ok(Exit::Operations),
        exit => Ok(exit),
    }
}

fn print(answer: &PlanAnswer, out: &mut dyn Write) -> Result<(), Failure> {
    let mut operations = table(["SEQ", "VERB", "KIND", "KEY", "FOR", "REASON", "AFTER"]);
    for operation in &answer.operations {
        let after: Vec<_> = operation.after.iter().map(ToString::to_string).collect();
        operations.add_row([
            operation.seq.to_string(),
            operation.verb.to_owned(),
            operation.kind.to_owned(),
            operation.key.clone(),
            operation.for_ports.join("\n"),
            operation.reason.to_owned(),
            after.join(" "),
        ]);
    }
    if !answer.operations.is_empty() {
        writeln!(out, "{}", operations.trim_fmt())?;
    }
    for object in &answer.foreign {
        writeln!(out, "foreign: {} {}: {}", object.kind, object.key, object.detail)?;
    }
    for object in &answer.waiting {
        writeln!(out, "waiting: {} {}: {}", object.kind, object.key, object.detail)?;
    }
    for report in &answer.reports {
        let (limit, service, frontend) = (report.limit, &report.service, &report.frontend);
        writeln!(out, "limit {limit}: {service} {frontend}: {}", report.detail)?;
    }
    let (count, unchanged) = (answer.operations.len(), &answer.unchanged);
    let (endpoints, load_balancers) = (unchanged.endpoints, unchanged.load_balancers);
    writeln!(
        out,
        "{}: {count} operations; unchanged: {endpoints} endpoints, {load_balancers} load balancers",
        answer.node
    )?;
    Ok(())
}
