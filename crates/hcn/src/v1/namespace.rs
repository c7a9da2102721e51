//! Namespaces of version 1.

use serde::{Deserialize, Serialize};

use super::carry;
use crate::lenient::{self, is_default};
use crate::{Guid, NamespaceResource, NamespaceType, UnknownMembers, Version};

/// A namespace (`Namespace` of hcsshim's hns package). What `addresource` and `removeresource` take is a
/// [`NamespaceResource`] alone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Namespace {
    /// Its id; none in a document to create one from, where HNS picks.
    #[serde(
        rename = "ID",
        deserialize_with = "lenient::id",
        skip_serializing_if = "Option::is_none"
    )]
    pub id: Option<Guid>,
    /// Whether it is where the host works when nothing else is said.
    #[serde(deserialize_with = "lenient::boolean", skip_serializing_if = "is_default")]
    pub is_default: bool,
    /// What is in it.
    #[serde(deserialize_with = "lenient::nullable", skip_serializing_if = "Vec::is_empty")]
    pub resource_list: Vec<NamespaceResource>,
    /// Other members.
    #[serde(flatten)]
    pub unknown: UnknownMembers,
}

impl Namespace {
    /// A namespace of version 2. Members that version 1 does not have keep the names of version 2.
    #[must_use]
    pub fn of(namespace: &crate::Namespace) -> Self {
        let mut unknown = namespace.unknown.clone();
        carry::put(&mut unknown, "Owner", &namespace.owner);
        carry::put(&mut unknown, "Name", &namespace.name);
        carry::put(&mut unknown, "NamespaceId", &namespace.namespace_id);
        carry::put(&mut unknown, "NamespaceGuid", &namespace.namespace_guid);
        carry::put(&mut unknown, "State", &namespace.state);
        let is_default = namespace.namespace_type == NamespaceType::HostDefault;
        if !is_default {
            carry::put(&mut unknown, "Type", &namespace.namespace_type);
        }
        let unknown = carry::unknown_to(unknown, |known: Self| known.unknown);
        Self { id: namespace.id, is_default, resource_list: namespace.resources.clone(), unknown }
    }

    /// The same as a namespace of version 2.
    #[must_use]
    pub fn into_v2(self) -> crate::Namespace {
        let mut unknown = self.unknown;
        let namespace_type = carry::take(&mut unknown, "Type");
        crate::Namespace {
            id: self.id,
            owner: carry::take(&mut unknown, "Owner"),
            name: carry::take(&mut unknown, "Name"),
            namespace_id: carry::take(&mut unknown, "NamespaceId"),
            namespace_guid: carry::take(&mut unknown, "NamespaceGuid"),
            namespace_type: if self.is_default {
                NamespaceType::HostDefault
            } else {
                namespace_type
            },
            resources: self.resource_list,
            state: carry::take(&mut unknown, "State"),
            schema_version: Some(Version::SCHEMA),
            unknown: carry::unknown_to(unknown, |known: crate::Namespace| known.unknown),
        }
    }
}
