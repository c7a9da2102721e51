//! The next change for one object.

use std::collections::BTreeSet;
use std::net::IpAddr;

use switchyard_hcn::Guid;

use super::Reconciler;
use super::delays::Target;
use super::flights::Course;
use crate::endpoint::Shape;
use crate::identity::{GENERATIONS, endpoint_id, load_balancer_id};
use crate::key::{EndpointKey, LoadBalancerKey};
use crate::ledger::Kind;
use crate::observed::{ObservedEndpoint, ObservedLoadBalancer};
use crate::operation::{Operation, Reason, Subject, Verb};
use crate::settings::Takeover;
use crate::wanted::{Role, WantedLoadBalancer};

/// A change, and what it is done for.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) operation: Operation,
    pub(super) target: Target,
}

/// What a backend has.
pub(super) enum Found {
    /// An endpoint that can be named.
    Usable(Guid),
    /// None, and this makes it.
    Missing(Box<Step>),
    /// None, and it is being made.
    Busy,
    /// None, for making it failed; it is tried again.
    Failed,
    /// None, and there is nothing to do about it.
    Absent,
}

/// How an existing load balancer compares with the one that is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    OtherEndpoints,
    Different,
}

/// Who holds a frontend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holder {
    Equal(Guid),
    Own(Guid, Comparison),
    Foreign,
    Nobody,
}

impl Reconciler {
    /// The next change that brings the load balancer for `key` nearer to what is wanted: an endpoint it lacks, else itself.
    pub(super) fn step_towards(&self, key: &LoadBalancerKey) -> Option<Step> {
        let wanted = self.wanted.load_balancer(key)?;
        let target = Target::LoadBalancer(*key);
        if self.delays.contains(target) || self.flights.concerns(target).is_some() {
            return None;
        }
        // What becomes of a load balancer that is being removed has to be seen first.
        let mut holders = self.observed.holders(key);
        if holders.any(|(id, _)| self.flights.changes(Kind::LoadBalancer, id).is_some()) {
            return None;
        }
        if self.is_held_by_another(key, wanted) {
            return None;
        }
        for (address, _) in wanted.companions() {
            match self.endpoint_for(address) {
                Found::Usable(_) => {}
                Found::Missing(step) => return Some(*step),
                Found::Busy | Found::Failed | Found::Absent => return None,
            }
        }
        let mut endpoints = BTreeSet::new();
        let mut failed = false;
        for (address, _) in &*wanted.backends {
            match self.endpoint_for(*address) {
                Found::Usable(id) => drop(endpoints.insert(id)),
                Found::Missing(step) => return Some(*step),
                Found::Busy => return None,
                Found::Failed => failed = true,
                Found::Absent => {}
            }
        }
        // What is there serves better than nothing until one of those that are wanted can be made.
        if failed && endpoints.is_empty() {
            return None;
        }
        self.load_balancer_step(key, wanted, &endpoints)
            .filter(|own| self.flights.changes(Kind::LoadBalancer, own.id).is_none())
            .map(|operation| Step { operation, target })
    }

    fn load_balancer_step(
        &self,
        key: &LoadBalancerKey,
        wanted: &WantedLoadBalancer,
        endpoints: &BTreeSet<Guid>,
    ) -> Option<Operation> {
        let own = match self.holder(key, wanted, endpoints) {
            Holder::Equal(_) | Holder::Foreign => return None,
            Holder::Own(id, comparison) => Some((id, comparison)),
            Holder::Nobody => None,
        };
        let make = |verb, reason, id| {
            let document = match verb {
                Verb::Delete => None,
                Verb::Create | Verb::Modify => {
                    let endpoints = endpoints.iter().copied().collect();
                    Some(Box::new(wanted.document(id, key, endpoints)))
                }
            };
            let subject = Subject::LoadBalancer { key: Some(*key), document };
            Operation { verb, reason, id, subject, views: vec![wanted.view.clone()] }
        };
        let surplus = own.and_then(|(id, _)| self.surplus(key, id));
        Some(match own {
            _ if let Some(id) = surplus => make(Verb::Delete, Reason::Unwanted, id),
            // Without a backend that exists there is nothing HNS would take (HCN_E_INVALID_JSON_REFERENCE).
            Some((id, _)) if endpoints.is_empty() => make(Verb::Delete, Reason::Unwanted, id),
            None if endpoints.is_empty() => return None,
            Some((id, Comparison::OtherEndpoints))
                if self.can_modify() && !wanted.replace_on_change && self.is_own(id) =>
            {
                make(Verb::Modify, Reason::Differs, id)
            }
            Some((id, _)) => make(Verb::Delete, Reason::Replaced, id),
            None => {
                let taken = |id: &Guid| self.is_taken(Kind::LoadBalancer, *id);
                let id = lowest(|generation| load_balancer_id(key, generation), taken)?;
                let replaced = self.queue.replaced.contains(key);
                make(Verb::Create, if replaced { Reason::Replaced } else { Reason::Missing }, id)
            }
        })
    }

