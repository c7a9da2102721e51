//! Where a proxy keeps what outlives it, where nobody says another place.

use std::path::PathBuf;

use anyhow::anyhow;

use crate::arguments::StateArguments;
use crate::failure::Failure;

/// The directory that is named, or the system's usual place.
///
/// # Errors
/// When there is none.
pub(crate) fn state_directory(arguments: &StateArguments) -> Result<PathBuf, Failure> {
    if let Some(path) = &arguments.state_dir {
        return Ok(path.clone());
    }
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let usual = if cfg!(windows) {
        let data = variable("ProgramData").map(PathBuf::from);
        Some(data.unwrap_or_else(|| r"C:\ProgramData".into()).join("Switchyard"))
    } else {
        let state = variable("XDG_STATE_HOME").map(PathBuf::from);
        let home = variable("HOME").map(|home| PathBuf::from(home).join(".local/state"));
        let system = || PathBuf::from("/var/lib");
        Some(state.or(home).unwrap_or_else(system).join("switchyard"))
    };
    Ok(usual
        .ok_or_else(|| anyhow!("there is no usual state directory: name one with --state-dir"))?)
}
