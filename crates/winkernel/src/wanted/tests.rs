//! What is wanted is the same whether kept change by change or computed anew, over random clusters and histories.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv6Addr};

use proptest::prelude::*;
use serde_json::Value;
use switchyard_conformance::random::Generator;
use switchyard_hcn::{MacAddress, Network, Version};
use switchyard_model::{ViewEvent, ViewSet};
use switchyard_nodeview::Stream;
use switchyard_source::{Configuration, Manifests};

use super::hardware::HardwareAddresses;
use super::{Role, Surroundings, Touched, Wanted};
use crate::identity::hashed_mac;
use crate::network::{WindowsNetwork, WindowsSettings};

/// How many batches a history has.
const BATCHES: usize = 12;

fn network(kind: &str, version: Version) -> WindowsNetwork {
    let document = format!(
        r#"{{"ID":"00000000-0000-0000-0000-000000000001","Name":"net","Type":"{kind}",
            "Ipams":[{{"Type":"Static","Subnets":[{{"IpAddressPrefix":"10.1.1.0/24"}}]}}],
            "Policies":[{{"Type":"RemoteSubnetRoute","Settings":{{"DestinationPrefix":"10.1.2.0/24",
                "IsolationId":4096,"ProviderAddress":"192.0.2.12"}}}}]}}"#
    );
    let document: Network = serde_json::from_str(&document).unwrap();
    let settings = WindowsSettings {
        source_vip: (kind == "Overlay").then(|| "10.1.1.2".parse().unwrap()),
        host_mac: Some(MacAddress([0, 0x15, 0x5D, 0, 0, 1])),
        management_addresses: BTreeSet::from(["192.0.2.11".parse().unwrap()]),
        ..WindowsSettings::default()
    };
    WindowsNetwork::new(&document, [], version, &settings)
}

/// One network of each kind that decides otherwise.
fn networks() -> Vec<WindowsNetwork> {
    vec![
        network("L2Bridge", Version::new(15, 5)),
        network("L2Bridge", Version::new(9, 2)),
        network("Overlay", Version::new(15, 5)),
    ]
}

/// The ViewStream of a cluster whose documents change.
struct World {
    stream: Stream,
    documents: Vec<Value>,
}

impl World {
    fn new(setup: &switchyard_conformance::Setup) -> Self {
        let texts: Vec<String> = setup.configuration.iter().map(Value::to_string).collect();
        let configuration = Configuration::parse("configuration", texts.join("\n---\n").as_bytes());
        let stream = Stream::new(setup.node.as_str().into(), configuration.unwrap().settings);
        Self { stream, documents: setup.documents.clone() }
    }

    /// Applies all documents as they are now; says what that changes for the node.
    fn settle(&mut self) -> Vec<ViewEvent> {
        let mut manifests = Manifests::default();
        for document in &self.documents {
            manifests.add("document", document.to_string().as_bytes());
        }
        let events = self.stream.cluster().events_towards(manifests.into_events());
        self.stream.apply(events)
    }
}

/// What is known of one endpoint: as what it is needed, and its hardware address.
type Shape = (Option<Role>, MacAddress);

fn shapes(wanted: &Wanted) -> BTreeMap<IpAddr, Shape> {
    let shape = |address| wanted.hardware_address(address);
    wanted.endpoints().map(|(own, endpoint)| (own, (endpoint.role(), shape(own)))).collect()
}

/// Keeps `wanted` by `events` as the reconciler does, and checks that it is told what changed.
fn follow(
    wanted: &mut Wanted,
    views: &mut ViewSet,
    network: &WindowsNetwork,
    events: Vec<ViewEvent>,
) {
    let before = wanted.clone();
    let mut touched = Touched::default();
    let anew = events.iter().any(|event| matches!(event, ViewEvent::Reset | ViewEvent::Node(_)));
    for event in &events {
        let node = views.node().cloned();
        if let (Some(node), false) = (&node, anew) {
            let around = Surroundings { node, network, priority_services: &[] };
            match event {
                ViewEvent::Upsert(view) => wanted.upsert(view, around, &mut touched),
                ViewEvent::Remove(key) => wanted.remove(key, &mut touched),
                ViewEvent::Reset | ViewEvent::Node(_) | ViewEvent::Synced { .. } => {}
            }
        }
        views.apply(event.clone());
    }
    if anew {
        *wanted = Wanted::new(views, network, &[]).unwrap();
        return;
    }
    let keys = before.load_balancers().chain(wanted.load_balancers()).map(|(key, _)| *key);
    for key in keys.collect::<BTreeSet<_>>() {
        let same = before.load_balancer(&key) == wanted.load_balancer(&key);
        assert!(same || touched.load_balancers.contains(&key), "{key} changed and nobody was told");
    }
    let (old, new) = (shapes(&before), shapes(wanted));
    let addresses: BTreeSet<IpAddr> = old.keys().chain(new.keys()).copied().collect();
    for address in addresses {
        let same = before.endpoint(address) == wanted.endpoint(address);
        assert!(same || touched.endpoints.contains(&address), "{address} changed silently");
        let same = old.get(&address) == new.get(&address);
        assert!(same || touched.reshaped.contains(&address), "{address} was reshaped silently");
    }
}

