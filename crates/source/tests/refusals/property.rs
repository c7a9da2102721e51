//! Good documents with parts replaced at random: reading never panics, and the other documents are read as before.

use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};

use super::{Outcome, read};

/// One good document of each kind, using every field that is read.
fn documents() -> Vec<Value> {
    vec![
        json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": {
                "name": "web", "namespace": "shop", "uid": "u-1", "creationTimestamp": "2026-01-31T12:00:00Z",
                "labels": {"k8s-app": "kube-dns"},
                "annotations": {"preserve-destination": "true", "winProxyOptimization": "DISABLED"},
            },
            "spec": {
                "type": "LoadBalancer", "clusterIP": "172.20.0.10", "clusterIPs": ["172.20.0.10", "fd00:20::a"],
                "ports": [
                    {"name": "a", "port": 80, "protocol": "TCP", "targetPort": 8080, "nodePort": 30080},
                    {"name": "b", "port": 81, "protocol": "UDP", "targetPort": "b"},
                ],
                "externalIPs": ["203.0.113.90"], "loadBalancerSourceRanges": ["203.0.113.0/24"],
                "internalTrafficPolicy": "Local", "externalTrafficPolicy": "Local", "healthCheckNodePort": 30000,
                "sessionAffinity": "ClientIP", "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 60}},
            },
            "status": {"loadBalancer": {"ingress": [{"ip": "203.0.113.80", "ipMode": "VIP"}]}},
        }),
        json!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
            "metadata": {"name": "web-1", "namespace": "shop", "labels": {"kubernetes.io/service-name": "web"}},
            "addressType": "IPv4",
            "ports": [{"name": "a", "port": 8080, "protocol": "TCP"}],
            "endpoints": [
                {"addresses": ["10.1.1.21"], "nodeName": "n1", "zone": "z1",
                 "conditions": {"ready": true, "serving": true, "terminating": false},
                 "targetRef": {"kind": "Pod", "name": "p", "namespace": "shop"},
                 "hints": {"forZones": [{"name": "z1"}], "forNodes": [{"name": "n1"}]}},
                {"addresses": ["10.1.1.22"]},
            ],
        }),
        json!({
            "apiVersion": "v1", "kind": "Node",
            "metadata": {"name": "n1", "labels": {"topology.kubernetes.io/zone": "z1", "kubernetes.io/os": "windows"}},
            "spec": {"podCIDR": "10.1.1.0/24", "podCIDRs": ["10.1.1.0/24"]},
            "status": {"addresses": [{"type": "InternalIP", "address": "192.0.2.11"}]},
        }),
        json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "shop"},
            "spec": {"nodeName": "n1"},
            "status": {"podIP": "10.1.1.21", "podIPs": [{"ip": "10.1.1.21"}]},
        }),
        json!({
            "apiVersion": "v1", "kind": "ServiceList",
            "items": [{"metadata": {"name": "listed", "namespace": "shop"}, "spec": {"clusterIP": "172.20.0.12"}}],
        }),
    ]
}

