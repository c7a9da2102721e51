//! What names are resolved with, and where hardware addresses come from.

use serde::{Deserialize, Serialize};

use super::UnknownMembers;
use crate::lenient::{self, is_default};

/// What endpoints resolve names with. hcsshim always sends one, and an empty one is the same as none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Dns {
    /// The domain that the endpoint is in.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "is_default")]
    pub domain: String,
    /// The domains that names without one are looked for in.
    #[serde(deserialize_with = "lenient::nullable", skip_serializing_if = "Vec::is_empty")]
    pub search: Vec<String>,
    /// The addresses of the servers.
    #[serde(deserialize_with = "lenient::nullable", skip_serializing_if = "Vec::is_empty")]
    pub server_list: Vec<String>,
    /// Options of the resolver.
    #[serde(deserialize_with = "lenient::nullable", skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
    /// Other members.
    #[serde(flatten)]
    pub unknown: UnknownMembers,
}

/// The hardware addresses that HNS gives to the endpoints of a network. An empty one is the same as none, where HNS
/// picks 4096 addresses itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct MacPool {
    /// The addresses.
    #[serde(deserialize_with = "lenient::nullable", skip_serializing_if = "Vec::is_empty")]
    pub ranges: Vec<MacRange>,
    /// Other members.
    #[serde(flatten)]
    pub unknown: UnknownMembers,
}

/// Hardware addresses in a row.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct MacRange {
    /// The first.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "is_default")]
    pub start_mac_address: String,
    /// The last.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "is_default")]
    pub end_mac_address: String,
    /// Other members.
    #[serde(flatten)]
    pub unknown: UnknownMembers,
}
