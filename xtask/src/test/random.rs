//! Step `check`: the backends against the oracle, over random clusters.

use std::collections::BTreeMap;
use std::thread;

use anyhow::{Result, anyhow, bail};
use switchyard_conformance::check::{Limits, Plan, Report, Share, run};

use crate::subject::subject;

/// Compares every backend, beside each other.
pub(super) fn check() -> Result<()> {
    // Each cluster costs many calls of the emulated HNS: fewer of them, and as many packets.
    let backends = [("model", 1_000), ("winkernel", 200)];
    let compared = thread::scope(|scope| {
        let threads = backends.map(|(backend, clusters)| {
            let plan = Plan { packets: 100_000, clusters, seed: 1, histories: 8 };
            let compare = move || anyhow::Ok(run(&mut *subject(backend)?, &plan, &mut |_| {}));
            (backend, plan, scope.spawn(compare))
        });
        threads.map(|(backend, plan, thread)| (backend, plan, thread.join()))
    });
    for (backend, plan, report) in compared {
        let report = report.map_err(|_| anyhow!("the check of {backend} panicked"))?;
        judge(backend, plan, &report?)?;
    }
    Ok(())
}

/// Prints what share of the packets each kind of question had; none may have been answered otherwise than by the oracle.
fn judge(backend: &str, plan: Plan, report: &Report) -> Result<()> {
    println!(
        "{backend}: {} packets, {} clusters, {} of them with a history, seed {}",
        report.packets, report.clusters, report.histories, report.seed
    );
    let shares = &report.shares;
    print_shares("frontend", &shares.frontends, report.packets);
    print_shares("client", &shares.sources, report.packets);
    print_shares("policies", &shares.policies, report.packets);
    print_shares("outcome", &shares.outcomes, report.packets);
    report.limits.iter().for_each(print_limits);
    for difference in &report.differences {
        println!("{}", serde_json::to_string_pretty(difference)?);
    }
    if report.different > 0 {
        bail!("{backend} differs from the oracle {} times", report.different);
    }
    let thin = report.thin();
    if !thin.is_empty() {
        bail!("{backend}: too few packets for: {}", thin.join(", "));
    }
    if report.packets < plan.packets || report.clusters < plan.clusters {
        bail!("{backend}: fewer packets or clusters than planned");
    }
    Ok(())
}

/// How many packets each limit changed the answer of.
fn print_limits(limits: &Limits) {
    let share = |(name, share): (&String, &Share)| format!("{name} {:.1} %", share.percent());
    let shares: Vec<_> = limits.touched.iter().map(share).collect();
    println!("limits: {}, none {:.1} %", shares.join(", "), limits.untouched.percent());
}

fn print_shares(what: &str, counts: &BTreeMap<String, u64>, all: u64) {
    let share = |(name, count): (&String, &u64)| {
        let thousandths = 1_000 * count / all.max(1);
        format!("{name} {}.{} %", thousandths / 10, thousandths % 10)
    };
    let shares: Vec<_> = counts.iter().map(share).collect();
    println!("{what}: {}", shares.join(", "));
}
