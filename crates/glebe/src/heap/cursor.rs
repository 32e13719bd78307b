//! A cursor: one word's free slots, and where they lie.
//!
//! ```text
//!  0      8      16     24     32      40           44     45      46
//! ┌──────┬──────┬──────┬──────┬───────┬────────────┬──────┬───────┬───┐
//! │ mask │ word │ base │ size │ slots │ reciprocal │ half │ fresh │ · │
//! └──────┴──────┴──────┴──────┴───────┴────────────┴──────┴───────┴───┘
//! ```
//! When a cursor comes to a word it copies the bits that are clear there into `mask`: the slots
//! *held*, to be handed out one by one. malloc takes the lowest out of the mask and sets its bit in
//! A, without waiting for what A says: a free may still be on its way to the same word. What is
//! freed there meanwhile is found at the next visit.

use crate::cpu::{lowest_bit, ones, prefetch_for_writing};
use crate::records::layout::TABLES;
use crate::records::row::{ROW_SHIFT, WordId};
use crate::slab::{Class, words};
use crate::sync::Ordering::Relaxed;
use core::cell::Cell;
use core::num::NonZero;

/// See the module's text. Without a word it stands nowhere.
#[repr(C, align(64))]
pub(super) struct Cursor {
    mask: Cell<u64>,
    /// A [`WordId`] as a number; 0 for none.
    word: Cell<usize>,
    /// The address of the word's slot 0.
    base: Cell<usize>,
    /// Slot size in bytes; a whole word, which a multiplication can read by itself.
    size: Cell<usize>,
    /// The bits of the word that stand for slots.
    slots: Cell<u64>,
    /// See [`crate::slab::classes`]; for frees in the later units of slabs.
    reciprocal: Cell<u32>,
    /// Half of their number, rounded up.
    half: Cell<u8>,
    /// Whether the held slots were never used since the system gave their pages.
    fresh: Cell<bool>,
}

/// The rest of a cursor, which only refills look at. Aligned so that a class's is found by a shift.
#[repr(align(8))]
pub(super) struct Pass {
    /// The slab's word that this pass visits next.
    pub next: Cell<u8>,
    /// From this word on the slab's slots were never used; a copy of its record's.
    pub touched: Cell<u8>,
    /// The last of a slab's words.
    pub last: Cell<u8>,
    /// How many of its bits stand for no slot.
    pub spare: Cell<u8>,
    /// How many words of marked slabs were visited since one had frees by others.
    pub quiet: Cell<u8>,
}

impl Pass {
    pub const fn none() -> Self {
        Pass {
            next: Cell::new(0),
            touched: Cell::new(0),
            last: Cell::new(0),
            spare: Cell::new(0),
            quiet: Cell::new(0),
        }
    }
}

const _: () = assert!(size_of::<Cursor>() == 64);

/// How many slots are fetched when a cursor steps on.
const FETCHED: usize = 4;

impl Cursor {
    pub const fn none() -> Self {
        Cursor {
            mask: Cell::new(0),
            word: Cell::new(0),
            base: Cell::new(0),
            size: Cell::new(0),
            reciprocal: Cell::new(0),
            slots: Cell::new(0),
            half: Cell::new(0),
            fresh: Cell::new(false),
        }
    }

    /// Sets what never changes for a class.
    pub fn serve(&self, class: &Class) {
        self.size.set(class.size as usize);
        self.reciprocal.set(class.reciprocal);
    }

    /// The slot that starts `offset` bytes into a slab, if one does; past the last slot the number
    /// is one of a bit that is never set.
    #[inline(always)]
    pub fn slot_at(&self, offset: usize) -> Option<usize> {
        // For the start of slot q the product is q·2³² + q·e with e ≤ size, and q·size < 2¹⁹.
        let product = offset as u64 * u64::from(self.reciprocal.get());
        let slot = (product >> 32) as usize;
        (slot * self.size.get() == offset).then_some(slot)
    }

    /// Slot size in bytes.
    #[inline(always)]
    pub fn slot_size(&self) -> usize {
        self.size.get()
    }

