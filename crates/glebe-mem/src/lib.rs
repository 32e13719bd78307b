//! The C face of the pools: `libglebe_mem.a` and `libglebe_mem.so`, the functions `mem_*` and
//! `os_*` of `include/glebe_mem.h`.
//!
//! ```text
//! mem_alloc, mem_free …   a pool by mem_config: a supplier, a fit policy, a kind of tags
//! os_malloc, os_free …    best fit over the program break; mappings for what is large
//! mem_block_alloc, …      whole blocks of 4096 bytes: the kernel's, if the program brings them
//! ```
//! All rules about blocks are those of `glebe-pool`. What C promises on top is decided here: null
//! for a size of 0, `errno`, how a refused call ends the process, what a dump looks like.
//!
//! Each module uses only those above it.
//!
//! | module | what it decides |
//! |--|--|
//! | `text` | a line of text, made on the stack |
//! | `system` | what is used of the C library, if there is one; the kernel's calls otherwise |
//! | `fault` | the line about a refused call, when it is written, and what comes then |
//! | `blocks` | `mem_block_alloc` and `mem_block_free`, for programs without their own |
//! | `source` | which supplier grants how much, up to which limit |
//! | `any` | one pool of any of the eight kinds |
//! | `twin` | which blocks are cut from land, and which have grants of their own |
//! | `state` | the one lock, and what it guards |
//! | `calls` | what C promises of allocating, resizing and freeing |
//! | `outcome` | `enum mem_error` |
//! | `config` | `struct mem_config`, `mem_init` |
//! | `mem` | `mem_alloc` and its kin |
//! | `os` | `os_malloc` and its kin |
//! | `dump` | `mem_dump`, `mem_dump_to` |
//!
//! # A library of its own
//! `libglebe.so` is preloaded into programs that know nothing of it. Many of them have functions
//! called `mem_alloc` or `os_malloc` of their own, and symbols of a preloaded library come before
//! those of all others: they would get ours. So the names live here, where only who asks for them
//! meets them. Both libraries work in one process and know nothing of each other.
//!
//! # What is not used
//! No function of a C library that allocates or frees, no thread-local storage, nothing that runs
//! before `main`. What must be there is `memcpy`, `memmove`, `memset` and `memcmp`, which compilers
//! may call at any time; everything else is referred to weakly.
//!
//! # The lock
//! One futex lock for all functions here; see `state`.

#![no_std]

#[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
compile_error!("this C face is written for Linux on x86-64; elsewhere use the crate glebe-pool");

mod any;
mod blocks;
mod calls;
mod config;
mod dump;
mod fault;
mod mem;
mod os;
mod outcome;
mod source;
mod state;
mod system;
mod text;
mod twin;

use core::fmt::Write;
use core::panic::PanicInfo;
use text::Line;

/// A broken invariant of the library's own: one line, then `abort`.
#[panic_handler]
fn panic(panic: &PanicInfo) -> ! {
    let mut line = Line::new();
    // What does not fit is cut.
    let _ = write!(line, "glebe: internal error: {}", panic.message());
    if let Some(place) = panic.location() {
        let _ = write!(line, ", at {}:{}", place.file(), place.line());
    }
    system::write_line(line.text());
    system::abort()
}

// Code of `core` that was compiled to unwind names a personality routine, which only a build
// without link-time optimisation keeps. Nothing here unwinds, so it is never called. Weak, because
// the program may bring Rust's own.
core::arch::global_asm!(
    ".pushsection .text.glebe_mem_no_personality,\"ax\",@progbits",
    ".weak rust_eh_personality",
    ".hidden rust_eh_personality",
    ".type rust_eh_personality,@function",
    "rust_eh_personality:",
    "ud2",
    ".size rust_eh_personality, . - rust_eh_personality",
    ".popsection",
);
