//! What comes out of a change: exactly what changed, in key order.

use switchyard_model::{ClusterEvent, Settings, ViewEvent};

use super::{NODES, SLICE, WEB, World, events, gone, join};

const WEB_KEY: &str = "shop/web:http/TCP/IPv4";

#[test]
fn the_first_batch_brings_the_node_and_the_views() {
    let mut world = World::with(Settings::default());
    let out = world.apply_text(&join(&[NODES, WEB, SLICE]));
    assert_eq!(out, ["node n1".to_owned(), format!("upsert {WEB_KEY}")]);
}

#[test]
fn nothing_comes_out_of_nothing() {
    let mut world = World::with(Settings::default());
    assert_eq!(world.apply([]), [""; 0]);
    assert!(world.stream.apply([]).is_empty());
    let mut world = World::after(&join(&[NODES, WEB, SLICE]));
    assert_eq!(world.apply([]), [""; 0]);
}

#[test]
fn the_same_again_is_no_change() {
    let all = join(&[NODES, WEB, SLICE]);
    let mut world = World::after(&all);
    assert_eq!(world.apply_text(&all), [""; 0]);
    for event in events(&all) {
        assert_eq!(world.apply([event]), [""; 0]);
    }
}

#[test]
fn what_does_not_matter_to_a_proxy_is_no_change() {
    let mut world = World::after(&join(&[NODES, WEB, SLICE]));
    for (before, after) in [
        (
            "namespace: shop,",
            "namespace: shop, labels: {a: b}, annotations: {c: d}, resourceVersion: '7',",
        ),
        ("spec: {", "spec: {selector: {app: web}, publishNotReadyAddresses: true, "),
        ("port: 80}", "port: 80, appProtocol: http}"),
        ("port: 80}", "port: 80, targetPort: 8080}"),
        ("2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z"),
        ("spec: {", "spec: {type: NodePort, "),
        ("spec: {", "spec: {type: LoadBalancer, healthCheckNodePort: 30000, "),
    ] {
        let changed = WEB.replace(before, after);
        assert_ne!(changed, WEB);
        assert_eq!(world.apply_text(&changed), [""; 0], "{changed}");
        assert_eq!(world.apply_text(WEB), [""; 0], "and back from {changed}");
    }
    for (before, after) in [
        ("name: web-1,", "name: web-1, annotations: {a: b},"),
        ("nodeName: n2}", "nodeName: n2, zone: z2, hostname: h, targetRef: {kind: Pod, name: p}}"),
        ("nodeName: n2}", "nodeName: n3}"),
        (
            "nodeName: n2}",
            "nodeName: n2, conditions: {ready: true, serving: true, terminating: false}}",
        ),
        ("addresses: [10.1.1.21]", "addresses: [10.1.1.21, 10.1.1.99]"),
        ("ports: [", "ports: [{name: other, port: 9},"),
        (
            "endpoints: [",
            "endpoints: [{addresses: [10.1.2.99], conditions: {ready: false, serving: false}},",
        ),
        ("endpoints: [", "endpoints: [{addresses: [10.1.1.21], nodeName: n1}, "),
    ] {
        let changed = SLICE.replace(before, after);
        assert_ne!(changed, SLICE);
        assert_eq!(world.apply_text(&changed), [""; 0], "{changed}");
        assert_eq!(world.apply_text(SLICE), [""; 0], "and back from {changed}");
    }
    let others = [
        "{kind: Pod, metadata: {name: p, namespace: shop}, status: {podIP: 10.1.1.21}}",
        "{kind: Node, metadata: {name: n9}, status: {addresses: [{type: InternalIP, address: 192.0.2.19}]}}",
        "{kind: EndpointSlice, metadata: {name: x}, addressType: IPv4, endpoints: [{addresses: [10.1.1.1]}]}",
        "{kind: EndpointSlice, metadata: {name: y, labels: {kubernetes.io/service-name: nobody}}, addressType: IPv4}",
        "{kind: Service, metadata: {name: headless, namespace: shop}, spec: {clusterIP: None, ports: [{port: 80}]}}",
    ];
    for other in others {
        assert_eq!(world.apply_text(other), [""; 0], "{other}");
    }
}

#[test]
fn what_was_never_there_goes_without_a_trace() {
    let mut world = World::after(&join(&[NODES, WEB, SLICE]));
    for object in ["Service shop/none", "Slice shop/none", "Node none"] {
        assert_eq!(world.apply([gone(object)]), [""; 0], "{object}");
    }
}

