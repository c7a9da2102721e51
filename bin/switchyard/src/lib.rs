//! The command line of Switchyard: parses, wires and prints. What the commands say is decided in the crates below; the JSON
//! they print is defined in [`answer`].

pub mod answer;
pub mod arguments;
pub mod command;
pub mod command_line;
pub mod failure;
mod file;
pub mod flags;
mod hns;
mod host_name;
mod host_path;
mod input;
pub mod logging;
pub mod network;
pub mod options;
mod print;
mod privilege;
mod process;
pub mod service;
mod state_directory;
pub mod target;
pub mod windows;
