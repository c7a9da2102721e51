//! A whole agent, fed by an API server in the same process: what it holds, and how long a change takes from the API server's
//! store to HNS.

use std::fs;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use switchyard_agent::{Host, Mailbox, Pages, Setup, Source, StateDirectory, ask_status, mailbox};
use switchyard_hcn::{Error, Hcn, for_each_function};
use switchyard_hcn_emulator::{Emulator, Setup as Hns};
use switchyard_kube_fake::{ApiServer, Part, RESOURCES, Resource, Store, WriteOptions};
use switchyard_model::{EndpointSlice, Service, Settings};
use switchyard_nodeview::Stream;
use switchyard_source::api::Api;
use switchyard_winkernel::ReconcilerSettings;

use crate::cluster::{self, Shape};
use crate::{heap, soak};

/// The time between two changes: 100 a second.
const BETWEEN: Duration = Duration::from_millis(10);
/// How long is waited for what must come.
const PATIENCE: Duration = Duration::from_secs(600);
/// How often is looked whether it came.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The time by the API server's clock.
const EPOCH: &str = "2026-01-02T03:04:05Z";

/// An HNS that notes when a load balancer was changed.
struct Watched {
    hcn: Arc<dyn Hcn>,
    changes: Mutex<Vec<Instant>>,
}

impl Watched {
    fn called<T>(&self, verb: &str, kind: &str, answer: Result<T, Error>) -> Result<T, Error> {
        if (verb, kind) == ("modify", "loadBalancer") && answer.is_ok() {
            self.changes().push(now());
        }
        answer
    }

    fn changes(&self) -> std::sync::MutexGuard<'_, Vec<Instant>> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

macro_rules! watched {
    ($($name:ident($($argument:ident: $type:ty),*) -> $answer:ty, $export:ident $verb:ident $kind:ident;)*) => {
        impl Hcn for Watched {
            $(fn $name(&self, $($argument: $type),*) -> Result<$answer, Error> {
                self.called(stringify!($verb), stringify!($kind), self.hcn.$name($($argument),*))
            })*
        }
    };
}

for_each_function!(watched);

/// Nothing is around HNS.
struct Nothing;

impl Host for Nothing {
    fn views_changed(&self, _: &Stream) {}

    fn keep(&self) {}

    fn hns_state(&self) -> Result<String, String> {
        Err("it is measured".to_owned())
    }
}

/// Prints, as JSON, what the agent of one node of `shape` holds, and the latencies of `changes`.
pub(super) fn run(shape: Shape, changes: usize) -> Result<()> {
    let server = ApiServer::new(filled(shape)?, EPOCH.parse()?);
    let emulator = Arc::new(Emulator::blocking(Hns::of(soak::hns()?)));
    let hcn: Arc<dyn Hcn> = Arc::clone(&emulator) as Arc<dyn Hcn>;
    let watched = Arc::new(Watched { hcn, changes: Mutex::default() });
    let path = std::env::temp_dir().join(format!("switchyard-measure-{}", std::process::id()));
    let directory = StateDirectory::open(&path)?;

    let before = heap::live() - held_by_others(&server, &emulator);
    let begun = now();
    let (mailbox, agent) = start(&server, &watched, &directory)?;
    settle(&directory, shape.services)?;
    let cold = begun.elapsed();
    let held = heap::live() - held_by_others(&server, &emulator) - before;

    let latencies = latencies(shape, changes, &server, &watched)?;
    settle(&directory, shape.services)?;
    let held_after = heap::live() - held_by_others(&server, &emulator) - before;
    mailbox.stop();
    agent.join().map_err(|_| anyhow::anyhow!("the agent panicked"))??;
    fs::remove_dir_all(&path)?;
    let percentile = |share: usize| latencies[(latencies.len() - 1) * share / 100].as_nanos();
    let answer = json!({
        "coldNanoseconds": cold.as_nanos(), "heldBytes": held, "heldBytesAfterChanges": held_after,
        "residentBytes": resident()?, "changes": latencies.len(),
        "p50Nanoseconds": percentile(50), "p99Nanoseconds": percentile(99),
    });
    println!("{answer}");
    Ok(())
}

type Running = thread::JoinHandle<Result<(), switchyard_agent::AgentError>>;

fn start(
    server: &ApiServer,
    hcn: &Arc<Watched>,
    directory: &StateDirectory,
) -> Result<(Mailbox, Running)> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let client = {
        let _inside = runtime.enter();
        kube::Client::new(server.clone(), "default")
    };
    let node = cluster::node_name(0);
    let setup = Setup {
        node: node.as_str().into(),
        settings: Settings::default(),
        reconciler: ReconcilerSettings::default(),
        until_settled: false,
        patience: Duration::MAX,
        hcn: Arc::clone(hcn) as Arc<dyn Hcn>,
        host: Arc::new(Nothing),
        reload: None,
        source: Source::Api { runtime, api: Api { clients: client.into(), node, seed: 1 } },
        pages: Pages::default(),
        directory: directory.clone(),
    };
    let (mailbox, inbox) = mailbox();
    let to_agent = mailbox.clone();
    let agent = thread::spawn(move || switchyard_agent::run(setup, to_agent, inbox));
    Ok((mailbox, agent))
}

