//! Requests to change networks, endpoints and namespaces. A load balancer is changed by its whole document instead.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::UnknownMembers;
use crate::lenient;
use crate::word::wire_word;

/// A request to change a part of an object (`ModifyNetworkSettingRequest`, `ModifyEndpointSettingRequest`,
/// `ModifyNamespaceSettingRequest`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct ModifyRequest {
    /// The part, such as `Policy`.
    #[serde(deserialize_with = "lenient::text")]
    pub resource_type: String,
    /// What to do with it.
    pub request_type: RequestType,
    /// What the part explains.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub settings: Value,
    /// Other members.
    #[serde(flatten)]
    pub unknown: UnknownMembers,
}

wire_word! {
    /// What a request does (`ModifyRequestType`).
    RequestType {
        /// It adds to the part.
        Add = "0", "Add";
        /// It takes from the part.
        Remove = "1", "Remove";
        /// It puts something in the place of what is there.
        Update = "2", "Update";
        /// It has HNS do again what it did for the part.
        Refresh = "3", "Refresh";
        /// It takes the part back to what it was at first. hcsshim has no such request.
        Reset = "4", "Reset";
    }
}
