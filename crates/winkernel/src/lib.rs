//! From node views to HNS.
//!
//! * [`Wanted`]: what should be in HNS, a function of the views, the node and the network;
//! * [`Observed`]: what is there;
//! * [`Reconciler`]: the calls between the two, one after the other, the most urgent first;
//! * [`plan`] and [`execute`]: the same machine run to its end, on paper or against HNS;
//! * [`limits`]: what HNS cannot do, and what it will do instead.
//!
//! This crate calls HNS nowhere but in [`execute`], and keeps no count of references: which objects are in use follows from
//! what is wanted.

mod backends;
mod frontend;
mod identity;
mod key;
pub mod limits;
mod network;
mod observed;
mod operation;
mod plan;
mod reconcile;
mod wanted;

pub use backends::has_load_balancer;
pub use identity::{OWNER, endpoint_id, load_balancer_id};
pub use key::{EndpointKey, LoadBalancerKey};
pub use network::{NetworkTrouble, WindowsNetwork, WindowsSettings};
pub use observed::Observed;
pub use operation::{Operation, Reason, Subject, Verb};
pub use plan::{Step, execute, plan};
pub use reconcile::{Foreign, HnsObject, Reconciler, Unchanged, Waiting};
pub use wanted::Wanted;
