//! Endpoints of version 1.

use std::fmt;
use std::net::IpAddr;

use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};

use super::network::{default_route, take_policy};
use super::{Policy, carry};
use crate::lenient::{self, is_default};
use crate::{Dns, EndpointFlags, Guid, IpConfiguration, Route, UnknownMembers, Version};

/// An endpoint (`HNSEndpoint`).
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
    /// Its name, which others may have too.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "is_default")]
    pub name: String,
    /// The network it is on.
    #[serde(deserialize_with = "lenient::id", skip_serializing_if = "Option::is_none")]
    pub virtual_network: Option<Guid>,
    /// The name of that network.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "is_default")]
    pub virtual_network_name: String,
    /// Its policies.
    #[serde(deserialize_with = "lenient::nullable", skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<Policy>,
    /// Its hardware address.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "is_default")]
    pub mac_address: String,
    /// Its address.
    #[serde(
        rename = "IPAddress",
        deserialize_with = "lenient::text",
        skip_serializing_if = "is_default"
    )]
    pub ip_address: String,
    /// Its address of the IPv6 family.
    #[serde(
        rename = "IPv6Address",
        deserialize_with = "lenient::text",
        skip_serializing_if = "is_default"
    )]
    pub ipv6_address: String,
    /// The addresses of the DNS servers, with commas between them.
    #[serde(
        rename = "DNSServerList",
        deserialize_with = "lenient::text",
        skip_serializing_if = "is_default"
    )]
    pub dns_server_list: String,
    /// The domains that names without one are looked for in, with commas between them.
    #[serde(
        rename = "DNSSuffix",
        deserialize_with = "lenient::text",
        skip_serializing_if = "is_default"
    )]
    pub dns_suffix: String,
    /// The domain that it is in.
    #[serde(
        rename = "DNSDomain",
        deserialize_with = "lenient::text",
        skip_serializing_if = "is_default"
    )]
    pub dns_domain: String,
    /// The address of its gateway; in version 2 the next hop of the default route.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "is_default")]
    pub gateway_address: String,
    /// The address of its gateway of the IPv6 family.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "is_default")]
    pub gateway_address_v6: String,
    /// The length of the prefix of its address' subnet.
    #[serde(deserialize_with = "lenient::number", skip_serializing_if = "is_default")]
    pub prefix_length: u8,
    /// The length of the prefix of its IPv6 address' subnet.
    #[serde(
        rename = "IPv6PrefixLength",
        deserialize_with = "lenient::number",
        skip_serializing_if = "is_default"
    )]
    pub ipv6_prefix_length: u8,
    /// Whether it is an address elsewhere, without a port on this node; a flag in version 2.
    #[serde(deserialize_with = "lenient::boolean", skip_serializing_if = "is_default")]
    pub is_remote_endpoint: bool,
    /// Flags.
    #[serde(skip_serializing_if = "is_default")]
    pub flags: EndpointFlags,
    /// How many bytes of each packet are for encapsulation; a policy in version 2.
    #[serde(deserialize_with = "lenient::number", skip_serializing_if = "is_default")]
    pub encap_overhead: u16,
    /// The containers that share it. Version 2 has them in what it says about health.
    #[serde(deserialize_with = "lenient::nullable", skip_serializing_if = "Vec::is_empty")]
    pub shared_containers: Vec<String>,
    /// The namespace it is in.
    #[serde(deserialize_with = "namespace", skip_serializing_if = "Option::is_none")]
    pub namespace: Option<NamespaceReference>,
    /// How it is, such as [`crate::Endpoint::ATTACHED_SHARING`]; 0 also where HNS did not tell.
    #[serde(deserialize_with = "lenient::number", skip_serializing_if = "is_default")]
    pub state: u16,
    /// What HNS made for it.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub resources: Value,
    /// Other members.
    #[serde(flatten)]
    pub unknown: UnknownMembers,
}

/// The namespace of an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NamespaceReference {
    /// Its id.
    #[serde(rename = "ID")]
    pub id: Guid,
    /// Other members.
    #[serde(flatten)]
    pub unknown: UnknownMembers,
}

