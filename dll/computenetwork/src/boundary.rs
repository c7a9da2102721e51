//! What every function does with what it is given, and with what it gives back.

use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

use switchyard_hcn::{Error, ErrorRecord, Guid, hresult};
use switchyard_hcn_shared::SharedHns;
use windows_sys::core::{GUID, HRESULT, PCWSTR, PWSTR};

use crate::hns::hns;
use crate::memory::give;

/// A handle of any kind.
pub(crate) type Handle = *const c_void;

/// What a function gives back beside its HRESULT.
pub(crate) trait Output {
    /// As what.
    type Raw: Copy;
    /// Where there is nothing.
    const NOTHING: Self::Raw;
    /// Gives it to the caller.
    fn give(self) -> Result<Self::Raw, Error>;
}

impl Output for String {
    type Raw = PWSTR;
    const NOTHING: PWSTR = ptr::null_mut();

    fn give(self) -> Result<PWSTR, Error> {
        let given = give(&self);
        if given.is_null() { Err(refused(hresult::E_OUTOFMEMORY)) } else { Ok(given) }
    }
}

impl Output for usize {
    type Raw = *mut c_void;
    const NOTHING: *mut c_void = ptr::null_mut();

    fn give(self) -> Result<*mut c_void, Error> {
        Ok(ptr::without_provenance_mut(self))
    }
}

pub(crate) fn refused(code: u32) -> Error {
    ErrorRecord::of(code, "").into_error()
}

fn refused_for(code: u32, detail: &str) -> Error {
    ErrorRecord::of(code, detail).into_error()
}

/// What a caller must have given a place for.
pub(crate) enum Record {
    /// A place for the error record; null is none.
    At(*mut PWSTR),
    /// The function has no error record.
    None,
}

/// Makes a call that gives something back at `output`, which is written whatever happens.
///
/// # Safety
///
/// `output` and the record are null or places that may be written to.
pub(crate) unsafe fn call<T: Output>(
    output: *mut T::Raw,
    record: Record,
    act: impl FnOnce(&SharedHns) -> Result<T, Error>,
) -> HRESULT {
    let place = if output.is_null() { None } else { Some(output) };
    if let Some(place) = place {
        // SAFETY: the caller says so.
        unsafe { place.write(T::NOTHING) };
    }
    let act = |hns: &SharedHns| {
        let place =
            place.ok_or_else(|| refused_for(hresult::E_INVALIDARG, "No place for output."))?;
        let given = act(hns)?.give()?;
        // SAFETY: as above.
        unsafe { place.write(given) };
        Ok(())
    };
    // SAFETY: the caller says so of the record.
    unsafe { done(record, act) }
}

/// Makes a call that gives nothing back but its HRESULT.
///
/// # Safety
///
/// The record is null or a place that may be written to.
pub(crate) unsafe fn done(
    record: Record,
    act: impl FnOnce(&SharedHns) -> Result<(), Error>,
) -> HRESULT {
    let record = match record {
        Record::At(place) if !place.is_null() => Some(place),
        Record::At(_) | Record::None => None,
    };
    if let Some(place) = record {
        // SAFETY: the caller says so.
        unsafe { place.write(ptr::null_mut()) };
    }
    // What a panic leaves behind is the business of the shared HNS, which reads itself anew.
    let caught = catch_unwind(AssertUnwindSafe(|| act(hns()?)));
    let outcome = caught.unwrap_or_else(|_| Err(refused_for(hresult::RPC_S_CALL_FAILED, "Panic.")));
    let Err(error) = outcome else { return 0 };
    if let (Some(place), Some(text)) = (record, &error.record) {
        // SAFETY: as above.
        unsafe { place.write(give(text)) };
    }
    error.hresult.cast_signed()
}

/// The text at `text`, where null is none.
///
/// # Safety
///
/// It is null, or ended by a zero and valid for as long as this takes.
unsafe fn optional(text: PCWSTR) -> Result<Option<String>, Error> {
    if text.is_null() {
        return Ok(None);
    }
    let mut length = 0;
    // SAFETY: it is valid up to its zero.
    let units = unsafe {
        while text.add(length).read_unaligned() != 0 {
            length += 1;
        }
        (0..length).map(|at| text.add(at).read_unaligned()).collect::<Vec<u16>>()
    };
    let unreadable = |_| refused_for(hresult::HCN_E_INVALID_JSON, "It is not UTF-16.");
    String::from_utf16(&units).map(Some).map_err(unreadable)
}

/// The query at `text`; null is an empty one.
///
/// # Safety
///
/// As [`optional`].
pub(crate) unsafe fn query(text: PCWSTR) -> Result<String, Error> {
    // SAFETY: the caller says so.
    Ok(unsafe { optional(text) }?.unwrap_or_default())
}

/// The document at `text`.
///
/// # Safety
///
/// As [`optional`].
pub(crate) unsafe fn document(text: PCWSTR) -> Result<String, Error> {
    // SAFETY: the caller says so.
    unsafe { optional(text) }?
        .ok_or_else(|| refused_for(hresult::E_INVALIDARG, "There is no document."))
}

/// The id at `id`.
///
/// # Safety
///
/// It is null or valid for as long as this takes.
pub(crate) unsafe fn id(id: *const GUID) -> Result<Guid, Error> {
    if id.is_null() {
        return Err(refused_for(hresult::E_INVALIDARG, "There is no id."));
    }
    // SAFETY: the caller says so; nothing is asked of its alignment.
    let GUID { data1, data2, data3, data4 } = unsafe { id.read_unaligned() };
    Ok(Guid::from_uuid(uuid::Uuid::from_fields(data1, data2, data3, &data4)))
}
