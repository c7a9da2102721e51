//! Nothing goes wrong any more, and everything has to come to be as it should.

use std::time::Duration;

use switchyard_hcn_emulator::FaultScript;
use tokio::time::Instant;

use super::check;
use super::day::{DEAF, Day, Scars};

impl Day<'_> {
    /// Takes in which faults were met.
    pub(super) fn collect(&mut self) {
        for (name, count) in self.front.take_met() {
            self.report.met_times(name, count);
        }
        self.report.met_times("F59 answer of the wrong shape", self.lane.take_misshapen());
        for (name, count) in std::mem::take(&mut self.ledger.met) {
            self.report.met_times(name, count);
        }
        let script = self.emulator.steer(|service| service.faults().clone());
        let faults = std::mem::take(&mut self.faults);
        let mut left = Vec::new();
        for ((name, times), fault) in faults.into_iter().zip(script.faults) {
            // Of a fault without end the emulator keeps no count; its refusals are seen by the codes of calls.
            let is_met = match times {
                Some(times) => fault.times != Some(times),
                None => fault.skip == 0,
            };
            if is_met {
                self.report.met(name);
                // What calls were told falsely may show nowhere but in an audit.
                self.scars.silent = true;
            }
            left.push(fault);
        }
        self.emulator.steer(|service| service.set_faults(FaultScript::default()));
    }

    /// Nothing goes wrong any more, and the CNI has done its work. Everything must come to be as it should.
    pub(super) async fn heal(&mut self) -> Result<(), String> {
        self.scars.deaf |= self.front.weather().is_silent;
        self.front.turn(|weather| *weather = Default::default());
        self.ledger.trouble = None;
        self.take_log_again();
        self.lane.misshape(0);
        self.lane.die_after(None);
        self.collect();
        if self.cluster.bring_node() {
            self.report.met("F40 Node made again");
        }
        self.agent.release();
        let awaits = self.add_pods();
        let bound = check::bound(self, awaits);
        let took = self.converge(bound, whole).await?;
        if self.scars.deaf {
            // What there was to know was known already. A watch that says nothing is noticed in time for what comes next.
            self.pass(DEAF).await?;
        }
        if self.scars.silent {
            // All that is served is right; of what is not, such as pods behind no Service, an audit shows what became of it.
            self.pass(self.beginning.reconciler.audit_period).await?;
        }
        let kind = bound.0;
        let longest = self.report.longest.entry(kind).or_default();
        *longest = (*longest).max(u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
        self.report.healed += 1;
        self.report.checked("I4 no leak");
        self.report.checked("I5 no lie");
        self.scars = Scars::default();
        self.report.since.clear();
        self.has_gone_back = false;
        self.cluster.forget();
        Ok(())
    }

    /// The CNI makes the endpoints of all pods. True where there were none of some.
    pub(super) fn add_pods(&mut self) -> bool {
        let mut awaits = !self.agent.core.reconciler().waiting().is_empty();
        for address in self.cluster.pods() {
            if !self.world.pods.contains_key(&address) {
                self.world.add_pod(address);
                awaits = true;
                // Where Services contradict each other about where a pod is, nobody waits for it.
                let waiting = self.agent.core.reconciler().waiting();
                self.scars.silent |= !waiting.iter().any(|own| own.key.address == address);
            }
        }
        let world = &mut self.world;
        self.emulator.steer(|service| world.make_pods(service));
        awaits
    }

    /// Has time pass until everything is as it should be; how long that took.
    pub(super) async fn converge(
        &mut self,
        (kind, bound): (&'static str, Duration),
        look: impl Fn(&mut Self) -> Result<(), String>,
    ) -> Result<Duration, String> {
        let began = Instant::now();
        let mut wait = Duration::from_millis(250);
        loop {
            self.pass(wait).await?;
            let looked = look(self);
            let passed = began.elapsed();
            match looked {
                Ok(()) => return Ok(passed),
                Err(why) if passed >= bound => {
                    return Err(format!("{kind}, after {bound:?}: {why}"));
                }
                Err(_) => {
                    wait =
                        (wait * 2).min(bound.saturating_sub(passed)).max(Duration::from_millis(1))
                }
            }
        }
    }

    /// Whoever takes the log does so again. What was logged meanwhile waited, and held up nobody.
    fn take_log_again(&mut self) {
        if !self.is_log_taken && self.log.bytes() > 0 {
            self.report.met("F60 log blocks");
        }
        self.is_log_taken = true;
        self.log.discard();
    }
}

/// Whether the proxy, HNS and what becomes of packets are as they should be.
pub(super) fn whole(day: &mut Day<'_>) -> Result<(), String> {
    check::standing(day)?;
    check::judge(day)
}
