//! The kinds of objects, each with its functions.

use std::fmt;

use serde::{Deserialize, Serialize};
use switchyard_hcn::{
    EndpointHandle, Error, Guid, Hcn, LoadBalancerHandle, NamespaceHandle, NetworkHandle, hresult,
};

/// What an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    /// A load balancer.
    LoadBalancer,
    /// An endpoint.
    Endpoint,
    /// A network.
    Network,
    /// A namespace. None is ever made.
    Namespace,
}

/// An object that is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Handle {
    LoadBalancer(LoadBalancerHandle),
    Endpoint(EndpointHandle),
    Network(NetworkHandle),
    Namespace(NamespaceHandle),
}

impl Kind {
    /// The kinds that are made, in an order in which HNS takes their removal.
    pub const MADE: [Self; 3] = [Self::LoadBalancer, Self::Endpoint, Self::Network];

    /// All kinds.
    pub(crate) const ALL: [Self; 4] =
        [Self::LoadBalancer, Self::Endpoint, Self::Network, Self::Namespace];

    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LoadBalancer => "load balancer",
            Self::Endpoint => "endpoint",
            Self::Network => "network",
            Self::Namespace => "namespace",
        }
    }

    /// Whether HNS says by this that there is no such object. Other codes of the same class are about something else.
    pub(crate) fn is_gone(self, error: &Error) -> bool {
        let own = match self {
            Self::LoadBalancer => hresult::HCN_E_POLICY_NOT_FOUND,
            Self::Endpoint => hresult::HCN_E_ENDPOINT_NOT_FOUND,
            Self::Network => hresult::HCN_E_NETWORK_NOT_FOUND,
            Self::Namespace => hresult::ERROR_NOT_FOUND,
        };
        error.hresult == own || error.hresult == hresult::ERROR_NOT_FOUND
    }

    pub(crate) fn enumerate(self, hcn: &dyn Hcn, query: &str) -> Result<String, Error> {
        match self {
            Self::LoadBalancer => hcn.enumerate_load_balancers(query),
            Self::Endpoint => hcn.enumerate_endpoints(query),
            Self::Network => hcn.enumerate_networks(query),
            Self::Namespace => hcn.enumerate_namespaces(query),
        }
    }

    pub(crate) fn open(self, hcn: &dyn Hcn, id: Guid) -> Result<Handle, Error> {
        match self {
            Self::LoadBalancer => hcn.open_load_balancer(id).map(Handle::LoadBalancer),
            Self::Endpoint => hcn.open_endpoint(id).map(Handle::Endpoint),
            Self::Network => hcn.open_network(id).map(Handle::Network),
            Self::Namespace => hcn.open_namespace(id).map(Handle::Namespace),
        }
    }

    pub(crate) fn delete(self, hcn: &dyn Hcn, id: Guid) -> Result<(), Error> {
        match self {
            Self::LoadBalancer => hcn.delete_load_balancer(id),
            Self::Endpoint => hcn.delete_endpoint(id),
            Self::Network => hcn.delete_network(id),
            Self::Namespace => hcn.delete_namespace(id),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Handle {
    pub(crate) fn query(self, hcn: &dyn Hcn, query: &str) -> Result<String, Error> {
        match self {
            Self::LoadBalancer(handle) => hcn.query_load_balancer_properties(handle, query),
            Self::Endpoint(handle) => hcn.query_endpoint_properties(handle, query),
            Self::Network(handle) => hcn.query_network_properties(handle, query),
            Self::Namespace(handle) => hcn.query_namespace_properties(handle, query),
        }
    }

    pub(crate) fn close(self, hcn: &dyn Hcn) -> Result<(), Error> {
        match self {
            Self::LoadBalancer(handle) => hcn.close_load_balancer(handle),
            Self::Endpoint(handle) => hcn.close_endpoint(handle),
            Self::Network(handle) => hcn.close_network(handle),
            Self::Namespace(handle) => hcn.close_namespace(handle),
        }
    }
}
