//! `cargo xtask flags`: the page about kube-proxy's flags, out of their table.

use std::fs;

use anyhow::{Context, Result};
use clap::Args;
use switchyard::flags::page;

use crate::workspace::Workspace;

/// The page.
const PAGE: &str = "docs/flags.md";

/// Writes docs/flags.md from the table of the flags.
#[derive(Args)]
pub(crate) struct Flags {}

impl Flags {
    #[expect(clippy::unused_self, reason = "every task is run so")]
    pub(crate) fn run(self) -> Result<bool> {
        let path = Workspace::find()?.root.join(PAGE);
        fs::write(&path, page()).with_context(|| format!("write {}", path.display()))?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_as_the_flags_are() {
        let path = Workspace::find().unwrap().root.join(PAGE);
        let written = fs::read_to_string(path).unwrap();
        assert!(written == page(), "{PAGE} is stale: cargo xtask flags writes it anew");
    }
}
