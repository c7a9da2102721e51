//! What a server fills in where a client leaves it out: as `pkg/apis/core/v1/defaults.go` and `pkg/apis/discovery/v1/defaults.go` of
//! Kubernetes have it, as far as proxies read it. Addresses and node ports are not allocated.

use serde_json::{Value, json};

use crate::resource::Resource;

/// Fills in a stored object.
pub(crate) fn fill_in(resource: &Resource, object: &mut Value) {
    match resource.kind {
        "Service" => {
            if let Some(spec) = object.get_mut("spec") {
                service(spec);
            }
        }
        "EndpointSlice" => slice(object),
        "Namespace" if object.pointer("/status/phase").is_none_or(Value::is_null) => {
            object["status"] = json!({"phase": "Active"});
        }
        _ => {}
    }
}

/// What is in a field; null where there is none.
fn at<'a>(object: &'a Value, field: &str) -> &'a Value {
    object.get(field).unwrap_or(&Value::Null)
}

/// Sets a field that is not there, or empty.
fn set(object: &mut Value, field: &str, value: Value) {
    let found = at(object, field);
    if found.is_null() || found == "" {
        object[field] = value;
    }
}

fn items<'a>(object: &'a mut Value, field: &str) -> impl Iterator<Item = &'a mut Value> {
    let list = object.get_mut(field).and_then(Value::as_array_mut);
    list.into_iter().flatten().filter(|item| item.is_object())
}

fn service(spec: &mut Value) {
    if !spec.is_object() {
        return;
    }
    set(spec, "type", json!("ClusterIP"));
    set(spec, "sessionAffinity", json!("None"));
    for port in items(spec, "ports") {
        set(port, "protocol", json!("TCP"));
        let number = at(port, "port").clone();
        if !number.is_null() {
            set(port, "targetPort", number);
        }
    }
    if at(spec, "sessionAffinity") == "ClientIP" {
        let timeout = spec.pointer("/sessionAffinityConfig/clientIP/timeoutSeconds");
        if timeout.is_none_or(Value::is_null) {
            spec["sessionAffinityConfig"] = json!({"clientIP": {"timeoutSeconds": 10_800}});
        }
    }
    let kind = at(spec, "type").clone();
    if kind == "ExternalName" {
        return;
    }
    set(spec, "internalTrafficPolicy", json!("Cluster"));
    if kind == "NodePort" || kind == "LoadBalancer" {
        set(spec, "externalTrafficPolicy", json!("Cluster"));
    }
    let address = at(spec, "clusterIP").clone();
    let is_given = address.as_str().is_some_and(|address| !address.is_empty());
    if is_given && at(spec, "clusterIPs").as_array().is_none_or(Vec::is_empty) {
        spec["clusterIPs"] = json!([address]);
    }
}

fn slice(slice: &mut Value) {
    for port in items(slice, "ports") {
        if at(port, "name").is_null() {
            port["name"] = json!("");
        }
        set(port, "protocol", json!("TCP"));
    }
}
