//! The exported functions of HNS as a trait.

use std::sync::Arc;

use crate::{Error, Guid, Notification};

macro_rules! handle {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(
            /// The value that only who gave it understands.
            pub usize,
        );
    };
}

handle! {
    /// An opened network. It stays open until it is closed, and says nothing about whether the network still exists.
    NetworkHandle
}
handle! {
    /// An opened endpoint. It stays open until it is closed, and says nothing about whether the endpoint still exists.
    EndpointHandle
}
handle! {
    /// An opened load balancer. It stays open until it is closed, and says nothing about whether it still exists.
    LoadBalancerHandle
}

handle! {
    /// An opened namespace. It stays open until it is closed, and says nothing about whether the namespace still exists.
    NamespaceHandle
}
handle! {
    /// A registered callback.
    CallbackHandle
}

/// What HNS calls when something happens to networks, namespaces, or HNS itself. It comes on a thread of HNS, and must
/// neither block nor call HNS.
pub type NotificationCallback = Arc<dyn Fn(&Notification) + Send + Sync>;

/// The way into HNS: one method per function that `computenetwork.dll` exports and a client uses, and `HNSCall` of
/// `vmcompute.dll`.
///
/// All text is JSON. A query may be empty, which is all objects in the shapes of version 1. Enumerations answer with an
/// array of ids in no order. To create with [`Guid::NIL`] lets HNS pick the id, or take the `ID` of the settings. An
/// error tells what HNS said, and is never a way to say that there are none.
#[expect(clippy::missing_errors_doc, reason = "every function fails in the same ways: as HNS does")]
pub trait Hcn: Send + Sync {
    /// `HcnEnumerateNetworks`.
    fn enumerate_networks(&self, query: &str) -> Result<String, Error>;
    /// `HcnCreateNetwork`.
    fn create_network(&self, id: Guid, settings: &str) -> Result<NetworkHandle, Error>;
    /// `HcnOpenNetwork`.
    fn open_network(&self, id: Guid) -> Result<NetworkHandle, Error>;
    /// `HcnModifyNetwork`; the settings are a [`crate::ModifyRequest`].
    fn modify_network(&self, network: NetworkHandle, settings: &str) -> Result<(), Error>;
    /// `HcnQueryNetworkProperties`.
    fn query_network_properties(
        &self,
        network: NetworkHandle,
        query: &str,
    ) -> Result<String, Error>;
    /// `HcnDeleteNetwork`.
    fn delete_network(&self, id: Guid) -> Result<(), Error>;
    /// `HcnCloseNetwork`.
    fn close_network(&self, network: NetworkHandle) -> Result<(), Error>;

    /// `HcnEnumerateEndpoints`.
    fn enumerate_endpoints(&self, query: &str) -> Result<String, Error>;
    /// `HcnCreateEndpoint`.
    fn create_endpoint(
        &self,
        network: NetworkHandle,
        id: Guid,
        settings: &str,
    ) -> Result<EndpointHandle, Error>;
    /// `HcnOpenEndpoint`.
    fn open_endpoint(&self, id: Guid) -> Result<EndpointHandle, Error>;
    /// `HcnModifyEndpoint`; the settings are a [`crate::ModifyRequest`].
    fn modify_endpoint(&self, endpoint: EndpointHandle, settings: &str) -> Result<(), Error>;
    /// `HcnQueryEndpointProperties`.
    fn query_endpoint_properties(
        &self,
        endpoint: EndpointHandle,
        query: &str,
    ) -> Result<String, Error>;
    /// `HcnDeleteEndpoint`.
    fn delete_endpoint(&self, id: Guid) -> Result<(), Error>;
    /// `HcnCloseEndpoint`.
    fn close_endpoint(&self, endpoint: EndpointHandle) -> Result<(), Error>;

    /// `HcnEnumerateNamespaces`.
    fn enumerate_namespaces(&self, query: &str) -> Result<String, Error>;
    /// `HcnCreateNamespace`.
    fn create_namespace(&self, id: Guid, settings: &str) -> Result<NamespaceHandle, Error>;
    /// `HcnOpenNamespace`.
    fn open_namespace(&self, id: Guid) -> Result<NamespaceHandle, Error>;
    /// `HcnModifyNamespace`; the settings are a [`crate::ModifyRequest`].
    fn modify_namespace(&self, namespace: NamespaceHandle, settings: &str) -> Result<(), Error>;
    /// `HcnQueryNamespaceProperties`.
    fn query_namespace_properties(
        &self,
        namespace: NamespaceHandle,
        query: &str,
    ) -> Result<String, Error>;
    /// `HcnDeleteNamespace`.
    fn delete_namespace(&self, id: Guid) -> Result<(), Error>;
    /// `HcnCloseNamespace`.
    fn close_namespace(&self, namespace: NamespaceHandle) -> Result<(), Error>;

