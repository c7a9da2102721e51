//! What changed at which version.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use super::{EventKind, Key};
use crate::object::Object;

/// One change.
#[derive(Debug, Clone)]
pub(super) struct Change {
    pub(super) revision: u64,
    pub(super) kind: EventKind,
    pub(super) key: Key,
    /// What it made of the object; for a deletion what the object was last, at the version of its deletion.
    pub(super) object: Arc<Object>,
    /// What the object was before.
    pub(super) before: Option<Arc<Object>>,
}

/// The newest changes in order, as many as are to be remembered.
#[derive(Debug, Clone)]
pub(super) struct History {
    changes: VecDeque<Change>,
    most: usize,
    /// The newest version that storage has forgotten, though the change after it may still be here for watch caches.
    compacted: u64,
    /// The newest version of which no change is here any more.
    gone: u64,
}

impl History {
    pub(super) fn new(most: usize) -> Self {
        Self { changes: VecDeque::new(), most, compacted: 0, gone: 0 }
    }

    /// Remembers a change. Answers up to which version all is forgotten.
    pub(super) fn push(&mut self, change: Change) -> u64 {
        self.changes.push_back(change);
        while self.changes.len() > self.most {
            if let Some(oldest) = self.changes.pop_front() {
                self.gone = oldest.revision;
            }
        }
        self.compacted = self.compacted.max(self.gone);
        self.gone
    }

    /// Has storage forget everything up to and with a version.
    pub(super) fn forget(&mut self, revision: u64) {
        self.compacted = self.compacted.max(revision);
    }

    /// Lets go of all that storage has forgotten.
    pub(super) fn trim(&mut self) {
        while self.changes.front().is_some_and(|change| change.revision <= self.compacted) {
            self.changes.pop_front();
        }
        self.gone = self.gone.max(self.compacted);
    }

    /// The oldest version that storage still knows.
    pub(super) fn oldest(&self) -> u64 {
        self.compacted
    }

    /// The changes after a version, oldest first.
    pub(super) fn after(&self, revision: u64) -> impl DoubleEndedIterator<Item = &Change> {
        let begin = self.changes.partition_point(|change| change.revision <= revision);
        self.changes.range(begin..)
    }

    /// About how many bytes of heap it takes beyond the objects of `present`.
    pub(super) fn bytes(&self, present: &BTreeMap<Key, Arc<Object>>) -> usize {
        let mut counted = BTreeSet::new();
        let mut total = self.changes.capacity() * size_of::<Change>();
        for change in &self.changes {
            total += change.key.path.len();
            let now = present.get(&change.key).map(Arc::as_ptr);
            for object in std::iter::once(&change.object).chain(&change.before) {
                let is_new =
                    Some(Arc::as_ptr(object)) != now && counted.insert(Arc::as_ptr(object));
                total += if is_new { object.bytes() } else { 0 };
            }
        }
        total
    }
}
