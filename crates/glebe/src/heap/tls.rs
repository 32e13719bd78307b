//! The one thread-local word: which heap the thread is on. Initial-exec on stable Rust.
//!
//! ```text
//! EMPTY ──first malloc──▶ a heap of its own ──thread exit──▶ LATE
//! ```
//! The word is the heap's distance from [`EMPTY`], which owns nothing: so it is zero at first, and
//! the fast paths need no test. It has to be zero: while `ld.so` relocates a program, resolvers of
//! indirect functions run, may call malloc, and find it so; later its initial value is copied over
//! whatever they left. (The heap they were on is found again by the address of the word, see
//! `life`.) With the feature `tls-dynamic` the word is found
//! through `__tls_get_addr`, for libraries that are loaded when static TLS space is used up.

use super::Heap;
use core::arch::{asm, global_asm};

/// Owns nothing: every malloc misses its cursors, no free is its own.
pub(super) static EMPTY: Heap = Heap::empty();
/// Where every thread ends: its frees and mallocs go to the late heap, under a lock.
pub(super) static LATE: Heap = Heap::empty();

global_asm!(
    ".pushsection .tbss.glebe_heap,\"awT\",%nobits",
    ".globl glebe_heap_of_thread",
    ".hidden glebe_heap_of_thread",
    ".p2align 3",
    "glebe_heap_of_thread:",
    ".zero 8",
    ".size glebe_heap_of_thread, 8",
    ".popsection",
);

/// The thread's heap: `EMPTY`, `LATE`, or its own.
#[cfg(all(target_arch = "x86_64", not(feature = "tls-dynamic")))]
#[inline(always)]
fn word() -> *const Heap {
    let heap: *const Heap;
    // SAFETY: reads the word defined above.
    unsafe {
        asm!(
            "mov {place}, qword ptr [rip + glebe_heap_of_thread@GOTTPOFF]",
            "lea {heap}, [rip + {empty}]",
            "add {heap}, qword ptr fs:[{place}]",
            empty = sym EMPTY,
            place = out(reg) _,
            heap = out(reg) heap,
            options(pure, readonly, nostack),
        );
    }
    heap
}

/// The address of the word.
#[cfg(all(target_arch = "x86_64", not(feature = "tls-dynamic")))]
fn place() -> *mut usize {
    let place;
    // SAFETY: computes an address; the thread's own address is the first word of its block.
    unsafe {
        asm!(
            "mov {place}, qword ptr fs:[0]",
            "add {place}, qword ptr [rip + glebe_heap_of_thread@GOTTPOFF]",
            place = out(reg) place,
            options(pure, readonly, nostack),
        );
    }
    place
}

/// The address of the word.
#[cfg(all(target_arch = "x86_64", feature = "tls-dynamic"))]
#[inline(always)]
fn place() -> *mut usize {
    let place: *mut usize;
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

/// The address of the word.
#[cfg(all(target_arch = "aarch64", not(feature = "tls-dynamic")))]
#[inline(always)]
fn place() -> *mut usize {
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
    (pointer + offset) as *mut usize
}

/// The thread's heap: `EMPTY`, `LATE`, or its own.
#[cfg(any(target_arch = "aarch64", feature = "tls-dynamic"))]
#[inline(always)]
fn word() -> *const Heap {
    // SAFETY: the word belongs to this thread.
    (&raw const EMPTY).wrapping_byte_add(unsafe { *place() })
}

/// The thread's heap; `EMPTY` if it has none yet, `LATE` if it has none any more.
#[inline(always)]
pub(super) fn heap() -> &'static Heap {
    // SAFETY: the word leads to a heap, and heaps are never unmapped.
    unsafe { &*word() }
}

/// Puts the thread on a heap.
pub(super) fn set(heap: &'static Heap) {
    let distance = (&raw const *heap as usize).wrapping_sub(&raw const EMPTY as usize);
    // SAFETY: the word belongs to this thread.
    unsafe { *place() = distance }
}

/// A number that no other living thread has: where its word lies.
pub(super) fn thread() -> usize {
    place() as usize
}
