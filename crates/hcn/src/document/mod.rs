//! The documents that travel, of schema version 2.
//!
//! They are read leniently: every member may be missing or `null`, ids come in any case, numbers may be text, and members
//! and policies that are not known here are kept. They are written exactly: known members first and in the published
//! spelling, members that say nothing left out, as HNS does. Addresses stay the text they are; the accessors parse them.

mod endpoint;
mod load_balancer;
mod modify;
mod network;
mod policy;

use std::collections::BTreeMap;

use serde_json::Value;

pub use endpoint::{Endpoint, IpConfiguration};
pub use load_balancer::{LoadBalancer, PortMapping};
pub use modify::ModifyRequest;
pub use network::{Ipam, Network, NetworkType, Route, Subnet};
pub use policy::{Policy, RemoteSubnet};

/// The members of a document that are not known here, kept as they are.
pub type UnknownMembers = BTreeMap<String, Value>;

#[cfg(test)]
mod tests;
