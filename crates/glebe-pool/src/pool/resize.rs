//! Growing and shrinking: in place, into either neighbour, or by a move.

use super::Pool;
use crate::fault::Fault;
use crate::fit::{Extent, Fit, Want};
use crate::plot::{Plot, Record};
use crate::source::BlockSource;
use crate::tags::{NEAR, Tags};
use crate::word::{At, GRANULE};
use core::alloc::Layout;
use core::ptr::NonNull;

/// Why a block was not resized in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unresized {
    /// There is no room behind it. It is as it was.
    NoRoom,
    /// The address was refused, and the hook was told.
    Refused(Fault),
}

/// A block moves when it is shrunk by so many bytes or more,
const PACK_FROM: usize = 1024;
/// and there is no free block of so many times its size.
const PACK_BELOW: usize = 256;

/// A live block.
enum Live {
    /// In a plot with tags.
    Tagged(Plot, Extent),
    /// In a grant of its own, with so many usable bytes.
    Single(usize),
}

/// The pointer of a live block, which is never null.
fn as_it_was(block: *mut u8) -> NonNull<u8> {
    // SAFETY: no plot holds address 0.
    unsafe { NonNull::new_unchecked(block) }
}

impl<F: Fit, T: Tags, S: BlockSource> Pool<F, T, S> {
    /// The bytes that the block at an address has for its user.
    ///
    /// # Errors
    /// Why it is no live block. The hook is not told: asking harms nothing.
    pub fn usable_size(&self, block: *const u8) -> Result<usize, Fault> {
        let address = block.addr();
        match self.site.plot(address) {
            Some(plot) => Ok(T::live(&plot, address)? - T::OVERHEAD),
            None => Ok(self.single(address)?.read::<Record>(0).single_bytes),
        }
    }

    /// Gives a block another size without moving it: `mem_resize`.
    ///
    /// # Errors
    /// The block is as it was: there is no room behind it, or it is no live block.
    ///
    /// # Safety
    /// If it gets smaller, nothing uses what is cut off any more.
    pub unsafe fn resize(&mut self, block: *mut u8, size: usize) -> Result<(), Unresized> {
        let live = self.locate(block.addr())?;
        let done = match live {
            Live::Tagged(plot, block) => {
                Self::want(size, 1).is_some_and(|want| self.resize_here(&plot, block, want))
            }
            Live::Single(usable) => size <= usable,
        };
        done.then_some(()).ok_or(Unresized::NoRoom)
    }

    /// The live block at an address; tells the hook if there is none.
    fn locate(&self, address: usize) -> Result<Live, Unresized> {
        let found = match self.site.plot(address) {
            Some(plot) => {
                T::live(&plot, address).map(|stride| Live::Tagged(plot, (At(address), stride)))
            }
            None => self
                .single(address)
                .map(|at| Live::Single(at.read::<Record>(0).single_bytes)),
        };
        found.map_err(|fault| Unresized::Refused(self.report(fault)))
    }

    /// Gives a live block another stride, if there is room behind it.
    fn resize_here(&mut self, plot: &Plot, (at, stride): Extent, want: Want) -> bool {
        if want.least <= stride {
            if want.stride < stride {
                self.cut(plot, (at, stride), want.stride);
            }
            return true;
        }
        self.join_around(plot, at.plus(stride));
        self.grow_over(plot, (at, stride), want.stride - stride)
            || want.least < want.stride && self.grow_over(plot, (at, stride), want.least - stride)
    }

    /// Makes a live block larger by `more` bytes, if the block behind is free and has as many.
    fn grow_over(&mut self, plot: &Plot, (at, stride): Extent, more: usize) -> bool {
        let next = at.plus(stride);
        let Ok(Some(after)) = Self::free_at(plot, next) else {
            return false;
        };
        if after.1 < more {
            return false;
        }
        let rest = after.1 - more;
        let (taken, back) = match rest < T::MIN {
            true => (after.1, None),
            false => (more, Some((next.plus(more), rest))),
        };
        if let Err(torn) = self.index.carve(&self.site, after, back) {
            self.recover(torn);
            return false;
        }
        if let Some((back, rest)) = back {
            T::set(plot, back, rest, true);
        }
        T::forget(plot, next);
        T::set(plot, at, stride + taken, false);
        true
    }

