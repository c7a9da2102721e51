//! What happens in a step.

use switchyard_hcn::{Endpoint, Guid, Hcn, hresult};
use switchyard_hcn_emulator::{
    DuplicateFrontend, FailureCode, Fault, FaultScript, SavedData, Service, Trouble,
};

use super::super::errors::codes;
use super::super::play::{recreate_network, restart_hns};
use super::super::world::World;
use super::Lives;
use super::run::Life;

/// The faults of a node that must be met, each by name.
pub(super) const FAULTS: &[&str] = &[
    "F15 proxy restarts",
    "F16 proxy dies between calls",
    "F17 orphan of another version",
    "F19 another owner removes what we made",
    "F19 another owner takes a frontend",
    "F20 HNS forgets all",
    "F21 HNS restarts",
    "F23 a call is refused",
    "F24 a call takes 47 s",
    "F24 a call never returns",
    "F25 success that did nothing",
    "F26 error that had its effect",
    "F27 a listing lacks ids",
    "F28 network with another id",
    "F29 port taken",
    "F30 switch port not found",
    "F31 local endpoint removed",
];

/// Has something random happen.
pub(super) fn act(life: &mut Life, lives: &mut Lives) -> Result<(), String> {
    match life.dice.below(24) {
        0..=5 => {
            let changes = life.cluster.change();
            life.is_silent |= !life.forget_moved_pods().is_empty();
            life.node.proxy.view(changes, life.node.emulator.now());
            lives.met("cluster changes");
        }
        6..=8 => life.cni(lives),
        9 => {
            life.restart_proxy();
            lives.met("F15 proxy restarts");
        }
        10 => {
            let calls = life.dice.below(12);
            life.die_after(calls);
            lives.met("F16 proxy dies between calls");
        }
        11 => orphan(life, lives),
        12 => another_owner(life, lives),
        13 => hns_restarts(life, lives),
        14 if life.dice.percent(30) => {
            recreate_network(&life.node.emulator, &mut life.world)?;
            life.is_silent = true;
            lives.met("F28 network with another id");
        }
        15 => lose_a_pod(life, lives),
        16..=22 => fault(life),
        _ => {}
    }
    Ok(())
}

fn hns_restarts(life: &mut Life, lives: &mut Lives) {
    if life.dice.percent(40) {
        let world = &mut life.world;
        life.node.emulator.steer(|service| {
            let before = service.state().clone();
            service.stop();
            service.start(SavedData::Removed);
            world.follow_restart(&before, service);
        });
        lives.met("F20 HNS forgets all");
    } else {
        restart_hns(&life.node.emulator, &mut life.world);
        lives.met("F21 HNS restarts");
    }
    life.after_restart();
}

/// Calls go wrong for a while.
fn fault(life: &mut Life) {
    const FUNCTIONS: &[&str] = &[
        "HcnCreateEndpoint",
        "HcnDeleteEndpoint",
        "HcnCreateLoadBalancer",
        "HcnModifyLoadBalancer",
        "HcnDeleteLoadBalancer",
        "HcnEnumerateEndpoints",
        "HcnEnumerateLoadBalancers",
        "HcnEnumerateNetworks",
        "HcnOpenEndpoint",
        "HcnOpenLoadBalancer",
        "HcnQueryEndpointProperties",
        "HcnQueryLoadBalancerProperties",
    ];
    let dice = &mut life.dice;
    let any = dice.one(FUNCTIONS).copied().unwrap_or("*");
    let changing = dice.one(&FUNCTIONS[..5]).copied().unwrap_or("*");
    let listing = dice.one(&FUNCTIONS[5..7]).copied().unwrap_or("*");
    let code = dice.one(&codes()).copied().unwrap_or(hresult::E_INVALIDARG);
    let refuse = |code: u32, after| {
        FailureCode::try_from(code).ok().map(|code| Trouble::Refuse { code, after })
    };
    let (name, function, does) = match dice.below(9) {
        0 | 1 => ("F23 a call is refused", any, refuse(code, false)),
        2 => ("F24 a call takes 47 s", any, Some(Trouble::Delay { milliseconds: 47_000 })),
        3 => ("F24 a call never returns", changing, Some(Trouble::Hang { after: true })),
        4 => ("F25 success that did nothing", changing, Some(Trouble::Pretend)),
        5 => ("F26 error that had its effect", changing, refuse(code, true)),
        6 => ("F27 a listing lacks ids", listing, Some(Trouble::Omit { count: None })),
        7 => {
            let code = hresult::HCN_E_PORT_ALREADY_EXISTS;
            ("F29 port taken", "HcnCreateLoadBalancer", refuse(code, false))
        }
        _ => {
            let code = hresult::HCN_E_PORT_NOT_FOUND;
            ("F30 switch port not found", "HcnCreateLoadBalancer", refuse(code, false))
        }
    };
    let times = 1 + dice.below(4) as u64;
    let skip = dice.below(3) as u64;
    let fault = does.and_then(|does| Fault::at(function, does).ok());
    let Some(fault) = fault.map(|fault| Fault { skip, times: Some(times), ..fault }) else {
        return;
    };
    life.faults.push((name, times));
    life.node.emulator.steer(|service| {
        let mut script: FaultScript = service.faults().clone();
        script.faults.push(fault);
        service.set_faults(script);
    });
}

