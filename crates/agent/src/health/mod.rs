//! The proxy's own health, as load balancers and the kubelet ask for it.
//!
//! [`ProxyHealth`] is a state without a clock: it is told what happens and when, and judges at any moment. `ports` says which
//! health-check ports of Services are to answer what, and `listeners` which of them are to be opened and closed.

pub mod listeners;
pub mod ports;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use switchyard_model::{Family, Leaving, Node};

/// How often kube-proxy makes everything anew unless told otherwise.
pub const SYNC_PERIOD: Duration = Duration::from_secs(30);
/// For how long a change that is under way counts as being attempted: calls of HNS are given up after it.
const LONGEST_CALL: Duration = Duration::from_secs(120);
/// For how long the loop may be busy with one event before it counts as hanging.
const LONGEST_TURN: Duration = Duration::from_secs(30);

/// Whether the node may be sent new connections.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum NodeStanding {
    /// Nothing is known of it, or not any more.
    #[default]
    Unknown,
    /// It may.
    Eligible,
    /// It is being deleted.
    Deleted,
    /// The cluster autoscaler is about to remove it.
    MarkedByAutoscaler,
}

impl NodeStanding {
    /// How `node` stands.
    #[must_use]
    pub fn of(node: Option<&Node>) -> Self {
        match node.map(|node| node.leaving) {
            None => Self::Unknown,
            Some(None) => Self::Eligible,
            Some(Some(Leaving::Deleted)) => Self::Deleted,
            Some(Some(Leaving::MarkedByAutoscaler)) => Self::MarkedByAutoscaler,
        }
    }
}

/// What one family waits for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct FamilyHealth {
    /// When all that was wanted had been attempted last.
    updated: Option<Duration>,
    /// Since when a change waits to be attempted.
    pending: Option<Duration>,
}

/// Whether the proxy does its work.
///
/// What counts is whether changes are attempted. One that HNS refuses, or that another owner is in the way of, was attempted:
/// it is a condition, and no reason to take the node out of service. An API server that is away queues nothing, so the last
/// state counts.
#[derive(Debug, Clone)]
pub struct ProxyHealth {
    /// For how long changes may wait.
    patience: Duration,
    families: BTreeMap<Family, FamilyHealth>,
    node: NodeStanding,
    /// Whether a complete state was attempted at least once.
    has_begun: bool,
    /// Until when a call counts as an attempt that goes on.
    attempting_until: Duration,
    /// Whether so many calls hang that nothing more is written.
    is_stuck: bool,
    /// Since when the loop is busy with one event.
    busy_since: Option<Duration>,
}

/// Why the proxy is not as it should be. The first that applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ailment {
    /// So many calls of HNS hang that nothing more is written.
    HnsStuck,
    /// The loop has been busy with one event for too long.
    LoopHangs,
    /// No complete state has been attempted yet.
    Starting,
    /// Changes have been waiting for too long.
    Late,
}

impl Ailment {
    /// The word for programs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::HnsStuck => "HnsStuck",
            Self::LoopHangs => "LoopHangs",
            Self::Starting => "Starting",
            Self::Late => "ChangesWait",
        }
    }
}

/// How one family is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FamilyVerdict {
    /// When all that was wanted had been attempted last.
    pub updated: Option<Duration>,
    /// Whether it is as it should be.
    pub healthy: bool,
}

/// How the proxy is at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// What keeps the node from new connections, the node itself aside.
    pub ailment: Option<Ailment>,
    /// What a restart of the process might cure.
    pub fatal: Option<Ailment>,
    /// How the node stands.
    pub node: NodeStanding,
    /// Each family that the node has.
    pub families: BTreeMap<Family, FamilyVerdict>,
    /// When the newest of them was updated.
    pub updated: Option<Duration>,
}

impl Verdict {
    /// Whether the proxy does its work, whatever becomes of the node.
    #[must_use]
    pub fn is_serving(&self) -> bool {
        self.ailment.is_none()
    }

    /// Whether the node may be sent new connections.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.is_serving() && self.node == NodeStanding::Eligible
    }

    /// Whether the process should be left alone.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.fatal.is_none()
    }
}

