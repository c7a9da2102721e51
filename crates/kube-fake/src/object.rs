//! An object as it is kept, and how its metadata is read.

use std::mem::size_of;

use serde_json::{Map, Value};

use crate::resource::{RESOURCES, Resource};

/// An object at one version. It never changes; a change makes another.
///
/// It is kept as the text that clients get: that takes a tenth of the memory of a tree, and is ready to be sent.
#[derive(Debug, PartialEq)]
pub struct Object {
    /// The resource in whose form it is; none for what is no object, as a `Status`.
    resource: Option<&'static Resource>,
    /// The object as JSON, but for `kind` and `apiVersion`, where it has a resource.
    text: Box<str>,
    namespace: Box<str>,
    name: Box<str>,
    uid: Box<str>,
    labels: Box<[(Box<str>, Box<str>)]>,
    revision: u64,
}

impl Object {
    /// `value` as it is from `revision` on: the version is written into it.
    pub(crate) fn new(storage: &str, mut value: Value, revision: u64) -> Self {
        metadata_mut(&mut value)
            .insert("resourceVersion".to_owned(), Value::String(revision.to_string()));
        let fields = map_mut(&mut value);
        fields.remove("kind");
        fields.remove("apiVersion");
        let resource = RESOURCES.iter().find(|resource| resource.storage == storage);
        Self { resource, revision, ..Self::plain(&value) }
    }

    /// What has no version: a `Status`.
    pub(crate) fn plain(value: &Value) -> Self {
        let text = |field: &str| Box::from(metadata(value, field));
        let labels = value["metadata"]["labels"].as_object().into_iter().flatten();
        let labels = labels.filter_map(|(label, value)| {
            Some((Box::from(label.as_str()), Box::from(value.as_str()?)))
        });
        Self {
            resource: None,
            text: value.to_string().into_boxed_str(),
            namespace: text("namespace"),
            name: text("name"),
            uid: text("uid"),
            labels: labels.collect(),
            revision: 0,
        }
    }

    /// The same content under another version.
    pub(crate) fn at(&self, revision: u64) -> Self {
        let storage = self.resource.map_or("", |resource| resource.storage);
        Self::new(storage, self.value(), revision)
    }

    /// The object as JSON, its `kind` and `apiVersion` included. It is read anew each time.
    pub fn value(&self) -> Value {
        let mut value: Value = serde_json::from_str(&self.text).unwrap_or_default();
        if let (Some(resource), Some(fields)) = (self.resource, value.as_object_mut()) {
            fields.insert("kind".to_owned(), resource.kind.into());
            fields.insert("apiVersion".to_owned(), resource.api_version().into());
        }
        value
    }

    /// The object as JSON, without `kind` and `apiVersion`: as an entry of a list has it.
    pub(crate) fn item_text(&self) -> &str {
        &self.text
    }

    /// The object as JSON, with `kind` and `apiVersion`.
    pub(crate) fn whole_text(&self) -> String {
        let Some(resource) = self.resource else { return self.text.to_string() };
        let (kind, version) = (resource.kind, resource.api_version());
        // There is always metadata behind the brace.
        format!("{{\"kind\":\"{kind}\",\"apiVersion\":\"{version}\",{}", &self.text[1..])
    }

    /// The version from which on it is so.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its namespace; empty where it has none.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Its UID.
    pub fn uid(&self) -> &str {
        &self.uid
    }

    /// The value of one of its labels.
    pub fn label(&self, label: &str) -> Option<&str> {
        let found = self.labels.iter().find(|(name, _)| &**name == label);
        found.map(|(_, value)| &**value)
    }

    /// How many bytes of heap it takes, its own place in a counted pointer included.
    pub(crate) fn bytes(&self) -> usize {
        // Beside what is counted there are the pointer's two counters.
        let own = size_of::<Self>() + 2 * size_of::<usize>();
        let texts = self.text.len() + self.namespace.len() + self.name.len() + self.uid.len();
        let labels: usize = self
            .labels
            .iter()
            .map(|label| size_of_val(label) + label.0.len() + label.1.len())
            .sum();
        own + texts + labels
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
