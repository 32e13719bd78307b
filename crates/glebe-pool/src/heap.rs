//! [`Heap`], what replayers, dumps and studies see of any pool.

use crate::broken::Broken;
use crate::fault::Fault;
use crate::fit::Fit;
use crate::pool::{Block, Pool, Stats, Unresized};
use crate::source::BlockSource;
use crate::tags::Tags;
use core::alloc::Layout;
use core::ptr::NonNull;

/// A heap of one thread, whatever its policy. Can be a trait object.
///
/// The methods are those of [`Pool`] of the same names.
pub trait Heap {
    /// The names of the fit policy and of the tags.
    fn policy(&self) -> (&'static str, &'static str);

    /// A block for this layout.
    fn alloc(&mut self, layout: Layout) -> Option<NonNull<u8>>;

    /// A block for this layout, its bytes zeroed.
    fn alloc_zeroed(&mut self, layout: Layout) -> Option<NonNull<u8>>;

    /// Frees a block.
    ///
    /// # Errors
    /// Why it was refused.
    ///
    /// # Safety
    /// As [`Pool::free`].
    unsafe fn free(&mut self, block: *mut u8, layout: Option<Layout>) -> Result<(), Fault>;

    /// Gives a block another size without moving it.
    ///
    /// # Errors
    /// The block is as it was.
    ///
    /// # Safety
    /// As [`Pool::resize`].
    unsafe fn resize(&mut self, block: *mut u8, size: usize) -> Result<(), Unresized>;

    /// Gives a block another size, moving it if it must.
    ///
    /// # Errors
    /// The block is as it was.
    ///
    /// # Safety
    /// As [`Pool::realloc`].
    unsafe fn realloc(
        &mut self,
        block: *mut u8,
        old: Option<Layout>,
        size: usize,
    ) -> Result<NonNull<u8>, Unresized>;

    /// The bytes that a block has for its user.
    ///
    /// # Errors
    /// Why it is no live block.
    fn usable_size(&self, block: *const u8) -> Result<usize, Fault>;

    /// Checks all invariants.
    ///
    /// # Errors
    /// The first that does not hold.
    fn verify(&self) -> Result<(), Broken>;

    /// Calls `each` for all blocks by address, free ones with their places in the index.
    fn walk(&self, each: &mut dyn FnMut(Block));

    /// Sums over all blocks.
    fn stats(&self) -> Stats;

    /// Joins free blocks that wait for it, and gives back what may go back then.
    fn trim(&mut self);

    /// Blocks, nodes and bins looked at so far.
    fn steps(&self) -> u64;
}

impl<F: Fit, T: Tags, S: BlockSource> Heap for Pool<F, T, S> {
    fn policy(&self) -> (&'static str, &'static str) {
        Pool::policy(self)
    }

    fn alloc(&mut self, layout: Layout) -> Option<NonNull<u8>> {
        Pool::alloc(self, layout)
    }

    fn alloc_zeroed(&mut self, layout: Layout) -> Option<NonNull<u8>> {
        Pool::alloc_zeroed(self, layout)
    }

    unsafe fn free(&mut self, block: *mut u8, layout: Option<Layout>) -> Result<(), Fault> {
        // SAFETY: the caller's promise.
        unsafe { Pool::free(self, block, layout) }
    }

    unsafe fn resize(&mut self, block: *mut u8, size: usize) -> Result<(), Unresized> {
        // SAFETY: the caller's promise.
        unsafe { Pool::resize(self, block, size) }
    }

    unsafe fn realloc(
        &mut self,
        block: *mut u8,
        old: Option<Layout>,
        size: usize,
    ) -> Result<NonNull<u8>, Unresized> {
        // SAFETY: the caller's promise.
        unsafe { Pool::realloc(self, block, old, size) }
    }

    fn usable_size(&self, block: *const u8) -> Result<usize, Fault> {
        Pool::usable_size(self, block)
    }

    fn verify(&self) -> Result<(), Broken> {
        Pool::verify(self)
    }

    fn walk(&self, each: &mut dyn FnMut(Block)) {
        Pool::walk(self).for_each(each);
    }

    fn stats(&self) -> Stats {
        Pool::stats(self)
    }

    fn trim(&mut self) {
        Pool::trim(self);
    }

    fn steps(&self) -> u64 {
        Pool::steps(self)
    }
}
