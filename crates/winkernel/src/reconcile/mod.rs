//! From what is in HNS to what should be, one call after the other.
//!
//! A state machine without I/O. It is told what is wanted ([`Reconciler::view`]), what came of calls
//! ([`Reconciler::call_done`]) and that HNS went away ([`Reconciler::service_lost`]); [`Reconciler::next`] says the call to
//! make. It holds which objects may differ, not a queue of calls: the most urgent of them is compared at the moment it is
//! asked, so that the newest state always wins. Planning is the same machine run to its end with every call assumed to
//! succeed.
//!
//! * `intake`: what is wanted, as it changes;
//! * `survey`: what is read of HNS, and when;
//! * `step`: the next change for one object;
//! * `settle`: what came of a call;
//! * `seen`: what is seen of HNS: networks, listings, objects;
//! * `delays`: what failed, and when it is tried again;
//! * `flights`: what is under way;
//! * `trust`: what HNS has been seen to do with what it is told;
//! * `standing`: what is to be known of all this from outside.

mod delays;
mod flights;
mod intake;
mod seen;
mod settle;
mod standing;
mod step;
mod survey;
mod trust;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use switchyard_hcn::{Guid, Network, Version};
use switchyard_model::{ViewEvent, ViewKey, ViewSet};

use self::delays::Delays;
use self::flights::{Flights, MOST_ABANDONED};
use self::step::Step;
use self::survey::Survey;
use self::trust::Trust;
use crate::call::{Call, CallId, Change};
use crate::key::LoadBalancerKey;
use crate::ledger::{Kind, Ledger};
use crate::network::{NetworkTrouble, WindowsNetwork};
use crate::observed::Observed;
use crate::operation::{Operation, Subject, Verb};
use crate::settings::ReconcilerSettings;
use crate::wanted::{Rank, Wanted};

pub use self::delays::{Delay, Target};
pub use self::standing::{Counters, Foreign, HnsObject, Standing, Unchanged, Waiting};

/// After how many changes something is removed that nobody wants, even while more is wanted.
const PATIENCE: u32 = 32;

/// The state between what is in HNS and what should be.
#[derive(Debug, Clone)]
pub struct Reconciler {
    settings: ReconcilerSettings,
    /// Whether it is run on paper: nothing is read, and all that is said is believed.
    paper: bool,
    views: ViewSet,
    /// What the ViewStream said since the last batch that it said completely.
    staged: Vec<ViewEvent>,
    place: Option<Located>,
    /// Why there is no network.
    missing: Option<String>,
    wanted: Wanted,
    observed: Observed,
    ledger: Ledger,
    queue: Queue,
    delays: Delays,
    flights: Flights,
    survey: Survey,
    trust: Trust,
    /// When something was last repaired that somebody else had changed.
    repaired: BTreeMap<Target, Duration>,
    /// The backends on this node that lack an endpoint.
    absent: BTreeSet<IpAddr>,
    /// The backends elsewhere that have an endpoint on this node, which is about to go.
    leaving: BTreeSet<IpAddr>,
    /// The views with a backend that an overlay has no route to.
    without_route: BTreeSet<ViewKey>,
    /// Counts how often everything known was given up.
    epoch: u64,
    /// Whether HNS did not answer the last time.
    outage: bool,
    /// Why the ledger could not be written, and when it is written anew.
    ledger_trouble: Option<String>,
    rewrite_ledger: Option<Duration>,
    counters: Counters,
}

/// The network, once it is found.
#[derive(Debug, Clone)]
struct Located {
    document: Network,
    version: Version,
    network: WindowsNetwork,
    trouble: Option<NetworkTrouble>,
}

/// What may differ from what is wanted.
#[derive(Debug, Clone, Default)]
struct Queue {
    /// Load balancers, the most urgent first.
    dirty: BTreeSet<(Rank, LoadBalancerKey)>,
    /// Our objects that nobody may want any more.
    strays: BTreeSet<(Kind, Guid)>,
    /// Frontends whose old load balancer is gone and whose new one must follow at once.
    replacing: BTreeSet<LoadBalancerKey>,
    /// The same until that is done.
    replaced: BTreeSet<LoadBalancerKey>,
    /// What is tried again, and how it had failed.
    retrying: BTreeMap<Target, Delay>,
    /// How many changes were made since something was removed that nobody wants.
    since_stray: u32,
    /// How many changes were made since an audit read something.
    since_audit: u32,
    /// Those that waited at one moment and were not attempted since.
    generation: Generation,
}

