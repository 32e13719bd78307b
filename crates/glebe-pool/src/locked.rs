//! [`Locked`], a pool behind a lock of the user's choice: the global allocator, or one for
//! collections.

use crate::fit::Fit;
use crate::pool::Pool;
use crate::source::BlockSource;
use crate::tags::Tags;
use core::alloc::{GlobalAlloc, Layout};
use core::ptr;
use lock_api::{Mutex, MutexGuard, RawMutex};

/// A shared pool. `R` is any raw mutex: a spin lock, one that masks interrupts, one of the system.
///
/// As a global allocator it must not be entered again by its own lock or hook: take a lock that
/// does not allocate, and turn on the feature `std` where there is a standard library, so that the
/// default hook does not either.
///
/// ```
/// use glebe_pool::{Locked, Mmap, Pool, SideTags, TwoLevel};
///
/// #[global_allocator]
/// static HEAP: Locked<spin::Mutex<()>, TwoLevel, SideTags, Mmap> = Locked::new(Pool::new(Mmap));
///
/// assert_eq!((0..1000).collect::<Vec<_>>().len(), 1000);
/// HEAP.lock().verify()?;
/// # Ok::<(), glebe_pool::Broken>(())
/// ```
pub struct Locked<R, F: Fit, T: Tags, S: BlockSource> {
    pool: Mutex<R, Pool<F, T, S>>,
}

impl<R: RawMutex, F: Fit, T: Tags, S: BlockSource> Locked<R, F, T, S> {
    /// Of a pool.
    pub const fn new(pool: Pool<F, T, S>) -> Locked<R, F, T, S> {
        Locked {
            pool: Mutex::new(pool),
        }
    }

    /// The pool, for as long as the guard lives.
    pub fn lock(&self) -> MutexGuard<'_, R, Pool<F, T, S>> {
        self.pool.lock()
    }
}

// SAFETY: blocks are apart, aligned and large enough, as `Pool` sees to, and stay where they are
// when the pool is moved; the lock lets one thread in at a time.
unsafe impl<R: RawMutex, F: Fit, T: Tags, S: BlockSource> GlobalAlloc for Locked<R, F, T, S> {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let block = self.lock().alloc(layout);
        block.map_or(ptr::null_mut(), ptr::NonNull::as_ptr)
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let block = self.lock().alloc_zeroed(layout);
        block.map_or(ptr::null_mut(), ptr::NonNull::as_ptr)
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { self.lock().dealloc(block, layout) };
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller's promise.
        let new = unsafe { self.lock().realloc(block, Some(layout), size) };
        new.map_or(ptr::null_mut(), ptr::NonNull::as_ptr)
    }
}

#[cfg(feature = "allocator-api2")]
mod allocator {
    //! The pool as an allocator of collections.

    use super::{BlockSource, Fit, Layout, Locked, RawMutex, Tags, ptr};
    use allocator_api2::alloc::{AllocError, Allocator};
    use core::ptr::NonNull;

    fn whole(block: Option<NonNull<u8>>, size: usize) -> Result<NonNull<[u8]>, AllocError> {
        let block = block.ok_or(AllocError)?;
        NonNull::new(ptr::slice_from_raw_parts_mut(block.as_ptr(), size)).ok_or(AllocError)
    }

    impl<R: RawMutex, F: Fit, T: Tags, S: BlockSource> Locked<R, F, T, S> {
        /// Another size for a block, zero-sized layouts and new alignments included.
        ///
        /// # Safety
        /// As `Allocator::grow` and `shrink`.
        unsafe fn change(
            &self,
            block: NonNull<u8>,
            old: Layout,
            new: Layout,
        ) -> Result<NonNull<[u8]>, AllocError> {
            if new.align() <= old.align() {
                // SAFETY: the caller's promise.
                let moved = unsafe { self.lock().realloc(block.as_ptr(), Some(old), new.size()) };
                return whole(moved.ok(), new.size());
            }
            let moved = self.allocate(new)?;
            let kept = old.size().min(new.size());
            // SAFETY: both blocks live and have so many bytes; the caller gives the old one up.
            unsafe {
                ptr::copy_nonoverlapping(block.as_ptr(), moved.as_ptr().cast(), kept);
                self.deallocate(block, old);
            }
            Ok(moved)
        }
    }

    // SAFETY: as for `GlobalAlloc`; the reference keeps the pool, and so its blocks, alive.
    unsafe impl<R: RawMutex, F: Fit, T: Tags, S: BlockSource> Allocator for &Locked<R, F, T, S> {
        fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
            whole(self.lock().alloc(layout), layout.size())
        }

        fn allocate_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
            whole(self.lock().alloc_zeroed(layout), layout.size())
        }

        unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
            // SAFETY: the caller's promise.
            unsafe { self.lock().dealloc(block.as_ptr(), layout) };
        }

        unsafe fn grow(
            &self,
            block: NonNull<u8>,
            old: Layout,
            new: Layout,
        ) -> Result<NonNull<[u8]>, AllocError> {
            // SAFETY: the caller's promise.
            unsafe { self.change(block, old, new) }
        }

        unsafe fn grow_zeroed(
            &self,
            block: NonNull<u8>,
            old: Layout,
            new: Layout,
        ) -> Result<NonNull<[u8]>, AllocError> {
            // SAFETY: the caller's promise.
            let grown = unsafe { self.change(block, old, new) }?;
            let fresh = new.size() - old.size();
            // SAFETY: the bytes lie in the block, behind the old ones.
            unsafe {
                grown
                    .as_ptr()
                    .cast::<u8>()
                    .add(old.size())
                    .write_bytes(0, fresh)
            };
            Ok(grown)
        }

        unsafe fn shrink(
            &self,
            block: NonNull<u8>,
            old: Layout,
            new: Layout,
        ) -> Result<NonNull<[u8]>, AllocError> {
            // SAFETY: the caller's promise.
            unsafe { self.change(block, old, new) }
        }
    }
}
