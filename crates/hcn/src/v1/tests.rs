use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::*;
use crate::{Error, Guid, LoadBalancer, LoadBalancerFlags, PortMappingFlags, hresult};

mod properties;

const ID: &str = "3c5e7d10-4a2b-4f0e-8d31-6b1c2d3e4f50";
const OTHER: &str = "9d2f4b61-0c3e-4a58-b7d6-1e2f3a4b5c6d";

fn read<T: DeserializeOwned>(document: &Value) -> T {
    serde_json::from_value(document.clone()).unwrap()
}

/// Reads `document`, and expects exactly the same to be written for it.
fn same<T: Serialize + DeserializeOwned + Debug>(document: &Value) -> T {
    let read: T = read(document);
    assert_eq!(serde_json::to_value(&read).unwrap(), *document);
    read
}

/// Expects the document of version 2 to be written for that of version 1.
fn check_v2(v2: impl Serialize, expect: Value) {
    assert_eq!(serde_json::to_value(v2).unwrap(), expect);
}

fn overlay() -> crate::Network {
    read(&json!({
        "ID": ID, "Name": "vxlan0", "Type": "Overlay", "Flags": 8,
        "Ipams": [{ "Type": "Static", "Subnets": [{
            "IpAddressPrefix": "10.1.1.0/24",
            "Policies": [{ "Type": "VSID", "Settings": { "IsolationId": 4096 } }],
            "Routes": [{ "NextHop": "10.1.1.1", "DestinationPrefix": "0.0.0.0/0" }] }] }],
        "Policies": [
            { "Type": "NetAdapterName", "Settings": { "NetworkAdapterName": "Ethernet 2" } },
            { "Type": "VxlanPort", "Settings": { "Port": 4789 } },
            { "Type": "ProviderAddress", "Settings": { "ProviderAddress": "192.0.2.10" } },
            { "Type": "HostRoute", "Settings": {} } ],
        "Dns": { "Search": ["a.test", "b.test"], "ServerList": ["10.0.0.10"] },
        "SchemaVersion": { "Major": 2, "Minor": 0 }
    }))
}

#[test]
fn a_network_has_the_members_of_version_1() {
    let network = Network::of(&overlay(), 3);
    let expect = json!({
        "ID": ID, "Name": "vxlan0", "Type": "Overlay", "Flags": 8,
        "NetworkAdapterName": "Ethernet 2",
        "Subnets": [{ "AddressPrefix": "10.1.1.0/24", "GatewayAddress": "10.1.1.1",
            "Policies": [{ "Type": "VSID", "VSID": 4096 }] }],
        "Policies": [
            { "Type": "VxlanPort", "Port": 4789 },
            { "Type": "PA", "PA": "192.0.2.10" },
            { "Type": "HostRoute" } ],
        "DNSSuffix": "a.test,b.test", "DNSServerList": "10.0.0.10", "CurrentEndpointCount": 3
    });
    assert_eq!(serde_json::to_value(&network).unwrap(), expect);
    assert_eq!(same::<Network>(&expect), network);
    assert_eq!(network.into_v2(), overlay());
}

