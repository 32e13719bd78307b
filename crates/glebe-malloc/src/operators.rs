//! operator new and delete: every form of C++17 and later, under the Itanium ABI's symbols.
//!
//! | symbol | form |
//! |--|--|
//! | `_Znw…`, `_Zna…` | operator new, new[] |
//! | `_Zdl…`, `_Zda…` | operator delete, delete[] |
//! | `…m` | with a size |
//! | `…Pv` | of a pointer |
//! | `…St11align_val_t` | with an alignment |
//! | `…RKSt9nothrow_t` | that returns null instead of throwing |
//!
//! The array forms and the plain forms are one. `delete` needs no alignment to find a block, so its
//! forms without a size are all one, too. What happens when memory is out is in
//! [`exhausted`](crate::exhausted).

use crate::exhausted::{new_or_null, new_or_throw};
use crate::exports::exports;
use glebe_core::raw;

/// The alignment of the forms that name none.
const ALWAYS: usize = 16;

/// `void *operator new(std::size_t size)`
///
/// Leaves by a jump when it must throw, so that no frame of Rust's is unwound.
#[inline(always)]
pub fn new(size: usize) -> *mut u8 {
    raw::malloc_or(size, new_slowly)
}

#[cold]
#[inline(never)]
fn new_slowly(size: usize) -> *mut u8 {
    new_or_throw(size, ALWAYS)
}

/// `void *operator new(std::size_t size, const std::nothrow_t &)`
#[inline(always)]
pub fn new_nothrow(size: usize) -> *mut u8 {
    raw::malloc_or(size, new_nothrow_slowly)
}

#[cold]
#[inline(never)]
fn new_nothrow_slowly(size: usize) -> *mut u8 {
    new_or_null(size, ALWAYS)
}

/// `void *operator new(std::size_t size, std::align_val_t alignment)`
#[inline(always)]
pub fn new_aligned(size: usize, alignment: usize) -> *mut u8 {
    new_or_throw(size, alignment)
}

/// `void *operator new(std::size_t size, std::align_val_t alignment, const std::nothrow_t &)`
#[inline(always)]
pub fn new_aligned_nothrow(size: usize, alignment: usize) -> *mut u8 {
    new_or_null(size, alignment)
}

/// `void operator delete(void *block) noexcept`
///
/// # Safety
/// Nobody uses the block any more. Anything but a live block or null ends the process.
#[inline(always)]
pub unsafe fn delete(block: *mut u8) {
    // SAFETY: passed on to the caller.
    unsafe { raw::free(block) }
}

/// `void operator delete(void *block, std::size_t size) noexcept`
///
/// # Safety
/// As [`delete`]; a size that belongs to another size class ends the process, too.
#[inline(always)]
pub unsafe fn delete_sized(block: *mut u8, size: usize) {
    // SAFETY: passed on to the caller.
    unsafe { raw::free_sized(block, size) }
}

/// `void operator delete(void *block, std::size_t size, std::align_val_t alignment) noexcept`
///
/// # Safety
/// As [`delete_sized`]; so does an alignment that belongs to another size class.
#[inline(always)]
pub unsafe fn delete_sized_aligned(block: *mut u8, size: usize, alignment: usize) {
    // SAFETY: passed on to the caller.
    unsafe { raw::free_aligned_sized(block, alignment, size) }
}

exports! {
    ["_Znwm", "_Znam"] = new(size: usize) -> *mut u8;
    ["_ZnwmRKSt9nothrow_t", "_ZnamRKSt9nothrow_t"] = new_nothrow(size: usize) -> *mut u8;
    ["_ZnwmSt11align_val_t", "_ZnamSt11align_val_t"]
        = new_aligned(size: usize, alignment: usize) -> *mut u8;
    ["_ZnwmSt11align_val_tRKSt9nothrow_t", "_ZnamSt11align_val_tRKSt9nothrow_t"]
        = new_aligned_nothrow(size: usize, alignment: usize) -> *mut u8;
    ["_ZdlPv", "_ZdlPvRKSt9nothrow_t", "_ZdaPv", "_ZdaPvRKSt9nothrow_t"]
        = delete(block: *mut u8) -> ();
    ["_ZdlPvSt11align_val_t", "_ZdlPvSt11align_val_tRKSt9nothrow_t"]
        = delete(block: *mut u8) -> ();
    ["_ZdaPvSt11align_val_t", "_ZdaPvSt11align_val_tRKSt9nothrow_t"]
        = delete(block: *mut u8) -> ();
    ["_ZdlPvm", "_ZdaPvm"] = delete_sized(block: *mut u8, size: usize) -> ();
    ["_ZdlPvmSt11align_val_t", "_ZdaPvmSt11align_val_t"]
        = delete_sized_aligned(block: *mut u8, size: usize, alignment: usize) -> ();
}
