//! S, the cold half of the records: 32 bytes about each slab and each run, at its first unit.
//!
//! ```text
//!  0      4      8      12     16      20      24       26     27     28
//! ┌──────┬──────┬──────┬──────┬───────┬───────┬────────┬──────┬──────┬───────┐
//! │ next │ prev │ units│ stamp│ older │ newer │ virgin │ state│ class│ colour│
//! └──────┴──────┴──────┴──────┴───────┴───────┴────────┴──────┴──────┴───────┘
//! ```
//! Slabs use `next/prev` for their owner's list of slabs with room; free runs for their bin. The
//! last unit of a free run repeats `units`, so that a neighbour can find the run's start.

use crate::sync::{AtomicU8, AtomicU16, AtomicU32, Ordering::Relaxed};

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
    pub stamp: Field32,
    /// Free dirty runs: the run freed before this one.
    pub older: Field32,
    /// Free dirty runs: the run freed after this one.
    pub newer: Field32,
    /// Slabs: words none of whose slots was used since the system gave the pages.
    /// Large runs: 1 when the pages came by [`crate::blocks::system::move_pages`].
    pub virgin: Field16,
    /// Slabs: a [`State`].
    pub state: Field8,
    /// Slabs: the size class.
    pub class: Field8,
    rest: [u8; 4],
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
    /// Nobody owns it for a moment: a purger returns its pages.
    Claimed = 4,
}

macro_rules! field {
    ($name:ident, $atomic:ident, $int:ident) => {
        /// A field with one writer at a time, readable by anyone.
        #[repr(transparent)]
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
field!(Field32, AtomicU32, u32);
field!(Field16, AtomicU16, u16);
field!(Field8, AtomicU8, u8);

impl Field8 {
    /// Replaces `from` by `to`; false if it was something else.
    #[inline]
    pub fn claim(&self, from: u8, to: u8) -> bool {
        use crate::sync::Ordering::{Acquire, Relaxed};
        self.0.compare_exchange(from, to, Acquire, Relaxed).is_ok()
    }

    /// Stores a value so that whoever claims it next sees all that was done before.
    #[inline]
    pub fn publish(&self, value: u8) {
        self.0.store(value, crate::sync::Ordering::Release);
    }
}

const _: () = assert!(size_of::<Record>() == 32);
