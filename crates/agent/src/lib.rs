//! One node's loop: objects in, the ViewStream through the reconciler, calls of HNS out, and what is to be known of it.
//!
//! * [`run`]: the loop, which is told everything;
//! * [`Core`]: what the loop tells it to, without threads and clocks;
//! * [`StateDirectory`]: the node's lock, the ledger, the place of the status;
//! * [`ask_status`], [`ask_hns_state`]: the way to a running agent from another process;
//! * [`CallMetrics`]: what calls of HNS cost and how they end.
//!
//! It holds no service logic: what is wanted comes from `nodeview`, what is done about it from `winkernel`. What it reads, it
//! reads on other threads; nothing but events reaches the loop. A panic anywhere ends the process: what is in HNS stays, and
//! the next process finds it.

mod agent;
mod clock;
mod core;
mod directory;
mod event;
pub mod events;
mod executor;
pub mod health;
mod input;
mod journal;
mod local;
mod metrics;
mod observe;
pub mod page;
mod status;
mod threads;
pub mod web;

use std::io;

use switchyard_nodeview::Stream;

pub use self::core::Core;
pub use agent::{AgentError, Pages, Reload, Setup, Source, run};
pub use directory::{LedgerFile, LockError, NodeLock, StateDirectory};
pub use event::{Inbox, Mailbox, mailbox};
pub use metrics::{BOUNDS, CallMetrics, Counted, Metered, Tally};
pub use status::{
    Calls, Condition, InputStatus, LimitStatus, NetworkStatus, Objects, Severity, State, Status,
    conditions_of_pages,
};

/// What is around HNS: on a node the CNI and the disk of HNS itself, elsewhere whoever stands in for them.
pub trait Host: Send + Sync {
    /// What is wanted changed; a CNI would have made the endpoints of new pods by now.
    fn views_changed(&self, stream: &Stream);

    /// HNS was changed: what it holds is to be kept.
    fn keep(&self);

    /// What HNS holds, in the form of a state file.
    ///
    /// # Errors
    /// Why it cannot be told.
    fn hns_state(&self) -> Result<String, String>;
}

/// Asks the agent of `directory` how it is doing.
///
/// # Errors
/// [`io::ErrorKind::NotFound`] or [`io::ErrorKind::ConnectionRefused`] where no agent runs; else when it does not answer, or
/// answers what cannot be read.
pub fn ask_status(directory: &StateDirectory) -> io::Result<Status> {
    let answer = local::ask(&directory.socket(), "status")?;
    serde_json::from_str(&answer).map_err(io::Error::from)
}

/// Asks the agent of `directory` for what HNS holds, in the form of a state file.
///
/// # Errors
/// As [`ask_status`].
pub fn ask_hns_state(directory: &StateDirectory) -> io::Result<String> {
    local::ask(&directory.socket(), "hns")
}
