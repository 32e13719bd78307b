//! What becomes of a block that is given up.

use super::Pool;
use crate::fault::{Fault, Torn};
use crate::fit::{Extent, Fit};
use crate::plot::{Plot, Record};
use crate::source::BlockSource;
use crate::tags::{Survey, Tags};
use crate::word::{At, GRANULE};
use core::alloc::Layout;

impl<F: Fit, T: Tags, S: BlockSource> Pool<F, T, S> {
    /// Frees a block. With the layout, also checks its size.
    ///
    /// # Errors
    /// Why it was refused, after the hook has been told. Nothing has changed then.
    ///
    /// # Safety
    /// Nothing uses the block any more, if `block` is one that lives. If it is not, the call is
    /// refused; with inline tags, up to the probability that user's bytes look like a header.
    #[inline(always)]
    pub unsafe fn free(&mut self, block: *mut u8, layout: Option<Layout>) -> Result<(), Fault> {
        if F::WAITS {
            return match self.free_waiting(block.addr(), layout) {
                Some(true) => Ok(()),
                Some(false) => {
                    self.join_some();
                    Ok(())
                }
                None => self.free_slow(block.addr(), layout),
            };
        }
        match self.free_alone(block.addr(), layout) {
            Ok(()) => Ok(()),
            Err(Some(view)) => self.free_beside(block.addr(), layout, view),
            Err(None) => self.free_slow(block.addr(), layout),
        }
    }

    /// As [`Pool::free`] of a block whose layout is known, for callers that leave faults to the
    /// hook: a few instructions shorter.
    ///
    /// # Safety
    /// As [`Pool::free`].
    #[inline(always)]
    pub unsafe fn dealloc(&mut self, block: *mut u8, layout: Layout) {
        if F::WAITS {
            return match self.free_waiting(block.addr(), Some(layout)) {
                Some(true) => {}
                Some(false) => self.join_some(),
                None => self.free_far_quietly(block.addr(), layout),
            };
        }
        match self.free_alone(block.addr(), Some(layout)) {
            Ok(()) => {}
            Err(Some(view)) => self.free_beside_quietly(block.addr(), layout, view),
            Err(None) => self.free_slow_quietly(block.addr(), layout),
        }
    }

    /// Frees a block between two live ones; if it does not, what it saw on the way. Whoever calls
    /// it does nothing behind the other cases, so that none costs this one a stack frame.
    #[inline(always)]
    fn free_alone(
        &mut self,
        address: usize,
        layout: Option<Layout>,
    ) -> Result<(), Option<T::View>> {
        let here = self.site.plots.here();
        let Some(view) = T::view(&here, address).filter(|_| F::QUICK) else {
            return Err(None);
        };
        let Some(granules) = T::alone(view) else {
            return Err(Some(view));
        };
        if layout.is_some_and(|layout| !Self::is_of(layout, granules)) {
            return Err(None);
        }
        let at = At(address);
        self.index.quick_insert(&self.site, at, granules);
        T::free_alone(&here, at, granules);
        Ok(())
    }

    /// Whether a block of so many granules has surely come of this layout.
    #[inline(always)]
    pub(super) fn is_of(layout: Layout, granules: usize) -> bool {
        Self::granules_of(layout) == granules
    }

    /// The granules that a layout asks for, but for the least stride.
    #[inline(always)]
    fn granules_of(layout: Layout) -> usize {
        // By a shift, as the compiler does not know that this cannot overflow.
        let usable = (layout.size() + (GRANULE - 1)) >> GRANULE.trailing_zeros();
        usable + T::OVERHEAD / GRANULE
    }

    /// Frees a block that may have a free neighbour.
    #[inline(never)]
    fn free_beside(
        &mut self,
        address: usize,
        layout: Option<Layout>,
        view: T::View,
    ) -> Result<(), Fault> {
        match self.free_joined(address, layout, view) {
            true => Ok(()),
            false => self.free_slow(address, layout),
        }
    }

    #[inline(never)]
    fn free_beside_quietly(&mut self, address: usize, layout: Layout, view: T::View) {
        if !self.free_joined(address, Some(layout), view) {
            self.free_slow_quietly(address, layout);
        }
    }

    /// Lets a live block of any layout wait, if such blocks do and all is well.
    #[inline(never)]
    fn free_far_quietly(&mut self, address: usize, layout: Layout) {
        let least = Self::granules_of(layout);
        if least > F::MOST_WAITING {
            return self.free_slow_quietly(address, layout);
        }
        let here = self.site.plots.here();
        let lot = F::lot(least);
        if T::far(&here, address) != Some(lot.granules)
            || !T::retire(&here, At(address), lot.granules)
        {
            return self.free_slow_quietly(address, layout);
        }
        if !self.index.wait(&self.site, At(address), lot) {
            self.join_some();
        }
    }

    #[inline(never)]
    fn free_slow_quietly(&mut self, address: usize, layout: Layout) {
        if !self.free_far(address, Some(layout)) {
            // The hook was told.
            let _ = self.free_checked(address, Some(layout));
        }
    }

    /// Frees a block and joins it with its free neighbours, if the view tells what they are.
    #[inline(always)]
    fn free_joined(&mut self, address: usize, layout: Option<Layout>, view: T::View) -> bool {
        let here = self.site.plots.here();
        let Some(glance) = T::glance(&here, address, view) else {
            return false;
        };
        if layout.is_some_and(|layout| !Self::is_of(layout, glance.stride / GRANULE)) {
            return false;
        }
        let at = At(address);
        match self.index.quick_join(&self.site, at, glance) {
            Ok(()) => T::join_near(&here, at, glance),
            Err(torn) => self.free_torn(at, glance.stride, torn),
        }
        true
    }

