//! Watches: what changed after a version, and before it, where asked for, all that there is.

use std::collections::VecDeque;
use std::sync::Arc;

use serde_json::{Value, json};

use super::history::Change;
use super::list::Match;
use super::{ServerId, Store};
use crate::failure::{Failure, FieldFault};
use crate::object::Object;
use crate::resource::Resource;
use crate::selector::Selector;

/// What a watch is to tell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WatchQuery {
    /// The namespace; none is all.
    pub namespace: Option<String>,
    /// Which objects.
    pub selector: Selector,
    /// The version after which it begins; none and 0 begin with all that there is.
    pub version: Option<u64>,
    /// How the version is meant; only with initial events.
    pub matching: Option<Match>,
    /// Whether all that there is comes first: said, or left open.
    pub initial_events: Option<bool>,
    /// Whether the client understands bookmarks.
    pub bookmarks: bool,
    /// The server that is asked.
    pub server: ServerId,
}

/// What happened to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EventKind {
    /// It is there now.
    Added,
    /// It changed.
    Modified,
    /// It is gone, or no longer selected.
    Deleted,
    /// Nothing: only the version is told.
    Bookmark,
    /// The watch ends for a reason.
    Error,
}

impl EventKind {
    /// As a watch has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Added => "ADDED",
            Self::Modified => "MODIFIED",
            Self::Deleted => "DELETED",
            Self::Bookmark => "BOOKMARK",
            Self::Error => "ERROR",
        }
    }
}

/// One event of a watch.
#[derive(Debug, Clone)]
pub struct WatchEvent {
    /// What happened.
    pub kind: EventKind,
    /// The object, the bookmark's, or the `Status` of an error.
    pub object: Arc<Object>,
}

/// What a watch has for its client now.
#[derive(Debug)]
pub enum Step {
    /// An event.
    Event(WatchEvent),
    /// Nothing as yet.
    Idle,
    /// Nothing any more: the watch is over.
    End,
}

/// A watch: how far one client has been told. It holds nothing of the store but what it has still to tell of the beginning.
#[derive(Debug)]
pub struct Watch {
    resource: &'static Resource,
    query: WatchQuery,
    /// All up to this version has been told.
    told: u64,
    initial: VecDeque<Arc<Object>>,
    /// The version whose bookmark ends the initial events, while that is owed.
    initial_end: Option<u64>,
    incarnation: u64,
    is_over: bool,
}

impl Store {
    /// Begins a watch.
    ///
    /// # Errors
    ///
    /// If the parameters do not go together, or the version has not been yet and initial events were asked for. A version that is
    /// gone is an event of the watch.
    pub fn watch(&self, resource: &'static Resource, query: WatchQuery) -> Result<Watch, Failure> {
        check(&query)?;
        let asked = query.version.unwrap_or(0);
        let has_initial = query.initial_events.unwrap_or(asked == 0);
        if query.initial_events == Some(true) && asked > self.cached(query.server) {
            return Err(Failure::too_large(asked, self.cached(query.server)));
        }
        let mut watch = Watch {
            resource,
            told: asked,
            initial: VecDeque::new(),
            initial_end: None,
            incarnation: self.cache(query.server).incarnation,
            is_over: false,
            query,
        };
        let query = &watch.query;
        if has_initial {
            let from_storage = query.version.is_none() && query.initial_events.is_none();
            let revision = if from_storage { self.revision } else { self.cached(query.server) };
            let objects = self.objects_at(resource, query.namespace.as_deref(), revision, None);
            watch.initial = objects
                .into_iter()
                .filter(|object| query.selector.matches(object))
                .cloned()
                .collect();
            watch.told = revision;
            let is_marked = query.initial_events == Some(true) && query.bookmarks;
            watch.initial_end = is_marked.then_some(revision);
        } else if asked == 0 {
            watch.told = self.cached(watch.query.server);
        }
        Ok(watch)
    }

    /// What a watch has for its client now. To be asked until it answers [`Step::Idle`] or [`Step::End`].
    pub fn next(&self, watch: &mut Watch) -> Step {
        if watch.is_over || watch.incarnation != self.cache(watch.query.server).incarnation {
            watch.is_over = true;
            return Step::End;
        }
        if let Some(object) = watch.initial.pop_front() {
            return Step::Event(WatchEvent { kind: EventKind::Added, object });
        }
        if let Some(revision) = watch.initial_end.take() {
            return Step::Event(watch.mark(revision, true));
        }
        let window = self.cache(watch.query.server).window;
        if watch.told < window {
            watch.is_over = true;
            return Step::Event(too_old(watch.told, window));
        }
        let limit = self.cached(watch.query.server);
        for change in self.history.after(watch.told).take_while(|change| change.revision <= limit) {
            watch.told = change.revision;
            if let Some(event) = watch.event_of(change) {
                return Step::Event(event);
            }
        }
        watch.told = watch.told.max(limit);
        Step::Idle
    }

