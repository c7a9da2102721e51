//! Whatever the history and however it is cut into batches, the views are those of its end.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};
use switchyard_model::{
    ClusterEvent, DetectLocalMode, ExternalIps, Name, NodePortAddress, NodePortAddresses,
    PodDetection, Settings,
};
use switchyard_nodeview::Stream;

use super::{World, events, gone};

/// The object it is about, and its document; none when it goes.
type Step = (&'static str, Option<Value>);

fn pick<T: Clone + std::fmt::Debug + 'static>(from: &[T]) -> impl Strategy<Value = T> + use<T> {
    prop::sample::select(from.to_vec())
}

fn service() -> impl Strategy<Value = Step> {
    let object = pick(&["Service shop/a", "Service shop/b", "Service other/a"]);
    let addresses = pick(&[
        json!(["172.20.0.10"]),
        json!(["172.20.0.11"]),
        json!(["10.1.1.21"]),
        json!(["10.1.2.21", "fd00:20::a"]),
        json!(["fd00:20::a", "172.20.0.10"]),
        json!(["fd00:1:1::21"]),
        json!(["None"]),
    ]);
    let ports = pick(&[
        json!([]),
        json!([{"name": "http", "port": 80, "nodePort": 30080}]),
        json!([{"name": "http", "port": 80}, {"name": "dns", "port": 53, "protocol": "UDP", "nodePort": 30080}]),
        json!([{"name": "http", "port": 81, "nodePort": 30080}, {"name": "alt", "port": 80, "nodePort": 30080}]),
    ]);
    let spec = (
        pick(&["ClusterIP", "NodePort", "LoadBalancer", "LoadBalancer", "ExternalName"]),
        addresses,
        ports,
        pick(&[
            json!([]),
            json!(["203.0.113.90"]),
            json!(["203.0.113.80", "172.20.0.11", "fd00:9::9"]),
        ]),
        pick(&["Cluster", "Local"]),
        pick(&["Cluster", "Local"]),
        pick(&[json!(null), json!(["203.0.113.0/24"]), json!(["fd00::/16"])]),
    );
    let metadata = (
        pick(&[json!(null), json!("2025-01-01T00:00:00Z"), json!("2026-01-01T00:00:00Z")]),
        pick(&[
            json!({}),
            json!({}),
            json!({}),
            json!({"service.kubernetes.io/service-proxy-name": ""}),
            json!({"service.kubernetes.io/headless": ""}),
        ]),
    );
    (object, spec, metadata).prop_map(|(object, spec, (created, labels))| {
        let (kind, addresses, ports, external, internal_policy, external_policy, ranges) = spec;
        let (namespace, name) = key(object);
        let document = json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": {"name": name, "namespace": namespace, "creationTimestamp": created, "labels": labels},
            "spec": {
                "type": kind, "clusterIP": addresses[0], "clusterIPs": addresses, "ports": ports,
                "externalIPs": external, "internalTrafficPolicy": internal_policy,
                "externalTrafficPolicy": external_policy, "loadBalancerSourceRanges": ranges,
            },
            "status": {"loadBalancer": {"ingress": [{"ip": "203.0.113.80"}]}},
        });
        (object, Some(document))
    })
}

fn key(object: &str) -> (&str, &str) {
    object.split_once(' ').and_then(|(_, key)| key.split_once('/')).expect("KIND NAMESPACE/NAME")
}

fn slice() -> impl Strategy<Value = Step> {
    let object = pick(&["Slice shop/s1", "Slice shop/s2", "Slice other/s1"]);
    let endpoint = (
        0..4_usize,
        pick(&[json!("n1"), json!("n2"), json!(null)]),
        pick(&[
            [true, true, false],
            [true, true, false],
            [false, true, true],
            [false, true, false],
        ]),
        pick(&[
            json!(null),
            json!({"forZones": [{"name": "z1"}]}),
            json!({"forZones": [{"name": "z2"}]}),
            json!({"forZones": [{"name": "z1"}], "forNodes": [{"name": "n1"}]}),
            json!({"forNodes": [{"name": "n2"}]}),
        ]),
    );
    let ports = pick(&[
        json!([{"name": "http", "port": 8080}, {"name": "dns", "port": 8080, "protocol": "UDP"}]),
        json!([{"name": "http", "port": 8081}, {"name": "alt", "port": 8081}]),
    ]);
    let labels = pick(&[
        json!({"kubernetes.io/service-name": "a"}),
        json!({"kubernetes.io/service-name": "a"}),
        json!({"kubernetes.io/service-name": "b"}),
        json!({}),
    ]);
    let family = pick(&["IPv4", "IPv4", "IPv6"]);
    (object, family, prop::collection::vec(endpoint, 0..4), ports, labels).prop_map(
        |(object, family, endpoints, ports, labels)| {
            let pool = match family {
                "IPv4" => ["10.1.1.21", "10.1.2.21", "172.20.0.10", "10.1.1.22"],
                _ => ["fd00:1:1::21", "fd00:20::a", "fd00:1:2::21", "fd00:1:1::22"],
            };
            let endpoints: Vec<_> = endpoints
                .into_iter()
                .map(|(address, node, [ready, serving, terminating], hints)| {
                    json!({
                        "addresses": [pool[address]], "nodeName": node, "hints": hints,
                        "conditions": {"ready": ready, "serving": serving, "terminating": terminating},
                    })
                })
                .collect();
            let (namespace, name) = key(object);
            let document = json!({
                "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": family,
                "metadata": {"name": name, "namespace": namespace, "labels": labels},
                "ports": ports, "endpoints": endpoints,
            });
            (object, Some(document))
        },
    )
}

