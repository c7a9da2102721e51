//! All that an emulated HNS is, as a text: another process goes on with it.
//!
//! Not in it are the rows of past calls, which are only counted, and notices that were not taken.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use switchyard_hcn::Guid;

use super::Service;
use super::lifetime::Running;
use super::older::ManagementMacs;
use crate::fault::FaultScript;
use crate::request::{ObjectKind, Verb};
use crate::{Calls, Knobs, Latency, Setup, State, StateError};

/// Why a text is no HNS that was saved.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// It cannot be read.
    #[error("it cannot be read")]
    Unreadable {
        /// Where reading failed.
        #[source]
        source: serde_json::Error,
    },
    /// What it holds cannot be read.
    #[error("it has no state that can be read")]
    State {
        /// What is wrong with it.
        #[source]
        source: StateError,
    },
}

#[derive(Serialize, Deserialize)]
struct Saved {
    state: Value,
    knobs: Knobs,
    latency: Latency,
    faults: FaultScript,
    calls: Vec<(Verb, ObjectKind, u64)>,
    mutating: u64,
    handles: Vec<(usize, ObjectKind, Guid)>,
    callbacks: BTreeSet<usize>,
    running: Running,
    is_mismatched: bool,
    stops: u64,
    busy_until: Duration,
    last_handle: usize,
    last_id: u64,
    last_compartment: u32,
    listings: usize,
    management_macs: ManagementMacs,
}

impl Service {
    /// All that it is, on one line.
    ///
    /// # Errors
    ///
    /// If a document has a key that is no text, which none has.
    pub fn save(&self) -> Result<String, serde_json::Error> {
        let counts = self.calls.counts().iter();
        serde_json::to_string(&Saved {
            state: self.state.to_value()?,
            knobs: self.knobs.clone(),
            latency: self.latency,
            faults: self.faults.clone(),
            calls: counts.map(|(&(verb, kind), &count)| (verb, kind, count)).collect(),
            mutating: self.calls.total_mutating(),
            handles: self.handles.iter().map(|(&handle, &(kind, id))| (handle, kind, id)).collect(),
            callbacks: self.callbacks.clone(),
            running: self.running,
            is_mismatched: self.is_mismatched,
            stops: self.stops,
            busy_until: self.busy_until,
            last_handle: self.last_handle,
            last_id: self.last_id,
            last_compartment: self.last_compartment,
            listings: self.listings,
            management_macs: self.management_macs.clone(),
        })
    }

    /// The HNS that was [saved](Self::save).
    ///
    /// # Errors
    ///
    /// If `text` is none.
    pub fn restore(text: &str) -> Result<Self, RestoreError> {
        let saved: Saved =
            serde_json::from_str(text).map_err(|source| RestoreError::Unreadable { source })?;
        let state = State::from_json(&saved.state.to_string())
            .map_err(|source| RestoreError::State { source })?;
        let setup = Setup {
            state,
            knobs: saved.knobs,
            latency: saved.latency,
            faults: saved.faults.faults,
        };
        let counts: BTreeMap<_, _> =
            saved.calls.into_iter().map(|(verb, kind, count)| ((verb, kind), count)).collect();
        let handles = saved.handles.into_iter().map(|(handle, kind, id)| (handle, (kind, id)));
        Ok(Self {
            calls: Calls::counted(counts, saved.mutating),
            handles: handles.collect(),
            callbacks: saved.callbacks,
            running: saved.running,
            is_mismatched: saved.is_mismatched,
            stops: saved.stops,
            busy_until: saved.busy_until,
            last_handle: saved.last_handle,
            last_id: saved.last_id,
            last_compartment: saved.last_compartment,
            listings: saved.listings,
            management_macs: saved.management_macs,
            ..Self::new(setup)
        })
    }
}
