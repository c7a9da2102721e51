//! The views of one node, kept up to date change by change.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use switchyard_model::{
    BackendSet, Cluster, Family, Frontend, Name, NodeFacts, Service, ServiceKey, ServicePort,
    ServicePortView, Serving, Settings, Touched, TrafficPolicy, ViewEvent, ViewKey, Views,
    WhenEmpty,
};

use crate::claims::{Claims, Handover, Held, claims_of};
use crate::endpoints::{BackendSets, Place, Uses, backend_sets, of_family};
use crate::frontends::{Declared, Route, declared, routes, served_at, source_ranges};

/// The views of one node.
///
/// Invariant: after [`NodeView::apply`] with what a cluster's events touched, all of it equals what a new `NodeView`
/// would have after seeing that cluster for the first time.
#[derive(Debug, Clone)]
pub struct NodeView {
    pub(crate) settings: Settings,
    pub(crate) node: NodeFacts,
    pub(crate) claims: Claims,
    pub(crate) views: Views,
}

impl NodeView {
    /// The views of the node called `node`, before anything is known of the cluster.
    #[must_use]
    pub fn new(node: Name, settings: Settings) -> Self {
        let node = NodeFacts {
            name: node,
            addresses: Box::default(),
            pod_ranges: Box::default(),
            zone: None,
            node_port_addresses: settings.node_port_addresses.clone(),
        };
        Self { settings, node, claims: Claims::default(), views: Views::default() }
    }

    /// The node, as far as it is known.
    #[must_use]
    pub fn node(&self) -> &NodeFacts {
        &self.node
    }

    /// The settings.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// All views, by key.
    pub fn views(&self) -> impl Iterator<Item = &Arc<ServicePortView>> {
        self.views.iter()
    }

    /// The view called `key`.
    #[must_use]
    pub fn view(&self, key: &ViewKey) -> Option<&Arc<ServicePortView>> {
        self.views.get(key)
    }

    /// Takes in what events touched in `cluster`. Returns what changed here, in key order, which may be more Services
    /// than were touched: a frontend or a ClusterIP may have changed hands.
    pub fn apply(&mut self, cluster: &Cluster, touched: &Touched) -> Vec<ViewEvent> {
        let mut events = Vec::new();
        let mut before = touched.services.clone();
        if touched.nodes.contains(&self.node.name) && self.apply_node(cluster, &mut events) {
            // Everything depends on the node: nothing claimed before counts.
            before = cluster.services().map(|service| (service.key.clone(), None)).collect();
            before.extend(self.views.iter().map(|view| (view.key.service.clone(), None)));
        }
        let mut dirty: BTreeSet<ServiceKey> = before.keys().cloned().collect();
        let mut cluster_ips = BTreeSet::new();
        for (key, before) in &before {
            let handovers = self.apply_claims(before.as_ref(), cluster.service(key));
            for handover in handovers {
                if let Held::ClusterIp(address) = handover.held
                    && (handover.before.is_none() || handover.after.is_none())
                {
                    // An endpoint there is no backend, or is one again.
                    cluster_ips.insert(address);
                }
                dirty.extend(handover.before.into_iter().chain(handover.after));
            }
        }
        dirty.extend(cluster.services_with_endpoint_at(cluster_ips));
        for key in &dirty {
            self.apply_views(cluster, key, &mut events);
        }
        events
    }

    /// Reads the node anew. Tells whether it differs; then nobody has claimed anything yet.
    fn apply_node(&mut self, cluster: &Cluster, events: &mut Vec<ViewEvent>) -> bool {
        let node = cluster.node(&self.node.name);
        let facts = NodeFacts {
            name: self.node.name.clone(),
            addresses: node.map(|node| node.addresses.clone()).unwrap_or_default(),
            pod_ranges: node.map(|node| node.pod_ranges.clone()).unwrap_or_default(),
            zone: node.and_then(|node| node.zone.clone()),
            node_port_addresses: self.settings.node_port_addresses.clone(),
        };
        if facts == self.node {
            return false;
        }
        events.push(ViewEvent::Node(facts.clone()));
        self.node = facts;
        self.claims = Claims::default();
        true
    }

    /// Brings the claims of one Service up to date: those it had `before`, and those it has `now`.
    fn apply_claims(
        &mut self,
        before: Option<&Arc<Service>>,
        now: Option<&Arc<Service>>,
    ) -> Vec<Handover> {
        if before.map(Arc::as_ptr) == now.map(Arc::as_ptr) {
            return Vec::new();
        }
        let claims = |service: Option<&Arc<Service>>| {
            service
                .map(|service| claims_of(service, &self.node, &self.settings))
                .unwrap_or_default()
        };
        let (old, new) = (claims(before), claims(now));
        self.claims.replace(&old, new)
    }

