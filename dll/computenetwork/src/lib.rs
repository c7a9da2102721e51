//! The emulated HNS behind the C interface of Windows.
//!
//! The library is laid into System32 under two names, `computenetwork.dll` and `vmcompute.dll`, where clients look for HNS.
//! Every process has a copy of each; what they share is the directory of [`SharedHns`](switchyard_hcn_shared::SharedHns),
//! whose [`Place`](switchyard_hcn_shared::Place) says which environment variables it goes by.
//!
//! * `served`: networks, endpoints, namespaces, load balancers, callbacks of HNS, `HNSCall`;
//! * `unserved`: what clients look for and the emulator has not; it answers `E_NOTIMPL`.
//!
//! What holds for all functions, of which the documentation of HNS says the first two: texts are given in memory of
//! `CoTaskMemAlloc`; an output is written whatever happens, null where there is none; no panic leaves the library; what a
//! caller passes must be valid for the call alone. A null query is an empty one; a null id, document or place for an output
//! is refused with `E_INVALIDARG`.

#![expect(unsafe_code, reason = "a C interface is made of pointers")]
#![expect(
    clippy::missing_safety_doc,
    reason = "the module says what callers must keep, and it is the same for all functions"
)]
#![expect(missing_docs, reason = "the functions are those of Windows, documented there")]
#![expect(non_snake_case, reason = "the names are those of Windows")]

mod boundary;
mod hns;
mod memory;
mod served;
mod unserved;

use std::ffi::c_void;

pub use hns::share;
pub use memory::free;
pub use served::*;
pub use unserved::*;

/// The address of the function `name`, as `GetProcAddress` finds it, for tests without a loader.
#[must_use]
pub fn address(name: &str) -> Option<*const c_void> {
    all().find(|(known, _)| *known == name).map(|(_, function)| function.0)
}

/// The names of all functions.
pub fn names() -> impl Iterator<Item = &'static str> {
    all().map(|(name, _)| *name)
}

fn all() -> impl Iterator<Item = &'static (&'static str, Function)> {
    SERVED.iter().chain(UNSERVED)
}

/// The address of a function.
struct Function(*const c_void);

// SAFETY: a function has no state of its own to share.
unsafe impl Sync for Function {}
