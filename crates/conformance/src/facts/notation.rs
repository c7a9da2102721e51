//! The notation of the fact files, as serde reads it. `facts/README.md` explains it to people.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Fact;
use super::health::{Get, HealthSection, ProxyEvent};
use super::hns::{Event, HnsExpected, HnsSection};
use super::outcome::Trace;

/// One file: a section and its facts.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SectionFile {
    /// The section's letter.
    pub(super) section: String,
    /// What the section is about; for people.
    #[serde(rename = "title")]
    pub(super) _title: String,
    /// Objects that several cases of the file share.
    #[serde(default)]
    pub(super) groups: BTreeMap<String, Vec<Object>>,
    /// The rows.
    pub(super) facts: Vec<Fact>,
}

/// What every fact may name.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Fixture {
    /// A word for an address.
    pub(super) names: BTreeMap<String, NamedAddress>,
    /// The nodes that are there in every case.
    pub(super) nodes: Vec<Node>,
}

/// An address with a name.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NamedAddress {
    /// The address.
    pub(super) address: String,
    /// The node where an endpoint of this name runs.
    #[serde(default)]
    pub(super) node: Option<String>,
}

impl Fixture {
    /// The address that a word stands for; any other text stands for itself.
    pub(super) fn address(&self, word: &str) -> String {
        self.names.get(word).map_or_else(|| word.to_owned(), |named| named.address.clone())
    }

    /// Whether a node of the fixture has that name.
    pub(super) fn is_node(&self, word: &str) -> bool {
        self.nodes.iter().any(|node| node.name == word)
    }

    /// The node where an endpoint of that name or address runs, as far as the fixture tells.
    pub(super) fn node_of(&self, word: &str) -> Option<String> {
        if let Some(named) = self.names.get(word) {
            return named.node.clone();
        }
        let address: IpAddr = word.parse().ok()?;
        let owner = self.nodes.iter().find(|node| {
            node.pods
                .iter()
                .any(|range| range.parse::<IpNet>().is_ok_and(|network| network.contains(&address)))
        })?;
        Some(owner.name.clone())
    }
}

/// How a row is with a backend, where that is not told by its cases alone.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Standing {
    /// It is run, and a limit excuses it that changes what becomes of no packet. The backend has to name the limit itself.
    Limit(String),
    /// It belongs to another backend, or to a part outside of the service rules.
    Other,
    /// It waits for the open issue of that number.
    Later(u32),
}

/// A cluster, a node to look from, and what is done and asked, in order.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Case {
    /// What tells this case from the others of its fact.
    #[serde(default)]
    pub(super) name: Option<String>,
    /// The node whose proxy answers.
    #[serde(default = "first_node")]
    pub(super) node: String,
    /// The configuration documents, without their heads.
    #[serde(default)]
    pub(super) configuration: Configuration,
    /// What the network file says of the node's HNS network; the usual one if left out. Only a Windows backend looks at it.
    #[serde(default)]
    pub(super) windows: Option<Value>,
    /// What happens to HNS is part of the case: the proxy starts after `before`, and does what is due and no more. Only a
    /// Windows backend can run it.
    #[serde(default)]
    pub(super) hns: Option<HnsSection>,
    /// Health is asked for over HTTP.
    #[serde(default)]
    pub(super) health: Option<HealthSection>,
    /// The groups of the file that come before `objects`.
    #[serde(default, rename = "use")]
    pub(super) groups: Vec<String>,
    /// The objects at the start, besides the nodes of the fixture.
    #[serde(default)]
    pub(super) objects: Vec<Object>,
    /// What is done and asked.
    pub(super) steps: Vec<Step>,
}

fn first_node() -> String {
    "n1".to_owned()
}

/// The two configuration documents, without their heads.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Configuration {
    /// The fields of a `KubeProxyConfiguration`.
    #[serde(default)]
    pub(super) kube_proxy: Option<Map<String, Value>>,
    /// The fields of a `SwitchyardConfiguration`.
    #[serde(default)]
    pub(super) switchyard: Option<Map<String, Value>>,
}

/// One thing done or asked.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Step {
    /// Where a packet goes.
    Trace(Trace),
    /// One batch of changes.
    Change(Vec<Object>),
    /// How many view keys the last batch touched.
    Changed(usize),
    /// The view lists a refusal like this one.
    Refused(Refusal),
    /// The view lists no refusal of an object whose name holds this text.
    NotRefused(String),
    /// The view lists this conflict.
    Conflict(Conflict),
    /// The view lists that many conflicts.
    Conflicts(usize),
    /// The view has no entry of this Service.
    Unserved(String),
    /// The view's entry has exactly these frontends.
    Frontends(Frontends),
    /// A value of the view, or of one entry of it.
    Value(ViewValue),
    /// Something happens to HNS or to the proxy.
    Event(Event),
    /// What HNS holds and was asked, and what the proxy reports.
    Hns(HnsExpected),
    /// Something happens to the proxy whose health is asked for.
    Proxy(ProxyEvent),
    /// What a page says.
    Get(Get),
    /// What the proxy reports: something with all of these words, or nothing.
    Reported(Vec<String>),
}

