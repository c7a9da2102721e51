//! What came of the days.

use std::collections::BTreeMap;

use serde::Serialize;

/// A day that broke a promise.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Broken {
    pub(super) seed: u64,
    pub(super) step: usize,
    pub(super) knobs: &'static str,
    pub(super) what: String,
    /// What was met since everything was healed last.
    pub(super) since: Vec<&'static str>,
}

impl Broken {
    pub(super) fn new(seed: u64, step: usize, what: String) -> Self {
        Self { seed, step, knobs: "", what, since: Vec::new() }
    }
}

/// What came of the days.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    pub(super) days: u64,
    /// Clusters that no HNS network can be made up for.
    pub(super) left_out: u64,
    pub(super) steps: u64,
    /// Changes that the API server took, and those that changed nothing.
    pub(super) changes: u64,
    pub(super) idle_changes: u64,
    /// Requests of the API server, and steps of the reconciler.
    pub(super) requests: u64,
    pub(super) calls: u64,
    /// The fewest changes of a day.
    pub(super) fewest_changes: Option<u64>,
    /// How often each fault was really met.
    pub(super) met: BTreeMap<&'static str, u64>,
    /// How often each invariant was looked at.
    pub(super) checked: BTreeMap<&'static str, u64>,
    /// Times that everything was healed and converged, and the longest each kind took, in milliseconds of virtual time.
    pub(super) healed: u64,
    pub(super) longest: BTreeMap<&'static str, u64>,
    /// Packets that were held against the oracle.
    pub(super) packets: u64,
    pub(super) digest: u64,
    pub(super) broken: Vec<Broken>,
    /// What was met since everything was healed last.
    #[serde(skip)]
    pub(super) since: Vec<&'static str>,
}

impl Report {
    pub(super) fn broken(broken: Broken) -> Self {
        Self { broken: vec![broken], ..Self::default() }
    }

    pub(super) fn met(&mut self, what: &'static str) {
        self.met_times(what, 1);
    }

    pub(super) fn met_times(&mut self, what: &'static str, times: u64) {
        if times > 0 {
            self.since.push(what);
            *self.met.entry(what).or_default() += times;
        }
    }

    pub(super) fn checked(&mut self, what: &'static str) {
        *self.checked.entry(what).or_default() += 1;
    }

    /// Takes in what came of further days.
    pub(super) fn add(&mut self, other: Self) {
        self.fewest_changes =
            match other.days == 1 && other.left_out == 0 && other.broken.is_empty() {
                true => [self.fewest_changes, Some(other.changes)].into_iter().flatten().min(),
                false => [self.fewest_changes, other.fewest_changes].into_iter().flatten().min(),
            };
        self.days += other.days;
        self.left_out += other.left_out;
        self.steps += other.steps;
        self.changes += other.changes;
        self.idle_changes += other.idle_changes;
        self.requests += other.requests;
        self.calls += other.calls;
        self.healed += other.healed;
        self.packets += other.packets;
        // The order of days does not count.
        self.digest = self.digest.wrapping_add(other.digest);
        for (from, to) in [(other.met, &mut self.met), (other.checked, &mut self.checked)] {
            from.into_iter().for_each(|(name, count)| *to.entry(name).or_default() += count);
        }
        for (kind, time) in other.longest {
            let longest = self.longest.entry(kind).or_default();
            *longest = (*longest).max(time);
        }
        self.broken.extend(other.broken);
        self.broken.sort_by_key(|broken| broken.seed);
    }
}
