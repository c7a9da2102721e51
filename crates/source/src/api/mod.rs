//! The Kubernetes API as a source: Services, EndpointSlices and the own Node, listed and then watched.
//!
//! [`Api::follow`] runs for ever and keeps a [`Shared`] state up to date; whoever uses it is told that there is something new
//! and takes it with [`Shared::take`]: always a step from one complete state to the next. What cannot be followed for a
//! while stays as it was.
//!
//! | what happens | what is done |
//! | --- | --- |
//! | the server cannot be reached, answers 429 or 5xx, breaks off | asked again after 0.25 to 4 s, or when it asks to be |
//! | a watch says nothing for 50 s | a new watch from the same version |
//! | 410: the history does not reach back | listed anew; what differs comes out |
//! | lists are not streamed (before Kubernetes 1.32, or with an old etcd) | lists in pages |
//! | a version lower than one seen before: a backup was restored | everything is listed anew before anything comes out |
//! | a watch that said nothing at all, not even how far the history is | asked how far it is, by a list of one object |
//! | 401, or a failure in TLS | the credentials are read anew, at most once a minute, and used for what is asked from then on |
//! | a line that cannot be read | a new watch from the version before it |

mod assembly;
mod backoff;
mod clients;
mod connect;
mod follow;
mod plugin;
mod token;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::{Either, join_all, select};
use switchyard_model::ClusterEvent;
use tokio::sync::{MutexGuard as Turn, Notify};

use self::assembly::{Assembly, Heard};
pub use self::assembly::{KindStatus, Update};
pub use self::clients::{Clients, CredentialStatus, Made, MakeClient, NoClient, Way};
pub use self::connect::{Connection, ConnectionError};
use self::follow::Follower;
pub use self::plugin::PluginError;
pub use self::token::TokenError;
use crate::raw::Object;
use crate::refusal::Refusal;
pub use crate::wire::Kind;
use crate::wire::Version;

/// An API server that is followed.
pub struct Api {
    /// The way to it.
    pub clients: Clients,
    /// The name of the Node that is read.
    pub node: String,
    /// What waits after failures are spread by.
    pub seed: u64,
}

/// What is known when everything was listed once.
#[derive(Debug)]
pub struct FirstState {
    /// The events that lead to it.
    pub events: Vec<ClusterEvent>,
    /// What of it was refused.
    pub refused: Vec<Refusal>,
}

/// A complete state did not come in time.
#[derive(Debug, thiserror::Error)]
#[error("the Kubernetes API told of no complete state with the Node {node} within {} s{why}", .patience.as_secs())]
pub struct NoState {
    node: String,
    patience: Duration,
    why: String,
    lacks_node: bool,
}

impl NoState {
    /// Whether there is a complete state, without the Node.
    #[must_use]
    pub fn lacks_node(&self) -> bool {
        self.lacks_node
    }

    /// What is in the way, as the end of a sentence.
    #[must_use]
    pub fn why(&self) -> &str {
        &self.why
    }
}

/// Tells the time that passed since some moment.
pub type Clock = Arc<dyn Fn() -> Duration + Send + Sync>;
/// Is called when something new can be taken, and when what there is to know of the following changed.
pub type Bell = Arc<dyn Fn() + Send + Sync>;

/// What is known of the API, for whoever follows it and whoever uses it.
pub struct Shared {
    assembly: Mutex<Assembly>,
    clock: Clock,
    bell: Bell,
    /// One list at a time.
    turn: tokio::sync::Mutex<()>,
    /// The store is another.
    anew: Notify,
    /// How it is with the credentials.
    credentials: Mutex<CredentialStatus>,
}

impl Api {
    /// Follows for ever.
    pub async fn follow(&self, shared: &Shared) {
        join_all(Kind::ALL.map(|kind| Follower::new(self, shared, kind).follow())).await;
    }

    /// The first complete state that has the Node, as the events that lead to it; without following it any further.
    ///
    /// # Errors
    /// When there is none within `patience`: what is in the way is told.
    pub async fn state(&self, patience: Duration) -> Result<FirstState, NoState> {
        let begun = tokio::time::Instant::now();
        let rung = Arc::new(Notify::new());
        let bell = Arc::clone(&rung);
        let clock: Clock = Arc::new(move || begun.elapsed());
        let shared = Shared::new(clock, Arc::new(move || bell.notify_one()));
        let complete = async {
            let mut events = Vec::new();
            loop {
                events.extend(shared.take().into_iter().flat_map(|update| update.events));
                let is_own = |event: &ClusterEvent| matches!(event, ClusterEvent::Node(_));
                if events.iter().any(is_own) {
                    return events;
                }
                rung.notified().await;
            }
        };
        let followed = std::pin::pin!(self.follow(&shared));
        let complete = std::pin::pin!(tokio::time::timeout(patience, complete));
        match select(complete, followed).await {
            Either::Left((Ok(events), _)) => {
                Ok(FirstState { events, refused: shared.refused(usize::MAX).1 })
            }
            _ => Err(NoState {
                node: self.node.clone(),
                patience,
                why: shared.lacks(),
                lacks_node: shared.is_complete(),
            }),
        }
    }
}

