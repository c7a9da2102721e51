//! Kubernetes Services in plain types.
//!
//! What all other crates speak in: names and addresses, the objects a proxy reads, the indexed [`Cluster`] with its
//! change sets, the views that backends receive, packets and verdicts.
//!
//! This crate knows no tokio, no kube, no JSON of any wire and no HNS, and does no I/O.

mod address;
mod cluster;
mod keyed;
mod names;
mod neighbourhood;
mod object;
mod packet;
mod serve;
mod settings;
mod terms;
mod view;
mod view_set;

pub use address::{AddressError, AddressPair, parse_address, parse_endpoint, parse_unicast};
pub use cluster::{Cluster, ClusterEvent, Touched};
pub use keyed::Views;
pub use neighbourhood::Neighbourhoods;
pub use object::{
    Conditions, Created, Endpoint, EndpointSlice, Hints, Leaving, Node, NodeAddress,
    NodeAddressKind, ObjectKey, Pod, ServedBy, Service, ServiceKey, ServicePort, ServiceType,
    SlicePort, SourceRanges, TargetPort, TrafficPolicy,
};
pub use packet::{
    Client, Deciders, Destination, Origin, Outcome, Packet, Reached, SourceSeen, Verdict,
};
pub use settings::{DetectLocalMode, ExternalIps, PodDetection, Settings};
pub use terms::{Family, FrontendKind, Name, Protocol};
pub use view::{
    Backend, BackendSet, Frontend, NodeFacts, NodePortAddress, NodePortAddresses, ServicePortView,
    Serving, SourceRule, ViewEvent, ViewKey, WhenEmpty,
};
pub use view_set::ViewSet;
