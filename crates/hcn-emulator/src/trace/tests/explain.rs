//! Explanations, and load balancers of other shapes than those of a cluster's addresses.

use super::*;

const BRIDGE: u32 = 1;

/// What the tracer says of `packet` in a state with the usual endpoints on an L2Bridge network, its parts joined by lines.
fn check_steps(documents: &[Value], packet: &Packet, expect: &[&str]) {
    let mut endpoints = endpoints();
    for endpoint in endpoints.as_array_mut().unwrap() {
        endpoint["HostComputeNetwork"] = json!(guid(BRIDGE));
    }
    let network = json!({ "ID": guid(BRIDGE), "Type": "L2Bridge", "ManagementIP": NODE });
    let file = json!({ "networks": [network], "endpoints": endpoints, "loadBalancers": documents });
    let state = State::from_json(&file.to_string()).unwrap();
    let node = NodeAddresses::from_iter([
        "192.0.2.10".parse().unwrap(),
        NODE.parse().unwrap(),
        "fd00::11".parse().unwrap(),
    ]);
    let tracer = Tracer::new(&state, node);
    let explanation = tracer.explain(packet);
    assert_eq!(explanation.verdict, tracer.trace(packet));
    let zeros = guid(0);
    let steps: Vec<String> = explanation
        .steps
        .iter()
        .filter(|step| !matches!(step, Step::Cell(_)))
        .map(|step| format!("{}: {}", step.as_str(), step.to_string().replace(&zeros[..33], "")))
        .collect();
    assert_eq!(steps, expect);
}

const SPREAD: &str = "distribution: by both addresses, both ports and the protocol: each \
                      connection is spread anew";

#[test]
fn a_local_pod_with_dsr_is_served_at_its_own_port() {
    check_steps(
        &[balancer(DSR, &[11, 21, 99]).document(100)],
        &packet(Origin::LocalPod, "10.1.1.50", VIP),
        &[
            "matched: load balancer 100 has the VIP 172.20.0.10, and port 80/TCP to 8080; direct server return",
            "endpoint: 011 at 10.1.1.21 port 8080, on this node: serves",
            "endpoint: 021 at 10.1.2.21 port 8080, elsewhere: serves",
            "endpoint: 099: lost, HNS has no such endpoint",
            "source: the backend sees 10.1.1.50, the client's own address",
            SPREAD,
            "rule: client pod's port: LB_DSR / LB_DSR_IPv4_OUT / LB_DSR_<id>_192.0.2.11_172.20.0.10_80_8080_6",
            "rule: client pod's port: VNET_PA_ROUTE_LAYER / VNET_GROUP_PA_ROUTE_IPV4_OUT / PA_ROUTE",
            "rule: backend pod's port: SLB_NAT_LAYER / SLB_GROUP_NAT_IPv4_IN / NAT_<id>_172.20.0.10_80_6",
        ],
    );
}

