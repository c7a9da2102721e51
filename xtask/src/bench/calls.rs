//! The calls that reach HNS, counted by the emulator: against their budgets, and against what they were the last time.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::measure::Measure;
use super::parallel::in_parallel;
use super::row::{Row, figure};
use crate::workspace::Workspace;

/// An HNS that changes load balancers in place, and one that does not and takes 64 backends.
const VERSIONS: [&str; 2] = ["15.5", "10.4"];
const NETWORKS: [&str; 2] = ["l2bridge", "overlay"];
/// The sizes of clusters.
const SIZES: [&str; 3] = ["100", "1000", "10000"];
/// The size of a cluster that a start is measured in, with 5,000 endpoints.
const START: &str = "2000";
/// Where the numbers are that nobody may change without saying so.
const GOLDEN: &str = "xtask/src/bench/golden.json";

/// What was counted.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Count {
    native: u64,
    mutating: u64,
    listings: u64,
    opened_endpoints: u64,
}

/// One change.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Case {
    id: String,
    what: String,
    #[serde(flatten)]
    count: Count,
    looks: u64,
    new_endpoints: u64,
    budget: u64,
}

/// How soon the API server and the DNS can be reached.
#[derive(Debug, Deserialize)]
struct First {
    mutating: u64,
}

/// A start, a restart and a loss, by name.
type Starts = BTreeMap<String, Count>;

fn start(measure: &Measure, network: &str, services: &str) -> Result<Starts> {
    let counts: Vec<(String, Count)> =
        measure.count(&["calls", "start", network, VERSIONS[0], services])?;
    Ok(counts.into_iter().collect())
}

fn change(measure: &Measure, network: &str, version: &str, services: &str) -> Result<Vec<Case>> {
    measure.count(&["calls", "change", network, version, services])
}

/// A start on a bridge.
pub(super) fn cold_l2bridge(measure: &Measure) -> Result<Vec<Row>> {
    cold(measure, "cold-l2bridge", NETWORKS[0], [7_000.0, 4.0, 18_000.0])
}

/// A start on an overlay.
pub(super) fn cold_overlay(measure: &Measure) -> Result<Vec<Row>> {
    cold(measure, "cold-overlay", NETWORKS[1], [9_001.0, 4.0, 23_000.0])
}

fn cold(
    measure: &Measure,
    id: &'static str,
    network: &str,
    [mutating, listings, native]: [f64; 3],
) -> Result<Vec<Row>> {
    let counts = start(measure, network, START)?;
    let cold = counts.get("cold").context("no start was counted")?;
    Ok(vec![
        Row::gated(id, "mutating calls", figure(cold.mutating), mutating),
        Row::gated(id, "listings", figure(cold.listings), listings),
        Row::gated(id, "native calls", figure(cold.native), native),
    ])
}

/// A restart of the agent, where nothing changed.
pub(super) fn restart(measure: &Measure) -> Result<Vec<Row>> {
    const ID: &str = "restart";
    let mut rows = Vec::new();
    for network in NETWORKS {
        let counts = start(measure, network, START)?;
        let count = counts.get(ID).context("no restart was counted")?;
        let unit = |what| format!("{what}, {network}, 2,000 services and 5,000 endpoints");
        rows.push(Row::gated(ID, &unit("mutating calls"), figure(count.mutating), 0.0));
        rows.push(Row::quoted(ID, &unit("native calls"), figure(count.native), None));
    }
    Ok(rows)
}

/// The API server and the DNS come first.
pub(super) fn first(measure: &Measure) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for network in NETWORKS {
        let words = ["calls", "first", network, VERSIONS[0], START];
        let first: First = measure.count(&words)?;
        let unit = format!("mutating calls until kubernetes and DNS can be reached, {network}");
        rows.push(Row::gated("first-20", &unit, figure(first.mutating), 20.0));
    }
    Ok(rows)
}

/// A change on one network with one version of HNS.
type Placed = (&'static str, &'static str, Case);

/// The changes that belong to one budget, in clusters of all sizes.
fn cases(measure: &Measure, id: &str) -> Result<Vec<Placed>> {
    let mut places = Vec::new();
    for network in NETWORKS {
        for version in VERSIONS {
            places.extend(SIZES.map(|size| (network, version, size)));
        }
    }
    let runs =
        in_parallel(&places, |(network, version, size)| change(measure, network, version, size))?;
    let mut placed = Vec::new();
    for ((network, version, _), cases) in places.into_iter().zip(runs) {
        let own = cases.into_iter().filter(|case| case.id == id);
        placed.extend(own.map(|case| (network, version, case)));
    }
    Ok(placed)
}

