use serde_json::{Value, json};

use super::*;

const NOW: Duration = Duration::from_secs(1);

fn object(value: Value) -> Object {
    serde_json::from_value(value).unwrap()
}

fn service(name: &str, version: u64, address: &str) -> Object {
    object(json!({
        "metadata": {"namespace": "shop", "name": name, "resourceVersion": version.to_string()},
        "spec": {"type": "ClusterIP", "clusterIP": address, "clusterIPs": [address],
                 "ports": [{"port": 80, "protocol": "TCP"}]}
    }))
}

fn node(version: u64) -> Object {
    object(json!({"metadata": {"name": "n1", "resourceVersion": version.to_string()}}))
}

fn version(number: u64) -> Version {
    Version::new(number.to_string())
}

fn list(assembly: &mut Assembly, kind: Kind, objects: Vec<Object>, at: u64) -> Heard {
    assembly.begin_list(kind, NOW);
    for object in objects {
        assembly.listed(kind, object, NOW);
    }
    assembly.end_list(kind, version(at), NOW)
}

/// All kinds listed, with two Services.
fn listed() -> Assembly {
    let mut assembly = Assembly::default();
    list(&mut assembly, Kind::Node, vec![node(3)], 10);
    let services = vec![service("a", 4, "172.20.0.1"), service("b", 5, "172.20.0.2")];
    list(&mut assembly, Kind::Service, services, 11);
    assert!(assembly.take().is_none(), "a state without slices is not complete");
    list(&mut assembly, Kind::EndpointSlice, Vec::new(), 12);
    assembly
}

fn names(update: Option<Update>) -> Vec<String> {
    let name = |event: &ClusterEvent| match event {
        ClusterEvent::Service(service) => format!("service {}", service.key.name),
        ClusterEvent::ServiceGone(key) => format!("service {} gone", key.name),
        ClusterEvent::Node(node) => format!("node {}", node.name),
        other => format!("{other:?}"),
    };
    update.map(|update| update.events.iter().map(name).collect()).unwrap_or_default()
}

#[test]
fn nothing_comes_out_before_all_kinds_were_listed() {
    let mut assembly = listed();
    assert_eq!(names(assembly.take()), ["node n1", "service a", "service b"]);
    assert!(assembly.take().is_none());
}

#[test]
fn what_is_listed_again_comes_out_as_what_differs() {
    let mut assembly = listed();
    assembly.take().unwrap();
    let same = vec![service("a", 4, "172.20.0.1"), service("b", 5, "172.20.0.2")];
    assert_eq!(list(&mut assembly, Kind::Service, same, 20), Heard::Good);
    assert!(assembly.take().is_none(), "nothing differs");
    let other = vec![service("a", 21, "172.20.0.9"), service("c", 22, "172.20.0.3")];
    list(&mut assembly, Kind::Service, other, 23);
    assert_eq!(names(assembly.take()), ["service a", "service b gone", "service c"]);
}

#[test]
fn a_list_that_breaks_off_counts_for_nothing() {
    let mut assembly = listed();
    assembly.take().unwrap();
    assembly.begin_list(Kind::Service, NOW);
    assembly.listed(Kind::Service, service("a", 30, "172.20.0.9"), NOW);
    assembly.failed(Kind::Service, "broken".to_owned(), NOW);
    assert_eq!(assembly.end_list(Kind::Service, version(31), NOW), Heard::OutOfOrder);
    assert!(assembly.take().is_none());
    assert_eq!(assembly.status()[&Kind::Service].objects, 2);
}

#[test]
fn what_is_not_taken_is_kept_in_its_newest_state_alone() {
    let mut assembly = listed();
    for number in 13..1_000 {
        let changed = service("a", number, "172.20.0.1");
        assert_eq!(assembly.changed(Kind::Service, changed, number % 2 == 0, NOW), Heard::Good);
    }
    assert_eq!(names(assembly.take()), ["node n1", "service a", "service b"]);
    assembly.changed(Kind::Service, service("a", 1_000, "172.20.0.1"), true, NOW);
    assert_eq!(names(assembly.take()), ["service a gone"]);
}

#[test]
fn what_was_told_before_is_told_to_nobody() {
    let mut assembly = listed();
    assembly.take().unwrap();
    assembly.changed(Kind::Service, service("a", 13, "172.20.0.9"), false, NOW);
    assert_eq!(names(assembly.take()), ["service a"]);
    assembly.changed(Kind::Service, service("a", 13, "172.20.0.9"), false, NOW);
    assembly.changed(Kind::Service, service("z", 14, "172.20.0.9"), true, NOW);
    assert!(assembly.take().is_none());
}

#[test]
fn a_store_that_went_back_is_listed_whole_before_anything_comes_out() {
    let mut assembly = listed();
    assembly.take().unwrap();
    assert_eq!(assembly.position(Kind::Node), Some(version(10)));
    // Service b is as it was, but at the number of another change; a is older than what was seen.
    let old = vec![service("a", 2, "172.20.0.1"), service("b", 5, "172.20.0.7")];
    assert_eq!(list(&mut assembly, Kind::Service, old, 6), Heard::OutOfOrder);
    for kind in Kind::ALL {
        assert_eq!(assembly.position(kind), None, "{kind} must be listed anew");
    }
    let old = vec![service("a", 2, "172.20.0.1"), service("b", 5, "172.20.0.7")];
    assert_eq!(list(&mut assembly, Kind::Service, old, 6), Heard::Good);
    assert!(assembly.take().is_none(), "slices of before would be mixed with Services of now");
    list(&mut assembly, Kind::Node, vec![node(3)], 6);
    list(&mut assembly, Kind::EndpointSlice, Vec::new(), 6);
    let update = assembly.take().unwrap();
    assert!(update.went_back);
    assert_eq!(names(Some(update)), ["node n1", "service a", "service b"]);
}

