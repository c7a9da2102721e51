//! Texts on their way to HNS and back.

use std::slice;

use windows_sys::core::{PCWSTR, PWSTR};

use crate::functions::Free;

/// `text` in UTF-16, ended by a zero. A zero inside would end it early, and is left out: JSON has none that is not escaped.
pub(crate) fn units(text: &str) -> Vec<u16> {
    text.encode_utf16().filter(|unit| *unit != 0).chain([0]).collect()
}

/// A copy of the text at `start`; none where that is null. What is not UTF-16 in it is replaced: it is shown, and no JSON needs it.
///
/// # Safety
///
/// `start` is null, or points to a text that a zero ends and that nobody changes meanwhile.
pub(crate) unsafe fn text_at(start: PCWSTR) -> Option<String> {
    if start.is_null() {
        return None;
    }
    let mut length = 0;
    // SAFETY: it is valid up to its zero.
    let units = unsafe {
        while *start.add(length) != 0 {
            length += 1;
        }
        slice::from_raw_parts(start, length)
    };
    Some(String::from_utf16_lossy(units))
}

/// A place for a text that HNS gives. What is there is freed when this is dropped.
pub(crate) struct Given {
    text: PWSTR,
    free: Free,
}

impl Given {
    pub(crate) fn new(free: Free) -> Self {
        Self { text: std::ptr::null_mut(), free }
    }

    pub(crate) fn place(&mut self) -> *mut PWSTR {
        &raw mut self.text
    }

    /// The text, if HNS gave one.
    pub(crate) fn text(&self) -> Option<String> {
        // SAFETY: HNS gave a text that ends with a zero, or none, and nobody else has it.
        unsafe { text_at(self.text) }
    }
}

impl Drop for Given {
    fn drop(&mut self) {
        // SAFETY: HNS gave it to be freed so, once; null is nothing.
        unsafe { (self.free)(self.text.cast_const().cast()) };
    }
}
