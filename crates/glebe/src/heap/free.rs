//! free: find the slot by one multiplication, clear its bit in A; refuse everything else exactly.

use super::outbox::Outbox;
use super::{Heap, fork, life, tls};
use crate::blocks::system::BLOCK;
use crate::fault::{Misuse, misuse};
use crate::records::directory::{ClassOffset, Land};
use crate::records::layout::TABLES;
use crate::records::row::{MAX_SLOTS, Row, WordId};
use crate::records::{Entry, UNIT, UNIT_SHIFT};
use crate::region::REGION;
use crate::slab::MAX_SLOT;
use crate::slab::classes::{self, aligned_class, class_of, last_aligned};
use crate::slab::remote::{self, Published};
use crate::slab::words::{self, Place};
use crate::sync::Ordering::Relaxed;

/// Frees a block; null is nothing. O(1).
///
/// # Safety
/// Nobody uses the block any more. A pointer that is not the start of a live block ends the
/// process.
#[inline(always)]
pub unsafe fn free(block: *mut u8) {
    let heap = tls::heap();
    match heap.row_of(block) {
        Some(row) if row.entry.get().is_first_of(heap.key.get()) => heap.free_own(block, row),
        Some(row) => free_elsewhere(block, row, heap),
        None => free_out_of_reach(block),
    }
}

/// Frees a block of which the caller knows the requested size.
///
/// # Safety
/// As [`free`]; a size that belongs to another size class ends the process too.
#[inline(always)]
pub unsafe fn free_sized(block: *mut u8, size: usize) {
    let heap = tls::heap();
    match heap.own_row(block) {
        Some(row) if row.serves(size) => heap.free_own(block, row),
        _ => free_sized_elsewhere(block, size),
    }
}

/// Frees a block from [`super::memalign`] of which the caller knows size and alignment.
///
/// # Safety
/// As [`free_sized`].
pub unsafe fn free_aligned_sized(block: *mut u8, align: usize, size: usize) {
    if align <= UNIT && size <= MAX_SLOT {
        // SAFETY: passed on to the caller. What serves so much is what serves the aligned size.
        unsafe { free_sized(block, last_aligned(size.max(1), align) + 1) };
    } else {
        check_size_and_free(block, size, align);
    }
}

/// Usable bytes of a live block; 0 for null.
///
/// # Safety
/// Anything but a live block or null ends the process.
#[inline(always)]
pub unsafe fn usable_size(block: *mut u8) -> usize {
    let heap = tls::heap();
    match heap.own_slot(block) {
        Some(row) => row.slot_size(),
        None => usable_size_elsewhere(block),
    }
}

#[cold]
#[inline(never)]
fn usable_size_elsewhere(block: *mut u8) -> usize {
    if block.is_null() {
        0
    } else {
        Block::find(block).bytes()
    }
}

