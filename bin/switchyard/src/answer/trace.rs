//! The answer of `trace`.

use serde::Serialize;
use switchyard_model::{Outcome, Verdict};

use super::TraceExplanation;

/// Where a packet goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Trace {
    /// `forward`, `reject`, `drop` or `pass`.
    pub outcome: &'static str,
    /// Exactly the set that each new connection is spread over.
    pub backends: Vec<TraceBackend>,
    /// `keep`, `rewrite` or `mixed`; only when forwarded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<&'static str>,
    /// `none` or `clientIP`.
    pub affinity: &'static str,
    /// The objects that decided it, sorted.
    pub decided_by: Vec<String>,
    /// Why; only when asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explanation: Option<TraceExplanation>,
}

/// One backend of a [`Trace`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TraceBackend {
    /// The address.
    pub address: String,
    /// The port.
    pub port: u16,
    /// Whether it is on this node.
    pub local: bool,
}

impl From<&Verdict> for Trace {
    fn from(verdict: &Verdict) -> Self {
        let backend = |reached: &switchyard_model::Reached| TraceBackend {
            address: reached.address.to_string(),
            port: reached.port,
            local: reached.local,
        };
        let forwarded = verdict.outcome == Outcome::Forward;
        Self {
            outcome: verdict.outcome.as_str(),
            backends: verdict.backends.iter().map(backend).collect(),
            source: verdict.source.map(switchyard_model::SourceSeen::as_str),
            affinity: if forwarded && verdict.sticky { "clientIP" } else { "none" },
            decided_by: verdict.decided_by.iter().map(str::to_owned).collect(),
            explanation: None,
        }
    }
}
