//! From what is in HNS to what should be, one call after the other.
//!
//! A state machine without I/O. It holds which load balancers may differ, not a queue of calls: [`Reconciler::next`] takes
//! the most urgent of them and compares it at that moment. Planning is the same machine run to its end with every call
//! assumed to succeed.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use switchyard_hcn::{
    Client, ClientError, Endpoint, EndpointFlags, Guid, IpConfiguration, LoadBalancer, Version,
};
use switchyard_model::ViewKey;

use crate::identity::{GENERATIONS, OWNER, endpoint_id, load_balancer_id};
use crate::key::{EndpointKey, LoadBalancerKey};
use crate::network::WindowsNetwork;
use crate::observed::{Observed, ObservedEndpoint, ObservedLoadBalancer};
use crate::operation::{Operation, Reason, Subject, Verb};
use crate::wanted::{EndpointKind, Rank, Wanted, WantedLoadBalancer};

/// The state between what is in HNS and what should be.
#[derive(Debug)]
pub struct Reconciler {
    network: WindowsNetwork,
    wanted: Wanted,
    observed: Observed,
    /// The load balancers to look at, the most urgent first.
    dirty: BTreeSet<(Rank, LoadBalancerKey)>,
    /// Our load balancers and endpoints that nobody may want any more.
    unwanted_load_balancers: BTreeSet<Guid>,
    unwanted_endpoints: BTreeSet<Guid>,
    /// A frontend whose old load balancer is gone and whose new one must follow at once, and why.
    replacing: Option<LoadBalancerKey>,
    /// Objects that a call failed for; they are left as they are.
    failed: BTreeSet<Guid>,
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

/// An object of HNS by what it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum HnsObject {
    /// An endpoint.
    Endpoint(EndpointKey),
    /// A load balancer.
    LoadBalancer(LoadBalancerKey),
}

/// A local backend whose endpoint the CNI has not made yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// The endpoint that is missing.
    pub key: EndpointKey,
    /// The service ports that go without it.
    pub views: BTreeSet<ViewKey>,
}

/// How an existing load balancer compares with the one that is wanted.
enum Comparison {
    Equal,
    OtherEndpoints,
    Different,
}

impl Reconciler {
    /// The way from `observed` to `wanted`.
    #[must_use]
    pub fn new(network: WindowsNetwork, wanted: Wanted, observed: Observed) -> Self {
        let mut reconciler = Self {
            network,
            wanted: Wanted::default(),
            observed,
            dirty: BTreeSet::new(),
            unwanted_load_balancers: BTreeSet::new(),
            unwanted_endpoints: BTreeSet::new(),
            replacing: None,
            failed: BTreeSet::new(),
        };
        reconciler.want(wanted);
        reconciler
    }

    /// Something else is wanted from now on. Calls that failed are tried once more.
    pub fn want(&mut self, wanted: Wanted) {
        let own = |own: bool, id: &Guid| own.then_some(*id);
        let observed = &self.observed;
        self.dirty =
            wanted.load_balancers.iter().map(|(key, wanted)| (wanted.rank, *key)).collect();
        self.unwanted_load_balancers = observed
            .load_balancers
            .iter()
            .filter_map(|(id, load_balancer)| own(load_balancer.own, id))
            .collect();
        self.unwanted_endpoints = observed
            .endpoints
            .iter()
            .filter_map(|(id, endpoint)| own(endpoint.own && endpoint.document.is_remote(), id))
            .collect();
        self.failed.clear();
        self.wanted = wanted;
    }

    /// Looks for endpoints that came or went since, as the CNI makes and removes those of pods. One enumeration; only those
    /// not seen before are opened.
    ///
    /// # Errors
    /// When HNS refuses. An error is never read as absence.
    pub fn look_for_endpoints(&mut self, client: Client<'_>) -> Result<(), ClientError> {
        let ids = client.endpoint_ids_of(self.network.id)?;
        let present: BTreeSet<Guid> = ids.into_iter().collect();
        let known: BTreeSet<Guid> = self.observed.endpoints.keys().copied().collect();
        for gone in known.difference(&present) {
            self.observed.take_endpoint(*gone);
        }
        for new in present.difference(&known) {
            if let Some(endpoint) = client.endpoint(*new)? {
                self.observed.put_endpoint(self.network.id, endpoint);
            }
        }
        Ok(())
    }

    /// What is in HNS, as far as is known.
    #[must_use]
    pub fn observed(&self) -> &Observed {
        &self.observed
    }

