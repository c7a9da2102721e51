//! What the checks of a state look up, kept beside it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use switchyard_hcn::{Endpoint, Guid, IpProtocol, LoadBalancer};

use crate::State;
use crate::frontend::{Frontend, frontends};

/// Always equal to what [`Index::of`] makes of the state.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Index {
    /// The endpoints of a network with an address.
    by_address: BTreeMap<(Guid, IpAddr), BTreeSet<Guid>>,
    /// The load balancers with a frontend. A state that was read from a file may have several.
    by_frontend: BTreeMap<Frontend, BTreeSet<Guid>>,
    /// The load balancers that name an endpoint, whether it exists or not.
    by_reference: BTreeMap<Guid, BTreeSet<Guid>>,
    /// How many blocks of ports are taken of each protocol.
    port_blocks: BTreeMap<IpProtocol, u32>,
}

impl Index {
    pub(crate) fn of(state: &State) -> Self {
        let mut index = Self::default();
        for (id, endpoint) in state.endpoints() {
            index.add_endpoint(id, endpoint);
        }
        for (id, load_balancer) in state.load_balancers() {
            index.add_load_balancer(id, load_balancer);
        }
        index
    }

    pub(crate) fn add_endpoint(&mut self, id: Guid, endpoint: &Endpoint) {
        for key in addresses(endpoint) {
            self.by_address.entry(key).or_default().insert(id);
        }
    }

    pub(crate) fn remove_endpoint(&mut self, id: Guid, endpoint: &Endpoint) {
        for key in addresses(endpoint) {
            take_out(&mut self.by_address, key, id);
        }
    }

    pub(crate) fn add_load_balancer(&mut self, id: Guid, load_balancer: &LoadBalancer) {
        for (frontend, _) in frontends(load_balancer) {
            self.by_frontend.entry(frontend).or_default().insert(id);
        }
        for endpoint in &load_balancer.host_compute_endpoints {
            self.by_reference.entry(*endpoint).or_default().insert(id);
        }
        for protocol in blocks(load_balancer) {
            *self.port_blocks.entry(protocol).or_default() += 1;
        }
    }

    pub(crate) fn remove_load_balancer(&mut self, id: Guid, load_balancer: &LoadBalancer) {
        for (frontend, _) in frontends(load_balancer) {
            take_out(&mut self.by_frontend, frontend, id);
        }
        for endpoint in &load_balancer.host_compute_endpoints {
            take_out(&mut self.by_reference, *endpoint, id);
        }
        for protocol in blocks(load_balancer) {
            if let Some(taken) = self.port_blocks.get_mut(&protocol) {
                *taken -= 1;
                if *taken == 0 {
                    self.port_blocks.remove(&protocol);
                }
            }
        }
    }

    /// The endpoints of `network` with `address`.
    pub(crate) fn at(&self, network: Guid, address: IpAddr) -> impl Iterator<Item = Guid> {
        self.by_address.get(&(network, address)).into_iter().flatten().copied()
    }

    /// The load balancers that hold `frontend`.
    pub(crate) fn holders(&self, frontend: Frontend) -> impl Iterator<Item = Guid> {
        self.by_frontend.get(&frontend).into_iter().flatten().copied()
    }

    /// How many blocks of ports are taken of `protocol`.
    pub(crate) fn port_blocks(&self, protocol: IpProtocol) -> u32 {
        self.port_blocks.get(&protocol).copied().unwrap_or_default()
    }

    /// The load balancers that name `endpoint`.
    pub(crate) fn naming(&self, endpoint: Guid) -> impl Iterator<Item = Guid> {
        self.by_reference.get(&endpoint).into_iter().flatten().copied()
    }
}

/// The protocols of which a load balancer takes a block of 64 ports: those without direct server return need ports to send
/// from (Microsoft's page of common problems).
pub(crate) fn blocks(load_balancer: &LoadBalancer) -> BTreeSet<IpProtocol> {
    let mappings = load_balancer.port_mappings.iter().filter(|_| !load_balancer.is_dsr());
    mappings.map(|mapping| mapping.protocol).collect()
}

fn addresses(endpoint: &Endpoint) -> impl Iterator<Item = (Guid, IpAddr)> {
    let network = endpoint.host_compute_network.unwrap_or(Guid::NIL);
    endpoint.addresses().map(move |address| (network, address))
}

fn take_out<K: Ord>(map: &mut BTreeMap<K, BTreeSet<Guid>>, key: K, id: Guid) {
    if let Some(ids) = map.get_mut(&key) {
        ids.remove(&id);
        if ids.is_empty() {
            map.remove(&key);
        }
    }
}
