//! On an overlay network, on old builds, and what only some Services ask for.

use std::net::IpAddr;

use switchyard_hcn::{Endpoint, LoadBalancer};
use switchyard_winkernel::NetworkTrouble;

use crate::{Node, service, slice, web};

const OVERLAY: &str = r#"{"ID":"00000000-0000-0000-0000-000000000001","Name":"vxlan0","Type":"Overlay",
    "Ipams":[{"Type":"Static","Subnets":[{"IpAddressPrefix":"10.1.1.0/24"}]}],
    "Policies":[{"Type":"RemoteSubnetRoute","Settings":{"DestinationPrefix":"10.1.2.0/24","IsolationId":4096,
        "ProviderAddress":"192.0.2.12","DistributedRouterMacAddress":"02-00-C0-00-02-0C"}}],
    "ManagementIP":"192.0.2.11","AdditionalParams":{"HostMac":"00-15-5D-00-00-01"}}"#;
const BRIDGE: &str = r#"{"ID":"00000000-0000-0000-0000-000000000001","Name":"cbr0","Type":"L2Bridge",
    "Ipams":[{"Type":"Static","Subnets":[{"IpAddressPrefix":"10.1.1.0/24"}]}]}"#;

fn local(address: &str, name: &str, mac: &str) -> String {
    let last = address.rsplit('.').next().unwrap();
    format!(
        r#"{{"ID":"00000000-0000-0000-0001-{last:0>12}","Name":"{name}","MacAddress":"{mac}",
        "HostComputeNetwork":"00000000-0000-0000-0000-000000000001","IpConfigurations":[{{"IpAddress":"{address}"}}]}}"#
    )
}

/// A node on the overlay whose pods are rewritten to 10.1.1.2.
fn overlay(manifests: &str) -> Node {
    let mut node = Node::on("15.5", OVERLAY, "", manifests);
    node.settings.windows.source_vip = Some("10.1.1.2".parse().unwrap());
    node
}

fn endpoint(node: &Node, address: &str) -> Endpoint {
    let state = node.emulator.state();
    let wanted: IpAddr = address.parse().unwrap();
    let is_it = |endpoint: &Endpoint| endpoint.addresses().eq([wanted]);
    state.endpoints().map(|(_, endpoint)| endpoint).find(|own| is_it(own)).unwrap().clone()
}

/// Hardware address, provider address, and whether it is remote.
fn shape(node: &Node, address: &str) -> (String, Option<String>, bool) {
    let endpoint = endpoint(node, address);
    let provider = endpoint.provider_address().map(|provider| provider.to_string());
    (endpoint.mac_address.to_uppercase(), provider, endpoint.is_remote())
}

fn source_vip(node: &Node) -> String {
    node.load_balancer(Some("172.20.0.10"), 80).source_vip
}

#[test]
fn a_pod_elsewhere_is_behind_its_node_and_the_virtual_address_on_the_host() {
    let node = overlay(&web(&["10.1.2.21"]));
    assert_eq!(
        node.plan(),
        [
            "1 create missing 172.20.0.10 []",
            "2 create missing 10.1.1.2 []",
            "3 create missing 10.1.2.21 []",
            "4 create missing IPv4/172.20.0.10/80/TCP [1, 2, 3]",
        ]
    );
    node.converge();
    let own = |mac: &str, provider: Option<&str>, remote| {
        (mac.to_owned(), provider.map(str::to_owned), remote)
    };
    let expect = own("02-11-0A-01-02-15", Some("192.0.2.12"), true);
    assert_eq!(shape(&node, "10.1.2.21"), expect);
    let expect = own("00-15-5D-00-00-01", Some("192.0.2.11"), true);
    assert_eq!(shape(&node, "172.20.0.10"), expect);
    assert_eq!(shape(&node, "10.1.1.2"), own("00-15-5D-00-00-01", None, false));
    assert_eq!(source_vip(&node), "10.1.1.2");
}

