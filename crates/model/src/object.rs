//! The Kubernetes objects a service proxy reads, already understood: every value that exists here is legal.

use std::fmt;
use std::net::IpAddr;
use std::num::{NonZeroU16, NonZeroU32};
use std::sync::Arc;

use ipnet::IpNet;

use crate::{AddressPair, Family, Name, Protocol};

/// What a namespaced object is called.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey {
    /// The namespace.
    pub namespace: Name,
    /// The name.
    pub name: Name,
}

impl ObjectKey {
    /// The key of `namespace`/`name`.
    #[must_use]
    pub fn new(namespace: impl Into<Name>, name: impl Into<Name>) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// What a Service is called.
pub type ServiceKey = ObjectKey;

/// `spec.type` of a Service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServiceType {
    /// Reached at its ClusterIP, and at external addresses if it has any.
    ClusterIP,
    /// Also at a port of each node.
    NodePort,
    /// Also at the addresses its load balancer gave it.
    LoadBalancer,
    /// A name in the DNS: nothing for a proxy to do.
    ExternalName,
}

impl ServiceType {
    /// The word Kubernetes uses.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ClusterIP => "ClusterIP",
            Self::NodePort => "NodePort",
            Self::LoadBalancer => "LoadBalancer",
            Self::ExternalName => "ExternalName",
        }
    }
}

/// `internalTrafficPolicy` or `externalTrafficPolicy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TrafficPolicy {
    /// Backends of the whole cluster.
    #[default]
    Cluster,
    /// Backends on the node that the packet reaches.
    Local,
}

impl TrafficPolicy {
    /// The word Kubernetes uses.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cluster => "Cluster",
            Self::Local => "Local",
        }
    }
}

/// `spec.ports[].targetPort`. A proxy never needs it (the EndpointSlice has the port); it is kept to explain what
/// kube-proxy would have made of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TargetPort {
    /// Absent: the Service's own port.
    Same,
    /// A number.
    Number(NonZeroU16),
    /// The name of a container port.
    Named,
}

/// One port of a Service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServicePort {
    /// The name, empty when it has none. With the protocol, unique within the Service.
    pub name: Name,
    /// The transport protocol.
    pub protocol: Protocol,
    /// The port on the Service's addresses. With the protocol, unique within the Service.
    pub port: NonZeroU16,
    /// The port on the nodes' addresses; only for types that own one.
    pub node_port: Option<NonZeroU16>,
    /// What the Service says about the port on the pods.
    pub target: TargetPort,
}

/// A moment as the API server writes it, in microseconds since 1970. A moment that is not known counts as newest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Created(i64);

impl Created {
    /// Not known: newer than all that are.
    pub const UNKNOWN: Self = Self(i64::MAX);

    /// `microseconds` since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn at(microseconds: i64) -> Self {
        Self(microseconds)
    }
}

/// Which proxy a Service is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServedBy {
    /// This one.
    This,
    /// Another: it has the label `service.kubernetes.io/service-proxy-name`, with any value.
    OtherProxy,
    /// None: it has the label `service.kubernetes.io/headless`.
    Nobody,
}

/// The addresses that may reach a load-balancer address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceRanges {
    /// No list: everybody.
    Open,
    /// Only these; a family that has none here is closed.
    Only(Arc<[IpNet]>),
}

/// A Service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// What it is called.
    pub key: ServiceKey,
    /// The API server's id for it.
    pub uid: Option<Name>,
    /// When it was made; decides conflicts.
    pub created: Created,
    /// `spec.type`.
    pub kind: ServiceType,
    /// Whether it is for this proxy.
    pub served_by: ServedBy,
    /// Whether it is the cluster DNS (label `k8s-app: kube-dns`).
    pub cluster_dns: bool,
    /// The virtual addresses, one per family; none for a headless Service.
    pub cluster_ips: AddressPair,
    /// The ports.
    pub ports: Box<[ServicePort]>,
    /// `spec.externalIPs`, each once.
    pub external_ips: Box<[IpAddr]>,
    /// The load balancer's addresses that the proxy serves (`ipMode` `VIP` or absent), each once.
    pub load_balancer_ips: Box<[IpAddr]>,
    /// Who may reach the load balancer's addresses.
    pub source_ranges: SourceRanges,
    /// Which backends serve the ClusterIP.
    pub internal_policy: TrafficPolicy,
    /// Which backends serve external clients at the other addresses.
    pub external_policy: TrafficPolicy,
    /// Seconds for which a client stays with a backend; `None` without session affinity.
    pub affinity_timeout: Option<NonZeroU32>,
    /// The port a cloud load balancer asks for this node's health; only for type LoadBalancer with the policy Local.
    pub health_check_node_port: Option<NonZeroU16>,
    /// The annotation `preserve-destination: "true"`.
    pub preserve_destination: bool,
    /// The annotation `winProxyOptimization: DISABLED`.
    pub replace_on_change: bool,
}

