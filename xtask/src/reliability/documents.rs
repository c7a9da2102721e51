//! Clusters in few words: Services with their backends, expanded to Kubernetes documents.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use switchyard_model::{ClusterEvent, Name, Settings, ViewEvent};
use switchyard_nodeview::Stream;
use switchyard_source::Manifests;

/// The node that the proxy runs on.
pub(super) const NODE: &str = "n1";

/// The namespace of all Services.
const NAMESPACE: &str = "shop";

/// A Service and its backends.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ShortService {
    name: String,
    /// Its cluster addresses, one of each family at most.
    ip: Vec<String>,
    /// Its backends, each `ADDRESS@NODE`.
    #[serde(default)]
    to: Vec<String>,
    /// So many further backends of the second node.
    #[serde(default)]
    fill: u8,
    /// What else its `spec` has.
    #[serde(default)]
    spec: Map<String, Value>,
    #[serde(default)]
    annotations: Map<String, Value>,
    #[serde(default)]
    labels: Map<String, Value>,
    /// The addresses that its load balancer was given.
    #[serde(default)]
    ingress: Vec<String>,
}

impl ShortService {
    /// Its documents: the Service, and a slice for each family that it has backends of.
    fn documents(&self) -> Vec<Value> {
        let ports = json!([{"port": 80, "targetPort": 8080}]);
        let mut spec = json!({"clusterIP": self.ip.first(), "clusterIPs": self.ip, "ports": ports});
        if let Some(members) = spec.as_object_mut() {
            members.extend(self.spec.clone());
        }
        let ingress: Vec<Value> = self.ingress.iter().map(|ip| json!({"ip": ip})).collect();
        let slice_ports = slice_ports(&spec["ports"]);
        let mut documents = vec![json!({"apiVersion": "v1", "kind": "Service",
            "metadata": {"name": self.name, "namespace": NAMESPACE, "uid": format!("uid-{}", self.name),
                "annotations": self.annotations, "labels": self.labels},
            "spec": spec, "status": {"loadBalancer": {"ingress": ingress}}})];
        for (family, is_v6) in [("IPv4", false), ("IPv6", true)] {
            let backends: Vec<Value> = self.backends(is_v6);
            if backends.is_empty() {
                continue;
            }
            documents.push(json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
                "addressType": family, "ports": slice_ports, "endpoints": backends,
                "metadata": {"name": format!("{}-{family}", self.name), "namespace": NAMESPACE,
                    "labels": {"kubernetes.io/service-name": self.name}}}));
        }
        documents
    }

    fn backends(&self, is_v6: bool) -> Vec<Value> {
        let filled = (0..self.fill).map(|number| format!("10.1.2.{}@n2", 100 + number));
        let all = self.to.iter().cloned().chain(filled);
        let of_family = all.filter(|backend| backend.contains(':') == is_v6);
        let of_family = of_family.filter_map(|backend| {
            let (address, node) = backend.split_once('@')?;
            Some(json!({"addresses": [address], "nodeName": node}))
        });
        of_family.collect()
    }
}

/// The ports of a slice of a Service with `ports`.
fn slice_ports(ports: &Value) -> Value {
    let ports = ports.as_array().into_iter().flatten();
    ports
        .map(|port| {
            let or = |member: &str, other: Value| port.get(member).cloned().unwrap_or(other);
            json!({"name": or("name", json!("")), "protocol": or("protocol", json!("TCP")),
                "port": or("targetPort", json!(8080))})
        })
        .collect()
}

/// The nodes of every cluster, of both families.
fn nodes() -> Vec<Value> {
    (1..=3)
        .map(|number| {
            json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": format!("n{number}"),
                "labels": {"kubernetes.io/os": "windows"}},
                "spec": {"podCIDR": format!("10.1.{number}.0/24"),
                    "podCIDRs": [format!("10.1.{number}.0/24"), format!("fd00:1:{number}::/64")]},
                "status": {"addresses": [
                    {"type": "InternalIP", "address": format!("192.0.2.1{number}")},
                    {"type": "InternalIP", "address": format!("2001:db8::1{number}")}]}})
        })
        .collect()
}

/// A cluster that changes, and what the node sees of it.
pub(super) struct Cluster {
    services: BTreeMap<String, ShortService>,
    stream: Stream,
}

impl Cluster {
    /// A cluster of nodes alone.
    pub(super) fn new() -> Self {
        let stream = Stream::new(Name::from(NODE), Settings::default());
        let mut cluster = Self { services: BTreeMap::new(), stream };
        cluster.publish();
        cluster
    }

    /// The stream that the views come from.
    pub(super) fn stream(&self) -> &Stream {
        &self.stream
    }

    /// Puts `services` in, each in the place of the one of its name, and takes `removed` out; returns what changed in the
    /// views.
    pub(super) fn change(
        &mut self,
        services: &[ShortService],
        removed: &[String],
    ) -> Vec<ViewEvent> {
        let named = services.iter().map(|service| (service.name.clone(), service.clone()));
        self.services.extend(named);
        self.services.retain(|name, _| !removed.contains(name));
        self.publish()
    }

    fn publish(&mut self) -> Vec<ViewEvent> {
        let services = self.services.values().flat_map(ShortService::documents);
        let events = read(nodes().into_iter().chain(services));
        let batch = self.stream.cluster().events_towards(events);
        self.stream.apply(batch)
    }
}

/// Reads documents as the product does.
pub(super) fn read(documents: impl IntoIterator<Item = Value>) -> Vec<ClusterEvent> {
    let mut manifests = Manifests::default();
    for document in documents {
        manifests.add("document", document.to_string().as_bytes());
    }
    manifests.into_events()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_service_becomes_views_of_both_families() {
        let service: ShortService = serde_json::from_value(json!({
            "name": "web", "ip": ["172.20.0.10", "fd00:172::10"],
            "to": ["10.1.1.21@n1", "fd00:1:2::21@n2"],
            "spec": {"ipFamilies": ["IPv4", "IPv6"], "ipFamilyPolicy": "RequireDualStack"},
        }))
        .unwrap();
        let mut cluster = Cluster::new();
        cluster.change(&[service], &[]);
        let views: Vec<_> = cluster.stream().view().views().collect();
        assert_eq!(views.len(), 2);
        assert!(views.iter().all(|view| view.cluster.len() == 1), "{views:?}");
        assert!(cluster.change(&[], &["web".to_owned()]).len() >= 2);
        assert_eq!(cluster.stream().view().views().count(), 0);
    }
}
