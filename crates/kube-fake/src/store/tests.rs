//! What the store does, rule by rule. Versions are told from 2 on: a new store is at 1.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::*;
use crate::patch::Patch;
use crate::selector::Selector;

fn services() -> &'static Resource {
    Resource::of_kind("", "Service").unwrap()
}

fn slices() -> &'static Resource {
    Resource::of_kind("discovery.k8s.io", "EndpointSlice").unwrap()
}

fn now() -> Timestamp {
    "2026-01-02T03:04:05Z".parse().unwrap()
}

fn options() -> WriteOptions {
    WriteOptions::new("test", now())
}

fn create(store: &mut Store, name: &str) -> Arc<Object> {
    let object = json!({"metadata": {"name": name, "labels": {"app": name}}});
    store.create(services(), "shop", object, &options()).unwrap()
}

fn label(store: &mut Store, name: &str, label: &str, value: &str) -> Arc<Object> {
    let patch = Patch::Merge(json!({"metadata": {"labels": {label: value}}}));
    store.patch(services(), ("shop", name), Part::Main, &patch, &options()).unwrap()
}

fn delete(store: &mut Store, name: &str) {
    store.delete(services(), ("shop", name), &DeleteOptions::new(now())).unwrap();
}

/// A store with the services a to e at the versions 2 to 6.
fn five() -> Store {
    let mut store = Store::new();
    for name in ["a", "b", "c", "d", "e"] {
        create(&mut store, name);
    }
    store
}

fn names(list: &List) -> String {
    list.items.iter().map(|object| object.name()).collect::<Vec<_>>().join(" ")
}

fn begin(store: &Store, version: u64) -> Watch {
    let query = WatchQuery { version: Some(version), bookmarks: true, ..WatchQuery::default() };
    store.watch(services(), query).unwrap()
}

/// All that a watch has now: the first letter of each event, the name and the version.
fn told(store: &Store, watch: &mut Watch) -> String {
    let mut seen = Vec::new();
    loop {
        match store.next(watch) {
            Step::Event(event) if event.kind == EventKind::Error => {
                seen.push(event.object.value()["code"].to_string());
            }
            Step::Event(event) => {
                let (object, kind) = (&event.object, &event.kind.name()[..1]);
                seen.push(format!("{kind}:{}:{}", object.name(), object.revision()));
            }
            Step::Idle => break,
            Step::End => {
                seen.push("end".to_owned());
                break;
            }
        }
    }
    seen.join(" ")
}

#[test]
fn a_new_object_has_what_the_server_gives_it() {
    let mut store = Store::new();
    let made = create(&mut store, "a");
    let made = made.value();
    let metadata = &made["metadata"];
    assert_eq!(metadata["resourceVersion"], "2");
    assert_eq!(metadata["uid"], "00000000-0000-4000-8000-000000000001");
    assert_eq!(metadata["creationTimestamp"], "2026-01-02T03:04:05Z");
    assert_eq!(metadata["namespace"], "shop");
    assert!(metadata.get("generation").is_none());
    let object = json!({"metadata": {"name": "a"}});
    let failure = store.create(services(), "shop", object, &options()).unwrap_err();
    assert_eq!((failure.code, failure.reason), (409, "AlreadyExists"));
    assert_eq!(store.revision(), 2);
}

#[test]
fn names_are_made_from_a_prefix_the_same_each_time() {
    let make = || {
        let mut store = Store::new();
        let object = json!({"metadata": {"generateName": "web-"}});
        let names = [(); 3].map(|()| {
            let made = store.create(services(), "shop", object.clone(), &options()).unwrap();
            made.name().to_owned()
        });
        assert_eq!(store.count(services()), 3);
        names
    };
    assert_eq!(make(), make());
}

