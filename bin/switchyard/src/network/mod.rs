//! The HNS that a command plans for or traces: read from files, or made up from the Node.
//!
//! * `file`: the network file;
//! * `find`: a state of HNS, and the network in it;
//! * `invent`: the state where none is given;
//! * `endpoint`: the endpoints of pods that are made up;
//! * `start`: what a running proxy begins with.

mod endpoint;
mod file;
mod find;
mod invent;
mod start;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::net::IpAddr;

use anyhow::Context;
use ipnet::IpNet;
use serde_json::json;
use switchyard_hcn::{Endpoint, Guid, MacAddress, Subnet};
use switchyard_hcn_emulator::{Emulator, State};
use switchyard_model::NodeFacts;
use switchyard_nodeview::Stream;
use switchyard_source::WindowsConfiguration;
use switchyard_winkernel::limits::Ground;
use switchyard_winkernel::{ReconcilerSettings, WindowsNetwork, WindowsSettings};

use self::endpoint::{MadeUp, invented_mac, local_pods, on_node, taken_macs};
use crate::arguments::WindowsArguments;
use crate::failure::Failure;

pub use self::file::NetworkFile;
pub use self::find::read_state;
pub(crate) use self::find::write_state;
pub use self::start::{MadeUpPods, Start, windows_settings};

/// An emulated HNS, and what the planner knows of its network.
pub struct Hns {
    /// The HNS.
    pub emulator: Emulator,
    /// What the operator says of it.
    pub settings: ReconcilerSettings,
    /// The network, which follows from the two.
    pub network: WindowsNetwork,
    /// The addresses of this node's pods that have an endpoint.
    local_endpoints: BTreeSet<IpAddr>,
    endpoints: Endpoints,
}

/// Who makes the endpoints of this node's pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Endpoints {
    /// They are made up for every pod.
    MadeUp,
    /// A file says which there are.
    Told,
}

impl Hns {
    /// The HNS that `arguments` name, for the node of `stream`.
    ///
    /// # Errors
    /// When a file cannot be read, or no load balancer can be made on the network.
    pub fn new(
        arguments: &WindowsArguments,
        configuration: &WindowsConfiguration,
        stream: &Stream,
    ) -> Result<Self, Failure> {
        Self::as_it_is(arguments, configuration, stream)?.checked()
    }

    /// An HNS that holds `state`, for the node of `stream`.
    ///
    /// # Errors
    /// When a file cannot be read, or no load balancer can be made on the network.
    pub fn holding(
        state: State,
        arguments: &WindowsArguments,
        configuration: &WindowsConfiguration,
        stream: &Stream,
    ) -> Result<Self, Failure> {
        let file = arguments.network.as_deref().map(NetworkFile::read).transpose()?;
        let file = file.unwrap_or_default();
        Self::of(file, Some(state), arguments, configuration, stream)?.checked()
    }

    /// The HNS that `file` describes, for the node of `stream`. The files that `arguments` name are passed over.
    ///
    /// # Errors
    /// When no load balancer can be made on the network.
    pub fn described(
        file: NetworkFile,
        arguments: &WindowsArguments,
        configuration: &WindowsConfiguration,
        stream: &Stream,
    ) -> Result<Self, Failure> {
        Self::of(file, None, arguments, configuration, stream)?.checked()
    }

    /// As [`Self::new`], to look at and never to plan for: with any network.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn as_it_is(
        arguments: &WindowsArguments,
        configuration: &WindowsConfiguration,
        stream: &Stream,
    ) -> Result<Self, Failure> {
        let file = arguments.network.as_deref().map(NetworkFile::read).transpose()?;
        let state = arguments.hns.as_deref().map(read_state).transpose()?;
        Self::of(file.unwrap_or_default(), state, arguments, configuration, stream)
    }

    /// The HNS that holds `state`, or else the one that `file` describes.
    fn of(
        mut file: NetworkFile,
        state: Option<State>,
        arguments: &WindowsArguments,
        configuration: &WindowsConfiguration,
        stream: &Stream,
    ) -> Result<Self, Failure> {
        file.name = network_name(&file, arguments, configuration);
        let endpoints = match (&state, &file.endpoints) {
            (None, None) => Endpoints::MadeUp,
            _ => Endpoints::Told,
        };
        let (id, state) = match state {
            Some(state) => (find::find_network(&state, &file)?, state),
            None => invent::invent(&file, stream),
        };
        let mut windows = settings(&file, arguments, configuration, stream);
        let network = windows_network(&state, id, &mut windows, stream)
            .with_context(|| format!("the HNS state has no network {id}"))?;
        let local_endpoints = on_node(&state, id).flat_map(Endpoint::addresses).collect();
        let settings = ReconcilerSettings {
            windows,
            network_id: Some(id),
            priority_services: stream.view().settings().priority_services.to_vec(),
            ..ReconcilerSettings::default()
        };
        let emulator = Emulator::new(state);
        Ok(Self { emulator, settings, network, local_endpoints, endpoints })
    }

    /// Itself, if load balancers can be made on the network.
    fn checked(self) -> Result<Self, Failure> {
        let state = self.emulator.state();
        let name = state.network(self.network.id).map_or("", |network| &network.name);
        self.network.check(name).map_err(anyhow::Error::new)?;
        Ok(self)
    }

    /// What the limits depend on.
    #[must_use]
    pub fn ground<'a>(&'a self, node: &'a NodeFacts) -> Ground<'a> {
        Ground { node, network: &self.network, local_endpoints: &self.local_endpoints }
    }

    /// What HNS holds, with what the data path goes by and HNS does not show: the host's hardware address.
    #[must_use]
    pub fn state_to_trace(&self) -> State {
        let mut state = self.emulator.state();
        add_host_mac(&mut state, self.network.id, self.network.host_mac);
        state
    }

    /// Holds `state` from now on, whose first network is the one that it had before, under whatever id.
    pub fn hold(&mut self, state: State) {
        if let Some((id, _)) = state.networks().next() {
            self.network.id = id;
        }
        self.local_endpoints =
            on_node(&state, self.network.id).flat_map(Endpoint::addresses).collect();
        self.emulator.steer(|service| service.set_state(state));
    }

    /// Makes the endpoints of the node's pods that have none yet, as the CNI does on a real node, unless a file says which
    /// there are. What the CNI does is not among the calls that are counted.
    pub fn add_pod_endpoints(&mut self, stream: &Stream) {
        if self.endpoints == Endpoints::Told {
            return;
        }
        let mut state = self.emulator.state();
        let own: Vec<IpAddr> = self.network.management_addresses.iter().copied().collect();
        if !add_missing_pods(&mut state, self.network.id, &own, stream) {
            return;
        }
        self.local_endpoints =
            on_node(&state, self.network.id).flat_map(Endpoint::addresses).collect();
        self.emulator.steer(|service| service.set_state(state));
    }
}

