//! What patches make of a Service.

use serde_json::{Value, json};

use super::*;

fn service() -> Value {
    json!({
        "kind": "Service",
        "metadata": {"name": "web", "labels": {"a": "1", "b": "2"}, "finalizers": ["x", "y"]},
        "spec": {
            "selector": {"app": "web"},
            "ports": [
                {"name": "http", "port": 80, "protocol": "TCP"},
                {"name": "https", "port": 443, "protocol": "TCP"},
            ],
        },
    })
}

fn patched(patch: &Patch) -> Result<Value, Failure> {
    let resource = Resource::of_kind("", "Service").unwrap();
    patch.apply(resource, &service(), "test")
}

fn strategic(patch: Value) -> Value {
    patched(&Patch::Strategic(patch)).unwrap()
}

/// The ports in short.
fn ports(service: &Value) -> String {
    let ports = service["spec"]["ports"].as_array().unwrap();
    let short = |port: &Value| format!("{}={}", port["name"].as_str().unwrap_or("-"), port["port"]);
    ports.iter().map(short).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_strategic_patch_merges_ports_by_number() {
    let port = |change: Value| strategic(json!({"spec": {"ports": [change]}}));
    assert_eq!(ports(&port(json!({"port": 80, "name": "web"}))), "web=80 https=443");
    assert_eq!(ports(&port(json!({"port": 81}))), "http=80 https=443 -=81");
    assert_eq!(ports(&port(json!({"port": 80, "$patch": "delete"}))), "https=443");
    let whole = json!({"spec": {"ports": [{"port": 1}, {"$patch": "replace"}]}});
    assert_eq!(ports(&strategic(whole)), "-=1");
    let order = json!({"spec": {
        "$setElementOrder/ports": [{"port": 443}, {"port": 81}, {"port": 80}],
        "ports": [{"port": 81}],
    }});
    assert_eq!(ports(&strategic(order)), "https=443 -=81 http=80");
}

#[test]
fn a_strategic_patch_follows_its_directives() {
    let labels = |patch: Value| strategic(json!({"metadata": patch}))["metadata"]["labels"].clone();
    assert_eq!(labels(json!({"labels": {"a": null, "c": "3"}})), json!({"b": "2", "c": "3"}));
    assert_eq!(labels(json!({"labels": {"$patch": "replace", "c": "3"}})), json!({"c": "3"}));
    let kept = json!({"labels": {"$retainKeys": ["a", "c"], "c": "3"}});
    assert_eq!(labels(kept), json!({"a": "1", "c": "3"}));
    let finalizers =
        |patch: Value| strategic(json!({"metadata": patch}))["metadata"]["finalizers"].clone();
    assert_eq!(finalizers(json!({"finalizers": ["y", "z"]})), json!(["x", "y", "z"]));
    assert_eq!(finalizers(json!({"$deleteFromPrimitiveList/finalizers": ["x"]})), json!(["y"]));
}

#[test]
fn a_merge_patch_replaces_lists_and_removes_by_null() {
    let patch = json!({"metadata": {"labels": null}, "spec": {"ports": [{"port": 1}]}});
    let service = patched(&Patch::Merge(patch)).unwrap();
    assert_eq!(ports(&service), "-=1");
    assert!(service["metadata"].get("labels").is_none());
    assert_eq!(service["spec"]["selector"]["app"], "web");
}

#[test]
fn a_json_patch_does_its_operations_or_nothing() {
    let apply = |operations: Value| patched(&Patch::Json(operations));
    let service = apply(json!([
        {"op": "test", "path": "/spec/ports/0/port", "value": 80},
        {"op": "remove", "path": "/spec/ports/0"},
        {"op": "add", "path": "/spec/ports/-", "value": {"name": "z", "port": 9}},
        {"op": "add", "path": "/metadata/labels/x~1y", "value": "1"},
        {"op": "move", "from": "/metadata/labels/a", "path": "/metadata/labels/c"},
        {"op": "copy", "from": "/metadata/labels/b", "path": "/metadata/labels/d"},
        {"op": "replace", "path": "/spec/selector/app", "value": "api"},
    ]))
    .unwrap();
    assert_eq!(ports(&service), "https=443 z=9");
    let labels = json!({"b": "2", "c": "1", "d": "2", "x/y": "1"});
    assert_eq!(service["metadata"]["labels"], labels);
    for wrong in [
        json!([{"op": "remove", "path": "/spec/nothing"}]),
        json!([{"op": "replace", "path": "/spec/ports/7", "value": 1}]),
        json!([{"op": "test", "path": "/kind", "value": "Node"}]),
        json!([{"op": "add", "path": "/spec/ports/01", "value": 1}]),
        json!([{"op": "wish", "path": "/kind"}]),
    ] {
        assert_eq!(apply(wrong.clone()).unwrap_err().code, 422, "{wrong}");
    }
    assert_eq!(apply(json!({"op": "add"})).unwrap_err().code, 400);
}

#[test]
fn the_merge_keys_are_those_that_openapi_tells() {
    use crate::schema::{ListKind, Shape, TYPES};
    use schema::{Merging, merging};
    let service = &TYPES["ServiceSpec"].fields["ports"];
    let ListKind::Keyed { merge, keys } = &service.list else { panic!("ports have keys") };
    let Merging::Keyed { key, keys: ours } = merging("Service", "spec.ports") else {
        panic!("ports have keys")
    };
    assert_eq!((*merge, keys.as_slice()), (key, ours));
    assert!(matches!(TYPES["EndpointSlice"].fields["endpoints"].shape, Shape::List(_)));
    assert_eq!(merging("EndpointSlice", "endpoints"), Merging::Atomic);
}
