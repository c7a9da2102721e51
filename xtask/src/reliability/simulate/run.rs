//! The steps of a run, and healing.

use std::net::IpAddr;
use std::time::Duration;

use switchyard_conformance::random::Dice;
use switchyard_hcn_emulator::{Emulator, FaultScript, NodeAddresses, Setup, Verb};
use switchyard_winkernel::{
    Call, Change, MemoryLedger, Performer, Reason, ReconcilerSettings, Verb as Change_,
};

use super::super::entrances::served;
use super::super::invariants::{no_foreign_touch, no_invention};
use super::super::judge::{Judge, tear_down};
use super::super::knobs::{Setting, others};
use super::super::node::{Node, is_at_rest};
use super::super::packets::packets;
use super::super::scenario::{Event, Stage};
use super::super::world::World;
use super::cluster::RandomCluster;
use super::{Broken, Lives, action};
use crate::reliability;

/// How many steps there are between two times of healing.
const EPOCH: usize = 20;
/// More calls than a step of this length may need: the bound of I7.
const MOST_CALLS: usize = 6_000;
/// The most handles that may be open: the network's, and one of an object under way.
const MOST_HANDLES: usize = 3;

/// When everything must be as it should, once nothing goes wrong any more.
const USUAL: Duration = Duration::from_secs(5);
const AWAITED: Duration = Duration::from_secs(10);
const CONTESTED: Duration = Duration::from_secs(65);
/// Two audit periods, and what reading takes.
const AUDITED: Duration = Duration::from_secs(2 * 300 + 30);

/// A run under way.
pub(super) struct Life {
    pub(super) dice: Dice,
    pub(super) cluster: RandomCluster,
    pub(super) node: Node,
    pub(super) world: World,
    pub(super) knobs: Setting,
    settings: ReconcilerSettings,
    addresses: NodeAddresses,
    /// The faults that calls meet, by name, and how often each may be met.
    pub(super) faults: Vec<(&'static str, u64)>,
    /// Whether something happened that only an audit shows.
    pub(super) is_silent: bool,
    /// Whether somebody else undid what we did, so that we wait a minute.
    pub(super) is_contested: bool,
}

/// Lives through `steps` steps of the run with `seed`, or up to the first promise that is broken.
pub(super) fn live(seed: u64, steps: usize, lives: &mut Lives) {
    lives.seeds += 1;
    let Ok(mut life) = Life::new(seed) else { return lives.left_out += 1 };
    let knobs = life.knobs.name;
    for step in 1..=steps {
        lives.steps += 1;
        let healed = if step % EPOCH == 0 || step == steps { life.heal(lives) } else { Ok(()) };
        let outcome = life.step(lives).and(healed);
        if let Err(what) = outcome {
            return lives.failures.push(Broken { seed, step, knobs, what });
        }
    }
    if let Err(what) = life.heal(lives).and_then(|()| life.end(lives)) {
        lives.failures.push(Broken { seed, step: steps + 1, knobs, what });
    }
}

impl Life {
    fn new(seed: u64) -> Result<Self, String> {
        let mut dice = reliability::dice(seed);
        let cluster = RandomCluster::new(seed)?;
        let choices = others();
        let knobs = match dice.percent(40) {
            true => Setting::usual(),
            false => dice.one(&choices).cloned().unwrap_or_else(Setting::usual),
        };
        let state = cluster.hns.emulator.state();
        let mut settings = cluster.hns.settings.clone();
        settings.network_id = None;
        settings.network_name = state.networks().next().map(|(_, network)| network.name.clone());
        let world = World::of(&state);
        let emulator =
            Emulator::in_virtual_time(Setup { knobs: knobs.knobs.clone(), ..Setup::of(state) });
        let own = cluster.stream.view().node().addresses.iter().map(|own| own.address);
        let addresses = own.chain(cluster.hns.network.management_addresses.iter().copied());
        let addresses = addresses.collect();
        let views = cluster.stream.snapshot();
        let node = Node::start(emulator, MemoryLedger::default(), settings.clone(), &views);
        let faults = Vec::new();
        let (is_silent, is_contested) = (false, false);
        Ok(Self {
            dice,
            cluster,
            node,
            world,
            knobs,
            settings,
            addresses,
            faults,
            is_silent,
            is_contested,
        })
    }

