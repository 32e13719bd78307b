//! The two calls under test, hidden from the optimizer.
//!
//! LLVM knows `malloc` and `free` and removes pairs whose object it can see through. Each pointer
//! passes through an empty `asm!` that might have changed it: that costs no instruction, where
//! `black_box` would store and reload the pointer in every operation.

use std::arch::asm;

/// The smallest object a pattern may ask for: each one gets a word written to it.
pub const MIN_BYTES: usize = 8;

#[inline(always)]
fn hide<T>(mut pointer: *mut T) -> *mut T {
    // SAFETY: the assembly is empty; it only claims to have written the register, and any memory,
    // as a call of an unknown function would.
    unsafe { asm!("/* {0} */", inout(reg) pointer, options(nostack, preserves_flags)) };
    pointer
}

/// Allocates `size` bytes, at least [`MIN_BYTES`], and writes the first word.
#[inline(always)]
pub fn obtain(size: usize) -> *mut u8 {
    debug_assert!(size >= MIN_BYTES);
    // SAFETY: malloc may be called with any size.
    let object = hide(unsafe { libc::malloc(size) }.cast::<u8>());
    if object.is_null() {
        out_of_memory(size);
    }
    // SAFETY: the object is fresh, aligned for a word, and at least a word long.
    unsafe { object.cast::<usize>().write(size) };
    object
}

/// Frees an object.
///
/// # Safety
/// `object` came from [`obtain`] or [`resize`] and is not used again.
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
    let object = hide(unsafe { libc::realloc(hide(object).cast(), size) }.cast::<u8>());
    if object.is_null() {
        out_of_memory(size);
    }
    object
}

#[cold]
fn out_of_memory(size: usize) -> ! {
    eprintln!("the allocator returned null for {size} bytes");
    std::process::exit(3)
}
