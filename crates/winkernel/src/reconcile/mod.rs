//! From what is in HNS to what should be, one call after the other.
//!
//! A state machine without I/O. It is told what is wanted ([`Reconciler::view`]), what came of calls
//! ([`Reconciler::call_done`]) and that HNS went away ([`Reconciler::service_lost`]); [`Reconciler::next`] says the call to
//! make. It holds which objects may differ, not a queue of calls: the most urgent of them is compared at the moment it is
//! asked, so that the newest state always wins. Planning is the same machine run to its end with every call assumed to
//! succeed.
//!
//! * `survey`: what is read of HNS, and when;
//! * `step`: the next change for one object;
//! * `settle`: what came of a call;
//! * `delays`: what failed, and when it is tried again;
//! * `flights`: what is under way;
//! * `trust`: what HNS has been seen to do with what it is told;
//! * `standing`: what is to be known of all this from outside.

mod delays;
mod flights;
mod settle;
mod standing;
mod step;
mod survey;
mod trust;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use switchyard_hcn::{Guid, Network, Version};
use switchyard_model::{Family, ViewEvent, ViewSet};

use self::delays::Delays;
use self::flights::{Flights, MOST_ABANDONED};
use self::step::Step;
use self::survey::Survey;
use self::trust::Trust;
use crate::backends::Place;
use crate::call::{Call, CallId, Change};
use crate::key::LoadBalancerKey;
use crate::ledger::{Kind, Ledger};
use crate::network::{NetworkTrouble, WindowsNetwork};
use crate::observed::Observed;
use crate::operation::{Operation, Subject, Verb};
use crate::settings::ReconcilerSettings;
use crate::wanted::{Rank, Role, Surroundings, Touched, Wanted, WantedEndpoint};

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
    /// Whether HNS did not answer the last time.
    outage: bool,
    /// Why the ledger could not be written.
    ledger_trouble: Option<String>,
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
    /// A frontend whose old load balancer is gone and whose new one must follow at once.
    replacing: Option<LoadBalancerKey>,
    /// The same until that is done.
    replaced: Option<LoadBalancerKey>,
    /// What is tried again, and how it had failed.
    retrying: BTreeMap<Target, Delay>,
    /// How many changes were made since something was removed that nobody wants.
    since_stray: u32,
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
            outage: false,
            ledger_trouble: None,
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

    /// Takes a part of the ViewStream in. Nothing of a batch counts before all of it was said.
    pub fn view(&mut self, events: impl IntoIterator<Item = ViewEvent>, now: Duration) {
        for event in events {
            let complete = matches!(event, ViewEvent::Synced { .. });
            self.staged.push(event);
            if complete {
                let batch = std::mem::take(&mut self.staged);
                self.take_in(batch, now);
            }
        }
    }

    fn take_in(&mut self, batch: Vec<ViewEvent>, now: Duration) {
        let anew = self.views.revision().is_none()
            || batch.iter().any(|event| matches!(event, ViewEvent::Reset | ViewEvent::Node(_)));
        if anew {
            self.views.extend(batch);
            self.want_anew(now);
            return;
        }
        let mut touched = Touched::default();
        for event in batch {
            if let (Some(place), Some(node)) = (&self.place, self.views.node())
                && place.trouble.is_none()
            {
                let around = Surroundings {
                    node,
                    network: &place.network,
                    priority_services: &self.settings.priority_services,
                };
                match &event {
                    ViewEvent::Upsert(view) => self.wanted.upsert(view, around, &mut touched),
                    ViewEvent::Remove(key) => self.wanted.remove(key, &mut touched),
                    ViewEvent::Reset | ViewEvent::Node(_) | ViewEvent::Synced { .. } => {}
                }
            }
            self.views.apply(event);
        }
        self.touch(&touched, now);
    }

    /// Computes everything that is wanted anew: the node or the network is another.
    fn want_anew(&mut self, now: Duration) {
        let Some(place) = &self.place else { return };
        let network = self.network_as_seen(place);
        let trouble = network.check(&place.document.name).err();
        let priority = &self.settings.priority_services;
        let usable = trouble.is_none();
        let wanted = Wanted::new(&self.views, &network, priority).filter(|_| usable);
        if let Some(place) = &mut self.place {
            place.trouble = trouble;
            place.network = network;
        }
        let Some(wanted) = wanted else { return };
        self.wanted = wanted;
        self.look_at_everything();
        let here = |(address, endpoint): (IpAddr, &WantedEndpoint)| {
            (endpoint.role() == Some(Role::Local)).then_some(address)
        };
        self.absent = self.wanted.endpoints().filter_map(here).collect();
        let found = |address: &IpAddr| !self.has_local_endpoint(*address);
        self.absent = self.absent.iter().copied().filter(found).collect();
        if !self.absent.is_empty() {
            self.survey.look_for_new_pods(now);
        }
    }

    /// The network as the settings, the Node and what HNS holds make it.
    fn network_as_seen(&self, place: &Located) -> WindowsNetwork {
        let locals = self.observed.local_endpoints();
        let windows = &self.settings.windows;
        let mut network = WindowsNetwork::new(&place.document, locals, place.version, windows);
        if network.provider_address.is_none() {
            network.provider_address =
                self.views.node().and_then(|node| node.primary(Family::IPv4));
        }
        if let Some(too_many) = self.trust.too_many_backends {
            network.most_backends = network.most_backends.min(too_many);
        }
        network
    }

    /// Everything may differ.
    fn look_at_everything(&mut self) {
        let wanted = self.wanted.load_balancers();
        self.queue.dirty = wanted.map(|(key, wanted)| (wanted.rank, *key)).collect();
        let endpoints = self.observed.endpoints().filter(|(_, endpoint)| endpoint.own);
        let load_balancers =
            self.observed.load_balancers().filter(|(_, load_balancer)| load_balancer.own);
        let strays = endpoints.map(|(id, _)| (Kind::Endpoint, id));
        let strays = strays.chain(load_balancers.map(|(id, _)| (Kind::LoadBalancer, id)));
        self.queue.strays = strays.collect();
    }

    fn has_local_endpoint(&self, address: IpAddr) -> bool {
        self.observed.endpoints_at(address).any(|(_, endpoint)| !endpoint.remote)
    }

    /// Something else is wanted: what follows from it may differ.
    fn touch(&mut self, touched: &Touched, now: Duration) {
        for key in &touched.load_balancers {
            self.dirty(key);
            let holders = self.observed.holders(key).filter(|(_, holder)| holder.own);
            self.queue.strays.extend(holders.map(|(id, _)| (Kind::LoadBalancer, id)));
            self.delays.take(Target::LoadBalancer(*key));
        }
        for address in &touched.endpoints {
            let own = self.observed.endpoints_at(*address).filter(|(_, endpoint)| endpoint.own);
            self.queue.strays.extend(own.map(|(id, _)| (Kind::Endpoint, id)));
            let role = self.wanted.endpoint(*address).and_then(|endpoint| endpoint.role());
            let is_new = !self.absent.contains(address);
            self.note_absence(*address);
            let is_new_here = is_new && self.absent.contains(address);
            // A pod that was here and is elsewhere now: its endpoint may be gone.
            let was_here = role == Some(Role::Remote) && self.has_local_endpoint(*address);
            if is_new_here || was_here {
                self.survey.look_for_new_pods(now);
            }
            self.look_for_route(*address, role, now);
        }
        for address in &touched.reshaped {
            self.dirty_users(*address);
        }
    }

    /// A backend that no route of an overlay is for: a node may have joined, so that the network is read again.
    fn look_for_route(&mut self, address: IpAddr, role: Option<Role>, now: Duration) {
        let Some(place) = &self.place else { return };
        let unknown = place.network.overlay
            && role == Some(Role::Remote)
            && Place::provider(address, &place.network) == place.network.provider_address;
        if unknown {
            self.survey.refresh_network(now);
        }
    }

    fn dirty(&mut self, key: &LoadBalancerKey) {
        if let Some(wanted) = self.wanted.load_balancer(key) {
            self.queue.dirty.insert((wanted.rank, *key));
        }
    }

    fn dirty_users(&mut self, address: IpAddr) {
        let Some(endpoint) = self.wanted.endpoint(address) else { return };
        for key in endpoint.users() {
            if let Some(wanted) = self.wanted.load_balancer(key) {
                self.queue.dirty.insert((wanted.rank, *key));
            }
        }
    }

    /// HNS went away, or says so. What it holds when it is back has to be read.
    pub fn service_lost(&mut self, now: Duration) {
        if self.paper {
            return;
        }
        self.counters.losses += 1;
        self.trust.forget_proofs();
        self.survey.begin_anew(now);
        self.delays.all_due(now);
    }

    /// The next call to make at `now`; `None` while nothing can or has to be done. Whoever takes it must tell what came of
    /// it by [`Reconciler::call_done`].
    #[must_use = "the call has to be made"]
    pub fn next(&mut self, now: Duration) -> Option<(CallId, Call)> {
        if let Some(reading) = self.next_reading(now) {
            return Some(reading);
        }
        let is_alone = self.flights.active() == 0;
        if !self.may_begin() || self.flights.is_surveying() {
            return None;
        }
        if self.survey.is_blocking() || self.place.is_none() {
            return None;
        }
        while let Some((target, earlier)) = self.delays.pop_due(now) {
            self.retry(target, earlier);
        }
        if let Some(step) = self.next_change() {
            return Some(self.change(step, now));
        }
        if !is_alone || self.paper {
            return None;
        }
        let network = self.place.as_ref().map(|place| place.network.id);
        let name = self.settings.network_name.clone();
        if let Some(call) = self.next_of_ledger() {
            return Some((self.flights.begin(call.clone(), None, now), call));
        }
        let call = self.survey.next_of_audit(network, name.as_deref(), now)?;
        Some((self.flights.begin_audit(call.clone(), now), call))
    }

    /// As [`Reconciler::next`], but only what has to be read before anything is changed.
    #[must_use = "the call has to be made"]
    pub fn next_reading(&mut self, now: Duration) -> Option<(CallId, Call)> {
        self.abandon(now);
        // Where changes are under way, what a listing says of them would be of before or after.
        if self.paper || !self.may_begin() || self.flights.active() > 0 {
            return None;
        }
        self.survey.end_blocking(now);
        if self.absent.is_empty() {
            self.survey.stop_looking(now);
        } else if !self.survey.is_blocking() {
            self.survey.look_again(now);
        }
        let network = self.place.as_ref().map(|place| place.network.id);
        let name = self.settings.network_name.clone();
        let call = self.survey.next(network, name.as_deref(), now)?;
        Some((self.flights.begin(call.clone(), None, now), call))
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
        let delays = self.delays.next_due().filter(|_| !self.survey.is_blocking());
        [survey, delays, deadline].into_iter().flatten().min()
    }

    /// Gives calls up that are past their deadline. A reading is asked for anew; what a change was about is left alone until
    /// it answers.
    fn abandon(&mut self, now: Duration) {
        for call in self.flights.abandon(now) {
            self.counters.abandoned += 1;
            match call {
                Call::FindNetwork { .. } => self.survey.refresh_network(now),
                Call::List { kind, .. } | Call::Read { kind, .. } => {
                    self.survey.listing_failed(kind, now)
                }
                Call::Change(_) | Call::WriteLedger { .. } | Call::RemoveLedger => {}
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
        if let Some(key) = self.queue.replacing.take()
            && let Some(step) = self.step_towards(&key)
        {
            return Some(step);
        }
        // What is not needed any more waits for everything that is, but not for ever.
        self.queue.since_stray += 1;
        if self.queue.since_stray >= PATIENCE
            && let Some(step) = self.next_stray()
        {
            return Some(step);
        }
        while let Some((_, key)) = self.queue.dirty.pop_first() {
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
        (self.flights.begin(call.clone(), Some((target, earlier)), now), call)
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
    fn next_of_ledger(&mut self) -> Option<Call> {
        if self.trust.needs_no_ledger() {
            if self.ledger.is_empty() && !self.ledger.has_unwritten() {
                return None;
            }
            self.ledger.clear();
            return Some(Call::RemoveLedger);
        }
        let written = self.ledger.has_unwritten();
        written.then(|| Call::WriteLedger { lines: self.ledger.take_unwritten() })
    }
}

impl Queue {
    fn is_empty(&self) -> bool {
        self.dirty.is_empty() && self.strays.is_empty() && self.replacing.is_none()
    }
}
