//! What all objects have: names, labels, annotations, the moment they were made.

use std::fmt;

use switchyard_model::{Created, Name, ObjectKey};

use crate::field::{Field, Texts};
use crate::raw::Metadata;
use crate::refusal::{Notes, OBJECT, Refused, TEXT, name_trouble};

/// The labels and annotations that are read. All others are passed over, whatever they hold: some are longer than all the rest
/// of their object.
pub(crate) const READ: &[&str] = &[
    LABEL_APP,
    LABEL_HEADLESS,
    LABEL_OPERATING_SYSTEM,
    LABEL_PROXY_NAME,
    LABEL_SERVICE,
    LABEL_ZONE,
    ANNOTATION_OPTIMIZATION,
    ANNOTATION_PRESERVE_DESTINATION,
    ANNOTATION_TRIGGER,
];

/// The application that an object is of.
pub(crate) const LABEL_APP: &str = "k8s-app";
/// Set where a Service has no ClusterIP.
pub(crate) const LABEL_HEADLESS: &str = "service.kubernetes.io/headless";
/// The operating system of a Node.
pub(crate) const LABEL_OPERATING_SYSTEM: &str = "kubernetes.io/os";
/// Set where a Service is for another proxy.
pub(crate) const LABEL_PROXY_NAME: &str = "service.kubernetes.io/service-proxy-name";
/// The Service of an EndpointSlice.
pub(crate) const LABEL_SERVICE: &str = "kubernetes.io/service-name";
/// The zone of a Node.
pub(crate) const LABEL_ZONE: &str = "topology.kubernetes.io/zone";
/// Says of a Service that load balancers are replaced and not modified.
pub(crate) const ANNOTATION_OPTIMIZATION: &str = "winProxyOptimization";
/// Says of a Service that packets keep their destination.
pub(crate) const ANNOTATION_PRESERVE_DESTINATION: &str = "preserve-destination";
/// Says of a slice when that happened for which it was changed last.
pub(crate) const ANNOTATION_TRIGGER: &str = "endpoints.kubernetes.io/last-change-trigger-time";

/// The namespace of an object that names none.
const DEFAULT_NAMESPACE: &str = "default";

/// Whether objects of a kind live in namespaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    Namespaced,
    Cluster,
}

/// An object's name for people, as far as it can be read: `EndpointSlice shop/web-1`, or where the document stands.
pub(crate) fn title(kind: &str, metadata: &Field<Metadata>, scope: Scope, place: &str) -> String {
    let Field::Present(metadata) = metadata else { return format!("{kind} in {place}") };
    let text = |field: &Field<String>| match field {
        Field::Present(text) if name_trouble(text).is_none() => Some(text.clone()),
        Field::Present(_) | Field::Absent | Field::Wrong(_) => None,
    };
    let Some(name) = text(&metadata.name) else { return format!("{kind} in {place}") };
    let namespace = text(&metadata.namespace).unwrap_or_else(|| DEFAULT_NAMESPACE.to_owned());
    match scope {
        Scope::Namespaced => format!("{kind} {namespace}/{name}"),
        Scope::Cluster => format!("{kind} {name}"),
    }
}

/// The namespace of an object that does not name one itself: none at all, or the usual one.
pub(crate) fn implied_namespace(scope: Scope, said: &Field<String>) -> Option<&'static str> {
    match (scope, said) {
        (Scope::Cluster, _) => Some(""),
        (Scope::Namespaced, Field::Absent) => Some(DEFAULT_NAMESPACE),
        (Scope::Namespaced, Field::Present(said)) if said.is_empty() => Some(DEFAULT_NAMESPACE),
        (Scope::Namespaced, Field::Present(_) | Field::Wrong(_)) => None,
    }
}

/// What every kind needs of the metadata.
pub(crate) struct Meta {
    pub(crate) key: ObjectKey,
    pub(crate) uid: Option<Name>,
    pub(crate) created: Created,
    /// Whether its deletion was asked for.
    pub(crate) is_deleted: bool,
    pub(crate) labels: Texts,
    pub(crate) annotations: Texts,
}

impl Meta {
    /// Reads the metadata. Without a usable name there is no object.
    pub(crate) fn read(
        metadata: Field<Metadata>,
        scope: Scope,
        notes: &Notes,
    ) -> Result<Self, Refused> {
        let metadata = notes.take_strictly(metadata, "metadata", OBJECT)?.unwrap_or_default();
        let name = Self::name(metadata.name, "metadata.name", notes)?;
        let namespace = match implied_namespace(scope, &metadata.namespace) {
            Some(namespace) => namespace.to_owned(),
            None => Self::name(metadata.namespace, "metadata.namespace", notes)?,
        };
        // Labels say whether a Service or slice is to be read at all; a Node is used without them.
        let labels = match scope {
            Scope::Namespaced => notes.take_strictly(metadata.labels, "metadata.labels", OBJECT)?,
            Scope::Cluster => notes.take(metadata.labels, "metadata.labels", OBJECT),
        };
        let annotations = notes.take(metadata.annotations, "metadata.annotations", OBJECT);
        let uid = notes.take(metadata.uid, "metadata.uid", TEXT).filter(|uid| !uid.is_empty());
        Ok(Self {
            key: ObjectKey::new(namespace, name),
            uid: uid.map(Name::from),
            created: created(metadata.creation_timestamp, notes),
            is_deleted: !notes
                .text(metadata.deletion_timestamp, "metadata.deletionTimestamp")
                .is_empty(),
            labels: labels.unwrap_or_default(),
            annotations: annotations.unwrap_or_default(),
        })
    }

    fn name(field: Field<String>, path: &str, notes: &Notes) -> Result<String, Refused> {
        let name = notes.take_strictly(field, path, TEXT)?.unwrap_or_default();
        match name_trouble(&name) {
            Some(trouble) => {
                notes.refuse(path, trouble);
                Err(Refused)
            }
            None => Ok(name),
        }
    }

    /// Whether there is a label `key`, with any value.
    pub(crate) fn has_label(&self, key: &str) -> bool {
        self.labels.contains_key(key)
    }

    /// The value of the label `key`.
    pub(crate) fn label(&mut self, key: &str, notes: &Notes) -> Option<String> {
        let field = self.labels.remove(key)?;
        notes.take(field, LabelPath("labels", key), TEXT)
    }

    /// The value of the annotation `key`.
    pub(crate) fn annotation(&mut self, key: &str, notes: &Notes) -> Option<String> {
        let field = self.annotations.remove(key)?;
        notes.take(field, LabelPath("annotations", key), TEXT)
    }
}

/// The path of one label or annotation.
struct LabelPath<'a>(&'a str, &'a str);

impl fmt::Display for LabelPath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "metadata.{}[{}]", self.0, self.1)
    }
}

/// The moment an object was made. One that cannot be read counts as newest, as an absent one does.
fn created(field: Field<String>, notes: &Notes) -> Created {
    const PATH: &str = "metadata.creationTimestamp";
    let Some(text) = notes.take(field, PATH, "a time such as 2026-01-31T12:00:00Z") else {
        return Created::UNKNOWN;
    };
    match text.parse::<jiff::Timestamp>() {
        Ok(moment) => Created::at(moment.as_microsecond()),
        Err(_) => {
            notes.refuse(PATH, "not a time such as 2026-01-31T12:00:00Z; counts as newest");
            Created::UNKNOWN
        }
    }
}
