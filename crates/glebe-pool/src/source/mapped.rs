//! Anonymous mappings of Linux.

use super::{BlockSource, Purpose};
use crate::word::BLOCK;
use core::num::NonZeroUsize;
use core::ptr::{self, NonNull};
use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous, munmap};

/// Every grant is a mapping of its own.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mmap;

// SAFETY: a fresh mapping belongs to nobody else until it is unmapped.
unsafe impl BlockSource for Mmap {
    fn grant(&mut self, blocks: NonZeroUsize, _: Purpose) -> Option<NonNull<[u8]>> {
        let bytes = blocks.get().checked_mul(BLOCK)?;
        let rights = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: without a fixed address nothing that is mapped already is touched.
        let memory =
            unsafe { mmap_anonymous(ptr::null_mut(), bytes, rights, MapFlags::PRIVATE) }.ok()?;
        NonNull::new(ptr::slice_from_raw_parts_mut(memory.cast(), bytes))
    }

    unsafe fn release(&mut self, grant: NonNull<[u8]>, _: Purpose) {
        // SAFETY: the caller's promise. There is nothing to be done about an error: the kernel
        // refuses to unmap only when it cannot split a mapping, and the memory then stays mapped.
        let _ = unsafe { munmap(grant.as_ptr().cast(), grant.len()) };
    }
}
