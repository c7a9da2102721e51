//! The example sets, and the program of Linux to hold others against.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use switchyard::arguments::WindowsArguments;
use switchyard::network::Hns;
use switchyard_model::{ClusterEvent, Node};
use switchyard_nodeview::Stream;
use switchyard_source::{Configuration, Manifests};

use crate::program;
use crate::workspace::Workspace;

/// The types of network that a proxy may find.
pub(crate) const NETWORKS: [&str; 2] = ["l2bridge", "overlay"];

/// An example set.
pub(crate) struct Set {
    /// Its name.
    pub(crate) name: String,
    /// Where it is, from the top of the workspace.
    pub(crate) path: String,
    /// Its objects.
    events: Vec<ClusterEvent>,
}

impl Set {
    /// Its nodes.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.events.iter().filter_map(|event| match event {
            ClusterEvent::Node(node) => Some(node),
            _ => None,
        })
    }

    /// Its Windows nodes.
    pub(crate) fn windows_nodes(&self) -> impl Iterator<Item = &Node> {
        self.nodes().filter(|node| node.operating_system.as_deref() == Some("windows"))
    }

    /// Its Services, as `namespace/name`.
    pub(crate) fn services(&self) -> impl Iterator<Item = String> {
        self.events.iter().filter_map(|event| match event {
            ClusterEvent::Service(service) => Some(service.key.to_string()),
            _ => None,
        })
    }

    /// What HNS holds before any proxy: the network, and the endpoints of the node's pods.
    pub(crate) fn state_before(&self, node: &Node, network_file: &Path) -> Result<String> {
        let configuration = Configuration::default();
        let mut stream = Stream::new(node.name.clone(), configuration.settings.clone());
        stream.apply(self.events.clone());
        let network = Some(network_file.display().to_string());
        let arguments = WindowsArguments { network, ..WindowsArguments::default() };
        let hns = Hns::new(&arguments, &configuration.windows, &stream);
        let hns = hns.map_err(|failure| anyhow!("{}: {failure}", self.name))?;
        Ok(hns.emulator.state().to_json())
    }
}

/// The source VIP of a node's overlay: an address of the node's own pods.
pub(crate) fn source_vip(node: &Node) -> Result<String> {
    let range = node.pod_ranges.iter().find(|range| range.addr().is_ipv4());
    let address = range.and_then(|range| range.hosts().nth(1));
    Ok(address.with_context(|| format!("{} has no IPv4 pods", node.name))?.to_string())
}

/// A network file for `node`.
pub(crate) fn network_file(folder: &Path, network: &str, node: &Node) -> Result<PathBuf> {
    let mut text = format!("type: {network}\n");
    if network == "overlay" {
        text = format!("{text}sourceVip: {}\n", source_vip(node)?);
    }
    let path = folder.join(format!("{network}-{}.yaml", node.name));
    fs::write(&path, text).with_context(|| format!("write {}", path.display()))?;
    Ok(path)
}

/// The program of Linux, as it is compiled while one works.
pub(crate) fn build(workspace: &Workspace) -> Result<PathBuf> {
    // With this program, so that both share what they are made of.
    program::run(&mut workspace.cargo(&["build", "-p", "xtask", "-p", "switchyard"]))?;
    Ok(workspace.target.join("debug").join("switchyard"))
}

/// All example sets, or the one that is named.
pub(crate) fn named(workspace: &Workspace, name: Option<&str>) -> Result<Vec<Set>> {
    let mut sets = Vec::new();
    for entry in fs::read_dir(workspace.root.join("examples")).context("list the examples")? {
        let entry = entry.context("list the examples")?;
        let found = entry.file_name().to_string_lossy().into_owned();
        if entry.path().is_dir() && name.is_none_or(|name| name == found) {
            // Some folders hold states and networks of HNS.
            sets.extend(Some(set(workspace, found)?).filter(|set| set.nodes().next().is_some()));
        }
    }
    if sets.is_empty() {
        bail!("there is no example set {:?} in examples", name.unwrap_or_default());
    }
    sets.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(sets)
}

fn set(workspace: &Workspace, name: String) -> Result<Set> {
    let path = format!("examples/{name}");
    let manifests = Manifests::read(&workspace.root.join(&path).display().to_string())?;
    Ok(Set { name, path, events: manifests.into_events() })
}
