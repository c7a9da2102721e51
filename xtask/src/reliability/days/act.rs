//! What happens in a step.

use std::io;
use std::net::IpAddr;
use std::time::Duration;

use serde_json::{Value, json};
use switchyard_conformance::Change;
use switchyard_conformance::random::Dice;
use switchyard_hcn_emulator::{Fault, FaultScript};

use super::super::play::{recreate_network, restart_hns};
use super::super::upsets::{self, Draw, refuse};
use super::super::world::World;
use super::day::{DEAF, Day};
use super::server::NO_DESCRIPTORS;

/// Has something random happen.
pub(super) async fn act(day: &mut Day<'_>) -> Result<(), String> {
    match day.dice.below(50) {
        0..=13 => change(day),
        14..=17 => cni(day),
        18 => {
            let name = if day.agent.under_way() > 0 {
                "F16 proxy dies between calls"
            } else {
                "F15 proxy restarts"
            };
            day.report.met(name);
            day.restart_agent(false)?;
        }
        19 => {
            let calls = day.dice.below(12) as u64;
            day.lane.die_after(Some(calls));
            change(day);
        }
        20 | 21 => around_hns(day)?,
        22..=28 => fault(day),
        29..=42 => weather(day),
        _ => return special(day).await,
    }
    Ok(())
}

fn change(day: &mut Day<'_>) {
    day.cluster.change();
    look_at_pods(day);
    let (refused, _) = day.agent.shared.refused(1);
    if refused > 0 {
        day.report.met("F46 malformed objects");
    }
    if !day.cluster.truth.view().conflicts().is_empty() {
        day.report.met("F45 duplicate addresses");
    }
}

/// Pods that the cluster has elsewhere now are not this node's any more.
pub(super) fn look_at_pods(day: &mut Day<'_>) -> Vec<IpAddr> {
    let wanted = day.cluster.pods();
    let gone: Vec<IpAddr> =
        day.world.pods.keys().copied().filter(|own| !wanted.contains(own)).collect();
    day.scars.silent |= !gone.is_empty();
    gone
}

/// The CNI makes endpoints of new pods, late and some of them, and removes those of pods that are gone.
fn cni(day: &mut Day<'_>) {
    for address in look_at_pods(day) {
        if day.dice.percent(50) {
            day.world.pods.remove(&address);
            day.emulator.steer(|service| World::remove_pod(service, address));
            day.scars.silent = true;
            day.report.met("F31 local endpoint removed");
        }
    }
    let restarts = day.dice.percent(10);
    if restarts {
        day.report.met("F41 CNI replaces all pods");
    }
    for address in day.cluster.pods() {
        if !day.world.pods.contains_key(&address) {
            if day.dice.percent(50) {
                day.world.add_pod(address);
            }
        } else if restarts || day.dice.percent(10) {
            day.emulator.steer(|service| World::remove_pod(service, address));
            day.world.add_pod(address);
            day.scars.silent = true;
        }
    }
    let world = &mut day.world;
    day.emulator.steer(|service| world.make_pods(service));
}

fn around_hns(day: &mut Day<'_>) -> Result<(), String> {
    let (emulator, world, dice) = (day.emulator, &mut day.world, &mut day.dice);
    match dice.below(10) {
        0 if day.knobs.knobs.keeps_owner => {
            upsets::orphan(emulator, world, dice);
            day.scars.silent = true;
            day.report.met("F17 orphan of another version");
        }
        1 => {
            if upsets::remove_one_of_ours(emulator, world, dice) {
                day.scars.contested = true;
                day.scars.silent = true;
                day.report.met("F19 another owner removes what we made");
            }
        }
        2 | 3 => {
            let entrances = day.cluster.entrances();
            let knobs = &day.knobs.knobs;
            // The faults are for the proxy's calls.
            let script = emulator.steer(|service| {
                let script = service.faults().clone();
                service.set_faults(FaultScript::default());
                script
            });
            if upsets::take_frontend(emulator, world, dice, knobs, entrances.into_iter()) {
                day.report.met("F19 another owner takes a frontend");
            }
            emulator.steer(|service| service.set_faults(script));
            day.scars.silent = true;
        }
        4 => {
            upsets::leave_frontend(emulator, world, dice);
            day.scars.silent = true;
        }
        5 => {
            upsets::lose_all(emulator, world);
            day.report.met("F20 HNS forgets all");
            after_restart(day);
        }
        6 | 9 => {
            restart_hns(emulator, world);
            day.report.met(match day.knobs.knobs.restores_with_new_ids {
                true => "F22 HNS restores with new ids",
                false => "F21 HNS restarts",
            });
            after_restart(day);
        }
        7 => {
            recreate_network(emulator, world)?;
            day.scars.silent = true;
            day.report.met("F28 network with another id");
        }
        _ => {
            if upsets::lose_a_pod(emulator, world, dice) {
                day.scars.silent = true;
                day.report.met("F31 local endpoint removed");
            }
        }
    }
    Ok(())
}

