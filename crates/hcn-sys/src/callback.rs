//! What HNS tells, on a thread of its own.
//!
//! HNS gets a number for its context, never an address: one that calls when it was told not to any more finds nobody.

use std::collections::BTreeMap;
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use switchyard_hcn::{Notification, NotificationCallback};
use windows_sys::core::{HRESULT, PCWSTR};

use crate::text::text_at;

/// Who listens, by number, and the last number.
static LISTENERS: Mutex<(BTreeMap<usize, NotificationCallback>, usize)> =
    Mutex::new((BTreeMap::new(), 0));

fn listeners() -> MutexGuard<'static, (BTreeMap<usize, NotificationCallback>, usize)> {
    LISTENERS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The number of a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Listener(usize);

impl Listener {
    pub(crate) fn add(callback: NotificationCallback) -> Self {
        let mut listeners = listeners();
        listeners.1 += 1;
        let number = listeners.1;
        listeners.0.insert(number, callback);
        Self(number)
    }

    pub(crate) fn remove(self) {
        let gone = listeners().0.remove(&self.0);
        // After the lock: what goes with it may register or unregister.
        drop(gone);
    }

    /// What HNS is to call with.
    pub(crate) fn context(self) -> *const c_void {
        ptr::without_provenance(self.0)
    }
}

/// What HNS calls.
///
/// # Safety
///
/// `data` is null or a text that ends with a zero and is valid until this returns.
pub(crate) unsafe extern "system" fn told(
    notification_type: u32,
    context: *const c_void,
    status: HRESULT,
    data: PCWSTR,
) {
    // SAFETY: HNS keeps what is said above.
    let data = unsafe { text_at(data) }.unwrap_or_default();
    let Some(callback) = listeners().0.get(&context.addr()).cloned() else { return };
    let notification = Notification::new(notification_type, status.cast_unsigned(), data);
    // No panic may reach HNS. The hook has reported it.
    let _ = catch_unwind(AssertUnwindSafe(|| callback(&notification)));
}
