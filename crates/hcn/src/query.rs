//! Which objects an enumeration lists.

use std::collections::BTreeMap;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::lenient::is_default;
use crate::{Guid, QueryFlags, Version};

/// A query (`HostComputeQuery`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Query {
    /// The schema of the answer; HNS answers in the shapes of version 1 when it is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema_version: Option<Version>,
    /// Flags.
    pub flags: QueryFlags,
    /// What the objects must equal.
    #[serde(skip_serializing_if = "is_default")]
    pub filter: Filter,
}

impl Query {
    /// All objects.
    #[must_use]
    pub fn all() -> Self {
        Self { schema_version: Some(Version::SCHEMA), ..Self::default() }
    }

    /// The object with this id.
    #[must_use]
    pub fn by_id(id: Guid) -> Self {
        Self::all().with("ID", id.to_string())
    }

    /// The networks or endpoints with this name.
    #[must_use]
    pub fn by_name(name: &str) -> Self {
        Self::all().with("Name", name.to_owned())
    }

    /// The endpoints of a network. The key is that of version 1, as for all filters.
    #[must_use]
    pub fn endpoints_of(network: Guid) -> Self {
        Self::all().with("VirtualNetwork", network.to_string())
    }

    /// The same with the state and resources of each object.
    #[must_use]
    pub fn detailed(self) -> Self {
        Self { flags: self.flags | QueryFlags::DETAILED, ..self }
    }

    fn with(mut self, key: &str, value: String) -> Self {
        self.filter.0.insert(key.to_owned(), Value::String(value));
        self
    }

    /// The query that a client sent: nothing at all asks for everything.
    ///
    /// # Errors
    ///
    /// If the text is not JSON or not a query.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        if text.is_empty() { Ok(Self::default()) } else { serde_json::from_str(text) }
    }

    /// The text to send.
    #[must_use]
    pub fn to_json(&self) -> String {
        crate::document_text(self)
    }
}

/// Members and the values they must equal; all of them. It travels as a text that holds JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter(pub BTreeMap<String, Value>);

impl Serialize for Filter {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&crate::document_text(&self.0))
    }
}

impl<'de> Deserialize<'de> for Filter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Null => Ok(Self::default()),
            Value::String(text) if text.is_empty() => Ok(Self::default()),
            Value::String(text) => serde_json::from_str(&text).map(Self).map_err(D::Error::custom),
            other => serde_json::from_value(other).map(Self).map_err(D::Error::custom),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_written_with_the_filter_as_text() {
        assert_eq!(Query::all().to_json(), r#"{"SchemaVersion":{"Major":2,"Minor":0},"Flags":0}"#);
        assert_eq!(
            Query::by_name("cbr0").to_json(),
            r#"{"SchemaVersion":{"Major":2,"Minor":0},"Flags":0,"Filter":"{\"Name\":\"cbr0\"}"}"#
        );
        assert_eq!(
            Query::by_id(Guid::NIL).detailed().to_json(),
            r#"{"SchemaVersion":{"Major":2,"Minor":0},"Flags":1,"Filter":"{\"ID\":\"00000000-0000-0000-0000-000000000000\"}"}"#
        );
    }

    #[test]
    fn queries_are_read() {
        fn check(text: &str, expect: Option<Query>) {
            assert_eq!(Query::parse(text).ok(), expect, "{text}");
        }
        let network = Query::endpoints_of(Guid::NIL);
        check(&network.to_json(), Some(network));
        check("", Some(Query::default()));
        check("{}", Some(Query::default()));
        check(r#"{"Filter":"","Flags":"Detailed"}"#, Some(Query::default().detailed()));
        check(
            r#"{"SchemaVersion":{"Major":2,"Minor":0},"Filter":{"Name":"a"}}"#,
            Some(Query::by_name("a")),
        );
        check("{", None);
        check(r#"{"Filter":"{"}"#, None);
        check(r#"{"Filter":"[]"}"#, None);
    }
}
