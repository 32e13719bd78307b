//! Size classes: which slot size serves a request, how long a slab of it is, and how an address
//! becomes a slot number.
//!
//! 16-byte steps to 256 bytes, then 8 classes a doubling to 64 KiB: 4.9 % mean internal waste.
//!
//! ```text
//! class   0   1   2 …  15 │  16   17 …   23 │   24  …   31 │ …  │    72  …    79
//! slot   16  32  48 … 256 │ 288  320 …  512 │  576  … 1024 │ …  │ 36864  … 65536   bytes
//! slab   ─────────────── 64 KiB ───────────────────────── │ the length that wastes least
//! ```
//!
//! Classes 80 to 93 serve no request: a block that C programs grow by a small step moves to a slot
//! of 96, 128, 192, 256 … 8192 bytes, and then has room for more steps. Each serves the upper half
//! of its slot's sizes, so a sized free of such a block is checked against that half.
//!
//! **Slot numbers by reciprocal.** For a slot size `s`, let `r = ⌊2³²/s⌋ + 1`. For every offset
//! `x < 2¹⁶`, the high half of `x·r` is `⌊x/s⌋`, and its low half is below `r` exactly when `s`
//! divides `x`. (`r·s = 2³² + e` with `0 < e ≤ s`; writing `x = q·s + t`, `x·r = q·2³² + q·e +
//! t·r`, and `q·e ≤ x < 2¹⁶ < r`, while `t ≥ 1` gives a low half of at least `r`, and at most
//! `q·e + (s−1)·r < 2³²`.) Slots past the last are those with `q·e ≥ n·e` for `n` slots. So one
//! multiplication finds the slot, and one comparison of the low half, with the lesser of `r` and
//! `n·e`, the *limit*, refuses interior pointers and what lies past the last slot.

use crate::records::UNIT;
use crate::records::directory::{CLASS_LIMIT, MAX_SLAB_UNITS};
use crate::records::row::MAX_SLOTS;

/// Number of size classes.
pub const CLASSES: usize = EXACT + ROOMY;
/// Those that serve requests. The others are for blocks that grow by small steps, two to a
/// doubling.
pub const EXACT: usize = 80;
const ROOMY: usize = 14;
/// Above this a block that grows gets room.
const LEAST_ROOMY: usize = 64;
/// The largest slot with room.
const MAX_ROOMY: usize = 8 << 10;
/// Up to here classes are multiples of 16 bytes, eight to a doubling above.
const SMALL: usize = 256;
/// The largest slot in bytes; longer requests get runs of their own.
pub const MAX_SLOT: usize = 64 << 10;
/// A slot starts at a multiple of this many bytes.
pub const GRANULE: usize = 16;

/// A size class in figures.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Class {
    /// Slot size in bytes.
    pub size: u32,
    /// See the module's text.
    pub reciprocal: u32,
    /// See the module's text.
    pub limit: u32,
    /// Slots in a slab.
    pub slots: u16,
    /// A full slab is listed again when this many slots are used: an eighth is free.
    pub relist_at: u16,
    /// Words of A that a slab has.
    pub words: u8,
    /// Units of a slab.
    pub units: u8,
}

/// All classes, and unused ones up to the number that an entry can hold.
pub static TABLE: [Class; CLASS_LIMIT as usize] = table();

/// `⌊2³²/size⌋ + 1` of a class: 29 bits at most.
const fn reciprocal(class: usize) -> u32 {
    ((1 << 32) / size_of_class(class) as u64 + 1) as u32
}

/// See the module's text.
const fn limit(reciprocal: u32, size: usize, slots: usize) -> u32 {
    let past_the_last = (reciprocal as u64 * size as u64 - (1 << 32)) * slots as u64;
    if past_the_last < reciprocal as u64 {
        past_the_last as u32
    } else {
        reciprocal
    }
}

/// The class that serves `size` bytes, for `1 ≤ size ≤ MAX_SLOT`.
#[inline(always)]
pub const fn class_of(size: usize) -> usize {
    let last = size - 1;
    if last < MEDIUM {
        BY_16[last / 16] as usize
    } else {
        BY_128[last / 128] as usize
    }
}

/// Above this all classes are multiples of 128 bytes.
pub const MEDIUM: usize = 1024;
// Tables, because a logarithm takes longer, and because programs mix sizes in ways that no
// processor foresees: a branch within the usual sizes costs more than a table of one line.
static BY_16: [u8; MEDIUM / 16] = by(16);
static BY_128: [u8; MAX_SLOT / 128] = by(128);