    /// Hands out the lowest held slot.
    #[inline(always)]
    pub fn pop(&self) -> Option<*mut u8> {
        let mask = self.mask.get();
        if mask == 0 {
            return None;
        }
        // First of all, for the caller waits for it. Read as what is never zero, so that callers
        // into which this is inlined need not ask whether it is null.
        // SAFETY: where something is held there is a word, whose slots lie somewhere.
        let block = unsafe {
            let base = self.base.as_ptr().cast::<NonZero<usize>>().read();
            base.get().unchecked_add(lowest_bit(mask) * self.size.get())
        };
        let rest = mask & (mask - 1);
        self.mask.set(rest);
        // SAFETY: as in `word`; where something is held there is a word.
        unsafe { WordId::from_number(self.word.get()) }.set(mask ^ rest);
        Some(block as *mut u8)
    }

    /// The held slots.
    #[inline(always)]
    pub fn held(&self) -> u64 {
        self.mask.get()
    }

    /// Comes to a word, whose slot 0 lies at `base` and whose `slots` bits stand for slots.
    #[inline(always)]
    pub fn come(&self, base: usize, slots: u64, fresh: bool) {
        self.base.set(base);
        self.slots.set(slots);
        self.half.set(ones(slots).div_ceil(2) as u8);
        self.fresh.set(fresh);
    }

    /// Comes to another word of the same slab, and takes its free slots.
    #[inline(always)]
    pub fn step_to(&self, id: WordId, slots: u64, free: u64) {
        let bytes = id.number().wrapping_sub(self.word.get());
        let distance = bytes.wrapping_mul(64 / size_of::<u64>());
        let distance = distance.wrapping_mul(self.size.get());
        self.come(self.base.get().wrapping_add(distance), slots, false);
        self.hold(id, free);
        self.fetch();
    }

    /// Asks for the lines of the first held slots, which have not been in use for a while, and of
    /// which nothing else is read before they are handed out. If so many are not held it asks for
    /// lines that nobody may need, which costs less than to look.
    #[inline(always)]
    fn fetch(&self) {
        let mut rest = self.held();
        for _ in 0..FETCHED {
            prefetch_for_writing(self.base.get(), lowest_bit(rest) * self.size.get());
            rest &= rest.wrapping_sub(1);
        }
    }

    /// Takes the same word's free slots again if at least half of them are free: true if so. Cheap,
    /// and harmless on a heap that owns nothing. Nothing is held.
    ///
    /// What is taken again must wait for the frees just before, which does not pay for a few slots.
    #[inline(always)]
    pub fn again(&self) -> bool {
        let Some(id) = self.word() else {
            return false;
        };
        let free = !id.word().load(Relaxed) & self.slots.get();
        if ones(free) < u32::from(self.half.get()) {
            return false;
        }
        self.hold(id, free);
        self.fresh.set(false);
        true
    }

    /// Whether what it holds reads as zero.
    #[inline(always)]
    pub fn is_fresh(&self) -> bool {
        self.fresh.get()
    }

    /// Takes free slots of a word, and stands there. They count as used from now on.
    #[inline(always)]
    pub fn hold(&self, id: WordId, free: u64) {
        debug_assert!(self.held() == 0 && free != 0 && id.word().load(Relaxed) & free == 0);
        self.word.set(id.number());
        self.mask.set(free);
        let until = &id.row().until;
        until.set(until.get() + ones(free) as u16);
    }

    /// Whether it stands where its word's slots lie, and holds none but those that are clear in A;
    /// the rows begin at `base`. For the walker.
    pub fn is_right(&self, base: usize) -> bool {
        let (Some(id), Some(unit)) = (self.word(), self.unit(base)) else {
            return self.held() == 0;
        };
        let (class, size) = (words::class_at(unit), self.size.get());
        let start = TABLES.address(unit) as usize + id.index() * 64 * size;
        let slots = class.valid(id.index());
        size == class.size as usize
            && self.base.get() == start
            && self.slots.get() == slots
            && self.held() & (id.word().load(Relaxed) | !slots) == 0
    }

    /// The word where it stands.
    #[inline(always)]
    pub fn word(&self) -> Option<WordId> {
        let number = self.word.get();
        // SAFETY: `hold` put it there.
        (number != 0).then(|| unsafe { WordId::from_number(number) })
    }

    /// Lets go of the held slots; how many they were.
    pub fn let_go(&self) -> u32 {
        self.mask.take().count_ones()
    }

    /// The first unit of the slab it stands in; the rows begin at `base`.
    #[inline]
    pub fn unit(&self, base: usize) -> Option<u32> {
        let word = self.word.get();
        (word != 0).then(|| ((word - base) >> ROW_SHIFT) as u32)
    }

    /// Stands nowhere from now on; holds nothing already.
    pub fn leave(&self) {
        debug_assert!(self.held() == 0);
        self.word.set(0);
    }
}
