//! Networks.

use serde::{Deserialize, Serialize};

use super::{Dns, MacPool, Policy, RemoteSubnet, Subnet, UnknownMembers};
use crate::lenient::{self, is_default};
use crate::word::wire_word;
use crate::{Guid, NetworkFlags, Version};

/// A network (`HostComputeNetwork`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Network {
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
    /// Its name, which no other network has.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "is_default")]
    pub name: String,
    /// How it forwards.
    #[serde(rename = "Type", skip_serializing_if = "is_default")]
    pub network_type: NetworkType,
    /// Flags.
    #[serde(skip_serializing_if = "is_default")]
    pub flags: NetworkFlags,
    /// Its addresses.
    #[serde(deserialize_with = "lenient::nullable", skip_serializing_if = "Vec::is_empty")]
    pub ipams: Vec<Ipam>,
    /// Its policies.
    #[serde(deserialize_with = "lenient::nullable", skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<Policy>,
    /// The hardware addresses that HNS gives to its endpoints.
    #[serde(deserialize_with = "lenient::nullable", skip_serializing_if = "is_default")]
    pub mac_pool: MacPool,
    /// What its endpoints resolve names with.
    #[serde(deserialize_with = "lenient::nullable", skip_serializing_if = "is_default")]
    pub dns: Dns,
    /// How it is; 0 where HNS did not tell. No reference says what the numbers of networks stand for.
    #[serde(deserialize_with = "lenient::number", skip_serializing_if = "is_default")]
    pub state: u16,
    /// The schema that the document is of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema_version: Option<Version>,
    /// Other members.
    #[serde(flatten)]
    pub unknown: UnknownMembers,
}

impl Network {
    /// All subnets.
    pub fn subnets(&self) -> impl Iterator<Item = &Subnet> {
        self.ipams.iter().flat_map(|ipam| &ipam.subnets)
    }

    /// The routes to the pods of other nodes; those that do not parse are left out.
    pub fn remote_subnets(&self) -> impl Iterator<Item = RemoteSubnet> {
        self.policies.iter().filter_map(Policy::as_remote_subnet_route)
    }

    /// The first answer that a policy of the network gives to `read`, one of the readers of [`Policy`].
    pub fn policy<'a, T>(&'a self, read: impl Fn(&'a Policy) -> Option<T>) -> Option<T> {
        self.policies.iter().find_map(read)
    }
}

/// Where a network's addresses come from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Ipam {
    /// `Static` or `Dhcp`.
    #[serde(
        rename = "Type",
        deserialize_with = "lenient::text",
        skip_serializing_if = "is_default"
    )]
    pub ipam_type: String,
    /// The subnets.
    #[serde(deserialize_with = "lenient::nullable", skip_serializing_if = "Vec::is_empty")]
    pub subnets: Vec<Subnet>,
    /// Other members.
    #[serde(flatten)]
    pub unknown: UnknownMembers,
}

wire_word! {
    /// How a network forwards.
    NetworkType {
        /// Behind the host's address. HNS leaves the type out of its answer for these.
        Nat = "0", "NAT";
        /// Internet connection sharing.
        Ics = "1", "ICS";
        /// Straight onto the host's network.
        Transparent = "2", "Transparent";
        /// Routed by the underlay, with the host's hardware address.
        L2Bridge = "3", "L2Bridge";
        /// As L2Bridge, but through the fabric even on one host.
        L2Tunnel = "4", "L2Tunnel";
        /// VXLAN between the nodes.
        Overlay = "5", "Overlay";
        /// Among endpoints only.
        Private = "6", "Private";
        /// Among endpoints and the host.
        Internal = "7", "Internal";
        /// A copy of the host's interfaces.
        Mirrored = "8", "Mirrored";
        /// InfiniBand.
        Infiniband = "9", "Infiniband";
        /// Internet connection sharing with constraints.
        ConstrainedIcs = "10", "ConstrainedICS";
    }
}