/// The load balancers that waited at one moment. When all of them were attempted the next such generation begins; so it is known
/// for how long at most anything waits, however fast more comes.
#[derive(Debug, Clone, Default)]
struct Generation {
    left: BTreeSet<LoadBalancerKey>,
    /// When the first of them began to wait.
    since: Duration,
    /// When the first of those began to wait that came later.
    next_since: Option<Duration>,
}

impl Queue {
    /// More may wait since `now`.
    fn note(&mut self, now: Duration) {
        if self.dirty.is_empty() {
            return;
        }
        if self.generation.left.is_empty() {
            let left = self.dirty.iter().map(|(_, key)| *key).collect();
            self.generation = Generation { left, since: now, next_since: None };
        } else {
            self.generation.next_since.get_or_insert(now);
        }
    }

    /// `key` is attempted now.
    fn attempt(&mut self, key: LoadBalancerKey) {
        let generation = &mut self.generation;
        if generation.left.remove(&key) && generation.left.is_empty() {
            let since = generation.next_since.take();
            if let Some(since) = since {
                self.note(since);
            }
        }
    }
}

impl Reconciler {
    /// One that knows nothing yet, with what an earlier run wrote down.
    #[must_use]
    pub fn new(settings: ReconcilerSettings, ledger: Ledger) -> Self {
        let survey = Survey::new(settings.audit_period);
        Self {
            settings,
            paper: false,
            views: ViewSet::default(),
            staged: Vec::new(),
            place: None,
            missing: None,
            wanted: Wanted::default(),
            observed: Observed::default(),
            ledger,
            queue: Queue::default(),
            delays: Delays::default(),
            flights: Flights::default(),
            survey,
            trust: Trust::default(),
            repaired: BTreeMap::new(),
            absent: BTreeSet::new(),
            leaving: BTreeSet::new(),
            without_route: BTreeSet::new(),
            epoch: 0,
            outage: false,
            ledger_trouble: None,
            rewrite_ledger: None,
            counters: Counters::default(),
        }
    }

    /// The same as it is now, to be run on paper: it reads nothing more, and believes whatever it is told.
    #[must_use]
    pub fn on_paper(&self) -> Self {
        let mut paper = self.clone();
        paper.paper = true;
        paper.trust = Trust::blind();
        paper.survey = Survey::settled();
        paper.flights = Flights::default();
        paper.delays = Delays::default();
        paper.settings.writers = 1;
        paper.look_at_everything();
        paper
    }

    /// HNS went away, or says so. What it holds when it is back has to be read.
    pub fn service_lost(&mut self, now: Duration) {
        if self.paper {
            return;
        }
        self.counters.losses += 1;
        self.epoch += 1;
        self.trust.forget_proofs();
        self.survey.begin_anew(now);
        self.delays.all_due(now);
    }

    /// The next call to make at `now`; `None` while nothing can or has to be done. Whoever takes it must tell what came of
    /// it by [`Reconciler::call_done`].
    #[must_use = "the call has to be made"]
    pub fn next(&mut self, now: Duration) -> Option<(CallId, Call)> {
        self.abandon(now);
        if self.may_change()
            && !self.flights.is_surveying()
            && let Some(step) = self.next_replacement()
        {
            return Some(self.change(step, now));
        }
        if let Some(reading) = self.next_reading(now) {
            return Some(reading);
        }
        // Nothing new is begun while a reading waits for what is under way.
        let reading_waits = self.survey.reading_due().is_some_and(|due| due <= now);
        if self.flights.is_surveying() || (reading_waits && !self.paper) {
            return None;
        }
        if !self.may_change() {
            let alone = self.flights.active() == 0 && !self.paper && self.may_begin();
            return (alone && !self.survey.is_blocking())
                .then(|| self.next_of_audit(now))
                .flatten();
        }
        if self.queue.since_audit >= PATIENCE && self.survey.audit_is_due(now) && !self.paper {
            if self.flights.active() > 0 {
                return None;
            }
            self.queue.since_audit = 0;
            if let Some(call) = self.next_of_audit(now) {
                return Some(call);
            }
        }
        while let Some((target, earlier)) = self.delays.pop_due(now) {
            self.retry(target, earlier);
        }
        if let Some(step) = self.next_change() {
            return Some(self.change(step, now));
        }
        if self.flights.active() > 0 || self.paper {
            return None;
        }
        if let Some(call) = self.next_of_ledger(now) {
            return Some((self.flights.begin(call.clone(), None, self.epoch, now), call));
        }
        self.next_of_audit(now)
    }

