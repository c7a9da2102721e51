//! Server-side apply: a manager says what it wants of an object. What it wants is set, what it wanted before and no longer wants
//! goes, and what another manager applied otherwise is a conflict.
//!
//! Fields are owned by those who applied them alone: one who updated a field owns nothing, unlike in a real server.

use serde_json::{Map, Value, json};

use super::schema::{Merging, below, is_atomic_map, merging};
use crate::failure::Failure;
use crate::managed::{Operation, entries_mut};
use crate::object::metadata;
use crate::resource::Resource;

/// Fields that nobody owns.
const UNOWNED: &[&str] = &[
    "apiVersion",
    "kind",
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "metadata.resourceVersion",
    "metadata.creationTimestamp",
    "metadata.generation",
    "metadata.managedFields",
];

pub(super) fn apply(
    resource: &Resource,
    object: &Value,
    wanted: &Value,
    manager: &str,
    force: bool,
) -> Result<Value, Failure> {
    if wanted["metadata"].get("managedFields").is_some_and(|list| !list.is_null()) {
        return Err(Failure::bad_request("metadata.managedFields must be nil"));
    }
    let owned = fields_of(resource.kind, "", wanted);
    let mut object = object.clone();
    let mut entries = std::mem::take(entries_mut(&mut object));
    let is_applied = |entry: &Value| entry["operation"] == json!(Operation::Apply.name());
    let others = |entry: &&Value| is_applied(entry) && entry["manager"] != json!(manager);
    let taken = conflicts(resource.kind, &object, wanted, &owned, entries.iter().filter(others));
    if !taken.is_empty() && !force {
        return Err(conflict(&taken));
    }
    for entry in entries.iter_mut().filter(|entry| is_applied(entry)) {
        for (_, path) in &taken {
            give_up(&mut entry["fieldsV1"], path);
        }
    }
    let place =
        entries.iter().position(|entry| is_applied(entry) && entry["manager"] == json!(manager));
    let before = place.map(|place| entries.remove(place));
    if let Some(before) = before {
        let kept: Vec<_> = entries
            .iter()
            .filter(|entry| is_applied(entry))
            .map(|entry| &entry["fieldsV1"])
            .collect();
        let mut gone = before["fieldsV1"].clone();
        for other in kept.into_iter().chain([&owned]) {
            subtract(&mut gone, other);
        }
        remove(&mut object, &gone);
    }
    let mut object = set(resource.kind, "", &object, wanted);
    entries.push(json!({
        "manager": manager,
        "operation": Operation::Apply.name(),
        "apiVersion": resource.api_version(),
        "fieldsType": "FieldsV1",
        "fieldsV1": owned,
    }));
    *entries_mut(&mut object) = entries;
    debug_assert_eq!(metadata(&object, "managedFields"), "", "they are a list");
    Ok(object)
}

/// The fields of what is wanted, as `fieldsV1` has them: `f:` and a field's name, `k:` and an entry's keys, `v:` and a value.
fn fields_of(kind: &str, path: &str, wanted: &Value) -> Value {
    let mut owned = Map::new();
    for (field, value) in wanted.as_object().into_iter().flatten() {
        let path = below(path, field);
        if UNOWNED.contains(&path.as_str()) || value.is_null() {
            continue;
        }
        owned.insert(format!("f:{field}"), value_of(kind, &path, value));
    }
    Value::Object(owned)
}

fn value_of(kind: &str, path: &str, value: &Value) -> Value {
    match value {
        Value::Object(_) if !is_atomic_map(kind, path) => fields_of(kind, path, value),
        Value::Array(items) => match merging(kind, path) {
            Merging::Keyed { keys, .. } => items
                .iter()
                .map(|item| {
                    let mut owned = fields_of(kind, path, item);
                    owned["."] = json!({});
                    (entry_name(item, keys), owned)
                })
                .collect::<Map<_, _>>()
                .into(),
            Merging::Set => items
                .iter()
                .map(|item| (format!("v:{item}"), json!({})))
                .collect::<Map<_, _>>()
                .into(),
            Merging::Atomic => json!({}),
        },
        _ => json!({}),
    }
}

/// The name of an entry: its keys, with the protocol that is meant where none is said.
fn entry_name(item: &Value, keys: &[&str]) -> String {
    let keys: Map<_, _> = keys.iter().map(|key| ((*key).to_owned(), key_of(item, key))).collect();
    format!("k:{}", Value::Object(keys))
}

fn key_of(item: &Value, key: &str) -> Value {
    if key == "protocol" && item[key].is_null() { json!("TCP") } else { item[key].clone() }
}

fn is_entry(item: &Value, keys: &Value) -> bool {
    keys.as_object().is_some_and(|keys| keys.iter().all(|(key, value)| key_of(item, key) == *value))
}

/// Sets what is wanted.
fn set(kind: &str, path: &str, object: &Value, wanted: &Value) -> Value {
    match wanted {
        Value::Object(fields) if !is_atomic_map(kind, path) => {
            let mut result = object.as_object().cloned().unwrap_or_default();
            for (field, value) in fields.iter().filter(|(_, value)| !value.is_null()) {
                let before = result.get(field).unwrap_or(&Value::Null);
                let after = set(kind, &below(path, field), before, value);
                result.insert(field.clone(), after);
            }
            Value::Object(result)
        }
        Value::Array(items) => {
            let mut result = object.as_array().cloned().unwrap_or_default();
            match merging(kind, path) {
                Merging::Atomic => return wanted.clone(),
                Merging::Set => {
                    for item in items {
                        if !result.contains(item) {
                            result.push(item.clone());
                        }
                    }
                }
                Merging::Keyed { keys, .. } => {
                    for item in items {
                        let is_it = |other: &&mut Value| {
                            keys.iter().all(|key| key_of(other, key) == key_of(item, key))
                        };
                        match result.iter_mut().find(is_it) {
                            Some(before) => *before = set(kind, path, before, item),
                            None => result.push(item.clone()),
                        }
                    }
                }
            }
            Value::Array(result)
        }
        other => other.clone(),
    }
}

