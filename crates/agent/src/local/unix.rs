//! A Unix domain socket.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::{Connection, PATIENCE};

/// Listens for connections.
#[derive(Debug)]
pub(crate) struct Listener {
    socket: UnixListener,
    path: PathBuf,
    is_closed: AtomicBool,
}

impl Listener {
    /// Listens at `path`, in the place of what is there. Only who may connect can ever see it: it is made in a directory
    /// that nobody else enters, and then moved.
    pub(crate) fn bind(path: &Path) -> io::Result<Self> {
        let folder = path.with_extension("new");
        let _ = fs::remove_dir_all(&folder);
        fs::DirBuilder::new().mode(0o700).create(&folder)?;
        let hidden = folder.join("s");
        let bound = UnixListener::bind(&hidden).and_then(|socket| {
            fs::set_permissions(&hidden, Permissions::from_mode(0o600))?;
            fs::rename(&hidden, path)?;
            Ok(socket)
        });
        let _ = fs::remove_dir_all(&folder);
        Ok(Self { socket: bound?, path: path.to_owned(), is_closed: AtomicBool::new(false) })
    }

    /// The next connection; `None` when nobody may connect any more.
    pub(crate) fn accept(&self) -> io::Result<Option<Box<dyn Connection>>> {
        let accepted = self.socket.accept();
        if self.is_closed.load(Ordering::Acquire) {
            return Ok(None);
        }
        let (stream, _) = accepted?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Some(Box::new(stream)))
    }

    /// Lets nobody connect any more. Whoever waits for a connection waits no longer.
    pub(crate) fn forget_path(&self) {
        self.is_closed.store(true, Ordering::Release);
        // One that waits is woken by a connection alone.
        let _ = UnixStream::connect(&self.path);
        // Where it is left, connecting to it is refused.
        let _ = fs::remove_file(&self.path);
    }
}

/// Connects to who listens at `path`.
pub(super) fn connect(path: &Path, patience: Duration) -> io::Result<Box<dyn Connection>> {
    let stream = UnixStream::connect(path)?;
    stream.set_read_timeout(Some(patience))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(Box::new(stream))
}
