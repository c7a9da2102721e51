//! What the emulator serves.

use std::ffi::c_void;
use std::sync::Arc;

use switchyard_hcn::{
    CallbackHandle, EndpointHandle, Hcn, LoadBalancerHandle, NamespaceHandle, NetworkHandle,
    Notification, NotificationCallback, hresult,
};
use windows_sys::Win32::System::HostComputeNetwork::HCN_NOTIFICATION_CALLBACK;
use windows_sys::core::{GUID, HRESULT, PCWSTR, PWSTR};

use crate::Function;
use crate::boundary::{Handle, Record, call, document, done, id, query, refused};

/// The functions of one kind of object.
macro_rules! kind {
    (
        $handle:ident:
        $Enumerate:ident $enumerate:ident $Open:ident $open:ident $Modify:ident $modify:ident
        $Query:ident $query:ident $Delete:ident $delete:ident $Close:ident $close:ident
    ) => {
        #[unsafe(no_mangle)]
        pub unsafe extern "system" fn $Enumerate(
            Query: PCWSTR,
            Ids: *mut PWSTR,
            ErrorRecord: *mut PWSTR,
        ) -> HRESULT {
            // SAFETY: the caller keeps what the library says.
            unsafe { call(Ids, Record::At(ErrorRecord), |hns| hns.$enumerate(&query(Query)?)) }
        }

        #[unsafe(no_mangle)]
        pub unsafe extern "system" fn $Open(
            Id: *const GUID,
            Object: *mut *mut c_void,
            ErrorRecord: *mut PWSTR,
        ) -> HRESULT {
            // SAFETY: the caller keeps what the library says.
            unsafe { call(Object, Record::At(ErrorRecord), |hns| Ok(hns.$open(id(Id)?)?.0)) }
        }

        #[unsafe(no_mangle)]
        pub unsafe extern "system" fn $Modify(
            Object: Handle,
            Settings: PCWSTR,
            ErrorRecord: *mut PWSTR,
        ) -> HRESULT {
            let handle = $handle(Object.addr());
            // SAFETY: the caller keeps what the library says.
            unsafe {
                done(Record::At(ErrorRecord), |hns| hns.$modify(handle, &document(Settings)?))
            }
        }

        #[unsafe(no_mangle)]
        pub unsafe extern "system" fn $Query(
            Object: Handle,
            Query: PCWSTR,
            Properties: *mut PWSTR,
            ErrorRecord: *mut PWSTR,
        ) -> HRESULT {
            let handle = $handle(Object.addr());
            let record = Record::At(ErrorRecord);
            // SAFETY: the caller keeps what the library says.
            unsafe { call(Properties, record, |hns| hns.$query(handle, &query(Query)?)) }
        }

        #[unsafe(no_mangle)]
        pub unsafe extern "system" fn $Delete(Id: *const GUID, ErrorRecord: *mut PWSTR) -> HRESULT {
            // SAFETY: the caller keeps what the library says.
            unsafe { done(Record::At(ErrorRecord), |hns| hns.$delete(id(Id)?)) }
        }

        #[unsafe(no_mangle)]
        pub unsafe extern "system" fn $Close(Object: Handle) -> HRESULT {
            // SAFETY: there is nothing to write to.
            unsafe { done(Record::None, |hns| hns.$close($handle(Object.addr()))) }
        }
    };
    (create $Create:ident $create:ident) => {
        #[unsafe(no_mangle)]
        pub unsafe extern "system" fn $Create(
            Id: *const GUID,
            Settings: PCWSTR,
            Object: *mut *mut c_void,
            ErrorRecord: *mut PWSTR,
        ) -> HRESULT {
            // SAFETY: the caller keeps what the library says.
            unsafe {
                call(Object, Record::At(ErrorRecord), |hns| {
                    Ok(hns.$create(id(Id)?, &document(Settings)?)?.0)
                })
            }
        }
    };
}

kind! {
    NetworkHandle:
    HcnEnumerateNetworks enumerate_networks HcnOpenNetwork open_network
    HcnModifyNetwork modify_network HcnQueryNetworkProperties query_network_properties
    HcnDeleteNetwork delete_network HcnCloseNetwork close_network
}
kind! {
    EndpointHandle:
    HcnEnumerateEndpoints enumerate_endpoints HcnOpenEndpoint open_endpoint
    HcnModifyEndpoint modify_endpoint HcnQueryEndpointProperties query_endpoint_properties
    HcnDeleteEndpoint delete_endpoint HcnCloseEndpoint close_endpoint
}
kind! {
    NamespaceHandle:
    HcnEnumerateNamespaces enumerate_namespaces HcnOpenNamespace open_namespace
    HcnModifyNamespace modify_namespace HcnQueryNamespaceProperties query_namespace_properties
    HcnDeleteNamespace delete_namespace HcnCloseNamespace close_namespace
}
kind! {
    LoadBalancerHandle:
    HcnEnumerateLoadBalancers enumerate_load_balancers HcnOpenLoadBalancer open_load_balancer
    HcnModifyLoadBalancer modify_load_balancer
    HcnQueryLoadBalancerProperties query_load_balancer_properties
    HcnDeleteLoadBalancer delete_load_balancer HcnCloseLoadBalancer close_load_balancer
}
kind! { create HcnCreateNetwork create_network }
kind! { create HcnCreateNamespace create_namespace }
kind! { create HcnCreateLoadBalancer create_load_balancer }

