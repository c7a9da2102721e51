//! How many bytes are in use: an allocator that counts.

#![expect(
    unsafe_code,
    reason = "there is no other way to be the allocator; this program does not ship"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicI64, Ordering};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

static LIVE: AtomicI64 = AtomicI64::new(0);

/// The system's allocator, counted.
struct Counting;

/// How many bytes are in use, as they were asked for.
pub(crate) fn live() -> i64 {
    LIVE.load(Ordering::Relaxed)
}

fn size(layout: Layout) -> i64 {
    // No layout is larger than `isize::MAX`.
    layout.size().try_into().unwrap_or(i64::MAX)
}

// SAFETY: every call goes to the system's allocator unchanged, and what it returns is returned unchanged; counting
// neither allocates nor panics.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(size(layout), Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `alloc`, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(size(layout), Ordering::Relaxed);
        // SAFETY: `pointer` came from `alloc` above with this `layout`, so from the system's allocator.
        unsafe { System.dealloc(pointer, layout) }
    }
}
