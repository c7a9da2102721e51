//! What is to be known of a reconciler from outside.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use switchyard_hcn::{Guid, hresult};
use switchyard_model::ViewKey;

use super::Reconciler;
use super::delays::{Delay, Target};
use super::flights::MOST_ABANDONED;
use super::step::{Comparison, Found, Holder, compare};
use crate::key::{EndpointKey, LoadBalancerKey};
use crate::network::{NetworkTrouble, WindowsNetwork};
use crate::wanted::Role;

/// The blocks of 64 ports that Windows has for each protocol.
const PORT_BLOCKS: usize = 256;

/// What happened so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Changes that succeeded.
    pub changes: u64,
    /// Changes that HNS refused.
    pub failures: u64,
    /// Changes that HNS said yes to and did not make.
    pub lies: u64,
    /// Objects of ours that somebody else had changed or removed.
    pub drifts: u64,
    /// How often HNS was away.
    pub losses: u64,
    /// How often the network was another.
    pub network_changes: u64,
    /// Calls that were given up.
    pub abandoned: u64,
}

/// An object of HNS by what it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum HnsObject {
    /// An endpoint.
    Endpoint(EndpointKey),
    /// A load balancer.
    LoadBalancer(LoadBalancerKey),
}

/// A foreign object that we use, or that holds what we want.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Foreign {
    /// Its id.
    pub id: Guid,
    /// What it is.
    pub object: HnsObject,
    /// Whether it equals what is wanted and so is used.
    pub used: bool,
}

/// A local backend whose endpoint the CNI has not made yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// The endpoint that is missing.
    pub key: EndpointKey,
    /// The service ports that go without it.
    pub views: BTreeSet<ViewKey>,
}

/// Objects that are as they should be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unchanged {
    /// Remote endpoints.
    pub endpoints: BTreeSet<Guid>,
    /// Load balancers.
    pub load_balancers: BTreeSet<Guid>,
}

/// Where a reconciler stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Whether everything that is wanted has been attempted and nothing is read that changes wait for.
    pub settled: bool,
    /// Whether HNS answers and few enough calls are stuck that changes can be made.
    pub alive: bool,
    /// Why there is no network to work on.
    pub missing_network: Option<String>,
    /// What the network lacks.
    pub network_trouble: Option<NetworkTrouble>,
    /// Calls that were given up and have not answered yet.
    pub stuck_calls: usize,
    /// What they are for; it is left alone until they answer.
    pub quarantined: BTreeSet<Target>,
    /// How many load balancers are wanted.
    pub wanted_load_balancers: usize,
    /// How many endpoints are wanted, those of pods on this node included.
    pub wanted_endpoints: usize,
    /// How many load balancers of ours HNS holds.
    pub own_load_balancers: usize,
    /// How many endpoints of ours HNS holds.
    pub own_endpoints: usize,
    /// How many load balancers of ours HNS has in a broken state.
    pub degraded: usize,
    /// What failed and waits.
    pub delays: BTreeMap<Target, Delay>,
    /// Why the ledger could not be written.
    pub ledger_trouble: Option<String>,
    /// Blocks of ports that each protocol has left, at the most that Windows has.
    pub port_blocks_left: usize,
    /// Audits that have begun.
    pub audits: u64,
    /// What happened so far.
    pub counters: Counters,
}

impl Reconciler {
    /// The network, once it is found.
    #[must_use]
    pub fn network(&self) -> Option<&WindowsNetwork> {
        self.place.as_ref().map(|place| &place.network)
    }

    /// The addresses of the endpoints on this node.
    #[must_use]
    pub fn local_addresses(&self) -> BTreeSet<std::net::IpAddr> {
        let locals = self.observed.local_endpoints();
        locals.flat_map(switchyard_hcn::Endpoint::addresses).collect()
    }

    /// Why nothing can be made, where the network lacks something.
    #[must_use]
    pub fn trouble(&self) -> Option<&NetworkTrouble> {
        self.place.as_ref()?.trouble.as_ref()
    }

