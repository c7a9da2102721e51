//! What an emulated HNS has been asked.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use switchyard_hcn::Guid;

/// How many calls the log keeps; older ones are only counted.
const LOGGED: usize = 100_000;

/// What a call does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verb {
    /// Lists ids.
    Enumerate,
    /// Makes an object.
    Create,
    /// Opens an object.
    Open,
    /// Changes an object.
    Modify,
    /// Reads an object.
    Query,
    /// Removes an object.
    Delete,
    /// Closes a handle.
    Close,
    /// The older way in.
    HnsCall,
}

impl Verb {
    /// Whether the call changes what HNS holds.
    #[must_use]
    pub fn is_mutating(self) -> bool {
        matches!(self, Self::Create | Self::Modify | Self::Delete)
    }

    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Enumerate => "enumerate",
            Self::Create => "create",
            Self::Open => "open",
            Self::Modify => "modify",
            Self::Query => "query",
            Self::Delete => "delete",
            Self::Close => "close",
            Self::HnsCall => "hnsCall",
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a call is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectKind {
    /// A network.
    Network,
    /// An endpoint.
    Endpoint,
    /// A load balancer.
    LoadBalancer,
    /// HNS itself.
    Service,
}

impl ObjectKind {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::Endpoint => "endpoint",
            Self::LoadBalancer => "loadBalancer",
            Self::Service => "service",
        }
    }
}

impl fmt::Display for ObjectKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A call and its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call {
    /// What it did.
    pub verb: Verb,
    /// To what kind of object.
    pub kind: ObjectKind,
    /// To which object; none for a list, an unknown handle, and a create call that was refused an id of its own.
    pub id: Option<Guid>,
    /// The HRESULT.
    pub hresult: u32,
}

/// All calls so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Calls {
    log: VecDeque<Call>,
    counts: BTreeMap<(Verb, ObjectKind), u64>,
}

impl Calls {
    pub(crate) fn note(&mut self, call: Call) {
        if self.log.len() == LOGGED {
            self.log.pop_front();
        }
        self.log.push_back(call);
        *self.counts.entry((call.verb, call.kind)).or_default() += 1;
    }

    /// The newest calls, oldest first.
    pub fn log(&self) -> impl Iterator<Item = &Call> {
        self.log.iter()
    }

    /// The newest calls that changed what HNS holds, or tried to, oldest first.
    pub fn mutating(&self) -> impl Iterator<Item = &Call> {
        self.log.iter().filter(|call| call.verb.is_mutating())
    }

    /// How often each function was called.
    #[must_use]
    pub fn counts(&self) -> &BTreeMap<(Verb, ObjectKind), u64> {
        &self.counts
    }

    /// How many calls there were in all.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.counts.values().sum()
    }

    /// How many calls changed what HNS holds, or tried to.
    #[must_use]
    pub fn total_mutating(&self) -> u64 {
        let mutating = self.counts.iter().filter(|((verb, _), _)| verb.is_mutating());
        mutating.map(|(_, count)| count).sum()
    }
}
