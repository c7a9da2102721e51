//! The store: objects, their versions and their history, without I/O, clock, chance or threads.

mod history;
mod list;
mod watch;
mod write;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::failure::Failure;
use crate::object::Object;
use crate::resource::Resource;

pub use self::list::{List, ListQuery, Match};
pub use self::watch::{EventKind, Step, Watch, WatchEvent, WatchQuery};
pub(crate) use self::write::time_text;
pub use self::write::{Decoding, DeleteOptions, Deleted, Part, WriteOptions};

use self::history::{Change, History};

/// Which object: its storage, and its path there: the namespace, a slash and the name. Ordered as lists are, which is by the text of
/// the path: `a-b/x` comes before `a/x`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    storage: &'static str,
    path: Box<str>,
}

impl Key {
    fn new(resource: &Resource, namespace: &str, name: &str) -> Self {
        let path =
            if resource.namespaced { format!("{namespace}/{name}") } else { name.to_owned() };
        Self { storage: resource.storage, path: path.into_boxed_str() }
    }

    fn name(&self) -> &str {
        self.path.rsplit_once('/').map_or(&*self.path, |(_, name)| name)
    }

    fn is_in(&self, namespace: &str) -> bool {
        self.path.strip_prefix(namespace).is_some_and(|rest| rest.starts_with('/'))
    }
}

/// How many changes are remembered unless said otherwise.
pub const DEFAULT_HISTORY: usize = 10_000;

/// A Kubernetes API server's memory: one counter of versions for all objects, and what changed at which version. The same
/// calls in the same order have the same answers.
#[derive(Debug)]
pub struct Store {
    objects: BTreeMap<Key, Arc<Object>>,
    revision: u64,
    history: History,
    /// What each of the servers on this store remembers by itself.
    caches: Vec<Cache>,
    /// How many UIDs were given. It never goes back: not even a restored server gives one twice.
    identities: u64,
}

/// Which of several servers on one store. The first is the default, and always there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ServerId(usize);

/// The watch cache of one server.
#[derive(Debug)]
struct Cache {
    /// Since when watches can be served from; what is older is `410 Gone`.
    window: u64,
    /// The version at which it stands still.
    frozen: Option<u64>,
    /// How often the server began anew. Watches end with it.
    incarnation: u64,
}

impl Cache {
    fn begun_at(revision: u64) -> Self {
        Self { window: revision, frozen: None, incarnation: 0 }
    }

    fn restart(&mut self, revision: u64) {
        *self = Self { incarnation: self.incarnation + 1, ..Self::begun_at(revision) };
    }
}

/// A copy of all that a store holds, as a backup of etcd has it.
#[derive(Debug, Clone)]
pub struct Backup {
    objects: BTreeMap<Key, Arc<Object>>,
    revision: u64,
    history: History,
}

impl Default for Store {
    fn default() -> Self {
        Self::new()
    }
}

impl Store {
    /// An empty store that remembers [`DEFAULT_HISTORY`] changes.
    pub fn new() -> Self {
        Self::with_history(DEFAULT_HISTORY)
    }

    /// An empty store that remembers this many changes.
    pub fn with_history(most: usize) -> Self {
        Self {
            objects: BTreeMap::new(),
            revision: 1,
            history: History::new(most),
            caches: vec![Cache::begun_at(1)],
            identities: 0,
        }
    }

    /// The newest version.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// The version so many versions ago, or the oldest that is still known.
    pub fn behind(&self, by: u64) -> u64 {
        self.revision.saturating_sub(by).max(self.history.oldest()).max(1)
    }

