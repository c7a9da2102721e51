//! What clients look for and the emulator has not: routes, the networking service of guests, statistics.
//!
//! A Go program panics where a function is missing that it calls, so all are there and answer `E_NOTIMPL`, with an error
//! record where they have one.

use std::ffi::c_void;

use switchyard_hcn::hresult;
use windows_sys::Win32::System::HostComputeNetwork::{
    HCN_NOTIFICATION_CALLBACK, HCN_PORT_RANGE_ENTRY, HCN_PORT_RANGE_RESERVATION,
};
use windows_sys::core::{GUID, HRESULT, PCWSTR, PWSTR};

use crate::Function;
use crate::boundary::{Handle, Record, call, done, refused};

/// Refuses a call that would give a text back.
unsafe fn no_text(output: *mut PWSTR, record: *mut PWSTR) -> HRESULT {
    let refuse = |_: &_| Err::<String, _>(refused(hresult::E_NOTIMPL));
    // SAFETY: the caller keeps what the library says.
    unsafe { call(output, Record::At(record), refuse) }
}

/// Refuses a call that would give a handle back.
unsafe fn no_handle(output: *mut *mut c_void, record: Record) -> HRESULT {
    // SAFETY: the caller keeps what the library says.
    unsafe { call(output, record, |_| Err::<usize, _>(refused(hresult::E_NOTIMPL))) }
}

/// Refuses a call that would give nothing back.
unsafe fn not_done(record: Record) -> HRESULT {
    // SAFETY: the caller keeps what the library says.
    unsafe { done(record, |_| Err(refused(hresult::E_NOTIMPL))) }
}

macro_rules! unserved {
    ($(
        $name:ident($($argument:ident: $kind:ty),*) -> $refuse:ident($($with:expr),*);
    )*) => {
        $(
            #[unsafe(no_mangle)]
            pub unsafe extern "system" fn $name($($argument: $kind),*) -> HRESULT {
                // It is refused whatever they are.
                let _ = ($($argument),*);
                // SAFETY: the caller keeps what the library says.
                unsafe { $refuse($($with),*) }
            }
        )*

        /// Every function that is not served.
        pub(crate) static UNSERVED: &[(&str, Function)] = &[
            $((stringify!($name), Function($name as *const c_void)),)*
            (
                "HcnFreeGuestNetworkPortReservations",
                Function(HcnFreeGuestNetworkPortReservations as *const c_void),
            ),
        ];
    };
}

/// A place for a text.
type Text = *mut PWSTR;
/// A place for a handle.
type Place = *mut *mut c_void;

#[rustfmt::skip]
unserved! {
    HcnEnumerateSdnRoutes(Query: PCWSTR, Ids: Text, Record: Text) -> no_text(Ids, Record);
    HcnCreateSdnRoute(Id: *const GUID, Settings: PCWSTR, Route: Place, Record: Text) -> no_handle(Route, Record::At(Record));
    HcnOpenSdnRoute(Id: *const GUID, Route: Place, Record: Text) -> no_handle(Route, Record::At(Record));
    HcnModifySdnRoute(Route: Handle, Settings: PCWSTR, Record: Text) -> not_done(Record::At(Record));
    HcnQuerySdnRouteProperties(Route: Handle, Query: PCWSTR, Properties: Text, Record: Text) -> no_text(Properties, Record);
    HcnDeleteSdnRoute(Id: *const GUID, Record: Text) -> not_done(Record::At(Record));
    HcnCloseSdnRoute(Route: Handle) -> not_done(Record::None);
    HcnQueryEndpointStats(Endpoint: Handle, Query: PCWSTR, Stats: Text, Record: Text) -> no_text(Stats, Record);
    HcnQueryEndpointAddresses(Endpoint: Handle, Query: PCWSTR, Addresses: Text, Record: Text) -> no_text(Addresses, Record);
    HcnEnumerateGuestNetworkServices(Query: PCWSTR, Ids: Text, Record: Text) -> no_text(Ids, Record);
    HcnCreateGuestNetworkService(Id: *const GUID, Settings: PCWSTR, Service: Place, Record: Text) -> no_handle(Service, Record::At(Record));
    HcnOpenGuestNetworkService(Id: *const GUID, Service: Place, Record: Text) -> no_handle(Service, Record::At(Record));
    HcnModifyGuestNetworkService(Service: Handle, Settings: PCWSTR, Record: Text) -> not_done(Record::At(Record));
    HcnQueryGuestNetworkServiceProperties(Service: Handle, Query: PCWSTR, Properties: Text, Record: Text) -> no_text(Properties, Record);
    HcnDeleteGuestNetworkService(Id: *const GUID, Record: Text) -> not_done(Record::At(Record));
    HcnCloseGuestNetworkService(Service: Handle) -> not_done(Record::None);
    HcnRegisterGuestNetworkServiceCallback(Service: Handle, Callback: HCN_NOTIFICATION_CALLBACK, Context: *const c_void, Registered: Place) -> no_handle(Registered, Record::None);
    HcnUnregisterGuestNetworkServiceCallback(Registered: Handle) -> not_done(Record::None);
    HcnRegisterNetworkCallback(Network: Handle, Callback: HCN_NOTIFICATION_CALLBACK, Context: *const c_void, Registered: Place) -> no_handle(Registered, Record::None);
    HcnUnregisterNetworkCallback(Registered: Handle) -> not_done(Record::None);
    HcnReserveGuestNetworkServicePort(Service: Handle, Protocol: i32, Access: i32, Port: u16, Reserved: Place) -> no_handle(Reserved, Record::None);
    HcnReserveGuestNetworkServicePortRange(Service: Handle, PortCount: u16, Range: *mut HCN_PORT_RANGE_RESERVATION, Reserved: Place) -> no_handle(Reserved, Record::None);
    HcnReleaseGuestNetworkServicePortReservationHandle(Reserved: Handle) -> not_done(Record::None);
    HcnEnumerateGuestNetworkPortReservations(Count: *mut u32, Entries: *mut *mut HCN_PORT_RANGE_ENTRY) -> no_reservations(Count, Entries);
    HcnOpenService(Service: Place, Record: Text) -> no_handle(Service, Record::At(Record));
    HcnCloseService(Service: Handle) -> not_done(Record::None);
}

/// Refuses to list what there is none of.
unsafe fn no_reservations(count: *mut u32, entries: *mut *mut HCN_PORT_RANGE_ENTRY) -> HRESULT {
    // SAFETY: the caller keeps what the library says.
    unsafe {
        if !count.is_null() {
            count.write(0);
        }
        no_handle(entries.cast(), Record::None)
    }
}

/// There are no reservations, so nothing is to be freed.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn HcnFreeGuestNetworkPortReservations(
    _PortEntries: *mut HCN_PORT_RANGE_ENTRY,
) {
}
