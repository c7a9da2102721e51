//! The node itself: facts, families, and what follows when it changes.

use std::sync::Arc;

use switchyard_model::{Family, Name, Settings, ViewEvent};
use switchyard_nodeview::Stream;

use super::{NODES, SLICE, WEB, World, events, gone, join};

fn n1(labels: &str, ranges: &str, addresses: &[&str]) -> String {
    let addresses: Vec<_> = addresses
        .iter()
        .map(|text| {
            let (kind, address) = text.split_once(' ').expect("KIND ADDRESS");
            format!("{{type: {kind}, address: '{address}'}}")
        })
        .collect();
    format!(
        "{{apiVersion: v1, kind: Node, metadata: {{name: n1, labels: {labels}}}, spec: {{podCIDRs: {ranges}}}, \
         status: {{addresses: [{}]}}}}",
        addresses.join(", ")
    )
}

const ZONE: &str = "{topology.kubernetes.io/zone: z1}";
const V4: &str = "InternalIP 192.0.2.11";
const V6: &str = "InternalIP 2001:db8::11";

#[test]
fn the_node_comes_first_whenever_it_changes() {
    let start = n1(ZONE, "[10.1.1.0/24]", &[V4]);
    let mut world = World::after(&join(&[&start, WEB, SLICE]));
    for changed in [
        n1("{topology.kubernetes.io/zone: z2}", "[10.1.1.0/24]", &[V4]),
        n1("{}", "[10.1.1.0/24]", &[V4]),
        n1(ZONE, "[10.1.9.0/24]", &[V4]),
        n1(ZONE, "[]", &[V4]),
        n1(ZONE, "[10.1.1.0/24]", &["InternalIP 192.0.2.99"]),
        n1(ZONE, "[10.1.1.0/24]", &[V4, "ExternalIP 198.51.100.11"]),
        n1(ZONE, "[10.1.1.0/24]", &["ExternalIP 192.0.2.11"]),
    ] {
        assert_eq!(world.apply_text(&changed), ["node n1"], "{changed}");
        assert_eq!(world.apply_text(&start), ["node n1"], "and back from {changed}");
    }
}

#[test]
fn a_change_of_the_node_that_says_nothing_here_is_no_change() {
    let start = n1(ZONE, "[10.1.1.0/24]", &[V4]);
    let mut world = World::after(&join(&[&start, WEB, SLICE]));
    for changed in [
        n1("{topology.kubernetes.io/zone: z1, other: label}", "[10.1.1.0/24]", &[V4]),
        n1("{topology.kubernetes.io/zone: z1, kubernetes.io/os: windows}", "[10.1.1.0/24]", &[V4]),
        n1(ZONE, "[10.1.1.0/24]", &[V4, "Hostname n1", "InternalDNS n1.example"]),
    ] {
        assert_eq!(world.apply_text(&changed), [""; 0], "{changed}");
    }
}

#[test]
fn another_node_is_no_change() {
    let mut world = World::after(&join(&[NODES, WEB, SLICE]));
    assert_eq!(
        world
            .apply_text(&n1(ZONE, "[10.1.2.0/24]", &["InternalIP 192.0.2.99"]).replace("n1", "n2")),
        [""; 0]
    );
    assert_eq!(world.apply([gone("Node n2")]), [""; 0]);
}

#[test]
fn a_zone_change_recomputes_exactly_what_it_touches() {
    let hinted = SLICE
        .replace("nodeName: n1}", "nodeName: n1, hints: {forZones: [{name: z1}]}}")
        .replace("nodeName: n2}", "nodeName: n2, hints: {forZones: [{name: z2}]}}");
    let other = WEB.replace("web", "api").replace("172.20.0.10", "172.20.0.11");
    let start = n1(ZONE, "[10.1.1.0/24]", &[V4]);
    let mut world =
        World::after(&join(&[&start, WEB, &hinted, &other, &SLICE.replace("web", "api")]));
    let out = world.apply_text(&n1("{topology.kubernetes.io/zone: z2}", "[10.1.1.0/24]", &[V4]));
    assert_eq!(out, ["node n1", "upsert shop/web:http/TCP/IPv4"]);
    assert_eq!(super::backends(&world.view("shop/web:http/TCP/IPv4").cluster), "10.1.2.21:8080");
}

const DUAL: &str = "{apiVersion: v1, kind: Service, metadata: {name: dual, namespace: shop}, spec: {type: NodePort, \
                    clusterIP: 172.20.0.12, clusterIPs: [172.20.0.12, 'fd00:20::c'], \
                    ports: [{name: http, port: 80, nodePort: 30080}]}}";

