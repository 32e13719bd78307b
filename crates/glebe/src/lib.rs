//! Glebe, a memory allocator whose records are kept apart from the land.
//!
//! All allocation state lives in flat tables outside user memory, one bit a slot. From that follow
//! the exact refusal of every double, interior and foreign free at full speed, pages that go back
//! from inside partly used slabs, and metadata that no overflow can forge.
//!
//! ```
//! #[global_allocator]
//! static ALLOCATOR: glebe::Glebe = glebe::Glebe;
//!
//! let squares: Vec<u64> = (0..1000).map(|n| n * n).collect();
//! assert_eq!(squares[999], 998_001);
//! ```
//!
//! The modules stand in order of dependency: each uses only those above it.
//!
//! | module | what it decides |
//! |--|--|
//! | `sync` | atomics and the lock |
//! | `cpu` | single instructions of the processor |
//! | `blocks` | where memory comes from: the system calls |
//! | `fault` | how a misuse ends the process |
//! | `records` | the flat tables |
//! | `region` | runs of units: reuse, coalescing, purge, huge pages, large objects |
//! | `slab` | size classes, slots, frees by other threads |
//! | `heap` | what one thread owns: malloc, free, realloc, thread exit, fork |
//! | `inspect` | what the tables say: figures, `verify` |
//! | [`raw`], [`Glebe`] | the two doors |

#![no_std]
// Under loom only the protocols are built, for their models.
#![cfg_attr(loom, allow(dead_code))]

mod sync;

#[cfg(not(loom))]
mod blocks;
#[cfg(not(loom))]
mod cpu;
#[cfg(not(loom))]
mod fault;
#[cfg(not(loom))]
mod heap;
#[cfg(not(loom))]
mod inspect;
#[cfg(not(loom))]
mod region;

mod records;
mod slab;

#[cfg(not(loom))]
mod global;
#[cfg(not(loom))]
pub mod raw;

#[cfg(not(loom))]
pub use global::Glebe;
