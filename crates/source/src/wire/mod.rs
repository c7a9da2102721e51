//! What an API server says: pages of lists, lines of watches, and its refusals.
//!
//! Only its words are read here. Whoever asks the server, and what follows from its answers, is in the module `api`.

mod kind;
mod lines;
mod refusal;

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;

pub use self::kind::{Kind, Understood};
pub use self::lines::{Lines, TooLong};
use self::refusal::Status;
pub use self::refusal::{LONGEST_PAUSE, Refusal};
use crate::field::Field;
pub use crate::raw::Object;
use crate::refusal::printable;

/// Says of a bookmark that everything there was has been told.
const INITIAL_EVENTS_END: &str = "k8s.io/initial-events-end";

/// A moment in the history of the API server's store: numbers that only grow, while it is the same store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Version(String);

impl Version {
    /// What the server calls it.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// As the server calls it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The number that it is; 0 where it is none, and nothing can be said of its order.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.0.parse().unwrap_or(0)
    }
}

/// What cannot be read, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unreadable(String);

impl Unreadable {
    /// A field that must be there is not.
    #[must_use]
    pub fn lacks(field: &str) -> Self {
        Self(format!("{field} is missing"))
    }

    /// There is something else where an object must be, or a list.
    fn other(path: &str, wanted: &str, found: &str) -> Self {
        Self(format!("{path}: must be {wanted}, found {found}"))
    }
}

impl From<serde_json::Error> for Unreadable {
    fn from(error: serde_json::Error) -> Self {
        // It repeats words of the server's.
        Self(printable(&error.to_string()))
    }
}

/// A page of a list.
#[derive(Debug)]
pub struct Page {
    /// The version of the list; empty where the page does not say it.
    pub version: Version,
    /// What the next page is asked for with; empty where this is the last.
    pub next: String,
    /// The objects. What is none is left out: it has no name to hold it against.
    pub objects: Vec<Object>,
}

/// A page as it is written.
#[derive(Deserialize)]
struct RawPage {
    #[serde(default)]
    metadata: PageMetadata,
    #[serde(default)]
    items: Field<Vec<Field<Object>>>,
}

/// What a page says of the list.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct PageMetadata {
    resource_version: String,
    #[serde(rename = "continue")]
    next: String,
}

impl Page {
    /// Reads a page.
    ///
    /// # Errors
    /// When it is no page.
    pub fn read(text: &[u8]) -> Result<Self, Unreadable> {
        let RawPage { metadata, items } = serde_json::from_slice(text)?;
        let items = match items {
            Field::Present(items) => items,
            Field::Absent => Vec::new(),
            Field::Wrong(found) => return Err(Unreadable::other("items", "a list", found)),
        };
        let objects = items.into_iter().filter_map(|item| item.entry().ok());
        Ok(Self {
            version: Version::new(metadata.resource_version),
            next: metadata.next,
            objects: objects.collect(),
        })
    }
}

/// What one line of a watch says.
#[derive(Debug)]
pub enum Line {
    /// The object is new or changed.
    Changed(Object),
    /// The object is gone.
    Gone(Object),
    /// Everything up to here has been told.
    Bookmark {
        /// The version up to which.
        version: Version,
        /// Whether everything there was at the beginning has been told.
        ends_initial_events: bool,
    },
    /// The watch failed.
    Failed(Refusal),
}

/// A line as it is written: `WatchEvent` of Kubernetes' `meta/v1`.
#[derive(Deserialize)]
#[serde(tag = "type", content = "object", rename_all = "UPPERCASE")]
enum RawLine {
    Added(Field<Object>),
    Modified(Field<Object>),
    Deleted(Field<Object>),
    Bookmark(Bookmark),
    Error(Status),
}

