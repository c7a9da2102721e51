//! Services that change their type or are handed to somebody else, and what stands beside the frontends.

use super::{NODES, SLICE, WEB, World, gone, join};

const KEY: &str = "shop/web:http/TCP/IPv4";

fn web(labels: &str, spec: &str) -> String {
    format!(
        "{{apiVersion: v1, kind: Service, metadata: {{name: web, namespace: shop, labels: {labels}}}, \
         spec: {{{spec}}}, status: {{loadBalancer: {{ingress: [{{ip: 203.0.113.80}}]}}}}}}"
    )
}

const SPEC: &str = "clusterIP: 172.20.0.10, ports: [{name: http, port: 80, nodePort: 30080}]";

fn kinds(world: &World) -> String {
    let views = world.stream.view().views();
    views
        .flat_map(|view| view.frontends.iter().map(|one| one.kind.as_str()))
        .collect::<Vec<_>>()
        .join(" ")
}

#[test]
fn each_type_follows_each_other() {
    let types = [
        ("ClusterIP", "ClusterIP"),
        ("NodePort", "ClusterIP NodePort"),
        ("LoadBalancer", "ClusterIP NodePort LoadBalancerIP"),
        ("ExternalName", ""),
    ];
    for (from, before) in types {
        for (to, after) in types {
            let mut world =
                World::after(&join(&[NODES, SLICE, &web("{}", &format!("type: {from}, {SPEC}"))]));
            assert_eq!(kinds(&world), before, "{from}");
            let out = world.apply_text(&web("{}", &format!("type: {to}, {SPEC}")));
            assert_eq!(kinds(&world), after, "{from} to {to}");
            assert_eq!(out.len(), usize::from(before != after), "{from} to {to}: {out:?}");
        }
    }
}

#[test]
fn a_service_that_is_not_ours_is_withdrawn_and_comes_back() {
    for away in [
        web("{service.kubernetes.io/service-proxy-name: other}", SPEC),
        web("{service.kubernetes.io/service-proxy-name: ''}", SPEC),
        web("{service.kubernetes.io/headless: ''}", SPEC),
        web("{}", &SPEC.replace("172.20.0.10", "None")),
        web("{}", &SPEC.replace("172.20.0.10", "''")),
        web("{}", &format!("type: ExternalName, {SPEC}")),
        web("{}", "clusterIP: 172.20.0.10, ports: []"),
    ] {
        let mut world = World::after(&join(&[NODES, SLICE, &web("{}", SPEC)]));
        assert_eq!(world.apply_text(&away), [format!("remove {KEY}")], "{away}");
        assert_eq!(world.apply_text(&web("{}", SPEC)), [format!("upsert {KEY}")], "{away}");
    }
}

#[test]
fn a_slice_that_is_headless_or_of_names_is_not_read() {
    for away in [
        SLICE.replace("service-name: web", "service-name: web, service.kubernetes.io/headless: ''"),
        SLICE.replace("addressType: IPv4", "addressType: FQDN"),
        SLICE.replace("service-name: web", "service-name: ''"),
    ] {
        let mut world = World::after(&join(&[NODES, WEB, &away]));
        assert!(world.view(KEY).cluster.is_empty(), "{away}");
        assert_eq!(world.apply_text(SLICE), [format!("upsert {KEY}")], "{away}");
        assert_eq!(world.apply_text(&away), [format!("upsert {KEY}")], "{away}");
        assert!(world.view(KEY).cluster.is_empty(), "{away}");
    }
}

#[test]
fn a_port_that_changes_its_number_is_the_same_view() {
    let mut world = World::after(&join(&[NODES, WEB, SLICE]));
    assert_eq!(world.apply_text(&WEB.replace("port: 80}", "port: 81}")), [format!("upsert {KEY}")]);
    assert_eq!(world.view(KEY).frontends[0].port.get(), 81);
}

#[test]
fn two_ports_may_swap_numbers_at_once() {
    let spec = |a: u16, b: u16| {
        format!("clusterIP: 172.20.0.10, ports: [{{name: a, port: {a}}}, {{name: b, port: {b}}}]")
    };
    let mut world = World::after(&join(&[NODES, &web("{}", &spec(80, 81))]));
    let out = world.apply_text(&web("{}", &spec(81, 80)));
    assert_eq!(out, ["upsert shop/web:a/TCP/IPv4", "upsert shop/web:b/TCP/IPv4"]);
    assert_eq!(world.view("shop/web:a/TCP/IPv4").frontends[0].port.get(), 81);
    assert_eq!(world.view("shop/web:b/TCP/IPv4").frontends[0].port.get(), 80);
    assert_eq!(world.conflicts(), [""; 0]);
}

