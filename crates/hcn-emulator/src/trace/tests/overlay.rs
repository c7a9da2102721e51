//! What is lost on overlay networks, and backends with one hardware address.

use super::*;

const NETWORK: u32 = 1;
const HOST: &str = "00-15-5D-00-00-01";
const OTHER: &str = "192.0.2.12";
const CLIENT: &str = "10.1.1.50";

/// A network of a type, whose host has [`HOST`] by the member that states of our own tools carry.
fn network(network_type: &str) -> Value {
    json!({
        "ID": guid(NETWORK), "Name": "vxlan0", "Type": network_type,
        "AdditionalParams": { "HostMac": HOST },
        "Policies": [remote_subnet("10.1.2.0/24", OTHER)],
    })
}

fn remote_subnet(prefix: &str, provider: &str) -> Value {
    json!({ "Type": "RemoteSubnetRoute", "Settings": {
        "DestinationPrefix": prefix, "ProviderAddress": provider, "IsolationId": 4096 } })
}

/// A remote endpoint of the network.
fn remote(number: u32, address: &str, mac: &str, provider: &str) -> Value {
    let provider =
        json!({ "Type": "ProviderAddress", "Settings": { "ProviderAddress": provider } });
    json!({ "ID": guid(number), "Flags": 1, "HostComputeNetwork": guid(NETWORK), "MacAddress": mac,
        "IpConfigurations": [{ "IpAddress": address }], "Policies": [provider] })
}

fn local(number: u32, address: &str, mac: &str) -> Value {
    json!({ "ID": guid(number), "HostComputeNetwork": guid(NETWORK), "MacAddress": mac,
        "IpConfigurations": [{ "IpAddress": address }] })
}

/// What a load balancer over `endpoints` of `network` does with a packet of a client.
fn explained(network: &Value, endpoints: &[Value], dsr: u32, origin: Origin) -> Explanation {
    let ids: Vec<&Value> = endpoints.iter().map(|endpoint| &endpoint["ID"]).collect();
    let mut document = balancer(dsr, &[]).document(100);
    document["HostComputeEndpoints"] = json!(ids);
    let file =
        json!({ "networks": [network], "endpoints": endpoints, "loadBalancers": [document] });
    let state = State::from_json(&file.to_string()).unwrap();
    let node = NodeAddresses::from_iter([NODE.parse().unwrap(), "fd00::11".parse().unwrap()]);
    let tracer = Tracer::new(&state, node);
    let packet = packet(origin, CLIENT, VIP);
    let explanation = tracer.explain(&packet);
    assert_eq!(explanation.verdict, tracer.trace(&packet));
    explanation
}

/// Expects the only endpoint to serve, or to be lost for a reason that has these words.
fn check_one(network: &Value, endpoint: Value, lost: Option<&str>) {
    let explanation = explained(network, &[endpoint], PLAIN, Origin::LocalPod);
    let backend = explanation.steps.iter().find_map(|step| match step {
        Step::Endpoint(backend) => Some(backend),
        _ => None,
    });
    let fate = &backend.unwrap().fate;
    match lost {
        None => assert_eq!(fate, &Fate::Serves),
        Some(words) => {
            let Fate::Lost(why) = fate else { panic!("{fate:?} is not lost: {words}") };
            assert!(why.to_string().contains(words), "{why} has not {words}");
            assert_eq!(said(&explanation.verdict), "drop <- limit/dangling loadBalancer/100");
        }
    }
}

fn check(endpoint: Value, lost: Option<&str>) {
    check_one(&network("Overlay"), endpoint.clone(), lost);
    check_one(&network("overlay"), endpoint.clone(), lost);
    // The underlay of an L2Bridge network routes, whatever the endpoint says.
    check_one(&network("L2Bridge"), endpoint, None);
}

#[test]
fn what_kube_proxy_makes_is_routed() {
    check(remote(21, "10.1.2.21", "02-11-0a-01-02-15", OTHER), None);
    // The other node itself, with its own address as provider address.
    check(remote(21, OTHER, "02-11-c0-00-02-0c", OTHER), None);
    // A public address, that this node delivers.
    check(remote(21, "203.0.113.7", "02-11-cb-00-71-07", NODE), None);
    // A virtual address.
    check(remote(21, VIP, HOST, NODE), None);
    // This node itself.
    check(remote(21, NODE, HOST, NODE), None);
    check(local(11, "10.1.1.21", "00-15-5D-00-01-21"), None);
    check(local(11, "10.1.1.21", ""), None);
}