/// HNS was started anew. Whether the proxy was told depends on whether it was registered then.
fn after_restart(day: &mut Day<'_>) {
    day.scars.lost = true;
    // A registration that HNS lost without a word is made again by an audit only.
    day.scars.silent = true;
}

fn fault(day: &mut Day<'_>) {
    let Some((name, fault)) = draw_fault(&mut day.dice) else { return };
    day.faults.push((name, fault.times));
    day.emulator.steer(|service| {
        let mut script: FaultScript = service.faults().clone();
        script.faults.push(fault);
        service.set_faults(script);
    });
}

/// How calls go wrong, and the fault's name.
fn draw_fault(dice: &mut Dice) -> Option<(&'static str, Fault)> {
    let draw = Draw::new(dice);
    let refused = || refuse(draw.code, false);
    match dice.below(11) {
        9 => {
            let skip = 1 + dice.below(4) as u64;
            let fault = Fault::at(draw.changing, refused()?).ok()?;
            Some(("F36 some of several changes", Fault { skip, times: Some(2), ..fault }))
        }
        10 => {
            let function = *dice.one(&["HcnDeleteLoadBalancer", "HcnDeleteEndpoint"])?;
            let fault = Fault::at(function, refused()?).ok()?;
            Some(("F53 deletes fail for long", Fault { times: None, ..fault }))
        }
        way => draw.for_a_while(way, dice),
    }
}

/// The way to the API server goes bad, or good again.
fn weather(day: &mut Day<'_>) {
    let dice = &mut day.dice;
    let (kind, count, lag) =
        (dice.below(15), 1 + dice.below(3) as u64, dice.one(&["services", "endpointslices"]));
    let lag = lag.copied().unwrap_or("services");
    let long = Duration::from_millis([300, 2_000, 20_000, 45_000][dice.below(4)]);
    let clears = dice.percent(60);
    day.scars.deaf |= day.front.weather().is_silent;
    day.front.turn(|weather| {
        if clears {
            *weather = Default::default();
        }
        match kind {
            0 | 1 => weather.is_down = true,
            2 => weather.delay = Some(long),
            3 => weather.refuse = Some((count * 3, 429, Some(count))),
            4 => weather.refuse = Some((count * 3, [500, 503, 504][count as usize - 1], None)),
            5 => weather.gone = count,
            6 | 7 => weather.is_silent = true,
            8 => weather.cuts = count,
            9 => weather.garbage = count,
            10 => weather.repeats = count * 4,
            14 => weather.refuse = Some((count * 3, 401, None)),
            11 => weather.lag = Some((lag, long.min(Duration::from_secs(2)))),
            _ => {}
        }
    });
    match kind {
        5 => {
            // Without a watch that begins anew nobody is told.
            day.cluster.server.with(switchyard_kube_fake::Store::restart);
        }
        12 => {
            day.cluster.server.with(|store| {
                let revision = store.revision();
                store.compact(revision);
                store.restart();
            });
        }
        13 => day.cluster.back_up(),
        _ => {}
    }
}

/// What is rarer.
async fn special(day: &mut Day<'_>) -> Result<(), String> {
    match day.dice.below(15) {
        0 => burst(day).await?,
        1 => flap(day).await?,
        2 => huge(day),
        3 => {
            day.cluster.lose_node();
            day.report.met("F40 Node deleted");
        }
        4 => {
            if day.cluster.bring_node() {
                day.report.met("F40 Node made again");
            }
            relabel(day);
        }
        5 => readdress(day),
        6 => {
            let gap = [600, 3_600, 20_000][day.dice.below(3)];
            tokio::time::advance(Duration::from_secs(gap)).await;
            day.report.met("F43 suspended and resumed");
        }
        // Where nothing else tells whose an object is, what is made while nothing can be written is left behind by a restart.
        7 => {
            let full = ("F38 disk full", io::ErrorKind::StorageFull);
            day.ledger.trouble = day.has_marks().then_some(full);
        }
        9 => {
            let day_long = 86_400_000_000;
            day.wall_error = [-day_long, 0, day_long][day.dice.below(3)];
            day.report.met("F42 clock on the wall jumps");
        }
        8 => {
            let count = 1 + day.dice.below(5) as u64;
            day.lane.misshape(count);
            day.scars.silent = true;
        }
        11 => {
            day.start_beside()?;
            if day.dice.percent(50) {
                day.restart_agent(false)?;
            }
        }
        12 => run_out_of_descriptors(day).await?,
        13 => day.front.turn(|weather| weather.panics = true),
        14 => day.is_log_taken = false,
        _ => {
            if day.cluster.restore() {
                day.has_gone_back = true;
                // A watch from beyond the end of the history says nothing.
                day.scars.deaf = true;
                look_at_pods(day);
            }
        }
    }
    Ok(())
}

