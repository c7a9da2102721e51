//! What a Windows host gives a process besides HNS: the Service Control Manager, named pipes, access rights, console events,
//! the event log.
//!
//! What Windows says is read in the modules that exist on Windows alone; what follows from it is decided in the portable ones,
//! which are tested everywhere:
//!
//! * [`privilege`]: whether a process may change HNS;
//! * [`lifecycle`]: what a service tells the Service Control Manager, and when.

// UNSAFETY: the modules for Windows call Win32. Each block says by which rule of the function it is sound.

pub mod lifecycle;
pub mod privilege;

#[cfg(windows)]
pub mod console;
#[cfg(windows)]
pub mod event_log;
#[cfg(windows)]
pub mod folder;
#[cfg(windows)]
pub mod pipe;
#[cfg(windows)]
pub mod replace;
#[cfg(windows)]
pub mod security;
#[cfg(windows)]
pub mod service;
#[cfg(windows)]
pub mod token;
#[cfg(windows)]
mod wide;
