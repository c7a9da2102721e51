//! Reading what a client sends, and refusing it.

use serde::de::DeserializeOwned;
use serde_json::Value;
use switchyard_hcn::{Error, ErrorRecord, Guid, UnknownMembers, hresult};

/// The members that hold an id or ids.
const IDS: [&str; 4] = ["ID", "HostComputeNetwork", "HostComputeNamespace", "HostComputeEndpoints"];

/// The failure with this HRESULT, and a record that says no more.
pub(crate) fn refused(code: u32) -> Error {
    ErrorRecord::of(code, "").into_error()
}

/// The failure with this HRESULT, and a record that says more.
pub(crate) fn refused_for(code: u32, detail: &str) -> Error {
    ErrorRecord::of(code, detail).into_error()
}

/// The document that a client sent.
pub(crate) fn read<T: DeserializeOwned>(text: &str) -> Result<T, Error> {
    let invalid = |_| refused(hresult::HCN_E_INVALID_JSON);
    let value: Value = serde_json::from_str(text).map_err(invalid)?;
    if IDS.iter().filter_map(|member| value.get(member)).any(holds_no_guid) {
        return Err(refused(hresult::HCN_E_GUID_CONVERSION_FAILURE));
    }
    serde_json::from_value(value).map_err(invalid)
}

/// Whether a member that should hold ids holds a text that is none. An empty one is the same as none at all.
fn holds_no_guid(value: &Value) -> bool {
    let is_none = |text: &str| text.parse::<Guid>().is_err();
    match value {
        Value::String(text) => !text.is_empty() && is_none(text),
        Value::Array(items) => items.iter().filter_map(Value::as_str).any(is_none),
        _ => false,
    }
}

/// Drops the members that say nothing, as HNS does: hcsshim always sends `"Dns":{}` and `"Health":{"Extra":{}}`.
pub(crate) fn drop_empty(unknown: &mut UnknownMembers) {
    unknown.retain(|_, value| !says_nothing(value));
}

fn says_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.values().all(says_nothing),
        _ => false,
    }
}
