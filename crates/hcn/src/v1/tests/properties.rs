//! What version 1 can say is the same after a way there and back.

use std::net::{IpAddr, Ipv4Addr};

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{
    Acl, Dns, EndpointFlags, IpConfiguration, IpProtocol, Ipam, MacAddress, MacPool, MacRange,
    NatFlags, NatPortMapping, NetworkFlags, NetworkType, OutboundNat, PortMapping, RemoteSubnet,
    Route, SdnRoute, SubnetFlags, UnknownMembers, Version,
};

fn word() -> impl Strategy<Value = String> {
    "[a-z]{0,3}"
}

fn words() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec("[a-z]{1,3}", 0..3)
}

fn guid() -> impl Strategy<Value = Option<Guid>> {
    prop::option::of((1..u128::MAX).prop_map(|n| Guid::from_uuid(uuid::Uuid::from_u128(n))))
}

fn mac() -> impl Strategy<Value = MacAddress> {
    any::<[u8; 6]>().prop_map(MacAddress)
}

fn ipv4() -> impl Strategy<Value = IpAddr> {
    any::<Ipv4Addr>().prop_map(IpAddr::V4)
}

fn unknown() -> impl Strategy<Value = UnknownMembers> {
    prop::collection::btree_map("New[A-C]", (0..3_u8).prop_map(|n| json!([n, null])), 0..2)
}

fn network_policy() -> impl Strategy<Value = crate::Policy> {
    prop_oneof![
        Just(crate::Policy::host_route()),
        any::<u16>().prop_map(crate::Policy::vxlan_port),
        mac().prop_map(crate::Policy::dr_mac_address),
        mac().prop_map(crate::Policy::source_mac_address),
        "[a-z]{1,3}".prop_map(|name| crate::Policy::net_adapter_name(&name)),
        any::<bool>().prop_map(crate::Policy::automatic_dns),
        ipv4().prop_map(crate::Policy::provider_address),
        (ipv4(), any::<u32>(), prop::option::of(mac())).prop_map(|(address, isolation_id, mac)| {
            crate::Policy::remote_subnet_route(&RemoteSubnet {
                destination_prefix: address.into(),
                isolation_id,
                provider_address: address,
                distributed_router_mac: mac,
            })
        }),
        any::<u32>().prop_map(crate::Policy::vlan),
        any::<u32>().prop_map(crate::Policy::virtual_subnet),
        odd_policy(),
    ]
}

/// Policies that are not known, some with settings that cannot stand beside the type.
fn odd_policy() -> impl Strategy<Value = crate::Policy> {
    let settings = prop_oneof![
        Just(json!({})),
        Just(json!({ "A": [1] })),
        Just(json!({ "Type": 1 })),
        Just(json!({ "Settings": { "A": null } })),
        Just(json!([1])),
        Just(json!("x")),
    ];
    settings.prop_map(|settings| crate::Policy::new("SomethingNew", settings))
}

fn endpoint_policy() -> impl Strategy<Value = crate::Policy> {
    let protocols = vec![IpProtocol::TCP, IpProtocol::UDP, IpProtocol::SCTP, IpProtocol::ICMPV6];
    let mapping = (prop::sample::select(protocols), any::<u16>(), any::<u16>(), 0..8_u32);
    prop_oneof![
        mapping.prop_map(|(protocol, internal_port, external_port, flags)| {
            crate::Policy::port_mapping(&NatPortMapping {
                protocol,
                internal_port,
                external_port,
                flags: NatFlags(flags),
                ..NatPortMapping::default()
            })
        }),
        (word(), words(), words()).prop_map(|(virtual_ip, exceptions, destinations)| {
            let nat = OutboundNat { virtual_ip, exceptions, destinations, ..Default::default() };
            crate::Policy::outbound_nat(&nat)
        }),
        (word(), word(), any::<bool>()).prop_map(|(destination_prefix, next_hop, need_encap)| {
            let route =
                SdnRoute { destination_prefix, next_hop, need_encap, ..SdnRoute::default() };
            crate::Policy::sdn_route(&route)
        }),
        (word(), any::<u16>()).prop_map(|(protocols, priority)| {
            crate::Policy::acl(&Acl { protocols, priority, ..Acl::default() })
        }),
        ipv4().prop_map(crate::Policy::provider_address),
        any::<u16>().prop_map(crate::Policy::encap_overhead),
        odd_policy(),
    ]
}