    /// Something happens, and some time passes.
    fn step(&mut self, lives: &mut Lives) -> Result<(), String> {
        let was_at_rest = is_at_rest(&self.node.proxy) && self.faults.is_empty();
        let is_waiting = !self.node.proxy.waiting().is_empty();
        let is_steady = was_at_rest && !is_waiting && !self.is_silent && !self.is_contested;
        if is_steady && self.dice.percent(15) {
            return self.rest(lives);
        }
        if is_steady && self.dice.percent(15) {
            return self.change_in_peace(lives);
        }
        action::act(self, lives)?;
        let milliseconds = [50, 700, 3_000, 20_000][self.dice.below(4)];
        self.work(Duration::from_millis(milliseconds), MOST_CALLS)?;
        self.check(lives)
    }

    /// I1, I3 and I7, which hold always.
    fn check(&mut self, lives: &mut Lives) -> Result<(), String> {
        let state = self.node.emulator.state();
        if self.knobs.knobs.keeps_owner || self.knobs.knobs.honours_caller_id {
            no_invention(&state, &self.world, |entrance| self.cluster.ever.get(entrance).cloned())?;
            lives.checked("I1 no invention");
        }
        no_foreign_touch(&state, &self.world)?;
        lives.checked("I3 no foreign touch");
        let handles = self.node.emulator.open_handles();
        if handles > MOST_HANDLES {
            return Err(format!("I7: {handles} handles are open"));
        }
        lives.checked("I7 bounded");
        Ok(())
    }

    /// Has the proxy work for `time`, at rest or not, with `most` calls.
    fn work(&mut self, time: Duration, most: usize) -> Result<usize, String> {
        let Node { emulator, ledger, proxy } = &mut self.node;
        let end = emulator.now() + time;
        let mut performer = Performer::new(&*emulator);
        let mut made = 0;
        while emulator.now() <= end {
            let now = emulator.now();
            if let Some((id, call)) = proxy.next(now) {
                let result = performer.perform(&call, ledger);
                proxy.call_done(id, result, emulator.now());
                made += 1;
                if made > most {
                    return Err(format!("I7: more than {most} calls in {time:?}"));
                }
                continue;
            }
            let wake = proxy.wake().unwrap_or(end).max(now + Duration::from_millis(1));
            if wake > end {
                break;
            }
            emulator.advance_to(wake);
        }
        emulator.advance_to(end);
        Ok(made)
    }

    /// I8: nothing happens and nothing is missing, so nothing is written, and only audits read.
    fn rest(&mut self, lives: &mut Lives) -> Result<(), String> {
        // What a ledger is still for is written, and what is still to be read is read, while nothing else is to be done.
        self.work(AWAITED, MOST_CALLS)?;
        let audits = self.node.proxy.standing().audits;
        drop(self.node.emulator.take_calls());
        self.work(Duration::from_secs(20), MOST_CALLS)?;
        let calls = self.node.emulator.take_calls();
        lives.calls += calls.total();
        if calls.total_mutating() > 0 {
            return Err(format!("I8: {} changes at rest", calls.total_mutating()));
        }
        let is_quiet = audits == 0 && self.node.proxy.standing().audits == 0;
        let reads = calls.counts().iter().filter(|((verb, _), _)| *verb != Verb::Close);
        let reads: u64 = reads.map(|(_, count)| count).sum();
        if is_quiet && reads > 0 {
            let functions: Vec<_> = calls.log().map(|call| call.function()).collect();
            return Err(format!("I8: {reads} calls at rest: {functions:?}"));
        }
        lives.checked("I8 quiet");
        Ok(())
    }

