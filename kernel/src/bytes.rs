//! The functions of the C library that compiled Rust code calls by itself.
//!
//! They are written with string instructions, not with loops, which the compiler would turn into
//! calls of the very same functions.

use core::arch::asm;

/// Copies `bytes`; the two do not overlap.
///
/// # Safety
/// As C's `memcpy`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, bytes: usize) -> *mut u8 {
    // SAFETY: the caller's promise; the direction flag is clear.
    unsafe {
        asm!(
            "rep movsq",
            "mov ecx, {rest:e}",
            "rep movsb",
            rest = in(reg) bytes % 8,
            inout("rcx") bytes / 8 => _,
            inout("rdi") to => _,
            inout("rsi") from => _,
            options(nostack, preserves_flags),
        );
    }
    to
}

/// Copies `bytes`; the two may overlap.
///
/// # Safety
/// As C's `memmove`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn memmove(to: *mut u8, from: *const u8, bytes: usize) -> *mut u8 {
    if to.addr().wrapping_sub(from.addr()) >= bytes {
        // Forwards, nothing is overwritten before it was read, even where the two overlap.
        // SAFETY: the caller's promise.
        return unsafe { memcpy(to, from, bytes) };
    }
    // SAFETY: the caller's promise; there is a last byte. The direction flag is clear again after.
    unsafe {
        asm!(
            "std",
            "rep movsb",
            "cld",
            inout("rcx") bytes => _,
            inout("rdi") to.wrapping_add(bytes).wrapping_sub(1) => _,
            inout("rsi") from.wrapping_add(bytes).wrapping_sub(1) => _,
            options(nostack),
        );
    }
    to
}

/// Sets `bytes` to the low byte of `value`.
///
/// # Safety
/// As C's `memset`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn memset(to: *mut u8, value: i32, bytes: usize) -> *mut u8 {
    let word = u64::from(value as u8) * 0x0101_0101_0101_0101;
    // SAFETY: the caller's promise; the direction flag is clear.
    unsafe {
        asm!(
            "rep stosq",
            "mov ecx, {rest:e}",
            "rep stosb",
            rest = in(reg) bytes % 8,
            inout("rcx") bytes / 8 => _,
            inout("rdi") to => _,
            in("rax") word,
            options(nostack, preserves_flags),
        );
    }
    to
}

/// Compares `bytes`: which of the two is first by the first byte in which they differ.
///
/// # Safety
/// As C's `memcmp`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn memcmp(one: *const u8, other: *const u8, bytes: usize) -> i32 {
    let (at_one, at_other): (*const u8, *const u8);
    if bytes == 0 {
        return 0;
    }
    // SAFETY: the caller's promise; the direction flag is clear.
    unsafe {
        asm!(
            "repe cmpsb",
            inout("rcx") bytes => _,
            inout("rsi") one => at_one,
            inout("rdi") other => at_other,
            options(nostack, readonly),
        );
    }
    // SAFETY: both are one past the last byte that was compared.
    unsafe { i32::from(*at_one.sub(1)) - i32::from(*at_other.sub(1)) }
}

/// Compares `bytes`: 0 if they are the same.
///
/// # Safety
/// As C's `memcmp`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bcmp(one: *const u8, other: *const u8, bytes: usize) -> i32 {
    // SAFETY: the caller's promise.
    unsafe { memcmp(one, other, bytes) }
}

/// The bytes before the first zero.
///
/// # Safety
/// As C's `strlen`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn strlen(text: *const u8) -> usize {
    let left: usize;
    // SAFETY: the caller's promise; the direction flag is clear.
    unsafe {
        asm!(
            "repne scasb",
            inout("rcx") usize::MAX => left,
            inout("rdi") text => _,
            in("al") 0_u8,
            options(nostack, readonly),
        );
    }
    // The zero was counted, too.
    usize::MAX - left - 1
}