impl ProxyHealth {
    /// One that has attempted nothing, whose changes may wait for twice `sync_period`.
    #[must_use]
    pub fn new(sync_period: Duration) -> Self {
        Self {
            patience: sync_period.saturating_mul(2),
            families: BTreeMap::new(),
            node: NodeStanding::default(),
            has_begun: false,
            attempting_until: Duration::ZERO,
            is_stuck: false,
            busy_since: None,
        }
    }

    /// The node has these families.
    pub fn serves(&mut self, families: impl IntoIterator<Item = Family>) {
        let known = std::mem::take(&mut self.families);
        self.families = families
            .into_iter()
            .map(|family| (family, known.get(&family).copied().unwrap_or_default()))
            .collect();
    }

    /// The families that the node has.
    pub fn families(&self) -> impl Iterator<Item = Family> {
        self.families.keys().copied()
    }

    /// How the node stands.
    pub fn node(&mut self, node: NodeStanding) {
        self.node = node;
    }

    /// A change waits to be attempted.
    pub fn queued(&mut self, now: Duration) {
        for family in self.families.values_mut() {
            family.pending.get_or_insert(now);
        }
    }

    /// What waited before `since` has been attempted. Nothing follows from it before everything was once.
    pub fn attempted_before(&mut self, since: Duration, now: Duration) {
        if !self.has_begun {
            return;
        }
        for family in self.families.values_mut() {
            if family.pending.is_some_and(|pending| pending < since) {
                *family = FamilyHealth { updated: Some(now), pending: Some(since) };
            }
        }
    }

    /// All that is wanted has been attempted.
    pub fn attempted(&mut self, now: Duration) {
        self.has_begun = true;
        for family in self.families.values_mut() {
            *family = FamilyHealth { updated: Some(now), pending: None };
        }
    }

    /// A change of HNS is begun.
    pub fn call_begun(&mut self, now: Duration) {
        self.attempting_until = now.saturating_add(LONGEST_CALL);
    }

    /// A change of HNS ended, whatever came of it.
    pub fn call_ended(&mut self, now: Duration) {
        self.attempting_until = now;
    }

    /// HNS told something of an object that has to be known before anything is changed.
    pub fn learnt(&mut self, now: Duration) {
        self.attempting_until = self.attempting_until.max(now);
    }

    /// Whether so many calls of HNS hang that nothing more is written.
    pub fn stuck(&mut self, is_stuck: bool) {
        self.is_stuck = is_stuck;
    }

    /// The loop begins with an event.
    pub fn busy(&mut self, now: Duration) {
        self.busy_since = Some(now);
    }

    /// The loop waits for the next event.
    pub fn idle(&mut self) {
        self.busy_since = None;
    }

    /// Whether a complete state was attempted at least once.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.has_begun
    }

    /// Since when a change waits to be attempted.
    #[must_use]
    pub fn pending_since(&self) -> Option<Duration> {
        self.families.values().filter_map(|family| family.pending).min()
    }

    /// Whether what has waited since `pending` has waited too long.
    fn is_late(&self, pending: Option<Duration>, now: Duration) -> bool {
        pending.is_some_and(|pending| now.saturating_sub(pending) >= self.patience)
    }

    /// How it is at `now`.
    #[must_use]
    pub fn verdict(&self, now: Duration) -> Verdict {
        let hangs = |since| now.saturating_sub(since) >= LONGEST_TURN;
        let stopped = if self.is_stuck {
            Some(Ailment::HnsStuck)
        } else {
            self.busy_since.is_some_and(hangs).then_some(Ailment::LoopHangs)
        };
        let pending = self.pending_since();
        let late = self.is_late(pending, now).then_some(Ailment::Late);
        // A slow HNS is no reason to begin anew: only where nothing is being attempted, and nothing learnt that has to be known
        // before, does the process hang.
        let attempted = pending.map(|pending| pending.max(self.attempting_until.min(now)));
        let idle = self.has_begun && self.is_late(attempted, now);
        let starting = (!self.has_begun).then_some(Ailment::Starting);
        let families = self.families.iter().map(|(family, health)| {
            let healthy = stopped.is_none() && self.has_begun && !self.is_late(health.pending, now);
            (*family, FamilyVerdict { updated: health.updated, healthy })
        });
        Verdict {
            ailment: stopped.or(starting).or(late),
            fatal: stopped.or(idle.then_some(Ailment::Late)),
            node: self.node,
            families: families.collect(),
            updated: self.families.values().filter_map(|health| health.updated).max(),
        }
    }
}
