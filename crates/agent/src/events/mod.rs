//! Kubernetes events on Services: what the operator of a Service should know without looking into the log of a node.
//!
//! [`Events`] is the way in, which never waits: where too many are queued, more are dropped and counted. [`Limiter`] decides,
//! without a clock, which are written; [`write_events`] writes them.

mod limiter;
#[cfg(test)]
mod tests;
mod write;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use switchyard_model::{Name, ServiceKey};
use tokio::sync::mpsc::{Receiver, Sender, channel};

pub use self::limiter::{Limiter, Publication};
pub use self::write::{EventSource, write_events};

/// How many events wait to be written at most.
const MOST_WAITING: usize = 256;

/// How an event is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum NoticeKind {
    /// Something to know.
    Normal,
    /// Something to do something about.
    Warning,
}

impl NoticeKind {
    /// The word Kubernetes uses.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "Normal",
            Self::Warning => "Warning",
        }
    }
}

/// Something that the operator of a Service should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The Service.
    pub service: ServiceKey,
    /// Its UID: by it `kubectl describe` finds the event.
    pub uid: Option<Name>,
    /// How it is shown.
    pub kind: NoticeKind,
    /// What happened, in a word: the name of a condition.
    pub reason: String,
    /// What was being done, in a word.
    pub action: String,
    /// What happened and what to do, for people.
    pub note: String,
}

/// The way to whoever writes events.
#[derive(Debug, Clone, Default)]
pub struct Events(Option<Way>);

#[derive(Debug, Clone)]
struct Way {
    sender: Sender<Notice>,
    dropped: Arc<AtomicU64>,
}

impl Events {
    /// Events that nobody writes: the process has no credentials for the Kubernetes API.
    #[must_use]
    pub fn nowhere() -> Self {
        Self(None)
    }

    /// A way to a writer, and its other end.
    #[must_use]
    pub fn to_writer() -> (Self, Receiver<Notice>) {
        let (sender, receiver) = channel(MOST_WAITING);
        (Self(Some(Way { sender, dropped: Arc::default() })), receiver)
    }

    /// Tells of something. It never waits.
    pub fn tell(&self, notice: Notice) {
        if let Some(way) = &self.0
            && way.sender.try_send(notice).is_err()
        {
            way.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many were dropped because too many waited.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.0.as_ref().map_or(0, |way| way.dropped.load(Ordering::Relaxed))
    }
}
