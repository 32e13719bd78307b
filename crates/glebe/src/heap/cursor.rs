//! A cursor: one word's free slots, and where they lie.
//!
//! ```text
//!  0      8      16     24      28     30      31
//! ┌──────┬──────┬──────┬───────┬──────┬───────┬──────┐
//! │ mask │ word │ base │ size  │ todo │ fresh │ place│  32 bytes
//! └──────┴──────┴──────┴───────┴──────┴───────┴──────┘
//! ```

use crate::records::WORDS_PER_UNIT;
use crate::sync::{AtomicU64, Ordering::Relaxed};
use core::cell::Cell;
use core::ptr::null;

/// See the module's text. All zero: stands nowhere.
#[repr(C, align(32))]
pub(super) struct Cursor {
    /// Free slots of the word, not handed out yet.
    pub mask: Cell<u64>,
    /// The word of A.
    pub word: Cell<*const AtomicU64>,
    /// The address of the word's slot 0.
    pub base: Cell<usize>,
    /// Slot size in bytes.
    pub size: Cell<u32>,
    /// The slab's words that this pass has yet to visit.
    pub todo: Cell<u16>,
    /// Whether the mask's slots were never used since the system gave their pages.
    pub fresh: Cell<bool>,
    /// The word's number in its slab.
    pub place: Cell<u8>,
}

const _: () = assert!(size_of::<Cursor>() == 32);

impl Cursor {
    pub const fn none() -> Self {
        Cursor {
            mask: Cell::new(0),
            word: Cell::new(null()),
            base: Cell::new(0),
            size: Cell::new(0),
            todo: Cell::new(0),
            fresh: Cell::new(false),
            place: Cell::new(0),
        }
    }

    /// Hands out the lowest free slot of the mask and sets its bit in A.
    #[inline(always)]
    pub fn pop(&self) -> Option<*mut u8> {
        let mask = self.mask.get();
        if mask == 0 {
            return None;
        }
        self.mask.set(mask & (mask - 1));
        let slot = mask.trailing_zeros() as usize;
        // SAFETY: a cursor with a mask points to a word of A, which is never unmapped.
        let word = unsafe { &*self.word.get() };
        let live = word.load(Relaxed);
        debug_assert!(live >> slot & 1 == 0, "heap 1: a free slot is live");
        word.store(live | 1 << slot, Relaxed);
        Some((self.base.get() + slot * self.size.get() as usize) as *mut u8)
    }

    /// The first unit of the slab it stands in; `live` is where A begins.
    #[inline]
    pub fn unit(&self, live: usize) -> Option<u32> {
        let word = self.word.get() as usize;
        let row = WORDS_PER_UNIT * size_of::<u64>();
        (word != 0).then(|| ((word - live) / row) as u32)
    }

    /// Stands nowhere from now on.
    pub fn clear(&self) {
        self.mask.set(0);
        self.word.set(null());
        self.todo.set(0);
    }
}
