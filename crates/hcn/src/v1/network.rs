//! Networks of version 1.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Policy, carry};
use crate::lenient::{self, is_default};
use crate::{
    Dns, Guid, Ipam, MacPool, MacRange, NetworkFlags, NetworkType, Route, UnknownMembers, Version,
};

/// A network (`HNSNetwork`).
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
    /// Its name.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "is_default")]
    pub name: String,
    /// How it forwards. It is always written: only answers of version 2 leave it out for NAT.
    #[serde(rename = "Type")]
    pub network_type: NetworkType,
    /// The adapter of the host that it is on; a policy in version 2.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "is_default")]
    pub network_adapter_name: String,
    /// The hardware address that its packets leave the node with; a policy in version 2.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "is_default")]
    pub source_mac: String,
    /// Its policies.
    #[serde(deserialize_with = "lenient::nullable", skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<Policy>,
    /// The hardware addresses that HNS gives to its endpoints.
    #[serde(deserialize_with = "lenient::nullable", skip_serializing_if = "Vec::is_empty")]
    pub mac_pools: Vec<MacRange>,
    /// Its subnets.
    #[serde(deserialize_with = "lenient::nullable", skip_serializing_if = "Vec::is_empty")]
    pub subnets: Vec<Subnet>,
    /// The domains that names without one are looked for in, with commas between them.
    #[serde(
        rename = "DNSSuffix",
        deserialize_with = "lenient::text",
        skip_serializing_if = "is_default"
    )]
    pub dns_suffix: String,
    /// The addresses of the DNS servers, with commas between them.
    #[serde(
        rename = "DNSServerList",
        deserialize_with = "lenient::text",
        skip_serializing_if = "is_default"
    )]
    pub dns_server_list: String,
    /// The address of the host on the network.
    #[serde(
        rename = "ManagementIP",
        deserialize_with = "lenient::text",
        skip_serializing_if = "is_default"
    )]
    pub management_ip: String,
    /// Whether it takes its DNS servers from the host; a policy in version 2.
    #[serde(
        rename = "AutomaticDNS",
        deserialize_with = "lenient::boolean",
        skip_serializing_if = "is_default"
    )]
    pub automatic_dns: bool,
    /// Flags.
    #[serde(skip_serializing_if = "is_default")]
    pub flags: NetworkFlags,
    /// How it is; 0 where HNS did not tell.
    #[serde(deserialize_with = "lenient::number", skip_serializing_if = "is_default")]
    pub state: u16,
    /// How many endpoints it has.
    #[serde(deserialize_with = "lenient::number", skip_serializing_if = "is_default")]
    pub current_endpoint_count: u32,
    /// The extensions of its switch.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub extensions: Value,
    /// The hardware address of its gateway.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "is_default")]
    pub gateway_mac: String,
    /// What it is made on, with the ports of the host.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub layer: Value,
    /// Other members.
    #[serde(flatten)]
    pub unknown: UnknownMembers,
}

/// A subnet of a network.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Subnet {
    /// The addresses, as `ADDRESS/LENGTH`.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "is_default")]
    pub address_prefix: String,
    /// The address of the gateway; in version 2 the next hop of the default route.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "is_default")]
    pub gateway_address: String,
    /// Its policies.
    #[serde(deserialize_with = "lenient::nullable", skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<Policy>,
    /// Other members.
    #[serde(flatten)]
    pub unknown: UnknownMembers,
}

impl Network {
    /// A network of version 2 that has so many endpoints.
    ///
    /// Lost are what the IPAMs say beside their subnets, routes that are not the default one, and of DNS the domain and
    /// the options.
    #[must_use]
    pub fn of(network: &crate::Network, endpoint_count: usize) -> Self {
        let mut policies = network.policies.clone();
        let network_adapter_name = take_policy(
            &mut policies,
            |policy| policy.as_net_adapter_name().map(str::to_owned),
            |name| crate::Policy::net_adapter_name(name),
        );
        let source_mac = take_policy(&mut policies, crate::Policy::as_source_mac_address, |mac| {
            crate::Policy::source_mac_address(*mac)
        });
        let automatic_dns = take_policy(
            &mut policies,
            |policy| policy.as_automatic_dns().filter(|enable| *enable),
            |enable| crate::Policy::automatic_dns(*enable),
        );
        let mut unknown = network.unknown.clone();
        carry::put(&mut unknown, "Owner", &network.owner);
        Self {
            id: network.id,
            name: network.name.clone(),
            network_type: network.network_type.clone(),
            network_adapter_name: network_adapter_name.unwrap_or_default(),
            source_mac: source_mac
                .map_or_else(|| carry::take(&mut unknown, "SourceMac"), |mac| mac.to_string()),
            policies: policies.iter().map(Policy::of).collect(),
            mac_pools: network.mac_pool.ranges.clone(),
            subnets: network.subnets().map(Subnet::of).collect(),
            dns_suffix: network.dns.search.join(","),
            dns_server_list: network.dns.server_list.join(","),
            management_ip: carry::take(&mut unknown, "ManagementIP"),
            automatic_dns: automatic_dns.unwrap_or_default(),
            flags: network.flags,
            state: network.state,
            current_endpoint_count: endpoint_count.try_into().unwrap_or(u32::MAX),
            extensions: carry::take(&mut unknown, "Extensions"),
            gateway_mac: carry::take(&mut unknown, "GatewayMac"),
            layer: carry::take(&mut unknown, "Layer"),
            unknown: carry::unknown_to(unknown, |known: Self| known.unknown),
        }
    }

