//! Files that are there as a whole or not at all.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

#[cfg(not(windows))]
use std::fs::rename;
#[cfg(windows)]
use switchyard_windows_host::replace::rename;

/// Writes `text` to the file at `path`. Whoever reads it meanwhile reads what was there before, and so does the next run
/// after a crash.
///
/// # Errors
/// When it cannot be written; what was there before is then still there.
pub(crate) fn write_atomically(path: &Path, text: &str) -> io::Result<()> {
    let name = path.file_name().ok_or_else(|| io::Error::other("it has no name"))?;
    let mut beside = std::ffi::OsString::from(".");
    beside.push(name);
    beside.push(format!(".{}.new", std::process::id()));
    let beside = path.with_file_name(beside);
    let written = File::create(&beside).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    let moved = written.and_then(|()| rename(&beside, path));
    if moved.is_err() {
        let _ = fs::remove_file(&beside);
    }
    moved
}
