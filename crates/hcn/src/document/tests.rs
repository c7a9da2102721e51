use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::*;
use crate::{
    Distribution, Guid, IpProtocol, IpSubnetFlags, LoadBalancerFlags, PortMappingFlags,
    SubnetFlags, Version,
};

/// Reads `input`, and expects exactly `output` to be written for it.
fn check<T: Serialize + DeserializeOwned + Debug>(input: Value, output: Value) -> T {
    let document: T = serde_json::from_value(input).unwrap();
    assert_eq!(serde_json::to_value(&document).unwrap(), output);
    document
}

fn same<T: Serialize + DeserializeOwned + Debug>(document: Value) -> T {
    check(document.clone(), document)
}

#[test]
fn an_overlay_network_is_written_as_it_was_read() {
    let network: Network = same(json!({
        "ID": "3c5e7d10-4a2b-4f0e-8d31-6b1c2d3e4f50",
        "Name": "vxlan0",
        "Type": "Overlay",
        "Flags": 8,
        "Ipams": [{ "Type": "Static", "Subnets": [{
            "IpAddressPrefix": "10.1.1.0/24",
            "Policies": [{ "Type": "VSID", "Settings": { "IsolationId": 4096 } }],
            "Routes": [{ "NextHop": "10.1.1.1", "DestinationPrefix": "0.0.0.0/0" }] }] }],
        "Policies": [
            { "Type": "VxlanPort", "Settings": { "Port": 4789 } },
            { "Type": "HostRoute", "Settings": {} },
            { "Type": "SomethingNew", "Settings": { "A": [1, null] }, "Beside": true },
            { "Type": "RemoteSubnetRoute", "Settings": {
                "DestinationPrefix": "10.1.2.0/24", "IsolationId": 4096,
                "ProviderAddress": "192.0.2.12",
                "DistributedRouterMacAddress": "02-00-00-00-00-12" } } ],
        "SchemaVersion": { "Major": 2, "Minor": 0 }
    }));
    assert_eq!(network.network_type, NetworkType::Overlay);
    let subnet = network.subnets().next().unwrap();
    assert_eq!(subnet.prefix(), Some("10.1.1.0/24".parse().unwrap()));
    assert_eq!(subnet.gateway(), Some("10.1.1.1".parse().unwrap()));
    assert_eq!(subnet.policies[0].as_virtual_subnet(), Some(4096));
    let remote: Vec<_> = network.remote_subnets().collect();
    assert_eq!(remote.len(), 1);
    assert_eq!(Policy::remote_subnet_route(&remote[0]), network.policies[3]);
    assert_eq!(Policy::host_route(), network.policies[1]);
    assert_eq!(Policy::virtual_subnet(4096), subnet.policies[0]);
}

#[test]
fn a_local_endpoint_is_written_as_it_was_read() {
    let endpoint: Endpoint = same(json!({
        "ID": "9d2f4b61-0c3e-4a58-b7d6-1e2f3a4b5c6d", "Name": "cid_Ethernet",
        "MacAddress": "00-15-5D-00-01-21",
        "HostComputeNetwork": "3c5e7d10-4a2b-4f0e-8d31-6b1c2d3e4f50",
        "HostComputeNamespace": "5f60718a-2b3c-4d5e-9f01-23456789abcd",
        "IpConfigurations": [{ "IpAddress": "10.1.1.21", "PrefixLength": 24,
            "IpSubnetId": "1d0a9e44-5ce0-4f6c-9c93-0d5c1f0b7a31" }],
        "Policies": [{ "Type": "OutBoundNAT", "Settings": { "Exceptions": ["10.1.0.0/16"] } }],
        "Health": { "Extra": { "SharedContainers": [] } },
        "SchemaVersion": { "Major": 2, "Minor": 0 }
    }));
    assert!(!endpoint.is_remote());
    assert!(endpoint.addresses().eq(["10.1.1.21".parse::<std::net::IpAddr>().unwrap()]));
    assert_eq!(endpoint.mac().unwrap().to_string(), "00-15-5D-00-01-21");
}

