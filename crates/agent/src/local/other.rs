//! Where there are no Unix domain sockets. On Windows it will be a named pipe.

use std::io;
use std::path::Path;
use std::time::Duration;

use super::Connection;

fn unsupported() -> io::Error {
    io::Error::new(
        io::ErrorKind::Unsupported,
        "the status of a proxy is not served on this system yet",
    )
}

/// Listens for connections.
#[derive(Debug)]
pub(crate) struct Listener(std::convert::Infallible);

impl Listener {
    pub(crate) fn bind(_path: &Path) -> io::Result<Self> {
        Err(unsupported())
    }

    pub(crate) fn accept(&self) -> io::Result<Box<dyn Connection>> {
        match self.0 {}
    }

    pub(crate) fn forget_path(&self) {
        match self.0 {}
    }
}

pub(super) fn connect(_path: &Path, _patience: Duration) -> io::Result<Box<dyn Connection>> {
    Err(unsupported())
}
