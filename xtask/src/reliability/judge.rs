//! Whether a node is as it should be, once it rests.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use switchyard_hcn_emulator::{NodeAddresses, State};
use switchyard_model::{ServicePortView, ViewEvent};
use switchyard_winkernel::{Ledger, MemoryLedger, Reconciler, observe, plan};

use super::node::{Node, perfect};
use super::packets::wrong_trace;
use super::scenario::Stage;
use super::world::{World, differences};

/// How long tearing everything down may take.
const TEARDOWN: Duration = Duration::from_secs(30);

/// What perfect starts make of what was seen before, so that each is made once.
#[derive(Default)]
pub(super) struct Judge {
    perfect: BTreeMap<(usize, String), State>,
}

impl Judge {
    /// What is wrong with `node`, if anything, where `stage` is wanted and `world` is not ours. `number` names the stage.
    pub(super) fn judge(
        &mut self,
        node: &Node,
        (number, stage): (usize, &Stage),
        world: &World,
        addresses: &NodeAddresses,
    ) -> Result<(), String> {
        let state = node.emulator.state();
        if let Some(touched) = world.touched(&state).first() {
            return Err(format!("foreign: {touched}"));
        }
        let base = world.base(&state);
        let reference = self.reference(number, base, stage)?;
        let mut kept = world.lent(&state);
        kept.extend(held_back(node, stage));
        let different = differences(&state, reference, &kept);
        if !different.is_empty() {
            return Err(format!(
                "HNS does not hold what a perfect start makes: {}",
                different.join("; ")
            ));
        }
        if let Some(wrong) = wrong_trace(&state, reference, addresses, &stage.packets) {
            return Err(format!("wrong trace: {wrong}"));
        }
        let mut fresh = Reconciler::new(stage.settings.clone(), Ledger::read(&node.ledger.0));
        let now = node.emulator.now();
        fresh.view(stage.views.iter().cloned(), now);
        observe(&mut fresh, &node.emulator, &mut MemoryLedger::default(), now);
        if let Some(step) = plan(&fresh).first() {
            return Err(format!("a fresh plan is not empty: {:?}", step.operation));
        }
        Ok(())
    }

    fn reference(&mut self, number: usize, base: State, stage: &Stage) -> Result<&State, String> {
        let key = (number, base.to_json());
        if !self.perfect.contains_key(&key) {
            let made = perfect(base, &stage.settings, &stage.views)?;
            self.perfect.insert(key.clone(), made);
        }
        self.perfect.get(&key).ok_or_else(|| "no perfect start".to_owned())
    }
}

/// The backends of what another owner holds: an endpoint of ours that one had before stays while it is wanted. A start finds
/// the frontend held and makes none.
fn held_back(node: &Node, stage: &Stage) -> BTreeSet<IpAddr> {
    let held = node.proxy.held_by_others();
    let views = stage.views.iter().filter_map(|event| match event {
        ViewEvent::Upsert(view) => Some(view),
        _ => None,
    });
    let is_held = |view: &&Arc<ServicePortView>| {
        let mut frontends = view.frontends.iter();
        frontends
            .any(|own| held.iter().any(|key| key.vip == own.address && key.port == own.port.get()))
    };
    views
        .filter(is_held)
        .flat_map(|view| view.cluster.iter().chain(&*view.local).map(|own| own.address))
        .collect()
}

/// Whether the ledger harms nobody: a proxy that reads it and has nothing to serve removes all that is ours, and nothing
/// else.
pub(super) fn tear_down(
    node: &mut Node,
    stage: &Stage,
    nothing: &[ViewEvent],
    world: &World,
) -> Result<(), String> {
    let base = world.base(&node.emulator.state());
    node.restart(stage.settings.clone(), nothing);
    node.settle(TEARDOWN).map_err(|why| format!("teardown: {why}"))?;
    let state = node.emulator.state();
    if let Some(touched) = world.touched(&state).first() {
        return Err(format!("teardown, foreign: {touched}"));
    }
    let left = state.endpoints().map(|(id, _)| id).chain(state.load_balancers().map(|(id, _)| id));
    let lent = world.lent(&state);
    let is_lent =
        |id| state.endpoint(id).is_some_and(|own| own.addresses().any(|own| lent.contains(&own)));
    let is_base = |id| base.endpoint(id).is_some() || base.load_balancer(id).is_some();
    let stays = |id| is_base(id) || is_lent(id);
    if let Some(id) = left.into_iter().find(|id| !stays(*id)) {
        let what = (state.endpoint(id), state.load_balancer(id));
        return Err(format!("teardown leaves {id}: {what:?}; ledger {:?}", node.ledger.0));
    }
    for address in world.pods.keys() {
        let there = state
            .endpoints()
            .any(|(_, own)| !own.is_remote() && own.addresses().any(|own| own == *address));
        let was = base
            .endpoints()
            .any(|(_, own)| !own.is_remote() && own.addresses().any(|own| own == *address));
        if was && !there {
            return Err(format!("teardown took the pod {address}"));
        }
    }
    Ok(())
}