    /// `HcnEnumerateLoadBalancers`.
    fn enumerate_load_balancers(&self, query: &str) -> Result<String, Error>;
    /// `HcnCreateLoadBalancer`.
    fn create_load_balancer(&self, id: Guid, settings: &str) -> Result<LoadBalancerHandle, Error>;
    /// `HcnOpenLoadBalancer`.
    fn open_load_balancer(&self, id: Guid) -> Result<LoadBalancerHandle, Error>;
    /// `HcnModifyLoadBalancer`; the settings are the whole [`crate::LoadBalancer`].
    fn modify_load_balancer(
        &self,
        load_balancer: LoadBalancerHandle,
        settings: &str,
    ) -> Result<(), Error>;
    /// `HcnQueryLoadBalancerProperties`.
    fn query_load_balancer_properties(
        &self,
        load_balancer: LoadBalancerHandle,
        query: &str,
    ) -> Result<String, Error>;
    /// `HcnDeleteLoadBalancer`.
    fn delete_load_balancer(&self, id: Guid) -> Result<(), Error>;
    /// `HcnCloseLoadBalancer`.
    fn close_load_balancer(&self, load_balancer: LoadBalancerHandle) -> Result<(), Error>;

    /// `HcnRegisterServiceCallback`. There are no notifications about endpoints, load balancers or policies.
    fn register_service_callback(
        &self,
        callback: NotificationCallback,
    ) -> Result<CallbackHandle, Error>;
    /// `HcnUnregisterServiceCallback`.
    fn unregister_service_callback(&self, callback: CallbackHandle) -> Result<(), Error>;

    /// `HNSCall`, the older way in. It may succeed with an answer that says `"Success":false`.
    fn hns_call(&self, method: &str, path: &str, object: &str) -> Result<String, Error>;
}

/// Gives `$each` every function of [`Hcn`], as `name(argument: type, ...) -> answer;`, for whoever stands before another HNS and
/// does the same for all.
#[macro_export]
macro_rules! for_each_function {
    ($each:ident) => {
        $each! {
            enumerate_networks(query: &str) -> String;
            create_network(id: $crate::Guid, settings: &str) -> $crate::NetworkHandle;
            open_network(id: $crate::Guid) -> $crate::NetworkHandle;
            modify_network(network: $crate::NetworkHandle, settings: &str) -> ();
            query_network_properties(network: $crate::NetworkHandle, query: &str) -> String;
            delete_network(id: $crate::Guid) -> ();
            close_network(network: $crate::NetworkHandle) -> ();
            enumerate_endpoints(query: &str) -> String;
            create_endpoint(network: $crate::NetworkHandle, id: $crate::Guid, settings: &str) -> $crate::EndpointHandle;
            open_endpoint(id: $crate::Guid) -> $crate::EndpointHandle;
            modify_endpoint(endpoint: $crate::EndpointHandle, settings: &str) -> ();
            query_endpoint_properties(endpoint: $crate::EndpointHandle, query: &str) -> String;
            delete_endpoint(id: $crate::Guid) -> ();
            close_endpoint(endpoint: $crate::EndpointHandle) -> ();
            enumerate_namespaces(query: &str) -> String;
            create_namespace(id: $crate::Guid, settings: &str) -> $crate::NamespaceHandle;
            open_namespace(id: $crate::Guid) -> $crate::NamespaceHandle;
            modify_namespace(namespace: $crate::NamespaceHandle, settings: &str) -> ();
            query_namespace_properties(namespace: $crate::NamespaceHandle, query: &str) -> String;
            delete_namespace(id: $crate::Guid) -> ();
            close_namespace(namespace: $crate::NamespaceHandle) -> ();
            enumerate_load_balancers(query: &str) -> String;
            create_load_balancer(id: $crate::Guid, settings: &str) -> $crate::LoadBalancerHandle;
            open_load_balancer(id: $crate::Guid) -> $crate::LoadBalancerHandle;
            modify_load_balancer(load_balancer: $crate::LoadBalancerHandle, settings: &str) -> ();
            query_load_balancer_properties(load_balancer: $crate::LoadBalancerHandle, query: &str) -> String;
            delete_load_balancer(id: $crate::Guid) -> ();
            close_load_balancer(load_balancer: $crate::LoadBalancerHandle) -> ();
            register_service_callback(callback: $crate::NotificationCallback) -> $crate::CallbackHandle;
            unregister_service_callback(callback: $crate::CallbackHandle) -> ();
            hns_call(method: &str, path: &str, object: &str) -> String;
        }
    };
}