#[test]
fn a_network_of_version_1_becomes_one_of_version_2() {
    let network: Network = same(&json!({
        "ID": ID, "Name": "nat", "Type": "NAT", "SourceMac": "00-15-5D-52-C0-00",
        "MacPools": [{ "StartMacAddress": "00-15-5D-52-C0-00",
            "EndMacAddress": "00-15-5D-52-CF-FF" }],
        "Subnets": [
            { "AddressPrefix": "172.29.144.0/20", "GatewayAddress": "172.29.144.1", "ID": "x" },
            { "AddressPrefix": "fd00::/64", "GatewayAddress": "fd00::1" },
            { "AddressPrefix": "fd01::/64", "GatewayAddress": "?" },
            { "AddressPrefix": "10.2.0.0/16" } ],
        "ManagementIP": "192.0.2.10", "AutomaticDNS": true, "State": 1,
        "Extensions": [{ "Id": "x", "IsEnabled": false }], "GatewayMac": "02-00-00-00-00-01",
        "Layer": { "Resources": { "Allocators": [] } }, "DNSServerCompartment": 3
    }));
    check_v2(
        network.clone().into_v2(),
        json!({
            "ID": ID, "Name": "nat",
            "Ipams": [{ "Type": "Static", "Subnets": [
                { "IpAddressPrefix": "172.29.144.0/20", "ID": "x",
                    "Routes": [{ "NextHop": "172.29.144.1", "DestinationPrefix": "0.0.0.0/0" }] },
                { "IpAddressPrefix": "fd00::/64",
                    "Routes": [{ "NextHop": "fd00::1", "DestinationPrefix": "::/0" }] },
                { "IpAddressPrefix": "fd01::/64",
                    "Routes": [{ "NextHop": "?", "DestinationPrefix": "::/0" }] },
                { "IpAddressPrefix": "10.2.0.0/16" } ] }],
            "Policies": [
                { "Type": "SourceMacAddress",
                    "Settings": { "SourceMacAddress": "00-15-5D-52-C0-00" } },
                { "Type": "AutomaticDNS", "Settings": { "Enable": true } } ],
            "MacPool": { "Ranges": [{ "StartMacAddress": "00-15-5D-52-C0-00",
                "EndMacAddress": "00-15-5D-52-CF-FF" }] },
            "State": 1, "SchemaVersion": { "Major": 2, "Minor": 0 },
            "ManagementIP": "192.0.2.10", "Extensions": [{ "Id": "x", "IsEnabled": false }],
            "GatewayMac": "02-00-00-00-00-01", "Layer": { "Resources": { "Allocators": [] } },
            "DNSServerCompartment": 3
        }),
    );
    assert_eq!(Network::of(&network.clone().into_v2(), 0), network);
}

#[test]
fn an_endpoint_has_the_members_of_version_1() {
    let endpoint: crate::Endpoint = read(&json!({
        "ID": OTHER, "Name": "cid_Ethernet", "MacAddress": "00-15-5D-00-01-21",
        "HostComputeNetwork": ID, "HostComputeNamespace": OTHER,
        "IpConfigurations": [{ "IpAddress": "10.1.1.21", "PrefixLength": 24 }],
        "Policies": [
            { "Type": "OutBoundNAT", "Settings": { "Exceptions": ["10.1.0.0/16"] } },
            { "Type": "EncapOverhead", "Settings": { "Overhead": 50 } },
            { "Type": "PortMapping", "Settings": { "Protocol": 17, "ExternalPort": 53 } } ],
        "State": 3, "Health": { "Extra": { "SharedContainers": ["c0ffee"] } },
        "SchemaVersion": { "Major": 2, "Minor": 0 }
    }));
    let v1 = Endpoint::of(&endpoint, Some(&overlay()));
    let expect = json!({
        "ID": OTHER, "Name": "cid_Ethernet", "MacAddress": "00-15-5D-00-01-21",
        "VirtualNetwork": ID, "VirtualNetworkName": "vxlan0", "Namespace": { "ID": OTHER },
        "IPAddress": "10.1.1.21", "PrefixLength": 24, "GatewayAddress": "10.1.1.1",
        "Policies": [
            { "Type": "OutBoundNAT", "ExceptionList": ["10.1.0.0/16"] },
            { "Type": "NAT", "Protocol": "UDP", "ExternalPort": 53 } ],
        "EncapOverhead": 50, "SharedContainers": ["c0ffee"], "State": 3,
        "Health": { "Extra": { "SharedContainers": ["c0ffee"] } }
    });
    assert_eq!(serde_json::to_value(&v1).unwrap(), expect);
    assert_eq!(same::<Endpoint>(&expect), v1);
}