#[test]
fn a_remote_endpoint_needs_a_provider_address() {
    check(remote(21, "10.1.2.21", "02-11-0a-01-02-15", ""), Some("no provider address"));
    check(remote(21, "10.1.2.21", "02-11-0a-01-02-15", "nowhere"), Some("no provider address"));
    let mut without = remote(21, "10.1.2.21", "02-11-0a-01-02-15", OTHER);
    without["Policies"] = json!([]);
    check(without, Some("no provider address"));
}

#[test]
fn a_remote_endpoint_needs_a_hardware_address() {
    check(remote(21, "10.1.2.21", "", OTHER), Some("no hardware address"));
    check(remote(21, "10.1.2.21", "02-11-0a-01-02", OTHER), Some("no hardware address"));
}

#[test]
fn the_hardware_address_says_who_delivers() {
    check(remote(21, NODE, "02-11-c0-00-02-0b", NODE), Some("not the host's"));
    check(remote(21, "10.1.2.21", HOST, OTHER), Some("this host's"));
}

#[test]
fn where_the_host_is_unknown_its_hardware_address_is_not_judged() {
    let mut unknown = network("Overlay");
    unknown["AdditionalParams"] = json!({ "HostMac": "unknown" });
    check_one(&unknown, remote(21, NODE, "02-11-c0-00-02-0b", NODE), None);
    check_one(&unknown, remote(21, "10.1.2.21", HOST, OTHER), None);
    let explanation = explained(&unknown, &[remote(21, NODE, HOST, NODE)], PLAIN, Origin::LocalPod);
    let note = Step::Note(Note::UnknownHostMac(guid(NETWORK).parse().unwrap()));
    assert!(explanation.steps.contains(&note));
}

#[test]
fn the_host_is_found_in_three_places() {
    let wrong = || remote(21, "10.1.2.21", HOST, OTHER);
    let mut by_policy = network("Overlay");
    by_policy["AdditionalParams"] = Value::Null;
    by_policy["Policies"] =
        json!([{ "Type": "SourceMacAddress", "Settings": { "SourceMacAddress": HOST } }]);
    check_one(&by_policy, wrong(), Some("this host's"));

    let mut by_member = network("Overlay");
    by_member["AdditionalParams"] = Value::Null;
    by_member["SourceMac"] = json!(HOST);
    check_one(&by_member, wrong(), Some("this host's"));

    // The first place stands.
    by_member["AdditionalParams"] = json!({ "HostMac": "00-15-5D-00-00-02" });
    check_one(&by_member, wrong(), None);
}

#[test]
fn the_last_route_to_an_address_names_its_node() {
    let endpoint = |provider| remote(21, "10.1.2.21", "02-11-0a-01-02-15", provider);
    check(endpoint("192.0.2.13"), Some("route to 10.1.2.0/24 goes to 192.0.2.12"));
    check(endpoint(NODE), Some("goes to 192.0.2.12"));

    let mut two = network("Overlay");
    two["Policies"] = json!([
        remote_subnet("10.1.2.0/24", OTHER),
        remote_subnet("10.1.0.0/16", "192.0.2.13"),
        remote_subnet("10.9.0.0/16", "192.0.2.14"),
    ]);
    check_one(&two, endpoint("192.0.2.13"), None);
    check_one(&two, endpoint(OTHER), Some("route to 10.1.0.0/16 goes to 192.0.2.13"));

    // Another node's own address is behind that node, though a route before has it.
    two["Policies"] =
        json!([remote_subnet("192.0.2.0/24", "192.0.2.99"), remote_subnet("10.1.2.0/24", OTHER),]);
    check_one(&two, remote(21, OTHER, "02-11-c0-00-02-0c", OTHER), None);
}

