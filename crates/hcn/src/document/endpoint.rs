//! Endpoints.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{Dns, Policy, Route, UnknownMembers};
use crate::lenient::{self, is_default};
use crate::{EndpointFlags, Guid, MacAddress, Version};

/// An endpoint (`HostComputeEndpoint`): a pod's port on this node, or an address that is elsewhere.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Endpoint {
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
    /// Its name, which others may have too.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "is_default")]
    pub name: String,
    /// The network it is on.
    #[serde(deserialize_with = "lenient::id", skip_serializing_if = "Option::is_none")]
    pub host_compute_network: Option<Guid>,
    /// The namespace it is in. Only read: a create call must not have it.
    #[serde(deserialize_with = "lenient::id", skip_serializing_if = "Option::is_none")]
    pub host_compute_namespace: Option<Guid>,
    /// Its addresses.
    #[serde(deserialize_with = "lenient::nullable", skip_serializing_if = "Vec::is_empty")]
    pub ip_configurations: Vec<IpConfiguration>,
    /// Its hardware address.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "is_default")]
    pub mac_address: String,
    /// Flags.
    #[serde(skip_serializing_if = "is_default")]
    pub flags: EndpointFlags,
    /// Its policies.
    #[serde(deserialize_with = "lenient::nullable", skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<Policy>,
    /// Its routes.
    #[serde(deserialize_with = "lenient::nullable", skip_serializing_if = "Vec::is_empty")]
    pub routes: Vec<Route>,
    /// What it resolves names with.
    #[serde(deserialize_with = "lenient::nullable", skip_serializing_if = "is_default")]
    pub dns: Dns,
    /// How it is, such as [`Self::ATTACHED_SHARING`]; 0 also where HNS did not tell.
    #[serde(deserialize_with = "lenient::number", skip_serializing_if = "is_default")]
    pub state: u16,
    /// The schema that the document is of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema_version: Option<Version>,
    /// Other members.
    #[serde(flatten)]
    pub unknown: UnknownMembers,
}

impl Endpoint {
    /// The [`Self::state`] of one that HNS has not set up.
    pub const UNINITIALIZED: u16 = 0;
    /// The [`Self::state`] of one that is on no port.
    pub const CREATED: u16 = 1;
    /// The [`Self::state`] of one that is on a port.
    pub const ATTACHED: u16 = 2;
    /// The [`Self::state`] of one on a port that containers share, as those of a pod do.
    pub const ATTACHED_SHARING: u16 = 3;
    /// The [`Self::state`] of one that was taken off its port.
    pub const DETACHED: u16 = 4;
    /// The [`Self::state`] of one that HNS could not keep in place.
    pub const DEGRADED: u16 = 5;
    /// The [`Self::state`] of one that is gone.
    pub const DESTROYED: u16 = 6;

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

    /// Whether HNS says that it is on a port.
    #[must_use]
    pub fn is_attached(&self) -> bool {
        matches!(self.state, Self::ATTACHED | Self::ATTACHED_SHARING)
    }

    /// The first answer that a policy of the endpoint gives to `read`, one of the readers of [`Policy`].
    pub fn policy<'a, T>(&'a self, read: impl Fn(&'a Policy) -> Option<T>) -> Option<T> {
        self.policies.iter().find_map(read)
    }

    /// The address of the node that its `ProviderAddress` policy names.
    #[must_use]
    pub fn provider_address(&self) -> Option<IpAddr> {
        self.policy(Policy::as_provider_address)
    }
}

/// An address of an endpoint.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct IpConfiguration {
    /// The address.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "is_default")]
    pub ip_address: String,
    /// The length of its subnet's prefix; 0 in a document to create one from, where HNS fills it in.
    #[serde(deserialize_with = "lenient::number", skip_serializing_if = "is_default")]
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
