//! malloc, calloc, realloc, free and their kin: passed on, and recorded.
//!
//! What fails, and a free of null, leaves no record. Calls that are another call in disguise are
//! passed on as that: `reallocarray`, `valloc`, `pvalloc`, and the sized frees, since not every
//! allocator has them.

use core::ffi::c_int;
use core::ptr::null_mut;

use crate::record::Kind;
use crate::{early, log, next};

const PAGE: usize = 4096;

/// Records a new block, if there is one, and hands it on.
#[inline(always)]
fn allocated(kind: Kind, block: *mut u8, size: usize, align: usize) -> *mut u8 {
    if !block.is_null() && early::bytes_from(block).is_none() {
        log::append(kind, block, size, align);
    }
    block
}

/// `void *malloc(size_t size)`
#[unsafe(no_mangle)]
pub extern "C" fn malloc(size: usize) -> *mut u8 {
    // SAFETY: any size may be asked for.
    allocated(Kind::Alloc, unsafe { next::malloc(size) }, size, 1)
}

/// `void *calloc(size_t count, size_t size)`
#[unsafe(no_mangle)]
pub extern "C" fn calloc(count: usize, size: usize) -> *mut u8 {
    // SAFETY: any sizes may be asked for.
    let block = unsafe { next::calloc(count, size) };
    allocated(Kind::Zeroed, block, count.wrapping_mul(size), 1)
}

/// `void *aligned_alloc(size_t align, size_t size)`
#[unsafe(no_mangle)]
pub extern "C" fn aligned_alloc(align: usize, size: usize) -> *mut u8 {
    // SAFETY: the allocator checks both.
    let block = unsafe { next::aligned_alloc(align, size) };
    allocated(Kind::Aligned, block, size, align)
}

/// `void *memalign(size_t align, size_t size)`
#[unsafe(no_mangle)]
pub extern "C" fn memalign(align: usize, size: usize) -> *mut u8 {
    // SAFETY: the allocator checks both.
    let block = unsafe { next::memalign(align, size) };
    allocated(Kind::Aligned, block, size, align)
}

/// `int posix_memalign(void **place, size_t align, size_t size)`
///
/// # Safety
/// `place` may be written to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn posix_memalign(place: *mut *mut u8, align: usize, size: usize) -> c_int {
    // SAFETY: the caller's promise; after success the place holds the block.
    unsafe {
        let failure = next::posix_memalign(place, align, size);
        if failure == 0 {
            allocated(Kind::Aligned, *place, size, align);
        }
        failure
    }
}

/// `void *valloc(size_t size)`
#[unsafe(no_mangle)]
pub extern "C" fn valloc(size: usize) -> *mut u8 {
    memalign(PAGE, size)
}

/// `void *pvalloc(size_t size)`
#[unsafe(no_mangle)]
pub extern "C" fn pvalloc(size: usize) -> *mut u8 {
    match size.checked_next_multiple_of(PAGE) {
        Some(size) => memalign(PAGE, size),
        None => no_memory(),
    }
}

/// `void *realloc(void *block, size_t size)`
///
/// # Safety
/// `block` is null or live. After success only the result is live.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn realloc(block: *mut u8, size: usize) -> *mut u8 {
    if block.is_null() {
        // SAFETY: as a malloc.
        return allocated(Kind::Alloc, unsafe { next::realloc(block, size) }, size, 1);
    }
    if let Some(bytes) = early::bytes_from(block) {
        let new = malloc(size);
        if !new.is_null() {
            // SAFETY: both have so many bytes, and the new one is the caller's alone.
            unsafe { block.copy_to_nonoverlapping(new, bytes.min(size)) };
        }
        return new;
    }
    log::append(Kind::Resizing, block, 0, 1);
    // SAFETY: passed on to the caller.
    let new = unsafe { next::realloc(block, size) };
    log::append(Kind::Resized, new, size, 1);
    new
}

/// `void *reallocarray(void *block, size_t count, size_t size)`
///
/// # Safety
/// As [`realloc`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reallocarray(block: *mut u8, count: usize, size: usize) -> *mut u8 {
    match count.checked_mul(size) {
        // SAFETY: passed on to the caller.
        Some(bytes) => unsafe { realloc(block, bytes) },
        None => no_memory(),
    }
}

/// Records and makes a free.
///
/// # Safety
/// `block` is null, or live and used by nobody any more.
#[inline(always)]
pub unsafe fn freed(kind: Kind, block: *mut u8) {
    if block.is_null() || early::bytes_from(block).is_some() {
        return;
    }
    log::append(kind, block, 0, 1);
    // SAFETY: passed on to the caller.
    unsafe { next::free(block) };
}

/// `void free(void *block)`
///
/// # Safety
/// `block` is null, or live and used by nobody any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn free(block: *mut u8) {
    // SAFETY: passed on to the caller.
    unsafe { freed(Kind::Free, block) }
}

/// `void cfree(void *block)`
///
/// # Safety
/// As [`free`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cfree(block: *mut u8) {
    // SAFETY: passed on to the caller.
    unsafe { freed(Kind::Free, block) }
}

/// `void free_sized(void *block, size_t size)`
///
/// # Safety
/// As [`free`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn free_sized(block: *mut u8, _size: usize) {
    // SAFETY: passed on to the caller.
    unsafe { freed(Kind::FreeSized, block) }
}

/// `void free_aligned_sized(void *block, size_t align, size_t size)`
///
/// # Safety
/// As [`free`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn free_aligned_sized(block: *mut u8, _align: usize, _size: usize) {
    // SAFETY: passed on to the caller.
    unsafe { freed(Kind::FreeSized, block) }
}

/// `size_t malloc_usable_size(void *block)`
///
/// # Safety
/// `block` is null or live.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn malloc_usable_size(block: *mut u8) -> usize {
    if block.is_null() {
        return 0;
    }
    if let Some(bytes) = early::bytes_from(block) {
        return bytes;
    }
    log::append(Kind::Usable, block, 0, 1);
    // SAFETY: passed on to the caller.
    unsafe { next::malloc_usable_size(block) }
}

#[cold]
fn no_memory() -> *mut u8 {
    // SAFETY: the address is that of the calling thread's own `errno`.
    unsafe { *libc::__errno_location() = libc::ENOMEM };
    null_mut()
}
