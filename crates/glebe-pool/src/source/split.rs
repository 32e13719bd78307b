//! Two suppliers in one.

use super::{BlockSource, Purpose};
use core::num::NonZeroUsize;
use core::ptr::NonNull;

/// Land from one supplier, blocks for single large requests from another: the program break and
/// mappings, as `malloc` has it of old.
#[derive(Clone, Copy, Debug, Default)]
pub struct Split<Land, Single> {
    /// What is cut up for many requests comes from here.
    pub land: Land,
    /// Large requests are served from here.
    pub single: Single,
}

impl<Land, Single> Split<Land, Single> {
    /// Of both.
    pub const fn new(land: Land, single: Single) -> Split<Land, Single> {
        Split { land, single }
    }
}

// SAFETY: every call goes to the one that granted.
unsafe impl<Land: BlockSource, Single: BlockSource> BlockSource for Split<Land, Single> {
    const GRANTS: bool = Land::GRANTS || Single::GRANTS;
    const RESIZES: bool = Land::RESIZES;

    fn grant(&mut self, blocks: NonZeroUsize, purpose: Purpose) -> Option<NonNull<[u8]>> {
        match purpose {
            Purpose::Land => self.land.grant(blocks, purpose),
            Purpose::Single => self.single.grant(blocks, purpose),
        }
    }

    unsafe fn release(&mut self, grant: NonNull<[u8]>, purpose: Purpose) {
        // SAFETY: the caller's promise.
        unsafe {
            match purpose {
                Purpose::Land => self.land.release(grant, purpose),
                Purpose::Single => self.single.release(grant, purpose),
            }
        }
    }

    fn takes(&mut self, grant: NonNull<[u8]>, purpose: Purpose) -> bool {
        match purpose {
            Purpose::Land => self.land.takes(grant, purpose),
            Purpose::Single => self.single.takes(grant, purpose),
        }
    }

    fn top(&mut self) -> Option<usize> {
        self.land.top()
    }

    fn extend(&mut self, blocks: NonZeroUsize) -> Option<NonZeroUsize> {
        self.land.extend(blocks)
    }

    unsafe fn lower(&mut self, bytes: NonZeroUsize) {
        // SAFETY: the caller's promise.
        unsafe { self.land.lower(bytes) }
    }
}
