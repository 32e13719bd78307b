//! malloc: pick a class, take a slot from its cursor; everything else is out of line.

use super::life::with_heap;
use super::{Heap, fork, tls};
use crate::records::UNIT;
use crate::region::REGION;
use crate::slab::classes::{MEDIUM, class_of, last_aligned};
use crate::slab::{CLASSES, MAX_SLOT};
use core::ptr::{null_mut, write_bytes};

/// A block of at least `size` bytes, aligned to 16; null if the system has no memory.
/// O(1); `malloc(0)` gives a block of its own.
#[inline(always)]
pub fn malloc(size: usize) -> *mut u8 {
    malloc_or(size, slow)
}

/// As [`malloc`], but all that cannot be served at once is left to `slow`, which may call
/// [`malloc_slowly`].
#[inline(always)]
pub fn malloc_or(size: usize, slow: impl Fn(usize) -> *mut u8) -> *mut u8 {
    // One less makes a size of 0 enormous, so that one comparison sorts out both ends.
    let last = size.wrapping_sub(1);
    let heap = tls::heap();
    let cursor = if last < MEDIUM {
        heap.cursor_for_small(last)
    } else if last < MAX_SLOT {
        return heap.cursor_for(size).pop().unwrap_or_else(|| slow(size));
    } else {
        return slow(size);
    };
    cursor.pop().unwrap_or_else(|| slow(size))
}

/// All of malloc that [`malloc_or`] leaves over.
#[inline(always)]
pub fn malloc_slowly(size: usize) -> *mut u8 {
    let last = size.wrapping_sub(1);
    if last < MEDIUM {
        let heap = tls::heap();
        let cursor = heap.cursor_for_small(last);
        // Tight loops stay in one word.
        if (cursor.held() != 0 || cursor.again() || heap.step(cursor))
            && let Some(block) = cursor.pop()
        {
            return block;
        }
    }
    malloc_anew(size)
}

/// No slot at hand.
#[cold]
#[inline(never)]
fn malloc_anew(size: usize) -> *mut u8 {
    match size {
        0 => malloc_slowly(1),
        1..=MAX_SLOT => refilled(class_of(size)),
        _ if size > isize::MAX as usize => null_mut(),
        _ => large(size, 1).0,
    }
}

#[cold]
#[inline(never)]
fn slow(size: usize) -> *mut u8 {
    malloc_slowly(size)
}

/// As [`malloc`], zeroed: memory that is fresh from the system is not written.
#[inline]
pub fn zalloc(size: usize) -> *mut u8 {
    if size.wrapping_sub(1) >= MAX_SLOT {
        return unusual_zeroed(size);
    }
    let cursor = tls::heap().cursor_for(size);
    match cursor.pop() {
        Some(block) => cleared(block, size, cursor.is_fresh()),
        None => zalloc_slowly(size),
    }
}

/// No slot at hand.
#[cold]
#[inline(never)]
fn zalloc_slowly(size: usize) -> *mut u8 {
    let block = malloc_slowly(size);
    cleared(block, size, tls::heap().cursor_for(size).is_fresh())
}

/// Writes zeros to a block that may have been refused, unless it reads as zero.
#[inline(always)]
fn cleared(block: *mut u8, size: usize, zero: bool) -> *mut u8 {
    if !block.is_null() && !zero {
        // SAFETY: the block has at least `size` bytes and is ours.
        unsafe { write_bytes(block, 0, size) };
    }
    block
}

/// A block of at least `size` bytes at a multiple of `align`, which is a power of two.
#[inline(always)]
pub fn memalign(align: usize, size: usize) -> *mut u8 {
    memalign_or(align, size, memalign_slowly)
}

/// As [`memalign`], but all that cannot be served at once is left to `slow`, which may call
/// [`memalign_slowly`].
#[inline(always)]
pub fn memalign_or(align: usize, size: usize, slow: impl Fn(usize, usize) -> *mut u8) -> *mut u8 {
    let last = last_aligned(size, align);
    if last < MAX_SLOT {
        // Page buffers mix with small blocks: sizes fall on both sides of `MEDIUM`.
        let heap = tls::heap();
        heap.cursor_for(last + 1)
            .pop()
            .unwrap_or_else(|| slow(align, size))
    } else {
        slow(align, size)
    }
}

/// All of memalign that [`memalign_or`] leaves over.
pub fn memalign_slowly(align: usize, size: usize) -> *mut u8 {
    let size = size.max(1);
    let last = last_aligned(size, align);
    if last < MAX_SLOT {
        return malloc_slowly(last + 1);
    }
    if size > isize::MAX as usize {
        return null_mut();
    }
    let Ok(align_units) = u32::try_from(align.div_ceil(UNIT)) else {
        return null_mut();
    };
    // A large object has more than a slot's bytes, or `usable_size` and sized frees would differ.
    large(size, align_units).0
}

/// The cursor's word is used up, or the thread has no heap yet.
#[inline]
fn refilled(class: usize) -> *mut u8 {
    with_heap(|heap| heap.take(class)).unwrap_or(null_mut())
}

#[cold]
#[inline(never)]
fn unusual_zeroed(size: usize) -> *mut u8 {
    if size == 0 || size > isize::MAX as usize {
        return malloc_slowly(size);
    }
    let (block, zero) = large(size, 1);
    cleared(block, size, zero)
}

fn large(size: usize, align_units: u32) -> (*mut u8, bool) {
    // Any thread may take and free large objects, but there must be a region: being on a heap sees
    // to that.
    fork::notice();
    with_heap(|_| REGION.take_large(size, align_units))
        .flatten()
        .unwrap_or((null_mut(), false))
}

impl Heap {
    /// A slot of a class, from the cursor or after a refill.
    #[inline]
    pub(super) fn take(&self, class: usize) -> *mut u8 {
        debug_assert!(class < CLASSES);
        let cursor = &self.cursors[class];
        if cursor.held() == 0 && !cursor.again() && !self.refill(class) {
            return null_mut();
        }
        cursor.pop().unwrap_or(null_mut())
    }
}
