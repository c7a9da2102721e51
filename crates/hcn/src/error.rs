//! What HNS says when it refuses.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{hresult, lenient};

/// The failure of a call.
///
/// A call has failed when its HRESULT says so, or when there is an error record: HNS has been seen to succeed with one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Error {
    /// The HRESULT.
    pub hresult: u32,
    /// The error record, exactly as HNS gave it.
    pub record: Option<String>,
}

impl Error {
    /// The failure with this HRESULT and no record.
    #[must_use]
    pub const fn without_record(hresult: u32) -> Self {
        Self { hresult, record: None }
    }

    /// The name of the HRESULT.
    #[must_use]
    pub fn name(&self) -> Option<&'static str> {
        hresult::name(self.hresult)
    }

    /// What kind of answer it is.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        hresult::class(self.hresult)
    }

    /// What to do about it.
    #[must_use]
    pub fn advice(&self) -> &'static str {
        hresult::advice(self.hresult)
    }

    /// The text of the record, or the record itself when it cannot be read.
    fn record_text(&self) -> Option<String> {
        let record = self.record.as_deref()?;
        let text = serde_json::from_str::<ErrorRecord>(record)
            .map_or_else(|_| record.to_owned(), |record| record.error);
        let text = text.trim();
        (!text.is_empty()).then(|| text.to_owned())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (0x{:08X})", self.name().unwrap_or("unknown HRESULT"), self.hresult)?;
        let meaning = hresult::text(self.hresult).map(str::to_owned);
        match self.record_text().or(meaning) {
            Some(text) => write!(f, ": {text}"),
            None => Ok(()),
        }
    }
}

/// What kind of answer a failure is, which is what a caller acts on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ErrorClass {
    /// The object, or one that it refers to, does not exist.
    Gone,
    /// The object, or what it would hold, exists already.
    Exists,
    /// HNS cannot do it at present; the same call may succeed later.
    Retry,
    /// The same call will never succeed.
    BadInput,
    /// This HNS cannot do it.
    Unsupported,
    /// Nothing is known about what happened.
    Unknown,
}

impl fmt::Display for ErrorClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gone => "gone",
            Self::Exists => "exists",
            Self::Retry => "retry",
            Self::BadInput => "bad input",
            Self::Unsupported => "unsupported",
            Self::Unknown => "unknown",
        })
    }
}

/// The record that comes with a failure.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct ErrorRecord {
    /// Whether the call succeeded; a record of one that did is not expected.
    pub success: bool,
    /// What Windows says for the code, a space, and what HNS adds.
    #[serde(deserialize_with = "lenient::text")]
    pub error: String,
    /// The HRESULT as an unsigned number.
    #[serde(deserialize_with = "lenient::number")]
    pub error_code: u32,
}

impl ErrorRecord {
    /// The record that HNS gives for `hresult`, with what it adds.
    #[must_use]
    pub fn of(hresult: u32, detail: &str) -> Self {
        let error = format!("{} {detail}", hresult::text(hresult).unwrap_or_default());
        Self { success: false, error, error_code: hresult }
    }

    /// The failure that it comes with.
    #[must_use]
    pub fn into_error(self) -> Error {
        Error { hresult: self.error_code, record: Some(crate::document_text(&self)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(hresult: u32, record: Option<&str>, expect: &str) {
        let error = Error { hresult, record: record.map(str::to_owned) };
        assert_eq!(error.to_string(), expect);
    }

    #[test]
    fn failures_say_code_and_meaning() {
        check(
            hresult::HCN_E_PORT_ALREADY_EXISTS,
            None,
            "HCN_E_PORT_ALREADY_EXISTS (0x803B0013): The specified port already exists.",
        );
        check(
            hresult::E_INVALIDARG,
            Some(
                r#"{"Error":"The parameter is incorrect. Unable.","ErrorCode":"2147942487","Success":false}"#,
            ),
            "E_INVALIDARG (0x80070057): The parameter is incorrect. Unable.",
        );
        check(0x8000_FFFF, None, "unknown HRESULT (0x8000FFFF)");
        check(0x8000_FFFF, Some("not JSON"), "unknown HRESULT (0x8000FFFF): not JSON");
    }

    #[test]
    fn records_have_the_form_that_hns_writes() {
        let error = ErrorRecord::of(hresult::HCN_E_PORT_ALREADY_EXISTS, "").into_error();
        assert_eq!(error.hresult, 2_151_350_291);
        assert_eq!(
            error.record.as_deref(),
            Some(
                r#"{"Success":false,"Error":"The specified port already exists. ","ErrorCode":2151350291}"#
            )
        );
    }
}
