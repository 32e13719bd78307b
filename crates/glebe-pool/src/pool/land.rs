//! Plots come in, grow, shrink and go back.

use super::Pool;
use crate::fit::{Extent, Fit, Want};
use crate::plot::{Plot, RECORD, Record};
use crate::source::{BlockSource, Purpose};
use crate::tags::Tags;
use crate::word::{At, BLOCK, GRANULE, round_up};
use core::alloc::Layout;
use core::fmt;
use core::num::NonZeroUsize;
use core::ptr::{self, NonNull};

/// Memory that a pool cannot take in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unusable {
    /// Too small for a block and the records.
    TooSmall,
    /// It overlaps what the pool has already, starts at 0 or wraps around.
    Overlap,
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Unusable::TooSmall => "too small for a block and the pool's records",
            Unusable::Overlap => "overlaps land that the pool has, or wraps around",
        })
    }
}

impl core::error::Error for Unusable {}

impl<F: Fit, T: Tags, S: BlockSource> Pool<F, T, S> {
    /// Gives the pool a range of memory for good: its usable bytes.
    ///
    /// Any number of disjoint ranges of any size and alignment will do.
    ///
    /// # Errors
    /// Why the memory cannot be used; it was not touched.
    ///
    /// # Safety
    /// The memory may be read and written for as long as the pool is used, and nobody else does.
    pub unsafe fn add(&mut self, memory: *mut u8, bytes: usize) -> Result<usize, Unusable> {
        self.settle(At::of(memory).0, bytes, false)
            .map(|plot| plot.len() - T::OVERHEAD)
    }

    /// Makes memory a plot, one free block.
    fn settle(&mut self, memory: usize, bytes: usize, granted: bool) -> Result<Plot, Unusable> {
        if memory == 0 || !self.site.plots.is_apart(memory, bytes) {
            return Err(Unusable::Overlap);
        }
        let (plot, at) = T::plan(memory, bytes).ok_or(Unusable::TooSmall)?;
        T::lay(&plot);
        if self.site.include(memory, bytes) {
            self.index.prepare(&self.site);
        }
        self.site
            .plots
            .add(at, Record::new(plot, memory, bytes, granted));
        let whole = (plot.first(), plot.len());
        self.file(&[whole]);
        Ok(plot)
    }

    /// Gets land from the supplier in which the request fits.
    #[cold]
    pub(super) fn grow(&mut self, want: Want) -> bool {
        let bytes = want
            .padded::<T>()
            .and_then(|stride| T::bytes_for(stride)?.checked_add(RECORD + 2 * GRANULE));
        let Some(needed) = bytes else {
            return false;
        };
        let needed = needed.div_ceil(BLOCK);
        // An eighth of what is there at least, so that plots stay few; but rather less than none.
        let ample = needed.max(self.granted / 8 / BLOCK);
        let mut sizes = [ample, needed].into_iter().filter_map(NonZeroUsize::new);
        let tries = if ample == needed { 1 } else { 2 };
        if S::RESIZES
            && sizes
                .clone()
                .take(tries)
                .any(|blocks| self.extend(blocks, want))
        {
            return true;
        }
        sizes
            .by_ref()
            .take(tries)
            .any(|blocks| self.acquire(blocks, want))
    }

    /// Gets a new plot in which the request fits.
    fn acquire(&mut self, blocks: NonZeroUsize, want: Want) -> bool {
        let Some(grant) = self.source.grant(blocks, Purpose::Land) else {
            return false;
        };
        let memory = At::of(grant.as_ptr().cast()).0;
        let fits = T::plan(memory, grant.len())
            .is_some_and(|(plot, _)| want.fit::<T>((plot.first(), plot.len())).is_some());
        if fits && self.settle(memory, grant.len(), true).is_ok() {
            self.granted += grant.len();
            return true;
        }
        // SAFETY: it came just now and was not touched.
        unsafe { self.source.release(grant, Purpose::Land) };
        false
    }

    /// The record of the plot that ends at the supplier's top.
    fn top(&mut self) -> Option<(At, Record)> {
        let end = self.source.top()?;
        let at = self.site.plots.find(end.checked_sub(1)?)?;
        let record: Record = at.read(0);
        let is_top = record.granted && record.single == 0 && record.memory + record.bytes == end;
        is_top.then_some((at, record))
    }

