//! Which endpoints are backends: conditions, topology, ports, duplicates and families.

use super::{NODES, WEB, World, join};

/// The backends of shop/web on n1 under these endpoints: the cluster's, or the local ones for a policy that uses them.
fn sets(spec: &str, endpoints: &str) -> (String, String) {
    let world = world(spec, endpoints);
    let view = world.view("shop/web:http/TCP/IPv4");
    (super::backends(&view.cluster), super::backends(&view.local))
}

fn world(spec: &str, endpoints: &str) -> World {
    let service = WEB.replace("spec: {", &format!("spec: {{{spec}"));
    World::after(&join(&[NODES, &service, &slice("web-1", endpoints)]))
}

fn slice(name: &str, endpoints: &str) -> String {
    format!(
        "{{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, addressType: IPv4,
         metadata: {{name: {name}, namespace: shop, labels: {{kubernetes.io/service-name: web}}}},
         ports: [{{name: http, port: 8080}}], endpoints: [{endpoints}]}}"
    )
}

/// One endpoint: its last number, its node, and words: `r`eady, `s`erving, `t`erminating, `z1` and `n1` hints.
fn endpoint(text: &str) -> String {
    let mut words = text.split(' ');
    let (number, node) = (words.next().expect("a number"), words.next().expect("a node"));
    let words: Vec<_> = words.collect();
    let has = |word: &str| words.contains(&word);
    let hints = |letter: char| {
        let names = words.iter().filter(|word| word.starts_with(letter) && word.len() > 1);
        names.map(|word| format!("{{name: {word}}}")).collect::<Vec<_>>().join(", ")
    };
    format!(
        "{{addresses: [10.1.0.{number}], nodeName: {node}, conditions: {{ready: {}, serving: {}, terminating: {}}}, \
         hints: {{forZones: [{}], forNodes: [{}]}}}}",
        has("r"),
        has("s"),
        has("t"),
        hints('z'),
        hints('n')
    )
}