#[test]
fn the_node_is_served_at_the_host_port() {
    let node = packet(Origin::Node, NODE, VIP);
    check_steps(
        &[balancer(DSR, &[21]).document(100)],
        &node,
        &[
            "matched: load balancer 100 has the VIP 172.20.0.10, and port 80/TCP to 8080; direct server return",
            "endpoint: 021 at 10.1.2.21 port 8080, elsewhere: serves",
            "source: the backend sees 192.0.2.11, the node's",
            SPREAD,
            "rule: host vNic: LB / LB_OUT_V4 / LB_HOST_<id>_172.20.0.10_80_8080_6",
            "rule: host vNic: VNET_PA_ROUTE_LAYER / VNET_GROUP_PA_ROUTE_IPV4_OUT / PA_ROUTE (inferred)",
        ],
    );
    let mut with_source_vip = balancer(DSR, &[11, 12]).document(100);
    with_source_vip["SourceVIP"] = json!("10.1.1.2");
    check_steps(
        &[with_source_vip],
        &node,
        &[
            "matched: load balancer 100 has the VIP 172.20.0.10, and port 80/TCP to 8080; direct server return",
            "endpoint: 011 at 10.1.1.21 port 8080, on this node: serves",
            "endpoint: 012 at 10.1.1.22 port 8080, on this node: serves",
            "source: the backend sees 10.1.1.2, the load balancer's source VIP",
            SPREAD,
            "rule: host vNic: SLB_LB_LAYER / SLB_GROUP_LB_IPv4_OUT / LB_<id>_172.20.0.10_80_80_6",
            "rule: backend pod's port: SLB_NAT_LAYER / SLB_GROUP_NAT_IPv4_IN / NAT_<id>_172.20.0.10_80_6",
        ],
    );
    check_steps(
        &[balancer(PLAIN, &[11]).document(100)],
        &node,
        &[
            "matched: load balancer 100 has the VIP 172.20.0.10, and port 80/TCP to 8080; no direct server return",
            "endpoint: 011 at 10.1.1.21 port 8080, on this node: serves",
            "source: the backend sees 192.0.2.11, the node's",
            SPREAD,
            "rule: host vNic: SLB_LB_LAYER / SLB_GROUP_LB_IPv4_OUT / NAT_<id>_172.20.0.10_80_80_6 (inferred)",
            "rule: backend pod's port: SLB_NAT_LAYER / SLB_GROUP_NAT_IPv4_IN / NAT_<id>_172.20.0.10_80_6 (inferred)",
        ],
    );
}

#[test]
fn a_client_outside_comes_in_by_the_adapter() {
    let node_port = Balancer { vip: None, port_flags: 18, ..balancer(DSR, &[11, 21]) };
    check_steps(
        &[node_port.document(100), node_port.document(101)],
        &packet(Origin::Outside, "198.51.100.7", "192.0.2.10"),
        &[
            "matched: load balancer 100 has no VIP, so every address of the node, 192.0.2.10 too, and port 80/TCP to 8080; direct server return, LocalRoutedVip, VipExternalIP; the same frontend, and never asked: 101",
            "endpoint: 011 at 10.1.1.21 port 8080, on this node: serves",
            "endpoint: 021 at 10.1.2.21 port 8080, elsewhere: not asked for, such clients reach the backends on this node only",
            "source: the backend sees 198.51.100.7, the client's own address",
            SPREAD,
            "rule: external adapter: SLB_NAT_LAYER / SLB_GROUP_NAT_IPv4_IN / NAT_<id>_192.0.2.11_80_6 (inferred)",
            "rule: host vNic: SLB_HAIRPIN_LAYER / SLB_GROUP_HAIRPIN_IPv4_IN / HairPin_<id>_192.0.2.11_80_80_6",
            "rule: backend pod's port: SLB_NAT_LAYER / SLB_GROUP_NAT_IPv4_IN / NAT_<id>_192.0.2.11_80_6",
        ],
    );
}

#[test]
fn rules_are_of_the_family() {
    let mut document = balancer(3, &[41]).document(100);
    document["FrontendVIPs"] = json!(["fd00:20::10"]);
    document["SourceVIP"] = json!("10.1.1.2");
    check_steps(
        &[document],
        &packet(Origin::LocalPod, "fd00:1:1::50", "fd00:20::10"),
        &[
            "matched: load balancer 100 has the VIP fd00:20::10, and port 80/TCP to 8080; direct server return",
            "endpoint: 041 at fd00:1:1::41 port 8080, on this node: serves",
            "source: the backend sees fd00:1:1::50, the client's own address",
            SPREAD,
            "rule: client pod's port: LB_DSR / LB_DSR_IPv6_OUT / LB_DSR_<id>_fd00::11_fd00:20::10_80_8080_6",
            "rule: backend pod's port: SLB_NAT_LAYER / SLB_GROUP_NAT_IPv6_IN / NAT_<id>_fd00:20::10_80_6",
            "note: the source VIP \"10.1.1.2\" is no address of the packet's family",
        ],
    );
}

