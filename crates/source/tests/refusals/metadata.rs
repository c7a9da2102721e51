//! What an object is called, and what stands beside its name.

use super::{check, difference, read, read_among_others};

const HEAD: &str = "apiVersion: v1\nkind: Service\nspec: {clusterIP: 172.20.0.10}\n";

/// Checks an object that cannot be named: the refusal says where it stands.
fn check_nameless(metadata: &str, field: &str, reason: &str) {
    let outcome = read_among_others(&format!("{HEAD}{metadata}")).expect("others are unharmed");
    let [refused] = outcome.refused.as_slice() else {
        panic!("{metadata}: one refusal, got {:?}", outcome.refused);
    };
    let (object, rest) = refused.split_once(" @ ").expect("an object and a field");
    assert!(
        object.contains("Service") && object.contains("file.yaml line"),
        "{metadata}: {object}"
    );
    assert!(
        rest.starts_with(&format!("{field} | ")) && rest.contains(reason),
        "{metadata}: {rest}"
    );
    assert_eq!(outcome.objects.len(), 2, "{metadata}: {:?}", outcome.objects);
}

#[test]
fn an_object_without_a_usable_name_is_refused() {
    check_nameless("metadata: 7", "metadata", "an object");
    check_nameless("metadata: text", "metadata", "an object");
    check_nameless("metadata: []", "metadata", "an object");
    check_nameless("metadata: true", "metadata", "an object");
    check_nameless("", "metadata.name", "empty");
    check_nameless("metadata: null", "metadata.name", "empty");
    check_nameless("metadata: {}", "metadata.name", "empty");
    check_nameless("metadata: {generateName: web-}", "metadata.name", "empty");
    check_nameless("metadata: {name: null}", "metadata.name", "empty");
    check_nameless("metadata: {name: ''}", "metadata.name", "empty");
    check_nameless("metadata: {name: 7}", "metadata.name", "text");
    check_nameless("metadata: {name: true}", "metadata.name", "text");
    check_nameless("metadata: {name: 1.5}", "metadata.name", "text");
    check_nameless("metadata: {name: []}", "metadata.name", "text");
    check_nameless("metadata: {name: {}}", "metadata.name", "text");
    check_nameless("metadata: {name: \"a\\0b\"}", "metadata.name", "NUL");
    check_nameless("metadata: {name: \"a\\nb\"}", "metadata.name", "character");
    check_nameless("metadata: {name: \"a\\u001b[31m\"}", "metadata.name", "character");
    check_nameless("metadata: {name: a/b}", "metadata.name", "character");
    check_nameless("metadata: {name: a b}", "metadata.name", "character");
    check_nameless("metadata: {name: 'a:b'}", "metadata.name", "character");
    check_nameless("metadata: {name: \u{e4}}", "metadata.name", "character");
    check_nameless(&format!("metadata: {{name: {}}}", "a".repeat(254)), "metadata.name", "253");
}

#[test]
fn names_up_to_the_limit_are_used() {
    let longest = "a".repeat(253);
    for name in ["a", "a.b-c", "on", "1a", "kube-dns.x", &longest] {
        let outcome =
            read_among_others(&format!("{HEAD}metadata: {{name: '{name}', namespace: shop}}"))
                .unwrap();
        let trouble = difference(&format!("Service shop/{name}"), &outcome, &[], &["172.20.0.10"]);
        assert_eq!(trouble, None, "{name}");
    }
}

#[test]
fn a_namespace_that_cannot_be_read_takes_the_object_with_it() {
    let too_long = "n".repeat(254);
    for (namespace, reason) in [
        ("7", "text"),
        ("true", "text"),
        ("{}", "text"),
        ("[]", "text"),
        ("a/b", "character"),
        ("\"a\\0\"", "NUL"),
        ("a b", "character"),
        (&too_long, "253"),
    ] {
        let input = format!("{HEAD}metadata: {{name: web, namespace: {namespace}}}");
        let outcome = read_among_others(&input).unwrap();
        assert_eq!(outcome.objects.len(), 2, "{namespace}: {:?}", outcome.objects);
        let [refused] = outcome.refused.as_slice() else {
            panic!("{namespace}: one refusal, got {:?}", outcome.refused);
        };
        assert!(
            refused.contains("@ metadata.namespace | ") && refused.contains(reason),
            "{refused}"
        );
    }
}

