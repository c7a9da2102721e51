//! What a typed server does with an object as it comes: a field of another type refuses it, an unknown field is left out, or refuses
//! it where the client asked for that.

use serde_json::{Map, Value};

use super::{Shape, TYPES, type_of};
use crate::failure::Failure;
use crate::resource::Resource;

/// The unknown fields of an object, as they are told.
pub(crate) fn unknown(resource: &Resource, object: &Value) -> Vec<String> {
    let mut found = Found::default();
    if let Value::Object(fields) = &mut object.clone() {
        of_type(type_of(resource), fields, "", true, &mut found);
    }
    found.unknown
}

/// Takes unknown fields from an object and checks the types of the others.
///
/// # Errors
///
/// If a field is of another type, or unknown and `is_strict`.
pub(crate) fn check(
    resource: &Resource,
    object: &mut Value,
    is_strict: bool,
) -> Result<(), Failure> {
    let mut found = Found::default();
    if let Value::Object(fields) = object {
        of_type(type_of(resource), fields, "", true, &mut found);
    }
    let refused = |what: String| {
        let (kind, version) = (resource.kind, resource.version);
        let message =
            format!("{kind} in version \"{version}\" cannot be handled as a {kind}: {what}");
        Failure::bad_request(message)
    };
    if let Some(wrong) = found.wrong.first() {
        return Err(refused(wrong.clone()));
    }
    if is_strict && !found.unknown.is_empty() {
        return Err(refused(format!("strict decoding error: {}", found.unknown.join(", "))));
    }
    Ok(())
}

#[derive(Default)]
struct Found {
    wrong: Vec<String>,
    unknown: Vec<String>,
}

fn of_type(
    name: &str,
    fields: &mut Map<String, Value>,
    path: &str,
    is_object: bool,
    found: &mut Found,
) {
    let Some(of) = TYPES.get(name) else { return };
    let mut unknown = Vec::new();
    for (field, value) in fields.iter_mut() {
        let path = if path.is_empty() { field.clone() } else { format!("{path}.{field}") };
        match (of.fields.get(field.as_str()), field.as_str()) {
            (Some(known), _) => of_shape(&known.shape, value, &path, found),
            (None, "apiVersion" | "kind") if is_object => {
                of_shape(&Shape::Text, value, &path, found)
            }
            (None, "metadata") if is_object => {
                of_shape(&Shape::Of("ObjectMeta"), value, &path, found);
            }
            _ => {
                found.unknown.push(format!("unknown field \"{path}\""));
                unknown.push(field.clone());
            }
        }
    }
    for field in unknown {
        fields.remove(&field);
    }
}

fn of_shape(shape: &Shape, value: &mut Value, path: &str, found: &mut Found) {
    let is_right = match (shape, &mut *value) {
        (_, Value::Null) | (Shape::Any, _) => true,
        (Shape::Text | Shape::Time, value) => value.is_string(),
        (Shape::Bool, value) => value.is_boolean(),
        (Shape::Int32, value) => value.as_i64().is_some_and(|number| i32::try_from(number).is_ok()),
        (Shape::Int64, value) => value.is_i64(),
        (Shape::IntOrText, value) => value.is_string() || value.is_i64(),
        (Shape::Of(name), Value::Object(fields)) => {
            of_type(name, fields, path, false, found);
            true
        }
        (Shape::List(inner), Value::Array(items)) => {
            for (place, item) in items.iter_mut().enumerate() {
                of_shape(inner, item, &format!("{path}[{place}]"), found);
            }
            true
        }
        (Shape::Map(inner), Value::Object(entries)) => {
            for (name, entry) in entries.iter_mut() {
                of_shape(inner, entry, &format!("{path}.{name}"), found);
            }
            true
        }
        _ => false,
    };
    if !is_right {
        let kind = match value {
            Value::Bool(_) => "bool",
            Value::Number(_) => "number",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            _ => "object",
        };
        found.wrong.push(format!("json: cannot unmarshal {kind} into field .{path}"));
    }
}
