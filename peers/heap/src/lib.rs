//! The system's allocator, with a count that can be switched on.
//!
//! An allocator that always counts costs what is measured beside it several percent. This one costs a look
//! at a flag. A global allocator cannot be written without `unsafe`: hence a crate of its own, which hands
//! every call on as it came.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicIsize, Ordering};

static COUNTS: AtomicBool = AtomicBool::new(false);
static BYTES: AtomicIsize = AtomicIsize::new(0);

/// The allocator, to be made the global one.
pub struct Heap;

/// Counts from its beginning until it is dropped; one at a time.
#[derive(Debug)]
pub struct Count(());

impl Count {
    /// Begins to count, from zero.
    pub fn begin() -> Self {
        BYTES.store(0, Ordering::SeqCst);
        COUNTS.store(true, Ordering::SeqCst);
        Self(())
    }

    /// Bytes that were allocated since the beginning, less those that were freed, of all threads; zero
    /// where more were freed.
    pub fn bytes(&self) -> usize {
        usize::try_from(BYTES.load(Ordering::SeqCst)).unwrap_or(0)
    }
}

impl Drop for Count {
    fn drop(&mut self) {
        COUNTS.store(false, Ordering::SeqCst);
    }
}

fn add(bytes: usize) {
    if COUNTS.load(Ordering::Relaxed) {
        BYTES.fetch_add(bytes.cast_signed(), Ordering::Relaxed);
    }
}

fn subtract(bytes: usize) {
    if COUNTS.load(Ordering::Relaxed) {
        BYTES.fetch_sub(bytes.cast_signed(), Ordering::Relaxed);
    }
}

// SAFETY: every method hands its arguments on to the system's allocator and gives back what that gave; the
// count touches two statics and neither allocates nor panics.
#[expect(unsafe_code, reason = "a global allocator is an unsafe trait")]
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        add(layout.size());
        // SAFETY: the caller's promise is the system's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        subtract(layout.size());
        // SAFETY: as above.
        unsafe { System.dealloc(place, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        add(layout.size());
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        add(size);
        subtract(layout.size());
        // SAFETY: as above.
        unsafe { System.realloc(place, layout, size) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[global_allocator]
    static HEAP: Heap = Heap;

    #[test]
    fn counts_while_it_is_asked_to() {
        let before = vec![1_u8; 1 << 20];
        let count = Count::begin();
        let mut held = vec![2_u8; 1 << 20];
        assert!(count.bytes() >= 1 << 20);
        held.resize(1 << 22, 3);
        assert!((1 << 22..1 << 23).contains(&count.bytes()));
        drop(held);
        assert!(count.bytes() < 1 << 20);
        drop(before);
        assert_eq!(count.bytes(), 0);
        drop(count);
        let count = Count::begin();
        assert!(count.bytes() < 1 << 20);
    }
}