fn default_route(everything: &str, next_hop: Option<IpAddr>) -> Option<Route> {
    Some(Route {
        next_hop: next_hop?.to_string(),
        destination_prefix: everything.to_owned(),
        ..Route::default()
    })
}

fn subnet() -> impl Strategy<Value = crate::Subnet> {
    let policies = prop::collection::vec(network_policy(), 0..2);
    (ipv4(), prop::option::of(ipv4()), policies, 0..2_u32, unknown()).prop_map(
        |(address, gateway, policies, flags, unknown)| crate::Subnet {
            ip_address_prefix: format!("{address}/24"),
            policies,
            routes: default_route("0.0.0.0/0", gateway).into_iter().collect(),
            flags: SubnetFlags(flags),
            ip_subnets: Vec::new(),
            unknown,
        },
    )
}

prop_compose! {
    fn network()(
        id in guid(),
        (owner, name) in (word(), word()),
        network_type in "(NAT|L2Bridge|Overlay|Sideways)",
        flags in 0..16384_u32,
        subnets in prop::collection::vec(subnet(), 0..3),
        policies in prop::collection::vec(network_policy(), 0..5),
        ranges in prop::collection::vec((mac(), mac()), 0..2),
        (search, server_list) in (words(), words()),
        state in 0..3_u16,
        unknown in unknown(),
    ) -> crate::Network {
        let ipam = Ipam { ipam_type: "Static".to_owned(), subnets, ..Ipam::default() };
        let range = |(start, end): (MacAddress, MacAddress)| MacRange {
            start_mac_address: start.to_string(),
            end_mac_address: end.to_string(),
            ..MacRange::default()
        };
        crate::Network {
            id,
            owner,
            name,
            network_type: NetworkType::from_word(&network_type),
            flags: NetworkFlags(flags),
            ipams: if ipam.subnets.is_empty() { Vec::new() } else { vec![ipam] },
            policies,
            mac_pool: MacPool {
                ranges: ranges.into_iter().map(range).collect(),
                ..MacPool::default()
            },
            dns: Dns { search, server_list, ..Dns::default() },
            state,
            schema_version: Some(Version::SCHEMA),
            unknown,
        }
    }
}

prop_compose! {
    fn endpoint()(
        (id, host_compute_network, host_compute_namespace) in (guid(), guid(), guid()),
        (owner, name, domain) in (word(), word(), word()),
        ipv4s in prop::option::of((ipv4(), 0..33_u8)),
        ipv6s in prop::option::of((any::<std::net::Ipv6Addr>(), 0..129_u8)),
        gateway in prop::option::of(ipv4()),
        gateway_v6 in prop::option::of(any::<std::net::Ipv6Addr>()),
        mac in mac(),
        (flags, state) in (0..64_u32, 0..7_u16),
        policies in prop::collection::vec(endpoint_policy(), 0..5),
        (search, server_list, shared) in (words(), words(), words()),
        mut unknown in unknown(),
    ) -> crate::Endpoint {
        if !shared.is_empty() {
            let health = json!({ "Extra": { "SharedContainers": shared } });
            unknown.insert("Health".to_owned(), health);
        }
        let ipv6s = ipv6s.map(|(address, length)| (IpAddr::V6(address), length));
        let routes = [
            default_route("0.0.0.0/0", gateway),
            default_route("::/0", gateway_v6.map(IpAddr::V6)),
        ];
        crate::Endpoint {
            id,
            owner,
            name,
            host_compute_network,
            host_compute_namespace,
            ip_configurations: [ipv4s, ipv6s]
                .into_iter()
                .flatten()
                .map(|(address, prefix_length)| IpConfiguration {
                    prefix_length,
                    ..IpConfiguration::of(address)
                })
                .collect(),
            mac_address: mac.to_string(),
            flags: EndpointFlags(flags),
            policies,
            routes: routes.into_iter().flatten().collect(),
            dns: Dns { domain, search, server_list, ..Dns::default() },
            state,
            schema_version: Some(Version::SCHEMA),
            unknown,
        }
    }
}

