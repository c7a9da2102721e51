//! Policies of networks, subnets and endpoints.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::UnknownMembers;
use crate::{MacAddress, lenient};

/// A policy: a type and settings that only the type explains.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Policy {
    /// The type, which may be one that is not known here.
    #[serde(rename = "Type", deserialize_with = "lenient::text")]
    pub policy_type: String,
    /// The settings.
    #[serde(rename = "Settings", skip_serializing_if = "Value::is_null")]
    pub settings: Value,
    /// Other members.
    #[serde(flatten)]
    pub unknown: UnknownMembers,
}

/// The settings of a `RemoteSubnetRoute` policy: how an overlay reaches the pods of another node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteSubnet {
    /// The addresses of the pods.
    pub destination_prefix: IpNet,
    /// The number of the virtual network.
    pub isolation_id: u32,
    /// The address of the other node.
    pub provider_address: IpAddr,
    /// The hardware address of the other node's router.
    pub distributed_router_mac: Option<MacAddress>,
}

impl Policy {
    /// Types of policies that are understood here.
    const PROVIDER_ADDRESS: &str = "ProviderAddress";
    const REMOTE_SUBNET_ROUTE: &str = "RemoteSubnetRoute";
    const HOST_ROUTE: &str = "HostRoute";
    const VIRTUAL_SUBNET: &str = "VSID";

    fn new(policy_type: &str, settings: Value) -> Self {
        let policy_type = policy_type.to_owned();
        Self { policy_type, settings, unknown: UnknownMembers::new() }
    }

    /// The endpoint is behind the node with this address. Overlay networks need it for endpoints of other nodes.
    #[must_use]
    pub fn provider_address(address: IpAddr) -> Self {
        Self::new(Self::PROVIDER_ADDRESS, json!({ "ProviderAddress": address.to_string() }))
    }

    /// The network reaches the pods of another node so.
    #[must_use]
    pub fn remote_subnet_route(route: &RemoteSubnet) -> Self {
        let mut settings = json!({
            "DestinationPrefix": route.destination_prefix.to_string(),
            "IsolationId": route.isolation_id,
            "ProviderAddress": route.provider_address.to_string(),
        });
        if let Some(mac) = route.distributed_router_mac {
            settings["DistributedRouterMacAddress"] = Value::String(mac.to_string());
        }
        Self::new(Self::REMOTE_SUBNET_ROUTE, settings)
    }

    /// Pods and their own host reach each other on an overlay.
    #[must_use]
    pub fn host_route() -> Self {
        Self::new(Self::HOST_ROUTE, json!({}))
    }

    /// The number of the virtual network that a subnet of an overlay is.
    #[must_use]
    pub fn virtual_subnet(isolation_id: u32) -> Self {
        Self::new(Self::VIRTUAL_SUBNET, json!({ "IsolationId": isolation_id }))
    }

    /// Whether the policy is of this type. HNS does not regard case.
    #[must_use]
    pub fn is(&self, policy_type: &str) -> bool {
        self.policy_type.eq_ignore_ascii_case(policy_type)
    }

    /// The address that a `ProviderAddress` policy names.
    #[must_use]
    pub fn as_provider_address(&self) -> Option<IpAddr> {
        self.is(Self::PROVIDER_ADDRESS).then(|| self.setting("ProviderAddress"))??.parse().ok()
    }

    /// The route that a `RemoteSubnetRoute` policy sets.
    #[must_use]
    pub fn as_remote_subnet_route(&self) -> Option<RemoteSubnet> {
        if !self.is(Self::REMOTE_SUBNET_ROUTE) {
            return None;
        }
        Some(RemoteSubnet {
            destination_prefix: self.setting("DestinationPrefix")?.parse().ok()?,
            isolation_id: self.isolation_id().unwrap_or_default(),
            provider_address: self.setting("ProviderAddress")?.parse().ok()?,
            distributed_router_mac: self
                .setting("DistributedRouterMacAddress")
                .and_then(|text| text.parse().ok()),
        })
    }

    /// The number that a `VSID` policy sets.
    #[must_use]
    pub fn as_virtual_subnet(&self) -> Option<u32> {
        self.is(Self::VIRTUAL_SUBNET).then(|| self.isolation_id()).flatten()
    }

    fn setting(&self, name: &str) -> Option<&str> {
        self.settings.get(name)?.as_str()
    }

    fn isolation_id(&self) -> Option<u32> {
        let value = self.settings.get("IsolationId")?;
        let number = value.as_u64().or_else(|| value.as_str()?.parse().ok())?;
        number.try_into().ok()
    }
}
