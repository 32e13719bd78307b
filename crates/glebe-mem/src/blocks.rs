//! `mem_block_alloc` and `mem_block_free`, for programs that do not bring their own.
//!
//! A kernel that has them defines them, and its definitions are used: those here are weak. They
//! are a pool of whole blocks over mappings, which has the same checks as the others.
//!
//! `libglebe_mem.so` must export them: only then do the program's own come before them there, too.
//! The compiler makes every symbol of the library local that does not match the name of an
//! exported Rust item, and Rust cannot define weak functions. So the two are written in assembly,
//! and there is an item whose name the linker reads as a pattern.

use crate::{fault, system};
use core::alloc::Layout;
use core::arch::global_asm;
use core::ffi::c_void;
use core::ptr;
use glebe_pool::{BLOCK, Mmap, Pool, SideTags, TwoLevel};
use rustix_futex_sync::Mutex;

/// From so many bytes on blocks have a mapping of their own; so much stays when all is free.
const LARGE: usize = 128 * 1024;

type Whole = Pool<TwoLevel, SideTags, Mmap>;

static POOL: Mutex<Whole> = Mutex::new(
    Pool::new(Mmap)
        .with_hook(fault::note)
        .with_single_from(LARGE)
        .with_spare(LARGE),
);

/// `mem_block_alloc`.
extern "C" fn alloc(n: usize) -> *mut c_void {
    let bytes = n.checked_mul(BLOCK).filter(|bytes| *bytes > 0);
    let layout = bytes.and_then(|bytes| Layout::from_size_align(bytes, BLOCK).ok());
    let block = layout.and_then(|layout| fault::under(&POOL, |pool| pool.alloc(layout)));
    match block {
        Some(block) => block.as_ptr().cast(),
        None => {
            system::set_out_of_memory();
            ptr::null_mut()
        }
    }
}

/// `mem_block_free`. A null pointer, which callers must not pass, is refused as foreign.
extern "C" fn free(block: *mut c_void) {
    fault::under(&POOL, |pool| {
        // SAFETY: the caller gives the block up; what is none is refused, and that noted.
        let _ = unsafe { pool.free(block.cast(), None) };
    });
}

/// Whether these two calls are the ones in `blocks`, not a kernel's.
pub fn is_own(calls: (glebe_pool::BlockAlloc, glebe_pool::BlockFree)) -> bool {
    unsafe extern "C" {
        fn glebe_mem_own_block_alloc(n: usize) -> *mut c_void;
    }
    ptr::fn_addr_eq(calls.0, glebe_mem_own_block_alloc as glebe_pool::BlockAlloc)
}

global_asm!(
    ".pushsection .text.mem_block,\"ax\",@progbits",
    ".weak mem_block_alloc",
    ".type mem_block_alloc,@function",
    ".globl glebe_mem_own_block_alloc",
    ".hidden glebe_mem_own_block_alloc",
    ".p2align 4",
    "mem_block_alloc:",
    "glebe_mem_own_block_alloc:",
    "jmp {alloc}",
    ".size mem_block_alloc, . - mem_block_alloc",
    ".weak mem_block_free",
    ".type mem_block_free,@function",
    ".p2align 4",
    "mem_block_free:",
    "jmp {free}",
    ".size mem_block_free, . - mem_block_free",
    ".popsection",
    alloc = sym alloc,
    free = sym free,
);

/// The pattern for the linker. Never read.
#[unsafe(export_name = "mem_block_[af]*")]
pub static EXPORTED: u8 = 0;
