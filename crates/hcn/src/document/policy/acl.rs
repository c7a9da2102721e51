//! Access lists of endpoints and networks.

use serde::{Deserialize, Deserializer, Serialize};

use super::{Policy, UnknownMembers};
use crate::lenient::{self, is_default};
use crate::word::wire_word;

/// The settings of an `ACL` or `NetworkACL` policy: whether packets pass. Lists have commas between their items, and an
/// empty list is everything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Acl {
    /// The protocols by number.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "is_default")]
    pub protocols: String,
    /// What happens to the packets.
    pub action: AclAction,
    /// Which way they go.
    pub direction: AclDirection,
    /// The addresses of the endpoint, or names of sets of addresses.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "is_default")]
    pub local_addresses: String,
    /// The addresses of the other side, or names of sets of addresses.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "is_default")]
    pub remote_addresses: String,
    /// The ports of the endpoint.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "is_default")]
    pub local_ports: String,
    /// The ports of the other side.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "is_default")]
    pub remote_ports: String,
    /// Who keeps the rule; none where HNS picks.
    #[serde(deserialize_with = "rule", skip_serializing_if = "Option::is_none")]
    pub rule_type: Option<AclRule>,
    /// Which rule counts first: that with the lowest number.
    #[serde(deserialize_with = "lenient::number", skip_serializing_if = "is_default")]
    pub priority: u16,
    /// A name for the rule.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "is_default")]
    pub id: String,
    /// Other members.
    #[serde(flatten)]
    pub unknown: UnknownMembers,
}

wire_word! {
    /// What happens to packets that an access list is for.
    AclAction {
        /// They pass.
        Allow, "Allow";
        /// They do not pass.
        Block, "Block";
        /// The next tier of access lists says, since schema 2.10.
        Pass, "Pass";
    }
}

wire_word! {
    /// Which way packets go, as the endpoint sees it.
    AclDirection {
        /// To the endpoint.
        In, "In";
        /// From the endpoint.
        Out, "Out";
    }
}

wire_word! {
    /// Who keeps a rule of an access list.
    AclRule {
        /// The Windows Filtering Platform of the host.
        Host, "Host";
        /// The Virtual Filtering Platform of the switch.
        Switch, "Switch";
    }
}

impl Policy {
    /// The endpoint lets packets pass or not.
    #[must_use]
    pub fn acl(acl: &Acl) -> Self {
        Self::of(Self::ACL, acl)
    }

    /// What an `ACL` policy lets pass.
    #[must_use]
    pub fn as_acl(&self) -> Option<Acl> {
        self.read(Self::ACL)
    }

    /// The network lets packets pass or not.
    #[must_use]
    pub fn network_acl(acl: &Acl) -> Self {
        Self::of(Self::NETWORK_ACL, acl)
    }

    /// What a `NetworkACL` policy lets pass.
    #[must_use]
    pub fn as_network_acl(&self) -> Option<Acl> {
        self.read(Self::NETWORK_ACL)
    }
}

fn rule<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<AclRule>, D::Error> {
    let word = lenient::text(deserializer)?;
    Ok((!word.is_empty()).then(|| AclRule::from_word(&word)))
}
