//! Requests to change networks and endpoints. A load balancer is changed by its whole document instead.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::UnknownMembers;
use crate::lenient;

/// A request to change a part of a network or endpoint (`ModifyNetworkSettingRequest`, `ModifyEndpointSettingRequest`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ModifyRequest {
    /// The part, such as `Policy`.
    #[serde(rename = "ResourceType", deserialize_with = "lenient::text")]
    pub resource_type: String,
    /// `Add`, `Remove`, `Update`, `Refresh` or `Reset`.
    #[serde(rename = "RequestType", deserialize_with = "lenient::text")]
    pub request_type: String,
    /// What the part explains.
    #[serde(rename = "Settings", skip_serializing_if = "Value::is_null")]
    pub settings: Value,
    /// Other members.
    #[serde(flatten)]
    pub unknown: UnknownMembers,
}
