//! Large objects: runs of their own, with bit 0 of their first unit's row in A set while live.
//!
//! ```text
//!  unit          unit          unit
//!  ├─── the object's blocks ───────┤─ tail ─┤
//! ```
//! A run is a whole number of units, the object a whole number of blocks (4 KiB); what it does not
//! use of its last unit is its *tail*. An object that shrinks leaves no pages in a long tail.
//!
//! All of this happens under the region's lock, whichever thread calls, so a large object has no
//! owner and a second free is refused exactly.

use super::{Kind, Region, Run, bytes};
use crate::blocks::system::{self, BLOCK, Move};
use crate::fault::{Misuse, misuse};
use crate::records::directory::Land;
use crate::records::layout::TABLES;
use crate::records::{Entry, UNIT};
use crate::sync::Ordering::Relaxed;
use core::ptr::copy_nonoverlapping;

/// A tail goes if the object is not more than so many times as long.
const TAIL_SHARE: usize = 4;
/// So many moved runs stay mappings of their own when they are freed: a process may have 65,530.
const LEFT_AS_THEY_ARE: u32 = 32;

/// What became of a request to grow in place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Grown {
    /// The object has the new size where it stands.
    InPlace,
    /// There is no room behind it.
    NoRoom,
}

impl Region {
    /// A live run for an object of `size` bytes, aligned to `align` units; also whether it is
    /// known to read as zero.
    pub fn take_large(&self, size: usize, align: u32) -> Option<(*mut u8, bool)> {
        let units = u32::try_from(size.div_ceil(UNIT)).ok()?;
        let run = self.take(units, align)?;
        let record = TABLES.land(run.unit);
        record.units.set(units);
        record.stamp.set(blocks_of(size));
        record.touched.set(0);
        // The entry comes last: a walker, or a forked child, sees either nothing or all of it.
        TABLES.live(run.unit, 0).store(1, Relaxed);
        TABLES.directory(run.unit).set(Entry::LARGE);
        Some((TABLES.address(run.unit), run.kind == Kind::Clean))
    }

    /// Frees the large object that starts at `unit`; ends the process if there is none.
    pub fn give_large(&self, unit: u32) {
        let mut state = self.enter();
        let run = Run {
            unit,
            units: large_units(unit),
            kind: Kind::Dirty,
        };
        TABLES.directory(unit).set(Entry::BLANK);
        TABLES.live(unit, 0).store(0, Relaxed);
        if TABLES.land(unit).touched.get() != 0 {
            drop(state);
            return self.give(self.settle(run));
        }
        state.runs.give(run);
        drop(state);
        self.purge_if_due();
    }

    /// A run whose pages were moved here by the system is a mapping of its own. The first ones stay
    /// so, and keep their pages for a while as all that is freed; later ones are made part of the
    /// region's mapping again, which also empties them.
    fn settle(&self, run: Run) -> Run {
        if TABLES.land(run.unit).touched.get() == 0
            || self.moved.fetch_add(1, Relaxed) < LEFT_AS_THEY_ARE
        {
            return run;
        }
        self.moved.store(LEFT_AS_THEY_ARE, Relaxed);
        let renewed = self.renew(run.unit, run.units);
        Run {
            kind: if renewed { Kind::Clean } else { Kind::Dirty },
            ..run
        }
    }

    /// Usable bytes of the large object that starts at `unit`; ends the process if there is none.
    pub fn large_bytes(&self, unit: u32) -> usize {
        let _entered = self.enter();
        large_units(unit);
        own_bytes(unit)
    }