/// Each case: endpoints, then the numbers of the cluster's backends, then of the local ones.
fn check(spec: &str, cases: &[(&[&str], &str, &str)]) {
    let mut failures = Vec::new();
    for (endpoints, cluster, local) in cases {
        let text: Vec<_> = endpoints.iter().map(|text| endpoint(text)).collect();
        let (got_cluster, got_local) = sets(spec, &text.join(", "));
        let short = |text: String| text.replace("10.1.0.", "").replace(":8080", "");
        let got = (short(got_cluster), short(got_local));
        if got != ((*cluster).to_owned(), (*local).to_owned()) {
            failures.push(format!("{endpoints:?}: expected {:?}, got {got:?}", (cluster, local)));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn ready_endpoints_serve_and_else_those_that_drain() {
    check(
        "",
        &[
            (&["1 n1 r s", "2 n2 r s"], "1+ 2", ""),
            (&["1 n1 r s", "2 n2 s t"], "1+", ""),
            (&["1 n1 s t", "2 n2 s t"], "1+- 2-", ""),
            (&["1 n1 s", "2 n2 s t"], "2-", ""),
            (&["1 n1 t", "2 n2"], "", ""),
            (&["1 n1 r", "2 n2 s t"], "1+", ""),
        ],
    );
}

#[test]
fn the_local_set_falls_back_by_itself() {
    let local = "type: LoadBalancer, externalTrafficPolicy: Local, externalIPs: [203.0.113.90], ";
    check(
        local,
        &[
            (&["1 n1 r s", "2 n1 s t", "3 n2 r s"], "1+ 3", "1+"),
            (&["1 n1 s t", "3 n2 r s"], "3", "1+-"),
            (&["1 n1 s", "3 n2 r s"], "3", ""),
            (&["1 n1 t", "3 n2 r s"], "3", ""),
            (&["1 n1 s t", "3 n2 s t"], "1+- 3-", "1+-"),
        ],
    );
}

#[test]
fn zone_hints_choose_when_every_ready_endpoint_has_one() {
    check(
        "",
        &[
            (&["1 n1 r s z1", "2 n2 r s z2"], "1+", ""),
            (&["1 n1 r s z1", "2 n2 r s z1 z2"], "1+ 2", ""),
            (&["1 n1 r s z2", "2 n2 r s z1"], "2", ""),
            (&["1 n1 r s z1", "2 n2 r s"], "1+ 2", ""),
            (&["1 n1 r s z2", "2 n2 r s z3"], "1+ 2", ""),
            (&["1 n1 r s z1", "2 n2 r s z2", "3 n2 s"], "1+", ""),
            (&["1 n1 r s z1", "2 n2 r s z2", "3 n2 s t"], "1+", ""),
            (&["1 n1 s t z1", "2 n2 s t z2"], "1+- 2-", ""),
        ],
    );
}

#[test]
fn node_hints_go_before_zone_hints() {
    check(
        "",
        &[
            (&["1 n1 r s n1 z1", "2 n2 r s n2 z1"], "1+", ""),
            (&["1 n1 r s n2", "2 n2 r s n1"], "2", ""),
            (&["1 n1 r s n2 z1", "2 n2 r s n2 z2"], "1+", ""),
            (&["1 n1 r s n1 z1", "2 n2 r s z1"], "1+ 2", ""),
            (&["1 n1 r s n1", "2 n2 r s"], "1+ 2", ""),
            (&["1 n1 r s n2", "2 n2 r s n3"], "1+ 2", ""),
            (&["1 n1 r s n1", "2 n2 r s n2", "3 n2 s t"], "1+", ""),
        ],
    );
}

#[test]
fn hints_never_touch_the_local_set() {
    let local = "externalTrafficPolicy: Local, externalIPs: [203.0.113.90], ";
    check(local, &[(&["1 n1 r s z2", "2 n2 r s z1"], "2", "1+")]);
    check("internalTrafficPolicy: Local, ", &[(&["1 n1 r s z2", "2 n2 r s z1"], "", "1+")]);
}

#[test]
fn a_node_without_a_zone_or_with_an_empty_one_sees_no_hints() {
    let service = join(&[
        WEB,
        &slice("web-1", &[endpoint("1 n1 r s z1"), endpoint("2 n2 r s z2")].join(", ")),
    ]);
    for zone in ["{}", "{topology.kubernetes.io/zone: ''}"] {
        let nodes = NODES.replacen("{topology.kubernetes.io/zone: z1}", zone, 1);
        let world = World::after(&join(&[&nodes, &service]));
        assert_eq!(world.view("shop/web:http/TCP/IPv4").cluster.len(), 2, "{zone}");
    }
    let mut world = World::after(&join(&[NODES, &service]));
    assert_eq!(world.view("shop/web:http/TCP/IPv4").cluster.len(), 1);
    world.apply_text(&NODES.replacen("z1", "z2", 1));
    assert_eq!(super::backends(&world.view("shop/web:http/TCP/IPv4").cluster), "10.1.0.2:8080");
}

#[test]
fn one_backend_in_two_slices_is_one_and_local_if_either_says_so() {
    for (first, second, expected) in [
        ("1 n1 r s", "1 n2 r s", "1+"),
        ("1 n2 r s", "1 n1 r s", "1+"),
        ("1 n2 r s", "1 n2 r s", "1"),
        ("1 n1 s", "1 n1 r s", "1+"),
        ("1 n1 s t", "1 n1 r s", "1+"),
        ("1 n1 r s", "1 n1 s t", "1+"),
        ("1 n2 s t", "1 n2 s t", "1-"),
        ("1 n2 s", "1 n2 s t", ""),
        ("1 n2 s t", "1 n2 s", ""),
    ] {
        for names in [["web-1", "web-2"], ["web-2", "web-1"]] {
            let slices = [slice(names[0], &endpoint(first)), slice(names[1], &endpoint(second))];
            let world = World::after(&join(&[NODES, WEB, &slices[0], &slices[1]]));
            let got = super::backends(&world.view("shop/web:http/TCP/IPv4").cluster);
            assert_eq!(
                got.replace("10.1.0.", "").replace(":8080", ""),
                expected,
                "{first} and {second}"
            );
        }
    }
}

#[test]
fn ports_are_matched_by_name_and_protocol_and_never_by_number() {
    for (service_port, slice_port, expected) in [
        ("{name: http, port: 80}", "{name: http, port: 8080}", 1),
        ("{name: http, port: 80, targetPort: 7}", "{name: http, port: 8080}", 1),
        ("{name: http, port: 80}", "{name: http, port: 8080, protocol: UDP}", 0),
        ("{name: http, port: 80}", "{name: web, port: 80}", 0),
        ("{port: 80}", "{name: '', port: 8080}", 1),
        ("{name: http, port: 80}", "{name: '', port: 8080}", 0),
        ("{port: 80}", "{name: http, port: 80}", 0),
    ] {
        let service = WEB.replace("{name: http, port: 80}", service_port);
        let slice =
            slice("web-1", &endpoint("1 n1 r s")).replace("{name: http, port: 8080}", slice_port);
        let world = World::after(&join(&[NODES, &service, &slice]));
        let view = world.stream.view().views().next().expect("one view");
        assert_eq!(view.cluster.len(), expected, "{service_port} and {slice_port}");
        assert!(view.cluster.iter().all(|backend| backend.port.get() == 8080));
    }
}

#[test]
fn a_renamed_port_has_no_backends_until_the_slice_follows() {
    let mut world = World::after(&join(&[NODES, WEB, &slice("web-1", &endpoint("1 n1 r s"))]));
    let out = world.apply_text(&WEB.replace("name: http", "name: web"));
    assert_eq!(out, ["remove shop/web:http/TCP/IPv4", "upsert shop/web:web/TCP/IPv4"]);
    assert!(world.view("shop/web:web/TCP/IPv4").cluster.is_empty());
    let renamed = slice("web-1", &endpoint("1 n1 r s")).replace("name: http", "name: web");
    assert_eq!(world.apply_text(&renamed), ["upsert shop/web:web/TCP/IPv4"]);
    assert_eq!(world.view("shop/web:web/TCP/IPv4").cluster.len(), 1);
}

#[test]
fn one_address_with_two_ports_is_two_backends() {
    let other = slice("web-2", &endpoint("1 n1 r s")).replace("8080", "8081");
    let world = World::after(&join(&[NODES, WEB, &slice("web-1", &endpoint("1 n1 r s")), &other]));
    let got = super::backends(&world.view("shop/web:http/TCP/IPv4").cluster);
    assert_eq!(got, "10.1.0.1:8080+ 10.1.0.1:8081+");
}

#[test]
fn an_endpoint_without_a_node_is_not_local() {
    let (cluster, _) = sets("", "{addresses: [10.1.1.21]}");
    assert_eq!(cluster, "10.1.1.21:8080");
}

#[test]
fn an_endpoint_at_the_nodes_own_address_is_used_once() {
    let (cluster, _) = sets(
        "",
        "{addresses: [192.0.2.11], nodeName: n1}, {addresses: [192.0.2.11], nodeName: n1}",
    );
    assert_eq!(cluster, "192.0.2.11:8080+");
}

#[test]
fn backends_are_sorted_by_number() {
    let (cluster, _) =
        sets("", "{addresses: [10.1.0.10]}, {addresses: [10.1.0.9]}, {addresses: [9.255.0.1]}");
    assert_eq!(cluster, "9.255.0.1:8080 10.1.0.9:8080 10.1.0.10:8080");
}

#[test]
fn ten_thousand_endpoints_in_a_hundred_slices_are_all_used() {
    let mut documents = vec![NODES.to_owned(), WEB.to_owned()];
    for number in 0..100 {
        let endpoints: Vec<_> =
            (0..100).map(|last| format!("{{addresses: [10.9.{number}.{last}]}}")).collect();
        documents.push(slice(&format!("web-{number}"), &endpoints.join(", ")));
    }
    let world = World::after(&documents.join("\n---\n"));
    assert_eq!(world.view("shop/web:http/TCP/IPv4").cluster.len(), 10_000);
}

#[test]
fn slices_of_another_namespace_or_the_wrong_family_are_not_used() {
    let elsewhere =
        slice("web-1", &endpoint("1 n1 r s")).replace("namespace: shop", "namespace: other");
    let six = slice("web-6", "{addresses: ['fd00:1:1::21'], nodeName: n1}").replace("IPv4", "IPv6");
    let world = World::after(&join(&[NODES, WEB, &elsewhere, &six]));
    assert!(world.view("shop/web:http/TCP/IPv4").cluster.is_empty());
    assert_eq!(world.stream.view().views().count(), 1);
}

#[test]
fn each_family_has_its_own_backends() {
    let dual = WEB.replace(
        "clusterIP: 172.20.0.10,",
        "clusterIP: 172.20.0.10, clusterIPs: [172.20.0.10, 'fd00:20::a'],",
    );
    let six = slice("web-6", "{addresses: ['fd00:1:1::21'], nodeName: n1}").replace("IPv4", "IPv6");
    let mut world = World::after(&join(&[NODES, &dual, &slice("web-1", &endpoint("1 n1 r s"))]));
    assert_eq!(world.view("shop/web:http/TCP/IPv4").cluster.len(), 1);
    assert_eq!(world.view("shop/web:http/TCP/IPv6").cluster.len(), 0);
    assert_eq!(
        world.apply_text(&six),
        ["upsert shop/web:http/TCP/IPv6"],
        "the other family is left alone"
    );
    assert_eq!(
        super::backends(&world.view("shop/web:http/TCP/IPv6").cluster),
        "fd00:1:1::21:8080+"
    );
}
