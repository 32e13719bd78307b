//! `errno`, and the two values that an allocator sets.

use core::ptr::null_mut;

/// No memory.
pub const ENOMEM: i32 = 12;
/// An alignment that is none.
pub const EINVAL: i32 = 22;

unsafe extern "C" {
    fn __errno_location() -> *mut i32;
}

/// Sets `errno`; null, for the caller to return.
#[cold]
pub fn fail(error: i32) -> *mut u8 {
    // SAFETY: the C library's own word of this thread.
    unsafe { *__errno_location() = error };
    null_mut()
}

/// A null block becomes null with `ENOMEM`.
#[inline]
pub fn or_enomem(block: *mut u8) -> *mut u8 {
    if block.is_null() { fail(ENOMEM) } else { block }
}
