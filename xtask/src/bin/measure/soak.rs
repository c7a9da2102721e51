//! A node that changes without end: what it holds must not grow.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use switchyard_hcn::{Endpoint, Guid, IpConfiguration, Network};
use switchyard_hcn_emulator::{Emulator, Setup, State};
use switchyard_model::ClusterEvent;
use switchyard_nodeview::Stream;
use switchyard_winkernel::{Ledger, MemoryLedger, Performer, Reconciler, ReconcilerSettings};

use crate::cluster::{Shape, pod_address};
use crate::heap;

/// The cluster that every measurement is taken in.
const SHAPE: Shape = Shape { services: 1_000, endpoints: 4 };
/// The most endpoints that a Service ever has.
const MOST_ENDPOINTS: usize = 8;
/// The time between two changes.
const BETWEEN: Duration = Duration::from_millis(10);
/// How often the proxy starts again in the whole of it.
const RESTARTS: usize = 100;
/// How often the emulator's log of calls is emptied, which is its own and not the product's.
const LOG: usize = 1_000;

/// Makes `changes` random changes, and prints what was held after a tenth of them and after all.
pub(super) fn run(changes: usize) -> Result<()> {
    let tenth = changes / 10;
    let mut node = Node::start(changes.div_ceil(RESTARTS))?;
    node.change(tenth)?;
    let first = node.measure()?;
    node.change(changes - tenth)?;
    let last = node.measure()?;
    let answer = json!({"changes": changes, "calls": node.calls, "mutatingCalls": node.mutating,
        "restarts": node.restarts, "first": first, "last": last});
    println!("{answer}");
    Ok(())
}

struct Node {
    stream: Stream,
    emulator: Emulator,
    proxy: Reconciler,
    ledger: MemoryLedger,
    random: u64,
    calls: u64,
    mutating: u64,
    made: usize,
    /// After how many changes the proxy starts again.
    between_restarts: usize,
    restarts: u64,
}

impl Node {
    fn start(between_restarts: usize) -> Result<Self> {
        let mut stream = super::new_stream();
        stream.apply(SHAPE.events());
        let emulator = Emulator::in_virtual_time(Setup::of(hns()?));
        let mut proxy = Reconciler::new(ReconcilerSettings::default(), Ledger::default());
        proxy.view(stream.snapshot(), Duration::ZERO);
        let ledger = MemoryLedger::default();
        let mut node = Self {
            stream,
            emulator,
            proxy,
            ledger,
            random: 1,
            calls: 0,
            mutating: 0,
            made: 0,
            between_restarts,
            restarts: 0,
        };
        node.work()?;
        Ok(node)
    }

    /// Makes random changes, and has the proxy follow each.
    fn change(&mut self, count: usize) -> Result<()> {
        for number in 0..count {
            let event = self.random_event();
            self.apply([event])?;
            self.made += 1;
            if self.made.is_multiple_of(self.between_restarts) {
                self.restart()?;
            }
            if number % LOG == 0 {
                self.forget_calls();
            }
        }
        Ok(())
    }

    /// The process ends and another begins: it knows what the ledger says and what it reads, and has nothing to change.
    fn restart(&mut self) -> Result<()> {
        self.forget_calls();
        let changed = self.mutating;
        let cluster = self.stream.cluster();
        let nodes = cluster.nodes().map(|node| ClusterEvent::Node(node.as_ref().clone()));
        let services =
            cluster.services().map(|service| ClusterEvent::Service(service.as_ref().clone()));
        let slices = cluster.slices().map(|slice| ClusterEvent::Slice(slice.as_ref().clone()));
        let events: Vec<_> = nodes.chain(services).chain(slices).collect();
        self.stream = super::new_stream();
        self.stream.apply(events);
        let ledger = Ledger::read(&self.ledger.0);
        self.proxy = Reconciler::new(ReconcilerSettings::default(), ledger);
        self.proxy.view(self.stream.snapshot(), self.emulator.now());
        self.work()?;
        self.forget_calls();
        self.restarts += 1;
        if self.mutating != changed {
            bail!("restart {} changed {} objects", self.restarts, self.mutating - changed);
        }
        Ok(())
    }

