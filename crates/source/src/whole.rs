//! Objects of manifests with all that they say, for whoever keeps them as an API server does.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::document::{RawDocument, from_yaml, split};
use crate::manifest::{ReadError, files, list_of, name_of};

/// Objects as they are written, those in lists one by one. What cannot be read is not there: [`crate::Manifests`] says why.
///
/// # Errors
/// When the directory, or the only file, cannot be read.
pub fn whole_objects(path: &str) -> Result<Vec<Value>, ReadError> {
    let root = Path::new(path);
    let mut objects = Vec::new();
    for file in files(root)? {
        match fs::read(&file) {
            Ok(bytes) => objects.extend(whole_objects_in(&bytes)),
            Err(_) if file != root => {}
            Err(source) => return Err(ReadError { path: name_of(root, &file), source }),
        }
    }
    Ok(objects)
}

/// The same of one file's content.
#[must_use]
pub fn whole_objects_in(bytes: &[u8]) -> Vec<Value> {
    split("", bytes).iter().flat_map(documents).flat_map(entries).collect()
}

/// What a document says: one thing, or several of JSON behind each other.
fn documents(document: &RawDocument<'_>) -> Vec<Value> {
    let Ok(Some(text)) = document.text() else { return Vec::new() };
    match from_yaml(text) {
        Ok(value) => vec![value],
        Err(_) => {
            serde_json::Deserializer::from_str(text).into_iter().map_while(Result::ok).collect()
        }
    }
}

/// The objects of a list, told what they are where the list alone says it; of anything else itself.
fn entries(mut value: Value) -> Vec<Value> {
    let word = |field: &str| value[field].as_str().unwrap_or_default().to_owned();
    let (version, kind) = (word("apiVersion"), word("kind"));
    let Some(implied) = list_of(&version, &kind) else { return vec![value] };
    let Value::Array(mut items) = value["items"].take() else { return Vec::new() };
    for item in items.iter_mut().filter_map(Value::as_object_mut) {
        if !implied.is_empty() {
            item.entry("apiVersion").or_insert_with(|| version.as_str().into());
            item.entry("kind").or_insert_with(|| implied.into());
        }
    }
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        let found = whole_objects_in(text.as_bytes());
        let found: Vec<_> = found.iter().map(ToString::to_string).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn all_that_objects_say_is_there_and_lists_are_taken_apart() {
        check("a: 1\nb: [x]\n---\n# nothing\n---\nc: {", &[r#"{"a":1,"b":["x"]}"#]);
        check(r#"{"a":1} {"b":2}"#, &[r#"{"a":1}"#, r#"{"b":2}"#]);
        let list = "{apiVersion: v1, kind: List, items: [{kind: Node, spec: {podCIDR: x}}, {}]}";
        check(list, &[r#"{"kind":"Node","spec":{"podCIDR":"x"}}"#, "{}"]);
        check(
            "{apiVersion: v1, kind: ServiceList, items: [{spec: {}}]}",
            &[r#"{"apiVersion":"v1","kind":"Service","spec":{}}"#],
        );
    }
}
