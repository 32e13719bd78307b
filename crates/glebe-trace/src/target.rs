//! [`Target`], what a stream is played on: the calls of an allocator, by any name.

use std::alloc::{GlobalAlloc, Layout};

/// An allocator under test.
///
/// Calls that fail give null. An implementation may be as wrong as it likes, as long as the memory
/// that it hands out can be written: to find out is what the trait is for.
pub trait Target: Sync {
    /// The alignment of every block for which none was asked.
    const ALIGN: usize = 16;

    /// Whether `realloc` keeps the alignment of the old block, as Rust's does and C's does not.
    const KEEPS_ALIGNMENT: bool;

    /// A block of `size` bytes.
    fn alloc(&self, size: usize) -> *mut u8;

    /// A block of `size` bytes, all zero.
    fn zeroed(&self, size: usize) -> *mut u8;

    /// A block of `size` bytes at a multiple of `align`, a power of two.
    fn aligned(&self, align: usize, size: usize) -> *mut u8;

    /// Gives a block another size, of which 0 counts as 1.
    ///
    /// # Safety
    /// `block` is live and has this layout; after success only the result is live.
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8;

    /// Frees a block.
    ///
    /// # Safety
    /// `block` is live and has this layout.
    unsafe fn free(&self, block: *mut u8, layout: Layout);

    /// Frees a block, and tells the allocator the layout if it has a call for that.
    ///
    /// # Safety
    /// As [`Target::free`].
    unsafe fn free_sized(&self, block: *mut u8, layout: Layout);

    /// How many bytes of a block may be used, if the allocator says.
    ///
    /// # Safety
    /// `block` is live and has this layout.
    unsafe fn usable_size(&self, block: *mut u8, layout: Layout) -> Option<usize>;

    /// Gives memory back to the system.
    fn purge(&self) {}

    /// Checks the allocator's own records. No other thread may be inside the allocator.
    ///
    /// # Errors
    /// The invariant that does not hold.
    fn verify(&self) -> Result<(), String> {
        Ok(())
    }
}

/// A layout for a request; none if no such block can exist.
fn layout(size: usize, align: usize) -> Option<Layout> {
    Layout::from_size_align(size.max(1), align).ok()
}

/// As [`layout`] for a block that lives, which had one.
fn at_least_one(layout: Layout) -> Layout {
    // SAFETY: a size of 1 fits every alignment that a layout can have, and any other is kept.
    unsafe { Layout::from_size_align_unchecked(layout.size().max(1), layout.align()) }
}

impl<A: GlobalAlloc + Sync> Target for A {
    const KEEPS_ALIGNMENT: bool = true;

    fn alloc(&self, size: usize) -> *mut u8 {
        self.aligned(Self::ALIGN, size)
    }

    fn zeroed(&self, size: usize) -> *mut u8 {
        // SAFETY: the layout has a size.
        layout(size, Self::ALIGN).map_or(std::ptr::null_mut(), |layout| unsafe {
            GlobalAlloc::alloc_zeroed(self, layout)
        })
    }

    fn aligned(&self, align: usize, size: usize) -> *mut u8 {
        // SAFETY: the layout has a size.
        layout(size, align).map_or(std::ptr::null_mut(), |layout| unsafe {
            GlobalAlloc::alloc(self, layout)
        })
    }

    unsafe fn realloc(&self, block: *mut u8, old: Layout, size: usize) -> *mut u8 {
        match layout(size, old.align()) {
            // SAFETY: the caller's promise, and the new size fits the alignment.
            Some(_) => unsafe { GlobalAlloc::realloc(self, block, at_least_one(old), size.max(1)) },
            None => std::ptr::null_mut(),
        }
    }

    unsafe fn free(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { GlobalAlloc::dealloc(self, block, at_least_one(layout)) }
    }

    unsafe fn free_sized(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { GlobalAlloc::dealloc(self, block, at_least_one(layout)) }
    }

    unsafe fn usable_size(&self, _: *mut u8, _: Layout) -> Option<usize> {
        None
    }
}

/// Glebe by its bare calls, as the C face uses them.
#[derive(Clone, Copy, Debug, Default)]
pub struct GlebeRaw;

impl Target for GlebeRaw {
    const KEEPS_ALIGNMENT: bool = false;

    fn alloc(&self, size: usize) -> *mut u8 {
        glebe::raw::malloc(size)
    }

    fn zeroed(&self, size: usize) -> *mut u8 {
        glebe::raw::zalloc(size)
    }

    fn aligned(&self, align: usize, size: usize) -> *mut u8 {
        glebe::raw::memalign(align, size)
    }

    unsafe fn realloc(&self, block: *mut u8, _: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller's promise.
        unsafe { glebe::raw::realloc(block, size) }
    }

    unsafe fn free(&self, block: *mut u8, _: Layout) {
        // SAFETY: the caller's promise.
        unsafe { glebe::raw::free(block) }
    }

    unsafe fn free_sized(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe {
            if layout.align() <= Self::ALIGN {
                glebe::raw::free_sized(block, layout.size());
            } else {
                glebe::raw::free_aligned_sized(block, layout.align(), layout.size());
            }
        }
    }

    unsafe fn usable_size(&self, block: *mut u8, _: Layout) -> Option<usize> {
        // SAFETY: the caller's promise.
        Some(unsafe { glebe::raw::usable_size(block) })
    }

    fn purge(&self) {
        glebe::raw::purge();
    }

    fn verify(&self) -> Result<(), String> {
        glebe::raw::verify().map_err(str::to_owned)
    }
}
