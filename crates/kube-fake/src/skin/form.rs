//! The form in which objects are shown to a client: as they are, as rows of a table, or by their metadata alone.

use http::HeaderMap;
use http::header::ACCEPT;
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::form::shown;
use crate::object::Object;
use crate::resource::Resource;
use crate::store::{EventKind, List, WatchEvent};

/// A form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Plain,
    Metadata,
}

impl Form {
    /// The first form of those that a client accepts which is served.
    pub(super) fn negotiate(headers: &HeaderMap) -> Result<Self, Failure> {
        let accepted: Vec<_> =
            headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
        let accepted = accepted.join(",");
        if accepted.trim().is_empty() {
            return Ok(Self::Plain);
        }
        let forms = accepted.split(',').filter_map(Self::of_type);
        forms.into_iter().next().ok_or_else(|| {
            let known = "application/json, application/json;stream=watch";
            let message = format!("only the following media types are accepted: {known}");
            Failure::new(406, "NotAcceptable", message)
        })
    }

    fn of_type(media: &str) -> Option<Self> {
        let mut parts = media.split(';').map(str::trim);
        if !matches!(parts.next()?, "application/json" | "application/*" | "*/*") {
            return None;
        }
        let wanted = parts.find_map(|part| part.strip_prefix("as="));
        match wanted {
            None => Some(Self::Plain),
            Some("PartialObjectMetadata" | "PartialObjectMetadataList") => Some(Self::Metadata),
            Some(_) => None,
        }
    }

    pub(super) fn object(self, resource: &Resource, object: &Object) -> Value {
        let value = shown(resource, object.value());
        match self {
            Self::Plain => value,
            Self::Metadata => metadata_of(&value),
        }
    }

    pub(super) fn list(self, resource: &Resource, list: &List) -> Value {
        let mut metadata = json!({"resourceVersion": list.revision.to_string()});
        if let Some(next) = &list.next {
            metadata["continue"] = json!(next);
        }
        if let Some(remaining) = list.remaining {
            metadata["remainingItemCount"] = json!(remaining);
        }
        let (kind, version) = match self {
            Self::Plain => (format!("{}List", resource.kind), resource.api_version()),
            Self::Metadata => ("PartialObjectMetadataList".to_owned(), "meta.k8s.io/v1".to_owned()),
        };
        let items: Vec<_> = list.items.iter().map(|item| self.item(resource, item)).collect();
        json!({"kind": kind, "apiVersion": version, "metadata": metadata, "items": items})
    }

    /// An entry of a list: its kind is that of the list.
    fn item(self, resource: &Resource, object: &Object) -> Value {
        let mut value = self.object(resource, object);
        if let (Self::Plain, Some(fields)) = (self, value.as_object_mut()) {
            fields.remove("kind");
            fields.remove("apiVersion");
        }
        value
    }

    pub(super) fn event_object(self, resource: &Resource, event: &WatchEvent) -> Value {
        if event.kind == EventKind::Error {
            return event.object.value().clone();
        }
        self.object(resource, &event.object)
    }
}

fn metadata_of(object: &Value) -> Value {
    json!({
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": object["metadata"],
    })
}
