//! The document of an object, in the shape that is asked for.

use serde_json::{Map, Value, json};
use switchyard_hcn::{Endpoint, Error, Guid, LoadBalancer, Network, Query, QueryFlags, v1};

use super::Service;
use super::listing::text;
use crate::request::ObjectKind;

impl Service {
    /// The document of an object. The filter of the enumeration comes along in the query and has no effect.
    pub(super) fn properties(
        &mut self,
        kind: ObjectKind,
        id: Guid,
        query: &str,
    ) -> Result<String, Error> {
        let query = self.parse_query(query)?;
        self.must_exist(kind, id)?;
        let detailed = query.flags.contains(QueryFlags::DETAILED);
        if !is_version_2(&query) {
            let mut document = self.document_v1(kind, id).unwrap_or_default();
            self.write_ids(&mut document);
            return Ok(document.to_string());
        }
        if !detailed && !self.knobs.upper_case_ids {
            return Ok(self.plain(kind, id));
        }
        let mut document: Value = serde_json::from_str(&self.plain(kind, id)).unwrap_or_default();
        if detailed && let Some(members) = document.as_object_mut() {
            self.add_details(kind, id, members);
        }
        self.write_ids(&mut document);
        Ok(document.to_string())
    }

    /// The document of version 2 with what was set and what HNS filled in, and not how the object is.
    fn plain(&self, kind: ObjectKind, id: Guid) -> String {
        match kind {
            ObjectKind::Network => match self.state.network(id) {
                Some(held) if held.state != 0 => text(&Network { state: 0, ..held.clone() }),
                held => text(&held),
            },
            ObjectKind::Endpoint => match self.state.endpoint(id) {
                Some(held) if held.state != 0 => text(&Endpoint { state: 0, ..held.clone() }),
                held => text(&held),
            },
            ObjectKind::LoadBalancer => match self.state.load_balancer(id) {
                Some(held) if held.state != 0 => text(&LoadBalancer { state: 0, ..held.clone() }),
                held => text(&held),
            },
            ObjectKind::Namespace => text(&self.state.namespace(id)),
            ObjectKind::Service => String::new(),
        }
    }

    /// What a detailed query adds: how the object is, and what it holds of the machine.
    fn add_details(&self, kind: ObjectKind, id: Guid, members: &mut Map<String, Value>) {
        self.add_generated(kind, id, members);
        let health = members.entry("Health".to_owned()).or_insert_with(|| json!({}));
        if let Some(health) = health.as_object_mut() {
            health.insert("Extra".to_owned(), json!({ "Resources": self.resources(kind, id) }));
            add_health(health);
        }
    }

    /// What HNS keeps with every object. That `Version` is made of the version of HNS: inferred, for nobody says what it is.
    fn add_generated(&self, kind: ObjectKind, id: Guid, members: &mut Map<String, Value>) {
        let version = self.state.version;
        let number = (u64::from(version.major) << 32) | u64::from(version.minor);
        members.insert("State".to_owned(), json!(self.state_of(kind, id)));
        members.insert("Version".to_owned(), json!(number));
        members.insert("ActivityId".to_owned(), json!(derived(id, "activity")));
    }

    fn state_of(&self, kind: ObjectKind, id: Guid) -> u16 {
        let held = match kind {
            ObjectKind::Endpoint => self.state.endpoint(id).map(|held| held.state),
            ObjectKind::LoadBalancer => self.state.load_balancer(id).map(|held| held.state),
            ObjectKind::Network => self.state.network(id).map(|held| held.state),
            ObjectKind::Namespace | ObjectKind::Service => None,
        };
        match (kind, held.unwrap_or_default()) {
            (ObjectKind::LoadBalancer, 0) => LoadBalancer::HEALTHY,
            (_, 0) => Endpoint::CREATED,
            (_, state) => state,
        }
    }

