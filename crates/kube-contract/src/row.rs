//! What came of a scenario.

use serde::Serialize;

/// A scenario, and whether the server does as it says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// The id of the scenario.
    pub id: &'static str,
    /// What the server does, in a sentence.
    pub rule: &'static str,
    /// Whether it does so.
    pub verdict: Verdict,
    /// What came instead, or what the subject cannot do.
    pub detail: Option<String>,
}

/// Whether a server does as a scenario says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It does.
    Pass,
    /// It does not.
    Fail,
    /// It cannot be asked, since this cannot be done to it.
    NotOfThisSubject,
}
