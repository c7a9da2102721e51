//! Where a packet comes from.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;

use super::documents::{Configuration, Documents, Node, address, list, name, namespace, text};
use super::endpoints::Slice;
use super::{Family, SourceClass};

/// Who sends a packet.
pub(super) enum Source {
    /// The node itself, by whichever address it likes.
    Node,
    /// Whoever has this address.
    Address(IpAddr),
}

/// What is known of addresses, seen from one node.
#[derive(Debug)]
pub(super) struct Clients {
    other_nodes: BTreeSet<IpAddr>,
    other_pod_ranges: Vec<IpNet>,
    /// Addresses of endpoints and pods that are said to be on this node.
    local: BTreeSet<IpAddr>,
    /// Addresses of endpoints that are said to be on another node, and of every other known pod.
    remote: BTreeSet<IpAddr>,
    pods: BTreeMap<(String, String), Vec<IpAddr>>,
}

impl Clients {
    pub(super) fn read(
        documents: &Documents<'_>,
        nodes: &[Node],
        slices: &[Slice],
        own_name: &str,
    ) -> Self {
        let others = || nodes.iter().filter(|node| node.name != own_name);
        let mut clients = Self {
            other_nodes: others()
                .flat_map(|node| node.internal.iter().chain(&node.external).copied())
                .collect(),
            other_pod_ranges: others().flat_map(|node| node.pod_ranges.iter().copied()).collect(),
            local: BTreeSet::new(),
            remote: BTreeSet::new(),
            pods: BTreeMap::new(),
        };
        for object in &documents.pods {
            let status = &object["status"];
            let many = list(&status["podIPs"]).iter().map(|entry| text(&entry["ip"]));
            let addresses: Vec<IpAddr> =
                many.chain([text(&status["podIP"])]).filter_map(address).collect();
            let is_local = text(&object["spec"]["nodeName"]) == own_name;
            let known = if is_local { &mut clients.local } else { &mut clients.remote };
            known.extend(addresses.iter().copied());
            clients.pods.insert((namespace(object), name(object)), addresses);
        }
        let has_document: BTreeSet<(String, String)> = clients.pods.keys().cloned().collect();
        for endpoint in slices.iter().flat_map(|slice| &slice.endpoints) {
            match endpoint.node.as_deref() {
                Some(node) if node == own_name => clients.local.insert(endpoint.address),
                Some(_) => clients.remote.insert(endpoint.address),
                None => false,
            };
            if let Some(pod) = endpoint.pod.as_ref().filter(|pod| !has_document.contains(pod)) {
                clients.pods.entry(pod.clone()).or_default().push(endpoint.address);
            }
        }
        clients
    }

    /// Reads `node`, `pod/NAMESPACE/NAME` or an address, for a packet to `destination`.
    pub(super) fn resolve(&self, from: &str, destination: IpAddr) -> Result<Source, String> {
        if from == "node" {
            return Ok(Source::Node);
        }
        let family = Family::of(destination);
        if let Some(pod) = from.strip_prefix("pod/") {
            let (namespace, name) =
                pod.split_once('/').ok_or_else(|| format!("{from:?} is not pod/NAMESPACE/NAME"))?;
            let addresses = self
                .pods
                .get(&(namespace.to_owned(), name.to_owned()))
                .ok_or_else(|| format!("no pod is known as {namespace}/{name}"))?;
            let mut of_family = addresses.iter().filter(|own| Family::of(**own) == family);
            let found = of_family.next().ok_or_else(|| format!("{from} has no such address"))?;
            return Ok(Source::Address(*found));
        }
        match address(from) {
            Some(address) if Family::of(address) == family => Ok(Source::Address(address)),
            Some(_) => Err(format!("{from} and {destination} are of different families")),
            None => Err(format!("{from:?} is not a source")),
        }
    }

    /// The class of an address: the first rule that fits.
    pub(super) fn classify(
        &self,
        address: IpAddr,
        node: &Node,
        configuration: &Configuration,
    ) -> SourceClass {
        let within = |ranges: &[IpNet]| ranges.iter().any(|range| range.contains(&address));
        if node.has(address) {
            return SourceClass::Node;
        }
        if self.other_nodes.contains(&address) {
            return SourceClass::Outside;
        }
        let is_local = within(&node.pod_ranges) || self.local.contains(&address);
        if !configuration.cluster_ranges.is_empty() {
            return match (within(&configuration.cluster_ranges), is_local) {
                (false, _) => SourceClass::Outside,
                (true, true) => SourceClass::LocalPod,
                (true, false) => SourceClass::RemotePod,
            };
        }
        if is_local {
            SourceClass::LocalPod
        } else if within(&self.other_pod_ranges) || self.remote.contains(&address) {
            SourceClass::RemotePod
        } else {
            SourceClass::Outside
        }
    }
}