#[test]
fn bad_metadata_is_refused_with_its_field() {
    let mut store = Store::new();
    let cases = [
        (json!({}), 422, "metadata.name"),
        (json!({"name": "UPPER"}), 422, "metadata.name"),
        (json!({"name": "1web"}), 422, "metadata.name"),
        (json!({"name": "a", "labels": {"x": "no spaces"}}), 422, "metadata.labels"),
        (json!({"name": "a", "labels": {"/": "x"}}), 422, "metadata.labels"),
        (json!({"name": "a", "namespace": "other"}), 400, ""),
        (json!({"name": "a", "resourceVersion": "1"}), 400, ""),
        (json!({"name": "a", "labels": 7}), 400, ""),
    ];
    for (metadata, code, field) in cases {
        let object = json!({"metadata": metadata});
        let failure = store.create(services(), "shop", object, &options()).unwrap_err();
        assert_eq!(failure.code, code, "{failure}");
        assert!(failure.message.contains(field), "{failure}");
    }
    assert_eq!((store.revision(), store.count(services())), (1, 0));
}

#[test]
fn a_change_from_an_old_version_is_a_conflict_and_a_change_of_nothing_is_none() {
    let mut store = Store::new();
    let old = create(&mut store, "a");
    let new = label(&mut store, "a", "x", "1");
    let put = |store: &mut Store, value: &Value| {
        store.update(services(), ("shop", "a"), Part::Main, value.clone(), &options())
    };
    assert_eq!(put(&mut store, &old.value()).unwrap_err().reason, "Conflict");
    assert_eq!(put(&mut store, &new.value()).unwrap().revision(), 3);
    assert_eq!(store.revision(), 3);
    let mut other = new.value();
    other["metadata"]["uid"] = json!("another");
    assert_eq!(put(&mut store, &other).unwrap_err().reason, "Conflict");
    let missing = store.update(services(), ("shop", "b"), Part::Main, json!({}), &options());
    assert_eq!(missing.unwrap_err().code, 404);
}

#[test]
fn the_status_is_changed_by_itself_alone() {
    let mut store = five();
    let change = json!({
        "spec": {"type": "NodePort"},
        "status": {"loadBalancer": {"ingress": [{"ip": "203.0.113.1"}]}},
    });
    let patch = Patch::Merge(change);
    let place = ("shop", "a");
    let main = store.patch(services(), place, Part::Main, &patch, &options()).unwrap();
    assert_eq!(main.value()["status"], json!({"loadBalancer": {}}));
    assert_eq!(main.value()["spec"]["type"], "NodePort");
    let patch = Patch::Merge(json!({
        "spec": {"type": "ClusterIP"},
        "status": {"loadBalancer": {"ingress": [{"ip": "203.0.113.1"}]}},
    }));
    let status = store.patch(services(), place, Part::Status, &patch, &options()).unwrap();
    assert_eq!(status.value()["spec"]["type"], "NodePort");
    assert_eq!(status.value()["status"]["loadBalancer"]["ingress"][0]["ip"], "203.0.113.1");
}

#[test]
fn generations_count_what_is_wanted() {
    let mut store = Store::new();
    let object = json!({"metadata": {"name": "a"}, "addressType": "IPv4", "endpoints": []});
    store.create(slices(), "shop", object, &options()).unwrap();
    let mut change = |patch: Value| {
        let patch = Patch::Merge(patch);
        let made = store.patch(slices(), ("shop", "a"), Part::Main, &patch, &options()).unwrap();
        made.value()["metadata"]["generation"].as_u64().unwrap()
    };
    assert_eq!(change(json!({"metadata": {"annotations": {"x": "1"}}})), 1);
    assert_eq!(change(json!({"endpoints": [{"addresses": ["10.1.1.1"]}]})), 2);
}

#[test]
fn finalizers_keep_an_object_until_they_are_gone() {
    let mut store = Store::new();
    let object = json!({"metadata": {"name": "a", "finalizers": ["example.com/wait"]}});
    store.create(services(), "shop", object, &options()).unwrap();
    let mut watch = begin(&store, 2);
    let place = ("shop", "a");
    let deleted = store.delete(services(), place, &DeleteOptions::new(now())).unwrap();
    assert!(matches!(deleted, Deleted::Pending(_)));
    let patch = Patch::Merge(json!({"metadata": {"finalizers": null}}));
    store.patch(services(), place, Part::Main, &patch, &options()).unwrap();
    assert_eq!(told(&store, &mut watch), "M:a:3 D:a:4");
    assert_eq!(store.get(services(), "shop", "a").unwrap_err().code, 404);
}

