//! The thread that tells callbacks what happens, also what other processes did.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use switchyard_hcn::NotificationCallback;
use switchyard_hcn_emulator::Notice;

use crate::hns::SharedHns;

/// How often it looks what other processes did.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Who is to be told, and of what.
#[derive(Default)]
pub(crate) struct Watch {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    callbacks: BTreeMap<usize, NotificationCallback>,
    pending: VecDeque<Notice>,
    /// The thread, until it was waited for.
    thread: Option<JoinHandle<()>>,
    /// Whether it looks for work.
    is_running: bool,
    /// The callback that is being called.
    calling: Option<usize>,
}

impl Watch {
    /// A callback panicked outside of the lock, if at all: the state is whole.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn insert(&self, handle: usize, callback: NotificationCallback) {
        self.lock().callbacks.insert(handle, callback);
    }

    /// Takes a callback out. When this returns it is not being called, unless it is the caller; after the last one the thread has
    /// ended, too: a process that ends meanwhile would take it away while it has files open.
    pub(crate) fn remove(&self, handle: usize) {
        let mut state = self.lock();
        let gone = state.callbacks.remove(&handle);
        let me = thread::current().id();
        let is_caller = state.thread.as_ref().is_some_and(|running| running.thread().id() == me);
        if !is_caller {
            self.changed.notify_all();
            let is_busy = |state: &State| {
                let is_idle = state.callbacks.is_empty() && state.is_running;
                state.calling == Some(handle) || is_idle
            };
            while is_busy(&state) {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
        }
        let ended = if state.is_running { None } else { state.thread.take() };
        drop(state);
        if let Some(thread) = ended {
            // It has left the lock for the last time. What a callback panicked with was caught.
            let _ = thread.join();
        }
        // After the lock: what goes with it may call HNS.
        drop(gone);
    }

    /// Has those told who registered here. What is for other processes alone is theirs to tell, and not kept.
    pub(crate) fn add(&self, notices: impl Iterator<Item = Notice>) {
        let mut state = self.lock();
        let State { callbacks, pending, .. } = &mut *state;
        let before = pending.len();
        let is_here = |handle: &usize| callbacks.contains_key(handle);
        pending.extend(notices.filter(|notice| notice.recipients.iter().any(is_here)));
        let is_more = pending.len() != before;
        drop(state);
        if is_more {
            self.changed.notify_all();
        }
    }

    /// Starts the thread where it does not run.
    pub(crate) fn start(me: &Arc<Self>, hns: Weak<SharedHns>) -> io::Result<()> {
        let mut state = me.lock();
        if state.is_running {
            return Ok(());
        }
        let watch = Arc::clone(me);
        let builder = thread::Builder::new().name("hns-notifications".to_owned());
        state.thread = Some(builder.spawn(move || watch.run(&hns))?);
        state.is_running = true;
        Ok(())
    }

    /// Ends when nobody is registered any more, or the HNS is gone.
    fn run(&self, hns: &Weak<SharedHns>) {
        loop {
            let mut state = self.lock();
            if state.callbacks.is_empty() {
                state.pending.clear();
                state.is_running = false;
                self.changed.notify_all();
                return;
            }
            if state.pending.is_empty() {
                let woken = self.changed.wait_timeout(state, LOOK_EVERY);
                state = woken.unwrap_or_else(PoisonError::into_inner).0;
            }
            if let Some(notice) = state.pending.pop_front() {
                drop(state);
                self.tell(&notice);
                continue;
            }
            drop(state);
            let Some(hns) = hns.upgrade() else {
                self.lock().is_running = false;
                self.changed.notify_all();
                return;
            };
            // What cannot be read now is looked for again, and told to whoever calls.
            let _ = hns.look();
        }
    }

    fn tell(&self, notice: &Notice) {
        for handle in &notice.recipients {
            let callback = {
                let mut state = self.lock();
                let callback = state.callbacks.get(handle).cloned();
                state.calling = callback.is_some().then_some(*handle);
                callback
            };
            if let Some(callback) = callback {
                // One that panics keeps nobody else from being told. The hook has reported it.
                let _ = catch_unwind(AssertUnwindSafe(|| callback(&notice.notification)));
            }
            self.lock().calling = None;
            self.changed.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use switchyard_hcn::{Notification, NotificationType, hresult};

    use super::*;

    #[test]
    fn what_is_for_others_alone_is_not_kept() {
        let notice = |recipients: &[usize]| Notice {
            recipients: recipients.to_vec(),
            notification: Notification {
                notification_type: NotificationType::NamespaceCreate,
                status: hresult::S_OK,
                data: String::new(),
            },
        };
        let watch = Watch::default();
        watch.add([notice(&[1]), notice(&[2, 3])].into_iter());
        assert!(watch.lock().pending.is_empty());
        watch.insert(2, Arc::new(|_: &Notification| {}));
        watch.add([notice(&[1]), notice(&[2, 3])].into_iter());
        assert_eq!(watch.lock().pending, [notice(&[2, 3])]);
    }

    #[test]
    fn the_thread_has_ended_after_the_last_callback() {
        let watch = Arc::new(Watch::default());
        for _ in 0..2 {
            watch.insert(1, Arc::new(|_: &Notification| {}));
            watch.insert(2, Arc::new(|_: &Notification| {}));
            Watch::start(&watch, Weak::new()).unwrap();
            watch.remove(1);
            watch.remove(2);
            let state = watch.lock();
            assert!(!state.is_running && state.thread.is_none());
        }
    }
}