    /// I2: only the cluster changes. What was served and still is, is served at every moment between, but for the one between
    /// the two halves of a replacement.
    fn change_in_peace(&mut self, lives: &mut Lives) -> Result<(), String> {
        let before = served(&self.node.emulator.state());
        let changes = self.cluster.change();
        self.is_silent |= !self.forget_moved_pods().is_empty();
        let Node { emulator, ledger, proxy } = &mut self.node;
        proxy.view(changes, emulator.now());
        let mut gaps = Vec::new();
        let mut performer = Performer::new(&*emulator);
        while let Some((id, call)) = proxy.next(emulator.now()) {
            let result = performer.perform(&call, ledger);
            proxy.call_done(id, result, emulator.now());
            if let Call::Change(change) = &call {
                gaps.push((change.clone(), served(&emulator.state())));
            }
        }
        drop(performer);
        let after = served(&emulator.state());
        let entrances = self.cluster.entrances();
        for entrance in before.intersection(&after).filter(|own| entrances.contains(own)) {
            let is_replacement = |change: &Change| {
                change.operation.verb == Change_::Delete
                    && change.operation.reason == Reason::Replaced
            };
            let black = gaps
                .iter()
                .find(|(change, now)| !now.contains(entrance) && !is_replacement(change));
            if let Some((change, _)) = black {
                return Err(format!("I2: {entrance:?} is not served after {:?}", change.operation));
            }
            lives.checked("I2 no black hole");
        }
        lives.met("cluster changes in peace");
        self.check(lives)
    }

    /// Another process starts in the place of this one.
    pub(super) fn restart_proxy(&mut self) {
        let views = self.cluster.stream.snapshot();
        self.node.restart(self.settings.clone(), &views);
    }

    /// The process dies after so many calls, of which it does not hear the last one's answer.
    pub(super) fn die_after(&mut self, calls: usize) {
        let Node { emulator, ledger, proxy } = &mut self.node;
        let mut performer = Performer::new(&*emulator);
        for _ in 0..calls {
            let Some((id, call)) = proxy.next(emulator.now()) else { break };
            let result = performer.perform(&call, ledger);
            if self.dice.percent(20) {
                break;
            }
            proxy.call_done(id, result, emulator.now());
        }
        drop(performer);
        // A process that dies in the midst of writing leaves half a line.
        if self.dice.percent(20) {
            ledger.0.push_str("{\"kind\":\"endp");
        }
        self.restart_proxy();
    }

    /// HNS was started anew; half of the time the proxy is told.
    pub(super) fn after_restart(&mut self) {
        if self.dice.percent(50) {
            self.node.proxy.service_lost(self.node.emulator.now());
        } else {
            self.is_silent = true;
        }
    }

    /// Pods that the cluster has on other nodes now are not this node's any more.
    pub(super) fn forget_moved_pods(&mut self) -> Vec<IpAddr> {
        let wanted = self.cluster.pods();
        let gone = |address: &IpAddr| !wanted.contains(address);
        self.world.pods.keys().copied().filter(gone).collect()
    }

    /// The CNI makes endpoints of new pods, late and some of them, and removes those of pods that are gone.
    pub(super) fn cni(&mut self, lives: &mut Lives) {
        let wanted = self.cluster.pods();
        let gone = self.forget_moved_pods();
        for address in gone.into_iter().filter(|_| self.dice.percent(50)) {
            self.world.pods.remove(&address);
            self.node.emulator.steer(|service| World::remove_pod(service, address));
            self.is_silent = true;
            lives.met("the CNI removes a pod");
        }
        for address in wanted {
            match self.world.pods.contains_key(&address) {
                false if self.dice.percent(50) => {
                    self.world.add_pod(address);
                    lives.met("the CNI makes a pod late");
                }
                true if self.dice.percent(10) => {
                    self.node.emulator.steer(|service| World::remove_pod(service, address));
                    self.world.add_pod(address);
                    self.is_silent = true;
                    lives.met("the CNI replaces a pod");
                }
                _ => {}
            }
        }
        self.node.emulator.steer(|service| self.world.make_pods(service));
    }

