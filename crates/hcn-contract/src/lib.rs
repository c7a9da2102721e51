//! What HNS does, rule by rule, as checks over the [`Hcn`] trait.
//!
//! HNS is a black box here: nothing is known of it but the trait, the documents that travel, and what was read and seen
//! of the real one. [`run`] puts every rule to an HNS and returns one [`Row`] per rule; [`rule_ids`] tells which rules
//! there are.
//!
//! The HNS under test is thrown away and made anew before each attempt, and steered through the trait itself: by
//! [`Hcn::hns_call`] with paths below `/emulator`, which no real HNS has. Documents are written as JSON and not by the
//! types of the crate that HNS may be made of, so that a mistake there shows.
//!
//! It must never look into what it tests, or read a state file.

mod documents;
mod finding;
mod row;
mod rules;
mod session;
mod trial;

#[cfg(test)]
mod tests;

use switchyard_hcn::Hcn;

pub use row::{Row, Verdict};

/// Puts every rule to an HNS, and returns a row for each, in the order of [`rule_ids`].
///
/// A check that panics is a failed row. Only a call that never returns, even when HNS is made anew, keeps it from ending.
pub fn run(hcn: &dyn Hcn) -> Vec<Row> {
    rules::RULES.iter().map(|rule| trial::run(hcn, rule)).collect()
}

/// The ids of all rules, in order.
#[must_use]
pub fn rule_ids() -> Vec<&'static str> {
    rules::RULES.iter().map(|rule| rule.id).collect()
}
