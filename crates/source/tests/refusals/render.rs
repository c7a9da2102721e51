//! Objects as one line of text each, so that cases can be text.

use std::fmt::Display;
use std::net::IpAddr;

use switchyard_model::{
    AddressPair, ClusterEvent, EndpointSlice, Node, Pod, ServedBy, Service, SourceRanges,
    TargetPort,
};

/// The event's object in one line.
pub(crate) fn render(event: &ClusterEvent) -> String {
    match event {
        ClusterEvent::Service(service) => render_service(service),
        ClusterEvent::Slice(slice) => render_slice(slice),
        ClusterEvent::Node(node) => render_node(node),
        ClusterEvent::Pod(pod) => render_pod(pod),
        ClusterEvent::ServiceGone(_)
        | ClusterEvent::SliceGone(_)
        | ClusterEvent::NodeGone(_)
        | ClusterEvent::PodGone(_) => format!("gone {event:?}"),
    }
}

fn list<T: Display>(items: impl IntoIterator<Item = T>) -> String {
    let words: Vec<_> = items.into_iter().map(|item| item.to_string()).collect();
    format!("[{}]", words.join(" "))
}

fn optional<T: Display>(value: Option<T>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

fn pair(addresses: &AddressPair) -> String {
    list(addresses.iter())
}

fn render_service(service: &Service) -> String {
    let ports = service.ports.iter().map(|port| {
        let target = match port.target {
            TargetPort::Same => "same".to_owned(),
            TargetPort::Number(number) => number.to_string(),
            TargetPort::Named => "named".to_owned(),
        };
        let node_port = optional(port.node_port);
        format!("{}:{}:{}:{node_port}>{target}", port.name, port.protocol, port.port)
    });
    let ranges = match &service.source_ranges {
        SourceRanges::Open => "open".to_owned(),
        SourceRanges::Only(ranges) => list(ranges.iter()),
    };
    let served = match service.served_by {
        ServedBy::This => "this",
        ServedBy::OtherProxy => "other",
        ServedBy::Nobody => "nobody",
    };
    format!(
        "Service {} {} ips={} ports={} external={} balancer={} ranges={ranges} internal={} outside={} \
         affinity={} health={} served={served} dns={} preserve={} replace={} uid={}",
        service.key,
        service.kind.as_str(),
        pair(&service.cluster_ips),
        list(ports),
        list(service.external_ips.iter()),
        list(service.load_balancer_ips.iter()),
        service.internal_policy.as_str(),
        service.external_policy.as_str(),
        optional(service.affinity_timeout),
        optional(service.health_check_node_port),
        service.cluster_dns,
        service.preserve_destination,
        service.replace_on_change,
        optional(service.uid.as_ref()),
    )
}

fn render_slice(slice: &EndpointSlice) -> String {
    let ports =
        slice.ports.iter().map(|port| format!("{}:{}:{}", port.name, port.protocol, port.port));
    let endpoints = slice.endpoints.iter().enumerate().map(|(place, endpoint)| {
        let mut text = optional(endpoint.address.map(|address: IpAddr| address.to_string()));
        let conditions = endpoint.conditions;
        for (holds, letter) in
            [(conditions.ready, 'r'), (conditions.serving, 's'), (conditions.terminating, 't')]
        {
            text.push(if holds { letter } else { '.' });
        }
        if let Some(node) = &endpoint.node {
            text.push('@');
            text.push_str(node);
        }
        if let Some(hints) = &endpoint.hints {
            text.push_str(&list(hints.zones.iter()));
            text.push_str(&list(hints.nodes.iter()));
        }
        if let Some(Some(pod)) = slice.pods.get(place) {
            text.push('=');
            text.push_str(&pod.to_string());
        }
        text
    });
    format!(
        "EndpointSlice {} of={} {} ports={} endpoints={}",
        slice.key,
        optional(slice.service.as_ref()),
        slice.family,
        list(ports),
        list(endpoints),
    )
}

fn render_node(node: &Node) -> String {
    let addresses = node.addresses.iter().map(|own| format!("{:?}:{}", own.kind, own.address));
    format!(
        "Node {} addresses={} ranges={} zone={} os={}",
        node.name,
        list(addresses),
        list(node.pod_ranges.iter()),
        optional(node.zone.as_ref()),
        optional(node.operating_system.as_ref()),
    )
}

fn render_pod(pod: &Pod) -> String {
    format!(
        "Pod {} node={} addresses={}",
        pod.key,
        optional(pod.node.as_ref()),
        pair(&pod.addresses)
    )
}