    /// Nothing goes wrong any more, and the CNI has done its work. Everything must come to be as it should.
    fn heal(&mut self, lives: &mut Lives) -> Result<(), String> {
        let calls = self.node.emulator.take_calls();
        lives.calls += calls.total();
        let script = self.node.emulator.steer(|service| service.faults().clone());
        self.node.emulator.steer(|service| service.set_faults(FaultScript::default()));
        for ((name, times), left) in std::mem::take(&mut self.faults).into_iter().zip(script.faults)
        {
            if left.times == Some(times) {
                continue;
            }
            lives.met(name);
            // What calls were told falsely may show nowhere but in an audit.
            self.is_silent = true;
        }
        let mut awaits = false;
        for address in self.cluster.pods() {
            if !self.world.pods.contains_key(&address) {
                self.world.add_pod(address);
                awaits = true;
                // Where Services contradict each other about where a pod is, nobody waits for it.
                let mut waiting = self.node.proxy.waiting().into_iter();
                self.is_silent |= !waiting.any(|own| own.key.address == address);
            }
        }
        awaits |= !self.node.proxy.waiting().is_empty();
        self.node.emulator.steer(|service| self.world.make_pods(service));
        let (kind, bound) = match (self.is_silent, self.is_contested, awaits) {
            (true, ..) => ("after a silent drift", AUDITED),
            (_, true, _) => ("after a contest", CONTESTED),
            (_, _, true) => ("with an awaited pod", AWAITED),
            _ => ("in general", USUAL),
        };
        let took = self.converge(bound).map_err(|why| format!("{kind}, after {bound:?}: {why}"))?;
        let longest = lives.longest.entry(kind).or_default();
        *longest = (*longest).max(u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
        lives.healed += 1;
        lives.checked("I4 no leak");
        lives.checked("I5 no lie");
        (self.is_silent, self.is_contested) = (false, false);
        Ok(())
    }

    /// Has time pass until everything is as it should be; how long that took.
    fn converge(&mut self, bound: Duration) -> Result<Duration, String> {
        let began = self.node.emulator.now();
        let mut last = Err("not looked at".to_owned());
        while self.node.emulator.now() < began + bound {
            self.work(bound / 20, MOST_CALLS * 10)?;
            last = if is_at_rest(&self.node.proxy) {
                self.judge()
            } else {
                Err(format!("no rest: {:?}", self.node.proxy.standing()))
            };
            if last.is_ok() {
                break;
            }
        }
        last.map(|()| self.node.emulator.now().saturating_sub(began))
    }

    fn stage(&self) -> Stage {
        Stage {
            event: Event::Restart,
            changes: Vec::new(),
            views: self.cluster.stream.snapshot(),
            packets: packets(&self.cluster.stream),
            settings: self.settings.clone(),
        }
    }

    fn judge(&self) -> Result<(), String> {
        Judge::default().judge(&self.node, (0, &self.stage()), &self.world, &self.addresses)
    }

    /// At the end of a run everything of ours goes, and nothing else.
    fn end(&mut self, lives: &mut Lives) -> Result<(), String> {
        let node = self.cluster.stream.view().node().clone();
        let nothing = [
            switchyard_model::ViewEvent::Reset,
            switchyard_model::ViewEvent::Node(node),
            switchyard_model::ViewEvent::Synced { revision: u64::MAX },
        ];
        let stage = self.stage();
        tear_down(&mut self.node, &stage, &nothing, &self.world)?;
        lives.met("everything torn down");
        Ok(())
    }
}
