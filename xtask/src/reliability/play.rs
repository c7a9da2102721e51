//! A scenario as it is played: HNS with a setting, the proxy, and everybody else on the node.

use std::net::IpAddr;
use std::time::Duration;

use serde_json::{Value, json};
use switchyard_hcn::{Endpoint, Guid, Hcn, LoadBalancer};
use switchyard_hcn_emulator::{Emulator, Knobs, Setup, State};
use switchyard_winkernel::MemoryLedger;

use super::node::{Node, Span};
use super::scenario::{Event, Foreign, Prepared, Stage, Tamper, version};
use super::world::World;

/// How long the proxy may take where nothing goes wrong.
pub(super) const UNDISTURBED: Duration = Duration::from_secs(5);
/// How long it is given to find a pod that the CNI made late.
const AWAITED: Duration = Duration::from_secs(10);
/// Two audit periods, and the time that the second takes.
const TWO_AUDITS: Duration = Duration::from_secs(2 * 300 + 30);

/// A scenario under way.
pub(super) struct Play {
    pub(super) node: Node,
    pub(super) world: World,
}

impl Play {
    /// Plays what was before the first event.
    pub(super) fn begin(prepared: &Prepared, knobs: &Knobs) -> Result<Self, String> {
        let mut state = prepared.state.clone();
        let mut world = World::of(&state);
        for foreign in &prepared.scenario.foreign {
            add_foreign(&mut world, &mut state, foreign)?;
        }
        let setup = Setup { knobs: knobs.clone(), ..Setup::of(state) };
        let emulator = Emulator::in_virtual_time(setup);
        let first = &prepared.first;
        let ledger = MemoryLedger::default();
        let mut node = Node::start(emulator, ledger, first.settings.clone(), &first.views);
        node.settle(UNDISTURBED).map_err(|why| format!("before: {why}"))?;
        for tamper in &prepared.scenario.tamper {
            node.emulator.steer(|service| {
                let mut state = service.state().clone();
                tamper_with(&mut world, &mut state, tamper, knobs.keeps_owner);
                service.set_state(state);
            });
        }
        Ok(Self { node, world })
    }

    /// Has the event of a stage happen, and tells the proxy what it would be told; how long it is to work then.
    pub(super) fn act(&mut self, stage: &Stage, is_away: bool) -> Result<Span, String> {
        let mut least = Duration::ZERO;
        let (node, world) = (&mut self.node, &mut self.world);
        let mut is_told = false;
        match &stage.event {
            Event::Apply(_) | Event::Remove(_) => {
                if !is_away {
                    node.proxy.view(stage.changes.iter().cloned(), node.emulator.now());
                }
            }
            Event::RestartHns => {
                restart_hns(&node.emulator, world);
                is_told = true;
            }
            Event::Version(text) => {
                let version = version(text)?;
                node.emulator.steer(|service| {
                    let mut state = service.state().clone();
                    state.version = version;
                    service.set_state(state);
                });
                restart_hns(&node.emulator, world);
                is_told = true;
            }
            Event::RecreateNetwork => {
                recreate_network(&node.emulator, world)?;
                least = TWO_AUDITS;
            }
            Event::AddPod(address) => {
                world.add_pod(*address);
                node.emulator.steer(|service| world.make_pods(service));
                least = AWAITED;
            }
            Event::RemovePod(address) => {
                world.pods.remove(address);
                node.emulator.steer(|service| World::remove_pod(service, *address));
            }
            Event::ReplacePod(address) => {
                node.emulator.steer(|service| World::remove_pod(service, *address));
                world.add_pod(*address);
                node.emulator.steer(|service| world.make_pods(service));
                least = TWO_AUDITS;
            }
            Event::Dsr(_) | Event::Takeover | Event::Restart => {}
        }
        if is_away || matches!(stage.event, Event::Dsr(_) | Event::Takeover | Event::Restart) {
            node.restart(stage.settings.clone(), &stage.views);
        } else if is_told {
            node.proxy.service_lost(node.emulator.now());
        }
        Ok(Span { least, most: least + UNDISTURBED })
    }
}

/// HNS is started anew, and the CNI makes what its pods lack.
pub(super) fn restart_hns(emulator: &Emulator, world: &mut World) {
    emulator.steer(|service| {
        let before = service.state().clone();
        service.restart();
        world.follow_restart(&before, service);
    });
}

/// The network is deleted, and made anew with another id and all pods.
pub(super) fn recreate_network(emulator: &Emulator, world: &mut World) -> Result<(), String> {
    let before = emulator.state();
    for (id, _) in before.networks() {
        emulator.delete_network(id).map_err(|error| format!("delete the network: {error}"))?;
    }
    emulator.steer(|service| world.follow_restart(&before, service));
    Ok(())
}