#[test]
fn only_what_changed_comes_out_and_in_key_order() {
    let service =
        |name: &str, address: &str| WEB.replace("web", name).replace("172.20.0.10", address);
    let all = join(&[
        NODES,
        &service("c", "172.20.0.3"),
        &service("a", "172.20.0.1"),
        &service("b", "172.20.0.2"),
        &SLICE.replace("web", "b"),
    ]);
    let mut world = World::with(Settings::default());
    assert_eq!(
        world.apply_text(&all),
        [
            "node n1",
            "upsert shop/a:http/TCP/IPv4",
            "upsert shop/b:http/TCP/IPv4",
            "upsert shop/c:http/TCP/IPv4"
        ]
    );
    assert_eq!(
        world.apply_text(&SLICE.replace("web", "b").replace("8080", "8081")),
        ["upsert shop/b:http/TCP/IPv4"]
    );
    let batch = [gone("Service shop/c"), gone("Slice shop/b-1"), gone("Service shop/a")];
    assert_eq!(
        world.apply(batch),
        [
            "remove shop/a:http/TCP/IPv4",
            "upsert shop/b:http/TCP/IPv4",
            "remove shop/c:http/TCP/IPv4"
        ]
    );
}

#[test]
fn the_views_of_one_service_come_in_key_order_whether_they_come_or_go() {
    let dual = WEB.replace(
        "clusterIP: 172.20.0.10,",
        "clusterIP: 172.20.0.10, clusterIPs: [172.20.0.10, 'fd00:20::a'],",
    );
    let mut world = World::after(&join(&[NODES, &dual, SLICE]));
    let out = world.apply_text(&WEB.replace("172.20.0.10", "172.20.0.11"));
    assert_eq!(out, [format!("upsert {WEB_KEY}"), "remove shop/web:http/TCP/IPv6".to_owned()]);
}

#[test]
fn of_many_changes_in_a_batch_the_last_state_counts() {
    let mut world = World::after(&join(&[NODES, WEB, SLICE]));
    let mut batch = Vec::new();
    for port in 1..1_000 {
        batch.extend(events(&SLICE.replace("8080", &port.to_string())));
    }
    assert_eq!(world.apply(batch), [format!("upsert {WEB_KEY}")]);
    assert_eq!(super::backends(&world.view(WEB_KEY).cluster), "10.1.1.21:999+ 10.1.2.21:999");
}

#[test]
fn there_and_back_in_one_batch_is_no_change() {
    let mut world = World::after(&join(&[NODES, WEB, SLICE]));
    let mut batch = vec![gone("Service shop/web"), gone("Slice shop/web-1"), gone("Node n1")];
    batch.extend(events(&join(&[NODES, WEB, SLICE])));
    assert_eq!(world.apply(batch), [""; 0]);
    let mut batch = events(&WEB.replace("web", "passing").replace("172.20.0.10", "172.20.0.99"));
    batch.push(gone("Service shop/passing"));
    assert_eq!(world.apply(batch), [""; 0]);
}

#[test]
fn slices_and_services_may_come_in_either_order() {
    let mut slice_first = World::after(NODES);
    assert_eq!(slice_first.apply_text(SLICE), [""; 0]);
    assert_eq!(slice_first.apply_text(WEB), [format!("upsert {WEB_KEY}")]);
    let mut service_first = World::after(NODES);
    assert_eq!(service_first.apply_text(WEB), [format!("upsert {WEB_KEY}")]);
    assert!(service_first.view(WEB_KEY).cluster.is_empty());
    assert_eq!(service_first.apply_text(SLICE), [format!("upsert {WEB_KEY}")]);
    assert_eq!(slice_first.views(), service_first.views());
    let mut node_last = World::with(Settings::default());
    node_last.apply_text(&join(&[WEB, SLICE]));
    node_last.apply_text(NODES);
    assert_eq!(slice_first.views(), node_last.views());
}

#[test]
fn a_slice_may_outlive_its_service_and_serve_the_next_of_its_name() {
    let mut world = World::after(&join(&[NODES, WEB, SLICE]));
    assert_eq!(world.apply([gone("Service shop/web")]), [format!("remove {WEB_KEY}")]);
    assert_eq!(
        world.apply_text(&WEB.replace("172.20.0.10", "172.20.0.11")),
        [format!("upsert {WEB_KEY}")]
    );
    assert_eq!(world.view(WEB_KEY).cluster.len(), 2);
}

