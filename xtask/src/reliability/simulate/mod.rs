//! A node in virtual time with everything that goes wrong on it: random clusters and histories, a CNI, another owner, and
//! the faults F15 to F31 of HNS. One seed is one run.
//!
//! * `cluster`: the random cluster; `action`: what happens in a step; `run`: the steps, and healing.

mod action;
mod cluster;
mod run;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use anyhow::Result;
use clap::Args;
use serde::Serialize;

use super::days::Days;
use crate::Output;

/// How many steps a run has.
const STEPS: usize = 200;

/// Lets a node live through random histories and faults, in virtual time.
#[derive(Args)]
pub(crate) struct Simulate {
    /// How many steps each run has, 200 unless said; with `--node-days`, how many each hour has.
    #[arg(long)]
    steps: Option<usize>,
    /// The seed of the first run.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many runs, each with the next seed.
    #[arg(long, default_value_t = 1)]
    seeds: u64,
    /// So many days of a node from the API server on, each with the next seed, in place of runs of HNS alone.
    #[arg(long, value_name = "DAYS")]
    node_days: Option<u64>,
    /// How many double hours each of these days has.
    #[arg(long, requires = "node_days")]
    hours: Option<usize>,
    /// For how many days the API server is gone at the end of each of these days.
    #[arg(long, value_name = "DAYS", default_value_t = 0, requires = "node_days")]
    gone: u32,
    /// How to print the report.
    #[arg(short, long, value_enum, default_value = "table")]
    output: Output,
}

/// What came of the runs.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Lives {
    pub(super) seeds: u64,
    /// Clusters that no HNS network can be made up for.
    pub(super) left_out: u64,
    pub(super) steps: u64,
    /// How often each action and fault was really met.
    pub(super) met: BTreeMap<&'static str, u64>,
    /// How often each invariant was looked at.
    pub(super) checked: BTreeMap<&'static str, u64>,
    /// Times that everything was healed and converged, and the longest each kind took, in milliseconds of virtual time.
    pub(super) healed: u64,
    pub(super) longest: BTreeMap<&'static str, u64>,
    /// HNS calls in all.
    pub(super) calls: u64,
    pub(super) failures: Vec<Broken>,
}

/// A run that broke a promise.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Broken {
    pub(super) seed: u64,
    pub(super) step: usize,
    pub(super) knobs: &'static str,
    pub(super) what: String,
}

impl Lives {
    pub(super) fn met(&mut self, what: &'static str) {
        *self.met.entry(what).or_default() += 1;
    }

    pub(super) fn checked(&mut self, what: &'static str) {
        *self.checked.entry(what).or_default() += 1;
    }
}

impl Simulate {
    pub(crate) fn run(self) -> Result<bool> {
        if let Some(count) = self.node_days {
            let Self { seed, hours, steps, gone, output, .. } = self;
            return Days { seed, count, hours, steps, gone }.run(output);
        }
        let steps = self.steps.unwrap_or(STEPS);
        let mut lives = Lives::default();
        for seed in self.seed..self.seed.saturating_add(self.seeds) {
            run::live(seed, steps, &mut lives);
        }
        match self.output {
            Output::Json => println!("{}", serde_json::to_string(&lives)?),
            Output::Table => print(&lives),
        }
        let is_met = self.seeds < 20 || action::FAULTS.iter().all(|f| lives.met.contains_key(f));
        if !is_met {
            let missing = action::FAULTS.iter().filter(|f| !lives.met.contains_key(*f));
            eprintln!("never met: {:?}", missing.collect::<Vec<_>>());
        }
        Ok(lives.failures.is_empty() && is_met)
    }
}

fn print(lives: &Lives) {
    println!(
        "{} seeds ({} left out), {} steps, {} calls of HNS, {} times healed",
        lives.seeds, lives.left_out, lives.steps, lives.calls, lives.healed
    );
    for (title, counts) in
        [("met", &lives.met), ("checked", &lives.checked), ("longest, ms", &lives.longest)]
    {
        println!("{title}:");
        counts.iter().for_each(|(what, count)| println!("  {what:<44} {count:>8}"));
    }
    for Broken { seed, step, knobs, what } in lives.failures.iter().take(10) {
        println!("BROKEN --seed {seed}, step {step}, {knobs}: {what}");
    }
    println!("{} broken", lives.failures.len());
}
