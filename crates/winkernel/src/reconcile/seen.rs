//! What is seen of HNS: networks, listings, objects.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use switchyard_hcn::{Endpoint, Guid, LoadBalancer, Network, NetworkType, Version};

use super::delays::Target;
use super::{Located, Reconciler};
use crate::key::EndpointKey;
use crate::ledger::Kind;
use crate::network::WindowsNetwork;
use crate::observed::{ObservedEndpoint, ObservedLoadBalancer, digest_of, endpoint_digest};
use crate::wanted::Role;

/// The least time between two repairs of what somebody else keeps changing.
const TRUCE: Duration = Duration::from_secs(60);
impl Reconciler {
    /// Takes the network among those that HNS has.
    pub(super) fn choose_network(
        &mut self,
        networks: Vec<Network>,
        version: Version,
        now: Duration,
    ) {
        let chosen = match self.pick(networks) {
            Ok(chosen) => chosen,
            Err(why) => {
                self.missing = Some(why);
                return self.survey.network_is_missing(now);
            }
        };
        self.missing = None;
        if std::mem::take(&mut self.outage) {
            self.delays.all_due(now);
        }
        let before = self.place.as_ref().map(|place| place.document.id);
        let is_new = before != Some(chosen.id);
        if before.is_some() && is_new {
            self.counters.network_changes += 1;
        }
        if is_new {
            for id in self.observed.ids(Kind::Endpoint) {
                self.observed.take_endpoint(id);
            }
        }
        let same = self
            .place
            .as_ref()
            .is_some_and(|place| place.document == chosen && place.version == version);
        if !same {
            let windows = &self.settings.windows;
            let network = WindowsNetwork::new(&chosen, [], version, windows);
            self.place = Some(Located { document: chosen, version, network, trouble: None });
            self.want_anew(now);
        }
        self.survey.network_is_found(is_new, now);
    }

    /// The network to use: the one that is named, else the only one that can carry load balancers.
    fn pick(&self, networks: Vec<Network>) -> Result<Network, String> {
        let settings = &self.settings;
        let is_named = |network: &Network| match (&settings.network_name, settings.network_id) {
            (_, Some(id)) => network.id == Some(id),
            (Some(name), None) => network.name == *name,
            (None, None) => {
                matches!(network.network_type, NetworkType::L2Bridge | NetworkType::Overlay)
            }
        };
        let wanted = match &settings.network_name {
            Some(name) => format!("network {name}"),
            None => "L2Bridge or Overlay network".to_owned(),
        };
        let names: Vec<String> = networks.iter().map(|network| network.name.clone()).collect();
        let mut candidates = networks.into_iter().filter(is_named);
        match (candidates.next(), candidates.next()) {
            (Some(network), None) => Ok(network),
            (None, _) => {
                let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
                Err(format!("HNS has no {wanted}; its networks: {names}"))
            }
            (Some(_), Some(_)) => {
                Err(format!("HNS has several networks: {}; name one", names.join(", ")))
            }
        }
    }

    /// Takes a listing in.
    pub(super) fn listed(&mut self, kind: Kind, ids: BTreeSet<Guid>, now: Duration) {
        // What an earlier run made is known by the ledger: one listing that lacks it is no proof either.
        let mut known = self.observed.ids(kind);
        known.extend(self.ledger.ids(kind));
        let gone = self.survey.listed(kind, &ids, &known, now);
        self.observed.put_listing(kind, ids);
        for id in gone {
            match kind {
                Kind::Endpoint => self.see_endpoint(id, None, now),
                Kind::LoadBalancer => self.see_load_balancer(id, None, now),
            }
        }
    }

    /// Knows an endpoint as `found` from now on, or as gone; what it was known as, and is. What is ours by the ledger is
    /// recorded there with its id.
    pub(super) fn take_endpoint_in(
        &mut self,
        id: Guid,
        found: Option<&Endpoint>,
    ) -> (Option<ObservedEndpoint>, Option<ObservedEndpoint>) {
        let before = self.observed.take_endpoint(id);
        if let (Some(document), Some(place)) = (found, &self.place) {
            self.observed.put_endpoint(place.network.id, document, &self.ledger);
            let own = self.observed.endpoint(id).filter(|endpoint| endpoint.own);
            if let Some((address, shape)) =
                own.and_then(|endpoint| Some((*endpoint.addresses.first()?, endpoint.shape?)))
            {
                let key = EndpointKey { network: place.network.id, address };
                let digest = endpoint_digest(shape);
                self.ledger.made(Kind::Endpoint, key.to_string(), digest, id);
            }
        }
        let after = self.observed.endpoint(id).cloned();
        (before, after)
    }

    /// As [`Self::take_endpoint_in`], of a load balancer.
    pub(super) fn take_load_balancer_in(
        &mut self,
        id: Guid,
        found: Option<&LoadBalancer>,
    ) -> (Option<ObservedLoadBalancer>, Option<ObservedLoadBalancer>) {
        let before = self.observed.take_load_balancer(id);
        if let Some(document) = found {
            self.observed.put_load_balancer(document, &self.ledger);
            let own = self.observed.load_balancer(id).filter(|held| held.own);
            if let Some([key]) = own.map(|held| &*held.holds) {
                self.ledger.made(Kind::LoadBalancer, key.to_string(), digest_of(document), id);
            }
        }
        let after = self.observed.load_balancer(id).cloned();
        (before, after)
    }