    /// Makes a live large object longer or shorter where it stands.
    pub fn resize_large(&self, unit: u32, size: usize) -> Grown {
        let Ok(wanted) = u32::try_from(size.div_ceil(UNIT)) else {
            return Grown::NoRoom;
        };
        let mut state = self.enter();
        let units = large_units(unit);
        let record = TABLES.land(unit);
        if wanted < units {
            record.units.set(wanted);
            record.stamp.set(blocks_of(size));
            let tail = Run {
                unit: unit + wanted,
                units: units - wanted,
                kind: Kind::Dirty,
            };
            drop(state);
            // The tail of a moved run stays a mapping of its own until it is renewed.
            TABLES.land(tail.unit).touched.set(record.touched.get());
            self.give(self.settle(tail));
            purge_tail(unit);
            return Grown::InPlace;
        }
        let (end, more) = (unit + units, wanted - units);
        let grown = more == 0
            || if end == state.frontier {
                state.take_frontier(more, 1).is_some()
            } else {
                state.runs.take_at(end, more).is_some()
            };
        if !grown {
            return Grown::NoRoom;
        }
        record.units.set(wanted);
        let shrinks = blocks_of(size) < record.stamp.get();
        record.stamp.set(blocks_of(size));
        drop(state);
        if shrinks {
            purge_tail(unit);
        }
        Grown::InPlace
    }

    /// Moves a live large object to a longer run: its pages, if the run has none, else what they
    /// hold, for pages that move have to be fetched anew by whoever uses the old run next. Null if
    /// there is no such run.
    pub fn move_large(&self, unit: u32, size: usize) -> Option<*mut u8> {
        let (units, last) = {
            let state = self.enter();
            let units = large_units(unit);
            (units, unit + units == state.end)
        };
        let (to, clean) = self.take_large(size, 1)?;
        let from = TABLES.address(unit);
        // Behind the last run of the reservation is what others have mapped, or nothing.
        let moved = if clean && !last {
            // SAFETY: both runs are live and the caller's; the new one holds nothing yet.
            unsafe { system::move_pages(from, to, bytes(units)) }
        } else {
            Move::Refused
        };
        if moved == Move::Torn && !self.renew(unit_of(to), units) {
            // A hole in the land: its run stays live for good.
            return None;
        }
        if moved == Move::Done {
            // What is left behind reads as zero and holds no page, but joins as dirty, which is
            // always true.
            TABLES.land(unit_of(to)).touched.set(1);
        } else {
            // SAFETY: as above, and the new one is longer.
            unsafe { copy_nonoverlapping(from, to, own_bytes(unit)) };
        }
        self.give_large(unit);
        Some(to)
    }

    /// Maps land anew that is in the caller's hands and holds nothing any more. False if the system
    /// refuses.
    fn renew(&self, unit: u32, units: u32) -> bool {
        // SAFETY: as the caller says.
        let renewed = unsafe { system::renew(TABLES.address(unit), bytes(units)) };
        self.advise_again(unit, units);
        renewed
    }
}

/// The bytes of the large object at `unit`, which are whole blocks.
pub fn own_bytes(unit: u32) -> usize {
    TABLES.land(unit).stamp.get() as usize * BLOCK
}

/// The blocks of an object. Units have numbers of 24 bits.
fn blocks_of(size: usize) -> u32 {
    size.div_ceil(BLOCK) as u32
}

/// Returns the pages behind a large object of the caller's that has shrunk, if they are many beside
/// its own. For each new object it would cost more than the object.
fn purge_tail(unit: u32) {
    let used = own_bytes(unit).next_multiple_of(system::page_size());
    let length = bytes(TABLES.land(unit).units.get()).saturating_sub(used);
    if length * TAIL_SHARE >= used {
        // SAFETY: nobody uses what lies between the object and the end of its run.
        unsafe { system::purge(TABLES.address(unit).wrapping_add(used), length) };
    }
}

/// Length of the large run at `unit`, which must be live; the caller holds the lock.
fn large_units(unit: u32) -> u32 {
    let live = TABLES.live(unit, 0).load(Relaxed) & 1 != 0;
    if TABLES.directory(unit).get().land() != Land::Large || !live {
        misuse(Misuse::DoubleFree, TABLES.address(unit) as usize, 0);
    }
    TABLES.land(unit).units.get()
}

#[inline]
fn unit_of(address: *mut u8) -> u32 {
    ((address as usize - TABLES.base()) / UNIT) as u32
}
