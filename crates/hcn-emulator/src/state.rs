//! All that HNS holds, and the file of it.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use switchyard_hcn::{Endpoint, Guid, LoadBalancer, Namespace, Network, UnknownMembers, Version};

#[cfg(test)]
mod tests;

/// What HNS holds: networks, endpoints, namespaces and load balancers by id.
///
/// Every object is under its own id. Beyond that a state may be anything that a real HNS was found in: references that
/// lead nowhere, two load balancers with one frontend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// The version of HNS.
    pub version: Version,
    networks: BTreeMap<Guid, Network>,
    endpoints: BTreeMap<Guid, Endpoint>,
    namespaces: BTreeMap<Guid, Namespace>,
    load_balancers: BTreeMap<Guid, LoadBalancer>,
    unknown: UnknownMembers,
}

/// Why a file is not a state. The message names the member.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// It is not JSON.
    #[error("the HNS state is not JSON")]
    NotJson {
        /// Where reading failed.
        #[source]
        source: serde_json::Error,
    },
    /// A member is not what it should be.
    #[error("{field} of the HNS state cannot be read")]
    Field {
        /// The path of the member.
        field: String,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// An object has no id.
    #[error("{object} of the HNS state has no ID")]
    WithoutId {
        /// The path of the object.
        object: String,
    },
    /// Two objects have one id.
    #[error("{object} of the HNS state has the ID of another, {id}")]
    Duplicate {
        /// The path of the second object.
        object: String,
        /// The id of both.
        id: Guid,
    },
}

/// A state as its file has it.
#[derive(Serialize)]
struct File<'a> {
    version: Version,
    networks: Vec<&'a Network>,
    endpoints: Vec<&'a Endpoint>,
    namespaces: Vec<&'a Namespace>,
    #[serde(rename = "loadBalancers")]
    load_balancers: Vec<&'a LoadBalancer>,
    #[serde(flatten)]
    unknown: &'a UnknownMembers,
}

impl Default for State {
    /// The empty state of the version that everything is written for.
    fn default() -> Self {
        Self::new(Self::VERSION)
    }
}

impl State {
    /// The version of HNS where nothing else is said: the first that changes load balancers in place.
    pub const VERSION: Version = Version::new(15, 5);

    /// The empty state of an HNS of `version`.
    #[must_use]
    pub fn new(version: Version) -> Self {
        Self {
            version,
            networks: BTreeMap::new(),
            endpoints: BTreeMap::new(),
            namespaces: BTreeMap::new(),
            load_balancers: BTreeMap::new(),
            unknown: UnknownMembers::new(),
        }
    }

    /// Reads the file of a state. Every member may be missing, and unknown ones are kept. A byte-order mark before it is
    /// passed over: PowerShell writes one.
    ///
    /// # Errors
    ///
    /// If it is not JSON, an object has no id or that of another, or a member cannot be read.
    pub fn from_json(text: &str) -> Result<Self, StateError> {
        let mut members: Map<String, Value> = serde_json::from_str(without_mark(text))
            .map_err(|source| StateError::NotJson { source })?;
        let mut state = Self::default();
        let version: Option<Version> =
            decode("version", members.remove("version").unwrap_or_default())?;
        state.version = version.unwrap_or(Self::VERSION);
        state.networks = objects(&mut members, "networks", |network: &Network| network.id)?;
        state.endpoints = objects(&mut members, "endpoints", |endpoint: &Endpoint| endpoint.id)?;
        state.namespaces =
            objects(&mut members, "namespaces", |namespace: &Namespace| namespace.id)?;
        state.load_balancers =
            objects(&mut members, "loadBalancers", |object: &LoadBalancer| object.id)?;
        state.unknown = members.into_iter().collect();
        Ok(state)
    }

