//! HTTP around the store: in the process and on a TCP port.

mod answer;
mod api;
mod call;
mod connection;
mod discovery;
mod fault;
mod form;
mod openapi;
mod other;
mod path;
mod query;
mod server;
mod stream;
mod table;

pub use answer::Body;
pub use api::ApiServer;
pub use fault::{Fault, On, Trouble};
pub use server::Server;
