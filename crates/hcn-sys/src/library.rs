//! The libraries of HNS, in System32 alone: nobody else's file of that name is loaded.

use std::ffi::{CString, c_void};
use std::io;
use std::ptr;

use windows_sys::Win32::Foundation::{ERROR_MOD_NOT_FOUND, HMODULE};
use windows_sys::Win32::System::Com::CoTaskMemFree;
use windows_sys::Win32::System::LibraryLoader::{
    GetProcAddress, LOAD_LIBRARY_SEARCH_SYSTEM32, LoadLibraryExW,
};

use crate::text::units;
use crate::{Absent, Functions};

/// The functions of HNS on this machine.
pub(crate) fn functions() -> Result<Functions, Absent> {
    let hcn = load("computenetwork.dll")?;
    let compute = load("vmcompute.dll").ok();
    let find = |name: &'static str| match name {
        "HNSCall" => address(compute?, name),
        _ => address(hcn, name),
    };
    // SAFETY: these are the libraries of Windows, which stay loaded; they give memory of COM.
    Ok(unsafe { Functions::find(find, free) })
}

unsafe extern "system" fn free(text: *const c_void) {
    // SAFETY: the caller says that COM gave it.
    unsafe { CoTaskMemFree(text) };
}

fn load(library: &'static str) -> Result<HMODULE, Absent> {
    let name = units(library);
    let flags = LOAD_LIBRARY_SEARCH_SYSTEM32;
    // SAFETY: the name ends with a zero.
    let module = unsafe { LoadLibraryExW(name.as_ptr(), ptr::null_mut(), flags) };
    if !module.is_null() {
        return Ok(module);
    }
    let source = io::Error::last_os_error();
    if source.raw_os_error() == Some(ERROR_MOD_NOT_FOUND.cast_signed()) {
        return Err(Absent::NotInstalled { library });
    }
    Err(Absent::Unusable { library, source })
}

fn address(library: HMODULE, name: &str) -> Option<*const c_void> {
    let name = CString::new(name).ok()?;
    // SAFETY: the library is loaded, and the name ends with a zero.
    let function = unsafe { GetProcAddress(library, name.as_ptr().cast()) };
    function.map(|function| function as *const c_void)
}
