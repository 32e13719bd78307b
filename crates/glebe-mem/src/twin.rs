//! [`Twin`], two pools in one: land that is cut up, and large blocks with a grant each.
//!
//! Both `mem_*` and `os_*` are one. With mappings and the break large blocks come from a pool of
//! their own, so that what they take does not count as land, and so that a block's kind is known
//! from where it lies. The other suppliers have none, unless the configuration says so.

use crate::any::{AnyPool, View};
use crate::source::Source;
use crate::{fault, system};
use core::alloc::Layout;
use core::ffi::c_void;
use core::ptr::{self, NonNull};
use glebe_pool::{BestFit, Fault, GRANULE, Pool, SideTags, Unresized};

/// From which sizes on a request gets a grant of its own.
#[derive(Clone, Copy)]
pub struct Thresholds {
    pub alloc: usize,
    pub alloc_zeroed: usize,
    /// Whether a block that is resized also moves to where one of its new size would have come
    /// from, although it could stay.
    pub are_strict: bool,
}

/// The two pools.
pub struct Twin {
    land: AnyPool,
    singles: Pool<BestFit, SideTags, Source>,
    thresholds: Thresholds,
    /// What both may take together.
    limit: usize,
    /// Whether a new grant is all zeroes.
    grants_zeroes: bool,
}

/// Which of the two holds a block.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Land,
    Single,
}

impl Twin {
    pub fn new(
        land: AnyPool,
        singles: Source,
        thresholds: Thresholds,
        limit: usize,
        grants_zeroes: bool,
    ) -> Twin {
        let singles = Pool::new(singles)
            .with_hook(fault::note)
            .with_single_from(0);
        let mut twin = Twin {
            land,
            singles,
            thresholds,
            limit,
            grants_zeroes,
        };
        twin.share_limit();
        twin
    }

    /// Takes land, as much as the first request would get; how much there is then.
    pub fn take_land(&mut self) -> Option<usize> {
        let land = self.land.heap();
        let first = land.alloc(layout(1)?)?;
        // SAFETY: the block is live and nobody's.
        unsafe { land.free(first.as_ptr(), None) }.ok()?;
        Some(self.land.source().granted())
    }

    /// Whether any block lives.
    pub fn is_in_use(&self) -> bool {
        self.views()
            .iter()
            .any(|(view, _)| view.stats().live_blocks != 0)
    }

