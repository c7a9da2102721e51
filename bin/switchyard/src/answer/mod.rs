//! What commands answer, as the JSON that other programs read. The names are a contract: `docs/command-line.md`.

mod cleanup;
mod explain;
mod plan;
mod trace;
mod trace_explanation;
mod view;

pub use cleanup::{CleanupAnswer, CleanupFailure, CleanupObject};
pub use explain::{ExplainAnswer, ExplainField, ExplainLimit, ExplainServicePort, Programmed};
pub use plan::{PlanAnswer, PlanObject, PlanOperation, PlanReport, PlanUnchanged, limits_met};
pub use trace::{Trace, TraceBackend};
pub use trace_explanation::{TraceExplanation, TraceFacts, TraceStep};
pub use view::{
    ViewAnswer, ViewBackend, ViewConflict, ViewFrontend, ViewRefusal, ViewServicePort, ViewServing,
    refusals,
};

/// An address, or nothing, as text.
pub(crate) fn text(address: Option<std::net::IpAddr>) -> Option<String> {
    address.map(|address| address.to_string())
}
