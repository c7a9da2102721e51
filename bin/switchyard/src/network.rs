//! The HNS that a command plans for or traces: read from files, or made up from the Node.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use anyhow::{Context, anyhow};
use ipnet::IpNet;
use serde::Deserialize;
use serde_json::json;
use switchyard_hcn::{
    Capabilities, Endpoint, Guid, IpConfiguration, Ipam, MacAddress, Network, NetworkType, Policy,
    Route, Subnet, Version,
};
use switchyard_hcn_emulator::{Emulator, State};
use switchyard_nodeview::Stream;
use switchyard_source::{WindowsConfiguration, from_yaml};
use switchyard_winkernel::WindowsNetwork;

use crate::arguments::WindowsArguments;
use crate::failure::Failure;
use crate::input::read_file;

/// The only version of HNS that can be planned for yet.
const VERSION: Version = Version::new(15, 5);

/// The network file. Every key may be left out; unknown ones are errors.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct NetworkFile {
    name: Option<String>,
    #[serde(rename = "type")]
    network_type: Option<String>,
    id: Option<Guid>,
    management_addresses: Option<Vec<IpAddr>>,
    host_mac: Option<String>,
    pod_subnets: Option<Vec<IpNet>>,
    /// Of overlay networks; passed over on others.
    remote_subnets: Option<serde_json::Value>,
    /// Of overlay networks; passed over on others.
    source_vip: Option<IpAddr>,
    hns_version: Option<String>,
    dsr: Option<bool>,
    /// Of health-check load balancers; passed over without them.
    root_endpoint: Option<serde_json::Value>,
    endpoints: Option<Vec<LocalEndpoint>>,
}

/// An endpoint that the CNI has made.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct LocalEndpoint {
    address: IpAddr,
    mac: String,
}

/// An emulated HNS, and what the planner knows of its network.
pub struct Hns {
    /// The HNS.
    pub emulator: Emulator,
    /// The network.
    pub network: WindowsNetwork,
}

impl Hns {
    /// The HNS that `arguments` name, for the node of `stream`.
    ///
    /// # Errors
    /// When a file cannot be read, or asks for what is not available yet.
    pub fn new(
        arguments: &WindowsArguments,
        configuration: &WindowsConfiguration,
        stream: &Stream,
    ) -> Result<Self, Failure> {
        if arguments.forward_healthcheck_vip || configuration.forward_health_check_vip {
            return Err(Failure::Refused(
                "health-check load balancers (--forward-healthcheck-vip) are not available yet"
                    .to_owned(),
            ));
        }
        let (file, id, state) = read(arguments, configuration, stream)?;
        if state.version != VERSION {
            return Err(Failure::Refused(format!(
                "HNS {} is not available yet: only {VERSION} is",
                state.version
            )));
        }
        let network = state.network(id);
        let is_overlay = network.is_some_and(|own| own.network_type == NetworkType::Overlay);
        if is_overlay || file.is_overlay() {
            return Err(Failure::Refused(
                "overlay networks are not available yet: only l2bridge is".to_owned(),
            ));
        }
        Ok(Self::of(&file, id, state, configuration, stream))
    }

    /// As [`Self::new`], to look at and never to plan for: of any version of HNS and with any network.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn as_it_is(
        arguments: &WindowsArguments,
        configuration: &WindowsConfiguration,
        stream: &Stream,
    ) -> Result<Self, Failure> {
        let (file, id, state) = read(arguments, configuration, stream)?;
        Ok(Self::of(&file, id, state, configuration, stream))
    }

    fn of(
        file: &NetworkFile,
        id: Guid,
        state: State,
        configuration: &WindowsConfiguration,
        stream: &Stream,
    ) -> Self {
        let network = state.network(id);
        let mut management_addresses: BTreeSet<IpAddr> =
            network.map(management_addresses).unwrap_or_default();
        management_addresses.extend(file.management_addresses.iter().flatten());
        Self {
            network: WindowsNetwork {
                id,
                management_addresses,
                local_endpoints: local_endpoints(&state, id),
                capabilities: Capabilities::of(state.version),
                dsr: file.dsr.or(configuration.enable_dsr).unwrap_or(true),
                masquerade_all: stream.view().settings().masquerade_all,
            },
            emulator: Emulator::new(state),
        }
    }
}

