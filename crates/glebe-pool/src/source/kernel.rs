//! A kernel's two calls for blocks, as callbacks or by their symbols.

use super::{BlockSource, Purpose};
use crate::word::BLOCK;
use core::ffi::c_void;
use core::num::NonZeroUsize;
use core::ptr::{self, NonNull};

/// `mem_block_alloc`: contiguous memory of at least `n` > 0 blocks, or NULL.
pub type BlockAlloc = unsafe extern "C" fn(n: usize) -> *mut c_void;

/// `mem_block_free`: takes back what `mem_block_alloc` gave, by its first address, never NULL.
pub type BlockFree = unsafe extern "C" fn(block: *mut c_void);

/// Blocks of [`BLOCK`] bytes by a kernel's pair of calls.
#[derive(Clone, Copy, Debug)]
pub struct Kernel {
    alloc: BlockAlloc,
    free: BlockFree,
}

impl Kernel {
    /// By callbacks.
    ///
    /// # Safety
    /// The calls keep what their types' descriptions say, from every thread that uses the pool.
    pub const unsafe fn new(alloc: BlockAlloc, free: BlockFree) -> Kernel {
        Kernel { alloc, free }
    }

    /// By the symbols `mem_block_alloc` and `mem_block_free`, which the program is linked with.
    ///
    /// # Safety
    /// As for [`Kernel::new`].
    #[cfg(feature = "kernel")]
    pub const unsafe fn linked() -> Kernel {
        unsafe extern "C" {
            fn mem_block_alloc(n: usize) -> *mut c_void;
            fn mem_block_free(block: *mut c_void);
        }
        Kernel {
            alloc: mem_block_alloc,
            free: mem_block_free,
        }
    }
}

// SAFETY: by the promise made to the constructors.
unsafe impl BlockSource for Kernel {
    fn grant(&mut self, blocks: NonZeroUsize, _: Purpose) -> Option<NonNull<[u8]>> {
        let bytes = blocks.get().checked_mul(BLOCK)?;
        // SAFETY: the number is not 0.
        let memory = unsafe { (self.alloc)(blocks.get()) };
        NonNull::new(ptr::slice_from_raw_parts_mut(memory.cast(), bytes))
    }

    unsafe fn release(&mut self, grant: NonNull<[u8]>, _: Purpose) {
        // SAFETY: the caller's promise.
        unsafe { (self.free)(grant.as_ptr().cast()) }
    }
}
