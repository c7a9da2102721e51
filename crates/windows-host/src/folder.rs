//! Folders of Windows that are the same for every process.
#![expect(unsafe_code, reason = "Win32 calls")]

use std::ffi::OsString;
use std::io;
use std::os::windows::ffi::OsStringExt;
use std::path::PathBuf;
use std::ptr::null_mut;

use windows_sys::Win32::Foundation::ERROR_SUCCESS;
use windows_sys::Win32::System::Registry::{HKEY_LOCAL_MACHINE, RRF_RT_REG_SZ, RegGetValueW};

use crate::wide::wide;

/// Where Windows keeps where its folders are.
const FOLDERS: &str = r"SOFTWARE\Microsoft\Windows NT\CurrentVersion\ProfileList";
/// The longest path in UTF-16 units, with its zero.
const LONGEST: usize = 32_768;

/// The folder of all programs' data, as the registry has it and not the environment, which every process may have another one of:
/// a service and who asks for its status have to come to the same.
///
/// # Errors
/// When the registry does not tell.
pub fn program_data() -> io::Result<PathBuf> {
    let (key, name) = (wide(FOLDERS)?, wide("ProgramData")?);
    let mut units = vec![0_u16; LONGEST];
    let mut size = (LONGEST * size_of::<u16>()) as u32;
    // SAFETY: both names are ended by a zero; the buffer has as many bytes as is said, and outlives the call as `size` does.
    let told = unsafe {
        RegGetValueW(
            HKEY_LOCAL_MACHINE,
            key.as_ptr(),
            name.as_ptr(),
            RRF_RT_REG_SZ,
            null_mut(),
            units.as_mut_ptr().cast(),
            &raw mut size,
        )
    };
    if told != ERROR_SUCCESS {
        return Err(io::Error::from_raw_os_error(told as i32));
    }
    let end = units.iter().position(|unit| *unit == 0).unwrap_or(units.len());
    Ok(OsString::from_wide(&units[..end]).into())
}
