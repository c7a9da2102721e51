//! The trait's functions as calls of the C interface.

use std::collections::BTreeMap;
use std::ffi::c_void;
use std::ptr;
use std::sync::{Mutex, PoisonError};

use switchyard_hcn::{
    CallbackHandle, EndpointHandle, Error, Guid, Hcn, LoadBalancerHandle, NamespaceHandle,
    NetworkHandle, NotificationCallback,
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
        $enumerate:ident $open:ident $modify:ident $query:ident $delete:ident $close:ident
    ) => {
        fn $enumerate(&self, query: &str) -> Result<String, Error> {
            let function = self.functions.$enumerate.get()?;
            let query = units(query);
            // SAFETY: the text ends with a zero and outlives the call, and the places are there.
            self.text(|ids, record| unsafe { function(query.as_ptr(), ids, record) })
        }

        fn $open(&self, id: Guid) -> Result<$handle, Error> {
            let function = self.functions.$open.get()?;
            let id = guid(id);
            // SAFETY: the id outlives the call, and the places are there.
            self.handle(|handle, record| unsafe { function(&raw const id, handle, record) })
                .map($handle)
        }

        fn $modify(&self, object: $handle, settings: &str) -> Result<(), Error> {
            let function = self.functions.$modify.get()?;
            let settings = units(settings);
            // SAFETY: the text ends with a zero and outlives the call, the place is there, and HNS checks the handle.
            self.call(|record| unsafe { function(raw(object.0), settings.as_ptr(), record) })
        }

        fn $query(&self, object: $handle, query: &str) -> Result<String, Error> {
            let function = self.functions.$query.get()?;
            let query = units(query);
            // SAFETY: as for changes.
            self.text(|text, record| unsafe {
                function(raw(object.0), query.as_ptr(), text, record)
            })
        }

        fn $delete(&self, id: Guid) -> Result<(), Error> {
            let function = self.functions.$delete.get()?;
            let id = guid(id);
            // SAFETY: the id outlives the call, and the place is there.
            self.call(|record| unsafe { function(&raw const id, record) })
        }

        fn $close(&self, object: $handle) -> Result<(), Error> {
            let function = self.functions.$close.get()?;
            // SAFETY: HNS checks the handle, and nobody uses it any more.
            self.call(|_| unsafe { function(raw(object.0)) })
        }
    };
    (create $handle:ident: $create:ident) => {
        fn $create(&self, id: Guid, settings: &str) -> Result<$handle, Error> {
            let function = self.functions.$create.get()?;
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
        enumerate_networks open_network modify_network query_network_properties
        delete_network close_network
    }
    kind! {
        EndpointHandle:
        enumerate_endpoints open_endpoint modify_endpoint query_endpoint_properties
        delete_endpoint close_endpoint
    }
    kind! {
        NamespaceHandle:
        enumerate_namespaces open_namespace modify_namespace query_namespace_properties
        delete_namespace close_namespace
    }
    kind! {
        LoadBalancerHandle:
        enumerate_load_balancers open_load_balancer modify_load_balancer
        query_load_balancer_properties delete_load_balancer close_load_balancer
    }
    kind! { create NetworkHandle: create_network }
    kind! { create NamespaceHandle: create_namespace }
    kind! { create LoadBalancerHandle: create_load_balancer }

    fn create_endpoint(
        &self,
        network: NetworkHandle,
        id: Guid,
        settings: &str,
    ) -> Result<EndpointHandle, Error> {
        let function = self.functions.create_endpoint.get()?;
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
        let function = self.functions.register_service_callback.get()?;
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
        let function = self.functions.unregister_service_callback.get()?;
        let mut listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(listener) = listeners.remove(&callback.0) {
            listener.remove();
        }
        drop(listeners);
        // SAFETY: HNS checks the handle, and nobody uses it any more.
        self.call(|_| unsafe { function(raw(callback.0)) })
    }

    fn hns_call(&self, method: &str, path: &str, object: &str) -> Result<String, Error> {
        let function = self.functions.hns_call.get()?;
        let (method, path, object) = (units(method), units(path), units(object));
        // SAFETY: the texts end with a zero and outlive the call, and the place is there.
        self.text(|response, _| unsafe {
            function(method.as_ptr(), path.as_ptr(), object.as_ptr(), response)
        })
    }
}
