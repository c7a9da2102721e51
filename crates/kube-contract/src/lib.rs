//! What a Kubernetes API server does, scenario by scenario, as checks over HTTP.
//!
//! The server is a black box: nothing is known of it but a kubeconfig, and what can be done to it from outside, which is the
//! [`Subject`]. [`run`] puts every scenario to it and returns one [`Row`] for each; [`scenario_ids`] tells which there are. What a
//! server cannot do by its nature is a row, too: it says so, and is never left out.
//!
//! What the scenarios expect is what the server of a cluster was seen to answer. Requests and answers are JSON as it travels, and
//! not the types of a library, so that a mistake there shows.

mod client;
mod finding;
mod objects;
mod row;
mod scenarios;
mod subject;
mod trial;

#[cfg(test)]
mod tests;

pub use row::{Row, Verdict};
pub use subject::{Ability, Subject};

/// Puts the scenarios with these ids to a server, and returns a row for each, in the order of [`scenario_ids`].
///
/// A scenario that panics or does not end in time is a failed row.
pub fn run(subject: &mut dyn Subject, ids: &[&str]) -> Vec<Row> {
    scenarios::all().filter(|it| ids.contains(&it.id)).map(|it| trial::run(subject, it)).collect()
}

/// The ids of all scenarios, in order.
#[must_use]
pub fn scenario_ids() -> Vec<&'static str> {
    scenarios::all().map(|scenario| scenario.id).collect()
}