    /// The bookmark that is due by the clock of who drives the watch, for a client that understands them. To be asked for right
    /// after [`Store::next`] was idle.
    pub fn bookmark(&self, watch: &mut Watch) -> Option<WatchEvent> {
        let is_told = watch.initial.is_empty() && watch.initial_end.is_none() && !watch.is_over;
        // A watch from a version that has not been yet is told nothing, not even that.
        if !watch.query.bookmarks || !is_told || self.cached(watch.query.server) < watch.told {
            return None;
        }
        watch.told = self.cached(watch.query.server);
        Some(watch.mark(watch.told, false))
    }
}

impl Watch {
    /// The resource that is watched.
    pub fn resource(&self) -> &'static Resource {
        self.resource
    }

    /// All up to this version has been told.
    pub fn told(&self) -> u64 {
        self.told
    }

    /// What a change is to this watch: an object that is selected now and was not is an addition to it, and the other way round.
    fn event_of(&self, change: &Change) -> Option<WatchEvent> {
        let key = &change.key;
        let is_elsewhere =
            self.query.namespace.as_ref().is_some_and(|namespace| !key.is_in(namespace));
        if key.storage != self.resource.storage || is_elsewhere {
            return None;
        }
        let is_selected = |object: &Arc<Object>| self.query.selector.matches(object);
        let now = change.kind != EventKind::Deleted && is_selected(&change.object);
        let before = change.before.as_ref().filter(|before| is_selected(before));
        let object = Arc::clone(&change.object);
        match (before, now) {
            (None, false) => None,
            (None, true) => Some(WatchEvent { kind: EventKind::Added, object }),
            (Some(_), true) => Some(WatchEvent { kind: EventKind::Modified, object }),
            (Some(before), false) => {
                let object = Arc::new(before.at(change.revision));
                Some(WatchEvent { kind: EventKind::Deleted, object })
            }
        }
    }

    fn mark(&self, revision: u64, ends_initial: bool) -> WatchEvent {
        let mut object = empty(self.resource);
        if ends_initial {
            object["metadata"]["annotations"] = json!({"k8s.io/initial-events-end": "true"});
        }
        WatchEvent {
            kind: EventKind::Bookmark,
            object: Arc::new(Object::new(self.resource.storage, object, revision)),
        }
    }
}

/// An object with nothing in it, as a typed server writes one: with the fields that it cannot leave out.
fn empty(resource: &Resource) -> Value {
    let mut object = json!({
        "kind": resource.kind,
        "apiVersion": resource.api_version(),
        "metadata": {"creationTimestamp": null},
    });
    let rest = match resource.kind {
        "Service" => json!({"spec": {}, "status": {"loadBalancer": {}}}),
        "EndpointSlice" => json!({"addressType": "", "endpoints": null, "ports": null}),
        "Node" => json!({
            "spec": {},
            "status": {
                "daemonEndpoints": {"kubeletEndpoint": {"Port": 0}},
                "nodeInfo": {
                    "machineID": "", "systemUUID": "", "bootID": "", "kernelVersion": "",
                    "osImage": "", "containerRuntimeVersion": "", "kubeletVersion": "",
                    "kubeProxyVersion": "", "operatingSystem": "", "architecture": "",
                },
            },
        }),
        "Pod" => json!({"spec": {"containers": null}, "status": {}}),
        "Namespace" => json!({"spec": {}, "status": {}}),
        "Lease" => json!({"spec": {}}),
        _ => json!({}),
    };
    for (field, value) in rest.as_object().into_iter().flatten() {
        object[field] = value.clone();
    }
    object
}

fn too_old(asked: u64, oldest: u64) -> WatchEvent {
    let message = format!("too old resource version: {asked} ({oldest})");
    error_event(&Failure::expired(message))
}

/// A refusal within a watch.
fn error_event(failure: &Failure) -> WatchEvent {
    let object = Arc::new(Object::plain(&failure.status()));
    WatchEvent { kind: EventKind::Error, object }
}

/// The parameters must go together, as `validateWatchOptions` of apimachinery has it.
fn check(query: &WatchQuery) -> Result<(), Failure> {
    let mut faults = Vec::new();
    let field = "resourceVersionMatch";
    if query.initial_events.is_some() && query.matching != Some(Match::NotOlderThan) {
        let what = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
        faults.push(FieldFault::forbidden(field, what));
    }
    if let Some(matching) = query.matching {
        if query.initial_events.is_none() {
            let what =
                "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided";
            faults.push(FieldFault::forbidden(field, what));
        }
        if matching == Match::Exact {
            faults.push(FieldFault::unsupported(field, "Exact", &["NotOlderThan"]));
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(Failure::invalid_options(&faults)) }
}
