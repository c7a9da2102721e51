//! A document of which each value knows where it stands.

use std::fmt;

use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Number, Value};
use serde_saphyr::Spanned;

/// Where something stands in a file, both counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) line: u64,
    pub(super) column: u64,
}

/// A value and its position.
#[derive(Debug)]
pub(super) struct Tree {
    pub(super) node: Node,
    pub(super) position: Position,
}

/// A value.
#[derive(Debug)]
pub(super) enum Node {
    Scalar(Value),
    List(Vec<Tree>),
    /// In the order of the document; a key may be there twice.
    Object(Vec<(Key, Tree)>),
}

/// A key and its position.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) name: String,
    pub(super) position: Position,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

impl Position {
    fn of<T>(spanned: &Spanned<T>) -> Self {
        Self { line: spanned.referenced.line(), column: spanned.referenced.column() }
    }
}

impl Tree {
    /// Moves all positions down by `lines`: those of a document to those of its file.
    pub(super) fn shift(&mut self, lines: u64) {
        self.position.line += lines;
        match &mut self.node {
            Node::Scalar(_) => {}
            Node::List(items) => items.iter_mut().for_each(|item| item.shift(lines)),
            Node::Object(entries) => {
                for (key, value) in entries {
                    key.position.line += lines;
                    value.shift(lines);
                }
            }
        }
    }

    /// The value alone. Of a key that is there twice the last counts.
    pub(super) fn value(&self) -> Value {
        match &self.node {
            Node::Scalar(value) => value.clone(),
            Node::List(items) => items.iter().map(Self::value).collect(),
            Node::Object(entries) => {
                let entries = entries.iter().map(|(key, value)| (key.name.clone(), value.value()));
                Value::Object(entries.collect::<Map<_, _>>())
            }
        }
    }

    /// The text of the field called `name`, if that is what it is.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        let Node::Object(entries) = &self.node else { return None };
        let entry = entries.iter().rev().find(|(key, _)| key.name == name);
        entry.and_then(|(_, value)| match &value.node {
            Node::Scalar(value) => value.as_str(),
            Node::List(_) | Node::Object(_) => None,
        })
    }

    /// Where the field at `path` stands, as `a.b[2].c`; where it is not there, the nearest that holds it.
    pub(super) fn position_of(&self, path: &str) -> Position {
        let mut found = self;
        for part in path.split(['.', '[']) {
            let next = match &found.node {
                Node::Scalar(_) => None,
                Node::List(items) => {
                    let index = part.trim_end_matches(']').parse::<usize>().ok();
                    index.and_then(|index| items.get(index))
                }
                Node::Object(entries) => {
                    let entry = entries.iter().rev().find(|(key, _)| key.name == part);
                    entry.map(|(_, value)| value)
                }
            };
            let Some(next) = next else { break };
            found = next;
        }
        found.position
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Node>::deserialize(deserializer)?;
        let position = Position::of(&spanned);
        Ok(Self { node: spanned.value, position })
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Scalar(Value::Null))
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Scalar(Value::Null))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        Node::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Scalar(Value::Bool(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Scalar(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Scalar(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        // What is no number JSON has is a text, which no field for a number takes.
        let number = Number::from_f64(value).map(Value::Number);
        Ok(Node::Scalar(number.unwrap_or_else(|| Value::String(value.to_string()))))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Scalar(value.into()))
    }

    fn visit_string<E>(self, value: String) -> Result<Node, E> {
        Ok(Node::Scalar(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Node::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Node, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = access.next_key::<Spanned<String>>()? {
            let position = Position::of(&key);
            entries.push((Key { name: key.value, position }, access.next_value()?));
        }
        Ok(Node::Object(entries))
    }
}
