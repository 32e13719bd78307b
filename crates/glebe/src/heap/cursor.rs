//! A cursor: one word's free slots, and where they lie.
//!
//! ```text
//!  0      8      16       24     32     40      48           52     53      54
//! ┌──────┬──────┬────────┬──────┬──────┬───────┬────────────┬──────┬───────┬───┐
//! │ mask │ word │ lowest │ base │ size │ slots │ reciprocal │ half │ fresh │ · │
//! └──────┴──────┴────────┴──────┴──────┴───────┴────────────┴──────┴───────┴───┘
//! ```
//! When a cursor comes to a word it sets all of its bits in A and keeps those that were clear in
//! `mask`: the slots *held*, to be handed out one by one. So malloc writes nothing but the mask,
//! and never waits for a free that is still on its way to the same word of A.

use crate::records::row::{ROW_SHIFT, WordId};
use crate::slab::Class;
use crate::sync::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use core::cell::Cell;
use core::hint::{select_unpredictable, spin_loop};

/// See the module's text. Without a word it stands nowhere. Others read `mask` and `word` to tell a
/// held slot from a live one.
#[repr(C, align(64))]
pub(super) struct Cursor {
    mask: AtomicU64,
    word: AtomicUsize,
    /// The address of the lowest held slot, if any is held.
    lowest: Cell<usize>,
    /// The address of the word's slot 0.
    base: Cell<usize>,
    /// Slot size in bytes; a whole word, which a multiplication can read by itself.
    size: Cell<usize>,
    /// The bits of the word that stand for slots.
    slots: Cell<u64>,
    /// See [`crate::slab::classes`]; here because frees look at the cursor anyway.
    pub reciprocal: Cell<u32>,
    /// Half of their number, rounded up.
    half: Cell<u8>,
    /// Whether the held slots were never used since the system gave their pages.
    fresh: Cell<bool>,
}

/// Looks at another thread's cursor before a slot is believed to be held: the way to an abort.
const LOOKS: u32 = 256;

/// The rest of a cursor, which only refills look at.
pub(super) struct Pass {
    /// The slab's word that this pass visits next.
    pub next: Cell<u8>,
    /// From this word on the slab's slots were never used; a copy of its record's.
    pub touched: Cell<u8>,
}

impl Pass {
    pub const fn none() -> Self {
        Pass {
            next: Cell::new(0),
            touched: Cell::new(0),
        }
    }
}

const _: () = assert!(size_of::<Cursor>() == 64);

