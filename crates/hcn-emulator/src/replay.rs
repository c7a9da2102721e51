//! What kube-proxy asks of HNS when it starts on a node of a large cluster, call by call.
//!
//! kubernetes/kubernetes#109124 published how long that takes: 2,000 Services with 5,000 endpoints on other nodes and 15 on
//! this one, before and after kube-proxy kept what it had listed. The sequences of calls are those of microsoft/hcsshim,
//! which asks for every object that it makes or lists by opening it, reading it, and closing it.

use std::net::{IpAddr, Ipv4Addr};

use serde_json::{Value, json};
use switchyard_hcn::{Error, Guid, Hcn, Query};

use crate::{Calls, Emulator, Latency, ObjectKind, Setup, Verb};

/// How kube-proxy finds what exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pattern {
    /// It lists all endpoints for each endpoint, and all load balancers for each Service.
    Old,
    /// It lists both once, and remembers.
    Cached,
}

/// A cluster as a node sees it: Services with one frontend each, and endpoints spread evenly over them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Workload {
    /// How many Services.
    pub services: u32,
    /// How many endpoints on other nodes.
    pub remote: u32,
    /// How many endpoints on this node, which the CNI has made.
    pub local: u32,
}

impl Workload {
    /// The published one.
    pub const PUBLISHED: Self = Self { services: 2_000, remote: 5_000, local: 15 };
}

/// What a replay came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Replayed {
    /// The time that HNS took, by the latency it was given.
    pub minutes: f64,
    /// The endpoints and load balancers that were read.
    pub objects_read: u64,
    /// All that was asked.
    pub calls: Calls,
}

/// Has kube-proxy start on an emulated HNS with this latency.
///
/// # Errors
///
/// If HNS refuses a call, which it does not for a workload of less than 65,536 Services and endpoints.
pub fn replay(pattern: Pattern, workload: Workload, latency: Latency) -> Result<Replayed, Error> {
    let emulator = Emulator::in_virtual_time(Setup::default());
    let (network, pods) = prepare(&emulator, workload)?;
    // The pods were there before, so the time begins with kube-proxy's first call.
    emulator.steer(|service| service.set_latency(latency));
    drop(emulator.take_calls());
    let begin = emulator.now();
    let proxy = KubeProxy { pods, ..KubeProxy::of(&emulator, network, NETWORK.to_owned()) };
    proxy.start(pattern, workload)?;
    let calls = emulator.take_calls();
    let read = |kind| calls.counts().get(&(Verb::Query, kind)).copied().unwrap_or_default();
    let listed = [ObjectKind::Endpoint, ObjectKind::LoadBalancer].map(read);
    // Each object that is made is read once, too.
    let made = u64::from(workload.remote) + u64::from(workload.services);
    Ok(Replayed {
        minutes: (emulator.now() - begin).as_secs_f64() / 60.0,
        objects_read: listed.iter().sum::<u64>() - made,
        calls,
    })
}

/// Makes the network and its pods, as a CNI does, and says their ids.
fn prepare(hcn: &dyn Hcn, workload: Workload) -> Result<(Guid, Vec<Guid>), Error> {
    let document = json!({ "Name": NETWORK, "Type": "L2Bridge", "SchemaVersion": schema(),
        "Ipams": [{ "Type": "Static", "Subnets": [{ "IpAddressPrefix": "10.0.0.0/16",
            "Routes": [{ "NextHop": "10.0.0.1", "DestinationPrefix": "0.0.0.0/0" }] }] }] });
    let handle = hcn.create_network(Guid::NIL, &document.to_string())?;
    let query = Query::all().to_json();
    let network = id_of(&hcn.query_network_properties(handle, &query)?);
    let mut pods = Vec::new();
    for number in 0..workload.local {
        let document = endpoint(local_address(number), 0);
        let made = hcn.create_endpoint(handle, Guid::NIL, &document.to_string())?;
        pods.push(id_of(&hcn.query_endpoint_properties(made, &query)?));
        hcn.close_endpoint(made)?;
    }
    hcn.close_network(handle)?;
    Ok((network, pods))
}

