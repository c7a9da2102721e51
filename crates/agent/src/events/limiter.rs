//! Which events are written. The figures are client-go's: a bucket of tokens for each object as in
//! `tools/record/events_cache.go`, series as in `tools/events/event_broadcaster.go`; and a bucket for all objects together.

use std::collections::BTreeMap;
use std::time::Duration;

use switchyard_model::ServiceKey;

use super::{Notice, NoticeKind};

/// How many events of one object come at once, and after which time there is one more.
const OBJECT_BURST: u32 = 25;
const OBJECT_REFILL: Duration = Duration::from_secs(300);
/// The same for all objects together: a node of a large cluster must not burden the API server.
const ALL_BURST: u32 = 50;
const ALL_REFILL: Duration = Duration::from_secs(1);
/// How long a series goes on after what was seen of it last, and how often it is written while it does.
const SERIES: Duration = Duration::from_secs(360);
/// How many objects and series are remembered.
const MOST_REMEMBERED: usize = 1_024;

/// Tokens, of which one more comes each time `refill` has passed.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    tokens: u32,
    /// Since when the next one is on its way.
    since: Duration,
}

impl Bucket {
    fn refill(&mut self, burst: u32, refill: Duration, now: Duration) {
        let passed = now.saturating_sub(self.since).as_nanos() / refill.as_nanos();
        let came = u32::try_from(passed).unwrap_or(u32::MAX);
        self.tokens = self.tokens.saturating_add(came).min(burst);
        self.since =
            if self.tokens == burst { now } else { self.since + refill.saturating_mul(came) };
    }
}

/// What makes two events one series.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct SeriesKey {
    service: ServiceKey,
    kind: NoticeKind,
    reason: String,
    action: String,
}

#[derive(Debug, Clone, Copy)]
struct Series {
    /// The number of the event that began it.
    number: u64,
    count: u32,
    seen: Duration,
    written: Duration,
}

/// What is to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Publication {
    /// An event.
    New {
        /// Its number, never used again.
        number: u64,
    },
    /// An event that was written before happened again.
    Again {
        /// Its number.
        number: u64,
        /// How often it happened.
        count: u32,
    },
}

/// Decides which events are written.
#[derive(Debug, Clone)]
pub struct Limiter {
    all: Bucket,
    objects: BTreeMap<ServiceKey, Bucket>,
    series: BTreeMap<SeriesKey, Series>,
    next: u64,
}

impl Default for Limiter {
    fn default() -> Self {
        let all = Bucket { tokens: ALL_BURST, since: Duration::ZERO };
        Self { all, objects: BTreeMap::new(), series: BTreeMap::new(), next: 0 }
    }
}

impl Limiter {
    /// What is to be written about `notice` at `now`; nothing where it was told of lately or too much is.
    pub fn take(&mut self, notice: &Notice, now: Duration) -> Option<Publication> {
        self.forget(now);
        let key = SeriesKey {
            service: notice.service.clone(),
            kind: notice.kind,
            reason: notice.reason.clone(),
            action: notice.action.clone(),
        };
        if let Some(series) = self.series.get_mut(&key) {
            series.count = series.count.saturating_add(1);
            series.seen = now;
            let is_due = series.count == 2 || now.saturating_sub(series.written) >= SERIES;
            let told = Publication::Again { number: series.number, count: series.count };
            if !is_due || !self.spend(&notice.service, now) {
                return None;
            }
            if let Some(series) = self.series.get_mut(&key) {
                series.written = now;
            }
            return Some(told);
        }
        if !self.spend(&notice.service, now) {
            return None;
        }
        let number = self.next;
        self.next += 1;
        self.series.insert(key, Series { number, count: 1, seen: now, written: now });
        Some(Publication::New { number })
    }

    /// An event could not be written, or is gone: what is told next begins anew.
    pub fn lost(&mut self, number: u64) {
        self.series.retain(|_, series| series.number != number);
    }

    /// Takes a token of the object and one of all.
    fn spend(&mut self, service: &ServiceKey, now: Duration) -> bool {
        self.all.refill(ALL_BURST, ALL_REFILL, now);
        let full = Bucket { tokens: OBJECT_BURST, since: now };
        let object = self.objects.entry(service.clone()).or_insert(full);
        object.refill(OBJECT_BURST, OBJECT_REFILL, now);
        if object.tokens == 0 || self.all.tokens == 0 {
            return false;
        }
        object.tokens -= 1;
        self.all.tokens -= 1;
        true
    }

    /// Forgets what is over, and the oldest where there is too much.
    fn forget(&mut self, now: Duration) {
        self.series.retain(|_, series| now.saturating_sub(series.seen) < SERIES);
        self.objects.retain(|_, object| {
            object.refill(OBJECT_BURST, OBJECT_REFILL, now);
            object.tokens < OBJECT_BURST
        });
        while self.series.len() >= MOST_REMEMBERED {
            let oldest = self.series.iter().min_by_key(|(_, series)| series.seen);
            let Some(key) = oldest.map(|(key, _)| key.clone()) else { return };
            self.series.remove(&key);
        }
        while self.objects.len() >= MOST_REMEMBERED {
            // One that has spent the least is the least loss.
            let fullest = self.objects.iter().max_by_key(|(_, bucket)| bucket.tokens);
            let Some(key) = fullest.map(|(key, _)| key.clone()) else { return };
            self.objects.remove(&key);
        }
    }
}