    /// The document of version 1. It has everything that a detailed one of version 2 has.
    pub(super) fn document_v1(&self, kind: ObjectKind, id: Guid) -> Option<Value> {
        let document = match kind {
            ObjectKind::Network => {
                let of_network = |endpoint: &Endpoint| endpoint.host_compute_network == Some(id);
                let count =
                    self.state.endpoints().filter(|(_, endpoint)| of_network(endpoint)).count();
                serde_json::to_value(v1::Network::of(self.state.network(id)?, count))
            }
            ObjectKind::Endpoint => {
                let endpoint = self.state.endpoint(id)?;
                let network = endpoint.host_compute_network;
                let network = network.and_then(|network| self.state.network(network));
                serde_json::to_value(v1::Endpoint::of(endpoint, network))
            }
            ObjectKind::LoadBalancer => {
                serde_json::to_value(v1::PolicyList::of(self.state.load_balancer(id)?))
            }
            ObjectKind::Namespace => {
                serde_json::to_value(v1::Namespace::of(self.state.namespace(id)?))
            }
            ObjectKind::Service => return None,
        };
        let mut document = document.ok()?;
        if let Some(members) = document.as_object_mut() {
            self.add_generated(kind, id, members);
            let health = members.entry("Health".to_owned()).or_insert_with(|| json!({}));
            if let Some(health) = health.as_object_mut() {
                add_health(health);
            }
            members.insert("Resources".to_owned(), self.resources(kind, id));
            if kind == ObjectKind::Network {
                let address = json!(self.knobs.management_address);
                members.entry("ManagementIP".to_owned()).or_insert(address);
                members.entry("Layer".to_owned()).or_insert_with(|| layer(id));
            }
        }
        Some(document)
    }

    /// What an object holds of the machine: an endpoint that is attached its port of the virtual switch.
    fn resources(&self, kind: ObjectKind, id: Guid) -> Value {
        let is_attached = self.state.endpoint(id).is_some_and(Endpoint::is_attached);
        let allocators = match kind {
            ObjectKind::Endpoint if is_attached => {
                json!([{ "Tag": "Endpoint Port", "EndpointPortGuid": derived(id, "port") }])
            }
            _ => json!([]),
        };
        json!({ "ID": derived(id, "resources"), "Allocators": allocators })
    }

    /// Ids in the case that this HNS writes them in.
    pub(super) fn write_ids(&self, document: &mut Value) {
        if !self.knobs.upper_case_ids {
            return;
        }
        match document {
            Value::String(text) if text.parse::<Guid>().is_ok() => text.make_ascii_uppercase(),
            Value::Array(items) => items.iter_mut().for_each(|item| self.write_ids(item)),
            Value::Object(members) => {
                members.values_mut().for_each(|member| self.write_ids(member));
            }
            _ => {}
        }
    }
}

/// No emulated object has met an error, and none has a time: documents are the same at every run.
fn add_health(health: &mut Map<String, Value>) {
    for member in ["LastErrorCode", "LastUpdateTime"] {
        health.entry(member.to_owned()).or_insert_with(|| json!(0));
    }
}

/// Without a version HNS answers in the shapes of version 1, as microsoft/WSL relies on.
fn is_version_2(query: &Query) -> bool {
    query.schema_version.is_some_and(|version| version.major >= 2)
}

/// The layer below a network: the virtual switch, with the ports of the host and of the adapter, where
/// microsoft/wcnscripts looks for them.
fn layer(id: Guid) -> Value {
    json!({ "Resources": { "ID": derived(id, "layer"), "Allocators": [
        { "Tag": "Host Vnic", "EndpointPortGuid": derived(id, "host") },
        { "Tag": "External Adapter Info", "ExternalNicPortGuid": derived(id, "external") },
    ] } })
}

/// The id of something that belongs to an object, which HNS makes up and nobody asks for by itself.
fn derived(id: Guid, what: &str) -> Guid {
    Guid::from_uuid(uuid::Uuid::new_v5(id.uuid(), what.as_bytes()))
}