    /// Lets a live block of any size wait, if such blocks do and all is well.
    #[inline(always)]
    fn free_far(&mut self, address: usize, layout: Option<Layout>) -> bool {
        if !F::WAITS {
            return false;
        }
        let here = self.site.plots.here();
        let Some(granules) = T::far(&here, address).filter(|granules| F::waits(*granules)) else {
            return false;
        };
        if layout.is_some_and(|layout| !F::is_measure_of(granules, Self::granules_of(layout)))
            || !T::retire(&here, At(address), granules)
        {
            return false;
        }
        self.enter_list(At(address), F::lot(granules));
        true
    }

    #[inline(never)]
    fn free_slow(&mut self, address: usize, layout: Option<Layout>) -> Result<(), Fault> {
        match self.free_far(address, layout) {
            true => Ok(()),
            false => self.free_checked(address, layout),
        }
    }

    /// Frees any block; finds out what is wrong if it cannot. Not inlined, so that the shorter ways
    /// need no stack frame.
    #[inline(never)]
    fn free_checked(&mut self, address: usize, layout: Option<Layout>) -> Result<(), Fault> {
        let Some(plot) = self.site.plot(address) else {
            return self.free_elsewhere(address, layout);
        };
        let stride = match T::live(&plot, address) {
            Ok(stride) => stride,
            Err(fault) => return Err(self.report(fault)),
        };
        if let Some(layout) = layout
            && !Self::suits(layout, stride)
        {
            return Err(self.wrong_size(address, layout, stride));
        }
        self.let_go(&plot, (At(address), stride));
        Ok(())
    }

    /// Frees a block when links in its neighbourhood are overwritten.
    #[cold]
    #[inline(never)]
    fn free_torn(&mut self, at: At, stride: usize, torn: Torn) {
        if let Some(plot) = self.site.plot(at.0) {
            T::set(&plot, at, stride, true);
        }
        self.recover(torn);
    }

    /// Whether a block of this stride can have come of this layout.
    #[inline(always)]
    fn suits(layout: Layout, stride: usize) -> bool {
        Self::want(layout.size(), layout.align()).is_some_and(|want| {
            // Less than a block that could have been split off may be left over.
            stride.wrapping_sub(want.least) < want.stride - want.least + T::MIN
        })
    }

    #[cold]
    fn wrong_size(&self, at: usize, layout: Layout, stride: usize) -> Fault {
        self.report(Fault::WrongSize {
            at,
            named: layout.size(),
            real: stride - T::OVERHEAD,
        })
    }

    /// Makes a block, whose tags are sound, free, and hands back what may go back then.
    pub(super) fn give_up(&mut self, plot: &Plot, block: Extent) {
        if let Some(whole) = self.merge(plot, block)
            && S::GRANTS
        {
            self.hand_back(plot, whole);
        }
    }

    /// Makes a block free, and one with its free neighbours: what has become of them, unless the
    /// index had to be made anew.
    pub(super) fn merge(&mut self, plot: &Plot, block: Extent) -> Option<Extent> {
        let mut whole = self.merge_once(plot, block)?;
        // Beside a block that has waited there may be more.
        while F::WAITS && Self::is_beside_free(plot, whole) {
            if !self.unfree(plot, whole) {
                return None;
            }
            whole = self.merge_once(plot, whole)?;
        }
        Some(whole)
    }

    /// The same with the block before and the one behind alone.
    #[inline(always)]
    fn merge_once(&mut self, plot: &Plot, (at, stride): Extent) -> Option<Extent> {
        let before = T::free_before(plot, at);
        let after = Self::free_at(plot, at.plus(stride));
        let survey = Survey {
            stride,
            before: self.sound(before).unwrap_or(0),
            after: self.sound(after).map_or(0, |(_, stride)| stride),
        };
        let (before, after) = survey.neighbours(at);
        if let Err(torn) = self.index.join(&self.site, before, (at, stride), after) {
            self.free_torn(at, stride, torn);
            return None;
        }
        T::join(plot, at, survey);
        Some(survey.whole(at))
    }

    /// The free block at a start, if it is one.
    #[inline(always)]
    pub(super) fn free_at(plot: &Plot, start: At) -> Result<Option<Extent>, Torn> {
        Ok(T::free_stride(plot, start)?.map(|stride| (start, stride)))
    }

    /// A neighbour whose tags are torn is reported and let lie.
    fn sound<N>(&self, neighbour: Result<Option<N>, Torn>) -> Option<N> {
        neighbour.unwrap_or_else(|torn| {
            self.report(Fault::TornTag(torn.0.0));
            None
        })
    }

    /// Frees a block that was granted for itself; refuses everything else.
    #[cold]
    #[inline(never)]
    fn free_elsewhere(&mut self, address: usize, layout: Option<Layout>) -> Result<(), Fault> {
        let record_at = match self.single(address) {
            Ok(at) => at,
            Err(fault) => return Err(self.report(fault)),
        };
        let record: Record = record_at.read(0);
        if let Some(layout) = layout
            && layout.size().max(1) > record.single_bytes
        {
            return Err(self.report(Fault::WrongSize {
                at: address,
                named: layout.size(),
                real: record.single_bytes,
            }));
        }
        self.release(record_at);
        Ok(())
    }

    /// The record of the block at an address in no shared plot, if it was granted for itself.
    pub(super) fn single(&self, address: usize) -> Result<At, Fault> {
        let Some(at) = self.site.plots.find(address) else {
            return Err(Fault::Foreign(address));
        };
        let record: Record = at.read(0);
        match record.single {
            0 => Err(Fault::Table(address)),
            start if start == address => Ok(at),
            start if address.wrapping_sub(start) < record.single_bytes => {
                Err(Fault::Interior(address, start))
            }
            _ => Err(Fault::Table(address)),
        }
    }
}
