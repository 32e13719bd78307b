//! [`Glebe`], the allocator as Rust knows it.

use crate::heap;
use core::alloc::{GlobalAlloc, Layout};

/// Alignment in bytes that every block has.
const ALWAYS: usize = 16;

/// The process's heap as a [`GlobalAlloc`]. All values are the same heap.
///
/// Sizes known at compile time fold the choice of the size class away. `dealloc` checks the
/// layout: a size of another class ends the process, as does every bad pointer.
#[derive(Clone, Copy, Debug, Default)]
pub struct Glebe;

// SAFETY: blocks are live, apart and long enough until freed (the heap's invariants); no method
// unwinds.
unsafe impl GlobalAlloc for Glebe {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.align() <= ALWAYS {
            heap::malloc(layout.size())
        } else {
            aligned(layout)
        }
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller gives up a block that it got with this layout.
        unsafe {
            if layout.align() <= ALWAYS {
                heap::free_sized(block, layout.size());
            } else {
                heap::free_aligned_sized(block, layout.align(), layout.size());
            }
        }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if layout.align() <= ALWAYS {
            return heap::zalloc(layout.size());
        }
        let block = aligned(layout);
        if !block.is_null() {
            // SAFETY: the block is ours and at least that long.
            unsafe { block.write_bytes(0, layout.size()) };
        }
        block
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller gives up a block that it got with this layout.
        unsafe {
            if layout.align() <= ALWAYS {
                heap::realloc(block, size)
            } else {
                heap::realloc_aligned(block, layout.align(), size)
            }
        }
    }
}

/// Out of line, so that what is usual needs no stack.
#[cold]
#[inline(never)]
fn aligned(layout: Layout) -> *mut u8 {
    heap::memalign(layout.align(), layout.size())
}
