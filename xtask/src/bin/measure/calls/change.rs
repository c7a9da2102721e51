//! Changes of one Service in a cluster of any size, one after the other on one node.

use std::net::IpAddr;
use std::time::Duration;

use anyhow::{Result, bail};
use serde::Serialize;
use switchyard_hcn::{Capabilities, Feature};
use switchyard_model::{ClusterEvent, Service};

use super::endpoints;
use super::objects::{local_pod, remote_pod, services, slice, subject};
use super::world::{Count, Kind, World};
use crate::cluster;

/// The number of the first pod that no other Service has.
const OWN: usize = 28_000;
/// How often a Service with too many backends gets one more: one that is not chosen costs nothing.
const OVER: usize = 8;
/// How long a pod's endpoint is waited for: through several looks.
const CNI: Duration = Duration::from_secs(30);

/// One change, and what it came to.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Case {
    /// The budget it belongs to.
    id: &'static str,
    /// What changed.
    what: String,
    #[serde(flatten)]
    count: Count,
    /// How often the endpoints of pods were looked for.
    looks: u64,
    /// The endpoints that the CNI made meanwhile, or just before.
    new_endpoints: u64,
    /// The most mutating calls it may cost.
    budget: u64,
}

/// A backend: its address and the number of its Node.
type Backend = (IpAddr, usize);

/// All changes on a node of a cluster with so many Services.
pub(super) fn run(kind: Kind, number: usize) -> Result<Vec<Case>> {
    let mut cases = Vec::new();
    let mut world = World::new(kind, services(number, endpoints(number)));
    world.settle()?;
    let bench = Bench::new(kind);
    bench.backends(&mut world, &mut cases)?;
    bench.too_many(&mut world, &mut cases)?;
    bench.local(&mut world, &mut cases)?;
    bench.nothing(&mut world, &mut cases)?;
    drop(world);
    // No Service has an endpoint, so that the node has no load balancer.
    let mut bare = World::new(kind, services(number, 0));
    bare.settle()?;
    bench.only(&mut bare, &mut cases)?;
    Ok(cases)
}

struct Bench {
    overlay: bool,
    /// The calls that give one load balancer other backends.
    per_frontend: u64,
    /// The backends that one load balancer takes.
    most: usize,
}

/// Backends of the subject that no other Service has.
fn own(count: usize) -> Vec<Backend> {
    (0..count).map(|number| remote_pod(OWN + number)).collect()
}

impl Bench {
    fn new(kind: Kind) -> Self {
        let modifies = Capabilities::of(kind.version).has(Feature::ModifyLoadBalancer);
        Self {
            overlay: kind.overlay,
            per_frontend: if modifies { 1 } else { 2 },
            most: if kind.version.major < 11 { 64 } else { 1_024 },
        }
    }

    /// One backend elsewhere comes and goes.
    fn backends(&self, world: &mut World, cases: &mut Vec<Case>) -> Result<()> {
        let mut both = |what: &str, frontends: usize, before: &[Backend], new: Backend, budget| {
            let service = subject(frontends);
            let [added, removed] = come_and_go(world, &service, before, new)?;
            cases.push(Case::remote(format!("{what} added"), added, budget));
            cases.push(Case::remote(format!("{what} removed"), removed, budget));
            anyhow::Ok(())
        };
        let new = remote_pod(OWN + 9);
        both("a backend", 1, &own(2), new, 1 + self.per_frontend)?;
        both("a backend of three frontends", 3, &own(2), new, 1 + 3 * self.per_frontend)?;
        let known = remote_pod(0);
        both("a backend that another Service has", 1, &own(2), known, self.per_frontend)?;
        let companion = u64::from(self.overlay);
        both("the first backend", 1, &[], new, 1 + self.per_frontend + companion)
    }

    /// One backend more than a load balancer takes comes and goes.
    fn too_many(&self, world: &mut World, cases: &mut Vec<Case>) -> Result<()> {
        let service = subject(1);
        let before = own(self.most + 16);
        let budget = 2 + self.per_frontend;
        let mut most = [Count::default(); 2];
        for number in 0..OVER {
            let new = remote_pod(OWN + self.most + 100 + number);
            let counts = come_and_go(world, &service, &before, new)?;
            for (most, count) in most.iter_mut().zip(counts) {
                *most = if count.mutating > most.mutating { count } else { *most };
            }
        }
        let [added, removed] = most;
        let what = "a backend over the maximum";
        cases.push(Case::remote(format!("{what} added"), added, budget));
        cases.push(Case::remote(format!("{what} removed"), removed, budget));
        Ok(())
    }

    /// The node's first load balancer comes, and its last goes.
    fn only(&self, world: &mut World, cases: &mut Vec<Case>) -> Result<()> {
        let new = remote_pod(OWN);
        let [added, removed] = come_and_go(world, &subject(1), &[], new)?;
        let budget = 1 + self.per_frontend + if self.overlay { 2 } else { 0 };
        let what = "the backend of the node's first load balancer";
        cases.push(Case::remote(format!("{what} added"), added, budget));
        let what = "the backend of the node's last load balancer";
        cases.push(Case::remote(format!("{what} removed"), removed, budget));
        Ok(())
    }

