//! The memory of a guest: handed out from one end to the other and, but for what was handed out last, never taken back.
//!
//! A review begins with fresh memory and ends with it, so there is nothing to reuse. The usual allocator asks the host to grow the
//! memory in every review, which the host has to undo after it: two system calls that stop every thread of the member. This one
//! first uses the memory that the module begins with.

use core::alloc::{GlobalAlloc, Layout};
use core::cell::Cell;

const PAGE_BYTES: usize = 65_536;

/// The allocator of every plugin; [`crate::export`] puts it in force.
#[doc(hidden)]
pub struct Heap {
    /// First free byte; zero before the first use.
    next: Cell<usize>,
}

// SAFETY: a guest has one thread.
unsafe impl Sync for Heap {}

unsafe extern "C" {
    /// Where the linker's own data ends; only its address means anything.
    static __heap_base: u8;
}

impl Heap {
    #[doc(hidden)]
    #[must_use]
    #[expect(clippy::new_without_default, reason = "there is one, and it is a static")]
    pub const fn new() -> Self {
        Self { next: Cell::new(0) }
    }

    /// The address of `size` free bytes from `start` on, or null when the host gives no more memory.
    fn take(&self, start: usize, size: usize) -> *mut u8 {
        let Some(end) = start.checked_add(size) else { return core::ptr::null_mut() };
        let have = core::arch::wasm32::memory_size(0) * PAGE_BYTES;
        if end > have && core::arch::wasm32::memory_grow(0, (end - have).div_ceil(PAGE_BYTES)) == usize::MAX {
            return core::ptr::null_mut();
        }
        self.next.set(end);
        core::ptr::with_exposed_provenance_mut(start)
    }

    fn next(&self) -> usize {
        match self.next.get() {
            0 => (&raw const __heap_base).expose_provenance(),
            next => next,
        }
    }
}

// SAFETY: what is handed out lies behind everything handed out before and is not taken back but at the end.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match self.next().checked_next_multiple_of(layout.align()) {
            Some(start) => self.take(start, layout.size()),
            None => core::ptr::null_mut(),
        }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        if at.addr() + layout.size() == self.next.get() {
            self.next.set(at.addr());
        }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if at.addr() + layout.size() == self.next.get() {
            return self.take(at.addr(), size);
        }
        if size <= layout.size() {
            return at;
        }
        // SAFETY: the caller's own promises about `layout`, and two pieces that do not overlap.
        unsafe {
            let moved = self.alloc(Layout::from_size_align_unchecked(size, layout.align()));
            if !moved.is_null() {
                core::ptr::copy_nonoverlapping(at, moved, layout.size());
            }
            moved
        }
    }
}