/// The name of the network.
const NETWORK: &str = "cbr0";

/// kube-proxy, as far as it calls HNS.
pub(crate) struct KubeProxy<'a> {
    hcn: &'a dyn Hcn,
    network: Guid,
    /// The network's name.
    name: String,
    /// The endpoints on this node, which its listings have shown.
    pods: Vec<Guid>,
}

impl<'a> KubeProxy<'a> {
    /// One that works on this network and has seen nothing yet.
    pub(crate) fn of(hcn: &'a dyn Hcn, network: Guid, name: String) -> Self {
        Self { hcn, network, name, pods: Vec::new() }
    }

    /// One sync of everything, on an HNS that has nothing but the pods.
    fn start(&self, pattern: Pattern, workload: Workload) -> Result<(), Error> {
        self.read_network()?;
        self.list_endpoints()?;
        self.list_load_balancers()?;
        let Workload { services, remote, .. } = workload;
        for service in 0..services {
            let mut backends = Vec::new();
            // The pods of this node are backends of the first Services.
            if let Some(pod) = self.pods.get(usize::try_from(service).unwrap_or(usize::MAX)) {
                if pattern == Pattern::Old {
                    self.read_network()?;
                    self.list_endpoints()?;
                }
                backends.push(*pod);
            }
            for number in share(service, services, remote) {
                if pattern == Pattern::Old {
                    self.read_network()?;
                    self.list_endpoints()?;
                }
                backends.push(
                    self.create_endpoint_of(&endpoint(remote_address(number), 1).to_string())?,
                );
            }
            if pattern == Pattern::Old {
                self.list_load_balancers()?;
            }
            self.create_load_balancer(service, &backends)?;
        }
        Ok(())
    }

    /// The network by its name: 4 calls.
    pub(crate) fn read_network(&self) -> Result<(), Error> {
        let query = Query::by_name(&self.name).to_json();
        for id in ids(&self.hcn.enumerate_networks(&query)?) {
            let handle = self.hcn.open_network(id)?;
            self.hcn.query_network_properties(handle, &query)?;
            self.hcn.close_network(handle)?;
        }
        Ok(())
    }

    /// All endpoints of the network: 1 call, and 3 for each.
    pub(crate) fn list_endpoints(&self) -> Result<(), Error> {
        let query = Query::endpoints_of(self.network).to_json();
        for id in ids(&self.hcn.enumerate_endpoints(&query)?) {
            let handle = self.hcn.open_endpoint(id)?;
            self.hcn.query_endpoint_properties(handle, &query)?;
            self.hcn.close_endpoint(handle)?;
        }
        Ok(())
    }

    /// All load balancers: 1 call, and 3 for each.
    pub(crate) fn list_load_balancers(&self) -> Result<(), Error> {
        let query = Query::all().to_json();
        for id in ids(&self.hcn.enumerate_load_balancers(&query)?) {
            let handle = self.hcn.open_load_balancer(id)?;
            self.hcn.query_load_balancer_properties(handle, &query)?;
            self.hcn.close_load_balancer(handle)?;
        }
        Ok(())
    }

    /// A remote endpoint: the network by its name, then open, create, read, close, close: 9 calls.
    pub(crate) fn create_endpoint_of(&self, document: &str) -> Result<Guid, Error> {
        self.read_network()?;
        let network = self.hcn.open_network(self.network)?;
        let handle = self.hcn.create_endpoint(network, Guid::NIL, document)?;
        let query = Query::all().to_json();
        let id = id_of(&self.hcn.query_endpoint_properties(handle, &query)?);
        self.hcn.close_endpoint(handle)?;
        self.hcn.close_network(network)?;
        Ok(id)
    }

