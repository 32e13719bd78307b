//! The calls for blocks, as C has them, over either [`Twin`](crate::twin::Twin).

use crate::state::{self, State};
use crate::twin::{Twin, or_null, resized};
use core::ffi::c_void;
use core::ptr;

/// Picks the twin to work on.
type Pick = fn(&mut State) -> &mut Twin;

/// Null for no bytes.
#[inline(always)]
pub fn alloc(pick: Pick, size: usize) -> *mut c_void {
    match size {
        0 => ptr::null_mut(),
        size => or_null(state::with(|state| pick(state).alloc(size))),
    }
}

/// Null for no bytes, or more than can be counted.
#[inline(always)]
pub fn alloc_zeroed(pick: Pick, count: usize, size: usize) -> *mut c_void {
    match count.checked_mul(size) {
        Some(0) => ptr::null_mut(),
        Some(bytes) => or_null(state::with(|state| pick(state).alloc_zeroed(bytes))),
        None => or_null(None),
    }
}

/// Null is nothing.
///
/// # Safety
/// Nothing uses the block any more. What is no block is refused.
#[inline(always)]
pub unsafe fn free(pick: Pick, block: *mut c_void) {
    if !block.is_null() {
        state::with(|state| {
            // SAFETY: the caller's promise. A refusal was noted.
            let _ = unsafe { pick(state).free(block.cast()) };
        });
    }
}

/// Null is allocated, and with a size of 0 the block is freed.
///
/// # Safety
/// As [`free`] if it has worked.
#[inline(always)]
pub unsafe fn realloc(pick: Pick, block: *mut c_void, size: usize) -> *mut c_void {
    if block.is_null() {
        return alloc(pick, size);
    }
    if size == 0 {
        // SAFETY: the caller's promise.
        unsafe { free(pick, block) };
        return ptr::null_mut();
    }
    // SAFETY: the caller's promise.
    resized(state::with(|state| unsafe {
        pick(state).realloc(block.cast(), size)
    }))
}
