//! The trait's functions as calls of the C interface.

use std::collections::BTreeMap;
use std::ffi::c_void;
use std::ptr;
use std::sync::{Mutex, PoisonError};

use switchyard_hcn::{
    CallbackHandle, EndpointHandle, Error, ErrorRecord, Guid, Hcn, LoadBalancerHandle,
    NamespaceHandle, NetworkHandle, NotificationCallback, hresult,
};
use windows_sys::core::{GUID, HRESULT, PWSTR};

use crate::callback::{Listener, told};
use crate::functions::Functions;
use crate::text::{Given, units};

/// The HNS of Windows.
///
/// Calls block for as long as HNS takes, which may be for ever.
#[derive(Debug)]
pub struct WindowsHns {
    functions: Functions,
    listeners: Mutex<BTreeMap<usize, Listener>>,
}

impl WindowsHns {
    /// The HNS that has these functions.
    #[must_use]
    pub fn new(functions: Functions) -> Self {
        Self { functions, listeners: Mutex::default() }
    }

    /// The names of the functions that it lacks. Calls of them fail with `E_NOTIMPL`.
    #[must_use]
    pub fn missing(&self) -> Vec<&'static str> {
        self.functions.missing()
    }

    /// Makes a call that has a place for an error record.
    fn call(&self, act: impl FnOnce(*mut PWSTR) -> HRESULT) -> Result<(), Error> {
        let mut record = Given::new(self.functions.free);
        let code = act(record.place());
        // HNS has been seen to succeed with a record, and hcsshim takes that for a failure.
        let record = record.text().filter(|record| !record.is_empty());
        if code < 0 || record.is_some() {
            return Err(Error { hresult: code.cast_unsigned(), record });
        }
        Ok(())
    }

    /// Makes a call that gives a text.
    fn text(&self, act: impl FnOnce(*mut PWSTR, *mut PWSTR) -> HRESULT) -> Result<String, Error> {
        let mut text = Given::new(self.functions.free);
        self.call(|record| act(text.place(), record))?;
        Ok(text.text().unwrap_or_default())
    }

    /// Makes a call that gives a handle.
    fn handle(
        &self,
        act: impl FnOnce(*mut *mut c_void, *mut PWSTR) -> HRESULT,
    ) -> Result<usize, Error> {
        let mut handle = ptr::null_mut();
        self.call(|record| act(&raw mut handle, record))?;
        Ok(handle.expose_provenance())
    }
}

/// The function, or the failure that it is not there.
fn found<F>(function: Option<F>, name: &str) -> Result<F, Error> {
    function.ok_or_else(|| {
        let detail = format!("This Windows has no {name}: it is too old.");
        ErrorRecord::of(hresult::E_NOTIMPL, &detail).into_error()
    })
}

/// What HNS knows as a handle.
fn raw(handle: usize) -> *const c_void {
    ptr::with_exposed_provenance(handle)
}

fn guid(id: Guid) -> GUID {
    let (data1, data2, data3, data4) = id.uuid().as_fields();
    GUID { data1, data2, data3, data4: *data4 }
}

macro_rules! kind {
    (
        $handle:ident:
        $Enumerate:literal $enumerate:ident $Open:literal $open:ident $Modify:literal $modify:ident
        $Query:literal $query:ident $Delete:literal $delete:ident $Close:literal $close:ident
    ) => {
        fn $enumerate(&self, query: &str) -> Result<String, Error> {
            let function = found(self.functions.$enumerate, $Enumerate)?;
            let query = units(query);
            // SAFETY: the text ends with a zero and outlives the call, and the places are there.
            self.text(|ids, record| unsafe { function(query.as_ptr(), ids, record) })
        }

        fn $open(&self, id: Guid) -> Result<$handle, Error> {
            let function = found(self.functions.$open, $Open)?;
            let id = guid(id);
            // SAFETY: the id outlives the call, and the places are there.
            self.handle(|handle, record| unsafe { function(&raw const id, handle, record) })
                .map($handle)
        }

        fn $modify(&self, object: $handle, settings: &str) -> Result<(), Error> {
            let function = found(self.functions.$modify, $Modify)?;
            let settings = units(settings);
            // SAFETY: the text ends with a zero and outlives the call, the place is there, and HNS checks the handle.
            self.call(|record| unsafe { function(raw(object.0), settings.as_ptr(), record) })
        }

        fn $query(&self, object: $handle, query: &str) -> Result<String, Error> {
            let function = found(self.functions.$query, $Query)?;
            let query = units(query);
            // SAFETY: as for changes.
            self.text(|text, record| unsafe {
                function(raw(object.0), query.as_ptr(), text, record)
            })
        }

        fn $delete(&self, id: Guid) -> Result<(), Error> {
            let function = found(self.functions.$delete, $Delete)?;
            let id = guid(id);
            // SAFETY: the id outlives the call, and the place is there.
            self.call(|record| unsafe { function(&raw const id, record) })
        }

        fn $close(&self, object: $handle) -> Result<(), Error> {
            let function = found(self.functions.$close, $Close)?;
            // SAFETY: HNS checks the handle, and nobody uses it any more.
            self.call(|_| unsafe { function(raw(object.0)) })
        }
    };
    (create $handle:ident: $Create:literal $create:ident) => {
        fn $create(&self, id: Guid, settings: &str) -> Result<$handle, Error> {
            let function = found(self.functions.$create, $Create)?;
            let (id, settings) = (guid(id), units(settings));
            // SAFETY: id and text outlive the call, and the places are there.
            self.handle(|handle, record| unsafe {
                function(&raw const id, settings.as_ptr(), handle, record)
            })
            .map($handle)
        }
    };
}