    /// Brings the views of `key` up to date.
    fn apply_views(&mut self, cluster: &Cluster, key: &ServiceKey, events: &mut Vec<ViewEvent>) {
        let mut wanted = self.compose(cluster, key);
        let known = self.views.of_service(key).map(|view| view.key.clone());
        let keys: BTreeSet<ViewKey> = known.chain(wanted.keys().cloned()).collect();
        for key in keys {
            match wanted.remove(&key) {
                None => {
                    self.views.remove(&key);
                    events.push(ViewEvent::Remove(key));
                }
                Some(view) if self.views.get(&key).is_some_and(|known| **known == view) => {}
                Some(view) => {
                    let view = Arc::new(view);
                    events.push(ViewEvent::Upsert(view.clone()));
                    self.views.insert(view);
                }
            }
        }
    }

    /// The views that `key` has now.
    fn compose(&self, cluster: &Cluster, key: &ServiceKey) -> BTreeMap<ViewKey, ServicePortView> {
        let mut views = BTreeMap::new();
        let Some(service) = cluster.service(key) else { return views };
        for family in Family::ALL {
            let Some(cluster_ip) = served_at(service, &self.node, family) else { continue };
            let slices = of_family(cluster.slices_of(key), family);
            let mut last_sets = BackendSets::default();
            for port in &service.ports {
                let declared = declared(service, port, cluster_ip, &self.settings);
                let uses = Self::uses(service, &declared);
                let place = Place { node: &self.node.name, zone: self.node.zone.as_ref() };
                let is_virtual = |address| self.is_cluster_ip(address);
                let mut sets =
                    backend_sets(&slices, &port.name, port.protocol, place, uses, is_virtual);
                sets.share_with(&last_sets);
                let view = self.view_of(service, port, family, &declared, &sets);
                views.insert(view.key.clone(), view);
                last_sets = sets;
            }
        }
        views
    }

    /// Whether `address` is the ClusterIP of some Service that is served here.
    pub(crate) fn is_cluster_ip(&self, address: IpAddr) -> bool {
        self.claims.has_cluster_ip(address)
    }

    /// Which sets the frontends could use. A Service that can be reached from outside needs the whole cluster's backends
    /// even under `Local`: internal clients are served from them.
    fn uses(service: &Service, declared: &[Declared]) -> Uses {
        let external = declared.len() > 1;
        let internal_local = service.internal_policy == TrafficPolicy::Local;
        // Load balancers ask the health-check port before they have an address themselves.
        let is_asked = external || service.health_check_node_port.is_some();
        let external_local = is_asked && service.external_policy == TrafficPolicy::Local;
        Uses { cluster: !internal_local || external, local: internal_local || external_local }
    }

    fn view_of(
        &self,
        service: &Service,
        port: &ServicePort,
        family: Family,
        declared: &[Declared],
        sets: &BackendSets,
    ) -> ServicePortView {
        let holds = |frontend: &&Declared| {
            let held = Held::by(frontend, family, port.protocol);
            self.claims.winner(held).is_some_and(|claim| {
                claim.kind == frontend.kind
                    && *claim.service() == service.key
                    && claim.port() == port.name
            })
        };
        let serving = |route: Route| Serving {
            set: route.set,
            when_empty: match route.set {
                BackendSet::Local if sets.any_usable => WhenEmpty::Drop,
                BackendSet::Local | BackendSet::Cluster => WhenEmpty::Reject,
            },
            source: route.source,
        };
        let frontend = |declared: &Declared| {
            let (internal, external) = routes(service, declared.kind, &self.settings);
            Frontend {
                kind: declared.kind,
                address: declared.address,
                port: declared.port,
                source_ranges: source_ranges(service, declared.kind, family),
                internal: serving(internal),
                external: serving(external),
            }
        };
        ServicePortView {
            key: ViewKey {
                service: service.key.clone(),
                port: port.name.clone(),
                protocol: port.protocol,
                family,
            },
            uid: service.uid.clone(),
            frontends: declared.iter().filter(holds).map(frontend).collect(),
            cluster: sets.cluster.clone(),
            local: sets.local.clone(),
            affinity_timeout: service.affinity_timeout,
            health_check_node_port: service.health_check_node_port,
            preserve_destination: service.preserve_destination,
            replace_on_change: service.replace_on_change,
            cluster_dns: service.cluster_dns,
        }
    }
}