#[test]
fn an_endpoint_of_version_1_becomes_one_of_version_2() {
    let endpoint: Endpoint = same(&json!({
        "ID": OTHER, "VirtualNetwork": ID,
        "IPAddress": "10.1.2.31", "IPv6Address": "fd00::31", "PrefixLength": 24,
        "IPv6PrefixLength": 64, "GatewayAddress": "10.1.2.1", "GatewayAddressV6": "fd00::1",
        "DNSServerList": "10.0.0.10", "DNSSuffix": "a.test,b.test", "DNSDomain": "test",
        "IsRemoteEndpoint": true, "DisableICC": true, "SharedContainers": ["c0ffee"],
        "Namespace": { "ID": OTHER, "CompartmentId": 2 }, "State": 2,
        "Policies": [
            { "Type": "PA", "PA": "192.0.2.12" },
            { "Type": "ROUTE", "DestinationPrefix": "172.20.0.0/16", "NeedEncap": true },
            { "Type": "ACL", "Action": "Block", "Direction": "Out" } ],
        "Resources": { "Allocators": [{ "Tag": "Host Vnic" },
            { "Tag": "Endpoint Port", "EndpointPortGuid": "9D2F4B61-0C3E-4A58-B7D6-1E2F3A4B5C6D" }] }
    }));
    assert_eq!(endpoint.port(), Some(OTHER.parse().unwrap()));
    check_v2(
        endpoint.into_v2(),
        json!({
            "ID": OTHER, "HostComputeNetwork": ID, "HostComputeNamespace": OTHER,
            "IpConfigurations": [{ "IpAddress": "10.1.2.31", "PrefixLength": 24 },
                { "IpAddress": "fd00::31", "PrefixLength": 64 }],
            "Flags": 3, "State": 2,
            "Policies": [
                { "Type": "ProviderAddress", "Settings": { "ProviderAddress": "192.0.2.12" } },
                { "Type": "SDNRoute",
                    "Settings": { "DestinationPrefix": "172.20.0.0/16", "NeedEncap": true } },
                { "Type": "ACL", "Settings": { "Action": "Block", "Direction": "Out" } } ],
            "Routes": [{ "NextHop": "10.1.2.1", "DestinationPrefix": "0.0.0.0/0" },
                { "NextHop": "fd00::1", "DestinationPrefix": "::/0" }],
            "Dns": { "Domain": "test", "Search": ["a.test", "b.test"], "ServerList": ["10.0.0.10"] },
            "SchemaVersion": { "Major": 2, "Minor": 0 },
            "Health": { "Extra": { "SharedContainers": ["c0ffee"] } },
            "Resources": { "Allocators": [{ "Tag": "Host Vnic" }, { "Tag": "Endpoint Port",
                "EndpointPortGuid": "9D2F4B61-0C3E-4A58-B7D6-1E2F3A4B5C6D" }] }
        }),
    );
}

#[test]
fn the_namespace_of_an_endpoint_is_read_in_any_form() {
    fn check(namespace: Value, expect: Option<&str>) {
        let endpoint: Endpoint = read(&json!({ "Namespace": namespace }));
        let id = endpoint.namespace.map(|namespace| namespace.id.to_string());
        assert_eq!(id.as_deref(), expect);
    }
    check(json!(null), None);
    check(json!(""), None);
    check(json!({}), None);
    check(json!({ "ID": "", "IsDefault": true }), None);
    check(json!("{3C5E7D10-4A2B-4F0E-8D31-6B1C2D3E4F50}"), Some(ID));
    check(json!({ "ID": "3C5E7D10-4A2B-4F0E-8D31-6B1C2D3E4F50" }), Some(ID));
    assert!(serde_json::from_value::<Endpoint>(json!({ "Namespace": { "ID": "x" } })).is_err());
}

#[test]
fn namespaces_come_back() {
    fn check(v2: Value, expect: Value) {
        let namespace: crate::Namespace = read(&v2);
        let v1 = Namespace::of(&namespace);
        assert_eq!(serde_json::to_value(&v1).unwrap(), expect);
        assert_eq!(same::<Namespace>(&expect), v1);
        assert_eq!(v1.into_v2(), namespace);
    }
    let version = json!({ "Major": 2, "Minor": 0 });
    check(
        json!({ "ID": ID, "NamespaceId": 2, "NamespaceGuid": OTHER, "SchemaVersion": version,
            "Resources": [{ "Type": "Endpoint", "Data": { "ID": OTHER } }], "New": 1 }),
        json!({ "ID": ID, "NamespaceId": 2, "NamespaceGuid": OTHER,
            "ResourceList": [{ "Type": "Endpoint", "Data": { "ID": OTHER } }], "New": 1 }),
    );
    check(
        json!({ "ID": ID, "Type": "HostDefault", "SchemaVersion": version }),
        json!({ "ID": ID, "IsDefault": true }),
    );
    check(
        json!({ "ID": ID, "Type": "Guest", "SchemaVersion": version, "State": 1, "Name": "n" }),
        json!({ "ID": ID, "Type": "Guest", "State": 1, "Name": "n" }),
    );
}