    /// The next call of an audit.
    fn next_of_audit(&mut self, now: Duration) -> Option<(CallId, Call)> {
        let network = self.place.as_ref().map(|place| place.network.id);
        let name = self.settings.network_name.as_deref();
        let call = self.survey.next_of_audit(network, name, now)?;
        Some((self.flights.begin_audit(call.clone(), self.epoch, now), call))
    }

    /// Whether a change may be begun: what is wanted is known, and what there is was read.
    fn may_change(&self) -> bool {
        let usable = self.place.as_ref().is_some_and(|place| place.trouble.is_none());
        usable && self.views.revision().is_some() && !self.survey.is_blocking() && self.may_begin()
    }

    /// As [`Reconciler::next`], but only what has to be read before anything is changed.
    #[must_use = "the call has to be made"]
    pub fn next_reading(&mut self, now: Duration) -> Option<(CallId, Call)> {
        self.abandon(now);
        // Where changes are under way, what a listing says of them would be of before or after.
        if self.paper || !self.may_begin() || self.flights.active() > 0 {
            return None;
        }
        if self.survey.end_blocking(now) {
            // What a load balancer still names is there, whatever a listing says that comes empty again and again.
            let is_named = |id| self.observed.referrers(id).next().is_some();
            self.ledger.retain(|kind, id| {
                self.observed.contains(kind, id) || (kind == Kind::Endpoint && is_named(id))
            });
        }
        if self.is_looking_for_endpoints() {
            self.survey.look_again(now);
        } else {
            self.survey.stop_looking(now);
        }
        let network = self.place.as_ref().map(|place| place.network.id);
        let call = self.survey.next(network, self.settings.network_name.as_deref(), now)?;
        Some((self.flights.begin(call.clone(), None, self.epoch, now), call))
    }

    /// Whether an endpoint on this node is waited for: a pod's, the source VIP's, the node's own; or one is waited to go.
    fn is_looking_for_endpoints(&self) -> bool {
        if self.survey.is_blocking() {
            return false;
        }
        let Some(place) = &self.place else { return false };
        let lacks_source = matches!(place.trouble, Some(NetworkTrouble::NoSourceVip { .. }));
        let windows = &self.settings.windows;
        let lacks_root = windows.forward_health_check_vip && place.network.root_endpoint.is_none();
        let leaving = !self.leaving.is_empty() && !self.survey.has_looked_long();
        !self.absent.is_empty() || lacks_source || lacks_root || leaving
    }

    /// Whether one more call may be under way.
    fn may_begin(&self) -> bool {
        self.flights.active() < self.settings.writers.max(1)
            && self.flights.abandoned() < MOST_ABANDONED
    }

    /// When [`Reconciler::next`] is to be asked again at the latest, if nothing is told before. A time that has passed means
    /// now.
    #[must_use]
    pub fn wake(&self) -> Option<Duration> {
        let deadline = self.flights.next_deadline();
        if !self.may_begin() || self.flights.is_surveying() {
            return deadline;
        }
        let survey = self.survey.next_due().filter(|_| self.flights.active() == 0);
        let delays = self.delays.next_due().filter(|_| self.may_change());
        let ledger = self.rewrite_ledger.filter(|_| self.may_change());
        [survey, delays, ledger, deadline].into_iter().flatten().min()
    }

    /// Gives calls up that are past their deadline. A reading is asked for anew; what a change was about is left alone until
    /// it answers.
    fn abandon(&mut self, now: Duration) {
        for call in self.flights.abandon(now) {
            self.counters.abandoned += 1;
            match call {
                Call::FindNetwork { .. } => self.survey.refresh_network(now),
                Call::List { kind, .. } => self.survey.listing_failed(kind, now),
                Call::Read { kind, id } => drop(self.survey.reading_failed(kind, id, now)),
                // Others that need the same go on without it.
                Call::Change(change) => self.dirty_object(&change.operation.subject),
                Call::WriteLedger { .. } | Call::RewriteLedger { .. } | Call::RemoveLedger => {}
            }
        }
    }