    fn random_event(&mut self) -> ClusterEvent {
        let service = self.below(SHAPE.services);
        let shape = Shape { endpoints: self.below(MOST_ENDPOINTS + 1), ..SHAPE };
        match self.below(20) {
            0 => ClusterEvent::ServiceGone(Shape::service_key(service)),
            1..=3 => ClusterEvent::Service(Shape::service(service, self.below(2) == 1)),
            _ => {
                let mut slice = shape.slice(service);
                for endpoint in &mut slice.endpoints {
                    endpoint.conditions.ready = self.below(10) > 0;
                }
                ClusterEvent::Slice(slice)
            }
        }
    }

    fn apply(&mut self, events: impl IntoIterator<Item = ClusterEvent>) -> Result<()> {
        let changes = self.stream.apply(events);
        self.emulator.advance(BETWEEN);
        self.proxy.view(changes, self.emulator.now());
        self.work()
    }

    /// Makes all calls that are due.
    fn work(&mut self) -> Result<()> {
        let Self { emulator, proxy, ledger, .. } = self;
        let mut performer = Performer::new(&*emulator);
        while let Some((id, call)) = proxy.next(emulator.now()) {
            let result = performer.perform(&call, ledger);
            if let Err(error) = &result {
                bail!("{call:?} failed: {error}");
            }
            proxy.call_done(id, result, emulator.now());
        }
        Ok(())
    }

    fn forget_calls(&mut self) {
        let calls = self.emulator.take_calls();
        self.calls += calls.total();
        self.mutating += calls.total_mutating();
    }

    /// What is held, once the cluster is as it was at the beginning.
    fn measure(&mut self) -> Result<Value> {
        self.apply(SHAPE.events())?;
        self.forget_calls();
        if !self.proxy.is_settled() || !self.proxy.standing().delays.is_empty() {
            bail!("no rest: {:?}", self.proxy.standing());
        }
        let heap = heap::live();
        let descriptors = std::fs::read_dir("/proc/self/fd").context("list descriptors")?.count();
        let state = self.emulator.state();
        Ok(json!({"heap": heap, "descriptors": descriptors,
            "handles": self.emulator.open_handles(), "ledger": self.ledger.0.len(),
            "endpoints": state.endpoints().len(), "loadBalancers": state.load_balancers().len()}))
    }

    /// A number below `limit`, by splitmix64.
    fn below(&mut self, limit: usize) -> usize {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.random ^ (self.random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let below = (mixed ^ (mixed >> 31)) % limit.max(1) as u64;
        usize::try_from(below).unwrap_or_default()
    }
}

/// An HNS with the network and the endpoints of all pods that the node can have.
pub(super) fn hns() -> Result<State> {
    let mut state = State::default();
    let network: Guid = "00000000-0000-0000-0000-000000000001".parse()?;
    let document: Network = serde_json::from_value(json!({"Name": "cbr0", "Type": "L2Bridge",
        "Ipams": [{"Type": "Static", "Subnets": [{"IpAddressPrefix": "10.244.0.0/24"}]}],
        "ManagementIP": "10.224.0.4"}))?;
    state.insert_network(network, document);
    for host in 2..252_u8 {
        let address = pod_address(0, host.into());
        let id: Guid = format!("f0e1d2c3-0000-4000-8000-0000000000{host:02x}").parse()?;
        let endpoint = Endpoint {
            name: format!("pod-{host}"),
            host_compute_network: Some(network),
            ip_configurations: vec![IpConfiguration::of(address)],
            mac_address: format!("00-15-5D-10-00-{host:02X}"),
            ..Endpoint::default()
        };
        state.insert_endpoint(id, endpoint);
    }
    Ok(state)
}