/// The name of the network: a flag before the network file, the file before the configuration.
fn network_name(
    file: &NetworkFile,
    arguments: &WindowsArguments,
    configuration: &WindowsConfiguration,
) -> Option<String> {
    let named = arguments.network_name.as_ref().or(file.name.as_ref());
    named.or(configuration.network_name.as_ref()).cloned()
}

/// Makes the endpoints that the node's pods lack on `network`, whose own addresses are `own`. False when none lacks.
fn add_missing_pods(state: &mut State, network: Guid, own: &[IpAddr], stream: &Stream) -> bool {
    let known: BTreeSet<IpAddr> = on_node(state, network).flat_map(Endpoint::addresses).collect();
    let missing: Vec<IpAddr> = local_pods(stream, own).difference(&known).copied().collect();
    let subnets: Vec<IpNet> = state
        .network(network)
        .into_iter()
        .flat_map(|network| network.subnets().filter_map(Subnet::prefix).collect::<Vec<_>>())
        .collect();
    let mut taken = taken_macs(state);
    for address in &missing {
        let mac = invented_mac(*address, &mut taken);
        MadeUp { name: None, address: *address, mac }.insert(state, network, &subnets);
    }
    !missing.is_empty()
}

/// What the operator says: a flag before the network file, the file before the configuration.
fn settings(
    file: &NetworkFile,
    arguments: &WindowsArguments,
    configuration: &WindowsConfiguration,
    stream: &Stream,
) -> WindowsSettings {
    let usual = WindowsSettings::default();
    let root = file.root_endpoint.as_ref().map(|root| &root.name);
    let root = arguments.root_hnsendpoint_name.as_ref().or(root);
    let root = root.or(configuration.root_endpoint_name.as_ref());
    WindowsSettings {
        dsr: arguments.enable_dsr.or(file.dsr).or(configuration.enable_dsr).unwrap_or(usual.dsr),
        masquerade_all: stream.view().settings().masquerade_all,
        source_vip: arguments.source_vip().or(file.source_vip).or(configuration.source_vip),
        forward_health_check_vip: arguments
            .forward_healthcheck_vip
            .unwrap_or(configuration.forward_health_check_vip),
        root_endpoint_name: root.cloned().unwrap_or(usual.root_endpoint_name),
        management_addresses: file.management_addresses.iter().flatten().copied().collect(),
        host_mac: file.host_mac,
        subnets: file.pod_subnets.clone().unwrap_or_default(),
        remote_subnets: file.remote_subnets().unwrap_or_default(),
    }
}

/// Puts the host's hardware address into a state that lacks it: HNS knows it and shows it nowhere.
fn add_host_mac(state: &mut State, id: Guid, mac: Option<MacAddress>) {
    let Some(mac) = mac else { return };
    let Some(mut network) = state.network(id).cloned() else { return };
    let parameters =
        network.unknown.entry("AdditionalParams".to_owned()).or_insert_with(|| json!({}));
    if let Some(parameters) = parameters.as_object_mut()
        && !parameters.contains_key("HostMac")
    {
        parameters.insert("HostMac".to_owned(), json!(mac.to_string()));
        state.insert_network(id, network);
    }
}

/// What the planner knows of the network `id` of `state`. Where neither it nor a file has an address of the node, the Node's
/// are added to `settings`.
fn windows_network(
    state: &State,
    id: Guid,
    settings: &mut WindowsSettings,
    stream: &Stream,
) -> Option<WindowsNetwork> {
    let document = state.network(id)?;
    let new = |settings: &WindowsSettings| {
        WindowsNetwork::new(document, on_node(state, id), state.version, settings)
    };
    let network = new(settings);
    if !network.management_addresses.is_empty() {
        return Some(network);
    }
    let addresses = stream.view().node().addresses.iter();
    settings.management_addresses = addresses.map(|own| own.address).collect();
    Some(new(settings))
}
