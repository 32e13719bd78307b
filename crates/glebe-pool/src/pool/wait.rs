//! Blocks that wait to be joined with their neighbours: how they come to, and when it is done.
//!
//! Only policies with [`Index::WAITS`](crate::fit::Index::WAITS) come here. To its tags a block
//! that waits is free, and to its neighbours a free block beside which others may lie.
//!
//! Invariant: of two free blocks that are neighbours, one waits.

use super::Pool;
use crate::fit::{Extent, Fit, Lot};
use crate::plot::Plot;
use crate::source::BlockSource;
use crate::tags::Tags;
use crate::word::{At, GRANULE};
use core::alloc::Layout;
use core::ptr::NonNull;

/// How many blocks are joined at a free when too much waits.
const JOINED_PER_FREE: usize = 2;
/// A block that shrinks to more granules than this is cut instead of moved.
const MOST_SHRUNK: usize = 1024;

impl<F: Fit, T: Tags, S: BlockSource> Pool<F, T, S> {
    /// Joins all free blocks that still lie beside others, and gives back to the supplier what may
    /// go back then.
    ///
    /// Policies but [`QuickFit`](crate::QuickFit) do so at every free, and this does nothing. Takes
    /// time in proportion to the blocks that wait.
    pub fn trim(&mut self) {
        self.join_all();
    }

    /// Lets a live block wait, if this can be decided at a glance: whether no more than may waits
    /// now. Whoever calls it joins some if not, as its last act: it needs no stack frame then.
    #[inline(always)]
    pub(super) fn free_waiting(&mut self, address: usize, layout: Option<Layout>) -> Option<bool> {
        let here = self.site.plots.here();
        let granules = T::near(&here, address)?;
        if layout.is_some_and(|layout| !Self::is_of(layout, granules)) {
            return None;
        }
        T::retire(&here, At(address), granules).then(|| {
            self.index
                .wait(&self.site, At(address), F::near_lot(granules))
        })
    }

    /// Gives a live block another size, if both it and one of the new size may wait: by a move into
    /// one that does. That is sooner done than to look for room beside it or to cut it, and what
    /// has just been copied is the next to be handed out.
    ///
    /// # Safety
    /// As [`Pool::realloc`].
    #[inline(always)]
    pub(super) unsafe fn realloc_waiting(
        &mut self,
        block: *mut u8,
        align: usize,
        size: usize,
    ) -> Option<NonNull<u8>> {
        let new = F::lot(Self::unaligned(size, align, F::MOST_WAITING)?);
        let (here, at) = (self.site.plots.here(), At(block.addr()));
        let has = T::far(&here, at.0).filter(|has| T::is_live_near(&here, at, *has))?;
        if !F::waits(has) {
            return None;
        }
        let old = F::lot(has);
        if new.granules == has {
            return NonNull::new(block);
        }
        if has > new.granules && new.granules > MOST_SHRUNK {
            return None;
        }
        let kept = self.index.waiting(&self.site, new).ok()??;
        self.split_quick(kept, new.granules, 0);
        let used = has.min(new.granules) * GRANULE - T::OVERHEAD;
        // SAFETY: both blocks live, apart from each other, and have so many bytes.
        unsafe { kept.pointer().copy_from_nonoverlapping(block, used) };
        T::free_alone(&here, at, has);
        self.enter_list(at, old);
        NonNull::new(kept.pointer())
    }

    /// Lets a live block wait, if those of its size do; else joins it at once.
    pub(super) fn let_go(&mut self, plot: &Plot, (at, stride): Extent) {
        if F::waits(stride / GRANULE) {
            T::free_alone(plot, at, stride / GRANULE);
            self.enter_list(at, F::lot(stride / GRANULE));
        } else {
            self.give_up(plot, (at, stride));
        }
    }

    /// Makes a block wait whose tags say that it is free, and one with no other.
    #[inline(always)]
    pub(super) fn enter_list(&mut self, at: At, lot: Lot) {
        if !self.index.wait(&self.site, at, lot) {
            self.join_some();
        }
    }

    /// Joins a few of the blocks that wait, if too much does.
    #[cold]
    #[inline(never)]
    pub(super) fn join_some(&mut self) {
        if !self.index.is_crowded(&self.site, !S::GRANTS) {
            return;
        }
        for _ in 0..JOINED_PER_FREE {
            if !self.join_next() {
                return;
            }
        }
    }

    /// Joins all blocks that wait; whether there were any.
    #[inline(never)]
    pub(super) fn join_all(&mut self) -> bool {
        let mut any = false;
        while self.join_next() {
            any = true;
        }
        any
    }

    /// Joins a block that waits with its neighbours; false if there is none.
    fn join_next(&mut self) -> bool {
        match self.index.next_to_join(&self.site) {
            Ok(None) => false,
            Ok(Some(block)) => {
                if let Some(plot) = self.site.plot(block.0.0) {
                    // For now; its neighbours are what they were.
                    T::split(&plot, block.0, block.1, block.1);
                    self.give_up(&plot, block);
                }
                true
            }
            Err(torn) => {
                self.recover(torn);
                true
            }
        }
    }

    /// Joins a free block with all free blocks around it.
    pub(super) fn join_around(&mut self, plot: &Plot, start: At) {
        if F::WAITS
            && let Ok(Some(block)) = Self::free_at(plot, start)
            && Self::is_beside_free(plot, block)
            && self.unfree(plot, block)
        {
            self.merge(plot, block);
        }
    }

    /// Whether a block has a free neighbour.
    pub(super) fn is_beside_free(plot: &Plot, (at, stride): Extent) -> bool {
        matches!(T::free_before(plot, at), Ok(Some(_)))
            || matches!(T::is_free(plot, at.plus(stride)), Ok(true))
    }

    /// Takes a free block out of the index, live for as long as it takes to join it.
    pub(super) fn unfree(&mut self, plot: &Plot, block: Extent) -> bool {
        if let Err(torn) = self.index.remove(&self.site, block) {
            self.recover(torn);
            return false;
        }
        T::split(plot, block.0, block.1, block.1);
        true
    }
}