#[test]
fn a_load_balancer_is_a_policy_list() {
    let load_balancer: LoadBalancer = read(&json!({
        "ID": ID, "HostComputeEndpoints": [OTHER], "SourceVIP": "10.1.1.2",
        "FrontendVIPs": ["172.20.0.10"], "Flags": 1,
        "PortMappings": [
            { "Protocol": 6, "InternalPort": 8080, "ExternalPort": 80, "Flags": 18 },
            { "Protocol": 17, "InternalPort": 5353, "ExternalPort": 53, "Flags": 1 } ],
        "State": 4, "SchemaVersion": { "Major": 2, "Minor": 0 }, "Owner": "us"
    }));
    let list = PolicyList::of(&load_balancer);
    let expect = json!({
        "ID": ID, "References": [format!("/endpoints/{OTHER}")],
        "Policies": [
            { "Type": "ELB", "Protocol": 6, "InternalPort": 8080, "ExternalPort": 80,
                "SourceVIP": "10.1.1.2", "VIPs": ["172.20.0.10"], "IsDSR": true,
                "LocalRoutedVip": true, "IsVipExternalIp": true },
            { "Type": "ELB", "Protocol": 17, "InternalPort": 5353, "ExternalPort": 53,
                "SourceVIP": "10.1.1.2", "VIPs": ["172.20.0.10"], "IsDSR": true, "ILB": true } ],
        "State": 4, "Flags": 1, "Owner": "us"
    });
    assert_eq!(serde_json::to_value(&list).unwrap(), expect);
    assert_eq!(same::<PolicyList>(&expect), list);
    assert_eq!(LoadBalancer::try_from(list).unwrap(), load_balancer);
}

#[test]
fn a_policy_list_becomes_a_load_balancer() {
    let list: PolicyList = read(&json!({
        "ID": "{3C5E7D10-4A2B-4F0E-8D31-6B1C2D3E4F50}",
        "References": ["/endpoints/9D2F4B61-0C3E-4A58-B7D6-1E2F3A4B5C6D"],
        "Policies": [{ "Type": "elb", "Protocol": "TCP", "InternalPort": "80", "ExternalPort": 31416,
            "VIPs": null, "ILB": 0, "IsDSR": true, "LocalRoutedVip": "true", "New": 1 }],
        "Version": 42949672963_u64, "ActivityId": "x", "Health": { "LastErrorCode": 0 },
        "Resources": { "Allocators": [] }
    }));
    let load_balancer = list.into_v2().unwrap();
    assert_eq!(load_balancer.flags, LoadBalancerFlags::DSR);
    assert_eq!(load_balancer.port_mappings[0].flags, PortMappingFlags::LOCAL_ROUTED_VIP);
    check_v2(
        load_balancer,
        json!({
            "ID": ID, "HostComputeEndpoints": [OTHER], "Flags": 1,
            "PortMappings": [{ "Protocol": 6, "InternalPort": 80, "ExternalPort": 31416, "Flags": 2,
                "New": 1 }],
            "SchemaVersion": { "Major": 2, "Minor": 0 }, "Version": 42949672963_u64,
            "ActivityId": "x", "Health": { "LastErrorCode": 0 }, "Resources": { "Allocators": [] }
        }),
    );
}

#[test]
fn what_is_no_load_balancer_is_refused() {
    fn check(document: Value, expect: &str) {
        let list: PolicyList = read(&document);
        assert_eq!(list.into_v2().unwrap_err().to_string(), expect);
    }
    let nothing = "the policy list has a policy of type \"\" where a load balancer has ELB";
    check(json!({}), nothing);
    check(
        json!({ "References": ["/networks/9d2f4b61-0c3e-4a58-b7d6-1e2f3a4b5c6d"] }),
        "\"/networks/9d2f4b61-0c3e-4a58-b7d6-1e2f3a4b5c6d\" is not a reference such as /endpoints/ and an id",
    );
    check(
        json!({ "Policies": [{ "Type": "ROUTE", "DestinationPrefix": "10.0.0.0/8" }] }),
        "the policy list has a policy of type \"ROUTE\" where a load balancer has ELB",
    );
    check(
        json!({ "Policies": [{ "Type": "ELB" }, { "Type": "ELB", "VIPs": ["172.20.0.10"] }] }),
        "the ELB policies of the policy list have different addresses",
    );
    let list: PolicyList = read(&json!({ "Policies": [{ "Type": "ELB", "InternalPort": -1 }] }));
    assert!(matches!(list.into_v2(), Err(PolicyListError::Policy { .. })));
}