    /// One pod of this node comes and goes, with its endpoint before it, and long after it.
    fn local(&self, world: &mut World, cases: &mut Vec<Case>) -> Result<()> {
        let service = subject(1);
        let (before, pod) = (own(2), local_pod(5));
        let after = with(&before, pod);
        let mut push = |what: &str, count: Count, looks: u64, new_endpoints, budget| {
            let (id, what) = ("one-change-local", what.to_owned());
            cases.push(Case { id, what, count, looks, new_endpoints, budget });
        };
        world.apply(vec![ClusterEvent::Service(service.clone()), slice(&service, 0, &before)])?;
        world.add_pod_endpoint(pod.0)?;
        let (count, looks) = watch(world, vec![slice(&service, 0, &after)])?;
        push("a pod whose endpoint is there added", count, looks, 1, self.per_frontend);
        let (count, looks) = watch(world, vec![slice(&service, 0, &before)])?;
        push("a pod removed", count, looks, 0, self.per_frontend);

        let late = local_pod(6);
        let after = with(&before, late);
        let (count, looks) = watch(world, vec![slice(&service, 0, &after)])?;
        push("a pod whose endpoint is not there added", count, looks, 0, 0);
        world.add_pod_endpoint(late.0)?;
        let (count, looks) = watch(world, Vec::new())?;
        push("the endpoint of a pod found", count, looks, 1, self.per_frontend);
        let (count, looks) = watch(world, vec![slice(&service, 0, &before)])?;
        push("a pod found late removed", count, looks, 0, self.per_frontend);
        forget(world, &service)
    }

    /// Events that change nothing for this node.
    fn nothing(&self, world: &mut World, cases: &mut Vec<Case>) -> Result<()> {
        let service = subject(1);
        let before = own(2);
        world.apply(vec![ClusterEvent::Service(service.clone()), slice(&service, 0, &before)])?;
        let mut push = |what: &str, world: &mut World, event| {
            let (count, looks) = watch(world, vec![event])?;
            let (id, what) = ("no-change", what.to_owned());
            cases.push(Case { id, what, count, looks, new_endpoints: 0, budget: 0 });
            anyhow::Ok(())
        };
        let same = slice(&service, 0, &before);
        push("the same slice again", world, same)?;
        push("another Node that says it is alive", world, ClusterEvent::Node(cluster::node(1)))?;
        let mut unready = slice(&service, 0, &with(&before, remote_pod(OWN + 9)));
        if let ClusterEvent::Slice(slice) = &mut unready {
            slice.endpoints[2].conditions.ready = false;
            slice.endpoints[2].conditions.serving = false;
        }
        push("a backend that is not ready", world, unready)?;
        push("its end", world, slice(&service, 0, &before))?;
        let twice = slice(&service, 1, &before[..1]);
        push("a second slice with a backend that is known", world, twice)?;
        let mut checked = service.clone();
        checked.health_check_node_port = Some(cluster::port(32_000));
        push("a health-check port", world, ClusterEvent::Service(checked))?;
        forget(world, &service)
    }
}

impl Case {
    fn remote(what: String, count: Count, budget: u64) -> Self {
        Self { id: "one-change", what, count, looks: 0, new_endpoints: 0, budget }
    }
}

/// The calls that the coming and the going of one backend cost.
fn come_and_go(
    world: &mut World,
    service: &Service,
    before: &[Backend],
    new: Backend,
) -> Result<[Count; 2]> {
    let known = vec![ClusterEvent::Service(service.clone()), slice(service, 0, before)];
    world.apply(known)?;
    let objects = world.objects();
    let added = world.apply(vec![slice(service, 0, &with(before, new))])?;
    let removed = world.apply(vec![slice(service, 0, before)])?;
    if world.objects() != objects {
        bail!("{objects} objects before the backend came, {} after it went", world.objects());
    }
    forget(world, service)?;
    Ok([added, removed])
}

fn with(backends: &[Backend], new: Backend) -> Vec<Backend> {
    backends.iter().copied().chain([new]).collect()
}

/// Takes the Service out of the cluster again.
fn forget(world: &mut World, service: &Service) -> Result<()> {
    let gone = (0..2).filter_map(|part| match slice(service, part, &[]) {
        ClusterEvent::Slice(slice) => Some(ClusterEvent::SliceGone(slice.key)),
        _ => None,
    });
    let gone = gone.chain([ClusterEvent::ServiceGone(service.key.clone())]);
    world.apply(gone.collect())?;
    Ok(())
}

/// Applies a batch; what it cost, and how many looks for endpoints there were.
fn watch(world: &mut World, batch: Vec<ClusterEvent>) -> Result<(Count, u64)> {
    let events = world.stream.apply(batch);
    let looks = world.tell(events, CNI)?;
    Ok((world.take_count(), looks))
}
