//! A rolling update: the pods of one Service are replaced one by one, and each node's HNS follows.

use std::collections::BTreeSet;
use std::io::Write;
use std::net::IpAddr;

use ipnet::IpNet;
use switchyard_model::{
    Cluster, ClusterEvent, Conditions, EndpointSlice, Name, ObjectKey, ServiceKey, TrafficPolicy,
};

use super::node::WindowsNode;
use super::trouble::Moment;
use super::{describe, heading};
use crate::failure::Failure;

const READY: Conditions = Conditions { ready: true, serving: true, terminating: false };
const STARTING: Conditions = Conditions { ready: false, serving: false, terminating: false };
const LEAVING: Conditions = Conditions { ready: false, serving: true, terminating: true };

/// How many pods are replaced at most: enough to see the pattern.
const MOST_PODS: usize = 3;

/// Replaces the pods of one Service, one by one, and prints what each step cost each node. Returns the steps as the first
/// node saw them.
pub(super) fn print(
    nodes: &mut [WindowsNode],
    out: &mut dyn Write,
    notices: &mut dyn Write,
) -> Result<Vec<Moment>, Failure> {
    let mut moments = Vec::new();
    let Some(cluster) = nodes.first().map(|node| node.stream.cluster().clone()) else {
        return Ok(moments);
    };
    let Some((service, slice)) = choose(&cluster) else {
        heading("Rolling update", out)?;
        writeln!(out, "no Service has two pods in one slice: nothing to roll")?;
        return Ok(moments);
    };
    heading(&format!("Rolling update of {service}"), out)?;
    let mut slice = slice;
    let mut taken = addresses_in_use(&cluster);
    for (count, index) in ready_pods(&slice).into_iter().take(MOST_PODS).enumerate() {
        let old = slice.endpoints[index].clone();
        let Some(address) = old.address.and_then(|address| free_near(address, &cluster, &taken))
        else {
            continue;
        };
        taken.insert(address);
        let number = count + 1;
        let old_name = pod_name(&slice, index);
        let new_name = format!("{}-new-{number}", service.name);
        let new_index = slice.endpoints.len();
        add_pod(&mut slice, index, address, &new_name);
        let place = old.node.as_deref().unwrap_or("an unnamed node");
        step(
            &format!("{new_name} starts on {place}"),
            &slice,
            (nodes, &mut moments),
            out,
            notices,
        )?;
        slice.endpoints[new_index].conditions = READY;
        slice.endpoints[index].conditions = LEAVING;
        let what = format!("{new_name} is ready, {old_name} terminates");
        step(&what, &slice, (nodes, &mut moments), out, notices)?;
        // The old pod's place in the list stays, as a refused endpoint's would.
        slice.endpoints[index].address = None;
        step(&format!("{old_name} is gone"), &slice, (nodes, &mut moments), out, notices)?;
    }
    Ok(moments)
}

/// One step: every node sees the slice as it is now.
fn step(
    what: &str,
    slice: &EndpointSlice,
    (nodes, moments): (&mut [WindowsNode], &mut Vec<Moment>),
    out: &mut dyn Write,
    notices: &mut dyn Write,
) -> Result<(), Failure> {
    writeln!(out, "{what}")?;
    for (index, node) in nodes.iter_mut().enumerate() {
        let batch = vec![ClusterEvent::Slice(slice.clone())];
        let calls = match index {
            0 => node.witness(batch, moments, notices)?,
            _ => node.apply(batch, notices)?,
        };
        writeln!(out, "  {}: {}", node.name(), describe(&calls))?;
    }
    Ok(())
}

/// The Service with the most ready pods in one slice, of equals the one with the most ports, then the first by name. The
/// system's own are taken only where there are no others, and those that serve each node from that node alone never.
fn choose(cluster: &Cluster) -> Option<(ServiceKey, EndpointSlice)> {
    let rollable = cluster
        .services()
        .filter(|service| service.is_served() && service.internal_policy == TrafficPolicy::Cluster);
    let mut best: Option<((bool, usize, usize), ServiceKey, EndpointSlice)> = None;
    for service in rollable {
        for slice in cluster.slices_of(&service.key) {
            let pods = ready_pods(slice).len();
            let size = (service.key.namespace != "kube-system", pods, service.ports.len());
            if pods > 1 && best.as_ref().is_none_or(|(most, _, _)| size > *most) {
                best = Some((size, service.key.clone(), (**slice).clone()));
            }
        }
    }
    best.map(|(_, service, slice)| (service, slice))
}

fn ready_pods(slice: &EndpointSlice) -> Vec<usize> {
    let has_pod = |index: usize| slice.pods.get(index).is_some_and(Option::is_some);
    (0..slice.endpoints.len())
        .filter(|index| slice.endpoints[*index].conditions.ready && has_pod(*index))
        .collect()
}

fn pod_name(slice: &EndpointSlice, index: usize) -> String {
    let pod = slice.pods.get(index).and_then(Option::as_ref);
    pod.map_or_else(|| format!("endpoint {index}"), |pod| pod.name.to_string())
}

/// Adds a pod that starts beside the one at `index`.
fn add_pod(slice: &mut EndpointSlice, index: usize, address: IpAddr, name: &str) {
    let mut endpoints = slice.endpoints.to_vec();
    let mut endpoint = endpoints[index].clone();
    endpoint.address = Some(address);
    endpoint.conditions = STARTING;
    endpoints.push(endpoint);
    slice.endpoints = endpoints.into();
    let mut pods = slice.pods.to_vec();
    pods.push(Some(ObjectKey { namespace: slice.key.namespace.clone(), name: Name::from(name) }));
    slice.pods = pods.into();
}

fn addresses_in_use(cluster: &Cluster) -> BTreeSet<IpAddr> {
    let endpoints = cluster.slices().flat_map(|slice| slice.endpoints.iter());
    let pods = cluster.pods().flat_map(|pod| pod.addresses.iter());
    endpoints.filter_map(|endpoint| endpoint.address).chain(pods).collect()
}

/// An address that nobody has, in the pod range around `address`.
fn free_near(address: IpAddr, cluster: &Cluster, taken: &BTreeSet<IpAddr>) -> Option<IpAddr> {
    let mut ranges = cluster.nodes().flat_map(|node| node.pod_ranges.iter());
    let around = if address.is_ipv4() { 24 } else { 120 };
    let range = ranges
        .find(|range| range.contains(&address))
        .copied()
        .or_else(|| IpNet::new(address, around).ok())?;
    range.hosts().skip(100).find(|host| !taken.contains(host))
}