#[test]
fn a_remote_endpoint_is_written_as_it_was_read() {
    let endpoint: Endpoint = same(json!({
        "IpConfigurations": [{ "IpAddress": "10.1.2.31" }],
        "MacAddress": "02-11-0a-01-02-1f", "Flags": 1,
        "Policies": [{ "Type": "ProviderAddress", "Settings": { "ProviderAddress": "192.0.2.12" } }],
        "SchemaVersion": { "Major": 2, "Minor": 0 }
    }));
    assert!(endpoint.is_remote());
    assert_eq!(endpoint.provider_address(), Some("192.0.2.12".parse().unwrap()));
    assert_eq!(Policy::provider_address("192.0.2.12".parse().unwrap()), endpoint.policies[0]);
    assert_eq!(IpConfiguration::of("10.1.2.31".parse().unwrap()), endpoint.ip_configurations[0]);
}

#[test]
fn load_balancers_are_written_as_they_were_read() {
    let cluster_ip: LoadBalancer = same(json!({
        "HostComputeEndpoints": ["9d2f4b61-0c3e-4a58-b7d6-1e2f3a4b5c6d", "1d0a9e44-5ce0-4f6c-9c93-0d5c1f0b7a31"],
        "SourceVIP": "10.1.1.2", "FrontendVIPs": ["172.20.0.10"],
        "PortMappings": [{ "Protocol": 6, "InternalPort": 8080, "ExternalPort": 80 }],
        "SchemaVersion": { "Major": 2, "Minor": 0 }
    }));
    assert!(!cluster_ip.has_no_vip() && !cluster_ip.is_dsr() && !cluster_ip.is_ipv6());

    let node_port: LoadBalancer = same(json!({
        "HostComputeEndpoints": ["9d2f4b61-0c3e-4a58-b7d6-1e2f3a4b5c6d"],
        "SourceVIP": "10.1.1.2", "Flags": 1,
        "PortMappings": [{ "Protocol": 6, "InternalPort": 8080, "ExternalPort": 31080,
            "DistributionType": 2, "Flags": 18 }],
        "SchemaVersion": { "Major": 2, "Minor": 0 }
    }));
    assert!(node_port.has_no_vip() && node_port.is_dsr());
    assert_eq!(node_port.port_mappings[0].distribution_type, Distribution::SOURCE_IP);

    let preserved: LoadBalancer = same(json!({
        "HostComputeEndpoints": ["7f0c2b16-3c0e-4d59-a3f1-0c1e2d3f4a55"],
        "FrontendVIPs": ["2001:db8:ff::10"], "Flags": 3,
        "PortMappings": [{ "Protocol": 17, "InternalPort": 5353, "ExternalPort": 53, "Flags": 28 }],
        "SchemaVersion": { "Major": 2, "Minor": 0 }
    }));
    assert_eq!(preserved.flags, LoadBalancerFlags::DSR | LoadBalancerFlags::IPV6);
    assert!(preserved.port_mappings[0].flags.contains(PortMappingFlags::PRESERVE_DIP));
}

#[test]
fn a_load_balancer_of_a_node_is_written_as_it_was_read() {
    let load_balancer: LoadBalancer = same(json!({
        "ID": "0a1b2c3d-1111-2222-3333-0123456789ab",
        "HostComputeEndpoints": ["9d2f4b61-0c3e-4a58-b7d6-1e2f3a4b5c6d"], "SourceVIP": "10.1.1.2",
        "PortMappings": [{ "Protocol": 6, "InternalPort": 80, "ExternalPort": 31416, "Flags": 2 }],
        "HostComputeNetwork": "3c5e7d10-4a2b-4f0e-8d31-6b1c2d3e4f50", "State": 2,
        "SchemaVersion": { "Major": 2, "Minor": 0 }
    }));
    assert_eq!(load_balancer.state, LoadBalancer::HEALTHY);
    assert!(load_balancer.has_no_vip() && load_balancer.host_compute_network.is_some());
}

