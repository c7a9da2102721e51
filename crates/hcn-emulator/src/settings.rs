//! Reading what a client sends, and refusing it.

use serde::de::DeserializeOwned;
use serde_json::Value;
use switchyard_hcn::{
    Endpoint, Error, ErrorRecord, Guid, LoadBalancer, Network, UnknownMembers, hresult, v1,
};

/// The members that hold an id or ids.
const IDS: [&str; 5] =
    ["ID", "HostComputeNetwork", "HostComputeNamespace", "HostComputeEndpoints", "VirtualNetwork"];

/// How deep settings may be nested. Readers of JSON give up at 128 levels, ours and others; a document is read again within
/// a few of a state or an answer. That a real HNS refuses it: inferred.
const DEEPEST: usize = 100;

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
    decode(parse(text)?)
}

/// The network that a client sent, in the shape of either version.
pub(crate) fn read_network(text: &str) -> Result<Network, Error> {
    let settings = parse(text)?;
    if is_older(&settings, &["Ipams", "MacPool", "Dns"]) {
        return Ok(decode::<v1::Network>(settings)?.into_v2());
    }
    decode(settings)
}

/// The endpoint that a client sent, in the shape of either version.
pub(crate) fn read_endpoint(text: &str) -> Result<Endpoint, Error> {
    let settings = parse(text)?;
    if is_older(&settings, &["IpConfigurations", "HostComputeNetwork", "Dns"]) {
        return Ok(decode::<v1::Endpoint>(settings)?.into_v2());
    }
    decode(settings)
}

/// The load balancer that a client sent, in the shape of either version.
pub(crate) fn read_load_balancer(text: &str) -> Result<LoadBalancer, Error> {
    let settings = parse(text)?;
    if is_older(&settings, &["HostComputeEndpoints", "PortMappings", "FrontendVIPs"]) {
        let list: v1::PolicyList = decode(settings)?;
        return list.into_v2().map_err(|_| refused(hresult::HCN_E_INVALID_POLICY));
    }
    decode(settings)
}

/// Whether settings are of version 1. Without a schema version they are, unless they have members that only version 2 has.
fn is_older(settings: &Value, newer: &[&str]) -> bool {
    let names_version = settings.get("SchemaVersion").is_some_and(|version| !version.is_null());
    let has_newer = newer.iter().any(|member| settings.get(member).is_some());
    v1::is_v1(settings) && (names_version || !has_newer)
}

fn parse(text: &str) -> Result<Value, Error> {
    let value: Value =
        serde_json::from_str(text).map_err(|_| refused(hresult::HCN_E_INVALID_JSON))?;
    if is_deeper_than(&value, DEEPEST) {
        return Err(refused(hresult::HCN_E_INVALID_JSON));
    }
    if IDS.iter().filter_map(|member| value.get(member)).any(holds_no_guid) {
        return Err(refused(hresult::HCN_E_GUID_CONVERSION_FAILURE));
    }
    Ok(value)
}

/// Whether a value has lists and objects in each other more than `levels` deep.
fn is_deeper_than(value: &Value, levels: usize) -> bool {
    let Some(inner) = levels.checked_sub(1) else {
        return value.is_array() || value.is_object();
    };
    match value {
        Value::Array(items) => items.iter().any(|item| is_deeper_than(item, inner)),
        Value::Object(members) => members.values().any(|member| is_deeper_than(member, inner)),
        _ => false,
    }
}

fn decode<T: DeserializeOwned>(settings: Value) -> Result<T, Error> {
    serde_json::from_value(settings).map_err(|_| refused(hresult::HCN_E_INVALID_JSON))
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
