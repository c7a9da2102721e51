//! The HNS that a command plans for or traces: read from files, or made up from the Node.
//!
//! * `file`: the network file;
//! * `find`: a state of HNS, and the network in it;
//! * `invent`: the state where none is given;
//! * `endpoint`: the endpoints of pods that are made up.

mod endpoint;
mod file;
mod find;
mod invent;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::net::IpAddr;

use anyhow::{Context, anyhow};
use ipnet::IpNet;
use switchyard_hcn::{Endpoint, Guid, Ipam, Network, Subnet};
use switchyard_hcn_emulator::{Emulator, State};
use switchyard_nodeview::Stream;
use switchyard_source::WindowsConfiguration;
use switchyard_winkernel::limits::Place;
use switchyard_winkernel::{WindowsNetwork, WindowsSettings};

use self::endpoint::{MadeUp, invented_mac, local_pods, on_node, taken_macs};
use crate::arguments::WindowsArguments;
use crate::failure::Failure;

pub use self::file::NetworkFile;

/// An emulated HNS, and what the planner knows of its network.
pub struct Hns {
    /// The HNS.
    pub emulator: Emulator,
    /// What the operator says of it.
    pub settings: WindowsSettings,
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
        let state = arguments.hns.as_deref().map(find::read_state).transpose()?;
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
        file.name = file.name.or_else(|| configuration.network_name.clone());
        let endpoints = match (&state, &file.endpoints) {
            (None, None) => Endpoints::MadeUp,
            _ => Endpoints::Told,
        };
        let (id, state) = match state {
            Some(state) => (find::find_network(&state, &file)?, state),
            None => invent::invent(&file, stream),
        };
        let mut settings = settings(&file, arguments, configuration, stream);
        let network = windows_network(&state, id, &file, &mut settings, stream)
            .with_context(|| format!("the HNS state has no network {id}"))?;
        let local_endpoints = on_node(&state, id).flat_map(Endpoint::addresses).collect();
        let emulator = Emulator::new(state);
        Ok(Self { emulator, settings, network, local_endpoints, endpoints })
    }

    /// Itself, if load balancers can be made on the network.
    fn checked(self) -> Result<Self, Failure> {
        let state = self.emulator.state();
        let name = state.network(self.network.id).map_or("", |network| &network.name);
        self.network.check(name).map_err(anyhow::Error::new)?;
        match self.network.source_vip {
            Some(address) if !address.is_ipv4() => Err(anyhow!(
                "--source-vip {address}: an overlay rewrites clients to IPv4 addresses"
            )
            .into()),
            _ => Ok(self),
        }
    }

    /// What the limits depend on.
    #[must_use]
    pub fn place(&self) -> Place<'_> {
        Place { network: &self.network, local_endpoints: &self.local_endpoints }
    }

    /// Makes the endpoints of the node's pods that have none yet, as the CNI does on a real node, unless a file says which
    /// there are. What the CNI does is not among the calls that are counted.
    pub fn add_pod_endpoints(&mut self, stream: &Stream) {
        if self.endpoints == Endpoints::Told {
            return;
        }
        let mut state = self.emulator.state();
        let own: Vec<IpAddr> = self.network.management_addresses.iter().copied().collect();
        let missing: Vec<IpAddr> =
            local_pods(stream, &own).difference(&self.local_endpoints).copied().collect();
        if missing.is_empty() {
            return;
        }
        let subnets: Vec<IpNet> = state
            .network(self.network.id)
            .into_iter()
            .flat_map(|network| network.subnets().filter_map(Subnet::prefix).collect::<Vec<_>>())
            .collect();
        let mut taken = taken_macs(&state);
        for address in missing {
            let mac = invented_mac(address, &mut taken);
            MadeUp { name: None, address, mac }.insert(&mut state, self.network.id, &subnets);
            self.local_endpoints.insert(address);
        }
        self.emulator = Emulator::new(state);
    }
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
        dsr: file.dsr.or(configuration.enable_dsr).unwrap_or(usual.dsr),
        masquerade_all: stream.view().settings().masquerade_all,
        source_vip: arguments.source_vip.or(file.source_vip).or(configuration.source_vip),
        forward_health_check_vip: arguments.forward_healthcheck_vip
            || configuration.forward_health_check_vip,
        root_endpoint_name: root.cloned().unwrap_or(usual.root_endpoint_name),
        management_addresses: file.management_addresses.iter().flatten().copied().collect(),
        host_mac: file.host_mac,
        remote_subnets: file.remote_subnets().unwrap_or_default(),
    }
}

/// What the planner knows of the network `id` of `state`. The file adds what HNS does not hold. Where neither has an address
/// of the node, the Node's are added to `settings`.
fn windows_network(
    state: &State,
    id: Guid,
    file: &NetworkFile,
    settings: &mut WindowsSettings,
    stream: &Stream,
) -> Option<WindowsNetwork> {
    let mut document = state.network(id)?.clone();
    if document.subnets().next().is_none() {
        document.ipams.extend(ipam_of(file));
    }
    let new = |document: &Network, settings: &WindowsSettings| {
        WindowsNetwork::new(document, on_node(state, id), state.version, settings)
    };
    let network = new(&document, settings);
    if !network.management_addresses.is_empty() {
        return Some(network);
    }
    let addresses = stream.view().node().addresses.iter();
    settings.management_addresses = addresses.map(|own| own.address).collect();
    Some(new(&document, settings))
}

/// The subnets that a file names.
fn ipam_of(file: &NetworkFile) -> Option<Ipam> {
    let subnets = file
        .pod_subnets
        .as_ref()?
        .iter()
        .map(|range| Subnet { ip_address_prefix: range.to_string(), ..Subnet::default() });
    Some(Ipam { subnets: subnets.collect(), ..Ipam::default() })
}
