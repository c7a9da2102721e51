//! kube-proxy's published times (kubernetes/kubernetes#109124), given back by the emulator.

use anyhow::{Result, anyhow};
use serde::Deserialize;

use super::measure::Measure;
use super::parallel::in_parallel;
use super::row::{Row, figure};

/// A pattern of calls on a machine, and the minutes that were published.
const PUBLISHED: [(&str, &str, f64); 6] = [
    ("ws2019", "old", 114.0),
    ("ws2022", "old", 192.0),
    ("ws2019", "cached", 110.0),
    ("ws2022", "cached", 10.0),
    ("ws2019u", "cached", 22.0),
    ("ws2022u", "cached", 1.0),
];

/// What the old pattern reads: all endpoints for each of 5,000, and all load balancers for each of 2,000.
const OBJECTS_READ: f64 = 14_500_000.0;

/// What the cached pattern calls: 9 for each endpoint, and 3 for each load balancer.
const CACHED_CALLS: f64 = 51_000.0;

/// The models of growth that totals do not tell apart.
const GROWTHS: [&str; 2] = ["flat", "growing"];

/// What one replay came to.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Replayed {
    minutes: f64,
    objects_read: u64,
    mutating_calls: u64,
    native_calls: u64,
}

/// Every published figure under both models, and what was counted on the way. Every call and every object that is read goes
/// through the emulator.
pub(super) fn published(measure: &Measure) -> Result<Vec<Row>> {
    const ID: &str = "replay";
    let mut runs: Vec<_> = PUBLISHED
        .into_iter()
        .flat_map(|(profile, pattern, minutes)| {
            GROWTHS.map(|growth| (profile, growth, pattern, minutes))
        })
        .collect();
    // Where reading became cheaper with the updates is not known, and must not matter.
    runs.push(("ws2022u-cheap-reads", "flat", "cached", 1.0));
    let replayed = in_parallel(&runs, |(profile, growth, pattern, _)| {
        measure.answer::<Replayed>(&["replay", profile, growth, pattern])
    })?;
    let mut rows = Vec::new();
    for ((profile, growth, pattern, minutes), run) in runs.iter().zip(&replayed) {
        let unit = format!("minutes, {profile} {pattern}, {growth} model, within 5 %");
        rows.push(Row::replayed(ID, unit, run.minutes, *minutes));
    }
    let [old, cached] = ["old", "cached"].map(|wanted| {
        let found = runs.iter().zip(&replayed).find(|((_, _, pattern, _), _)| *pattern == wanted);
        found.map(|(_, run)| run.clone())
    });
    let (old, cached) =
        old.zip(cached).ok_or_else(|| anyhow!("a pattern was not replayed at all"))?;
    let read = "objects read, old pattern, within 5 %";
    rows.push(Row::replayed(ID, read, figure(old.objects_read), OBJECTS_READ));
    let calls = "native calls, cached pattern, within 5 %";
    rows.push(Row::replayed(ID, calls, figure(cached.native_calls), CACHED_CALLS));
    rows.push(Row::quoted(ID, "native calls, old pattern", figure(old.native_calls), None));
    rows.push(Row::gated(ID, "mutating calls", figure(old.mutating_calls), 7_000.0));
    Ok(rows)
}