/// Waits until HNS has a load balancer for each Service and nothing is under way.
fn settle(directory: &StateDirectory, services: usize) -> Result<()> {
    let begun = now();
    loop {
        let status = ask_status(directory).ok();
        let settled = status.as_ref().is_some_and(|status| {
            status.state == switchyard_agent::State::Settled
                && status.objects.own_load_balancers == services
        });
        if settled {
            return Ok(());
        }
        if begun.elapsed() > PATIENCE {
            bail!("the agent does not settle: {status:?}");
        }
        pause(LOOK_EVERY);
    }
}

/// Makes changes, one each 10 ms, and returns how long each took until HNS had it, the shortest first. Each is of another
/// Service and costs one change of its load balancer; they are told apart by their order.
fn latencies(
    shape: Shape,
    count: usize,
    server: &ApiServer,
    hcn: &Watched,
) -> Result<Vec<Duration>> {
    let earlier = hcn.changes().len();
    let slices = resource("EndpointSlice")?;
    let mut begun = Vec::new();
    let mut next = now();
    for index in 0..count {
        let mut slice = shape.slice(index * shape.services / count);
        if let Some(endpoint) = slice.endpoints.last_mut() {
            endpoint.conditions.ready = false;
        }
        let (namespace, name) = (slice.key.namespace.to_string(), slice.key.name.to_string());
        let document = slice_document(&slice);
        let options = WriteOptions::new("measure", EPOCH.parse()?);
        next += BETWEEN;
        pause(next.saturating_duration_since(now()));
        begun.push(now());
        let place = (namespace.as_str(), name.as_str());
        let written =
            server.with(|store| store.update(slices, place, Part::Main, document, &options));
        written.map_err(anyhow::Error::new)?;
    }
    let waited = now();
    while hcn.changes().len() < earlier + count && waited.elapsed() < PATIENCE {
        pause(LOOK_EVERY);
    }
    let ended: Vec<Instant> = hcn.changes()[earlier..].to_vec();
    if ended.len() != count {
        bail!("{} load balancers were changed by {count} changes", ended.len());
    }
    let pairs = begun.into_iter().zip(ended);
    let mut latencies: Vec<_> =
        pairs.map(|(begun, ended)| ended.saturating_duration_since(begun)).collect();
    latencies.sort();
    Ok(latencies)
}

