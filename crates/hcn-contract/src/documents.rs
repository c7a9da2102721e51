//! The documents that travel, and the setups of HNS.

use std::net::IpAddr;

use serde_json::{Value, json};
use switchyard_hcn::Guid;

/// The prefix of the first network that most attempts make.
pub(crate) const PREFIX: &str = "10.42.7.0/24";
/// Its gateway.
pub(crate) const GATEWAY: &str = "10.42.7.1";
/// The prefix of the other family.
pub(crate) const PREFIX_V6: &str = "fd00:42:7::/64";
/// Its gateway.
pub(crate) const GATEWAY_V6: &str = "fd00:42:7::1";
/// The address of another node.
pub(crate) const OTHER_NODE: &str = "172.20.0.19";
/// TCP.
pub(crate) const TCP: u32 = 6;
/// UDP.
pub(crate) const UDP: u32 = 17;

/// An HNS as it comes.
pub(crate) fn fresh() -> Value {
    json!({})
}

/// An HNS with one knob turned.
pub(crate) fn knob(name: &str, value: impl Into<Value>) -> Value {
    json!({"knobs": {name: value.into()}})
}

/// An HNS of this version.
pub(crate) fn version(major: u32, minor: u32) -> Value {
    json!({"version": {"Major": major, "Minor": minor}})
}

/// A fault in the first call of a function, or of `*`.
pub(crate) fn fault(call: &str, does: &Value) -> Value {
    json!({"on": {"call": call}, "skip": 0, "times": 1, "does": does})
}

/// An id that HNS has not come up with.
pub(crate) fn id(number: u32) -> Guid {
    format!("5111c4a2-0000-4000-8000-{number:012x}").parse().unwrap_or(Guid::NIL)
}

/// The document with a member set.
pub(crate) fn with(mut document: Value, member: &str, value: impl Into<Value>) -> Value {
    document[member] = value.into();
    document
}

/// The document without a member.
pub(crate) fn without(mut document: Value, member: &str) -> Value {
    if let Some(members) = document.as_object_mut() {
        members.remove(member);
    }
    document
}

/// A subnet with the default route of its family.
pub(crate) fn subnet(prefix: &str, gateway: &str) -> Value {
    let all = if gateway.contains(':') { "::/0" } else { "0.0.0.0/0" };
    json!({
        "IpAddressPrefix": prefix,
        "Routes": [{"NextHop": gateway, "DestinationPrefix": all}],
    })
}

/// A network with these subnets.
pub(crate) fn network(name: &str, network_type: &str, subnets: &[Value]) -> Value {
    let document =
        json!({"Name": name, "Type": network_type, "SchemaVersion": {"Major": 2, "Minor": 0}});
    if subnets.is_empty() {
        return document;
    }
    with(document, "Ipams", json!([{"Type": "Static", "Subnets": subnets}]))
}

/// A network of both families on the wire of the node.
pub(crate) fn l2bridge() -> Value {
    network("cbr0", "L2Bridge", &[subnet(PREFIX, GATEWAY), subnet(PREFIX_V6, GATEWAY_V6)])
}

/// A network in a tunnel.
pub(crate) fn overlay() -> Value {
    let vsid = json!([{"Type": "VSID", "Settings": {"IsolationId": 4096}}]);
    network("vxlan0", "Overlay", &[with(subnet(PREFIX, GATEWAY), "Policies", vsid)])
}

/// A network behind the node's address.
pub(crate) fn nat() -> Value {
    network("nat", "NAT", &[subnet("172.29.144.0/20", "172.29.144.1")])
}

/// A network in the shape of version 1.
pub(crate) fn v1_network(name: &str) -> Value {
    json!({
        "Name": name,
        "Type": "L2Bridge",
        "Subnets": [{"AddressPrefix": PREFIX, "GatewayAddress": GATEWAY}],
    })
}

