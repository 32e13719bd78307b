//! S, the cold half of the records: 32 bytes about each slab and each run, at its first unit.
//!
//! ```text
//!  0      4      8      12     16      20      24        25      26      27       28       29
//! ┌──────┬──────┬──────┬──────┬───────┬───────┬─────────┬───────┬───────┬─────────┬────────┬───┐
//! │ next │ prev │ units│ stamp│ older │ newer │ touched │ state │ class │ purging │ purged │ · │
//! └──────┴──────┴──────┴──────┴───────┴───────┴─────────┴───────┴───────┴─────────┴────────┴───┘
//! ```
//! Slabs use `next/prev` for their owner's list of slabs with room; free runs for their bin. The
//! last unit of a free run repeats `units`, so that a neighbour can find the run's start.

use crate::sync::Ordering::{Relaxed, Release, SeqCst};
use crate::sync::{AtomicU8, AtomicU16, AtomicU32, AtomicU64};

/// The record of a slab or run.
#[repr(C, align(32))]
pub struct Record {
    /// Next in the list, as a unit number; 0 ends it.
    pub next: Field32,
    /// Previous in the list.
    pub prev: Field32,
    /// Length in units.
    pub units: Field32,
    /// Free dirty runs: the tick of [`crate::blocks::clock`] at which it was freed.
    /// Large runs: how many blocks of 4 KiB the object has.
    pub stamp: Field32,
    /// Free dirty runs: the run freed before this one.
    pub older: Field32,
    /// Free dirty runs: the run freed after this one.
    pub newer: Field32,
    /// Slabs: from this word on no slot was used since the system gave the pages.
    /// Large runs: 1 when the pages came by [`crate::blocks::system::move_pages`].
    pub touched: Field8,
    /// Slabs: a [`State`].
    pub state: Field8,
    /// Slabs: the size class.
    pub class: Field8,
    /// Slabs: not 0 while somebody, perhaps another thread than the owner, returns pages of it; the
    /// number says in which process, so that a child does not wait for a thread of its parent.
    pub purging: Field8,
    /// Slabs: 0, or if pages were returned since the owner used it last, one more than were live
    /// then: at 1 all of its pages are gone.
    pub purged: Field8,
    unused: [u8; 3],
}

/// What a slab's owner is doing with it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum State {
    /// No slab.
    None = 0,
    /// A cursor stands in it.
    Current = 1,
    /// In its class's list, with room.
    Listed = 2,
    /// In no list; comes back when an eighth of it is free.
    Full = 3,
}

macro_rules! field {
    ($name:ident, $atomic:ident, $int:ident) => {
        /// A field with one writer at a time, readable by anyone.
        #[repr(transparent)]
        #[derive(Default)]
        pub struct $name($atomic);

        impl $name {
            /// Its value.
            #[inline(always)]
            pub fn get(&self) -> $int {
                self.0.load(Relaxed)
            }

            /// Stores a value.
            #[inline(always)]
            pub fn set(&self, value: $int) {
                self.0.store(value, Relaxed);
            }
        }
    };
}
field!(Field64, AtomicU64, u64);
field!(Field32, AtomicU32, u32);
field!(Field16, AtomicU16, u16);
field!(Field8, AtomicU8, u8);

/// Owner and purger keep out of each other's way: each says what it is about to do, then looks at
/// the other, all in one order. If both see each other, both step back. `process` is
/// [`Tables::process`](super::layout::Tables::process).
impl Record {
    /// The owner is about to hand out slots of a listed slab, or to close it. False if somebody
    /// returns its pages just now; the slab is listed still.
    pub fn begin_use(&self, process: u8) -> bool {
        self.state.0.store(State::Current as u8, SeqCst);
        let free = self.purging.0.load(SeqCst) != process;
        if free {
            self.purged.set(0);
        } else {
            self.end_use(State::Listed);
        }
        free
    }

    /// The owner hands out no more slots of the slab for now. Whoever purges it by this word sees
    /// the bits of all that were handed out.
    pub fn end_use(&self, state: State) {
        self.state.0.store(state as u8, Release);
    }

    /// Somebody is about to return pages of the slab. False if a cursor stands in it, if it is no
    /// slab any more, or if somebody else does so already.
    pub fn begin_purge(&self, process: u8) -> bool {
        if self.purging.0.swap(process, SeqCst) == process {
            return false;
        }
        let state = self.state.0.load(SeqCst);
        let idle = state == State::Listed as u8 || state == State::Full as u8;
        if !idle {
            self.end_purge();
        }
        idle
    }

    /// The pages are returned.
    pub fn end_purge(&self) {
        self.purging.0.store(0, Release);
    }
}

const _: () = assert!(size_of::<Record>() == 32);