impl NetworkFile {
    fn is_overlay(&self) -> bool {
        self.network_type.as_ref().is_some_and(|own| own.eq_ignore_ascii_case("overlay"))
    }
}

/// The network file, and the state with the id of its network.
fn read(
    arguments: &WindowsArguments,
    configuration: &WindowsConfiguration,
    stream: &Stream,
) -> Result<(NetworkFile, Guid, State), Failure> {
    let file = arguments.network.as_deref().map(read_network_file).transpose()?;
    let state = arguments.hns.as_deref().map(read_state).transpose()?;
    let mut file = file.unwrap_or_default();
    file.name = file.name.or_else(|| configuration.network_name.clone());
    let (id, state) = match state {
        Some(state) => (find_network(&state, &file)?, state),
        None => invent(&file, stream)?,
    };
    Ok((file, id, state))
}

/// The addresses that have an endpoint on this node.
fn local_endpoints(state: &State, network: Guid) -> BTreeSet<IpAddr> {
    state
        .endpoints()
        .map(|(_, endpoint)| endpoint)
        .filter(|endpoint| !endpoint.is_remote() && endpoint.host_compute_network == Some(network))
        .flat_map(Endpoint::addresses)
        .collect()
}

impl Hns {
    /// Makes the endpoints of the node's pods that have none yet, as the CNI does on a real node. What the CNI does is not
    /// among the calls that are counted.
    pub fn add_pod_endpoints(&mut self, stream: &Stream) {
        let mut state = self.emulator.state();
        let own: Vec<IpAddr> = self.network.management_addresses.iter().copied().collect();
        let subnets: Vec<IpNet> = state
            .network(self.network.id)
            .into_iter()
            .flat_map(|network| network.subnets().filter_map(Subnet::prefix).collect::<Vec<_>>())
            .collect();
        let missing: Vec<IpAddr> =
            local_pods(stream, &own).difference(&self.network.local_endpoints).copied().collect();
        if missing.is_empty() {
            return;
        }
        let mut taken = taken_macs(&state);
        for address in missing {
            let mac = invented_mac(address, &mut taken);
            insert_local_endpoint(&mut state, self.network.id, address, mac, &subnets);
            self.network.local_endpoints.insert(address);
        }
        self.emulator = Emulator::new(state);
    }
}

fn read_network_file(path: &str) -> Result<NetworkFile, Failure> {
    let text = read_file(path, "network")?;
    let file: NetworkFile =
        from_yaml(&text).map_err(|trouble| anyhow!("network {path}: {trouble}"))?;
    check_hardware_addresses(&file).map_err(|trouble| anyhow!("network {path}: {trouble}"))?;
    match file.network_type.as_deref().map(str::to_ascii_lowercase).as_deref() {
        None | Some("l2bridge" | "overlay") => Ok(file),
        Some(other) => {
            Err(anyhow!("network {path}: type: {other:?} is neither l2bridge nor overlay").into())
        }
    }
}

/// Hardware addresses must be such, and a pod has one endpoint.
fn check_hardware_addresses(file: &NetworkFile) -> Result<(), String> {
    let check = |field: &str, mac: &str| {
        let parsed: Result<MacAddress, _> = mac.parse();
        parsed.map(drop).map_err(|trouble| format!("{field}: {trouble}"))
    };
    if let Some(mac) = &file.host_mac {
        check("hostMac", mac)?;
    }
    let mut seen = BTreeSet::new();
    for (index, endpoint) in file.endpoints.iter().flatten().enumerate() {
        check(&format!("endpoints[{index}].mac"), &endpoint.mac)?;
        if !seen.insert(endpoint.address) {
            return Err(format!("endpoints[{index}].address: {} is there twice", endpoint.address));
        }
    }
    Ok(())
}

/// Reads a state of HNS.
pub(crate) fn read_state(path: &str) -> Result<State, Failure> {
    let text = read_file(path, "HNS state")?;
    Ok(State::from_json(&text).with_context(|| format!("HNS state {path}"))?)
}

