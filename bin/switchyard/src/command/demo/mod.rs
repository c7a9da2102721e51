//! `demo`: the whole path on one machine with no cluster.

mod api;
mod node;
mod pods;
mod rollout;
mod trouble;
mod truth;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use anyhow::anyhow;
use switchyard_hcn_emulator::{Calls, ObjectKind, Verb};
use switchyard_model::{Cluster, ClusterEvent, Family, Name, Touched};
use switchyard_source::Manifests;

use self::node::WindowsNode;
use crate::arguments::DemoArguments;
use crate::failure::{Exit, Failure};
use crate::input::{configuration, report_passed_over};
use crate::print::{counted, table};

/// The manifests that are shown when none are given.
const BUILT_IN: &[(&str, &str)] = &[(
    "examples/shop/cluster.yaml",
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/shop/cluster.yaml")),
)];

/// How often `--watch` looks at the files.
const LOOK_EVERY: Duration = Duration::from_millis(500);

pub(super) fn run(
    arguments: &DemoArguments,
    out: &mut dyn Write,
    notices: &mut dyn Write,
) -> Result<Exit, Failure> {
    let configuration = configuration(arguments.config.as_deref(), notices)?;
    if arguments.api && arguments.manifests.as_deref() == Some("-") {
        return Err(Failure::Usage(
            "--api needs files: give --manifests a directory or a file".to_owned(),
        ));
    }
    let manifests = read(arguments.manifests.as_deref())?;
    print_input(&manifests, out, notices)?;
    let events = manifests.into_events();
    let cluster = cluster_of(&events);
    print_nodes(&cluster, out)?;
    let names = windows_nodes(&cluster)?;
    if arguments.api {
        return api::run(arguments, &names, &events, &configuration, (out, notices));
    }
    let mut nodes = Vec::new();
    for name in names {
        nodes.push(WindowsNode::start(&name, events.clone(), &configuration, notices)?);
    }
    for node in &nodes {
        node.print_load_balancers(out)?;
        truth::print(node, out)?;
    }
    let moments = rollout::print(&mut nodes, out, notices)?;
    if let Some(first) = nodes.first() {
        trouble::print(first, &moments, out)?;
    }
    match &arguments.manifests {
        Some(path) if arguments.watch => watch(path, &mut nodes, out, notices),
        _ => Ok(Exit::Answered),
    }
}

fn read(path: Option<&str>) -> Result<Manifests, Failure> {
    if let Some(path) = path {
        return Ok(Manifests::read(path).map_err(anyhow::Error::new)?);
    }
    let mut manifests = Manifests::default();
    for (name, text) in BUILT_IN {
        manifests.add(name, text.as_bytes());
    }
    Ok(manifests)
}

fn cluster_of(events: &[ClusterEvent]) -> Cluster {
    let mut cluster = Cluster::default();
    for event in events {
        cluster.apply(event.clone(), &mut Touched::default());
    }
    cluster
}

/// The nodes to show: those labelled as Windows.
fn windows_nodes(cluster: &Cluster) -> Result<Vec<Name>, Failure> {
    let windows =
        cluster.nodes().filter(|node| node.operating_system.as_deref() == Some("windows"));
    let names: Vec<_> = windows.map(|node| node.name.clone()).collect();
    if names.is_empty() {
        return Err(anyhow!(
            "the manifests have no Windows node (label kubernetes.io/os: windows) to show"
        )
        .into());
    }
    Ok(names)
}

/// A heading.
fn heading(text: &str, out: &mut dyn Write) -> Result<(), Failure> {
    Ok(writeln!(out, "\n== {text} ==\n")?)
}

fn print_input(
    manifests: &Manifests,
    out: &mut dyn Write,
    notices: &mut dyn Write,
) -> Result<(), Failure> {
    let counts = manifests.counts();
    heading("What was read", out)?;
    writeln!(
        out,
        "{}: {}, {}, {}, {}; {} refused",
        counted(counts.files, "file"),
        counted(counts.services, "Service"),
        counted(counts.slices, "EndpointSlice"),
        counted(counts.nodes, "Node"),
        counted(counts.pods, "Pod"),
        manifests.refused().len()
    )?;
    for refusal in manifests.refused() {
        writeln!(out, "refused: {refusal}")?;
    }
    report_passed_over(counts, notices)
}

