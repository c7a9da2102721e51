//! A Service document into a Service.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::num::{NonZeroU16, NonZeroU32};

use ipnet::IpNet;
use switchyard_model::{
    AddressPair, Name, Protocol, ServedBy, Service, ServicePort, ServiceType, SourceRanges,
    TargetPort, TrafficPolicy, parse_unicast,
};

use crate::field::{Field, List, NumberOrText};
use crate::meta::{
    ANNOTATION_OPTIMIZATION, ANNOTATION_PRESERVE_DESTINATION, LABEL_APP, LABEL_HEADLESS,
    LABEL_PROXY_NAME, Meta, Scope,
};
use crate::range::parse_range;
use crate::raw::{AffinityConfig, Object, RawPort, Status};
use crate::refusal::{NUMBER, Notes, OBJECT, Refused, TEXT, name_trouble};

const CLUSTER_DNS_APP: &str = "kube-dns";

/// The default and the greatest value of `timeoutSeconds`, from the Kubernetes API (three hours and a day).
const DEFAULT_AFFINITY: NonZeroU32 = NonZeroU32::new(10_800).expect("10,800 is not zero");
const LONGEST_AFFINITY: i64 = 86_400;

/// Reads a Service.
pub(crate) fn read(document: Object, notes: &Notes) -> Result<Service, Refused> {
    let mut meta = Meta::read(document.metadata, Scope::Namespaced, notes)?;
    let Some(spec) = notes.take_strictly(document.spec, "spec", OBJECT)? else {
        notes.refuse("spec", "absent");
        return Err(Refused);
    };
    let status = notes.take(document.status, "status", OBJECT).unwrap_or_default();
    let kind = service_type(spec.service_type, notes)?;
    let external_policy = policy(spec.external_traffic_policy, "spec.externalTrafficPolicy", notes);
    let served_by = if meta.has_label(LABEL_PROXY_NAME) {
        ServedBy::OtherProxy
    } else if meta.has_label(LABEL_HEADLESS) {
        ServedBy::Nobody
    } else {
        ServedBy::This
    };
    let annotated = |meta: &mut Meta, key, wanted: fn(&str) -> bool| {
        meta.annotation(key, notes).is_some_and(|value| wanted(&value))
    };
    Ok(Service {
        uid: meta.uid.clone(),
        created: meta.created,
        kind,
        served_by,
        cluster_dns: meta.label(LABEL_APP, notes).as_deref() == Some(CLUSTER_DNS_APP),
        cluster_ips: cluster_ips(spec.cluster_ip, spec.cluster_ips, notes),
        ports: ports(spec.ports, kind, notes),
        external_ips: addresses(spec.external_ips, "spec.externalIPs", notes),
        load_balancer_ips: load_balancer_ips(status, notes),
        source_ranges: source_ranges(spec.load_balancer_source_ranges, notes),
        internal_policy: policy(spec.internal_traffic_policy, "spec.internalTrafficPolicy", notes),
        external_policy,
        affinity_timeout: affinity(spec.session_affinity, spec.session_affinity_config, notes),
        health_check_node_port: health_check_node_port(
            spec.health_check_node_port,
            kind,
            external_policy,
            notes,
        ),
        preserve_destination: annotated(&mut meta, ANNOTATION_PRESERVE_DESTINATION, |value| {
            value == "true"
        }),
        replace_on_change: annotated(&mut meta, ANNOTATION_OPTIMIZATION, |value| {
            value.eq_ignore_ascii_case("DISABLED")
        }),
        key: meta.key,
    })
}

fn service_type(field: Field<String>, notes: &Notes) -> Result<ServiceType, Refused> {
    match notes.take_strictly(field, "spec.type", TEXT)?.as_deref() {
        None | Some("" | "ClusterIP") => Ok(ServiceType::ClusterIP),
        Some("NodePort") => Ok(ServiceType::NodePort),
        Some("LoadBalancer") => Ok(ServiceType::LoadBalancer),
        Some("ExternalName") => Ok(ServiceType::ExternalName),
        Some(other) => {
            notes.refuse("spec.type", format_args!("unknown type {other:?}"));
            Err(Refused)
        }
    }
}

/// Reads a traffic policy. One that cannot be read is refused, and the default holds.
fn policy(field: Field<String>, path: &str, notes: &Notes) -> TrafficPolicy {
    match notes.text(field, path).as_str() {
        "" | "Cluster" => TrafficPolicy::Cluster,
        "Local" => TrafficPolicy::Local,
        other => {
            notes.refuse(
                path,
                format_args!("{other:?} is neither Cluster nor Local; Cluster is used"),
            );
            TrafficPolicy::Cluster
        }
    }
}

/// Reads an address and refuses it with its reason.
fn address(text: &str, path: &str, notes: &Notes) -> Option<IpAddr> {
    parse_unicast(text).map_err(|trouble| notes.refuse(path, trouble)).ok()
}

