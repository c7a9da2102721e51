//! Manifests into cluster events: files, directories and standard input, with every refusal named.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use switchyard_model::{ClusterEvent, Name, ObjectKey};

use crate::document::split;
use crate::field::Field;
use crate::meta::{Scope, title};
use crate::raw::Document;
use crate::refusal::{Notes, Refusal, Refused};
use crate::{node, service, slice};

/// Input that could not be read at all.
#[derive(Debug, thiserror::Error)]
#[error("read manifests from {path}")]
pub struct ReadError {
    /// What was to be read.
    pub path: String,
    /// What the system said.
    #[source]
    pub source: io::Error,
}

/// Everything that was read from some manifests.
#[derive(Debug, Default)]
pub struct Manifests {
    /// The objects, ready for a cluster; each object once.
    events: Vec<ClusterEvent>,
    refused: Vec<Refusal>,
    counts: Counts,
    /// Where each object was read first.
    places: BTreeMap<(&'static str, ObjectKey), String>,
}

/// How much was read.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Counts {
    /// Files.
    pub files: usize,
    /// Services.
    pub services: usize,
    /// EndpointSlices, those included that belong to no Service.
    pub slices: usize,
    /// EndpointSlices that no Service reads: no label, the headless label, or no IP addresses.
    pub slices_ignored: usize,
    /// Nodes.
    pub nodes: usize,
    /// Pods.
    pub pods: usize,
    /// Documents of kinds that are passed over, by kind.
    pub passed_over: BTreeMap<String, usize>,
}

/// The kinds that are read.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Service,
    EndpointSlice,
    Node,
    Pod,
}

impl Kind {
    /// The kind of a document, by its API group and kind. A document may leave its version out.
    fn of(api_version: &str, kind: &str) -> Option<Self> {
        match (api_version, kind) {
            ("" | "v1", "Service") => Some(Self::Service),
            ("" | "v1", "Node") => Some(Self::Node),
            ("" | "v1", "Pod") => Some(Self::Pod),
            ("" | "discovery.k8s.io/v1", "EndpointSlice") => Some(Self::EndpointSlice),
            _ => None,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Service => "Service",
            Self::EndpointSlice => "EndpointSlice",
            Self::Node => "Node",
            Self::Pod => "Pod",
        }
    }

    fn scope(self) -> Scope {
        match self {
            Self::Node => Scope::Cluster,
            Self::Service | Self::EndpointSlice | Self::Pod => Scope::Namespaced,
        }
    }
}

impl Manifests {
    /// Reads `path`: a directory, searched deeply for `.yaml`, `.yml` and `.json`; one file; or `-` for standard input.
    ///
    /// # Errors
    /// When something cannot be read at all. What is read and makes no sense is a refusal, not an error.
    pub fn read(path: &str) -> Result<Self, ReadError> {
        let mut manifests = Self::default();
        if path == "-" {
            let mut bytes = Vec::new();
            let failed = |source| ReadError { path: "standard input".to_owned(), source };
            io::stdin().read_to_end(&mut bytes).map_err(failed)?;
            manifests.add("standard input", &bytes);
            return Ok(manifests);
        }
        for file in files(Path::new(path))? {
            let name = file.display().to_string();
            let bytes =
                fs::read(&file).map_err(|source| ReadError { path: name.clone(), source })?;
            manifests.add(&name, &bytes);
        }
        Ok(manifests)
    }

    /// Reads one file's content; `name` is what to call it in refusals.
    pub fn add(&mut self, name: &str, bytes: &[u8]) {
        self.counts.files += 1;
        for document in split(name, bytes) {
            for content in document.read() {
                match content {
                    Ok(content) => self.add_document(content, "", &document.place()),
                    Err(reason) => self.refuse(document.place(), String::new(), reason),
                }
            }
        }
    }

    /// The events that make a cluster of what was read. Each object is there once.
    #[must_use]
    pub fn into_events(self) -> Vec<ClusterEvent> {
        self.events
    }

    /// What was refused, in the order it was read.
    #[must_use]
    pub fn refused(&self) -> &[Refusal] {
        &self.refused
    }

    /// How much was read.
    #[must_use]
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    fn refuse(&mut self, object: String, field: String, reason: String) {
        self.refused.push(Refusal { object, field, reason });
    }

    /// Takes one document in. `implied` is the kind it has when it names none: that of the list it is in.
    fn add_document(&mut self, content: Field<Document>, implied: &str, place: &str) {
        let document = match content {
            Field::Present(document) => document,
            Field::Absent => return,
            Field::Wrong(found) => {
                let reason = format!("must be an object, found {found}");
                return self.refuse(place.to_owned(), String::new(), reason);
            }
        };
        let word = |field: &Field<String>| match field {
            Field::Present(word) => word.clone(),
            Field::Absent | Field::Wrong(_) => String::new(),
        };
        let (api_version, kind) = (word(&document.api_version), word(&document.kind));
        let kind = if kind.is_empty() { implied.to_owned() } else { kind };
        if let Some(implied) = list_of(&api_version, &kind) {
            return self.add_list(document, implied, &kind, place);
        }
        match Kind::of(&api_version, &kind) {
            Some(kind) => self.add_object(document, kind, place),
            None if kind.is_empty() => {
                self.refuse(place.to_owned(), "kind".to_owned(), "absent".to_owned());
            }
            None => {
                let kind = if api_version.contains('.') || kind == "Endpoints" {
                    format!("{kind} ({api_version})")
                } else {
                    kind
                };
                *self.counts.passed_over.entry(kind).or_default() += 1;
            }
        }
    }

