//! What a slab's words of A and R say, and the life of a slab's records.

use super::classes::{Class, TABLE, least_of_class};
use super::remote;
use crate::fault::{Misuse, misuse};
use crate::records::directory::{Land, MAX_SLAB_UNITS};
use crate::records::land::State;
use crate::records::layout::TABLES;
use crate::records::{Entry, UNIT};
use crate::region::{Kind, Run};
use crate::sync::Ordering::Relaxed;

/// The figures of a class.
#[inline(always)]
pub fn class(index: u32) -> &'static Class {
    debug_assert!(index < TABLE.len() as u32);
    &TABLE[index as usize & (TABLE.len() - 1)]
}

/// Makes a run a slab: records first, entries last.
pub fn open(run: Run, heap: u32, index: u32) {
    let record = TABLES.land(run.unit);
    record.units.set(run.units);
    record.class.set(index as u8);
    record.state.set(State::Current as u8);
    record.purged.set(0);
    record.touched.set(match run.kind {
        Kind::Clean => 0,
        Kind::Dirty => class(index).words,
    });
    let row = TABLES.row_of(run.unit);
    row.reciprocal.set(class(index).reciprocal);
    row.limit.set(class(index).limit);
    let below = least_of_class(index as usize) as u64 - 1;
    row.below.set(below);
    row.span.set(u64::from(class(index).size) - below);
    row.to_remote
        .store(TABLES.to_remote(class(index).words), Relaxed);
    for delta in 0..run.units {
        TABLES
            .directory(run.unit + delta)
            .set(Entry::slab(heap, index, delta));
    }
}

/// Makes an empty slab a run again. `None` if a remote freer still has business with it.
pub fn close(unit: u32) -> Option<Run> {
    let record = TABLES.land(unit);
    let (units, first) = (record.units.get(), TABLES.directory(unit).get().unshared());
    let Land::Slab {
        heap, class: index, ..
    } = first.land()
    else {
        return None;
    };
    for delta in 0..units {
        // A freer may mark a unit at any moment; what is marked stays.
        if !TABLES
            .directory(unit + delta)
            .blank(Entry::slab(heap, index, delta))
        {
            (0..delta).for_each(|d| TABLES.directory(unit + d).set(Entry::slab(heap, index, d)));
            return None;
        }
    }
    let untouched = record.touched.get() == 0;
    TABLES.until(unit).set(0);
    record.state.set(State::None as u8);
    Some(Run {
        unit,
        units,
        kind: if untouched { Kind::Clean } else { Kind::Dirty },
    })
}

/// The class of the slab that starts at `unit`.
#[inline]
pub fn class_at(unit: u32) -> &'static Class {
    class(u32::from(TABLES.land(unit).class.get()))
}

/// Bits set in A: live slots, and those freed remotely and not yet taken back.
pub fn count_set(unit: u32) -> u32 {
    let words = usize::from(class_at(unit).words);
    (0..words)
        .map(|word| TABLES.live(unit, word).load(Relaxed).count_ones())
        .sum()
}

/// Live slots: those that nobody has freed, as far as that is published.
pub fn count_live(unit: u32) -> u32 {
    let words = usize::from(class_at(unit).words);
    (0..words)
        .map(|word| live_slots(unit, word).count_ones())
        .sum()
}

/// The live slots of one word.
pub fn live_slots(unit: u32, word: usize) -> u64 {
    TABLES.live(unit, word).load(Relaxed) & !TABLES.remote(unit, word).load(Relaxed)
}

/// Whether no more than so many slots of a slab are live.
pub fn has_at_most(unit: u32, most: u32) -> bool {
    let words = usize::from(class_at(unit).words);
    let mut live = 0;
    (0..words).all(|word| {
        live += live_slots(unit, word).count_ones();
        live <= most
    })
}

/// Takes back all remote frees of a slab; how many there were. Ends the process if one of them was
/// freed by its owner as well.
pub fn collect_all(unit: u32) -> u32 {
    let words = usize::from(class_at(unit).words);
    (0..words)
        .map(|word| collect_word(unit, word).count_ones())
        .sum()
}

/// Takes back the remote frees of one word.
pub fn collect_word(unit: u32, word: usize) -> u64 {
    match remote::collect(TABLES.live(unit, word), TABLES.remote(unit, word)) {
        Ok(freed) => freed,
        Err(twice) => {
            let slot = word * 64 + twice.trailing_zeros() as usize;
            misuse(
                Misuse::DoubleFree,
                slot_address(unit, slot),
                class_at(unit).size as usize,
            )
        }
    }
}

/// The address of a slot.
#[inline]
pub fn slot_address(unit: u32, slot: usize) -> usize {
    TABLES.address(unit) as usize + slot * class_at(unit).size as usize
}

/// A slot, found from an address in a slab.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// The slab's first unit.
    pub head: u32,
    /// The unit of the address.
    pub unit: u32,
    /// That unit's entry.
    pub entry: Entry,
    /// The slot, counted from the slab's start.
    pub slot: usize,
    /// The word of A and R.
    pub word: usize,
    /// The slot's bit in it.
    pub bit: u64,
}

/// Finds the slot that starts at `offset` bytes from the base, in a unit that belongs to a slab.
/// `None` if no slot starts there.
#[inline]
pub fn locate(offset: usize, entry: Entry, index: u32, delta: u32) -> Option<Place> {
    debug_assert!(delta < MAX_SLAB_UNITS);
    let unit = (offset / UNIT) as u32;
    let slot = class(index).slot_at(offset % UNIT + delta as usize * UNIT)?;
    let (word, bit) = (slot / 64, 1 << (slot % 64));
    Some(Place {
        head: unit - delta,
        unit,
        entry,
        slot,
        word,
        bit,
    })
}

/// Ends the process with the reason why `address`, in the reservation, is no live object.
#[cold]
#[inline(never)]
pub fn refuse(address: usize) -> ! {
    let base = TABLES.base();
    let offset = address.wrapping_sub(base);
    if base == 0 || offset >= TABLES.bytes() {
        misuse(Misuse::Foreign, address, 0);
    }
    if offset < TABLES.first_unit() as usize * UNIT {
        misuse(Misuse::Tables, address, 0);
    }
    let unit = (offset / UNIT) as u32;
    let what = if !address.is_multiple_of(super::classes::GRANULE) {
        Misuse::Misaligned
    } else {
        at_unit(unit, offset)
    };
    let size = match TABLES.directory(unit).get().land() {
        Land::Slab { class: index, .. } => class(index).size as usize,
        _ => 0,
    };
    misuse(what, address, size)
}

fn at_unit(unit: u32, offset: usize) -> Misuse {
    match TABLES.directory(unit).get().land() {
        Land::Slab {
            class: index,
            delta,
            ..
        } => match locate(offset, Entry::BLANK, index, delta) {
            Some(_) => Misuse::DoubleFree,
            None => Misuse::Interior,
        },
        Land::Large => Misuse::Interior,
        Land::Dirty => Misuse::DoubleFree,
        Land::Clean => Misuse::NeverAllocated,
        Land::Blank if inside_large(unit) => Misuse::Interior,
        Land::Blank => Misuse::NeverAllocated,
    }
}

/// Whether a blank unit lies inside a large object: the nearest entry before it is one.
fn inside_large(unit: u32) -> bool {
    let first = TABLES.first_unit();
    let before = (first..unit)
        .rev()
        .find(|&u| TABLES.directory(u).get() != Entry::BLANK);
    before.is_some_and(|u| {
        TABLES.directory(u).get().land() == Land::Large && u + TABLES.land(u).units.get() > unit
    })
}
