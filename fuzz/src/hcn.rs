//! Bytes as the JSON that HNS writes: documents of both versions, answers, errors, notifications and queries.

use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;
use switchyard_hcn::{
    Capabilities, Endpoint, ErrorRecord, Guid, LoadBalancer, MacAddress, ModifyRequest, Namespace,
    Network, NotificationData, Query, Version, v1,
};

/// Reads `bytes` as each kind of text that HNS writes. The first line may be a name, a version or a path.
///
/// # Panics
/// Where what is written of a document is read as another.
pub fn hcn(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    document::<Network>(text);
    document::<Endpoint>(text);
    document::<LoadBalancer>(text);
    document::<Namespace>(text);
    document::<ModifyRequest>(text);
    document::<ErrorRecord>(text);
    document::<NotificationData>(text);
    document::<Query>(text);
    document::<v1::Network>(text);
    document::<v1::Endpoint>(text);
    document::<v1::PolicyList>(text);
    document::<v1::Namespace>(text);
    document::<v1::Response>(text);
    // A list of ids is what an enumeration answers.
    let _ = serde_json::from_str::<Vec<Guid>>(text);
    let _ = v1::Response::parse(text);
    let _ = Query::parse(text);
    let first = text.lines().next().unwrap_or_default();
    names(first);
}

/// What is read of a document and written is read as the same.
fn document<T: DeserializeOwned + Serialize + PartialEq + Debug>(text: &str) {
    let Ok(document) = serde_json::from_str::<T>(text) else { return };
    let written = match serde_json::to_string(&document) {
        Ok(written) => written,
        Err(error) => panic!("{error}: cannot write {document:?}"),
    };
    match serde_json::from_str::<T>(&written) {
        Ok(again) => assert_eq!(again, document, "{written}"),
        Err(error) => panic!("{error}: refused what was written: {written}"),
    }
}

fn names(text: &str) {
    if let Ok(id) = text.parse::<Guid>() {
        assert_eq!(id.to_string().parse(), Ok(id));
    }
    if let Ok(mac) = text.parse::<MacAddress>() {
        assert_eq!(mac.to_string().parse(), Ok(mac));
    }
    if let Ok(version) = text.parse::<Version>() {
        assert_eq!(version.to_string().parse(), Ok(version));
        let _ = Capabilities::of(version);
    }
    for method in ["GET", "POST", "DELETE"] {
        let _ = v1::Request::parse(method, text);
    }
}
