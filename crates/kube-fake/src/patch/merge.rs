//! The JSON merge patch, RFC 7396.

use serde_json::{Map, Value};

pub(super) fn apply(object: &Value, patch: &Value) -> Value {
    let Value::Object(changes) = patch else { return patch.clone() };
    let mut fields = match object {
        Value::Object(fields) => fields.clone(),
        _ => Map::new(),
    };
    for (field, change) in changes {
        if change.is_null() {
            fields.remove(field);
            continue;
        }
        let merged = apply(fields.get(field).unwrap_or(&Value::Null), change);
        fields.insert(field.clone(), merged);
    }
    Value::Object(fields)
}
