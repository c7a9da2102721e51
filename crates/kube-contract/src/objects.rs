//! Objects as they are sent, and what is read of those that come.

use serde_json::{Value, json};

use crate::finding::{Checked, Finding};

/// A Service that every server takes: headless, so that no address has to be free.
pub(crate) fn service(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
        "spec": {
            "clusterIP": "None",
            "ports": [{"name": "http", "port": 80, "protocol": "TCP", "targetPort": 8080}],
        },
    })
}

/// The same with labels.
pub(crate) fn labelled(name: &str, labels: Value) -> Value {
    let mut service = service(name);
    service["metadata"]["labels"] = labels;
    service
}

/// An EndpointSlice of a Service.
pub(crate) fn slice(name: &str, service: &str, addresses: &[&str]) -> Value {
    let endpoints: Vec<_> =
        addresses.iter().map(|address| json!({"addresses": [address]})).collect();
    json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": {"name": name, "labels": {"kubernetes.io/service-name": service}},
        "addressType": "IPv4", "endpoints": endpoints,
        "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
    })
}

/// The version of an object or a list, as it is.
pub(crate) fn version(object: &Value) -> Checked<String> {
    let version = object["metadata"]["resourceVersion"].as_str();
    let version = version.filter(|version| !version.is_empty());
    version.map(str::to_owned).ok_or_else(|| Finding::of(format!("no version: {object}")))
}

/// The version as a number, which versions of one server are.
pub(crate) fn revision(object: &Value) -> Checked<u64> {
    let version = version(object)?;
    version.parse().map_err(|_| Finding::of(format!("the version {version:?} is no number")))
}

/// The name.
pub(crate) fn name(object: &Value) -> String {
    object["metadata"]["name"].as_str().unwrap_or_default().to_owned()
}

/// The items of a list; it must have them, if none.
pub(crate) fn items(list: &Value) -> Checked<&Vec<Value>> {
    list["items"].as_array().ok_or_else(|| Finding::of(format!("no items: {list}")))
}

/// The names of a list's items, in order.
pub(crate) fn names(list: &Value) -> Checked<Vec<String>> {
    Ok(items(list)?.iter().map(name).collect())
}
