//! What the token of this process says.
#![expect(unsafe_code, reason = "Win32 calls")]

use std::ffi::c_void;
use std::io;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::ptr::null_mut;

use windows_sys::Win32::Foundation::LocalFree;
use windows_sys::Win32::Security::Authorization::ConvertSidToStringSidW;
use windows_sys::Win32::Security::{
    GetTokenInformation, PSID, SID_AND_ATTRIBUTES, TOKEN_ELEVATION, TOKEN_GROUPS,
    TOKEN_INFORMATION_CLASS, TOKEN_QUERY, TOKEN_USER, TokenElevation, TokenGroups, TokenUser,
};
use windows_sys::Win32::System::Threading::{GetCurrentProcess, OpenProcessToken};

use crate::privilege::Token;
use crate::wide::text_at;

/// `SE_GROUP_ENABLED` of winnt.h: the group counts for access.
const GROUP_ENABLED: u32 = 4;

/// Reads the token of this process.
///
/// # Errors
/// When Windows does not tell.
pub fn read() -> io::Result<Token> {
    let token = open()?;
    Ok(Token {
        user: user(&token)?,
        is_elevated: is_elevated(&token)?,
        enabled_groups: enabled_groups(&token)?.into_iter().collect(),
    })
}

/// Who this process runs as, as `S-1-…`.
///
/// # Errors
/// When Windows does not tell.
pub fn current_user() -> io::Result<String> {
    user(&open()?)
}

fn open() -> io::Result<OwnedHandle> {
    let mut token = null_mut();
    // SAFETY: the pseudo handle of this process is always valid, and `token` outlives the call that writes to it.
    let opened = unsafe { OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &raw mut token) };
    if opened == 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call succeeded, so that this is an open handle, which nobody else owns.
    Ok(unsafe { OwnedHandle::from_raw_handle(token) })
}

/// What Windows tells of one kind, in a buffer that is aligned for every structure of the Windows API.
fn information(token: &OwnedHandle, class: TOKEN_INFORMATION_CLASS) -> io::Result<Vec<u64>> {
    let (mut size, token) = (0, token.as_raw_handle());
    // SAFETY: with no buffer only the size that is needed is written, to `size`, which outlives the call.
    unsafe { GetTokenInformation(token, class, null_mut(), 0, &raw mut size) };
    if size == 0 {
        return Err(io::Error::last_os_error());
    }
    let mut buffer = vec![0_u64; (size as usize).div_ceil(8)];
    let start = buffer.as_mut_ptr().cast::<c_void>();
    // SAFETY: the buffer has at least `size` bytes, and outlives the call.
    let told = unsafe { GetTokenInformation(token, class, start, size, &raw mut size) };
    if told == 0 { Err(io::Error::last_os_error()) } else { Ok(buffer) }
}

fn user(token: &OwnedHandle) -> io::Result<String> {
    let buffer = information(token, TokenUser)?;
    // SAFETY: for this class Windows writes a `TOKEN_USER`, for which the buffer is large and aligned enough.
    let user = unsafe { &*buffer.as_ptr().cast::<TOKEN_USER>() };
    // SAFETY: the identifier lies in the buffer, which is still there.
    unsafe { sid_text(user.User.Sid) }
}

fn is_elevated(token: &OwnedHandle) -> io::Result<bool> {
    let buffer = information(token, TokenElevation)?;
    // SAFETY: for this class Windows writes a `TOKEN_ELEVATION`, for which the buffer is large and aligned enough.
    Ok(unsafe { &*buffer.as_ptr().cast::<TOKEN_ELEVATION>() }.TokenIsElevated != 0)
}

fn enabled_groups(token: &OwnedHandle) -> io::Result<Vec<String>> {
    let buffer = information(token, TokenGroups)?;
    let groups = buffer.as_ptr().cast::<TOKEN_GROUPS>();
    // SAFETY: for this class Windows writes a `TOKEN_GROUPS`; its count comes first.
    let count = unsafe { (*groups).GroupCount } as usize;
    // SAFETY: the address of a field of the structure that was written.
    let first = unsafe { &raw const (*groups).Groups }.cast::<SID_AND_ATTRIBUTES>();
    // SAFETY: Windows wrote that many entries one after the other, all inside of the buffer, which outlives the slice.
    let groups = unsafe { std::slice::from_raw_parts(first, count) };
    let enabled = groups.iter().filter(|group| group.Attributes & GROUP_ENABLED != 0);
    // SAFETY: the identifiers lie in the buffer, which is still there.
    enabled.map(|group| unsafe { sid_text(group.Sid) }).collect()
}

/// A security identifier as `S-1-…`.
///
/// # Safety
/// `sid` points to a whole identifier.
pub(crate) unsafe fn sid_text(sid: PSID) -> io::Result<String> {
    let mut text = null_mut();
    // SAFETY: the caller vouches for `sid`; `text` outlives the call.
    if unsafe { ConvertSidToStringSidW(sid, &raw mut text) } == 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call succeeded, so that `text` is ended by a zero.
    let read = unsafe { text_at(text) };
    // SAFETY: Windows allocated it with `LocalAlloc`, and it is not used any more.
    unsafe { LocalFree(text.cast()) };
    Ok(read)
}
