//! What the API server has, and what its changes are.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde_json::{Value, json};
use switchyard::arguments::WindowsArguments;
use switchyard::network::{Hns, NetworkFile};
use switchyard_conformance::random::Generator;
use switchyard_conformance::{Change, Setup};
use switchyard_kube_fake::{
    ApiServer, Backup, DeleteOptions, ListQuery, Part, Resource, Store, WriteOptions,
};
use switchyard_model::{ClusterEvent, Family, Name, ObjectKey, ServiceKey, Settings};
use switchyard_nodeview::Stream;
use switchyard_source::Configuration;

use super::super::documents::read;
use super::super::entrances::{self, Entrance};

/// The kinds that the proxy reads, by group and plural.
const KINDS: [(&str, &str, &str); 3] = [
    ("", "nodes", "Node"),
    ("", "services", "Service"),
    ("discovery.k8s.io", "endpointslices", "EndpointSlice"),
];
/// How many changes a backup must be behind to be restored.
const FAR: u64 = 150;
/// When the API server begins.
const EPOCH: &str = "2026-03-01T00:00:00Z";

/// A random cluster in an API server, and what a node sees of it.
pub(super) struct ApiCluster {
    pub(super) generator: Generator,
    /// The documents as the API server has them; and what it does not have: Pods, the configuration, the network.
    pub(super) setup: Setup,
    /// What is to be seen on the node. Where its Node is gone, the last that was known of it counts.
    pub(super) truth: Stream,
    pub(super) settings: Settings,
    pub(super) hns: Hns,
    pub(super) server: ApiServer,
    /// What there was since the proxy was seen to be where it should.
    pub(super) ever: Ever,
    /// The objects of the store by kind and key, with their versions.
    known: BTreeMap<(usize, String, String), (u64, Value)>,
    /// The own Node as it was seen last, and whether it is deleted.
    own_node: Option<Value>,
    pub(super) is_node_lost: bool,
    backup: Option<(u64, Backup)>,
    /// Changes that the store took, and those that changed nothing.
    pub(super) changes: u64,
    pub(super) idle_changes: u64,
}

/// Which Services each entrance was of, and which endpoints each Service had. Services and slices come over different
/// connections, so that the proxy may see any of the ones with any of the others.
#[derive(Debug, Default)]
pub(super) struct Ever {
    owners: BTreeMap<Entrance, BTreeSet<ServiceKey>>,
    backends: BTreeMap<ServiceKey, BTreeSet<IpAddr>>,
}

impl Ever {
    /// The backends that an entrance may have had; none where there never was one.
    pub(super) fn of(&self, entrance: &Entrance) -> Option<BTreeSet<IpAddr>> {
        let owners = self.owners.get(entrance)?;
        Some(owners.iter().filter_map(|own| self.backends.get(own)).flatten().copied().collect())
    }

    fn remember(&mut self, stream: &Stream) {
        for service in stream.cluster().services() {
            let families = [Family::IPv4, Family::IPv6];
            let ips = families.into_iter().filter_map(|family| service.cluster_ips.of(family));
            let ips = ips.chain(service.external_ips.iter().copied());
            let ips: Vec<IpAddr> = ips.chain(service.load_balancer_ips.iter().copied()).collect();
            for port in &service.ports {
                let entrance =
                    |family, vip, port: u16, protocol| Entrance { family, vip, port, protocol };
                let of_ip = |ip: &IpAddr| {
                    entrance(Family::of(*ip), Some(*ip), port.port.get(), port.protocol)
                };
                let node_ports = port.node_port.into_iter().flat_map(|own| {
                    families.map(|family| entrance(family, None, own.get(), port.protocol))
                });
                for entrance in ips.iter().map(of_ip).chain(node_ports) {
                    self.owners.entry(entrance).or_default().insert(service.key.clone());
                }
            }
        }
        for slice in stream.cluster().slices() {
            let Some(service) = &slice.service else { continue };
            let service = ServiceKey::new(&*slice.key.namespace, &**service);
            let addresses = slice.endpoints.iter().filter_map(|endpoint| endpoint.address);
            self.backends.entry(service).or_default().extend(addresses);
        }
    }
}

fn resource(kind: &str) -> Option<&'static Resource> {
    let (group, plural, _) = KINDS.iter().find(|(_, _, own)| *own == kind)?;
    Resource::find(group, "v1", plural)
}

