//! realloc: in place while the size class stays the same; large objects grow into the free run
//! behind them, else their pages are moved to fresh land, or copied to land that has pages already.
//!
//! A block has exactly the class that a fresh request of its size would get, so that sized frees
//! are checked exactly and shrinking gives memory back. The exception are blocks that C programs
//! grow by small steps: strings that are appended to would move at every other step.

use super::free::{Block, class_for, slot_serves};
use super::{Heap, free, malloc, memalign, tls};
use crate::records::UNIT;
use crate::records::row::Row;
use crate::region::{Grown, REGION};
use crate::slab::MAX_SLOT;
use crate::slab::classes::roomy_class;
use core::ptr::{copy_nonoverlapping, null_mut};

/// Large objects from this many bytes on are moved by the system. Below, copying is cheaper: the
/// old pages are soon in use again, and huge ones would have to be split.
const MOVE_FROM: usize = 4 << 20;

/// Gives a block another size; null on failure, the old block then untouched. A size of 0 counts
/// as 1. O(1) in place or moved by pages, otherwise linear in the smaller size.
///
/// # Safety
/// `block` is live, or the process ends; after success only the result is.
#[inline(always)]
pub unsafe fn realloc(block: *mut u8, size: usize) -> *mut u8 {
    // SAFETY: passed on to the caller.
    unsafe { realloc_to(block, size, |_, _| None) }
}

/// As [`realloc`], but a block that grows by a small step gets room to grow on: a slot of a class
/// for just that, see `slab::classes`. A sized free of it may name any size that the class serves.
///
/// # Safety
/// As [`realloc`].
#[inline(always)]
pub unsafe fn realloc_with_room(block: *mut u8, size: usize) -> *mut u8 {
    // SAFETY: passed on to the caller.
    unsafe { realloc_to(block, size, roomy_class) }
}

/// A slot that moves goes to the class that `choose` finds for its length and the new size, or else
/// to the smallest that will do.
#[inline(always)]
unsafe fn realloc_to(
    block: *mut u8,
    size: usize,
    choose: impl FnOnce(usize, usize) -> Option<usize>,
) -> *mut u8 {
    let heap = tls::heap();
    match heap.own_slot(block) {
        Some(row) if row.serves(size) => block,
        Some(row) if size.wrapping_sub(1) < MAX_SLOT => heap.move_slot(block, row, size, choose),
        // SAFETY: passed on to the caller.
        _ => unsafe { realloc_aligned(block, 16, size) },
    }
}

/// As [`realloc`], for a block from [`memalign`] with this `align`, which is kept.
///
/// # Safety
/// As [`realloc`].
#[cold]
#[inline(never)]
pub unsafe fn realloc_aligned(block: *mut u8, align: usize, size: usize) -> *mut u8 {
    if size > isize::MAX as usize {
        // A bad block is refused even then.
        Block::find(block);
        return null_mut();
    }
    let size = size.max(1);
    let old = match in_place(block, size, align) {
        Resized::At(place) => return place,
        Resized::Not(old) => old,
    };
    let new = memalign(align, size);
    if !new.is_null() {
        // SAFETY: both blocks are live, apart, and at least that long; the old one is given up.
        unsafe {
            copy_nonoverlapping(block, new, old.min(size));
            free(block);
        }
    }
    new
}

impl Heap {
    /// Gives an own slot up for one of another class; null, and nothing happened, without memory.
    /// `row` is that of the slab, which the slot keeps where it is.
    #[inline(never)]
    fn move_slot(
        &self,
        block: *mut u8,
        row: &'static Row,
        size: usize,
        choose: impl FnOnce(usize, usize) -> Option<usize>,
    ) -> *mut u8 {
        let old = row.slot_size();
        let new = match choose(old, size) {
            Some(class) => self.take(class),
            None => malloc(size),
        };
        if !new.is_null() {
            // SAFETY: both slots are live, apart, and at least that long; `block` is given up.
            unsafe { copy_nonoverlapping(block, new, old.min(size)) };
            self.free_own(block, row);
        }
        new
    }
}

enum Resized {
    At(*mut u8),
    Not(usize),
}

/// Finds any block, and resizes it where it is, or by its pages, if that can be.
fn in_place(block: *mut u8, size: usize, align: usize) -> Resized {
    match Block::find(block) {
        Block::Slot { class, .. } if slot_serves(class, size, align) => Resized::At(block),
        Block::Large { unit } if class_for(size, align).is_none() => {
            resize_large(unit, size, align)
        }
        found => Resized::Not(found.bytes()),
    }
}

fn resize_large(unit: u32, size: usize, align: usize) -> Resized {
    if REGION.resize_large(unit, size) == Grown::InPlace {
        return Resized::At(crate::records::layout::TABLES.address(unit));
    }
    let old = REGION.large_bytes(unit);
    let moved = (old >= MOVE_FROM && align <= UNIT).then(|| REGION.move_large(unit, size));
    match moved.flatten() {
        Some(place) => Resized::At(place),
        None => Resized::Not(old),
    }
}