    /// Something that had failed is tried again.
    fn retry(&mut self, target: Target, earlier: Delay) {
        self.queue.retrying.insert(target, earlier);
        match target {
            Target::LoadBalancer(key) => self.dirty(&key),
            Target::Endpoint(address) => self.dirty_users(address),
            Target::Stray(kind, id) => drop(self.queue.strays.insert((kind, id))),
        }
    }

    /// The next change that can be made.
    fn next_change(&mut self) -> Option<Step> {
        self.queue.since_audit = self.queue.since_audit.saturating_add(1);
        // What is not needed any more waits for everything that is, but not for ever.
        self.queue.since_stray += 1;
        if self.queue.since_stray >= PATIENCE
            && let Some(step) = self.next_stray()
        {
            return Some(step);
        }
        while let Some((_, key)) = self.queue.dirty.pop_first() {
            self.queue.attempt(key);
            if let Some(step) = self.step_towards(&key) {
                return Some(step);
            }
        }
        if let Some(step) = self.next_stray() {
            return Some(step);
        }
        self.queue.retrying.clear();
        None
    }

    /// The load balancer that must follow one that was removed to be replaced.
    fn next_replacement(&mut self) -> Option<Step> {
        while let Some(key) = self.queue.replacing.pop_first() {
            if let Some(step) = self.step_towards(&key) {
                return Some(step);
            }
        }
        None
    }

    /// The next object of ours to remove. Load balancers first: they hold endpoints.
    fn next_stray(&mut self) -> Option<Step> {
        while let Some((kind, id)) = self.queue.strays.pop_last() {
            if let Some(step) = self.removal(kind, id) {
                self.queue.since_stray = 0;
                return Some(step);
            }
        }
        None
    }

    /// Begins a change.
    fn change(&mut self, step: Step, now: Duration) -> (CallId, Call) {
        let Step { operation, target } = step;
        let network = self.place.as_ref().map_or(Guid::NIL, |place| place.network.id);
        let kind = operation.kind();
        self.write_down(&operation);
        let change = Change {
            network,
            read_back: self.trust.must_read_back(operation.verb, kind),
            ledger: self.ledger.take_unwritten(),
            operation,
        };
        let earlier = self.queue.retrying.remove(&target);
        let call = Call::Change(Box::new(change));
        let id = self.flights.begin(call.clone(), Some((target, earlier)), self.epoch, now);
        (id, call)
    }

    /// Notes what will be made, where it is not known that HNS keeps who made it.
    fn write_down(&mut self, operation: &Operation) {
        let kind = operation.kind();
        if operation.verb != Verb::Create || self.paper || !self.trust.needs_ledger(kind) {
            return;
        }
        if let Some((key, digest)) = operation.entry() {
            let noted = self.equals_of(operation, &digest);
            self.ledger.will_make(kind, key, digest, noted);
        }
    }

    /// The objects that are now as the operation will make one.
    fn equals_of(&self, operation: &Operation, digest: &str) -> Vec<Guid> {
        match &operation.subject {
            Subject::Endpoint { key, .. } => {
                let at = self.observed.endpoints_at(key.address);
                let equal = at.filter(|(_, endpoint)| {
                    endpoint
                        .shape
                        .is_some_and(|shape| crate::observed::endpoint_digest(shape) == digest)
                });
                equal.map(|(id, _)| id).collect()
            }
            Subject::LoadBalancer { key: Some(key), .. } => {
                let holders = self.observed.holders(key);
                holders.filter(|(_, holder)| holder.digest() == digest).map(|(id, _)| id).collect()
            }
            Subject::LoadBalancer { key: None, .. } => Vec::new(),
        }
    }

    /// What is to be done about the ledger while nothing else is.
    fn next_of_ledger(&mut self, now: Duration) -> Option<Call> {
        if self.rewrite_ledger.is_some_and(|due| due > now) {
            return None;
        }
        let had_failed = self.rewrite_ledger.take().is_some();
        if self.trust.needs_no_ledger() {
            if self.ledger.is_empty() && !self.ledger.has_unwritten() && !had_failed {
                return None;
            }
            self.ledger.clear();
            return Some(Call::RemoveLedger);
        }
        if had_failed || self.ledger.is_overgrown() {
            return Some(Call::RewriteLedger { lines: self.ledger.whole() });
        }
        let written = self.ledger.has_unwritten();
        written.then(|| Call::WriteLedger { lines: self.ledger.take_unwritten() })
    }
}

impl Queue {
    fn is_empty(&self) -> bool {
        self.dirty.is_empty() && self.strays.is_empty() && self.replacing.is_empty()
    }
}
