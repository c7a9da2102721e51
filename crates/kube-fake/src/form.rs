//! Forms of one object: an event is one thing under two API groups, stored in the form of the core group.

use serde_json::{Value, json};

use crate::resource::{EVENTS_GROUP, Resource};

/// The names of a field in the core group and in `events.k8s.io`.
const EVENT_FIELDS: &[(&str, &str)] = &[
    ("involvedObject", "regarding"),
    ("message", "note"),
    ("source", "deprecatedSource"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"),
    ("reportingComponent", "reportingController"),
];

/// The `apiVersion` under which objects of a resource are stored.
pub(crate) fn stored_version(resource: &Resource) -> String {
    if resource.group == EVENTS_GROUP { "v1".to_owned() } else { resource.api_version() }
}

/// An object as it came, in the form that is stored.
pub(crate) fn to_stored(resource: &Resource, mut object: Value) -> Value {
    if resource.group != EVENTS_GROUP {
        return object;
    }
    if object["apiVersion"] == json!(resource.api_version()) {
        object["apiVersion"] = json!("v1");
    }
    rename(object, |(stored, shown)| (shown, stored))
}

/// Whether objects are shown in another form than that in which they are stored.
pub(crate) fn is_other(resource: &Resource) -> bool {
    resource.group == EVENTS_GROUP
}

/// A stored object in the form of the resource under which it is asked for.
pub(crate) fn shown(resource: &Resource, mut object: Value) -> Value {
    if resource.group != EVENTS_GROUP {
        return object;
    }
    if object["kind"] == json!(resource.kind) {
        object["apiVersion"] = json!(resource.api_version());
    }
    rename(object, |(stored, shown)| (stored, shown))
}

fn rename<'a>(
    mut object: Value,
    direction: impl Fn((&'a str, &'a str)) -> (&'a str, &'a str),
) -> Value {
    let Some(fields) = object.as_object_mut() else { return object };
    for pair in EVENT_FIELDS {
        let (from, to) = direction(*pair);
        if let Some(value) = fields.remove(from) {
            fields.insert(to.to_owned(), value);
        }
    }
    object
}
