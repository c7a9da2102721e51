//! The documents, sorted by kind, and the parts of them that are read the same way everywhere.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::Value;

use super::{Family, SourceClass};

/// The objects that matter. A later document replaces an earlier one of the same kind, namespace and name.
pub(super) struct Documents<'a> {
    pub(super) services: Vec<&'a Value>,
    pub(super) slices: Vec<&'a Value>,
    pub(super) nodes: Vec<&'a Value>,
    pub(super) pods: Vec<&'a Value>,
}

impl<'a> Documents<'a> {
    pub(super) fn read(documents: &'a [Value]) -> Self {
        let mut objects = BTreeMap::new();
        for document in documents {
            collect(document, document["kind"].as_str().unwrap_or_default(), &mut objects);
        }
        let of = |kind: &str| -> Vec<&'a Value> {
            let wanted = |((found, ..), _): &(&(String, String, String), _)| found == kind;
            objects.iter().filter(wanted).map(|(_, value)| *value).collect()
        };
        Self {
            services: of("Service"),
            slices: of("EndpointSlice"),
            nodes: of("Node"),
            pods: of("Pod"),
        }
    }
}

/// Opens lists and keeps the four kinds. Items of a typed list need no kind of their own.
fn collect<'a>(
    value: &'a Value,
    kind: &str,
    objects: &mut BTreeMap<(String, String, String), &'a Value>,
) {
    let item_kind = match kind {
        "List" => Some(""),
        "ServiceList" | "EndpointSliceList" | "NodeList" | "PodList" => kind.strip_suffix("List"),
        _ => None,
    };
    if let Some(item_kind) = item_kind {
        for item in list(&value["items"]) {
            collect(item, item["kind"].as_str().unwrap_or(item_kind), objects);
        }
        return;
    }
    let version = value["apiVersion"].as_str();
    let is_ours = match kind {
        "Service" | "Node" | "Pod" => version.is_none_or(|version| version == "v1"),
        "EndpointSlice" => version.is_none_or(|version| version.starts_with("discovery.k8s.io/")),
        _ => false,
    };
    if is_ours {
        let key = (kind.to_owned(), namespace(value), name(value));
        objects.insert(key, value);
    }
}

/// The elements of an array; none for anything else.
pub(super) fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// The text of a field; empty for anything else.
pub(super) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// `metadata.name`.
pub(super) fn name(object: &Value) -> String {
    text(&object["metadata"]["name"]).to_owned()
}

/// `metadata.namespace`; a missing one is `default`.
pub(super) fn namespace(object: &Value) -> String {
    match text(&object["metadata"]["namespace"]) {
        "" => "default".to_owned(),
        namespace => namespace.to_owned(),
    }
}

/// A label, if it is there at all.
pub(super) fn label<'a>(object: &'a Value, label: &str) -> Option<&'a str> {
    object["metadata"]["labels"].get(label)?.as_str()
}

/// An address in ordinary text. Leading zeros and IPv4-mapped IPv6 addresses are refused.
pub(super) fn address(text: &str) -> Option<IpAddr> {
    match text.parse() {
        Ok(IpAddr::V6(address)) if address.to_ipv4_mapped().is_some() => None,
        Ok(address) => Some(address),
        Err(_) => None,
    }
}

/// A port number from 1 to 65535.
pub(super) fn port_number(value: &Value) -> Option<u16> {
    let number = u16::try_from(value.as_i64()?).ok()?;
    (number != 0).then_some(number)
}

/// A Node: its name, zone, addresses and pod ranges.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) name: String,
    /// Empty when the node has no zone.
    pub(super) zone: String,
    pub(super) internal: Vec<IpAddr>,
    pub(super) external: Vec<IpAddr>,
    pub(super) pod_ranges: Vec<IpNet>,
}

impl Node {
    pub(super) fn read(value: &Value) -> Self {
        let addresses = |kind: &str| -> Vec<IpAddr> {
            list(&value["status"]["addresses"])
                .iter()
                .filter(|entry| entry["type"] == kind)
                .filter_map(|entry| address(text(&entry["address"])))
                .collect()
        };
        let spec = &value["spec"];
        let mut ranges: Vec<&str> = list(&spec["podCIDRs"]).iter().map(text).collect();
        if ranges.is_empty() {
            ranges.push(text(&spec["podCIDR"]));
        }
        Self {
            name: name(value),
            zone: label(value, "topology.kubernetes.io/zone").unwrap_or_default().to_owned(),
            internal: addresses("InternalIP"),
            external: addresses("ExternalIP"),
            pod_ranges: ranges.into_iter().filter_map(|range| range.parse().ok()).collect(),
        }
    }

    pub(super) fn has(&self, address: IpAddr) -> bool {
        self.internal.contains(&address) || self.external.contains(&address)
    }

    /// The first internal address of the family, else the first external one.
    pub(super) fn primary(&self, family: Family) -> Option<IpAddr> {
        let mut all = self.internal.iter().chain(&self.external);
        all.find(|address| Family::of(**address) == family).copied()
    }

    /// A family is on when the node has an address or a pod range of it.
    pub(super) fn serves(&self, family: Family) -> bool {
        self.primary(family).is_some()
            || self.pod_ranges.iter().any(|range| Family::of(range.addr()) == family)
    }
}