fn text<'a>(object: &'a Value, field: &str) -> &'a str {
    object["metadata"][field].as_str().unwrap_or_default()
}

/// An object as a client sends it.
fn as_sent(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(metadata) = object["metadata"].as_object_mut() {
        for field in ["resourceVersion", "uid", "managedFields", "generation", "creationTimestamp"]
        {
            metadata.remove(field);
        }
    }
    object
}

impl ApiCluster {
    /// The cluster with this seed, whose settings make up an HNS network.
    pub(super) fn new(seed: u64) -> Result<Self, String> {
        let mut generator = Generator::new(seed);
        let mut setup = generator.setup();
        setup.documents.extend(first_services());
        let configuration: Vec<String> = setup.configuration.iter().map(Value::to_string).collect();
        let configuration =
            Configuration::parse("configuration", configuration.join("\n---\n").as_bytes())
                .map_err(|trouble| trouble.to_string())?;
        let mut truth =
            Stream::new(Name::from(setup.node.as_str()), configuration.settings.clone());
        truth.apply(read(setup.documents.iter().cloned()));
        let file = setup.windows.as_ref().map(|network| NetworkFile::parse(&network.to_string()));
        let file = file.transpose()?.unwrap_or_default();
        let hns =
            Hns::described(file, &WindowsArguments::default(), &configuration.windows, &truth)
                .map_err(|failure| failure.to_string())?;
        let epoch = EPOCH.parse().map_err(|_| "no epoch".to_owned())?;
        let mut cluster = Self {
            truth: Stream::new(Name::from(setup.node.as_str()), configuration.settings.clone()),
            settings: configuration.settings,
            generator,
            hns,
            server: ApiServer::new(Store::new(), epoch),
            ever: Ever::default(),
            known: BTreeMap::new(),
            own_node: None,
            is_node_lost: false,
            backup: None,
            changes: 0,
            idle_changes: 0,
            setup,
        };
        for document in cluster.setup.documents.clone() {
            cluster.put(&Change::Apply(document));
        }
        cluster.look();
        cluster.show_all();
        cluster.changes = 0;
        Ok(cluster)
    }

    /// One random batch of changes; how many there were.
    pub(super) fn change(&mut self) -> usize {
        let batch = self.generator.change(&mut self.setup);
        self.apply(&batch);
        batch.len()
    }

    /// Makes changes at the API server. True where it took any.
    pub(super) fn apply(&mut self, batch: &[Change]) -> bool {
        let before = self.changes;
        for change in batch {
            self.put(change);
            // A proxy may see every state between.
            self.look();
        }
        for change in batch {
            self.show(change);
        }
        self.changes != before
    }

    fn put(&mut self, change: &Change) {
        let before = self.server.with(|store| store.revision());
        let options = WriteOptions::new("cluster", self.server.now());
        match change {
            Change::Apply(document) => {
                let Some(resource) = document["kind"].as_str().and_then(resource) else { return };
                let sent = as_sent(document);
                let name = text(&sent, "name").to_owned();
                let namespace = match text(&sent, "namespace") {
                    _ if !resource.namespaced => "",
                    "" => "default",
                    namespace => namespace,
                }
                .to_owned();
                let place = (namespace.as_str(), name.as_str());
                self.server.with(|store| {
                    let there = store.get(resource, place.0, place.1).is_ok();
                    let made = if there {
                        store.update(resource, place, Part::Main, sent.clone(), &options)
                    } else {
                        store.create(resource, place.0, sent.clone(), &options)
                    };
                    if made.is_ok() && resource.has_status {
                        // A status that is none is refused, as the rest of it would be.
                        let _ = store.update(resource, place, Part::Status, sent, &options);
                    }
                });
            }
            Change::Delete { kind, namespace, name } => {
                let Some(resource) = resource(kind) else { return };
                let options = DeleteOptions::new(self.server.now());
                let namespace = if resource.namespaced { namespace.as_str() } else { "" };
                self.server.with(|store| store.delete(resource, (namespace, name), &options)).ok();
            }
        }
        let after = self.server.with(|store| store.revision());
        if after == before {
            self.idle_changes += 1;
        } else {
            self.changes += 1;
        }
    }