/// A store with the cluster in it.
fn filled(shape: Shape) -> Result<Store> {
    let mut store = Store::with_history(1_000);
    let options = WriteOptions::new("measure", EPOCH.parse()?);
    let mut put = |kind: &str, namespace: &str, object: Value| -> Result<()> {
        let made = store.create(resource(kind)?, namespace, object, &options);
        made.map(drop).map_err(anyhow::Error::new)
    };
    put("Node", "", node_document())?;
    for number in 0..shape.services {
        let service = Shape::service(number, false);
        put("Service", &service.key.namespace, service_document(&service))?;
        let slice = shape.slice(number);
        put("EndpointSlice", &slice.key.namespace, slice_document(&slice))?;
    }
    Ok(store)
}

fn node_document() -> Value {
    let node = cluster::node(0);
    let ranges: Vec<_> = node.pod_ranges.iter().map(ToString::to_string).collect();
    let address = node.addresses.first().map(|one| one.address.to_string());
    json!({"metadata": {"name": *node.name, "labels": {"kubernetes.io/os": "windows"}},
        "spec": {"podCIDRs": ranges},
        "status": {"addresses": [{"type": "InternalIP", "address": address}]}})
}

/// As a cluster has them, with what nobody here reads.
fn service_document(service: &Service) -> Value {
    let address = service.cluster_ips.iter().next().map(|address| address.to_string());
    let name = &*service.key.name;
    json!({"metadata": {"name": name, "namespace": *service.key.namespace,
            "labels": {"app.kubernetes.io/name": name, "app.kubernetes.io/part-of": "measured"},
            "annotations": {"meta.helm.sh/release-name": name}},
        "spec": {"type": "ClusterIP", "clusterIP": address, "clusterIPs": [address],
            "selector": {"app": name}, "ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack",
            "ports": [{"name": "http", "protocol": "TCP", "port": 80, "targetPort": 8080}]}})
}

fn slice_document(slice: &EndpointSlice) -> Value {
    let service = slice.service.as_deref().unwrap_or_default();
    let endpoints = slice.endpoints.iter().enumerate().map(|(index, endpoint)| {
        let address = endpoint.address.map(|address| address.to_string());
        json!({"addresses": [address], "nodeName": endpoint.node.as_deref(),
            "conditions": {"ready": endpoint.conditions.ready, "serving": true, "terminating": false},
            "zone": "westeurope-1",
            "targetRef": {"kind": "Pod", "namespace": *slice.key.namespace,
                "name": format!("{service}-7d4b9c6f5d-{index:05}"),
                "uid": "3f7c1a52-0d6e-4c55-9a43-6f0d2b1c7e88"}})
    });
    let endpoints: Vec<Value> = endpoints.collect();
    json!({"metadata": {"name": *slice.key.name, "namespace": *slice.key.namespace,
            "labels": {"kubernetes.io/service-name": service,
                "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io"}},
        "addressType": "IPv4", "endpoints": endpoints,
        "ports": [{"name": "http", "protocol": "TCP", "port": 8080}]})
}

fn resource(kind: &str) -> Result<&'static Resource> {
    let found = RESOURCES.iter().find(|resource| resource.kind == kind);
    found.with_context(|| format!("the API server has no {kind}"))
}

/// What the API server and the emulator hold: as they say, and the size of a copy.
fn held_by_others(server: &ApiServer, emulator: &Emulator) -> i64 {
    drop(emulator.take_calls());
    let before = heap::live();
    let copy = emulator.state();
    let of_emulator = heap::live() - before;
    drop(copy);
    let of_server = server.with(|store| store.held_bytes());
    of_emulator + i64::try_from(of_server).unwrap_or(i64::MAX)
}

/// What the process holds of the machine's memory.
fn resident() -> Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes =
        line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok());
    Ok(kibibytes.context("no VmRSS in /proc/self/status")? * 1_024)
}

#[expect(clippy::disallowed_methods, reason = "it measures time")]
fn now() -> Instant {
    Instant::now()
}

#[expect(clippy::disallowed_methods, reason = "changes come in time")]
fn pause(time: Duration) {
    thread::sleep(time);
}
