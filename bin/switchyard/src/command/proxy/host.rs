//! What stands around HNS. On Windows that is nobody's business; around an emulated HNS it is a CNI and a file that it is
//! kept in.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use switchyard_agent::Host;
use switchyard_hcn_emulator::Emulator;
use switchyard_hcn_sys::WindowsHns;
use switchyard_nodeview::Stream;

use crate::file::write_atomically;
use crate::hns::state;
use crate::network::MadeUpPods;

/// The variable that names the file where an emulated HNS logs its calls, in this process as behind `computenetwork.dll`.
const CALL_LOG: &str = "SWITCHYARD_HNS_CALL_LOG";

/// What stands around an emulated HNS.
pub(super) struct EmulatedHost {
    emulator: Arc<Emulator>,
    pods: Option<MadeUpPods>,
    /// The file that its state is kept in.
    file: Option<String>,
    /// The file that its calls are logged in.
    log: Option<PathBuf>,
}

impl EmulatedHost {
    pub(super) fn new(
        emulator: Arc<Emulator>,
        pods: Option<MadeUpPods>,
        file: Option<String>,
    ) -> Self {
        let log = std::env::var_os(CALL_LOG).filter(|path| !path.is_empty()).map(PathBuf::from);
        Self { emulator, pods, file, log }
    }

    /// Writes what HNS has been asked so far to the file that the environment names.
    fn log_calls(&self) {
        let Some(path) = &self.log else { return };
        let rows: String = self.emulator.calls().rows().map(|row| format!("{row}\n")).collect();
        if let Err(error) = write_atomically(path, &rows) {
            tracing::warn!(path = %path.display(), %error, "the calls of HNS are not logged");
        }
    }
}

/// What stands around the HNS of Windows: Windows.
pub(super) struct WindowsHost(Arc<WindowsHns>);

impl WindowsHost {
    pub(super) fn new(hns: Arc<WindowsHns>) -> Self {
        Self(hns)
    }
}

impl Host for WindowsHost {
    fn views_changed(&self, _: &Stream) {}

    fn keep(&self) {}

    fn hns_state(&self) -> Result<String, String> {
        let held = state(&*self.0).map(|(state, _)| state.to_json());
        held.map_err(|failure| failure.chain())
    }
}

impl Host for EmulatedHost {
    fn views_changed(&self, stream: &Stream) {
        if let Some(pods) = &self.pods {
            pods.add(&self.emulator, stream);
        }
    }

    fn keep(&self) {
        self.log_calls();
        let Some(path) = &self.file else { return };
        if let Err(error) = write_atomically(Path::new(path), &self.emulator.state().to_json()) {
            tracing::warn!(path, %error, "the state of the emulated HNS is not kept");
        }
    }

    fn hns_state(&self) -> Result<String, String> {
        Ok(self.emulator.state().to_json())
    }
}