#[test]
fn the_last_load_balancer_takes_its_companions_with_it() {
    let mut node = overlay(&web(&["10.1.2.21"]));
    node.converge();
    node.see("");
    let plan = node.plan();
    assert_eq!(plan[0], "1 delete unwanted IPv4/172.20.0.10/80/TCP []");
    assert_eq!(plan.len(), 4);
    for line in &plan[1..] {
        assert!(line.contains("delete unwanted") && line.ends_with("[1]"), "{line}");
    }
    node.converge();
    assert_eq!(node.emulator.state().endpoints().count(), 0);
}

#[test]
fn the_source_vip_of_a_cni_is_used_and_never_removed() {
    let found = |name: &str, mac: &str| {
        let mut node =
            Node::on("15.5", OVERLAY, &local("10.1.1.2", name, mac), &web(&["10.1.2.21"]));
        node.converge();
        assert_eq!(source_vip(&node), "10.1.1.2");
        node.see("");
        node.converge();
        assert_eq!(node.emulator.state().endpoints().count(), 1);
    };
    found("calico_EP", "00-15-5D-00-00-77");
    found("source", "00-15-5D-00-00-01");
}

#[test]
fn without_a_usable_source_vip_nothing_is_planned_and_the_flag_is_named() {
    let trouble = |address: Option<&str>| {
        let mut node = overlay(&web(&["10.1.2.21"]));
        node.settings.windows.source_vip = address.map(|text| text.parse().unwrap());
        assert_eq!(node.plan(), [""; 0]);
        node.reconciler().trouble().cloned().unwrap()
    };
    assert!(matches!(trouble(None), NetworkTrouble::NoSourceVip { .. }));
    let outside = trouble(Some("10.9.9.9"));
    assert!(outside.to_string().contains("--source-vip 10.9.9.9"), "{outside}");
}

#[test]
fn backends_that_are_nodes_or_public_have_the_node_for_a_source() {
    let node = overlay(&web(&["192.0.2.12", "198.51.100.9"]));
    node.converge();
    assert_eq!(source_vip(&node), "192.0.2.11");
    assert_eq!(shape(&node, "192.0.2.12").1.as_deref(), Some("192.0.2.12"));
    assert_eq!(shape(&node, "198.51.100.9").1.as_deref(), Some("192.0.2.11"));
}

#[test]
fn among_pods_the_others_are_left_out() {
    let node = overlay(&web(&["10.1.2.21", "192.0.2.12"]));
    node.converge();
    assert_eq!(source_vip(&node), "10.1.1.2");
    assert_eq!(node.load_balancer(Some("172.20.0.10"), 80).host_compute_endpoints.len(), 1);
}

#[test]
fn a_pod_of_the_hosts_network_has_the_hosts_hardware_address() {
    let host = web(&["192.0.2.11"]).replace("nodeName: n2", "nodeName: n1");
    let node = overlay(&host);
    node.converge();
    let (mac, provider, remote) = shape(&node, "192.0.2.11");
    assert_eq!((mac.as_str(), provider.as_deref()), ("00-15-5D-00-00-01", Some("192.0.2.11")));
    assert!(remote);
    assert_eq!(source_vip(&node), "192.0.2.11");
}

#[test]
fn a_pod_that_moves_to_another_node_is_another_endpoint() {
    let node = overlay(&web(&["10.1.2.21"]));
    node.converge();
    let mut state = node.emulator.state();
    let id = "00000000-0000-0000-0000-000000000001".parse().unwrap();
    let mut network = state.network(id).unwrap().clone();
    network.policies[0].settings["ProviderAddress"] = "192.0.2.13".into();
    state.insert_network(id, network);
    node.emulator.steer(|service| service.set_state(state));
    let plan = node.plan();
    assert_eq!(plan[0], "1 create missing 10.1.2.21 []");
    assert_eq!(plan[1], "2 modify differs IPv4/172.20.0.10/80/TCP [1]");
    assert_eq!(plan[2], "3 delete unwanted 10.1.2.21 [2]");
    node.converge();
}

