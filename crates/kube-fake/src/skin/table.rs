//! Objects as the rows of a table, which `kubectl get` asks for: the columns that people know of each kind.

use jiff::{Timestamp, Unit};
use serde_json::{Value, json};

use crate::object::metadata;
use crate::resource::Resource;

/// What of an object goes with its row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Include {
    None,
    Metadata,
    Object,
}

impl Include {
    pub(super) fn read(text: &str) -> Self {
        match text {
            "None" => Self::None,
            "Object" => Self::Object,
            _ => Self::Metadata,
        }
    }
}

/// A column: its name, and whether it shows only in wide output.
type Column = (&'static str, bool);

fn columns(kind: &str) -> &'static [Column] {
    match kind {
        "Service" => &[
            ("Name", false),
            ("Type", false),
            ("Cluster-IP", false),
            ("External-IP", false),
            ("Port(s)", false),
            ("Age", false),
            ("Selector", true),
        ],
        "EndpointSlice" => &[
            ("Name", false),
            ("AddressType", false),
            ("Ports", false),
            ("Endpoints", false),
            ("Age", false),
        ],
        "Node" => &[
            ("Name", false),
            ("Status", false),
            ("Roles", false),
            ("Age", false),
            ("Version", false),
            ("Internal-IP", true),
            ("External-IP", true),
            ("OS-Image", true),
            ("Kernel-Version", true),
            ("Container-Runtime", true),
        ],
        "Namespace" => &[("Name", false), ("Status", false), ("Age", false)],
        "Event" => &[
            ("Last Seen", false),
            ("Type", false),
            ("Reason", false),
            ("Object", false),
            ("Message", false),
            ("Name", true),
        ],
        _ => &[("Name", false), ("Age", false)],
    }
}

/// A table of objects. The columns of a watch are told once.
pub(super) fn table<'a>(
    resource: &Resource,
    objects: impl IntoIterator<Item = &'a Value>,
    list: Value,
    include: Include,
    now: Timestamp,
) -> Value {
    let rows: Vec<_> =
        objects.into_iter().map(|object| row(resource, object, include, now)).collect();
    let columns: Vec<_> = columns(resource.kind)
        .iter()
        .map(|(name, is_wide)| {
            json!({
                "name": name,
                "type": "string",
                "format": if *name == "Name" { "name" } else { "" },
                "description": "",
                "priority": u8::from(*is_wide),
            })
        })
        .collect();
    json!({
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": list,
        "columnDefinitions": columns,
        "rows": rows,
    })
}

fn row(resource: &Resource, object: &Value, include: Include, now: Timestamp) -> Value {
    let cells: Vec<_> = columns(resource.kind)
        .iter()
        .map(|(name, _)| cell(resource.kind, name, object, now))
        .collect();
    let mut row = json!({"cells": cells});
    match include {
        Include::None => {}
        Include::Metadata => {
            row["object"] = json!({
                "kind": "PartialObjectMetadata",
                "apiVersion": "meta.k8s.io/v1",
                "metadata": object["metadata"],
            });
        }
        Include::Object => row["object"] = object.clone(),
    }
    row
}

