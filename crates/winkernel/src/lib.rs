//! From node views to HNS.
//!
//! * [`Wanted`]: what should be in HNS, a function of the views, the node and the network;
//! * [`Reconciler`]: the calls between that and what is there, one after the other, the most urgent first;
//! * [`plan`]: the same machine run to its end on paper; [`Performer`]: its calls made against HNS;
//! * [`leftovers()`]: what a proxy left, for whoever takes it off a node;
//! * [`limits`]: what HNS cannot do, and what it will do instead.
//!
//! This crate calls HNS nowhere but in [`Performer`] and for leftovers, and keeps no count of references: which objects are in use follows
//! from what is wanted.

mod backends;
mod call;
mod endpoint;
mod execute;
mod few;
mod frontend;
mod identity;
mod key;
mod ledger;
mod leftovers;
pub mod limits;
mod network;
mod observed;
mod operation;
mod plan;
mod reconcile;
mod settings;
mod wanted;

pub use backends::has_load_balancer;
pub use call::{Call, CallError, CallId, Change, Reply};
pub use execute::{LedgerStore, MemoryLedger, Performer, observe, run};
pub use identity::{OWNER, endpoint_id, load_balancer_id};
pub use key::{EndpointKey, LoadBalancerKey};
pub use ledger::{Kind, Ledger};
pub use leftovers::{LeftBy, Leftover, Leftovers, leftovers, remove_leftover};
pub use network::{NetworkTrouble, WindowsNetwork, WindowsSettings};
pub use operation::{Operation, Reason, Subject, Verb};
pub use plan::{Step, plan};
pub use reconcile::{
    Counters, Delay, Foreign, HnsObject, Reconciler, Standing, Target, Unchanged, Waiting,
};
pub use settings::{LiveSettings, ReconcilerSettings, Takeover};
pub use wanted::{Surroundings, Wanted, health_check_key};
