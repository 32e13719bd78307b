//! Figures read from the tables, at no cost to those who allocate.
//!
//! A walk looks at every unit up to the frontier. Other threads go on meanwhile, so the figures
//! are those of no single moment, but each was true at some moment during the walk.

use crate::heap;
use crate::records::directory::Land;
use crate::records::layout::TABLES;
use crate::region::{self, REGION};
use crate::slab::words;

/// Figures of the whole process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Bytes in live slots and large objects, rounding included.
    pub live_bytes: usize,
    /// Live objects.
    pub live_objects: usize,
    /// Of these, bytes in large objects (above the largest size class).
    pub large_bytes: usize,
    /// Large objects.
    pub large_objects: usize,
    /// Address space opened for use so far, tables excluded.
    pub mapped_bytes: usize,
    /// Bytes in slabs, live or not.
    pub slab_bytes: usize,
    /// Bytes in free runs that may hold pages.
    pub dirty_bytes: usize,
    /// Bytes in free runs that hold none.
    pub clean_bytes: usize,
    /// Heaps ever made.
    pub heaps: usize,
    /// Of these, parked: their threads have ended.
    pub parked_heaps: usize,
}

/// Walks the tables; linear in the address space used so far. The calling thread's frees of other
/// threads' slots are published first; those that wait in other threads count as live.
pub fn stats() -> Stats {
    let mut stats = Stats::default();
    heap::fork::notice();
    if TABLES.base() == 0 {
        return stats;
    }
    heap::publish();
    {
        let state = REGION.enter();
        stats.mapped_bytes = region::bytes(state.opened - state.first);
        stats.dirty_bytes = region::bytes(state.runs.dirty_units);
        stats.clean_bytes = region::bytes(state.runs.clean_units);
    }
    (stats.heaps, stats.parked_heaps) = heap::count();
    walk(|unit, land| match land {
        Land::Large => {
            stats.large_bytes += region::own_bytes(unit);
            stats.large_objects += 1;
        }
        Land::Slab { class, .. } => {
            let live = words::count_live(unit) as usize;
            stats.slab_bytes += region::bytes(TABLES.land(unit).units.get());
            stats.live_objects += live;
            stats.live_bytes += live * words::class(class).size as usize;
        }
        _ => {}
    });
    stats.live_objects += stats.large_objects;
    stats.live_bytes += stats.large_bytes;
    stats
}

/// Live slots and slabs of a size class.
pub fn class_stats(class: usize) -> (usize, usize) {
    let (mut live, mut slabs) = (0, 0);
    heap::fork::notice();
    if TABLES.base() != 0 {
        heap::publish();
        walk(|unit, land| {
            if matches!(land, Land::Slab { class: found, .. } if found as usize == class) {
                live += words::count_live(unit) as usize;
                slabs += 1;
            }
        });
    }
    (live, slabs)
}

/// Calls `each` for the first unit of every slab and large object.
pub(super) fn walk(mut each: impl FnMut(u32, Land)) {
    let (first, frontier) = REGION.bounds();
    let mut unit = first;
    while unit < frontier {
        let length = region::used_length(unit, frontier);
        if length > 0 {
            each(unit, TABLES.directory(unit).get().land());
        }
        unit += length.max(1);
    }
}
