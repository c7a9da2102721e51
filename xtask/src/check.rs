//! `cargo xtask check`: a backend against the oracle.

use anyhow::Result;
use clap::Args;
use switchyard_conformance::check::{Limits, Plan, Share, run};

use crate::Output;
use crate::subject::subject;

/// Holds a backend against the oracle, over random clusters, packets and histories.
#[derive(Args)]
pub(crate) struct Check {
    /// The backend: `model` or `winkernel`.
    #[arg(long, default_value = "model")]
    backend: String,
    /// How many packets, over all clusters.
    #[arg(long, default_value_t = 100_000)]
    packets: u64,
    /// How many random clusters.
    #[arg(long, default_value_t = 1_000)]
    clusters: u64,
    /// How many batches of changes a history has.
    #[arg(long, default_value_t = 8)]
    steps: u64,
    /// Where the random numbers begin.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How to print the report.
    #[arg(short, long, value_enum, default_value = "table")]
    output: Output,
}

impl Check {
    pub(crate) fn run(self) -> Result<bool> {
        let mut subject = subject(&self.backend)?;
        let plan = Plan {
            packets: self.packets,
            clusters: self.clusters,
            seed: self.seed,
            histories: self.steps,
        };
        let report = run(&mut *subject, &plan, &mut |_| {});
        let thin = report.thin();
        let json = serde_json::to_value(&report)?;
        match self.output {
            Output::Json => println!("{json}"),
            Output::Table => {
                println!("{}", serde_json::to_string_pretty(&json)?);
                report.limits.iter().for_each(print_limits);
            }
        }
        for what in &thin {
            eprintln!("check: too few packets: {what}");
        }
        let differences = report.different;
        eprintln!("check on {}: {differences} differences", self.backend);
        Ok(differences == 0 && thin.is_empty())
    }
}

/// One line for each limit, and one for the packets that met none.
fn print_limits(limits: &Limits) {
    let line = |name: &str, share: Share| {
        println!("{name:<20} {:>9} packets {:>7.3} %", share.packets, share.percent());
    };
    for (name, share) in &limits.touched {
        line(name, *share);
    }
    line("none", limits.untouched);
}
