//! What stands around an emulated HNS: a CNI, and a file that it is kept in.

use std::path::Path;
use std::sync::Arc;

use switchyard_agent::Host;
use switchyard_hcn_emulator::Emulator;
use switchyard_nodeview::Stream;

use crate::file::write_atomically;
use crate::network::MadeUpPods;

/// What stands around an emulated HNS.
pub(super) struct EmulatedHost {
    emulator: Arc<Emulator>,
    pods: Option<MadeUpPods>,
    /// The file that its state is kept in.
    file: Option<String>,
}

impl EmulatedHost {
    pub(super) fn new(
        emulator: Arc<Emulator>,
        pods: Option<MadeUpPods>,
        file: Option<String>,
    ) -> Self {
        Self { emulator, pods, file }
    }
}

impl Host for EmulatedHost {
    fn views_changed(&self, stream: &Stream) {
        if let Some(pods) = &self.pods {
            pods.add(&self.emulator, stream);
        }
    }

    fn keep(&self) {
        let Some(path) = &self.file else { return };
        if let Err(error) = write_atomically(Path::new(path), &self.emulator.state().to_json()) {
            tracing::warn!(path, %error, "the state of the emulated HNS is not kept");
        }
    }

    fn hns_state(&self) -> Result<String, String> {
        Ok(self.emulator.state().to_json())
    }
}
