//! Frontends that two Services ask for, and endpoints at the address of a Service.

use switchyard_model::Settings;

use super::{NODES, SLICE, WEB, World, events, gone, join};

/// A Service in the namespace shop with a creation time, a ClusterIP and more of a spec.
fn service(name: &str, created: &str, spec: &str) -> String {
    let created =
        if created.is_empty() { String::new() } else { format!(", creationTimestamp: {created}") };
    format!(
        "{{apiVersion: v1, kind: Service, metadata: {{name: {name}, namespace: shop{created}}}, spec: {{{spec}}}}}"
    )
}

const OLD: &str = "2025-01-01T00:00:00Z";
const NEW: &str = "2026-01-01T00:00:00Z";
const SAME: &str = "clusterIP: 172.20.0.10, ports: [{name: http, port: 80}]";

/// Who has the ClusterIP 172.20.0.10.
fn holder(world: &World) -> String {
    let views = world.stream.view().views();
    let holding = views.filter(|view| {
        view.frontends
            .iter()
            .any(|one| one.address.is_some_and(|at| at.to_string() == "172.20.0.10"))
    });
    holding.map(|view| view.key.service.name.to_string()).collect::<Vec<_>>().join(" ")
}

#[test]
fn the_older_service_has_the_address_then_the_first_by_name() {
    for (first, second, winner) in [
        (OLD, NEW, "a"),
        (NEW, OLD, "b"),
        (OLD, OLD, "a"),
        ("", NEW, "b"),
        (NEW, "", "a"),
        ("", "", "a"),
        ("2025-01-01T00:00:00Z", "2025-01-01T00:00:01Z", "a"),
        ("2025-01-01T01:00:00+01:00", "2025-01-01T00:00:01Z", "a"),
    ] {
        let (a, b) = (service("a", first, SAME), service("b", second, SAME));
        let loser = if winner == "a" { "b" } else { "a" };
        let expected =
            format!("shop/{winner}:http over shop/{loser}:http at ClusterIP 172.20.0.10 80 TCP");
        for order in [join(&[NODES, &a, &b]), join(&[NODES, &b, &a])] {
            let world = World::after(&order);
            assert_eq!(holder(&world), winner, "{order}");
            assert_eq!(world.conflicts(), [expected.as_str()], "{order}");
        }
        let mut world = World::after(&join(&[NODES, &b]));
        world.apply_text(&a);
        assert_eq!((holder(&world), world.conflicts()), (winner.to_owned(), vec![expected]));
    }
}

#[test]
fn namespaces_come_before_names() {
    let a = service("z", OLD, SAME).replace("namespace: shop", "namespace: a");
    let world = World::after(&join(&[NODES, &a, &service("a", OLD, SAME)]));
    assert_eq!(holder(&world), "z");
}

#[test]
fn the_loser_takes_over_when_the_winner_goes() {
    let (a, b) = (service("a", OLD, SAME), service("b", NEW, SAME));
    for change in [
        vec![gone("Service shop/a")],
        events(&service("a", OLD, &SAME.replace("172.20.0.10", "172.20.0.11"))),
        events(&service("a", OLD, &SAME.replace("port: 80", "port: 81"))),
        events(&service("a", OLD, &SAME.replace("port: 80", "port: 80, protocol: UDP"))),
        events(&service("a", OLD, &format!("type: ExternalName, {SAME}"))),
        events(&service("a", OLD, &SAME.replace("172.20.0.10", "None"))),
        events(&a.replace(
            "namespace: shop,",
            "namespace: shop, labels: {service.kubernetes.io/headless: ''},",
        )),
        events(&a.replace(
            "namespace: shop,",
            "namespace: shop, labels: {service.kubernetes.io/service-proxy-name: x},",
        )),
        events(&service("a", "2027-01-01T00:00:00Z", SAME)),
        events(&service("a", "", SAME)),
    ] {
        let mut world = World::after(&join(&[NODES, &a, &b]));
        assert_eq!(holder(&world), "a");
        let out = world.apply(change.clone());
        assert!(out.contains(&"upsert shop/b:http/TCP/IPv4".to_owned()), "{out:?}");
        assert!(holder(&world).contains('b'), "{change:?}");
        world.apply_text(&a);
        assert_eq!((holder(&world), world.conflicts().len()), ("a".to_owned(), 1), "{change:?}");
    }
}

