//! What a whole agent holds, and how soon a change reaches HNS: 10,000 Services with 10 endpoints each, 100 changes a second.

use anyhow::Result;
use serde::Deserialize;

use super::measure::Measure;
use super::row::{Row, figure};

/// 48 MiB.
const BUDGET: f64 = 48.0 * MEBIBYTE;
const MEBIBYTE: f64 = 1_048_576.0;

/// What `measure agent` prints.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Measured {
    cold_nanoseconds: u64,
    held_bytes: u64,
    held_bytes_after_changes: u64,
    resident_bytes: u64,
    changes: u64,
    p50_nanoseconds: u64,
    p99_nanoseconds: u64,
}

pub(super) fn run(measure: &Measure) -> Result<Vec<Row>> {
    const ID: &str = "agent";
    let measured: Measured = measure.answer(&["agent", "10000", "10", "1000"])?;
    let milliseconds = |nanoseconds: u64| figure(nanoseconds) / 1e6;
    let held = measured.held_bytes.max(measured.held_bytes_after_changes);
    Ok(vec![
        Row::gated(
            ID,
            "bytes that the agent holds, 10,000 services x 10 endpoints",
            figure(held),
            BUDGET,
        ),
        Row::gated(
            ID,
            "changes that reached HNS in no call or several, of 1,000",
            1_000.0 - figure(measured.changes),
            0.0,
        ),
        Row::quoted(
            ID,
            "milliseconds from the API server's store to HNS, half of all changes",
            milliseconds(measured.p50_nanoseconds),
            Some(5.0),
        ),
        Row::quoted(
            ID,
            "milliseconds from the API server's store to HNS, 99 of 100 changes",
            milliseconds(measured.p99_nanoseconds),
            Some(25.0),
        ),
        Row::quoted(
            ID,
            "milliseconds from the start until everything is in HNS",
            milliseconds(measured.cold_nanoseconds),
            None,
        ),
        Row::quoted(
            ID,
            "MiB resident, with the API server and the emulator in the same process",
            figure(measured.resident_bytes) / MEBIBYTE,
            None,
        ),
    ])
}