/// The class of the last byte of each step of `step` bytes.
const fn by<const N: usize>(step: usize) -> [u8; N] {
    let mut classes = [0; N];
    let (mut index, mut class) = (0, 0);
    while index < N {
        while size_of_class(class) < (index + 1) * step {
            class += 1;
        }
        classes[index] = class as u8;
        index += 1;
    }
    classes
}

/// Slot size in bytes of a class.
pub const fn size_of_class(class: usize) -> usize {
    if class < SMALL / GRANULE {
        return (class + 1) * GRANULE;
    }
    if class >= EXACT {
        let (doubling, step) = ((class - EXACT) / 2, (class - EXACT) % 2);
        return (3 + step) << (5 + doubling);
    }
    let (doubling, step) = ((class - 16) / 8, (class - 16) % 8);
    (9 + step) << (5 + doubling)
}

/// Whether requests of `size` bytes are served by a class. None serves 0.
pub const fn serves(class: usize, size: usize) -> bool {
    least_of_class(class) <= size && size <= size_of_class(class)
}

/// The smallest size that a class serves; the largest is that of its slots.
pub const fn least_of_class(class: usize) -> usize {
    match class {
        0 => 1,
        1..EXACT => size_of_class(class - 1) + 1,
        // Blocks that grew may shrink again.
        _ => size_of_class(class) / 2 + 1,
    }
}

/// The class that leaves a block of `slot` bytes room to grow on, if it grows to `size` by a small
/// step.
#[inline]
pub const fn roomy_class(slot: usize, size: usize) -> Option<usize> {
    // Growth by nothing or less becomes an enormous one.
    let is_step = size.wrapping_sub(slot + 1) < slot / 4;
    let last = size.wrapping_sub(1);
    if !is_step || last < LEAST_ROOMY || last >= MAX_ROOMY {
        return None;
    }
    let doubling = (last / LEAST_ROOMY).ilog2() as usize;
    let upper_half = last >> (LEAST_ROOMY.ilog2() as usize + doubling - 1) & 1;
    Some(EXACT + 2 * doubling + upper_half)
}

/// One less than the multiple of `align` that holds `size` bytes; enormous for 0. A slot that holds
/// such a multiple is aligned.
#[inline(always)]
pub const fn last_aligned(size: usize, align: usize) -> usize {
    // Slabs start at unit boundaries, so a slot size that is a multiple of `align` is enough. The
    // class of such a multiple is one: classes are apart by powers of two, which either divide
    // `align`, and then the multiple is a class itself, or are multiples of it.
    debug_assert!(align.is_power_of_two());
    size.wrapping_sub(1) | (align - 1)
}

/// The class that serves requests of `size` bytes aligned to `align`, if there is one.
#[inline]
pub fn aligned_class(size: usize, align: usize) -> Option<usize> {
    let last = last_aligned(size.max(1), align);
    (last < MAX_SLOT).then(|| class_of(last + 1))
}

/// The length of a slab in units: one up to 8 KiB; then that of 2 to 4 which wastes the smallest
/// share at the slab's end; above 32 KiB, where few slots fit in, the shortest that wastes little.
const fn best_units(size: usize) -> usize {
    if size <= 8192 {
        return 1;
    }
    let (mut best, mut units) = (2, 2);
    if size > 32 << 10 {
        while units * UNIT % size * 11 > units * UNIT {
            units += 1;
        }
        return units;
    }
    while units <= 4 {
        let (waste, length) = (units * UNIT % size, units * UNIT);
        if waste * best * UNIT < (best * UNIT % size) * length {
            best = units;
        }
        units += 1;
    }
    best
}

const fn class(index: usize) -> Class {
    let size = size_of_class(index);
    let units = best_units(size);
    // Only the smallest slots are more than a row has bits for.
    let fitting = units * UNIT / size;
    let slots = if fitting < MAX_SLOTS {
        fitting
    } else {
        MAX_SLOTS
    };
    assert!(slots >= 2 && units <= MAX_SLAB_UNITS as usize);
    let eighth = if slots < 8 { 1 } else { slots / 8 };
    Class {
        size: size as u32,
        reciprocal: reciprocal(index),
        limit: limit(reciprocal(index), size, slots),
        slots: slots as u16,
        relist_at: (slots - eighth) as u16,
        words: slots.div_ceil(64) as u8,
        units: units as u8,
    }
}

