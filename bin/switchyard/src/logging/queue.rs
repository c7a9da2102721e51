//! Lines that wait to be written, so that nobody who logs waits for whoever takes the log: a pipe that nobody reads, a disk that
//! hangs.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Severity;

/// How many bytes may wait. Lines beyond that are lost, and counted.
const MOST: usize = 1 << 20;

/// Lines that wait.
#[derive(Debug, Default)]
pub struct Queue {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    lines: VecDeque<Line>,
    bytes: usize,
    /// Lines that found no room since the last that did.
    lost: u64,
    /// Whether lines were taken that are not written yet.
    is_writing: bool,
    /// Whether nothing comes after what waits.
    is_over: bool,
}

/// A line, which has its end.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) severity: Severity,
    pub(super) text: Box<[u8]>,
}

/// What was taken to be written.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) lines: VecDeque<Line>,
    /// How many lines found no room after these.
    pub(super) lost: u64,
}

impl Queue {
    /// Puts a line at the end, or counts it as lost. Never waits.
    pub(super) fn put(&self, severity: Severity, text: &[u8]) {
        let mut waiting = self.lock();
        if waiting.is_over {
            return;
        }
        if waiting.bytes + text.len() > MOST {
            waiting.lost += 1;
            return;
        }
        waiting.bytes += text.len();
        waiting.lines.push_back(Line { severity, text: text.into() });
        drop(waiting);
        self.changed.notify_all();
    }

    /// Takes all that waits, once there is something. `None` when nothing comes any more.
    pub(super) fn take(&self) -> Option<Batch> {
        let mut waiting = self.lock();
        waiting.is_writing = false;
        self.changed.notify_all();
        let is_idle = |own: &mut Waiting| own.lines.is_empty() && own.lost == 0 && !own.is_over;
        let waited = self.changed.wait_while(waiting, is_idle);
        let mut waiting = waited.unwrap_or_else(PoisonError::into_inner);
        let batch = waiting.batch();
        let is_last = batch.lines.is_empty() && batch.lost == 0;
        waiting.is_writing = !is_last;
        (!is_last).then_some(batch)
    }

    /// Takes all that waits at this moment, and forgets it.
    pub fn discard(&self) {
        drop(self.lock().batch());
    }

    /// How many bytes wait.
    pub fn bytes(&self) -> usize {
        self.lock().bytes
    }

    /// Waits until all is written, but no longer than `patience`. True where it is.
    pub(super) fn settle(&self, patience: Duration) -> bool {
        let is_busy = |own: &mut Waiting| !own.lines.is_empty() || own.lost > 0 || own.is_writing;
        let waited = self.changed.wait_timeout_while(self.lock(), patience, is_busy);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    /// Nothing comes after what waits.
    pub(super) fn end(&self) {
        self.lock().is_over = true;
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn batch(&mut self) -> Batch {
        self.bytes = 0;
        Batch { lines: std::mem::take(&mut self.lines), lost: std::mem::take(&mut self.lost) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_finds_no_room_is_counted() {
        let queue = Queue::default();
        let text = vec![b'x'; MOST / 4];
        for _ in 0..6 {
            queue.put(Severity::Info, &text);
        }
        assert_eq!(queue.bytes(), MOST);
        assert!(!queue.settle(Duration::from_millis(1)), "nobody takes it");
        let batch = queue.take().unwrap();
        assert_eq!((batch.lines.len(), batch.lost), (4, 2));
        // What is taken is not written yet.
        assert!(!queue.settle(Duration::from_millis(1)));
        queue.put(Severity::Error, b"one\n");
        let batch = queue.take().unwrap();
        assert_eq!((batch.lines.len(), batch.lost), (1, 0));
    }

    #[test]
    fn nothing_comes_after_the_end() {
        let queue = Queue::default();
        queue.put(Severity::Info, b"last\n");
        queue.end();
        queue.put(Severity::Info, b"too late\n");
        assert_eq!(queue.take().map(|batch| batch.lines.len()), Some(1));
        assert!(queue.take().is_none());
        assert!(queue.settle(Duration::ZERO));
    }
}
