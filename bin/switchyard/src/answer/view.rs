//! The answer of `view`.

use serde::Serialize;
use switchyard_model::{
    Backend, BackendSet, Frontend, NodePortAddress, ServicePortView, Serving, SourceRule, WhenEmpty,
};
use switchyard_nodeview::{Conflict, Stream};
use switchyard_source::Refusal;

use super::text;

/// What one node's proxy has to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ViewAnswer {
    /// The node.
    pub node: String,
    /// Its zone.
    pub zone: Option<String>,
    /// Its addresses.
    pub addresses: Vec<String>,
    /// The ranges its pods have addresses from.
    pub pod_ranges: Vec<String>,
    /// `primary`, or ranges: which of its addresses answer node ports.
    pub node_port_addresses: Vec<String>,
    /// The service ports, by key.
    pub service_ports: Vec<ViewServicePort>,
    /// What was refused of the input.
    pub refused: Vec<ViewRefusal>,
    /// Frontends that two service ports ask for.
    pub conflicts: Vec<ViewConflict>,
}

/// One service port of one family.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ViewServicePort {
    /// The Service's namespace.
    pub namespace: String,
    /// The Service's name.
    pub service: String,
    /// The port's name, empty when it has none.
    pub port: String,
    /// The protocol.
    pub protocol: &'static str,
    /// The family.
    pub family: &'static str,
    /// Seconds for which a client stays with a backend.
    pub affinity_timeout_seconds: Option<u32>,
    /// The port a cloud load balancer asks for this node's health.
    pub health_check_node_port: Option<u16>,
    /// The annotation `preserve-destination`.
    pub preserve_destination: bool,
    /// The annotation `winProxyOptimization: DISABLED`.
    pub replace_on_change: bool,
    /// The ways in.
    pub frontends: Vec<ViewFrontend>,
    /// The backends of the whole cluster.
    pub cluster: Vec<ViewBackend>,
    /// The backends on this node.
    pub local: Vec<ViewBackend>,
}

/// One way in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ViewFrontend {
    /// What it is.
    pub kind: &'static str,
    /// Its address; null for a node port.
    pub address: Option<String>,
    /// Its port.
    pub port: u16,
    /// Null is open to all, an empty list closed to all.
    pub source_ranges: Option<Vec<String>>,
    /// How pods and this node are served.
    pub internal: ViewServing,
    /// How everyone else is served.
    pub external: ViewServing,
}

/// How one class of clients is served.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ViewServing {
    /// `cluster` or `local`.
    pub set: &'static str,
    /// `reject`, `drop` or `pass`.
    pub when_empty: &'static str,
    /// `keep` or `rewrite`.
    pub source: &'static str,
}

/// One backend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ViewBackend {
    /// The address.
    pub address: String,
    /// The port.
    pub port: u16,
    /// Whether it is on this node.
    pub local: bool,
    /// Whether it is going away.
    pub draining: bool,
}

/// One refused object or field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ViewRefusal {
    /// The object.
    pub object: String,
    /// The field's path in it.
    pub field: String,
    /// Why.
    pub reason: String,
}

/// One frontend that two service ports ask for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ViewConflict {
    /// `KIND/ADDRESS/PORT/PROTO`.
    pub frontend: String,
    /// Who has it: `NAMESPACE/NAME:PORT`.
    pub winner: String,
    /// Who does not.
    pub loser: String,
}

impl ViewAnswer {
    /// The answer for the node of `stream`; `refused` is what was left out.
    #[must_use]
    pub fn new(stream: &Stream, refused: &[Refusal]) -> Self {
        let view = stream.view();
        let node = view.node();
        let strings = |ranges: &[ipnet::IpNet]| ranges.iter().map(ToString::to_string).collect();
        let mut node_port_addresses: Vec<_> = node
            .node_port_addresses
            .entries()
            .iter()
            .map(|entry| match entry {
                NodePortAddress::Primary => "primary".to_owned(),
                NodePortAddress::Within(range) => range.to_string(),
            })
            .collect();
        if node_port_addresses.is_empty() {
            node_port_addresses.push("primary".to_owned());
        }
        Self {
            node: node.name.to_string(),
            zone: node.zone.as_ref().map(ToString::to_string),
            addresses: node.addresses.iter().map(|own| own.address.to_string()).collect(),
            pod_ranges: strings(&node.pod_ranges),
            node_port_addresses,
            service_ports: view.views().map(|view| ViewServicePort::from(&**view)).collect(),
            refused: refused.iter().map(ViewRefusal::from).collect(),
            conflicts: view.conflicts().iter().map(ViewConflict::from).collect(),
        }
    }
}

