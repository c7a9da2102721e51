//! How a proxy is doing, as it tells those who ask.

mod pages;
mod report;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use self::pages::conditions_of_pages;
pub(crate) use self::report::{Report, camel_case};

/// How a proxy is doing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// The node.
    pub node: String,
    /// The process.
    pub process_id: u32,
    /// How long it has been running.
    pub up_seconds: u64,
    /// The last step of the ViewStream that was taken in.
    pub revision: u64,
    /// How it is.
    pub state: State,
    /// What is waited for, in words.
    pub waiting_for: Vec<String>,
    /// The HNS network, once it is found.
    pub network: Option<NetworkStatus>,
    /// How many objects there are.
    pub objects: Objects,
    /// What is wrong, the worst first.
    pub conditions: Vec<Condition>,
    /// What HNS cannot do for the present Services.
    pub limits: Vec<LimitStatus>,
    /// Calls of HNS by verb, kind and code.
    pub calls: Vec<Calls>,
    /// What happened so far.
    pub counters: BTreeMap<String, u64>,
    /// What is read.
    pub input: InputStatus,
}

/// How a proxy is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum State {
    /// All that is wanted has been attempted.
    Settled,
    /// Changes are being made.
    Working,
    /// Nothing can be done before something outside happens.
    Waiting,
    /// So many calls hang that nothing more is written.
    Stuck,
}

/// The HNS network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NetworkStatus {
    /// Its id.
    pub id: String,
    /// `l2bridge` or `overlay`.
    #[serde(rename = "type")]
    pub network_type: String,
    /// The node's addresses on it.
    pub management_addresses: Vec<String>,
    /// The address that load balancers rewrite clients to, on overlays.
    pub source_vip: Option<String>,
    /// Whether ClusterIP load balancers are to use direct server return.
    pub dsr: bool,
}

/// How many objects there are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Objects {
    /// Load balancers that are wanted.
    pub wanted_load_balancers: usize,
    /// Load balancers of ours that HNS holds.
    pub own_load_balancers: usize,
    /// Endpoints that are wanted, those of pods on this node included.
    pub wanted_endpoints: usize,
    /// Endpoints of ours that HNS holds.
    pub own_endpoints: usize,
    /// Objects of other owners that equal what is wanted and are used.
    #[serde(default)]
    pub used_foreign: usize,
    /// Objects of ours in a broken state.
    pub degraded: usize,
    /// Blocks of 64 ports that are left for each protocol, at the most that Windows has.
    pub port_blocks_left: usize,
}

/// How bad something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Severity {
    /// Nothing works because of it.
    Everything,
    /// Something does not work because of it.
    Failure,
    /// Something is waited for, or should be looked at.
    Notice,
}

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// What, in a word that programs read.
    pub condition: String,
    /// How bad it is.
    pub severity: Severity,
    /// The object of HNS; none where it concerns all.
    pub object: Option<String>,
    /// The service ports that it harms, sorted.
    pub services: Vec<String>,
    /// What is wrong, as HNS said it where HNS did.
    pub detail: String,
    /// What to do.
    pub advice: String,
    /// The HRESULT, as `0x803B0013`.
    pub hresult: Option<String>,
    /// The name of the HRESULT.
    pub hresult_name: Option<String>,
    /// How often it failed in a row.
    pub failures: Option<u32>,
    /// For how long it has been so.
    pub for_seconds: Option<u64>,
    /// When it is tried again.
    pub next_try_seconds: Option<u64>,
}

/// Something that HNS cannot do for a Service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitStatus {
    /// The limit, as conditions are written: `DsrRemoteClient`.
    pub condition: String,
    /// `NAMESPACE/NAME`.
    pub service: String,
    /// `KIND/ADDRESS/PORT/PROTO` each.
    pub frontends: Vec<String>,
    /// What a user sees of it.
    pub detail: String,
}

/// Calls of one kind that ended alike.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Calls {
    /// `list`, `open`, `read`, `create`, `modify`, `delete`, `close`, `register`, `unregister`, `call`.
    pub verb: String,
    /// `network`, `endpoint`, `loadBalancer`, `namespace`, `service`.
    pub kind: String,
    /// The HRESULT, as `0x00000000`.
    pub hresult: String,
    /// The name of the HRESULT.
    pub hresult_name: Option<String>,
    /// How often.
    pub count: u64,
    /// How long all of them took together.
    pub total_seconds: f64,
    /// How long the longest took.
    pub longest_seconds: f64,
}

/// What is read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputStatus {
    /// Services.
    pub services: usize,
    /// EndpointSlices.
    pub slices: usize,
    /// Nodes.
    pub nodes: usize,
    /// How much was refused.
    pub refused: usize,
    /// The first refusals.
    pub refusals: Vec<String>,
}
