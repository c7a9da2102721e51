//! What an emulated HNS begins with, as one document.

use serde::Deserialize;
use serde_json::Value;
use switchyard_hcn::Version;

use crate::fault::Fault;
use crate::state::without_mark;
use crate::{Knobs, Latency, State, StateError};

/// What an emulated HNS begins with.
#[derive(Debug, Clone, Default)]
pub struct Setup {
    /// What it holds.
    pub state: State,
    /// What is not known of a real one.
    pub knobs: Knobs,
    /// How long it takes.
    pub latency: Latency,
    /// What goes wrong.
    pub faults: Vec<Fault>,
}

/// Why a document is not a setup.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// A member cannot be read.
    #[error("the setup of the emulator cannot be read")]
    Unreadable {
        /// Where reading failed.
        #[source]
        source: serde_json::Error,
    },
    /// The state is none.
    #[error("the setup of the emulator has no state that can be read")]
    State {
        /// What is wrong with it.
        #[source]
        source: StateError,
    },
}

impl Setup {
    /// An HNS that holds `state`, with nothing else said.
    #[must_use]
    pub fn of(state: State) -> Self {
        Self { state, ..Self::default() }
    }

    /// Reads the document; every member may be left out, and an empty text is the default.
    ///
    /// # Errors
    ///
    /// If it is not JSON, has a member that is not known, or one that cannot be read.
    pub fn from_json(text: &str) -> Result<Self, SetupError> {
        #[derive(Default, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        struct Document {
            version: Option<Version>,
            state: Option<Value>,
            knobs: Knobs,
            latency: Latency,
            faults: Vec<Fault>,
        }

        let text = without_mark(text);
        let text = if text.trim().is_empty() { "{}" } else { text };
        let document: Document =
            serde_json::from_str(text).map_err(|source| SetupError::Unreadable { source })?;
        let mut state = match document.state {
            Some(state) => State::from_json(&state.to_string())
                .map_err(|source| SetupError::State { source })?,
            None => State::default(),
        };
        if let Some(version) = document.version {
            state.version = version;
        }
        let Document { knobs, latency, faults, .. } = document;
        Ok(Self { state, knobs, latency, faults })
    }
}
