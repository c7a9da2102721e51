//! `metadata.managedFields`: who set which fields, one entry for each manager and operation, as server-side apply needs it. The rules
//! are those of sigs.k8s.io/structured-merge-diff, `merge/update.go`.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::failure::Failure;
use crate::fields::{FieldSet, Nodes, Path, nodes, readable, remove};
use crate::object::metadata_mut;
use crate::patch::merged_by_apply;
use crate::resource::Resource;
use crate::store::{Part, WriteOptions, time_text};

const UPDATE: &str = "Update";
const APPLY: &str = "Apply";

/// Whether two objects are the same but for their version and for when they were changed.
pub(crate) fn is_same(before: &Value, after: &Value) -> bool {
    let without = |object: &Value| {
        let mut object = object.clone();
        metadata_mut(&mut object).remove("resourceVersion");
        for entry in entries_mut(&mut object) {
            entry["time"] = Value::Null;
        }
        object
    };
    without(before) == without(after)
}

/// Notes which fields somebody set by an update. Server-side apply has noted itself: its entry still lacks the time.
pub(crate) fn note(
    resource: &Resource,
    before: &Value,
    after: &mut Value,
    part: Part,
    options: &WriteOptions,
) {
    let time = json!(time_text(options.now));
    let mut entries = std::mem::take(entries_mut(after));
    let applied = entries.iter_mut().find(|entry| entry["time"].is_null());
    if let Some(entry) = applied {
        entry["time"] = time;
        *entries_mut(after) = entries;
        return;
    }
    let (mut set, removed) = {
        let (was, is) = (nodes(resource.kind, before), nodes(resource.kind, after));
        let is_status = |path: &Path| path.first().is_some_and(|name| name == "f:status");
        let is_left_alone =
            |path: &Path| resource.has_status && part == Part::Main && is_status(path);
        let set: BTreeSet<_> =
            changed(&was, &is).into_iter().filter(|path| !is_left_alone(path)).collect();
        let removed: BTreeSet<_> = was.into_keys().filter(|path| !is.contains_key(path)).collect();
        (set, removed)
    };
    let subresource = if part == Part::Status { json!("status") } else { Value::Null };
    let is_own = |entry: &Value| {
        entry["manager"] == json!(options.manager)
            && entry["operation"] == json!(UPDATE)
            && entry["subresource"] == subresource
    };
    let is_changed = !set.is_empty();
    let mut own_time = time.clone();
    let mut rest = Vec::new();
    for entry in entries {
        let fields = FieldSet::read(&entry["fieldsV1"]).0;
        if is_own(&entry) {
            set.extend(fields);
            own_time = if is_changed { time.clone() } else { entry["time"].clone() };
        } else {
            let left =
                fields.into_iter().filter(|path| !set.contains(path) && !removed.contains(path));
            push(&mut rest, entry, left.collect());
        }
    }
    let own = set.into_iter().filter(|path| !removed.contains(path)).collect();
    let mut entry = json!({
        "manager": options.manager,
        "operation": UPDATE,
        "apiVersion": resource.api_version(),
        "time": own_time,
        "fieldsType": "FieldsV1",
    });
    if !subresource.is_null() {
        entry["subresource"] = subresource;
    }
    push(&mut rest, entry, own);
    *entries_mut(after) = rest;
}

/// An entry with these fields; none without any.
fn push(entries: &mut Vec<Value>, mut entry: Value, fields: BTreeSet<Path>) {
    if !fields.is_empty() {
        entry["fieldsV1"] = FieldSet(fields).write();
        entries.push(entry);
    }
}

/// The fields that are new or other than before. What every object has is nobody's.
fn changed(was: &Nodes<'_>, is: &Nodes<'_>) -> BTreeSet<Path> {
    let is_root = |path: &Path| path.len() == 1;
    is.iter()
        .filter(|(path, value)| match was.get(*path) {
            Some(before) => before != *value && value.is_some(),
            None => value.is_some() || !is_root(path),
        })
        .map(|(path, _)| path.clone())
        .collect()
}