#[test]
fn one_name_with_three_protocols_is_three_views() {
    let ports = "[{name: dns, port: 53}, {name: dns, port: 53, protocol: UDP}, {name: dns, port: 53, protocol: SCTP}]";
    let mut world = World::after(&join(&[
        NODES,
        &web("{}", &format!("clusterIP: 172.20.0.10, ports: {ports}")),
    ]));
    let keys: Vec<_> = world.stream.view().views().map(|view| view.key.to_string()).collect();
    assert_eq!(keys, ["shop/web:dns/TCP/IPv4", "shop/web:dns/UDP/IPv4", "shop/web:dns/SCTP/IPv4"]);
    let fewer = ports.replace("{name: dns, port: 53, protocol: UDP}, ", "");
    let out = world.apply_text(&web("{}", &format!("clusterIP: 172.20.0.10, ports: {fewer}")));
    assert_eq!(out, ["remove shop/web:dns/UDP/IPv4"]);
}

#[test]
fn attributes_stand_beside_the_frontends() {
    let affinity = |world: &World| world.view(KEY).affinity_timeout.map(std::num::NonZeroU32::get);
    let mut world = World::after(&join(&[NODES, &web("{}", SPEC)]));
    assert_eq!(affinity(&world), None);
    world.apply_text(&web("{}", &format!("sessionAffinity: ClientIP, {SPEC}")));
    assert_eq!(affinity(&world), Some(10_800));
    let timeout =
        "sessionAffinity: ClientIP, sessionAffinityConfig: {clientIP: {timeoutSeconds: 60}}";
    world.apply_text(&web("{}", &format!("{timeout}, {SPEC}")));
    assert_eq!(affinity(&world), Some(60));
    world.apply_text(&web("{k8s-app: kube-dns}", SPEC));
    assert!(world.view(KEY).cluster_dns);
    let annotated = web("{}", SPEC).replace(
        "labels: {}",
        "uid: u-1, annotations: {preserve-destination: 'true', winProxyOptimization: DISABLED}",
    );
    world.apply_text(&annotated);
    let view = world.view(KEY);
    assert!(view.preserve_destination && view.replace_on_change);
    assert_eq!(view.uid.as_deref(), Some("u-1"));
}

#[test]
fn a_health_check_port_needs_type_load_balancer_and_policy_local() {
    for (spec, expected) in [
        (
            "type: LoadBalancer, externalTrafficPolicy: Local, healthCheckNodePort: 30001",
            Some(30_001),
        ),
        ("type: LoadBalancer, externalTrafficPolicy: Local", None),
        ("type: LoadBalancer, externalTrafficPolicy: Cluster, healthCheckNodePort: 30001", None),
        ("type: NodePort, externalTrafficPolicy: Local, healthCheckNodePort: 30001", None),
    ] {
        let world = World::after(&join(&[NODES, &web("{}", &format!("{spec}, {SPEC}"))]));
        let got = world.view(KEY).health_check_node_port.map(std::num::NonZeroU16::get);
        assert_eq!(got, expected, "{spec}");
    }
}

#[test]
fn backends_replaced_wholesale_change_in_one_step() {
    let mut world = World::after(&join(&[NODES, WEB, SLICE]));
    let green = SLICE
        .replace("10.1.1.21", "10.1.1.22")
        .replace("10.1.2.21", "10.1.2.22")
        .replace("web-1", "web-2");
    let mut batch = super::events(&green);
    batch.push(gone("Slice shop/web-1"));
    assert_eq!(world.apply(batch), [format!("upsert {KEY}")]);
    assert_eq!(super::backends(&world.view(KEY).cluster), "10.1.1.22:8080+ 10.1.2.22:8080");
}

#[test]
fn a_service_made_anew_under_its_name_is_one_change() {
    let mut world = World::after(&join(&[NODES, WEB, SLICE]));
    let mut batch = vec![gone("Service shop/web")];
    batch.extend(super::events(&WEB.replace("172.20.0.10", "172.20.0.11")));
    assert_eq!(world.apply(batch), [format!("upsert {KEY}")]);
    assert!(world.views().contains("172.20.0.11") && !world.views().contains("172.20.0.10"));
}
