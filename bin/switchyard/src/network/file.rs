//! The network file: what a node's HNS network is like, where HNS does not tell.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::net::IpAddr;
use std::str::FromStr;

use anyhow::anyhow;
use ipnet::IpNet;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_path_to_error::Track;
use switchyard_hcn::{Guid, MacAddress, NetworkType, RemoteSubnet, Version};
use switchyard_source::from_yaml;

use crate::failure::Failure;
use crate::input::read_file;

/// The number of the virtual network of an overlay where nobody says another: the first that HNS takes, and flannel's usual
/// one.
pub(super) const ISOLATION_ID: u32 = 4096;

/// The network file. Every key may be left out; unknown ones are errors.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct NetworkFile {
    pub(super) name: Option<String>,
    #[serde(rename = "type", deserialize_with = "network_type")]
    pub(super) network_type: Option<NetworkType>,
    pub(super) id: Option<Guid>,
    pub(super) management_addresses: Option<Vec<IpAddr>>,
    #[serde(deserialize_with = "parsed")]
    pub(super) host_mac: Option<MacAddress>,
    pub(super) pod_subnets: Option<Vec<IpNet>>,
    /// Of overlay networks; passed over on others.
    remote_subnets: Option<Vec<RemoteSubnetEntry>>,
    /// Of overlay networks; passed over on others.
    pub(super) source_vip: Option<IpAddr>,
    #[serde(deserialize_with = "parsed")]
    pub(super) hns_version: Option<Version>,
    pub(super) dsr: Option<bool>,
    pub(super) root_endpoint: Option<RootEndpoint>,
    pub(super) endpoints: Option<Vec<LocalEndpoint>>,
}

/// How an overlay reaches the pods of another node.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RemoteSubnetEntry {
    subnet: IpNet,
    provider_address: IpAddr,
    isolation_id: Option<u32>,
    #[serde(default, deserialize_with = "parsed")]
    distributed_router_mac: Option<MacAddress>,
}

/// The endpoint by which the node itself is reached.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RootEndpoint {
    pub(super) name: String,
    pub(super) address: IpAddr,
}

/// An endpoint that the CNI has made.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LocalEndpoint {
    pub(super) address: IpAddr,
    #[serde(deserialize_with = "required")]
    pub(super) mac: MacAddress,
}

impl NetworkFile {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// When it cannot be read; the message names the file and the field.
    pub fn read(path: &str) -> Result<Self, Failure> {
        let text = read_file(path, "network")?;
        Ok(Self::parse(&text).map_err(|trouble| anyhow!("network {path}: {trouble}"))?)
    }

    /// Reads the content of a file, YAML or JSON.
    ///
    /// # Errors
    /// The field, and what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let Named(file) = from_yaml(text)?;
        file.check()?;
        Ok(file)
    }

    /// A pod has one endpoint, and another node one way to its pods.
    fn check(&self) -> Result<(), String> {
        let mut seen = BTreeSet::new();
        for (index, endpoint) in self.endpoints.iter().flatten().enumerate() {
            if !seen.insert(endpoint.address) {
                let address = endpoint.address;
                return Err(format!("endpoints[{index}].address: {address} is there twice"));
            }
        }
        let mut seen = BTreeSet::new();
        for (index, route) in self.remote_subnets.iter().flatten().enumerate() {
            if !seen.insert(route.subnet.trunc()) {
                let subnet = route.subnet;
                return Err(format!("remoteSubnets[{index}].subnet: {subnet} is there twice"));
            }
        }
        Ok(())
    }

    /// Whether the network is an overlay; a bridged one otherwise.
    pub(super) fn is_overlay(&self) -> bool {
        self.network_type == Some(NetworkType::Overlay)
    }

    /// The routes to the pods of other nodes; none where the file does not tell.
    pub(super) fn remote_subnets(&self) -> Option<Vec<RemoteSubnet>> {
        let routes = self.remote_subnets.as_ref()?.iter();
        Some(routes.map(RemoteSubnet::from).collect())
    }
}

impl From<&RemoteSubnetEntry> for RemoteSubnet {
    fn from(entry: &RemoteSubnetEntry) -> Self {
        Self {
            destination_prefix: entry.subnet,
            isolation_id: entry.isolation_id.unwrap_or(ISOLATION_ID),
            provider_address: entry.provider_address,
            distributed_router_mac: entry.distributed_router_mac,
        }
    }
}

/// A file whose errors name the field.
struct Named(NetworkFile);

impl<'de> Deserialize<'de> for Named {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut track = Track::new();
        let tracked = serde_path_to_error::Deserializer::new(deserializer, &mut track);
        match NetworkFile::deserialize(tracked) {
            Ok(file) => Ok(Self(file)),
            Err(trouble) => Err(match track.path().to_string().as_str() {
                "." => trouble,
                path => D::Error::custom(format!("{path}: {trouble}")),
            }),
        }
    }
}

fn network_type<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<NetworkType>, D::Error> {
    let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
    match text.to_ascii_lowercase().as_str() {
        "l2bridge" => Ok(Some(NetworkType::L2Bridge)),
        "overlay" => Ok(Some(NetworkType::Overlay)),
        _ => Err(D::Error::custom(format!("{text:?} is neither l2bridge nor overlay"))),
    }
}

/// A text that is parsed, if it is there.
fn parsed<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: Display>,
{
    let text = Option::<String>::deserialize(deserializer)?;
    text.map(|text| text.parse().map_err(D::Error::custom)).transpose()
}

/// A text that is parsed.
fn required<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: Display>,
{
    String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
}