impl Hcn for WindowsHns {
    kind! {
        NetworkHandle:
        "HcnEnumerateNetworks" enumerate_networks "HcnOpenNetwork" open_network
        "HcnModifyNetwork" modify_network "HcnQueryNetworkProperties" query_network_properties
        "HcnDeleteNetwork" delete_network "HcnCloseNetwork" close_network
    }
    kind! {
        EndpointHandle:
        "HcnEnumerateEndpoints" enumerate_endpoints "HcnOpenEndpoint" open_endpoint
        "HcnModifyEndpoint" modify_endpoint "HcnQueryEndpointProperties" query_endpoint_properties
        "HcnDeleteEndpoint" delete_endpoint "HcnCloseEndpoint" close_endpoint
    }
    kind! {
        NamespaceHandle:
        "HcnEnumerateNamespaces" enumerate_namespaces "HcnOpenNamespace" open_namespace
        "HcnModifyNamespace" modify_namespace
        "HcnQueryNamespaceProperties" query_namespace_properties
        "HcnDeleteNamespace" delete_namespace "HcnCloseNamespace" close_namespace
    }
    kind! {
        LoadBalancerHandle:
        "HcnEnumerateLoadBalancers" enumerate_load_balancers
        "HcnOpenLoadBalancer" open_load_balancer "HcnModifyLoadBalancer" modify_load_balancer
        "HcnQueryLoadBalancerProperties" query_load_balancer_properties
        "HcnDeleteLoadBalancer" delete_load_balancer "HcnCloseLoadBalancer" close_load_balancer
    }
    kind! { create NetworkHandle: "HcnCreateNetwork" create_network }
    kind! { create NamespaceHandle: "HcnCreateNamespace" create_namespace }
    kind! { create LoadBalancerHandle: "HcnCreateLoadBalancer" create_load_balancer }

    fn create_endpoint(
        &self,
        network: NetworkHandle,
        id: Guid,
        settings: &str,
    ) -> Result<EndpointHandle, Error> {
        let function = found(self.functions.create_endpoint, "HcnCreateEndpoint")?;
        let (id, settings) = (guid(id), units(settings));
        // SAFETY: id and text outlive the call, the places are there, and HNS checks the handle.
        self.handle(|handle, record| unsafe {
            function(raw(network.0), &raw const id, settings.as_ptr(), handle, record)
        })
        .map(EndpointHandle)
    }

    fn register_service_callback(
        &self,
        callback: NotificationCallback,
    ) -> Result<CallbackHandle, Error> {
        let function =
            found(self.functions.register_service_callback, "HcnRegisterServiceCallback")?;
        let listener = Listener::add(callback);
        let registered = self.handle(|handle, _| {
            // SAFETY: the callback is there as long as the process, and takes any number for its context.
            unsafe { function(Some(told), listener.context(), handle) }
        });
        let registered = registered.inspect_err(|_| listener.remove())?;
        let mut listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        // HNS gives a handle anew only when the one before has ended with HNS.
        if let Some(ended) = listeners.insert(registered, listener) {
            ended.remove();
        }
        Ok(CallbackHandle(registered))
    }

    fn unregister_service_callback(&self, callback: CallbackHandle) -> Result<(), Error> {
        let function =
            found(self.functions.unregister_service_callback, "HcnUnregisterServiceCallback")?;
        let mut listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(listener) = listeners.remove(&callback.0) {
            listener.remove();
        }
        drop(listeners);
        // SAFETY: HNS checks the handle, and nobody uses it any more.
        self.call(|_| unsafe { function(raw(callback.0)) })
    }

    fn hns_call(&self, method: &str, path: &str, object: &str) -> Result<String, Error> {
        let function = found(self.functions.hns_call, "HNSCall")?;
        let (method, path, object) = (units(method), units(path), units(object));
        // SAFETY: the texts end with a zero and outlive the call, and the place is there.
        self.text(|response, _| unsafe {
            function(method.as_ptr(), path.as_ptr(), object.as_ptr(), response)
        })
    }
}