    /// Whether we made the load balancer. One that was given over is replaced: where HNS does not keep `Owner`, nothing would
    /// tell afterwards that it is ours.
    fn is_own(&self, id: Guid) -> bool {
        self.observed.load_balancer(id).is_some_and(|held| held.own)
    }

    fn can_modify(&self) -> bool {
        let network = self.place.as_ref().map(|place| &place.network);
        !self.trust.modify_is_broken && network.is_some_and(|network| network.can_modify())
    }

    /// Whether an object has the id, or may have it for all that is known.
    fn is_taken(&self, kind: Kind, id: Guid) -> bool {
        self.observed.contains(kind, id) || self.flights.changes(kind, id).is_some()
    }

    /// Whether another owner holds `key` with something else than what is wanted. HNS takes no change of such a frontend, so
    /// not even endpoints are made for it.
    pub(super) fn is_held_by_another(
        &self,
        key: &LoadBalancerKey,
        wanted: &WantedLoadBalancer,
    ) -> bool {
        let mut others =
            self.observed.holders(key).filter(|(_, holder)| !self.is_ours(holder)).peekable();
        others.peek().is_some() && {
            let endpoints = self.usable_endpoints(wanted);
            let equals = |holder| compare(holder, wanted, key, &endpoints) == Comparison::Equal;
            !others.any(|(_, holder)| equals(holder))
        }
    }

    /// Whether a load balancer may be replaced: it is our own, or the operator gave it over.
    fn is_ours(&self, holder: &ObservedLoadBalancer) -> bool {
        let given = self.settings.takeover == Takeover::KubeProxy && holder.like_kube_proxy;
        holder.own || (given && holder.holds.len() == 1)
    }

    /// A load balancer of ours that holds `key` besides `kept`. HNS lets none be made, but a state may have one.
    fn surplus(&self, key: &LoadBalancerKey, kept: Guid) -> Option<Guid> {
        let mut holders = self.observed.holders(key);
        holders.find(|(id, holder)| holder.own && *id != kept).map(|(id, _)| id)
    }

    /// Who holds the frontend `key`: one that equals what is wanted, else another owner's, else one of ours.
    pub(super) fn holder(
        &self,
        key: &LoadBalancerKey,
        wanted: &WantedLoadBalancer,
        endpoints: &BTreeSet<Guid>,
    ) -> Holder {
        let mut found = Holder::Nobody;
        for (id, holder) in self.observed.holders(key) {
            match (compare(holder, wanted, key, endpoints), found) {
                (Comparison::Equal, _) => return Holder::Equal(id),
                (_, _) if !self.is_ours(holder) => found = Holder::Foreign,
                (comparison, Holder::Nobody) => found = Holder::Own(id, comparison),
                (_, Holder::Equal(_) | Holder::Own(..) | Holder::Foreign) => {}
            }
        }
        found
    }

    /// The endpoint for what is at `address`, or what makes it.
    pub(super) fn endpoint_for(&self, address: IpAddr) -> Found {
        let role = self.wanted.endpoint(address).and_then(|endpoint| endpoint.role());
        let (Some(role), Some(place)) = (role, &self.place) else { return Found::Absent };
        if role != Role::VirtualAddress {
            let mut at = self.observed.endpoints_at(address);
            if let Some((id, _)) = at.find(|(_, endpoint)| !endpoint.remote) {
                return self.usable(id);
            }
        }
        let network = &place.network;
        let Some(shape) = Shape::wanted(address, role, network, &self.wanted) else {
            return Found::Absent;
        };
        let equals = |endpoint: &ObservedEndpoint| {
            endpoint.shape == Some(shape) && *endpoint.addresses == [address]
        };
        // Ours is preferred to an equal one of another owner.
        let equal = self.observed.endpoints_at(address).filter(|(_, endpoint)| equals(endpoint));
        if let Some((id, _)) = equal.min_by_key(|(id, endpoint)| (!endpoint.own, *id)) {
            return self.usable(id);
        }
        let target = Target::Endpoint(address);
        match self.flights.concerns(target) {
            Some(Course::Expected) => return Found::Busy,
            Some(Course::Abandoned) => return Found::Failed,
            None => {}
        }
        if self.delays.contains(target) {
            return Found::Failed;
        }
        let key = EndpointKey { network: network.id, address };
        let taken = |id: &Guid| self.is_taken(Kind::Endpoint, *id);
        let id =
            lowest(|generation| endpoint_id(&key, shape.provider, shape.mac, generation), taken);
        let Some(id) = id else { return Found::Absent };
        let document = Some(Box::new(shape.document(id, network.id, address)));
        Found::Missing(Box::new(Step {
            target,
            operation: Operation {
                verb: Verb::Create,
                reason: Reason::Missing,
                id,
                subject: Subject::Endpoint { key, document },
                views: self.wanted.views_at(address).into_iter().collect(),
            },
        }))
    }

