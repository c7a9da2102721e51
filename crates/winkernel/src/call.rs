//! What the reconciler asks for, and what it is told.

use std::collections::BTreeSet;

use switchyard_hcn::{ClientError, Endpoint, Guid, LoadBalancer, Network, Version};

use crate::ledger::Kind;
use crate::operation::Operation;

/// The number of a call, never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(pub(crate) u64);

/// Something to do outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    /// List the networks with this name, or all, and read them; and the version of HNS.
    FindNetwork {
        /// The name.
        name: Option<String>,
    },
    /// List the ids of all load balancers, or of the endpoints of `network`.
    List {
        /// What is listed.
        kind: Kind,
        /// The network.
        network: Guid,
    },
    /// Read an object with its state.
    Read {
        /// What is read.
        kind: Kind,
        /// Its id.
        id: Guid,
    },
    /// Change HNS.
    Change(Box<Change>),
    /// Write lines to the ledger.
    WriteLedger {
        /// The lines.
        lines: String,
    },
    /// Write the ledger anew: these lines are all of it.
    RewriteLedger {
        /// The lines.
        lines: String,
    },
    /// Remove the ledger: HNS keeps what it is for.
    RemoveLedger,
}

/// A change of HNS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The change.
    pub operation: Operation,
    /// The network that endpoints are made on.
    pub network: Guid,
    /// Whether the object is read afterwards: success is no proof.
    pub read_back: bool,
    /// Lines that must be in the ledger before.
    pub ledger: String,
}

/// What came of a call.
#[derive(Debug)]
pub enum Reply {
    /// The networks, and the version of HNS.
    Networks(Vec<Network>, Version),
    /// The ids of a listing.
    Ids(BTreeSet<Guid>),
    /// The endpoint, if it exists.
    Endpoint(Option<Box<Endpoint>>),
    /// The load balancer, if it exists.
    LoadBalancer(Option<Box<LoadBalancer>>),
    /// The change succeeded, and the object was not asked for.
    Changed,
    /// The lines are written, or the file is gone.
    Written,
}

/// Why a call came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// HNS refused, or answered what cannot be read.
    #[error(transparent)]
    Hns(#[from] ClientError),
    /// The ledger could not be written.
    #[error("write the ledger")]
    Ledger(#[source] std::io::Error),
}
