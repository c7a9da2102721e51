//! A Host Networking Service (HNS) in memory.
//!
//! * [`Emulator`]: HNS behind the [`switchyard_hcn::Hcn`] trait. It stores, lists and answers by JSON, refuses what HNS
//!   refuses with the codes that HNS has for it, and counts what it is asked.
//! * [`State`]: all that it holds, and the file of it.
//! * [`Tracer`]: the data path over a state: where a new connection goes, and which objects decide that; its
//!   [`Explanation`] says why, step by step.
//!
//! It must never share anything with the planner but the documents: it is what the planner is tested against. So it has
//! its own reading of what which version of HNS does.

mod calls;
mod emulator;
mod frontend;
mod index;
mod operation;
mod settings;
mod state;
mod trace;

pub use calls::{Call, Calls, ObjectKind, Verb};
pub use emulator::Emulator;
pub use state::{State, StateError};
pub use trace::{
    Action, Asked, Backend, Cell, Explanation, Fate, Lost, Matched, MatchedBy, NodeAddresses,
    NotRouted, Note, Rule, SeenAs, Source, Step, SwitchPort, Tracer, Unmatched,
};
