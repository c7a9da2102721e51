//! The cluster as one index: Services by key, slices by Service, Nodes, Pods.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::ops::Bound;
use std::sync::Arc;

use crate::keyed::Services;
use crate::names::Names;
use crate::{EndpointSlice, Name, Neighbourhoods, Node, ObjectKey, Pod, Service, ServiceKey};

/// One thing that happened to one object. Events carry whole objects: a missed one is made good by the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClusterEvent {
    /// The Service is new or changed.
    Service(Service),
    /// The Service is gone.
    ServiceGone(ServiceKey),
    /// The slice is new or changed.
    Slice(EndpointSlice),
    /// The slice is gone.
    SliceGone(ObjectKey),
    /// The Node is new or changed.
    Node(Node),
    /// The Node is gone.
    NodeGone(Name),
    /// The Pod is new or changed.
    Pod(Pod),
    /// The Pod is gone.
    PodGone(ObjectKey),
}

/// What events touched: whose view must be looked at again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Touched {
    /// Services whose own object or slices changed, each as it was before.
    pub services: BTreeMap<ServiceKey, Option<Arc<Service>>>,
    /// Nodes that changed.
    pub nodes: BTreeSet<Name>,
}

impl Touched {
    /// Whether nothing changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.services.is_empty() && self.nodes.is_empty()
    }
}

/// The objects, indexed. Holds no policy: what they mean on a node is for the views to say.
#[derive(Debug, Default, Clone)]
pub struct Cluster {
    services: Services,
    /// By Service and the slice's own name; the Service need not exist.
    slices: BTreeMap<(ServiceKey, Name), Arc<EndpointSlice>>,
    /// The Service that each slice belongs to.
    slice_services: BTreeMap<ObjectKey, Name>,
    nodes: BTreeMap<Name, Arc<Node>>,
    pods: BTreeMap<ObjectKey, Arc<Pod>>,
    /// Where endpoints are: a Service's ClusterIP is almost never near one.
    neighbourhoods: Neighbourhoods,
    names: Names,
}

impl Cluster {
    /// Applies one event and adds to `touched` what it changed. An object equal to the one known changes nothing.
    pub fn apply(&mut self, event: ClusterEvent, touched: &mut Touched) {
        match event {
            ClusterEvent::Service(service) => self.apply_service(service, touched),
            ClusterEvent::ServiceGone(key) => {
                if let Some(before) = self.services.remove(&key) {
                    touched.services.entry(key).or_insert(Some(before));
                }
            }
            ClusterEvent::Slice(slice) => self.apply_slice(slice, touched),
            ClusterEvent::SliceGone(key) => self.remove_slice(&key, touched),
            ClusterEvent::Node(node) => self.apply_node(node, touched),
            ClusterEvent::NodeGone(name) => {
                if self.nodes.remove(&name).is_some() {
                    touched.nodes.insert(name);
                }
            }
            ClusterEvent::Pod(pod) => {
                self.pods.insert(pod.key.clone(), Arc::new(pod));
            }
            ClusterEvent::PodGone(key) => {
                self.pods.remove(&key);
            }
        }
    }

    fn apply_service(&mut self, mut service: Service, touched: &mut Touched) {
        if self.services.get(&service.key).is_some_and(|known| **known == service) {
            return;
        }
        self.names.share_service(&mut service);
        let key = service.key.clone();
        let before = self.services.insert(Arc::new(service));
        touched.services.entry(key).or_insert(before);
    }

    fn apply_slice(&mut self, mut slice: EndpointSlice, touched: &mut Touched) {
        let Some(service) = slice.service.clone() else {
            return self.remove_slice(&slice.key, touched);
        };
        let owner = ServiceKey { namespace: slice.key.namespace.clone(), name: service };
        match self.slice_services.get(&slice.key) {
            Some(known) if *known == owner.name => {
                let known = self.slices.get(&(owner.clone(), slice.key.name.clone()));
                if known.is_some_and(|known| **known == slice) {
                    return;
                }
            }
            Some(_) => self.remove_slice(&slice.key, touched),
            None => {}
        }
        self.names.share_slice(&mut slice);
        let owner = ServiceKey {
            namespace: slice.key.namespace.clone(),
            name: slice.service.clone().unwrap_or(owner.name),
        };
        self.touch(&owner, touched);
        self.slice_services.insert(slice.key.clone(), owner.name.clone());
        addresses(&slice).for_each(|address| self.neighbourhoods.add(address));
        let place = (owner, slice.key.name.clone());
        if let Some(before) = self.slices.insert(place, Arc::new(slice)) {
            addresses(&before).for_each(|address| self.neighbourhoods.remove(address));
        }
    }

    fn remove_slice(&mut self, key: &ObjectKey, touched: &mut Touched) {
        let Some(service) = self.slice_services.remove(key) else { return };
        let owner = ServiceKey { namespace: key.namespace.clone(), name: service };
        if let Some(slice) = self.slices.remove(&(owner.clone(), key.name.clone())) {
            addresses(&slice).for_each(|address| self.neighbourhoods.remove(address));
        }
        self.touch(&owner, touched);
    }

