//! An independent reading of the service rules: documents in, the answer of the model out.
//!
//! It is written for clarity: every rule is applied once, from the documents, with no incremental state. It shares no
//! code with what it tests. Its sources are kube-proxy's behaviour (pkg/proxy/topology.go, endpointslicecache.go,
//! servicechangetracker.go and the nftables proxier) and the rows of [`crate::facts`].
//!
//! * `documents`: lists are opened, objects are sorted by kind, the configuration is read.
//! * `services`: which Services are served, and their frontends.
//! * `endpoints`: which endpoints a service port has, and which of them serve.
//! * `clients`: where a packet comes from.
//! * `routing`: the lookup of a packet's destination.

mod clients;
mod documents;
mod endpoints;
mod routing;
mod services;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde::Serialize;

use self::clients::{Clients, Source};
use self::documents::{Configuration, Documents, Node};
use self::endpoints::Sets;
use self::routing::{Destination, Packet, Protocol};
use self::services::{Frontend, Service};
use crate::subject::{Answer, AnswerBackend, Setup};

/// What a packet was sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum FrontendKind {
    /// The cluster address of a Service.
    #[serde(rename = "ClusterIP")]
    ClusterIp,
    /// An address that a load balancer announces.
    #[serde(rename = "LoadBalancerIP")]
    LoadBalancerIp,
    /// An address of `spec.externalIPs`.
    #[serde(rename = "ExternalIP")]
    ExternalIp,
    /// A port on the node's own addresses.
    NodePort,
}

impl FrontendKind {
    /// The name in answers and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::ClusterIp => "ClusterIP",
            Self::LoadBalancerIp => "LoadBalancerIP",
            Self::ExternalIp => "ExternalIP",
            Self::NodePort => "NodePort",
        }
    }
}

/// Where a packet comes from, seen from the node that answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum SourceClass {
    /// The node itself.
    Node,
    /// A pod of this node.
    LocalPod,
    /// A pod of another node.
    RemotePod,
    /// Everyone else.
    Outside,
}

impl SourceClass {
    /// The name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::LocalPod => "localPod",
            Self::RemotePod => "remotePod",
            Self::Outside => "outside",
        }
    }
}

/// A traffic policy of a Service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Policy {
    /// Any endpoint.
    Cluster,
    /// Endpoints of this node alone.
    Local,
}

/// The traffic policies of the Service that decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Policies {
    /// `spec.internalTrafficPolicy`.
    pub internal: Policy,
    /// `spec.externalTrafficPolicy`.
    pub external: Policy,
}

/// An answer, and what kind of question it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// What the model answers.
    pub answer: Answer,
    /// The kind of frontend that decided; none for an unserved port, an unallocated address or no match.
    pub frontend: Option<FrontendKind>,
    /// The class of the client.
    pub source: SourceClass,
    /// The policies of the deciding Service; none where no frontend decided.
    pub policies: Option<Policies>,
}

/// The oracle for one cluster, seen from one node.
#[derive(Debug)]
pub struct Oracle {
    node: Node,
    configuration: Configuration,
    services: Vec<Service>,
    /// The addresses of Services that are left to others: never answered for, not even as unallocated.
    ignored_addresses: BTreeSet<IpAddr>,
    frontends: BTreeMap<(IpAddr, u16, Protocol), Frontend>,
    node_ports: BTreeMap<(Family, u16, Protocol), Frontend>,
    sets: BTreeMap<(usize, usize, Family), Sets>,
    clients: Clients,
}

/// An IP family. The order is that of answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Family {
    V4,
    V6,
}

impl Family {
    fn of(address: IpAddr) -> Self {
        if address.is_ipv4() { Self::V4 } else { Self::V6 }
    }
}

impl Oracle {
    /// Reads the documents of `setup`.
    ///
    /// # Errors
    /// The node is not among the documents, or the configuration cannot be read.
    pub fn new(setup: &Setup) -> Result<Self, String> {
        let documents = Documents::read(&setup.documents);
        let configuration = Configuration::read(&setup.configuration)?;
        let nodes: Vec<Node> = documents.nodes.iter().map(|value| Node::read(value)).collect();
        let Some(node) = nodes.iter().find(|node| node.name == setup.node).cloned() else {
            return Err(format!("no Node is named {}", setup.node));
        };

        let (services, ignored_addresses) = services::read(&documents, &configuration);
        let cluster_addresses: BTreeSet<IpAddr> =
            services.iter().flat_map(|service| service.cluster_addresses.iter().copied()).collect();
        let slices = endpoints::read(&documents, &cluster_addresses);
        let (frontends, node_ports) = services::frontends(&services);

        let mut sets = BTreeMap::new();
        for (service_index, service) in services.iter().enumerate() {
            for address in &service.cluster_addresses {
                let family = Family::of(*address);
                for (port_index, port) in service.ports.iter().enumerate() {
                    let endpoints = endpoints::of_port(&slices, service, port, family, &setup.node);
                    let found = Sets::categorize(&endpoints, &node);
                    sets.insert((service_index, port_index, family), found);
                }
            }
        }
        let clients = Clients::read(&documents, &nodes, &slices, &setup.node);
        Ok(Self {
            node,
            configuration,
            services,
            ignored_addresses,
            frontends,
            node_ports,
            sets,
            clients,
        })
    }

    /// Where a new connection goes, as the model answers it.
    ///
    /// # Errors
    /// `from` or `to` cannot be read, or `from` names a pod that is not known.
    pub fn trace(&self, from: &str, to: &str) -> Result<Answer, String> {
        self.explain(from, to).map(|explanation| explanation.answer)
    }

