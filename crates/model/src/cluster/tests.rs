use super::*;
use crate::{Conditions, Endpoint, Family};

const READY: Conditions = Conditions { ready: true, serving: true, terminating: false };

fn slice(name: &str, service: Option<&str>, addresses: &[&str]) -> EndpointSlice {
    EndpointSlice {
        key: ObjectKey::new("shop", name),
        service: service.map(Name::from),
        family: Family::IPv4,
        ports: Box::new([]),
        endpoints: addresses
            .iter()
            .map(|text| Endpoint {
                address: text.parse().ok(),
                conditions: READY,
                node: None,
                hints: None,
            })
            .collect(),
        pods: Box::new([]),
    }
}

fn touched_by(cluster: &mut Cluster, event: ClusterEvent) -> Vec<String> {
    let mut touched = Touched::default();
    cluster.apply(event, &mut touched);
    touched.services.keys().map(ToString::to_string).collect()
}

#[test]
fn a_slice_touches_the_service_it_leaves_and_the_one_it_joins() {
    let mut cluster = Cluster::default();
    let join = ClusterEvent::Slice(slice("s-1", Some("web"), &["10.0.0.1"]));
    assert_eq!(touched_by(&mut cluster, join.clone()), ["shop/web"]);
    assert!(touched_by(&mut cluster, join).is_empty(), "an equal slice is no change");
    let moved = ClusterEvent::Slice(slice("s-1", Some("api"), &["10.0.0.1"]));
    assert_eq!(touched_by(&mut cluster, moved), ["shop/api", "shop/web"]);
    assert_eq!(cluster.slices_of(&ServiceKey::new("shop", "web")).count(), 0);
    let unread = ClusterEvent::Slice(slice("s-1", None, &["10.0.0.1"]));
    assert_eq!(touched_by(&mut cluster, unread), ["shop/api"]);
    assert_eq!(cluster.slices().count(), 0);
}

#[test]
fn a_slice_that_was_never_seen_can_go_without_a_trace() {
    let mut cluster = Cluster::default();
    let gone = ClusterEvent::SliceGone(ObjectKey::new("shop", "s-1"));
    assert!(touched_by(&mut cluster, gone).is_empty());
}

#[test]
fn slices_are_found_by_service_alone() {
    let mut cluster = Cluster::default();
    for (name, service) in [("b", "web"), ("a", "web"), ("c", "web2"), ("d", "we")] {
        touched_by(&mut cluster, ClusterEvent::Slice(slice(name, Some(service), &[])));
    }
    let names: Vec<_> = cluster
        .slices_of(&ServiceKey::new("shop", "web"))
        .map(|slice| slice.key.name.to_string())
        .collect();
    assert_eq!(names, ["a", "b"]);
}

#[test]
fn endpoints_are_found_by_address() {
    let mut cluster = Cluster::default();
    touched_by(&mut cluster, ClusterEvent::Slice(slice("s-1", Some("web"), &["10.0.0.1"])));
    let at = |cluster: &Cluster, text: &str| {
        cluster.services_with_endpoint_at(BTreeSet::from([text.parse().unwrap()])).len()
    };
    assert_eq!(
        [at(&cluster, "10.0.0.1"), at(&cluster, "10.0.0.2"), at(&cluster, "10.9.0.1")],
        [1, 0, 0]
    );
    touched_by(&mut cluster, ClusterEvent::Slice(slice("s-1", Some("web"), &["10.0.0.2"])));
    assert_eq!([at(&cluster, "10.0.0.1"), at(&cluster, "10.0.0.2")], [0, 1]);
    touched_by(&mut cluster, ClusterEvent::SliceGone(ObjectKey::new("shop", "s-1")));
    assert!(cluster.neighbourhoods.is_empty());
}

#[test]
fn a_cluster_is_led_to_exactly_what_is_wanted() {
    let mut cluster = Cluster::default();
    let keep = ClusterEvent::Slice(slice("keep", Some("web"), &["10.0.0.1"]));
    touched_by(&mut cluster, keep.clone());
    touched_by(&mut cluster, ClusterEvent::Slice(slice("leave", Some("api"), &["10.0.0.2"])));
    let mut touched = Touched::default();
    for event in cluster.events_towards(vec![keep]) {
        cluster.apply(event, &mut touched);
    }
    assert!(touched.services.keys().eq([&ServiceKey::new("shop", "api")]));
    assert_eq!(cluster.slices().count(), 1);
}