/// Which external addresses are served.
#[derive(Debug)]
enum ExternalAddresses {
    All,
    Within(Vec<IpNet>),
}

/// How clients in the cluster are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Detector {
    /// Every pod counts as internal.
    EveryPod,
    /// Only pods of this node do.
    LocalPods,
    /// No pod does.
    Nothing,
}

/// What the configuration decides.
#[derive(Debug)]
pub(super) struct Configuration {
    /// Empty or `primary` alone means the primary addresses.
    node_port_addresses: Vec<IpNet>,
    pub(super) cluster_ranges: Vec<IpNet>,
    detector: Detector,
    pub(super) masquerade_all: bool,
    pub(super) service_ranges: Vec<IpNet>,
    external_addresses: ExternalAddresses,
    lists_primary: bool,
}

impl Configuration {
    pub(super) fn read(documents: &[Value]) -> Result<Self, String> {
        let mut configuration = Self {
            node_port_addresses: Vec::new(),
            cluster_ranges: Vec::new(),
            detector: Detector::EveryPod,
            masquerade_all: false,
            service_ranges: Vec::new(),
            external_addresses: ExternalAddresses::All,
            lists_primary: false,
        };
        for document in documents {
            match text(&document["kind"]) {
                "KubeProxyConfiguration" => configuration.read_kube_proxy(document)?,
                "SwitchyardConfiguration" => configuration.read_switchyard(document)?,
                other => return Err(format!("unknown configuration kind {other:?}")),
            }
        }
        Ok(configuration)
    }

    fn read_kube_proxy(&mut self, document: &Value) -> Result<(), String> {
        for entry in list(&document["nodePortAddresses"]) {
            match text(entry) {
                "primary" => self.lists_primary = true,
                range => self.node_port_addresses.push(range_of(range)?),
            }
        }
        for range in text(&document["clusterCIDR"]).split(',').map(str::trim) {
            if !range.is_empty() {
                self.cluster_ranges.push(range_of(range)?);
            }
        }
        self.detector = match text(&document["detectLocalMode"]) {
            "ClusterCIDR" if self.cluster_ranges.is_empty() => Detector::Nothing,
            "" | "ClusterCIDR" => Detector::EveryPod,
            "NodeCIDR" | "BridgeInterface" | "InterfaceNamePrefix" => Detector::LocalPods,
            other => return Err(format!("unknown detectLocalMode {other:?}")),
        };
        let of_section = |section: &str| document[section]["masqueradeAll"] == true;
        self.masquerade_all = of_section("iptables") || of_section("nftables");
        Ok(())
    }

    fn read_switchyard(&mut self, document: &Value) -> Result<(), String> {
        let ranges = |value: &Value| -> Result<Vec<IpNet>, String> {
            list(value).iter().map(|range| range_of(text(range))).collect()
        };
        self.service_ranges = ranges(&document["serviceCIDRs"])?;
        self.external_addresses = match &document["externalIPs"] {
            Value::Bool(false) => ExternalAddresses::Within(Vec::new()),
            within @ Value::Array(_) => ExternalAddresses::Within(ranges(within)?),
            _ => ExternalAddresses::All,
        };
        Ok(())
    }

    /// Whether an external address is served at all.
    pub(super) fn allows_external(&self, address: IpAddr) -> bool {
        match &self.external_addresses {
            ExternalAddresses::All => true,
            ExternalAddresses::Within(ranges) => {
                ranges.iter().any(|range| range.contains(&address))
            }
        }
    }

    /// Whether the client is inside the cluster, as far as this proxy can tell.
    pub(super) fn is_internal(&self, class: SourceClass) -> bool {
        match class {
            SourceClass::Node => true,
            SourceClass::LocalPod => self.detector != Detector::Nothing,
            SourceClass::RemotePod => self.detector == Detector::EveryPod,
            SourceClass::Outside => false,
        }
    }

    /// Without a detector nobody can be told apart, so cluster addresses keep every client's address.
    pub(super) fn has_no_detector(&self) -> bool {
        self.detector == Detector::Nothing
    }

    /// Whether node ports answer on an address of the node. Entries of the other family leave the default, the
    /// primary address.
    pub(super) fn answers_node_ports(&self, address: IpAddr, node: &Node) -> bool {
        let family = Family::of(address);
        let of_family = |range: &&IpNet| Family::of(range.addr()) == family;
        let mut ranges = self.node_port_addresses.iter().filter(of_family).peekable();
        let by_primary = (self.lists_primary || ranges.peek().is_none())
            && node.primary(family) == Some(address);
        by_primary || (node.has(address) && ranges.any(|range| range.contains(&address)))
    }

    /// Whether a loopback address was listed for node ports by a range of loopback addresses.
    pub(super) fn lists_loopback(&self, address: IpAddr) -> bool {
        address.is_loopback()
            && self
                .node_port_addresses
                .iter()
                .filter(|range| range.network().is_loopback() && range.broadcast().is_loopback())
                .any(|range| range.contains(&address))
    }
}

fn range_of(text: &str) -> Result<IpNet, String> {
    text.parse().map_err(|_| format!("{text:?} is not a range of addresses"))
}
