//! What is to be read of HNS, and when.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use switchyard_hcn::Guid;

use crate::call::Call;
use crate::ledger::Kind;

/// How often the network is looked for, at first and at most.
const NETWORK_FIRST: Duration = Duration::from_secs(1);
const NETWORK_LONGEST: Duration = Duration::from_secs(10);
/// How often endpoints of the CNI are looked for, at first and at most.
const LOOK_FIRST: Duration = Duration::from_millis(250);
const LOOK_LONGEST: Duration = Duration::from_secs(10);
/// How often an empty listing is asked for again before it is believed, and after how long.
const CONFIRMATIONS: u8 = 2;
const CONFIRMATION_WAIT: Duration = Duration::from_millis(250);
/// What an audit's reading may take of the time of HNS: one part in so many.
const AUDIT_SHARE: u32 = 100;

const KINDS: [Kind; 2] = [Kind::Endpoint, Kind::LoadBalancer];

/// What is to be read of HNS, and when.
#[derive(Debug, Clone)]
pub(super) struct Survey {
    /// When the network is looked for, if it is.
    find_network: Option<Duration>,
    network_wait: Duration,
    /// When a kind is listed, if it is.
    list: BTreeMap<Kind, Duration>,
    /// When endpoints of the CNI are looked for, if they are.
    look: Option<Duration>,
    /// Objects to read at once.
    reads: BTreeSet<(Kind, Guid)>,
    /// The kinds whose next listing has every object read.
    every: BTreeSet<Kind>,
    /// Whether nothing may be changed before all of that is done.
    blocking: bool,
    /// How many listings in a row were empty that should not be.
    empty: BTreeMap<Kind, u8>,
    look_wait: Duration,
    audit: Audit,
}

/// A pass over everything, to find what was changed behind our back.
#[derive(Debug, Clone)]
struct Audit {
    period: Duration,
    /// When the next pass begins.
    due: Option<Duration>,
    /// What this pass has yet to read.
    left: VecDeque<(Kind, Guid)>,
    /// The kinds that this pass has yet to list.
    to_list: BTreeSet<Kind>,
    /// When its next call is made.
    next: Duration,
    passes: u64,
}

impl Survey {
    pub(super) fn new(audit_period: Duration) -> Self {
        let audit = Audit {
            period: audit_period,
            due: None,
            left: VecDeque::new(),
            to_list: BTreeSet::new(),
            next: Duration::ZERO,
            passes: 0,
        };
        Self {
            find_network: Some(Duration::ZERO),
            network_wait: NETWORK_FIRST,
            list: BTreeMap::new(),
            look: None,
            reads: BTreeSet::new(),
            every: KINDS.into(),
            blocking: true,
            empty: BTreeMap::new(),
            look_wait: LOOK_FIRST,
            audit,
        }
    }

    /// Nothing is ever read: all is known already.
    pub(super) fn settled() -> Self {
        let mut survey = Self::new(Duration::MAX);
        survey.find_network = None;
        survey.every.clear();
        survey.blocking = false;
        survey
    }

    /// Everything has to be read anew, from `due` on, before anything is changed.
    pub(super) fn begin_anew(&mut self, due: Duration) {
        self.find_network = Some(self.find_network.map_or(due, |earlier| earlier.min(due)));
        self.network_wait = NETWORK_FIRST;
        self.list.clear();
        self.look = None;
        self.reads.clear();
        self.every = KINDS.into();
        self.blocking = true;
        self.empty.clear();
        self.audit.left.clear();
        self.audit.to_list.clear();
    }

    /// The network is looked for again, without holding anything up.
    pub(super) fn refresh_network(&mut self, due: Duration) {
        if self.find_network.is_none() {
            self.find_network = Some(due);
        }
    }

    /// The network was not found, or HNS did not answer.
    pub(super) fn network_is_missing(&mut self, now: Duration) {
        self.find_network = Some(now + self.network_wait);
        self.network_wait = (self.network_wait * 2).min(NETWORK_LONGEST);
        self.blocking = true;
        self.every = KINDS.into();
    }

    /// The network was found. If it is another than before, everything on it is to be read.
    pub(super) fn network_is_found(&mut self, is_new: bool, now: Duration) {
        self.find_network = None;
        self.network_wait = NETWORK_FIRST;
        if is_new {
            self.every = KINDS.into();
            self.blocking = true;
            self.reads.clear();
        }
        if self.blocking {
            for kind in self.every.clone() {
                self.list.insert(kind, now);
            }
        }
    }

    /// A kind is listed at `due`, and what is not known of it read.
    pub(super) fn look(&mut self, kind: Kind, due: Duration) {
        let earlier = self.list.get(&kind).copied().unwrap_or(due);
        self.list.insert(kind, due.min(earlier));
    }

    /// Endpoints of the CNI are looked for at once, for new ones are waited for.
    pub(super) fn look_for_new_pods(&mut self, now: Duration) {
        self.look_wait = LOOK_FIRST;
        self.look = Some(now);
    }

    /// Endpoints of the CNI are still waited for.
    pub(super) fn look_again(&mut self, now: Duration) {
        if self.look.is_none() {
            self.look = Some(now + self.look_wait);
            self.look_wait = (self.look_wait * 2).min(LOOK_LONGEST);
        }
    }

    /// Endpoints of the CNI are not waited for any more.
    pub(super) fn stop_looking(&mut self, now: Duration) {
        if self.look.is_some_and(|due| due > now) {
            self.look = None;
        }
        self.look_wait = LOOK_FIRST;
    }