impl Cursor {
    pub const fn none() -> Self {
        Cursor {
            mask: AtomicU64::new(0),
            word: AtomicUsize::new(0),
            lowest: Cell::new(0),
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

    /// Whether it holds a slot (by its number modulo 64) of `word`; for the owner.
    #[inline(always)]
    pub fn own_holds(&self, word: WordId, slot: usize) -> bool {
        // SAFETY: only the owner writes the two, so it may read them plainly, which the compiler
        // can make part of another instruction.
        let (stands, mask) = unsafe { (*self.word.as_ptr(), *self.mask.as_ptr()) };
        // In small heaps it is a toss-up whether a freed slot lies where the cursor stands.
        let mask = select_unpredictable(stands == word.number(), mask, 0);
        mask.wrapping_shr(slot as u32) & 1 != 0
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
        let mask = self.mask.load(Relaxed);
        if mask == 0 {
            return None;
        }
        let block = self.lowest.get();
        let rest = mask & (mask - 1);
        self.mask.store(rest, Relaxed);
        self.find_lowest(rest);
        Some(block as *mut u8)
    }

    /// Whether it holds a slot (by its number modulo 64) of `word`, as far as another thread than
    /// the owner can tell. A live slot is never taken for a held one: the owner may move on between
    /// two reads, but not between each of so many, and one look that shows the slot as not held is
    /// enough.
    pub fn seems_to_hold(&self, word: WordId, slot: usize) -> bool {
        (0..LOOKS).all(|_| {
            spin_loop();
            self.holds(word, slot) && self.word.load(Relaxed) == word.number()
        })
    }

    fn holds(&self, word: WordId, slot: usize) -> bool {
        self.word.load(Relaxed) == word.number() && self.held().wrapping_shr(slot as u32) & 1 != 0
    }

    /// The held slots.
    #[inline(always)]
    pub fn held(&self) -> u64 {
        self.mask.load(Relaxed)
    }

    /// Comes to a word, whose slot 0 lies at `base` and whose `slots` bits stand for slots.
    #[inline(always)]
    pub fn come(&self, base: usize, slots: u64, fresh: bool) {
        self.base.set(base);
        self.slots.set(slots);
        self.half.set(slots.count_ones().div_ceil(2) as u8);
        self.fresh.set(fresh);
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
        let live = id.word().load(Relaxed);
        let free = !live & self.slots.get();
        let count = free.count_ones();
        if count < u32::from(self.half.get()) {
            return false;
        }
        self.hold(id, live, free);
        self.fresh.set(false);
        let until = &id.row().until;
        until.set(until.get() + count as u16);
        true
    }

    /// Whether what it holds reads as zero.
    #[inline(always)]
    pub fn is_fresh(&self) -> bool {
        self.fresh.get()
    }

    /// Takes free slots of a word, which is `live` now, and stands there.
    #[inline(always)]
    pub fn hold(&self, id: WordId, live: u64, free: u64) {
        debug_assert!(self.held() == 0 && free != 0 && live & free == 0);
        id.word().store(live | free, Relaxed);
        self.word.store(id.number(), Relaxed);
        self.mask.store(free, Relaxed);
        self.find_lowest(free);
    }

    /// Notes where the lowest slot of a mask lies; anything if the mask is empty. So malloc need
    /// not wait for it.
    #[inline(always)]
    fn find_lowest(&self, mask: u64) {
        self.lowest.set(self.address(lowest_bit(mask)));
    }

    /// The address of a slot of the word by its number modulo 64.
    #[inline(always)]
    fn address(&self, slot: usize) -> usize {
        let offset = slot.wrapping_mul(self.size.get());
        self.base.get().wrapping_add(offset)
    }

    /// Whether `lowest` is right and all that is held are slots; for the walker.
    pub fn is_right(&self) -> bool {
        let held = self.held();
        held & !self.slots.get() == 0
            && (held == 0 || self.lowest.get() == self.address(lowest_bit(held)))
    }

    /// The word where it stands.
    #[inline(always)]
    pub fn word(&self) -> Option<WordId> {
        let number = self.word.load(Relaxed);
        // SAFETY: `hold` put it there.
        (number != 0).then(|| unsafe { WordId::from_number(number) })
    }

    /// Lets go of the held slots, which are free again; how many they were.
    pub fn let_go(&self) -> u32 {
        let held = self.held();
        if let Some(id) = self.word() {
            let word = id.word();
            word.store(word.load(Relaxed) & !held, Relaxed);
            self.mask.store(0, Relaxed);
        }
        held.count_ones()
    }

    /// The first unit of the slab it stands in; the rows begin at `base`.
    #[inline]
    pub fn unit(&self, base: usize) -> Option<u32> {
        let word = self.word.load(Relaxed);
        (word != 0).then(|| ((word - base) >> ROW_SHIFT) as u32)
    }

    /// Stands nowhere from now on; holds nothing already.
    pub fn leave(&self) {
        debug_assert!(self.held() == 0);
        self.word.store(0, Relaxed);
    }
}

/// The number of a mask's lowest bit; anything if there is none.
#[inline(always)]
fn lowest_bit(mask: u64) -> usize {
    #[cfg(target_arch = "x86_64")]
    {
        let slot;
        // SAFETY: it counts; what it leaves for an empty mask is not looked at. The compiler would
        // see to that case.
        unsafe {
            core::arch::asm!(
                "rep bsf {slot}, {mask}",
                mask = in(reg) mask,
                slot = lateout(reg) slot,
                options(pure, nomem, nostack),
            );
        }
        slot
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        mask.trailing_zeros() as usize
    }
}