    /// Makes a live block smaller; what is cut off becomes free.
    fn cut(&mut self, plot: &Plot, (at, stride): Extent, wanted: usize) {
        let rest = stride - wanted;
        let next = at.plus(stride);
        let joins = rest > 0 && matches!(T::is_free(plot, next), Ok(true));
        if rest < T::MIN && !joins {
            return;
        }
        let tail = at.plus(wanted);
        if rest >= T::MIN {
            T::set(plot, tail, rest, false);
            T::set(plot, at, wanted, false);
            self.give_up(plot, (tail, rest));
            return;
        }
        // Too little for a block of its own: it goes to the free one behind.
        self.join_around(plot, next);
        let Ok(Some(after)) = Self::free_at(plot, next) else {
            return;
        };
        if let Err(torn) = self.index.remove(&self.site, after) {
            self.recover(torn);
            return;
        }
        let grown = (tail, rest + after.1);
        T::forget(plot, next);
        T::set(plot, grown.0, grown.1, true);
        T::set(plot, at, wanted, false);
        self.file(&[grown]);
    }

    /// Gives a block another size: by a copy to one that waits, if there is one; in place if it
    /// can; else into the free block before it, else by a copy. One that becomes much smaller moves
    /// to where it fits when land gets scarce. `old` is the layout it has; without, it keeps no
    /// alignment above the granule.
    ///
    /// # Errors
    /// [`Unresized::NoRoom`], or a refused address; the block lives on as it was.
    ///
    /// # Safety
    /// As [`Pool::resize`]. When it has worked, only the new block may be used.
    pub unsafe fn realloc(
        &mut self,
        block: *mut u8,
        old: Option<Layout>,
        size: usize,
    ) -> Result<NonNull<u8>, Unresized> {
        let align = old.map_or(1, |old| old.align());
        if F::WAITS
            && !self.is_single(size)
            // SAFETY: the caller's promise.
            && let Some(new) = unsafe { self.realloc_waiting(block, align, size) }
        {
            return Ok(new);
        }
        // SAFETY: the caller's promise.
        unsafe { self.realloc_slow(block, align, size) }
    }

    /// The same for blocks that do not wait, and if none does.
    ///
    /// # Safety
    /// As [`Pool::realloc`].
    #[inline(never)]
    unsafe fn realloc_slow(
        &mut self,
        block: *mut u8,
        align: usize,
        size: usize,
    ) -> Result<NonNull<u8>, Unresized> {
        let layout = Layout::from_size_align(size, align).map_err(|_| Unresized::NoRoom)?;
        let want = Self::want(size, align).ok_or(Unresized::NoRoom)?;
        let usable = match self.locate(block.addr())? {
            Live::Single(usable) if size <= usable => return Ok(as_it_was(block)),
            Live::Single(usable) => usable,
            Live::Tagged(plot, extent) => {
                if self.is_quick(extent.1, want.stride) {
                    if self.resize_quick(&plot, extent, want.stride) {
                        return Ok(as_it_was(block));
                    }
                    if let Some(new) = self.alloc(layout) {
                        return self.replace(block, new, extent.1 - T::OVERHEAD);
                    }
                }
                if let Some(moved) = self.pack(extent, want) {
                    return NonNull::new(moved.pointer()).ok_or(Unresized::NoRoom);
                }
                if self.resize_here(&plot, extent, want) {
                    return Ok(as_it_was(block));
                }
                if let Some(moved) = self.slide(&plot, extent, want) {
                    return NonNull::new(moved.pointer()).ok_or(Unresized::NoRoom);
                }
                extent.1 - T::OVERHEAD
            }
        };
        let new = self.alloc(layout).ok_or(Unresized::NoRoom)?;
        self.replace(block, new, usable)
    }

    /// Copies a live block, which has so many bytes, to a larger one, and gives the former up.
    fn replace(
        &mut self,
        block: *mut u8,
        new: NonNull<u8>,
        usable: usize,
    ) -> Result<NonNull<u8>, Unresized> {
        // SAFETY: both blocks live, apart from each other, and have so many bytes.
        unsafe { new.as_ptr().copy_from_nonoverlapping(block, usable) };
        let at = At(block.addr());
        match self.site.plot(at.0) {
            Some(plot) => self.let_go(&plot, (at, usable + T::OVERHEAD)),
            // SAFETY: the caller's caller has given the old block up.
            None => unsafe { self.free(block, None) }.map_err(Unresized::Refused)?,
        }
        Ok(new)
    }