/// Reads the virtual addresses: `clusterIP` says whether there are any, `clusterIPs` which; older clusters have the first
/// alone.
fn cluster_ips(single: Field<String>, list: Field<List<String>>, notes: &Notes) -> AddressPair {
    let single = notes.text(single, "spec.clusterIP");
    let list = notes.list(list, "spec.clusterIPs", TEXT);
    let is_address = |text: &str| !text.is_empty() && text != "None";
    let mut pair = AddressPair::default();
    if !is_address(&single) {
        if list.iter().any(|(_, text)| is_address(text)) {
            let reason =
                format_args!("{single:?} although spec.clusterIPs has addresses: not served");
            notes.refuse("spec.clusterIP", reason);
        }
        return pair;
    }
    match list.first() {
        None => {
            let _ = address(&single, "spec.clusterIP", notes).map(|address| pair.add(address));
        }
        Some((0, first)) if !same_address(&single, first) => notes.refuse(
            "spec.clusterIP",
            format_args!("{single:?} is not the first of spec.clusterIPs; that list is used"),
        ),
        Some(_) => {}
    }
    for (index, text) in list.iter().filter(|(_, text)| is_address(text)) {
        let path = format!("spec.clusterIPs[{index}]");
        let Some(address) = address(text, &path, notes) else { continue };
        if let Err(present) = pair.add(address) {
            notes.refuse(path, format_args!("{present} is there already for this family"));
        }
    }
    pair
}

/// Whether two spellings are one address.
fn same_address(left: &str, right: &str) -> bool {
    let address = |text: &str| text.parse::<IpAddr>().ok();
    left == right || address(left).is_some_and(|left| Some(left) == address(right))
}

/// Reads addresses, each once.
fn addresses(field: Field<List<String>>, path: &str, notes: &Notes) -> Box<[IpAddr]> {
    let mut addresses = Vec::new();
    for (index, text) in notes.list(field, path, TEXT) {
        addresses.extend(address(&text, &format!("{path}[{index}]"), notes));
    }
    each_once(addresses)
}

fn each_once(addresses: Vec<IpAddr>) -> Box<[IpAddr]> {
    let mut seen = BTreeSet::new();
    addresses.into_iter().filter(|address| seen.insert(*address)).collect()
}

/// Reads the load balancer's addresses that the proxy itself serves: those in mode `VIP`, the default (KEP-1860).
fn load_balancer_ips(status: Status, notes: &Notes) -> Box<[IpAddr]> {
    const PATH: &str = "status.loadBalancer.ingress";
    let status = notes.take(status.load_balancer, "status.loadBalancer", OBJECT);
    let mut addresses = Vec::new();
    for (index, ingress) in notes.list(status.unwrap_or_default().ingress, PATH, OBJECT) {
        let path = |field| format!("{PATH}[{index}].{field}");
        let text = notes.text(ingress.ip, path("ip"));
        let Ok(mode) = notes.take_strictly(ingress.ip_mode, path("ipMode"), TEXT) else { continue };
        match mode.as_deref().unwrap_or_default() {
            _ if text.is_empty() => {}
            "" | "VIP" => addresses.extend(address(&text, &path("ip"), notes)),
            "Proxy" => {}
            other => {
                notes.refuse(path("ipMode"), format_args!("{other:?} is neither VIP nor Proxy"))
            }
        }
    }
    each_once(addresses)
}

/// Reads the source ranges. A list that is there but has nothing readable lets nobody in.
fn source_ranges(field: Field<List<String>>, notes: &Notes) -> SourceRanges {
    const PATH: &str = "spec.loadBalancerSourceRanges";
    match &field {
        Field::Absent => return SourceRanges::Open,
        Field::Present(list) if list.is_empty() => return SourceRanges::Open,
        Field::Present(_) | Field::Wrong(_) => {}
    }
    let mut ranges: Vec<IpNet> = Vec::new();
    for (index, text) in notes.list(field, PATH, TEXT) {
        match parse_range(text.trim()) {
            Ok(range) => ranges.push(range),
            Err(trouble) => notes.refuse(format_args!("{PATH}[{index}]"), trouble),
        }
    }
    ranges.sort_unstable();
    ranges.dedup();
    SourceRanges::Only(ranges.into())
}

/// Reads a port number.
pub(crate) fn port_number(
    field: Field<i64>,
    path: &str,
    notes: &Notes,
) -> Result<Option<NonZeroU16>, Refused> {
    let Some(number) = notes.take_strictly(field, path, NUMBER)? else { return Ok(None) };
    match u16::try_from(number) {
        Ok(number) => Ok(NonZeroU16::new(number)),
        Err(_) => {
            notes.refuse(path, format_args!("{number} is not between 1 and 65535"));
            Err(Refused)
        }
    }
}

/// Reads a port's protocol; absent is TCP.
pub(crate) fn protocol(
    field: Field<String>,
    path: &str,
    notes: &Notes,
) -> Result<Protocol, Refused> {
    let Some(word) = notes.take_strictly(field, path, TEXT)? else { return Ok(Protocol::Tcp) };
    Protocol::from_kubernetes(&word).ok_or_else(|| {
        notes.refuse(path, format_args!("unknown protocol {word:?}: TCP, UDP and SCTP are served"));
        Refused
    })
}

