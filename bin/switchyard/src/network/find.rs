//! The state of HNS that a file holds, and which of its networks load balancers are on.

use std::path::Path;

use anyhow::{Context, anyhow};
use switchyard_hcn::{Guid, Network, NetworkType};
use switchyard_hcn_emulator::State;

use super::file::NetworkFile;
use crate::failure::Failure;
use crate::file::write_atomically;
use crate::input::read_file;

/// Reads a state of HNS.
///
/// # Errors
/// When it is none.
pub fn read_state(path: &str) -> Result<State, Failure> {
    let text = read_file(path, "HNS state")?;
    Ok(State::from_json(&text).with_context(|| format!("HNS state {path}"))?)
}

/// Writes a state of HNS, which is there as a whole or not at all.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn write_state(path: &str, state: &State) -> Result<(), Failure> {
    let written = write_atomically(Path::new(path), &state.to_json());
    Ok(written.with_context(|| format!("write HNS state {path}"))?)
}

/// The network of a state that load balancers are on: the one the file names, else the only one of its kind.
///
/// # Errors
/// When there is none, or several.
pub(super) fn find_network(state: &State, file: &NetworkFile) -> Result<Guid, Failure> {
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
