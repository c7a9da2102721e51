//! An HNS that is made up: the network, and the endpoints that a CNI would have made on the node.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;
use serde_json::json;
use switchyard_hcn::{
    Guid, Ipam, MacAddress, Network, NetworkType, Policy, RemoteSubnet, Route, Subnet, Version,
};
use switchyard_hcn_emulator::State;
use switchyard_model::{Node, NodeAddressKind};
use switchyard_nodeview::Stream;

use super::endpoint::{MadeUp, invented_mac, local_pods, taken_macs};
use super::file::{ISOLATION_ID, NetworkFile};

/// The host's hardware address.
const HOST_MAC: MacAddress = MacAddress([0x00, 0x15, 0x5D, 0x00, 0x00, 0x01]);

/// An HNS that has the network and the endpoints of the node's pods, and nothing else; and the network's id. What the file
/// does not say follows from the Node and, for an overlay, from the other Nodes.
pub(super) fn invent(file: &NetworkFile, stream: &Stream) -> (Guid, State) {
    let node = stream.view().node();
    let addresses: Vec<IpAddr> = match &file.management_addresses {
        Some(addresses) => addresses.clone(),
        None => node.addresses.iter().map(|own| own.address).collect(),
    };
    let locals = local_pods(stream, &addresses);
    let subnets = match &file.pod_subnets {
        Some(subnets) => subnets.clone(),
        None if !node.pod_ranges.is_empty() => node.pod_ranges.to_vec(),
        None => {
            let around: BTreeSet<_> = locals.iter().map(|address| around(*address)).collect();
            around.into_iter().collect()
        }
    };
    let id = file.id.unwrap_or_else(|| Guid::from_uuid(uuid::Uuid::from_u128(1)));
    let mut state = State::new(file.hns_version.unwrap_or(State::VERSION));
    let mut network = network(file, &addresses, &subnets);
    if file.is_overlay() {
        let routes = file.remote_subnets().unwrap_or_else(|| remote_subnets(stream));
        network.policies = routes.iter().map(Policy::remote_subnet_route).collect();
    }
    state.insert_network(id, network);
    insert_endpoints(&mut state, id, file, &locals, &subnets);
    (id, state)
}

/// The network's document, but for its routes.
fn network(file: &NetworkFile, addresses: &[IpAddr], subnets: &[IpNet]) -> Network {
    let overlay = file.is_overlay();
    let ipam = Ipam {
        ipam_type: "Static".to_owned(),
        subnets: subnets
            .iter()
            .map(|range| if overlay { virtual_subnet(range) } else { subnet(range) })
            .collect(),
        ..Ipam::default()
    };
    let mut network = Network {
        name: file.name.clone().unwrap_or_else(|| "cbr0".to_owned()),
        network_type: if overlay { NetworkType::Overlay } else { NetworkType::L2Bridge },
        ipams: vec![ipam],
        schema_version: Some(Version::SCHEMA),
        ..Network::default()
    };
    let addresses: Vec<_> = addresses.iter().map(ToString::to_string).collect();
    if let Some(first) = addresses.first() {
        network.unknown.insert("ManagementIP".to_owned(), json!(first));
    }
    let mac = file.host_mac.unwrap_or(HOST_MAC).to_string();
    network.unknown.insert(
        "AdditionalParams".to_owned(),
        json!({ "ManagementAddresses": addresses, "HostMac": mac }),
    );
    network
}

fn subnet(range: &IpNet) -> Subnet {
    let gateway = match range {
        IpNet::V4(range) => range.hosts().next().map(IpAddr::V4),
        IpNet::V6(range) => range.hosts().nth(1).map(IpAddr::V6),
    };
    Subnet {
        ip_address_prefix: range.to_string(),
        routes: gateway.map(Route::default_through).into_iter().collect(),
        ..Subnet::default()
    }
}

/// A subnet of an overlay.
fn virtual_subnet(range: &IpNet) -> Subnet {
    Subnet { policies: vec![Policy::virtual_subnet(ISOLATION_ID)], ..subnet(range) }
}

/// The routes to the pods of the other nodes, each through the node's first internal IPv4 address: VXLAN on Windows is
/// carried over IPv4.
fn remote_subnets(stream: &Stream) -> Vec<RemoteSubnet> {
    let own = &stream.view().node().name;
    let mut routes = Vec::new();
    for node in stream.cluster().nodes().filter(|node| node.name != *own) {
        let Some(provider) = internal_address(node) else { continue };
        let [a, b, c, d] = provider.octets();
        routes.extend(node.pod_ranges.iter().map(|range| RemoteSubnet {
            destination_prefix: *range,
            isolation_id: ISOLATION_ID,
            provider_address: IpAddr::V4(provider),
            distributed_router_mac: Some(MacAddress([0x02, 0x00, a, b, c, d])),
        }));
    }
    routes
}

/// The first internal IPv4 address of a node.
fn internal_address(node: &Node) -> Option<Ipv4Addr> {
    let internal = node.addresses.iter().filter(|own| own.kind == NodeAddressKind::Internal);
    internal.map(|own| own.address).find_map(|address| match address {
        IpAddr::V4(address) => Some(address),
        IpAddr::V6(_) => None,
    })
}

/// The endpoints that the file names, or else those of `locals`, and the one by which the node is reached.
fn insert_endpoints(
    state: &mut State,
    network: Guid,
    file: &NetworkFile,
    locals: &BTreeSet<IpAddr>,
    subnets: &[IpNet],
) {
    let mut taken = taken_macs(state);
    let mut endpoints: BTreeMap<IpAddr, MacAddress> = match &file.endpoints {
        Some(endpoints) => endpoints.iter().map(|own| (own.address, own.mac)).collect(),
        None => locals.iter().map(|own| (*own, invented_mac(*own, &mut taken))).collect(),
    };
    taken.extend(endpoints.values());
    if let Some(root) = &file.root_endpoint {
        let mac = endpoints.entry(root.address);
        mac.or_insert_with(|| invented_mac(root.address, &mut taken));
    }
    for (address, mac) in endpoints {
        let root = file.root_endpoint.as_ref().filter(|root| root.address == address);
        let name = root.map(|root| &*root.name);
        MadeUp { name, address, mac }.insert(state, network, subnets);
    }
}

fn around(address: IpAddr) -> IpNet {
    let length = if address.is_ipv4() { 24 } else { 64 };
    IpNet::new_assert(address, length).trunc()
}
