//! The block for a request.

use super::Pool;
use crate::fit::{Extent, Fit, Want};
use crate::plot::Plot;
use crate::site::Torn;
use crate::source::BlockSource;
use crate::tags::Tags;
use crate::word::{At, GRANULE, round_up};
use core::alloc::Layout;
use core::ptr::NonNull;

impl<F: Fit, T: Tags, S: BlockSource> Pool<F, T, S> {
    /// What a request asks for; none if no such block can exist.
    #[inline(always)]
    pub(super) fn want(size: usize, align: usize) -> Option<Want> {
        // Half of the address space is out of question, so that sums below cannot overflow.
        if size > isize::MAX as usize - (BLOCK_SLACK + T::OVERHEAD) {
            return None;
        }
        let usable = round_up(size, GRANULE)?;
        let stride = (usable + T::OVERHEAD).max(T::MIN);
        Some(Want { stride, align })
    }

    /// A block for this layout; none if there is no room and the supplier has no more.
    ///
    /// A size of 0 counts as 1. The block's bytes are whatever they were.
    #[inline]
    pub fn alloc(&mut self, layout: Layout) -> Option<NonNull<u8>> {
        if S::GRANTS && layout.size() >= self.settings.single_from {
            return self.alloc_single(layout);
        }
        // Layouts are too small for a sum to overflow.
        let stride = ((layout.size() + (GRANULE - 1)) & !(GRANULE - 1)) + T::OVERHEAD;
        let stride = stride.max(T::MIN);
        if layout.align() <= GRANULE
            && let Some((at, whole)) = self.index.quick(&self.site, stride)
        {
            let rest = whole - stride;
            let mut live = whole;
            if rest >= T::MIN {
                self.index.quick_insert(&self.site, (at.plus(stride), rest));
                live = stride;
            }
            let here = self.site.plots.here();
            if here.index(at.0) < here.limit {
                T::split_near(&here, at, whole, live);
            } else {
                self.split(at, whole, live);
            }
            return NonNull::new(at.pointer());
        }
        self.alloc_slow(layout)
    }

    /// Cuts an aligned live block out of a free one that has left the index, and is large enough.
    fn carve_quick(&mut self, want: Want, (at, whole): Extent) -> Option<At> {
        let plot = self.site.plot(at.0)?;
        let front = want.fit::<T>((at, whole))?;
        let live = at.plus(front);
        let mut rest = whole - front - want.stride;
        if rest >= T::MIN {
            let back = live.plus(want.stride);
            T::set(&plot, back, rest, true);
            self.index.quick_insert(&self.site, (back, rest));
        } else {
            rest = 0;
        }
        T::set(&plot, live, whole - front - rest, false);
        if front != 0 {
            T::set(&plot, at, front, true);
            self.index.quick_insert(&self.site, (at, front));
        }
        Some(live)
    }

    /// Makes a free block in another plot than the one at hand live, except for what is over
    /// `stride`.
    #[cold]
    #[inline(never)]
    fn split(&mut self, at: At, whole: usize, stride: usize) {
        if let Some(plot) = self.site.plot(at.0) {
            T::split_near(&plot, at, whole, stride);
        }
    }

    #[inline(always)]
    fn cut_off(plot: &Plot, at: At, whole: usize, stride: usize) {
        if whole != stride {
            T::set(plot, at.plus(stride), whole - stride, true);
        }
        T::set(plot, at, stride, false);
    }

    /// As [`Pool::alloc`], the bytes of the layout zeroed.
    pub fn alloc_zeroed(&mut self, layout: Layout) -> Option<NonNull<u8>> {
        let block = self.alloc(layout)?;
        // SAFETY: the block has room for the layout and is nobody else's yet.
        unsafe { block.write_bytes(0, layout.size()) }
        Some(block)
    }

    #[inline(never)]
    fn alloc_slow(&mut self, layout: Layout) -> Option<NonNull<u8>> {
        let want = Self::want(layout.size(), layout.align())?;
        if want.align > GRANULE
            && let Some(padded) = want.padded::<T>()
            && let Some(block) = self.index.quick(&self.site, padded)
        {
            return NonNull::new(self.carve_quick(want, block)?.pointer());
        }
        let mut has_grown = false;
        let mut recoveries = 0;
        loop {
            match self.take(want) {
                Ok(Some(at)) => return NonNull::new(at.pointer()),
                Ok(None) if !S::GRANTS || has_grown || !self.grow(want) => return None,
                Ok(None) => has_grown = true,
                // After the first, the links were written anew, and nobody writes in between.
                Err(_) if recoveries > 1 => return None,
                Err(torn) => {
                    self.recover(torn);
                    recoveries += 1;
                }
            }
        }
    }

    /// Makes a free block live, if there is one in which the request fits.
    #[inline(always)]
    fn take(&mut self, want: Want) -> Result<Option<At>, Torn> {
        let Some(block) = self.index.find(&self.site, want)? else {
            return Ok(None);
        };
        let Some(plot) = self.site.plot(block.0.0) else {
            return Err(Torn(block.0));
        };
        let front = want.fit::<T>(block).ok_or(Torn(block.0))?;
        self.carve(&plot, block, front, want.stride).map(Some)
    }

    /// Cuts a live block out of a free one; where it starts.
    #[inline(always)]
    fn carve(
        &mut self,
        plot: &Plot,
        block: Extent,
        front: usize,
        stride: usize,
    ) -> Result<At, Torn> {
        if front != 0 {
            return self.carve_within(plot, block, front, stride);
        }
        let at = block.0;
        let rest = block.1 - stride;
        if rest < T::MIN {
            self.index.carve(&self.site, block, None)?;
            Self::cut_off(plot, at, block.1, block.1);
        } else {
            let back = (at.plus(stride), rest);
            self.index.carve(&self.site, block, Some(back))?;
            Self::cut_off(plot, at, block.1, stride);
        }
        Ok(at)
    }

    /// The same, with something left over in front.
    #[inline(never)]
    fn carve_within(
        &mut self,
        plot: &Plot,
        block: Extent,
        front: usize,
        stride: usize,
    ) -> Result<At, Torn> {
        self.index.remove(&self.site, block)?;
        let at = block.0.plus(front);
        let mut rest = block.1 - front - stride;
        let back = at.plus(stride);
        if rest < T::MIN {
            T::set(plot, at, stride + rest, false);
            rest = 0;
        } else {
            T::set(plot, back, rest, true);
            T::set(plot, at, stride, false);
        }
        T::set(plot, block.0, front, true);
        self.file(&[(block.0, front), (back, rest)]);
        Ok(at)
    }

    /// Puts free blocks, whose tags are set, into the index, except those of no bytes.
    pub(super) fn file(&mut self, blocks: &[Extent]) {
        for block in blocks.iter().filter(|block| block.1 != 0) {
            if let Err(torn) = self.index.insert(&self.site, *block) {
                // Which puts in the rest of them as well.
                self.recover(torn);
                return;
            }
        }
    }
}

/// More than all that is ever added to a size on its way to the supplier, alignment aside.
const BLOCK_SLACK: usize = 4 * crate::word::BLOCK;
