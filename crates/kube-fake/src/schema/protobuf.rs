//! Objects in the protobuf encoding of Kubernetes, in which kubectl sends what it makes up itself (`kubectl create service`). They are
//! read; nothing is written so. The envelope is `Unknown` of apimachinery's `pkg/runtime/generated.proto`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{Shape, TYPES, Type, type_of};
use crate::resource::Resource;

/// What an encoded object begins with.
const MAGIC: &[u8] = b"k8s\0";

/// The value of one field as it travels.
enum Wire<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// Reads an object of a resource; none where it is cut short or something else.
pub(crate) fn decode(resource: &Resource, bytes: &[u8]) -> Option<Value> {
    let envelope = fields(bytes.strip_prefix(MAGIC)?)?;
    let mut object = json!({});
    for (number, wire) in envelope {
        let Wire::Bytes(bytes) = wire else { continue };
        match number {
            1 => {
                for (number, wire) in fields(bytes)? {
                    let name = if number == 1 { "apiVersion" } else { "kind" };
                    object[name] = text(&wire)?;
                }
            }
            2 => {
                let of = TYPES.get(type_of(resource))?;
                for (name, value) in message(of, bytes, true)? {
                    object[name] = value;
                }
            }
            _ => {}
        }
    }
    Some(object)
}

/// The fields of a message in their order.
fn fields(mut bytes: &[u8]) -> Option<Vec<(u64, Wire<'_>)>> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let tag = varint(&mut bytes)?;
        let wire = match tag & 7 {
            0 => Wire::Number(varint(&mut bytes)?),
            2 => {
                let length = usize::try_from(varint(&mut bytes)?).ok()?;
                let (field, rest) = bytes.split_at_checked(length)?;
                bytes = rest;
                Wire::Bytes(field)
            }
            _ => return None,
        };
        found.push((tag >> 3, wire));
    }
    Some(found)
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for place in 0..10 {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(first & 0x7f) << (7 * place);
        if first & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

fn message(of: &Type, bytes: &[u8], is_object: bool) -> Option<Map<String, Value>> {
    let metadata = ("metadata", &Shape::Of("ObjectMeta"));
    let mut known: BTreeMap<u64, (&str, &Shape)> =
        of.fields.iter().map(|(name, field)| (field.number, (*name, &field.shape))).collect();
    if is_object {
        known.insert(1, metadata);
    }
    let mut found = Map::new();
    for (number, wire) in fields(bytes)? {
        let Some((name, shape)) = known.get(&number) else { continue };
        match shape {
            Shape::List(inner) => {
                let item = value(inner, &wire)?;
                let list = found.entry(*name).or_insert_with(|| json!([]));
                list.as_array_mut()?.push(item);
            }
            Shape::Map(inner) => {
                let Wire::Bytes(bytes) = wire else { return None };
                let mut entry = (String::new(), value(inner, &Wire::Bytes(b""))?);
                for (number, wire) in fields(bytes)? {
                    match number {
                        1 => entry.0 = text(&wire)?.as_str()?.to_owned(),
                        _ => entry.1 = value(inner, &wire)?,
                    }
                }
                let map = found.entry(*name).or_insert_with(|| json!({}));
                map.as_object_mut()?.insert(entry.0, entry.1);
            }
            shape => {
                let value = value(shape, &wire)?;
                // What is empty is written all the same, and is left out in JSON.
                if !value.is_null() && value != "" && value != 0 {
                    found.insert((*name).to_owned(), value);
                }
            }
        }
    }
    Some(found)
}

fn value(shape: &Shape, wire: &Wire<'_>) -> Option<Value> {
    match (shape, wire) {
        (Shape::Text, wire) => text(wire),
        (Shape::Bool, Wire::Number(number)) => Some(json!(*number != 0)),
        (Shape::Int32 | Shape::Int64, Wire::Number(number)) => Some(json!(number.cast_signed())),
        (Shape::Time, Wire::Bytes(bytes)) => time(bytes),
        (Shape::IntOrText, Wire::Bytes(bytes)) => int_or_text(bytes),
        (Shape::Of(name), Wire::Bytes(bytes)) => {
            Some(Value::Object(message(TYPES.get(name)?, bytes, false)?))
        }
        // What is not described cannot be read.
        _ => Some(Value::Null),
    }
}

fn text(wire: &Wire<'_>) -> Option<Value> {
    let Wire::Bytes(bytes) = wire else { return None };
    Some(json!(std::str::from_utf8(bytes).ok()?))
}

/// Seconds and nanoseconds; nothing is no time.
fn time(bytes: &[u8]) -> Option<Value> {
    let (mut seconds, mut nanoseconds) = (None, 0);
    for (number, wire) in fields(bytes)? {
        let Wire::Number(value) = wire else { return None };
        match number {
            1 => seconds = Some(value.cast_signed()),
            _ => nanoseconds = i32::try_from(value).ok()?,
        }
    }
    let Some(seconds) = seconds else { return Some(Value::Null) };
    Some(json!(Timestamp::new(seconds, nanoseconds).ok()?.to_string()))
}

/// Which of both it is, the number and the text.
fn int_or_text(bytes: &[u8]) -> Option<Value> {
    let (mut is_text, mut number, mut name) = (false, json!(0), json!(""));
    for (field, wire) in fields(bytes)? {
        match (field, &wire) {
            (1, Wire::Number(kind)) => is_text = *kind == 1,
            (2, Wire::Number(value)) => number = json!(value.cast_signed()),
            (3, wire) => name = text(wire)?,
            _ => return None,
        }
    }
    Some(if is_text { name } else { number })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One field of a message: its number and bytes.
    fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
        let length = u8::try_from(bytes.len()).unwrap();
        [&[number << 3 | 2, length], bytes].concat()
    }

    #[test]
    fn a_service_is_read() {
        let metadata = [field(1, b"web"), field(3, b""), field(8, b"")].concat();
        let label = [field(1, b"app"), field(2, b"web")].concat();
        let metadata = [metadata, field(11, &label)].concat();
        // The number -1, in ten bytes, is a node port; 80 is the port and its target.
        let minus = [&[5 << 3_u8][..], &[0xff; 9], &[1]].concat();
        let target = field(4, &[8, 0, 16, 80, 26, 0]);
        let port = [field(2, b"TCP"), vec![24, 80], target, minus].concat();
        let spec = [field(1, &port), field(4, b"ClusterIP"), vec![13 << 3, 1]].concat();
        let raw = [field(1, &metadata), field(2, &spec), field(3, b"")].concat();
        let head = [field(1, b"v1"), field(2, b"Service")].concat();
        let bytes = [b"k8s\0".to_vec(), field(1, &head), field(2, &raw)].concat();
        let service = Resource::of_kind("", "Service").unwrap();
        let expected = json!({
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "web", "labels": {"app": "web"}},
            "spec": {
                "ports": [{"protocol": "TCP", "port": 80, "targetPort": 80, "nodePort": -1}],
                "type": "ClusterIP",
                "publishNotReadyAddresses": true,
            },
            "status": {},
        });
        assert_eq!(decode(service, &bytes), Some(expected));
        for length in 0..bytes.len() {
            // Cut short it is nothing, or another object; never a panic.
            let _ = decode(service, &bytes[..length]);
        }
        assert_eq!(decode(service, b"{}"), None);
    }
}
