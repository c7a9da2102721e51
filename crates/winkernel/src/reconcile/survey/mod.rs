//! What is to be read of HNS, and when.
//!
//! * `readings`: objects to read;
//! * `audit`: the pass over everything that comes now and then.

mod audit;
mod readings;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use switchyard_hcn::Guid;

use self::audit::Audit;
use self::readings::Readings;
use crate::call::Call;
use crate::ledger::Kind;

/// How often the network is looked for, at first and at most.
const NETWORK_FIRST: Duration = Duration::from_secs(1);
const NETWORK_LONGEST: Duration = Duration::from_secs(10);
/// How often endpoints of the CNI are looked for, at first and at most.
const LOOK_FIRST: Duration = Duration::from_millis(250);
const LOOK_LONGEST: Duration = Duration::from_secs(10);
/// How long a listing that was refused waits, at first and at most.
const LIST_FIRST: Duration = Duration::from_millis(500);
const LIST_LONGEST: Duration = Duration::from_secs(60);
/// How often an empty listing is asked for again before it is believed, and after how long.
const CONFIRMATIONS: u8 = 2;
const CONFIRMATION_WAIT: Duration = Duration::from_millis(250);
/// How long the network is read again for a route that it lacks, the wait doubling: a node that joins has one soon.
const ROUTE_FIRST: Duration = Duration::from_secs(1);
const ROUTE_LONGEST: Duration = Duration::from_secs(4);

const KINDS: [Kind; 2] = [Kind::Endpoint, Kind::LoadBalancer];

/// What is to be read of HNS, and when.
#[derive(Debug, Clone)]
pub(super) struct Survey {
    /// When the network is looked for, if it is.
    find_network: Option<Duration>,
    network_wait: Duration,
    /// When the network is read for a route, and how long the next wait is.
    route: Option<(Duration, Duration)>,
    /// When a kind is listed, if it is.
    list: BTreeMap<Kind, Duration>,
    /// How often in a row a listing was refused.
    list_failures: BTreeMap<Kind, u32>,
    /// When endpoints of the CNI are looked for, if they are.
    look: Option<Duration>,
    look_wait: Duration,
    /// Objects to read.
    reads: Readings,
    /// The kinds whose next listing has every object read.
    every: BTreeSet<Kind>,
    /// Whether nothing may be changed before all of that is done.
    blocking: bool,
    /// How many listings in a row were empty that should not be.
    empty: BTreeMap<Kind, u8>,
    audit: Audit,
}

impl Survey {
    pub(super) fn set_audit_period(&mut self, period: Duration) {
        self.audit.set_period(period);
    }

