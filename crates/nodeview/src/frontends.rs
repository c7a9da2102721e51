//! The ways in to a Service, before conflicts with other Services are settled.

use std::net::IpAddr;
use std::num::NonZeroU16;
use std::sync::Arc;

use ipnet::IpNet;
use switchyard_model::{
    BackendSet, Family, FrontendKind, NodeFacts, Service, ServicePort, ServiceType, Settings,
    SourceRanges, SourceRule, TrafficPolicy,
};

/// One way in that a service port asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Declared {
    pub(crate) kind: FrontendKind,
    pub(crate) address: Option<IpAddr>,
    pub(crate) port: NonZeroU16,
}

/// Whether `service` is served on the node in `family`, and at which ClusterIP.
pub(crate) fn served_at(service: &Service, node: &NodeFacts, family: Family) -> Option<IpAddr> {
    if service.is_served() && node.has_family(family) {
        service.cluster_ips.of(family)
    } else {
        None
    }
}

/// All ways in that `port` asks for in `family`, sorted by kind and address.
pub(crate) fn declared(
    service: &Service,
    port: &ServicePort,
    cluster_ip: IpAddr,
    settings: &Settings,
) -> Vec<Declared> {
    let family = Family::of(cluster_ip);
    let at = |kind, address| Declared { kind, address: Some(address), port: port.port };
    let mut frontends = Vec::with_capacity(1);
    frontends.push(at(FrontendKind::ClusterIP, cluster_ip));
    if let Some(port) = port.node_port {
        frontends.push(Declared { kind: FrontendKind::NodePort, address: None, port });
    }
    let outside = outside_addresses(service, family, settings);
    frontends.extend(outside.map(|(kind, address)| at(kind, address)));
    frontends.sort_by_key(|frontend| (frontend.kind, frontend.address));
    frontends
}

/// The addresses besides the ClusterIP at which `service` is served in `family`.
fn outside_addresses<'a>(
    service: &'a Service,
    family: Family,
    settings: &'a Settings,
) -> impl Iterator<Item = (FrontendKind, IpAddr)> + 'a {
    let has_load_balancer = service.kind == ServiceType::LoadBalancer;
    let load_balancer = service.load_balancer_ips.iter().filter(move |_| has_load_balancer);
    let external = service.external_ips.iter();
    let external = external.filter(|address| settings.external_ips.allows(**address));
    load_balancer
        .map(|address| (FrontendKind::LoadBalancerIP, *address))
        .chain(external.map(|address| (FrontendKind::ExternalIP, *address)))
        .filter(move |(_, address)| Family::of(*address) == family)
}

/// Every address at which `service` is served on the node, whether or not it has a port.
pub(crate) fn addresses<'a>(
    service: &'a Service,
    node: &'a NodeFacts,
    settings: &'a Settings,
) -> impl Iterator<Item = IpAddr> + 'a {
    Family::ALL.into_iter().flat_map(move |family| {
        let cluster_ip = served_at(service, node, family);
        let outside = cluster_ip.map(|_| outside_addresses(service, family, settings));
        cluster_ip.into_iter().chain(outside.into_iter().flatten().map(|(_, address)| address))
    })
}

/// Which set serves a class of clients, and whether it sees their addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Route {
    pub(crate) set: BackendSet,
    pub(crate) source: SourceRule,
}

/// How internal and external clients are served at a frontend of `kind`.
///
/// A ClusterIP obeys the internal traffic policy for both. The other kinds obey the external one for external clients;
/// under `Local` an internal client is served as if its packet had gone out and come back by the best way, from the whole
/// cluster, and keeps its address.
pub(crate) fn routes(service: &Service, kind: FrontendKind, settings: &Settings) -> (Route, Route) {
    let set_of = |policy| match policy {
        TrafficPolicy::Cluster => BackendSet::Cluster,
        TrafficPolicy::Local => BackendSet::Local,
    };
    if kind == FrontendKind::ClusterIP {
        let set = set_of(service.internal_policy);
        let rewrite_if = |yes| if yes { SourceRule::Rewrite } else { SourceRule::Keep };
        let internal = rewrite_if(settings.masquerade_all);
        let external = rewrite_if(settings.masquerade_all || !settings.pods.is_off());
        return (Route { set, source: internal }, Route { set, source: external });
    }
    let source = match service.external_policy {
        TrafficPolicy::Cluster => SourceRule::Rewrite,
        TrafficPolicy::Local => SourceRule::Keep,
    };
    let internal = Route { set: BackendSet::Cluster, source };
    let external = Route { set: set_of(service.external_policy), source };
    (internal, external)
}

/// The ranges that may enter a frontend of `kind`: load-balancer addresses alone have them. A list without a range of
/// this family closes the family.
pub(crate) fn source_ranges(
    service: &Service,
    kind: FrontendKind,
    family: Family,
) -> Option<Arc<[IpNet]>> {
    match (&service.source_ranges, kind) {
        (SourceRanges::Only(ranges), FrontendKind::LoadBalancerIP) => {
            if ranges.iter().all(|range| Family::of(range.addr()) == family) {
                return Some(ranges.clone());
            }
            let own = ranges.iter().filter(|range| Family::of(range.addr()) == family);
            Some(own.copied().collect())
        }
        _ => None,
    }
}
