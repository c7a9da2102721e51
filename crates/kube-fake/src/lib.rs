//! A Kubernetes API server in memory: a store without I/O, and HTTP around it.
//!
//! * [`Store`]: objects, versions, history, lists, watches and patches as a function of the calls and of the time that is handed in.
//! * [`ApiServer`]: the same as an HTTP service in the process: a `tower::Service` for a client of this thread, in real time or in
//!   that of a paused tokio runtime.
//! * [`Server`]: the same on a TCP port, for `kubectl` and for other processes.
//! * [`Fault`]: what goes wrong with requests by script, counted.
//!
//! It serves the [`Resource`]s that a service proxy and its tests need, with the answers of a real server where clients look. It checks
//! an object's metadata and nothing else, knows no admission, allocates no addresses or ports, and runs no controllers.

mod defaults;
mod failure;
mod fields;
mod form;
mod managed;
mod object;
mod patch;
mod resource;
mod schema;
mod selector;
mod skin;
mod store;
mod validation;

pub use failure::Failure;
pub use object::Object;
pub use patch::Patch;
pub use resource::{RESOURCES, Resource};
pub use selector::Selector;
pub use skin::{ApiServer, Body, Fault, On, Server, Trouble};
pub use store::{
    Backup, DEFAULT_HISTORY, Decoding, DeleteOptions, Deleted, EventKind, List, ListQuery, Match,
    Part, ServerId, Step, Store, Watch, WatchEvent, WatchQuery, WriteOptions,
};