    /// Where a new connection goes, and what kind of question that was.
    ///
    /// # Errors
    /// As [`Oracle::trace`].
    pub fn explain(&self, from: &str, to: &str) -> Result<Explanation, String> {
        let packet = Packet::read(to)?;
        let source = self.clients.resolve(from, packet.address)?;
        let destination = self.destination(&packet);
        let class = self.classify(&source, &packet, &destination);
        let (answer, frontend) = match destination {
            Destination::Nothing => (pass(), None),
            Destination::UnallocatedIn(range) => {
                (refused("drop", vec![format!("range/{range}")]), None)
            }
            Destination::UnservedPortOf(service) => {
                let name = &self.services[service];
                let service = format!("service/{}/{}:", name.namespace, name.name);
                let frontend = packet.frontend_name(FrontendKind::ClusterIp);
                (refused("reject", vec![frontend, service]), None)
            }
            // Nobody but the node can reach a loopback address: the packet is not ours (CVE-2020-8558).
            Destination::LoopbackNodePort(_) if class != SourceClass::Node => (pass(), None),
            Destination::LoopbackNodePort(frontend) if packet.protocol != Some(Protocol::Tcp) => {
                (refused("reject", self.decided_by(&frontend, &packet)), Some(frontend))
            }
            Destination::Frontend(frontend) | Destination::LoopbackNodePort(frontend) => {
                (self.answer(&frontend, &source, class, &packet), Some(frontend))
            }
        };
        Ok(Explanation {
            answer,
            frontend: frontend.map(|frontend| frontend.kind),
            source: class,
            policies: frontend.map(|frontend| self.services[frontend.service].policies),
        })
    }

    /// A source equal to the load-balancer address it sends to is the node: only a node holds such an address.
    fn classify(
        &self,
        source: &Source,
        packet: &Packet,
        destination: &Destination<'_>,
    ) -> SourceClass {
        if let (Destination::Frontend(frontend), Source::Address(address)) = (destination, source)
            && frontend.kind == FrontendKind::LoadBalancerIp
            && *address == packet.address
        {
            return SourceClass::Node;
        }
        match source {
            Source::Node => SourceClass::Node,
            Source::Address(address) => {
                self.clients.classify(*address, &self.node, &self.configuration)
            }
        }
    }

    /// The answer of a service port for one client.
    fn answer(
        &self,
        frontend: &Frontend,
        source: &Source,
        class: SourceClass,
        packet: &Packet,
    ) -> Answer {
        let service = &self.services[frontend.service];
        let decided_by = self.decided_by(frontend, packet);
        if frontend.kind == FrontendKind::LoadBalancerIp
            && !self.admitted(service, source, class, packet.address)
        {
            return refused("drop", decided_by);
        }

        let internal = self.configuration.is_internal(class);
        let set = match frontend.kind {
            FrontendKind::ClusterIp => service.policies.internal,
            _ if internal => Policy::Cluster,
            _ => service.policies.external,
        };
        let family = Family::of(packet.address);
        let sets = &self.sets[&(frontend.service, frontend.port, family)];
        let chosen = match set {
            Policy::Cluster => &sets.cluster,
            Policy::Local => &sets.local,
        };
        if chosen.is_empty() {
            let lost_here_only = set == Policy::Local && sets.has_any;
            return refused(if lost_here_only { "drop" } else { "reject" }, decided_by);
        }

        let rewrites = class == SourceClass::Node
            || match frontend.kind {
                FrontendKind::ClusterIp => {
                    self.configuration.masquerade_all
                        || (!internal && !self.configuration.has_no_detector())
                }
                _ => service.policies.external == Policy::Cluster,
            };
        let is_client = |backend: &&AnswerBackend| match source {
            Source::Node => false,
            Source::Address(address) => backend.address == address.to_string(),
        };
        let hairpins = chosen.iter().filter(is_client).count();
        let source_rule = match hairpins {
            _ if rewrites => "rewrite",
            0 => "keep",
            count if count == chosen.len() => "rewrite",
            _ => "mixed",
        };
        Answer {
            outcome: "forward".to_owned(),
            backends: chosen.clone(),
            source: Some(source_rule.to_owned()),
            affinity: if service.client_affinity { "clientIP" } else { "none" }.to_owned(),
            decided_by,
        }
    }

    /// Whether the source ranges of a load-balancer address admit the client. The node is judged by its primary
    /// address.
    fn admitted(
        &self,
        service: &Service,
        source: &Source,
        class: SourceClass,
        destination: IpAddr,
    ) -> bool {
        let Some(ranges) = &service.source_ranges else {
            return true;
        };
        let client = match source {
            _ if class == SourceClass::Node => self.node.primary(Family::of(destination)),
            Source::Node => None,
            Source::Address(address) => Some(*address),
        };
        client.is_some_and(|address| ranges.iter().any(|range| range.contains(&address)))
    }

    fn decided_by(&self, frontend: &Frontend, packet: &Packet) -> Vec<String> {
        let service = &self.services[frontend.service];
        let port = &service.ports[frontend.port].name;
        vec![
            packet.frontend_name(frontend.kind),
            format!("service/{}/{}:{port}", service.namespace, service.name),
        ]
    }
}

/// The proxy does not touch the packet.
fn pass() -> Answer {
    refused("pass", Vec::new())
}

/// An answer without backends.
fn refused(outcome: &str, decided_by: Vec<String>) -> Answer {
    Answer {
        outcome: outcome.to_owned(),
        backends: Vec::new(),
        source: None,
        affinity: "none".to_owned(),
        decided_by,
    }
}
