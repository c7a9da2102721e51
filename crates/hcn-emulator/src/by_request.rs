//! The functions of HNS as requests, for whatever answers those.

use switchyard_hcn::{Error, NotificationCallback, hresult};

use crate::request::{Answer, Request};
use crate::settings::refused;

/// What answers requests as HNS does. [`hcn_by_request!`](crate::hcn_by_request) puts it behind the trait of HNS.
#[expect(clippy::missing_errors_doc, reason = "each fails as the function of HNS does")]
pub trait ByRequest {
    /// Answers a call of any function but the two about callbacks.
    fn request(&self, request: &Request<'_>) -> Result<Answer, Error>;
    /// Registers a callback, and answers with its handle.
    fn register(&self, callback: NotificationCallback) -> Result<usize, Error>;
    /// Takes the callback with this handle out.
    fn unregister(&self, handle: usize) -> Result<(), Error>;
}

/// The handle that a call was answered with.
///
/// # Errors
///
/// `E_HANDLE` where the answer is none.
pub fn handle(answer: Answer) -> Result<usize, Error> {
    match answer {
        Answer::Handle(handle) => Ok(handle),
        Answer::Done | Answer::Text(_) => Err(refused(hresult::E_HANDLE)),
    }
}

/// The text that a call was answered with; an empty one where there is none.
#[must_use]
pub fn text(answer: Answer) -> String {
    match answer {
        Answer::Text(text) => text,
        Answer::Done | Answer::Handle(_) => String::new(),
    }
}

/// What [`hcn_by_request!`](crate::hcn_by_request) writes with.
#[doc(hidden)]
pub mod names {
    pub use switchyard_hcn::{
        CallbackHandle, EndpointHandle, Error, Guid, Hcn, LoadBalancerHandle, NamespaceHandle,
        NetworkHandle, NotificationCallback,
    };

    pub use super::{ByRequest, handle, text};
    pub use crate::{ObjectKind, Request};
}

/// Puts a type that is [`ByRequest`](crate::ByRequest) behind the trait of HNS.
#[macro_export]
macro_rules! hcn_by_request {
    ($name:ty) => {
        const _: () = {
            use $crate::by_request::names::*;

            impl Hcn for $name {
                $crate::hcn_by_request! {
                    @kind Network, NetworkHandle:
                    enumerate_networks open_network modify_network query_network_properties
                    delete_network close_network
                }
                $crate::hcn_by_request! {
                    @kind Endpoint, EndpointHandle:
                    enumerate_endpoints open_endpoint modify_endpoint query_endpoint_properties
                    delete_endpoint close_endpoint
                }
                $crate::hcn_by_request! {
                    @kind Namespace, NamespaceHandle:
                    enumerate_namespaces open_namespace modify_namespace
                    query_namespace_properties delete_namespace close_namespace
                }
                $crate::hcn_by_request! {
                    @kind LoadBalancer, LoadBalancerHandle:
                    enumerate_load_balancers open_load_balancer modify_load_balancer
                    query_load_balancer_properties delete_load_balancer close_load_balancer
                }
                $crate::hcn_by_request! { @create Network, NetworkHandle: create_network }
                $crate::hcn_by_request! { @create Namespace, NamespaceHandle: create_namespace }
                $crate::hcn_by_request! {
                    @create LoadBalancer, LoadBalancerHandle: create_load_balancer
                }

                fn create_endpoint(
                    &self,
                    network: NetworkHandle,
                    id: Guid,
                    settings: &str,
                ) -> Result<EndpointHandle, Error> {
                    let (kind, network) = (ObjectKind::Endpoint, Some(network.0));
                    let answer = self.request(&Request::Create { kind, network, id, settings })?;
                    handle(answer).map(EndpointHandle)
                }

                fn register_service_callback(
                    &self,
                    callback: NotificationCallback,
                ) -> Result<CallbackHandle, Error> {
                    self.register(callback).map(CallbackHandle)
                }

                fn unregister_service_callback(
                    &self,
                    callback: CallbackHandle,
                ) -> Result<(), Error> {
                    self.unregister(callback.0)
                }

                fn hns_call(
                    &self,
                    method: &str,
                    path: &str,
                    object: &str,
                ) -> Result<String, Error> {
                    self.request(&Request::HnsCall { method, path, object }).map(text)
                }
            }
        };
    };
    (
        @kind $kind:ident, $handle:ident:
        $enumerate:ident $open:ident $modify:ident $query:ident $delete:ident $close:ident
    ) => {
        fn $enumerate(&self, query: &str) -> Result<String, Error> {
            self.request(&Request::Enumerate { kind: ObjectKind::$kind, query }).map(text)
        }

        fn $open(&self, id: Guid) -> Result<$handle, Error> {
            let answer = self.request(&Request::Open { kind: ObjectKind::$kind, id })?;
            handle(answer).map($handle)
        }

        fn $modify(&self, opened: $handle, settings: &str) -> Result<(), Error> {
            let (kind, handle) = (ObjectKind::$kind, opened.0);
            self.request(&Request::Modify { kind, handle, settings }).map(drop)
        }

        fn $query(&self, opened: $handle, query: &str) -> Result<String, Error> {
            let (kind, handle) = (ObjectKind::$kind, opened.0);
            self.request(&Request::Query { kind, handle, query }).map(text)
        }

        fn $delete(&self, id: Guid) -> Result<(), Error> {
            self.request(&Request::Delete { kind: ObjectKind::$kind, id }).map(drop)
        }

        fn $close(&self, opened: $handle) -> Result<(), Error> {
            let (kind, handle) = (ObjectKind::$kind, opened.0);
            self.request(&Request::Close { kind, handle }).map(drop)
        }
    };
    (@create $kind:ident, $handle:ident: $create:ident) => {
        fn $create(&self, id: Guid, settings: &str) -> Result<$handle, Error> {
            let (kind, network) = (ObjectKind::$kind, None);
            let answer = self.request(&Request::Create { kind, network, id, settings })?;
            handle(answer).map($handle)
        }
    };
}
