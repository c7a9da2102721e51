//! Policies of endpoints.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{Policy, UnknownMembers};
use crate::lenient::{self, is_default};
use crate::{IpProtocol, NatFlags};

/// The settings of a `PortMapping` policy: a port of the node that leads to an endpoint, as a pod's `hostPort`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct NatPortMapping {
    /// The protocol.
    #[serde(skip_serializing_if = "is_default")]
    pub protocol: IpProtocol,
    /// The port of the endpoint.
    #[serde(deserialize_with = "lenient::number", skip_serializing_if = "is_default")]
    pub internal_port: u16,
    /// The port of the node.
    #[serde(deserialize_with = "lenient::number", skip_serializing_if = "is_default")]
    pub external_port: u16,
    /// The address of the node; an empty one is every address.
    #[serde(
        rename = "VIP",
        deserialize_with = "lenient::text",
        skip_serializing_if = "is_default"
    )]
    pub vip: String,
    /// Flags.
    #[serde(skip_serializing_if = "is_default")]
    pub flags: NatFlags,
    /// Other members.
    #[serde(flatten)]
    pub unknown: UnknownMembers,
}

/// The settings of an `OutBoundNAT` policy: packets that leave an endpoint get the address of the node.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct OutboundNat {
    /// The address that they get instead of the node's.
    #[serde(
        rename = "VirtualIP",
        deserialize_with = "lenient::text",
        skip_serializing_if = "is_default"
    )]
    pub virtual_ip: String,
    /// The destinations, as addresses or prefixes, of packets that keep theirs.
    #[serde(deserialize_with = "lenient::nullable", skip_serializing_if = "Vec::is_empty")]
    pub exceptions: Vec<String>,
    /// The destinations of packets that do get another: load balancers with direct server return that the endpoint itself
    /// is behind.
    #[serde(deserialize_with = "lenient::nullable", skip_serializing_if = "Vec::is_empty")]
    pub destinations: Vec<String>,
    /// Flags.
    #[serde(skip_serializing_if = "is_default")]
    pub flags: NatFlags,
    /// How many ports of the node the endpoint may use. Only hcsshim knows it.
    #[serde(deserialize_with = "lenient::number", skip_serializing_if = "is_default")]
    pub max_port_pool_usage: u16,
    /// Other members.
    #[serde(flatten)]
    pub unknown: UnknownMembers,
}

/// The settings of an `SDNRoute` policy: some addresses that an endpoint reaches by a route of their own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct SdnRoute {
    /// The addresses, as `ADDRESS/LENGTH`.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "is_default")]
    pub destination_prefix: String,
    /// Where packets go next.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "is_default")]
    pub next_hop: String,
    /// Whether packets are encapsulated.
    #[serde(deserialize_with = "lenient::boolean", skip_serializing_if = "is_default")]
    pub need_encap: bool,
    /// Other members.
    #[serde(flatten)]
    pub unknown: UnknownMembers,
}

impl Policy {
    /// The endpoint is behind the node with this address. Overlay networks need it for endpoints of other nodes.
    #[must_use]
    pub fn provider_address(address: IpAddr) -> Self {
        Self::with(Self::PROVIDER_ADDRESS, "ProviderAddress", address.to_string())
    }

    /// The address that a `ProviderAddress` policy names.
    #[must_use]
    pub fn as_provider_address(&self) -> Option<IpAddr> {
        self.text(Self::PROVIDER_ADDRESS, "ProviderAddress")?.parse().ok()
    }

    /// A port of the node leads to the endpoint.
    #[must_use]
    pub fn port_mapping(mapping: &NatPortMapping) -> Self {
        Self::of(Self::PORT_MAPPING, mapping)
    }

    /// The port that a `PortMapping` policy sets.
    #[must_use]
    pub fn as_port_mapping(&self) -> Option<NatPortMapping> {
        self.read(Self::PORT_MAPPING)
    }

    /// Packets that leave the endpoint get the address of the node.
    #[must_use]
    pub fn outbound_nat(nat: &OutboundNat) -> Self {
        Self::of(Self::OUTBOUND_NAT, nat)
    }

    /// Which packets an `OutBoundNAT` policy gives another address.
    #[must_use]
    pub fn as_outbound_nat(&self) -> Option<OutboundNat> {
        self.read(Self::OUTBOUND_NAT)
    }

    /// The endpoint reaches some addresses by a route of their own.
    #[must_use]
    pub fn sdn_route(route: &SdnRoute) -> Self {
        Self::of(Self::SDN_ROUTE, route)
    }

    /// The route that an `SDNRoute` policy sets.
    #[must_use]
    pub fn as_sdn_route(&self) -> Option<SdnRoute> {
        self.read(Self::SDN_ROUTE)
    }

    /// How many bytes of each packet of the endpoint are for encapsulation.
    #[must_use]
    pub fn encap_overhead(bytes: u16) -> Self {
        Self::with(Self::ENCAP_OVERHEAD, "Overhead", bytes)
    }

    /// The bytes that an `EncapOverhead` policy sets.
    #[must_use]
    pub fn as_encap_overhead(&self) -> Option<u16> {
        self.number(Self::ENCAP_OVERHEAD, "Overhead")
    }
}
