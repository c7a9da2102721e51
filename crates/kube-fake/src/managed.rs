//! `metadata.managedFields`: who changed an object last and how, one entry for each manager.
//!
//! Entries of updates name no fields: nothing here depends on them. Those of server-side apply name the fields that were applied, so
//! that a field which is no longer applied goes.

use serde_json::{Value, json};

use crate::object::{metadata, metadata_mut};
use crate::resource::Resource;
use crate::store::time_text;
use crate::store::{Part, WriteOptions};

/// How a manager changed an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    Update,
    Apply,
}

impl Operation {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Update => "Update",
            Self::Apply => "Apply",
        }
    }
}

/// Whether two objects are the same but for their version and who changed them when.
pub(crate) fn is_same(before: &Value, after: &Value) -> bool {
    let without = |object: &Value| {
        let mut object = object.clone();
        let fields = metadata_mut(&mut object);
        fields.remove("resourceVersion");
        let managers = fields.remove("managedFields");
        let managers: Vec<_> = managers
            .iter()
            .flat_map(|list| list.as_array().into_iter().flatten())
            .filter(|entry| entry["operation"] == json!(Operation::Apply.name()))
            .map(|entry| (entry["manager"].clone(), entry["fieldsV1"].clone()))
            .collect();
        (object, managers)
    };
    without(before) == without(after)
}

/// Notes that somebody changed an object. Server-side apply has noted itself.
pub(crate) fn note(resource: &Resource, object: &mut Value, part: Part, options: &WriteOptions) {
    let time = time_text(options.now);
    let subresource = if part == Part::Status { json!("status") } else { Value::Null };
    let entries = entries_mut(object);
    let mut is_noted = false;
    for entry in entries.iter_mut().filter(|entry| entry["time"].is_null()) {
        entry["time"] = json!(time);
        is_noted = true;
    }
    if is_noted {
        return;
    }
    let is_own = |entry: &Value| {
        entry["manager"] == json!(options.manager)
            && entry["operation"] == json!(Operation::Update.name())
            && entry["subresource"] == subresource
    };
    entries.retain(|entry| !is_own(entry));
    let mut entry = json!({
        "manager": options.manager,
        "operation": Operation::Update.name(),
        "apiVersion": resource.api_version(),
        "time": time,
        "fieldsType": "FieldsV1",
        "fieldsV1": {},
    });
    if !subresource.is_null() {
        entry["subresource"] = subresource;
    }
    entries.push(entry);
}

/// The entries of an object, made where there are none.
pub(crate) fn entries_mut(object: &mut Value) -> &mut Vec<Value> {
    debug_assert!(metadata(object, "managedFields").is_empty(), "they are a list");
    let entries = metadata_mut(object).entry("managedFields").or_insert_with(|| json!([]));
    if !entries.is_array() {
        *entries = json!([]);
    }
    entries.as_array_mut().expect("it was just made a list")
}
