//! HTTP around the store: in the process and on a TCP port.

mod answer;
mod api;
mod discovery;
mod form;
mod openapi;
mod path;
mod query;
mod server;
mod stream;
mod table;

pub use answer::Body;
pub use api::ApiServer;
pub use server::Server;
