//! A node from the API server to HNS, in one thread and in virtual time: the real following of the API through the real
//! client, the agent's core and the reconciler, between a Kubernetes API server in memory and an emulated HNS. One seed is
//! one day, and the same day each time.
//!
//! * `day`: the day and its invariants; `act`: what happens in it; `healing`: what comes after; `quiet`, `urgent` and `loss`: times
//!   in which little happens, in which much does, and in which all is lost;
//! * `cluster`: what the API server has; `server`: the way to it; `agent`: the proxy; `lane`: HNS as its calls see it; `lock`: the
//!   node's lock;
//! * `check`: what is right; `digest`: whether two runs are one; `report`: what came of them.

mod act;
mod agent;
mod check;
mod cluster;
mod day;
mod digest;
mod healing;
mod lane;
mod lock;
mod loss;
mod quiet;
mod report;
mod server;
#[cfg(test)]
mod tests;
mod urgent;

use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Result, anyhow};

use self::day::{CHANGES, HOURS, Plan, STEPS, live};
use self::report::{Broken, Report};
use crate::Output;

/// How many days must have passed before every fault has to have been met, and how often then.
const ENOUGH_DAYS: u64 = 1_000;
const OFTEN: u64 = 100;

/// The faults that must be met, each by name.
const FAULTS: &[&str] = &[
    "F01 API server breaks off",
    "F01 API server down",
    "F02 429 too many requests",
    "F02 5xx",
    "F02 API server slow",
    "F03 410 Gone",
    "F04 silent watch",
    "F05 services after slices",
    "F05 slices after services",
    "F06 events repeated",
    "F06 no-op events",
    "F07 store restored from a backup",
    "F10 watch cut in a line",
    "F12 line that cannot be read",
    "F15 proxy restarts",
    "F15 proxy starts into what is right",
    "F16 proxy dies between calls",
    "F17 orphan of another version",
    "F18 two proxies at once",
    "F19 another owner removes what we made",
    "F19 another owner takes a frontend",
    "F20 HNS forgets all",
    "F20 HNS forgets all, timed",
    "F21 HNS restarts",
    "F22 HNS restores with new ids",
    "F23 a call is refused",
    "F24 a call never returns",
    "F24 a call takes 47 s",
    "F25 success that did nothing",
    "F26 error that had its effect",
    "F27 a listing lacks ids",
    "F28 network with another id",
    "F29 port taken",
    "F30 switch port not found",
    "F31 local endpoint removed",
    "F36 some of several changes",
    "F37 out of file descriptors",
    "F38 disk full",
    "F39 node address changes",
    "F40 Node deleted",
    "F40 Node made again",
    "F40 zone changes",
    "F41 CNI replaces all pods",
    "F42 clock on the wall jumps",
    "F43 suspended and resumed",
    "F44 credentials are refused",
    "F45 duplicate addresses",
    "F46 malformed objects",
    "F47 huge object",
    "F49 churn storm",
    "F50 flapping endpoint",
    "F51 DNS changes behind many",
    "F52 panic in one task",
    "F53 deletes fail for long",
    "F59 answer of the wrong shape",
    "F60 log blocks",
];

/// Which days are lived through.
#[derive(Debug, Clone, Copy)]
pub(super) struct Days {
    pub(super) seed: u64,
    pub(super) count: u64,
    pub(super) hours: Option<usize>,
    pub(super) steps: Option<usize>,
    pub(super) gone: u32,
}

impl Days {
    /// Lives through all of them, on as many threads as the machine has cores; true where no promise broke and every fault
    /// was met.
    pub(super) fn run(self, output: Output) -> Result<bool> {
        let report = self.live()?;
        match output {
            Output::Json => println!("{}", serde_json::to_string(&report)?),
            Output::Table => print(&report),
        }
        let days = report.days - report.left_out;
        let few: Vec<_> = FAULTS
            .iter()
            .filter(|fault| {
                report.met.get(*fault).copied().unwrap_or(0) * ENOUGH_DAYS < OFTEN * days
            })
            .collect();
        let is_met = report.days < ENOUGH_DAYS || few.is_empty();
        if !few.is_empty() {
            eprintln!("met less than {OFTEN} times in {ENOUGH_DAYS} days: {few:?}");
        }
        let is_whole = self.hours.is_none() && self.steps.is_none();
        let is_busy = !is_whole || report.fewest_changes.is_none_or(|changes| changes >= CHANGES);
        if !is_busy {
            eprintln!("a day had only {:?} changes", report.fewest_changes);
        }
        Ok(report.broken.is_empty() && is_met && is_busy)
    }

    fn live(self) -> Result<Report> {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let next = AtomicU64::new(0);
        let work = || {
            let mut report = Report::default();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= self.count {
                    return report;
                }
                report.add(live(self.plan(self.seed.wrapping_add(number))));
            }
        };
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
            let mut report = Report::default();
            for thread in threads {
                let of_thread = thread.join().map_err(|_| anyhow!("a day panicked"))?;
                report.add(of_thread);
            }
            Ok(report)
        })
    }

    fn plan(self, seed: u64) -> Plan {
        let hours = self.hours.unwrap_or(HOURS);
        Plan { seed, hours, steps: self.steps.unwrap_or(STEPS), gone: self.gone }
    }
}

fn print(report: &Report) {
    println!(
        "{} node-days ({} left out), {} steps, {} changes and {} that changed nothing, at least {} a day",
        report.days,
        report.left_out,
        report.steps,
        report.changes,
        report.idle_changes,
        report.fewest_changes.unwrap_or(0)
    );
    println!(
        "{} requests of the API server, {} steps of the reconciler, {} times healed, {} packets held against the oracle",
        report.requests, report.calls, report.healed, report.packets
    );
    for (title, counts) in
        [("met", &report.met), ("checked", &report.checked), ("longest, ms", &report.longest)]
    {
        println!("{title}:");
        counts.iter().for_each(|(what, count)| println!("  {what:<44} {count:>8}"));
    }
    for Broken { seed, step, knobs, what, since } in report.broken.iter().take(10) {
        println!(
            "BROKEN --seed {seed}, step {step}, {knobs}: {what}; since the last time all was well: {since:?}"
        );
    }
    println!("digest {:016x}", report.digest);
    println!("{} broken", report.broken.len());
}
