//! A call to HNS, as a value.

use std::fmt;

use serde::{Deserialize, Serialize};
use switchyard_hcn::{Guid, v1};

/// What a call does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
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
    /// Asks to be told of changes.
    Register,
    /// Asks to be told no more.
    Unregister,
    /// The older way in.
    HnsCall,
}

impl Verb {
    /// All of them.
    const ALL: [Self; 10] = [
        Self::Enumerate,
        Self::Create,
        Self::Open,
        Self::Modify,
        Self::Query,
        Self::Delete,
        Self::Close,
        Self::Register,
        Self::Unregister,
        Self::HnsCall,
    ];

    /// Whether such calls change what HNS holds. Of those of the older way in, some do (see [`Request::is_mutating`]).
    #[must_use]
    pub const fn is_mutating(self) -> bool {
        matches!(self, Self::Create | Self::Modify | Self::Delete)
    }

    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enumerate => "enumerate",
            Self::Create => "create",
            Self::Open => "open",
            Self::Modify => "modify",
            Self::Query => "query",
            Self::Delete => "delete",
            Self::Close => "close",
            Self::Register => "register",
            Self::Unregister => "unregister",
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ObjectKind {
    /// A network.
    Network,
    /// An endpoint.
    Endpoint,
    /// A namespace.
    Namespace,
    /// A load balancer.
    LoadBalancer,
    /// HNS itself.
    Service,
}

impl ObjectKind {
    /// The kinds that HNS holds objects of.
    pub(crate) const HELD: [Self; 4] =
        [Self::Network, Self::Endpoint, Self::Namespace, Self::LoadBalancer];

    /// The kind of the objects in a list of version 1.
    pub(crate) const fn of(collection: v1::Collection) -> Self {
        match collection {
            v1::Collection::Networks => Self::Network,
            v1::Collection::Endpoints => Self::Endpoint,
            v1::Collection::PolicyLists => Self::LoadBalancer,
            v1::Collection::Namespaces => Self::Namespace,
        }
    }

    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::Endpoint => "endpoint",
            Self::Namespace => "namespace",
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

/// A call to HNS: one variant for each shape of the exported functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Request<'a> {
    /// `HcnEnumerate…`: the ids of a kind.
    Enumerate {
        /// The kind.
        kind: ObjectKind,
        /// Which of them.
        query: &'a str,
    },
    /// `HcnCreate…`.
    Create {
        /// The kind.
        kind: ObjectKind,
        /// The handle of the network that an endpoint is made on.
        network: Option<usize>,
        /// The id asked for; the nil id asks for none.
        id: Guid,
        /// The document.
        settings: &'a str,
    },
    /// `HcnOpen…`.
    Open {
        /// The kind.
        kind: ObjectKind,
        /// Which object.
        id: Guid,
    },
    /// `HcnModify…`.
    Modify {
        /// The kind.
        kind: ObjectKind,
        /// The handle of the object.
        handle: usize,
        /// The change.
        settings: &'a str,
    },
    /// `HcnQuery…Properties`.
    Query {
        /// The kind.
        kind: ObjectKind,
        /// The handle of the object.
        handle: usize,
        /// In which shape.
        query: &'a str,
    },
    /// `HcnDelete…`.
    Delete {
        /// The kind.
        kind: ObjectKind,
        /// Which object.
        id: Guid,
    },
    /// `HcnClose…`.
    Close {
        /// The kind.
        kind: ObjectKind,
        /// The handle.
        handle: usize,
    },
    /// `HcnRegisterServiceCallback`.
    Register,
    /// `HcnUnregisterServiceCallback`.
    Unregister {
        /// What registering answered.
        handle: usize,
    },
    /// `HNSCall`.
    HnsCall {
        /// `GET`, `POST` or `DELETE`.
        method: &'a str,
        /// The object.
        path: &'a str,
        /// The document.
        object: &'a str,
    },
}

impl Request<'_> {
    /// What it does.
    #[must_use]
    pub const fn verb(&self) -> Verb {
        match self {
            Self::Enumerate { .. } => Verb::Enumerate,
            Self::Create { .. } => Verb::Create,
            Self::Open { .. } => Verb::Open,
            Self::Modify { .. } => Verb::Modify,
            Self::Query { .. } => Verb::Query,
            Self::Delete { .. } => Verb::Delete,
            Self::Close { .. } => Verb::Close,
            Self::Register => Verb::Register,
            Self::Unregister { .. } => Verb::Unregister,
            Self::HnsCall { .. } => Verb::HnsCall,
        }
    }

    /// What it is about.
    #[must_use]
    pub const fn kind(&self) -> ObjectKind {
        match self {
            Self::Enumerate { kind, .. }
            | Self::Create { kind, .. }
            | Self::Open { kind, .. }
            | Self::Modify { kind, .. }
            | Self::Query { kind, .. }
            | Self::Delete { kind, .. }
            | Self::Close { kind, .. } => *kind,
            Self::Register | Self::Unregister { .. } | Self::HnsCall { .. } => ObjectKind::Service,
        }
    }

    /// The kind of object that it is about; that of the path for the older way in.
    pub(crate) fn subject(&self) -> ObjectKind {
        self.older().and_then(|older| older.collection()).map_or(self.kind(), ObjectKind::of)
    }

    /// What the older way in is asked for, if this is a call of that, and for something that there is.
    pub(crate) fn older(&self) -> Option<v1::Request> {
        match self {
            Self::HnsCall { method, path, .. } => v1::Request::parse(method, path),
            _ => None,
        }
    }

    /// Whether the call changes what HNS holds, or tries to.
    #[must_use]
    pub const fn is_mutating(&self) -> bool {
        match self {
            Self::HnsCall { method, .. } => !method.eq_ignore_ascii_case("GET"),
            _ => self.verb().is_mutating(),
        }
    }
}