#[test]
fn members_of_later_schemas_are_written_as_they_were_read() {
    let network: Network = same(json!({
        "Type": "Overlay",
        "Ipams": [{ "Type": "Static", "Subnets": [{ "IpAddressPrefix": "10.1.1.0/24", "Flags": 1,
            "IpSubnets": [{ "ID": "1d0a9e44-5ce0-4f6c-9c93-0d5c1f0b7a31",
                "IpAddressPrefix": "10.1.1.0/25", "Flags": 3, "New": 1 }], "ID": "x" }] }],
        "MacPool": { "Ranges": [{ "StartMacAddress": "00-15-5D-52-C0-00",
            "EndMacAddress": "00-15-5D-52-CF-FF" }] },
        "Dns": { "Domain": "example.test", "Search": ["example.test"], "ServerList": ["10.0.0.10"],
            "Options": ["ndots:5"], "New": {} },
        "State": 1,
        "Health": { "Extra": { "LayeredOn": "none" } }
    }));
    let subnet = network.subnets().next().unwrap();
    assert_eq!(subnet.flags, SubnetFlags::DO_NOT_RESERVE_GATEWAY_ADDRESS);
    assert_eq!(subnet.ip_subnets[0].prefix(), Some("10.1.1.0/25".parse().unwrap()));
    assert!(subnet.ip_subnets[0].flags.contains(IpSubnetFlags::RESERVE_NETWORK_ADDRESS));
    assert_eq!(network.mac_pool.ranges.len(), 1);

    let endpoint: Endpoint =
        same(json!({ "Dns": { "ServerList": ["10.0.0.10"] }, "State": 3, "Version": 7 }));
    assert_eq!(endpoint.state, Endpoint::ATTACHED_SHARING);
    assert!(endpoint.is_attached());
}

#[test]
fn a_namespace_is_written_as_it_was_read() {
    let endpoint: Guid = "9d2f4b61-0c3e-4a58-b7d6-1e2f3a4b5c6d".parse().unwrap();
    let namespace: Namespace = same(json!({
        "ID": "5f60718a-2b3c-4d5e-9f01-23456789abcd",
        "NamespaceId": 2,
        "NamespaceGuid": "5f60718a-2b3c-4d5e-9f01-23456789abce",
        "Type": "GuestDefault",
        "Resources": [
            { "Type": "Container", "Data": { "ID": "c0ffee" } },
            { "Type": "Endpoint", "Data": { "Id": "{9D2F4B61-0C3E-4A58-B7D6-1E2F3A4B5C6D}" } },
            { "Type": "Endpoint", "Data": "what", "Beside": [] },
            { "Type": "Teapot" } ],
        "State": 1,
        "SchemaVersion": { "Major": 2, "Minor": 0 },
        "ReadyOnCreate": true
    }));
    assert!(namespace.endpoints().eq([endpoint]));
    assert!(namespace.containers().eq(["c0ffee"]));
    assert_eq!(NamespaceResource::container("c0ffee"), namespace.resources[0]);
    assert_eq!(NamespaceResource::endpoint(endpoint).as_endpoint(), Some(endpoint));
    check::<Namespace>(json!({ "Type": 1 }), json!({ "Type": "HostDefault" }));
    check::<Namespace>(json!({ "Type": "guest" }), json!({ "Type": "Guest" }));
    check::<Namespace>(json!({ "Type": "Sideways" }), json!({ "Type": "Sideways" }));
}

#[test]
fn requests_are_words_in_any_form() {
    fn check(request: Value, expect: RequestType, written: &str) {
        let document = json!({ "ResourceType": "Policy", "RequestType": request });
        let request: ModifyRequest = serde_json::from_value(document).unwrap();
        assert_eq!(request.request_type, expect);
        assert_eq!(request.request_type.to_string(), written);
    }
    check(json!("add"), RequestType::Add, "Add");
    check(json!(null), RequestType::Add, "Add");
    check(json!(1), RequestType::Remove, "Remove");
    check(json!("2"), RequestType::Update, "Update");
    check(json!("REFRESH"), RequestType::Refresh, "Refresh");
    check(json!(4), RequestType::Reset, "Reset");
    check(json!("Replace"), RequestType::Other("Replace".to_owned()), "Replace");
    check(json!(5), RequestType::Other("5".to_owned()), "5");
}

#[test]
fn members_are_written_in_the_published_order() {
    let document = LoadBalancer {
        frontend_vips: vec!["172.20.0.10".to_owned()],
        port_mappings: vec![PortMapping {
            protocol: IpProtocol::TCP,
            internal_port: 8080,
            external_port: 80,
            ..PortMapping::default()
        }],
        schema_version: Some(Version::SCHEMA),
        ..LoadBalancer::default()
    };
    assert_eq!(
        serde_json::to_string(&document).unwrap(),
        "{\"FrontendVIPs\":[\"172.20.0.10\"],\
         \"PortMappings\":[{\"Protocol\":6,\"InternalPort\":8080,\"ExternalPort\":80}],\
         \"SchemaVersion\":{\"Major\":2,\"Minor\":0}}"
    );
}