    /// The file of the state: objects by id, members that say nothing left out.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Writing to a string fails only for maps whose keys are not text, and no document has such.
        let mut text = serde_json::to_string_pretty(&self.file()).unwrap_or_default();
        text.push('\n');
        text
    }

    /// The same as a value.
    ///
    /// # Errors
    ///
    /// If a document has a key that is no text, which none has.
    pub fn to_value(&self) -> Result<Value, serde_json::Error> {
        serde_json::to_value(self.file())
    }

    fn file(&self) -> File<'_> {
        File {
            version: self.version,
            networks: self.networks.values().collect(),
            endpoints: self.endpoints.values().collect(),
            namespaces: self.namespaces.values().collect(),
            load_balancers: self.load_balancers.values().collect(),
            unknown: &self.unknown,
        }
    }

    /// All networks by id.
    pub fn networks(&self) -> impl ExactSizeIterator<Item = (Guid, &Network)> {
        self.networks.iter().map(|(id, network)| (*id, network))
    }

    /// The network with this id.
    #[must_use]
    pub fn network(&self, id: Guid) -> Option<&Network> {
        self.networks.get(&id)
    }

    /// Puts a network in, or in the place of the one with this id.
    pub fn insert_network(&mut self, id: Guid, mut network: Network) {
        network.id = Some(id);
        network.schema_version.get_or_insert(Version::SCHEMA);
        self.networks.insert(id, network);
    }

    /// Takes a network out, and nothing with it.
    pub fn remove_network(&mut self, id: Guid) -> Option<Network> {
        self.networks.remove(&id)
    }

    /// All endpoints by id.
    pub fn endpoints(&self) -> impl ExactSizeIterator<Item = (Guid, &Endpoint)> {
        self.endpoints.iter().map(|(id, endpoint)| (*id, endpoint))
    }

    /// The endpoint with this id.
    #[must_use]
    pub fn endpoint(&self, id: Guid) -> Option<&Endpoint> {
        self.endpoints.get(&id)
    }

    /// Puts an endpoint in, or in the place of the one with this id.
    pub fn insert_endpoint(&mut self, id: Guid, mut endpoint: Endpoint) {
        endpoint.id = Some(id);
        endpoint.schema_version.get_or_insert(Version::SCHEMA);
        self.endpoints.insert(id, endpoint);
    }

    /// Takes an endpoint out, whether a load balancer names it or not.
    pub fn remove_endpoint(&mut self, id: Guid) -> Option<Endpoint> {
        self.endpoints.remove(&id)
    }

    /// All load balancers by id.
    pub fn load_balancers(&self) -> impl ExactSizeIterator<Item = (Guid, &LoadBalancer)> {
        self.load_balancers.iter().map(|(id, load_balancer)| (*id, load_balancer))
    }

    /// The load balancer with this id.
    #[must_use]
    pub fn load_balancer(&self, id: Guid) -> Option<&LoadBalancer> {
        self.load_balancers.get(&id)
    }

    /// Puts a load balancer in, or in the place of the one with this id.
    pub fn insert_load_balancer(&mut self, id: Guid, mut load_balancer: LoadBalancer) {
        load_balancer.id = Some(id);
        load_balancer.schema_version.get_or_insert(Version::SCHEMA);
        self.load_balancers.insert(id, load_balancer);
    }

    /// Takes a load balancer out.
    pub fn remove_load_balancer(&mut self, id: Guid) -> Option<LoadBalancer> {
        self.load_balancers.remove(&id)
    }

    /// All namespaces by id.
    pub fn namespaces(&self) -> impl ExactSizeIterator<Item = (Guid, &Namespace)> {
        self.namespaces.iter().map(|(id, namespace)| (*id, namespace))
    }

    /// The namespace with this id.
    #[must_use]
    pub fn namespace(&self, id: Guid) -> Option<&Namespace> {
        self.namespaces.get(&id)
    }

    /// Puts a namespace in, or in the place of the one with this id.
    pub fn insert_namespace(&mut self, id: Guid, mut namespace: Namespace) {
        namespace.id = Some(id);
        namespace.schema_version.get_or_insert(Version::SCHEMA);
        self.namespaces.insert(id, namespace);
    }

    /// Takes a namespace out, and nothing with it.
    pub fn remove_namespace(&mut self, id: Guid) -> Option<Namespace> {
        self.namespaces.remove(&id)
    }
}

/// A text without the byte-order mark that PowerShell begins files with.
pub(crate) fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{FEFF}').unwrap_or(text)
}

/// Takes the list `name` out of `members`.
fn objects<T: DeserializeOwned>(
    members: &mut Map<String, Value>,
    name: &str,
    id_of: impl Fn(&T) -> Option<Guid>,
) -> Result<BTreeMap<Guid, T>, StateError> {
    let list: Option<Vec<Value>> = decode(name, members.remove(name).unwrap_or_default())?;
    let mut objects = BTreeMap::new();
    for (position, document) in list.into_iter().flatten().enumerate() {
        let object = format!("{name}[{position}]");
        let decoded: T = decode_object(&object, document)?;
        let Some(id) = id_of(&decoded) else {
            return Err(StateError::WithoutId { object });
        };
        if objects.insert(id, decoded).is_some() {
            return Err(StateError::Duplicate { object, id });
        }
    }
    Ok(objects)
}

fn decode<T: DeserializeOwned>(field: &str, value: Value) -> Result<T, StateError> {
    serde_json::from_value(value)
        .map_err(|source| StateError::Field { field: field.to_owned(), source })
}

/// Decodes a document; when that fails, finds the member that cannot be read.
fn decode_object<T: DeserializeOwned>(object: &str, document: Value) -> Result<T, StateError> {
    let Err(whole) = T::deserialize(&document) else {
        return decode(object, document);
    };
    for (member, value) in document.as_object().into_iter().flatten() {
        let alone = Value::Object(Map::from_iter([(member.clone(), value.clone())]));
        decode::<T>(&format!("{object}.{member}"), alone)?;
    }
    Err(StateError::Field { field: object.to_owned(), source: whole })
}
