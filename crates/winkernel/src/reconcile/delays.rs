//! What failed, and when it is tried again.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use switchyard_hcn::{ErrorClass, Guid};
use uuid::Uuid;

use crate::key::LoadBalancerKey;
use crate::ledger::Kind;

/// The first wait.
const FIRST: Duration = Duration::from_millis(500);
/// The longest wait.
const LONGEST: Duration = Duration::from_secs(60);
/// How often one of those that wait is tried early, to see whether the trouble is over.
const CANARY: Duration = Duration::from_millis(2_500);

/// What calls may fail for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// A load balancer that is wanted.
    LoadBalancer(LoadBalancerKey),
    /// An endpoint that is wanted.
    Endpoint(IpAddr),
    /// An object that nobody wants.
    Stray(Kind, Guid),
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LoadBalancer(key) => write!(f, "load balancer {key}"),
            Self::Endpoint(address) => write!(f, "endpoint {address}"),
            Self::Stray(Kind::Endpoint, id) => write!(f, "endpoint {id}"),
            Self::Stray(Kind::LoadBalancer, id) => write!(f, "load balancer {id}"),
        }
    }
}

/// Why something waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delay {
    /// When it is tried again.
    pub due: Duration,
    /// When it failed first.
    pub since: Duration,
    /// How often it failed in a row.
    pub failures: u32,
    /// How HNS failed it last.
    pub class: ErrorClass,
    /// The HRESULT of that, if HNS gave one.
    pub hresult: Option<u32>,
    /// What HNS said.
    pub message: String,
    /// Whether somebody else undoes what we do. It is then done once a minute and no more often.
    pub contested: bool,
}

/// How a call failed.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    pub(super) class: ErrorClass,
    pub(super) hresult: Option<u32>,
    pub(super) message: String,
}

/// All that waits.
#[derive(Debug, Clone, Default)]
pub(super) struct Delays {
    by_target: BTreeMap<Target, Delay>,
    due: BTreeSet<(Duration, Target)>,
    next_canary: Duration,
}

impl Delays {
    pub(super) fn contains(&self, target: Target) -> bool {
        self.by_target.contains_key(&target)
    }

    pub(super) fn of(&self, target: Target) -> Option<&Delay> {
        self.by_target.get(&target)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Target, &Delay)> {
        self.by_target.iter()
    }

    /// A call for `target` failed, which had failed as `earlier` says. It waits twice as long as the last time, and a little
    /// more or less, so that what failed together is not tried together.
    pub(super) fn fail(
        &mut self,
        target: Target,
        earlier: Option<Delay>,
        failure: Failure,
        now: Duration,
    ) {
        let failures = earlier.as_ref().map_or(0, |earlier| earlier.failures).saturating_add(1);
        let doubled = FIRST.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(LONGEST);
        let wait = doubled.mul_f64(0.75 + 0.5 * jitter(target, failures));
        let Failure { class, hresult, message } = failure;
        let since = earlier.map_or(now, |earlier| earlier.since);
        let delay =
            Delay { due: now + wait, since, failures, class, hresult, message, contested: false };
        self.put(target, delay);
        self.next_canary = self.next_canary.max(now + CANARY.min(wait));
    }

    /// Somebody else undid what was done for `target`: it is not done again before `due`.
    pub(super) fn contest(&mut self, target: Target, now: Duration, due: Duration) {
        let delay = Delay {
            due,
            since: now,
            failures: 0,
            class: ErrorClass::Unknown,
            hresult: None,
            message: "somebody else keeps changing it".to_owned(),
            contested: true,
        };
        self.put(target, delay);
    }

    fn put(&mut self, target: Target, delay: Delay) {
        self.take(target);
        self.due.insert((delay.due, target));
        self.by_target.insert(target, delay);
    }

    /// Ends a wait, but not one for somebody else. True if there was one.
    pub(super) fn take_unless_contested(&mut self, target: Target) -> bool {
        let contested = self.by_target.get(&target).is_some_and(|delay| delay.contested);
        !contested && self.take(target).is_some()
    }

    pub(super) fn take(&mut self, target: Target) -> Option<Delay> {
        let delay = self.by_target.remove(&target)?;
        self.due.remove(&(delay.due, target));
        Some(delay)
    }

    /// A call for something that had failed as `earlier` says succeeded: whatever waits for the like is due now.
    pub(super) fn succeed(&mut self, earlier: &Delay, now: Duration) {
        let alike: Vec<Target> = self
            .by_target
            .iter()
            .filter(|(_, delay)| delay.class == earlier.class && !delay.contested)
            .map(|(target, _)| *target)
            .collect();
        for target in alike {
            if let Some(mut delay) = self.take(target) {
                delay.due = now;
                self.put(target, delay);
            }
        }
    }

    /// Everything that HNS failed is due now: it is another HNS.
    pub(super) fn all_due(&mut self, now: Duration) {
        let targets: Vec<Target> = self.by_target.keys().copied().collect();
        for target in targets {
            if let Some(mut delay) = self.take(target) {
                delay.due = delay.due.min(now);
                self.put(target, delay);
            }
        }
    }

    /// When something is due next.
    pub(super) fn next_due(&self) -> Option<Duration> {
        let first = self.due.first().map(|(due, _)| *due)?;
        Some(if self.has_canary() { first.min(self.next_canary) } else { first })
    }

    /// Whether one is tried early: where several wait. One that fails alone is its own trouble.
    fn has_canary(&self) -> bool {
        let mut early = self.due.iter().filter(|(_, target)| self.may_be_early(*target));
        early.nth(1).is_some()
    }

    fn may_be_early(&self, target: Target) -> bool {
        self.by_target.get(&target).is_some_and(|delay| !delay.contested)
    }

    /// One that is due at `now`, with how it had failed. At most every few seconds that is one which is not due yet: it shows
    /// early whether what failed them all is over.
    pub(super) fn pop_due(&mut self, now: Duration) -> Option<(Target, Delay)> {
        let (due, target) = *self.due.first()?;
        if due <= now {
            return Some((target, self.take(target)?));
        }
        if self.next_canary > now || !self.has_canary() {
            return None;
        }
        let target =
            self.due.iter().map(|(_, target)| *target).find(|target| self.may_be_early(*target))?;
        self.next_canary = now + CANARY;
        Some((target, self.take(target)?))
    }
}

/// A number from 0 to 1 that follows from what it is for.
fn jitter(target: Target, failures: u32) -> f64 {
    let name = format!("{target:?}/{failures}");
    let hash = Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes());
    let [a, b, ..] = *hash.as_bytes();
    f64::from(u16::from_be_bytes([a, b])) / f64::from(u16::MAX)
}
