//! Policies of version 1.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::{IpProtocol, UnknownMembers, lenient};

/// A policy: a type, and beside it the settings.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Policy {
    /// The type, which may be one that is not known here.
    #[serde(rename = "Type", deserialize_with = "lenient::text")]
    pub policy_type: String,
    /// The settings.
    #[serde(flatten)]
    pub settings: UnknownMembers,
}

/// What a type of policy is called in both versions, and its members that have two names.
struct Names {
    v1: &'static str,
    v2: &'static str,
    members: &'static [(&'static str, &'static str)],
}

/// As hcsshim's hns and hcn packages have them. What is not here has the same names in both.
const NAMES: [Names; 7] = [
    Names { v1: "PA", v2: crate::Policy::PROVIDER_ADDRESS, members: &[("PA", "ProviderAddress")] },
    Names { v1: "ROUTE", v2: crate::Policy::SDN_ROUTE, members: &[] },
    Names {
        v1: "OutBoundNAT",
        v2: crate::Policy::OUTBOUND_NAT,
        members: &[("VIP", "VirtualIP"), ("ExceptionList", "Exceptions")],
    },
    Names { v1: "NAT", v2: crate::Policy::PORT_MAPPING, members: &[] },
    Names { v1: "PROXY", v2: crate::Policy::L4_PROXY, members: &[] },
    Names { v1: "VLAN", v2: crate::Policy::VLAN, members: &[("VLAN", "IsolationId")] },
    Names { v1: "VSID", v2: crate::Policy::VSID, members: &[("VSID", "IsolationId")] },
];

/// The member that holds settings which cannot stand beside the type.
const SETTINGS: &str = "Settings";

impl Policy {
    /// The type of the policies of policy lists that are load balancers.
    pub const ELB: &str = "ELB";

    /// Whether the policy is of this type. HNS does not regard case.
    #[must_use]
    pub fn is(&self, policy_type: &str) -> bool {
        self.policy_type.eq_ignore_ascii_case(policy_type)
    }

    /// A policy of version 2. Whether a member stood in the settings or beside them is lost; settings that cannot stand
    /// beside the type, as they are no object or have a type of their own, stay in a member of their own.
    #[must_use]
    pub fn of(policy: &crate::Policy) -> Self {
        let names = NAMES.iter().find(|names| policy.is(names.v2));
        let mut settings = policy.unknown.clone();
        match &policy.settings {
            Value::Null => {}
            Value::Object(members) if can_stand_beside(members) => {
                let renames = names.map_or(&[][..], |names| names.members);
                let to_v1 = |name: &str| renamed(renames.iter().map(|(v1, v2)| (*v2, *v1)), name);
                settings.extend(rename(members, to_v1));
            }
            other => {
                settings.insert(SETTINGS.to_owned(), other.clone());
            }
        }
        if policy.is(crate::Policy::PORT_MAPPING) {
            reform_protocol(&mut settings, protocol_word);
        }
        let policy_type = names.map_or(policy.policy_type.as_str(), |names| names.v1).to_owned();
        Self { policy_type, settings }
    }

    /// The same as a policy of version 2.
    #[must_use]
    pub fn into_v2(mut self) -> crate::Policy {
        let names = NAMES.iter().find(|names| self.is(names.v1));
        let policy_type = names.map_or(self.policy_type.as_str(), |names| names.v2);
        if let Some(settings) = self.settings.remove(SETTINGS) {
            let policy = crate::Policy::new(policy_type, settings);
            return crate::Policy { unknown: self.settings, ..policy };
        }
        if self.is("NAT") {
            reform_protocol(&mut self.settings, protocol_number);
        }
        let renames = names.map_or(&[][..], |names| names.members);
        let to_v2 = |name: &str| renamed(renames.iter().copied(), name);
        let members = self.settings.iter().collect::<Vec<_>>();
        let members: Map<String, Value> = rename(members, to_v2).collect();
        crate::Policy::new(policy_type, Value::Object(members))
    }
}

fn can_stand_beside(members: &Map<String, Value>) -> bool {
    !members.contains_key("Type") && !members.contains_key(SETTINGS)
}

fn renamed<'a>(mut names: impl Iterator<Item = (&'a str, &'a str)>, name: &str) -> Option<&'a str> {
    names.find(|(from, _)| *from == name).map(|(_, to)| to)
}

fn rename<'a>(
    members: impl IntoIterator<Item = (&'a String, &'a Value)>,
    name_of: impl Fn(&str) -> Option<&'a str>,
) -> impl Iterator<Item = (String, Value)> {
    members
        .into_iter()
        .map(move |(name, value)| (name_of(name).unwrap_or(name).to_owned(), value.clone()))
}

/// Version 1 names the protocol of a port mapping, version 2 has its number. What is neither stays as it is.
fn reform_protocol(settings: &mut UnknownMembers, reform: impl Fn(IpProtocol) -> Option<Value>) {
    if let Some(protocol) = settings.get_mut("Protocol")
        && let Some(value) = IpProtocol::deserialize(&*protocol).ok().and_then(reform)
    {
        *protocol = value;
    }
}

fn protocol_word(protocol: IpProtocol) -> Option<Value> {
    let words = [(IpProtocol::TCP, "TCP"), (IpProtocol::UDP, "UDP")];
    let (_, word) = words.iter().find(|(known, _)| *known == protocol)?;
    Some(json!(word))
}

fn protocol_number(protocol: IpProtocol) -> Option<Value> {
    Some(json!(protocol.0))
}
