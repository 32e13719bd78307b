//! Fixed memory: nothing, one range, several disjoint ranges.

use super::{BlockSource, Purpose};
use crate::word::BLOCK;
use core::num::NonZeroUsize;
use core::ptr::NonNull;

/// Grants nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoSource;

// SAFETY: nothing is granted.
unsafe impl BlockSource for NoSource {
    const GRANTS: bool = false;

    fn grant(&mut self, _: NonZeroUsize, _: Purpose) -> Option<NonNull<[u8]>> {
        None
    }

    unsafe fn release(&mut self, _: NonNull<[u8]>, _: Purpose) {}
}

/// One fixed range, granted whole at the first request and again after it has come back.
#[derive(Debug)]
pub struct Buffer {
    inner: Buffers<1>,
}

impl Buffer {
    /// Of memory that is given up for good.
    pub const fn new(memory: &'static mut [u8]) -> Buffer {
        // SAFETY: a reference is never null; its memory is given up for good.
        unsafe { Buffer::from_raw(NonNull::new_unchecked(memory)) }
    }

    /// Of memory by address.
    ///
    /// # Safety
    /// The memory may be read and written for as long as the buffer and every pool over it live,
    /// and nobody else uses it.
    pub const unsafe fn from_raw(memory: NonNull<[u8]>) -> Buffer {
        Buffer {
            inner: Buffers::new([memory]),
        }
    }
}

// SAFETY: as for `Buffers`.
unsafe impl BlockSource for Buffer {
    fn grant(&mut self, blocks: NonZeroUsize, purpose: Purpose) -> Option<NonNull<[u8]>> {
        self.inner.grant(blocks, purpose)
    }

    unsafe fn release(&mut self, grant: NonNull<[u8]>, purpose: Purpose) {
        // SAFETY: the caller's promise.
        unsafe { self.inner.release(grant, purpose) }
    }
}

/// Several disjoint fixed ranges. A request takes the first that is large enough, whole, or the
/// largest that is left.
///
/// For fixed memory that is to be given to a pool at once, whatever is requested,
/// [`Pool::add`](crate::Pool::add) does without a supplier.
#[derive(Debug)]
pub struct Buffers<const N: usize> {
    ranges: [NonNull<[u8]>; N],
    taken: [bool; N],
}

impl<const N: usize> Buffers<N> {
    const fn new(ranges: [NonNull<[u8]>; N]) -> Buffers<N> {
        Buffers {
            ranges,
            taken: [false; N],
        }
    }

    /// Of memory by address.
    ///
    /// # Safety
    /// As for [`Buffer::from_raw`], for each of the ranges.
    pub const unsafe fn from_raw(ranges: [NonNull<[u8]>; N]) -> Buffers<N> {
        Buffers::new(ranges)
    }
}

// SAFETY: the ranges belong to this value alone, which may be used wherever it is.
unsafe impl<const N: usize> Send for Buffers<N> {}

// SAFETY: each range was given up by its maker and is granted to one pool at a time.
unsafe impl<const N: usize> BlockSource for Buffers<N> {
    fn grant(&mut self, blocks: NonZeroUsize, _: Purpose) -> Option<NonNull<[u8]>> {
        // Less than whole blocks is welcome too, as the memory is as large as it is: the pool finds
        // out whether it is enough.
        let bytes = blocks.get().saturating_mul(BLOCK);
        let free = || (0..N).filter(|which| !self.taken[*which]);
        let length = |which: &usize| self.ranges[*which].len();
        let which = free()
            .find(|which| length(which) >= bytes)
            .or_else(|| free().max_by_key(length))?;
        self.taken[which] = true;
        Some(self.ranges[which])
    }

    unsafe fn release(&mut self, grant: NonNull<[u8]>, _: Purpose) {
        if let Some(which) = self
            .ranges
            .iter()
            .position(|range| range.addr() == grant.addr())
        {
            self.taken[which] = false;
        }
    }
}