fn port() -> impl Strategy<Value = PortMapping> {
    let said = vec![
        PortMappingFlags::ILB,
        PortMappingFlags::LOCAL_ROUTED_VIP,
        PortMappingFlags::VIP_EXTERNAL_IP,
    ];
    let flags = prop::sample::subsequence(said, 0..=3);
    (0..256_u32, any::<u16>(), any::<u16>(), flags, unknown()).prop_map(
        |(protocol, internal_port, external_port, flags, unknown)| PortMapping {
            protocol: IpProtocol(protocol),
            internal_port,
            external_port,
            flags: flags.into_iter().fold(PortMappingFlags::NONE, |flags, flag| flags | flag),
            unknown,
            ..PortMapping::default()
        },
    )
}

prop_compose! {
    fn load_balancer()(
        (id, host_compute_network) in (guid(), guid()),
        (owner, name, source_vip) in (word(), word(), word()),
        endpoints in prop::collection::vec(guid(), 0..4),
        frontend_vips in words(),
        port_mappings in prop::collection::vec(port(), 1..3),
        (flags, state) in (0..8_u32, 0..5_u16),
        unknown in unknown(),
    ) -> LoadBalancer {
        LoadBalancer {
            id,
            owner,
            name,
            host_compute_endpoints: endpoints.into_iter().flatten().collect(),
            source_vip,
            frontend_vips,
            port_mappings,
            flags: LoadBalancerFlags(flags),
            host_compute_network,
            state,
            schema_version: Some(Version::SCHEMA),
            unknown,
        }
    }
}

/// Members of version 1 become policies before the others.
fn sorted(policies: &mut [crate::Policy]) {
    policies.sort_by_key(|policy| serde_json::to_string(policy).unwrap());
}

/// The document after a way through its text.
fn travelled<T: Serialize + DeserializeOwned>(document: &T) -> T {
    serde_json::from_str(&serde_json::to_string(document).unwrap()).unwrap()
}

proptest! {
    #[test]
    fn networks_come_back(mut network in network()) {
        let v1 = travelled(&Network::of(&network, 7));
        prop_assert_eq!(&v1, &Network::of(&network, 7));
        let mut back = v1.into_v2();
        sorted(&mut network.policies);
        sorted(&mut back.policies);
        prop_assert_eq!(back, network);
    }

    #[test]
    fn endpoints_come_back(mut endpoint in endpoint()) {
        let v1 = travelled(&Endpoint::of(&endpoint, None));
        prop_assert_eq!(&v1, &Endpoint::of(&endpoint, None));
        let mut back = v1.into_v2();
        sorted(&mut endpoint.policies);
        sorted(&mut back.policies);
        prop_assert_eq!(back, endpoint);
    }

    #[test]
    fn load_balancers_come_back(load_balancer in load_balancer()) {
        let v1 = travelled(&PolicyList::of(&load_balancer));
        prop_assert_eq!(&v1, &PolicyList::of(&load_balancer));
        prop_assert_eq!(v1.into_v2(), Ok(load_balancer));
    }

    #[test]
    fn no_path_is_too_odd_to_read(method in "(GET|post|DELETE|PUT)", path in "[/a-zA-Z{}\\-0-9 é]*") {
        if let Some(request) = Request::parse(&method, &path) {
            prop_assert_eq!(Request::parse(request.method(), &request.path()), Some(request));
        }
    }
}