#[test]
fn deletions_have_conditions() {
    let mut store = five();
    let place = ("shop", "a");
    let other = DeleteOptions { uid: Some("other".to_owned()), ..DeleteOptions::new(now()) };
    assert_eq!(store.delete(services(), place, &other).unwrap_err().reason, "Conflict");
    let tried = DeleteOptions { dry_run: true, ..DeleteOptions::new(now()) };
    store.delete(services(), place, &tried).unwrap();
    assert_eq!(store.revision(), 6);
    let right = DeleteOptions { version: Some("2".to_owned()), ..DeleteOptions::new(now()) };
    store.delete(services(), place, &right).unwrap();
    assert_eq!(store.delete(services(), place, &right).unwrap_err().code, 404);
}

#[test]
fn pages_are_of_one_version() {
    let mut store = five();
    let mut query = ListQuery { limit: 2, ..ListQuery::default() };
    let first = store.list(services(), &query).unwrap();
    assert_eq!((names(&first).as_str(), first.remaining), ("a b", Some(3)));
    delete(&mut store, "c");
    create(&mut store, "b2");
    label(&mut store, "d", "x", "1");
    query.next = first.next;
    let second = store.list(services(), &query).unwrap();
    assert_eq!((names(&second).as_str(), second.revision), ("c d", 6));
    assert!(second.items[1].value()["metadata"]["labels"].get("x").is_none());
    query.next = second.next;
    store.compact(store.revision());
    let gone = store.list(services(), &query).unwrap_err();
    assert_eq!((gone.code, gone.reason), (410, "Expired"));
    query.next = gone.next;
    let rest = store.list(services(), &query).unwrap();
    assert_eq!((names(&rest).as_str(), rest.revision), ("e", 9));
}

