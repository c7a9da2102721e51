//! Step `demo`: the first thing a newcomer runs.

use std::time::Duration;

use anyhow::{Result, bail};

use crate::program;
use crate::workspace::Workspace;

/// How long the demonstration may take once it is built.
const LIMIT: Duration = Duration::from_secs(60);

/// Builds the product as it ships, and runs its demonstration.
pub(super) fn check(workspace: &Workspace) -> Result<()> {
    program::run(&mut workspace.cargo(&["build", "--release"]))?;
    let mut demo = workspace.cargo(&["run", "--quiet", "--release", "--", "demo"]);
    let printed = program::output_within(&mut demo, LIMIT)?;
    let printed = String::from_utf8_lossy(&printed);
    print!("{printed}");
    if printed.trim().is_empty() {
        bail!("the demonstration printed nothing");
    }
    Ok(())
}