#[test]
fn references_are_read_in_any_form() {
    fn check(text: &str, expect: bool) {
        let endpoint: Guid = OTHER.parse().unwrap();
        assert_eq!(endpoint_of(text).ok(), expect.then_some(endpoint), "{text}");
    }
    check(&reference(OTHER.parse().unwrap()), true);
    check("/endpoints/9D2F4B61-0C3E-4A58-B7D6-1E2F3A4B5C6D", true);
    check("Endpoints/{9d2f4b61-0c3e-4a58-b7d6-1e2f3a4b5c6d}/", true);
    check("9d2f4b61-0c3e-4a58-b7d6-1e2f3a4b5c6d", true);
    check("/networks/9d2f4b61-0c3e-4a58-b7d6-1e2f3a4b5c6d", false);
    check("/endpoints/", false);
    check("/endpoints/x", false);
    check("", false);
}

#[test]
fn policies_have_the_names_of_their_version() {
    /// Expects one policy of version 2 for one of version 1, and the other way round.
    fn check(v1: Value, v2: Value) {
        let policy: Policy = same(&v1);
        let converted: crate::Policy = read(&v2);
        assert_eq!(policy.clone().into_v2(), converted);
        assert_eq!(Policy::of(&converted), policy);
    }
    check(
        json!({ "Type": "OutBoundNAT", "VIP": "192.0.2.11", "ExceptionList": ["10.0.0.0/8"],
            "Destinations": ["172.20.0.10"] }),
        json!({ "Type": "OutBoundNAT", "Settings": { "VirtualIP": "192.0.2.11",
            "Exceptions": ["10.0.0.0/8"], "Destinations": ["172.20.0.10"] } }),
    );
    check(
        json!({ "Type": "NAT", "Protocol": "TCP", "InternalPort": 80, "ExternalPort": 8080 }),
        json!({ "Type": "PortMapping", "Settings": { "Protocol": 6, "InternalPort": 80,
            "ExternalPort": 8080 } }),
    );
    check(
        json!({ "Type": "NAT", "Protocol": 132 }),
        json!({ "Type": "PortMapping", "Settings": { "Protocol": 132 } }),
    );
    check(
        json!({ "Type": "PROXY", "IP": "10.0.0.1", "OutboundNat": true }),
        json!({ "Type": "L4Proxy", "Settings": { "IP": "10.0.0.1", "OutboundNat": true } }),
    );
    check(
        json!({ "Type": "VLAN", "VLAN": 7 }),
        json!({ "Type": "VLAN", "Settings": { "IsolationId": 7 } }),
    );
    check(
        json!({ "Type": "SomethingNew", "A": [1, null] }),
        json!({ "Type": "SomethingNew", "Settings": { "A": [1, null] } }),
    );
    check(
        json!({ "Type": "SomethingNew", "Settings": { "Type": "inner" }, "Beside": 1 }),
        json!({ "Type": "SomethingNew", "Settings": { "Type": "inner" }, "Beside": 1 }),
    );
    check(
        json!({ "Type": "SomethingNew", "Settings": [1] }),
        json!({ "Type": "SomethingNew", "Settings": [1] }),
    );
}