impl Heap {
    /// The row of the unit in which `block` lies.
    #[inline(always)]
    fn row_of(&self, block: *mut u8) -> Option<&'static Row> {
        // SAFETY: the heap has noted how many bytes are reserved, or 0 before it has anything.
        unsafe { TABLES.row_within(block as usize, self.reach.get()) }
    }

    /// The row of the unit in which `block` lies, if it is the first unit of a slab of this heap
    /// into which no other thread has freed lately.
    #[inline(always)]
    fn own_row(&self, block: *mut u8) -> Option<&'static Row> {
        let row = self.row_of(block)?;
        row.entry.get().is_first_of(self.key.get()).then_some(row)
    }

    /// The row of the live slot that starts at `block`, under the same conditions. Nothing that
    /// others have freed lies there, so the bit in A is all there is to ask.
    #[inline(always)]
    pub(super) fn own_slot(&self, block: *mut u8) -> Option<&'static Row> {
        let row = self.own_row(block)?;
        let slot = slot_of(block, row)?;
        let live = WordId::of_slot(row, slot).word().load(Relaxed);
        (live >> (slot % 64) & 1 != 0).then_some(row)
    }

    /// Frees a slot in the first unit of an own slab.
    #[inline(always)]
    pub(super) fn free_own(&self, block: *mut u8, row: &'static Row) {
        match slot_of(block, row) {
            Some(slot) if self.clear_own(block, row, slot) => {}
            _ => refuse(block),
        }
    }

    /// Clears the bit of a slot in a slab with the first row `row`, whose first unit has the byte
    /// at `in_first`. False, and nothing happened, if the slot is not live.
    #[inline(always)]
    fn clear_own(&self, in_first: *mut u8, row: &'static Row, slot: usize) -> bool {
        if !row.clear(slot) {
            return false;
        }
        if row.count_down() {
            until_is_zero(in_first, self);
        }
        true
    }

    /// Frees a slot in another than the first unit of an own slab; false if `block` is none.
    #[inline(always)]
    fn free_in_later_unit(
        &self,
        block: *mut u8,
        row: &'static Row,
        class: ClassOffset,
        delta: usize,
    ) -> bool {
        let cursor = self.cursor_of(class);
        let Some(slot) = cursor.slot_at(block as usize % UNIT + delta * UNIT) else {
            return false;
        };
        // SAFETY: the slab's first row lies `delta` rows before this one.
        let first = unsafe { &*(&raw const *row).sub(delta) };
        slot < MAX_SLOTS && self.clear_own(block.wrapping_sub(delta * UNIT), first, slot)
    }

    /// Frees a slot in the first unit of an own slab that others free into. False, and nothing
    /// happened, if `block` is no such slot, or not live.
    #[inline(always)]
    fn free_own_shared(&self, block: *mut u8, row: &'static Row) -> bool {
        slot_of(block, row).is_some_and(|slot| {
            let remote = row.remote_of(WordId::of_slot(row, slot)).load(Relaxed);
            remote >> (slot % 64) & 1 == 0 && self.clear_own(block, row, slot)
        })
    }

    /// Frees a slot of an own slab, wherever in the slab it lies and whoever else frees there.
    fn free_own_slot(&self, place: &Place) {
        if !TABLES.row_of(place.head).clear(place.slot) {
            words::refuse(words::slot_address(place.head, place.slot));
        }
        self.lower_until(place.head, 1);
    }
}

/// A live block, found by its address.
pub(super) enum Block {
    Slot { place: Place, heap: u32, class: u32 },
    Large { unit: u32 },
}

impl Block {
    /// Finds a block; ends the process if the address is not the start of a live one.
    pub(super) fn find(block: *mut u8) -> Block {
        let address = block as usize;
        let offset = address.wrapping_sub(TABLES.base());
        if TABLES.base() == 0 || offset >= TABLES.bytes() {
            words::refuse(address);
        }
        let unit = (offset >> UNIT_SHIFT) as u32;
        let entry: Entry = TABLES.directory(unit).get();
        match entry.land() {
            Land::Slab { heap, class, delta } => {
                let Some(place) = words::locate(offset, entry, class, delta) else {
                    words::refuse(address)
                };
                let live = TABLES.live(place.head, place.word).load(Relaxed);
                let pending = TABLES.remote(place.head, place.word).load(Relaxed);
                let word = TABLES.word_id(place.head, place.word);
                let waiting = tls::heap().outbox.holds(class as usize, word, place.slot);
                if live & !pending & place.bit == 0 || waiting {
                    words::refuse(address);
                }
                Block::Slot { place, heap, class }
            }
            Land::Large if offset.is_multiple_of(UNIT) => {
                // All that follows takes the region's lock.
                fork::notice();
                Block::Large { unit }
            }
            _ => words::refuse(address),
        }
    }

    pub(super) fn bytes(&self) -> usize {
        match *self {
            Block::Slot { class, .. } => words::class(class).size as usize,
            Block::Large { unit } => REGION.large_bytes(unit),
        }
    }

    /// Whether a request of this size and alignment would have been served by such a block.
    fn serves(&self, size: usize, align: usize) -> bool {
        match *self {
            Block::Slot { class, .. } => slot_serves(class, size, align),
            Block::Large { unit } => {
                class_for(size, align).is_none()
                    && REGION.large_bytes(unit) == size.next_multiple_of(BLOCK)
            }
        }
    }

    fn free(&self) {
        match *self {
            Block::Slot {
                ref place,
                heap: owner,
                class,
            } => {
                // A thread that only began may have no heap; one past its exit has none.
                fork::notice();
                let heap = tls::heap();
                if place.entry.owned_by(heap.key.get()) {
                    heap.free_own_slot(place);
                } else {
                    free_remotely(place, owner, class as usize);
                }
            }
            Block::Large { unit } => REGION.give_large(unit),
        }
    }
}

