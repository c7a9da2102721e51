//! A million changes and a hundred restarts, and nothing grows.

use anyhow::Result;
use clap::Args;
use serde::{Deserialize, Serialize};

use crate::Output;
use crate::bench::Measure;
use crate::workspace::Workspace;

/// By how much the heap may differ: maps keep room for what they once held, in parts of a thousand and in bytes.
const HEAP_THOUSANDTHS: u64 = 10;
const HEAP_BYTES: u64 = 64 * 1024;

/// Makes random changes without end: memory, descriptors and HNS objects must stay as they are.
#[derive(Args)]
pub(crate) struct Soak {
    /// How many changes.
    #[arg(long, default_value_t = 1_000_000)]
    changes: u64,
    /// How to print the report.
    #[arg(short, long, value_enum, default_value = "table")]
    output: Output,
}

/// What is held at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Held {
    heap: u64,
    descriptors: u64,
    handles: u64,
    ledger: u64,
    endpoints: u64,
    load_balancers: u64,
}

/// What the measured program answers.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Answer {
    changes: u64,
    calls: u64,
    mutating_calls: u64,
    restarts: u64,
    first: Held,
    last: Held,
}

impl Held {
    /// Whether the same is held later, but for the room that maps keep.
    fn is_flat(self, later: Self) -> bool {
        let more = later.heap.abs_diff(self.heap);
        more <= HEAP_BYTES + self.heap * HEAP_THOUSANDTHS / 1_000
            && Self { heap: 0, ..self } == Self { heap: 0, ..later }
    }
}

impl Soak {
    /// A short one.
    pub(crate) fn brief() -> Self {
        Self { changes: 20_000, output: Output::Table }
    }

    pub(crate) fn run(self) -> Result<bool> {
        let measure = Measure::build(&Workspace::find()?)?;
        let answer: Answer = measure.answer(&["soak", &self.changes.to_string()])?;
        let is_flat = answer.first.is_flat(answer.last);
        match self.output {
            Output::Json => println!("{}", serde_json::to_string(&answer)?),
            Output::Table => {
                let Answer { changes, calls, mutating_calls, restarts, first, last } = &answer;
                println!(
                    "{changes} changes, {restarts} restarts that changed nothing, {calls} calls, {mutating_calls} of them changes"
                );
                println!("after a tenth: {first:?}");
                println!("after all:     {last:?}");
                println!("{}", if is_flat { "flat" } else { "NOT flat" });
            }
        }
        Ok(is_flat)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_is_seen() {
        let held = Held {
            heap: 10_000_000,
            descriptors: 4,
            handles: 1,
            ledger: 0,
            endpoints: 3,
            load_balancers: 2,
        };
        assert!(held.is_flat(held));
        assert!(held.is_flat(Held { heap: 10_100_000, ..held }));
        assert!(!held.is_flat(Held { heap: 10_200_000, ..held }));
        assert!(!held.is_flat(Held { handles: 2, ..held }));
        assert!(!held.is_flat(Held { endpoints: 4, ..held }));
    }
}
