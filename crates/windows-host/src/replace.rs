//! A file put in the place of another, where somebody may be reading that one.

use std::fs;
use std::io;
use std::path::Path;
use std::thread;
use std::time::Duration;

use windows_sys::Win32::Foundation::{ERROR_ACCESS_DENIED, ERROR_SHARING_VIOLATION};

/// How often it is tried, and the wait between two tries: a second altogether.
const TRIES: u32 = 20;
const WAIT: Duration = Duration::from_millis(50);

/// Moves the file `from` to `to`, in the place of what is there. Unlike elsewhere, that fails while another process has the old
/// file open without sharing its removal, as programs written in Go and virus scanners do; so it is tried for a second.
///
/// # Errors
/// When it cannot be moved.
pub fn rename(from: &Path, to: &Path) -> io::Result<()> {
    let is_in_use = |trouble: &io::Error| {
        let code = trouble.raw_os_error().and_then(|code| u32::try_from(code).ok());
        matches!(code, Some(ERROR_ACCESS_DENIED | ERROR_SHARING_VIOLATION))
    };
    for _ in 1..TRIES {
        match fs::rename(from, to) {
            Err(trouble) if is_in_use(&trouble) => pause(),
            ended => return ended,
        }
    }
    fs::rename(from, to)
}

#[expect(clippy::disallowed_methods, reason = "a second at most, for a reader to finish")]
fn pause() {
    thread::sleep(WAIT);
}
