//! Console events of Windows.

use anyhow::Context;
use switchyard_windows_host::console;

/// Has the proxy stop when the process is told to: by Ctrl-C or Ctrl-Break, by the end of its window, of its pod or of the machine.
pub(crate) fn follow_signals() -> anyhow::Result<()> {
    console::on_stop(super::request_stop).context("follow console events")
}
