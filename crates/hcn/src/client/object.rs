//! The kinds of objects that the typed layer knows, each with its functions.

use serde::de::DeserializeOwned;

use crate::{
    Endpoint, EndpointHandle, Error, Guid, Hcn, LoadBalancer, LoadBalancerHandle, Namespace,
    NamespaceHandle, Network, NetworkHandle, hresult,
};
use functions::{Calls, Functions};

/// A kind of object in HNS, by its document. Networks, endpoints, namespaces and load balancers are, and nothing else
/// can be.
pub trait Object: DeserializeOwned + Functions {}

pub(super) mod functions {
    use super::{Error, Guid, Hcn};

    /// The names of the functions, for messages.
    pub struct Calls {
        pub enumerate: &'static str,
        pub create: &'static str,
        pub open: &'static str,
        pub query: &'static str,
        pub delete: &'static str,
    }

    /// The functions of one kind of object.
    pub trait Functions {
        type Handle: Copy;
        const CALLS: Calls;
        /// The HRESULTs that say that there is no such object. Others that say of something that it is gone may be about
        /// something else.
        const GONE: &'static [u32];

        fn enumerate(hcn: &dyn Hcn, query: &str) -> Result<String, Error>;
        fn open(hcn: &dyn Hcn, id: Guid) -> Result<Self::Handle, Error>;
        fn query(hcn: &dyn Hcn, handle: Self::Handle, query: &str) -> Result<String, Error>;
        fn delete(hcn: &dyn Hcn, id: Guid) -> Result<(), Error>;
        fn close(hcn: &dyn Hcn, handle: Self::Handle) -> Result<(), Error>;
    }
}

macro_rules! object {
    (
        $document:ident, $handle:ident,
        $enumerate:ident $enumerate_name:literal,
        $create_name:literal,
        $open:ident $open_name:literal,
        $query:ident $query_name:literal,
        $delete:ident $delete_name:literal,
        $close:ident,
        gone $($gone:ident)*
    ) => {
        impl Object for $document {}

        impl Functions for $document {
            type Handle = $handle;
            const GONE: &'static [u32] = &[$(hresult::$gone),*];
            const CALLS: Calls = Calls {
                enumerate: $enumerate_name,
                create: $create_name,
                open: $open_name,
                query: $query_name,
                delete: $delete_name,
            };

            fn enumerate(hcn: &dyn Hcn, query: &str) -> Result<String, Error> {
                hcn.$enumerate(query)
            }

            fn open(hcn: &dyn Hcn, id: Guid) -> Result<$handle, Error> {
                hcn.$open(id)
            }

            fn query(hcn: &dyn Hcn, handle: $handle, query: &str) -> Result<String, Error> {
                hcn.$query(handle, query)
            }

            fn delete(hcn: &dyn Hcn, id: Guid) -> Result<(), Error> {
                hcn.$delete(id)
            }

            fn close(hcn: &dyn Hcn, handle: $handle) -> Result<(), Error> {
                hcn.$close(handle)
            }
        }
    };
}

object! {
    Network, NetworkHandle,
    enumerate_networks "HcnEnumerateNetworks",
    "HcnCreateNetwork",
    open_network "HcnOpenNetwork",
    query_network_properties "HcnQueryNetworkProperties",
    delete_network "HcnDeleteNetwork",
    close_network,
    gone HCN_E_NETWORK_NOT_FOUND ERROR_NOT_FOUND
}
object! {
    Endpoint, EndpointHandle,
    enumerate_endpoints "HcnEnumerateEndpoints",
    "HcnCreateEndpoint",
    open_endpoint "HcnOpenEndpoint",
    query_endpoint_properties "HcnQueryEndpointProperties",
    delete_endpoint "HcnDeleteEndpoint",
    close_endpoint,
    gone HCN_E_ENDPOINT_NOT_FOUND ERROR_NOT_FOUND
}
object! {
    Namespace, NamespaceHandle,
    enumerate_namespaces "HcnEnumerateNamespaces",
    "HcnCreateNamespace",
    open_namespace "HcnOpenNamespace",
    query_namespace_properties "HcnQueryNamespaceProperties",
    delete_namespace "HcnDeleteNamespace",
    close_namespace,
    gone ERROR_NOT_FOUND
}
object! {
    LoadBalancer, LoadBalancerHandle,
    enumerate_load_balancers "HcnEnumerateLoadBalancers",
    "HcnCreateLoadBalancer",
    open_load_balancer "HcnOpenLoadBalancer",
    query_load_balancer_properties "HcnQueryLoadBalancerProperties",
    delete_load_balancer "HcnDeleteLoadBalancer",
    close_load_balancer,
    gone ERROR_NOT_FOUND HCN_E_POLICY_NOT_FOUND
}
