//! What is in HNS, as far as it concerns one network: every endpoint of it, and all load balancers.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use switchyard_hcn::{Client, ClientError, Endpoint, Guid, LoadBalancer};
use switchyard_model::Family;

use crate::identity::{is_own_endpoint, is_own_load_balancer};
use crate::key::{EndpointKey, LoadBalancerKey};
use crate::wanted::protocol_of;

/// What is in HNS. Indexed both ways; an object that is put or taken here is so in every index.
#[derive(Debug, Clone, Default)]
pub struct Observed {
    pub(crate) endpoints: BTreeMap<Guid, ObservedEndpoint>,
    endpoints_at: BTreeMap<IpAddr, BTreeSet<Guid>>,
    pub(crate) load_balancers: BTreeMap<Guid, ObservedLoadBalancer>,
    load_balancers_for: BTreeMap<LoadBalancerKey, BTreeSet<Guid>>,
    /// The load balancers that name each endpoint.
    referrers: BTreeMap<Guid, BTreeSet<Guid>>,
}

/// An endpoint in HNS.
#[derive(Debug, Clone)]
pub(crate) struct ObservedEndpoint {
    pub(crate) document: Endpoint,
    pub(crate) own: bool,
}

/// A load balancer in HNS.
#[derive(Debug, Clone)]
pub(crate) struct ObservedLoadBalancer {
    pub(crate) document: LoadBalancer,
    /// The frontends it holds. Ours hold one; another owner's may hold any number.
    pub(crate) holds: BTreeSet<LoadBalancerKey>,
    pub(crate) own: bool,
}

impl Observed {
    /// Reads HNS: the endpoints of `network` and all load balancers.
    ///
    /// # Errors
    /// When HNS refuses a listing. An error is never read as absence.
    pub fn read(client: Client<'_>, network: Guid) -> Result<Self, ClientError> {
        let mut observed = Self::default();
        for endpoint in client.endpoints_of(network)?.objects {
            observed.put_endpoint(network, endpoint);
        }
        for load_balancer in client.load_balancers_in_detail()?.objects {
            observed.put_load_balancer(load_balancer);
        }
        Ok(observed)
    }

    pub(crate) fn put_endpoint(&mut self, network: Guid, document: Endpoint) {
        let Some(id) = document.id else { return };
        self.take_endpoint(id);
        let key = document.addresses().next().map(|address| EndpointKey { network, address });
        let own = is_own_endpoint(&document, key.as_ref());
        for address in document.addresses() {
            self.endpoints_at.entry(address).or_default().insert(id);
        }
        self.endpoints.insert(id, ObservedEndpoint { document, own });
    }

    pub(crate) fn take_endpoint(&mut self, id: Guid) {
        let Some(endpoint) = self.endpoints.remove(&id) else { return };
        for address in endpoint.document.addresses() {
            remove_from(&mut self.endpoints_at, address, id);
        }
    }

    pub(crate) fn put_load_balancer(&mut self, document: LoadBalancer) {
        let Some(id) = document.id else { return };
        self.take_load_balancer(id);
        let holds = frontends_of(&document);
        let own = is_own_load_balancer(&document, holds.first().filter(|_| holds.len() == 1));
        for key in &holds {
            self.load_balancers_for.entry(*key).or_default().insert(id);
        }
        for endpoint in &document.host_compute_endpoints {
            self.referrers.entry(*endpoint).or_default().insert(id);
        }
        self.load_balancers.insert(id, ObservedLoadBalancer { document, holds, own });
    }

    pub(crate) fn take_load_balancer(&mut self, id: Guid) {
        let Some(load_balancer) = self.load_balancers.remove(&id) else { return };
        for key in load_balancer.holds {
            remove_from(&mut self.load_balancers_for, key, id);
        }
        for endpoint in load_balancer.document.host_compute_endpoints {
            remove_from(&mut self.referrers, endpoint, id);
        }
    }

    /// The endpoints at `address`.
    pub(crate) fn endpoints_at(
        &self,
        address: IpAddr,
    ) -> impl Iterator<Item = (Guid, &ObservedEndpoint)> {
        let ids = self.endpoints_at.get(&address).into_iter().flatten();
        ids.filter_map(|id| Some((*id, self.endpoints.get(id)?)))
    }

    /// The load balancers that hold `key`.
    pub(crate) fn holders(
        &self,
        key: &LoadBalancerKey,
    ) -> impl Iterator<Item = (Guid, &ObservedLoadBalancer)> {
        let ids = self.load_balancers_for.get(key).into_iter().flatten();
        ids.filter_map(|id| Some((*id, self.load_balancers.get(id)?)))
    }

    /// Whether any load balancer names the endpoint.
    pub(crate) fn is_referred_to(&self, endpoint: Guid) -> bool {
        self.referrers.contains_key(&endpoint)
    }
}

fn remove_from<K: Ord>(index: &mut BTreeMap<K, BTreeSet<Guid>>, key: K, id: Guid) {
    if let Some(ids) = index.get_mut(&key) {
        ids.remove(&id);
        if ids.is_empty() {
            index.remove(&key);
        }
    }
}

/// Every frontend that a load balancer holds: each port at each address.
fn frontends_of(document: &LoadBalancer) -> BTreeSet<LoadBalancerKey> {
    let without_vip = if document.is_ipv6() { Family::IPv6 } else { Family::IPv4 };
    let places: Vec<(Family, Option<IpAddr>)> = if document.has_no_vip() {
        vec![(without_vip, None)]
    } else {
        document.vips().map(|vip| (Family::of(vip), Some(vip))).collect()
    };
    let mut holds = BTreeSet::new();
    for mapping in &document.port_mappings {
        let Some(protocol) = protocol_of(mapping.protocol) else { continue };
        for (family, vip) in &places {
            let (family, vip, port) = (*family, *vip, mapping.external_port);
            holds.insert(LoadBalancerKey { family, vip, port, protocol });
        }
    }
    holds
}
