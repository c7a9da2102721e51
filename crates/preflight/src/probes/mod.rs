//! What is asked, by what it is about.

mod duplicates;
mod frontends;
mod identity;
mod limits;
mod missing;
mod modify;
mod networks;
mod objects;
mod queries;
mod restart;
mod shapes;
mod speed;

use crate::probe::Probe;
pub(crate) use restart::Restarted;

/// All questions: those that only read, those that make objects, those that were asked for by themselves.
pub(crate) const ALL: &[&[Probe]] = &[
    objects::READING,
    shapes::READING,
    queries::READING,
    missing::READING,
    speed::READING,
    missing::FULL,
    identity::FULL,
    duplicates::FULL,
    frontends::FULL,
    modify::FULL,
    limits::FULL,
    speed::FULL,
    networks::EXTRA,
    limits::EXTRA,
    restart::EXTRA,
];