    /// The next call to make; `None` when nothing is left to do. The same call again until [`Reconciler::done`] or
    /// [`Reconciler::failed`] is told of it.
    #[must_use = "the call has to be made"]
    #[expect(
        clippy::should_implement_trait,
        reason = "what is next depends on what was told since"
    )]
    pub fn next(&mut self) -> Option<Operation> {
        if let Some(key) = self.replacing
            && let Some(operation) = self.step_towards(&key)
        {
            return Some(operation);
        }
        self.replacing = None;
        while let Some((_, key)) = self.dirty.first().copied() {
            if let Some(operation) = self.step_towards(&key) {
                return Some(operation);
            }
            self.dirty.pop_first();
        }
        while let Some(id) = self.unwanted_load_balancers.first().copied() {
            if let Some(operation) = self.removal_of_load_balancer(id) {
                return Some(operation);
            }
            self.unwanted_load_balancers.pop_first();
        }
        while let Some(id) = self.unwanted_endpoints.first().copied() {
            if let Some(operation) = self.removal_of_endpoint(id) {
                return Some(operation);
            }
            self.unwanted_endpoints.pop_first();
        }
        None
    }

    /// The call succeeded: HNS is now as it says.
    pub fn done(&mut self, operation: &Operation) {
        match &operation.subject {
            Subject::Endpoint { document: Some(document), .. } => {
                self.observed.put_endpoint(self.network.id, (**document).clone());
            }
            Subject::Endpoint { document: None, .. } => self.observed.take_endpoint(operation.id),
            Subject::LoadBalancer { document: Some(document), .. } => {
                self.replacing = None;
                self.observed.put_load_balancer((**document).clone());
            }
            Subject::LoadBalancer { key, document: None } => {
                self.observed.take_load_balancer(operation.id);
                self.replacing = key.filter(|_| operation.reason == Reason::Replaced);
            }
        }
    }

    /// The call failed: the object is left as it is.
    pub fn failed(&mut self, operation: &Operation) {
        self.failed.insert(operation.id);
        self.replacing = None;
    }

    /// The next call that brings the load balancer for `key` nearer to what is wanted: an endpoint it lacks, else itself.
    fn step_towards(&self, key: &LoadBalancerKey) -> Option<Operation> {
        let wanted = self.wanted.load_balancers.get(key)?;
        if self.is_held_by_another(key, wanted) {
            return None;
        }
        let mut endpoints = BTreeSet::new();
        for address in &wanted.backends {
            match self.endpoint_for(*address) {
                Found::Usable(id) => drop(endpoints.insert(id)),
                Found::Missing(operation) => return Some(*operation),
                Found::Waiting => {}
            }
        }
        let own = match self.holder(key, wanted, &endpoints) {
            Holder::Equal(_) | Holder::Foreign => return None,
            Holder::Own(id, comparison) => Some((id, comparison)),
            Holder::None => None,
        };
        let surplus = own.as_ref().and_then(|(id, _)| self.surplus(key, *id));
        let views = vec![wanted.view.clone()];
        let make = |verb, reason, id| Operation {
            verb,
            reason,
            id,
            subject: Subject::LoadBalancer {
                key: Some(*key),
                document: match verb {
                    Verb::Delete => None,
                    Verb::Create | Verb::Modify => {
                        let endpoints = endpoints.iter().copied().collect();
                        Some(Box::new(wanted.document(id, key, endpoints)))
                    }
                },
            },
            views: views.clone(),
        };
        let operation = match own {
            _ if let Some(id) = surplus => make(Verb::Delete, Reason::Unwanted, id),
            // Without a backend that exists there is nothing HNS would take (HCN_E_INVALID_JSON_REFERENCE).
            Some((id, _)) if endpoints.is_empty() => make(Verb::Delete, Reason::Unwanted, id),
            None if endpoints.is_empty() => return None,
            Some((id, Comparison::OtherEndpoints))
                if self.network.can_modify() && !wanted.replace_on_change =>
            {
                make(Verb::Modify, Reason::Differs, id)
            }
            Some((id, _)) => make(Verb::Delete, Reason::Replaced, id),
            None => {
                let taken = |id: &Guid| self.observed.load_balancers.contains_key(id);
                let id = lowest(|generation| load_balancer_id(key, generation), taken)?;
                let reason =
                    if self.replacing == Some(*key) { Reason::Replaced } else { Reason::Missing };
                make(Verb::Create, reason, id)
            }
        };
        (!self.failed.contains(&operation.id)).then_some(operation)
    }

    /// Whether another owner holds `key` with something else than what is wanted. HNS takes no change of such a frontend, so
    /// not even endpoints are made for it.
    fn is_held_by_another(&self, key: &LoadBalancerKey, wanted: &WantedLoadBalancer) -> bool {
        let mut others = self.observed.holders(key).filter(|(_, holder)| !holder.own).peekable();
        others.peek().is_some() && {
            let endpoints = self.usable_endpoints(wanted);
            let equals =
                |holder| matches!(compare(holder, wanted, key, &endpoints), Comparison::Equal);
            !others.any(|(_, holder)| equals(holder))
        }
    }

    /// A load balancer of ours that holds `key` besides `kept`. HNS lets none be made, but a state may have one.
    fn surplus(&self, key: &LoadBalancerKey, kept: Guid) -> Option<Guid> {
        let mut holders = self.observed.holders(key);
        holders.find(|(id, holder)| holder.own && *id != kept).map(|(id, _)| id)
    }

    /// Who holds the frontend `key`: one that equals what is wanted, else another owner's, else one of ours.
    fn holder(
        &self,
        key: &LoadBalancerKey,
        wanted: &WantedLoadBalancer,
        endpoints: &BTreeSet<Guid>,
    ) -> Holder {
        let mut found = Holder::None;
        for (id, holder) in self.observed.holders(key) {
            match (compare(holder, wanted, key, endpoints), &found) {
                (Comparison::Equal, _) => return Holder::Equal(id),
                (_, _) if !holder.own => found = Holder::Foreign,
                (comparison, Holder::None) => found = Holder::Own(id, comparison),
                (_, Holder::Equal(_) | Holder::Own(..) | Holder::Foreign) => {}
            }
        }
        found
    }

    /// The endpoint that the backend at `address` has, or what is missing for it.
    fn endpoint_for(&self, address: IpAddr) -> Found {
        let Some(wanted) = self.wanted.endpoints.get(&address) else { return Found::Waiting };
        let mut at = self.observed.endpoints_at(address);
        if let Some((id, _)) = at.find(|(_, endpoint)| !endpoint.document.is_remote()) {
            return Found::Usable(id);
        }
        let EndpointKind::Remote(mac) = wanted.kind else { return Found::Waiting };
        let equals = |endpoint: &ObservedEndpoint| {
            let document = &endpoint.document;
            document.mac() == Some(mac)
                && document.provider_address().is_none()
                && document.addresses().eq([address])
        };
        // Ours is preferred to an equal one of another owner.
        let equal = self.observed.endpoints_at(address).filter(|(_, endpoint)| equals(endpoint));
        if let Some((id, _)) = equal.min_by_key(|(id, endpoint)| (!endpoint.own, *id)) {
            return Found::Usable(id);
        }
        let key = EndpointKey { network: self.network.id, address };
        let taken = |id: &Guid| self.observed.endpoints.contains_key(id);
        let id = lowest(|generation| endpoint_id(&key, None, mac, generation), taken);
        let Some(id) = id.filter(|id| !self.failed.contains(id)) else { return Found::Waiting };
        let document = Endpoint {
            id: Some(id),
            owner: OWNER.to_owned(),
            name: format!("switchyard {address}"),
            host_compute_network: Some(self.network.id),
            ip_configurations: vec![IpConfiguration::of(address)],
            mac_address: mac.to_string(),
            flags: EndpointFlags::REMOTE_ENDPOINT,
            schema_version: Some(Version { major: 2, minor: 0 }),
            ..Endpoint::default()
        };
        Found::Missing(Box::new(Operation {
            verb: Verb::Create,
            reason: Reason::Missing,
            id,
            subject: Subject::Endpoint { key, document: Some(Box::new(document)) },
            views: wanted.views.iter().cloned().collect(),
        }))
    }

    fn removal_of_load_balancer(&self, id: Guid) -> Option<Operation> {
        let load_balancer = self.observed.load_balancers.get(&id)?;
        let key = load_balancer.holds.first().copied();
        let serves = |key: LoadBalancerKey| {
            let wanted = self.wanted.load_balancers.get(&key)?;
            Some(match self.holder(&key, wanted, &self.usable_endpoints(wanted)) {
                Holder::Equal(holder) | Holder::Own(holder, _) => holder == id,
                Holder::Foreign => true,
                Holder::None => false,
            })
        };
        let wanted = key.and_then(serves).unwrap_or(false);
        (!wanted && !self.failed.contains(&id)).then(|| Operation {
            verb: Verb::Delete,
            reason: Reason::Unwanted,
            id,
            subject: Subject::LoadBalancer { key, document: None },
            views: Vec::new(),
        })
    }

    /// An endpoint of ours that no load balancer names any more. One that a foreign load balancer names stays.
    fn removal_of_endpoint(&self, id: Guid) -> Option<Operation> {
        let endpoint = self.observed.endpoints.get(&id)?;
        let address = endpoint.document.addresses().next()?;
        let used = matches!(self.endpoint_for(address), Found::Usable(used) if used == id);
        let wanted = self.wanted.endpoints.contains_key(&address) && used;
        let keep = wanted || self.observed.is_referred_to(id) || self.failed.contains(&id);
        (!keep).then(|| Operation {
            verb: Verb::Delete,
            reason: Reason::Unwanted,
            id,
            subject: Subject::Endpoint {
                key: EndpointKey { network: self.network.id, address },
                document: None,
            },
            views: Vec::new(),
        })
    }

    /// The objects that equal what is wanted: endpoints we made or use that are not on this node, and load balancers.
    #[must_use]
    pub fn unchanged(&self) -> Unchanged {
        let mut unchanged = Unchanged::default();
        for (address, wanted) in &self.wanted.endpoints {
            if matches!(wanted.kind, EndpointKind::Remote(_))
                && let Found::Usable(id) = self.endpoint_for(*address)
                && self.observed.endpoints.get(&id).is_some_and(|found| found.document.is_remote())
            {
                unchanged.endpoints.insert(id);
            }
        }
        for (key, wanted) in &self.wanted.load_balancers {
            let endpoints = self.usable_endpoints(wanted);
            if let Holder::Equal(id) = self.holder(key, wanted, &endpoints) {
                unchanged.load_balancers.insert(id);
            }
        }
        unchanged
    }

    fn usable_endpoints(&self, wanted: &WantedLoadBalancer) -> BTreeSet<Guid> {
        wanted
            .backends
            .iter()
            .filter_map(|address| match self.endpoint_for(*address) {
                Found::Usable(id) => Some(id),
                Found::Missing(_) | Found::Waiting => None,
            })
            .collect()
    }

    /// The objects of other owners that we use, or that hold a frontend we want.
    #[must_use]
    pub fn foreign(&self) -> Vec<Foreign> {
        let mut foreign = Vec::new();
        for address in self.wanted.endpoints.keys() {
            let Found::Usable(id) = self.endpoint_for(*address) else { continue };
            let object =
                HnsObject::Endpoint(EndpointKey { network: self.network.id, address: *address });
            if let Some(endpoint) = self.observed.endpoints.get(&id)
                && endpoint.document.is_remote()
                && !endpoint.own
            {
                foreign.push(Foreign { id, object, used: true });
            }
        }
        for (key, wanted) in &self.wanted.load_balancers {
            let endpoints = self.usable_endpoints(wanted);
            for (id, holder) in self.observed.holders(key).filter(|(_, holder)| !holder.own) {
                let comparison = compare(holder, wanted, key, &endpoints);
                let used = matches!(comparison, Comparison::Equal);
                foreign.push(Foreign { id, object: HnsObject::LoadBalancer(*key), used });
            }
        }
        foreign
    }

    /// The local backends whose endpoints the CNI has not made yet.
    #[must_use]
    pub fn waiting(&self) -> Vec<Waiting> {
        let mut waiting: BTreeMap<EndpointKey, BTreeSet<ViewKey>> = BTreeMap::new();
        for (address, wanted) in &self.wanted.endpoints {
            if wanted.kind == EndpointKind::Local
                && matches!(self.endpoint_for(*address), Found::Waiting)
            {
                let key = EndpointKey { network: self.network.id, address: *address };
                waiting.insert(key, wanted.views.clone());
            }
        }
        waiting.into_iter().map(|(key, views)| Waiting { key, views }).collect()
    }
}