#[unsafe(no_mangle)]
pub unsafe extern "system" fn HcnCreateEndpoint(
    Network: Handle,
    Id: *const GUID,
    Settings: PCWSTR,
    Endpoint: *mut *mut c_void,
    ErrorRecord: *mut PWSTR,
) -> HRESULT {
    let network = NetworkHandle(Network.addr());
    // SAFETY: the caller keeps what the library says.
    unsafe {
        call(Endpoint, Record::At(ErrorRecord), |hns| {
            Ok(hns.create_endpoint(network, id(Id)?, &document(Settings)?)?.0)
        })
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "system" fn HcnRegisterServiceCallback(
    Callback: HCN_NOTIFICATION_CALLBACK,
    Context: *const c_void,
    Registered: *mut *mut c_void,
) -> HRESULT {
    /// What the caller wants back. It is never looked into.
    struct Context_(*const c_void);
    // SAFETY: whoever registers a callback says that it may be called with this on any thread.
    unsafe impl Send for Context_ {}
    // SAFETY: as above.
    unsafe impl Sync for Context_ {}

    let context = Context_(Context);
    // SAFETY: the caller keeps what the library says, and the function valid until it is taken out.
    unsafe {
        call(Registered, Record::None, |hns| {
            let function = Callback.ok_or_else(|| refused(hresult::E_INVALIDARG))?;
            stay_loaded();
            let callback: NotificationCallback = Arc::new(move |notification: &Notification| {
                let context = &context;
                let data: Vec<u16> = notification.data.encode_utf16().chain([0]).collect();
                let (what, status) =
                    (notification.notification_type.value(), notification.status.cast_signed());
                function(what, context.0, status, data.as_ptr());
            });
            Ok(hns.register_service_callback(callback)?.0)
        })
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "system" fn HcnUnregisterServiceCallback(Registered: Handle) -> HRESULT {
    let handle = CallbackHandle(Registered.addr());
    // SAFETY: there is nothing to write to.
    unsafe { done(Record::None, |hns| hns.unregister_service_callback(handle)) }
}

#[unsafe(no_mangle)]
pub unsafe extern "system" fn HNSCall(
    Method: PCWSTR,
    Path: PCWSTR,
    Object: PCWSTR,
    Response: *mut PWSTR,
) -> HRESULT {
    // SAFETY: the caller keeps what the library says.
    unsafe {
        call(Response, Record::None, |hns| {
            hns.hns_call(&document(Method)?, &document(Path)?, &query(Object)?)
        })
    }
}

/// Keeps the library loaded from now on: a thread of it tells callbacks what happens.
fn stay_loaded() {
    #[cfg(windows)]
    {
        use windows_sys::Win32::System::LibraryLoader::{
            GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS, GET_MODULE_HANDLE_EX_FLAG_PIN,
            GetModuleHandleExW,
        };

        let mut module = std::ptr::null_mut();
        let flags = GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_PIN;
        let here = (HcnRegisterServiceCallback as *const c_void).cast::<u16>();
        // SAFETY: with these flags the name is an address, and this one is the library's own.
        unsafe { GetModuleHandleExW(flags, here, &raw mut module) };
    }
}

macro_rules! functions {
    ($($name:ident)*) => {
        /// Every function that is served.
        pub(crate) static SERVED: &[(&str, Function)] =
            &[$((stringify!($name), Function($name as *const c_void))),*];
    };
}

functions! {
    HcnEnumerateNetworks HcnCreateNetwork HcnOpenNetwork HcnModifyNetwork
    HcnQueryNetworkProperties HcnDeleteNetwork HcnCloseNetwork
    HcnEnumerateEndpoints HcnCreateEndpoint HcnOpenEndpoint HcnModifyEndpoint
    HcnQueryEndpointProperties HcnDeleteEndpoint HcnCloseEndpoint
    HcnEnumerateNamespaces HcnCreateNamespace HcnOpenNamespace HcnModifyNamespace
    HcnQueryNamespaceProperties HcnDeleteNamespace HcnCloseNamespace
    HcnEnumerateLoadBalancers HcnCreateLoadBalancer HcnOpenLoadBalancer HcnModifyLoadBalancer
    HcnQueryLoadBalancerProperties HcnDeleteLoadBalancer HcnCloseLoadBalancer
    HcnRegisterServiceCallback HcnUnregisterServiceCallback HNSCall
}
