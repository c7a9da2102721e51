//! What happens in a step.

use switchyard_hcn_emulator::FaultScript;

use super::super::play::{recreate_network, restart_hns};
use super::super::upsets::{self, Draw};
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
        upsets::lose_all(&life.node.emulator, &mut life.world);
        lives.met("F20 HNS forgets all");
    } else {
        restart_hns(&life.node.emulator, &mut life.world);
        lives.met("F21 HNS restarts");
    }
    life.after_restart();
}

/// Calls go wrong for a while.
fn fault(life: &mut Life) {
    let draw = Draw::new(&mut life.dice);
    let way = life.dice.below(9);
    let Some((name, fault)) = draw.for_a_while(way, &mut life.dice) else { return };
    life.faults.push((name, fault.times.unwrap_or(0)));
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
    upsets::orphan(&life.node.emulator, &mut life.world, &mut life.dice);
    life.is_silent = true;
    lives.met("F17 orphan of another version");
}

/// Another owner removes a load balancer of ours, takes a frontend that is free, or leaves one again.
fn another_owner(life: &mut Life, lives: &mut Lives) {
    let (emulator, world) = (&life.node.emulator, &mut life.world);
    match life.dice.below(3) {
        0 => {
            if upsets::remove_one_of_ours(emulator, world, &mut life.dice) {
                life.is_contested = true;
                lives.met("F19 another owner removes what we made");
            }
        }
        1 => {
            let entrances = life.cluster.entrances().into_iter();
            let knobs = &life.knobs.knobs;
            if upsets::take_frontend(emulator, world, &mut life.dice, knobs, entrances) {
                lives.met("F19 another owner takes a frontend");
            }
        }
        _ => {
            if upsets::leave_frontend(emulator, world, &mut life.dice) {
                lives.met("another owner leaves a frontend");
            }
        }
    }
    life.is_silent = true;
}

/// The CNI deletes a pod's endpoint, and the cluster does not know yet.
fn lose_a_pod(life: &mut Life, lives: &mut Lives) {
    if upsets::lose_a_pod(&life.node.emulator, &mut life.world, &mut life.dice) {
        life.is_silent = true;
        lives.met("F31 local endpoint removed");
    }
}
