//! One emulated HNS for all processes of a machine.
//!
//! There is no server. The processes share a directory with a journal of all calls; each has a copy of the emulator
//! ([`Service`](switchyard_hcn_emulator::Service)), which is a function of the calls alone, and keeps it up to date by
//! reading what the others wrote. A call is: lock the directory, read on, write the call down, answer it from the copy.
//! So every process sees one HNS, a process that dies takes nothing with it, and what HNS holds outlives all of them.
//!
//! * [`Place`]: the directory, and with what HNS begins where nobody has used it yet;
//! * [`SharedHns`]: the HNS, behind the trait that clients know.

mod copy;
mod hns;
mod journal;
mod place;
mod time;
mod watch;

pub use hns::SharedHns;
pub use journal::JournalError;
pub use place::{Place, PlaceError};