    /// Takes in what the store has now.
    pub(super) fn look(&mut self) {
        let mut before = std::mem::take(&mut self.known);
        let mut events = Vec::new();
        for (number, (group, plural, _)) in KINDS.iter().enumerate() {
            let Some(resource) = Resource::find(group, "v1", plural) else { continue };
            let list = self.server.with(|store| store.list(resource, &ListQuery::default()));
            for object in list.map(|list| list.items).unwrap_or_default() {
                let key = (number, object.namespace().to_owned(), object.name().to_owned());
                let known = before.remove(&key);
                let is_new =
                    known.as_ref().is_none_or(|(version, _)| *version != object.revision());
                let value = match known {
                    Some((_, value)) if !is_new => value,
                    _ => object.value().clone(),
                };
                if is_new {
                    let is_ours = is_ours(number, &value);
                    let read = if is_ours { read([value.clone()]) } else { Vec::new() };
                    events.extend(if read.is_empty() { vec![gone(&key)] } else { read });
                }
                self.known.insert(key, (object.revision(), value));
            }
        }
        let own = (0, String::new(), self.setup.node.clone());
        events.extend(before.keys().filter(|key| **key != own).map(gone));
        self.truth.apply(events);
        self.is_node_lost = true;
        if let Some((_, node)) = self.known.get(&own) {
            self.is_node_lost = false;
            self.own_node = Some(node.clone());
        }
        self.ever.remember(&self.truth);
    }

    /// Has the documents be what the store has, for the object of `change`. What the API server never had is among them, and
    /// so is the own Node, as it was last.
    fn show(&mut self, change: &Change) {
        let (kind, namespace, name) = match change {
            Change::Apply(document) => {
                let kind = document["kind"].as_str().unwrap_or_default();
                (kind, text(document, "namespace"), text(document, "name"))
            }
            Change::Delete { kind, namespace, name } => {
                (kind.as_str(), namespace.as_str(), name.as_str())
            }
        };
        let Some(number) = KINDS.iter().position(|(_, _, own)| *own == kind) else { return };
        let namespace = match (number, namespace) {
            (0, _) => "",
            (_, "") => "default",
            (_, namespace) => namespace,
        };
        let key = (number, namespace.to_owned(), name.to_owned());
        let of_namespace = |document: &Value| match text(document, "namespace") {
            _ if number == 0 => true,
            "" => namespace == "default",
            own => own == namespace,
        };
        self.setup.documents.retain(|document| {
            document["kind"] != kind || text(document, "name") != name || !of_namespace(document)
        });
        let known = self.known.get(&key).map(|(_, value)| value.clone());
        let is_own = number == 0 && name == self.setup.node;
        self.setup.documents.extend(known.or_else(|| self.own_node.clone().filter(|_| is_own)));
    }

    /// Has all documents be what the store has.
    fn show_all(&mut self) {
        self.setup.documents.retain(|document| document["kind"] == "Pod");
        self.setup.documents.extend(self.known.values().map(|(_, value)| value.clone()));
        self.setup.documents.extend(self.own_node.clone().filter(|_| self.is_node_lost));
    }

    /// The own Node is deleted.
    pub(super) fn lose_node(&mut self) {
        let name = self.setup.node.clone();
        let gone = Change::Delete { kind: "Node".to_owned(), namespace: String::new(), name };
        self.apply(&[gone]);
    }

    /// The own Node is made again if it is not there, another of the same name.
    pub(super) fn bring_node(&mut self) -> bool {
        let node = self.own_node.clone().filter(|_| self.is_node_lost);
        node.is_some_and(|node| self.apply(&[Change::Apply(node)]))
    }

    /// The own Node as it was last.
    pub(super) fn own_node(&self) -> Option<Value> {
        self.own_node.clone()
    }

    /// The documents as a proxy sees them. It knows pods by slices alone.
    pub(super) fn seen(&self) -> Setup {
        let endpoints = self.truth.cluster().slices().flat_map(|slice| slice.endpoints.iter());
        let known: BTreeSet<IpAddr> = endpoints.filter_map(|endpoint| endpoint.address).collect();
        let is_known = |ip: &str| ip.parse().is_ok_and(|ip| known.contains(&ip));
        let mut setup = self.setup.clone();
        setup.documents.retain_mut(|object| {
            if object["kind"] == "Pod" {
                return keep_addresses(object, is_known);
            }
            let kind = KINDS.iter().position(|(_, _, kind)| object["kind"] == *kind);
            is_ours(kind.unwrap_or(0), object)
        });
        setup
    }

