//! The right to be the node's proxy, which is a lock on a file that the system keeps.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use switchyard_agent::{LockError, NodeLock, StateDirectory};

/// How many folders this process made.
static FOLDERS: AtomicU64 = AtomicU64::new(0);

/// The node's lock, which whatever process runs holds.
pub(super) struct Lock {
    folder: PathBuf,
    directory: StateDirectory,
    held: Option<NodeLock>,
}

impl Lock {
    /// A lock of its own, held by the first process.
    pub(super) fn new() -> Result<Self, String> {
        let number = FOLDERS.fetch_add(1, Ordering::Relaxed);
        let name = format!("switchyard-{}-day-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        let directory = StateDirectory::open(&folder).map_err(|trouble| trouble.to_string())?;
        let mut lock = Self { folder, directory, held: None };
        lock.hand_over()?;
        Ok(lock)
    }

    /// The process that held it is no more, and the next one has it at once.
    pub(super) fn hand_over(&mut self) -> Result<(), String> {
        self.held = None;
        let held = self.directory.lock().map_err(|trouble| format!("F18: {trouble}"))?;
        self.held = Some(held);
        Ok(())
    }

    /// Another process wants it, too, and is told who has it.
    pub(super) fn refuse(&self) -> Result<(), String> {
        match self.directory.lock() {
            Err(LockError::Held(Some(id))) if id == std::process::id() => Ok(()),
            Err(other) => Err(format!("F18: a second proxy is told: {other}")),
            Ok(_) => Err("F18: a second proxy may run".to_owned()),
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        self.held = None;
        let _ = fs::remove_dir_all(&self.folder);
    }
}