/// Everything that is left out: `of_input`, what the input had wrong, and endpoints at a Service's own address. Sorted.
#[must_use]
pub fn refusals(stream: &Stream, of_input: &[Refusal]) -> Vec<Refusal> {
    let endpoints = stream.view().refused_endpoints(stream.cluster());
    let of_view = endpoints.into_iter().map(|endpoint| Refusal {
        object: format!("EndpointSlice {}", endpoint.slice),
        field: format!("endpoints[{}].addresses[0]", endpoint.index),
        reason: format!("{} is the ClusterIP of {}", endpoint.address, endpoint.service),
    });
    let mut refusals: Vec<_> = of_input.iter().cloned().chain(of_view).collect();
    refusals.sort();
    refusals
}

impl From<&Refusal> for ViewRefusal {
    fn from(refusal: &Refusal) -> Self {
        Self {
            object: refusal.object.clone(),
            field: refusal.field.clone(),
            reason: refusal.reason.clone(),
        }
    }
}

impl From<&ServicePortView> for ViewServicePort {
    fn from(view: &ServicePortView) -> Self {
        let backends = |set: &[Backend]| set.iter().map(ViewBackend::from).collect();
        Self {
            namespace: view.key.service.namespace.to_string(),
            service: view.key.service.name.to_string(),
            port: view.key.port.to_string(),
            protocol: view.key.protocol.as_str(),
            family: view.key.family.as_str(),
            affinity_timeout_seconds: view.affinity_timeout.map(std::num::NonZeroU32::get),
            health_check_node_port: view.health_check_node_port.map(std::num::NonZeroU16::get),
            preserve_destination: view.preserve_destination,
            replace_on_change: view.replace_on_change,
            frontends: view.frontends.iter().map(ViewFrontend::from).collect(),
            cluster: backends(&view.cluster),
            local: backends(&view.local),
        }
    }
}

impl From<&Frontend> for ViewFrontend {
    fn from(frontend: &Frontend) -> Self {
        Self {
            kind: frontend.kind.as_str(),
            address: text(frontend.address),
            port: frontend.port.get(),
            source_ranges: frontend
                .source_ranges
                .as_ref()
                .map(|ranges| ranges.iter().map(ToString::to_string).collect()),
            internal: ViewServing::from(&frontend.internal),
            external: ViewServing::from(&frontend.external),
        }
    }
}

impl From<&Serving> for ViewServing {
    fn from(serving: &Serving) -> Self {
        Self {
            set: match serving.set {
                BackendSet::Cluster => "cluster",
                BackendSet::Local => "local",
            },
            when_empty: match serving.when_empty {
                WhenEmpty::Reject => "reject",
                WhenEmpty::Drop => "drop",
                WhenEmpty::Pass => "pass",
            },
            source: match serving.source {
                SourceRule::Keep => "keep",
                SourceRule::Rewrite => "rewrite",
            },
        }
    }
}

impl From<&Backend> for ViewBackend {
    fn from(backend: &Backend) -> Self {
        Self {
            address: backend.address.to_string(),
            port: backend.port.get(),
            local: backend.local,
            draining: backend.draining,
        }
    }
}

impl From<&Conflict> for ViewConflict {
    fn from(conflict: &Conflict) -> Self {
        let address = text(conflict.address).unwrap_or_else(|| "*".to_owned());
        let port = |(service, port): &(switchyard_model::ServiceKey, switchyard_model::Name)| {
            format!("{service}:{port}")
        };
        Self {
            frontend: format!(
                "{}/{address}/{}/{}",
                conflict.kind, conflict.port, conflict.protocol
            ),
            winner: port(&conflict.winner),
            loser: port(&conflict.loser),
        }
    }
}