impl Endpoint {
    /// The port that HNS made for it in the Virtual Filtering Platform, once it is attached.
    #[must_use]
    pub fn port(&self) -> Option<Guid> {
        let allocators = self.resources.get("Allocators")?.as_array()?;
        let port = allocators.iter().find(|allocator| {
            allocator.get("Tag").and_then(Value::as_str) == Some("Endpoint Port")
        })?;
        port.get("EndpointPortGuid")?.as_str()?.parse().ok()
    }

    /// An endpoint of version 2, on a network that is known or not. The network gives its name, and the gateway of an
    /// endpoint without routes.
    ///
    /// Lost are all addresses but the first of each family, what addresses say beside their prefix, routes that are not
    /// the default one, and the options of DNS.
    #[must_use]
    pub fn of(endpoint: &crate::Endpoint, network: Option<&crate::Network>) -> Self {
        let mut policies = endpoint.policies.clone();
        let encap_overhead = take_policy(
            &mut policies,
            |policy| policy.as_encap_overhead().filter(|bytes| *bytes > 0),
            |bytes| crate::Policy::encap_overhead(*bytes),
        );
        let mut unknown = endpoint.unknown.clone();
        carry::put(&mut unknown, "Owner", &endpoint.owner);
        let first = |ipv6: bool| {
            let found = endpoint.ip_configurations.iter().find(|found| is_ipv6(found) == ipv6);
            found.cloned().unwrap_or_default()
        };
        let (ipv4, ipv6) = (first(false), first(true));
        Self {
            id: endpoint.id,
            name: endpoint.name.clone(),
            virtual_network: endpoint.host_compute_network,
            virtual_network_name: network.map(|network| network.name.clone()).unwrap_or_default(),
            policies: policies.iter().map(Policy::of).collect(),
            mac_address: endpoint.mac_address.clone(),
            dns_server_list: endpoint.dns.server_list.join(","),
            dns_suffix: endpoint.dns.search.join(","),
            dns_domain: endpoint.dns.domain.clone(),
            gateway_address: gateway(endpoint, network, &ipv4, "0.0.0.0/0"),
            gateway_address_v6: gateway(endpoint, network, &ipv6, "::/0"),
            prefix_length: ipv4.prefix_length,
            ipv6_prefix_length: ipv6.prefix_length,
            ip_address: ipv4.ip_address,
            ipv6_address: ipv6.ip_address,
            is_remote_endpoint: endpoint.is_remote(),
            flags: endpoint.flags,
            encap_overhead: encap_overhead.unwrap_or_default(),
            shared_containers: shared_containers(&unknown),
            namespace: endpoint.host_compute_namespace.map(NamespaceReference::of),
            state: endpoint.state,
            resources: carry::take(&mut unknown, "Resources"),
            unknown: carry::unknown_to(unknown, |known: Self| known.unknown),
        }
    }

    /// The same as an endpoint of version 2. Lost are the name of the network, and what the namespace says beside its id.
    #[must_use]
    pub fn into_v2(self) -> crate::Endpoint {
        let flags = self.flags();
        let mut unknown = self.unknown;
        let owner = carry::take(&mut unknown, "Owner");
        for (name, _) in FLAG_MEMBERS {
            carry::take::<bool>(&mut unknown, name);
        }
        carry::put(&mut unknown, "Resources", &self.resources);
        share(&mut unknown, &self.shared_containers);
        let mut policies = Vec::new();
        if self.encap_overhead > 0 {
            policies.push(crate::Policy::encap_overhead(self.encap_overhead));
        }
        policies.extend(self.policies.into_iter().map(Policy::into_v2));
        let routes: [Option<Route>; 2] = [
            default_route(&self.gateway_address, &self.ip_address),
            default_route(&self.gateway_address_v6, &self.ipv6_address),
        ];
        let addresses =
            [(self.ip_address, self.prefix_length), (self.ipv6_address, self.ipv6_prefix_length)];
        crate::Endpoint {
            id: self.id,
            owner,
            name: self.name,
            host_compute_network: self.virtual_network,
            host_compute_namespace: self.namespace.map(|namespace| namespace.id),
            ip_configurations: addresses
                .into_iter()
                .filter(|(address, _)| !address.is_empty())
                .map(|(ip_address, prefix_length)| IpConfiguration {
                    ip_address,
                    prefix_length,
                    unknown: UnknownMembers::new(),
                })
                .collect(),
            mac_address: self.mac_address,
            flags,
            policies,
            routes: routes.into_iter().flatten().collect(),
            dns: Dns {
                domain: self.dns_domain,
                search: carry::split(&self.dns_suffix),
                server_list: carry::split(&self.dns_server_list),
                ..Dns::default()
            },
            state: self.state,
            schema_version: Some(Version::SCHEMA),
            unknown: carry::unknown_to(unknown, |known: crate::Endpoint| known.unknown),
        }
    }