/// Any JSON, small, with the words and numbers that trouble comes from.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        prop::sample::select(vec![0_i64, -1, 1, 65_535, 65_536]).prop_map(Value::from),
        Just(Value::from(u64::MAX)),
        any::<String>().prop_map(Value::from),
        prop::sample::select(vec![
            "",
            "None",
            "Local",
            "UDP",
            "IPv6",
            "FQDN",
            "10.1.1.23",
            "010.1.1.1",
            "::ffff:10.1.1.1",
            "fd00::1",
            "127.0.0.1",
            "10.0.0.0/8",
            "\0",
            "a/b",
            "List",
            "Service",
            "Secret",
            "web",
            "v1",
            "\u{feff}",
            "---",
            "~",
        ])
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        let key = prop_oneof![
            "[a-z]{0,4}",
            prop::sample::select(vec!["name", "port", "ip", "items", "kind", "spec", "addresses"])
                .prop_map(str::to_owned),
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(key, inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// The number of places in `value`, itself included.
fn places(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(places).sum(),
        Value::Object(fields) => fields.values().map(places).sum(),
        _ => 0,
    }
}

/// Puts `with` at the place numbered `place`, counted as [`places`] does.
fn replace(value: &mut Value, place: &mut usize, with: &Value) {
    if *place == 0 {
        *value = with.clone();
        *place = usize::MAX;
        return;
    }
    *place -= 1;
    let inner: Vec<&mut Value> = match value {
        Value::Array(items) => items.iter_mut().collect(),
        Value::Object(fields) => fields.values_mut().collect(),
        _ => Vec::new(),
    };
    for value in inner {
        if *place == usize::MAX {
            return;
        }
        replace(value, place, with);
    }
}

fn mutate(document: &mut Value, mutations: &[(Index, Value)]) {
    for (index, with) in mutations {
        replace(document, &mut index.index(places(document)), with);
    }
}

const OTHERS: [&str; 2] = [
    r#"{"apiVersion":"v1","kind":"Service","metadata":{"name":"before","namespace":"around"},"spec":{"clusterIP":"172.20.9.1","ports":[{"port":80}]}}"#,
    "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\naddressType: IPv4\nmetadata: {name: after, namespace: around, labels: {kubernetes.io/service-name: before}}\nports: [{name: '', port: 80}]\nendpoints: [{addresses: [10.9.9.9]}]",
];

fn around(outcome: &Outcome) -> Vec<&String> {
    outcome.objects.iter().filter(|line| line.contains(" around/")).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_document_with_random_parts_harms_no_other(
        which in any::<Index>(),
        mutations in prop::collection::vec((any::<Index>(), any_json()), 1..4),
    ) {
        let [before, after] = OTHERS;
        let good = read(format!("{before}\n---\n{after}\n").as_bytes());
        let mut document = which.get(&documents()).clone();
        mutate(&mut document, &mutations);
        let pretty = serde_json::to_string_pretty(&document).expect("JSON can be written");
        for text in [document.to_string(), pretty] {
            let outcome = read(format!("{before}\n---\n{text}\n---\n{after}\n").as_bytes());
            prop_assert_eq!(around(&outcome), around(&good), "{}", text);
        }
        let (list, object) = (json!([document]).to_string(), document.to_string());
        let listed = format!(r#"{{"kind":"List","items":[{before},{}]}}"#, &list[1..list.len() - 1]);
        let outcome = read(format!("{listed}\n---\n{after}\n").as_bytes());
        prop_assert_eq!(around(&outcome), around(&good), "in a List: {}", object);
    }

    #[test]
    fn reading_is_the_same_as_json_and_as_yaml(
        which in any::<Index>(),
        mutations in prop::collection::vec((any::<Index>(), any_json()), 0..3),
    ) {
        let mut document = which.get(&documents()).clone();
        mutate(&mut document, &mutations);
        prop_assume!(document.is_object());
        let text = document.to_string();
        let (as_json, as_yaml) = (read(text.as_bytes()), read(format!("--- {text}\n").as_bytes()));
        prop_assert_eq!(as_json.objects, as_yaml.objects, "{}", text);
    }

    #[test]
    fn bytes_at_random_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        read(&bytes);
    }

    #[test]
    fn text_that_looks_like_yaml_never_panics(
        text in "([-?:,\\[\\]{}#&*!|>'\"%@` \n\t\r0-9a-z]|---\n|kind: Service\n|items: |metadata: ){0,60}",
    ) {
        read(text.as_bytes());
    }

    #[test]
    fn a_document_with_a_byte_changed_harms_no_other(
        which in any::<Index>(),
        place in any::<Index>(),
        byte in any::<u8>(),
    ) {
        prop_assume!(byte != b'\n' && byte != b'\r');
        let [before, after] = OTHERS;
        let good = read(format!("{before}\n---\n{after}\n").as_bytes());
        let mut text = which.get(&documents()).to_string().into_bytes();
        let place = place.index(text.len());
        text[place] = byte;
        let (head, tail) = (format!("{before}\n---\n"), format!("\n---\n{after}\n"));
        let outcome = read(&[head.as_bytes(), &text, tail.as_bytes()].concat());
        prop_assert_eq!(around(&outcome), around(&good));
    }
}
