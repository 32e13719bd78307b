//! How C callers are told of a failure: a null pointer, and the reason in `errno`.
//!
//! The engine never touches `errno`, so a call that succeeds leaves it alone, and so does every
//! free.

use core::ffi::c_int;
use core::ptr::null_mut;

/// There is no memory, or there could never be so much.
pub const ENOMEM: c_int = 12;
/// An argument that makes no sense.
pub const EINVAL: c_int = 22;

unsafe extern "C" {
    safe fn __errno_location() -> *mut c_int;
}

/// A null pointer, with the reason in `errno`.
#[cold]
#[inline(never)]
pub fn refuse(reason: c_int) -> *mut u8 {
    // SAFETY: the address is that of the calling thread's own `errno`.
    unsafe { *__errno_location() = reason };
    null_mut()
}

/// The block; if it is null, with [`ENOMEM`] in `errno`.
#[inline(always)]
pub fn or_no_memory(block: *mut u8) -> *mut u8 {
    if block.is_null() {
        refuse(ENOMEM)
    } else {
        block
    }
}
