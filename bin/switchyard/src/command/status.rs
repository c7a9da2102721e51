//! `status`: how the running proxy of this node is doing.

use std::io::{self, Write};

use anyhow::{Context, anyhow};
use switchyard_agent::{
    Calls, Condition, Severity, State, StateDirectory, Status, ask_hns_state, ask_status,
};

use crate::arguments::{Output, StatusArguments};
use crate::failure::{Exit, Failure};
use crate::print::{counted, structured};
use crate::state_directory::state_directory;

/// How many conditions a screen takes.
const MOST_SHOWN: usize = 6;
/// How many service ports of one condition are named.
const MOST_NAMED: usize = 4;

pub(super) fn run(arguments: &StatusArguments, out: &mut dyn Write) -> Result<Exit, Failure> {
    let path = state_directory(&arguments.state)?;
    let directory = StateDirectory::at(&path);
    let unanswered = |trouble: io::Error| match trouble.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => anyhow!(
            "no proxy runs here: nothing answers in {}; start one with `switchyard proxy`, or name its --state-dir",
            path.display()
        ),
        io::ErrorKind::PermissionDenied => anyhow::Error::new(trouble).context(format!(
            "ask the proxy in {}: it answers only {}",
            path.display(),
            if cfg!(windows) {
                "administrators and who runs it: open the console with \"Run as administrator\""
            } else {
                "who runs it: ask as that user"
            }
        )),
        _ => anyhow::Error::new(trouble).context("ask the proxy"),
    };
    if arguments.hns {
        let state = ask_hns_state(&directory).map_err(unanswered)?;
        if arguments.output == Output::Yaml {
            let value: serde_json::Value =
                serde_json::from_str(&state).context("read the state of HNS")?;
            structured(&value, Output::Yaml, out)?;
        } else {
            writeln!(out, "{}", state.trim_end())?;
        }
        return Ok(Exit::Answered);
    }
    let status = ask_status(&directory).map_err(unanswered)?;
    if !structured(&status, arguments.output, out)? {
        print(&status, out)?;
    }
    Ok(Exit::Answered)
}

/// For people: what is wrong and what to do first, numbers after.
fn print(status: &Status, out: &mut dyn Write) -> Result<(), Failure> {
    writeln!(out, "{}: {}", status.node, headline(status))?;
    for waiting in &status.waiting_for {
        writeln!(out, "waits for {waiting}")?;
    }
    for condition in status.conditions.iter().take(MOST_SHOWN) {
        print_condition(condition, out)?;
    }
    if status.conditions.len() > MOST_SHOWN {
        let more = status.conditions.len() - MOST_SHOWN;
        writeln!(out, "\n{more} more conditions: -o json lists all")?;
    }
    writeln!(out)?;
    match &status.network {
        Some(network) => writeln!(
            out,
            "network         {} {}, node at {}",
            network.network_type,
            network.id,
            network.management_addresses.join(" ")
        )?,
        None => writeln!(out, "network         none")?,
    }
    let objects = &status.objects;
    writeln!(
        out,
        "load balancers  {} wanted, {} ours in HNS",
        objects.wanted_load_balancers, objects.own_load_balancers
    )?;
    writeln!(
        out,
        "endpoints       {} wanted, {} ours in HNS",
        objects.wanted_endpoints, objects.own_endpoints
    )?;
    writeln!(
        out,
        "objects         {} of ours degraded, {} of other owners used",
        objects.degraded, objects.used_foreign
    )?;
    writeln!(out, "limits of HNS   {}", limits(status))?;
    let input = &status.input;
    writeln!(
        out,
        "cluster         {}, {}, {}; {} refused",
        counted(input.services, "Service"),
        counted(input.slices, "EndpointSlice"),
        counted(input.nodes, "Node"),
        input.refused
    )?;
    for refusal in input.refusals.iter().take(MOST_NAMED) {
        writeln!(out, "  refused: {refusal}")?;
    }
    writeln!(out, "calls of HNS    {}", calls(&status.calls))?;
    writeln!(
        out,
        "proxy           process {}, up {}, revision {}",
        status.process_id,
        span(status.up_seconds),
        status.revision
    )?;
    Ok(())
}

fn headline(status: &Status) -> String {
    let worst = status.conditions.first().map(|condition| condition.severity);
    let failing = status
        .conditions
        .iter()
        .filter(|condition| condition.severity == Severity::Failure)
        .count();
    match (status.state, worst) {
        (State::Stuck, _) => "HNS does not answer, nothing more is written".to_owned(),
        (State::Waiting, _) => "nothing can be done in HNS".to_owned(),
        (State::Working, _) => "changes are being made".to_owned(),
        (State::Settled, Some(Severity::Failure)) => {
            format!("{} not as wanted, everything else is", counted(failing, "object"))
        }
        (State::Settled, _) => "HNS is as wanted".to_owned(),
    }
}

fn print_condition(condition: &Condition, out: &mut dyn Write) -> Result<(), Failure> {
    writeln!(out)?;
    let object = condition.object.as_ref().map_or_else(String::new, |object| format!(": {object}"));
    write!(out, "{}{object}", condition.condition)?;
    if let Some(seconds) = condition.for_seconds {
        write!(out, ", for {}", span(seconds))?;
    }
    if let Some(seconds) = condition.next_try_seconds {
        write!(out, ", next try in {}", span(seconds))?;
    }
    writeln!(out)?;
    if !condition.services.is_empty() {
        let named: Vec<_> =
            condition.services.iter().take(MOST_NAMED).map(|name| &**name).collect();
        let more = condition.services.len() - named.len();
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        writeln!(out, "  harms  {}{more}", named.join(", "))?;
    }
    writeln!(out, "  why    {}", condition.detail)?;
    writeln!(out, "  do     {}", condition.advice)?;
    Ok(())
}

fn limits(status: &Status) -> String {
    let mut counts: std::collections::BTreeMap<&str, usize> = std::collections::BTreeMap::new();
    for limit in &status.limits {
        *counts.entry(&limit.condition).or_default() += 1;
    }
    if counts.is_empty() {
        return "none met".to_owned();
    }
    let texts: Vec<_> = counts
        .iter()
        .map(|(name, count)| format!("{name} for {}", counted(*count, "Service")))
        .collect();
    texts.join(", ")
}

fn calls(calls: &[Calls]) -> String {
    let all: u64 = calls.iter().map(|call| call.count).sum();
    let is_mutating = |call: &&Calls| ["create", "modify", "delete"].contains(&&*call.verb);
    let mutating: u64 = calls.iter().filter(is_mutating).map(|call| call.count).sum();
    let failed = calls.iter().filter(|call| call.hresult != "0x00000000");
    let failed: u64 = failed.map(|call| call.count).sum();
    format!("{all}, of which {mutating} change something and {failed} failed")
}

/// `90` as `1m30s`.
fn span(seconds: u64) -> String {
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes) {
        (0, 0) => format!("{rest}s"),
        (0, _) => format!("{minutes}m{rest}s"),
        _ => format!("{hours}h{minutes}m"),
    }
}