/// A request that owns its texts: one that was written down, and read again.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum WrittenRequest {
    /// [`Request::Enumerate`].
    #[expect(missing_docs, reason = "the fields are those of the request")]
    Enumerate { kind: ObjectKind, query: String },
    /// [`Request::Create`].
    #[expect(missing_docs, reason = "the fields are those of the request")]
    Create { kind: ObjectKind, network: Option<usize>, id: Guid, settings: String },
    /// [`Request::Open`].
    #[expect(missing_docs, reason = "the fields are those of the request")]
    Open { kind: ObjectKind, id: Guid },
    /// [`Request::Modify`].
    #[expect(missing_docs, reason = "the fields are those of the request")]
    Modify { kind: ObjectKind, handle: usize, settings: String },
    /// [`Request::Query`].
    #[expect(missing_docs, reason = "the fields are those of the request")]
    Query { kind: ObjectKind, handle: usize, query: String },
    /// [`Request::Delete`].
    #[expect(missing_docs, reason = "the fields are those of the request")]
    Delete { kind: ObjectKind, id: Guid },
    /// [`Request::Close`].
    #[expect(missing_docs, reason = "the fields are those of the request")]
    Close { kind: ObjectKind, handle: usize },
    /// [`Request::Register`].
    Register,
    /// [`Request::Unregister`].
    #[expect(missing_docs, reason = "the fields are those of the request")]
    Unregister { handle: usize },
    /// [`Request::HnsCall`].
    #[expect(missing_docs, reason = "the fields are those of the request")]
    HnsCall { method: String, path: String, object: String },
}

impl WrittenRequest {
    /// The request.
    #[must_use]
    pub fn request(&self) -> Request<'_> {
        match *self {
            Self::Enumerate { kind, ref query } => Request::Enumerate { kind, query },
            Self::Create { kind, network, id, ref settings } => {
                Request::Create { kind, network, id, settings }
            }
            Self::Open { kind, id } => Request::Open { kind, id },
            Self::Modify { kind, handle, ref settings } => {
                Request::Modify { kind, handle, settings }
            }
            Self::Query { kind, handle, ref query } => Request::Query { kind, handle, query },
            Self::Delete { kind, id } => Request::Delete { kind, id },
            Self::Close { kind, handle } => Request::Close { kind, handle },
            Self::Register => Request::Register,
            Self::Unregister { handle } => Request::Unregister { handle },
            Self::HnsCall { ref method, ref path, ref object } => {
                Request::HnsCall { method, path, object }
            }
        }
    }
}

/// What a call that succeeded gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Nothing but that it was done.
    Done,
    /// An open handle.
    Handle(usize),
    /// A text of JSON.
    Text(String),
}

/// The name of the exported function that does `verb` to `kind`.
#[must_use]
pub const fn function_name(verb: Verb, kind: ObjectKind) -> &'static str {
    use ObjectKind::{Endpoint, LoadBalancer, Namespace, Network, Service};
    match (verb, kind) {
        (Verb::Enumerate, Network) => "HcnEnumerateNetworks",
        (Verb::Enumerate, Endpoint) => "HcnEnumerateEndpoints",
        (Verb::Enumerate, Namespace) => "HcnEnumerateNamespaces",
        (Verb::Enumerate, LoadBalancer) => "HcnEnumerateLoadBalancers",
        (Verb::Create, Network) => "HcnCreateNetwork",
        (Verb::Create, Endpoint) => "HcnCreateEndpoint",
        (Verb::Create, Namespace) => "HcnCreateNamespace",
        (Verb::Create, LoadBalancer) => "HcnCreateLoadBalancer",
        (Verb::Open, Network) => "HcnOpenNetwork",
        (Verb::Open, Endpoint) => "HcnOpenEndpoint",
        (Verb::Open, Namespace) => "HcnOpenNamespace",
        (Verb::Open, LoadBalancer) => "HcnOpenLoadBalancer",
        (Verb::Modify, Network) => "HcnModifyNetwork",
        (Verb::Modify, Endpoint) => "HcnModifyEndpoint",
        (Verb::Modify, Namespace) => "HcnModifyNamespace",
        (Verb::Modify, LoadBalancer) => "HcnModifyLoadBalancer",
        (Verb::Query, Network) => "HcnQueryNetworkProperties",
        (Verb::Query, Endpoint) => "HcnQueryEndpointProperties",
        (Verb::Query, Namespace) => "HcnQueryNamespaceProperties",
        (Verb::Query, LoadBalancer) => "HcnQueryLoadBalancerProperties",
        (Verb::Delete, Network) => "HcnDeleteNetwork",
        (Verb::Delete, Endpoint) => "HcnDeleteEndpoint",
        (Verb::Delete, Namespace) => "HcnDeleteNamespace",
        (Verb::Delete, LoadBalancer) => "HcnDeleteLoadBalancer",
        (Verb::Close, Network) => "HcnCloseNetwork",
        (Verb::Close, Endpoint) => "HcnCloseEndpoint",
        (Verb::Close, Namespace) => "HcnCloseNamespace",
        (Verb::Close, LoadBalancer) => "HcnCloseLoadBalancer",
        (Verb::Register, _) => "HcnRegisterServiceCallback",
        (Verb::Unregister, _) => "HcnUnregisterServiceCallback",
        (Verb::HnsCall, _) | (_, Service) => "HNSCall",
    }
}

/// The names of all functions that are emulated, some more than once.
pub(crate) fn function_names() -> impl Iterator<Item = &'static str> {
    let kinds = || ObjectKind::HELD.into_iter();
    Verb::ALL.into_iter().flat_map(move |verb| kinds().map(move |kind| function_name(verb, kind)))
}