/// The mutating calls of each change, at the size where it costs most.
fn mutating(id: &'static str, cases: &[Placed]) -> Vec<Row> {
    let mut worst: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for (network, version, case) in cases {
        let unit = format!("mutating calls, {network}, HNS {version}: {}", case.what);
        let (most, _) = worst.entry(unit).or_insert((0, case.budget));
        *most = (*most).max(case.count.mutating);
    }
    let rows = worst.iter();
    rows.map(|(unit, (most, budget))| Row::gated(id, unit, figure(*most), figure(*budget)))
        .collect()
}

/// The most that `cost` says of any of `cases`.
fn most(cases: &[Placed], cost: impl Fn(&Case) -> u64) -> f64 {
    figure(cases.iter().map(|(_, _, case)| cost(case)).max().unwrap_or(u64::MAX))
}

/// One backend elsewhere.
pub(super) fn one_change(measure: &Measure) -> Result<Vec<Row>> {
    const ID: &str = "one-change";
    let cases = cases(measure, ID)?;
    let mut rows = mutating(ID, &cases);
    let listings = most(&cases, |case| case.count.listings);
    rows.push(Row::gated(ID, "listings, the most of any of these changes", listings, 0.0));
    Ok(rows)
}

/// One pod of this node.
pub(super) fn one_change_local(measure: &Measure) -> Result<Vec<Row>> {
    const ID: &str = "one-change-local";
    let cases = cases(measure, ID)?;
    let mut rows = mutating(ID, &cases);
    let listings = most(&cases, |case| case.count.listings.saturating_sub(case.looks));
    let unit = "listings beyond one a look, the most of any of these changes";
    rows.push(Row::gated(ID, unit, listings, 0.0));
    let opened =
        most(&cases, |case| case.count.opened_endpoints.saturating_sub(case.new_endpoints));
    let unit = "endpoints opened that were seen before, the most of any of these changes";
    rows.push(Row::gated(ID, unit, opened, 0.0));
    Ok(rows)
}

/// Events that change nothing for this node.
pub(super) fn no_change(measure: &Measure) -> Result<Vec<Row>> {
    const ID: &str = "no-change";
    let calls = most(&cases(measure, ID)?, |case| case.count.native);
    Ok(vec![Row::gated(ID, "native calls, the most of any event", calls, 0.0)])
}

/// Everything that is counted, by its words: what HNS is asked may not change unseen, for better or worse.
fn counted(measure: &Measure) -> Result<BTreeMap<String, serde_json::Value>> {
    let mut runs = Vec::new();
    for size in SIZES {
        for network in NETWORKS {
            for version in VERSIONS {
                runs.push(["calls", "start", network, version, size]);
                runs.push(["calls", "first", network, version, size]);
                runs.push(["calls", "change", network, version, size]);
            }
        }
    }
    let answers = in_parallel(&runs, |words| measure.count(words))?;
    Ok(runs.iter().map(|words| words[1..].join(" ")).zip(answers).collect())
}

fn golden() -> Result<PathBuf> {
    Ok(Workspace::find()?.root.join(GOLDEN))
}

/// How many scenarios came to other numbers than are written down.
pub(super) fn unchanged(measure: &Measure) -> Result<Vec<Row>> {
    let path = golden()?;
    let text = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
    let known: BTreeMap<String, serde_json::Value> = serde_json::from_str(&text)?;
    let now = counted(measure)?;
    let differs = |name: &&String| known.get(*name) != now.get(*name);
    let names: BTreeSet<_> = known.keys().chain(now.keys()).collect();
    let different: Vec<_> = names.into_iter().filter(differs).collect();
    for name in &different {
        eprintln!("bench: {name}: {GOLDEN} has other numbers; --accept writes those of now");
    }
    let unit = "scenarios with other numbers of calls than are written down";
    let count = figure(different.len().try_into().unwrap_or(u64::MAX));
    Ok(vec![
        Row::quoted("golden", "scenarios", figure(now.len().try_into().unwrap_or(u64::MAX)), None),
        Row::gated("golden", unit, count, 0.0),
    ])
}

/// Writes the numbers down as they are now.
pub(super) fn accept(measure: &Measure) -> Result<()> {
    let mut text = String::from("{\n");
    let counted = counted(measure)?;
    for (index, (name, answer)) in counted.iter().enumerate() {
        let end = if index + 1 == counted.len() { "" } else { "," };
        let lines = match answer {
            serde_json::Value::Array(cases) => {
                let cases: Vec<_> = cases.iter().map(|case| format!("\n    {case}")).collect();
                format!("[{}\n  ]", cases.join(","))
            }
            other => other.to_string(),
        };
        writeln!(text, "  \"{name}\": {lines}{end}")?;
    }
    text.push_str("}\n");
    let path = golden()?;
    fs::write(&path, text).with_context(|| format!("write {}", path.display()))
}
