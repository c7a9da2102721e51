//! The HNS of Windows, behind the trait that everything else knows.
//!
//! `computenetwork.dll` and `vmcompute.dll` are looked for in System32 when they are needed, and each function in them. So
//! the program starts on every Windows, and what is missing is an answer: [`Absent`] where HNS is not installed, and
//! `E_NOTIMPL` from a function that this build of Windows lacks.
//!
//! * [`WindowsHns`]: the trait's functions as calls of the C interface;
//! * `functions`: the interface, and how it is found;
//! * `text`: texts across it;
//! * `callback`: what HNS tells.
//!
//! What is `unsafe` in calling HNS is here and nowhere else. It rests on what is published of the interface
//! (`computenetwork.h`, hcsshim): texts in are valid for the call alone; texts out are freed by `CoTaskMemFree`, the error
//! record among them, which is taken whatever the HRESULT; handles are what HNS gave, and may be used on any thread.

#![expect(unsafe_code, reason = "HNS is a C interface")]

mod callback;
mod functions;
mod hns;
mod text;

#[cfg(windows)]
mod library;

use std::sync::Arc;

pub use functions::{FUNCTION_NAMES, Functions};
pub use hns::WindowsHns;

/// Why there is no HNS to call.
#[derive(Debug, thiserror::Error)]
pub enum Absent {
    /// This is no Windows.
    #[error("there is no HNS on this system: only Windows has one")]
    NotWindows,
    /// Windows has no such library in System32.
    #[error(
        "HNS is not installed: {library} is not in System32; enable the Containers feature and restart"
    )]
    NotInstalled {
        /// The library.
        library: &'static str,
    },
    /// There is one that cannot be loaded.
    #[error("{library} cannot be loaded")]
    Unusable {
        /// The library.
        library: &'static str,
        /// What Windows said.
        source: std::io::Error,
    },
}

/// The HNS of this machine. It is not called yet.
///
/// # Errors
///
/// When there is none.
pub fn open() -> Result<Arc<WindowsHns>, Absent> {
    #[cfg(windows)]
    return Ok(Arc::new(WindowsHns::new(library::functions()?)));
    #[cfg(not(windows))]
    Err(Absent::NotWindows)
}
