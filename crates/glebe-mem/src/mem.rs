//! `mem_alloc`, `mem_free`, `mem_realloc`, `mem_resize` and `mem_alloc_clear`: the pool that
//! `mem_init` chose, or the one that there is without it.

use crate::calls;
use crate::config::Plan;
use crate::state::{self, State};
use crate::twin::Twin;
use core::ffi::c_void;

/// The pool, without `mem_init` by the configuration that stands for none.
pub fn twin(state: &mut State) -> &mut Twin {
    state.mem.get_or_insert_with(|| Plan::DEFAULT.build())
}

/// Memory of `n` bytes or more. Null if `n` is 0 or there is no memory.
#[unsafe(no_mangle)]
pub extern "C" fn mem_alloc(n: usize) -> *mut c_void {
    calls::alloc(twin, n)
}

/// Memory for `n` elements of `size` bytes, zeroed. Null as `mem_alloc`, or if the product
/// overflows.
#[unsafe(no_mangle)]
pub extern "C" fn mem_alloc_clear(n: usize, size: usize) -> *mut c_void {
    calls::alloc_zeroed(twin, n, size)
}

/// Frees a block; null is nothing.
///
/// # Safety
/// Nothing uses the block any more. What is no block is refused.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mem_free(block: *mut c_void) {
    // SAFETY: the caller's promise.
    unsafe { calls::free(twin, block) }
}

/// Gives a block another size: null is allocated, and with 0 the block is freed.
///
/// # Safety
/// As [`mem_free`] if it has worked.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mem_realloc(block: *mut c_void, n: usize) -> *mut c_void {
    // SAFETY: the caller's promise.
    unsafe { calls::realloc(twin, block, n) }
}

/// Another name of `mem_realloc`.
///
/// # Safety
/// As [`mem_realloc`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mem_resize(block: *mut c_void, size: usize) -> *mut c_void {
    // SAFETY: the caller's promise.
    unsafe { calls::realloc(twin, block, size) }
}

/// Joins free blocks that wait for it, and gives back what is wholly free then.
#[unsafe(no_mangle)]
pub extern "C" fn mem_trim() {
    state::with(|state| twin(state).trim());
}
