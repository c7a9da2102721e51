//! What came of a question.

use switchyard_hcn::{Error, hresult};

/// An answer: a short word, and what it rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    /// The answer in a word or few, the same for the same behaviour of HNS.
    pub(crate) word: String,
    /// What was seen, in sentences.
    pub(crate) evidence: Vec<String>,
}

/// Why a question has no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unanswered {
    /// The reason.
    pub(crate) reason: String,
    /// What was seen nevertheless.
    pub(crate) evidence: Vec<String>,
}

/// What came of a question.
pub(crate) type Outcome = Result<Answer, Unanswered>;

impl Answer {
    pub(crate) fn new(word: impl Into<String>) -> Self {
        Self { word: word.into(), evidence: Vec::new() }
    }

    /// The same with something more that was seen.
    pub(crate) fn with(mut self, seen: impl Into<String>) -> Self {
        self.evidence.push(seen.into());
        self
    }

    /// The same with all that was seen.
    pub(crate) fn with_all(mut self, seen: impl IntoIterator<Item = String>) -> Self {
        self.evidence.extend(seen);
        self
    }
}

impl Unanswered {
    pub(crate) fn because(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), evidence: Vec::new() }
    }
}

/// Why a step of a question did not come to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// HNS refused.
    Refused(Error),
    /// Something else.
    Other(String),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

impl From<Failure> for Unanswered {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(error) => Self::because(format!("HNS refused a step: {error}")),
            Failure::Other(reason) => Self::because(reason),
        }
    }
}

impl From<Error> for Unanswered {
    fn from(error: Error) -> Self {
        Failure::from(error).into()
    }
}

/// What HNS said to a step whose refusal is an answer, too. That HNS does not answer at all is none.
pub(crate) fn said<T>(result: Result<T, Failure>) -> Result<Result<T, Error>, Unanswered> {
    match result {
        Ok(done) => Ok(Ok(done)),
        Err(Failure::Refused(error)) if !is_absence(&error) => Ok(Err(error)),
        Err(failure) => Err(failure.into()),
    }
}

/// Whether HNS did not say anything about the object: it is away, or did not return.
pub(crate) fn is_absence(error: &Error) -> bool {
    matches!(
        error.hresult,
        hresult::RPC_S_SERVER_UNAVAILABLE
            | hresult::RPC_S_SERVER_TOO_BUSY
            | hresult::RPC_S_CALL_FAILED
            | hresult::RPC_S_CALL_FAILED_DNE
            | hresult::RPC_S_CALL_CANCELLED
            | hresult::HCN_E_MANAGER_STOPPED
            | hresult::ERROR_WRONG_DISK
    )
}

/// The name of an HRESULT, or its number.
pub(crate) fn word_of(error: &Error) -> String {
    error.name().map_or_else(|| format!("0x{:08X}", error.hresult), str::to_owned)
}

/// `yes` where HNS did it, else the name of its refusal, with what it said.
pub(crate) fn taken_or_refused<T>(result: &Result<T, Error>, taken: &str) -> Answer {
    match result {
        Ok(_) => Answer::new(taken),
        Err(error) => Answer::new(word_of(error)).with(error.to_string()),
    }
}
