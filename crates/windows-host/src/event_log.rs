//! The event log of Windows, where people look for why a service did not start.
#![expect(unsafe_code, reason = "Win32 calls")]

use std::io;
use std::ptr::{null, null_mut};

use windows_sys::Win32::Foundation::{ERROR_FILE_NOT_FOUND, ERROR_SUCCESS};
use windows_sys::Win32::System::EventLog::{
    DeregisterEventSource, EVENTLOG_ERROR_TYPE, RegisterEventSourceW, ReportEventW,
};
use windows_sys::Win32::System::Registry::{
    HKEY, HKEY_LOCAL_MACHINE, KEY_SET_VALUE, REG_DWORD, REG_EXPAND_SZ, REG_OPTION_NON_VOLATILE,
    RegCloseKey, RegCreateKeyExW, RegDeleteKeyW, RegSetValueExW,
};

use crate::wide::wide;

/// The program of Windows whose messages 1 to 1000 consist of nothing but the text that was reported, so that a source needs no
/// messages of its own.
const MESSAGES: &str = r"%SystemRoot%\System32\EventCreate.exe";
/// The message that is reported, one of those.
const MESSAGE: u32 = 1;
/// Errors, warnings and information, as the registry has it.
const ALL_TYPES: u32 = 7;
/// The longest text, in UTF-16 units: Windows takes 31,839.
const LONGEST: usize = 31_000;

fn key_of(source: &str) -> io::Result<Vec<u16>> {
    if source.is_empty() || source.contains('\\') {
        let why = "the name of an event source is not empty and has no backslash";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
    }
    wide(format!(r"SYSTEM\CurrentControlSet\Services\EventLog\Application\{source}"))
}

/// Makes `source` known to the event log, so that what it reports is shown as it is.
///
/// # Errors
/// When the registry does not take it.
pub fn register_source(source: &str) -> io::Result<()> {
    let name = key_of(source)?;
    let mut key: HKEY = null_mut();
    // SAFETY: the name is ended by a zero; all pointers are null or outlive the call.
    let made = unsafe {
        RegCreateKeyExW(
            HKEY_LOCAL_MACHINE,
            name.as_ptr(),
            0,
            null(),
            REG_OPTION_NON_VOLATILE,
            KEY_SET_VALUE,
            null(),
            &raw mut key,
            null_mut(),
        )
    };
    check(made)?;
    let messages: Vec<u8> = wide(MESSAGES)?.into_iter().flat_map(u16::to_le_bytes).collect();
    let set = set(key, "EventMessageFile", REG_EXPAND_SZ, &messages)
        .and_then(|()| set(key, "TypesSupported", REG_DWORD, &ALL_TYPES.to_le_bytes()));
    // SAFETY: the key was opened above and is not used any more.
    unsafe { RegCloseKey(key) };
    set
}

fn set(key: HKEY, name: &str, kind: u32, value: &[u8]) -> io::Result<()> {
    let name = wide(name)?;
    // SAFETY: the key is open, the name is ended by a zero, and the value has the length that is said.
    check(unsafe {
        RegSetValueExW(key, name.as_ptr(), 0, kind, value.as_ptr(), value.len() as u32)
    })
}

/// Has the event log forget `source`. What it reported stays.
///
/// # Errors
/// When the registry does not let it go.
pub fn forget_source(source: &str) -> io::Result<()> {
    let name = key_of(source)?;
    // SAFETY: the name is ended by a zero.
    match unsafe { RegDeleteKeyW(HKEY_LOCAL_MACHINE, name.as_ptr()) } {
        ERROR_FILE_NOT_FOUND => Ok(()),
        code => check(code),
    }
}

fn check(code: u32) -> io::Result<()> {
    if code == ERROR_SUCCESS { Ok(()) } else { Err(io::Error::from_raw_os_error(code as i32)) }
}

/// Writes an error of `source` to the event log.
///
/// # Errors
/// When the event log does not take it.
pub fn report_error(source: &str, text: &str) -> io::Result<()> {
    let source = wide(source)?;
    let mut text: Vec<u16> = text.encode_utf16().filter(|unit| *unit != 0).take(LONGEST).collect();
    text.push(0);
    // SAFETY: the name is ended by a zero; no name of a server means this machine.
    let log = unsafe { RegisterEventSourceW(null(), source.as_ptr()) };
    if log.is_null() {
        return Err(io::Error::last_os_error());
    }
    let texts = [text.as_ptr()];
    // SAFETY: the log is open, there is one text, it is ended by a zero, and there is no user and no data.
    let told = unsafe {
        ReportEventW(log, EVENTLOG_ERROR_TYPE, 0, MESSAGE, null_mut(), 1, 0, texts.as_ptr(), null())
    };
    let result = if told == 0 { Err(io::Error::last_os_error()) } else { Ok(()) };
    // SAFETY: it was opened above and is not used any more.
    unsafe { DeregisterEventSource(log) };
    result
}