    /// The land, and the large blocks, each with the name of its supplier.
    pub fn views(&self) -> [(&dyn View, &'static str); 2] {
        [
            (self.land.view(), self.land.source().name()),
            (&self.singles, self.singles.source().name()),
        ]
    }

    /// Joins what waits, and gives back what may go back then.
    pub fn trim(&mut self) {
        self.land.heap().trim();
        self.share_limit();
    }

    fn pool(&mut self, kind: Kind) -> &mut dyn View {
        match kind {
            Kind::Land => self.land.heap(),
            Kind::Single => &mut self.singles,
        }
    }

    fn kind(&self, size: usize) -> Kind {
        if size >= self.thresholds.alloc {
            Kind::Single
        } else {
            Kind::Land
        }
    }

    /// What one of the two takes the other may not take.
    fn share_limit(&mut self) {
        let taken = self.singles.source().granted();
        self.land.source_mut().limit = self.limit.saturating_sub(taken);
        let taken = self.land.source().granted();
        self.singles.source_mut().limit = self.limit.saturating_sub(taken);
    }

    fn alloc_as(&mut self, kind: Kind, size: usize) -> Option<NonNull<u8>> {
        let layout = layout(size)?;
        if kind == Kind::Land {
            return self.land.heap().alloc(layout);
        }
        self.share_limit();
        let block = self.singles.alloc(layout);
        self.share_limit();
        block
    }

    pub fn alloc(&mut self, size: usize) -> Option<NonNull<u8>> {
        self.alloc_as(self.kind(size), size)
    }

    pub fn alloc_zeroed(&mut self, size: usize) -> Option<NonNull<u8>> {
        if size < self.thresholds.alloc_zeroed {
            return self.land.heap().alloc_zeroed(layout(size)?);
        }
        let block = self.alloc_as(Kind::Single, size)?;
        if !self.grants_zeroes {
            // SAFETY: the block has so many bytes and is nobody's yet.
            unsafe { block.write_bytes(0, size) };
        }
        Some(block)
    }

    /// Which pool holds a block, and the block's usable bytes.
    fn find(&self, block: *const u8) -> Result<(Kind, usize), Fault> {
        match self.land.view().usable_size(block) {
            Ok(usable) => Ok((Kind::Land, usable)),
            Err(Fault::Foreign(_)) => self
                .singles
                .usable_size(block)
                .map(|usable| (Kind::Single, usable)),
            Err(fault) => Err(fault),
        }
        .inspect_err(fault::note)
    }

    /// Frees a block. What is refused is noted.
    ///
    /// # Errors
    /// Why it was refused.
    ///
    /// # Safety
    /// As [`Pool::free`].
    pub unsafe fn free(&mut self, block: *mut u8) -> Result<(), Fault> {
        let (kind, _) = self.find(block)?;
        // SAFETY: the caller's promise.
        unsafe { self.pool(kind).free(block, None)? };
        if kind == Kind::Single {
            self.share_limit();
        }
        Ok(())
    }

    /// Gives a block another size, in place if it can. A grant of its own cannot become smaller:
    /// the block stays in it while it uses half of it at least, and moves otherwise.
    ///
    /// # Errors
    /// There is no room, or the pointer was refused, and that noted. The block is as it was.
    ///
    /// # Safety
    /// When it has worked, only the new block may be used.
    pub unsafe fn realloc(
        &mut self,
        block: *mut u8,
        size: usize,
    ) -> Result<NonNull<u8>, Unresized> {
        let same = NonNull::new(block).ok_or(Unresized::NoRoom)?;
        let (old, usable) = self.find(block).map_err(Unresized::Refused)?;
        let new = self.kind(size);
        let is_strict = self.thresholds.are_strict;
        // SAFETY: the caller's promise, here and below.
        unsafe {
            match (old, new) {
                // In C what shrinks stays; `Pool::realloc` might move it to save land.
                (Kind::Land, Kind::Land) if size <= usable => {
                    return self.land.heap().resize(block, size).map(|()| same);
                }
                (Kind::Land, Kind::Land) => return self.land.heap().realloc(block, None, size),
                (Kind::Land, Kind::Single) if !is_strict => {
                    match self.land.heap().resize(block, size) {
                        Err(Unresized::NoRoom) => {}
                        outcome => return outcome.map(|()| same),
                    }
                }
                (Kind::Single, _) if (new == old || !is_strict) && fills(size, usable) => {
                    return Ok(same);
                }
                _ => {}
            }
            match self.alloc_as(new, size) {
                Some(moved) => {
                    moved
                        .as_ptr()
                        .copy_from_nonoverlapping(block, usable.min(size));
                    self.free(block).map_err(Unresized::Refused)?;
                    Ok(moved)
                }
                None if size <= usable => Ok(same),
                None => Err(Unresized::NoRoom),
            }
        }
    }
}

/// Whether a size uses a grant well enough.
const fn fills(size: usize, usable: usize) -> bool {
    size <= usable && size >= usable / 2
}

/// The layout of a block of so many bytes; none if there is no such block.
fn layout(size: usize) -> Option<Layout> {
    Layout::from_size_align(size, GRANULE).ok()
}

/// The pointer for C, with `ENOMEM` if there is none.
pub fn or_null(block: Option<NonNull<u8>>) -> *mut c_void {
    match block {
        Some(block) => block.as_ptr().cast(),
        None => {
            system::set_out_of_memory();
            ptr::null_mut()
        }
    }
}

/// The same for what was resized. A refusal is not for want of memory.
pub fn resized(outcome: Result<NonNull<u8>, Unresized>) -> *mut c_void {
    match outcome {
        Err(Unresized::Refused(_)) => ptr::null_mut(),
        outcome => or_null(outcome.ok()),
    }
}