/// The network of a state that load balancers are on: the one the file names, else the only one of its kind.
fn find_network(state: &State, file: &NetworkFile) -> Result<Guid, Failure> {
    let named = |network: &Network| {
        file.name.as_ref().is_none_or(|name| *name == network.name)
            && file.id.is_none_or(|id| network.id == Some(id))
    };
    let of_kind = |network: &Network| {
        matches!(network.network_type, NetworkType::L2Bridge | NetworkType::Overlay)
    };
    let candidates: Vec<_> =
        state.networks().filter(|(_, network)| of_kind(network) && named(network)).collect();
    match candidates.as_slice() {
        [(id, _)] => Ok(*id),
        [] => {
            let names: Vec<_> = state.networks().map(|(_, network)| &*network.name).collect();
            Err(anyhow!(
                "the HNS state has no L2Bridge or Overlay network called {}; its networks: {}",
                file.name.as_deref().unwrap_or("anything"),
                if names.is_empty() { "none".to_owned() } else { names.join(", ") }
            )
            .into())
        }
        several => {
            let names: Vec<_> =
                several.iter().map(|(id, network)| format!("{} ({id})", network.name)).collect();
            Err(anyhow!(
                "the HNS state has several networks: {}; name one with --network",
                names.join(", ")
            )
            .into())
        }
    }
}

/// The node's addresses as the network knows them: `ManagementIP` and an overlay's own provider address, which HNS fills
/// in, and those that a state made here carries besides.
pub(crate) fn management_addresses(network: &Network) -> BTreeSet<IpAddr> {
    let single = network.unknown.get("ManagementIP").and_then(|value| value.as_str());
    let all = network
        .unknown
        .get("AdditionalParams")
        .and_then(|parameters| parameters.get("ManagementAddresses"))
        .and_then(|addresses| addresses.as_array());
    let all = all.into_iter().flatten().filter_map(|value| value.as_str());
    let provider = network.policies.iter().filter_map(Policy::as_provider_address);
    let told = single.into_iter().chain(all).filter_map(|text| text.parse().ok());
    told.chain(provider).collect()
}

/// An HNS that has the network and the endpoints that a CNI would have made on the node, and nothing else.
fn invent(file: &NetworkFile, stream: &Stream) -> Result<(Guid, State), Failure> {
    let version = match &file.hns_version {
        Some(text) => text.parse().context("network: hnsVersion")?,
        None => VERSION,
    };
    let node = stream.view().node();
    let addresses: Vec<IpAddr> = match &file.management_addresses {
        Some(addresses) => addresses.clone(),
        None => node.addresses.iter().map(|own| own.address).collect(),
    };
    let locals = local_pods(stream, &addresses);
    let subnets = match &file.pod_subnets {
        Some(subnets) => subnets.clone(),
        None if !node.pod_ranges.is_empty() => node.pod_ranges.to_vec(),
        None => locals
            .iter()
            .map(|address| around(*address))
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect(),
    };
    let id = file.id.unwrap_or_else(|| Guid::from_uuid(uuid::Uuid::from_u128(1)));
    let mut state = State::new(version);
    let text = |address: &IpAddr| address.to_string();
    let mac = file.host_mac.clone().unwrap_or_else(|| "00-15-5D-00-00-01".to_owned());
    let mut network = Network {
        id: Some(id),
        name: file.name.clone().unwrap_or_else(|| "cbr0".to_owned()),
        network_type: NetworkType::L2Bridge,
        ipams: vec![Ipam {
            ipam_type: "Static".to_owned(),
            subnets: subnets.iter().map(subnet).collect(),
            ..Ipam::default()
        }],
        schema_version: Some(Version::SCHEMA),
        ..Network::default()
    };
    if let Some(first) = addresses.first() {
        network.unknown.insert("ManagementIP".to_owned(), json!(first.to_string()));
    }
    let all: Vec<_> = addresses.iter().map(text).collect();
    network.unknown.insert(
        "AdditionalParams".to_owned(),
        json!({ "ManagementAddresses": all, "HostMac": mac }),
    );
    state.insert_network(id, network);
    let endpoints: BTreeMap<IpAddr, String> = match &file.endpoints {
        Some(endpoints) => {
            endpoints.iter().map(|endpoint| (endpoint.address, endpoint.mac.clone())).collect()
        }
        None => {
            let mut taken = taken_macs(&state);
            let invented = |address: &IpAddr| (*address, invented_mac(*address, &mut taken));
            locals.iter().map(invented).collect()
        }
    };
    for (address, mac) in endpoints {
        insert_local_endpoint(&mut state, id, address, mac, &subnets);
    }
    Ok((id, state))
}

