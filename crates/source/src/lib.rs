//! Kubernetes objects from manifests, and from what an API server says, into cluster events.
//!
//! Reading is lenient where Kubernetes is and never gives up on the whole for the sake of a part: a wrong type, an
//! impossible number or a malformed address is refused by itself, with the object, the field and the reason, and everything
//! else is used. This crate decides no policy.

#[cfg(feature = "api")]
pub mod api;
mod configuration;
mod document;
mod duration;
mod field;
mod follow;
mod manifest;
mod meta;
mod node;
mod range;
mod raw;
mod refusal;
mod service;
mod slice;
mod whole;
pub mod wire;

pub use configuration::{
    AgentConfiguration, ClientConnection, Configuration, ConfigurationChange, ConfigurationError,
    FlagField, FollowedConfiguration, KubeProxyConfiguration, LoggingConfiguration,
    WindowsConfiguration,
};
pub use document::from_yaml;
pub use duration::parse_duration;
pub use follow::FollowedManifests;
pub use manifest::{Counts, Manifests, ReadError};
pub use range::{RangeError, parse_range};
pub use refusal::Refusal;
pub use whole::{whole_objects, whole_objects_in};