    /// A load balancer: create, read, close: 3 calls.
    fn create_load_balancer(&self, service: u32, backends: &[Guid]) -> Result<(), Error> {
        let [.., high, low] = service.to_be_bytes();
        let document = json!({ "HostComputeEndpoints": backends,
            "FrontendVIPs": [Ipv4Addr::new(172, 20, high, low)], "SchemaVersion": schema(),
            "PortMappings": [{ "Protocol": 6, "InternalPort": 8080, "ExternalPort": 80 }] });
        self.create_load_balancer_of(&document.to_string())
    }

    pub(crate) fn create_load_balancer_of(&self, document: &str) -> Result<(), Error> {
        let handle = self.hcn.create_load_balancer(Guid::NIL, document)?;
        self.hcn.query_load_balancer_properties(handle, &Query::all().to_json())?;
        self.hcn.close_load_balancer(handle)
    }
}

/// The numbers of the endpoints of one of `services` Services, of `all` that are spread evenly.
fn share(service: u32, services: u32, all: u32) -> std::ops::Range<u32> {
    let before = |count: u32| {
        let share = u64::from(all) * u64::from(count) / u64::from(services.max(1));
        u32::try_from(share).unwrap_or(all)
    };
    before(service)..before(service + 1)
}

fn endpoint(address: IpAddr, flags: u32) -> Value {
    json!({ "IpConfigurations": [{ "IpAddress": address }], "Flags": flags,
        "SchemaVersion": schema() })
}

fn local_address(number: u32) -> IpAddr {
    let [.., high, low] = (number + 2).to_be_bytes();
    IpAddr::V4(Ipv4Addr::new(10, 0, high, low))
}

fn remote_address(number: u32) -> IpAddr {
    let [.., high, low] = number.to_be_bytes();
    IpAddr::V4(Ipv4Addr::new(10, 1, high, low))
}

fn schema() -> Value {
    json!({ "Major": 2, "Minor": 0 })
}

fn ids(listing: &str) -> Vec<Guid> {
    serde_json::from_str(listing).unwrap_or_default()
}

fn id_of(document: &str) -> Guid {
    let document: Value = serde_json::from_str(document).unwrap_or_default();
    document["ID"].as_str().and_then(|id| id.parse().ok()).unwrap_or(Guid::NIL)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Growth, Profile};

    /// A hundredth of the published workload.
    const SMALL: Workload = Workload { services: 20, remote: 50, local: 15 };

    fn run(pattern: Pattern) -> Replayed {
        let latency = Latency { profile: Profile::Ws2022, ..Latency::default() };
        replay(pattern, SMALL, latency).unwrap()
    }

    #[test]
    fn the_old_pattern_reads_everything_for_everything() {
        let old = run(Pattern::Old);
        // What exists when each remote endpoint, pod and load balancer is looked for, and the two listings at the start.
        let endpoints: u64 = (0..50).map(|made| 15 + made).sum();
        let pods: u64 = (0..15).map(|service| 15 + service * 5 / 2).sum();
        let load_balancers: u64 = (0..20).sum();
        assert_eq!(old.objects_read, 15 + endpoints + pods + load_balancers);
    }

    #[test]
    fn the_cached_pattern_reads_once() {
        let cached = run(Pattern::Cached);
        assert_eq!(cached.objects_read, 15);
        assert_eq!(cached.calls.total_mutating(), 70);
        // 4 for the network, 1 + 3 for each pod, 1 for no load balancer, 9 for each endpoint, 3 for each load balancer.
        assert_eq!(cached.calls.total(), 4 + 1 + 3 * 15 + 1 + 9 * 50 + 3 * 20);
    }

    #[test]
    fn the_time_is_that_of_the_profile() {
        let flat = Latency { profile: Profile::Ws2022, ..Latency::default() };
        let cached = replay(Pattern::Cached, SMALL, flat).unwrap();
        let seconds = 70.0 * 600.0 / 7_000.0 + 15.0 * 753e-6;
        assert!((cached.minutes * 60.0 - seconds).abs() < 1e-3, "{}", cached.minutes * 60.0);
        let growing = Latency { growth: Growth::Growing, ..flat };
        assert!(replay(Pattern::Cached, SMALL, growing).unwrap().minutes < cached.minutes);
    }
}