#[test]
fn a_change_of_age_alone_moves_the_frontend() {
    let mut world =
        World::after(&join(&[NODES, &service("a", OLD, SAME), &service("b", NEW, SAME)]));
    let out = world.apply_text(&service("b", "2024-01-01T00:00:00Z", SAME));
    assert_eq!(holder(&world), "b");
    assert_eq!(world.conflicts(), ["shop/b:http over shop/a:http at ClusterIP 172.20.0.10 80 TCP"]);
    assert_eq!(out.len(), 2, "both changed: {out:?}");
}

#[test]
fn a_frontend_changes_hands_in_one_batch() {
    let other = service("b", NEW, "clusterIP: 172.20.0.11, ports: [{name: http, port: 80}]");
    let mut world = World::after(&join(&[NODES, &service("a", OLD, SAME), &other]));
    let mut batch = vec![gone("Service shop/a")];
    batch.extend(events(&service("b", NEW, SAME)));
    let out = world.apply(batch);
    assert_eq!(out, ["remove shop/a:http/TCP/IPv4", "upsert shop/b:http/TCP/IPv4"]);
    assert_eq!((holder(&world), world.conflicts()), ("b".to_owned(), Vec::new()));
}

#[test]
fn a_winner_without_endpoints_still_holds_the_frontend() {
    let slice = SLICE.replace("web", "b");
    let world =
        World::after(&join(&[NODES, &service("a", OLD, SAME), &service("b", NEW, SAME), &slice]));
    assert_eq!(holder(&world), "a");
}