    /// What happened so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Whether few enough calls are stuck that changes can be made.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.flights.abandoned() < MOST_ABANDONED
    }

    /// Why `target` waits, if it does.
    #[must_use]
    pub fn delay(&self, target: Target) -> Option<&Delay> {
        self.delays.of(target)
    }

    /// Where it stands.
    #[must_use]
    pub fn standing(&self) -> Standing {
        let own: Vec<_> = self.observed.load_balancers().filter(|(_, found)| found.own).collect();
        let stuck_calls = self.flights.abandoned();
        Standing {
            settled: self.is_settled(),
            alive: stuck_calls < MOST_ABANDONED,
            missing_network: self.missing.clone(),
            network_trouble: self.trouble().cloned(),
            stuck_calls,
            quarantined: self.flights.quarantined().collect(),
            wanted_load_balancers: self.wanted.load_balancers().count(),
            wanted_endpoints: self.wanted.endpoints().count(),
            degraded: own.iter().filter(|(_, found)| found.degraded).count(),
            own_load_balancers: own.len(),
            own_endpoints: self.observed.endpoints().filter(|(_, found)| found.own).count(),
            delays: self.delays.iter().map(|(target, delay)| (*target, delay.clone())).collect(),
            ledger_trouble: self.ledger_trouble.clone(),
            port_blocks_left: self.port_blocks_left(),
            audits: self.survey.audits(),
            counters: self.counters,
        }
    }

    /// Since when, at most, a change of what is wanted waits to be attempted for the first time.
    #[must_use]
    pub fn waits_since(&self) -> Option<Duration> {
        let generation = &self.queue.generation;
        (!generation.left.is_empty()).then_some(generation.since)
    }

    /// Whether everything that is wanted has been attempted, and nothing is read that changes wait for.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.views.revision().is_some()
            && self.place.as_ref().is_some_and(|place| place.trouble.is_none())
            && !self.survey.is_blocking()
            && self.queue.is_empty()
            && self.flights.active() == 0
    }

    /// Whether what is on the network, which is there, is read before anything is changed.
    #[must_use]
    pub fn reads_first(&self) -> bool {
        self.survey.is_blocking() && self.missing.is_none() && self.place.is_some()
    }

    /// The word for why something waits, as conditions have it.
    #[must_use]
    pub fn condition(&self, target: Target, delay: &Delay) -> &'static str {
        match (target, delay.hresult) {
            _ if delay.contested => "Contested",
            (Target::LoadBalancer(_), Some(hresult::E_OUTOFMEMORY)) => "PortPoolExhausted",
            (Target::LoadBalancer(_), Some(hresult::HCN_E_PORT_ALREADY_EXISTS))
                if self.port_blocks_left() == 0 =>
            {
                "PortPoolExhausted"
            }
            (Target::LoadBalancer(_), Some(hresult::HCN_E_PORT_ALREADY_EXISTS)) => "PortInUse",
            (Target::LoadBalancer(_) | Target::Endpoint(_), _) => "NotProgrammed",
            (Target::Stray(..), _) => "NotRemoved",
        }
    }

    fn port_blocks_left(&self) -> usize {
        let non_dsr = self
            .observed
            .load_balancers()
            .filter(|(_, found)| !found.flags.contains(switchyard_hcn::LoadBalancerFlags::DSR));
        PORT_BLOCKS.saturating_sub(non_dsr.count())
    }

    /// The objects that equal what is wanted: endpoints we made or use that are not on this node, and load balancers.
    #[must_use]
    pub fn unchanged(&self) -> Unchanged {
        let mut unchanged = Unchanged::default();
        for (address, wanted) in self.wanted.endpoints() {
            if wanted.role() != Some(Role::Local)
                && let Found::Usable(id) = self.endpoint_for(address)
                && self.observed.endpoint(id).is_some_and(|found| found.remote)
            {
                unchanged.endpoints.insert(id);
            }
        }
        for (key, wanted) in self.wanted.load_balancers() {
            let endpoints = self.usable_endpoints(wanted);
            if let Holder::Equal(id) = self.holder(key, wanted, &endpoints) {
                unchanged.load_balancers.insert(id);
            }
        }
        unchanged
    }

    /// The objects of other owners that we use, or that hold a frontend we want.
    #[must_use]
    pub fn foreign(&self) -> Vec<Foreign> {
        let mut foreign = Vec::new();
        let Some(network) = self.network().map(|network| network.id) else { return foreign };
        for (address, _) in self.wanted.endpoints() {
            let Found::Usable(id) = self.endpoint_for(address) else { continue };
            let object = HnsObject::Endpoint(EndpointKey { network, address });
            if self.observed.endpoint(id).is_some_and(|found| found.remote && !found.own) {
                foreign.push(Foreign { id, object, used: true });
            }
        }
        for (key, wanted) in self.wanted.load_balancers() {
            let endpoints = self.usable_endpoints(wanted);
            for (id, holder) in self.observed.holders(key).filter(|(_, holder)| !holder.own) {
                let used = compare(holder, wanted, key, &endpoints) == Comparison::Equal;
                foreign.push(Foreign { id, object: HnsObject::LoadBalancer(*key), used });
            }
        }
        foreign
    }

    /// The local backends whose endpoints the CNI has not made yet.
    #[must_use]
    pub fn waiting(&self) -> Vec<Waiting> {
        let Some(network) = self.network().map(|network| network.id) else { return Vec::new() };
        let key = |address| EndpointKey { network, address };
        let absent = self.absent.iter().copied();
        absent.map(|own| Waiting { key: key(own), views: self.wanted.views_at(own) }).collect()
    }

    /// The load balancers that hold a frontend we want and that are not ours to change.
    #[must_use]
    pub fn held_by_others(&self) -> Vec<LoadBalancerKey> {
        let held = self.wanted.load_balancers();
        held.filter(|(key, wanted)| self.is_held_by_another(key, wanted))
            .map(|(key, _)| *key)
            .collect()
    }

    /// The endpoints of a load balancer in HNS, for whoever plans on paper.
    pub(crate) fn endpoints_of(&self, id: Guid) -> Vec<Guid> {
        let found = self.observed.load_balancer(id);
        found.map(|found| found.endpoints.to_vec()).unwrap_or_default()
    }

    /// The addresses that a load balancer in HNS has or rewrites to, for whoever plans on paper.
    pub(crate) fn addresses_of(&self, id: Guid) -> BTreeSet<std::net::IpAddr> {
        self.observed.load_balancer(id).map(|found| found.addresses()).unwrap_or_default()
    }
}