/// No file descriptor is left: nothing can be asked for and nothing written down. That is said, and what is served stays.
async fn run_out_of_descriptors(day: &mut Day<'_>) -> Result<(), String> {
    let ledger = day.ledger.trouble;
    if day.has_marks() {
        day.ledger.trouble = Some((NO_DESCRIPTORS, io::ErrorKind::Other));
    }
    day.front.turn(|weather| weather.lacks_descriptors = true);
    // By then the last watch has ended.
    day.pass(2 * DEAF).await?;
    let status = day.agent.shared.status();
    let mut troubles = status.values().filter_map(|own| own.trouble.as_ref());
    let is_told = troubles.any(|trouble| trouble.contains("open files"));
    // One that started meanwhile may not have asked for anything yet.
    let has_asked = day.agent.now() > DEAF;
    if has_asked && !is_told {
        return Err(format!("F37: not a word of file descriptors: {status:?}"));
    }
    day.front.turn(|weather| weather.lacks_descriptors = false);
    day.ledger.trouble = ledger;
    Ok(())
}

/// Changes come faster than HNS can take them.
async fn burst(day: &mut Day<'_>) -> Result<(), String> {
    let before = day.agent.core.stream().revision();
    for _ in 0..40 {
        day.cluster.change();
        tokio::time::advance(Duration::from_millis(1)).await;
    }
    look_at_pods(day);
    day.pass(Duration::from_millis(50)).await?;
    if day.agent.core.stream().revision().saturating_sub(before) <= 40 {
        day.report.met("F49 churn storm");
    }
    Ok(())
}

/// An endpoint is ready and not ready, every ten milliseconds.
async fn flap(day: &mut Day<'_>) -> Result<(), String> {
    let slices: Vec<Value> = day
        .cluster
        .setup
        .documents
        .iter()
        .filter(|object| {
            object["kind"] == "EndpointSlice"
                && object["endpoints"].as_array().is_some_and(|own| !own.is_empty())
        })
        .cloned()
        .collect();
    let Some(mut slice) = day.dice.one(&slices).cloned() else { return Ok(()) };
    for turn in 0..50 {
        slice["endpoints"][0]["conditions"] = json!({"ready": turn % 2 == 0});
        day.cluster.apply(&[Change::Apply(slice.clone())]);
        day.pass(Duration::from_millis(10)).await?;
    }
    day.report.met("F50 flapping endpoint");
    Ok(())
}

/// A slice with as many endpoints as a slice may have.
fn huge(day: &mut Day<'_>) {
    let endpoints: Vec<Value> = (0..1_000)
        .map(|number| {
            let address = format!("10.77.{}.{}", number / 250, 1 + number % 250);
            json!({"addresses": [address], "nodeName": "n9", "conditions": {"ready": number % 25 == 0}})
        })
        .collect();
    let slice = json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
        "metadata": {"name": "huge-0", "namespace": "shop", "labels": {"kubernetes.io/service-name": "s1"}},
        "ports": [{"name": "", "port": 8080}], "endpoints": endpoints});
    day.cluster.apply(&[Change::Apply(slice)]);
    let name = "huge-0".to_owned();
    if day.dice.percent(50) {
        let kind = "EndpointSlice".to_owned();
        day.cluster.apply(&[Change::Delete { kind, namespace: "shop".to_owned(), name }]);
    }
    day.report.met("F47 huge object");
}

/// The own Node is in another zone.
fn relabel(day: &mut Day<'_>) {
    let Some(mut node) = day.cluster.own_node() else { return };
    let zone = ["z1", "z2", "z3"][day.dice.below(3)];
    node["metadata"]["labels"]["topology.kubernetes.io/zone"] = json!(zone);
    if !day.cluster.is_node_lost && day.cluster.apply(&[Change::Apply(node)]) {
        day.report.met("F40 zone changes");
    }
}

/// The own Node gets an address more, or one less.
fn readdress(day: &mut Day<'_>) {
    let Some(mut node) = day.cluster.own_node() else { return };
    let Some(addresses) = node["status"]["addresses"].as_array_mut() else { return };
    let more = json!({"type": "ExternalIP", "address": "198.51.100.77"});
    match addresses.iter().position(|address| *address == more) {
        Some(index) => drop(addresses.remove(index)),
        None => addresses.push(more),
    }
    if !day.cluster.is_node_lost && day.cluster.apply(&[Change::Apply(node)]) {
        day.report.met("F39 node address changes");
    }
}
