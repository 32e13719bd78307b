//! The C face: `libglebe.so` and `libglebe.a`, a heap for programs that know nothing of Glebe.
//!
//! ```text
//! C program ─ malloc, free …          ┐                 ┐
//! C++ program ─ operator new, delete  ├─ this crate ────┤ glebe_core::raw
//! either, by name ─ glebe_malloc …    ┘                 ┘
//! ```
//! The engine knows sizes, alignments and blocks. What C and C++ promise on top is decided here:
//! `errno`, the odd corners of each call, `std::bad_alloc`. The fast paths of `malloc`, `free`,
//! `operator new` and `operator delete` are the engine's, inlined.
//!
//! | module | what it decides |
//! |--|--|
//! | `libc` | the few functions asked of the C library |
//! | `errno` | how C callers are told of a failure |
//! | `text` | text put together without allocating |
//! | `exports` | one function under several symbols |
//! | `family` | malloc, calloc, realloc, free and their kin |
//! | `aligned` | the calls that take an alignment |
//! | `info` | figures and options: `mallinfo`, `malloc_info`, `mallopt`, `malloc_trim` |
//! | `summary` | `malloc_stats`, and `GLEBE_STATS` at the end of the process |
//! | `operators` | operator new and delete |
//! | `exhausted` | what operator new does when memory is out: handlers and exceptions |
//! | `runtime` | the C++ run-time library, if the process has one |
//!
//! # What is exported
//! Exactly the symbols in the tables `exports!` that end `family`, `aligned`,
//! `info`, `summary` and `operators`. rustc hands the linker a version script that makes everything
//! else local, so the library needs none of its own (and the linker would not take a second).
//! `tests/exported-symbols.txt` is the committed list.
//!
//! # What is not used
//! No allocation, no formatting machinery, no thread, nothing that runs before `main` but one look
//! at the environment (see `summary`). Needed is the C library alone: the C++ run-time library is
//! referred to weakly.

#![no_std]

#[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
compile_error!("the C face is written for Linux on x86-64: see src/exhausted.rs for its assembly");

mod aligned;
mod errno;
mod exhausted;
mod exports;
mod family;
mod info;
mod libc;
mod operators;
mod runtime;
mod summary;
mod text;

use core::panic::PanicInfo;
use text::Text;

/// A broken invariant of the allocator's own: one line, then `abort`.
#[panic_handler]
fn panic(panic: &PanicInfo) -> ! {
    let mut line = Text::<512>::new();
    line.text("glebe: internal error: ");
    line.text(panic.message().as_str().unwrap_or("panic"));
    if let Some(place) = panic.location() {
        line.text(", at ").text(place.file());
        line.text(":").decimal(place.line() as usize);
    }
    line.text("; please report this\n");
    line.write_to_stderr();
    libc::abort()
}

// Code of `core` that was compiled to unwind names a personality routine, which only a build
// without link-time optimisation keeps. Nothing here unwinds through Rust frames that have
// cleanups, so it is never called. Weak, because a program linked with `libglebe.a` may bring
// Rust's own.
core::arch::global_asm!(
    ".pushsection .text.glebe_no_personality,\"ax\",@progbits",
    ".weak rust_eh_personality",
    ".hidden rust_eh_personality",
    ".type rust_eh_personality,@function",
    "rust_eh_personality:",
    "ud2",
    ".size rust_eh_personality, . - rust_eh_personality",
    ".popsection",
);