#[test]
fn a_family_is_on_with_an_address_or_a_range() {
    for (ranges, addresses, v4, v6) in [
        ("[]", vec![V4], true, false),
        ("[]", vec![V6], false, true),
        ("[]", vec![V4, V6], true, true),
        ("[10.1.1.0/24]", vec![], true, false),
        ("['fd00:1:1::/64']", vec![], false, true),
        ("['fd00:1:1::/64']", vec![V4], true, true),
        ("[]", vec!["ExternalIP 192.0.2.11"], true, false),
        ("[]", vec!["Hostname n1"], false, false),
        ("[]", vec![], false, false),
    ] {
        let world = World::after(&join(&[&n1(ZONE, ranges, &addresses), DUAL]));
        let facts = world.stream.view().node();
        let has = (facts.has_family(Family::IPv4), facts.has_family(Family::IPv6));
        assert_eq!(has, (v4, v6), "{ranges} {addresses:?}");
        let keys: Vec<_> = world.stream.view().views().map(|view| view.key.family).collect();
        let expected: Vec<_> = [(Family::IPv4, v4), (Family::IPv6, v6)]
            .into_iter()
            .filter(|one| one.1)
            .map(|one| one.0)
            .collect();
        assert_eq!(keys, expected, "{ranges} {addresses:?}");
    }
}

#[test]
fn a_family_goes_on_and_off() {
    let (v4_only, both) = (n1(ZONE, "[]", &[V4]), n1(ZONE, "[]", &[V4, V6]));
    let mut world = World::after(&join(&[&v4_only, DUAL]));
    for _ in 0..2 {
        assert_eq!(world.apply_text(&both), ["node n1", "upsert shop/dual:http/TCP/IPv6"]);
        assert_eq!(world.apply_text(&v4_only), ["node n1", "remove shop/dual:http/TCP/IPv6"]);
    }
    assert_eq!(
        world.apply([gone("Node n1")]).len(),
        2,
        "the node's facts and the last view go with the node"
    );
    assert_eq!(world.views(), "");
    assert_eq!(world.apply_text(&both).len(), 3);
}

#[test]
fn a_cluster_ip_of_a_family_that_is_off_refuses_no_endpoint_of_the_other() {
    let world = World::after(&join(&[&n1(ZONE, "[]", &[V4]), DUAL, WEB, SLICE]));
    assert_eq!(world.refused(), [""; 0]);
}

#[test]
fn the_conflicts_of_a_family_that_is_off_are_none() {
    let rival = DUAL.replace("name: dual", "name: rival").replace("172.20.0.12", "172.20.0.13");
    let mut world = World::after(&join(&[&n1(ZONE, "[]", &[V4]), DUAL, &rival]));
    let v6 =
        |world: &World| world.conflicts().iter().filter(|line| line.contains("fd00:20::c")).count();
    assert_eq!(v6(&world), 0, "{:?}", world.conflicts());
    world.apply_text(&n1(ZONE, "[]", &[V4, V6]));
    assert_eq!(v6(&world), 1, "{:?}", world.conflicts());
}

#[test]
fn the_primary_address_is_the_first_internal_then_the_first_external() {
    for (addresses, primary) in [
        (vec![V4, "InternalIP 192.0.2.12"], "192.0.2.11"),
        (vec!["ExternalIP 198.51.100.11", V4], "192.0.2.11"),
        (vec!["ExternalIP 198.51.100.11", "ExternalIP 198.51.100.12"], "198.51.100.11"),
        (vec![V6, V4], "192.0.2.11"),
    ] {
        let world = World::after(&n1(ZONE, "[]", &addresses));
        let got =
            world.stream.view().node().primary(Family::IPv4).map(|address| address.to_string());
        assert_eq!(got.as_deref(), Some(primary), "{addresses:?}");
    }
}

#[test]
fn the_facts_are_the_nodes_own() {
    let world = World::after(&n1(
        ZONE,
        "[10.1.1.0/24, 'fd00:1:1::/64']",
        &[V4, "ExternalIP 198.51.100.11"],
    ));
    let facts = world.stream.view().node();
    assert_eq!(facts.name, "n1");
    assert_eq!(facts.zone.as_deref(), Some("z1"));
    let addresses: Vec<_> = facts.addresses.iter().map(|own| own.address.to_string()).collect();
    assert_eq!(addresses, ["192.0.2.11", "198.51.100.11"]);
    let ranges: Vec<_> = facts.pod_ranges.iter().map(ToString::to_string).collect();
    assert_eq!(ranges, ["10.1.1.0/24", "fd00:1:1::/64"]);
}

#[test]
fn each_node_sees_its_own_endpoints_as_local() {
    let all = events(&join(&[NODES, WEB, SLICE]));
    for (node, expected) in
        [("n1", "10.1.1.21:8080+ 10.1.2.21:8080"), ("n2", "10.1.1.21:8080 10.1.2.21:8080+")]
    {
        let mut stream = Stream::new(Name::from(node), Settings::default());
        stream.apply(all.clone());
        let view = stream.view().views().next().map(Arc::clone).expect("one view");
        assert_eq!(super::backends(&view.cluster), expected);
    }
    let mut stream = Stream::new(Name::from("unknown"), Settings::default());
    let out = stream.apply(all);
    assert!(!out.iter().any(|event| matches!(event, ViewEvent::Upsert(_))), "{out:?}");
}