#[test]
fn overlays_and_old_builds_have_no_ipv6() {
    let text = service("web", "fd00:20::10", "") + &slice("web", 8080, &["fd00:1:2::21"]);
    assert_eq!(overlay(&text).plan(), [""; 0]);
    assert_eq!(Node::on("11.9", BRIDGE, "", &text).plan(), [""; 0]);
    assert_eq!(Node::on("11.10", BRIDGE, "", &text).plan().len(), 2);
}

#[test]
fn old_builds_have_no_direct_server_return_and_fewer_backends() {
    let addresses: Vec<String> = (1..=100).map(|last| format!("10.1.2.{last}")).collect();
    let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
    let load_balancer = |version: &str| -> LoadBalancer {
        let node = Node::on(version, BRIDGE, "", &web(&addresses));
        node.converge();
        node.load_balancer(Some("172.20.0.10"), 80)
    };
    for (version, dsr, backends) in
        [("9.2", false, 64), ("9.3", true, 64), ("10.1", false, 64), ("12.0", true, 100)]
    {
        let document = load_balancer(version);
        assert_eq!(document.is_dsr(), dsr, "{version}");
        assert_eq!(document.host_compute_endpoints.len(), backends, "{version}");
    }
}

#[test]
fn health_checks_of_a_cloud_are_forwarded_to_the_node() {
    let spec = "type: LoadBalancer, externalTrafficPolicy: Local, healthCheckNodePort: 31111";
    let status = "status: {loadBalancer: {ingress: [{ip: 203.0.113.80}]}}";
    let udp = service("web", "172.20.0.10", spec)
        .replace("}}\n", &format!("}}, {status}}}\n"))
        .replace("port: 80,", "port: 80, protocol: UDP,")
        + &slice("web", 8080, &["10.1.1.21"]).replace("port: 8080", "port: 8080, protocol: UDP");
    let locals = [
        local("10.1.1.21", "pod", "00-15-5D-00-01-21"),
        local("10.1.1.254", "cbr0", "00-15-5D-00-00-02"),
    ];
    let mut node = Node::on("15.5", BRIDGE, &locals.join(","), &udp);
    node.converge();
    assert!(node.plan().is_empty());
    node.settings.windows.forward_health_check_vip = true;
    node.converge();
    let document = node.load_balancer(Some("203.0.113.80"), 31111);
    let mapping = &document.port_mappings[0];
    assert_eq!((mapping.protocol.0, mapping.internal_port, mapping.flags.0), (6, 31111, 0));
    assert_eq!(document.flags.0, 0);
    let root = node.emulator.state().endpoint(document.host_compute_endpoints[0]).unwrap().clone();
    assert_eq!(root.name, "cbr0");
}

#[test]
fn preserve_destination_leaves_packets_to_pods_here_as_they_are() {
    let spec = "type: LoadBalancer";
    let status = "status: {loadBalancer: {ingress: [{ip: 203.0.113.80}]}}";
    let text =
        service("web", "172.20.0.10", spec).replace("}}\n", &format!("}}, {status}}}\n")).replace(
            "name: web, namespace: shop}",
            "name: web, namespace: shop, annotations: {preserve-destination: 'true'}}",
        ) + &slice("web", 8080, &["10.1.1.21", "10.1.2.21"]);
    let pod = local("10.1.1.21", "pod", "00-15-5D-00-01-21");
    let node = Node::on("15.5", BRIDGE, &pod, &text);
    node.converge();
    let flags = |vip, port| {
        let document = node.load_balancer(vip, port);
        let mapping = document.port_mappings[0].flags.0;
        (document.flags.0, mapping, document.host_compute_endpoints.len())
    };
    assert_eq!(flags(Some("203.0.113.80"), 80), (1, 28, 1));
    assert_eq!(flags(None, 30080), (0, 18, 1));
    assert_eq!(flags(Some("172.20.0.10"), 80), (1, 0, 2));
}