#[test]
fn the_share_of_what_is_not_routed_is_lost() {
    let endpoints = [
        remote(21, "10.1.2.21", "02-11-0a-01-02-15", OTHER),
        remote(22, "10.1.2.22", "", OTHER),
        local(11, "10.1.1.21", "00-15-5D-00-01-21"),
    ];
    let of = |endpoints: &[Value], dsr, origin| {
        said(&explained(&network("Overlay"), endpoints, dsr, origin).verdict)
    };
    let all = "forward 10.1.1.21:8080* 10.1.2.21:8080 rewrite \
               <- endpoint/011 endpoint/021 limit/dangling loadBalancer/100";
    assert_eq!(of(&endpoints, PLAIN, Origin::LocalPod), all);
    let drop = "drop <- limit/dangling loadBalancer/100";
    assert_eq!(of(&endpoints[1..2], PLAIN, Origin::Outside), drop);
}

#[test]
fn a_client_elsewhere_loses_nothing_that_it_has_no_share_of() {
    let endpoints = [
        remote(21, "10.1.2.21", "02-11-0a-01-02-15", OTHER),
        remote(22, "10.1.2.22", "", OTHER),
        local(11, "10.1.1.21", "00-15-5D-00-01-21"),
    ];
    for origin in [Origin::Outside, Origin::RemotePod] {
        let of = |endpoints: &[Value]| {
            said(&explained(&network("Overlay"), endpoints, DSR, origin).verdict)
        };
        let local = "forward 10.1.1.21:8080* keep <- endpoint/011 loadBalancer/100";
        assert_eq!(of(&endpoints), local);
        let pass = "pass <- limit/dsr-remote-client loadBalancer/100";
        assert_eq!(of(&endpoints[..2]), pass);
        assert_eq!(of(&endpoints[1..2]), pass);
    }
}

#[test]
fn a_remote_endpoint_without_its_network_is_lost() {
    for network_type in ["Overlay", "L2Bridge"] {
        let mut stray = remote(21, "10.1.2.21", "02-11-0a-01-02-15", OTHER);
        stray["HostComputeNetwork"] = json!(guid(2));
        check_one(&network(network_type), stray, Some("HNS has no network"));
    }
}

#[test]
fn of_backends_with_one_hardware_address_the_first_serves() {
    // kubernetes/kubernetes#68897.
    let mac = "02-11-0a-01-02-15";
    let endpoints = [
        remote(22, "10.1.2.22", mac, OTHER),
        remote(21, "10.1.2.21", "02:11:0A:01:02:15", OTHER),
        remote(23, "10.1.2.23", "02-11-0a-01-02-17", OTHER),
    ];
    for network_type in ["Overlay", "L2Bridge"] {
        let explanation = explained(&network(network_type), &endpoints, DSR, Origin::LocalPod);
        let forward = "forward 10.1.2.22:8080 10.1.2.23:8080 keep \
                       <- endpoint/022 endpoint/023 loadBalancer/100";
        assert_eq!(said(&explanation.verdict), forward);
        let told = explanation.steps.iter().any(|step| {
            let text = step.to_string();
            text.contains("gets nothing") && text.contains("kubernetes/kubernetes#68897")
        });
        assert!(told, "{:?}", explanation.steps);
    }

    // One that is lost itself takes nothing from others.
    let mut lost_first = endpoints;
    lost_first[0]["Policies"] = json!([]);
    let explanation = explained(&network("Overlay"), &lost_first, DSR, Origin::LocalPod);
    let forward = "forward 10.1.2.21:8080 10.1.2.23:8080 keep \
                   <- endpoint/021 endpoint/023 limit/dangling loadBalancer/100";
    assert_eq!(said(&explanation.verdict), forward);

    // Nor does one that this client does not reach.
    let elsewhere_first = [remote(21, "10.1.2.21", mac, OTHER), local(11, "10.1.1.21", mac)];
    let explanation = explained(&network("Overlay"), &elsewhere_first, DSR, Origin::Outside);
    let forward = "forward 10.1.1.21:8080* keep <- endpoint/011 loadBalancer/100";
    assert_eq!(said(&explanation.verdict), forward);
}

