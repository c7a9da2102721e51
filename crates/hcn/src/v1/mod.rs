//! Schema version 1: the older documents, and the paths of `HNSCall` that they travel by.
//!
//! A policy list of version 1 and a load balancer of version 2 are two views of one object, and so are its networks and
//! endpoints. Where a client asks without a schema version, HNS answers with these. They are made of the documents of
//! version 2 and become such; what only one version can say is lost on the way, and each conversion tells what that is.
//! Members are those that hcsshim's hns package and what nodes answer have.

mod carry;
mod endpoint;
mod namespace;
mod network;
mod path;
mod policy;
mod policy_list;
mod response;

use serde::Deserialize;
use serde_json::Value;

pub use endpoint::{Endpoint, NamespaceReference, share, shared_containers};
pub use namespace::Namespace;
pub use network::{Network, Subnet};
pub use path::{Collection, Request};
pub use policy::Policy;
pub use policy_list::{Elb, PolicyList, PolicyListError, ReferenceError, endpoint_of, reference};
pub use response::Response;

use crate::Version;

/// Whether the settings of a create call are of version 1: they have no schema version, or one before 2.
///
/// A version that cannot be read is not of version 1, so that whoever reads the document next refuses it.
#[must_use]
pub fn is_v1(settings: &Value) -> bool {
    let Some(version) = settings.get("SchemaVersion") else {
        return true;
    };
    Option::<Version>::deserialize(version)
        .is_ok_and(|version| version.is_none_or(|version| version.major < 2))
}

#[cfg(test)]
mod tests;
