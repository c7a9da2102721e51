//! Who owns what after which changes.

use serde_json::{Value, json};

use crate::failure::Failure;
use crate::patch::Patch;
use crate::resource::Resource;
use crate::store::{Part, Store, WriteOptions};

struct Cluster(Store);

impl Cluster {
    fn patch(&mut self, manager: &str, patch: &Patch) -> Result<Value, Failure> {
        let resource = Resource::of_kind("", "Service").unwrap();
        let options = WriteOptions::new(manager, "2026-01-02T03:04:05Z".parse().unwrap());
        let made = self.0.patch(resource, ("shop", "web"), Part::Main, patch, &options)?;
        Ok(made.value())
    }

    fn apply(&mut self, manager: &str, labels: Value, ports: Value) -> Result<Value, Failure> {
        self.patch(manager, &Patch::Apply { object: wanted(labels, ports), force: false })
    }
}

fn wanted(labels: Value, ports: Value) -> Value {
    json!({
        "kind": "Service",
        "apiVersion": "v1",
        "metadata": {"name": "web", "labels": labels},
        "spec": {"ports": ports},
    })
}

/// The managers with their operations.
fn managers(object: &Value) -> Vec<String> {
    let entries = object["metadata"]["managedFields"].as_array().unwrap();
    let text = |entry: &Value, field: &str| entry[field].as_str().unwrap().to_owned();
    entries.iter().map(|entry| text(entry, "manager") + " " + &text(entry, "operation")).collect()
}

fn ports(object: &Value) -> String {
    let ports = object["spec"]["ports"].as_array().unwrap();
    ports.iter().map(|port| port["port"].to_string()).collect::<Vec<_>>().join(" ")
}

#[test]
fn what_is_applied_no_longer_goes_unless_another_owns_it() {
    let mut cluster = Cluster(Store::new());
    let both = json!([{"port": 80}, {"port": 443}]);
    cluster.apply("one", json!({"a": "1", "b": "1"}), both).unwrap();
    cluster.apply("two", json!({"b": "1"}), json!([{"port": 443}])).unwrap();
    let left = cluster.apply("one", json!({}), json!([{"port": 81}])).unwrap();
    assert_eq!(left["metadata"]["labels"], json!({"b": "1"}));
    assert_eq!(ports(&left), "443 81");
    assert_eq!(managers(&left), ["one Apply", "two Apply"]);
}

#[test]
fn the_same_applied_again_is_no_change() {
    let mut cluster = Cluster(Store::new());
    let first = cluster.apply("one", json!({"a": "1"}), json!([{"port": 80}])).unwrap();
    let second = cluster.apply("one", json!({"a": "1"}), json!([{"port": 80}])).unwrap();
    assert_eq!(first, second);
}

#[test]
fn an_update_takes_fields_and_applying_them_otherwise_is_a_conflict() {
    let mut cluster = Cluster(Store::new());
    cluster.apply("one", json!({"a": "1"}), json!([{"port": 80}])).unwrap();
    let change = Patch::Merge(json!({"metadata": {"labels": {"a": "2"}}}));
    let changed = cluster.patch("hand", &change).unwrap();
    assert_eq!(managers(&changed), ["one Apply", "hand Update"]);
    let object = wanted(json!({"a": "1"}), json!([{"port": 80}]));
    let refused = cluster.apply("one", json!({"a": "1"}), json!([{"port": 80}])).unwrap_err();
    assert_eq!(refused.code, 409);
    let cause = &refused.details.unwrap()["causes"][0];
    assert_eq!(cause["field"], ".metadata.labels.a");
    assert_eq!(cause["message"], "conflict with \"hand\" using v1");
    let forced = cluster.patch("one", &Patch::Apply { object, force: true }).unwrap();
    assert_eq!(forced["metadata"]["labels"]["a"], "1");
    assert_eq!(managers(&forced), ["one Apply"]);
}

#[test]
fn fields_are_read_as_they_are_written() {
    use crate::fields::FieldSet;
    let fields = json!({
        "f:metadata": {"f:labels": {".": {}, "f:a": {}}},
        "f:spec": {"f:ports": {"k:{\"port\":80,\"protocol\":\"TCP\"}": {".": {}, "f:port": {}}}},
    });
    assert_eq!(FieldSet::read(&fields).write(), fields);
}
