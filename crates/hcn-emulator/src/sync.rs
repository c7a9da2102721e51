//! kube-proxy's syncs on a node, call by call, that lead HNS from what it holds to what a state says.
//!
//! The order and the calls are those of `pkg/proxy/winkernel` of kubernetes/kubernetes and of microsoft/hnslib, which opens,
//! reads and closes every object that it makes, changes or lists. At its start it removes every load balancer; each sync
//! reads every endpoint and every load balancer. What it remembers of its own doing costs no call.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use switchyard_hcn::{Endpoint, Error, Guid, Hcn, LoadBalancer, NetworkType, Query, Version};

use crate::replay::KubeProxy;
use crate::{Emulator, State};

/// The first HNS whose load balancers kube-proxy changes in place.
const MODIFIES: Version = Version::new(15, 5);

/// What makes two load balancers the same for kube-proxy: family, address, protocol and port.
type Frontend = (bool, Option<String>, String);

/// kube-proxy on a node whose HNS is emulated.
pub struct KubeProxySync<'a> {
    emulator: &'a Emulator,
    proxy: KubeProxy<'a>,
    overlay: bool,
    modifies: bool,
}

impl<'a> KubeProxySync<'a> {
    /// One that works on the network `id`; none if HNS has no such network.
    #[must_use]
    pub fn new(emulator: &'a Emulator, id: Guid) -> Option<Self> {
        let state = emulator.state();
        let network = state.network(id)?;
        Some(Self {
            emulator,
            overlay: network.network_type == NetworkType::Overlay,
            modifies: state.version >= MODIFIES,
            proxy: KubeProxy::of(emulator, id, network.name.clone()),
        })
    }

    /// It starts: every load balancer is removed, and the first sync makes those of `target`. Endpoints stay.
    ///
    /// # Errors
    ///
    /// If HNS refuses a call.
    pub fn start(&self, target: &State) -> Result<(), Error> {
        self.proxy.list_load_balancers()?;
        let present: Vec<Guid> = self.emulator.state().load_balancers().map(|(id, _)| id).collect();
        for id in present {
            self.emulator.delete_load_balancer(id)?;
        }
        self.sync(target)
    }

    /// It syncs once: what `target` has no more goes, and what it has is made.
    ///
    /// # Errors
    ///
    /// If HNS refuses a call.
    pub fn sync(&self, target: &State) -> Result<(), Error> {
        let before = self.emulator.state();
        let wanted: BTreeMap<Frontend, &LoadBalancer> =
            target.load_balancers().map(|(_, wanted)| (frontend(wanted), wanted)).collect();
        self.proxy.read_network()?;
        for (id, own) in before.load_balancers() {
            let wanted = wanted.get(&frontend(own));
            let replaced = wanted.is_some_and(|wanted| {
                !self.modifies && backends(wanted, target) != backends(own, &before)
            });
            if wanted.is_none() || replaced {
                self.delete_load_balancer(id)?;
            }
        }
        self.proxy.read_network()?;
        self.proxy.list_endpoints()?;
        self.proxy.list_load_balancers()?;
        let mut made = by_address(&before);
        for (_, endpoint) in target.endpoints().filter(|(_, endpoint)| endpoint.is_remote()) {
            let Some(address) = endpoint.addresses().next() else { continue };
            if let Entry::Vacant(missing) = made.entry(address) {
                missing.insert(self.create_endpoint(endpoint)?);
            }
        }
        let held: BTreeMap<Frontend, Guid> = {
            let state = self.emulator.state();
            state.load_balancers().map(|(id, own)| (frontend(own), id)).collect()
        };
        for (key, wanted) in &wanted {
            let addresses = backends(wanted, target);
            let endpoints = addresses.iter().filter_map(|address| made.get(address).copied());
            let document = document(wanted, endpoints.collect());
            match held.get(key) {
                None => self.proxy.create_load_balancer_of(&document)?,
                Some(id)
                    if before.load_balancer(*id).map(|own| backends(own, &before))
                        != Some(addresses) =>
                {
                    self.modify(*id, &document)?
                }
                Some(_) => {}
            }
        }
        let kept = by_address(target);
        for (id, endpoint) in before.endpoints().filter(|(_, endpoint)| endpoint.is_remote()) {
            if endpoint.addresses().all(|address| !kept.contains_key(&address)) {
                self.delete_endpoint(id)?;
            }
        }
        Ok(())
    }

    /// A load balancer is looked for, and removed: 5 calls.
    fn delete_load_balancer(&self, id: Guid) -> Result<(), Error> {
        let hcn = self.emulator;
        let query = Query::all().to_json();
        hcn.enumerate_load_balancers(&query)?;
        let handle = hcn.open_load_balancer(id)?;
        hcn.query_load_balancer_properties(handle, &query)?;
        hcn.close_load_balancer(handle)?;
        hcn.delete_load_balancer(id)
    }

    /// An endpoint is looked for, and removed: 5 calls.
    fn delete_endpoint(&self, id: Guid) -> Result<(), Error> {
        let hcn = self.emulator;
        let query = Query::all().to_json();
        hcn.enumerate_endpoints(&query)?;
        let handle = hcn.open_endpoint(id)?;
        hcn.query_endpoint_properties(handle, &query)?;
        hcn.close_endpoint(handle)?;
        hcn.delete_endpoint(id)
    }

