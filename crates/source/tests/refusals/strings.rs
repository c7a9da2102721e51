//! Strings that no Kubernetes object can hold: NUL bytes, bytes that are not UTF-8, and texts without end.

use super::{check, read};

const SLICE: &str = "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\naddressType: IPv4\n";

#[test]
fn a_port_name_with_a_nul_byte_is_refused() {
    let head = "apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: shop}\nspec: \
                {clusterIP: 172.20.0.10, ports: ";
    let used: &[&str] = &["ports=[b:TCP:81:->same]"];
    for (name, reason) in [
        ("\"a\\0\"", "spec.ports[0].name | NUL"),
        ("\"a\\nb\"", "spec.ports[0].name | character"),
        ("a/b", "spec.ports[0].name | character"),
        ("\"\\u00e4\"", "spec.ports[0].name | character"),
    ] {
        let body = format!("[{{name: {name}, port: 80}}, {{name: b, port: 81}}]}}");
        check(head, "Service shop/web", &[(&body, &[reason], used)]);
    }
    let head = format!(
        "{SLICE}metadata: {{name: web-1, namespace: shop, labels: {{kubernetes.io/service-name: web}}}}\nports: "
    );
    check(
        &head,
        "EndpointSlice shop/web-1",
        &[(
            "[{name: \"a\\0\", port: 80}, {name: b, port: 81}]",
            &["ports[0].name | NUL"],
            &["ports=[b:TCP:81]"],
        )],
    );
}

#[test]
fn a_node_name_with_a_nul_byte_is_refused() {
    let head = format!(
        "{SLICE}metadata: {{name: web-1, namespace: shop, labels: {{kubernetes.io/service-name: web}}}}\nendpoints: "
    );
    check(
        &head,
        "EndpointSlice shop/web-1",
        &[(
            "[{addresses: [10.1.1.20], nodeName: \"n1\\0\"}, {addresses: [10.1.1.21]}]",
            &["endpoints[0].nodeName | "],
            &["10.1.1.21rs.]"],
        )],
    );
}

#[test]
fn a_hint_with_a_nul_byte_is_refused() {
    let head = format!(
        "{SLICE}metadata: {{name: web-1, namespace: shop, labels: {{kubernetes.io/service-name: web}}}}\nendpoints: "
    );
    check(
        &head,
        "EndpointSlice shop/web-1",
        &[(
            "[{addresses: [10.1.1.20], hints: {forZones: [{name: \"z1\\0\"}]}}, {addresses: [10.1.1.21]}]",
            &["endpoints[0].hints.forZones[0].name | "],
            &["10.1.1.21rs.]"],
        )],
    );
}

#[test]
fn a_service_name_label_with_a_nul_byte_is_refused() {
    let input = format!(
        "{SLICE}metadata: {{name: web-1, labels: {{kubernetes.io/service-name: \"web\\0\"}}}}\n"
    );
    let outcome = read(input.as_bytes());
    assert_eq!(outcome.refused.len(), 1, "{:?} {:?}", outcome.refused, outcome.objects);
    assert!(outcome.refused[0].contains("kubernetes.io/service-name"), "{:?}", outcome.refused);
}

#[test]
fn a_zone_label_with_a_nul_byte_is_refused() {
    check(
        "apiVersion: v1\nkind: Node\nmetadata: ",
        "Node n1",
        &[(
            "{name: n1, labels: {topology.kubernetes.io/zone: \"z1\\0\"}}",
            &["metadata.labels[topology.kubernetes.io/zone] | "],
            &["zone=- "],
        )],
    );
}

#[test]
fn a_uid_with_a_nul_byte_is_refused() {
    let head = "apiVersion: v1\nkind: Service\nspec: {clusterIP: 172.20.0.10}\nmetadata: ";
    check(
        head,
        "Service shop/web",
        &[(
            "{name: web, namespace: shop, uid: \"u\\0\"}",
            &["metadata.uid | "],
            &["ips=[172.20.0.10]", "uid=-"],
        )],
    );
}

