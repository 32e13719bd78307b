//! Pools: heaps over blocks of memory, for kernels, small systems and the classroom.
//!
//! A [`Pool`] cuts blocks for requests out of *plots*, ranges of memory that it was given
//! ([`Pool::add`]) or that a supplier has granted it ([`BlockSource`]). Three choices make a pool:
//!
//! * the *fit*, which free block serves a request: [`FirstFit`], [`NextFit`], [`BestFit`] (a tree),
//!   [`TwoLevel`] (constant time), [`QuickFit`] (the same, blocks joined later);
//! * the *tags*, where the records of blocks are kept: [`InlineTags`] around each block,
//!   [`SideTags`] apart from the land;
//! * the *source*, where memory comes from: [`NoSource`], [`Buffer`], [`Buffers`], [`Kernel`],
//!   [`Break`], `Mmap`, [`Split`].
//!
//! ```
//! use glebe_pool::{BestFit, InlineTags, Mmap, Pool, SideTags, TwoLevel};
//! use core::alloc::Layout;
//!
//! // The default: two-level fit, side tags. Large requests get mappings of their own.
//! let mut pool: Pool<TwoLevel, SideTags, Mmap> = Pool::new(Mmap)
//!     .with_single_from(128 << 10);
//! let page = Layout::from_size_align(4096, 4096)?;
//! let block = pool.alloc(page).expect("Linux has a page");
//! // SAFETY: the block lives, and is not used after it is freed.
//! unsafe {
//!     pool.resize(block.as_ptr(), 1000).expect("smaller always works");
//!     pool.free(block.as_ptr(), None)?;
//! }
//! assert_eq!(pool.stats().granted_bytes, 0);
//!
//! // What a lesson builds, over the same supplier.
//! let mut lesson: Pool<BestFit, InlineTags, Mmap> = Pool::new(Mmap);
//! lesson.alloc(Layout::new::<u64>()).expect("8 bytes");
//! for block in lesson.walk() {
//!     println!("{:#x} {:6} {:?} {:?}", block.address, block.usable, block.state, block.place);
//! }
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
//!
//! # Costs
//!
//! With f free blocks, d live blocks between a block and the next free one below it, and p plots:
//!
//! | | [`FirstFit`], [`NextFit`] | [`BestFit`] | [`TwoLevel`] |
//! |--|--|--|--|
//! | [`alloc`](Pool::alloc) | O(f) | O(log f) expected | O(1) |
//! | [`free`](Pool::free) beside a free block | O(1) | O(log f) expected | O(1) |
//! | `free` between live blocks | O(min(f, d)) | O(log f) expected | O(1) |
//! | [`resize`](Pool::resize) | as `free` | as `free` | O(1) |
//! | [`realloc`](Pool::realloc) that moves | as `alloc` and `free`, and the copy | | |
//! | finding the plot of an address | O(1) in the plot used last, else O(log p) expected | | |
//!
//! [`QuickFit`] costs as [`TwoLevel`], but amortized over the frees: blocks that wait are joined,
//! all at once, when nothing fits. Its [`Pool::verify`] and [`Pool::place`] look for a block in its
//! list.
//!
//! [`Pool::blocks`] and [`Pool::stats`] take O(blocks), as [`Pool::verify`] does but for the tree:
//! O(blocks · log f).
//!
//! An aligned request (above 16) that is about to be refused is sought once more: in O(f) by the
//! lists and the tree, at up to 128 blocks by [`TwoLevel`]. The tests count steps as the number of
//! live blocks grows, and hold these.
//!
//! Memory: 16 bytes a block with [`InlineTags`]; 1/64 of the land with [`SideTags`], 0 bytes a
//! block. About 100 bytes a plot. A plot keeps its records at its end, so that page-aligned land
//! gives page-aligned pages without waste: 4,032 pages out of 4,096.
//!
//! # Bad calls
//!
//! A bad free (double, interior, misaligned, foreign, wrong size) is refused, changes nothing, and
//! is told to the pool's [`Hook`]; the default, [`abort`], writes a line, `glebe: double free of
//! 0x…`, and ends the program. [`SideTags`] know exactly; [`InlineTags`] go by a checksum of
//! 24 bits.
//!
//! A write after free can tear the links between free blocks. They are checked when they are
//! followed; the pool then reports [`Fault::TornLink`] and makes its index anew from the tags, so
//! that nothing is lost. With inline tags, a write past the end tears a tag ([`Fault::TornTag`]):
//! the block is refused, its neighbours are not merged with it.
//!
//! # Limits
//!
//! * With [`SideTags`], whoever writes past the end of the last block of a plot writes into its
//!   tables; nothing lies between.
//! * A free block that a write after free has linked to another place *within* the pool's bounds is
//!   not noticed before that place is looked at. On 32-bit machines one torn link in about
//!   2³² / bytes of land does that, on 64-bit machines practically none.
//! * A pool dropped is a pool gone: its grants go back, whatever lives in them.
//!
//! # Features
//!
//! None is on by default. `std`: the default hook prints and aborts by itself instead of by a
//! panic. `lock_api`: [`Locked`], for `GlobalAlloc`. `allocator-api2`: [`Locked`] for collections.
//! `mmap`: [`Mmap`], by rustix. `sbrk`: [`Break::of_process`]. `kernel`: [`Kernel::linked`].
//! `count-steps`: [`Pool::steps`].
#![no_std]
#![cfg_attr(
    not(all(
        feature = "lock_api",
        feature = "mmap",
        feature = "sbrk",
        feature = "kernel"
    )),
    allow(rustdoc::broken_intra_doc_links)
)]

#[cfg(any(feature = "std", test))]
extern crate std;

mod broken;
mod fault;
mod fit;
mod heap;
#[cfg(feature = "lock_api")]
mod locked;
mod plot;
mod pool;
mod site;
mod source;
mod tags;
mod tree;
mod word;

pub use broken::{Broken, Rule};
pub use fault::{Fault, Hook, abort};
pub use fit::{BestFit, FirstFit, Fit, NextFit, Place, QuickFit, TwoLevel};
pub use heap::Heap;
#[cfg(feature = "lock_api")]
pub use locked::Locked;
pub use pool::{Block, Blocks, Pool, State, Stats, Unresized, Unusable};
#[cfg(feature = "mmap")]
pub use source::Mmap;
pub use source::{
    BlockAlloc, BlockFree, BlockSource, Break, Buffer, Buffers, Faulty, Kernel, Mischief, NoSource,
    Purpose, Sbrk, Split,
};
pub use tags::{InlineTags, SideTags, Tags};
pub use word::{BLOCK, GRANULE};