    /// The endpoint with this id, unless it is being removed.
    fn usable(&self, id: Guid) -> Found {
        match self.flights.changes(Kind::Endpoint, id) {
            Some(Course::Expected) => Found::Busy,
            Some(Course::Abandoned) => Found::Failed,
            None => Found::Usable(id),
        }
    }

    /// The endpoints of a load balancer's backends that exist.
    pub(super) fn usable_endpoints(&self, wanted: &WantedLoadBalancer) -> BTreeSet<Guid> {
        let backends = wanted.backends.iter();
        backends
            .filter_map(|(address, _)| match self.endpoint_for(*address) {
                Found::Usable(id) => Some(id),
                Found::Missing(_) | Found::Busy | Found::Failed | Found::Absent => None,
            })
            .collect()
    }

    /// The removal of an object of ours, if nobody needs it.
    pub(super) fn removal(&self, kind: Kind, id: Guid) -> Option<Step> {
        let target = Target::Stray(kind, id);
        if self.delays.contains(target) || self.flights.changes(kind, id).is_some() {
            return None;
        }
        let subject = match kind {
            Kind::Endpoint => self.unneeded_endpoint(id),
            Kind::LoadBalancer => self.unneeded_load_balancer(id),
        }?;
        let (verb, reason, views) = (Verb::Delete, Reason::Unwanted, Vec::new());
        Some(Step { target, operation: Operation { verb, reason, id, subject, views } })
    }

    /// A load balancer of ours that serves nothing wanted.
    fn unneeded_load_balancer(&self, id: Guid) -> Option<Subject> {
        let load_balancer = self.observed.load_balancer(id).filter(|found| found.own)?;
        let key = match *load_balancer.holds {
            [key] => Some(key),
            _ => None,
        };
        if let Some(key) = key
            && let Some(wanted) = self.wanted.load_balancer(&key)
        {
            // Only one that is doubled: of the frontend's holders there is another that is as it should be.
            let endpoints = self.usable_endpoints(wanted);
            let doubled = match self.holder(&key, wanted, &endpoints) {
                Holder::Equal(holder) => holder != id,
                // It is not as it should be, and stays so for as long as another owner holds the frontend.
                Holder::Foreign => true,
                Holder::Own(..) | Holder::Nobody => false,
            };
            if !doubled {
                return None;
            }
        }
        Some(Subject::LoadBalancer { key, document: None })
    }

    /// An endpoint of ours that no load balancer needs any more. One that a load balancer still names, whoever's, stays; and
    /// so does that of an address which one still has.
    fn unneeded_endpoint(&self, id: Guid) -> Option<Subject> {
        let endpoint = self.observed.endpoint(id).filter(|endpoint| endpoint.own)?;
        let address = *endpoint.addresses.first()?;
        if matches!(self.endpoint_for(address), Found::Usable(used) if used == id) {
            return None;
        }
        // The host's own hardware address is that of virtual addresses and of the source VIP.
        let network = &self.place.as_ref()?.network;
        let of_host = endpoint.shape.is_some_and(|shape| Some(shape.mac) == network.host_mac);
        let held = (of_host && self.is_held(address))
            || self.observed.referrers(id).next().is_some()
            || self.flights.names(id);
        let key = EndpointKey { network: network.id, address };
        (!held).then_some(Subject::Endpoint { key, document: None })
    }
}

impl Reconciler {
    /// Whether a load balancer needs the endpoint at its virtual address or at the address that it rewrites clients to:
    /// any of another owner, and one of ours but where it is wanted without.
    fn is_held(&self, address: IpAddr) -> bool {
        self.observed.holding(address).any(|holder| {
            let wanted = match *holder.holds {
                [key] if holder.own => self.wanted.load_balancer(&key),
                _ => None,
            };
            // One that is to be replaced, for it rewrites to another address, still needs this one.
            let leaving = |wanted: &WantedLoadBalancer| {
                holder.source_vip == Some(address) && wanted.source_vip != Some(address)
            };
            wanted.is_none_or(leaving)
        })
    }
}

/// The lowest generation's id that no object has.
fn lowest(id: impl Fn(u8) -> Guid, taken: impl Fn(&Guid) -> bool) -> Option<Guid> {
    (0..GENERATIONS).map(id).find(|id| !taken(id))
}

/// Compares everything but `ID`, `Owner` and `Name`.
pub(super) fn compare(
    holder: &ObservedLoadBalancer,
    wanted: &WantedLoadBalancer,
    key: &LoadBalancerKey,
    endpoints: &BTreeSet<Guid>,
) -> Comparison {
    let same = holder.mapping == Some(wanted.mapping)
        && holder.flags == wanted.flags
        && holder.source_vip == wanted.source_vip
        && !holder.degraded
        && holder.vips.iter().copied().eq(key.vip);
    match same {
        true if holder.endpoints.iter().eq(endpoints) => Comparison::Equal,
        true => Comparison::OtherEndpoints,
        false => Comparison::Different,
    }
}