/// A Service between two others, with `name` as raw bytes.
fn among_others(name: &[u8]) -> Vec<u8> {
    let service = |name: &[u8]| {
        let head = b"---\napiVersion: v1\nkind: Service\nmetadata: {name: \"".as_slice();
        [head, name, b"\"}\nspec: {clusterIP: 172.20.0.10}\n"].concat()
    };
    [service(b"one"), service(name), service(b"two")].concat()
}

#[test]
fn a_name_that_is_not_utf8_harms_only_its_object() {
    for name in [b"a\xff\xfe".as_slice(), b"\xc3\x28", b"\xed\xa0\x80", b"\xf0\x9f"] {
        let outcome = read(&among_others(name));
        assert_eq!(outcome.objects.len(), 2, "{name:?}: {:?}", outcome.objects);
        assert_eq!(outcome.refused.len(), 1, "{name:?}: {:?}", outcome.refused);
    }
}

#[test]
fn a_node_name_that_is_not_utf8_is_refused() {
    let head =
        format!("{SLICE}metadata: {{name: web-1, labels: {{kubernetes.io/service-name: web}}}}\n");
    let tail = b"endpoints: [{addresses: [10.1.1.20], nodeName: \"n\xff\"}]\n".as_slice();
    let outcome = read(&[head.as_bytes(), tail].concat());
    assert!(!outcome.refused.is_empty(), "{:?}", outcome.objects);
}

#[test]
fn a_byte_that_is_not_utf8_in_a_comment_harms_nothing_after_it() {
    let service = "\n---\nkind: Service\nmetadata: {name: web}\nspec: {clusterIP: 172.20.0.10}\n";
    let outcome = read(&[b"# caf\xe9".as_slice(), service.as_bytes()].concat());
    assert!(outcome.line("Service default/web").is_some(), "{:?}", outcome.refused);
}

#[test]
fn a_nul_byte_in_the_file_harms_only_its_document() {
    let service = |name| {
        format!("kind: Service\nmetadata: {{name: {name}}}\nspec: {{clusterIP: 172.20.0.10}}\n")
    };
    let outcome = read(format!("{}---\n\0\n---\n{}", service("one"), service("two")).as_bytes());
    assert_eq!(outcome.objects.len(), 2, "{:?}", outcome.refused);
    assert_eq!(outcome.refused.len(), 1);
}

#[test]
fn a_reason_stays_short_whatever_it_quotes() {
    let long = "1x".repeat(500_000);
    let documents = [
        format!("kind: Service\nmetadata: {{name: a}}\nspec: {{type: {long}}}\n"),
        format!("kind: Service\nmetadata: {{name: {long}}}\nspec: {{}}\n"),
        format!("kind: Service\nmetadata: {{name: b}}\nspec: {{clusterIP: {long}}}\n"),
        format!(
            "kind: Service\nmetadata: {{name: c}}\nspec: {{clusterIP: 1.2.3.4, sessionAffinity: {long}}}\n"
        ),
        format!(
            "kind: Service\nmetadata: {{name: d}}\nspec: {{clusterIP: 1.2.3.4, ports: [{{port: 1, protocol: {long}}}]}}\n"
        ),
        format!(
            "kind: Service\nmetadata: {{name: e}}\nspec: {{clusterIP: {}}}\n",
            "1".repeat(500_000)
        ),
        format!("kind: Service\nmetadata: {{name: {long}}}\nspec: {{}}\n"),
    ];
    for (index, document) in documents.iter().enumerate() {
        for refused in read(document.as_bytes()).refused {
            assert!(
                refused.len() < 2_000,
                "document {index}: a refusal of {} bytes",
                refused.len()
            );
        }
    }
}

#[test]
fn a_kind_that_is_passed_over_cannot_write_to_the_terminal() {
    let long = "k".repeat(100_000);
    for kind in ["\"a\\nb\"", "\"\\u001b[31m\"", "\"a\\0\"", &long] {
        let outcome =
            read(format!("apiVersion: v1\nkind: {kind}\nmetadata: {{name: a}}\n").as_bytes());
        for name in outcome.counts.passed_over.keys() {
            assert!(!name.chars().any(char::is_control), "{name:?}");
            assert!(name.len() < 2_000, "a kind of {} bytes", name.len());
        }
    }
}
