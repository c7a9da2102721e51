//! Objects that are to be read.

use std::collections::BTreeMap;
use std::time::Duration;

use switchyard_hcn::Guid;

use crate::ledger::Kind;

/// How long a reading that failed waits, at first and at most.
const FIRST: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(300);
/// After how many failures nothing waits for a reading any more.
const ENOUGH: u32 = 3;

/// Objects that are to be read, and when.
#[derive(Debug, Clone, Default)]
pub(super) struct Readings(BTreeMap<(Kind, Guid), Reading>);

#[derive(Debug, Clone, Copy, Default)]
struct Reading {
    due: Duration,
    failures: u32,
    /// Whether it is under way.
    begun: bool,
}

impl Readings {
    /// The object is to be read at once.
    pub(super) fn add(&mut self, kind: Kind, id: Guid) {
        let reading = self.0.entry((kind, id)).or_default();
        reading.due = Duration::ZERO;
        reading.begun = false;
    }

    /// An object that is due.
    pub(super) fn begin(&mut self, now: Duration) -> Option<(Kind, Guid)> {
        let is_due = |reading: &Reading| reading.due <= now && !reading.begun;
        let (key, reading) = self.0.iter_mut().find(|(_, reading)| is_due(reading))?;
        reading.begun = true;
        Some(*key)
    }

    /// The object was read, or is known to be gone.
    pub(super) fn end(&mut self, kind: Kind, id: Guid) {
        self.0.remove(&(kind, id));
    }

    /// The object could not be read: it is tried again, later each time. True if nothing shall wait for it any more.
    pub(super) fn fail(&mut self, kind: Kind, id: Guid, now: Duration) -> bool {
        let reading = self.0.entry((kind, id)).or_default();
        let wait = FIRST.saturating_mul(1 << reading.failures.min(12)).min(LONGEST);
        reading.failures = reading.failures.saturating_add(1);
        reading.due = now + wait;
        reading.begun = false;
        reading.failures >= ENOUGH
    }

    /// Whether there is an object that is worth waiting for.
    pub(super) fn is_open(&self) -> bool {
        self.0.values().any(|reading| reading.failures < ENOUGH)
    }

    pub(super) fn next_due(&self) -> Option<Duration> {
        let waiting = self.0.values().filter(|reading| !reading.begun);
        waiting.map(|reading| reading.due).min()
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}
