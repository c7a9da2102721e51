//! Text and paths as Windows takes them: UTF-16 with a zero at the end.

use std::ffi::OsStr;
use std::io;
use std::os::windows::ffi::OsStrExt;
use std::path::{Component, Path, Prefix, absolute};

/// `text`, ended by a zero.
///
/// # Errors
/// When it has a zero inside.
pub(crate) fn wide(text: impl AsRef<OsStr>) -> io::Result<Vec<u16>> {
    let mut units: Vec<u16> = text.as_ref().encode_wide().collect();
    if units.contains(&0) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "a zero inside a name"));
    }
    units.push(0);
    Ok(units)
}

/// `path` in the form whose length is not limited to 260, ended by a zero. The standard library does the same for its own calls.
///
/// # Errors
/// When it is no path.
pub(crate) fn wide_path(path: &Path) -> io::Result<Vec<u16>> {
    let path = absolute(path)?;
    let Some(Component::Prefix(prefix)) = path.components().next() else { return wide(&path) };
    match prefix.kind() {
        Prefix::Disk(_) => prefixed(r"\\?\", path.as_os_str()),
        Prefix::UNC(..) => {
            let rest: Vec<u16> = path.as_os_str().encode_wide().skip(2).collect();
            let mut units: Vec<u16> = r"\\?\UNC\".encode_utf16().collect();
            units.extend(rest);
            units.push(0);
            Ok(units)
        }
        _ => wide(&path),
    }
}

fn prefixed(prefix: &str, path: &OsStr) -> io::Result<Vec<u16>> {
    let mut units: Vec<u16> = prefix.encode_utf16().collect();
    units.extend(wide(path)?);
    Ok(units)
}

/// The text at `start`, up to its zero.
///
/// # Safety
/// `start` points to UTF-16 that a zero ends, and that nobody changes meanwhile.
#[expect(unsafe_code, reason = "it reads through a pointer that Windows gave")]
pub(crate) unsafe fn text_at(start: *const u16) -> String {
    let mut units = Vec::new();
    let mut at = start;
    loop {
        // SAFETY: the caller vouches for every unit up to and including the zero, and reading ends there.
        let unit = unsafe { at.read() };
        if unit == 0 {
            return String::from_utf16_lossy(&units);
        }
        units.push(unit);
        // SAFETY: the unit just read was not the last, so that the next one is part of the same text.
        at = unsafe { at.add(1) };
    }
}
