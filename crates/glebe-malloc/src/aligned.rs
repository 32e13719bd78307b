//! The calls that take an alignment. They differ in which alignments they refuse, and how.
//!
//! | | alignment | otherwise |
//! |--|--|--|
//! | `aligned_alloc` | a power of two | null, `EINVAL` |
//! | `posix_memalign` | a power of two, at least a pointer's size | returns `EINVAL` |
//! | `memalign` | any up to 2⁶³, rounded up to a power of two | null, `EINVAL` |
//! | `valloc`, `pvalloc` | a page | |
//!
//! `posix_memalign` returns its errors: `errno` and `*result` stay as they were.

use crate::errno::{EINVAL, ENOMEM, or_no_memory, refuse};
use crate::exports::exports;
use crate::libc;
use core::ffi::c_int;
use glebe_core::raw;

/// `void *aligned_alloc(size_t alignment, size_t size)`
///
/// The size need not be a multiple of the alignment (as since C17).
#[inline(always)]
pub fn aligned_alloc(alignment: usize, size: usize) -> *mut u8 {
    if !alignment.is_power_of_two() {
        return refuse(EINVAL);
    }
    power_of_two(alignment, size)
}

/// Of an alignment that is a power of two.
#[inline(always)]
fn power_of_two(alignment: usize, size: usize) -> *mut u8 {
    raw::memalign_or(alignment, size, slowly)
}

#[cold]
#[inline(never)]
fn slowly(alignment: usize, size: usize) -> *mut u8 {
    or_no_memory(raw::memalign_slowly(alignment, size))
}

/// `int posix_memalign(void **result, size_t alignment, size_t size)`
///
/// # Safety
/// `result` is valid for writing.
#[inline(always)]
pub unsafe fn posix_memalign(result: *mut *mut u8, alignment: usize, size: usize) -> c_int {
    if !alignment.is_power_of_two() || alignment < size_of::<*mut u8>() {
        return EINVAL;
    }
    let block = raw::memalign(alignment, size);
    if block.is_null() {
        return ENOMEM;
    }
    // SAFETY: the caller's contract.
    unsafe { *result = block };
    0
}

/// `void *memalign(size_t alignment, size_t size)`
#[inline(always)]
pub fn memalign(alignment: usize, size: usize) -> *mut u8 {
    match alignment.checked_next_power_of_two() {
        Some(alignment) => power_of_two(alignment, size),
        None => refuse(EINVAL),
    }
}

/// `void *valloc(size_t size)`
#[inline(always)]
pub fn valloc(size: usize) -> *mut u8 {
    power_of_two(libc::page_size(), size)
}

/// `void *pvalloc(size_t size)`: whole pages
#[inline(always)]
pub fn pvalloc(size: usize) -> *mut u8 {
    let page = libc::page_size();
    match size.checked_next_multiple_of(page) {
        Some(size) => power_of_two(page, size),
        None => refuse(ENOMEM),
    }
}

/// `void free_aligned_sized(void *block, size_t alignment, size_t size)`, of C23
///
/// # Safety
/// As [`crate::family::free`]; a size and alignment that belong to another size class end the
/// process, too.
#[inline(always)]
pub unsafe fn free_aligned_sized(block: *mut u8, alignment: usize, size: usize) {
    // No block has an alignment that cannot be rounded up; no class serves the largest, either.
    const LARGEST: usize = 1 << (usize::BITS - 1);
    let alignment = alignment.checked_next_power_of_two().unwrap_or(LARGEST);
    // SAFETY: passed on to the caller.
    unsafe { raw::free_aligned_sized(block, alignment, size) }
}

exports! {
    ["aligned_alloc", "glebe_aligned_alloc"]
        = aligned_alloc(alignment: usize, size: usize) -> *mut u8;
    ["posix_memalign", "glebe_posix_memalign"]
        = posix_memalign(result: *mut *mut u8, alignment: usize, size: usize) -> c_int;
    ["memalign", "glebe_memalign"] = memalign(alignment: usize, size: usize) -> *mut u8;
    ["valloc", "glebe_valloc"] = valloc(size: usize) -> *mut u8;
    ["pvalloc", "glebe_pvalloc"] = pvalloc(size: usize) -> *mut u8;
    ["free_aligned_sized", "glebe_free_aligned_sized"]
        = free_aligned_sized(block: *mut u8, alignment: usize, size: usize) -> ();
}
