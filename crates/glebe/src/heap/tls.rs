//! The one thread-local word: which heap the thread is on. Initial-exec on stable Rust.
//!
//! ```text
//! EMPTY ──first malloc──▶ a heap of its own ──thread exit──▶ LATE
//! ```
//! The word starts as the address of a static heap that owns nothing, so that the first call needs
//! no test: it misses and falls into the slow path. With the feature `tls-dynamic` the word is found
//! through `__tls_get_addr`, for libraries that are loaded when static TLS space is used up.

use super::Heap;
use core::arch::{asm, global_asm};

/// Where every thread begins.
pub(super) static EMPTY: Heap = Heap::empty();
/// Where every thread ends: its frees and mallocs go to the late heap, under a lock.
pub(super) static LATE: Heap = Heap::empty();

#[cfg(target_arch = "x86_64")]
macro_rules! section {
    () => {
        ".pushsection .tdata.glebe_heap,\"awT\",@progbits"
    };
}
#[cfg(target_arch = "aarch64")]
macro_rules! section {
    () => {
        ".pushsection .tdata.glebe_heap,\"awT\",%progbits"
    };
}

global_asm!(
    section!(),
    ".globl glebe_heap_of_thread",
    ".hidden glebe_heap_of_thread",
    ".p2align 3",
    "glebe_heap_of_thread:",
    ".8byte {empty}",
    ".size glebe_heap_of_thread, 8",
    ".popsection",
    empty = sym EMPTY,
);

/// The thread's heap; `EMPTY` or `LATE` if it has none.
#[cfg(all(target_arch = "x86_64", not(feature = "tls-dynamic")))]
#[inline(always)]
pub(super) fn heap() -> &'static Heap {
    let heap: *const Heap;
    // SAFETY: reads the word defined above, which always holds the address of a heap.
    unsafe {
        asm!(
            "mov {heap}, qword ptr [rip + glebe_heap_of_thread@GOTTPOFF]",
            "mov {heap}, qword ptr fs:[{heap}]",
            heap = out(reg) heap,
            options(pure, readonly, nostack, preserves_flags),
        );
        &*heap
    }
}

#[cfg(all(target_arch = "x86_64", not(feature = "tls-dynamic")))]
fn store(heap: *const Heap) {
    // SAFETY: writes the word defined above.
    unsafe {
        asm!(
            "mov {offset}, qword ptr [rip + glebe_heap_of_thread@GOTTPOFF]",
            "mov qword ptr fs:[{offset}], {heap}",
            offset = out(reg) _,
            heap = in(reg) heap,
            options(nostack, preserves_flags),
        );
    }
}

#[cfg(all(target_arch = "x86_64", feature = "tls-dynamic"))]
#[inline(always)]
fn place() -> *mut *const Heap {
    let place: *mut *const Heap;
    // SAFETY: the general dynamic sequence of the x86-64 psABI, with the bytes linkers expect.
    unsafe {
        asm!(
            ".byte 0x66",
            "lea rdi, [rip + glebe_heap_of_thread@TLSGD]",
            ".byte 0x66, 0x66",
            "rex64 call __tls_get_addr@PLT",
            out("rax") place,
            clobber_abi("C"),
        );
    }
    place
}

#[cfg(all(target_arch = "aarch64", not(feature = "tls-dynamic")))]
#[inline(always)]
fn place() -> *mut *const Heap {
    let (pointer, offset): (usize, usize);
    // SAFETY: the initial-exec sequence of the AArch64 ELF ABI; it only computes an address.
    unsafe {
        asm!(
            "mrs {pointer}, tpidr_el0",
            "adrp {offset}, :gottprel:glebe_heap_of_thread",
            "ldr {offset}, [{offset}, :gottprel_lo12:glebe_heap_of_thread]",
            pointer = out(reg) pointer,
            offset = out(reg) offset,
            options(pure, readonly, nostack, preserves_flags),
        );
    }
    (pointer + offset) as *mut *const Heap
}

/// The thread's heap; `EMPTY` or `LATE` if it has none.
#[cfg(any(target_arch = "aarch64", feature = "tls-dynamic"))]
#[inline(always)]
pub(super) fn heap() -> &'static Heap {
    // SAFETY: the word always holds the address of a heap.
    unsafe { &**place() }
}

#[cfg(any(target_arch = "aarch64", feature = "tls-dynamic"))]
fn store(heap: *const Heap) {
    // SAFETY: the word belongs to this thread.
    unsafe { *place() = heap }
}

/// Puts the thread on a heap.
pub(super) fn set(heap: &'static Heap) {
    store(heap);
}
