//! Policies of networks and subnets.

use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::{Value, json};

use super::Policy;
use crate::{MacAddress, lenient};

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

    /// The route that a `RemoteSubnetRoute` policy sets.
    #[must_use]
    pub fn as_remote_subnet_route(&self) -> Option<RemoteSubnet> {
        let text = |member| self.text(Self::REMOTE_SUBNET_ROUTE, member);
        Some(RemoteSubnet {
            destination_prefix: text("DestinationPrefix")?.parse().ok()?,
            isolation_id: self.number(Self::REMOTE_SUBNET_ROUTE, "IsolationId").unwrap_or_default(),
            provider_address: text("ProviderAddress")?.parse().ok()?,
            distributed_router_mac: text("DistributedRouterMacAddress")
                .and_then(|mac| mac.parse().ok()),
        })
    }

    /// Pods and their own host reach each other on an overlay.
    #[must_use]
    pub fn host_route() -> Self {
        Self::new(Self::HOST_ROUTE, json!({}))
    }

    /// Whether it is a `HostRoute` policy, which has no settings.
    #[must_use]
    pub fn is_host_route(&self) -> bool {
        self.is(Self::HOST_ROUTE)
    }

    /// The number of the virtual network that a subnet of an overlay is.
    #[must_use]
    pub fn virtual_subnet(isolation_id: u32) -> Self {
        Self::with(Self::VSID, "IsolationId", isolation_id)
    }

    /// The number that a `VSID` policy sets.
    #[must_use]
    pub fn as_virtual_subnet(&self) -> Option<u32> {
        self.number(Self::VSID, "IsolationId")
    }

    /// The VLAN of a subnet or endpoint.
    #[must_use]
    pub fn vlan(isolation_id: u32) -> Self {
        Self::with(Self::VLAN, "IsolationId", isolation_id)
    }

    /// The number that a `VLAN` policy sets.
    #[must_use]
    pub fn as_vlan(&self) -> Option<u32> {
        self.number(Self::VLAN, "IsolationId")
    }

    /// The UDP port of an overlay.
    #[must_use]
    pub fn vxlan_port(port: u16) -> Self {
        Self::with(Self::VXLAN_PORT, "Port", port)
    }

    /// The port that a `VxlanPort` policy sets.
    #[must_use]
    pub fn as_vxlan_port(&self) -> Option<u16> {
        self.number(Self::VXLAN_PORT, "Port")
    }

    /// The hardware address of an overlay's distributed router.
    #[must_use]
    pub fn dr_mac_address(mac: MacAddress) -> Self {
        Self::with(Self::DR_MAC_ADDRESS, "Address", mac.to_string())
    }

    /// The hardware address that a `DrMacAddress` policy sets. HNS puts one on each overlay, and flannel reads it there
    /// to tell the other nodes.
    #[must_use]
    pub fn as_dr_mac_address(&self) -> Option<MacAddress> {
        self.text(Self::DR_MAC_ADDRESS, "Address")?.parse().ok()
    }

    /// The hardware address that packets of a network leave the node with.
    #[must_use]
    pub fn source_mac_address(mac: MacAddress) -> Self {
        Self::with(Self::SOURCE_MAC_ADDRESS, "SourceMacAddress", mac.to_string())
    }

    /// The hardware address that a `SourceMacAddress` policy sets.
    #[must_use]
    pub fn as_source_mac_address(&self) -> Option<MacAddress> {
        self.text(Self::SOURCE_MAC_ADDRESS, "SourceMacAddress")?.parse().ok()
    }

    /// The adapter of the host that a network is on.
    #[must_use]
    pub fn net_adapter_name(name: &str) -> Self {
        Self::with(Self::NET_ADAPTER_NAME, "NetworkAdapterName", name)
    }

    /// The adapter that a `NetAdapterName` policy names.
    #[must_use]
    pub fn as_net_adapter_name(&self) -> Option<&str> {
        self.text(Self::NET_ADAPTER_NAME, "NetworkAdapterName")
    }

    /// Whether a network takes its DNS servers from the host.
    #[must_use]
    pub fn automatic_dns(enable: bool) -> Self {
        Self::with(Self::AUTOMATIC_DNS, "Enable", enable)
    }

    /// What an `AutomaticDNS` policy says.
    #[must_use]
    pub fn as_automatic_dns(&self) -> Option<bool> {
        lenient::boolean(self.member(Self::AUTOMATIC_DNS, "Enable")?).ok()
    }
}
