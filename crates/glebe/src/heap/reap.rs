//! Giving back pages inside slabs, whoever owns them: empty slabs that a sleeping thread sits on,
//! slabs whose objects other threads have freed while it slept, and, on demand, every page without
//! a live byte in slabs that are partly used.
//!
//! This needs no word from the owner: A less R says which slots are dead, and the two marks of
//! [`Record::begin_purge`](crate::records::land::Record::begin_purge) keep the owner from handing
//! out slots meanwhile. The slab stays with its owner and in its list; it just holds no pages.
//! Slots freed during the walk are missed; a slot can never come to life during it.

use super::fork;
use crate::blocks::{clock, system};
use crate::records::directory::Land;
use crate::records::layout::TABLES;
use crate::records::{UNIT, land::Record};
use crate::region::{self, DECAY, REGION};
use crate::slab::words;
use crate::sync::{AtomicU32, Ordering::Relaxed};

/// Units looked at in one round of [`now_and_then`]: a fraction of a millisecond.
const ROUND: u32 = 4096;

/// When the last round was, and where it ended.
static LAST: AtomicU32 = AtomicU32::new(0);
static PLACE: AtomicU32 = AtomicU32::new(0);

/// For slow paths: once in a while, returns the pages of some slabs in which nothing is live.
#[inline]
pub(super) fn now_and_then() {
    let (now, last) = (clock::now(), LAST.load(Relaxed));
    if clock::elapsed(now, last, DECAY) {
        round(now, last);
    }
}

#[cold]
fn round(now: u32, last: u32) {
    if LAST.compare_exchange(last, now, Relaxed, Relaxed).is_err() {
        return;
    }
    let (first, frontier) = REGION.bounds();
    let from = match PLACE.load(Relaxed) {
        place if (first..frontier).contains(&place) => place,
        _ => first,
    };
    let to = from.saturating_add(ROUND).min(frontier);
    PLACE.store(to, Relaxed);
    for unit in from..to {
        // Most are told apart by a first look, without a mark in their record.
        if starts_slab(unit) && words::is_dead(unit) {
            purge_slab(unit);
        }
    }
}

/// Returns every page without a live byte in every slab of the process where no cursor stands; the
/// bytes in them.
pub(super) fn all_holes() -> usize {
    fork::notice();
    let (first, frontier) = REGION.bounds();
    let slabs = (first..frontier).filter(|&unit| starts_slab(unit));
    slabs.map(purge_slab).sum()
}

/// Whether a slab starts at a unit.
fn starts_slab(unit: u32) -> bool {
    let land = TABLES.directory(unit).get().land();
    matches!(land, Land::Slab { delta: 0, .. })
}

/// Returns every page without a live byte in a slab, unless a cursor stands there; the bytes in
/// them.
fn purge_slab(unit: u32) -> usize {
    let record = TABLES.land(unit);
    if record.purged.get() != 0 || !record.begin_purge(TABLES.process()) {
        return 0;
    }
    let purged = purge_pages(unit, record, live_pages(unit));
    record.end_purge();
    purged
}

/// One bit for each 4 KiB of a slab in which a live slot has a byte.
fn live_pages(unit: u32) -> u128 {
    let figures = words::class_at(unit);
    let size = figures.size as usize;
    let mut pages = 0;
    for word in 0..usize::from(figures.words) {
        let mut left = words::live_slots(unit, word);
        while left != 0 {
            let start = (word * 64 + left.trailing_zeros() as usize) * size;
            let (low, high) = (start / system::BLOCK, (start + size - 1) / system::BLOCK);
            pages |= u128::MAX << low & u128::MAX >> (127 - high);
            left &= left - 1;
        }
    }
    pages
}

/// Returns the pages of a slab whose bits are not set in `live`; the bytes in them.
fn purge_pages(unit: u32, record: &Record, live: u128) -> usize {
    let blocks = region::bytes(record.units.get()) / system::BLOCK;
    // A larger system page goes only if all of its blocks are dead.
    let per_page = (system::page_size() / system::BLOCK).min(blocks);
    let page = u128::MAX >> (128 - per_page);
    let dead = |block: usize| live >> block & page == 0;
    let (mut block, mut purged) = (0, 0);
    while block < blocks {
        let from = block;
        while block < blocks && dead(block) {
            block += per_page;
        }
        if block > from {
            let length = (block - from) * system::BLOCK;
            let start = TABLES.address(unit).wrapping_add(from * system::BLOCK);
            // SAFETY: no slot there is live, and none can become so while we purge.
            if unsafe { system::purge(start, length) } {
                purged += length;
            }
        }
        block += per_page;
    }
    if live == 0 {
        record.purged.set(1);
    }
    purged
}

const _: () =
    assert!(crate::records::directory::MAX_SLAB_UNITS as usize * UNIT / system::BLOCK == 128);
