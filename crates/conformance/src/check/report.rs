//! What came of a check.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::limits::Limits;
use crate::oracle::{Explanation, Policies};
use crate::subject::{Change, Setup};

/// A share below this many hundredths of all packets is thin.
const THIN: f64 = 1.0;

/// The share of packets, in hundredths, that no limit may touch: less says too little of the rules of Services.
const UNTOUCHED: f64 = 50.0;

/// The outcome of a check.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Report {
    /// How many packets were compared.
    pub packets: u64,
    /// How many clusters there were.
    pub clusters: u64,
    /// How many of them had a history.
    pub histories: u64,
    /// The seed of the first cluster.
    pub seed: u64,
    /// How many comparisons differed.
    pub different: u64,
    /// The first difference of each of the first clusters that had one.
    pub differences: Vec<Difference>,
    /// How many packets each kind of question had.
    pub shares: Shares,
    /// How many packets each limit of the subject changed; absent where it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limits: Option<Limits>,
}

/// How many packets each kind of question had.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Shares {
    /// By the kind of frontend that decided, or `none`.
    pub frontends: BTreeMap<String, u64>,
    /// By the class of the client.
    pub sources: BTreeMap<String, u64>,
    /// By the policies of the deciding Service, internal before external, or `none`.
    pub policies: BTreeMap<String, u64>,
    /// By outcome.
    pub outcomes: BTreeMap<String, u64>,
}

/// What was done and asked when an answer differed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Case {
    /// The cluster at the start.
    pub start: Setup,
    /// The batches applied since.
    pub batches: Vec<Vec<Change>>,
}

/// An answer of the subject that is not the expected one.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// `trace`: a packet's answer. `view`: the view after a history is not that of a fresh start. `idle`: an object
    /// sent again unchanged changed the view. `failure`: the subject failed.
    pub kind: String,
    /// The seed of the cluster.
    pub seed: u64,
    /// How many batches had been applied.
    pub step: usize,
    /// The node that answers.
    pub node: String,
    /// The source of the packet; empty where there was none.
    pub from: String,
    /// The destination of the packet; empty where there was none.
    pub to: String,
    /// What was expected.
    pub expected: Value,
    /// What the subject said.
    pub got: Value,
    /// The smallest case found that still differs, for the first few differences.
    pub reduced: Option<Case>,
    /// The whole case.
    #[serde(skip)]
    pub(super) case: Case,
}

impl Report {
    /// The kinds of frontend, classes of source, pairs of policies and outcomes that had too few packets to say much, and
    /// the packets that no limit touched, where they are less than half of all.
    pub fn thin(&self) -> Vec<String> {
        let shares = &self.shares;
        let groups: [(&str, &BTreeMap<String, u64>, &[&str]); 4] = [
            (
                "frontend",
                &shares.frontends,
                &["ClusterIP", "NodePort", "LoadBalancerIP", "ExternalIP", "none"],
            ),
            ("source", &shares.sources, &["node", "localPod", "remotePod", "outside"]),
            (
                "policies",
                &shares.policies,
                &["Cluster/Cluster", "Cluster/Local", "Local/Cluster", "Local/Local"],
            ),
            ("outcome", &shares.outcomes, &["forward", "reject", "drop", "pass"]),
        ];
        let mut thin = Vec::new();
        for (group, counts, names) in groups {
            for name in names {
                let count = counts.get(*name).copied().unwrap_or_default();
                if percent(count, self.packets) < THIN {
                    thin.push(format!("{group} {name}"));
                }
            }
        }
        if self.limits.as_ref().is_some_and(|limits| limits.untouched.percent() < UNTOUCHED) {
            thin.push("limits untouched".to_owned());
        }
        thin
    }
}

impl Shares {
    pub(super) fn count(&mut self, explanation: &Explanation) {
        let add = |counts: &mut BTreeMap<String, u64>, name: &str| {
            *counts.entry(name.to_owned()).or_default() += 1;
        };
        add(&mut self.frontends, explanation.frontend.map_or("none", |kind| kind.name()));
        add(&mut self.sources, explanation.source.name());
        let pair = |policies: Policies| format!("{:?}/{:?}", policies.internal, policies.external);
        add(&mut self.policies, &explanation.policies.map_or("none".to_owned(), pair));
        add(&mut self.outcomes, &explanation.answer.outcome);
    }
}

/// How many hundredths `count` is of `all`.
#[expect(clippy::cast_precision_loss, reason = "counts of packets are far below 2^52")]
pub(super) fn percent(count: u64, all: u64) -> f64 {
    100.0 * count as f64 / all.max(1) as f64
}
