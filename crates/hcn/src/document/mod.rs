//! The documents that travel, of schema version 2.
//!
//! They are read leniently: every member may be missing or `null`, ids come in any case, numbers may be text, and members
//! and policies that are not known here are kept. They are written exactly: known members first and in the published
//! spelling, members that say nothing left out, as HNS does. Addresses stay the text they are; the accessors parse them.

mod dns;
mod endpoint;
mod load_balancer;
mod modify;
mod namespace;
mod network;
mod policy;
mod subnet;

use std::collections::BTreeMap;

use serde_json::Value;

pub use dns::{Dns, MacPool, MacRange};
pub use endpoint::{Endpoint, IpConfiguration};
pub use load_balancer::{LoadBalancer, PortMapping};
pub use modify::{ModifyRequest, RequestType};
pub use namespace::{Namespace, NamespaceResource, NamespaceResourceType, NamespaceType};
pub use network::{Ipam, Network, NetworkType};
pub use policy::{
    Acl, AclAction, AclDirection, AclRule, NatPortMapping, OutboundNat, Policy, RemoteSubnet,
    SdnRoute,
};
pub use subnet::{IpSubnet, Route, Subnet};

/// The members of a document that are not known here, kept as they are.
pub type UnknownMembers = BTreeMap<String, Value>;

#[cfg(test)]
mod tests;
