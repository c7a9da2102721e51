//! Fields of an object by their paths, and sets of them as `fieldsV1` has them: `f:` and a field's name, `k:` and an entry's keys,
//! `v:` and a value of a set, `.` for the thing itself.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::patch::schema::{Merging, below, is_atomic_map, merging};

/// The way to a field.
pub(crate) type Path = Vec<String>;

/// What is at a path: a value, or something that holds others.
pub(crate) type Nodes<'a> = BTreeMap<Path, Option<&'a Value>>;

/// Fields that nobody owns.
const UNOWNED: &[&str] = &[
    "apiVersion",
    "kind",
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "metadata.selfLink",
    "metadata.resourceVersion",
    "metadata.creationTimestamp",
    "metadata.deletionTimestamp",
    "metadata.deletionGracePeriodSeconds",
    "metadata.generation",
    "metadata.managedFields",
];

/// All that an object of this kind has.
pub(crate) fn nodes<'a>(kind: &str, object: &'a Value) -> Nodes<'a> {
    let mut found = BTreeMap::new();
    walk(kind, "", object, &mut Vec::new(), &mut found);
    found
}

fn walk<'a>(kind: &str, at: &str, value: &'a Value, path: &mut Path, found: &mut Nodes<'a>) {
    match value {
        Value::Null => {}
        Value::Object(fields) if !is_atomic_map(kind, at) && !fields.is_empty() => {
            if !path.is_empty() {
                found.insert(path.clone(), None);
            }
            for (field, value) in fields {
                let at = below(at, field);
                if !UNOWNED.contains(&at.as_str()) {
                    path.push(format!("f:{field}"));
                    walk(kind, &at, value, path, found);
                    path.pop();
                }
            }
        }
        Value::Array(items) => match merging(kind, at) {
            Merging::Atomic => {
                found.insert(path.clone(), Some(value));
            }
            Merging::Set => {
                found.insert(path.clone(), None);
                for item in items {
                    path.push(format!("v:{item}"));
                    found.insert(path.clone(), Some(item));
                    path.pop();
                }
            }
            Merging::Keyed { keys, .. } => {
                found.insert(path.clone(), None);
                for item in items {
                    path.push(entry_name(item, keys));
                    walk(kind, at, item, path, found);
                    path.pop();
                }
            }
        },
        _ => {
            found.insert(path.clone(), Some(value));
        }
    }
}

/// The name of an entry: its keys, with the protocol that is meant where none is said.
fn entry_name(item: &Value, keys: &[&str]) -> String {
    let keys: Map<_, _> = keys.iter().map(|key| ((*key).to_owned(), key_of(item, key))).collect();
    format!("k:{}", Value::Object(keys))
}

/// The value of a key of an entry.
pub(crate) fn key_of(item: &Value, key: &str) -> Value {
    if key == "protocol" && item[key].is_null() { json!("TCP") } else { item[key].clone() }
}

fn is_entry(item: &Value, keys: &Value) -> bool {
    keys.as_object().is_some_and(|keys| keys.iter().all(|(key, value)| key_of(item, key) == *value))
}

/// A set of fields.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct FieldSet(pub(crate) BTreeSet<Path>);

impl FieldSet {
    /// Reads `fieldsV1`.
    pub(crate) fn read(fields: &Value) -> Self {
        let mut set = Self::default();
        set.read_below(fields, &mut Vec::new());
        set
    }

    fn read_below(&mut self, fields: &Value, path: &mut Path) {
        let children = fields.as_object();
        if children.is_none_or(Map::is_empty) && !path.is_empty() {
            self.0.insert(path.clone());
        }
        for (name, below) in children.into_iter().flatten() {
            if name == "." {
                self.0.insert(path.clone());
                continue;
            }
            path.push(name.clone());
            self.read_below(below, path);
            path.pop();
        }
    }

    /// Writes `fieldsV1`.
    pub(crate) fn write(&self) -> Value {
        let mut root = json!({});
        for path in &self.0 {
            let mut node = &mut root;
            for name in path {
                node = &mut node[name];
                if node.is_null() {
                    *node = json!({});
                }
            }
        }
        // A thing that is in the set and holds others that are says so.
        for path in &self.0 {
            let node = path.iter().fold(&mut root, |node, name| &mut node[name]);
            if node.as_object().is_some_and(|children| !children.is_empty()) {
                node["."] = json!({});
            }
        }
        root
    }

    /// Whether it has something at a path or below.
    fn reaches(&self, path: &Path) -> bool {
        self.0.range(path.clone()..).next().is_some_and(|next| next.starts_with(path))
    }
}

/// What is at a path of an object that may go with it: removes it, and what then is empty and that nobody owns.
pub(crate) fn remove(object: &mut Value, path: &Path, kept: &[FieldSet]) {
    let Some((last, way)) = path.split_last() else { return };
    let is_needed = kept.iter().any(|set| set.reaches(path));
    if is_needed {
        return;
    }
    let Some(holder) = way.iter().try_fold(&mut *object, |value, name| step(value, name)) else {
        return;
    };
    if let (Some(field), Value::Object(fields)) = (last.strip_prefix("f:"), &mut *holder) {
        fields.remove(field);
    } else if let (Some(keys), Value::Array(items)) = (last.strip_prefix("k:"), &mut *holder) {
        let keys: Value = serde_json::from_str(keys).unwrap_or_default();
        items.retain(|item| !is_entry(item, &keys));
    } else if let (Some(value), Value::Array(items)) = (last.strip_prefix("v:"), &mut *holder) {
        let value: Value = serde_json::from_str(value).unwrap_or_default();
        items.retain(|item| *item != value);
    }
    let is_empty = holder.as_object().is_some_and(Map::is_empty)
        || holder.as_array().is_some_and(Vec::is_empty);
    if is_empty && way.len() > 1 {
        remove(object, &way.to_vec(), kept);
    }
}

fn step<'a>(value: &'a mut Value, name: &str) -> Option<&'a mut Value> {
    if let Some(field) = name.strip_prefix("f:") {
        return value.get_mut(field);
    }
    let keys: Value = serde_json::from_str(name.strip_prefix("k:")?).ok()?;
    value.as_array_mut()?.iter_mut().find(|item| is_entry(item, &keys))
}

/// A path as people read it.
pub(crate) fn readable(path: &Path) -> String {
    path.iter()
        .map(|name| match name.strip_prefix("f:") {
            Some(field) => format!(".{field}"),
            None => format!("[{}]", name.split_once(':').map_or("", |(_, rest)| rest)),
        })
        .collect()
}
