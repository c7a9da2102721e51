//! Subnets of networks, and routes.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{Policy, UnknownMembers};
use crate::lenient::{self, is_default};
use crate::{Guid, IpSubnetFlags, SubnetFlags};

/// A subnet of a network.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Subnet {
    /// The addresses, as `ADDRESS/LENGTH`.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "is_default")]
    pub ip_address_prefix: String,
    /// Its policies.
    #[serde(deserialize_with = "lenient::nullable", skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<Policy>,
    /// Its routes.
    #[serde(deserialize_with = "lenient::nullable", skip_serializing_if = "Vec::is_empty")]
    pub routes: Vec<Route>,
    /// Flags.
    #[serde(skip_serializing_if = "is_default")]
    pub flags: SubnetFlags,
    /// The parts of it that addresses are given from.
    #[serde(deserialize_with = "lenient::nullable", skip_serializing_if = "Vec::is_empty")]
    pub ip_subnets: Vec<IpSubnet>,
    /// Other members.
    #[serde(flatten)]
    pub unknown: UnknownMembers,
}

impl Subnet {
    /// The addresses, if they parse.
    #[must_use]
    pub fn prefix(&self) -> Option<IpNet> {
        self.ip_address_prefix.parse().ok()
    }

    /// The next hop of the first default route.
    #[must_use]
    pub fn gateway(&self) -> Option<IpAddr> {
        let default = self.routes.iter().find(|route| route.is_default())?;
        default.next_hop.parse().ok()
    }
}

/// A part of a subnet, since schema 2.3.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct IpSubnet {
    /// Its id, which addresses of endpoints name as `IpSubnetId`.
    #[serde(
        rename = "ID",
        deserialize_with = "lenient::id",
        skip_serializing_if = "Option::is_none"
    )]
    pub id: Option<Guid>,
    /// The addresses, as `ADDRESS/LENGTH`.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "is_default")]
    pub ip_address_prefix: String,
    /// Flags.
    #[serde(skip_serializing_if = "is_default")]
    pub flags: IpSubnetFlags,
    /// Other members.
    #[serde(flatten)]
    pub unknown: UnknownMembers,
}

impl IpSubnet {
    /// The addresses, if they parse.
    #[must_use]
    pub fn prefix(&self) -> Option<IpNet> {
        self.ip_address_prefix.parse().ok()
    }
}

/// A route.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Route {
    /// Where packets go next.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "is_default")]
    pub next_hop: String,
    /// Which packets, as `ADDRESS/LENGTH`.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "is_default")]
    pub destination_prefix: String,
    /// The cost.
    #[serde(deserialize_with = "lenient::number", skip_serializing_if = "is_default")]
    pub metric: u16,
    /// Other members.
    #[serde(flatten)]
    pub unknown: UnknownMembers,
}

impl Route {
    /// The route for all packets of the family of `gateway` that no other route is for.
    #[must_use]
    pub fn default_through(gateway: IpAddr) -> Self {
        let everything = if gateway.is_ipv6() { "::/0" } else { "0.0.0.0/0" };
        Self {
            next_hop: gateway.to_string(),
            destination_prefix: everything.to_owned(),
            ..Self::default()
        }
    }

    /// Whether the route is for all packets that no other route is for.
    #[must_use]
    pub fn is_default(&self) -> bool {
        matches!(self.destination_prefix.as_str(), "0.0.0.0/0" | "::/0")
    }
}
