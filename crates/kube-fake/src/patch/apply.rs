//! What server-side apply merges: whose fields are whose is in `managed.rs`.

use serde_json::Value;

use super::schema::{Merging, below, is_atomic_map, merging};
use crate::fields::key_of;

/// An object with what is wanted of it set.
pub(crate) fn merged(kind: &str, object: &Value, wanted: &Value) -> Value {
    set(kind, "", object, wanted)
}

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
        Value::Array(items) => list(kind, path, object, items),
        other => other.clone(),
    }
}

fn list(kind: &str, path: &str, object: &Value, items: &[Value]) -> Value {
    let mut result = object.as_array().cloned().unwrap_or_default();
    match merging(kind, path) {
        Merging::Atomic => return Value::Array(items.to_vec()),
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
