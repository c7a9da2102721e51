//! Node and Pod documents into Nodes and Pods.

use ipnet::IpNet;
use switchyard_model::{
    AddressPair, Leaving, Name, Node, NodeAddress, NodeAddressKind, Pod, parse_address,
    parse_unicast,
};

use crate::field::{Field, List};
use crate::meta::{LABEL_OPERATING_SYSTEM, LABEL_ZONE, Meta, Scope};
use crate::range::parse_range;
use crate::raw::{Object, RawNodeAddress, RawTaint, Spec, Status};
use crate::refusal::{Notes, OBJECT, Refused, TEXT};

/// The taint of a node that the cluster autoscaler is about to remove (`deletetaint` of kubernetes/autoscaler).
const TAINT_TO_BE_DELETED: &str = "ToBeDeletedByClusterAutoscaler";

/// Reads a Node.
pub(crate) fn read(document: Object, notes: &Notes) -> Result<Node, Refused> {
    let mut meta = Meta::read(document.metadata, Scope::Cluster, notes)?;
    let (spec, status) = spec_and_status(document.spec, document.status, notes);
    let mut label = |key| meta.label(key, notes).filter(|value| !value.is_empty()).map(Name::from);
    Ok(Node {
        addresses: addresses(status.addresses, notes),
        pod_ranges: pod_ranges(spec.pod_cidr, spec.pod_cidrs, notes),
        zone: label(LABEL_ZONE),
        operating_system: label(LABEL_OPERATING_SYSTEM),
        leaving: leaving(meta.is_deleted, spec.taints, notes),
        name: meta.key.name,
    })
}

fn spec_and_status(spec: Field<Spec>, status: Field<Status>, notes: &Notes) -> (Spec, Status) {
    (
        notes.take(spec, "spec", OBJECT).unwrap_or_default(),
        notes.take(status, "status", OBJECT).unwrap_or_default(),
    )
}

fn addresses(field: Field<List<RawNodeAddress>>, notes: &Notes) -> Box<[NodeAddress]> {
    const PATH: &str = "status.addresses";
    let mut addresses = Vec::new();
    for (index, raw) in notes.list(field, PATH, OBJECT) {
        let kind = match notes.text(raw.address_type, format_args!("{PATH}[{index}].type")).as_str()
        {
            "InternalIP" => NodeAddressKind::Internal,
            "ExternalIP" => NodeAddressKind::External,
            _ => continue,
        };
        let path = format!("{PATH}[{index}].address");
        let Ok(text) = notes.take_strictly(raw.address, &path, TEXT) else { continue };
        match parse_unicast(&text.unwrap_or_default()) {
            Ok(address) => addresses.push(NodeAddress { kind, address }),
            Err(trouble) => notes.refuse(path, trouble),
        }
    }
    addresses.into()
}

/// Whether the node is about to go. A taint that cannot be read is none.
fn leaving(is_deleted: bool, taints: Field<List<RawTaint>>, notes: &Notes) -> Option<Leaving> {
    const PATH: &str = "spec.taints";
    let mut is_marked = false;
    for (index, taint) in notes.list(taints, PATH, OBJECT) {
        let key = notes.text(taint.key, format_args!("{PATH}[{index}].key"));
        is_marked |= key == TAINT_TO_BE_DELETED;
    }
    match (is_deleted, is_marked) {
        (true, _) => Some(Leaving::Deleted),
        (false, true) => Some(Leaving::MarkedByAutoscaler),
        (false, false) => None,
    }
}

/// Reads the pod ranges. `podCIDRs` decides; `podCIDR` alone is what older clusters have.
fn pod_ranges(single: Field<String>, list: Field<List<String>>, notes: &Notes) -> Box<[IpNet]> {
    let list = notes.list(list, "spec.podCIDRs", TEXT);
    let read = |text: &str, path: String| {
        parse_range(text).map_err(|trouble| notes.refuse(path, trouble)).ok()
    };
    if !list.is_empty() {
        let range = |(index, text): &(usize, String)| read(text, format!("spec.podCIDRs[{index}]"));
        return list.iter().filter_map(range).collect();
    }
    let single = notes.text(single, "spec.podCIDR");
    let range = (!single.is_empty()).then(|| read(&single, "spec.podCIDR".to_owned()));
    range.flatten().into_iter().collect()
}

/// Reads a Pod.
pub(crate) fn read_pod(document: Object, notes: &Notes) -> Result<Pod, Refused> {
    let meta = Meta::read(document.metadata, Scope::Namespaced, notes)?;
    let (spec, status) = spec_and_status(document.spec, document.status, notes);
    let mut addresses = AddressPair::default();
    let mut add = |text: String, path: String| {
        match parse_address(&text) {
            // The list repeats the single address: what is there already stays.
            Ok(address) => drop(addresses.add(address)),
            Err(trouble) if !text.is_empty() => notes.refuse(path, trouble),
            Err(_) => {}
        }
    };
    for (index, address) in notes.list(status.pod_ips, "status.podIPs", OBJECT) {
        let path = format!("status.podIPs[{index}].ip");
        add(notes.text(address.ip, &path), path);
    }
    add(notes.text(status.pod_ip, "status.podIP"), "status.podIP".to_owned());
    let node = notes.text(spec.node_name, "spec.nodeName");
    Ok(Pod {
        key: meta.key,
        node: Some(node).filter(|name| !name.is_empty()).map(Name::from),
        addresses,
    })
}