    /// The same as a network of version 2. Lost is the number of its endpoints.
    #[must_use]
    pub fn into_v2(self) -> crate::Network {
        let mut unknown = self.unknown;
        let owner = carry::take(&mut unknown, "Owner");
        carry::put(&mut unknown, "ManagementIP", &self.management_ip);
        carry::put(&mut unknown, "Extensions", &self.extensions);
        carry::put(&mut unknown, "GatewayMac", &self.gateway_mac);
        carry::put(&mut unknown, "Layer", &self.layer);
        let mut policies = Vec::new();
        if !self.network_adapter_name.is_empty() {
            policies.push(crate::Policy::net_adapter_name(&self.network_adapter_name));
        }
        match self.source_mac.parse() {
            Ok(mac) => policies.push(crate::Policy::source_mac_address(mac)),
            Err(_) => carry::put(&mut unknown, "SourceMac", &self.source_mac),
        }
        if self.automatic_dns {
            policies.push(crate::Policy::automatic_dns(true));
        }
        policies.extend(self.policies.into_iter().map(Policy::into_v2));
        let subnets: Vec<_> = self.subnets.into_iter().map(Subnet::into_v2).collect();
        let ipam = Ipam { ipam_type: "Static".to_owned(), subnets, ..Ipam::default() };
        crate::Network {
            id: self.id,
            owner,
            name: self.name,
            network_type: self.network_type,
            flags: self.flags,
            ipams: if ipam.subnets.is_empty() { Vec::new() } else { vec![ipam] },
            policies,
            mac_pool: MacPool { ranges: self.mac_pools, unknown: UnknownMembers::new() },
            dns: Dns {
                search: carry::split(&self.dns_suffix),
                server_list: carry::split(&self.dns_server_list),
                ..Dns::default()
            },
            state: self.state,
            schema_version: Some(Version::SCHEMA),
            unknown: carry::unknown_to(unknown, |known: crate::Network| known.unknown),
        }
    }
}

impl Subnet {
    fn of(subnet: &crate::Subnet) -> Self {
        let default = subnet.routes.iter().find(|route| route.is_default());
        let mut unknown = subnet.unknown.clone();
        carry::put(&mut unknown, "Flags", &subnet.flags);
        carry::put(&mut unknown, "IpSubnets", &subnet.ip_subnets);
        Self {
            address_prefix: subnet.ip_address_prefix.clone(),
            gateway_address: default.map(|route| route.next_hop.clone()).unwrap_or_default(),
            policies: subnet.policies.iter().map(Policy::of).collect(),
            unknown: carry::unknown_to(unknown, |known: Self| known.unknown),
        }
    }

    fn into_v2(self) -> crate::Subnet {
        let mut unknown = self.unknown;
        let flags = carry::take(&mut unknown, "Flags");
        let ip_subnets = carry::take(&mut unknown, "IpSubnets");
        let routes = default_route(&self.gateway_address, &self.address_prefix);
        crate::Subnet {
            ip_address_prefix: self.address_prefix,
            policies: self.policies.into_iter().map(Policy::into_v2).collect(),
            routes: routes.into_iter().collect(),
            flags,
            ip_subnets,
            unknown: carry::unknown_to(unknown, |known: crate::Subnet| known.unknown),
        }
    }
}

/// The default route through `gateway`. One that does not parse is of the family of `prefix`.
pub(super) fn default_route(gateway: &str, prefix: &str) -> Option<Route> {
    if gateway.is_empty() {
        return None;
    }
    let ipv6 = match gateway.parse::<IpAddr>() {
        Ok(gateway) => gateway.is_ipv6(),
        Err(_) => matches!(prefix.parse(), Ok(IpNet::V6(_))),
    };
    let everything = if ipv6 { "::/0" } else { "0.0.0.0/0" };
    Some(Route {
        next_hop: gateway.to_owned(),
        destination_prefix: everything.to_owned(),
        ..Route::default()
    })
}

/// Takes the first policy out that `read` reads and that says no more than what `make` makes of it.
pub(super) fn take_policy<T>(
    policies: &mut Vec<crate::Policy>,
    read: impl Fn(&crate::Policy) -> Option<T>,
    make: impl Fn(&T) -> crate::Policy,
) -> Option<T> {
    let (place, value) = policies.iter().enumerate().find_map(|(place, policy)| {
        let value = read(policy)?;
        (make(&value).settings == policy.settings && policy.unknown.is_empty())
            .then_some((place, value))
    })?;
    policies.remove(place);
    Some(value)
}