/// What server-side apply makes of an object: what the manager wants is set, what it wanted before and no longer wants goes where
/// nobody else owns it, and what another manager set otherwise is a conflict, unless it is forced.
pub(crate) fn apply(
    resource: &Resource,
    object: &Value,
    wanted: &Value,
    manager: &str,
    force: bool,
) -> Result<Value, Failure> {
    if wanted["metadata"].get("managedFields").is_some_and(|list| !list.is_null()) {
        return Err(Failure::bad_request("metadata.managedFields must be nil"));
    }
    let kind = resource.kind;
    let is_item = |path: &Path| path.last().is_some_and(|name| name.starts_with("k:"));
    let own =
        nodes(kind, wanted).into_iter().filter(|(path, value)| value.is_some() || is_item(path));
    let own: BTreeSet<_> = own.map(|(path, _)| path).collect();
    let mut result = merged_by_apply(kind, object, wanted);
    let entries = std::mem::take(entries_mut(&mut result));
    let taken: BTreeSet<_> =
        changed(&nodes(kind, object), &nodes(kind, &result)).intersection(&own).cloned().collect();
    let mut others = Vec::new();
    let mut conflicts = Vec::new();
    let mut before = BTreeSet::new();
    for entry in entries {
        let fields = FieldSet::read(&entry["fieldsV1"]).0;
        if entry["manager"] == json!(manager) && entry["operation"] == json!(APPLY) {
            before = fields;
            continue;
        }
        conflicts.extend(fields.intersection(&taken).map(|path| (name(&entry), readable(path))));
        push(&mut others, entry, fields.difference(&taken).cloned().collect());
    }
    if !conflicts.is_empty() && !force {
        return Err(conflict(&conflicts));
    }
    let mut kept: Vec<_> = others.iter().map(|entry| FieldSet::read(&entry["fieldsV1"])).collect();
    kept.push(FieldSet(own.clone()));
    let is_kept = |path: &&Path| kept.iter().any(|set| set.0.contains(*path));
    let gone: Vec<_> = before.iter().filter(|path| !is_kept(path)).cloned().collect();
    // An entry goes as a whole before its fields would: without its keys it could not be found.
    for path in &gone {
        remove(&mut result, path, &kept);
    }
    let entry = json!({
        "manager": manager,
        "operation": APPLY,
        "apiVersion": resource.api_version(),
        "fieldsType": "FieldsV1",
        "time": null,
    });
    let mut entries = Vec::new();
    push(&mut entries, entry, own);
    entries.extend(others);
    entries.sort_by_key(|entry| entry["operation"] == json!(UPDATE));
    *entries_mut(&mut result) = entries;
    Ok(result)
}

/// A manager as a conflict names it.
fn name(entry: &Value) -> String {
    let text = |field: &str| entry[field].as_str().unwrap_or_default();
    if entry["operation"] == json!(APPLY) {
        return format!("\"{}\"", text("manager"));
    }
    let under = match text("subresource") {
        "" => String::new(),
        subresource => format!(" with subresource \"{subresource}\""),
    };
    format!("\"{}\"{under} using {}", text("manager"), text("apiVersion"))
}

fn conflict(found: &[(String, String)]) -> Failure {
    let causes: Vec<_> = found
        .iter()
        .map(|(manager, field)| {
            json!({
                "reason": "FieldManagerConflict",
                "message": format!("conflict with {manager}"),
                "field": field,
            })
        })
        .collect();
    let fields: Vec<_> =
        found.iter().map(|(manager, field)| format!("conflict with {manager}: {field}")).collect();
    let plural = if found.len() == 1 { "conflict" } else { "conflicts" };
    let message = format!("Apply failed with {} {plural}: {}", found.len(), fields.join(", "));
    let mut failure = Failure::new(409, "Conflict", message);
    failure.details = Some(json!({"causes": causes}));
    failure
}

/// The entries of an object, made where there are none.
fn entries_mut(object: &mut Value) -> &mut Vec<Value> {
    let entries = metadata_mut(object).entry("managedFields").or_insert_with(|| json!([]));
    if !entries.is_array() {
        *entries = json!([]);
    }
    entries.as_array_mut().expect("it was just made a list")
}

#[cfg(test)]
mod tests;