/// An object of the kind that is watched, of which nothing counts but what is here.
#[derive(Deserialize)]
struct Bookmark {
    metadata: BookmarkMetadata,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BookmarkMetadata {
    resource_version: String,
    #[serde(default)]
    annotations: BTreeMap<String, IgnoredAny>,
}

impl Line {
    /// Reads a line.
    ///
    /// # Errors
    /// When it says nothing that a watch can say.
    pub fn read(line: &[u8]) -> Result<Self, Unreadable> {
        let object = |field: Field<Object>| {
            field.entry().map_err(|found| Unreadable::other("object", "an object", found))
        };
        Ok(match serde_json::from_slice(line)? {
            RawLine::Added(field) | RawLine::Modified(field) => Self::Changed(object(field)?),
            RawLine::Deleted(field) => Self::Gone(object(field)?),
            RawLine::Bookmark(Bookmark { metadata }) => Self::Bookmark {
                ends_initial_events: metadata.annotations.contains_key(INITIAL_EVENTS_END),
                version: Version::new(metadata.resource_version),
            },
            RawLine::Error(status) => Self::Failed(Refusal::of(status)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_as_what_it_says() {
        let line = br#"{"type":"MODIFIED","object":{"metadata":{"name":"web","namespace":"shop","resourceVersion":"7"}}}"#;
        let Line::Changed(object) = Line::read(line).unwrap() else { panic!("not a change") };
        let (key, version) = Kind::Service.identify(&object).unwrap();
        assert_eq!((key.to_string().as_str(), version.number()), ("shop/web", 7));
        let line = br#"{"type":"BOOKMARK","object":{"kind":"Service","apiVersion":"v1","metadata":{"resourceVersion":"9","annotations":{"k8s.io/initial-events-end":"true"}}}}"#;
        let Line::Bookmark { version, ends_initial_events } = Line::read(line).unwrap() else {
            panic!("not a bookmark")
        };
        assert!(ends_initial_events && version.number() == 9);
        let line = br#"{"type":"ERROR","object":{"kind":"Status","code":410,"message":"too old","reason":"Expired"}}"#;
        let Line::Failed(refusal) = Line::read(line).unwrap() else { panic!("not a failure") };
        assert!(refusal.is_gone());
    }

    #[test]
    fn it_does_not_matter_whether_the_type_or_the_object_comes_first() {
        let line = br#"{"object":{"metadata":{"name":"web","labels":{"k8s-app":"a"}}},"type":"ADDED","more":[{}]}"#;
        let Line::Changed(late) = Line::read(line).unwrap() else { panic!("not a change") };
        let line =
            br#"{"type":"ADDED","object":{"metadata":{"name":"web","labels":{"k8s-app":"a"}}}}"#;
        let Line::Changed(early) = Line::read(line).unwrap() else { panic!("not a change") };
        assert_eq!(late, early);
    }

    #[test]
    fn what_cannot_be_read_is_told_in_few_words_that_can_be_shown() {
        for line in [
            r#"{"type":"MODI"#.to_owned(),
            "[]".to_owned(),
            r#"{"type":"ADDED"}"#.to_owned(),
            r#"{"type":"ADDED","object":[{}]}"#.to_owned(),
            r#"{"type":"DELETED","object":null}"#.to_owned(),
            format!(r#"{{"type":"\u001b[2J{}","object":{{}}}}"#, "x".repeat(10_000)),
        ] {
            let error = Line::read(line.as_bytes()).unwrap_err().to_string();
            assert!(error.len() < 300 && !error.contains(char::is_control), "{error}");
        }
    }

    #[test]
    fn a_page_has_objects_alone() {
        let text = br#"{"metadata":{"resourceVersion":"7","continue":"c"},"items":[{},null,5,[],{"metadata":{"name":"a"}}]}"#;
        let page = Page::read(text).unwrap();
        assert_eq!((page.version.number(), page.next.as_str(), page.objects.len()), (7, "c", 2));
        assert!(Page::read(br#"{"items":null}"#).unwrap().objects.is_empty());
        let error = Page::read(br#"{"items":{}}"#).unwrap_err().to_string();
        assert_eq!(error, "items: must be a list, found an object");
    }
}
