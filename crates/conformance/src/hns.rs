//! The Host Networking Service behind a Windows backend, seen from outside: what happens to it, what it holds, what it was
//! asked.
//!
//! Documents are HNS' own, as JSON: so nothing here can share a mistake with what it tests.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What the HNS of a case is like. The network and the endpoints of the node's pods are there, and the proxy is not started
/// yet.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HnsSetup {
    /// What is not known of a real HNS, by the emulator's names; what is left out is the usual.
    #[serde(default)]
    pub knobs: Option<Value>,
}

/// The kind of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum HnsKind {
    /// A network.
    Network,
    /// An endpoint.
    Endpoint,
    /// A load balancer.
    LoadBalancer,
}

/// What happens to HNS, or to the proxy in front of it.
#[derive(Debug, Clone, PartialEq)]
pub enum HnsEvent {
    /// The proxy starts; one that runs is ended first.
    ProxyStarts,
    /// The proxy ends.
    ProxyStops,
    /// HNS stops.
    Stops,
    /// HNS starts.
    Starts,
    /// HNS stops and starts while nobody calls.
    Restarts,
    /// As [`Self::Restarts`], and nobody is told.
    RestartsUnseen,
    /// The network and what is on it go.
    NetworkGoes,
    /// The network comes back as it was, without what was on it but the pods' endpoints.
    NetworkComes,
    /// Time passes.
    Passes(Duration),
    /// From now on these calls go wrong, by the emulator's script, and no others.
    Faults(Vec<Value>),
    /// An object is put there, or in the place of the one with its id.
    Put(HnsKind, Value),
    /// The object with this id is taken away.
    Remove(HnsKind, String),
}

/// A call that changed what HNS holds, or tried to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HnsCall {
    /// The exported function.
    pub function: String,
    /// The object, as far as it is known.
    pub id: Option<String>,
    /// What HNS answered; 0 is success.
    pub hresult: u32,
}

/// What HNS was asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HnsCalls {
    /// The calls that changed something, or tried to, in order.
    pub mutating: Vec<HnsCall>,
    /// How many calls there were in all.
    pub total: u64,
}

/// A backend with an HNS.
pub trait HnsSubject {
    /// Lets `event` happen, and then has the proxy do all that is due.
    ///
    /// # Errors
    /// A sentence for the person who reads the report.
    fn event(&mut self, event: &HnsEvent) -> Result<(), String>;

    /// All that HNS holds: `networks`, `endpoints`, `loadBalancers`, each a list of HNS' own documents.
    ///
    /// # Errors
    /// A sentence for the person who reads the report.
    fn held(&mut self) -> Result<Value, String>;

    /// What HNS was asked since this was last called.
    ///
    /// # Errors
    /// A sentence for the person who reads the report.
    fn take_calls(&mut self) -> Result<HnsCalls, String>;

    /// What the proxy reports of itself.
    ///
    /// # Errors
    /// A sentence for the person who reads the report.
    fn standing(&mut self) -> Result<Value, String>;
}
