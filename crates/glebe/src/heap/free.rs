//! free: find the slot by one multiplication, clear its bit in A; refuse everything else exactly.

use super::{Heap, fork, life, tls};
use crate::fault::{Misuse, misuse};
use crate::records::directory::{CLASS_LIMIT, Cell, Land};
use crate::records::land::Field16;
use crate::records::layout::TABLES;
use crate::records::{Entry, UNIT, UNIT_SHIFT, WORDS_PER_UNIT};
use crate::region::REGION;
use crate::slab::classes::{TABLE, aligned_class, class_of};
use crate::slab::remote::{self, Published};
use crate::slab::words::{self, Place};
use crate::slab::MAX_SLOT;
use crate::sync::{AtomicU64, Ordering::Relaxed};

/// Frees a block; null is nothing. O(1).
///
/// # Safety
/// Nobody uses the block any more. A pointer that is not the start of a live block ends the
/// process.
#[inline(always)]
pub unsafe fn free(block: *mut u8) {
    let heap = tls::heap();
    let class = heap.own_class(block);
    if class >= CLASS_LIMIT {
        return free_elsewhere(block);
    }
    heap.free_own(block, class);
}

/// Frees a block of which the caller knows the requested size.
///
/// # Safety
/// As [`free`]; a size that belongs to another size class ends the process too.
#[inline(always)]
pub unsafe fn free_sized(block: *mut u8, size: usize) {
    let heap = tls::heap();
    let class = heap.own_class(block);
    let last = size.wrapping_sub(1);
    if last >= MAX_SLOT || class != class_of(size) as u32 {
        return check_size_and_free(block, size.max(1), 1);
    }
    heap.free_own(block, class);
}

/// Frees a block from [`super::memalign`] of which the caller knows size and alignment.
///
/// # Safety
/// As [`free_sized`].
pub unsafe fn free_aligned_sized(block: *mut u8, align: usize, size: usize) {
    check_size_and_free(block, size.max(1), align);
}

/// Usable bytes of a live block; 0 for null.
///
/// # Safety
/// Anything but a live block or null ends the process.
pub unsafe fn usable_size(block: *mut u8) -> usize {
    if block.is_null() { 0 } else { Block::find(block).bytes() }
}

impl Heap {
    /// The class, if `block` lies in the first unit of a slab of this heap that no other thread
    /// has freed into lately; else something of [`CLASS_LIMIT`] or more.
    #[inline(always)]
    fn own_class(&self, block: *mut u8) -> u32 {
        let offset = (block as usize).wrapping_sub(self.base.get());
        if offset >= self.limit.get() {
            return CLASS_LIMIT;
        }
        // SAFETY: D begins at the base and has a cell for every unit below the limit.
        let cell = unsafe { &*(self.base.get() as *const Cell).add(offset >> UNIT_SHIFT) };
        cell.get().against(self.key.get())
    }

    /// Frees a slot in the first unit of an own slab.
    #[inline(always)]
    fn free_own(&self, block: *mut u8, class: u32) {
        let offset = block as usize - self.base.get();
        let unit = offset >> UNIT_SHIFT;
        // The last bytes of a slab may look like a slot past its end: its bit is never set.
        let Some(slot) = TABLE[class as usize].slot_at(offset & (UNIT - 1)) else {
            words::refuse(block as usize)
        };
        // SAFETY: A has a row for every unit below the limit, and a unit has at most 1024 slots.
        let word = unsafe {
            let row = (self.live.get() as *const AtomicU64).add(unit * WORDS_PER_UNIT);
            &*row.add(slot / 64)
        };
        let (live, bit) = (word.load(Relaxed), 1 << (slot % 64));
        if live & bit == 0 {
            words::refuse(block as usize);
        }
        word.store(live & !bit, Relaxed);
        // SAFETY: U has a counter for every unit below the limit.
        let until = unsafe { &*(self.until.get() as *const Field16).add(unit) };
        let left = until.get().wrapping_sub(1);
        until.set(left);
        if left == 0 {
            self.until_is_zero(unit as u32);
        }
    }

    /// Frees a slot of an own slab, wherever in the slab it lies and whoever else frees there.
    fn free_own_slot(&self, place: &Place) {
        let word = TABLES.live(place.head, place.word);
        word.store(word.load(Relaxed) & !place.bit, Relaxed);
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
                if live & !pending & place.bit == 0 {
                    words::refuse(address);
                }
                Block::Slot { place, heap, class }
            }
            Land::Large if offset.is_multiple_of(UNIT) => Block::Large { unit },
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
            Block::Slot { class, .. } => class_for(size, align) == Some(class as usize),
            Block::Large { unit } => {
                class_for(size, align).is_none()
                    && REGION.large_bytes(unit) == size.next_multiple_of(UNIT)
            }
        }
    }

    fn free(&self) {
        fork::notice();
        match *self {
            Block::Slot { ref place, heap: owner, .. } => {
                // A thread that only frees needs no heap, and a thread past its exit has none.
                let heap = tls::heap();
                if place.entry.owned_by(heap.key.get()) {
                    heap.free_own_slot(place);
                } else {
                    free_remotely(place, owner);
                }
            }
            Block::Large { unit } => REGION.give_large(unit),
        }
    }
}

/// The class that serves a request, if one does.
pub(super) fn class_for(size: usize, align: usize) -> Option<usize> {
    match align {
        0..=16 => (size <= MAX_SLOT).then(|| class_of(size)),
        _ => aligned_class(size, align),
    }
}

/// Null, other threads' slots, later units of long slabs, large objects, and all that is wrong.
#[cold]
#[inline(never)]
fn free_elsewhere(block: *mut u8) {
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
    let found = Block::find(block);
    if !found.serves(size, align) {
        misuse(Misuse::WrongSize, block as usize, found.bytes());
    }
    found.free();
}

fn free_remotely(place: &Place, owner: u32) {
    let cell = TABLES.directory(place.unit);
    let word = TABLES.remote(place.head, place.word);
    match remote::publish(cell, place.entry, word, place.bit) {
        Published::Done => {}
        Published::TellOwner => {
            let inbox = &Heap::numbered(owner).shared.inbox;
            remote::push(inbox, place.unit, |next| TABLES.link(place.unit).set(next));
            life::owner_was_told(owner);
        }
        Published::FreedBefore => {
            let slot = place.word * 64 + place.bit.trailing_zeros() as usize;
            words::refuse(words::slot_address(place.head, slot));
        }
    }
}
