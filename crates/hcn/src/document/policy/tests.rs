use std::collections::BTreeSet;
use std::fmt::Debug;

use serde_json::{Value, json};

use super::*;
use crate::{IpProtocol, NatFlags};

fn policy(document: Value) -> Policy {
    serde_json::from_value(document).unwrap()
}

/// Reads a policy, and expects the maker to make the same one.
fn check<T: Debug>(
    document: Value,
    read: impl Fn(&Policy) -> Option<T>,
    make: impl Fn(&T) -> Policy,
) -> T {
    let policy = policy(document);
    let settings = read(&policy).unwrap();
    assert_eq!(make(&settings), policy, "{settings:?}");
    let other = Policy { policy_type: "SomethingNew".to_owned(), ..policy };
    assert!(read(&other).is_none());
    settings
}

#[test]
fn policies_of_endpoints_are_read_and_made() {
    let mapping = check(
        json!({ "Type": "PortMapping", "Settings": { "Protocol": 6, "InternalPort": 80,
            "ExternalPort": 8080, "VIP": "192.0.2.10", "Flags": 1, "New": [1] } }),
        Policy::as_port_mapping,
        Policy::port_mapping,
    );
    assert_eq!(mapping.protocol, IpProtocol::TCP);
    assert_eq!(mapping.flags, NatFlags::LOCAL_ROUTED_VIP);
    let nat = check(
        json!({ "Type": "OutBoundNAT", "Settings": { "VirtualIP": "192.0.2.11",
            "Exceptions": ["10.1.0.0/16"], "Destinations": ["172.20.0.10"], "Flags": 2,
            "MaxPortPoolUsage": 128 } }),
        Policy::as_outbound_nat,
        Policy::outbound_nat,
    );
    assert_eq!(nat.exceptions, ["10.1.0.0/16"]);
    let route = check(
        json!({ "Type": "SDNRoute", "Settings": { "DestinationPrefix": "172.20.0.0/16",
            "NextHop": "192.0.2.1", "NeedEncap": true, "AutomaticEndpointMonitor": true } }),
        Policy::as_sdn_route,
        Policy::sdn_route,
    );
    assert!(route.need_encap);
    let list = json!({ "Protocols": "6,17", "Action": "Block", "Direction": "Out",
        "LocalAddresses": "10.1.1.21", "RemoteAddresses": "10.0.0.0/8,a-set", "LocalPorts": "80",
        "RemotePorts": "1024-2048", "RuleType": "Switch", "Priority": 200, "Id": "no-way-out" });
    let acl = check(json!({ "Type": "ACL", "Settings": list }), Policy::as_acl, Policy::acl);
    assert_eq!((&acl.action, &acl.direction), (&AclAction::Block, &AclDirection::Out));
    assert_eq!(acl.rule_type, Some(AclRule::Switch));
    check(
        json!({ "Type": "NetworkACL", "Settings": list }),
        Policy::as_network_acl,
        Policy::network_acl,
    );
    check(
        json!({ "Type": "ProviderAddress", "Settings": { "ProviderAddress": "192.0.2.12" } }),
        Policy::as_provider_address,
        |address| Policy::provider_address(*address),
    );
    check(
        json!({ "Type": "EncapOverhead", "Settings": { "Overhead": 50 } }),
        Policy::as_encap_overhead,
        |bytes| Policy::encap_overhead(*bytes),
    );
}

#[test]
fn policies_of_networks_are_read_and_made() {
    check(
        json!({ "Type": "VxlanPort", "Settings": { "Port": 4789 } }),
        Policy::as_vxlan_port,
        |port| Policy::vxlan_port(*port),
    );
    check(
        json!({ "Type": "DrMacAddress", "Settings": { "Address": "00-15-5D-52-C0-00" } }),
        Policy::as_dr_mac_address,
        |mac| Policy::dr_mac_address(*mac),
    );
    check(
        json!({ "Type": "SourceMacAddress", "Settings": { "SourceMacAddress": "00-15-5D-52-C0-00" } }),
        Policy::as_source_mac_address,
        |mac| Policy::source_mac_address(*mac),
    );
    check(
        json!({ "Type": "NetAdapterName", "Settings": { "NetworkAdapterName": "Ethernet 2" } }),
        |policy| policy.as_net_adapter_name().map(str::to_owned),
        |name| Policy::net_adapter_name(name),
    );
    check(
        json!({ "Type": "AutomaticDNS", "Settings": { "Enable": true } }),
        Policy::as_automatic_dns,
        |enable| Policy::automatic_dns(*enable),
    );
    check(
        json!({ "Type": "HostRoute", "Settings": {} }),
        |policy| policy.is_host_route().then_some(()),
        |()| Policy::host_route(),
    );
    check(
        json!({ "Type": "RemoteSubnetRoute", "Settings": { "DestinationPrefix": "10.1.2.0/24",
            "IsolationId": 4096, "ProviderAddress": "192.0.2.12",
            "DistributedRouterMacAddress": "02-00-00-00-00-12" } }),
        Policy::as_remote_subnet_route,
        Policy::remote_subnet_route,
    );
    check(
        json!({ "Type": "VSID", "Settings": { "IsolationId": 4096 } }),
        Policy::as_virtual_subnet,
        |id| Policy::virtual_subnet(*id),
    );
    check(json!({ "Type": "VLAN", "Settings": { "IsolationId": 7 } }), Policy::as_vlan, |id| {
        Policy::vlan(*id)
    });
}

#[test]
fn settings_are_read_in_other_forms() {
    let read = |document| policy(document).as_outbound_nat();
    assert_eq!(read(json!({ "Type": "outboundnat" })), Some(OutboundNat::default()));
    assert_eq!(read(json!({ "Type": "OutBoundNAT", "Settings": "x" })), None);
    let read = |document| policy(document).as_port_mapping().map(|mapping| mapping.protocol);
    assert_eq!(
        read(json!({ "Type": "PORTMAPPING", "Settings": { "Protocol": "udp", "VIP": null } })),
        Some(IpProtocol::UDP)
    );
    assert_eq!(read(json!({ "Type": "PortMapping", "Settings": { "InternalPort": -1 } })), None);
    let read = |encap| {
        let settings = json!({ "NeedEncap": encap });
        policy(json!({ "Type": "SDNRoute", "Settings": settings })).as_sdn_route()
    };
    assert_eq!(read(json!("True")).map(|route| route.need_encap), Some(true));
    assert_eq!(read(json!(0)).map(|route| route.need_encap), Some(false));
    assert_eq!(read(json!("perhaps")), None);
    let read = |port| policy(json!({ "Type": "VxlanPort", "Settings": { "Port": port } }));
    assert_eq!(read(json!("4790")).as_vxlan_port(), Some(4790));
    assert_eq!(read(json!(65536)).as_vxlan_port(), None);
    assert_eq!(read(json!(null)).as_vxlan_port(), None);
    let acl = policy(json!({ "Type": "acl", "Settings": { "Action": "block", "RuleType": "" } }));
    let acl = acl.as_acl().unwrap();
    assert_eq!((acl.action, acl.rule_type), (AclAction::Block, None));
}

#[test]
fn every_type_has_a_name_of_its_own() {
    let types: BTreeSet<String> =
        Policy::TYPES.iter().map(|name| name.to_ascii_lowercase()).collect();
    assert_eq!(types.len(), Policy::TYPES.len());
    assert!(Policy::TYPES.contains(&Policy::OUTBOUND_NAT));
}