    /// An endpoint was read, or is gone.
    pub(super) fn see_endpoint(&mut self, id: Guid, found: Option<&Endpoint>, now: Duration) {
        let (before, after) = self.take_endpoint_in(id, found);
        if before == after {
            return;
        }
        if let (Some(before), None) = (&before, &after) {
            let at = before.addresses.iter().flat_map(|own| self.observed.endpoints_at(*own));
            let others = at.filter(|(_, other)| other.remote && !other.own).map(|(id, _)| id);
            self.read_successors(Kind::Endpoint, others.collect());
        }
        self.endpoint_changed(id, before.as_ref(), after.as_ref(), now);
        let wanted_as = |endpoint: &ObservedEndpoint| {
            let address = *endpoint.addresses.first()?;
            self.wanted.endpoint(address)?;
            endpoint.own.then_some(Target::Endpoint(address))
        };
        if let Some(target) = before.as_ref().and_then(wanted_as) {
            self.drifted(target, now);
        }
    }

    /// What follows from an endpoint that is another than before.
    pub(super) fn endpoint_changed(
        &mut self,
        id: Guid,
        before: Option<&ObservedEndpoint>,
        after: Option<&ObservedEndpoint>,
        now: Duration,
    ) {
        let both = [before, after];
        let addresses: BTreeSet<IpAddr> =
            both.iter().flatten().flat_map(|endpoint| endpoint.addresses.iter().copied()).collect();
        for address in &addresses {
            self.dirty_users(*address);
            self.note_absence(*address);
            let own = self.observed.endpoints_at(*address).filter(|(_, endpoint)| endpoint.own);
            self.queue.strays.extend(own.map(|(id, _)| (Kind::Endpoint, id)));
        }
        // Load balancers that name it name something else now, whoever's they are.
        let referrers: Vec<Guid> = self.observed.referrers(id).collect();
        for referrer in referrers {
            let holds = self.observed.load_balancer(referrer).map(|found| found.holds.clone());
            holds.iter().flatten().for_each(|key| self.dirty(key));
        }
        if after.is_none() {
            self.delays.take(Target::Stray(Kind::Endpoint, id));
        }
        if both.iter().flatten().any(|endpoint| !endpoint.remote) {
            self.locate_again(now);
        }
    }

    /// The endpoints on this node are others than before, which may be what the network is known by.
    fn locate_again(&mut self, now: Duration) {
        let Some(place) = &self.place else { return };
        let (source_vip, root) = (place.network.source_vip, place.network.root_endpoint);
        let network = self.network_as_seen(place);
        if (network.source_vip, network.root_endpoint) != (source_vip, root) {
            self.want_anew(now);
        }
    }

    /// A load balancer was read, or is gone.
    pub(super) fn see_load_balancer(
        &mut self,
        id: Guid,
        found: Option<&LoadBalancer>,
        now: Duration,
    ) {
        let (before, after) = self.take_load_balancer_in(id, found);
        if before == after {
            return;
        }
        if let (Some(before), None) = (&before, &after) {
            let at = before.holds.iter().flat_map(|key| self.observed.holders(key));
            let others = at.filter(|(_, other)| !other.own).map(|(id, _)| id);
            self.read_successors(Kind::LoadBalancer, others.collect());
        }
        self.load_balancer_changed(id, before.as_ref(), after.as_ref());
        let wanted_as = |load_balancer: &ObservedLoadBalancer| {
            let [key] = *load_balancer.holds else { return None };
            self.wanted.load_balancer(&key)?;
            load_balancer.own.then_some(Target::LoadBalancer(key))
        };
        if let Some(target) = before.as_ref().and_then(wanted_as) {
            self.drifted(target, now);
        }
    }

    /// What follows from a load balancer that is another than before.
    pub(super) fn load_balancer_changed(
        &mut self,
        id: Guid,
        before: Option<&ObservedLoadBalancer>,
        after: Option<&ObservedLoadBalancer>,
    ) {
        for load_balancer in [before, after].into_iter().flatten() {
            for key in &load_balancer.holds {
                self.dirty(key);
            }
        }
        if after.is_some_and(|load_balancer| load_balancer.own) {
            self.queue.strays.insert((Kind::LoadBalancer, id));
        } else {
            self.delays.take(Target::Stray(Kind::LoadBalancer, id));
        }
        let Some(before) = before else { return };
        self.queue.strays.extend(before.endpoints.iter().map(|id| (Kind::Endpoint, *id)));
        for address in before.addresses() {
            let at = self.observed.endpoints_at(address);
            self.queue.strays.extend(at.map(|(id, _)| (Kind::Endpoint, id)));
        }
    }

    /// Something is gone, and others are where it was: one may be the same under another id, and ours by what is written
    /// down. That shows only now that it is gone.
    fn read_successors(&mut self, kind: Kind, others: Vec<Guid>) {
        if self.ledger.is_empty() {
            return;
        }
        for id in others {
            self.survey.read(kind, id);
        }
    }

    /// What we made is another than we made it. It is repaired; where that happens again and again, once a minute.
    fn drifted(&mut self, target: Target, now: Duration) {
        if self.survey.is_blocking() || self.delays.contains(target) || self.paper {
            return;
        }
        self.counters.drifts += 1;
        self.survey.audit_soon(now);
        self.repaired.retain(|_, repaired| *repaired + TRUCE > now);
        let repaired = self.repaired.get(&target).map(|repaired| *repaired + TRUCE);
        if let Some(due) = repaired {
            self.delays.contest(target, now, due);
        }
        self.repaired.insert(target, repaired.unwrap_or(now));
    }

    /// Notes whether a backend on this node lacks its endpoint.
    pub(super) fn note_absence(&mut self, address: IpAddr) {
        let role = self.wanted.endpoint(address).and_then(|endpoint| endpoint.role());
        if role == Some(Role::Local) && !self.has_local_endpoint(address) {
            self.absent.insert(address);
        } else {
            self.absent.remove(&address);
        }
    }
}
