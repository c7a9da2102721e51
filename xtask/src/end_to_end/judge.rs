//! Whether the HNS of a node holds what is wanted there.

use std::path::Path;

use anyhow::{Result, anyhow, bail, ensure};
use serde_json::Value;
use switchyard::arguments::WindowsArguments;
use switchyard_conformance::oracle::Oracle;
use switchyard_conformance::random::Generator;
use switchyard_conformance::{Setup, Subject};

use super::node::WindowsNode;
use crate::subject::hns_as_it_is;

/// How many packets are traced over one state.
const PACKETS: usize = 1_000;
/// Where the random numbers begin.
const SEED: u64 = 1;

/// What packets became of.
#[derive(Default)]
pub(super) struct Traced {
    pub(super) packets: usize,
    /// Those that went to backends.
    pub(super) forwarded: usize,
    /// Those that a limit of HNS changed the answer of.
    pub(super) limited: usize,
}

/// Holds the node's HNS against the objects in `manifests`, which are `documents`: nothing is to be done, and packets go where
/// the oracle sends them, the limits of HNS aside.
pub(super) fn judge(
    node: &WindowsNode<'_>,
    manifests: &Path,
    documents: &[Value],
) -> Result<Traced> {
    let plan = node.plan(manifests)?;
    ensure!(
        plan.status.code() == Some(0),
        "a plan: {}: {}{}",
        plan.status,
        plan.printed,
        plan.said
    );
    let setup =
        Setup { node: node.name.clone(), documents: documents.to_vec(), ..Setup::default() };
    let text = |path: &Path| path.display().to_string();
    let arguments = WindowsArguments {
        hns: Some(text(&node.hns())),
        network: node.network.as_deref().map(text),
        ..WindowsArguments::default()
    };
    let oracle = Oracle::new(&setup).map_err(|trouble| anyhow!(trouble))?;
    let mut hns = hns_as_it_is(&setup, &arguments)?;
    let mut traced = Traced::default();
    for (from, to) in Generator::new(SEED).packets(&setup, PACKETS) {
        let (wanted, got) = (oracle.trace(&from, &to), hns.trace(&from, &to));
        let is_same = match (&wanted, &got) {
            (Ok(wanted), Ok(got)) => wanted == got,
            (wanted, got) => wanted.is_ok() == got.is_ok(),
        };
        if !is_same {
            bail!("a packet from {from} to {to} has {got:?}, not {wanted:?}");
        }
        traced.packets += 1;
        traced.forwarded += usize::from(wanted.is_ok_and(|answer| answer.outcome == "forward"));
        traced.limited += usize::from(!hns.limits().is_empty());
    }
    ensure!(traced.forwarded > 0, "no packet of {} was forwarded", traced.packets);
    Ok(traced)
}