#[test]
fn what_is_not_forwarded_is_explained() {
    let outside = packet(Origin::Outside, "198.51.100.7", VIP);
    let matched = "matched: load balancer 100 has the VIP 172.20.0.10, and port 80/TCP to 8080; no direct server return";
    let lost = "note: no share is left: the packet is lost";
    let degraded = Balancer { state: 4, ..balancer(PLAIN, &[11, 99]) };
    check_steps(
        &[degraded.document(100)],
        &outside,
        &[
            matched,
            "endpoint: 011 at 10.1.1.21 port 8080, on this node: lost, the load balancer is degraded (state 4)",
            "endpoint: 099: lost, HNS has no such endpoint",
            lost,
        ],
    );
    check_steps(
        &[balancer(PLAIN, &[]).document(100)],
        &outside,
        &[matched, "note: the load balancer names no endpoint"],
    );
    let internal = Balancer { port_flags: 1, ..balancer(PLAIN, &[11]) };
    check_steps(&[internal.document(100)], &outside, &[&format!("{matched}, ILB")]);
    check_steps(
        &[balancer(DSR, &[21]).document(100)],
        &outside,
        &[
            "matched: load balancer 100 has the VIP 172.20.0.10, and port 80/TCP to 8080; direct server return",
            "endpoint: 021 at 10.1.2.21 port 8080, elsewhere: not asked for, such clients reach the backends on this node only",
            "note: no backend is on this node: there is no rule for such clients, and the packet is left alone (kubernetes/kubernetes#115344)",
        ],
    );
}

#[test]
fn a_packet_that_no_load_balancer_is_for_is_explained() {
    let documents = [
        balancer(PLAIN, &[11]).document(100),
        Balancer { vip: None, ..balancer(PLAIN, &[11]) }.document(101),
    ];
    let at = |to: &str, port| {
        let mut packet = packet(Origin::Outside, "198.51.100.7", to);
        let address = to.parse().unwrap();
        packet.destination = Destination::Port { address, port, protocol: Protocol::Tcp };
        packet
    };
    let other = "unmatched: no load balancer has this port and protocol; the address has 80/TCP";
    check_steps(&documents, &at(VIP, 81), &[other]);
    let no_port = "unmatched: the address is the node's, and no load balancer without a VIP has this port and protocol";
    check_steps(&documents, &at(NODE, 81), &[no_port]);
    let not_own =
        "unmatched: load balancer 101 has this port at every address of the node, but this is none";
    check_steps(&documents, &at("192.0.2.99", 80), &[not_own]);
    let nobody = "unmatched: no load balancer has the address";
    check_steps(&documents, &at("192.0.2.99", 81), &[nobody]);
    let mut echo = at(VIP, 80);
    echo.destination = Destination::Echo { address: VIP.parse().unwrap() };
    let no_echo = "unmatched: an ICMP echo: load balancers do not answer it (Kubernetes' page on Windows networking)";
    check_steps(&documents, &echo, &[no_echo]);
}

#[test]
fn a_pod_that_may_pick_itself_is_told() {
    check_steps(
        &[balancer(DSR, &[11, 12]).document(100)],
        &packet(Origin::LocalPod, "10.1.1.21", VIP),
        &[
            "matched: load balancer 100 has the VIP 172.20.0.10, and port 80/TCP to 8080; direct server return",
            "endpoint: 011 at 10.1.1.21 port 8080, on this node: serves",
            "endpoint: 012 at 10.1.1.22 port 8080, on this node: serves",
            "source: the backend sees 10.1.1.21, the client's own address, but the client itself sees 192.0.2.11, the node's",
            SPREAD,
            "rule: client pod's port: LB_DSR / LB_DSR_IPv4_OUT / LB_DSR_<id>_192.0.2.11_172.20.0.10_80_8080_6",
            "rule: backend pod's port: SLB_NAT_LAYER / SLB_GROUP_NAT_IPv4_IN / NAT_<id>_172.20.0.10_80_6",
            "note: 10.1.1.21 may be picked itself: that share is lost unless its network plug-in has made the loopback path, `loopbackDSR` (kubernetes-sigs/sig-windows-tools#119, Azure/AKS#2608)",
        ],
    );
}