    /// Keeps a copy of all that the API server has.
    pub(super) fn back_up(&mut self) {
        if self.backup.is_none() {
            self.backup = Some(self.server.with(|store| (store.revision(), store.backup())));
        }
    }

    /// Puts the copy back. True where there is one that is older than what is there.
    pub(super) fn restore(&mut self) -> bool {
        let Some((revision, backup)) = self.backup.take() else { return false };
        // Where what was lost is made up for by other changes before the proxy looks, nothing tells it from what it knows.
        if self.server.with(|store| store.revision()) < revision + FAR {
            self.backup = Some((revision, backup));
            return false;
        }
        let is_older = self.server.with(|store| {
            let before = store.revision();
            store.restore(&backup);
            store.revision() < before
        });
        // A version of before may be another object now.
        self.known.values_mut().for_each(|(version, _)| *version = 0);
        self.look();
        self.show_all();
        is_older
    }

    /// The pods of this node, by what the cluster says.
    pub(super) fn pods(&self) -> BTreeSet<IpAddr> {
        entrances::pods(&self.truth, &self.hns.network)
    }

    /// The entrances that are to be served now.
    pub(super) fn entrances(&self) -> BTreeSet<Entrance> {
        entrances::wanted(&self.truth)
    }

    /// The proxy is where it should be: what was before does not count any more.
    pub(super) fn forget(&mut self) {
        self.ever = Ever::default();
        self.ever.remember(&self.truth);
    }
}

/// Has a Pod have those of its addresses alone that are to be kept. False where that is none.
fn keep_addresses(pod: &mut Value, is_kept: impl Fn(&str) -> bool) -> bool {
    let status = &mut pod["status"];
    if let Some(ips) = status["podIPs"].as_array_mut() {
        ips.retain(|ip| ip["ip"].as_str().is_some_and(&is_kept));
    }
    let first = status["podIPs"][0]["ip"].clone();
    let is_known = first.is_string();
    status["podIP"] = first;
    is_known
}

/// Whether the object is for a proxy like this one: those with these labels are for another, or for none.
fn is_ours(kind: usize, object: &Value) -> bool {
    let labels = ["service.kubernetes.io/headless", "service.kubernetes.io/service-proxy-name"];
    kind == 0 || labels.iter().all(|label| object["metadata"]["labels"].get(label).is_none())
}

/// An object is gone, or is there and nothing of it can be used.
fn gone((kind, namespace, name): &(usize, String, String)) -> ClusterEvent {
    let key = ObjectKey::new(namespace.as_str(), name.as_str());
    match kind {
        0 => ClusterEvent::NodeGone(Name::from(name.as_str())),
        1 => ClusterEvent::ServiceGone(key),
        _ => ClusterEvent::SliceGone(key),
    }
}

/// What every cluster has: the API server's own Service, and the DNS.
fn first_services() -> Vec<Value> {
    vec![
        service("default", "kubernetes", "172.20.255.1", "TCP", 443),
        slice("default", "kubernetes", "TCP", 6443, &["198.18.0.1"]),
        service("kube-system", "kube-dns", "172.20.255.10", "UDP", 53),
        slice("kube-system", "kube-dns", "UDP", 53, &["10.1.9.53", "10.1.9.54"]),
    ]
}

/// A Service of one port.
pub(super) fn service(namespace: &str, name: &str, ip: &str, protocol: &str, port: u16) -> Value {
    json!({"apiVersion": "v1", "kind": "Service",
        "metadata": {"name": name, "namespace": namespace, "labels": {"k8s-app": name}},
        "spec": {"type": "ClusterIP", "clusterIP": ip, "clusterIPs": [ip],
            "ports": [{"name": "main", "protocol": protocol, "port": port}]}})
}

/// The slice of such a Service.
pub(super) fn slice(namespace: &str, name: &str, protocol: &str, port: u16, to: &[&str]) -> Value {
    json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
        "metadata": {"name": format!("{name}-0"), "namespace": namespace,
            "labels": {"kubernetes.io/service-name": name}},
        "ports": [{"name": "main", "protocol": protocol, "port": port}], "endpoints": endpoints(to)})
}

/// Endpoints on another node, all of them ready.
pub(super) fn endpoints(addresses: &[&str]) -> Value {
    let endpoint = |address: &&str| json!({"addresses": [address], "conditions": {"ready": true}, "nodeName": "n9"});
    addresses.iter().map(endpoint).collect()
}