#[test]
fn nothing_is_needed_and_nothing_is_written() {
    check::<Network>(json!({}), json!({}));
    check::<Network>(json!({ "Type": "NAT", "Policies": null, "Flags": "0" }), json!({}));
    check::<Endpoint>(json!({ "ID": "", "Flags": 0, "MacAddress": null }), json!({}));
    check::<Endpoint>(json!({ "ID": Guid::NIL, "IpConfigurations": [] }), json!({}));
    check::<Endpoint>(json!({ "Dns": {}, "State": null }), json!({}));
    check::<Network>(json!({ "Dns": { "Search": null }, "MacPool": { "Ranges": [] } }), json!({}));
    check::<Network>(json!({ "Dns": null, "MacPool": {}, "State": 0 }), json!({}));
    check::<Subnet>(json!({ "Flags": 0, "IpSubnets": null }), json!({}));
    check::<Namespace>(json!({ "Type": "Host", "NamespaceId": "0", "Resources": null }), json!({}));
    check::<LoadBalancer>(
        json!({ "SourceVIP": "", "FrontendVIPs": null, "SchemaVersion": null, "State": 0 }),
        json!({}),
    );
    check::<PortMapping>(json!({ "Protocol": 0, "DistributionType": "None" }), json!({}));
    check::<Route>(json!({ "Metric": 0 }), json!({}));
    check::<ModifyRequest>(
        json!({ "ResourceType": "Policy", "RequestType": 0, "Settings": null }),
        json!({ "ResourceType": "Policy", "RequestType": "Add" }),
    );
}

#[test]
fn other_spellings_are_read() {
    check::<Network>(
        json!({ "ID": "{3C5E7D10-4A2B-4F0E-8D31-6B1C2D3E4F50}", "Type": "l2bridge" }),
        json!({ "ID": "3c5e7d10-4a2b-4f0e-8d31-6b1c2d3e4f50", "Type": "L2Bridge" }),
    );
    check::<Network>(json!({ "Type": 5 }), json!({ "Type": "Overlay" }));
    check::<Network>(json!({ "Type": "Sideways" }), json!({ "Type": "Sideways" }));
    check::<PortMapping>(
        json!({ "Protocol": "TCP", "InternalPort": "8080", "DistributionType": "SourceIP",
            "Flags": "LocalRoutedVip,VipExternalIP" }),
        json!({ "Protocol": 6, "InternalPort": 8080, "DistributionType": 2, "Flags": 18 }),
    );
    check::<LoadBalancer>(
        json!({ "HostComputeEndpoints": ["9D2F4B61-0C3E-4A58-B7D6-1E2F3A4B5C6D"], "Later": { "a": 1 } }),
        json!({ "HostComputeEndpoints": ["9d2f4b61-0c3e-4a58-b7d6-1e2f3a4b5c6d"], "Later": { "a": 1 } }),
    );
}

#[test]
fn what_cannot_be_meant_is_refused() {
    fn refused<T: DeserializeOwned>(document: Value) {
        assert!(serde_json::from_value::<T>(document.clone()).is_err(), "{document}");
    }
    refused::<LoadBalancer>(json!({ "ID": "17" }));
    refused::<LoadBalancer>(json!({ "HostComputeEndpoints": "x" }));
    refused::<LoadBalancer>(json!({ "HostComputeEndpoints": [""] }));
    refused::<PortMapping>(json!({ "InternalPort": 65536 }));
    refused::<PortMapping>(json!({ "InternalPort": -1 }));
    refused::<PortMapping>(json!({ "Protocol": "carrier pigeon" }));
    refused::<Endpoint>(json!({ "Name": {} }));
    refused::<Network>(json!([]));
}

#[test]
fn the_older_word_for_vips_is_read() {
    let id = "3c5e7d10-4a2b-4f0e-8d31-6b1c2d3e4f50";
    let load_balancer: LoadBalancer = check(
        json!({ "ID": id, "VirtualIPs": ["172.20.0.10"] }),
        json!({ "ID": id, "FrontendVIPs": ["172.20.0.10"] }),
    );
    assert!(!load_balancer.has_no_vip());
}