impl Service {
    /// Whether this proxy has anything to do for it.
    #[must_use]
    pub fn is_served(&self) -> bool {
        self.served_by == ServedBy::This
            && self.kind != ServiceType::ExternalName
            && !self.cluster_ips.is_empty()
    }
}

/// One port of an EndpointSlice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlicePort {
    /// The name, matched with the Service port's.
    pub name: Name,
    /// The transport protocol, matched with the Service port's.
    pub protocol: Protocol,
    /// The port on the backends.
    pub port: NonZeroU16,
}

/// What an endpoint is able to do. Absent conditions have been given their defaults.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conditions {
    /// New connections are welcome.
    pub ready: bool,
    /// It answers.
    pub serving: bool,
    /// It is going away.
    pub terminating: bool,
}

/// For whom an endpoint is meant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hints {
    /// `hints.forZones`.
    pub zones: Box<[Name]>,
    /// `hints.forNodes`.
    pub nodes: Box<[Name]>,
}

/// One endpoint of a slice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Where it is; `None` when the address was refused. Kept, so that the place in the list stays the document's.
    pub address: Option<IpAddr>,
    /// What it is able to do.
    pub conditions: Conditions,
    /// The node it is on.
    pub node: Option<Name>,
    /// For whom it is meant.
    pub hints: Option<Arc<Hints>>,
}

/// An EndpointSlice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointSlice {
    /// What it is called.
    pub key: ObjectKey,
    /// The Service it belongs to, in the same namespace. `None` when the slice is not to be read: no label
    /// `kubernetes.io/service-name`, the headless label, or addresses that are not IP addresses.
    pub service: Option<Name>,
    /// The family of its addresses.
    pub family: Family,
    /// The ports of every endpoint, sorted by name and protocol, each pair once.
    pub ports: Box<[SlicePort]>,
    /// The endpoints, in the document's order.
    pub endpoints: Box<[Endpoint]>,
    /// The pod behind each endpoint (`targetRef`), in the same order; empty when none is known.
    pub pods: Box<[Option<ObjectKey>]>,
}

impl EndpointSlice {
    /// The number of the port that `name` and `protocol` have here.
    #[must_use]
    pub fn port(&self, name: &str, protocol: Protocol) -> Option<NonZeroU16> {
        self.ports
            .binary_search_by(|port| (port.name.as_str(), port.protocol).cmp(&(name, protocol)))
            .ok()
            .map(|found| self.ports[found].port)
    }
}

/// The kinds of node address that a proxy uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum NodeAddressKind {
    /// `InternalIP`.
    Internal,
    /// `ExternalIP`.
    External,
}

/// One address of a Node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NodeAddress {
    /// What Kubernetes calls it.
    pub kind: NodeAddressKind,
    /// The address.
    pub address: IpAddr,
}

/// A Node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// What it is called.
    pub name: Name,
    /// Its addresses, in the document's order.
    pub addresses: Box<[NodeAddress]>,
    /// `spec.podCIDRs`.
    pub pod_ranges: Box<[IpNet]>,
    /// The label `topology.kubernetes.io/zone`.
    pub zone: Option<Name>,
    /// The label `kubernetes.io/os`.
    pub operating_system: Option<Name>,
    /// Why it is about to go, where it is.
    pub leaving: Option<Leaving>,
}

/// Why a Node is about to go: load balancers are to send it nothing new (KEP-3836).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leaving {
    /// It has a `metadata.deletionTimestamp`.
    Deleted,
    /// It has the taint `ToBeDeletedByClusterAutoscaler`.
    MarkedByAutoscaler,
}

impl Node {
    /// Whether `address` is one of its own.
    #[must_use]
    pub fn has_address(&self, address: IpAddr) -> bool {
        self.addresses.iter().any(|own| own.address == address)
    }
}

/// A Pod, known only to say where packets come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pod {
    /// What it is called.
    pub key: ObjectKey,
    /// The node it is on.
    pub node: Option<Name>,
    /// Its addresses.
    pub addresses: AddressPair,
}
