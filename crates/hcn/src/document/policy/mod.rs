//! Policies of networks, subnets and endpoints.
//!
//! A policy is kept as it came: its settings are a value that only its type explains. For the types that a proxy meets
//! there is a reader, `as_` and the name of the type, which gives none for a policy of another type and for settings
//! that cannot be read; and a maker, which has the name of the type.

mod acl;
mod endpoint;
mod network;
mod types;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::UnknownMembers;
use crate::lenient;

pub use acl::{Acl, AclAction, AclDirection, AclRule};
pub use endpoint::{NatPortMapping, OutboundNat, SdnRoute};
pub use network::RemoteSubnet;

/// A policy: a type and settings that only the type explains.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Policy {
    /// The type, which may be one that is not known here.
    #[serde(rename = "Type", deserialize_with = "lenient::text")]
    pub policy_type: String,
    /// The settings.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub settings: Value,
    /// Other members.
    #[serde(flatten)]
    pub unknown: UnknownMembers,
}

impl Policy {
    /// The policy of this type, which may be one that is not known here, with these settings.
    #[must_use]
    pub fn new(policy_type: &str, settings: Value) -> Self {
        let policy_type = policy_type.to_owned();
        Self { policy_type, settings, unknown: UnknownMembers::new() }
    }

    /// Whether the policy is of this type. HNS does not regard case.
    #[must_use]
    pub fn is(&self, policy_type: &str) -> bool {
        self.policy_type.eq_ignore_ascii_case(policy_type)
    }

    /// A policy with settings of one member.
    fn with(policy_type: &str, member: &str, value: impl Into<Value>) -> Self {
        let settings = Map::from_iter([(member.to_owned(), value.into())]);
        Self::new(policy_type, Value::Object(settings))
    }

    /// A policy with settings that are a document.
    fn of(policy_type: &str, settings: &impl Serialize) -> Self {
        // Writing fails only for maps whose keys are not text, and no settings have such.
        Self::new(policy_type, serde_json::to_value(settings).unwrap_or_default())
    }

    /// The settings of a policy of this type as a document. None at all are the default ones.
    fn read<T: DeserializeOwned + Default>(&self, policy_type: &str) -> Option<T> {
        let settings = self.is(policy_type).then(|| Option::<T>::deserialize(&self.settings))?;
        settings.ok().map(Option::unwrap_or_default)
    }

    /// The text of one member of the settings, if the policy is of this type.
    fn text(&self, policy_type: &str, member: &str) -> Option<&str> {
        self.member(policy_type, member)?.as_str()
    }

    /// The number of one member of the settings, if the policy is of this type.
    fn number<T: TryFrom<u64>>(&self, policy_type: &str, member: &str) -> Option<T> {
        lenient::number(self.member(policy_type, member)?).ok()
    }

    /// One member of the settings, if the policy is of this type.
    fn member(&self, policy_type: &str, member: &str) -> Option<&Value> {
        let value = self.is(policy_type).then(|| self.settings.get(member)).flatten();
        value.filter(|value| !value.is_null())
    }
}

#[cfg(test)]
mod tests;