/// kubernetes/community#8890: it concerns pods whose address is rewritten and backends beside them, on Windows Server 2019.
#[test]
fn a_source_that_is_left_to_hns_is_told() {
    let noted = |major: u32, document: Value, origin, from: &str| {
        let file = json!({ "version": { "Major": major, "Minor": 3 }, "endpoints": endpoints(),
            "loadBalancers": [document] });
        let state = State::from_json(&file.to_string()).unwrap();
        let node = NodeAddresses::from_iter([NODE.parse().unwrap()]);
        let steps = Tracer::new(&state, node).explain(&packet(origin, from, VIP)).steps;
        steps.contains(&Step::Note(Note::SourceLeftToHns))
    };
    let plain = |endpoints: &[u32]| balancer(PLAIN, endpoints).document(100);
    let (pod, other) = ("10.1.1.50", "198.51.100.7");
    assert!(noted(9, plain(&[11, 21]), Origin::LocalPod, pod));
    assert!(!noted(13, plain(&[11, 21]), Origin::LocalPod, pod));
    assert!(!noted(9, balancer(DSR, &[11, 21]).document(100), Origin::LocalPod, pod));
    assert!(!noted(9, plain(&[21]), Origin::LocalPod, pod));
    assert!(!noted(9, plain(&[11, 21]), Origin::Outside, other));
    let mut told = plain(&[11, 21]);
    told["SourceVIP"] = json!(NODE);
    assert!(!noted(9, told, Origin::LocalPod, pod));
}

#[test]
fn with_preserve_dip_no_rule_translates_and_none_is_known() {
    let preserved = |origin, from: &str| {
        let document = Balancer { port_flags: 28, ..balancer(DSR, &[11]) }.document(100);
        let file = json!({ "endpoints": endpoints(), "loadBalancers": [document] });
        let state = State::from_json(&file.to_string()).unwrap();
        let node = NodeAddresses::from_iter([NODE.parse().unwrap()]);
        let steps = Tracer::new(&state, node).explain(&packet(origin, from, VIP)).steps;
        let rules = steps.into_iter().filter_map(|step| match step {
            Step::Rule(rule) => Some(rule.to_string()),
            _ => None,
        });
        rules.collect::<Vec<_>>()
    };
    let of_pod = "client pod's port: LB_DSR / LB_DSR_IPv4_OUT / \
                  LB_DSR_<id>_192.0.2.11_172.20.0.10_80_80_6 (inferred)";
    assert_eq!(preserved(Origin::LocalPod, "10.1.1.50"), [of_pod]);
    let of_node = "host vNic: SLB_LB_LAYER / SLB_GROUP_LB_IPv4_OUT / \
                   LB_<id>_172.20.0.10_80_80_6 (inferred)";
    assert_eq!(preserved(Origin::Node, NODE), [of_node]);
    let hairpin = "host vNic: SLB_HAIRPIN_LAYER / SLB_GROUP_HAIRPIN_IPv4_IN / \
                   HairPin_<id>_172.20.0.10_80_80_6 (inferred)";
    assert_eq!(preserved(Origin::Outside, "198.51.100.7"), [hairpin]);
}

/// A state with a health-check load balancer: a cloud's address, a port for checks, the host's own endpoint behind it.
fn health_check(root_address: &str, port_flags: u32) -> State {
    let mut document = balancer(PLAIN, &[61]).document(100);
    document["FrontendVIPs"] = json!(["203.0.113.20"]);
    document["PortMappings"] = json!([
        { "Protocol": 6, "InternalPort": 32000, "ExternalPort": 32000, "Flags": port_flags }]);
    let root = json!({ "ID": guid(61), "Name": "cbr0", "MacAddress": "00-15-5D-00-00-01",
        "IpConfigurations": [{ "IpAddress": root_address }] });
    let file = json!({ "endpoints": [root], "loadBalancers": [document] });
    State::from_json(&file.to_string()).unwrap()
}

