//! The fields of a `KubeProxyConfiguration` that are said, by the file or by flags, each with its place.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::Value;

use super::fields::{FieldEffect, FieldKind, FieldRow, field, is_section};
use super::tree::{Node, Position, Tree};
use crate::duration::parse_duration;

/// Who says something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    File(Position),
    Flag(String),
}

/// What a field is said to be.
#[derive(Debug, Clone)]
pub(super) struct Leaf {
    pub(super) value: Value,
    pub(super) place: Place,
}

/// The fields that are said, by path.
#[derive(Debug, Clone, Default)]
pub(super) struct Leaves(pub(super) BTreeMap<&'static str, Leaf>);

/// What is wrong with a field.
#[derive(Debug, Clone)]
pub(super) struct Trouble {
    pub(super) path: String,
    /// None where it is of the whole.
    pub(super) place: Option<Place>,
    pub(super) reason: String,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Some(Place::File(position)) => {
                write!(f, "{} ({position}): {}", self.path, self.reason)
            }
            Some(Place::Flag(flag)) => write!(f, "--{flag}: {}", self.reason),
            None => write!(f, "{}: {}", self.path, self.reason),
        }
    }
}

/// What is read of a document, and what is to be said of it.
#[derive(Default)]
pub(super) struct Read {
    pub(super) leaves: Leaves,
    pub(super) warnings: Vec<Trouble>,
}

/// Reads a document as kube-proxy does: what is wrong by its type is refused; of what nobody knows, and of keys that are there twice, a
/// strict reader would refuse the file, and a lenient one, which comes after it, says so and goes on.
pub(super) fn read(tree: &Tree) -> Result<Read, Trouble> {
    let mut read = Read::default();
    read.section(tree, "")?;
    Ok(read)
}

impl Read {
    fn section(&mut self, tree: &Tree, path: &str) -> Result<(), Trouble> {
        let entries = match &tree.node {
            Node::Object(entries) => entries,
            Node::Scalar(Value::Null) => return Ok(()),
            Node::Scalar(_) | Node::List(_) => {
                return Err(refused(path, tree, "must be an object"));
            }
        };
        let mut seen = BTreeSet::new();
        for (key, value) in entries {
            let inner = match path {
                "" => key.name.clone(),
                path => format!("{path}.{}", key.name),
            };
            if !seen.insert(&key.name) {
                self.warn(&inner, key.position, "is there twice: the last counts".to_owned());
            }
            match field(&inner) {
                Some(row) => self.leaf(row, value)?,
                None if is_section(&inner) => self.section(value, &inner)?,
                None => {
                    let reason = "kube-proxy has no such field: passed over".to_owned();
                    self.warn(&inner, key.position, reason);
                }
            }
        }
        Ok(())
    }

    fn leaf(&mut self, row: &'static FieldRow, tree: &Tree) -> Result<(), Trouble> {
        let value = tree.value();
        check(row.kind, &value).map_err(|what| refused(row.path, tree, &what))?;
        if value.is_null() {
            self.leaves.0.remove(row.path);
            return Ok(());
        }
        let has_effect = !is_empty(&value);
        match row.effect {
            FieldEffect::Ignored(why) if has_effect => {
                self.warn(row.path, tree.position, format!("does nothing here: {why}"));
            }
            FieldEffect::Named(other) => {
                let reason = format!("v1alpha1 has no such field, but {other}: passed over");
                self.warn(row.path, tree.position, reason);
                return Ok(());
            }
            FieldEffect::Works | FieldEffect::Ignored(_) => {}
        }
        self.leaves.0.insert(row.path, Leaf { value, place: Place::File(tree.position) });
        Ok(())
    }

    fn warn(&mut self, path: &str, position: Position, reason: String) {
        // Of a field that is there twice the same is not said twice.
        let is_said = |said: &Trouble| said.path == path && said.reason == reason;
        if !self.warnings.iter().any(is_said) {
            let place = Some(Place::File(position));
            self.warnings.push(Trouble { path: path.to_owned(), place, reason });
        }
    }
}

fn refused(path: &str, tree: &Tree, reason: &str) -> Trouble {
    let place = Some(Place::File(tree.position));
    let path = if path.is_empty() { "the document" } else { path };
    Trouble { path: path.to_owned(), place, reason: reason.to_owned() }
}

/// Whether a value says nothing: what programs write that write every field.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(yes) => !yes,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => {
            text.is_empty() || text == "0" || parse_duration(text).is_ok_and(|time| time.is_zero())
        }
        Value::Array(items) => items.is_empty(),
        Value::Object(entries) => entries.is_empty(),
    }
}

/// Whether a value is of a kind, or what it must be.
fn check(kind: FieldKind, value: &Value) -> Result<(), String> {
    let must = |is: bool, what: &str| if is { Ok(()) } else { Err(format!("must be {what}")) };
    if value.is_null() {
        return Ok(());
    }
    match kind {
        FieldKind::Text => must(value.is_string(), "a text"),
        FieldKind::Bool => must(value.is_boolean(), "true or false"),
        FieldKind::Integer => {
            let fits = value.as_i64().is_some_and(|number| i32::try_from(number).is_ok());
            must(fits, "a whole number of 32 bits")
        }
        FieldKind::Number => must(value.is_number(), "a number"),
        FieldKind::DurationOrNumber if value.is_u64() => Ok(()),
        FieldKind::Duration | FieldKind::DurationOrNumber => match value.as_str() {
            Some(text) => {
                parse_duration(text).map(|_| ()).map_err(|why| format!("{text:?}: {why}"))
            }
            None => must(false, "a time, such as \"5m\""),
        },
        FieldKind::Texts => {
            let texts = |items: &Vec<Value>| items.iter().all(Value::is_string);
            must(value.as_array().is_some_and(texts), "a list of texts")
        }
        FieldKind::Quantity => must(value.is_string() || value.is_u64(), "a count of bytes"),
        // Old files have an empty text for none.
        FieldKind::Gates if value == "" => Ok(()),
        FieldKind::Gates => {
            let gates = value.as_object().ok_or("must be an object")?;
            let wrong = gates.iter().find(|(_, value)| !value.is_boolean());
            wrong.map_or(Ok(()), |(name, _)| Err(format!("{name}: must be true or false")))
        }
        FieldKind::Modules => {
            let items = value.as_array().ok_or("must be a list")?;
            let is_module = |item: &Value| {
                item["filePattern"].is_string() && item["verbosity"].as_u64().is_some()
            };
            must(items.iter().all(is_module), "a list of objects with filePattern and verbosity")
        }
    }
}
