//! The types of the objects that are served: for OpenAPI, and for what a typed server does with a field that it does not know or that
//! is of another type.

mod check;
mod protobuf;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::resource::{EVENTS_GROUP, Resource};

pub(crate) use self::check::{check, unknown};
pub(crate) use self::protobuf::decode;

/// All types by their short names.
pub(crate) static TYPES: LazyLock<BTreeMap<&'static str, Type>> =
    LazyLock::new(|| read(include_str!("schema/types.txt")));

/// A type with fields.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Type {
    /// Its name in OpenAPI.
    pub(crate) name: &'static str,
    pub(crate) fields: BTreeMap<&'static str, Field>,
}

/// A field.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) shape: Shape,
    pub(crate) list: ListKind,
    pub(crate) is_required: bool,
    /// Its number in protobuf.
    pub(crate) number: u64,
}

/// What a field holds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Text,
    Time,
    Bool,
    Int32,
    Int64,
    IntOrText,
    Any,
    Of(&'static str),
    List(Box<Self>),
    Map(Box<Self>),
}

/// How a list or a map is merged.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ListKind {
    Plain,
    Atomic,
    Set,
    Keyed { merge: &'static str, keys: Vec<&'static str> },
}

/// The short name of the type of a resource's objects.
pub(crate) fn type_of(resource: &Resource) -> &'static str {
    if resource.group == EVENTS_GROUP { "NewEvent" } else { resource.kind }
}

fn read(text: &'static str) -> BTreeMap<&'static str, Type> {
    let mut types = BTreeMap::new();
    let mut current = None;
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let mut words = line.split_whitespace();
        let (Some(first), Some(second)) = (words.next(), words.next()) else { continue };
        if !line.starts_with(' ') {
            types.insert(first, Type { name: second, fields: BTreeMap::new() });
            current = Some(first);
            continue;
        }
        let Some(fields) = current.and_then(|name| types.get_mut(name)) else { continue };
        fields.fields.insert(first, field(second, words));
    }
    types
}

fn field(shape: &'static str, words: impl Iterator<Item = &'static str>) -> Field {
    let mut field =
        Field { shape: read_shape(shape), list: ListKind::Plain, is_required: false, number: 0 };
    let mut merge = "";
    for word in words {
        if let Some(number) = word.strip_prefix('#') {
            field.number = number.parse().unwrap_or(0);
            continue;
        }
        match word.split_once('=') {
            Some(("merge", key)) => merge = key,
            Some((_, keys)) => {
                field.list = ListKind::Keyed { merge, keys: keys.split(',').collect() };
            }
            None if word == "set" => field.list = ListKind::Set,
            None if word == "atomic" => field.list = ListKind::Atomic,
            None => field.is_required = true,
        }
    }
    field
}

fn read_shape(text: &'static str) -> Shape {
    let inner = |open, close| text.strip_prefix(open).and_then(|rest| rest.strip_suffix(close));
    if let Some(item) = inner('[', ']') {
        return Shape::List(Box::new(read_shape(item)));
    }
    if let Some(value) = inner('{', '}') {
        return Shape::Map(Box::new(read_shape(value)));
    }
    match text {
        "string" => Shape::Text,
        "time" => Shape::Time,
        "bool" => Shape::Bool,
        "int32" => Shape::Int32,
        "int64" => Shape::Int64,
        "intstr" => Shape::IntOrText,
        "any" => Shape::Any,
        name => Shape::Of(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::RESOURCES;

    fn names(shape: &Shape) -> Option<&'static str> {
        match shape {
            Shape::Of(name) => Some(name),
            Shape::List(inner) | Shape::Map(inner) => names(inner),
            _ => None,
        }
    }

    #[test]
    fn every_type_that_is_named_is_there() {
        for (name, of) in TYPES.iter() {
            assert!(!of.fields.is_empty(), "{name}");
            for (field, what) in &of.fields {
                let is_known = names(&what.shape).is_none_or(|name| TYPES.contains_key(name));
                assert!(is_known, "{name}.{field}");
                assert_ne!(what.number, 0, "{name}.{field}");
            }
        }
        for resource in &RESOURCES {
            assert!(TYPES.contains_key(type_of(resource)), "{}", resource.kind);
        }
    }
}
