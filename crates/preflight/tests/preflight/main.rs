//! Runs on emulated nodes.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod faults;
mod interrupted;
mod knobs;
mod node;
mod restart;
