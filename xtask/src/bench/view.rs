//! What it costs to turn a cluster into one node's views: at once, after one change, and to keep.

use anyhow::{Result, bail};

use super::measure::Measure;
use super::parallel::in_parallel;
use super::row::{Row, exponent, figure};

/// How many changes `measure change` makes.
const CHANGES: f64 = 100.0;

/// A full view: 10 endpoints for each Service.
pub(super) fn full(measure: &Measure) -> Result<Vec<Row>> {
    const ID: &str = "view-full";
    let count = |services: u64| -> Result<(u64, u64)> {
        let words = ["full", &services.to_string()];
        Ok((services, measure.instructions("full_view", &words)?))
    };
    let points = [count(1_000)?, count(3_000)?, count(10_000)?, count(30_000)?];
    let nanoseconds = measure.least(&["full", "10000"], 5)?;
    Ok(vec![
        Row::gated(ID, "exponent of growth, 1,000 to 30,000 services", exponent(&points), 1.1),
        Row::quoted(ID, "instructions, 10,000 services", figure(points[2].1), None),
        Row::quoted(
            ID,
            "milliseconds, 10,000 services, best of 5",
            figure(nanoseconds) / 1e6,
            Some(150.0),
        ),
    ])
}

/// One endpoint of one slice changes, up to the call to HNS that follows, and up to the end of all that follow.
pub(super) fn one_change(measure: &Measure) -> Result<Vec<Row>> {
    const ID: &str = "one-change-cpu";
    let runs = ["one_change", "rest_of_change"]
        .map(|function| ["1000", "30000"].map(|services| (function, services)));
    let runs = runs.concat();
    let counts = in_parallel(&runs, |(function, services)| {
        measure.instructions(function, &["change", services])
    })?;
    let [few, many, few_rest, many_rest] = counts.as_slice() else {
        bail!("{} of 4 runs came back", counts.len());
    };
    let ratio = |many: u64, few: u64| figure(many) / figure(few);
    let nanoseconds = measure.least(&["change", "30000"], 5)?;
    Ok(vec![
        Row::gated(ID, "ratio of instructions, 30,000 to 1,000 services", ratio(*many, *few), 1.5),
        Row::gated(
            ID,
            "the same ratio, from the first call to HNS to the end of the last",
            ratio(*many_rest, *few_rest),
            1.5,
        ),
        Row::quoted(ID, "instructions, 30,000 services", figure(*many) / CHANGES, None),
        Row::quoted(
            ID,
            "microseconds, 30,000 services, best of 5",
            figure(nanoseconds) / 1e3 / CHANGES,
            Some(10.0),
        ),
    ])
}

/// What the cluster and one node's views hold, without pod names.
pub(super) fn heap(measure: &Measure) -> Result<Vec<Row>> {
    const ID: &str = "heap";
    const SERVICES: u64 = 10_000;
    const FURTHER: u64 = 9;
    let bytes = |services: u64, endpoints: u64| {
        measure.number(&["heap", &services.to_string(), &endpoints.to_string()])
    };
    let (none, one) = (bytes(0, 1)?, bytes(SERVICES, 1)?);
    let ten = bytes(SERVICES, 1 + FURTHER)?;
    let windows = |services: u64, endpoints: u64| {
        measure.number(&["windows-heap", &services.to_string(), &endpoints.to_string()])
    };
    let (own_none, own_one) = (windows(0, 0)?, windows(SERVICES, SERVICES)?);
    let own_three = windows(SERVICES, 3 * SERVICES)?;
    let of_windows = |what: &str| format!("bytes of Wanted and Observed for {what} of its own");
    let per = |more: u64, less: u64, count: u64| (figure(more) - figure(less)) / figure(count);
    let service = per(own_one, own_none, SERVICES);
    let further = per(own_three, own_one, 2 * SERVICES);
    Ok(vec![
        Row::gated(ID, "bytes for a service with one endpoint", per(one, none, SERVICES), 1_000.0),
        Row::gated(ID, "bytes for a further endpoint", per(ten, one, SERVICES * FURTHER), 64.0),
        Row::quoted(ID, &of_windows("a service with one endpoint"), service, None),
        Row::quoted(ID, &of_windows("a further endpoint"), further, None),
    ])
}
