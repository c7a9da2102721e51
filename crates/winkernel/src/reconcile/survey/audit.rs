//! A pass over everything, to find what was changed behind our back.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use switchyard_hcn::Guid;

use super::KINDS;
use crate::call::Call;
use crate::ledger::Kind;

/// What an audit's reading may take of the time of HNS: one part in so many.
const SHARE: u32 = 100;
/// How long after the beginning of a pass another one that is asked for begins at the earliest: where HNS refuses one change
/// after the other as if it were away, each asks for one.
const APART: Duration = Duration::from_secs(1);

/// A pass over everything, to find what was changed behind our back.
#[derive(Debug, Clone)]
pub(super) struct Audit {
    period: Duration,
    /// When the next pass begins.
    due: Option<Duration>,
    /// What this pass has yet to read.
    left: VecDeque<(Kind, Guid)>,
    /// The kinds that this pass has yet to list.
    to_list: BTreeSet<Kind>,
    /// When its next call is made.
    next: Duration,
    /// When the last pass began.
    begun: Option<Duration>,
    passes: u64,
}

impl Audit {
    pub(super) fn new(period: Duration) -> Self {
        Self {
            period,
            due: None,
            left: VecDeque::new(),
            to_list: BTreeSet::new(),
            next: Duration::ZERO,
            begun: None,
            passes: 0,
        }
    }

    /// Has passes begin at least `period` apart; one that is due is not put off.
    pub(super) fn set_period(&mut self, period: Duration) {
        let before = std::mem::replace(&mut self.period, period);
        self.due = self.due.map(|due| (due.saturating_sub(before) + period).min(due));
    }

    fn is_resting(&self) -> bool {
        self.left.is_empty() && self.to_list.is_empty()
    }

    /// The pass that is under way ends here.
    pub(super) fn stop(&mut self) {
        self.left.clear();
        self.to_list.clear();
    }

    /// Everything was read just now: the next pass comes a period later.
    pub(super) fn rest(&mut self, now: Duration) {
        self.due = Some(now.saturating_add(self.period));
    }

    /// A pass begins as soon as it may: something was seen that should not be.
    pub(super) fn soon(&mut self, now: Duration) {
        if self.is_resting() {
            let soonest = self.begun.map_or(now, |begun| now.max(begun.saturating_add(APART)));
            self.due = Some(self.due.map_or(soonest, |due| due.min(soonest)));
        }
    }

    /// The next call; `doubted` are the kinds whose last listing is not believed yet.
    pub(super) fn next_call(
        &mut self,
        network: Option<Guid>,
        name: Option<&str>,
        doubted: &BTreeSet<Kind>,
        now: Duration,
    ) -> Option<Call> {
        if self.next > now {
            return None;
        }
        if self.is_resting() {
            if self.due.is_none_or(|due| due > now) {
                return None;
            }
            self.rest(now);
            self.to_list = KINDS.into();
            self.begun = Some(now);
            self.passes += 1;
            return Some(Call::FindNetwork { name: name.map(str::to_owned) });
        }
        let network = network?;
        if let Some(kind) = self.to_list.first().copied() {
            if doubted.contains(&kind) {
                return None;
            }
            return Some(Call::List { kind, network });
        }
        let (kind, id) = self.left.pop_front()?;
        if self.left.is_empty() {
            // Its room is as large as HNS, and not needed before the next pass.
            self.left = VecDeque::new();
        }
        Some(Call::Read { kind, id })
    }

    /// A listing came: those that are known of it are compared.
    pub(super) fn listed(&mut self, kind: Kind, known: impl Iterator<Item = Guid>) {
        if self.to_list.remove(&kind) {
            self.left.extend(known.map(|id| (kind, id)));
        }
    }

    /// A listing was refused: this pass goes without.
    pub(super) fn not_listed(&mut self, kind: Kind) {
        self.to_list.remove(&kind);
    }

    /// A call took `took`: the next waits, so that HNS has most of its time for others.
    pub(super) fn took(&mut self, took: Duration, now: Duration) {
        // One call of 47 seconds (kubernetes/kubernetes#110849) must not put the rest off for more than an hour.
        let pause = took.saturating_mul(SHARE - 1).min(self.period);
        self.next = now.saturating_add(pause);
    }

    pub(super) fn next_due(&self, doubted: &BTreeSet<Kind>) -> Option<Duration> {
        if self.is_resting() {
            return self.due.map(|due| due.max(self.next));
        }
        // What is doubted is asked for again, whatever audits do.
        let waits = self.to_list.first().is_some_and(|kind| doubted.contains(kind));
        (!waits).then_some(self.next)
    }

    pub(super) fn passes(&self) -> u64 {
        self.passes
    }
}