    pub(super) fn new(audit_period: Duration) -> Self {
        Self {
            find_network: Some(Duration::ZERO),
            network_wait: NETWORK_FIRST,
            route: None,
            list: BTreeMap::new(),
            list_failures: BTreeMap::new(),
            look: None,
            look_wait: LOOK_FIRST,
            reads: Readings::default(),
            every: KINDS.into(),
            blocking: true,
            empty: BTreeMap::new(),
            audit: Audit::new(audit_period),
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
        self.audit.stop();
    }

    /// The network is looked for again, without holding anything up.
    pub(super) fn refresh_network(&mut self, due: Duration) {
        if self.find_network.is_none() {
            self.find_network = Some(due);
        }
    }

    /// Asking for the network failed, though HNS answers: it is asked for again.
    pub(super) fn network_is_unknown(&mut self, now: Duration) {
        self.find_network = Some(now + self.network_wait);
        self.network_wait = (self.network_wait * 2).min(NETWORK_LONGEST);
    }

    /// The network was not found, or HNS did not answer.
    pub(super) fn network_is_missing(&mut self, now: Duration) {
        self.network_is_unknown(now);
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

    /// There are backends that no route of the network is for: it is read again, less and less.
    pub(super) fn look_for_routes(&mut self, now: Duration) {
        if self.route.is_none() {
            self.route = Some((now, ROUTE_FIRST));
        }
    }

    /// Every backend has a route.
    pub(super) fn stop_looking_for_routes(&mut self) {
        self.route = None;
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

    /// Whether endpoints were looked for so long that they are looked for seldom now.
    pub(super) fn has_looked_long(&self) -> bool {
        self.look_wait == LOOK_LONGEST
    }

    /// Endpoints of the CNI are not waited for any more.
    pub(super) fn stop_looking(&mut self, now: Duration) {
        if self.look.is_some_and(|due| due > now) {
            self.look = None;
        }
    }

    pub(super) fn read(&mut self, kind: Kind, id: Guid) {
        self.reads.add(kind, id);
    }

    /// The object was read.
    pub(super) fn was_read(&mut self, kind: Kind, id: Guid) {
        self.reads.end(kind, id);
    }

    /// The object could not be read. True if nothing shall wait for it any more.
    pub(super) fn reading_failed(&mut self, kind: Kind, id: Guid, now: Duration) -> bool {
        self.reads.fail(kind, id, now)
    }

    /// Takes in a listing. Returns what is gone for sure; nothing is gone only because one listing lacks it.
    pub(super) fn listed(
        &mut self,
        kind: Kind,
        ids: &BTreeSet<Guid>,
        known: &BTreeSet<Guid>,
        now: Duration,
    ) -> Vec<Guid> {
        self.list_failures.remove(&kind);
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
        let compared = ids.intersection(known).copied().filter(|_| !every);
        self.audit.listed(kind, compared);
        for id in ids.iter().filter(|id| every || !known.contains(id)) {
            self.reads.add(kind, *id);
        }
        let gone = known.difference(ids).copied();
        if ids.is_empty() {
            return gone.collect();
        }
        gone.for_each(|id| self.reads.add(kind, id));
        Vec::new()
    }

    /// A listing failed: it is asked for again, later each time.
    pub(super) fn listing_failed(&mut self, kind: Kind, now: Duration) {
        self.audit.not_listed(kind);
        let failures = self.list_failures.entry(kind).or_default();
        let wait = LIST_FIRST.saturating_mul(1 << (*failures).min(12)).min(LIST_LONGEST);
        *failures = failures.saturating_add(1);
        self.list.insert(kind, now + wait);
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
            || self.reads.is_open();
        if !self.blocking || open {
            return false;
        }
        self.blocking = false;
        self.audit.rest(now);
        true
    }

    /// The next call that changes wait for, or that is due.
    pub(super) fn next(
        &mut self,
        network: Option<Guid>,
        name: Option<&str>,
        now: Duration,
    ) -> Option<Call> {
        if let Some((due, wait)) = self.route
            && due <= now
            && wait <= ROUTE_LONGEST
        {
            self.route = Some((now + wait, wait * 2));
            self.refresh_network(now);
        }
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
        let (kind, id) = self.reads.begin(now)?;
        Some(Call::Read { kind, id })
    }

    /// The next call of an audit.
    pub(super) fn next_of_audit(
        &mut self,
        network: Option<Guid>,
        name: Option<&str>,
        now: Duration,
    ) -> Option<Call> {
        let doubted = self.doubted();
        self.audit.next_call(network, name, &doubted, now)
    }

    /// The kinds whose last listing is not believed yet.
    fn doubted(&self) -> BTreeSet<Kind> {
        self.empty.keys().copied().collect()
    }

    /// A pass begins as soon as it may: something was seen that should not be.
    pub(super) fn audit_soon(&mut self, now: Duration) {
        self.audit.soon(now);
    }

    /// A call of an audit took `took`.
    pub(super) fn audited(&mut self, took: Duration, now: Duration) {
        self.audit.took(took, now);
    }

    /// Whether the next call of an audit is due.
    pub(super) fn audit_is_due(&self, now: Duration) -> bool {
        self.audit.next_due(&self.doubted()).is_some_and(|due| due <= now)
    }

    /// When there is something to read next, audits left out.
    pub(super) fn reading_due(&self) -> Option<Duration> {
        if self.blocking && self.find_network.is_some() {
            return self.find_network;
        }
        let lists = self.list.values().copied().chain(self.find_network);
        let due = lists.chain(self.reads.next_due());
        if self.blocking {
            return due.min();
        }
        let route = self.route.filter(|(_, wait)| *wait <= ROUTE_LONGEST).map(|(due, _)| due);
        due.chain(self.look).chain(route).min()
    }

    /// When there is something to read next.
    pub(super) fn next_due(&self) -> Option<Duration> {
        let audit = self.audit.next_due(&self.doubted()).filter(|_| !self.blocking);
        self.reading_due().into_iter().chain(audit).min()
    }

    /// How many audits have begun.
    pub(super) fn audits(&self) -> u64 {
        self.audit.passes()
    }
}
