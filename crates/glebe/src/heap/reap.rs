//! Giving back pages inside slabs, whoever owns them: empty slabs that a thread sits on, slabs
//! whose objects other threads have freed while it slept, and pages without a live byte in partly
//! used slabs, those of sleeping threads by and by, all others on demand.
//!
//! This needs no word from the owner: A less R says which slots are dead, and the two marks of
//! [`Record::begin_purge`](crate::records::land::Record::begin_purge) keep the owner from handing
//! out slots meanwhile. The slab stays with its owner and in its list; it just holds no pages.
//! Slots freed during the walk are missed; a slot can never come to life during it.
//!
//! **Rounds.** A round goes through a part of the land. One is due once in a decay, and when slabs
//! have taken an eighth more land: threads that take over the work of one that sleeps shall not
//! need its memory a second time. A heap that enters slabs notes now and then which round it is; it
//! *sleeps* if it has not done so for two whole rounds. That is a guess: if it is wrong, pages are
//! fetched again.

use super::{Heap, fork, life};
use crate::blocks::{clock, system};
use crate::records::directory::Land;
use crate::records::layout::TABLES;
use crate::records::{UNIT, UNIT_SHIFT, land::Record};
use crate::region::{self, DECAY, REGION};
use crate::slab::words;
use crate::sync::{AtomicU32, Ordering::Relaxed};

/// Units looked at in one round: a fraction of a millisecond.
const ROUND: u32 = 4096;
/// A heap looks up each time it has entered so many slabs.
pub(super) const ENTRIES: u32 = 16;
/// So many units of land at least make a round due: small heaps are in use all over.
const GROWTH: u32 = (16 << 20 >> UNIT_SHIFT) as u32;
/// So many live slots at most for each 4 KiB of a slab, or few of its pages would be empty.
const SPARSE: u32 = 2;

/// When the last round was, how many there were, and where the last one ended.
static LAST: AtomicU32 = AtomicU32::new(0);
static ROUNDS: AtomicU32 = AtomicU32::new(0);
static PLACE: AtomicU32 = AtomicU32::new(0);
/// How many units of land slabs may take until the next one.
static LEFT: AtomicU32 = AtomicU32::new(GROWTH);

/// For slow paths: makes a round once in a while.
#[inline]
pub(super) fn now_and_then() {
    let now = clock::now();
    if clock::elapsed(now, LAST.load(Relaxed), DECAY) {
        round(now);
    }
}

/// For a heap that enters a slab.
#[inline]
pub(super) fn awake(heap: &Heap) {
    let left = heap.entries.get() - 1;
    heap.entries.set(left);
    if left == 0 {
        look_up(heap);
    }
}

/// Notes that the heap is awake, and does what is due, or nothing would go back while all threads
/// go round in the slabs that they have.
#[cold]
fn look_up(heap: &Heap) {
    heap.entries.set(ENTRIES);
    heap.round.store(ROUNDS.load(Relaxed), Relaxed);
    now_and_then();
    REGION.purge_if_due();
}

/// For a heap that has taken land without pages for a slab.
pub(super) fn grown(units: u32) {
    let left = LEFT.load(Relaxed);
    if left > units {
        LEFT.store(left - units, Relaxed);
    } else if !life::is_alone() {
        round(clock::now());
    }
}

#[cold]
fn round(now: u32) {
    let rounds = ROUNDS.load(Relaxed);
    let next = rounds.wrapping_add(1);
    let claimed = ROUNDS.compare_exchange(rounds, next, Relaxed, Relaxed);
    if claimed.is_err() {
        return;
    }
    LAST.store(now, Relaxed);
    let (first, frontier) = REGION.bounds();
    LEFT.store(GROWTH.max((frontier - first) / 8), Relaxed);
    let from = match PLACE.load(Relaxed) {
        place if (first..frontier).contains(&place) => place,
        _ => first,
    };
    let to = from.saturating_add(ROUND).min(frontier);
    PLACE.store(if to < frontier { to } else { first }, Relaxed);
    for unit in from..to {
        // Most are told apart by a first look, without a mark in their record.
        if let Some(heap) = owner_of_slab(unit)
            && is_worth_it(unit, is_asleep(heap))
        {
            purge_slab(unit);
        }
    }
}

/// Whether a heap has entered next to no slabs for two whole rounds.
fn is_asleep(number: u32) -> bool {
    let seen = Heap::numbered(number).round.load(Relaxed);
    ROUNDS.load(Relaxed).wrapping_sub(seen) > 2
}

/// A round now, over all land if it is as little as in tests.
#[cfg(test)]
pub(super) fn round_for_test() {
    PLACE.store(0, Relaxed);
    round(clock::now());
}

/// Whether there are likely pages to return: of a sleeper's slab if it is sparse, of another's if
/// nothing is live. Not again before half of that is dead, too.
fn is_worth_it(unit: u32, asleep: bool) -> bool {
    let record = TABLES.land(unit);
    let sparse = if asleep {
        let blocks = region::bytes(record.units.get()) / system::BLOCK;
        let half = u32::from(words::class_at(unit).slots) / 2;
        half.min(SPARSE * blocks as u32)
    } else {
        0
    };
    let most = match u32::from(record.purged.get()) {
        0 => sparse,
        1 => return false,
        live_and_1 => sparse.min((live_and_1 - 1) / 2),
    };
    words::has_at_most(unit, most)
}

/// Returns every page without a live byte in every slab of the process where no cursor stands; the
/// bytes in them.
pub(super) fn all_holes() -> usize {
    fork::notice();
    let (first, frontier) = REGION.bounds();
    let slabs = (first..frontier).filter(|&unit| owner_of_slab(unit).is_some());
    slabs.map(purge_slab).sum()
}

/// The heap that owns the slab which starts at a unit, if one does.
fn owner_of_slab(unit: u32) -> Option<u32> {
    match TABLES.directory(unit).get().land() {
        Land::Slab { heap, delta: 0, .. } => Some(heap),
        _ => None,
    }
}

/// Returns every page without a live byte in a slab, unless a cursor stands there; the bytes in
/// them.
fn purge_slab(unit: u32) -> usize {
    let record = TABLES.land(unit);
    if record.purged.get() == 1 || !record.begin_purge(TABLES.process()) {
        return 0;
    }
    let (live, pages) = live_pages(unit);
    let purged = purge_pages(unit, record, pages);
    // Of many live slots there is nothing to be said: some page of theirs may be empty soon.
    record.purged.set(u8::try_from(live + 1).unwrap_or(0));
    record.end_purge();
    purged
}

/// Live slots of a slab, and one bit for each 4 KiB in which one of them has a byte.
fn live_pages(unit: u32) -> (u32, u128) {
    let figures = words::class_at(unit);
    let size = figures.size as usize;
    let (mut live, mut pages) = (0, 0);
    for word in 0..usize::from(figures.words) {
        let mut left = words::live_slots(unit, word);
        live += left.count_ones();
        while left != 0 {
            let start = (word * 64 + left.trailing_zeros() as usize) * size;
            let (low, high) = (start / system::BLOCK, (start + size - 1) / system::BLOCK);
            pages |= u128::MAX << low & u128::MAX >> (127 - high);
            left &= left - 1;
        }
    }
    (live, pages)
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
    purged
}

const _: () =
    assert!(crate::records::directory::MAX_SLAB_UNITS as usize * UNIT / system::BLOCK == 128);
