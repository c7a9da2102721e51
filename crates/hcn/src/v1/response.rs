//! What `HNSCall` answers.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::lenient::{self, is_default};
use crate::{Error, ErrorRecord, hresult};

/// The answer of `HNSCall`. The call itself may succeed where this says that it did not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Response {
    /// Whether HNS did what it was asked for.
    #[serde(deserialize_with = "lenient::boolean")]
    pub success: bool,
    /// Why it did not.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "is_default")]
    pub error: String,
    /// The HRESULT of that as an unsigned number. A negative one is read too: hcsshim's hns package has it signed.
    #[serde(deserialize_with = "code", skip_serializing_if = "is_default")]
    pub error_code: u32,
    /// What it answers.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub output: Value,
}

impl Response {
    /// The answer of a call that did what it was asked for.
    #[must_use]
    pub fn ok(output: Value) -> Self {
        Self { success: true, output, ..Self::default() }
    }

    /// The answer of a call that failed: the text of the error's record, or what Windows says for the HRESULT.
    #[must_use]
    pub fn of(error: &Error) -> Self {
        let record = error.record.as_deref().map(serde_json::from_str::<ErrorRecord>);
        let text = match (record, &error.record) {
            (Some(Ok(record)), _) => record.error,
            (Some(Err(_)), Some(text)) => text.clone(),
            _ => ErrorRecord::of(error.hresult, "").error,
        };
        Self { error: text, error_code: error.hresult, ..Self::default() }
    }

    /// Reads an answer.
    ///
    /// # Errors
    ///
    /// If the text is not JSON or not an answer.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// The text to answer with.
    #[must_use]
    pub fn to_json(&self) -> String {
        crate::document_text(self)
    }

    /// What HNS answers, or its failure. A failure without a code, as older builds answer it, is `E_FAIL`.
    ///
    /// # Errors
    ///
    /// If HNS did not do what it was asked for.
    pub fn into_output(self) -> Result<Value, Error> {
        if self.success {
            return Ok(self.output);
        }
        let hresult = if self.error_code == hresult::S_OK { E_FAIL } else { self.error_code };
        let record = ErrorRecord { success: false, error: self.error, error_code: hresult };
        Err(record.into_error())
    }
}

/// What Windows calls a failure of which nothing is known.
const E_FAIL: u32 = 0x8000_4005;

/// An HRESULT as an unsigned or signed number, or its digits.
fn code<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let value = Value::deserialize(deserializer)?;
    if let Some(signed) = value.as_i64().and_then(|code| i32::try_from(code).ok()) {
        return Ok(signed.cast_unsigned());
    }
    lenient::number(value).map_err(serde::de::Error::custom)
}
