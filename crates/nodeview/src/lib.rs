//! What Services mean on one node.
//!
//! A [`NodeView`] turns a `Cluster` and the name of a node into `ServicePortView`s: which endpoints serve which
//! frontend, for which clients, and what happens when there are none. All policy is decided here, once; a backend
//! receives finished frontends. It works change by change: an event costs what it touches, and the views are the same
//! values whether they were built at once or by any history.
//!
//! [`NodeView::trace`] is the model's own answer to where a packet goes: the measure for every backend.
//!
//! This crate does no I/O and reads no clock.

mod claims;
mod clients;
mod endpoints;
mod findings;
mod frontends;
mod stream;
mod trace;
mod view;

pub use clients::{Clients, Source, SourceError};
pub use findings::{Conflict, RefusedEndpoint};
pub use stream::Stream;
pub use view::NodeView;
