//! A node on an emulated HNS, driven through time.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use ipnet::{IpNet, Ipv4Net};
use serde::Serialize;
use serde_json::json;
use switchyard_hcn::{
    Endpoint, Guid, Hcn, IpConfiguration, Ipam, MacAddress, Network, NetworkType, Policy,
    RemoteSubnet, Subnet, Version,
};
use switchyard_hcn_emulator::{Calls, Emulator, ObjectKind, Setup, State, Verb};
use switchyard_model::{ClusterEvent, Name, Settings, ViewEvent};
use switchyard_nodeview::Stream;
use switchyard_winkernel::{
    Call, Ledger, MemoryLedger, Performer, Reconciler, ReconcilerSettings, WindowsSettings,
};

use super::objects::{NODES, nodes};
use crate::cluster;

/// How long is waited after a change for whatever follows from it: longer than any wait between two looks.
const AFTERMATH: Duration = Duration::from_secs(60);
/// The number of the virtual network of an overlay.
const ISOLATION_ID: u32 = 4_096;
/// The address that an overlay rewrites clients to.
pub(super) const SOURCE_VIP: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 244, 0, 254));

/// Which HNS the node has.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kind {
    pub(crate) overlay: bool,
    pub(crate) version: Version,
}

/// What some calls came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Count {
    /// All calls.
    pub(super) native: u64,
    /// Those that create, modify or delete.
    pub(super) mutating: u64,
    /// Those that list.
    pub(super) listings: u64,
    /// Endpoints that were opened to be read.
    pub(super) opened_endpoints: u64,
}

/// A node, its HNS, and the reconciler between the two.
pub(super) struct World {
    kind: Kind,
    emulator: Emulator,
    pub(super) stream: Stream,
    reconciler: Reconciler,
    now: Duration,
}

impl World {
    /// A node of the cluster that `events` make, on an HNS that has its network and nothing else.
    pub(super) fn new(kind: Kind, events: impl IntoIterator<Item = ClusterEvent>) -> Self {
        let mut state = State::new(kind.version);
        state.insert_network(network_id(), network(kind));
        let emulator = Emulator::in_virtual_time(Setup::of(state));
        let mut stream = Stream::new(Name::from(cluster::node_name(0)), Settings::default());
        stream.apply(nodes().chain(events));
        let mut reconciler = Reconciler::new(settings(kind), Ledger::default());
        reconciler.view(stream.snapshot(), Duration::ZERO);
        Self { kind, emulator, stream, reconciler, now: Duration::ZERO }
    }

    /// The same node after a restart of its agent: nothing is remembered.
    pub(super) fn restart(&mut self) {
        self.reconciler = Reconciler::new(settings(self.kind), Ledger::default());
        self.reconciler.view(self.stream.snapshot(), self.now);
    }

    /// HNS crashes and comes back with its network and nothing else.
    pub(super) fn lose_everything(&mut self) {
        let kind = self.kind;
        self.emulator.steer(|service| {
            service.restart();
            let mut state = State::new(kind.version);
            state.insert_network(network_id(), network(kind));
            service.set_state(state);
        });
        self.reconciler.service_lost(self.now);
    }

    /// Applies a batch, and makes all calls that follow from it.
    pub(super) fn apply(&mut self, batch: Vec<ClusterEvent>) -> Result<Count> {
        let events = self.stream.apply(batch);
        self.reconciler.view(events, self.now);
        self.settle()
    }

    /// Makes all calls that follow from what is known, and counts them.
    pub(super) fn settle(&mut self) -> Result<Count> {
        self.drive(AFTERMATH)?;
        if !self.reconciler.is_settled() {
            bail!("the node does not come to rest");
        }
        if let Some((target, delay)) = self.reconciler.standing().delays.into_iter().next() {
            bail!("{target} failed: {}", delay.message);
        }
        Ok(self.take_count())
    }

    /// Tells the reconciler of `events`, has `time` pass, and says how often endpoints were listed meanwhile.
    pub(super) fn tell(&mut self, events: Vec<ViewEvent>, time: Duration) -> Result<u64> {
        self.reconciler.view(events, self.now);
        self.drive(time)
    }

    /// Has `time` pass, and makes the calls that become due in it.
    fn drive(&mut self, time: Duration) -> Result<u64> {
        let end = self.now + time;
        let mut looks = 0;
        let mut ledger = MemoryLedger::default();
        let mut performer = Performer::new(&self.emulator);
        loop {
            while let Some((id, call)) = self.reconciler.next(self.now) {
                looks += u64::from(matches!(call, Call::List { .. }));
                let result = performer.perform(&call, &mut ledger);
                self.reconciler.call_done(id, result, self.now);
            }
            match self.reconciler.wake() {
                Some(wake) if wake > end => break,
                Some(wake) if wake > self.now => self.now = wake,
                Some(_) => bail!("the node asks to be woken at once, and has nothing to do"),
                None => break,
            }
        }
        self.now = end;
        Ok(looks)
    }

