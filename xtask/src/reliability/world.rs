//! What is in HNS and is not ours: the network, the endpoints that the CNI makes for pods, and another owner's objects.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde_json::{Value, json};
use switchyard_hcn::{Endpoint, Guid, IpConfiguration, LoadBalancer, Network, Version};
use switchyard_hcn_emulator::{Service, State};

/// All that a test knows not to be ours.
#[derive(Debug, Clone, Default)]
pub(super) struct World {
    /// The network, as the CNI makes it.
    pub(super) network: Option<Network>,
    /// The pods of this node, with the endpoint that each had last.
    pub(super) pods: BTreeMap<IpAddr, Endpoint>,
    /// The documents of another owner's objects, as text, by id.
    pub(super) foreign: BTreeMap<Guid, String>,
    /// Those of them that the operator gave over.
    pub(super) given: BTreeSet<Guid>,
    /// How many ids the CNI and others have taken.
    ids: u32,
}

impl World {
    /// The world of a state that nothing of ours is in.
    pub(super) fn of(state: &State) -> Self {
        let network = state.networks().next().map(|(_, network)| network.clone());
        let mut world = Self { network, ..Self::default() };
        for (_, endpoint) in state.endpoints().filter(|(_, endpoint)| !endpoint.is_remote()) {
            let address = endpoint.addresses().next();
            world.pods.extend(address.map(|address| (address, endpoint.clone())));
        }
        world
    }

    /// An id as others pick them.
    pub(super) fn id(&mut self) -> Guid {
        self.ids += 1;
        let text = format!("f0e1d2c3-0000-4000-8000-0000{:08x}", self.ids);
        text.parse().unwrap_or(Guid::NIL)
    }

    /// Has the CNI make the network if there is none, and the endpoints of pods that have none.
    pub(super) fn make_pods(&mut self, service: &mut Service) {
        let mut state = service.state().clone();
        let there = state.networks().map(|(id, _)| id).next();
        let network = there.unwrap_or_else(|| self.id());
        if let (None, Some(document)) = (there, &self.network) {
            state.insert_network(network, document.clone());
        }
        let there: BTreeSet<IpAddr> = state
            .endpoints()
            .filter(|(_, endpoint)| !endpoint.is_remote())
            .flat_map(|(_, endpoint)| endpoint.addresses().collect::<Vec<_>>())
            .collect();
        let missing: Vec<IpAddr> =
            self.pods.keys().copied().filter(|address| !there.contains(address)).collect();
        for address in missing {
            let id = self.id();
            let Some(endpoint) = self.pods.get_mut(&address) else { continue };
            endpoint.id = Some(id);
            endpoint.host_compute_network = Some(network);
            state.insert_endpoint(id, endpoint.clone());
        }
        service.set_state(state);
    }

    /// A pod starts at `address`.
    pub(super) fn add_pod(&mut self, address: IpAddr) {
        self.ids += 1;
        let [a, b, c, _] = (0x8000_0000 | (self.ids << 8)).to_be_bytes();
        let mut configuration = IpConfiguration::of(address);
        configuration.prefix_length = if address.is_ipv4() { 24 } else { 64 };
        let endpoint = Endpoint {
            name: format!("pod-{address}"),
            ip_configurations: vec![configuration],
            mac_address: format!("00-15-5D-{a:02X}-{b:02X}-{c:02X}"),
            schema_version: Some(Version::SCHEMA),
            ..Endpoint::default()
        };
        self.pods.insert(address, endpoint);
    }

    /// The pod at `address` is replaced by another, or is gone: HNS loses its endpoint as the CNI deletes it.
    pub(super) fn remove_pod(service: &mut Service, address: IpAddr) {
        let mut state = service.state().clone();
        let gone: Vec<Guid> = state
            .endpoints()
            .filter(|(_, endpoint)| {
                !endpoint.is_remote() && endpoint.addresses().any(|own| own == address)
            })
            .map(|(id, _)| id)
            .collect();
        for id in gone {
            state.remove_endpoint(id);
        }
        service.set_state(state);
    }

    /// Takes another owner's endpoint into `state`.
    pub(super) fn add_foreign_endpoint(&mut self, state: &mut State, endpoint: Endpoint) -> Guid {
        let id = self.id();
        state.insert_endpoint(id, endpoint);
        let text = state.endpoint(id).map(document).unwrap_or_default();
        self.foreign.insert(id, text);
        id
    }

    /// Takes another owner's load balancer into `state`.
    pub(super) fn add_foreign_load_balancer(
        &mut self,
        state: &mut State,
        load_balancer: LoadBalancer,
    ) -> Guid {
        let id = self.id();
        state.insert_load_balancer(id, load_balancer);
        let text = state.load_balancer(id).map(document).unwrap_or_default();
        self.foreign.insert(id, text);
        id
    }

    /// HNS was started anew since `before`: another owner's objects are those that it restored, under whatever id.
    pub(super) fn follow_restart(&mut self, before: &State, service: &mut Service) {
        let mut was: BTreeMap<String, Vec<Guid>> = BTreeMap::new();
        for id in self.foreign.keys() {
            if let Some(text) = object(before, *id, true) {
                was.entry(text).or_default().push(*id);
            }
        }
        let after = service.state();
        let mut foreign = BTreeMap::new();
        let mut given = BTreeSet::new();
        for id in ids(after) {
            let kept = self.foreign.contains_key(&id);
            let text = object(after, id, true);
            let earlier = text.as_ref().and_then(|text| was.get_mut(text)).and_then(Vec::pop);
            let earlier = if kept { Some(id) } else { earlier };
            if let Some(earlier) = earlier {
                foreign.insert(id, exact(after, id));
                if self.given.contains(&earlier) {
                    given.insert(id);
                }
            }
        }
        self.foreign = foreign;
        self.given = given;
        self.make_pods(service);
    }

