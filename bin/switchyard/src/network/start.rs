//! What a running proxy begins with on an emulated HNS. Unlike for a plan, the network may be missing: it is waited for.

use std::net::IpAddr;
use std::path::Path;

use switchyard_hcn::Guid;
use switchyard_hcn_emulator::{Emulator, State};
use switchyard_nodeview::Stream;
use switchyard_source::WindowsConfiguration;
use switchyard_winkernel::{ReconcilerSettings, WindowsSettings};

use super::file::NetworkFile;
use super::{add_missing_pods, find, invent, network_name, settings, windows_network};
use crate::arguments::WindowsArguments;
use crate::failure::Failure;

/// What a running proxy begins with.
pub struct Start {
    /// What HNS holds.
    pub state: State,
    /// What the operator says.
    pub settings: ReconcilerSettings,
    /// Who makes the endpoints of pods, where no file says which there are.
    pub pods: Option<MadeUpPods>,
}

/// Makes the endpoints of new pods, as the CNI does on a real node.
pub struct MadeUpPods {
    network: Guid,
    own: Vec<IpAddr>,
}

impl Start {
    /// What `arguments` name, for the node of `stream`. A state file that does not exist yet is as if none were named.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn new(
        arguments: &WindowsArguments,
        configuration: &WindowsConfiguration,
        stream: &Stream,
    ) -> Result<Self, Failure> {
        let file = arguments.network.as_deref().map(NetworkFile::read).transpose()?;
        let mut file = file.unwrap_or_default();
        file.name = network_name(&file, arguments, configuration);
        let kept = arguments.hns.as_deref().filter(|path| Path::new(path).exists());
        let kept = kept.map(find::read_state).transpose()?;
        let is_made_up = kept.is_none() && file.endpoints.is_none();
        let mut windows = settings(&file, arguments, configuration, stream);
        let (network, state) = match kept {
            Some(state) => (find::find_network(&state, &file).ok(), state),
            None => {
                let (id, state) = invent::invent(&file, stream);
                (Some(id), state)
            }
        };
        let found = network.and_then(|id| windows_network(&state, id, &mut windows, stream));
        let pods = found.filter(|_| is_made_up).map(|network| MadeUpPods {
            network: network.id,
            own: network.management_addresses.into_iter().collect(),
        });
        Ok(Self { state, settings: reconciler_settings(windows, &file, stream), pods })
    }
}

/// What the operator says of the HNS of Windows, for the node of `stream`.
///
/// # Errors
/// When a file cannot be read.
pub fn windows_settings(
    arguments: &WindowsArguments,
    configuration: &WindowsConfiguration,
    stream: &Stream,
) -> Result<ReconcilerSettings, Failure> {
    let file = arguments.network.as_deref().map(NetworkFile::read).transpose()?;
    let mut file = file.unwrap_or_default();
    file.name = network_name(&file, arguments, configuration);
    let windows = settings(&file, arguments, configuration, stream);
    Ok(reconciler_settings(windows, &file, stream))
}

fn reconciler_settings(
    windows: WindowsSettings,
    file: &NetworkFile,
    stream: &Stream,
) -> ReconcilerSettings {
    ReconcilerSettings {
        windows,
        network_name: file.name.clone(),
        network_id: file.id,
        priority_services: stream.view().settings().priority_services.to_vec(),
        ..ReconcilerSettings::default()
    }
}

impl MadeUpPods {
    /// Makes the endpoints that pods of the node lack. No client sees how.
    pub fn add(&self, emulator: &Emulator, stream: &Stream) {
        emulator.steer(|service| {
            let mut state = service.state().clone();
            if add_missing_pods(&mut state, self.network, &self.own, stream) {
                service.set_state(state);
            }
        });
    }
}