    /// The object of this name as it is now.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub fn get(
        &self,
        resource: &Resource,
        namespace: &str,
        name: &str,
    ) -> Result<Arc<Object>, Failure> {
        let key = Key::new(resource, namespace, name);
        let found = self.objects.get(&key).ok_or_else(|| Failure::not_found(resource, name))?;
        Ok(Arc::clone(found))
    }

    /// How many objects there are of a resource.
    pub fn count(&self, resource: &Resource) -> usize {
        self.objects.keys().filter(|key| key.storage == resource.storage).count()
    }

    /// Forgets all history up to and with `revision`, in storage and in every watch cache: lists at versions before it and watches
    /// from there are then `410 Gone`.
    pub fn compact(&mut self, revision: u64) {
        self.forget(revision);
        for cache in &mut self.caches {
            cache.window = cache.window.max(revision.min(self.revision));
        }
        self.history.trim();
    }

    /// Forgets all history up to and with `revision` in storage, as a compaction of etcd does: lists at versions before it are
    /// then `410 Gone`. What watch caches remember they still serve.
    pub fn forget(&mut self, revision: u64) {
        self.history.forget(revision.min(self.revision));
    }

    /// Has one more server on this store, whose watch cache begins now.
    pub fn add_server(&mut self) -> ServerId {
        self.caches.push(Cache::begun_at(self.revision));
        ServerId(self.caches.len() - 1)
    }

    /// Ends all watches and forgets the watch caches, as a restart of the servers does. Storage remembers.
    pub fn restart(&mut self) {
        for cache in &mut self.caches {
            cache.restart(self.revision);
        }
    }

    /// Has a server's watch cache stand still at the present version: watches and lists that may be answered from it see nothing
    /// newer until [`Store::thaw`].
    pub fn freeze(&mut self, server: ServerId) {
        let revision = self.revision;
        self.cache_mut(server).frozen = Some(revision);
    }

    /// Has a server's watch cache go on.
    pub fn thaw(&mut self, server: ServerId) {
        self.cache_mut(server).frozen = None;
    }

    /// A copy of all that is kept.
    pub fn backup(&self) -> Backup {
        let history = self.history.clone();
        Backup { objects: self.objects.clone(), revision: self.revision, history }
    }

    /// Goes back to a backup, the counter of versions too, and restarts.
    pub fn restore(&mut self, backup: &Backup) {
        self.objects = backup.objects.clone();
        self.revision = backup.revision;
        self.history = backup.history.clone();
        self.restart();
    }

    /// Counts `by` versions on without a change of what is served here, as changes of other resources do.
    pub fn advance(&mut self, by: u64) {
        self.revision += by;
    }

    /// About how many bytes of heap objects and history take.
    pub fn held_bytes(&self) -> usize {
        let keys: usize = self.objects.keys().map(|key| key.path.len()).sum();
        let entry = size_of::<Key>() + size_of::<Arc<Object>>();
        let objects: usize = self.objects.values().map(|object| object.bytes()).sum();
        keys + self.objects.len() * (entry + entry / 3)
            + objects
            + self.history.bytes(&self.objects)
    }

    /// The newest version that a server's watch cache has.
    fn cached(&self, server: ServerId) -> u64 {
        self.cache(server).frozen.unwrap_or(self.revision)
    }

    /// The cache of a server; ids are made here, so there is one.
    fn cache(&self, server: ServerId) -> &Cache {
        &self.caches[server.0]
    }

    fn cache_mut(&mut self, server: ServerId) -> &mut Cache {
        &mut self.caches[server.0]
    }

    /// Keeps a change at the next version.
    fn commit(&mut self, change: EventKind, key: Key, object: Object) -> Arc<Object> {
        self.revision += 1;
        let object = Arc::new(object);
        let before = match change {
            EventKind::Deleted => self.objects.remove(&key),
            _ => self.objects.insert(key.clone(), Arc::clone(&object)),
        };
        let forgotten = self.history.push(Change {
            revision: self.revision,
            kind: change,
            key,
            object: Arc::clone(&object),
            before,
        });
        for cache in &mut self.caches {
            cache.window = cache.window.max(forgotten);
        }
        object
    }

    /// The next UID: a number in the form of one, so that a run is the same each time.
    fn next_identity(&mut self) -> u64 {
        self.identities += 1;
        self.identities
    }
}

#[cfg(test)]
mod tests;
