//! Manifests into cluster events: files, directories and standard input, with every refusal named.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs;
use std::io::{self, Read};
use std::path::{MAIN_SEPARATOR, Path, PathBuf};

use switchyard_model::{ClusterEvent, Name, ObjectKey};

use crate::document::split;
use crate::field::{Field, List};
use crate::meta::{Scope, title};
use crate::raw::{Document, Object};
use crate::refusal::{Notes, Refusal, Refused, TEXT, printable};
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
    /// Documents that could not be parsed.
    broken: usize,
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
        let root = Path::new(path);
        for file in files(root)? {
            let name = name_of(root, &file);
            match fs::read(&file) {
                Ok(bytes) => manifests.add(&name, &bytes),
                // One file of many harms no other; the only one is the whole input.
                Err(trouble) if file != root => {
                    manifests.refuse(&name, "", &format!("cannot be read: {trouble}"));
                }
                Err(source) => return Err(ReadError { path: name, source }),
            }
        }
        Ok(manifests)
    }

    /// Reads one file's content; `name` is what to call it in refusals.
    pub fn add(&mut self, name: &str, bytes: &[u8]) {
        self.counts.files += 1;
        for document in split(name, bytes) {
            for content in document.read() {
                match content {
                    Ok(content) => self.add_document(content, &document.place()),
                    Err(reason) => {
                        self.broken += 1;
                        self.refuse(&document.place(), "", &reason);
                    }
                }
            }
        }
    }

    /// The events that make a cluster of what was read. Each object is there once.
    #[must_use]
    pub fn into_events(self) -> Vec<ClusterEvent> {
        self.events
    }

    /// The same, to look at.
    #[must_use]
    pub fn events(&self) -> &[ClusterEvent] {
        &self.events
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

    /// How many documents could not be parsed.
    pub(crate) fn broken(&self) -> usize {
        self.broken
    }

    pub(crate) fn refuse(&mut self, object: &str, field: &str, reason: &str) {
        self.refused.push(Refusal::new(object.to_owned(), field.to_owned(), reason));
    }

    /// Takes one document in.
    fn add_document(&mut self, content: Field<Document>, place: &str) {
        let document = match content {
            Field::Present(document) => document,
            Field::Absent => return,
            Field::Wrong(found) => {
                return self.refuse(place, "", &format!("must be an object, found {found}"));
            }
        };
        let (object, items) = document.split();
        let Ok((api_version, kind)) = self.kind_of(&object, place) else { return };
        match list_of(&api_version, &kind) {
            Some(implied) => self.add_list(items, implied, &kind, place),
            None => self.add_object(object, &api_version, &kind, place),
        }
    }

    /// The words that say what a document is.
    fn kind_of(&mut self, object: &Object, place: &str) -> Result<(String, String), Refused> {
        let notes = Notes::new(place.to_owned());
        let api_version = notes.take_strictly(object.api_version.clone(), "apiVersion", TEXT);
        let kind = notes.take_strictly(object.kind.clone(), "kind", TEXT);
        self.refused.extend(notes.into_refusals());
        Ok((api_version?.unwrap_or_default(), kind?.unwrap_or_default()))
    }

    fn add_list(&mut self, items: Field<List<Object>>, implied: &str, kind: &str, place: &str) {
        let notes = Notes::new(format!("{kind} in {place}"));
        let items = notes.take(items, "items", "a list").unwrap_or_default();
        self.refused.extend(notes.into_refusals());
        for (index, item) in items.into_iter().enumerate() {
            let place = format!("{place} items[{index}]");
            let item = match item.entry() {
                Ok(item) => item,
                Err(found) => {
                    self.refuse(&place, "", &format!("must be an object, found {found}"));
                    continue;
                }
            };
            let Ok((api_version, kind)) = self.kind_of(&item, &place) else { continue };
            let kind = if kind.is_empty() { implied.to_owned() } else { kind };
            if list_of(&api_version, &kind).is_some() {
                self.refuse(&place, "kind", "a list inside a list is not read");
            } else {
                self.add_object(item, &api_version, &kind, &place);
            }
        }
    }

    fn add_object(&mut self, object: Object, api_version: &str, kind: &str, place: &str) {
        match Kind::of(api_version, kind) {
            Some(kind) => self.read_object(object, kind, place),
            None if kind.is_empty() => self.refuse(place, "kind", "absent"),
            None => {
                let named = if api_version.contains('.') || kind == "Endpoints" {
                    format!("{kind} ({api_version})")
                } else {
                    kind.to_owned()
                };
                *self.counts.passed_over.entry(printable(&named)).or_default() += 1;
            }
        }
    }

    fn read_object(&mut self, object: Object, kind: Kind, place: &str) {
        let notes = Notes::new(title(kind.word(), &object.metadata, kind.scope(), place));
        let event = match kind {
            Kind::Service => service::read(object, &notes).map(ClusterEvent::Service),
            Kind::EndpointSlice => slice::read(object, &notes).map(ClusterEvent::Slice),
            Kind::Node => node::read(object, &notes).map(ClusterEvent::Node),
            Kind::Pod => node::read_pod(object, &notes).map(ClusterEvent::Pod),
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
pub(crate) fn list_of(api_version: &str, kind: &str) -> Option<&'static str> {
    match (api_version, kind) {
        ("" | "v1", "List") => Some(""),
        ("" | "v1", "ServiceList") => Some("Service"),
        ("" | "v1", "NodeList") => Some("Node"),
        ("" | "v1", "PodList") => Some("Pod"),
        ("" | "discovery.k8s.io/v1", "EndpointSliceList") => Some("EndpointSlice"),
        _ => None,
    }
}

/// What to call a file at or below `root`: the same on every system, with slashes below what somebody named.
pub(crate) fn name_of(root: &Path, file: &Path) -> String {
    let mut name = root.display().to_string();
    for part in file.strip_prefix(root).unwrap_or(file).components() {
        if !name.ends_with(['/', MAIN_SEPARATOR]) {
            name.push('/');
        }
        name.push_str(&part.as_os_str().to_string_lossy());
    }
    name
}

/// The manifest files at or below `path`, sorted. Hidden ones are an editor's, or the inside of a mounted ConfigMap.
pub(crate) fn files(path: &Path) -> Result<Vec<PathBuf>, ReadError> {
    let failed = |path: &Path, source| ReadError { path: path.display().to_string(), source };
    if !fs::metadata(path).map_err(|source| failed(path, source))?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut found = Vec::new();
    let mut folders = vec![path.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(|source| failed(&folder, source))? {
            let entry = entry.map_err(|source| failed(&folder, source))?;
            if entry.file_name().as_encoded_bytes().starts_with(b".") {
                continue;
            }
            let entry = entry.path();
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
