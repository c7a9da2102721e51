//! Each example set: applied, served, looked at again, edited and deleted.

use std::fmt;
use std::fs;
use std::ops::AddAssign;
use std::path::{Path, PathBuf};
use std::thread;

use anyhow::{Context, Result, anyhow, ensure};
use serde_json::Value;

use super::examples::{added, documents, is_broken, list, statuses, without_nodes};
use super::judge::{Traced, judge};
use super::node::WindowsNode;
use super::server::ApiServer;
use super::{Tools, examples};
use crate::wine::sets::{NETWORKS, Set, network_file};

/// What was seen, over all sets.
#[derive(Default)]
pub(super) struct Sum {
    sets: usize,
    nodes: usize,
    objects: usize,
    changes: usize,
    traced: Traced,
}

impl AddAssign for Sum {
    fn add_assign(&mut self, other: Self) {
        self.sets += other.sets;
        self.nodes += other.nodes;
        self.objects += other.objects;
        self.changes += other.changes;
        self.traced.packets += other.traced.packets;
        self.traced.forwarded += other.traced.forwarded;
        self.traced.limited += other.traced.limited;
    }
}

impl fmt::Display for Sum {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sets, nodes, objects, changes, traced } = self;
        let Traced { packets, forwarded, limited } = traced;
        write!(
            formatter,
            "{sets} sets of {objects} objects applied, served on {nodes} nodes by {changes} changes of HNS, and deleted: \
             {packets} packets as the oracle has them, {forwarded} forwarded, {limited} met a limit"
        )
    }
}

/// A set on a server.
pub(super) struct Applied {
    /// Where its objects can be read: the set itself, or what the server took of it.
    pub(super) manifests: PathBuf,
    /// The same.
    pub(super) documents: Vec<Value>,
}

/// Leads a proxy on each Windows node through the life of `set`.
pub(super) fn check(tools: &Tools, server: &ApiServer, set: &Set, folder: &Path) -> Result<Sum> {
    let folder = folder.join(&set.name);
    fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
    let applied = apply(tools, server, set, &folder)?;
    let mut nodes = Vec::new();
    for node in set.windows_nodes() {
        for network in NETWORKS {
            let folder = folder.join(format!("{}-{network}", node.name));
            let mut on = WindowsNode::new(tools, server, &node.name, folder.clone())?;
            on.network = Some(network_file(&folder, network, node)?);
            nodes.push(on);
        }
    }
    let first = on_each(&nodes, |node| {
        node.settle()?;
        let changes = node.changes()?;
        ensure!(changes > 0, "a first start changed nothing");
        let traced = judge(node, &applied.manifests, &applied.documents)?;
        node.settle()?;
        let again = node.changes()?;
        ensure!(again == 0, "a restart made {again} calls that change HNS");
        let dry = node.dry_run()?;
        let code = dry.status.code();
        ensure!(code == Some(0), "a dry run: {}: {}{}", dry.status, dry.printed, dry.said);
        Ok((changes, traced))
    })?;
    let edit = folder.join("edit.json");
    write(&edit, &added())?;
    server.kubectl_prints(&["apply", "-f", text(&edit)?])?;
    on_each(&nodes, |node| {
        let dry = node.dry_run()?;
        ensure!(dry.status.code() == Some(3), "a dry run after an edit: {}", dry.status);
        let wanted =
            ["create", "loadBalancer", &format!("IPv4/{}/80/TCP", examples::ADDED_ADDRESS)];
        let named = dry.printed.lines().any(|line| {
            let words: Vec<_> = line.split_whitespace().collect();
            wanted.iter().all(|word| words.contains(word)) && words.contains(&"default/added:http")
        });
        ensure!(named, "a dry run does not name {wanted:?}: {}", dry.printed);
        node.settle()?;
        ensure!(node.holds(examples::ADDED_ADDRESS)?, "HNS has no {}", examples::ADDED_ADDRESS);
        Ok(())
    })?;
    delete(server, &applied.documents, &edit, &folder)?;
    on_each(&nodes, |node| {
        node.settle()?;
        let left = node.own_objects()?;
        ensure!(left == 0, "{left} objects of ours are left after everything was deleted");
        Ok(())
    })?;
    server.kubectl_prints(&["delete", "nodes", "--all", "--wait=false"])?;
    let (count, objects) = (nodes.len(), applied.documents.len());
    let mut sum = Sum { sets: 1, nodes: count, objects, ..Sum::default() };
    for (changes, traced) in first {
        sum += Sum { changes, traced, ..Sum::default() };
    }
    Ok(sum)
}

/// Applies a set, and what its objects have of a status.
pub(super) fn apply(
    tools: &Tools,
    server: &ApiServer,
    set: &Set,
    folder: &Path,
) -> Result<Applied> {
    let path = tools.workspace.root.join(&set.path);
    let broken = is_broken(&set.name);
    if broken {
        let applied = server.kubectl(&["apply", "--validate=false", "-R", "-f", text(&path)?])?;
        let said = String::from_utf8_lossy(&applied.stderr);
        for line in said.lines().filter(|line| !line.is_empty()) {
            println!("{}: refused, as it should be: {line}", set.name);
        }
        ensure!(!said.is_empty(), "nothing of a set that is wrong on purpose is refused");
    } else {
        server.kubectl_prints(&["apply", "-R", "-f", text(&path)?])?;
    }
    let own = if broken { server.held()? } else { documents(&path)? };
    let status = folder.join("status.yaml");
    fs::write(&status, statuses(&own)).context("write what has a status")?;
    // Not applied: two addresses of one type in the status of a Node are more than server-side apply takes.
    server.kubectl_prints(&["replace", "--subresource=status", "-f", text(&status)?])?;
    if !broken {
        return Ok(Applied { manifests: path, documents: own });
    }
    let manifests = folder.join("held.json");
    write(&manifests, &list(own.clone()))?;
    Ok(Applied { manifests, documents: own })
}

/// Deletes all of a set but its Nodes, and what was added to it.
pub(super) fn delete(
    server: &ApiServer,
    documents: &[Value],
    edit: &Path,
    folder: &Path,
) -> Result<()> {
    let own = folder.join("delete.json");
    write(&own, &without_nodes(documents))?;
    for file in [own.as_path(), edit] {
        server.kubectl_prints(&["delete", "--wait=false", "-f", text(file)?])?;
    }
    Ok(())
}

/// Does something on every node at once.
fn on_each<T: Send>(
    nodes: &[WindowsNode<'_>],
    act: impl Fn(&WindowsNode<'_>) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    thread::scope(|scope| {
        let act = &act;
        let begun: Vec<_> = nodes.iter().map(|node| scope.spawn(move || act(node))).collect();
        let join = |(node, begun): (&WindowsNode<'_>, thread::ScopedJoinHandle<'_, Result<T>>)| {
            let done = begun.join().map_err(|_| anyhow!("a panic: see above"))?;
            done.with_context(|| format!("{} of {:?}", node.name, node.network))
        };
        nodes.iter().zip(begun).map(join).collect()
    })
}

pub(super) fn write(path: &Path, value: &Value) -> Result<()> {
    fs::write(path, value.to_string()).with_context(|| format!("write {}", path.display()))
}

pub(super) fn text(path: &Path) -> Result<&str> {
    path.to_str().with_context(|| format!("{} is not UTF-8", path.display()))
}
