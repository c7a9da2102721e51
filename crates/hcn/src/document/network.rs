//! Networks.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Policy, RemoteSubnet, UnknownMembers};
use crate::lenient::{self, is_default};
use crate::{Guid, NetworkFlags, Version};

/// A network (`HostComputeNetwork`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Network {
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
    /// Its name, which no other network has.
    #[serde(
        rename = "Name",
        deserialize_with = "lenient::text",
        skip_serializing_if = "is_default"
    )]
    pub name: String,
    /// How it forwards.
    #[serde(rename = "Type", skip_serializing_if = "is_default")]
    pub network_type: NetworkType,
    /// Flags.
    #[serde(rename = "Flags", skip_serializing_if = "is_default")]
    pub flags: NetworkFlags,
    /// Its addresses.
    #[serde(
        rename = "Ipams",
        deserialize_with = "lenient::nullable",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub ipams: Vec<Ipam>,
    /// Its policies.
    #[serde(
        rename = "Policies",
        deserialize_with = "lenient::nullable",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub policies: Vec<Policy>,
    /// The schema that the document is of.
    #[serde(rename = "SchemaVersion", skip_serializing_if = "Option::is_none")]
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
}

/// Where a network's addresses come from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Ipam {
    /// `Static` or `Dhcp`.
    #[serde(
        rename = "Type",
        deserialize_with = "lenient::text",
        skip_serializing_if = "is_default"
    )]
    pub ipam_type: String,
    /// The subnets.
    #[serde(
        rename = "Subnets",
        deserialize_with = "lenient::nullable",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub subnets: Vec<Subnet>,
    /// Other members.
    #[serde(flatten)]
    pub unknown: UnknownMembers,
}

/// A subnet of a network.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Subnet {
    /// The addresses, as `ADDRESS/LENGTH`.
    #[serde(
        rename = "IpAddressPrefix",
        deserialize_with = "lenient::text",
        skip_serializing_if = "is_default"
    )]
    pub ip_address_prefix: String,
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

/// A route.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Route {
    /// Where packets go next.
    #[serde(
        rename = "NextHop",
        deserialize_with = "lenient::text",
        skip_serializing_if = "is_default"
    )]
    pub next_hop: String,
    /// Which packets, as `ADDRESS/LENGTH`.
    #[serde(
        rename = "DestinationPrefix",
        deserialize_with = "lenient::text",
        skip_serializing_if = "is_default"
    )]
    pub destination_prefix: String,
    /// The cost.
    #[serde(
        rename = "Metric",
        deserialize_with = "lenient::number",
        skip_serializing_if = "is_default"
    )]
    pub metric: u16,
    /// Other members.
    #[serde(flatten)]
    pub unknown: UnknownMembers,
}

impl Route {
    /// Whether the route is for all packets that no other route is for.
    #[must_use]
    pub fn is_default(&self) -> bool {
        matches!(self.destination_prefix.as_str(), "0.0.0.0/0" | "::/0")
    }
}

/// How a network forwards.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NetworkType {
    /// Behind the host's address. HNS leaves the type out of its answer for these.
    #[default]
    Nat,
    /// Internet connection sharing.
    Ics,
    /// Straight onto the host's network.
    Transparent,
    /// Routed by the underlay, with the host's hardware address.
    L2Bridge,
    /// As L2Bridge, but through the fabric even on one host.
    L2Tunnel,
    /// VXLAN between the nodes.
    Overlay,
    /// Among endpoints only.
    Private,
    /// Among endpoints and the host.
    Internal,
    /// A copy of the host's interfaces.
    Mirrored,
    /// InfiniBand.
    Infiniband,
    /// Internet connection sharing with constraints.
    ConstrainedIcs,
    /// A type that is not known here.
    Other(String),
}

impl NetworkType {
    /// The known types in the order of their numbers, as the published schema lists them.
    const WORDS: [(&str, Self); 11] = [
        ("NAT", Self::Nat),
        ("ICS", Self::Ics),
        ("Transparent", Self::Transparent),
        ("L2Bridge", Self::L2Bridge),
        ("L2Tunnel", Self::L2Tunnel),
        ("Overlay", Self::Overlay),
        ("Private", Self::Private),
        ("Internal", Self::Internal),
        ("Mirrored", Self::Mirrored),
        ("Infiniband", Self::Infiniband),
        ("ConstrainedICS", Self::ConstrainedIcs),
    ];

    /// The type that a word in any case, or a number, stands for. An empty one is [`Self::Nat`].
    #[must_use]
    pub fn from_word(word: &str) -> Self {
        if word.is_empty() {
            return Self::default();
        }
        Self::WORDS
            .into_iter()
            .enumerate()
            .find(|(number, (name, _))| {
                name.eq_ignore_ascii_case(word) || number.to_string() == word
            })
            .map_or_else(|| Self::Other(word.to_owned()), |(_, (_, network_type))| network_type)
    }

    /// The word that HNS writes.
    #[must_use]
    pub fn as_str(&self) -> &str {
        if let Self::Other(word) = self {
            return word;
        }
        let known = Self::WORDS.iter().find(|(_, network_type)| network_type == self);
        known.map_or("NAT", |(word, _)| word)
    }
}

impl fmt::Display for NetworkType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for NetworkType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for NetworkType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        lenient::text(deserializer).map(|word| Self::from_word(&word))
    }
}
