//! The C interface: its functions, each of which may be missing.

use std::ffi::c_void;
use std::mem::transmute;

use switchyard_hcn::{Error, ErrorRecord, hresult};
use windows_sys::Win32::System::HostComputeNetwork::{self as declared, HCN_NOTIFICATION_CALLBACK};
use windows_sys::core::{GUID, HRESULT, PCWSTR, PWSTR};

pub(crate) type Handle = *const c_void;
pub(crate) type Enumerate = unsafe extern "system" fn(PCWSTR, *mut PWSTR, *mut PWSTR) -> HRESULT;
pub(crate) type Create =
    unsafe extern "system" fn(*const GUID, PCWSTR, *mut *mut c_void, *mut PWSTR) -> HRESULT;
pub(crate) type CreateOn =
    unsafe extern "system" fn(Handle, *const GUID, PCWSTR, *mut *mut c_void, *mut PWSTR) -> HRESULT;
pub(crate) type Open =
    unsafe extern "system" fn(*const GUID, *mut *mut c_void, *mut PWSTR) -> HRESULT;
pub(crate) type Modify = unsafe extern "system" fn(Handle, PCWSTR, *mut PWSTR) -> HRESULT;
pub(crate) type Query =
    unsafe extern "system" fn(Handle, PCWSTR, *mut PWSTR, *mut PWSTR) -> HRESULT;
pub(crate) type Delete = unsafe extern "system" fn(*const GUID, *mut PWSTR) -> HRESULT;
pub(crate) type Close = unsafe extern "system" fn(Handle) -> HRESULT;
pub(crate) type Register =
    unsafe extern "system" fn(HCN_NOTIFICATION_CALLBACK, Handle, *mut *mut c_void) -> HRESULT;
pub(crate) type HnsCall = unsafe extern "system" fn(PCWSTR, PCWSTR, PCWSTR, *mut PWSTR) -> HRESULT;
pub(crate) type Free = unsafe extern "system" fn(*const c_void);

/// A function, if it was found.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Function<F> {
    name: &'static str,
    found: Option<F>,
}

impl<F: Copy> Function<F> {
    /// It, or the failure that this Windows lacks it.
    pub(crate) fn get(&self) -> Result<F, Error> {
        self.found.ok_or_else(|| {
            let detail = format!("This Windows has no {}: it is too old.", self.name);
            ErrorRecord::of(hresult::E_NOTIMPL, &detail).into_error()
        })
    }

    /// Its name, if it was not found.
    fn missing(&self) -> Option<&'static str> {
        self.found.is_none().then_some(self.name)
    }
}

macro_rules! functions {
    ($($field:ident: $kind:ident = $name:ident,)*) => {
        /// The functions that were found.
        #[derive(Debug, Clone, Copy)]
        pub struct Functions {
            $(pub(crate) $field: Function<$kind>,)*
            pub(crate) hns_call: Function<HnsCall>,
            pub(crate) free: Free,
        }

        /// The functions that a client of HNS uses, of `computenetwork.dll` and, the last, of `vmcompute.dll`.
        pub const FUNCTION_NAMES: &[&str] = &[$(stringify!($name),)* "HNSCall"];

        // That the types are those that Microsoft publishes in its own bindings: else this does not compile.
        $(const _: $kind = declared::$name;)*

        impl Functions {
            /// The functions that `find` finds by their names, and what frees the texts that they give.
            ///
            /// # Safety
            ///
            /// What is found under a name is the function that Windows has by this name, for as long as the process runs,
            /// and `free` frees what they give.
            #[must_use]
            pub unsafe fn find(
                find: impl Fn(&'static str) -> Option<*const c_void>,
                free: unsafe extern "system" fn(*const c_void),
            ) -> Self {
                // SAFETY: the caller says what is at the address; an address that was found is not null.
                unsafe {
                    Self {
                        $($field: Function {
                            name: stringify!($name),
                            found: find(stringify!($name)).map(|at| transmute::<_, $kind>(at)),
                        },)*
                        hns_call: Function {
                            name: "HNSCall",
                            found: find("HNSCall").map(|at| transmute::<_, HnsCall>(at)),
                        },
                        free,
                    }
                }
            }

            /// The names of those that were not found.
            #[must_use]
            pub fn missing(&self) -> Vec<&'static str> {
                let missing = [$(self.$field.missing(),)* self.hns_call.missing()];
                missing.into_iter().flatten().collect()
            }
        }
    };
}

functions! {
    enumerate_networks: Enumerate = HcnEnumerateNetworks,
    create_network: Create = HcnCreateNetwork,
    open_network: Open = HcnOpenNetwork,
    modify_network: Modify = HcnModifyNetwork,
    query_network_properties: Query = HcnQueryNetworkProperties,
    delete_network: Delete = HcnDeleteNetwork,
    close_network: Close = HcnCloseNetwork,
    enumerate_endpoints: Enumerate = HcnEnumerateEndpoints,
    create_endpoint: CreateOn = HcnCreateEndpoint,
    open_endpoint: Open = HcnOpenEndpoint,
    modify_endpoint: Modify = HcnModifyEndpoint,
    query_endpoint_properties: Query = HcnQueryEndpointProperties,
    delete_endpoint: Delete = HcnDeleteEndpoint,
    close_endpoint: Close = HcnCloseEndpoint,
    enumerate_namespaces: Enumerate = HcnEnumerateNamespaces,
    create_namespace: Create = HcnCreateNamespace,
    open_namespace: Open = HcnOpenNamespace,
    modify_namespace: Modify = HcnModifyNamespace,
    query_namespace_properties: Query = HcnQueryNamespaceProperties,
    delete_namespace: Delete = HcnDeleteNamespace,
    close_namespace: Close = HcnCloseNamespace,
    enumerate_load_balancers: Enumerate = HcnEnumerateLoadBalancers,
    create_load_balancer: Create = HcnCreateLoadBalancer,
    open_load_balancer: Open = HcnOpenLoadBalancer,
    modify_load_balancer: Modify = HcnModifyLoadBalancer,
    query_load_balancer_properties: Query = HcnQueryLoadBalancerProperties,
    delete_load_balancer: Delete = HcnDeleteLoadBalancer,
    close_load_balancer: Close = HcnCloseLoadBalancer,
    register_service_callback: Register = HcnRegisterServiceCallback,
    unregister_service_callback: Close = HcnUnregisterServiceCallback,
}