    /// Notes that slices of `service` changed.
    fn touch(&self, service: &ServiceKey, touched: &mut Touched) {
        if !touched.services.contains_key(service) {
            let as_it_is = self.services.get(service).cloned();
            touched.services.insert(service.clone(), as_it_is);
        }
    }

    fn apply_node(&mut self, mut node: Node, touched: &mut Touched) {
        if self.nodes.get(&node.name).is_some_and(|known| **known == node) {
            return;
        }
        self.names.share_node(&mut node);
        touched.nodes.insert(node.name.clone());
        self.nodes.insert(node.name.clone(), Arc::new(node));
    }

    /// The Service called `key`.
    #[must_use]
    pub fn service(&self, key: &ServiceKey) -> Option<&Arc<Service>> {
        self.services.get(key)
    }

    /// All Services.
    pub fn services(&self) -> impl Iterator<Item = &Arc<Service>> {
        self.services.iter()
    }

    /// The slices of the Service called `key`, by name. Found without visiting those of other Services.
    pub fn slices_of<'a>(
        &'a self,
        key: &'a ServiceKey,
    ) -> impl Iterator<Item = &'a Arc<EndpointSlice>> {
        let from = Bound::Included((key.clone(), Name::new()));
        self.slices
            .range((from, Bound::Unbounded))
            .take_while(move |((service, _), _)| service == key)
            .map(|(_, slice)| slice)
    }

    /// All slices that are read, by Service and name.
    pub fn slices(&self) -> impl Iterator<Item = &Arc<EndpointSlice>> {
        self.slices.values()
    }

    /// The Node called `name`.
    #[must_use]
    pub fn node(&self, name: &str) -> Option<&Arc<Node>> {
        self.nodes.get(name)
    }

    /// All Nodes.
    pub fn nodes(&self) -> impl Iterator<Item = &Arc<Node>> {
        self.nodes.values()
    }

    /// The Pod called `key`.
    #[must_use]
    pub fn pod(&self, key: &ObjectKey) -> Option<&Arc<Pod>> {
        self.pods.get(key)
    }

    /// All Pods.
    pub fn pods(&self) -> impl Iterator<Item = &Arc<Pod>> {
        self.pods.values()
    }

    /// The Services with an endpoint at one of `addresses`. Cheap while no endpoint is anywhere near one, else one search
    /// of all.
    #[must_use]
    pub fn services_with_endpoint_at(
        &self,
        mut addresses: BTreeSet<IpAddr>,
    ) -> BTreeSet<ServiceKey> {
        addresses.retain(|address| self.neighbourhoods.may_have(*address));
        if addresses.is_empty() {
            return BTreeSet::new();
        }
        self.slices
            .iter()
            .filter(|(_, slice)| self::addresses(slice).any(|address| addresses.contains(&address)))
            .map(|((service, _), _)| service.clone())
            .collect()
    }

    /// The events that turn this cluster into one that has exactly `wanted`.
    #[must_use]
    pub fn events_towards(&self, wanted: Vec<ClusterEvent>) -> Vec<ClusterEvent> {
        let mut gone_services: BTreeSet<_> =
            self.services.iter().map(|service| service.key.clone()).collect();
        let mut gone_slices: BTreeSet<_> = self.slice_services.keys().cloned().collect();
        let mut gone_nodes: BTreeSet<_> = self.nodes.keys().cloned().collect();
        let mut gone_pods: BTreeSet<_> = self.pods.keys().cloned().collect();
        for event in &wanted {
            match event {
                ClusterEvent::Service(service) => drop(gone_services.remove(&service.key)),
                ClusterEvent::Slice(slice) => drop(gone_slices.remove(&slice.key)),
                ClusterEvent::Node(node) => drop(gone_nodes.remove(&node.name)),
                ClusterEvent::Pod(pod) => drop(gone_pods.remove(&pod.key)),
                ClusterEvent::ServiceGone(_)
                | ClusterEvent::SliceGone(_)
                | ClusterEvent::NodeGone(_)
                | ClusterEvent::PodGone(_) => {}
            }
        }
        let mut events = wanted;
        events.extend(gone_services.into_iter().map(ClusterEvent::ServiceGone));
        events.extend(gone_slices.into_iter().map(ClusterEvent::SliceGone));
        events.extend(gone_nodes.into_iter().map(ClusterEvent::NodeGone));
        events.extend(gone_pods.into_iter().map(ClusterEvent::PodGone));
        events
    }
}

/// The addresses of a slice's endpoints.
fn addresses(slice: &EndpointSlice) -> impl Iterator<Item = IpAddr> {
    slice.endpoints.iter().filter_map(|endpoint| endpoint.address)
}

#[cfg(test)]
mod tests;
