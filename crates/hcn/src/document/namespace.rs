//! Namespaces.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::UnknownMembers;
use crate::lenient::{self, is_default};
use crate::word::wire_word;
use crate::{Guid, Version};

/// A namespace (`HostComputeNamespace`): the network compartment of a pod or of the host.
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
    /// Who made it.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "is_default")]
    pub owner: String,
    /// Its name.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "is_default")]
    pub name: String,
    /// The number of the network compartment, which HNS picks; 0 where it did not tell.
    #[serde(deserialize_with = "lenient::number", skip_serializing_if = "is_default")]
    pub namespace_id: u32,
    /// The id of the network compartment, which HNS picks.
    #[serde(deserialize_with = "lenient::id", skip_serializing_if = "Option::is_none")]
    pub namespace_guid: Option<Guid>,
    /// Whose it is.
    #[serde(rename = "Type", skip_serializing_if = "is_default")]
    pub namespace_type: NamespaceType,
    /// What is in it.
    #[serde(deserialize_with = "lenient::nullable", skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<NamespaceResource>,
    /// How it is; 0 where HNS did not tell. No reference says what the numbers of namespaces stand for.
    #[serde(deserialize_with = "lenient::number", skip_serializing_if = "is_default")]
    pub state: u16,
    /// The schema that the document is of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema_version: Option<Version>,
    /// Other members.
    #[serde(flatten)]
    pub unknown: UnknownMembers,
}

impl Namespace {
    /// The endpoints in it; ids that do not parse are left out.
    pub fn endpoints(&self) -> impl Iterator<Item = Guid> {
        self.resources.iter().filter_map(NamespaceResource::as_endpoint)
    }

    /// The containers in it.
    pub fn containers(&self) -> impl Iterator<Item = &str> {
        self.resources.iter().filter_map(NamespaceResource::as_container)
    }
}

/// Something in a namespace.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct NamespaceResource {
    /// What it is.
    #[serde(rename = "Type")]
    pub resource_type: NamespaceResourceType,
    /// What the type explains: for containers and endpoints an object with the id.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub data: Value,
    /// Other members.
    #[serde(flatten)]
    pub unknown: UnknownMembers,
}

impl NamespaceResource {
    /// An endpoint.
    #[must_use]
    pub fn endpoint(id: Guid) -> Self {
        Self::new(NamespaceResourceType::Endpoint, &id.to_string())
    }

    /// A container. The ids of containers are no GUIDs.
    #[must_use]
    pub fn container(id: &str) -> Self {
        Self::new(NamespaceResourceType::Container, id)
    }

    fn new(resource_type: NamespaceResourceType, id: &str) -> Self {
        Self { resource_type, data: json!({ "ID": id }), unknown: UnknownMembers::new() }
    }

    /// The id in any spelling of its name: hcsshim reads `Id` where HNS writes `ID`.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        let mut members = self.data.as_object()?.iter();
        members.find(|(name, _)| name.eq_ignore_ascii_case("ID"))?.1.as_str()
    }

    /// The id of an endpoint, if it parses.
    #[must_use]
    pub fn as_endpoint(&self) -> Option<Guid> {
        self.id_of(&NamespaceResourceType::Endpoint)?.parse().ok()
    }

    /// The id of a container.
    #[must_use]
    pub fn as_container(&self) -> Option<&str> {
        self.id_of(&NamespaceResourceType::Container)
    }

    fn id_of(&self, resource_type: &NamespaceResourceType) -> Option<&str> {
        if self.resource_type == *resource_type { self.id() } else { None }
    }
}

wire_word! {
    /// Whose a namespace is. The numbers are the order of the published schema.
    NamespaceType {
        /// Of the host.
        Host = "0", "Host";
        /// Of the host, and where it works when nothing else is said.
        HostDefault = "1", "HostDefault";
        /// Of a virtual machine.
        Guest = "2", "Guest";
        /// Of a virtual machine, and where it works when nothing else is said.
        GuestDefault = "3", "GuestDefault";
    }
}

wire_word! {
    /// What something in a namespace is.
    NamespaceResourceType {
        /// A container.
        Container = "0", "Container";
        /// An endpoint.
        Endpoint = "1", "Endpoint";
    }
}
