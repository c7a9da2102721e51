//! What came of the suites.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

/// A case that fails, with all that reproduces it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Failure {
    /// The scenario and the network.
    pub(super) scenario: String,
    /// The setting of the emulator.
    pub(super) knobs: String,
    /// How much it takes: places of death or calls before the fault.
    pub(super) size: usize,
    /// What happened, and what is wrong then.
    pub(super) what: String,
}

/// What came of the suites.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    /// Scenarios on each kind of network.
    pub(super) scenarios: BTreeMap<&'static str, usize>,
    /// Plays of a scenario without a death.
    pub(super) plays: u64,
    /// Deaths.
    pub(super) crashes: u64,
    /// Of these, by setting of the emulator.
    pub(super) by_setting: BTreeMap<String, u64>,
    /// Deaths after which everything was torn down, too.
    pub(super) teardowns: u64,
    /// Errors, by what was refused.
    pub(super) errors: BTreeMap<String, u64>,
    /// Errors at a call that was never made, for the proxy found another way.
    pub(super) errors_not_met: u64,
    /// The longest that the proxy took to come to rest, in milliseconds of virtual time: undisturbed, and after an error.
    pub(super) longest: u64,
    pub(super) longest_after_error: u64,
    /// How many cases failed.
    pub(super) failed: u64,
    /// The smallest case of each scenario and setting that fails.
    pub(super) failures: Vec<Failure>,
}

impl Report {
    pub(super) fn took(&mut self, time: Duration) {
        self.longest = self.longest.max(milliseconds(time));
    }

    pub(super) fn took_after_error(&mut self, time: Duration) {
        self.longest_after_error = self.longest_after_error.max(milliseconds(time));
    }

    pub(super) fn fail(&mut self, failure: Failure) {
        self.failed += 1;
        let same = |known: &&mut Failure| {
            known.scenario == failure.scenario && known.knobs == failure.knobs
        };
        match self.failures.iter_mut().find(same) {
            Some(known) if known.size <= failure.size => {}
            Some(known) => *known = failure,
            None => self.failures.push(failure),
        }
    }

    /// The failures, the smallest first.
    pub(super) fn sort(&mut self) {
        self.failures.sort_by(|one, other| {
            (one.size, &one.scenario, &one.knobs).cmp(&(other.size, &other.scenario, &other.knobs))
        });
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
