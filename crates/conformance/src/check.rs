//! Oracle against subject, over random clusters, packets and histories.
//!
//! A cluster follows from its seed alone: the seed of the plan plus the number of the cluster. So a difference is seen
//! again by a plan of one cluster with the seed that the report names and the same number of packets per cluster.
//!
//! * `report`: what came of it.
//! * `limits`: how much of it the subject cannot do.
//! * `walk`: one cluster and its history.
//! * `reduce`: the smallest case that still differs.

mod limits;
mod reduce;
mod report;
#[cfg(test)]
mod tests;
mod walk;

use serde::{Deserialize, Serialize};

use self::walk::Walk;
use crate::subject::Subject;

pub use self::limits::{Limits, Share};
pub use self::report::{Case, Difference, Report, Shares};

/// How many differences a report shows.
const SHOWN: usize = 20;
/// How many of these are reduced.
const REDUCED: usize = 3;

/// How much to check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Plan {
    /// How many packets at least. They are spread evenly over the clusters.
    pub packets: u64,
    /// How many random clusters.
    pub clusters: u64,
    /// The seed of the first cluster.
    pub seed: u64,
    /// How many batches of changes a cluster with a history sees. One cluster in four has one.
    pub histories: u64,
}

impl Default for Plan {
    fn default() -> Self {
        Self { packets: 100_000, clusters: 1000, seed: 1, histories: 8 }
    }
}

impl Plan {
    fn packets_per_cluster(&self) -> u64 {
        self.packets.div_ceil(self.clusters.max(1)).max(1)
    }
}

/// Compares `subject` with the oracle. `progress` is told how many clusters are done.
pub fn run(subject: &mut dyn Subject, plan: &Plan, progress: &mut dyn FnMut(usize)) -> Report {
    let limits = Limits::of(subject.known_limits());
    let mut report = Report { seed: plan.seed, limits, ..Report::default() };
    for number in 0..plan.clusters {
        let seed = plan.seed.wrapping_add(number);
        let mut walk = Walk::new(subject, &mut report, seed);
        walk.run(plan.packets_per_cluster(), plan.histories);
        if let Some(mut difference) = walk.into_first_difference()
            && report.differences.len() < SHOWN
        {
            if report.differences.len() < REDUCED {
                difference.reduced = reduce::smallest(subject, &difference);
            }
            report.differences.push(difference);
        }
        report.clusters += 1;
        progress(usize::try_from(report.clusters).unwrap_or(usize::MAX));
    }
    report
}
