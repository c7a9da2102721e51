//! A thread that makes calls, one after the other.

use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::Duration;

type Job = Box<dyn FnOnce() + Send>;

/// A thread that makes calls. It ends when nobody has more for it.
pub(super) struct Worker(Sender<Job>);

/// What came of waiting.
pub(super) enum Waited<T> {
    /// An answer.
    Answered(T),
    /// None in time. The thread is not to be used again.
    Late,
}

impl Worker {
    /// A new thread; none where the system gives none.
    pub(super) fn start() -> Option<Self> {
        let (sender, jobs) = mpsc::channel::<Job>();
        let run = move || jobs.into_iter().for_each(|job| job());
        let started = thread::Builder::new().name("hns call".to_owned()).spawn(run);
        started.is_ok().then_some(Self(sender))
    }

    /// Does `work` on the thread, and waits so long for it. Work that panics never answers.
    pub(super) fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
        deadline: Duration,
    ) -> Waited<T> {
        let (sender, answer) = mpsc::sync_channel(1);
        let job = move || {
            // Nobody waits any more for what comes too late.
            let _ = sender.send(work());
        };
        if self.0.send(Box::new(job)).is_err() {
            return Waited::Late;
        }
        answer.recv_timeout(deadline).map_or(Waited::Late, Waited::Answered)
    }
}