/// An endpoint whose address HNS picks.
pub(crate) fn local() -> Value {
    json!({"SchemaVersion": {"Major": 2, "Minor": 0}})
}

/// A local endpoint at these addresses.
pub(crate) fn local_at(addresses: &[&str]) -> Value {
    let configurations: Vec<_> =
        addresses.iter().map(|address| json!({"IpAddress": address})).collect();
    with(local(), "IpConfigurations", configurations)
}

/// A remote endpoint, as kube-proxy writes it.
pub(crate) fn remote_at(address: &str) -> Value {
    with(with(local_at(&[address]), "Flags", 1), "MacAddress", mac_of(address))
}

/// A remote endpoint on an overlay.
pub(crate) fn remote_through(address: &str, node: &str) -> Value {
    let policy = json!([{"Type": "ProviderAddress", "Settings": {"ProviderAddress": node}}]);
    with(remote_at(address), "Policies", policy)
}

/// The hardware address that kube-proxy makes of an address.
pub(crate) fn mac_of(address: &str) -> String {
    let [a, b, c, d] = match address.parse() {
        Ok(IpAddr::V4(address)) => address.octets(),
        Ok(IpAddr::V6(address)) => {
            let [.., a, b, c, d] = address.octets();
            [d, c, b, a]
        }
        Err(_) => [0; 4],
    };
    format!("02-11-{a:02x}-{b:02x}-{c:02x}-{d:02x}")
}

/// A port of a load balancer, to port 8080 of its endpoints.
pub(crate) fn port(protocol: u32, external: u16) -> Value {
    json!({"Protocol": protocol, "InternalPort": 8080, "ExternalPort": external})
}

/// A load balancer for every address of the node, with these ports.
pub(crate) fn node_port(endpoints: &[Guid], ports: &[Value]) -> Value {
    json!({
        "HostComputeEndpoints": endpoints,
        "PortMappings": ports,
        "SchemaVersion": {"Major": 2, "Minor": 0},
    })
}

/// A load balancer for one address.
pub(crate) fn load_balancer(endpoints: &[Guid], vip: &str, protocol: u32, external: u16) -> Value {
    let document = node_port(endpoints, &[port(protocol, external)]);
    let document = with(document, "FrontendVIPs", json!([vip]));
    if vip.contains(':') { with(document, "Flags", 2) } else { document }
}

/// A request to change a part of a network, endpoint or namespace.
pub(crate) fn change(resource: &str, request: &str, settings: &Value) -> Value {
    json!({"ResourceType": resource, "RequestType": request, "Settings": settings})
}

/// A request to change the membership of an endpoint in a namespace.
pub(crate) fn membership(request: &str, endpoint: Guid) -> Value {
    change("Endpoint", request, &json!({"EndpointId": endpoint}))
}

/// A request that adds a rule of the firewall.
pub(crate) fn acl() -> Value {
    let settings = json!({"Action": "Allow", "Direction": "In", "Protocols": "6", "Priority": 200});
    change("Policy", "Update", &json!({"Policies": [{"Type": "ACL", "Settings": settings}]}))
}

/// A request that adds a route to the pods of another node.
pub(crate) fn remote_subnet() -> Value {
    let settings = json!({
        "DestinationPrefix": "10.42.9.0/24",
        "IsolationId": 4096,
        "ProviderAddress": OTHER_NODE,
        "DistributedRouterMacAddress": "02-AA-BB-CC-DD-19",
    });
    let policies = json!({"Policies": [{"Type": "RemoteSubnetRoute", "Settings": settings}]});
    change("Policy", "Add", &policies)
}

/// The query for objects of a schema that match a filter, `null` for all.
pub(crate) fn query(schema: u32, flags: u32, filter: &Value) -> String {
    let query = json!({"SchemaVersion": {"Major": schema, "Minor": 0}, "Flags": flags});
    if filter.is_null() { query } else { with(query, "Filter", filter.to_string()) }.to_string()
}