    pub(super) fn read(&mut self, kind: Kind, id: Guid) {
        self.reads.insert((kind, id));
    }

    /// Takes in a listing. Returns what is gone for sure; nothing is gone only because one listing lacks it.
    pub(super) fn listed(
        &mut self,
        kind: Kind,
        ids: &BTreeSet<Guid>,
        known: &BTreeSet<Guid>,
        now: Duration,
    ) -> Vec<Guid> {
        if ids.is_empty() && !known.is_empty() {
            let seen = self.empty.entry(kind).or_default();
            if *seen < CONFIRMATIONS {
                *seen += 1;
                self.list.insert(kind, now + CONFIRMATION_WAIT);
                return Vec::new();
            }
        }
        self.empty.remove(&kind);
        let every = self.every.remove(&kind);
        let auditing = self.audit.to_list.remove(&kind);
        let objects = |ids: &BTreeSet<Guid>| ids.iter().map(|id| (kind, *id)).collect::<Vec<_>>();
        if every {
            self.reads.extend(objects(ids));
        } else {
            self.reads.extend(ids.difference(known).map(|id| (kind, *id)));
        }
        if auditing && !every {
            self.audit.left.extend(ids.intersection(known).map(|id| (kind, *id)));
        }
        let gone: Vec<Guid> = known.difference(ids).copied().collect();
        if ids.is_empty() {
            return gone;
        }
        self.reads.extend(gone.into_iter().map(|id| (kind, id)));
        Vec::new()
    }

    /// Whether changes must wait.
    pub(super) fn is_blocking(&self) -> bool {
        self.blocking
    }

    /// Ends the waiting of changes, once everything was read. True if it ended now.
    pub(super) fn end_blocking(&mut self, now: Duration) -> bool {
        let open = self.find_network.is_some()
            || !self.every.is_empty()
            || !self.list.is_empty()
            || !self.reads.is_empty();
        if !self.blocking || open {
            return false;
        }
        self.blocking = false;
        self.audit.due = Some(now.saturating_add(self.audit.period));
        true
    }

    /// The next call that changes wait for, or that is due.
    pub(super) fn next(
        &mut self,
        network: Option<Guid>,
        name: Option<&str>,
        now: Duration,
    ) -> Option<Call> {
        if self.find_network.is_some_and(|due| due <= now) {
            self.find_network = None;
            return Some(Call::FindNetwork { name: name.map(str::to_owned) });
        }
        if self.find_network.is_some() && self.blocking {
            return None;
        }
        let network = network?;
        if self.look.is_some_and(|due| due <= now) && !self.blocking {
            self.look = None;
            self.list.insert(Kind::Endpoint, now);
        }
        let due = self.list.iter().find(|(_, due)| **due <= now).map(|(kind, _)| *kind);
        if let Some(kind) = due {
            self.list.remove(&kind);
            return Some(Call::List { kind, network });
        }
        let (kind, id) = self.reads.pop_first()?;
        Some(Call::Read { kind, id })
    }

    /// The next call of an audit.
    pub(super) fn next_of_audit(
        &mut self,
        network: Option<Guid>,
        name: Option<&str>,
        now: Duration,
    ) -> Option<Call> {
        let audit = &mut self.audit;
        if audit.next > now {
            return None;
        }
        if audit.is_resting() {
            if audit.due.is_none_or(|due| due > now) {
                return None;
            }
            audit.due = Some(now.saturating_add(audit.period));
            audit.to_list = KINDS.into();
            audit.passes += 1;
            return Some(Call::FindNetwork { name: name.map(str::to_owned) });
        }
        let network = network?;
        if let Some(kind) = audit.to_list.first().copied() {
            self.list.remove(&kind);
            return Some(Call::List { kind, network });
        }
        let (kind, id) = audit.left.pop_front()?;
        Some(Call::Read { kind, id })
    }

    /// A pass begins as soon as it may: something was seen that should not be.
    pub(super) fn audit_soon(&mut self, now: Duration) {
        if self.audit.is_resting() {
            self.audit.due = Some(now);
        }
    }

    /// A call of an audit took `took`: the next waits, so that HNS has most of its time for others.
    pub(super) fn audited(&mut self, took: Duration, now: Duration) {
        self.audit.next = now.saturating_add(took.saturating_mul(AUDIT_SHARE - 1));
    }

    /// A listing failed: it is asked for again.
    pub(super) fn listing_failed(&mut self, kind: Kind, now: Duration) {
        self.look(kind, now + NETWORK_FIRST);
    }

    /// When there is something to read next.
    pub(super) fn next_due(&self) -> Option<Duration> {
        if self.blocking && self.find_network.is_some() {
            return self.find_network;
        }
        let reads = (!self.reads.is_empty()).then_some(Duration::ZERO);
        let lists = self.list.values().copied().chain(self.find_network).chain(reads);
        if self.blocking {
            return lists.min();
        }
        let audit = if self.audit.is_resting() {
            self.audit.due.map(|due| due.max(self.audit.next))
        } else {
            Some(self.audit.next)
        };
        lists.chain(self.look).chain(audit).min()
    }

    /// How many audits have begun.
    pub(super) fn audits(&self) -> u64 {
        self.audit.passes
    }
}

impl Audit {
    fn is_resting(&self) -> bool {
        self.left.is_empty() && self.to_list.is_empty()
    }
}
