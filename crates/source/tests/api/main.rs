//! The Kubernetes API as a source, against an API server in memory, in paused time: nothing here waits for anything real.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod credentials;
mod faults;
mod slim;
mod steps;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use switchyard_kube_fake::{
    ApiServer, DeleteOptions, Part, RESOURCES, Resource, Store, WriteOptions,
};
use switchyard_model::{Cluster, ClusterEvent, ServiceKey, Touched};
use switchyard_source::api::{Api, Shared, Update};
use tokio::sync::Notify;
use tokio::task::LocalSet;
use tokio::time::Instant;

/// An API server that is followed.
struct World {
    server: ApiServer,
    shared: Arc<Shared>,
    /// Rings when there is something new.
    rung: Arc<Notify>,
    cluster: Cluster,
    begun: Instant,
}

fn resource(kind: &str) -> &'static Resource {
    RESOURCES
        .iter()
        .find(|resource| resource.kind == kind && resource.group != "events.k8s.io")
        .unwrap()
}

fn service(name: &str, address: &str) -> Value {
    json!({"metadata": {"name": name, "namespace": "shop"},
        "spec": {"type": "ClusterIP", "clusterIP": address, "clusterIPs": [address],
                 "ports": [{"port": 80, "protocol": "TCP"}]}})
}

fn slice(service: &str, addresses: &[&str]) -> Value {
    let endpoints: Vec<_> = addresses.iter().map(|one| json!({"addresses": [one]})).collect();
    json!({"metadata": {"name": format!("{service}-1"), "namespace": "shop",
                        "labels": {"kubernetes.io/service-name": service}},
        "addressType": "IPv4", "endpoints": endpoints, "ports": [{"name": "", "port": 8080}]})
}

impl World {
    /// One with a Node, a Service and its slice.
    fn new() -> Self {
        let server = ApiServer::new(Store::new(), "2026-01-02T03:04:05Z".parse().unwrap());
        let begun = Instant::now();
        let clock = Arc::new(move || begun.elapsed());
        let rung = Arc::new(Notify::new());
        let bell = Arc::clone(&rung);
        let shared = Arc::new(Shared::new(clock, Arc::new(move || bell.notify_one())));
        let world = Self { server, shared, rung, cluster: Cluster::default(), begun };
        world.put("Node", json!({"metadata": {"name": "n1"}}));
        world.put("Node", json!({"metadata": {"name": "n2"}}));
        world.put("Service", service("web", "172.20.0.10"));
        world.put("EndpointSlice", slice("web", &["10.1.2.21"]));
        world
    }

    /// Has somebody follow it from now on.
    fn follow(&self) {
        let server = self.server.clone();
        self.follow_through(server);
    }

    fn follow_through(&self, server: ApiServer) {
        let client = kube::Client::new(server, "default");
        let api = Api { clients: client.into(), node: "n1".to_owned(), seed: 7 };
        let shared = Arc::clone(&self.shared);
        tokio::task::spawn_local(async move { api.follow(&shared).await });
    }

    /// Creates an object, or replaces it.
    fn put(&self, kind: &str, object: Value) {
        let resource = resource(kind);
        let name = object["metadata"]["name"].as_str().unwrap().to_owned();
        let namespace = object["metadata"]["namespace"].as_str().unwrap_or_default().to_owned();
        let options = WriteOptions::new("test", self.server.now());
        self.server.with(|store| {
            if store.get(resource, &namespace, &name).is_ok() {
                store.update(resource, (&namespace, &name), Part::Main, object, &options).unwrap();
            } else {
                store.create(resource, &namespace, object, &options).unwrap();
            }
        });
    }

    fn delete(&self, kind: &str, name: &str) {
        let options = DeleteOptions::new(self.server.now());
        self.server.with(|store| store.delete(resource(kind), ("shop", name), &options)).unwrap();
    }

    /// Waits until something can be taken, `patience` at most, and takes it.
    async fn step(&mut self, patience: Duration) -> Option<Update> {
        let until = Instant::now() + patience;
        loop {
            if let Some(update) = self.shared.take() {
                for event in &update.events {
                    self.cluster.apply(event.clone(), &mut Touched::default());
                }
                return Some(update);
            }
            tokio::time::timeout_at(until, self.rung.notified()).await.ok()?;
        }
    }

    /// Lets so much time pass and takes whatever comes.
    async fn pass(&mut self, time: Duration) {
        let until = Instant::now() + time;
        while Instant::now() < until {
            self.step(until - Instant::now()).await;
        }
    }

    /// Services with their endpoints' addresses, as far as they are known.
    fn known(&self) -> BTreeMap<String, Vec<String>> {
        let services = self.cluster.services().map(|service| service.key.clone());
        let endpoints = |key: &ServiceKey| {
            let slices = self.cluster.slices_of(key);
            let endpoints = slices.flat_map(|slice| slice.endpoints.iter());
            endpoints.filter_map(|one| Some(one.address?.to_string())).collect()
        };
        services.map(|key| (key.name.to_string(), endpoints(&key))).collect()
    }
}

fn kinds(update: &Update) -> Vec<&'static str> {
    let kind = |event: &ClusterEvent| match event {
        ClusterEvent::Node(_) => "node",
        ClusterEvent::NodeGone(_) => "node gone",
        ClusterEvent::Service(_) => "service",
        ClusterEvent::ServiceGone(_) => "service gone",
        ClusterEvent::Slice(_) => "slice",
        ClusterEvent::SliceGone(_) => "slice gone",
        ClusterEvent::Pod(_) | ClusterEvent::PodGone(_) => "pod",
    };
    update.events.iter().map(kind).collect()
}

/// Runs `test` in paused time on one thread.
fn in_paused_time(test: impl Future<Output = ()>) {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build().unwrap();
    LocalSet::new().block_on(&runtime, test);
}

const SOON: Duration = Duration::from_secs(5);
