//! The scenarios, by what they are about. The letter of an id is that of its file.

mod change;
mod discovery;
mod expiry;
mod lists;
mod pages;
mod patch;
mod races;
mod selectors;
mod streaming;
mod watches;

use futures_util::future::LocalBoxFuture;

use crate::finding::Checked;
use crate::subject::Ability;
use crate::trial::Trial;

/// What a scenario does; it may leave behind what it likes in its own namespace.
type Check = for<'a, 'b> fn(&'a mut Trial<'b>) -> LocalBoxFuture<'a, Checked>;

/// One thing that an API server does.
pub(crate) struct Scenario {
    /// Its id.
    pub(crate) id: &'static str,
    /// What the server does, in a sentence.
    pub(crate) rule: &'static str,
    /// What has to be done to the server for it.
    pub(crate) needs: &'static [Ability],
    /// The scenario itself.
    pub(crate) check: Check,
}

const fn scenario(id: &'static str, rule: &'static str, check: Check) -> Scenario {
    Scenario { id, rule, needs: &[], check }
}

impl Scenario {
    const fn needing(self, needs: &'static [Ability]) -> Self {
        Self { needs, ..self }
    }
}

/// Every scenario, in order.
pub(crate) fn all() -> impl Iterator<Item = &'static Scenario> {
    [
        lists::ALL,
        pages::ALL,
        selectors::ALL,
        watches::ALL,
        streaming::ALL,
        races::ALL,
        change::ALL,
        patch::ALL,
        expiry::ALL,
        discovery::ALL,
    ]
    .into_iter()
    .flatten()
}