/// The notes on a packet to [`VIP`], whose port mapping has these flags, of a load balancer over `endpoints`.
fn notes(network: &Value, endpoints: &[Value], dsr: u32, port_flags: u32) -> Vec<Note> {
    let document = Balancer { port_flags, ..balancer(dsr, &[21]) }.document(100);
    let file =
        json!({ "networks": [network], "endpoints": endpoints, "loadBalancers": [document] });
    let state = State::from_json(&file.to_string()).unwrap();
    let node = NodeAddresses::from_iter([NODE.parse().unwrap()]);
    let explanation = Tracer::new(&state, node).explain(&packet(Origin::LocalPod, CLIENT, VIP));
    let notes = explanation.steps.into_iter().filter_map(|step| match step {
        Step::Note(note) => Some(note),
        _ => None,
    });
    notes.collect()
}

const EXTERNAL: u32 = 16;
const USE_MUX: u32 = 4;

#[test]
fn on_an_overlay_something_should_be_at_a_vip_of_the_cluster() {
    let nothing = [Note::NothingAtVip(VIP.parse().unwrap())];
    let backend = remote(21, "10.1.2.21", "02-11-0a-01-02-15", OTHER);
    let alone = std::slice::from_ref(&backend);
    assert_eq!(notes(&network("Overlay"), alone, DSR, 0), nothing);
    assert_eq!(notes(&network("L2Bridge"), alone, DSR, 0), []);
    let right = remote(50, VIP, HOST, NODE);
    assert_eq!(notes(&network("Overlay"), &[backend.clone(), right], DSR, 0), []);
    // kube-proxy makes none for addresses that are not of the cluster, nor for health checks of such.
    assert_eq!(notes(&network("Overlay"), alone, DSR, EXTERNAL), []);
    assert_eq!(notes(&network("Overlay"), alone, DSR, USE_MUX), [Note::UseMux]);
}

#[test]
fn what_is_at_a_vip_should_lead_to_the_host() {
    let misleading = |endpoint: Value, port_flags| {
        let backend = remote(21, "10.1.2.21", "02-11-0a-01-02-15", OTHER);
        notes(&network("Overlay"), &[backend, endpoint], DSR, port_flags)
    };
    let check = |endpoint: Value, why: Misleading| {
        let (vip, id) = (VIP.parse().unwrap(), guid(50).parse().unwrap());
        let note = Note::MisleadingAtVip { vip, endpoint: id, why };
        assert_eq!(misleading(endpoint.clone(), 0), [note]);
        assert_eq!(misleading(endpoint, EXTERNAL), []);
    };
    let (mac, host) = ("02-11-ac-14-00-0a".parse().unwrap(), HOST.parse().unwrap());
    check(remote(50, VIP, "02-11-ac-14-00-0a", NODE), Misleading::Mac { mac, host });
    check(remote(50, VIP, "", NODE), Misleading::NoMac);
    check(remote(50, VIP, HOST, OTHER), Misleading::Provider(OTHER.parse().unwrap()));
    check(remote(50, VIP, HOST, ""), Misleading::NoProvider);
}

#[test]
fn a_load_balancer_of_an_overlay_needs_a_source_vip() {
    let endpoints =
        [remote(21, "10.1.2.21", "02-11-0a-01-02-15", OTHER), remote(50, VIP, HOST, NODE)];
    assert_eq!(notes(&network("Overlay"), &endpoints, PLAIN, 0), [Note::NoSourceVip]);
    assert_eq!(notes(&network("Overlay"), &endpoints, DSR, 0), []);
    assert_eq!(notes(&network("L2Bridge"), &endpoints, PLAIN, 0), []);
}

#[test]
fn an_overlay_has_no_ipv6() {
    let mut document = balancer(2, &[21]).document(100);
    document["FrontendVIPs"] = json!(["fd00:20::10"]);
    document["SourceVIP"] = json!("fd00:1:1::2");
    let endpoints = [remote(21, "fd00:1:2::21", "02-11-15-00-00-00", OTHER)];
    let noted = |network: Value| {
        let file = json!({ "networks": [network], "endpoints": endpoints,
            "loadBalancers": [document] });
        let state = State::from_json(&file.to_string()).unwrap();
        let packet = packet(Origin::LocalPod, "fd00:1:1::50", "fd00:20::10");
        let steps = Tracer::new(&state, NodeAddresses::default()).explain(&packet).steps;
        steps.contains(&Step::Note(Note::Ipv6OnOverlay))
    };
    assert!(noted(network("Overlay")));
    assert!(!noted(network("L2Bridge")));
}