    fn add_list(&mut self, document: Document, implied: &str, kind: &str, place: &str) {
        match document.items {
            Field::Absent => {}
            Field::Present(items) => {
                for (index, item) in items.into_iter().enumerate() {
                    self.add_document(item, implied, &format!("{place} items[{index}]"));
                }
            }
            Field::Wrong(found) => {
                let reason = format!("must be a list, found {found}");
                self.refuse(format!("{kind} in {place}"), "items".to_owned(), reason);
            }
        }
    }

    fn add_object(&mut self, document: Document, kind: Kind, place: &str) {
        let notes = Notes::new(title(kind.word(), &document.metadata, kind.scope(), place));
        let event = match kind {
            Kind::Service => service::read(document, &notes).map(ClusterEvent::Service),
            Kind::EndpointSlice => slice::read(document, &notes).map(ClusterEvent::Slice),
            Kind::Node => node::read(document, &notes).map(ClusterEvent::Node),
            Kind::Pod => node::read_pod(document, &notes).map(ClusterEvent::Pod),
        };
        let event = event.and_then(|event| self.once(event, kind, place, &notes));
        self.refused.extend(notes.into_refusals());
        if let Ok(event) = event {
            self.count(&event);
            self.events.push(event);
        }
    }

    /// Refuses an object that was read before: nobody can tell which of the two is meant, and the first is in use.
    fn once(
        &mut self,
        event: ClusterEvent,
        kind: Kind,
        place: &str,
        notes: &Notes,
    ) -> Result<ClusterEvent, Refused> {
        let key = match &event {
            ClusterEvent::Service(service) => service.key.clone(),
            ClusterEvent::Slice(slice) => slice.key.clone(),
            ClusterEvent::Pod(pod) => pod.key.clone(),
            ClusterEvent::Node(node) => {
                ObjectKey { namespace: Name::new(), name: node.name.clone() }
            }
            ClusterEvent::ServiceGone(_)
            | ClusterEvent::SliceGone(_)
            | ClusterEvent::NodeGone(_)
            | ClusterEvent::PodGone(_) => return Ok(event),
        };
        match self.places.entry((kind.word(), key)) {
            Entry::Vacant(entry) => {
                entry.insert(place.to_owned());
                Ok(event)
            }
            Entry::Occupied(first) => {
                let first = first.get();
                notes.refuse(
                    "metadata.name",
                    format_args!("duplicate in {place}: the one in {first} is used"),
                );
                Err(Refused)
            }
        }
    }

    fn count(&mut self, event: &ClusterEvent) {
        match event {
            ClusterEvent::Service(_) => self.counts.services += 1,
            ClusterEvent::Slice(slice) => {
                self.counts.slices += 1;
                self.counts.slices_ignored += usize::from(slice.service.is_none());
            }
            ClusterEvent::Node(_) => self.counts.nodes += 1,
            ClusterEvent::Pod(_) => self.counts.pods += 1,
            ClusterEvent::ServiceGone(_)
            | ClusterEvent::SliceGone(_)
            | ClusterEvent::NodeGone(_)
            | ClusterEvent::PodGone(_) => {}
        }
    }
}

/// The kind of what a list holds; empty when each entry has to say it.
fn list_of(api_version: &str, kind: &str) -> Option<&'static str> {
    match (api_version, kind) {
        ("" | "v1", "List") => Some(""),
        ("" | "v1", "ServiceList") => Some("Service"),
        ("" | "v1", "NodeList") => Some("Node"),
        ("" | "v1", "PodList") => Some("Pod"),
        ("" | "discovery.k8s.io/v1", "EndpointSliceList") => Some("EndpointSlice"),
        _ => None,
    }
}

/// The manifest files at or below `path`, sorted.
fn files(path: &Path) -> Result<Vec<PathBuf>, ReadError> {
    let failed = |path: &Path, source| ReadError { path: path.display().to_string(), source };
    if !fs::metadata(path).map_err(|source| failed(path, source))?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut found = Vec::new();
    let mut folders = vec![path.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(|source| failed(&folder, source))? {
            let entry = entry.map_err(|source| failed(&folder, source))?.path();
            let is_manifest = entry.extension().is_some_and(|extension| {
                ["yaml", "yml", "json"].iter().any(|one| extension == *one)
            });
            // A link to a directory is not followed: it could lead in circles.
            if entry.is_dir() && !entry.is_symlink() {
                folders.push(entry);
            } else if is_manifest {
                found.push(entry);
            }
        }
    }
    found.sort();
    Ok(found)
}
