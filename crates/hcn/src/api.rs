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

/// Gives `$each` every function of [`Hcn`], for whoever does the same for all: as
/// `name(argument: type, ...) -> answer, Export verb kind;`, with the name that the function is exported by, and the words for what it
/// does to what.
#[macro_export]
macro_rules! for_each_function {
    ($each:ident) => {
        $each! {
            enumerate_networks(query: &str) -> String, HcnEnumerateNetworks list network;
            create_network(id: $crate::Guid, settings: &str) -> $crate::NetworkHandle, HcnCreateNetwork create network;
            open_network(id: $crate::Guid) -> $crate::NetworkHandle, HcnOpenNetwork open network;
            modify_network(network: $crate::NetworkHandle, settings: &str) -> (), HcnModifyNetwork modify network;
            query_network_properties(network: $crate::NetworkHandle, query: &str) -> String, HcnQueryNetworkProperties read network;
            delete_network(id: $crate::Guid) -> (), HcnDeleteNetwork delete network;
            close_network(network: $crate::NetworkHandle) -> (), HcnCloseNetwork close network;
            enumerate_endpoints(query: &str) -> String, HcnEnumerateEndpoints list endpoint;
            create_endpoint(network: $crate::NetworkHandle, id: $crate::Guid, settings: &str) -> $crate::EndpointHandle, HcnCreateEndpoint create endpoint;
            open_endpoint(id: $crate::Guid) -> $crate::EndpointHandle, HcnOpenEndpoint open endpoint;
            modify_endpoint(endpoint: $crate::EndpointHandle, settings: &str) -> (), HcnModifyEndpoint modify endpoint;
            query_endpoint_properties(endpoint: $crate::EndpointHandle, query: &str) -> String, HcnQueryEndpointProperties read endpoint;
            delete_endpoint(id: $crate::Guid) -> (), HcnDeleteEndpoint delete endpoint;
            close_endpoint(endpoint: $crate::EndpointHandle) -> (), HcnCloseEndpoint close endpoint;
            enumerate_namespaces(query: &str) -> String, HcnEnumerateNamespaces list namespace;
            create_namespace(id: $crate::Guid, settings: &str) -> $crate::NamespaceHandle, HcnCreateNamespace create namespace;
            open_namespace(id: $crate::Guid) -> $crate::NamespaceHandle, HcnOpenNamespace open namespace;
            modify_namespace(namespace: $crate::NamespaceHandle, settings: &str) -> (), HcnModifyNamespace modify namespace;
            query_namespace_properties(namespace: $crate::NamespaceHandle, query: &str) -> String, HcnQueryNamespaceProperties read namespace;
            delete_namespace(id: $crate::Guid) -> (), HcnDeleteNamespace delete namespace;
            close_namespace(namespace: $crate::NamespaceHandle) -> (), HcnCloseNamespace close namespace;
            enumerate_load_balancers(query: &str) -> String, HcnEnumerateLoadBalancers list loadBalancer;
            create_load_balancer(id: $crate::Guid, settings: &str) -> $crate::LoadBalancerHandle, HcnCreateLoadBalancer create loadBalancer;
            open_load_balancer(id: $crate::Guid) -> $crate::LoadBalancerHandle, HcnOpenLoadBalancer open loadBalancer;
            modify_load_balancer(load_balancer: $crate::LoadBalancerHandle, settings: &str) -> (), HcnModifyLoadBalancer modify loadBalancer;
            query_load_balancer_properties(load_balancer: $crate::LoadBalancerHandle, query: &str) -> String, HcnQueryLoadBalancerProperties read loadBalancer;
            delete_load_balancer(id: $crate::Guid) -> (), HcnDeleteLoadBalancer delete loadBalancer;
            close_load_balancer(load_balancer: $crate::LoadBalancerHandle) -> (), HcnCloseLoadBalancer close loadBalancer;
            register_service_callback(callback: $crate::NotificationCallback) -> $crate::CallbackHandle, HcnRegisterServiceCallback register service;
            unregister_service_callback(callback: $crate::CallbackHandle) -> (), HcnUnregisterServiceCallback unregister service;
            hns_call(method: &str, path: &str, object: &str) -> String, HNSCall call service;
        }
    };
}

#[cfg(test)]
mod tests {
    macro_rules! exports {
        ($($name:ident($($argument:ident: $type:ty),*) -> $answer:ty, $export:ident $verb:ident $kind:ident;)*) => {
            const EXPORTS: &[(&str, &str)] = &[$((stringify!($name), stringify!($export))),*];
        };
    }

    for_each_function!(exports);

    #[test]
    fn methods_have_the_names_of_exports() {
        let check = |method: &str, expect: &str| {
            let export =
                EXPORTS.iter().find(|(name, _)| *name == method).map(|(_, export)| *export);
            assert_eq!(export, Some(expect));
        };
        check("open_network", "HcnOpenNetwork");
        check("query_load_balancer_properties", "HcnQueryLoadBalancerProperties");
        check("register_service_callback", "HcnRegisterServiceCallback");
        check("hns_call", "HNSCall");
        assert_eq!(EXPORTS.len(), 31);
    }
}
