//! Where a proxy keeps what outlives it, where nobody says another place.

use std::path::{Path, PathBuf};

use anyhow::Context;
use switchyard_agent::StateDirectory;

use crate::arguments::StateArguments;
use crate::failure::Failure;

/// The directory that is named, or the system's usual place.
///
/// # Errors
/// When there is none.
pub(crate) fn state_directory(arguments: &StateArguments) -> Result<PathBuf, Failure> {
    match &arguments.state_dir {
        Some(path) => Ok(path.clone()),
        None => Ok(usual()?),
    }
}

/// The state directory at `path`, which is made where it does not exist, for its owner alone.
///
/// # Errors
/// When it cannot be made, or is somebody else's.
pub(crate) fn open_state_directory(path: &Path) -> Result<StateDirectory, Failure> {
    let opened = StateDirectory::open(path);
    Ok(opened.with_context(|| format!("open the state directory {}", path.display()))?)
}

#[cfg(windows)]
fn usual() -> anyhow::Result<PathBuf> {
    let data = switchyard_windows_host::folder::program_data();
    let data = data.context("find the usual state directory; name one with --state-dir")?;
    Ok(data.join("Switchyard"))
}

#[cfg(not(windows))]
fn usual() -> anyhow::Result<PathBuf> {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let state = variable("XDG_STATE_HOME").map(PathBuf::from);
    let home = variable("HOME").map(|home| PathBuf::from(home).join(".local/state"));
    let system = || PathBuf::from("/var/lib");
    Ok(state.or(home).unwrap_or_else(system).join("switchyard"))
}