    /// What HNS holds without anything of ours.
    pub(super) fn base(&self, state: &State) -> State {
        let mut base = state.clone();
        for (id, _) in state.load_balancers().filter(|(id, _)| !self.foreign.contains_key(id)) {
            base.remove_load_balancer(id);
        }
        for (id, endpoint) in state.endpoints() {
            let is_pod = !endpoint.is_remote()
                && endpoint.addresses().any(|address| self.pods.contains_key(&address));
            if !is_pod && !self.foreign.contains_key(&id) {
                base.remove_endpoint(id);
            }
        }
        base
    }

    /// The addresses that another owner's load balancers have or rewrite clients to: an endpoint of ours at one stays for as
    /// long as they need it.
    pub(super) fn lent(&self, state: &State) -> BTreeSet<IpAddr> {
        let theirs = state.load_balancers().filter(|(id, _)| self.foreign.contains_key(id));
        let addresses = theirs.flat_map(|(_, held)| {
            let source = held.source_vip.parse().ok();
            held.vips().chain(source).collect::<Vec<_>>()
        });
        addresses.collect()
    }

    /// What was done to another owner's objects that nobody gave over.
    pub(super) fn touched(&self, state: &State) -> Vec<String> {
        let mut touched = Vec::new();
        for (id, document) in &self.foreign {
            let now = exact(state, *id);
            if now != *document && !self.given.contains(id) {
                touched.push(format!("foreign {id} was {document}, is {now}"));
            }
        }
        touched
    }
}

fn ids(state: &State) -> Vec<Guid> {
    let endpoints = state.endpoints().map(|(id, _)| id);
    endpoints.chain(state.load_balancers().map(|(id, _)| id)).collect()
}

fn document(object: &impl serde::Serialize) -> String {
    serde_json::to_string(object).unwrap_or_default()
}

/// The document of an object, to the byte.
fn exact(state: &State, id: Guid) -> String {
    let endpoint = state.endpoint(id).map(document);
    endpoint.or_else(|| state.load_balancer(id).map(document)).unwrap_or_default()
}

/// An object by what it does, without ids.
fn object(state: &State, id: Guid, marked: bool) -> Option<String> {
    let endpoint = state.endpoint(id).map(|endpoint| endpoint_content(endpoint, marked));
    endpoint
        .or_else(|| state.load_balancer(id).map(|held| load_balancer_content(state, held, marked)))
}

fn without(value: &mut Value, members: &[&str]) {
    if let Some(object) = value.as_object_mut() {
        members.iter().for_each(|member| drop(object.remove(*member)));
    }
}

/// An endpoint by what it does; `marked` with whose it is.
fn endpoint_content(endpoint: &Endpoint, marked: bool) -> String {
    let mut value = serde_json::to_value(endpoint).unwrap_or_default();
    without(&mut value, &["ID", "HostComputeNetwork", "SchemaVersion"]);
    if !marked {
        without(&mut value, &["Owner", "Name"]);
    }
    value.to_string()
}

/// A load balancer by what it does; `marked` with whose it is.
fn load_balancer_content(state: &State, held: &LoadBalancer, marked: bool) -> String {
    let mut value = serde_json::to_value(held).unwrap_or_default();
    without(&mut value, &["ID", "SchemaVersion"]);
    if !marked {
        without(&mut value, &["Owner", "Name"]);
    }
    let mut named: Vec<String> = held
        .host_compute_endpoints
        .iter()
        .map(|id| state.endpoint(*id).map_or("gone".to_owned(), |own| endpoint_content(own, false)))
        .collect();
    named.sort();
    value["HostComputeEndpoints"] = json!(named);
    value.to_string()
}

/// All that a state holds by what it does, and how often.
pub(super) fn contents(state: &State) -> BTreeMap<String, usize> {
    let mut contents = BTreeMap::new();
    for id in ids(state) {
        if let Some(text) = object(state, id, false) {
            *contents.entry(text).or_default() += 1;
        }
    }
    contents
}

/// What `state` has that `reference` has not, and the other way about.
pub(super) fn differences(
    state: &State,
    reference: &State,
    lent: &BTreeSet<IpAddr>,
) -> Vec<String> {
    // What is lent to others is compared on neither side.
    let kept = |of: &State| {
        let mut of = of.clone();
        for (id, endpoint) in of.clone().endpoints() {
            if endpoint.is_remote() && endpoint.addresses().any(|own| lent.contains(&own)) {
                of.remove_endpoint(id);
            }
        }
        contents(&of)
    };
    let (own, wanted) = (kept(state), kept(reference));
    let count = |of: &BTreeMap<String, usize>, text: &str| of.get(text).copied().unwrap_or(0);
    let all: BTreeSet<&String> = own.keys().chain(wanted.keys()).collect();
    let different = all.into_iter().filter(|text| count(&own, text) != count(&wanted, text));
    different
        .map(|text| format!("{} instead of {}: {text}", count(&own, text), count(&wanted, text)))
        .collect()
}