fn cell(kind: &str, column: &str, object: &Value, now: Timestamp) -> String {
    let text = match (kind, column) {
        (_, "Name") => metadata(object, "name").to_owned(),
        (_, "Age") => age(metadata(object, "creationTimestamp"), now),
        ("Service", "Type") => text(&object["spec"]["type"]),
        ("Service", "Cluster-IP") => text(&object["spec"]["clusterIP"]),
        ("Service", "External-IP") => external_addresses(object),
        ("Service", "Port(s)") => service_ports(object),
        ("Service", "Selector") => pairs(&object["spec"]["selector"]),
        ("EndpointSlice", "AddressType") => text(&object["addressType"]),
        ("EndpointSlice", "Ports") => some_of(&object["ports"], |port| text(&port["port"])),
        ("EndpointSlice", "Endpoints") => slice_addresses(object),
        ("Node", "Status") => node_status(object),
        ("Node", "Roles") => node_roles(object),
        ("Node", "Version") => text(&object["status"]["nodeInfo"]["kubeletVersion"]),
        ("Node", "Internal-IP") => node_address(object, "InternalIP"),
        ("Node", "External-IP") => node_address(object, "ExternalIP"),
        ("Node", "OS-Image") => text(&object["status"]["nodeInfo"]["osImage"]),
        ("Node", "Kernel-Version") => text(&object["status"]["nodeInfo"]["kernelVersion"]),
        ("Node", "Container-Runtime") => {
            text(&object["status"]["nodeInfo"]["containerRuntimeVersion"])
        }
        ("Namespace", "Status") => text(&object["status"]["phase"]),
        ("Event", column) => event_cell(column, object, now),
        _ => String::new(),
    };
    if text.is_empty() { "<none>".to_owned() } else { text }
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn event_cell(column: &str, object: &Value, now: Timestamp) -> String {
    // Under either group.
    let either = |one: &str, other: &str| {
        let found = &object[one];
        if found.is_null() { object[other].clone() } else { found.clone() }
    };
    match column {
        "Last Seen" => {
            let last = text(&either("lastTimestamp", "deprecatedLastTimestamp"));
            age(if last.is_empty() { metadata(object, "creationTimestamp") } else { &last }, now)
        }
        "Type" => text(&object["type"]),
        "Reason" => text(&object["reason"]),
        "Object" => {
            let about = either("involvedObject", "regarding");
            format!("{}/{}", text(&about["kind"]).to_lowercase(), text(&about["name"]))
        }
        _ => text(&either("message", "note")),
    }
}

/// How long ago something was, in the two largest units at most.
fn age(since: &str, now: Timestamp) -> String {
    let Ok(since) = since.parse::<Timestamp>() else { return "<unknown>".to_owned() };
    let seconds =
        now.since(since).ok().and_then(|span| span.total(Unit::Second).ok()).unwrap_or(0.0);
    #[expect(clippy::cast_possible_truncation, reason = "an age in whole seconds fits")]
    let seconds = seconds.max(0.0) as i64;
    match seconds {
        0..120 => format!("{seconds}s"),
        120..7_200 => format!("{}m", seconds / 60),
        7_200..172_800 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

fn pairs(map: &Value) -> String {
    let pairs: Vec<_> = map
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, value)| format!("{name}={}", text(value)))
        .collect();
    pairs.join(",")
}

/// The first three of a list, and how many more there are.
fn some_of(list: &Value, show: impl Fn(&Value) -> String) -> String {
    let items: Vec<_> = list.as_array().into_iter().flatten().map(show).collect();
    let first = items.iter().take(3).cloned().collect::<Vec<_>>().join(",");
    match items.len().saturating_sub(3) {
        0 => first,
        more => format!("{first} + {more} more..."),
    }
}

fn slice_addresses(slice: &Value) -> String {
    let endpoints = slice["endpoints"].as_array().into_iter().flatten();
    let addresses =
        endpoints.flat_map(|endpoint| endpoint["addresses"].as_array().into_iter().flatten());
    some_of(&Value::Array(addresses.cloned().collect()), text)
}

fn external_addresses(service: &Value) -> String {
    let spec = &service["spec"];
    if spec["type"] == "ExternalName" {
        return text(&spec["externalName"]);
    }
    let ingress = service["status"]["loadBalancer"]["ingress"].as_array().into_iter().flatten();
    let balanced = ingress
        .map(|one| if one["ip"].is_null() { text(&one["hostname"]) } else { text(&one["ip"]) });
    let named = spec["externalIPs"].as_array().into_iter().flatten().map(text);
    let all: Vec<_> = balanced.chain(named).collect();
    if all.is_empty() && spec["type"] == "LoadBalancer" {
        return "<pending>".to_owned();
    }
    all.join(",")
}

fn service_ports(service: &Value) -> String {
    let ports = service["spec"]["ports"].as_array().into_iter().flatten();
    let shown: Vec<_> = ports
        .map(|port| {
            let (number, protocol) = (text(&port["port"]), text(&port["protocol"]));
            match port["nodePort"].as_u64() {
                Some(node_port) if node_port > 0 => format!("{number}:{node_port}/{protocol}"),
                _ => format!("{number}/{protocol}"),
            }
        })
        .collect();
    shown.join(",")
}

fn node_status(node: &Value) -> String {
    let conditions = node["status"]["conditions"].as_array().into_iter().flatten();
    let ready = conditions.into_iter().find(|condition| condition["type"] == "Ready");
    let mut status = match ready.map(|condition| &condition["status"]) {
        Some(status) if status == "True" => "Ready".to_owned(),
        Some(_) => "NotReady".to_owned(),
        None => "Unknown".to_owned(),
    };
    if node["spec"]["unschedulable"] == true {
        status.push_str(",SchedulingDisabled");
    }
    status
}

fn node_roles(node: &Value) -> String {
    let labels = node["metadata"]["labels"].as_object().into_iter().flatten();
    let roles: Vec<_> = labels
        .filter_map(|(label, _)| label.strip_prefix("node-role.kubernetes.io/"))
        .map(str::to_owned)
        .collect();
    roles.join(",")
}

fn node_address(node: &Value, kind: &str) -> String {
    let mut addresses = node["status"]["addresses"].as_array().into_iter().flatten();
    addresses
        .find(|address| address["type"] == kind)
        .map(|address| text(&address["address"]))
        .unwrap_or_default()
}