fn print_nodes(cluster: &Cluster, out: &mut dyn Write) -> Result<(), Failure> {
    let mut nodes = table(["NODE", "SYSTEM", "ADDRESSES", "PODS", "ZONE"]);
    for node in cluster.nodes() {
        let addresses: Vec<_> = node.addresses.iter().map(|own| own.address.to_string()).collect();
        let ranges: Vec<_> = node.pod_ranges.iter().map(ToString::to_string).collect();
        nodes.add_row([
            &*node.name,
            node.operating_system.as_deref().unwrap_or("-"),
            &addresses.join(" "),
            &ranges.join(" "),
            node.zone.as_deref().unwrap_or("-"),
        ]);
    }
    Ok(writeln!(out, "\n{}", nodes.trim_fmt())?)
}

/// What some calls did to HNS, in a few words.
fn describe(calls: &Calls) -> String {
    let mut done: BTreeMap<(Verb, ObjectKind), u64> = BTreeMap::new();
    for ((verb, kind), count) in calls.counts() {
        if verb.is_mutating() {
            *done.entry((*verb, *kind)).or_default() += count;
        }
    }
    let word = |kind| match kind {
        ObjectKind::LoadBalancer => "load balancer",
        ObjectKind::Endpoint => "endpoint",
        ObjectKind::Network => "network",
        ObjectKind::Namespace => "namespace",
        ObjectKind::Service => "service",
    };
    let mut text = String::new();
    let plural = |count| if count == 1 { "" } else { "s" };
    for ((verb, kind), count) in done {
        let separator = if text.is_empty() { "" } else { ", " };
        let past = match verb {
            Verb::Create => "created",
            Verb::Modify => "modified",
            _ => "deleted",
        };
        // Writing to a string cannot fail.
        let _ = write!(text, "{separator}{count} {}{} {past}", word(kind), plural(count));
    }
    if text.is_empty() {
        text.push_str("nothing to change");
    }
    let (mutating, native) = (calls.total_mutating(), calls.total());
    format!(
        "{text} ({mutating} call{} to change HNS, {native} native call{})",
        plural(mutating),
        plural(native)
    )
}

/// Both families' addresses of one client that is neither a node nor a pod.
fn outsider(family: Family) -> &'static str {
    match family {
        Family::IPv4 => "198.18.255.7",
        Family::IPv6 => "2001:db8:ffff::7",
    }
}

/// Follows edits of the manifests until the process is stopped.
fn watch(
    path: &str,
    nodes: &mut [WindowsNode],
    out: &mut dyn Write,
    notices: &mut dyn Write,
) -> Result<Exit, Failure> {
    if path == "-" {
        return Err(Failure::Usage("--watch needs files: standard input cannot change".to_owned()));
    }
    heading("Following the manifests; stop with Ctrl-C", out)?;
    out.flush()?;
    let mut last = content(Path::new(path));
    loop {
        pause();
        let now = content(Path::new(path));
        if now == last {
            continue;
        }
        last = now;
        // A file may be gone for a moment while an editor writes it: the next look will find it.
        let Ok(manifests) = Manifests::read(path) else { continue };
        for refusal in manifests.refused() {
            writeln!(out, "refused: {refusal}")?;
        }
        let events = manifests.into_events();
        for node in &mut *nodes {
            let calls = node.lead_to(&events, notices)?;
            writeln!(out, "{}: {}", node.name(), describe(&calls))?;
        }
        out.flush()?;
    }
}

#[expect(clippy::disallowed_methods, reason = "a demo that watches files waits between two looks")]
fn pause() {
    std::thread::sleep(LOOK_EVERY);
}

/// What tells two states of the files apart: names, sizes and times.
fn content(path: &Path) -> Vec<(std::path::PathBuf, u64, Option<std::time::SystemTime>)> {
    let mut content = Vec::new();
    let mut open = vec![path.to_owned()];
    while let Some(path) = open.pop() {
        let Ok(metadata) = std::fs::metadata(&path) else { continue };
        if metadata.is_dir() {
            let entries = std::fs::read_dir(&path).into_iter().flatten().flatten();
            open.extend(entries.map(|entry| entry.path()));
        }
        content.push((path, metadata.len(), metadata.modified().ok()));
    }
    content.sort();
    content
}
