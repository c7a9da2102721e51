//! What happens to HNS behind the proxy's back, and how its calls go wrong: for the simulations of a node.

use std::net::IpAddr;

use switchyard_conformance::random::Dice;
use switchyard_hcn::{Endpoint, Guid, Hcn, hresult};
use switchyard_hcn_emulator::{
    DuplicateFrontend, Emulator, FailureCode, Fault, Knobs, SavedData, Service, Trouble,
};

use super::entrances::{Entrance, served};
use super::errors::codes;
use super::world::World;

/// The functions whose calls go wrong: five that change something, two that list, and others.
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

/// A call that is to go wrong: which of each sort, and with which code. How is another draw.
pub(super) struct Draw {
    any: &'static str,
    pub(super) changing: &'static str,
    listing: &'static str,
    pub(super) code: u32,
}

impl Draw {
    pub(super) fn new(dice: &mut Dice) -> Self {
        let mut function = |of: &'static [&'static str]| dice.one(of).copied().unwrap_or("*");
        let any = function(FUNCTIONS);
        let changing = function(&FUNCTIONS[..5]);
        let listing = function(&FUNCTIONS[5..7]);
        let code = dice.one(&codes()).copied().unwrap_or(hresult::E_INVALIDARG);
        Self { any, changing, listing, code }
    }

    /// One of nine ways to go wrong, by its number, for a few calls, and the fault's name.
    pub(super) fn for_a_while(&self, way: usize, dice: &mut Dice) -> Option<(&'static str, Fault)> {
        let (any, changing, listing, code) = (self.any, self.changing, self.listing, self.code);
        let (name, function, does) = match way {
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
        Some((name, Fault { skip, times: Some(times), ..Fault::at(function, does?).ok()? }))
    }
}

/// The call is refused with `code`, before or after it had its effect. Nothing where HNS does not fail so.
pub(super) fn refuse(code: u32, after: bool) -> Option<Trouble> {
    FailureCode::try_from(code).ok().map(|code| Trouble::Refuse { code, after })
}

/// An object with our mark that no version of us knows.
pub(super) fn orphan(emulator: &Emulator, world: &mut World, dice: &mut Dice) {
    let id = world.id();
    let number = dice.below(200);
    emulator.steer(|service| {
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
}

/// HNS starts anew and has nothing any more.
pub(super) fn lose_all(emulator: &Emulator, world: &mut World) {
    emulator.steer(|service| {
        let before = service.state().clone();
        service.stop();
        service.start(SavedData::Removed);
        world.follow_restart(&before, service);
    });
}

/// Another owner removes a load balancer of ours.
pub(super) fn remove_one_of_ours(emulator: &Emulator, world: &World, dice: &mut Dice) -> bool {
    let state = emulator.state();
    let own: Vec<Guid> = state
        .load_balancers()
        .map(|(id, _)| id)
        .filter(|id| !world.foreign.contains_key(id))
        .collect();
    let Some(id) = dice.one(&own).copied() else { return false };
    remove_load_balancer(emulator, id);
    true
}

/// Another owner removes a load balancer of its own.
pub(super) fn leave_frontend(emulator: &Emulator, world: &mut World, dice: &mut Dice) -> bool {
    let theirs: Vec<Guid> = world.foreign.keys().copied().collect();
    let Some(id) = dice.one(&theirs).copied() else { return false };
    remove_load_balancer(emulator, id);
    world.foreign.remove(&id);
    true
}

fn remove_load_balancer(emulator: &Emulator, id: Guid) {
    emulator.steer(|service| {
        let mut state = service.state().clone();
        state.remove_load_balancer(id);
        service.set_state(state);
    });
}

/// Another owner makes a load balancer for something that the cluster has and HNS does not.
pub(super) fn take_frontend(
    emulator: &Emulator,
    world: &mut World,
    dice: &mut Dice,
    knobs: &Knobs,
    entrances: impl Iterator<Item = Entrance>,
) -> bool {
    // Where HNS takes a second load balancer with a frontend, what is right beside another owner's is nowhere said.
    if knobs.duplicate_frontend == DuplicateFrontend::Allowed {
        return false;
    }
    let before = emulator.state();
    let served = served(&before);
    let free: Vec<_> = entrances.filter(|own| !served.contains(own)).collect();
    let is_pod = |own: &Endpoint| {
        !own.is_remote() && own.addresses().any(|own| world.pods.contains_key(&own))
    };
    let pod = before.endpoints().find(|(_, own)| is_pod(own));
    let (Some(Entrance { vip, port, .. }), Some((pod, _))) = (dice.one(&free).copied(), pod) else {
        return false;
    };
    if vip.is_some_and(|vip| vip.is_ipv6()) {
        return false;
    }
    let settings = serde_json::json!({"Owner": "other", "HostComputeEndpoints": [pod], "Flags": 0,
        "FrontendVIPs": vip.iter().collect::<Vec<_>>(), "SchemaVersion": {"Major": 2, "Minor": 0},
        "PortMappings": [{"Protocol": 6, "InternalPort": 9999, "ExternalPort": port}]});
    let made = emulator.create_load_balancer(world.id(), &settings.to_string());
    if let Ok(handle) = made {
        let _ = emulator.close_load_balancer(handle);
    }
    // Whatever HNS said: where it has faults, they are for all who call it.
    let after = emulator.state();
    let new = after.load_balancers().find(|(id, _)| before.load_balancer(*id).is_none());
    let Some((id, held)) = new else { return false };
    let text = serde_json::to_string(held).unwrap_or_default();
    world.foreign.insert(id, text);
    true
}

/// The CNI deletes a pod's endpoint, and the cluster does not know yet.
pub(super) fn lose_a_pod(emulator: &Emulator, world: &mut World, dice: &mut Dice) -> bool {
    let pods: Vec<IpAddr> = world.pods.keys().copied().collect();
    let Some(address) = dice.one(&pods).copied() else { return false };
    world.pods.remove(&address);
    emulator.steer(|service: &mut Service| World::remove_pod(service, address));
    true
}