#[test]
fn a_missing_namespace_is_default() {
    for metadata in ["{name: web}", "{name: web, namespace: ''}", "{name: web, namespace: null}"] {
        let outcome = read(format!("{HEAD}metadata: {metadata}").as_bytes());
        assert_eq!(difference("Service default/web", &outcome, &[], &["172.20.0.10"]), None);
    }
}

#[test]
fn what_stands_beside_the_name_harms_only_itself() {
    let head = "apiVersion: v1\nkind: Service\nspec: {clusterIP: 172.20.0.10}\nmetadata: ";
    let used: &[&str] = &["ips=[172.20.0.10]", "served=this", "preserve=false", "replace=false"];
    check(
        head,
        "Service shop/web",
        &[
            ("{name: web, namespace: shop, uid: 7}", &["metadata.uid | text"], used),
            ("{name: web, namespace: shop, uid: {}}", &["metadata.uid | text"], used),
            ("{name: web, namespace: shop, uid: u-1}", &[], &["uid=u-1"]),
            (
                "{name: web, namespace: shop, creationTimestamp: yesterday}",
                &["metadata.creationTimestamp | time"],
                used,
            ),
            (
                "{name: web, namespace: shop, creationTimestamp: 1746525600}",
                &["metadata.creationTimestamp | time"],
                used,
            ),
            (
                "{name: web, namespace: shop, creationTimestamp: '2025-13-06T10:00:00Z'}",
                &["metadata.creationTimestamp | time"],
                used,
            ),
            ("{name: web, namespace: shop, creationTimestamp: 2025-05-06T10:00:00Z}", &[], used),
            ("{name: web, namespace: shop, creationTimestamp: null}", &[], used),
            ("{name: web, namespace: shop, labels: null, annotations: null}", &[], used),
            (
                "{name: web, namespace: shop, labels: {other: 7}, annotations: {other: 7}}",
                &[],
                used,
            ),
            (
                "{name: web, namespace: shop, annotations: 7}",
                &["metadata.annotations | an object"],
                used,
            ),
            (
                "{name: web, namespace: shop, annotations: []}",
                &["metadata.annotations | an object"],
                used,
            ),
            (
                "{name: web, namespace: shop, annotations: {preserve-destination: true}}",
                &["metadata.annotations[preserve-destination] | text"],
                used,
            ),
            (
                "{name: web, namespace: shop, annotations: {winProxyOptimization: 7}}",
                &["metadata.annotations[winProxyOptimization] | text"],
                used,
            ),
            (
                "{name: web, namespace: shop, annotations: {preserve-destination: 'true', winProxyOptimization: DISABLED}}",
                &[],
                &["preserve=true", "replace=true"],
            ),
            (
                "{name: web, namespace: shop, labels: {k8s-app: 7}}",
                &["metadata.labels[k8s-app] | text"],
                used,
            ),
            ("{name: web, namespace: shop, labels: {k8s-app: kube-dns}}", &[], &["dns=true"]),
        ],
    );
}

#[test]
fn labels_that_cannot_be_read_might_hand_the_service_to_another_proxy() {
    let head = "apiVersion: v1\nkind: Service\nspec: {clusterIP: 172.20.0.10}\n\
                metadata: {name: web, namespace: shop, labels: ";
    for (labels, reason) in [("7}", "an object"), ("[a]}", "an object"), ("text}", "an object")] {
        let outcome = read_among_others(&format!("{head}{labels}")).unwrap();
        let refused = format!("metadata.labels | {reason}");
        assert_eq!(difference("Service shop/web", &outcome, &[&refused], &[]), None, "{labels}");
    }
}

#[test]
fn the_labels_that_take_a_service_away_count_with_any_value() {
    let head = "apiVersion: v1\nkind: Service\nspec: {clusterIP: 172.20.0.10}\n\
                metadata: {name: web, namespace: shop, labels: ";
    for (label, served) in [
        ("service.kubernetes.io/service-proxy-name", "served=other"),
        ("service.kubernetes.io/headless", "served=nobody"),
    ] {
        for value in ["''", "x", "'false'", "true"] {
            let outcome = read_among_others(&format!("{head}{{{label}: {value}}}}}")).unwrap();
            let line = outcome.line("Service shop/web").unwrap_or_default();
            assert!(line.contains(served), "{label}: {value}: {line}");
        }
    }
}
