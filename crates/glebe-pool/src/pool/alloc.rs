//! The block for a request.

use super::Pool;
use crate::fault::Torn;
use crate::fit::{Extent, Fit, Want};
use crate::plot::Plot;
use crate::source::BlockSource;
use crate::tags::{NEAR, Tags};
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
        let least = (usable + T::OVERHEAD).max(T::MIN);
        let stride = F::measure(least / GRANULE) * GRANULE;
        Some(Want {
            stride,
            least,
            align,
        })
    }

    /// A block for this layout; none if there is no room and the supplier has no more.
    ///
    /// A size of 0 counts as 1. The block's bytes are whatever they were.
    #[inline(always)]
    pub fn alloc(&mut self, layout: Layout) -> Option<NonNull<u8>> {
        if self.is_single(layout.size()) {
            return self.alloc_single(layout);
        }
        if F::WAITS {
            if let Some(least) = Self::unaligned(layout.size(), layout.align(), F::BRIEF) {
                let lot = F::lot(least);
                if let Ok(Some(at)) = self.index.waiting(&self.site, lot) {
                    return NonNull::new(self.split_quick(at, lot.granules, 0).pointer());
                }
                return self.alloc_joined(layout, least);
            }
            if layout.align() <= GRANULE {
                return self.alloc_far(layout);
            }
        } else if let Some(granules) =
            Self::unaligned(layout.size(), layout.align(), NEAR / GRANULE)
            && let Some((at, more)) = self.index.quick(&self.site, granules)
        {
            return NonNull::new(self.split_quick(at, granules, more).pointer());
        }
        self.alloc_aligned(layout)
    }

    /// How many granules a request needs, if they are at most `most` and it needs nothing else.
    #[inline(always)]
    pub(super) fn unaligned(size: usize, align: usize, most: usize) -> Option<usize> {
        // A size of 0 wraps around, and goes the slow way; so does an alignment above the granule.
        let last = size.wrapping_sub(1);
        if last | GRANULE.wrapping_sub(align) >= most * GRANULE - T::OVERHEAD {
            return None;
        }
        Some((last / GRANULE + 1 + T::OVERHEAD / GRANULE).max(T::MIN / GRANULE))
    }

    /// Whether a request gets a grant of its own.
    #[inline(always)]
    pub(super) fn is_single(&self, size: usize) -> bool {
        S::GRANTS && size >= self.settings.single_from
    }

    /// Whether so much land is free in one piece that time matters more than gaps.
    pub(super) fn is_roomy(&self) -> bool {
        let part = self.site.plots.land() / ROOMY;
        part >= GRANULE && self.index.has_joined(part)
    }

    /// A block of so many granules when none of their lot waits.
    #[inline(never)]
    fn alloc_joined(&mut self, layout: Layout, granules: usize) -> Option<NonNull<u8>> {
        if let Err(torn) = self.index.waiting(&self.site, F::lot(granules)) {
            self.recover(torn);
        }
        if granules <= NEAR / GRANULE
            && let Some((at, more)) = self.index.quick(&self.site, granules)
        {
            return NonNull::new(self.split_quick(at, granules, more).pointer());
        }
        self.alloc_slow(layout)
    }

    /// A block for a request of any size without an alignment: one that waits, if there is any.
    #[inline(never)]
    fn alloc_far(&mut self, layout: Layout) -> Option<NonNull<u8>> {
        let granules = Self::want(layout.size(), 1)?.least / GRANULE;
        if granules > F::MOST_WAITING {
            return self.alloc_slow(layout);
        }
        let lot = F::lot(granules);
        match self.index.waiting(&self.site, lot) {
            Ok(Some(at)) => NonNull::new(self.split_quick(at, lot.granules, 0).pointer()),
            Ok(None) => self.alloc_slow(layout),
            Err(torn) => self.alloc_recovered(torn, layout),
        }
    }

    #[cold]
    #[inline(never)]
    fn alloc_recovered(&mut self, torn: Torn, layout: Layout) -> Option<NonNull<u8>> {
        self.recover(torn);
        self.alloc_slow(layout)
    }

    /// A block for a request with an alignment above the granule; or for any other, if none waits.
    #[inline(never)]
    fn alloc_aligned(&mut self, layout: Layout) -> Option<NonNull<u8>> {
        let want = Self::want(layout.size(), layout.align())?;
        let granules = want.stride / GRANULE;
        if granules <= F::MOST_WAITING
            && let Some(at) = self.index.waiting_at(&self.site, granules, want.align)
        {
            return NonNull::new(self.split_quick(at, granules, 0).pointer());
        }
        if F::QUICK
            && want.align > GRANULE
            && layout.size() <= NEAR
            && layout.align() <= NEAR
            && let Some(padded) = want.padded::<T>()
            && padded <= NEAR
            && let Some((at, more)) = self.index.quick(&self.site, padded / GRANULE)
        {
            return self.carve_quick(want, (at, padded + more * GRANULE));
        }
        self.alloc_slow(layout)
    }

    /// Makes so many granules of a free block that has left the index live; `more` are left over.
    #[inline(always)]
    pub(super) fn split_quick(&mut self, at: At, granules: usize, more: usize) -> At {
        let mut live = granules;
        let is_whole = more < T::MIN / GRANULE;
        if is_whole {
            live += more;
        } else {
            let back = at.plus(granules * GRANULE);
            self.index.quick_insert(&self.site, back, more);
        }
        let here = self.site.plots.here();
        if here.index(at.0) >= here.limit {
            return self.split_elsewhere(at, live, is_whole);
        }
        T::split_near(&here, at, live, is_whole);
        at
    }

    /// Cuts an aligned live block out of a free one that has left the index, and is large enough.
    #[inline(always)]
    fn carve_quick(&mut self, want: Want, (at, whole): Extent) -> Option<NonNull<u8>> {
        let plot = self.site.plot(at.0)?;
        let front = want.fit::<T>((at, whole))?;
        let live = at.plus(front);
        let rest = whole - front - want.stride;
        let mut stride = want.stride + rest;
        if rest >= T::MIN {
            stride = want.stride;
            self.index
                .quick_insert(&self.site, live.plus(stride), rest / GRANULE);
        }
        if front == 0 {
            T::split_near(&plot, at, stride / GRANULE, stride == whole);
        } else {
            self.index.quick_insert(&self.site, at, front / GRANULE);
            T::carve_near(&plot, at, whole, front, stride);
        }
        NonNull::new(live.pointer())
    }

    /// The end of that, in another plot than the one at hand.
    #[cold]
    #[inline(never)]
    fn split_elsewhere(&mut self, at: At, granules: usize, is_whole: bool) -> At {
        if let Some(plot) = self.site.plot(at.0) {
            T::split_near(&plot, at, granules, is_whole);
        }
        at
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
        let mut want = Self::want(layout.size(), layout.align())?;
        if want.align <= GRANULE
            && want.stride == want.least
            && let Ok(Some(block)) = self.index.take(&self.site, want.stride)
        {
            return self.split_taken(block, want.stride);
        }
        if want.stride != want.least && !self.is_roomy() {
            want.stride = want.least;
        }
        let mut has_grown = false;
        let mut recoveries = 0;
        loop {
            match self.take(want) {
                Ok(Some(at)) => return NonNull::new(at.pointer()),
                Ok(None) if F::WAITS && self.join_all() => {}
                Ok(None) if want.stride != want.least => want.stride = want.least,
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

    /// Makes a free block that has left the index live, except for what is over `stride`.
    #[inline(always)]
    fn split_taken(&mut self, (at, whole): Extent, stride: usize) -> Option<NonNull<u8>> {
        let plot = self.site.plot(at.0)?;
        let rest = whole - stride;
        if rest < T::MIN {
            T::split(&plot, at, whole, whole);
        } else {
            T::split(&plot, at, whole, stride);
            self.file(&[(at.plus(stride), rest)]);
        }
        NonNull::new(at.pointer())
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
    pub(super) fn carve(
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
            T::split(plot, at, block.1, block.1);
        } else {
            let back = (at.plus(stride), rest);
            self.index.carve(&self.site, block, Some(back))?;
            T::split(plot, at, block.1, stride);
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

/// Land is roomy if so large a part of it is free in one piece.
const ROOMY: usize = 2;

/// More than all that is ever added to a size on its way to the supplier, alignment aside.
const BLOCK_SLACK: usize = 4 * crate::word::BLOCK;