    /// Extends the plot at the supplier's top; false if it cannot be extended.
    fn extend(&mut self, blocks: NonZeroUsize, want: Want) -> bool {
        let Some((at, record)) = self.top() else {
            return false;
        };
        // Only as much as the free end of the plot does not have already.
        let end = record.plot.end();
        let spare = T::free_before(&record.plot, end)
            .ok()
            .flatten()
            .unwrap_or(0);
        let blocks = match want.align <= GRANULE {
            true => blocks.get().saturating_sub(spare / BLOCK).max(1),
            false => blocks.get(),
        };
        let Some(more) = NonZeroUsize::new(blocks).and_then(|blocks| self.source.extend(blocks))
        else {
            return false;
        };
        let bytes = record.bytes + more.get();
        let Some((plot, new_at)) = T::plan(record.memory, bytes) else {
            return false;
        };
        let gain = plot.len() - record.plot.len();
        self.site.plots.remove(at);
        T::relay(&record.plot, &plot);
        self.site.include(record.memory, bytes);
        self.site
            .plots
            .add(new_at, Record::new(plot, record.memory, bytes, true));
        self.granted += more.get();
        self.merge(&plot, (end, gain));
        true
    }

    /// Hands back what has become free: a whole grant, or the end of one that can be lowered.
    pub(super) fn hand_back(&mut self, plot: &Plot, whole: Extent) {
        if self.granted <= self.settings.spare {
            return;
        }
        if whole.1 == plot.len() {
            self.hand_back_plot(whole);
        } else if S::RESIZES && whole.1 >= BLOCK && whole.0.plus(whole.1) == plot.end() {
            self.lower(whole);
        }
    }

    #[cold]
    fn hand_back_plot(&mut self, whole: Extent) {
        let Some(at) = self.site.plots.find(whole.0.0) else {
            return;
        };
        let record: Record = at.read(0);
        if !record.granted || !self.source.takes(grant_of(&record), Purpose::Land) {
            return;
        }
        match self.index.remove(&self.site, whole) {
            Ok(()) => self.release(at),
            Err(torn) => return self.recover(torn),
        }
        // A plot below that had to be kept may have become the top.
        if S::RESIZES
            && let Some((_, below)) = self.top()
            && let Ok(Some(stride)) = T::free_before(&below.plot, below.plot.end())
        {
            self.hand_back(&below.plot, (below.plot.end().minus(stride), stride));
        }
    }

    /// Lowers the supplier's top to the block where the free end of the last plot starts.
    #[cold]
    fn lower(&mut self, (at, stride): Extent) {
        let Some((record_at, record)) = self.top() else {
            return;
        };
        let old = record.plot;
        if old.end() != at.plus(stride) {
            return;
        }
        // Room for the blocks below, and for what is left of the free one: nothing, or a block.
        let land = at.0 - record.memory;
        let planned = T::bytes_for(land).and_then(|bytes| round_up(bytes + RECORD, BLOCK));
        let mut planned = planned.filter(|bytes| *bytes < record.bytes);
        while let Some(bytes) = planned {
            let Some((new, new_at)) = T::plan(record.memory, bytes) else {
                return;
            };
            let left = new.end().0.wrapping_sub(at.0);
            if new.end() < at || left != 0 && left < T::MIN {
                planned = Some(bytes + BLOCK).filter(|bytes| *bytes < record.bytes);
                continue;
            }
            if let Err(torn) = self.index.remove(&self.site, (at, stride)) {
                self.recover(torn);
                return;
            }
            self.site.plots.remove(record_at);
            if left != 0 {
                T::set(&old, new.end(), stride - left, true);
                T::set(&old, at, left, true);
            }
            T::relay(&old, &new);
            self.site
                .plots
                .add(new_at, Record::new(new, record.memory, bytes, true));
            self.file(&[(at, left)]);
            let less = record.bytes - bytes;
            self.granted -= less;
            if let Some(less) = NonZeroUsize::new(less) {
                // SAFETY: the plot ends below, and less than the grant goes.
                unsafe { self.source.lower(less) };
            }
            return;
        }
    }