const fn table() -> [Class; CLASS_LIMIT as usize] {
    let none = Class {
        size: 0,
        reciprocal: 0,
        limit: 0,
        slots: 0,
        relist_at: 0,
        words: 0,
        units: 0,
    };
    let mut table = [none; CLASS_LIMIT as usize];
    let mut index = 0;
    while index < CLASSES {
        table[index] = class(index);
        index += 1;
    }
    assert!(size_of_class(EXACT - 1) == MAX_SLOT);
    assert!(size_of_class(CLASSES - 1) == MAX_ROOMY);
    table
}

impl Class {
    /// The slot that starts `offset` bytes into a slab, if one does.
    #[inline]
    pub const fn slot_at(&self, offset: usize) -> Option<usize> {
        // For the start of slot q the product is q·2³² + q·e with e ≤ size, and q·size < 2¹⁹.
        let slot = ((offset as u64 * self.reciprocal as u64) >> 32) as u32;
        let is_slot = offset as u32 == slot * self.size && slot < self.slots as u32;
        if is_slot { Some(slot as usize) } else { None }
    }

    /// The bits of a word that stand for slots.
    #[inline]
    pub const fn valid(&self, word: usize) -> u64 {
        let from_here = self.slots as usize - word * 64;
        if from_here >= 64 {
            u64::MAX
        } else {
            (1 << from_here) - 1
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::row::Row;

    #[test]
    fn every_size_gets_the_smallest_class_that_holds_it() {
        for size in 1..=MAX_SLOT {
            let class = class_of(size);
            assert!(size_of_class(class) >= size, "{size}");
            assert!(class == 0 || size_of_class(class - 1) < size, "{size}");
        }
        assert_eq!(class_of(MAX_SLOT), EXACT - 1);
    }

    #[test]
    fn small_steps_get_room_and_nothing_else_does() {
        for size in 1..=MAX_SLOT {
            let slot = size_of_class(class_of(size));
            assert_eq!(roomy_class(slot, size), None, "{size} is no growth");
            assert_eq!(roomy_class(slot, slot + slot / 4 + 1), None, "{slot} leaps");
            match roomy_class(slot, slot + 1) {
                None => assert!(!(LEAST_ROOMY..MAX_ROOMY).contains(&slot), "{slot}"),
                Some(class) => {
                    assert!(class >= EXACT && serves(class, slot + 1), "{slot}");
                    assert!(class == EXACT || size_of_class(class - 1) <= slot, "{slot}");
                }
            }
        }
        assert!((0..EXACT).all(|class| serves(class, size_of_class(class))));
        assert!((1..EXACT).all(|class| !serves(class, size_of_class(class - 1))));
        assert!((0..CLASSES).all(|class| !serves(class, 0)));
    }

    #[test]
    fn every_slot_is_found_and_everything_else_refused() {
        for class in &TABLE[..CLASSES] {
            let size = class.size as usize;
            // SAFETY: a row is made of atomics, of which all bits may be zero.
            let row: Row = unsafe { core::mem::zeroed() };
            row.reciprocal.set(class.reciprocal);
            row.limit.set(class.limit);
            for offset in 0..class.units as usize * UNIT {
                let is_slot = offset % size == 0 && offset / size < class.slots as usize;
                let expected = is_slot.then_some(offset / size);
                assert_eq!(class.slot_at(offset), expected, "{offset} in {size}");
                if offset < UNIT {
                    assert_eq!(row.slot_at(offset), expected, "{offset} in {size}");
                }
            }
        }
    }

    #[test]
    fn aligned_requests_get_aligned_slots() {
        for shift in 0..=14 {
            let align = 1 << shift;
            for size in 0..=MAX_SLOT {
                if let Some(class) = aligned_class(size, align) {
                    assert!(
                        size_of_class(class) >= size && size_of_class(class).is_multiple_of(align)
                    );
                } else {
                    assert!(size.max(1).next_multiple_of(align) > MAX_SLOT);
                }
            }
        }
    }

    #[test]
    fn slabs_waste_little_at_their_ends() {
        for class in &TABLE[..CLASSES] {
            let length = class.units as usize * UNIT;
            let waste = length - class.slots as usize * class.size as usize;
            // Addresses, not memory: the end is never touched. A row has no bits for nine of 64
            // of the smallest slots.
            if class.slots as usize == MAX_SLOTS {
                assert_eq!(
                    (class.size, waste * 64),
                    (GRANULE as u32, length * 9),
                    "{class:?}"
                );
            } else {
                assert!(waste * 100 <= length * 9, "{class:?}");
            }
            assert!(class.relist_at >= 1 && class.relist_at < class.slots);
        }
    }
}