/// No two backends that need a remote endpoint have one hardware address.
fn check_hardware_addresses(wanted: &Wanted) {
    let remote = wanted
        .endpoints()
        .filter(|(_, endpoint)| matches!(endpoint.role(), Some(Role::Remote | Role::ThisNode)));
    let mut taken = BTreeMap::new();
    for (address, _) in remote {
        let other = taken.insert(wanted.hardware_address(address), address);
        assert_eq!(other, None, "the same hardware address as {address}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_kept_change_by_change_equals_what_is_computed_anew(seed: u64) {
        for network in networks() {
            let mut generator = Generator::new(seed);
            let mut setup = generator.setup();
            let mut world = World::new(&setup);
            let (mut wanted, mut views) = (Wanted::default(), ViewSet::default());
            for _ in 0..BATCHES {
                let events = world.settle();
                let events = if views.revision().is_none() { world.stream.snapshot() } else { events };
                follow(&mut wanted, &mut views, &network, events);
                let mut fresh = ViewSet::default();
                fresh.extend(world.stream.snapshot());
                let anew = Wanted::new(&fresh, &network, &[]);
                prop_assert_eq!(Some(&wanted), anew.as_ref());
                check_hardware_addresses(&wanted);
                generator.change(&mut setup);
                world.documents.clone_from(&setup.documents);
            }
        }
    }

    #[test]
    fn hardware_addresses_are_unique_whatever_the_history(
        history in prop::collection::vec((0..POOL.len(), any::<bool>()), 1..60),
    ) {
        let (mut kept, mut present) = (HardwareAddresses::default(), BTreeSet::new());
        for (index, is_there) in history {
            let address = pool(index);
            let others: BTreeSet<Ipv6Addr> = present.iter().copied().filter(|other| *other != address).collect();
            let before: BTreeMap<_, _> = others.iter().map(|other| (*other, kept.of(*other))).collect();
            let told: BTreeSet<Ipv6Addr> = kept.set(address, is_there).into_iter().collect();
            if is_there { present.insert(address) } else { present.remove(&address) };
            for (other, mac) in before {
                prop_assert!(kept.of(other) == mac || told.contains(&other), "{} moved silently", other);
            }
            let macs: BTreeSet<MacAddress> = present.iter().map(|own| kept.of(*own)).collect();
            prop_assert_eq!(macs.len(), present.len());
        }
        let mut anew = HardwareAddresses::default();
        for address in present.iter().rev() {
            anew.set(*address, true);
        }
        prop_assert_eq!(kept, anew);
    }
}

/// Addresses whose first hashes are equal two by two, found by search, and two that share theirs with none.
const POOL: [&str; 14] = [
    "fd00:1:1::c4c5",
    "fd00:1:10::cc7",
    "fd00:1:14::1364",
    "fd00:1:17::863e",
    "fd00:1:d::892a",
    "fd00:1:1b::698a",
    "fd00:1:17::921b",
    "fd00:1:1f::8a7e",
    "fd00:1:1a::1403",
    "fd00:1:1f::a4bb",
    "fd00:1:1b::a1bd",
    "fd00:1:27::75a8",
    "fd00:1:2::21",
    "fd00:1:3::21",
];

fn pool(index: usize) -> Ipv6Addr {
    POOL[index].parse().unwrap()
}

#[test]
fn the_pool_has_collisions() {
    for pair in (0..12).step_by(2) {
        assert_eq!(hashed_mac(pool(pair), 0), hashed_mac(pool(pair + 1), 0));
    }
    assert_ne!(hashed_mac(pool(12), 0), hashed_mac(pool(13), 0));
    let mut addresses = HardwareAddresses::default();
    addresses.set(pool(0), true);
    assert_eq!(addresses.set(pool(1), true), [pool(1)], "the greater address moves");
    assert_eq!(addresses.of(pool(0)), hashed_mac(pool(0), 0));
    assert_eq!(addresses.of(pool(1)), hashed_mac(pool(1), 1));
    assert_eq!(addresses.set(pool(0), false), [pool(1)], "and back");
    assert_eq!(addresses.of(pool(1)), hashed_mac(pool(1), 0));
}
