//! A named pipe.

use std::fs::canonicalize;
use std::io;
use std::path::Path;
use std::time::Duration;

use switchyard_windows_host::pipe;

use super::pipe_name::pipe_name;
use super::{Connection, PATIENCE};

/// Listens for connections.
#[derive(Debug)]
pub(crate) struct Listener(pipe::Listener);

impl Listener {
    /// Listens for those who ask at `path`. Only the system, administrators and whoever runs this may.
    pub(crate) fn bind(path: &Path) -> io::Result<Self> {
        Ok(Self(pipe::Listener::bind(&name_for(path)?)?))
    }

    /// The next connection; `None` when nobody may connect any more.
    pub(crate) fn accept(&self) -> io::Result<Option<Box<dyn Connection>>> {
        let accepted = self.0.accept(PATIENCE)?;
        Ok(accepted.map(|pipe| Box::new(pipe) as Box<dyn Connection>))
    }

    /// Lets nobody connect any more.
    pub(crate) fn forget_path(&self) {
        self.0.close();
    }
}

/// Connects to who listens for those who ask at `path`.
pub(super) fn connect(path: &Path, patience: Duration) -> io::Result<Box<dyn Connection>> {
    Ok(Box::new(pipe::connect(&name_for(path)?, (patience, PATIENCE))?))
}

/// The pipe that stands for `path`: one for each directory, however that is spelt.
fn name_for(path: &Path) -> io::Result<String> {
    Ok(pipe_name(&canonicalize(path.parent().unwrap_or(path))?))
}
