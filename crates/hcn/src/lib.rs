//! The Host Compute Network (HCN) API as portable Rust.
//!
//! Windows keeps its container networks, endpoints and load balancers in the Host Networking Service (HNS), and
//! `computenetwork.dll` is the way in: JSON text over opaque handles. Here are
//!
//! * [`Hcn`]: that way in as a trait, one method per exported function that a client uses;
//! * [`Network`], [`Endpoint`], [`LoadBalancer`], [`Namespace`] and what they are made of: the documents that travel, read
//!   leniently and written exactly;
//! * [`Error`] and [`hresult`]: what HNS says when it refuses, what class of answer that is, and what to do about it;
//! * [`Notification`]: what HNS tells those who registered with it;
//! * [`Query`]: which objects an enumeration lists;
//! * [`v1`]: the older documents, and the paths that they travel by;
//! * [`Client`]: the typed layer over an [`Hcn`], which closes every handle it opens;
//! * [`Capabilities`]: what an HNS of a given version can do.
//!
//! It must never assume Windows, hold unsafe code, or decide what should be in HNS.

mod api;
mod capability;
mod client;
mod document;
mod error;
mod flags;
mod guid;
pub mod hresult;
mod lenient;
mod mac;
mod notification;
mod query;
pub mod v1;
mod version;
mod word;

pub use api::{
    CallbackHandle, EndpointHandle, Hcn, LoadBalancerHandle, NamespaceHandle, NetworkHandle,
    NotificationCallback,
};
pub use capability::{Capabilities, Feature};
pub use client::{Client, ClientError, Listing, Object, Opened, Unreadable};
pub use document::{
    Acl, AclAction, AclDirection, AclRule, Dns, Endpoint, IpConfiguration, IpSubnet, Ipam,
    LoadBalancer, MacPool, MacRange, ModifyRequest, Namespace, NamespaceResource,
    NamespaceResourceType, NamespaceType, NatPortMapping, Network, NetworkType, OutboundNat,
    Policy, PortMapping, RemoteSubnet, RequestType, Route, SdnRoute, Subnet, UnknownMembers,
};
pub use error::{Error, ErrorClass, ErrorRecord};
pub use flags::{
    Distribution, EndpointFlags, IpProtocol, IpSubnetFlags, LoadBalancerFlags, NatFlags,
    NetworkFlags, PortMappingFlags, QueryFlags, SubnetFlags,
};
pub use guid::{Guid, ParseGuidError};
pub use mac::{MacAddress, ParseMacAddressError};
pub use notification::{Notification, NotificationData, NotificationType};
pub use query::{Filter, Query};
pub use version::{ParseVersionError, Version};

/// The JSON text of a document of this crate, or of one made of the same kinds of values.
pub(crate) fn document_text(document: &impl serde::Serialize) -> String {
    // Writing to a string fails only for maps whose keys are not text, and no document has such.
    serde_json::to_string(document).unwrap_or_default()
}
