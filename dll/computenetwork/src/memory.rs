//! Texts that the caller frees.

use std::ptr;

/// A copy of `text` in UTF-16, ended by a zero, that its receiver gives to `CoTaskMemFree`. Null when there is no memory.
pub(crate) fn give(text: &str) -> *mut u16 {
    let units: Vec<u16> = text.encode_utf16().chain([0]).collect();
    // SAFETY: the block is as large as what is copied into it, or null, and nobody else has it yet.
    unsafe {
        let block: *mut u16 = allocate(units.len() * size_of::<u16>()).cast();
        if !block.is_null() {
            ptr::copy_nonoverlapping(units.as_ptr(), block, units.len());
        }
        block
    }
}

#[cfg(windows)]
use windows_sys::Win32::System::Com::CoTaskMemAlloc as allocate;
#[cfg(windows)]
pub use windows_sys::Win32::System::Com::CoTaskMemFree as free;

#[cfg(not(windows))]
use elsewhere::allocate;
#[cfg(not(windows))]
pub use elsewhere::free;

/// What stands in for the memory of COM where there is no Windows: blocks that know their length.
#[cfg(not(windows))]
mod elsewhere {
    use std::alloc::{Layout, alloc, dealloc};
    use std::ffi::c_void;
    use std::ptr;

    /// Room for the length, with which every block begins.
    const HEAD: usize = align_of::<u128>();

    fn layout(length: usize) -> Option<Layout> {
        Layout::from_size_align(length.checked_add(HEAD)?, align_of::<u128>()).ok()
    }

    pub(super) unsafe fn allocate(length: usize) -> *mut c_void {
        let Some(layout) = layout(length) else { return ptr::null_mut() };
        // SAFETY: the layout is not empty; what is written is inside the block, and aligned.
        unsafe {
            let block = alloc(layout);
            if block.is_null() {
                return ptr::null_mut();
            }
            block.cast::<usize>().write(length);
            block.add(HEAD).cast()
        }
    }

    /// Frees what `allocate` gave; null is nothing.
    pub unsafe extern "system" fn free(given: *const c_void) {
        if given.is_null() {
            return;
        }
        // SAFETY: it was given by `allocate`, so its length is before it.
        unsafe {
            let block = given.cast_mut().cast::<u8>().sub(HEAD);
            let length = block.cast::<usize>().read();
            if let Some(layout) = layout(length) {
                dealloc(block, layout);
            }
        }
    }
}