/// What a refusal has to look like; what is left out is not looked at.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Refusal {
    /// Kind, namespace and name.
    #[serde(default)]
    pub(super) object: Option<String>,
    /// The path of the field.
    #[serde(default)]
    pub(super) field: Option<String>,
    /// A part of the reason, in any case of letters.
    #[serde(default)]
    pub(super) reason: Option<String>,
}

/// Two service ports that want one frontend.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Conflict {
    /// What both want.
    pub(super) frontend: String,
    /// Who has it.
    pub(super) winner: String,
    /// Who has to do without.
    pub(super) loser: String,
}

/// The frontends of one entry of the view.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Frontends {
    /// The entry.
    pub(super) of: Entry,
    /// `KIND/ADDRESS/PORT`, with `*` for the address of a node port.
    pub(super) are: Vec<String>,
}

/// One value in the view.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ViewValue {
    /// The entry to look in; without one, the whole view.
    #[serde(default)]
    pub(super) of: Option<Entry>,
    /// A JSON pointer.
    pub(super) at: String,
    /// What is there.
    pub(super) is: Value,
}

/// An entry of the view: `NAMESPACE/NAME:PORTNAME`, and where it matters the protocol and the family.
#[derive(Debug, Clone, Deserialize)]
#[serde(from = "String")]
pub(super) struct Entry {
    /// The namespace, the Service and its port's name.
    pub(super) port: String,
    /// The protocol.
    pub(super) protocol: String,
    /// The family.
    pub(super) family: String,
}

impl From<String> for Entry {
    fn from(text: String) -> Self {
        let mut entry =
            Self { port: String::new(), protocol: "TCP".to_owned(), family: "IPv4".to_owned() };
        for word in text.split_whitespace() {
            match word {
                "TCP" | "UDP" | "SCTP" => word.clone_into(&mut entry.protocol),
                "IPv4" | "IPv6" => word.clone_into(&mut entry.family),
                other => other.clone_into(&mut entry.port),
            }
        }
        entry
    }
}

/// A short form of one Kubernetes object, or of several.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Object {
    /// A Service.
    Service(Service),
    /// An EndpointSlice.
    Slice(Slice),
    /// A Node.
    Node(Node),
    /// Any document, in full.
    Document(Value),
    /// `KIND NAME` or `KIND NAMESPACE/NAME`: the object goes. Only in a change.
    Delete(String),
    /// The same objects many times, with `{i}` counting.
    Repeat(Repeat),
}

/// The same objects many times.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Repeat {
    /// How often; `{i}` runs from 0 to one less.
    pub(super) times: u32,
    /// What is repeated.
    pub(super) objects: Vec<Object>,
}

/// A Service.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Service {
    /// `NAME` or `NAMESPACE/NAME`.
    pub(super) name: String,
    /// The type.
    #[serde(default = "cluster_ip_type", rename = "type")]
    pub(super) kind: String,
    /// The cluster addresses, by name or as they are.
    #[serde(default)]
    pub(super) ips: Option<Vec<String>>,
    /// The ports, as text or in full.
    #[serde(default = "service_ports")]
    pub(super) ports: Vec<Value>,
    /// The load-balancer addresses, as text or as whole ingress entries.
    #[serde(default)]
    pub(super) balancer: Vec<Value>,
    /// The external addresses.
    #[serde(default)]
    pub(super) external: Vec<String>,
    /// The creation time.
    #[serde(default)]
    pub(super) created: Option<String>,
    /// The labels.
    #[serde(default)]
    pub(super) labels: BTreeMap<String, String>,
    /// The annotations.
    #[serde(default)]
    pub(super) annotations: BTreeMap<String, String>,
    /// More fields of the spec, in Kubernetes' own words.
    #[serde(default)]
    pub(super) spec: Map<String, Value>,
}

fn cluster_ip_type() -> String {
    "ClusterIP".to_owned()
}

fn service_ports() -> Vec<Value> {
    vec![Value::from("http 80/TCP")]
}

/// An EndpointSlice.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Slice {
    /// `NAME` or `NAMESPACE/NAME`.
    pub(super) name: String,
    /// The Service named by the label; without it there is no such label.
    #[serde(default)]
    pub(super) of: Option<String>,
    /// The address type; without it, that of the first endpoint.
    #[serde(default, rename = "type")]
    pub(super) kind: Option<String>,
    /// The ports, as text or in full.
    #[serde(default = "slice_ports")]
    pub(super) ports: Vec<Value>,
    /// The endpoints, as text or in full.
    pub(super) endpoints: Vec<Value>,
    /// The labels, besides the one that names the Service.
    #[serde(default)]
    pub(super) labels: BTreeMap<String, String>,
    /// The annotations.
    #[serde(default)]
    pub(super) annotations: BTreeMap<String, String>,
}

fn slice_ports() -> Vec<Value> {
    vec![Value::from("http 8080/TCP")]
}

/// A Node.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Node {
    /// The name.
    pub(super) name: String,
    /// The internal addresses, in order.
    pub(super) addresses: Vec<String>,
    /// The pod ranges.
    #[serde(default)]
    pub(super) pods: Vec<String>,
    /// The zone.
    #[serde(default)]
    pub(super) zone: Option<String>,
    /// The labels, besides the zone.
    #[serde(default)]
    pub(super) labels: BTreeMap<String, String>,
}