#[test]
fn a_list_of_before_does_not_end_after_the_store_went_back() {
    let mut assembly = listed();
    assembly.take().unwrap();
    assembly.begin_list(Kind::Node, NOW);
    assembly.listed(Kind::Node, node(40), NOW);
    assert_eq!(list(&mut assembly, Kind::Service, Vec::new(), 2), Heard::OutOfOrder);
    assert_eq!(assembly.end_list(Kind::Node, version(41), NOW), Heard::OutOfOrder);
    assert_eq!(assembly.position(Kind::Node), None);
}

#[test]
fn a_watch_that_goes_back_is_not_believed() {
    let mut assembly = listed();
    assembly.take().unwrap();
    assert_eq!(assembly.bookmark(Kind::Service, version(50), NOW), Heard::Good);
    assert_eq!(assembly.position(Kind::Service), Some(version(50)));
    let older = service("a", 49, "172.20.0.9");
    assert_eq!(assembly.changed(Kind::Service, older, false, NOW), Heard::OutOfOrder);
    assert_eq!(assembly.bookmark(Kind::Service, version(49), NOW), Heard::OutOfOrder);
    assert!(assembly.take().is_none());
    assembly.forget(Kind::Service);
    assert_eq!(assembly.position(Kind::Service), None);
    // The others go on.
    assert_eq!(assembly.position(Kind::EndpointSlice), Some(version(12)));
}

#[test]
fn an_object_that_cannot_be_used_is_refused_by_name_and_gone() {
    let mut assembly = listed();
    assembly.take().unwrap();
    let mut broken = json!({
        "metadata": {"namespace": "shop", "name": "a", "resourceVersion": "60", "labels": [1]},
        "spec": {"clusterIP": "172.20.0.1"}
    });
    assembly.changed(Kind::Service, object(broken.clone()), false, NOW);
    assert_eq!(names(assembly.take()), ["service a gone"]);
    let refused: Vec<_> = assembly.refused().map(ToString::to_string).collect();
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert!(refused[0].starts_with("Service shop/a: metadata.labels"), "{refused:?}");
    broken["metadata"]["labels"] = json!({});
    broken["metadata"]["resourceVersion"] = json!("61");
    assembly.changed(Kind::Service, object(broken), false, NOW);
    assert_eq!(assembly.refused().count(), 0);
}

#[test]
fn when_endpoints_were_changed_comes_along_but_not_at_the_start() {
    let slice = |version: u64, time: &str| {
        object(json!({
            "metadata": {"namespace": "shop", "name": "a-1", "resourceVersion": version.to_string(),
                "labels": {"kubernetes.io/service-name": "a"},
                "annotations": {"endpoints.kubernetes.io/last-change-trigger-time": time}},
            "addressType": "IPv4", "endpoints": [], "ports": []
        }))
    };
    let mut assembly = Assembly::default();
    list(&mut assembly, Kind::Node, vec![node(3)], 10);
    list(&mut assembly, Kind::Service, Vec::new(), 10);
    list(&mut assembly, Kind::EndpointSlice, vec![slice(9, "2026-01-31T12:00:00Z")], 10);
    assert!(assembly.take().unwrap().triggers.is_empty());
    assembly.changed(Kind::EndpointSlice, slice(11, "1970-01-01T00:00:02Z"), false, NOW);
    assembly.changed(Kind::EndpointSlice, slice(12, "1970-01-01T00:00:03.5Z"), false, NOW);
    let triggers = assembly.take().unwrap().triggers;
    assert_eq!(triggers, [(ServiceKey::new("shop", "a"), 2_000_000)]);
    assembly.changed(Kind::EndpointSlice, slice(13, "yesterday"), false, NOW);
    assert!(assembly.take().unwrap().triggers.is_empty());
}

#[test]
fn trouble_is_told_with_its_beginning_until_something_is_heard() {
    let mut assembly = listed();
    assembly.failed(Kind::Node, "refused".to_owned(), NOW);
    assembly.failed(Kind::Node, "refused again".to_owned(), NOW * 2);
    let status = &assembly.status()[&Kind::Node];
    assert_eq!(
        (status.trouble.as_deref(), status.failing_since),
        (Some("refused again"), Some(NOW))
    );
    assert!(status.listed && status.failures == 2);
    assembly.begin_watch(Kind::Node, NOW * 3);
    assert_eq!(assembly.status()[&Kind::Node].trouble, None);
}

#[test]
fn all_that_is_refused_is_counted_and_the_first_of_it_named() {
    let broken = |number: usize, version: u64| {
        object(json!({
            "metadata": {"namespace": "shop", "name": format!("s{number:05}"), "labels": [1],
                         "resourceVersion": version.to_string()},
            "spec": {"clusterIP": "172.20.0.1"}
        }))
    };
    let mut assembly = listed();
    let all = MOST_REFUSED + 500;
    for number in 0..all {
        assembly.changed(Kind::Service, broken(number, 100 + number as u64), false, NOW);
    }
    assert_eq!((assembly.count_refused(), assembly.refused().count()), (all, MOST_REFUSED));
    // One that is changed and as bad as before is counted once; those that go count no more, named or not.
    assembly.changed(Kind::Service, broken(all - 1, 9_000), false, NOW);
    assert_eq!(assembly.count_refused(), all);
    assembly.changed(Kind::Service, broken(0, 9_001), true, NOW);
    assembly.changed(Kind::Service, broken(all - 1, 9_002), true, NOW);
    assert_eq!(assembly.count_refused(), all - 2);
    list(&mut assembly, Kind::Service, Vec::new(), 9_003);
    assert_eq!((assembly.count_refused(), assembly.refused().count()), (0, 0));
}
