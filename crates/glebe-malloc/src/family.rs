//! malloc, calloc, realloc, free and their kin, as the C standard and glibc have them.
//!
//! Every failure sets `ENOMEM`; `free` leaves `errno` alone. A size over `PTRDIFF_MAX` fails before
//! it is rounded up.

use crate::errno::{ENOMEM, fail, or_enomem};
use crate::export;
use core::ptr::null_mut;
use glebe_core::raw;

#[cold]
#[inline(never)]
fn malloc_slowly(size: usize) -> *mut u8 {
    or_enomem(raw::malloc_slowly(size))
}

export! {
    /// A block of at least `size` bytes, aligned to 16. `malloc(0)` gives a block of its own.
    ///
    /// # Safety
    /// None beyond C's.
    malloc = glebe_malloc(size: usize) -> *mut u8 {
        raw::malloc_or(size, malloc_slowly)
    }

    /// Frees a block; null is nothing. Anything else that is no live block ends the process.
    ///
    /// # Safety
    /// Nobody uses the block any more.
    free = glebe_free(block: *mut u8) {
        raw::free(block)
    }

    /// A zeroed block for `count` elements of `size` bytes.
    ///
    /// # Safety
    /// None beyond C's.
    calloc = glebe_calloc(count: usize, size: usize) -> *mut u8 {
        match count.checked_mul(size) {
            Some(bytes) => or_enomem(raw::zalloc(bytes)),
            None => fail(ENOMEM),
        }
    }

    /// Gives a block another size. A null block is malloc; a size of 0 frees and returns null, as in
    /// glibc. On failure the old block is untouched.
    ///
    /// # Safety
    /// After success only the result may be used.
    realloc = glebe_realloc(block: *mut u8, size: usize) -> *mut u8 {
        if block.is_null() {
            return raw::malloc_or(size, malloc_slowly);
        }
        if size == 0 {
            raw::free(block);
            return null_mut();
        }
        or_enomem(raw::realloc(block, size))
    }

    /// [`realloc`] to `count` elements of `size` bytes.
    ///
    /// # Safety
    /// As [`realloc`].
    reallocarray = glebe_reallocarray(block: *mut u8, count: usize, size: usize) -> *mut u8 {
        match count.checked_mul(size) {
            Some(bytes) => realloc(block, bytes),
            None => {
                // A bad block is refused all the same.
                raw::usable_size(block);
                fail(ENOMEM)
            }
        }
    }

    /// Frees a block that was asked for with this size (C23); another size ends the process.
    ///
    /// # Safety
    /// As [`free`].
    free_sized = glebe_free_sized(block: *mut u8, size: usize) {
        raw::free_sized(block, size)
    }

    /// Frees a block from `aligned_alloc` with this alignment and size (C23).
    ///
    /// # Safety
    /// As [`free`].
    free_aligned_sized = glebe_free_aligned_sized(block: *mut u8, align: usize, size: usize) {
        raw::free_aligned_sized(block, align.max(1), size)
    }

    /// [`free`] under its oldest name.
    ///
    /// # Safety
    /// As [`free`].
    cfree = glebe_cfree(block: *mut u8) {
        raw::free(block)
    }

    /// Bytes of a block that may be used, at least as many as were asked for; 0 for null.
    ///
    /// # Safety
    /// The block is live.
    malloc_usable_size = glebe_malloc_usable_size(block: *mut u8) -> usize {
        raw::usable_size(block)
    }
}