/// Removes owned fields from an object, and what is empty after that.
fn remove(object: &mut Value, fields: &Value) {
    for (name, below) in fields.as_object().into_iter().flatten() {
        if let Some(field) = name.strip_prefix("f:") {
            remove_field(object, field, below);
        } else if let (Some(keys), Value::Array(items)) = (name.strip_prefix("k:"), &mut *object) {
            let Ok(keys) = serde_json::from_str::<Value>(keys) else { continue };
            let is_whole = below.get(".").is_some();
            if is_whole {
                items.retain(|item| !is_entry(item, &keys));
            } else if let Some(item) = items.iter_mut().find(|item| is_entry(item, &keys)) {
                remove(item, below);
            }
        } else if let (Some(value), Value::Array(items)) = (name.strip_prefix("v:"), &mut *object) {
            let value = serde_json::from_str::<Value>(value).ok();
            items.retain(|item| Some(item) != value.as_ref());
        }
    }
}

fn remove_field(object: &mut Value, field: &str, below: &Value) {
    let Some(fields) = object.as_object_mut() else { return };
    if is_leaf(below) {
        fields.remove(field);
        return;
    }
    let Some(value) = fields.get_mut(field) else { return };
    remove(value, below);
    let is_empty =
        value.as_object().is_some_and(Map::is_empty) || value.as_array().is_some_and(Vec::is_empty);
    if is_empty {
        fields.remove(field);
    }
}

fn is_leaf(fields: &Value) -> bool {
    fields.as_object().is_none_or(Map::is_empty)
}

/// Takes from `fields` what `others` has, too.
fn subtract(fields: &mut Value, others: &Value) {
    let (Some(mine), Some(theirs)) = (fields.as_object_mut(), others.as_object()) else { return };
    for (name, below) in theirs {
        let Some(own) = mine.get_mut(name) else { continue };
        if is_leaf(below) || is_leaf(own) {
            mine.remove(name);
            continue;
        }
        subtract(own, below);
        if is_leaf(own) {
            mine.remove(name);
        }
    }
}

/// The fields that another manager applied and that would become something else, with that manager.
fn conflicts<'a>(
    kind: &str,
    object: &Value,
    wanted: &Value,
    owned: &Value,
    others: impl Iterator<Item = &'a Value>,
) -> Vec<(String, Vec<String>)> {
    let changed = set(kind, "", object, wanted);
    let mut found = Vec::new();
    for other in others {
        let manager = other["manager"].as_str().unwrap_or_default();
        let mut paths = Vec::new();
        shared_leaves(owned, &other["fieldsV1"], &mut Vec::new(), &mut paths);
        for path in paths {
            if at(object, &path) != at(&changed, &path) {
                found.push((manager.to_owned(), path));
            }
        }
    }
    found
}

fn shared_leaves(
    mine: &Value,
    theirs: &Value,
    path: &mut Vec<String>,
    found: &mut Vec<Vec<String>>,
) {
    for (name, below) in mine.as_object().into_iter().flatten() {
        let Some(other) = theirs.get(name) else { continue };
        path.push(name.clone());
        if is_leaf(below) || is_leaf(other) {
            found.push(path.clone());
        } else {
            shared_leaves(below, other, path, found);
        }
        path.pop();
    }
}

fn at<'a>(object: &'a Value, path: &[String]) -> Option<&'a Value> {
    path.iter().try_fold(object, |value, name| {
        if let Some(field) = name.strip_prefix("f:") {
            value.get(field)
        } else if let Some(keys) = name.strip_prefix("k:") {
            let keys: Value = serde_json::from_str(keys).ok()?;
            value.as_array()?.iter().find(|item| is_entry(item, &keys))
        } else {
            Some(value)
        }
    })
}

fn give_up(fields: &mut Value, path: &[String]) {
    let Some((last, way)) = path.split_last() else { return };
    let holder = way.iter().try_fold(fields, |value, name| value.get_mut(name));
    if let Some(holder) = holder.and_then(Value::as_object_mut) {
        holder.remove(last);
    }
}

fn conflict(taken: &[(String, Vec<String>)]) -> Failure {
    let causes: Vec<_> = taken
        .iter()
        .map(|(manager, path)| {
            let field: String = path
                .iter()
                .map(|name| match name.strip_prefix("f:") {
                    Some(field) => format!(".{field}"),
                    None => format!("[{}]", &name[2..]),
                })
                .collect();
            json!({
                "reason": "FieldManagerConflict",
                "message": format!("conflict with \"{manager}\""),
                "field": field,
            })
        })
        .collect();
    let fields: Vec<_> = causes
        .iter()
        .map(|cause| {
            let text = |field: &str| cause[field].as_str().unwrap_or_default();
            format!("{}: {}", text("message"), text("field"))
        })
        .collect();
    let plural = if causes.len() == 1 { "conflict" } else { "conflicts" };
    let message = format!("Apply failed with {} {plural}: {}", causes.len(), fields.join(", "));
    let mut failure = Failure::new(409, "Conflict", message);
    failure.details = Some(json!({"causes": causes}));
    failure
}