/// A jump from the fast path; see [`Heap::count_fell`].
#[cold]
#[inline(never)]
fn until_is_zero(block: *mut u8, heap: &Heap) {
    heap.count_fell(((block as usize - heap.base.get()) >> UNIT_SHIFT) as u32);
}

/// [`words::refuse`] for the fast path: as far as the compiler knows it may return, so that it is a
/// jump and the fast path needs no stack.
#[cold]
#[inline(never)]
fn refuse(block: *mut u8) {
    if !block.is_null() {
        words::refuse(block as usize);
    }
}

/// The class that serves a request, if one does.
pub(super) fn class_for(size: usize, align: usize) -> Option<usize> {
    match align {
        0..=16 => (size <= MAX_SLOT).then(|| class_of(size)),
        _ => aligned_class(size, align),
    }
}

/// Whether a slot of a class is what a request gets, or what a block that grew to it has.
pub(super) fn slot_serves(class: u32, size: usize, align: usize) -> bool {
    match align {
        0..=16 => classes::serves(class as usize, size),
        _ => class_for(size, align) == Some(class as usize),
    }
}

/// The number of the slot that starts at `block`, in the first unit of a slab.
#[inline(always)]
fn slot_of(block: *mut u8, row: &Row) -> Option<usize> {
    // The base is a multiple of a unit.
    row.slot_at(block as usize % UNIT)
}

/// What the fast path leaves over within the reservation: first of all slots in slabs into which
/// several threads free, for those who share their work free little else. What the fast path has
/// found out comes along. Every call is the last, so that it needs no stack.
#[inline(never)]
fn free_elsewhere(block: *mut u8, row: &'static Row, heap: &'static Heap) {
    let (entry, key) = (row.entry.get(), heap.key.get());
    if entry.is_shared_first_of(key) {
        if !heap.free_own_shared(block, row) {
            free_slowly(block);
        }
    } else if let Some(class) = entry.first_unit_of_others(key) {
        match slot_of(block, row) {
            Some(slot) if Outbox::gathers(class) => {
                let word = WordId::of_slot(row, slot);
                heap.free_by_and_by(block, word, slot, class, free_slowly);
            }
            _ => free_slowly(block),
        }
    } else {
        free_in_later_unit(block, row, heap);
    }
}

/// All that the fast path of sized frees leaves over: slots of the size's class go the way of
/// [`free`].
#[inline(never)]
fn free_sized_elsewhere(block: *mut u8, size: usize) {
    let row = TABLES.row_at(block as usize);
    match row.and_then(|row| Some((row, row.entry.get().class_of_slab()?))) {
        Some((row, class)) if classes::serves(class.number(), size) => {
            free_elsewhere(block, row, tls::heap())
        }
        _ => check_size_and_free(block, size, 16),
    }
}

#[inline(never)]
fn free_in_later_unit(block: *mut u8, row: &'static Row, heap: &'static Heap) {
    match row.entry.get().unit_against(heap.key.get()) {
        Some((class, delta)) if heap.free_in_later_unit(block, row, class, delta) => {}
        _ => free_slowly(block),
    }
}

/// Null and foreign pointers, and all frees of a thread without a heap, which reaches nothing.
#[cold]
#[inline(never)]
fn free_out_of_reach(block: *mut u8) {
    match TABLES.row_at(block as usize) {
        Some(row) => free_elsewhere(block, row, tls::heap()),
        None => free_slowly(block),
    }
}

/// Null, large objects, large slots, later units of others' slabs, and all that is wrong.
#[cold]
#[inline(never)]
fn free_slowly(block: *mut u8) {
    if !block.is_null() {
        Block::find(block).free();
    }
}

#[cold]
#[inline(never)]
fn check_size_and_free(block: *mut u8, size: usize, align: usize) {
    if block.is_null() {
        return;
    }
    let (found, size) = (Block::find(block), size.max(1));
    if !found.serves(size, align) {
        misuse(Misuse::WrongSize, block as usize, found.bytes());
    }
    found.free();
}

fn free_remotely(place: &Place, owner: u32, class: usize) {
    let cell = TABLES.directory(place.unit);
    let word = TABLES.remote(place.head, place.word);
    match remote::publish(cell, place.entry, word, place.bit) {
        Published::Done => {}
        Published::TellOwner => life::tell_owner(owner, class, place.unit),
        Published::FreedBefore(_) => words::refuse(words::slot_address(place.head, place.slot)),
    }
}
