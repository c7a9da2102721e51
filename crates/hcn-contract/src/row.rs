//! What came of a rule.

use serde::Serialize;

/// A rule, and whether it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// The id of the rule.
    pub id: &'static str,
    /// The rule in a few words.
    pub rule: &'static str,
    /// What was tried, all attempts.
    pub tried: String,
    /// The HRESULT that the rule is about, or the one that came where the rule does not hold.
    pub code: String,
    /// Whether it holds.
    pub verdict: Verdict,
    /// What came instead, where it does not hold.
    pub detail: Option<String>,
}

/// Whether a rule holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Every attempt came out as the rule says.
    Pass,
    /// Some did not.
    Fail,
}
