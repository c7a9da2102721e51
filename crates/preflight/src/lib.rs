//! Questions to the HNS of a node.
//!
//! Much of what HNS does is written nowhere. [`run`] asks one HNS: each [`Probe`] is a question in words, what it does are
//! calls of the [`switchyard_hcn::Hcn`] trait and nothing else, and what comes of it is a short answer or the reason why
//! there is none. A [`Report`] has all of it, with the calls as they were made and answered.
//!
//! A run only reads, unless [`Options::full`] lets it make objects. Those are written down in a [`Journal`] before they are
//! made, have ids and addresses of their own, and are removed at the end of the question, at the end of the run, or by
//! [`cleanup`] where the run did not come to its end. What was there before is never touched.
//!
//! It must never look into what it asks, read a clock but by [`Surroundings`], or wait without an end.

mod answer;
mod bench;
mod call;
mod journal;
mod kind;
mod options;
mod probe;
mod probes;
mod readiness;
mod recorder;
mod report;
mod run;
mod scratch;
mod surroundings;
mod sweep;

pub use call::{Call, Count, Outcome};
pub use journal::{Entry, FileJournal, Journal, MemoryJournal};
pub use kind::Kind;
pub use options::{Extra, Options};
pub use probe::{Needs, Probe, probes};
pub use report::{
    About, Asked, Check, Cleanup, LeftRow, NetworkRow, ObjectRow, ProbeRow, Readiness, Report,
};
pub use run::{Refused, cleanup, needs_operator, run};
pub use scratch::{OWNER, Scratch, TooSmall};
pub use surroundings::{ListeningPort, Surroundings};
