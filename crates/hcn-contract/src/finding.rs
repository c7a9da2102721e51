//! What an attempt ends with when HNS does not do as the rule says, and the comparisons that find it.

use std::fmt::Debug;

use serde_json::Value;
use switchyard_hcn::Error;

/// Something that is not as the rule says.
#[derive(Debug)]
pub(crate) struct Finding {
    /// The HRESULT that came, where one did.
    pub(crate) code: Option<u32>,
    /// What came, and what should have.
    pub(crate) detail: String,
}

/// What an attempt comes to.
pub(crate) type Checked = Result<(), Finding>;

impl Finding {
    /// A finding in which no HRESULT has a part.
    pub(crate) fn of(detail: impl Into<String>) -> Self {
        Self { code: None, detail: detail.into() }
    }

    /// The same, saying when it came.
    pub(crate) fn during(self, what: &str) -> Self {
        Self { detail: format!("{what}: {}", self.detail), ..self }
    }
}

impl From<Error> for Finding {
    fn from(error: Error) -> Self {
        Self { code: Some(error.hresult), detail: format!("refused with {error}") }
    }
}

/// What Windows says for the codes whose text is documented.
const TEXTS: &[(u32, &str)] = &[
    (0x803B_0010, "A network with this name already exists."),
    (0x803B_0013, "The specified port already exists."),
    (0x803B_001C, "The reference is invalid in the JSON document."),
    (0x8007_000E, "Not enough memory resources"),
    (0x8007_0057, "The parameter is incorrect."),
    (0x8007_00B7, "Cannot create a file when that file already exists."),
    (0x8007_0490, "Element not found."),
];

/// What a step that has to succeed came to.
pub(crate) fn accepted<T>(what: &str, answer: Result<T, Error>) -> Result<T, Finding> {
    answer.map_err(|error| Finding::from(error).during(what))
}

/// That the answer has this code. A record may be missing, since it may be the way to HNS that failed.
pub(crate) fn fails<T>(what: &str, code: u32, answer: Result<T, Error>) -> Checked {
    failure(what, code, answer)?;
    Ok(())
}

/// That HNS refused with this code, and a record that says the same in the words that are documented, and then `detail`.
pub(crate) fn refused<T>(what: &str, code: u32, detail: &str, answer: Result<T, Error>) -> Checked {
    let error = failure(what, code, answer)?;
    let record = error.record.as_deref().unwrap_or_default();
    let record: Value = serde_json::from_str(record)
        .map_err(|_| Finding::of(format!("{what}: the error record is {record:?}")))?;
    let Some(said) = record["Error"].as_str() else {
        return Err(Finding::of(format!("{what}: the error record says nothing: {record}")));
    };
    let documented = TEXTS.iter().find(|(known, _)| *known == code).map_or("", |(_, text)| *text);
    // A space stands behind the text even where nothing follows.
    let expected = format!("{documented} {detail}");
    that(said.starts_with(expected.trim_start()), || {
        format!("{what}: the error record says {said:?} and not {expected:?}")
    })
}

/// The failure, if it is the expected one and its record, where there is one, is of the form that HNS writes.
fn failure<T>(what: &str, code: u32, answer: Result<T, Error>) -> Result<Error, Finding> {
    let Err(error) = answer else {
        let detail = format!("{what}: accepted, must be refused with 0x{code:08X}");
        return Err(Finding { code: Some(0), detail });
    };
    if error.hresult != code {
        let found = Finding::from(error).during(what);
        let detail = format!("{}, must be 0x{code:08X}", found.detail);
        return Err(Finding { detail, ..found });
    }
    let Some(record) = &error.record else {
        return Ok(error);
    };
    let json: Value = serde_json::from_str(record)
        .map_err(|_| Finding::of(format!("{what}: the error record is no JSON: {record:?}")))?;
    equal(&format!("{what}: Success of the record"), &json["Success"], &Value::Bool(false))?;
    equal(&format!("{what}: ErrorCode of the record"), &json["ErrorCode"], &Value::from(code))?;
    Ok(error)
}

/// That it is so; `otherwise` says what is instead.
pub(crate) fn that(holds: bool, otherwise: impl FnOnce() -> String) -> Checked {
    if holds { Ok(()) } else { Err(Finding::of(otherwise())) }
}

/// That something is what it must be.
pub(crate) fn equal<T: PartialEq + Debug + ?Sized>(what: &str, found: &T, expected: &T) -> Checked {
    that(found == expected, || format!("{what}: {found:?}, must be {expected:?}"))
}
