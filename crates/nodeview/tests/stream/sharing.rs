//! Equal backend sets are one set in memory.

use std::sync::Arc;

use super::{NODES, SLICE, WEB, World, join};

const LOCAL: &str = "externalTrafficPolicy: Local, externalIPs: [203.0.113.90], ";

#[test]
fn the_local_set_is_the_clusters_where_they_are_equal() {
    let slice = SLICE.replace("nodeName: n2", "nodeName: n1");
    let service = WEB.replace("spec: {", &format!("spec: {{{LOCAL}"));
    let world = World::after(&join(&[NODES, &service, &slice]));
    let view = world.view("shop/web:http/TCP/IPv4");
    assert_eq!(view.local.len(), 2);
    assert!(Arc::ptr_eq(&view.cluster, &view.local));
}

const PORTS: &str = "ports: [{name: a, port: 80}, {name: b, port: 81}, {name: c, port: 82}]";

#[test]
fn ports_with_equal_backends_share_them() {
    let service = WEB.replace("ports: [{name: http, port: 80}]", PORTS);
    let slice = SLICE.replace(
        "{name: http, port: 8080}",
        "{name: a, port: 8080}, {name: b, port: 8080}, {name: c, port: 9090}",
    );
    let mut world = World::after(&join(&[NODES, &service, &slice]));
    let shared = |world: &World| {
        let set = |name: &str| world.view(&format!("shop/web:{name}/TCP/IPv4")).cluster.clone();
        assert!(!Arc::ptr_eq(&set("a"), &set("c")));
        Arc::ptr_eq(&set("a"), &set("b"))
    };
    assert!(shared(&world));
    world.apply_text(&slice.replace("10.1.2.21", "10.1.2.22"));
    assert!(shared(&world), "and after a change");
}

#[test]
fn a_view_that_did_not_change_is_the_same_value() {
    let other = WEB.replace("web", "api").replace("172.20.0.10", "172.20.0.11");
    let mut world = World::after(&join(&[NODES, WEB, SLICE, &other]));
    let before = world.view("shop/web:http/TCP/IPv4").clone();
    world.apply_text(&SLICE.replace("web", "api"));
    assert!(Arc::ptr_eq(&before, world.view("shop/web:http/TCP/IPv4")));
}

#[test]
fn a_change_of_the_frontends_alone_keeps_the_backends_equal() {
    let mut world = World::after(&join(&[NODES, WEB, SLICE]));
    let before = world.view("shop/web:http/TCP/IPv4").cluster.clone();
    world.apply_text(&WEB.replace("172.20.0.10", "172.20.0.11"));
    assert_eq!(before, world.view("shop/web:http/TCP/IPv4").cluster);
}