#[test]
fn a_slice_that_moves_to_another_service_changes_both() {
    let other = WEB.replace("web", "api").replace("172.20.0.10", "172.20.0.11");
    let mut world = World::after(&join(&[NODES, WEB, &other, SLICE]));
    let out = world.apply_text(&SLICE.replace("service-name: web", "service-name: api"));
    assert_eq!(out, ["upsert shop/api:http/TCP/IPv4", "upsert shop/web:http/TCP/IPv4"]);
    assert!(world.view(WEB_KEY).cluster.is_empty());
    let out = world.apply_text(&SLICE.replace("{kubernetes.io/service-name: web}", "{}"));
    assert_eq!(out, ["upsert shop/api:http/TCP/IPv4"]);
}

#[test]
fn an_endpoint_that_moves_between_slices_is_never_missing_and_never_twice() {
    let second = SLICE.replace("web-1", "web-2");
    for order in [["Slice shop/web-1", "add"], ["add", "Slice shop/web-1"]] {
        let mut world = World::after(&join(&[NODES, WEB, SLICE]));
        let batch: Vec<_> = order
            .iter()
            .flat_map(|step| if *step == "add" { events(&second) } else { vec![gone(step)] })
            .collect();
        assert_eq!(world.apply(batch), [""; 0], "{order:?}");
        assert_eq!(world.view(WEB_KEY).cluster.len(), 2);
    }
}

#[test]
fn the_snapshot_is_the_sum_of_all_events() {
    let mut world = World::with(Settings::default());
    let empty = world.stream.snapshot();
    assert!(matches!(empty.first(), Some(ViewEvent::Reset)), "{empty:?}");
    assert!(!empty.iter().any(|event| matches!(event, ViewEvent::Upsert(_))), "{empty:?}");
    let other = WEB.replace("web", "api").replace("172.20.0.10", "172.20.0.11");
    let steps: [Vec<ClusterEvent>; 6] = [
        events(NODES),
        events(&join(&[SLICE, WEB])),
        events(&other),
        events(&SLICE.replace("8080", "8081")),
        vec![gone("Service shop/api")],
        events(&NODES.replace("z1", "z3")),
    ];
    for step in steps {
        world.apply(step);
        let snapshot = world.stream.snapshot();
        let [ViewEvent::Reset, ViewEvent::Node(facts), views @ .., ViewEvent::Synced { revision }] =
            snapshot.as_slice()
        else {
            panic!("{snapshot:?}")
        };
        assert_eq!(facts, world.stream.view().node());
        assert_eq!(*revision, world.revision);
        let upserts: Vec<_> = views
            .iter()
            .map(|event| match event {
                ViewEvent::Upsert(view) => view,
                other => panic!("{other:?} in a snapshot"),
            })
            .collect();
        assert!(upserts.into_iter().eq(world.stream.view().views()));
        assert_eq!(world.stream.snapshot(), snapshot, "looking changes nothing");
    }
}

#[test]
fn a_service_with_ten_thousand_ports_takes_no_quadratic_time() {
    let ports = |from: u16| {
        (1..=10_000_u16)
            .map(|port| format!("{{name: p{port}, port: {}}}", port + from))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let service = WEB.replace("{name: http, port: 80}", &ports(0));
    let slice = SLICE.replace("{name: http, port: 8080}", &ports(20_000));
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut world = World::after(NODES);
        let first = world.apply_text(&join(&[&service, &slice])).len();
        let second = world.apply_text(&service.replace("172.20.0.10", "172.20.0.11")).len();
        sender.send((first, second))
    });
    let got = receiver.recv_timeout(std::time::Duration::from_secs(60)).expect("done in time");
    assert_eq!(got, (10_000, 10_000));
}

#[test]
fn removing_everything_leaves_nothing() {
    let mut world = World::after(&join(&[NODES, WEB, SLICE]));
    world.apply([gone("Slice shop/web-1")]);
    world.apply([gone("Service shop/web")]);
    assert_eq!(world.stream.view().views().count(), 0);
    world.apply([gone("Node n1"), gone("Node n2")]);
    assert_eq!(world.stream.cluster().services().count(), 0);
    assert_eq!(world.stream.cluster().slices().count(), 0);
    assert_eq!(world.stream.cluster().nodes().count(), 0);
    let fresh = World::with(Settings::default());
    assert_eq!(world.stream.view().node(), fresh.stream.view().node());
    assert_eq!((world.conflicts(), world.refused()), (Vec::new(), Vec::new()));
}