    /// A load balancer is changed in place: 4 calls.
    fn modify(&self, id: Guid, document: &str) -> Result<(), Error> {
        let hcn = self.emulator;
        let handle = hcn.open_load_balancer(id)?;
        hcn.modify_load_balancer(handle, document)?;
        hcn.query_load_balancer_properties(handle, &Query::all().to_json())?;
        hcn.close_load_balancer(handle)
    }

    /// A remote endpoint, on an overlay with the network read once more for its routes.
    fn create_endpoint(&self, endpoint: &Endpoint) -> Result<Guid, Error> {
        if self.overlay {
            self.proxy.read_network()?;
        }
        let endpoint = Endpoint {
            id: None,
            owner: String::new(),
            name: "Ethernet".to_owned(),
            ..endpoint.clone()
        };
        self.proxy.create_endpoint_of(&serde_json::to_string(&endpoint).unwrap_or_default())
    }
}

fn frontend(load_balancer: &LoadBalancer) -> Frontend {
    let mappings = &load_balancer.port_mappings;
    let port = mappings.first().map(|own| format!("{:?}/{}", own.protocol, own.external_port));
    (
        load_balancer.is_ipv6(),
        load_balancer.frontend_vips.first().cloned(),
        port.unwrap_or_default(),
    )
}

/// The addresses that a load balancer of `state` spreads connections over.
fn backends(load_balancer: &LoadBalancer, state: &State) -> BTreeSet<IpAddr> {
    let endpoints = load_balancer.host_compute_endpoints.iter();
    endpoints.filter_map(|id| state.endpoint(*id)?.addresses().next()).collect()
}

fn by_address(state: &State) -> BTreeMap<IpAddr, Guid> {
    let endpoints = state.endpoints();
    endpoints.filter_map(|(id, endpoint)| Some((endpoint.addresses().next()?, id))).collect()
}

/// The document of a load balancer as kube-proxy sends it: without id, owner and name.
fn document(wanted: &LoadBalancer, endpoints: Vec<Guid>) -> String {
    let document = LoadBalancer {
        id: None,
        owner: String::new(),
        name: String::new(),
        host_compute_endpoints: endpoints,
        ..wanted.clone()
    };
    serde_json::to_string(&document).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Setup;

    const NETWORK: &str = "00000000-0000-0000-0000-000000000001";

    /// A state with one load balancer over these pods elsewhere.
    fn state(pods: &[u8]) -> State {
        let endpoint = |pod: &u8| {
            format!(
                r#"{{"ID":"00000000-0000-0000-0001-{pod:012}","HostComputeNetwork":"{NETWORK}","Flags":1,"MacAddress":"02-11-0A-01-02-{pod:02}","IpConfigurations":[{{"IpAddress":"10.1.2.{pod}"}}]}}"#
            )
        };
        let id = |pod: &u8| format!(r#""00000000-0000-0000-0001-{pod:012}""#);
        let endpoints: Vec<_> = pods.iter().map(endpoint).collect();
        let ids: Vec<_> = pods.iter().map(id).collect();
        let text = format!(
            r#"{{"networks":[{{"ID":"{NETWORK}","Name":"cbr0","Type":"L2Bridge"}}],"endpoints":[{}],
            "loadBalancers":[{{"ID":"00000000-0000-0000-0002-000000000001","HostComputeEndpoints":[{}],
            "FrontendVIPs":["172.20.0.10"],"PortMappings":[{{"Protocol":6,"InternalPort":80,"ExternalPort":80}}]}}]}}"#,
            endpoints.join(","),
            ids.join(",")
        );
        State::from_json(&text).unwrap()
    }

    #[test]
    fn a_sync_reads_everything_and_changes_what_differs() {
        let emulator = Emulator::in_virtual_time(Setup::of(state(&[21, 22])));
        let proxy = KubeProxySync::new(&emulator, NETWORK.parse().unwrap()).unwrap();
        proxy.sync(&state(&[22, 23])).unwrap();
        let calls = emulator.take_calls();
        assert_eq!(calls.total_mutating(), 3);
        // Twice the network, two endpoints, one load balancer; then an endpoint made, one load balancer changed, an endpoint removed.
        assert_eq!(calls.total(), 4 + 4 + (1 + 3 * 2) + (1 + 3) + 9 + 4 + 5);
        let now = emulator.state();
        let only = now.load_balancers().next().unwrap().1;
        assert_eq!(backends(only, &now), backends(only_of(&state(&[22, 23])), &state(&[22, 23])));
        assert_eq!(by_address(&now).len(), 2);
    }

    fn only_of(state: &State) -> &LoadBalancer {
        state.load_balancers().next().unwrap().1
    }

    #[test]
    fn a_start_removes_every_load_balancer_first() {
        let emulator = Emulator::in_virtual_time(Setup::of(state(&[21, 22])));
        let proxy = KubeProxySync::new(&emulator, NETWORK.parse().unwrap()).unwrap();
        proxy.start(&state(&[21, 22])).unwrap();
        let calls = emulator.take_calls();
        assert_eq!(calls.total_mutating(), 2);
        // The list of load balancers and their removal; the network twice; two endpoints and no load balancer; one made.
        assert_eq!(calls.total(), (1 + 3) + 1 + 4 + 4 + (1 + 3 * 2) + 1 + 3);
    }
}