fn node() -> impl Strategy<Value = Step> {
    let object = pick(&["Node n1", "Node n1", "Node n2"]);
    let labels = pick(&[
        json!({}),
        json!({"topology.kubernetes.io/zone": "z1"}),
        json!({"topology.kubernetes.io/zone": "z2"}),
    ]);
    let ranges =
        pick(&[json!([]), json!(["10.1.1.0/24"]), json!(["10.1.1.0/24", "fd00:1:1::/64"])]);
    let addresses = pick(&[
        json!([{"type": "InternalIP", "address": "192.0.2.11"}]),
        json!([{"type": "InternalIP", "address": "192.0.2.11"}, {"type": "InternalIP", "address": "2001:db8::11"}]),
        json!([{"type": "InternalIP", "address": "2001:db8::11"}]),
        json!([]),
    ]);
    (object, labels, ranges, addresses).prop_map(|(object, labels, ranges, addresses)| {
        let name = object.strip_prefix("Node ").expect("a node");
        let document = json!({
            "apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels},
            "spec": {"podCIDRs": ranges}, "status": {"addresses": addresses},
        });
        (object, Some(document))
    })
}

fn step() -> impl Strategy<Value = Step> {
    let gone = pick(&[
        "Service shop/a",
        "Service shop/b",
        "Service other/a",
        "Slice shop/s1",
        "Slice shop/s2",
        "Slice other/s1",
        "Node n1",
        "Node n2",
    ]);
    prop_oneof![
        6 => service(),
        6 => slice(),
        2 => node(),
        3 => gone.prop_map(|object| (object, None)),
    ]
}

fn settings() -> impl Strategy<Value = Settings> {
    let external = pick(&[
        ExternalIps::All,
        ExternalIps::None,
        ExternalIps::Within(["203.0.113.88/29".parse().expect("a range")].into()),
    ]);
    let mode =
        pick(&[DetectLocalMode::Unset, DetectLocalMode::ClusterCidr, DetectLocalMode::NodeLocal]);
    (external, mode, any::<bool>()).prop_map(|(external_ips, mode, masquerade_all)| Settings {
        external_ips,
        masquerade_all,
        pods: PodDetection { mode, ..PodDetection::default() },
        node_port_addresses: NodePortAddresses::new([NodePortAddress::Primary]),
        ..Settings::default()
    })
}

fn event((object, document): &Step) -> Vec<ClusterEvent> {
    document.as_ref().map_or_else(|| vec![gone(object)], |document| events(&document.to_string()))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_history_in_any_batches_ends_as_its_end_at_once(
        settings in settings(),
        steps in prop::collection::vec((step(), any::<bool>()), 1..30),
    ) {
        let mut world = World::with(settings.clone());
        let (mut batch, mut end) = (Vec::new(), BTreeMap::new());
        for (step, cut) in &steps {
            batch.extend(event(step));
            end.insert(step.0, step.1.clone());
            if *cut {
                world.apply(std::mem::take(&mut batch));
            }
        }
        world.apply(batch);

        let mut fresh = Stream::new(Name::from("n1"), settings);
        fresh.apply(end.into_values().flatten().flat_map(|document| events(&document.to_string())));
        let (view, expected) = (world.stream.view(), fresh.view());
        prop_assert_eq!(view.node(), expected.node());
        prop_assert_eq!(view.views().collect::<Vec<_>>(), expected.views().collect::<Vec<_>>());
        prop_assert_eq!(view.conflicts(), expected.conflicts());
        prop_assert_eq!(
            view.refused_endpoints(world.stream.cluster()),
            expected.refused_endpoints(fresh.cluster())
        );
    }

    #[test]
    fn taking_everything_away_in_any_order_leaves_nothing(
        settings in settings(),
        steps in prop::collection::vec(step(), 1..20),
        order in Just(vec![
            "Service shop/a", "Service shop/b", "Service other/a", "Slice shop/s1", "Slice shop/s2",
            "Slice other/s1", "Node n1", "Node n2",
        ]).prop_shuffle(),
    ) {
        let mut world = World::with(settings.clone());
        for step in &steps {
            world.apply(event(step));
        }
        for object in order {
            world.apply([gone(object)]);
        }
        let view = world.stream.view();
        prop_assert_eq!(view.views().count(), 0);
        let fresh = World::with(settings);
        prop_assert_eq!(view.node(), fresh.stream.view().node());
        prop_assert!(view.conflicts().is_empty());
        prop_assert!(view.refused_endpoints(world.stream.cluster()).is_empty());
    }

    #[test]
    fn no_two_views_hold_one_frontend_and_no_backend_is_a_cluster_ip(
        settings in settings(),
        steps in prop::collection::vec(step(), 1..20),
    ) {
        let mut world = World::with(settings);
        world.apply(steps.iter().flat_map(event));
        let cluster = world.stream.cluster();
        let cluster_ips: Vec<_> =
            cluster.services().filter(|one| one.is_served()).flat_map(|one| one.cluster_ips.iter()).collect();
        let mut frontends = std::collections::BTreeSet::new();
        for view in world.stream.view().views() {
            for one in &view.frontends {
                let family = one.address.is_none().then_some(view.key.family);
                let place = (one.address, family, one.port, view.key.protocol);
                prop_assert!(frontends.insert(place), "{:?} twice", place);
            }
            for set in [&view.cluster, &view.local] {
                prop_assert!(set.is_sorted());
                let mut places: Vec<_> = set.iter().map(|one| (one.address, one.port)).collect();
                places.dedup();
                prop_assert_eq!(places.len(), set.len());
                prop_assert!(!set.iter().any(|one| cluster_ips.contains(&one.address)));
            }
            prop_assert!(view.local.iter().all(|one| one.local));
        }
    }
}