fn subnet(range: &IpNet) -> Subnet {
    let gateway = match range {
        IpNet::V4(range) => range.hosts().next().map(IpAddr::V4),
        IpNet::V6(range) => range.hosts().nth(1).map(IpAddr::V6),
    };
    Subnet {
        ip_address_prefix: range.to_string(),
        routes: gateway.map(Route::default_through).into_iter().collect(),
        ..Subnet::default()
    }
}

/// Puts the endpoint of a pod in, with the next free of the ids that are made up for them: the CNI's are random, these only
/// have to be stable.
fn insert_local_endpoint(
    state: &mut State,
    network: Guid,
    address: IpAddr,
    mac: String,
    subnets: &[IpNet],
) {
    let subnet = subnets.iter().find(|subnet| subnet.contains(&address));
    let whole = if address.is_ipv4() { 32 } else { 128 };
    let mut configuration = IpConfiguration::of(address);
    configuration.prefix_length = subnet.map_or(whole, IpNet::prefix_len);
    let mut number: u128 = 1;
    let made_up = |number| Guid::from_uuid(uuid::Uuid::from_u128((1 << 64) + number));
    while state.endpoint(made_up(number)).is_some() {
        number += 1;
    }
    let endpoint = Endpoint {
        id: Some(made_up(number)),
        name: format!("pod-{number}"),
        host_compute_network: Some(network),
        ip_configurations: vec![configuration],
        mac_address: mac,
        schema_version: Some(Version::SCHEMA),
        ..Endpoint::default()
    };
    state.insert_endpoint(made_up(number), endpoint);
}

/// The addresses of the endpoints on the node, the node's own left out: those pods have no endpoint.
fn local_pods(stream: &Stream, own: &[IpAddr]) -> BTreeSet<IpAddr> {
    let node = stream.view().node();
    stream
        .cluster()
        .slices()
        .flat_map(|slice| slice.endpoints.iter())
        .filter(|endpoint| endpoint.node.as_ref() == Some(&node.name))
        .filter_map(|endpoint| endpoint.address)
        .filter(|address| !own.contains(address) && !node.has_address(*address))
        .collect()
}

fn around(address: IpAddr) -> IpNet {
    let length = if address.is_ipv4() { 24 } else { 64 };
    IpNet::new_assert(address, length).trunc()
}

/// The hardware address of a pod's endpoint that is made up: by the pod's address, and no other's, as the CNI takes each
/// from a pool.
fn invented_mac(address: IpAddr, taken: &mut BTreeSet<MacAddress>) -> String {
    let [.., a, b, c] = match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    };
    let mut number = u32::from_be_bytes([0, a, b, c]);
    loop {
        let [_, a, b, c] = number.to_be_bytes();
        let mac = MacAddress([0x00, 0x15, 0x5D, a, b, c]);
        if taken.insert(mac) {
            return mac.to_string();
        }
        number += 1;
    }
}

/// The hardware addresses of the endpoints of a state, and the host's that a state made here carries.
fn taken_macs(state: &State) -> BTreeSet<MacAddress> {
    let hosts = state.networks().filter_map(|(_, network)| {
        network.unknown.get("AdditionalParams")?.get("HostMac")?.as_str()?.parse().ok()
    });
    state.endpoints().filter_map(|(_, endpoint)| endpoint.mac()).chain(hosts).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pods_never_share_a_hardware_address() {
        let mut taken = BTreeSet::from(["00-15-5D-00-00-01".parse().unwrap()]);
        let mut check = |address: &str, expect: &str| {
            assert_eq!(invented_mac(address.parse().unwrap(), &mut taken), expect);
        };
        check("10.1.1.20", "00-15-5D-01-01-14");
        check("10.0.0.1", "00-15-5D-00-00-02");
        check("fd00:1:1::20", "00-15-5D-00-00-20");
        check("fd00:1:2::20", "00-15-5D-00-00-21");
        check("10.255.255.255", "00-15-5D-FF-FF-FF");
        check("11.255.255.255", "00-15-5D-00-00-00");
    }
}
