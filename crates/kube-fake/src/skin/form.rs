//! The form in which objects are shown to a client: as they are, as rows of a table, or by their metadata alone.

use http::HeaderMap;
use http::header::ACCEPT;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::query::Parameters;
use super::table::{Include, table};

use crate::failure::Failure;
use crate::form::{is_other, shown};
use crate::object::Object;
use crate::resource::Resource;
use crate::store::{EventKind, List, WatchEvent};

/// A form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Plain,
    Metadata,
    Table(Include),
}

impl Form {
    /// The first form of those that a client accepts which is served.
    pub(super) fn negotiate(headers: &HeaderMap, parameters: &Parameters) -> Result<Self, Failure> {
        let accepted: Vec<_> =
            headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
        let accepted = accepted.join(",");
        if accepted.trim().is_empty() {
            return Ok(Self::Plain);
        }
        let include = Include::read(parameters.text("includeObject"));
        let mut forms = accepted.split(',').filter_map(|media| Self::of_type(media, include));
        forms.next().ok_or_else(|| {
            let known = "application/json, application/json;stream=watch";
            let message = format!("only the following media types are accepted: {known}");
            Failure::new(406, "NotAcceptable", message)
        })
    }

    fn of_type(media: &str, include: Include) -> Option<Self> {
        let mut parts = media.split(';').map(str::trim);
        if !matches!(parts.next()?, "application/json" | "application/*" | "*/*") {
            return None;
        }
        let parts: Vec<_> = parts.collect();
        let wanted = parts.iter().find_map(|part| part.strip_prefix("as="));
        let is_known_version = !parts.contains(&"v=v1beta1");
        match wanted {
            None => Some(Self::Plain),
            Some("PartialObjectMetadata" | "PartialObjectMetadataList") if is_known_version => {
                Some(Self::Metadata)
            }
            Some("Table") if is_known_version => Some(Self::Table(include)),
            Some(_) => None,
        }
    }

    /// One object, as JSON.
    pub(super) fn object(self, resource: &Resource, object: &Object, now: Timestamp) -> String {
        if self == Self::Plain && !is_other(resource) {
            return object.whole_text();
        }
        let value = shown(resource, object.value());
        match self {
            Self::Plain => value.to_string(),
            Self::Metadata => metadata_of(&value).to_string(),
            Self::Table(include) => {
                let metadata = json!({"resourceVersion": object.revision().to_string()});
                table(resource, [&value], metadata, include, now).to_string()
            }
        }
    }

    /// A list, as JSON.
    pub(super) fn list(self, resource: &Resource, list: &List, now: Timestamp) -> String {
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
            Self::Table(include) => {
                let items = list.items.iter().map(|item| shown(resource, item.value()));
                let items: Vec<_> = items.collect();
                return table(resource, &items, metadata, include, now).to_string();
            }
        };
        let mut text = format!(
            "{{\"kind\":\"{kind}\",\"apiVersion\":\"{version}\",\"metadata\":{metadata},\"items\":["
        );
        for (place, item) in list.items.iter().enumerate() {
            if place > 0 {
                text.push(',');
            }
            self.write_item(resource, item, &mut text);
        }
        text.push_str("]}");
        text
    }

    /// An entry of a list: its kind is that of the list.
    fn write_item(self, resource: &Resource, object: &Object, text: &mut String) {
        if self == Self::Plain && !is_other(resource) {
            text.push_str(object.item_text());
            return;
        }
        let mut value = shown(resource, object.value());
        if self == Self::Metadata {
            value = metadata_of(&value);
        } else if let Some(fields) = value.as_object_mut() {
            fields.remove("kind");
            fields.remove("apiVersion");
        }
        text.push_str(&value.to_string());
    }

    /// The line of an event of a watch. The columns of a table are told in the first alone.
    pub(super) fn event(
        self,
        resource: &Resource,
        event: &WatchEvent,
        is_first: bool,
        now: Timestamp,
    ) -> String {
        let object = match self {
            _ if event.kind == EventKind::Error => event.object.whole_text(),
            Self::Table(include) if !is_first => {
                let value = shown(resource, event.object.value());
                let metadata = json!({"resourceVersion": event.object.revision().to_string()});
                let mut table = table(resource, [&value], metadata, include, now);
                table["columnDefinitions"] = json!([]);
                table.to_string()
            }
            _ => self.object(resource, &event.object, now),
        };
        format!("{{\"type\":\"{}\",\"object\":{object}}}\n", event.kind.name())
    }
}

fn metadata_of(object: &Value) -> Value {
    json!({
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": object["metadata"],
    })
}
