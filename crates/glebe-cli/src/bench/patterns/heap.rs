//! The calls under test, hidden from the optimizer.
//!
//! LLVM knows `malloc` and `free` and removes pairs whose object it can see through. Each pointer
//! passes through an empty `asm!` that might have changed it: that costs no instruction, where
//! `black_box` would store and reload the pointer in every operation.

use std::arch::asm;
use std::ffi::c_void;

/// The smallest object a pattern may ask for: each one gets a word written to it.
pub const MIN_BYTES: usize = 8;

#[inline(always)]
fn hide<T>(mut pointer: *mut T) -> *mut T {
    // SAFETY: the assembly is empty; it only claims to have written the register, and any memory,
    // as a call of an unknown function would.
    unsafe { asm!("/* {0} */", inout(reg) pointer, options(nostack, preserves_flags)) };
    pointer
}

/// Hides a result, which must not be null.
#[inline(always)]
pub fn checked(object: *mut c_void, size: usize) -> *mut u8 {
    let object = hide(object.cast::<u8>());
    if object.is_null() {
        out_of_memory(size);
    }
    object
}

/// Allocates `size` bytes and leaves them alone.
#[inline(always)]
pub fn untouched(size: usize) -> *mut u8 {
    // SAFETY: malloc may be called with any size.
    checked(unsafe { libc::malloc(size) }, size)
}

/// Allocates `size` bytes, at least [`MIN_BYTES`], and writes the first word.
#[inline(always)]
pub fn obtain(size: usize) -> *mut u8 {
    debug_assert!(size >= MIN_BYTES);
    let object = untouched(size);
    // SAFETY: the object is fresh, aligned for a word, and at least a word long.
    unsafe { object.cast::<usize>().write(size) };
    object
}

/// Allocates `size` bytes by `calloc`.
pub fn obtain_zeroed(size: usize) -> *mut u8 {
    // SAFETY: calloc may be called with any size.
    checked(unsafe { libc::calloc(1, size) }, size)
}

/// Frees an object.
///
/// # Safety
/// `object` came from a call of this file and is not used again.
#[inline(always)]
pub unsafe fn release(object: *mut u8) {
    // SAFETY: passed on to the caller.
    unsafe { libc::free(hide(object).cast()) };
}

/// Reads the first word and frees the object.
///
/// # Safety
/// As [`release`].
#[inline(always)]
pub unsafe fn consume(object: *mut u8) -> usize {
    // SAFETY: a live object holds at least the word that `obtain` wrote; the rest is passed on.
    unsafe {
        let word = object.cast::<usize>().read_volatile();
        release(object);
        word
    }
}

/// Changes the size of an object.
///
/// # Safety
/// As [`release`]; the returned object takes its place.
pub unsafe fn resize(object: *mut u8, size: usize) -> *mut u8 {
    // SAFETY: passed on to the caller.
    checked(unsafe { libc::realloc(hide(object).cast(), size) }, size)
}

/// Ends the process: an allocator that cannot serve a request has no time to compare.
#[cold]
pub fn out_of_memory(size: usize) -> ! {
    eprintln!("the allocator returned null for {size} bytes");
    std::process::exit(3)
}
