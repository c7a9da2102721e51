//! Load balancers.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::UnknownMembers;
use crate::lenient::{self, is_default};
use crate::{Distribution, Guid, IpProtocol, LoadBalancerFlags, PortMappingFlags, Version};

/// A load balancer (`HostComputeLoadBalancer`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct LoadBalancer {
    /// Its id; none in a document to create one from, where HNS picks.
    #[serde(
        rename = "ID",
        deserialize_with = "lenient::id",
        skip_serializing_if = "Option::is_none"
    )]
    pub id: Option<Guid>,
    /// Who made it.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "is_default")]
    pub owner: String,
    /// Its name.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "is_default")]
    pub name: String,
    /// The endpoints that it spreads connections over.
    #[serde(deserialize_with = "lenient::nullable", skip_serializing_if = "Vec::is_empty")]
    pub host_compute_endpoints: Vec<Guid>,
    /// The address that backends see instead of the client's.
    #[serde(
        rename = "SourceVIP",
        deserialize_with = "lenient::text",
        skip_serializing_if = "is_default"
    )]
    pub source_vip: String,
    /// The addresses that clients send to; none is every address of the node. Older documentation calls them `VirtualIPs`.
    #[serde(
        rename = "FrontendVIPs",
        alias = "VirtualIPs",
        deserialize_with = "lenient::nullable",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub frontend_vips: Vec<String>,
    /// The ports that clients send to, and those of the backends.
    #[serde(deserialize_with = "lenient::nullable", skip_serializing_if = "Vec::is_empty")]
    pub port_mappings: Vec<PortMapping>,
    /// Flags.
    #[serde(skip_serializing_if = "is_default")]
    pub flags: LoadBalancerFlags,
    /// The network it is of, since schema 2.5. hcsshim neither sends nor reads it.
    #[serde(deserialize_with = "lenient::id", skip_serializing_if = "Option::is_none")]
    pub host_compute_network: Option<Guid>,
    /// [`Self::HEALTHY`] or [`Self::DEGRADED`]; 0 where HNS did not tell.
    #[serde(deserialize_with = "lenient::number", skip_serializing_if = "is_default")]
    pub state: u16,
    /// The schema that the document is of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema_version: Option<Version>,
    /// Other members.
    #[serde(flatten)]
    pub unknown: UnknownMembers,
}

impl LoadBalancer {
    /// The [`Self::state`] of one whose rules are in place.
    pub const HEALTHY: u16 = 2;
    /// The [`Self::state`] of one whose rules HNS could not keep in place.
    pub const DEGRADED: u16 = 4;

    /// The addresses that clients send to. An empty text is no address, and what does not parse is left out.
    pub fn vips(&self) -> impl Iterator<Item = IpAddr> {
        self.frontend_vips.iter().filter_map(|text| text.parse().ok())
    }

    /// Whether it is for every address of the node.
    #[must_use]
    pub fn has_no_vip(&self) -> bool {
        self.frontend_vips.iter().all(String::is_empty)
    }

    /// Whether backends answer clients themselves.
    #[must_use]
    pub fn is_dsr(&self) -> bool {
        self.flags.contains(LoadBalancerFlags::DSR)
    }

    /// Whether it is flagged as of the IPv6 family.
    #[must_use]
    pub fn is_ipv6(&self) -> bool {
        self.flags.contains(LoadBalancerFlags::IPV6)
    }

    /// Whether HNS says that its rules are not in place.
    #[must_use]
    pub fn is_degraded(&self) -> bool {
        self.state == Self::DEGRADED
    }
}

/// A port of a load balancer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct PortMapping {
    /// The protocol.
    #[serde(skip_serializing_if = "is_default")]
    pub protocol: IpProtocol,
    /// The port of all backends.
    #[serde(deserialize_with = "lenient::number", skip_serializing_if = "is_default")]
    pub internal_port: u16,
    /// The port that clients send to.
    #[serde(deserialize_with = "lenient::number", skip_serializing_if = "is_default")]
    pub external_port: u16,
    /// How a backend is picked.
    #[serde(skip_serializing_if = "is_default")]
    pub distribution_type: Distribution,
    /// Flags.
    #[serde(skip_serializing_if = "is_default")]
    pub flags: PortMappingFlags,
    /// Other members.
    #[serde(flatten)]
    pub unknown: UnknownMembers,
}
