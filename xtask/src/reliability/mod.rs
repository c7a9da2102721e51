//! Whether the Windows backend keeps its promises, seen from outside: by the documents it is given, the calls it makes, and
//! what an emulated HNS then holds. What is expected comes from a proxy's first start on a perfect HNS.
//!
//! * `scenario` and `scenarios.yaml`: what happens, as data; `documents`: its clusters in few words;
//! * `world`: what is in HNS and is not ours; `node`: one node in virtual time; `play`: a scenario on it;
//! * `entrances`: what a node serves; `judge` and `packets`: whether a node is as it should be; `knobs`: what may differ in HNS;
//! * `recorder` and `crash`: the process dies after any call; `errors`: any call is refused with any code;
//! * `report`: what came of that;
//! * `simulate`: a node lives through random histories and faults; `days`: the same from the API server on; for both,
//!   `upsets`: what happens to HNS, `invariants`: what must hold meanwhile;
//! * `soak`: nothing grows.

mod crash;
mod days;
mod documents;
mod entrances;
mod errors;
mod invariants;
mod judge;
mod knobs;
mod node;
mod packets;
mod play;
mod recorder;
mod report;
mod scenario;
pub(crate) mod simulate;
pub(crate) mod soak;
mod upsets;
mod world;

use anyhow::{Result, bail};
use clap::Args;
use switchyard_conformance::random::Dice;

use self::report::Report;
use self::scenario::{Network, Prepared};
use crate::workspace::Workspace;
use crate::{Output, program};

/// How many scenarios each kind of network must have.
const FEWEST: usize = 50;
/// How many failures are printed.
const SHOWN: usize = 12;

/// Kills the proxy after every call of each scenario, and refuses every call with every code.
#[derive(Args)]
pub(crate) struct Crash {
    /// Only the scenarios whose name contains this.
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
    /// How to print the report.
    #[arg(short, long, value_enum, default_value = "table")]
    output: Output,
}

impl Crash {
    pub(crate) fn run(self) -> Result<bool> {
        let report = self.play()?;
        match self.output {
            Output::Json => println!("{}", serde_json::to_string(&report)?),
            Output::Table => print(&report),
        }
        Ok(report.failed == 0)
    }

    fn play(&self) -> Result<Report> {
        let mut report = Report::default();
        let mut prepared: Vec<Prepared> = Vec::new();
        for scenario in scenario::all()? {
            let is_asked = self.only.as_ref().is_none_or(|part| scenario.name.contains(part));
            for network in scenario.on.iter().filter(|_| is_asked) {
                *report.scenarios.entry(network.name()).or_default() += 1;
                prepared.push(scenario.prepare(*network)?);
            }
        }
        if prepared.is_empty() {
            bail!("no scenario has that name");
        }
        let few = |network: &Network| report.scenarios.get(network.name()) < Some(&FEWEST);
        if self.only.is_none() && Network::ALL.iter().any(few) {
            bail!("fewer than {FEWEST} scenarios on a kind of network: {:?}", report.scenarios);
        }
        for prepared in &prepared {
            crash::play(prepared, &mut report);
        }
        for network in Network::ALL {
            let on: Vec<&Prepared> =
                prepared.iter().filter(|prepared| prepared.network == network).collect();
            errors::play(&on, &mut report);
        }
        report.sort();
        Ok(report)
    }
}

/// What happens to a random cluster, by another stream of choices than that which the cluster follows from.
fn dice(seed: u64) -> Dice {
    Dice::new(seed ^ 0x6a09_e667_f3bc_c908)
}

/// Runs a task of this crate optimized: these take long enough for that to be worth it.
pub(crate) fn run_optimized(workspace: &Workspace, words: &[&str]) -> Result<()> {
    let mut cargo = workspace.cargo(&["run", "--quiet", "--package", "xtask", "--bin", "xtask"]);
    program::run(cargo.args(["--profile", "optimized", "--"]).args(words))
}

fn print(report: &Report) {
    println!("scenarios: {:?}; plays without a death: {}", report.scenarios, report.plays);
    println!(
        "deaths: {}, after {} of them everything torn down, too",
        report.crashes, report.teardowns
    );
    for (setting, count) in &report.by_setting {
        println!("  {setting:<42} {count:>7}");
    }
    let errors: u64 = report.errors.values().sum();
    println!("errors: {errors}, {} of them not met", report.errors_not_met);
    for (verb, count) in &report.errors {
        println!("  {verb:<42} {count:>7}");
    }
    println!(
        "longest way to rest: {} ms, after errors {} ms",
        report.longest, report.longest_after_error
    );
    for failure in report.failures.iter().take(SHOWN) {
        println!("FAILED {} with {}: {}", failure.scenario, failure.knobs, failure.what);
    }
    println!("{} failed", report.failed);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scenarios_are_read_and_enough() {
        let all = scenario::all().unwrap();
        for network in Network::ALL {
            let on = all.iter().filter(|scenario| scenario.on.contains(&network));
            assert!(on.count() >= FEWEST, "{}", network.name());
        }
    }
}
