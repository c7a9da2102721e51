//! Step `check`: the model against the oracle, over random clusters.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use switchyard_conformance::check::{Plan, run};

use crate::subject::subject;

/// Compares, and prints what share of the packets each kind of question had.
pub(super) fn check() -> Result<()> {
    let plan = Plan { packets: 100_000, clusters: 1_000, seed: 1, histories: 8 };
    let report = run(&mut *subject("model")?, &plan, &mut |_| {});
    println!(
        "{} packets, {} clusters, {} of them with a history, seed {}",
        report.packets, report.clusters, report.histories, report.seed
    );
    let shares = &report.shares;
    print_shares("frontend", &shares.frontends, report.packets);
    print_shares("client", &shares.sources, report.packets);
    print_shares("policies", &shares.policies, report.packets);
    print_shares("outcome", &shares.outcomes, report.packets);
    for difference in &report.differences {
        println!("{}", serde_json::to_string_pretty(difference)?);
    }
    if report.different > 0 {
        bail!("the model differs from the oracle {} times", report.different);
    }
    let thin = report.thin();
    if !thin.is_empty() {
        bail!("less than one packet in a hundred for: {}", thin.join(", "));
    }
    if report.packets < plan.packets || report.clusters < plan.clusters {
        bail!("fewer packets or clusters than planned");
    }
    Ok(())
}

fn print_shares(what: &str, counts: &BTreeMap<String, u64>, all: u64) {
    let share = |(name, count): (&String, &u64)| {
        let thousandths = 1_000 * count / all.max(1);
        format!("{name} {}.{} %", thousandths / 10, thousandths % 10)
    };
    let shares: Vec<_> = counts.iter().map(share).collect();
    println!("{what}: {}", shares.join(", "));
}
