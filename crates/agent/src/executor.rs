//! Calls made on threads of their own, so that one that hangs holds up nothing but itself.
//!
//! The reconciler says which calls are under way, gives them up after their time, and takes no new ones while too many
//! hang. So there are never more threads than it has writers and may give up calls; a call gets a free thread or a new one.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use switchyard_hcn::Hcn;
use switchyard_winkernel::{Call, CallId, LedgerStore, Performer};

use crate::event::{Event, Mailbox};

/// How long a thread has to close what it has open.
const CLOSING: Duration = Duration::from_secs(2);

/// Makes calls of HNS.
pub(crate) struct Executor {
    hcn: Arc<dyn Hcn>,
    ledger: SharedLedger,
    mailbox: Mailbox,
    /// How many free threads are kept.
    writers: usize,
    idle: Vec<Worker>,
    busy: BTreeMap<CallId, Worker>,
}

/// A ledger for whichever thread writes next.
#[derive(Clone)]
pub(crate) struct SharedLedger(Arc<Mutex<dyn LedgerStore + Send>>);

/// A thread that makes one call after the other. It ends when this is dropped, or when its call does.
struct Worker {
    calls: SyncSender<(CallId, Call)>,
    /// Nothing comes of it, but that nobody can send any more once the thread has ended.
    ended: Receiver<Infallible>,
    handle: JoinHandle<()>,
}

impl SharedLedger {
    pub(crate) fn new(ledger: impl LedgerStore + Send + 'static) -> Self {
        Self(Arc::new(Mutex::new(ledger)))
    }
}

impl LedgerStore for SharedLedger {
    fn append(&mut self, lines: &str) -> io::Result<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).append(lines)
    }

    fn remove(&mut self) -> io::Result<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove()
    }
}

impl Executor {
    /// One that calls `hcn` and tells `mailbox` what came of it.
    pub(crate) fn new(
        hcn: Arc<dyn Hcn>,
        ledger: SharedLedger,
        writers: usize,
        mailbox: Mailbox,
    ) -> Self {
        let writers = writers.max(1);
        Self { hcn, ledger, mailbox, writers, idle: Vec::new(), busy: BTreeMap::new() }
    }

    /// Makes a call on a free thread.
    ///
    /// # Errors
    /// When there is none and none can be started.
    pub(crate) fn begin(&mut self, id: CallId, call: Call) -> io::Result<()> {
        let worker = match self.idle.pop() {
            Some(worker) => worker,
            None => self.hire()?,
        };
        let given = worker.calls.try_send((id, call));
        given.map_err(|_| io::Error::other("a thread that makes calls of HNS ended by itself"))?;
        self.busy.insert(id, worker);
        Ok(())
    }

    /// A call was answered: its thread is free.
    pub(crate) fn ended(&mut self, id: CallId) {
        let worker = self.busy.remove(&id);
        if self.idle.len() < self.writers {
            self.idle.extend(worker);
        }
    }

    /// How many calls are under way, those included that were given up.
    pub(crate) fn under_way(&self) -> usize {
        self.busy.len()
    }

    /// Ends the threads that are free, and waits a while until what they had open in HNS is closed. Those that still call
    /// are left.
    pub(crate) fn end(&mut self) {
        for Worker { calls, ended, handle } in self.idle.drain(..) {
            drop(calls);
            // What is still open then, HNS closes when this process ends.
            if let Err(RecvTimeoutError::Disconnected) = ended.recv_timeout(CLOSING) {
                // Had it panicked, its bell would have told.
                let _ = handle.join();
            }
        }
    }

    fn hire(&self) -> io::Result<Worker> {
        let (sender, calls) = sync_channel(1);
        let hcn = Arc::clone(&self.hcn);
        let (ledger, mailbox) = (self.ledger.clone(), self.mailbox.clone());
        let (held, ended) = channel();
        let work = move || {
            let _held = held;
            work(&*hcn, ledger, &calls, &mailbox);
        };
        let handle = thread::Builder::new().name("hns-call".to_owned()).spawn(work)?;
        Ok(Worker { calls: sender, ended, handle })
    }
}

/// What a thread does.
fn work(
    hcn: &dyn Hcn,
    mut ledger: SharedLedger,
    calls: &Receiver<(CallId, Call)>,
    mailbox: &Mailbox,
) {
    let _bell = mailbox.on_death("hns-call");
    let mut performer = Performer::new(hcn);
    while let Ok((id, call)) = calls.recv() {
        let result = performer.perform(&call, &mut ledger);
        if mailbox.0.send(Event::Answered(id, result)).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests;