    /// The flags, with those that version 1 has members of their own for.
    fn flags(&self) -> EndpointFlags {
        let mut flags = self.flags;
        if self.is_remote_endpoint {
            flags = flags | EndpointFlags::REMOTE_ENDPOINT;
        }
        for (name, flag) in FLAG_MEMBERS {
            if self.unknown.get(name) == Some(&Value::Bool(true)) {
                flags = flags | flag;
            }
        }
        flags
    }
}

/// Members of version 1 that clients send and HNS does not answer; flags in version 2.
const FLAG_MEMBERS: [(&str, EndpointFlags); 2] = [
    ("DisableICC", EndpointFlags::DISABLE_INTER_COMPUTE_COMMUNICATION),
    ("EnableLowMetric", EndpointFlags::ENABLE_LOW_INTERFACE_METRIC),
];

impl NamespaceReference {
    /// The namespace with this id.
    #[must_use]
    pub const fn of(id: Guid) -> Self {
        Self { id, unknown: UnknownMembers::new() }
    }
}

/// A namespace is an object with the id, as hcsshim has it, or the id alone. One without an id is none.
fn namespace<'de, D>(deserializer: D) -> Result<Option<NamespaceReference>, D::Error>
where
    D: Deserializer<'de>,
{
    struct Reference;

    impl<'de> Visitor<'de> for Reference {
        type Value = Option<NamespaceReference>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a namespace or its id")
        }

        fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_str<E: Error>(self, id: &str) -> Result<Self::Value, E> {
            let id = lenient::id(serde::de::value::StrDeserializer::new(id))?;
            Ok(id.map(NamespaceReference::of))
        }

        fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
            let mut unknown = UnknownMembers::new();
            while let Some((name, value)) = members.next_entry()? {
                unknown.insert(name, value);
            }
            let id = unknown.remove("ID").unwrap_or_default();
            let id = lenient::id(id).map_err(A::Error::custom)?;
            Ok(id.map(|id| NamespaceReference { id, unknown }))
        }
    }

    deserializer.deserialize_any(Reference)
}

fn is_ipv6(configuration: &IpConfiguration) -> bool {
    configuration.address().is_some_and(|address| address.is_ipv6())
}

/// The next hop of the route for `everything`, or else the gateway of the subnet that the address is in.
fn gateway(
    endpoint: &crate::Endpoint,
    network: Option<&crate::Network>,
    configuration: &IpConfiguration,
    everything: &str,
) -> String {
    let own = endpoint.routes.iter().find(|route| route.destination_prefix == everything);
    if let Some(route) = own {
        return route.next_hop.clone();
    }
    let of_subnet = || -> Option<IpAddr> {
        let address = configuration.address()?;
        let mut subnets = network?.subnets();
        subnets
            .find(|subnet| subnet.prefix().is_some_and(|prefix| prefix.contains(&address)))?
            .gateway()
    };
    if endpoint.is_remote() || !endpoint.routes.is_empty() {
        return String::new();
    }
    of_subnet().map(|gateway| gateway.to_string()).unwrap_or_default()
}

/// The containers that what version 2 says about health names.
#[must_use]
pub fn shared_containers(unknown: &UnknownMembers) -> Vec<String> {
    let extra = unknown.get("Health").and_then(|health| health.get("Extra"));
    let containers = extra.and_then(|extra| extra.get("SharedContainers"));
    let containers = containers.and_then(Value::as_array).into_iter().flatten();
    containers.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Says in what version 2 says about health that these containers share the endpoint.
pub fn share(unknown: &mut UnknownMembers, containers: &[String]) {
    if shared_containers(unknown) == containers {
        return;
    }
    let health = unknown.entry("Health".to_owned()).or_insert_with(|| json!({}));
    if let Some(health) = health.as_object_mut() {
        let extra = health.entry("Extra").or_insert_with(|| json!({}));
        if let Some(extra) = extra.as_object_mut() {
            extra.insert("SharedContainers".to_owned(), json!(containers));
        }
    }
}