impl Shared {
    /// Nothing is known yet.
    #[must_use]
    pub fn new(clock: Clock, bell: Bell) -> Self {
        Self {
            assembly: Mutex::default(),
            clock,
            bell,
            turn: tokio::sync::Mutex::new(()),
            anew: Notify::new(),
            credentials: Mutex::default(),
        }
    }

    /// Takes what changed since the last time. Nothing while the state is not complete.
    #[must_use]
    pub fn take(&self) -> Option<Update> {
        self.lock().take()
    }

    /// How the following goes, kind by kind.
    #[must_use]
    pub fn status(&self) -> BTreeMap<Kind, KindStatus> {
        self.lock().status()
    }

    /// When something was heard last of each kind that was ever heard of: of several, the earliest.
    #[must_use]
    pub fn heard(&self) -> Option<Duration> {
        self.lock().heard()
    }

    /// What is refused at present: how much, and the first `most` of it.
    #[must_use]
    pub fn refused(&self, most: usize) -> (usize, Vec<Refusal>) {
        let assembly = self.lock();
        (assembly.count_refused(), assembly.refused().take(most).cloned().collect())
    }

    /// How it is with the credentials.
    #[must_use]
    pub fn credentials(&self) -> CredentialStatus {
        self.credentials.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes how it is with the credentials, and rings where it is otherwise than before.
    fn note_credentials(&self, status: CredentialStatus) {
        let mut known = self.credentials.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = *known != status;
        *known = status;
        drop(known);
        if is_new {
            (self.bell)();
        }
    }

    /// What is in the way of a complete state, as the end of a sentence.
    #[must_use]
    pub fn lacks(&self) -> String {
        let status = self.status();
        let troubles =
            status.iter().filter_map(|(kind, status)| Some((kind, status.trouble.as_ref()?)));
        let troubles: Vec<_> =
            troubles.map(|(kind, trouble)| format!("{kind}: {trouble}")).collect();
        if !troubles.is_empty() {
            return format!(": {}", troubles.join("; "));
        }
        if status.values().all(|status| status.listed) {
            return ": it has no such Node; --hostname-override names another".to_owned();
        }
        String::new()
    }

    fn lock(&self) -> MutexGuard<'_, Assembly> {
        self.assembly.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Duration {
        (self.clock)()
    }

    async fn turn(&self) -> Turn<'_, ()> {
        self.turn.lock().await
    }

    /// Whether all kinds were listed.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.lock().is_complete()
    }

    /// Changes what is known, and rings when there is something to take for the first time, all was listed, or trouble began or
    /// ended.
    fn change<T>(&self, change: impl FnOnce(&mut Assembly, Duration) -> T) -> T {
        let now = self.now();
        let mut assembly = self.lock();
        let standing = |it: &Assembly| (it.has_update(), it.is_complete(), it.troubles());
        let before = standing(&assembly);
        let answer = change(&mut assembly, now);
        let after = standing(&assembly);
        drop(assembly);
        if before != after {
            (self.bell)();
        }
        answer
    }

    fn position(&self, kind: Kind) -> Option<Version> {
        self.lock().position(kind)
    }

    /// Waits until `kind` has to be listed because the store is another.
    async fn store_changed(&self, kind: Kind) {
        loop {
            let told = self.anew.notified();
            if self.position(kind).is_none() {
                return;
            }
            told.await;
        }
    }

    fn forget(&self, kind: Kind) {
        self.change(|assembly, _| assembly.forget(kind));
    }

    fn begin_list(&self, kind: Kind) {
        self.change(|assembly, now| assembly.begin_list(kind, now));
    }

    fn listed(&self, kind: Kind, object: Object) {
        self.change(|assembly, now| assembly.listed(kind, object, now));
    }

    fn end_list(&self, kind: Kind, version: Version) -> Heard {
        let heard = self.change(|assembly, now| assembly.end_list(kind, version, now));
        self.anew.notify_waiters();
        heard
    }

    fn begin_watch(&self, kind: Kind) {
        self.change(|assembly, now| assembly.begin_watch(kind, now));
    }

    fn changed(&self, kind: Kind, object: Object, is_gone: bool) -> Heard {
        self.change(|assembly, now| assembly.changed(kind, object, is_gone, now))
    }

    fn bookmark(&self, kind: Kind, version: Version) -> Heard {
        self.change(|assembly, now| assembly.bookmark(kind, version, now))
    }

    fn failed(&self, kind: Kind, trouble: String) {
        self.change(|assembly, now| assembly.failed(kind, trouble, now));
    }
}

/// What `error` says, and all that it is about: some say only the half of it themselves.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let more = error.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        source = error.source();
    }
    crate::refusal::printable(&text)
}
