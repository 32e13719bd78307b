//! A row: all that malloc and free need to know about a unit, in a few cache lines.
//!
//! ```text
//!  0       8            12      16          24      32     40     64      66  72               512
//! ┌───────┬────────────┬───────┬───────────┬───────┬──────┬──────┬───────┬───┬──────────────────┐
//! │ entry │ reciprocal │ limit │ to_remote │ below │ span │ link │ until │ · │ live 0 … live 54 │
//! └───────┴────────────┴───────┴───────────┴───────┴──────┴──────┴───────┴───┴──────────────────┘
//!    D                                                              U         A: one bit a slot;
//!                                                                             R, if it fits
//! ```
//! A free reads the entry and the reciprocal, side by side, for the one must not wait for the
//! other; clears a bit and counts down. What the owner writes at each malloc and free, U and A, has
//! lines of its own: every free by another thread reads the first line. Only the row of a slab's
//! first unit has all this; the others have their entry and their link only. The link is written by
//! who has just marked the entry, and read by the owner, who is about to take the mark away.
//!
//! A slab that leaves half of A's words unused has R there, behind its own: the owner's frees, if
//! others free in the slab too, look at both, which then mostly lie in one line.

use super::UNIT;
use super::directory::Cell;
use super::land::{Field16, Field32, Field64};
use crate::sync::Ordering::Relaxed;
use crate::sync::{AtomicU64, AtomicUsize};

/// Words of A, and of R, a unit.
pub const WORDS: usize = (ROW - LINE) / 8 - 1;
const LINE: usize = 64;
/// The most slots a slab can have.
pub const MAX_SLOTS: usize = WORDS * 64;
/// Bytes of a row.
pub const ROW: usize = 1 << ROW_SHIFT;
/// log₂ of [`ROW`].
pub const ROW_SHIFT: u32 = 9;

/// See the module's text.
#[repr(C, align(512))]
pub struct Row {
    /// Whose land the unit is.
    pub entry: Cell,
    /// See `slab::classes`.
    pub reciprocal: Field32,
    /// See `slab::classes`.
    pub limit: Field32,
    /// From a word of A to that of R for the same slots, in bytes.
    pub to_remote: AtomicUsize,
    /// The slot size of the class below: what the slab's class serves is larger.
    pub below: Field64,
    /// How many sizes the slab's class serves.
    pub span: Field64,
    /// The next unit in an inbox; of whoever marked this one as shared.
    pub link: Field32,
    unused: [u8; LINE - 44],
    /// Frees until something must be done about the slab.
    pub until: Field16,
    unused_beside: [u8; 6],
    /// One bit a slot.
    pub live: [AtomicU64; WORDS],
}

const _: () = assert!(size_of::<Row>() == ROW && core::mem::offset_of!(Row, until) == LINE);

impl Row {
    /// The word of R beside a word of A, of this row.
    #[inline(always)]
    pub fn remote_of(&self, word: WordId) -> &'static AtomicU64 {
        debug_assert!(core::ptr::eq(word.row(), self) && self.to_remote.load(Relaxed) != 0);
        let start = word.number() + self.to_remote.load(Relaxed) + core::mem::offset_of!(Row, live);
        // SAFETY: where `Tables::to_remote` says; tables are never unmapped.
        unsafe { &*(start as *const AtomicU64) }
    }

    /// The slot that starts `offset` bytes into the unit, the first of a slab, if one does: see
    /// `slab::classes`.
    #[inline(always)]
    pub fn slot_at(&self, offset: usize) -> Option<usize> {
        debug_assert!(offset < UNIT);
        #[cfg(target_arch = "x86_64")]
        {
            let (slot, low): (usize, u32);
            // SAFETY: a multiplication and a comparison, with fields of this row, in two
            // instructions and a jump. The compiler would multiply 64 bits, copy and shift, and
            // load what is atomic by itself. Writing half a register clears the other half.
            unsafe {
                core::arch::asm!(
                    "mul dword ptr [{row} + {reciprocal}]",
                    row = in(reg) self,
                    reciprocal = const core::mem::offset_of!(Row, reciprocal),
                    inlateout("eax") offset as u32 => low,
                    lateout("rdx") slot,
                    options(pure, readonly, nostack),
                );
                core::arch::asm!(
                    "cmp {low:e}, dword ptr [{row} + {limit}]",
                    "jae {other}",
                    low = in(reg) low,
                    row = in(reg) self,
                    limit = const core::mem::offset_of!(Row, limit),
                    other = label { return None },
                    options(readonly, nostack),
                );
            }
            Some(slot)
        }
        #[cfg(not(target_arch = "x86_64"))]
        {
            let product = offset as u64 * u64::from(self.reciprocal.get());
            ((product as u32) < self.limit.get()).then_some((product >> 32) as usize)
        }
    }

    /// The slot size of the slab's class in bytes.
    #[inline(always)]
    pub fn slot_size(&self) -> usize {
        (self.below.get() + self.span.get()) as usize
    }

    /// Whether the slab's class is the one that serves requests of `size` bytes.
    #[inline(always)]
    pub fn serves(&self, size: usize) -> bool {
        let last = size.wrapping_sub(1);
        #[cfg(target_arch = "x86_64")]
        {
            // SAFETY: a subtraction and a comparison with fields of this row, which the compiler
            // would load by themselves.
            unsafe {
                core::arch::asm!(
                    "sub {last}, qword ptr [{row} + {below}]",
                    "cmp {last}, qword ptr [{row} + {span}]",
                    "jae {other}",
                    last = inout(reg) last => _,
                    row = in(reg) self,
                    below = const core::mem::offset_of!(Row, below),
                    span = const core::mem::offset_of!(Row, span),
                    other = label { return false },
                    options(readonly, nostack),
                );
            }
            true
        }
        #[cfg(not(target_arch = "x86_64"))]
        {
            (last as u64).wrapping_sub(self.below.get()) < self.span.get()
        }
    }

    /// Clears the bit of a slot, which is below [`MAX_SLOTS`]; false if it was clear. Only the
    /// slab's owner calls this.
    #[inline(always)]
    pub fn clear(&self, slot: usize) -> bool {
        debug_assert!(slot < MAX_SLOTS);
        let word = slot / 64;
        #[cfg(target_arch = "x86_64")]
        {
            // SAFETY: the word is ours to write; others only read it, and see one value or the
            // other. One instruction tests and clears, where the compiler makes a copy and two.
            unsafe {
                core::arch::asm!(
                    "mov {bits}, qword ptr [{row} + {word} * 8 + {live}]",
                    "btr {bits}, {slot}",
                    "jnc {clear}",
                    "mov qword ptr [{row} + {word} * 8 + {live}], {bits}",
                    row = in(reg) self,
                    word = in(reg) word,
                    slot = in(reg) slot,
                    bits = out(reg) _,
                    live = const core::mem::offset_of!(Row, live),
                    clear = label { return false },
                    options(nostack),
                );
            }
            true
        }
        #[cfg(not(target_arch = "x86_64"))]
        {
            let (word, bit) = (&self.live[word], 1 << (slot % 64));
            let bits = word.load(Relaxed);
            word.store(bits & !bit, Relaxed);
            bits & bit != 0
        }
    }

    /// Takes one off the count; whether zero is left. Only the slab's owner calls this.
    #[inline(always)]
    pub fn count_down(&self) -> bool {
        #[cfg(target_arch = "x86_64")]
        {
            // SAFETY: the count is ours to write; others only read it, and see one value or the
            // other. Two instructions where the compiler makes five of two atomic moves.
            unsafe {
                core::arch::asm!(
                    "dec word ptr [{row} + {until}]",
                    "jz {zero}",
                    row = in(reg) self,
                    until = const core::mem::offset_of!(Row, until),
                    zero = label { return true },
                    options(nostack),
                );
            }
            false
        }
        #[cfg(not(target_arch = "x86_64"))]
        {
            let left = self.until.get().wrapping_sub(1);
            self.until.set(left);
            left == 0
        }
    }
}

