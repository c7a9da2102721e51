//! What the operator decides: the part of the configuration that changes where packets go.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::{NodePortAddresses, ServiceKey};

/// How clients that are pods are told from others.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PodDetection {
    /// `clusterCIDR`: when given, exactly the addresses inside are pods.
    pub cluster_ranges: Box<[IpNet]>,
    /// `detectLocalMode`.
    pub mode: DetectLocalMode,
}

impl PodDetection {
    /// Whether no client can be told to be a pod. Then only the node itself is internal, and a ClusterIP keeps the
    /// addresses of external clients.
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.mode == DetectLocalMode::ClusterCidr && self.cluster_ranges.is_empty()
    }
}

/// `detectLocalMode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DetectLocalMode {
    /// Not set: `clusterCIDR` if given, else the pod ranges of the Nodes.
    #[default]
    Unset,
    /// `ClusterCIDR`: without a range nobody is known to be a pod.
    ClusterCidr,
    /// `NodeCIDR`, and `BridgeInterface` and `InterfaceNamePrefix`, which tell the same clients apart: only this node's
    /// own pods are internal.
    NodeLocal,
}

/// Which external addresses of Services are served.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ExternalIps {
    /// Every one.
    #[default]
    All,
    /// None (KEP-5707).
    None,
    /// Those inside one of these ranges.
    Within(Box<[IpNet]>),
}

impl ExternalIps {
    /// Whether `address` is served.
    #[must_use]
    pub fn allows(&self, address: IpAddr) -> bool {
        match self {
            Self::All => true,
            Self::None => false,
            Self::Within(ranges) => ranges.iter().any(|range| range.contains(&address)),
        }
    }
}

/// The settings that decide policy.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settings {
    /// `nodePortAddresses`.
    pub node_port_addresses: NodePortAddresses,
    /// `clusterCIDR` and `detectLocalMode`.
    pub pods: PodDetection,
    /// `masqueradeAll`: clients of ClusterIPs are always rewritten.
    pub masquerade_all: bool,
    /// `serviceCIDRs`: an address inside that no Service has is dropped.
    pub service_ranges: Box<[IpNet]>,
    /// `externalIPs`.
    pub external_ips: ExternalIps,
    /// `priorityServices`: programmed first.
    pub priority_services: Box<[ServiceKey]>,
}
