//! Every reason for which the loop does something.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use switchyard_hcn::Notification;
use switchyard_source::{Configuration, ConfigurationError, Manifests, ReadError};
use switchyard_winkernel::{CallError, CallId, Reply};

use crate::status::Status;

/// How many events wait at most; who sends more waits.
const MOST_WAITING: usize = 64;

/// Something that happened.
#[derive(Debug)]
pub(crate) enum Event {
    /// The manifests were read again.
    Read(Box<Result<Manifests, ReadError>>),
    /// There is something new of the Kubernetes API.
    Rung,
    /// The configuration file was read again.
    Configured(Box<Result<Configuration, ConfigurationError>>),
    /// A call of HNS ended.
    Answered(CallId, Result<Reply, CallError>),
    /// HNS told something.
    Notified(Notification),
    /// Whether notifications are registered for.
    Registered(Result<(), String>),
    /// Somebody asks how things are.
    Asked(SyncSender<Box<Status>>),
    /// The process is to end.
    Stop,
    /// A thread panicked, so that the process cannot go on.
    Died(&'static str),
}

/// The way to the loop.
#[derive(Debug, Clone)]
pub struct Mailbox(pub(crate) SyncSender<Event>);

/// What the loop reads.
#[derive(Debug)]
pub struct Inbox(pub(crate) Receiver<Event>);

/// A way to a loop that has not begun yet.
#[must_use]
pub fn mailbox() -> (Mailbox, Inbox) {
    let (sender, receiver) = sync_channel(MOST_WAITING);
    (Mailbox(sender), Inbox(receiver))
}

impl Mailbox {
    /// Has the loop end, and leave what is in HNS.
    pub fn stop(&self) {
        // Where nobody reads any more it has ended.
        let _ = self.0.send(Event::Stop);
    }

    /// Wakes the loop. Where events wait already it is awake, and looks at what is new after each.
    pub(crate) fn bell(&self) -> impl Fn() + Send + Sync + 'static {
        let sender = self.0.clone();
        move || {
            let _ = sender.try_send(Event::Rung);
        }
    }

    /// Says that a thread died, if it does while this is held.
    pub(crate) fn on_death(&self, thread: &'static str) -> OnDeath {
        OnDeath { mailbox: self.clone(), thread }
    }
}

/// Tells the loop when its thread panics.
pub(crate) struct OnDeath {
    mailbox: Mailbox,
    thread: &'static str,
}

impl Drop for OnDeath {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let _ = self.mailbox.0.send(Event::Died(self.thread));
        }
    }
}
