//! malloc, calloc, realloc, free and their kin, with the corners as glibc has them.
//!
//! | | |
//! |--|--|
//! | sizes over `PTRDIFF_MAX` | fail before anything is rounded |
//! | failure | null and `ENOMEM`; the old block of a realloc stays as it is |
//! | success | leaves `errno` alone, and so does every free |
//! | `malloc(0)` | a block of its own |
//! | `realloc(p, 0)` | frees, returns null, leaves `errno` alone |
//! | alignment | 16 bytes at least |

use crate::errno::{ENOMEM, or_no_memory, refuse};
use crate::exports::exports;
use core::ptr::null_mut;
use glebe_core::raw;

/// `void *malloc(size_t size)`
#[inline(always)]
pub fn malloc(size: usize) -> *mut u8 {
    raw::malloc_or(size, malloc_slowly)
}

#[cold]
#[inline(never)]
fn malloc_slowly(size: usize) -> *mut u8 {
    or_no_memory(raw::malloc_slowly(size))
}

/// `void *calloc(size_t count, size_t size)`
#[inline(always)]
pub fn calloc(count: usize, size: usize) -> *mut u8 {
    match count.checked_mul(size) {
        Some(bytes) => or_no_memory(raw::zalloc(bytes)),
        None => refuse(ENOMEM),
    }
}

/// `void *realloc(void *block, size_t size)`
///
/// # Safety
/// `block` is null or live; a bad one ends the process. After success only the result is live.
#[inline(always)]
pub unsafe fn realloc(block: *mut u8, size: usize) -> *mut u8 {
    if block.is_null() {
        return malloc(size);
    }
    if size == 0 {
        // SAFETY: the caller gives up the block.
        unsafe { raw::free(block) };
        return null_mut();
    }
    // SAFETY: passed on to the caller.
    or_no_memory(unsafe { raw::realloc_with_room(block, size) })
}

/// `void *reallocarray(void *block, size_t count, size_t size)`
///
/// # Safety
/// As [`realloc`].
#[inline(always)]
pub unsafe fn reallocarray(block: *mut u8, count: usize, size: usize) -> *mut u8 {
    match count.checked_mul(size) {
        // SAFETY: passed on to the caller.
        Some(bytes) => unsafe { realloc(block, bytes) },
        None => {
            // A bad block is refused even then.
            // SAFETY: passed on to the caller.
            unsafe { raw::usable_size(block) };
            refuse(ENOMEM)
        }
    }
}

/// `void free(void *block)`
///
/// # Safety
/// Nobody uses the block any more. Anything but a live block or null ends the process.
#[inline(always)]
pub unsafe fn free(block: *mut u8) {
    // SAFETY: passed on to the caller.
    unsafe { raw::free(block) }
}

/// `void free_sized(void *block, size_t size)`, of C23
///
/// # Safety
/// As [`free`]; a size that belongs to another size class ends the process, too.
#[inline(always)]
pub unsafe fn free_sized(block: *mut u8, size: usize) {
    // SAFETY: passed on to the caller.
    unsafe { raw::free_sized(block, size) }
}

/// `size_t malloc_usable_size(void *block)`
///
/// # Safety
/// Anything but a live block or null ends the process.
#[inline(always)]
pub unsafe fn malloc_usable_size(block: *mut u8) -> usize {
    // SAFETY: passed on to the caller.
    unsafe { raw::usable_size(block) }
}

exports! {
    ["malloc", "glebe_malloc"] = malloc(size: usize) -> *mut u8;
    ["calloc", "glebe_calloc"] = calloc(count: usize, size: usize) -> *mut u8;
    ["realloc", "glebe_realloc"] = realloc(block: *mut u8, size: usize) -> *mut u8;
    ["reallocarray", "glebe_reallocarray"]
        = reallocarray(block: *mut u8, count: usize, size: usize) -> *mut u8;
    ["free", "glebe_free", "cfree", "glebe_cfree"] = free(block: *mut u8) -> ();
    ["free_sized", "glebe_free_sized"] = free_sized(block: *mut u8, size: usize) -> ();
    ["malloc_usable_size", "glebe_malloc_usable_size"]
        = malloc_usable_size(block: *mut u8) -> usize;
}