#[test]
fn a_health_check_reaches_the_host() {
    for (root, port_flags) in [("10.1.1.2", 0), ("10.1.1.2", 12), (NODE, 12)] {
        let state = health_check(root, port_flags);
        let tracer = Tracer::new(&state, NodeAddresses::from_iter([NODE.parse().unwrap()]));
        let mut packet = packet(Origin::Outside, "198.51.100.7", "203.0.113.20");
        let address = "203.0.113.20".parse().unwrap();
        packet.destination = Destination::Port { address, port: 32000, protocol: Protocol::Tcp };
        let explanation = tracer.explain(&packet);
        let expect = format!("forward {root}:32000* rewrite <- endpoint/061 loadBalancer/100");
        assert_eq!(said(&explanation.verdict), expect);
        let mux = explanation.steps.contains(&Step::Note(Note::UseMux));
        assert_eq!(mux, port_flags != 0);
    }
}

#[test]
fn use_mux_alone_changes_nothing() {
    for origin in [Origin::Node, Origin::LocalPod, Origin::RemotePod, Origin::Outside] {
        for flags in [DSR, PLAIN] {
            let verdict = |port_flags| {
                let state = state(&[Balancer { port_flags, ..balancer(flags, &[11, 21]) }]);
                let node = NodeAddresses::from_iter([NODE.parse().unwrap()]);
                Tracer::new(&state, node).trace(&packet(origin, "198.51.100.7", VIP))
            };
            assert_eq!(verdict(4), verdict(0));
            assert_eq!(verdict(20), verdict(16));
        }
    }
}

#[test]
fn every_vip_and_every_port_of_a_load_balancer_is_found() {
    let mut document = balancer(DSR, &[11, 41]).document(100);
    document["FrontendVIPs"] = json!([VIP, "172.20.0.11", "fd00:20::10"]);
    document["PortMappings"] = json!([
        { "Protocol": 6, "InternalPort": 8080, "ExternalPort": 80 },
        { "Protocol": 6, "InternalPort": 8443, "ExternalPort": 443 },
        { "Protocol": 17, "InternalPort": 8053, "ExternalPort": 53, "DistributionType": 2 }]);
    let file = json!({ "endpoints": endpoints(), "loadBalancers": [document] });
    let state = State::from_json(&file.to_string()).unwrap();
    let tracer = Tracer::new(&state, NodeAddresses::default());
    let check = |to: &str, port, protocol, expect: &str| {
        let from = if to.contains(':') { "fd00:1:1::50" } else { "10.1.1.50" };
        let mut packet = packet(Origin::LocalPod, from, to);
        let address = to.parse().unwrap();
        packet.destination = Destination::Port { address, port, protocol };
        assert_eq!(said(&tracer.trace(&packet)), expect);
    };
    let decided = "<- endpoint/011 endpoint/041 loadBalancer/100";
    for vip in [VIP, "172.20.0.11"] {
        for (port, inside) in [(80, 8080), (443, 8443)] {
            let expect = format!("forward 10.1.1.21:{inside}* 10.1.1.41:{inside}* keep {decided}");
            check(vip, port, Protocol::Tcp, &expect);
        }
        let sticky = format!("forward 10.1.1.21:8053* 10.1.1.41:8053* keep sticky {decided}");
        check(vip, 53, Protocol::Udp, &sticky);
        check(vip, 53, Protocol::Tcp, "pass");
    }
    let ipv6 = "forward fd00:1:1::41:8443* keep <- endpoint/041 limit/dangling loadBalancer/100";
    check("fd00:20::10", 443, Protocol::Tcp, ipv6);
}
