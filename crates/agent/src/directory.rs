//! The directory of what outlives a proxy or is shared on its node: the lock, the ledger, the status socket.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use switchyard_winkernel::{Ledger, LedgerStore};

/// The directory, which exists.
#[derive(Debug, Clone)]
pub struct StateDirectory(PathBuf);

/// The right to be the node's only proxy, while it is held.
#[derive(Debug)]
pub struct NodeLock {
    _file: File,
    pid: PathBuf,
}

/// Why the lock was not had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process has it.
    #[error("{}", held(*.0))]
    Held(
        /// Its id, if it is known.
        Option<u32>,
    ),
    /// The file cannot be locked.
    #[error("lock {path}")]
    Failed {
        /// The file.
        path: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

fn held(process: Option<u32>) -> String {
    match process {
        Some(id) => format!("process {id} is this node's proxy: stop it first"),
        None => "another process is this node's proxy: stop it first".to_owned(),
    }
}

impl StateDirectory {
    /// The directory at `path`. It is made where it does not exist, for its owner alone; on Windows for the system and
    /// administrators, too.
    ///
    /// # Errors
    /// When it cannot be made, or on Windows when there is one that belongs to somebody else.
    pub fn open(path: &Path) -> io::Result<Self> {
        system::make_private_directory(path)?;
        Ok(Self(path.to_owned()))
    }

    /// The directory at `path` as it is: nothing is made.
    #[must_use]
    pub fn at(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// Where the status is asked for.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.0.join("status.sock")
    }

    fn ledger_path(&self) -> PathBuf {
        self.0.join("ledger.jsonl")
    }

    /// Takes the node's lock, or says who has it. Never waits.
    ///
    /// # Errors
    /// When another process has it, or the file cannot be locked.
    pub fn lock(&self) -> Result<NodeLock, LockError> {
        let path = self.0.join("node.lock");
        let failed = |source| LockError::Failed { path: path.display().to_string(), source };
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let file = file.map_err(failed)?;
        // Beside the locked file, which Windows lets nobody else read.
        let pid = self.0.join("node.pid");
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let holder = fs::read_to_string(&pid).ok();
                return Err(LockError::Held(holder.and_then(|text| text.trim().parse().ok())));
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        fs::write(&pid, format!("{}\n", std::process::id())).map_err(failed)?;
        Ok(NodeLock { _file: file, pid })
    }

    /// What an earlier proxy wrote down of what it made; nothing where there is no such file.
    ///
    /// # Errors
    /// When there is one that cannot be read: without it what is ours may pass for another's.
    pub fn read_ledger(&self) -> io::Result<Ledger> {
        match fs::read(self.ledger_path()) {
            Ok(bytes) => Ok(Ledger::read(&String::from_utf8_lossy(&bytes))),
            Err(trouble) if trouble.kind() == io::ErrorKind::NotFound => Ok(Ledger::default()),
            Err(trouble) => Err(trouble),
        }
    }

    /// The file that the ledger is written to.
    #[must_use]
    pub fn ledger(&self) -> LedgerFile {
        LedgerFile { path: self.ledger_path(), file: None }
    }
}

impl Drop for NodeLock {
    fn drop(&mut self) {
        // Gone before the lock is, so that it never names a process that has it no more.
        let _ = fs::remove_file(&self.pid);
    }
}

/// The ledger as a file of lines. Each is on the disk before the call that it is about.
#[derive(Debug)]
pub struct LedgerFile {
    path: PathBuf,
    file: Option<File>,
}

impl LedgerFile {
    fn open(&self) -> io::Result<File> {
        let is_new = !self.path.exists();
        let file = OpenOptions::new().create(true).append(true).open(&self.path)?;
        if is_new {
            self.sync_folder();
        }
        Ok(file)
    }

    /// Has the file's name outlast a loss of power, where the system knows how.
    fn sync_folder(&self) {
        if let Some(Ok(folder)) = self.path.parent().map(File::open) {
            let _ = folder.sync_all();
        }
    }
}

impl LedgerStore for LedgerFile {
    fn append(&mut self, lines: &str) -> io::Result<()> {
        let mut file = match self.file.take() {
            Some(file) => file,
            None => self.open()?,
        };
        let before = file.metadata()?.len();
        let written = file.write_all(lines.as_bytes()).and_then(|()| file.sync_data());
        if written.is_err() {
            // A line that is cut off would take the next one with it.
            let _ = file.set_len(before);
        }
        self.file = Some(file);
        written
    }

    fn replace(&mut self, lines: &str) -> io::Result<()> {
        let new = self.path.with_extension("new");
        let mut file = File::create(&new)?;
        file.write_all(lines.as_bytes())?;
        file.sync_all()?;
        // Closed first: Windows replaces no file that is open.
        self.file = None;
        system::replace(&new, &self.path)?;
        self.sync_folder();
        Ok(())
    }

    fn remove(&mut self) -> io::Result<()> {
        self.file = None;
        match fs::remove_file(&self.path) {
            Err(trouble) if trouble.kind() != io::ErrorKind::NotFound => Err(trouble),
            _ => Ok(()),
        }
    }
}

/// What each system does in its own way.
#[cfg(unix)]
mod system {
    use std::fs::DirBuilder;
    pub(super) use std::fs::rename as replace;
    use std::io;
    use std::os::unix::fs::DirBuilderExt;
    use std::path::Path;

    pub(super) fn make_private_directory(path: &Path) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(path)
    }
}

#[cfg(windows)]
mod system {
    pub(super) use switchyard_windows_host::replace::rename as replace;
    pub(super) use switchyard_windows_host::security::make_private_directory;
}

#[cfg(test)]
mod tests;
