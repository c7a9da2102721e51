//! What it costs to turn a cluster into one node's views: at once, after one change, and to keep.

use anyhow::Result;

use super::measure::Measure;
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

/// One endpoint of one slice changes, up to the events of the view.
pub(super) fn one_change(measure: &Measure) -> Result<Vec<Row>> {
    const ID: &str = "one-change-cpu";
    let count = |services: &str| measure.instructions("one_change", &["change", services]);
    let (few, many) = (figure(count("1000")?), figure(count("30000")?));
    let nanoseconds = measure.least(&["change", "30000"], 5)?;
    Ok(vec![
        Row::gated(ID, "ratio of instructions, 30,000 to 1,000 services", many / few, 1.5),
        Row::quoted(ID, "instructions, 30,000 services", many / CHANGES, None),
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
    let per = |more: u64, less: u64, count: u64| (figure(more) - figure(less)) / figure(count);
    Ok(vec![
        Row::gated(ID, "bytes for a service with one endpoint", per(one, none, SERVICES), 1_000.0),
        Row::gated(ID, "bytes for a further endpoint", per(ten, one, SERVICES * FURTHER), 64.0),
    ])
}
