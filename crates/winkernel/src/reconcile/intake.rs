//! What is wanted, as it changes.

use std::net::IpAddr;
use std::time::Duration;

use switchyard_model::{Family, NodeFacts, ServicePortView, ViewEvent};

use super::delays::Target;
use super::{Located, Reconciler};
use crate::backends::Place;
use crate::key::LoadBalancerKey;
use crate::ledger::Kind;
use crate::network::WindowsNetwork;
use crate::settings::LiveSettings;
use crate::wanted::{Role, Surroundings, Touched, Wanted, WantedEndpoint};

impl Reconciler {
    /// Takes a part of the ViewStream in. Nothing of a batch counts before all of it was said.
    pub fn view(&mut self, events: impl IntoIterator<Item = ViewEvent>, now: Duration) {
        for event in events {
            let complete = matches!(event, ViewEvent::Synced { .. });
            self.staged.push(event);
            if complete {
                let batch = std::mem::take(&mut self.staged);
                self.take_in(batch, now);
                self.queue.note(now);
            }
        }
    }

    /// Has what an operator may change of a running proxy count from now on.
    pub fn set_live(&mut self, live: LiveSettings, now: Duration) {
        let LiveSettings { takeover, audit_period, priority_services, masquerade_all } = live;
        self.settings.takeover = takeover;
        self.settings.audit_period = audit_period;
        self.settings.priority_services = priority_services;
        self.settings.windows.masquerade_all = masquerade_all;
        self.survey.set_audit_period(audit_period);
        self.want_anew(now);
        self.queue.note(now);
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
        let mut new_without_route = false;
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
                    ViewEvent::Upsert(view) => {
                        self.wanted.upsert(view, around, &mut touched);
                        if lacks_a_route(view, node, &place.network) {
                            new_without_route |= self.without_route.insert(view.key.clone());
                        } else {
                            self.without_route.remove(&view.key);
                        }
                    }
                    ViewEvent::Remove(key) => {
                        self.wanted.remove(key, &mut touched);
                        self.without_route.remove(key);
                    }
                    ViewEvent::Reset | ViewEvent::Node(_) | ViewEvent::Synced { .. } => {}
                }
            }
            self.views.apply(event);
        }
        self.touch(&touched, now);
        self.mind_routes(new_without_route, now);
    }

    /// A node may have joined whose route the network had not: it is read again for a while.
    fn mind_routes(&mut self, is_new: bool, now: Duration) {
        if is_new || self.without_route.is_empty() {
            self.survey.stop_looking_for_routes();
        }
        if is_new {
            self.survey.look_for_routes(now);
        }
    }

    /// Computes everything that is wanted anew: the node or the network is another.
    pub(super) fn want_anew(&mut self, now: Duration) {
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
        let before = std::mem::take(&mut self.without_route);
        if let (Some(place), Some(node)) = (&self.place, self.views.node()) {
            let lacking = self.views.views().filter(|own| lacks_a_route(own, node, &place.network));
            self.without_route = lacking.map(|view| view.key.clone()).collect();
        }
        let is_new = !self.without_route.is_subset(&before);
        self.mind_routes(is_new, now);
    }

    /// The network as the settings, the Node and what HNS holds make it.
    pub(super) fn network_as_seen(&self, place: &Located) -> WindowsNetwork {
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
    pub(super) fn look_at_everything(&mut self) {
        let wanted = self.wanted.load_balancers();
        self.queue.dirty = wanted.map(|(key, wanted)| (wanted.rank, *key)).collect();
        let endpoints = self.observed.endpoints().filter(|(_, endpoint)| endpoint.own);
        let load_balancers =
            self.observed.load_balancers().filter(|(_, load_balancer)| load_balancer.own);
        let strays = endpoints.map(|(id, _)| (Kind::Endpoint, id));
        let strays = strays.chain(load_balancers.map(|(id, _)| (Kind::LoadBalancer, id)));
        self.queue.strays = strays.collect();
    }

    pub(super) fn has_local_endpoint(&self, address: IpAddr) -> bool {
        self.observed.endpoints_at(address).any(|(_, endpoint)| !endpoint.remote)
    }

    /// Something else is wanted: what follows from it may differ.
    fn touch(&mut self, touched: &Touched, now: Duration) {
        for key in &touched.load_balancers {
            self.dirty(key);
            let holders = self.observed.holders(key).filter(|(_, holder)| holder.own);
            self.queue.strays.extend(holders.map(|(id, _)| (Kind::LoadBalancer, id)));
        }
        // What failed may succeed in its new form. Other backends alone are no reason to hope so.
        for key in &touched.redefined {
            let target = Target::LoadBalancer(*key);
            if self.delays.take_unless_contested(target) {
                self.queue.retrying.remove(&target);
            }
        }
        for address in &touched.endpoints {
            let own = self.observed.endpoints_at(*address).filter(|(_, endpoint)| endpoint.own);
            self.queue.strays.extend(own.map(|(id, _)| (Kind::Endpoint, id)));
            let was_absent = self.absent.contains(address);
            self.note_absence(*address);
            if !was_absent && self.absent.contains(address) {
                self.survey.look_for_new_pods(now);
            }
            // A pod that was here and is elsewhere now: its endpoint is about to go.
            let role = self.wanted.endpoint(*address).and_then(|endpoint| endpoint.role());
            if role == Some(Role::Remote) && self.has_local_endpoint(*address) {
                if self.leaving.insert(*address) {
                    self.survey.look_for_new_pods(now);
                }
            } else {
                self.leaving.remove(address);
            }
        }
        for address in &touched.reshaped {
            self.dirty_users(*address);
        }
    }

    pub(super) fn dirty(&mut self, key: &LoadBalancerKey) {
        if let Some(wanted) = self.wanted.load_balancer(key) {
            self.queue.dirty.insert((wanted.rank, *key));
        }
    }

    pub(super) fn dirty_users(&mut self, address: IpAddr) {
        let Some(endpoint) = self.wanted.endpoint(address) else { return };
        for key in endpoint.users() {
            if let Some(wanted) = self.wanted.load_balancer(key) {
                self.queue.dirty.insert((wanted.rank, *key));
            }
        }
    }
}

/// Whether a view has a backend elsewhere that an overlay has no route to.
fn lacks_a_route(view: &ServicePortView, node: &NodeFacts, network: &WindowsNetwork) -> bool {
    let backends = if network.overlay { &*view.cluster } else { &[] };
    backends.iter().any(|backend| Place::of(backend, node, network) == Place::Public)
}
