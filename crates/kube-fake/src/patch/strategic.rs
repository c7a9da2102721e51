//! The strategic merge patch: `$patch`, `$retainKeys`, `$deleteFromPrimitiveList` and `$setElementOrder` directives, and lists
//! that are merged by keys. The rules are those of apimachinery's `strategicpatch`.

use serde_json::{Map, Value};

use super::schema::{Merging, below, merging};

const DELETE_FROM: &str = "$deleteFromPrimitiveList/";
const ORDER: &str = "$setElementOrder/";

pub(super) fn apply(object: &Value, patch: &Value) -> Value {
    let kind = object["kind"].as_str().unwrap_or_default().to_owned();
    merged(&kind, "", object, patch)
}

fn merged(kind: &str, path: &str, object: &Value, patch: &Value) -> Value {
    let Value::Object(changes) = patch else { return patch.clone() };
    match changes.get("$patch").and_then(Value::as_str) {
        Some("replace") => return without_directives(patch),
        Some("delete") => return Value::Object(Map::new()),
        _ => {}
    }
    let mut fields = match object {
        Value::Object(fields) => fields.clone(),
        _ => Map::new(),
    };
    if let Some(retained) = changes.get("$retainKeys").and_then(Value::as_array) {
        fields.retain(|field, _| retained.iter().any(|name| name == field));
    }
    for (field, change) in changes {
        if let Some(list) = field.strip_prefix(DELETE_FROM) {
            remove_from(&mut fields, list, change);
        } else if !field.starts_with('$') {
            change_field(kind, path, &mut fields, field, change);
        }
    }
    for (field, order) in changes {
        if let Some(list) = field.strip_prefix(ORDER) {
            sort(kind, &below(path, list), fields.get_mut(list), order);
        }
    }
    Value::Object(fields)
}

fn change_field(
    kind: &str,
    path: &str,
    fields: &mut Map<String, Value>,
    field: &str,
    change: &Value,
) {
    if change.is_null() {
        fields.remove(field);
        return;
    }
    let path = below(path, field);
    let before = fields.get(field).unwrap_or(&Value::Null);
    let after = match (change, merging(kind, &path)) {
        (Value::Array(changes), Merging::Set) => union(before, changes),
        (Value::Array(changes), Merging::Keyed { key, .. }) => {
            by_key(kind, &path, before, changes, key)
        }
        (Value::Array(_), Merging::Atomic) => change.clone(),
        _ => merged(kind, &path, before, change),
    };
    fields.insert(field.to_owned(), after);
}

fn remove_from(fields: &mut Map<String, Value>, list: &str, values: &Value) {
    let Some(values) = values.as_array() else { return };
    if let Some(Value::Array(items)) = fields.get_mut(list) {
        items.retain(|item| !values.contains(item));
    }
}

fn union(before: &Value, changes: &[Value]) -> Value {
    let mut items = before.as_array().cloned().unwrap_or_default();
    for change in changes {
        if !items.contains(change) {
            items.push(change.clone());
        }
    }
    Value::Array(items)
}

fn by_key(kind: &str, path: &str, before: &Value, changes: &[Value], key: &str) -> Value {
    let is_replaced = |change: &Value| {
        change["$patch"] == "replace" && change.as_object().is_some_and(|map| map.len() == 1)
    };
    let mut items = before.as_array().cloned().unwrap_or_default();
    if changes.iter().any(is_replaced) {
        items.clear();
    }
    for change in changes.iter().filter(|change| !is_replaced(change)) {
        let place = items.iter().position(|item| item[key] == change[key] && !item[key].is_null());
        match (change["$patch"].as_str(), place) {
            (Some("delete"), Some(_)) => items.retain(|item| item[key] != change[key]),
            (Some("delete"), None) => {}
            (_, Some(place)) => items[place] = merged(kind, path, &items[place], change),
            (_, None) => items.push(without_directives(change)),
        }
    }
    Value::Array(items)
}

/// Puts entries into the order that the patch has; those that it does not name stay behind the ones before them.
fn sort(kind: &str, path: &str, list: Option<&mut Value>, order: &Value) {
    let (Some(Value::Array(items)), Some(order)) = (list, order.as_array()) else { return };
    let key = match merging(kind, path) {
        Merging::Keyed { key, .. } => Some(key),
        _ => None,
    };
    let place_of = |item: &Value| {
        order.iter().position(|wanted| match key {
            Some(key) => wanted[key] == item[key],
            None => wanted == item,
        })
    };
    let mut last = 0;
    let mut placed: Vec<_> = std::mem::take(items)
        .into_iter()
        .map(|item| {
            let place = place_of(&item);
            last = place.unwrap_or(last);
            (last, place.is_none(), item)
        })
        .collect();
    placed.sort_by_key(|(place, is_unnamed, _)| (*place, *is_unnamed));
    items.extend(placed.into_iter().map(|(_, _, item)| item));
}

fn without_directives(value: &Value) -> Value {
    match value {
        Value::Object(fields) => Value::Object(
            fields
                .iter()
                .filter(|(field, value)| !field.starts_with('$') && !value.is_null())
                .map(|(field, value)| (field.clone(), without_directives(value)))
                .collect(),
        ),
        Value::Array(items) => Value::Array(items.iter().map(without_directives).collect()),
        other => other.clone(),
    }
}