/// A port's name may be empty, but not break the keys it is part of.
pub(crate) fn port_name(text: String, path: &str, notes: &Notes) -> Result<Name, Refused> {
    match name_trouble(&text).filter(|_| !text.is_empty()) {
        Some(trouble) => {
            notes.refuse(path, trouble);
            Err(Refused)
        }
        None => Ok(text.into()),
    }
}

fn ports(field: Field<List<RawPort>>, kind: ServiceType, notes: &Notes) -> Box<[ServicePort]> {
    let mut numbers = BTreeSet::new();
    let mut names = BTreeSet::new();
    let mut ports = Vec::new();
    for (index, raw) in notes.list(field, "spec.ports", OBJECT) {
        let path = format!("spec.ports[{index}]");
        let Ok(port) = port(raw, &path, kind, notes) else { continue };
        if !names.insert((port.name.clone(), port.protocol)) {
            notes.refuse(path, "an earlier port has the same name and protocol");
        } else if !numbers.insert((port.port, port.protocol)) {
            notes.refuse(path, "an earlier port has the same number and protocol");
        } else {
            ports.push(port);
        }
    }
    ports.into()
}

fn port(
    raw: RawPort,
    path: &str,
    kind: ServiceType,
    notes: &Notes,
) -> Result<ServicePort, Refused> {
    let at = |field| format!("{path}.{field}");
    let name = notes.take_strictly(raw.name, at("name"), TEXT)?.unwrap_or_default();
    let name = port_name(name, &at("name"), notes)?;
    let protocol = protocol(raw.protocol, &at("protocol"), notes)?;
    let Some(port) = port_number(raw.port, &at("port"), notes)? else {
        notes.refuse(at("port"), "absent or 0: must be between 1 and 65535");
        return Err(Refused);
    };
    // The port keeps its other ways in when only the node port is wrong.
    let node_port = port_number(raw.node_port, &at("nodePort"), notes).unwrap_or(None);
    let owns_node_port = matches!(kind, ServiceType::NodePort | ServiceType::LoadBalancer);
    let target = target_port(raw.target_port, &at("targetPort"), notes);
    Ok(ServicePort {
        name,
        protocol,
        port,
        node_port: node_port.filter(|_| owns_node_port),
        target,
    })
}

/// Reads what the Service says of the port on the pods. Only `explain` needs it: one that makes no sense harms nothing.
fn target_port(field: Field<NumberOrText>, path: &str, notes: &Notes) -> TargetPort {
    match notes.take(field, path, "a number or text") {
        None => TargetPort::Same,
        Some(NumberOrText::Text(_)) => TargetPort::Named,
        Some(NumberOrText::Number(number)) => port_number(Field::Present(number), path, notes)
            .unwrap_or(None)
            .map_or(TargetPort::Same, TargetPort::Number),
    }
}

/// Reads session affinity. A time-out outside of what the API allows is refused, and the default holds.
fn affinity(
    kind: Field<String>,
    config: Field<AffinityConfig>,
    notes: &Notes,
) -> Option<NonZeroU32> {
    const PATH: &str = "spec.sessionAffinityConfig.clientIP.timeoutSeconds";
    match notes.text(kind, "spec.sessionAffinity").as_str() {
        "" | "None" => return None,
        "ClientIP" => {}
        other => {
            let reason = format_args!("{other:?} is neither None nor ClientIP; None is used");
            notes.refuse("spec.sessionAffinity", reason);
            return None;
        }
    }
    let config = notes.take(config, "spec.sessionAffinityConfig", OBJECT).unwrap_or_default();
    let client = notes.take(config.client_ip, "spec.sessionAffinityConfig.clientIP", OBJECT);
    let client = client.unwrap_or_default();
    let Some(seconds) = notes.take(client.timeout_seconds, PATH, NUMBER) else {
        return Some(DEFAULT_AFFINITY);
    };
    let legal = u32::try_from(seconds).ok().filter(|_| seconds <= LONGEST_AFFINITY);
    Some(legal.and_then(NonZeroU32::new).unwrap_or_else(|| {
        let reason = format_args!("{seconds} is not between 1 and 86400; 10800 is used");
        notes.refuse(PATH, reason);
        DEFAULT_AFFINITY
    }))
}

/// Reads the health-check port, which only a LoadBalancer with the external policy Local has.
fn health_check_node_port(
    field: Field<i64>,
    kind: ServiceType,
    external_policy: TrafficPolicy,
    notes: &Notes,
) -> Option<NonZeroU16> {
    let port = port_number(field, "spec.healthCheckNodePort", notes);
    let has_one = kind == ServiceType::LoadBalancer && external_policy == TrafficPolicy::Local;
    port.unwrap_or(None).filter(|_| has_one)
}