#[test]
fn answers_are_read_and_written() {
    let ok = Response::ok(json!({ "Major": 15, "Minor": 5 }));
    assert_eq!(ok.to_json(), r#"{"Success":true,"Output":{"Major":15,"Minor":5}}"#);
    assert_eq!(Response::parse(&ok.to_json()).unwrap(), ok);
    assert_eq!(ok.into_output(), Ok(json!({ "Major": 15, "Minor": 5 })));
    assert_eq!(Response::ok(Value::Null).to_json(), r#"{"Success":true}"#);

    fn check(error: Error, expect: &str) {
        let response = Response::of(&error);
        assert_eq!(response.to_json(), expect);
        let read = Response::parse(expect).unwrap().into_output().unwrap_err();
        assert_eq!(read.hresult, error.hresult);
    }
    let failure = r#"{"Success":false,"Error":"Element not found. ","ErrorCode":2147943568}"#;
    check(Error::without_record(hresult::ERROR_NOT_FOUND), failure);
    let record =
        |text: &str| Error { hresult: hresult::E_INVALIDARG, record: Some(text.to_owned()) };
    check(
        record(r#"{"ErrorCode":2147942487,"Error":"No. Not at all.","Success":false}"#),
        r#"{"Success":false,"Error":"No. Not at all.","ErrorCode":2147942487}"#,
    );
    check(record("no JSON"), r#"{"Success":false,"Error":"no JSON","ErrorCode":2147942487}"#);
}

#[test]
fn failures_are_read_in_any_form() {
    fn check(text: &str, expect: u32) {
        let response = Response::parse(text).unwrap();
        assert_eq!(response.into_output().map_err(|error| error.hresult), Err(expect), "{text}");
    }
    check(r#"{"Success":false,"ErrorCode":-2147023728}"#, hresult::ERROR_NOT_FOUND);
    check(r#"{"Success":false,"ErrorCode":"2147943568"}"#, hresult::ERROR_NOT_FOUND);
    check(r#"{"Success":false,"Error":"What?"}"#, 0x8000_4005);
    check("{}", 0x8000_4005);
    assert!(Response::parse("{").is_err());
    assert!(Response::parse(r#"{"ErrorCode":4294967296}"#).is_err());
}

#[test]
fn settings_of_version_1_have_no_schema_version() {
    fn check(settings: Value, expect: bool) {
        assert_eq!(is_v1(&settings), expect, "{settings}");
    }
    check(json!({}), true);
    check(json!({ "SchemaVersion": null }), true);
    check(json!({ "SchemaVersion": {} }), true);
    check(json!({ "SchemaVersion": { "Major": 1, "Minor": 0 } }), true);
    check(json!({ "SchemaVersion": { "Major": "2" } }), false);
    check(json!({ "SchemaVersion": { "Major": 2, "Minor": 16 } }), false);
    check(json!({ "SchemaVersion": "2.0" }), false);
}

#[test]
fn paths_are_read_and_written() {
    fn check(method: &str, path: &str, expect: Option<&str>) {
        let request = Request::parse(method, path);
        let shown = request.map(|request| request.to_string());
        assert_eq!(shown.as_deref(), expect, "{method} {path}");
        if let Some(request) = request {
            assert_eq!(Request::parse(request.method(), &request.path()), Some(request));
        }
    }
    let id = "3c5e7d10-4a2b-4f0e-8d31-6b1c2d3e4f50";
    let object = |first: &str| format!("/{first}/{id}");
    for collection in Collection::ALL.map(Collection::as_str) {
        let (all, one) = (format!("/{collection}/"), object(collection));
        check("GET", &all, Some(&format!("GET /{collection}")));
        check("POST", &all, Some(&format!("POST /{collection}")));
        check("DELETE", &all, None);
        for method in ["GET", "POST", "DELETE"] {
            check(method, &one, Some(&format!("{method} {one}")));
        }
        check("GET", &format!("{one}/attach"), None);
        check("POST", &format!("{one}/attach/x"), None);
    }
    for path in ["/globals/version", "/endpointaddresses", "/portpools", "/activities", "/plugins"]
    {
        check("GET", path, Some(&format!("GET {path}")));
        check("GET", &format!("{path}/x"), None);
        check("POST", path, None);
    }
    for method in ["GET", "POST", "DELETE"] {
        check(method, "/accelnet/", Some(&format!("{method} /accelnet")));
    }
    check("get", "//PortPools//", Some("GET /portpools"));
    check("GET", "globals//Version/", Some("GET /globals/version"));
    check("GET", "/globals", None);
    check("GET", &object("endpointstats"), Some(&format!("GET {}", object("endpointstats"))));
    check("GET", "/endpointstats", None);
    for (collection, action) in [
        ("endpoints", "attach"),
        ("endpoints", "detach"),
        ("namespaces", "addresource"),
        ("namespaces", "removeresource"),
    ] {
        let path = format!("{}/{action}", object(collection));
        check("POST", &path, Some(&format!("POST {path}")));
        check("GET", &path, None);
    }
    check(
        "Post",
        "/Endpoints//{3C5E7D10-4A2B-4F0E-8D31-6B1C2D3E4F50}/Attach/",
        Some("POST /endpoints/3c5e7d10-4a2b-4f0e-8d31-6b1c2d3e4f50/attach"),
    );
    check("GET", "/networks/x", None);
    check("PUT", "/networks", None);
    check("GET", "", None);
    check("GET", "/", None);
    check("GET", "/nothing", None);
}