#[test]
fn the_loser_keeps_its_other_frontends() {
    let spec = |address: &str| {
        format!(
            "type: NodePort, clusterIP: {address}, externalIPs: [203.0.113.90], \
             ports: [{{name: http, port: 80, nodePort: 30080}}, {{name: own, port: 81, nodePort: 30081}}]"
        )
    };
    let (a, b) = (service("a", OLD, &spec("172.20.0.10")), service("b", NEW, &spec("172.20.0.11")));
    let mut world = World::after(&join(&[NODES, &a, &b]));
    let kinds = |world: &World, key: &str| {
        world.view(key).frontends.iter().map(|one| one.kind.as_str()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(kinds(&world, "shop/a:http/TCP/IPv4"), "ClusterIP NodePort ExternalIP");
    assert_eq!(kinds(&world, "shop/b:http/TCP/IPv4"), "ClusterIP");
    let mut conflicts = world.conflicts();
    conflicts.sort();
    assert_eq!(
        conflicts,
        [
            "shop/a:http over shop/b:http at ExternalIP 203.0.113.90 80 TCP",
            "shop/a:http over shop/b:http at NodePort * 30080 TCP",
            "shop/a:own over shop/b:own at ExternalIP 203.0.113.90 81 TCP",
            "shop/a:own over shop/b:own at NodePort * 30081 TCP",
        ]
    );
    world.apply([gone("Service shop/a")]);
    assert_eq!(kinds(&world, "shop/b:http/TCP/IPv4"), "ClusterIP NodePort ExternalIP");
    assert_eq!(world.conflicts(), [""; 0]);
}

#[test]
fn a_node_port_is_contested_in_each_family() {
    let spec = |v4: &str, v6: &str| {
        format!(
            "type: NodePort, clusterIP: {v4}, clusterIPs: [{v4}, '{v6}'], ports: [{{name: http, port: 80, nodePort: 30080}}]"
        )
    };
    let a = service("a", OLD, &spec("172.20.0.10", "fd00:20::a"));
    let b = service("b", NEW, &spec("172.20.0.11", "fd00:20::b"));
    let world = World::after(&join(&[NODES, &a, &b]));
    for family in ["IPv4", "IPv6"] {
        assert_eq!(world.view(&format!("shop/a:http/TCP/{family}")).frontends.len(), 2);
        assert_eq!(world.view(&format!("shop/b:http/TCP/{family}")).frontends.len(), 1);
    }
    let v4_only = service(
        "c",
        "2024-01-01T00:00:00Z",
        "type: NodePort, clusterIP: 172.20.0.12, ports: [{name: http, port: 80, nodePort: 30080}]",
    );
    let world = World::after(&join(&[NODES, &a, &v4_only]));
    assert_eq!(world.view("shop/a:http/TCP/IPv4").frontends.len(), 1, "lost to the older");
    assert_eq!(world.view("shop/a:http/TCP/IPv6").frontends.len(), 2, "nobody else wants it");
}

#[test]
fn other_protocols_and_ports_are_no_conflict() {
    for other in ["port: 81", "port: 80, protocol: UDP", "port: 80, protocol: SCTP"] {
        let b = service("b", NEW, &SAME.replace("port: 80", other));
        let world = World::after(&join(&[NODES, &service("a", OLD, SAME), &b]));
        assert_eq!((world.conflicts(), holder(&world)), (Vec::new(), "a b".to_owned()), "{other}");
    }
}

#[test]
fn one_address_in_two_kinds_is_a_conflict_too() {
    let external = service(
        "b",
        NEW,
        "clusterIP: 172.20.0.11, externalIPs: [172.20.0.10], ports: [{name: http, port: 80}]",
    );
    let world = World::after(&join(&[NODES, &service("a", OLD, SAME), &external]));
    assert_eq!(holder(&world), "a");
    assert_eq!(
        world.conflicts(),
        ["shop/a:http over shop/b:http at ExternalIP 172.20.0.10 80 TCP"]
    );
}

#[test]
fn what_one_service_asks_for_twice_is_no_conflict() {
    let spec = "type: LoadBalancer, clusterIP: 172.20.0.10, externalIPs: [203.0.113.80, 172.20.0.10], \
                ports: [{name: http, port: 80}]}, status: {loadBalancer: {ingress: [{ip: 203.0.113.80}]}";
    let world = World::after(&join(&[NODES, &service("a", OLD, spec)]));
    assert_eq!(world.conflicts(), [""; 0]);
    let kinds: Vec<_> =
        world.view("shop/a:http/TCP/IPv4").frontends.iter().map(|one| one.kind.as_str()).collect();
    assert_eq!(kinds, ["ClusterIP", "LoadBalancerIP"]);
}

#[test]
fn of_two_ports_with_one_node_port_one_has_it() {
    let spec = "type: NodePort, clusterIP: 172.20.0.10, ports: \
                [{name: b, port: 80, nodePort: 30080}, {name: a, port: 81, nodePort: 30080}]";
    let world = World::after(&join(&[NODES, &service("a", OLD, spec)]));
    let views = world.stream.view().views();
    assert_eq!(
        views.flat_map(|view| view.frontends.iter()).filter(|one| one.address.is_none()).count(),
        1
    );
    assert_eq!(world.conflicts().len(), 1, "{:?}", world.conflicts());
}

#[test]
fn services_of_others_contest_nothing() {
    for change in [
        "labels: {service.kubernetes.io/service-proxy-name: x},",
        "labels: {service.kubernetes.io/service-proxy-name: ''},",
        "labels: {service.kubernetes.io/headless: ''},",
    ] {
        let foreign = service("a", OLD, SAME)
            .replace("namespace: shop,", &format!("namespace: shop, {change}"));
        let world = World::after(&join(&[NODES, &foreign, &service("b", NEW, SAME)]));
        assert_eq!((holder(&world), world.conflicts()), ("b".to_owned(), Vec::new()), "{change}");
    }
}

#[test]
fn three_may_ask_for_one_address() {
    let all = [service("c", OLD, SAME), service("b", NEW, SAME), service("a", "", SAME)];
    let mut world = World::after(&join(&[NODES, &all[0], &all[1], &all[2]]));
    let mut conflicts = world.conflicts();
    conflicts.sort();
    assert_eq!(
        conflicts,
        [
            "shop/c:http over shop/a:http at ClusterIP 172.20.0.10 80 TCP",
            "shop/c:http over shop/b:http at ClusterIP 172.20.0.10 80 TCP",
        ]
    );
    world.apply([gone("Service shop/c")]);
    assert_eq!(world.conflicts(), ["shop/b:http over shop/a:http at ClusterIP 172.20.0.10 80 TCP"]);
    world.apply([gone("Service shop/b")]);
    assert_eq!((holder(&world), world.conflicts()), ("a".to_owned(), Vec::new()));
}

const VIP: &str = "{apiVersion: v1, kind: Service, metadata: {name: vip, namespace: shop}, \
                   spec: {clusterIP: 10.1.2.21, ports: [{name: x, port: 9}]}}";

#[test]
fn an_endpoint_at_a_cluster_ip_is_refused_and_released_again() {
    let mut world = World::after(&join(&[NODES, WEB, SLICE]));
    let key = "shop/web:http/TCP/IPv4";
    for (change, back) in [
        (events(VIP), vec![gone("Service shop/vip")]),
        (events(VIP), events(&VIP.replace("10.1.2.21", "172.20.0.99"))),
        (events(VIP), events(&VIP.replace("10.1.2.21", "None"))),
        (events(VIP), events(&VIP.replace("spec: {", "spec: {type: ExternalName, "))),
        (
            events(VIP),
            events(&VIP.replace(
                "namespace: shop",
                "namespace: shop, labels: {service.kubernetes.io/headless: ''}",
            )),
        ),
    ] {
        let out = world.apply(change);
        assert!(out.contains(&format!("upsert {key}")), "{out:?}");
        assert_eq!(super::backends(&world.view(key).cluster), "10.1.1.21:8080+");
        assert_eq!(world.refused(), ["shop/web-1[1] 10.1.2.21 of shop/vip"]);
        let out = world.apply(back);
        assert!(out.contains(&format!("upsert {key}")), "{out:?}");
        assert_eq!(super::backends(&world.view(key).cluster), "10.1.1.21:8080+ 10.1.2.21:8080");
        assert_eq!(world.refused(), [""; 0]);
    }
}

#[test]
fn an_endpoint_is_refused_whichever_came_first() {
    let mut late = World::after(&join(&[NODES, VIP, WEB]));
    late.apply_text(SLICE);
    let together = World::after(&join(&[NODES, WEB, SLICE, VIP]));
    assert_eq!((late.views(), late.refused()), (together.views(), together.refused()));
}

#[test]
fn an_endpoint_stays_refused_while_any_service_has_its_address() {
    let second = VIP.replace("name: vip", "name: second");
    let mut world = World::after(&join(&[NODES, WEB, SLICE, VIP, &second]));
    let refused =
        |world: &World| (world.refused().len(), world.view("shop/web:http/TCP/IPv4").cluster.len());
    assert_eq!(refused(&world), (1, 1));
    world.apply([gone("Service shop/vip")]);
    assert_eq!(refused(&world), (1, 1));
    world.apply([gone("Service shop/second")]);
    assert_eq!(refused(&world), (0, 2));
}

#[test]
fn a_service_without_ports_still_has_its_address() {
    let vip = VIP.replace("ports: [{name: x, port: 9}]", "ports: []");
    let world = World::after(&join(&[NODES, WEB, SLICE, &vip]));
    assert_eq!(world.refused().len(), 1);
}

#[test]
fn an_endpoint_at_the_services_own_address_is_refused() {
    let slice = SLICE.replace("10.1.2.21", "172.20.0.10");
    let world = World::after(&join(&[NODES, WEB, &slice]));
    assert_eq!(world.refused(), ["shop/web-1[1] 172.20.0.10 of shop/web"]);
    assert_eq!(world.view("shop/web:http/TCP/IPv4").cluster.len(), 1);
}

#[test]
fn an_endpoint_at_an_external_address_is_used() {
    let external =
        VIP.replace("clusterIP: 10.1.2.21", "clusterIP: 172.20.0.99, externalIPs: [10.1.2.21]");
    let world = World::after(&join(&[NODES, WEB, SLICE, &external]));
    assert_eq!((world.refused().len(), world.view("shop/web:http/TCP/IPv4").cluster.len()), (0, 2));
}

#[test]
fn an_endpoint_at_a_foreign_services_address_is_used() {
    let foreign = VIP.replace(
        "namespace: shop",
        "namespace: shop, labels: {service.kubernetes.io/service-proxy-name: x}",
    );
    let world = World::after(&join(&[NODES, WEB, SLICE, &foreign]));
    assert_eq!((world.refused().len(), world.view("shop/web:http/TCP/IPv4").cluster.len()), (0, 2));
}

#[test]
fn a_refused_endpoint_counts_for_no_policy() {
    let local = WEB.replace("spec: {", "spec: {internalTrafficPolicy: Local, ");
    let slice = SLICE.replace("{addresses: [10.1.1.21], nodeName: n1}, ", "");
    let mut world = World::after(&join(&[NODES, &local, &slice]));
    let when_empty = |world: &World| super::show(world.view("shop/web:http/TCP/IPv4"));
    assert!(when_empty(&world).contains("internal=local,drop"), "{}", when_empty(&world));
    world.apply_text(VIP);
    assert!(when_empty(&world).contains("internal=local,reject"), "{}", when_empty(&world));
}

#[test]
fn no_frontend_is_served_before_the_node_is_known() {
    let mut world = World::with(Settings::default());
    world.apply_text(&join(&[WEB, SLICE]));
    assert_eq!(world.views(), "");
}
