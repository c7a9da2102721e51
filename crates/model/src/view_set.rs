//! What a backend holds of the ViewStream.

use std::sync::Arc;

use crate::{NodeFacts, ServicePortView, ViewEvent, Views};

/// Everything the ViewStream has said so far: the one full state that a backend compares with what it programmed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ViewSet {
    node: Option<NodeFacts>,
    views: Views,
    revision: Option<u64>,
}

impl ViewSet {
    /// Takes one step of the stream in.
    pub fn apply(&mut self, event: ViewEvent) {
        match event {
            ViewEvent::Reset => *self = Self::default(),
            ViewEvent::Node(node) => self.node = Some(node),
            ViewEvent::Upsert(view) => self.views.insert(view),
            ViewEvent::Remove(key) => self.views.remove(&key),
            ViewEvent::Synced { revision } => self.revision = Some(revision),
        }
    }

    /// The node, once it is known.
    #[must_use]
    pub fn node(&self) -> Option<&NodeFacts> {
        self.node.as_ref()
    }

    /// The views, by key.
    pub fn views(&self) -> impl Iterator<Item = &Arc<ServicePortView>> {
        self.views.iter()
    }

    /// The last batch that was said completely. Until there is one, the absence of a view means nothing.
    #[must_use]
    pub fn revision(&self) -> Option<u64> {
        self.revision
    }
}

impl Extend<ViewEvent> for ViewSet {
    fn extend<I: IntoIterator<Item = ViewEvent>>(&mut self, events: I) {
        events.into_iter().for_each(|event| self.apply(event));
    }
}

impl FromIterator<ViewEvent> for ViewSet {
    fn from_iter<I: IntoIterator<Item = ViewEvent>>(events: I) -> Self {
        let mut set = Self::default();
        set.extend(events);
        set
    }
}