fn decode<T: serde::de::DeserializeOwned>(document: Value) -> Result<T, String> {
    serde_json::from_value(document).map_err(|trouble| trouble.to_string())
}

/// Takes another owner's object into a state.
fn add_foreign(world: &mut World, state: &mut State, foreign: &Foreign) -> Result<(), String> {
    match foreign {
        Foreign::Endpoint { address, mac, owner, provider } => {
            let network = state.networks().map(|(id, _)| id).next();
            let provider = provider.map(|address| {
                json!({"Type": "ProviderAddress", "Settings": {"ProviderAddress": address}})
            });
            let endpoint: Endpoint = decode(json!({
                "Owner": owner, "Name": "Ethernet", "Flags": 1, "MacAddress": mac,
                "HostComputeNetwork": network,
                "IpConfigurations": [{"IpAddress": address, "PrefixLength": 24}],
                "Policies": provider.into_iter().collect::<Vec<_>>()
            }))?;
            world.add_foreign_endpoint(state, endpoint);
        }
        Foreign::LoadBalancer {
            vip,
            port,
            internal_port,
            to,
            flags,
            mapping_flags,
            owner,
            given,
            source_vip,
        } => {
            let endpoints: Vec<Guid> =
                to.iter().filter_map(|address| endpoint_at(state, *address)).collect();
            if endpoints.len() != to.len() {
                return Err(format!("no endpoint at one of {to:?}"));
            }
            let load_balancer: LoadBalancer = decode(json!({
                "Owner": owner, "HostComputeEndpoints": endpoints, "Flags": flags,
                "FrontendVIPs": vip.iter().collect::<Vec<_>>(),
                "SourceVIP": source_vip.map(|address| address.to_string()).unwrap_or_default(),
                "PortMappings": [{"Protocol": 6, "InternalPort": internal_port,
                    "ExternalPort": port, "Flags": mapping_flags}]
            }))?;
            let id = world.add_foreign_load_balancer(state, load_balancer);
            if *given {
                world.given.insert(id);
            }
        }
    }
    Ok(())
}

fn endpoint_at(state: &State, address: IpAddr) -> Option<Guid> {
    let mut at = state.endpoints().filter(|(_, own)| own.addresses().any(|own| own == address));
    at.next().map(|(id, _)| id)
}

fn load_balancers_at(state: &State, address: IpAddr) -> Vec<(Guid, LoadBalancer)> {
    let at = state.load_balancers().filter(|(_, held)| held.vips().any(|vip| vip == address));
    at.map(|(id, held)| (id, held.clone())).collect()
}

/// Something happens to HNS.
fn tamper_with(world: &mut World, state: &mut State, tamper: &Tamper, keeps_owner: bool) {
    match tamper {
        Tamper::Lose(address) => {
            for (id, _) in load_balancers_at(state, *address) {
                state.remove_load_balancer(id);
            }
        }
        Tamper::Degrade(address) => {
            for (id, held) in load_balancers_at(state, *address) {
                let degraded = LoadBalancer { state: LoadBalancer::DEGRADED, ..held };
                state.insert_load_balancer(id, degraded);
            }
        }
        Tamper::Dangle(address) => {
            if let Some(id) = endpoint_at(state, *address) {
                state.remove_endpoint(id);
            }
        }
        Tamper::LoseAll => *state = world.base(state),
        // Where HNS does not keep marks there is none to be known by.
        Tamper::Orphan(_) | Tamper::OrphanEndpoint(_) if !keeps_owner => {}
        Tamper::Orphan(address) => {
            let named: Vec<Guid> = state.endpoints().map(|(id, _)| id).take(1).collect();
            let orphan = decode(json!({
                "Owner": "switchyard", "Name": "old", "HostComputeEndpoints": named, "Flags": 1,
                "FrontendVIPs": [address],
                "PortMappings": [{"Protocol": 6, "InternalPort": 8080, "ExternalPort": 80}]
            }));
            let id = world.id();
            orphan.into_iter().for_each(|orphan| state.insert_load_balancer(id, orphan));
        }
        Tamper::OrphanEndpoint(address) => {
            let network = state.networks().map(|(id, _)| id).next();
            let orphan = decode(json!({
                "Owner": "switchyard", "Name": "old", "Flags": 1, "HostComputeNetwork": network,
                "MacAddress": "02-11-09-09-09-09",
                "IpConfigurations": [{"IpAddress": address, "PrefixLength": 24}],
                "Policies": [{"Type": "ProviderAddress",
                    "Settings": {"ProviderAddress": "192.0.2.12"}}]
            }));
            let id = world.id();
            orphan.into_iter().for_each(|orphan| state.insert_endpoint(id, orphan));
        }
    }
}