#[test]
fn lists_are_in_the_order_of_paths() {
    let mut store = Store::new();
    for (namespace, name) in [("a", "x"), ("a-b", "x"), ("a", "w-1"), ("a", "w")] {
        let object = json!({"metadata": {"name": name}});
        store.create(services(), namespace, object, &options()).unwrap();
    }
    let ask = |namespace: Option<&str>| {
        let namespace = namespace.map(str::to_owned);
        let list =
            store.list(services(), &ListQuery { namespace, ..ListQuery::default() }).unwrap();
        let paths = list.items.iter().map(|item| format!("{}/{}", item.namespace(), item.name()));
        paths.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(ask(None), "a-b/x a/w a/w-1 a/x");
    assert_eq!(ask(Some("a")), "a/w a/w-1 a/x");
    assert_eq!(ask(Some("b")), "");
}

#[test]
fn lists_are_of_the_version_asked_for() {
    let mut store = five();
    delete(&mut store, "a");
    let ask = |version, matching, limit| {
        let query = ListQuery { version, matching, limit, ..ListQuery::default() };
        store.list(services(), &query).map(|list| (names(&list), list.revision))
    };
    let all = || ("b c d e".to_owned(), 7);
    assert_eq!(ask(None, None, 0).unwrap(), all());
    assert_eq!(ask(Some(0), None, 2).unwrap(), all());
    assert_eq!(ask(Some(3), None, 0).unwrap(), all());
    assert_eq!(ask(Some(3), Some(Match::NotOlderThan), 0).unwrap(), all());
    assert_eq!(ask(Some(3), Some(Match::Exact), 0).unwrap(), ("a b".to_owned(), 3));
    assert_eq!(ask(Some(3), None, 1).unwrap(), ("a".to_owned(), 3));
    assert_eq!(ask(Some(8), None, 0).unwrap_err().code, 504);
    assert_eq!(ask(None, Some(Match::Exact), 0).unwrap_err().code, 422);
    assert_eq!(ask(Some(0), Some(Match::Exact), 0).unwrap_err().code, 422);
    store.compact(5);
    let query =
        ListQuery { version: Some(4), matching: Some(Match::Exact), ..ListQuery::default() };
    assert_eq!(store.list(services(), &query).unwrap_err().reason, "Expired");
}

#[test]
fn a_watch_tells_what_a_selection_gains_and_loses() {
    let mut store = five();
    let selector = Selector::parse(services(), "in=yes", "").unwrap();
    let query = WatchQuery { version: Some(6), selector, ..WatchQuery::default() };
    let mut watch = store.watch(services(), query).unwrap();
    label(&mut store, "a", "in", "yes");
    label(&mut store, "b", "in", "no");
    label(&mut store, "a", "x", "1");
    label(&mut store, "a", "in", "no");
    delete(&mut store, "a");
    assert_eq!(told(&store, &mut watch), "A:a:7 M:a:9 D:a:10");
}

#[test]
fn a_watch_from_no_version_begins_with_all() {
    let mut store = five();
    for version in [None, Some(0)] {
        let query = WatchQuery { version, ..WatchQuery::default() };
        let mut watch = store.watch(services(), query).unwrap();
        assert_eq!(told(&store, &mut watch), "A:a:2 A:b:3 A:c:4 A:d:5 A:e:6");
    }
    let query = WatchQuery {
        initial_events: Some(true),
        matching: Some(Match::NotOlderThan),
        bookmarks: true,
        ..WatchQuery::default()
    };
    let mut watch = store.watch(services(), query.clone()).unwrap();
    delete(&mut store, "a");
    // The mark is of the version that the initial events were of.
    assert_eq!(told(&store, &mut watch), "A:a:2 A:b:3 A:c:4 A:d:5 A:e:6 B::6 D:a:7");
    let query = WatchQuery { version: Some(99), ..query };
    assert!(store.watch(services(), query).unwrap_err().is_too_large());
    let query = WatchQuery { initial_events: Some(true), ..WatchQuery::default() };
    assert_eq!(store.watch(services(), query).unwrap_err().code, 422);
}

#[test]
fn a_watch_of_forgotten_history_fails_with_410_and_ends() {
    let mut store = five();
    store.compact(4);
    assert_eq!(told(&store, &mut begin(&store, 3)), "410 end");
    assert_eq!(told(&store, &mut begin(&store, 4)), "A:d:5 A:e:6");
    // A bound forgets, too.
    let mut store = Store::with_history(2);
    for name in ["a", "b", "c"] {
        create(&mut store, name);
    }
    assert_eq!(told(&store, &mut begin(&store, 1)), "410 end");
    assert_eq!(told(&store, &mut begin(&store, 2)), "A:b:3 A:c:4");
}

#[test]
fn a_watch_that_was_told_all_survives_what_others_change() {
    let mut store = Store::with_history(2);
    let mut watch = begin(&store, 1);
    for _ in 0..10 {
        let object = json!({"metadata": {"generateName": "a-"}});
        store.create(slices(), "shop", object, &options()).unwrap();
        assert_eq!(told(&store, &mut watch), "");
    }
    let mark = store.bookmark(&mut watch).unwrap();
    assert_eq!(mark.object.revision(), 11);
    assert_eq!(mark.object.value()["kind"], "Service");
}

#[test]
fn a_watch_from_a_version_that_has_not_been_yet_is_silent() {
    let mut store = five();
    let mut watch = begin(&store, 8);
    create(&mut store, "f");
    assert_eq!(told(&store, &mut watch), "");
    assert!(store.bookmark(&mut watch).is_none());
    create(&mut store, "g");
    create(&mut store, "h");
    assert_eq!(told(&store, &mut watch), "A:h:9");
}

#[test]
fn a_restored_store_is_as_it_was_and_gives_no_uid_twice() {
    let mut store = five();
    let backup = store.backup();
    let mut watch = begin(&store, 6);
    let lost = create(&mut store, "f");
    delete(&mut store, "a");
    store.restore(&backup);
    assert_eq!(told(&store, &mut watch), "end");
    assert_eq!(store.revision(), 6);
    let list = store.list(services(), &ListQuery::default()).unwrap();
    assert_eq!(names(&list), "a b c d e");
    let again = create(&mut store, "f");
    assert_eq!(again.revision(), lost.revision());
    assert_ne!(again.uid(), lost.uid());
}

#[test]
fn a_cache_that_stands_still_tells_nothing_newer() {
    let mut store = five();
    let server = ServerId::default();
    let mut watch = begin(&store, 6);
    store.freeze(server);
    delete(&mut store, "a");
    assert_eq!(told(&store, &mut watch), "");
    let cached = ListQuery { version: Some(0), ..ListQuery::default() };
    assert_eq!(store.list(services(), &cached).unwrap().items.len(), 5);
    assert_eq!(store.list(services(), &ListQuery::default()).unwrap().items.len(), 4);
    let newer = ListQuery { version: Some(7), ..ListQuery::default() };
    assert!(store.list(services(), &newer).unwrap_err().is_too_large());
    store.thaw(server);
    assert_eq!(told(&store, &mut watch), "D:a:7");
}

#[test]
fn each_server_on_a_store_remembers_for_itself() {
    let mut store = five();
    store.forget(6);
    let server = store.add_server();
    let query = WatchQuery { version: Some(4), server, ..WatchQuery::default() };
    let mut second = store.watch(services(), query).unwrap();
    assert_eq!(told(&store, &mut second), "410 end");
    assert_eq!(told(&store, &mut begin(&store, 4)), "A:d:5 A:e:6");
}

#[test]
fn both_forms_of_an_event_are_one_object() {
    let mut store = Store::new();
    let new = Resource::of_kind("events.k8s.io", "Event").unwrap();
    let old = Resource::of_kind("", "Event").unwrap();
    let object = json!({
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": "a"},
        "regarding": {"kind": "Service", "name": "web"},
        "note": "what happened",
    });
    store.create(new, "shop", object, &options()).unwrap();
    let kept = store.get(old, "shop", "a").unwrap();
    assert_eq!(kept.value()["message"], "what happened");
    assert_eq!(kept.value()["apiVersion"], "v1");
    let shown = crate::form::shown(new, kept.value());
    assert_eq!(shown["note"], "what happened");
    assert_eq!(shown["apiVersion"], "events.k8s.io/v1");
    let selector = Selector::parse(old, "", "involvedObject.name=web").unwrap();
    let query = ListQuery { selector, ..ListQuery::default() };
    assert_eq!(store.list(old, &query).unwrap().items.len(), 1);
}

#[test]
fn what_is_held_grows_with_objects_and_shrinks_with_history() {
    let mut store = Store::new();
    let empty = store.held_bytes();
    create(&mut store, "a");
    let one = store.held_bytes();
    assert!(one > empty + 500, "{one} after {empty}");
    for round in 0..100 {
        label(&mut store, "a", "x", &round.to_string());
    }
    let much = store.held_bytes();
    assert!(much > 50 * (one - empty), "{much}");
    store.compact(store.revision());
    assert!(store.held_bytes() < much / 2);
}

#[test]
fn fields_of_another_type_are_refused_and_unknown_ones_left_out() {
    let mut store = Store::new();
    let object = || json!({"metadata": {"name": "a"}, "spec": {"ports": [{"port": 80, "x": 1}]}});
    let strict = WriteOptions { decoding: Decoding::Strict, ..options() };
    let failure = store.create(services(), "shop", object(), &strict).unwrap_err();
    assert!(failure.message.contains("unknown field \"spec.ports[0].x\""), "{failure}");
    let made = store.create(services(), "shop", object(), &options()).unwrap();
    assert!(made.value()["spec"]["ports"][0].get("x").is_none());
    let patch = Patch::Merge(json!({"spec": {"ports": "many"}}));
    let place = ("shop", "a");
    let failure = store.patch(services(), place, Part::Main, &patch, &options()).unwrap_err();
    assert_eq!(failure.code, 422, "{failure}");
    let as_is = WriteOptions { decoding: Decoding::AsIs, ..options() };
    let kept = store.patch(services(), place, Part::Main, &patch, &as_is).unwrap();
    assert_eq!(kept.value()["spec"]["ports"], "many");
}