    /// Makes calls until HNS is as `enough` wants it after a change, and says how many changes that took.
    pub(super) fn drive_until(
        &mut self,
        most: u64,
        enough: impl Fn(&State) -> bool,
    ) -> Result<u64> {
        let mut performer = Performer::new(&self.emulator);
        let mut ledger = MemoryLedger::default();
        while let Some((id, call)) = self.reconciler.next(self.now) {
            let result = performer.perform(&call, &mut ledger);
            self.reconciler.call_done(id, result, self.now);
            let changes = self.emulator.calls().total_mutating();
            if changes > most {
                bail!("not within {most} changes");
            }
            if matches!(call, Call::Change(_)) && enough(&self.emulator.state()) {
                return Ok(changes);
            }
        }
        bail!("not at all")
    }

    /// What was called since this was last asked.
    pub(super) fn take_count(&self) -> Count {
        count(&self.emulator.take_calls())
    }

    /// The CNI makes the endpoint of a pod of this node, which is not counted.
    pub(super) fn add_pod_endpoint(&self, address: IpAddr) -> Result<()> {
        let document = Endpoint {
            host_compute_network: Some(network_id()),
            ip_configurations: vec![IpConfiguration::of(address)],
            schema_version: Some(Version::SCHEMA),
            ..Endpoint::default()
        };
        let before = self.emulator.take_calls();
        if before.total() > 0 {
            bail!("calls before were not counted");
        }
        let network = self.emulator.open_network(network_id()).context("open the network")?;
        let document = serde_json::to_string(&document)?;
        let endpoint = self.emulator.create_endpoint(network, Guid::NIL, &document);
        self.emulator.close_endpoint(endpoint.context("make a pod's endpoint")?)?;
        self.emulator.close_network(network)?;
        drop(self.emulator.take_calls());
        Ok(())
    }

    /// How many endpoints and load balancers HNS holds.
    pub(super) fn objects(&self) -> usize {
        let state = self.emulator.state();
        state.endpoints().len() + state.load_balancers().len()
    }
}

fn count(calls: &Calls) -> Count {
    let mut count = Count { native: calls.total(), ..Count::default() };
    count.mutating = calls.total_mutating();
    for ((verb, kind), number) in calls.counts() {
        match (verb, kind) {
            (Verb::Enumerate, _) => count.listings += number,
            (Verb::Open, ObjectKind::Endpoint) => count.opened_endpoints += number,
            _ => {}
        }
    }
    count
}

/// What the operator of such a node says.
pub(crate) fn settings(kind: Kind) -> ReconcilerSettings {
    ReconcilerSettings {
        windows: WindowsSettings {
            source_vip: kind.overlay.then_some(SOURCE_VIP),
            ..WindowsSettings::default()
        },
        // Audits have a share of the time of HNS, not a number of calls for each change.
        audit_period: Duration::from_secs(1_000_000),
        ..ReconcilerSettings::default()
    }
}

/// The id of the network.
pub(crate) fn network_id() -> Guid {
    "00000000-0000-0000-0000-000000000001".parse().unwrap_or(Guid::NIL)
}

/// The network, without its id.
pub(crate) fn network(kind: Kind) -> Network {
    let range = |node| IpNet::V4(Ipv4Net::new_assert(cluster::pod_network(node).into(), 24));
    let own = cluster::node(0).addresses[0].address;
    let mut network = Network {
        name: "cbr0".to_owned(),
        network_type: if kind.overlay { NetworkType::Overlay } else { NetworkType::L2Bridge },
        ipams: vec![Ipam {
            ipam_type: "Static".to_owned(),
            subnets: vec![Subnet { ip_address_prefix: range(0).to_string(), ..Subnet::default() }],
            ..Ipam::default()
        }],
        schema_version: Some(Version::SCHEMA),
        ..Network::default()
    };
    network.unknown.insert("ManagementIP".to_owned(), json!(own));
    let mac = "00-15-5D-00-00-01";
    network.unknown.insert("AdditionalParams".to_owned(), json!({ "HostMac": mac }));
    if kind.overlay {
        network.policies = (1..NODES)
            .map(|node| {
                Policy::remote_subnet_route(&RemoteSubnet {
                    destination_prefix: range(node),
                    isolation_id: ISOLATION_ID,
                    provider_address: cluster::node(node).addresses[0].address,
                    distributed_router_mac: Some(MacAddress([2, 0, 0, 0, 0, 1])),
                })
            })
            .collect();
    }
    network
}