/// A word of A by the address of its row and its number in it, added up: one instruction in the
/// fast paths, where the word's own address would take two.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WordId(usize);

impl WordId {
    /// Word `index`, below [`WORDS`], of a row.
    #[inline(always)]
    pub fn of(row: &'static Row, index: usize) -> WordId {
        debug_assert!(index < WORDS);
        WordId(&raw const *row as usize + index * size_of::<u64>())
    }

    /// The word of a slot, which is below [`MAX_SLOTS`].
    #[inline(always)]
    pub fn of_slot(row: &'static Row, slot: usize) -> WordId {
        debug_assert!(slot < MAX_SLOTS);
        let index = slot / 64;
        let row = &raw const *row as usize;
        #[cfg(target_arch = "x86_64")]
        {
            let number;
            // SAFETY: an addition. The compiler would shift, mask and combine, two steps longer.
            unsafe {
                core::arch::asm!(
                    "lea {number}, [{row} + {index} * 8]",
                    row = in(reg) row,
                    index = in(reg) index,
                    number = lateout(reg) number,
                    options(pure, nomem, nostack, preserves_flags),
                );
            }
            WordId(number)
        }
        #[cfg(not(target_arch = "x86_64"))]
        {
            WordId(row + index * size_of::<u64>())
        }
    }

    /// The word's number in its row.
    pub fn index(self) -> usize {
        (self.0 & (ROW - 1)) / size_of::<u64>()
    }

    /// Its row.
    #[inline(always)]
    pub fn row(self) -> &'static Row {
        // SAFETY: made of a row, which is aligned to its length, and an offset below that.
        unsafe { &*((self.0 & !(ROW - 1)) as *const Row) }
    }

    /// The word.
    #[inline(always)]
    pub fn word(self) -> &'static AtomicU64 {
        let address = self.0 + core::mem::offset_of!(Row, live);
        // SAFETY: made of a row, which is never unmapped, and a number below `WORDS`.
        unsafe { &*(address as *const AtomicU64) }
    }

    /// As a number that [`Self::from_number`] understands; never 0.
    #[inline(always)]
    pub fn number(self) -> usize {
        self.0
    }

    /// The other way round.
    ///
    /// # Safety
    /// The number came from [`Self::number`].
    #[inline(always)]
    pub unsafe fn from_number(number: usize) -> WordId {
        WordId(number)
    }

    /// Sets a bit. Only the slab's owner calls this.
    #[inline(always)]
    pub fn set(self, bit: u64) {
        #[cfg(target_arch = "x86_64")]
        {
            // SAFETY: the word is ours to write; others only read it, and see one value or the
            // other. One instruction where the compiler makes three of two atomic moves.
            unsafe {
                core::arch::asm!(
                    "or qword ptr [{id} + {live}], {bit}",
                    id = in(reg) self.0,
                    bit = in(reg) bit,
                    live = const core::mem::offset_of!(Row, live),
                    options(nostack),
                );
            }
        }
        #[cfg(not(target_arch = "x86_64"))]
        {
            let word = self.word();
            word.store(word.load(Relaxed) | bit, Relaxed);
        }
    }
}