/// Objects that are as they should be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unchanged {
    /// Remote endpoints.
    pub endpoints: BTreeSet<Guid>,
    /// Load balancers.
    pub load_balancers: BTreeSet<Guid>,
}

/// Who holds a frontend.
enum Holder {
    Equal(Guid),
    Own(Guid, Comparison),
    Foreign,
    None,
}

/// What a backend has.
enum Found {
    Usable(Guid),
    Missing(Box<Operation>),
    Waiting,
}

/// The lowest generation's id that no object holds.
fn lowest(id: impl Fn(u8) -> Guid, taken: impl Fn(&Guid) -> bool) -> Option<Guid> {
    (0..GENERATIONS).map(id).find(|id| !taken(id))
}

/// Compares everything but `ID`, `Owner` and `Name`.
fn compare(
    holder: &ObservedLoadBalancer,
    wanted: &WantedLoadBalancer,
    key: &LoadBalancerKey,
    endpoints: &BTreeSet<Guid>,
) -> Comparison {
    let document: &LoadBalancer = &holder.document;
    let [mapping] = document.port_mappings.as_slice() else { return Comparison::Different };
    let same_mapping = mapping.protocol == wanted.mapping.protocol
        && mapping.internal_port == wanted.mapping.internal_port
        && mapping.external_port == wanted.mapping.external_port
        && mapping.distribution_type == wanted.mapping.distribution_type
        && mapping.flags == wanted.mapping.flags;
    let same = same_mapping
        && document.flags == wanted.flags
        && document.source_vip.is_empty()
        && !document.is_degraded()
        && document.vips().eq(key.vip);
    let named: BTreeSet<Guid> = document.host_compute_endpoints.iter().copied().collect();
    match same {
        true if named == *endpoints => Comparison::Equal,
        true => Comparison::OtherEndpoints,
        false => Comparison::Different,
    }
}
