//! Who may reach what a proxy makes: the system, administrators, and whoever runs it.
#![expect(unsafe_code, reason = "Win32 calls")]

use std::fs::{self, OpenOptions};
use std::io;
use std::os::windows::fs::OpenOptionsExt;
use std::os::windows::io::AsRawHandle;
use std::path::Path;
use std::ptr::null_mut;

use windows_sys::Win32::Foundation::{ERROR_ALREADY_EXISTS, ERROR_SUCCESS, LocalFree};
use windows_sys::Win32::Security::Authorization::{
    ConvertStringSecurityDescriptorToSecurityDescriptorW, GetSecurityInfo, SDDL_REVISION_1,
    SE_FILE_OBJECT,
};
use windows_sys::Win32::Security::{
    OWNER_SECURITY_INFORMATION, PSECURITY_DESCRIPTOR, SECURITY_ATTRIBUTES,
};
use windows_sys::Win32::Storage::FileSystem::{
    CreateDirectoryW, FILE_FLAG_BACKUP_SEMANTICS, FILE_FLAG_OPEN_REPARSE_POINT, READ_CONTROL,
};

use crate::privilege::trusts;
use crate::token::{current_user, sid_text};
use crate::wide::{wide, wide_path};

/// Whom a new object lets in.
pub(crate) struct Descriptor(PSECURITY_DESCRIPTOR);

/// Whether what is made inside of an object lets in the same.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Inside {
    /// It does, as in a directory.
    TheSame,
    /// There is nothing inside.
    Nothing,
}

impl Descriptor {
    /// The system, administrators and the user of this process may do everything; nobody else may do anything.
    pub(crate) fn private(inside: Inside) -> io::Result<Self> {
        let flags = if inside == Inside::TheSame { "OICI" } else { "" };
        let user = current_user()?;
        // The language of security descriptors: a protected list (P) of entries that allow (A) full access (FA).
        let text = format!("D:P(A;{flags};FA;;;SY)(A;{flags};FA;;;BA)(A;{flags};FA;;;{user})");
        let text = wide(text)?;
        let mut descriptor = null_mut();
        // SAFETY: the text is ended by a zero, and both it and `descriptor` outlive the call.
        let made = unsafe {
            ConvertStringSecurityDescriptorToSecurityDescriptorW(
                text.as_ptr(),
                SDDL_REVISION_1,
                &raw mut descriptor,
                null_mut(),
            )
        };
        if made == 0 { Err(io::Error::last_os_error()) } else { Ok(Self(descriptor)) }
    }

    /// The attributes of an object that is made so. They hold only as long as the descriptor does.
    pub(crate) fn attributes(&self) -> SECURITY_ATTRIBUTES {
        SECURITY_ATTRIBUTES {
            nLength: size_of::<SECURITY_ATTRIBUTES>() as u32,
            lpSecurityDescriptor: self.0,
            bInheritHandle: 0,
        }
    }
}

impl Drop for Descriptor {
    fn drop(&mut self) {
        // SAFETY: Windows allocated it with `LocalAlloc`, and nothing uses it any more.
        unsafe { LocalFree(self.0) };
    }
}

/// Makes the directory at `path`, with those above it where they are missing, for the system, administrators and the user of
/// this process alone. One that exists stays as it is, but must not belong to anybody else: every user may make folders in the
/// directory of all programs' data, and what such a user owns can be changed under the feet of whoever trusts it.
///
/// # Errors
/// When it cannot be made, or belongs to somebody who is not trusted.
pub fn make_private_directory(path: &Path) -> io::Result<()> {
    if let Some(above) = path.parent().filter(|above| !above.as_os_str().is_empty()) {
        fs::create_dir_all(above)?;
    }
    let descriptor = Descriptor::private(Inside::TheSame)?;
    let attributes = descriptor.attributes();
    let name = wide_path(path)?;
    // SAFETY: the name is ended by a zero; it, the attributes and the descriptor that they point to outlive the call.
    if unsafe { CreateDirectoryW(name.as_ptr(), &raw const attributes) } != 0 {
        return Ok(());
    }
    let trouble = io::Error::last_os_error();
    if trouble.raw_os_error() != Some(ERROR_ALREADY_EXISTS as i32) || !path.is_dir() {
        return Err(trouble);
    }
    let user = current_user()?;
    for followed in [Links::Seen, Links::Followed] {
        let owner = owner(path, followed)?;
        if !trusts(&user, &owner) {
            let why = format!(
                "it belongs to {owner}, who is neither an administrator, nor the system, nor who runs this ({user}): remove it, or name another"
            );
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
        }
    }
    Ok(())
}

/// What is asked about where a path leads through a link. Every user may make links between folders, also to folders that belong
/// to the system, and point them elsewhere later; volumes of `HostProcess` containers are links, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Links {
    /// The link itself.
    Seen,
    /// Where it leads.
    Followed,
}

/// Whom a file or a directory belongs to, as `S-1-…`.
///
/// # Errors
/// When Windows does not tell.
pub fn owner(path: &Path, links: Links) -> io::Result<String> {
    let flags = match links {
        Links::Seen => FILE_FLAG_BACKUP_SEMANTICS | FILE_FLAG_OPEN_REPARSE_POINT,
        Links::Followed => FILE_FLAG_BACKUP_SEMANTICS,
    };
    // Without the flag for backups Windows opens no directory.
    let file = OpenOptions::new().access_mode(READ_CONTROL).custom_flags(flags).open(path)?;
    let (mut owner, mut descriptor) = (null_mut(), null_mut());
    // SAFETY: an open handle with the right that is needed; all pointers are null or outlive the call.
    let told = unsafe {
        GetSecurityInfo(
            file.as_raw_handle(),
            SE_FILE_OBJECT,
            OWNER_SECURITY_INFORMATION,
            &raw mut owner,
            null_mut(),
            null_mut(),
            null_mut(),
            &raw mut descriptor,
        )
    };
    if told != ERROR_SUCCESS {
        return Err(io::Error::from_raw_os_error(told as i32));
    }
    // Freed at the end, after the owner was read, which lies inside of it.
    let descriptor = Descriptor(descriptor);
    // SAFETY: the call succeeded, so that the owner is an identifier in the descriptor, which is still there.
    let text = unsafe { sid_text(owner) };
    drop(descriptor);
    text
}
