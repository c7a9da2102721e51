//! Endpoints.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{Policy, Route, UnknownMembers};
use crate::lenient::{self, is_default};
use crate::{EndpointFlags, Guid, MacAddress, Version};

/// An endpoint (`HostComputeEndpoint`): a pod's port on this node, or an address that is elsewhere.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Endpoint {
    /// Its id; none in a document to create one from, where HNS picks.
    #[serde(
        rename = "ID",
        deserialize_with = "lenient::id",
        skip_serializing_if = "Option::is_none"
    )]
    pub id: Option<Guid>,
    /// Who made it.
    #[serde(
        rename = "Owner",
        deserialize_with = "lenient::text",
        skip_serializing_if = "is_default"
    )]
    pub owner: String,
    /// Its name, which others may have too.
    #[serde(
        rename = "Name",
        deserialize_with = "lenient::text",
        skip_serializing_if = "is_default"
    )]
    pub name: String,
    /// The network it is on.
    #[serde(
        rename = "HostComputeNetwork",
        deserialize_with = "lenient::id",
        skip_serializing_if = "Option::is_none"
    )]
    pub host_compute_network: Option<Guid>,
    /// The namespace it is in. Only read: a create call must not have it.
    #[serde(
        rename = "HostComputeNamespace",
        deserialize_with = "lenient::id",
        skip_serializing_if = "Option::is_none"
    )]
    pub host_compute_namespace: Option<Guid>,
    /// Its addresses.
    #[serde(
        rename = "IpConfigurations",
        deserialize_with = "lenient::nullable",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub ip_configurations: Vec<IpConfiguration>,
    /// Its hardware address.
    #[serde(
        rename = "MacAddress",
        deserialize_with = "lenient::text",
        skip_serializing_if = "is_default"
    )]
    pub mac_address: String,
    /// Flags.
    #[serde(rename = "Flags", skip_serializing_if = "is_default")]
    pub flags: EndpointFlags,
    /// Its policies.
    #[serde(
        rename = "Policies",
        deserialize_with = "lenient::nullable",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub policies: Vec<Policy>,
    /// Its routes.
    #[serde(
        rename = "Routes",
        deserialize_with = "lenient::nullable",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub routes: Vec<Route>,
    /// The schema that the document is of.
    #[serde(rename = "SchemaVersion", skip_serializing_if = "Option::is_none")]
    pub schema_version: Option<Version>,
    /// Other members.
    #[serde(flatten)]
    pub unknown: UnknownMembers,
}

impl Endpoint {
    /// Its addresses; those that do not parse are left out.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        self.ip_configurations.iter().filter_map(IpConfiguration::address)
    }

    /// Its hardware address, if it parses.
    #[must_use]
    pub fn mac(&self) -> Option<MacAddress> {
        self.mac_address.parse().ok()
    }

    /// Whether it is an address elsewhere, without a port on this node.
    #[must_use]
    pub fn is_remote(&self) -> bool {
        self.flags.contains(EndpointFlags::REMOTE_ENDPOINT)
    }

    /// The address of the node that its `ProviderAddress` policy names.
    #[must_use]
    pub fn provider_address(&self) -> Option<IpAddr> {
        self.policies.iter().find_map(Policy::as_provider_address)
    }
}

/// An address of an endpoint.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct IpConfiguration {
    /// The address.
    #[serde(
        rename = "IpAddress",
        deserialize_with = "lenient::text",
        skip_serializing_if = "is_default"
    )]
    pub ip_address: String,
    /// The length of its subnet's prefix; 0 in a document to create one from, where HNS fills it in.
    #[serde(
        rename = "PrefixLength",
        deserialize_with = "lenient::number",
        skip_serializing_if = "is_default"
    )]
    pub prefix_length: u8,
    /// Other members.
    #[serde(flatten)]
    pub unknown: UnknownMembers,
}

impl IpConfiguration {
    /// The configuration of `address`, the length of the prefix left to HNS.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        Self { ip_address: address.to_string(), ..Self::default() }
    }

    /// The address, if it parses.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        self.ip_address.parse().ok()
    }
}