/// An object with our mark that no version of us knows.
fn orphan(life: &mut Life, lives: &mut Lives) {
    if !life.knobs.knobs.keeps_owner {
        return;
    }
    let id = life.world.id();
    let number = life.dice.below(200);
    life.node.emulator.steer(|service| {
        let mut state = service.state().clone();
        let network = state.networks().map(|(id, _)| id).next();
        let orphan: Result<Endpoint, _> = serde_json::from_value(serde_json::json!({
            "Owner": "switchyard", "Name": "old", "Flags": 1, "HostComputeNetwork": network,
            "MacAddress": "02-11-09-09-09-09",
            "IpConfigurations": [{"IpAddress": format!("10.9.9.{number}"), "PrefixLength": 24}],
        }));
        orphan.into_iter().for_each(|orphan| state.insert_endpoint(id, orphan));
        service.set_state(state);
    });
    life.is_silent = true;
    lives.met("F17 orphan of another version");
}

/// Another owner removes a load balancer of ours, takes a frontend that is free, or leaves one again.
fn another_owner(life: &mut Life, lives: &mut Lives) {
    let state = life.node.emulator.state();
    let own: Vec<Guid> = state
        .load_balancers()
        .map(|(id, _)| id)
        .filter(|id| !life.world.foreign.contains_key(id))
        .collect();
    match life.dice.below(3) {
        0 => {
            if let Some(id) = life.dice.one(&own).copied() {
                remove_load_balancer(life, id);
                life.is_contested = true;
                lives.met("F19 another owner removes what we made");
            }
        }
        1 => take_frontend(life, lives),
        _ => {
            let theirs: Vec<Guid> = life.world.foreign.keys().copied().collect();
            if let Some(id) = life.dice.one(&theirs).copied() {
                remove_load_balancer(life, id);
                life.world.foreign.remove(&id);
                lives.met("another owner leaves a frontend");
            }
        }
    }
    life.is_silent = true;
}

fn remove_load_balancer(life: &mut Life, id: Guid) {
    life.node.emulator.steer(|service| {
        let mut state = service.state().clone();
        state.remove_load_balancer(id);
        service.set_state(state);
    });
}

/// Another owner makes a load balancer for something that the cluster has and HNS does not.
fn take_frontend(life: &mut Life, lives: &mut Lives) {
    // Where HNS takes a second load balancer with a frontend, what is right beside another owner's is nowhere said.
    if life.knobs.knobs.duplicate_frontend == DuplicateFrontend::Allowed {
        return;
    }
    let served = super::invariants::served(&life.node.emulator.state());
    let free: Vec<_> = life.cluster.entrances().difference(&served).copied().collect();
    let pods = life.node.emulator.state();
    let is_pod = |own: &Endpoint| {
        !own.is_remote() && own.addresses().any(|own| life.world.pods.contains_key(&own))
    };
    let pod = pods.endpoints().find(|(_, own)| is_pod(own));
    let (Some((vip, port, _)), Some((pod, _))) = (life.dice.one(&free).copied(), pod) else {
        return;
    };
    if vip.is_some_and(|vip| vip.is_ipv6()) {
        return;
    }
    let settings = serde_json::json!({"Owner": "other", "HostComputeEndpoints": [pod], "Flags": 0,
        "FrontendVIPs": vip.iter().collect::<Vec<_>>(), "SchemaVersion": {"Major": 2, "Minor": 0},
        "PortMappings": [{"Protocol": 6, "InternalPort": 9999, "ExternalPort": port}]});
    let before = life.node.emulator.state();
    let made = life.node.emulator.create_load_balancer(life.world.id(), &settings.to_string());
    if let Ok(handle) = made {
        let _ = life.node.emulator.close_load_balancer(handle);
    }
    // Whatever HNS said: the faults are for all who call it.
    let after = life.node.emulator.state();
    let new = after.load_balancers().find(|(id, _)| before.load_balancer(*id).is_none());
    if let Some((id, held)) = new {
        let text = serde_json::to_string(held).unwrap_or_default();
        life.world.foreign.insert(id, text);
        lives.met("F19 another owner takes a frontend");
    }
}

/// The CNI deletes a pod's endpoint, and the cluster does not know yet.
fn lose_a_pod(life: &mut Life, lives: &mut Lives) {
    let pods: Vec<_> = life.world.pods.keys().copied().collect();
    if let Some(address) = life.dice.one(&pods).copied() {
        life.world.pods.remove(&address);
        life.node.emulator.steer(|service: &mut Service| World::remove_pod(service, address));
        life.is_silent = true;
        lives.met("F31 local endpoint removed");
    }
}
