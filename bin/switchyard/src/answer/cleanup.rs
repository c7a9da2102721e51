//! The answer of `cleanup`.

use serde::Serialize;

/// What was removed, or would be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CleanupAnswer {
    /// `switchyard` or `kube-proxy`.
    pub owner: &'static str,
    /// Whether nothing was changed.
    pub dry_run: bool,
    /// What was removed, or would be, in that order.
    pub objects: Vec<CleanupObject>,
    /// Endpoints that stay because a load balancer of another owner names them.
    pub in_use: Vec<CleanupObject>,
    /// What could not be removed.
    pub failed: Vec<CleanupFailure>,
}

/// An object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CleanupObject {
    /// `endpoint` or `loadBalancer`.
    pub kind: &'static str,
    /// Its id.
    pub id: String,
    /// `NETWORK/ADDRESS`, or the frontends `FAMILY/VIP/PORT/PROTO` with spaces between.
    pub key: String,
}

/// An object that could not be removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CleanupFailure {
    /// Its id.
    pub id: String,
    /// What HNS said.
    pub reason: String,
}
