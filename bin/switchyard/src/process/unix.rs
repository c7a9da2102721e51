//! Signals of Unix.

use anyhow::Context;

/// Has the proxy stop when the process is told to: by Ctrl-C, by SIGTERM, by the end of its terminal.
pub(crate) fn follow_signals() -> anyhow::Result<()> {
    ctrlc::set_handler(super::request_stop).context("follow signals")
}