    /// A block that gets a grant of its own.
    #[cold]
    #[inline(never)]
    pub(super) fn alloc_single(&mut self, layout: Layout) -> Option<NonNull<u8>> {
        let align = layout.align().max(GRANULE);
        let slack = if align > BLOCK { align } else { GRANULE };
        let bytes = layout
            .size()
            .max(1)
            .checked_add(slack)?
            .checked_add(RECORD + GRANULE)?;
        let blocks = NonZeroUsize::new(bytes.div_ceil(BLOCK))?;
        let grant = self.source.grant(blocks, Purpose::Single)?;
        let memory = At::of(grant.as_ptr().cast()).0;
        match self.settle_single(memory, grant.len(), layout.size().max(1), align) {
            Some(at) => {
                self.granted += grant.len();
                NonNull::new(at.pointer())
            }
            None => {
                // SAFETY: it came just now and was not touched.
                unsafe { self.source.release(grant, Purpose::Single) };
                None
            }
        }
    }

    fn settle_single(
        &mut self,
        memory: usize,
        bytes: usize,
        size: usize,
        align: usize,
    ) -> Option<At> {
        if memory == 0 || !self.site.plots.is_apart(memory, bytes) {
            return None;
        }
        let at = Record::place(memory, bytes)?;
        let start = round_up(memory, align)?;
        let single_bytes = at.0.checked_sub(start).filter(|usable| *usable >= size)?;
        let record = Record {
            single: start,
            single_bytes,
            ..Record::new(Plot::NOWHERE, memory, bytes, true)
        };
        self.site.plots.add(at, record);
        Some(At(start))
    }

    /// Strikes a plot out and gives its memory back, if it was granted.
    pub(super) fn release(&mut self, at: At) {
        let record: Record = at.read(0);
        self.site.plots.remove(at);
        if !record.granted {
            return;
        }
        self.granted -= record.bytes;
        let purpose = match record.single {
            0 => Purpose::Land,
            _ => Purpose::Single,
        };
        // SAFETY: it was granted like this, and the pool has forgotten it.
        unsafe { self.source.release(grant_of(&record), purpose) };
    }

    /// Gives everything back.
    pub(super) fn release_all(&mut self) {
        // From the top, so that the program break can be lowered each time.
        while let Some(at) = self.site.plots.last() {
            self.release(at);
        }
        self.index = F::EMPTY;
        self.index.prepare(&self.site);
    }

    /// Empties the index and puts in every free block, neighbours made one.
    pub(super) fn rebuild(&mut self) {
        self.index = F::EMPTY;
        self.index.prepare(&self.site);
        let mut from = 0;
        while let Some(at) = self.site.plots.from(from) {
            let record: Record = at.read(0);
            from = record.memory + 1;
            if record.single == 0 {
                self.rebuild_plot(&record.plot);
            }
        }
    }

    fn rebuild_plot(&mut self, plot: &Plot) {
        let mut at = plot.first();
        while at < plot.end() {
            // What comes after torn tags cannot be found from here. It stays out of use until its
            // own blocks are freed, and that alone.
            let (Ok(mut stride), Ok(free)) = (T::stride(plot, at), T::is_free(plot, at)) else {
                return;
            };
            if free {
                stride = Self::gather(plot, at, stride);
                // Into an index of which every link was written just now.
                let inserted = self.index.insert(&self.site, (at, stride));
                debug_assert!(inserted.is_ok(), "no link is torn while the pool runs");
            }
            at = at.plus(stride);
        }
    }

    /// Makes a free block one with the free blocks after it; its stride then.
    fn gather(plot: &Plot, at: At, stride: usize) -> usize {
        let mut whole = stride;
        while let Ok(true) = T::is_free(plot, at.plus(whole)) {
            let Ok(next) = T::stride(plot, at.plus(whole)) else {
                break;
            };
            T::forget(plot, at.plus(whole));
            whole += next;
        }
        T::set(plot, at, whole, true);
        whole
    }
}

/// The memory of a plot as the supplier has granted it.
fn grant_of(record: &Record) -> NonNull<[u8]> {
    let memory = ptr::slice_from_raw_parts_mut(At(record.memory).pointer(), record.bytes);
    // SAFETY: no plot is at address 0.
    unsafe { NonNull::new_unchecked(memory) }
}