    /// Whether a block that is to change its size had better move than look for room beside it.
    fn is_quick(&self, stride: usize, wanted: usize) -> bool {
        let most = stride.max(wanted);
        wanted / GRANULE <= F::MOST_WAITING
            && F::waits(stride / GRANULE)
            && (most <= NEAR || self.is_roomy())
    }

    /// As [`Self::resize_here`], without joining anything that waits: a new block is sooner had.
    fn resize_quick(&mut self, plot: &Plot, (at, stride): Extent, wanted: usize) -> bool {
        if wanted > stride {
            let has_grown = self.grow_over(plot, (at, stride), wanted - stride);
            if has_grown {
                // What is left of a block that waited waits no more.
                self.join_around(plot, at.plus(wanted));
            }
            return has_grown;
        }
        let rest = stride - wanted;
        if rest >= T::MIN {
            let tail = at.plus(wanted);
            T::set(plot, tail, rest, false);
            T::set(plot, at, wanted, false);
            self.let_go(plot, (tail, rest));
        }
        true
    }

    /// Moves a live block that becomes much smaller into a free one of about its new size, if no
    /// large one is left: where it starts then.
    ///
    /// To cut it would leave a remainder beside it for as long as it lives. Moved, it fills a gap,
    /// and all of its old place becomes one with what is free around it.
    fn pack(&mut self, (at, stride): Extent, want: Want) -> Option<At> {
        if stride.saturating_sub(want.stride) < PACK_FROM {
            return None;
        }
        let ample = Want::plain(stride.checked_mul(PACK_BELOW)?);
        if self.index.find(&self.site, ample).ok()?.is_some() {
            return None;
        }
        self.join_all();
        let gap = self.index.find(&self.site, want).ok()??;
        if gap.1 - want.stride > want.stride {
            return None;
        }
        let plot = self.site.plot(gap.0.0)?;
        let front = want.fit::<T>(gap)?;
        let new = match self.carve(&plot, gap, front, want.stride) {
            Ok(new) => new,
            Err(torn) => {
                self.recover(torn);
                return None;
            }
        };
        at.move_to(new, want.stride - T::OVERHEAD);
        let plot = self.site.plot(at.0)?;
        self.give_up(&plot, (at, stride));
        Some(new)
    }

    /// Grows a live block into the free one before it, and the one behind: where it starts then.
    fn slide(&mut self, plot: &Plot, (at, stride): Extent, want: Want) -> Option<At> {
        if F::WAITS {
            let before = T::free_before(plot, at).ok()??;
            self.join_around(plot, at.minus(before));
            self.join_around(plot, at.plus(stride));
        }
        let before = T::free_before(plot, at).ok()??;
        let start = at.minus(before);
        let after = Self::free_at(plot, at.plus(stride)).ok()?;
        let whole = (
            start,
            before + stride + after.map_or(0, |(_, stride)| stride),
        );
        let front = want.fit::<T>(whole)?;
        let new = start.plus(front);
        if new >= at {
            return None;
        }
        self.slide_to(plot, (at, stride), (start, before), after, (new, want))
    }

    fn slide_to(
        &mut self,
        plot: &Plot,
        (at, stride): Extent,
        before: Extent,
        after: Option<Extent>,
        (new, want): (At, Want),
    ) -> Option<At> {
        // The three become one free block, out of which the new one is cut; its bytes are moved
        // between the two, before anything is written into the land that is left over.
        let whole = before.1 + stride + after.map_or(0, |(_, stride)| stride);
        let removed = self.index.remove(&self.site, before);
        let removed = removed.and_then(|()| match after {
            Some(after) => self.index.remove(&self.site, after),
            None => Ok(()),
        });
        if let Err(torn) = removed {
            self.recover(torn);
            return None;
        }
        if let Some((after, _)) = after {
            T::forget(plot, after);
        }
        T::forget(plot, at);
        at.move_to(new, stride - T::OVERHEAD);
        let front = new.0 - before.0.0;
        let rest = whole - front - want.stride;
        let kept = if rest < T::MIN {
            want.stride + rest
        } else {
            want.stride
        };
        let back = (rest >= T::MIN).then(|| (new.plus(want.stride), rest));
        if let Some((back, rest)) = back {
            T::set(plot, back, rest, true);
        }
        T::set(plot, new, kept, false);
        if front != 0 {
            T::set(plot, before.0, front, true);
        }
        self.file(&[(before.0, front), back.unwrap_or((new, 0))]);
        Some(new)
    }
}
