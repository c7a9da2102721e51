//! The answer of `explain`: kube-proxy's record of a Service on Windows, field by field.
//!
//! The fields are those of `serviceInfo` in `pkg/proxy/winkernel/proxier.go` of kubernetes/kubernetes.

use serde::Serialize;
use switchyard_model::{
    Family, FrontendKind, Service, ServicePort, ServicePortView, TargetPort, TrafficPolicy,
};

/// A Service, port by port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExplainAnswer {
    /// The node.
    pub node: String,
    /// The Service's namespace.
    pub namespace: String,
    /// The Service's name.
    pub service: String,
    /// Whether it is served at all, and if not, why.
    pub served: String,
    /// Its ports, one entry for each family.
    pub service_ports: Vec<ExplainServicePort>,
}

/// One service port of one family.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExplainServicePort {
    /// The port's name, empty when it has none.
    pub port: String,
    /// The protocol.
    pub protocol: &'static str,
    /// The family.
    pub family: &'static str,
    /// kube-proxy's fields.
    pub fields: Vec<ExplainField>,
    /// What HNS cannot do for it now.
    pub limits: Vec<ExplainLimit>,
}

/// A limit that some packet to a frontend meets now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExplainLimit {
    /// Its name.
    pub limit: &'static str,
    /// The frontend: kind, address, port and protocol.
    pub frontend: String,
    /// What a user sees of it.
    pub detail: &'static str,
}

/// One field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExplainField {
    /// Its name in kube-proxy.
    pub field: &'static str,
    /// What it has for this service port now.
    pub value: String,
    /// What it means.
    pub meaning: &'static str,
    /// What is kept here instead.
    pub instead: &'static str,
}

/// What HNS would hold for one service port: the ids of its load balancers and remote endpoints.
pub struct Programmed {
    /// The load balancer of each frontend that has one: kind, address and id.
    pub load_balancers: Vec<(FrontendKind, Option<std::net::IpAddr>, String)>,
    /// The remote endpoint at the ClusterIP, or why there is none.
    pub remote_endpoint: String,
    /// Whether HNS has direct server return.
    pub has_dsr: bool,
    /// What HNS cannot do for it.
    pub limits: Vec<ExplainLimit>,
}

impl ExplainServicePort {
    /// Explains the service port that `view` is of.
    #[must_use]
    pub fn new(
        service: &Service,
        port: &ServicePort,
        view: &ServicePortView,
        programmed: Programmed,
    ) -> Self {
        let ids = |kind| {
            let ids: Vec<_> = programmed
                .load_balancers
                .iter()
                .filter(|(of, _, _)| *of == kind)
                .map(|(_, address, id)| match address {
                    Some(address) => format!("{address} {id}"),
                    None => id.clone(),
                })
                .collect();
            if ids.is_empty() { "none".to_owned() } else { ids.join(", ") }
        };
        let single = |kind| {
            let id = programmed.load_balancers.iter().find(|(of, _, _)| *of == kind);
            id.map_or_else(|| "none".to_owned(), |(_, _, id)| id.clone())
        };
        let field =
            |field, value, meaning, instead| ExplainField { field, value, meaning, instead };
        let external_local = service.external_policy == TrafficPolicy::Local;
        let applied = !programmed.load_balancers.is_empty();
        let fields = vec![
            field(
                "BaseServicePortInfo",
                base(service, port, view),
                "the portable part: addresses, port, policies, affinity, ranges, health-check port",
                "the same facts in a ServicePortView, one per family, with every policy decided",
            ),
            field(
                "targetPort",
                target(port),
                "the port on the backends, 0 for a named one until the first endpoint tells it",
                "nothing: the EndpointSlice has the port; several numbers are the limit internal-port",
            ),
            field(
                "externalIPs",
                ids(FrontendKind::ExternalIP),
                "each external address with the id of its load balancer",
                "one frontend per address; the id is computed from it",
            ),
            field(
                "loadBalancerIngressIPs",
                ids(FrontendKind::LoadBalancerIP),
                "each load-balancer address with the ids of its load balancer and its health-check one",
                "one frontend per address that is in mode VIP; the id is computed from it",
            ),
            field(
                "hnsID",
                single(FrontendKind::ClusterIP),
                "the id of the ClusterIP's load balancer; empty when not programmed",
                "the id is computed from the frontend, so that a restart finds it again",
            ),
            field(
                "nodePorthnsID",
                single(FrontendKind::NodePort),
                "the id of the node port's load balancer, which has no address of its own",
                "the same, computed",
            ),
            field(
                "policyApplied",
                applied.to_string(),
                "programmed in this generation: a sync skips the service port until something resets it",
                "nothing: whether HNS holds what is wanted is found by comparing, never remembered",
            ),
            field(
                "remoteEndpoint",
                programmed.remote_endpoint,
                "on overlay, the remote endpoint for the ClusterIP itself, with a count of references",
                "an ordinary wanted endpoint; uses follow from what is wanted, nothing is counted",
            ),
            field(
                "hns",
                "the emulator".to_owned(),
                "the handle to HNS",
                "the Hcn trait: computenetwork.dll or the emulator behind one seam",
            ),
            field(
                "preserveDIP",
                (service.preserve_destination && programmed.has_dsr).to_string(),
                "annotation preserve-destination: backends see the destination address that clients used",
                "the view's preserveDestination",
            ),
            field(
                "localTrafficDSR",
                (external_local && programmed.has_dsr).to_string(),
                "externalTrafficPolicy Local on an HNS with direct server return",
                "each frontend's set for external clients: local, with the client's address kept",
            ),
            field(
                "internalTrafficLocal",
                (service.internal_policy == TrafficPolicy::Local).to_string(),
                "internalTrafficPolicy Local: the ClusterIP has local backends only",
                "the ClusterIP frontend's set: local, and what happens when it is empty",
            ),
            field(
                "winProxyOptimization",
                (!service.replace_on_change).to_string(),
                "unless annotated DISABLED: backends are changed in place instead of by delete and create",
                "the view's replaceOnChange, which is its opposite",
            ),
        ];
        Self {
            port: port.name.to_string(),
            protocol: port.protocol.as_str(),
            family: view.key.family.as_str(),
            fields,
            limits: programmed.limits,
        }
    }
}

fn target(port: &ServicePort) -> String {
    match port.target {
        TargetPort::Same => port.port.to_string(),
        TargetPort::Number(number) => number.to_string(),
        TargetPort::Named => "0 (a name)".to_owned(),
    }
}

/// The portable part, in one line.
fn base(service: &Service, port: &ServicePort, view: &ServicePortView) -> String {
    let family: Family = view.key.family;
    let mut parts = vec![format!(
        "{} {}/{}",
        super::text(service.cluster_ips.of(family)).unwrap_or_default(),
        port.port,
        port.protocol
    )];
    parts.extend(port.node_port.map(|number| format!("nodePort {number}")));
    let (internal, external) = (service.internal_policy, service.external_policy);
    parts.push(format!("internal {}, external {}", internal.as_str(), external.as_str()));
    parts.push(match view.affinity_timeout {
        Some(seconds) => format!("affinity {seconds} s"),
        None => "no affinity".to_owned(),
    });
    let ranges = view.frontends.iter().find_map(|frontend| frontend.source_ranges.as_ref());
    parts.extend(ranges.map(|ranges| {
        let ranges: Vec<_> = ranges.iter().map(ToString::to_string).collect();
        format!("source ranges [{}]", ranges.join(" "))
    }));
    parts.extend(service.health_check_node_port.map(|number| format!("health check {number}")));
    parts.join("; ")
}
