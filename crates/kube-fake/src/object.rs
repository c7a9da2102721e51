//! An object as it is kept, and how its metadata is read.

use std::mem::size_of;

use serde_json::{Map, Value};

/// An object at one version. It never changes; a change makes another.
#[derive(Debug, PartialEq)]
pub struct Object {
    value: Value,
    revision: u64,
}

impl Object {
    /// `value` as it is from `revision` on: the version is written into it.
    pub(crate) fn new(mut value: Value, revision: u64) -> Self {
        metadata_mut(&mut value)
            .insert("resourceVersion".to_owned(), Value::String(revision.to_string()));
        Self { value, revision }
    }

    /// What has no version: a `Status`.
    pub(crate) fn plain(value: Value) -> Self {
        Self { value, revision: 0 }
    }

    /// The same content under another version.
    pub(crate) fn at(&self, revision: u64) -> Self {
        Self::new(self.value.clone(), revision)
    }

    /// The object as JSON, its `kind` and `apiVersion` included.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// The version from which on it is so.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Its name.
    pub fn name(&self) -> &str {
        metadata(&self.value, "name")
    }

    /// Its namespace; empty where it has none.
    pub fn namespace(&self) -> &str {
        metadata(&self.value, "namespace")
    }

    /// Its UID.
    pub fn uid(&self) -> &str {
        metadata(&self.value, "uid")
    }

    /// About how many bytes of heap it takes.
    pub(crate) fn bytes(&self) -> usize {
        size_of::<Self>() + bytes_of(&self.value)
    }
}

/// A text in the metadata of an object; empty where there is none.
pub(crate) fn metadata<'a>(object: &'a Value, field: &str) -> &'a str {
    object["metadata"][field].as_str().unwrap_or_default()
}

/// The map below `value`, made where there is none.
pub(crate) fn map_mut(value: &mut Value) -> &mut Map<String, Value> {
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    value.as_object_mut().expect("it was just made a map")
}

/// The metadata of an object, made where there is none.
pub(crate) fn metadata_mut(object: &mut Value) -> &mut Map<String, Value> {
    map_mut(map_mut(object).entry("metadata").or_insert(Value::Null))
}

/// About how many bytes of heap hang below a value. A map's nodes are counted as its entries with a third more for what
/// is not filled.
fn bytes_of(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        Value::String(text) => text.capacity(),
        Value::Array(items) => {
            items.capacity() * size_of::<Value>() + items.iter().map(bytes_of).sum::<usize>()
        }
        Value::Object(fields) => {
            let entry = size_of::<String>() + size_of::<Value>();
            fields
                .iter()
                .map(|(name, value)| entry + entry / 3 + name.capacity() + bytes_of(value))
                .sum()
        }
    }
}
