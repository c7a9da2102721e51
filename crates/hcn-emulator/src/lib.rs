//! A Host Networking Service (HNS) in memory.
//!
//! * [`Service`]: HNS as a machine without I/O. A call and the time go in; its effect, its end and its answer come out. It
//!   refuses what HNS refuses with the codes that HNS has for it, and counts what it is asked.
//! * [`Emulator`]: the same behind the [`switchyard_hcn::Hcn`] trait, in real or in virtual time.
//! * [`Setup`]: what it begins with: a [`State`], [`Knobs`] for what is not known of a real one, a [`Latency`], and
//!   [`Fault`]s.
//! * [`Tracer`]: the data path over a state: where a new connection goes, and which objects decide that; its
//!   [`Explanation`] says why, step by step.
//! * [`replay`]: kube-proxy's published patterns of calls; [`KubeProxySync`]: its calls between two states.
//!
//! It must never share anything with the planner but the documents: it is what the planner is tested against. So it has
//! its own reading of what which version of HNS does ([`Build`]).

mod build;
pub mod by_request;
mod calls;
mod clock;
mod emulator;
mod fault;
mod frontend;
mod index;
mod knobs;
mod latency;
mod operation;
mod replay;
mod request;
mod service;
mod settings;
mod setup;
mod state;
mod sync;
mod trace;

pub use build::{Beyond, Build, FOUND};
pub use by_request::ByRequest;
pub use calls::{Call, Calls};
pub use emulator::Emulator;
pub use fault::{Called, FailureCode, Fault, FaultScript, NoFailure, On, Trouble, UnknownFunction};
pub use knobs::{
    BoundPort, DeleteOfReferenced, DuplicateFrontend, EnumerationOrder, ExhaustedPool, Knobs,
    MalformedSubnet, MissingLoadBalancer, Modify, NetworkDelete, Rehydration,
};
pub use latency::{Concurrency, Growth, Latency, Profile};
pub use replay::{Pattern, Replayed, Workload, replay};
pub use request::{Answer, ObjectKind, Request, Verb, WrittenRequest, function_name};
pub use service::{Begun, Notice, RestoreError, SavedData, Service};
pub use setup::{Setup, SetupError};
pub use state::{State, StateError};
pub use sync::KubeProxySync;
pub use trace::{
    Action, Asked, Backend, Cell, Explanation, Fate, Lost, Matched, MatchedBy, Misleading,
    NodeAddresses, NotRouted, Note, Rule, SeenAs, Source, Step, SwitchPort, Tracer, Unmatched,
};
