//! D, the directory: one word a unit that says whose land it is.
//!
//! ```text
//!  63     42 41     35 34 32  31      30           15 14     10 9   3 2  0
//! ┌─────────┬─────────┬─────┬──────┬────────────────┬─────────┬─────┬─────┐
//! │    0    │ class   │  0  │shared│ heap           │ delta   │  0  │  0  │   a unit of a slab
//! └─────────┴─────────┴─────┴──────┴────────────────┴─────────┴─────┴─────┘
//!                                0   0                0               kind     any other unit
//! ```
//! `delta` is the distance in units to the slab's first unit; `shared` is set while the unit waits
//! in its owner's inbox. So the low half of the entry of the first unit of a heap's slab is that
//! heap's key, unless others free there; and the high half is the class times 8, an offset into
//! tables by class.
//!
//! A slab's owner never changes while an object in it lives: heaps are parked and reused whole.
//! Whoever holds a live object may therefore read its entry without further ado.

use crate::sync::{AtomicU64, Ordering};

/// Size classes are numbers below this.
pub const CLASS_LIMIT: u32 = 128;
const CLASS_SHIFT: u32 = 3;
/// Where the high half begins.
const HIGH: u32 = 32;
const DELTA_SHIFT: u32 = 10;
/// The largest slab has this many units.
pub const MAX_SLAB_UNITS: u32 = 8;
const KEY_SHIFT: u32 = 15;
/// Heaps are numbers from 1 to this.
pub const MAX_HEAPS: u32 = (1 << 16) - 1;
const SHARED: u64 = 1 << 31;

/// One entry of the directory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Entry(u64);

/// What a heap compares entries with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Key(u32);

impl Key {
    /// The key of a heap that owns nothing: zero, so that such heaps are zeroed memory and take no
    /// page of the library's file. Blank entries have it too, but such a heap reaches no entry by
    /// the fast path of free (`heap::Heap::reach`).
    pub const NONE: Self = Key(0);

    /// The key of a heap; number 0 is none.
    pub const fn of(heap: u32) -> Self {
        Key(heap << KEY_SHIFT)
    }
}

/// A class as entries hold it: its number times 8.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ClassOffset(u64);

impl ClassOffset {
    /// The class's number.
    #[inline(always)]
    pub const fn number(self) -> usize {
        (self.0 >> CLASS_SHIFT) as usize
    }

    /// Of a class by number, which is below [`CLASS_LIMIT`].
    #[inline(always)]
    pub const fn of(class: u32) -> Self {
        ClassOffset((class as u64) << CLASS_SHIFT)
    }

    /// The address of the class's element of an array whose elements are some eighths long.
    #[inline(always)]
    pub fn pick<T>(self, array: *const T) -> *const T {
        const { assert!(size_of::<T>().is_multiple_of(8)) };
        array.wrapping_byte_add(self.0 as usize * (size_of::<T>() / 8))
    }
}

/// What a unit is used for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Land {
    /// Nothing, or the inside of a run.
    Blank,
    /// An edge (first or last unit) of a free run that may hold pages.
    Dirty,
    /// An edge of a free run that reads as zero and holds no pages.
    Clean,
    /// The first unit of a large object.
    Large,
    /// Part of a slab.
    Slab {
        /// The owner.
        heap: u32,
        /// Its size class.
        class: u32,
        /// Units from the slab's first unit to this one.
        delta: u32,
    },
}

impl Entry {
    /// Never used, or inside a run.
    pub const BLANK: Entry = Entry(0);
    /// Edge of a dirty free run.
    pub const DIRTY: Entry = Entry(1);
    /// Edge of a clean free run.
    pub const CLEAN: Entry = Entry(2);
    /// First unit of a large object.
    pub const LARGE: Entry = Entry(3);

    /// The entry of a slab's unit.
    #[inline]
    pub const fn slab(heap: u32, class: u32, delta: u32) -> Entry {
        let low = heap << KEY_SHIFT | delta << DELTA_SHIFT;
        Entry(ClassOffset::of(class).0 << HIGH | low as u64)
    }

    /// The half that keys are compared with.
    #[inline(always)]
    const fn low(self) -> u32 {
        self.0 as u32
    }

    /// Whether this is the first unit of a slab of the heap with `key`, and not shared.
    #[inline(always)]
    pub const fn is_first_of(self, key: Key) -> bool {
        self.low() == key.0
    }

    /// Whether this is the first unit of a slab of the heap with `key`, and shared.
    #[inline(always)]
    pub const fn is_shared_first_of(self, key: Key) -> bool {
        self.low() ^ key.0 == SHARED as u32
    }

    /// The class, if the unit belongs to a slab.
    #[inline(always)]
    pub const fn class(self) -> ClassOffset {
        ClassOffset(self.0 >> HIGH)
    }

    /// The class and the distance in units to the slab's first unit, if this is a unit of a slab of
    /// the heap with `key` that is not shared.
    #[inline(always)]
    pub const fn unit_against(self, key: Key) -> Option<(ClassOffset, usize)> {
        let rest = self.low() ^ key.0;
        // Without a heap's number the entry is no slab's, and a key is that of no heap.
        if rest >= 1 << KEY_SHIFT || self.low() < 1 << KEY_SHIFT {
            return None;
        }
        Some((self.class(), (rest >> DELTA_SHIFT) as usize))
    }

    /// The class if this is the first unit of a slab of another heap than that with `key`, shared
    /// or not.
    #[inline(always)]
    pub const fn first_unit_of_others(self, key: Key) -> Option<ClassOffset> {
        let rest = self.unshared().low();
        // A heap, and neither a distance nor a kind.
        if rest != 0 && rest.is_multiple_of(1 << KEY_SHIFT) && rest != key.0 {
            Some(self.class())
        } else {
            None
        }
    }

    /// The class, if the unit belongs to a slab at all.
    #[inline]
    pub const fn class_of_slab(self) -> Option<ClassOffset> {
        if self.unshared().low() >= 1 << KEY_SHIFT {
            Some(self.class())
        } else {
            None
        }
    }

    /// Whether the unit belongs to a slab of the heap with `key`, shared or not.
    #[inline]
    pub const fn owned_by(self, key: Key) -> bool {
        self.unshared().low() ^ key.0 < 1 << KEY_SHIFT
    }

    /// Whether the unit waits in its owner's inbox.
    #[inline]
    pub const fn is_shared(self) -> bool {
        self.0 & SHARED != 0
    }

    /// Without the mark of [`Self::is_shared`].
    #[inline]
    pub const fn unshared(self) -> Entry {
        Entry(self.0 & !SHARED)
    }

    /// With the mark.
    #[inline]
    pub const fn shared(self) -> Entry {
        Entry(self.0 | SHARED)
    }

    /// The entry in words.
    #[inline]
    pub const fn land(self) -> Land {
        let low = self.unshared().low();
        let heap = low >> KEY_SHIFT;
        match low {
            _ if heap != 0 => Land::Slab {
                heap,
                class: self.class().number() as u32,
                delta: low >> DELTA_SHIFT & (MAX_SLAB_UNITS - 1),
            },
            1 => Land::Dirty,
            2 => Land::Clean,
            3 => Land::Large,
            _ => Land::Blank,
        }
    }
}

/// A place in the directory.
#[repr(transparent)]
pub struct Cell(AtomicU64);

impl Cell {
    /// A blank cell, for models and tests; the real ones are zeroed memory.
    #[cfg(loom)]
    pub fn new(entry: Entry) -> Self {
        Cell(AtomicU64::new(entry.0))
    }

    /// Relaxed: whoever holds a live object has synchronised with the slab's opening.
    #[inline(always)]
    pub fn get(&self) -> Entry {
        Entry(self.0.load(Ordering::Relaxed))
    }

    /// As [`Self::get`], in one order with all marks and all bits of R.
    #[inline]
    pub fn get_in_order(&self) -> Entry {
        Entry(self.0.load(Ordering::SeqCst))
    }

    /// Release, so that a walker that sees the entry sees the slab's record too.
    #[inline]
    pub fn set(&self, entry: Entry) {
        self.0.store(entry.0, Ordering::Release);
    }

    /// Marks the entry as shared if it is still exactly `seen`, which is not.
    #[inline]
    pub fn mark_shared(&self, seen: Entry) -> bool {
        let marked = seen.shared().0;
        self.0
            .compare_exchange(seen.0, marked, Ordering::SeqCst, Ordering::Relaxed)
            .is_ok()
    }

    /// Ends a slab's hold on the unit if the entry is still exactly `seen`, which is not shared.
    #[inline]
    pub fn blank(&self, seen: Entry) -> bool {
        let swapped = self
            .0
            .compare_exchange(seen.0, 0, Ordering::SeqCst, Ordering::Relaxed);
        swapped.is_ok()
    }

    /// Takes the mark away.
    #[inline]
    pub fn clear_shared(&self) {
        self.0.fetch_and(!SHARED, Ordering::SeqCst);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn says_what_it_was_told() {
        let entry = Entry::slab(MAX_HEAPS, CLASS_LIMIT - 1, MAX_SLAB_UNITS - 1);
        let all = Land::Slab {
            heap: MAX_HEAPS,
            class: 127,
            delta: MAX_SLAB_UNITS - 1,
        };
        assert_eq!(entry.land(), all);
        assert_eq!(entry.shared().land(), all);
        assert_eq!(entry.shared().unshared(), entry);
        assert_eq!(Entry::LARGE.land(), Land::Large);
        assert_eq!(Entry::DIRTY.land(), Land::Dirty);
        assert_eq!(Entry::CLEAN.land(), Land::Clean);
        assert_eq!(Entry::BLANK.land(), Land::Blank);
    }

    #[test]
    fn only_the_first_unit_of_an_own_unshared_slab_has_the_key() {
        let key = Key::of(7);
        let first = Entry::slab(7, 5, 0);
        assert!(first.is_first_of(key));
        assert_eq!(first.class(), ClassOffset::of(5));
        assert!(first.shared().is_shared_first_of(key) && !first.is_shared_first_of(key));
        assert!(!Entry::slab(7, 5, 1).shared().is_shared_first_of(key));
        assert!(!Entry::slab(6, 5, 0).shared().is_shared_first_of(key));
        assert!(!Entry::slab(MAX_HEAPS, 0, 0).shared().is_first_of(Key::NONE));
        for other in [
            Entry::slab(7, 5, 1),
            Entry::slab(6, 5, 0),
            Entry::slab(7, 5, 0).shared(),
            Entry::LARGE,
            Entry::BLANK,
        ] {
            assert!(!other.is_first_of(key), "{other:?}");
        }
        assert!(Entry::slab(7, 5, 3).shared().owned_by(key));
        assert!(!Entry::slab(8, 5, 3).owned_by(key));
        assert!(!Entry::LARGE.owned_by(key));
    }

    #[test]
    fn no_unit_belongs_to_a_heap_that_owns_nothing() {
        let slab = Entry::slab(MAX_HEAPS, 0, 7);
        let no_slabs = [Entry::BLANK, Entry::DIRTY, Entry::CLEAN, Entry::LARGE];
        for entry in no_slabs.into_iter().chain([slab, slab.shared()]) {
            for key in [Key::NONE, Key::of(1)] {
                assert_eq!(entry.unit_against(key), None, "{entry:?}");
            }
        }
        assert!(!slab.owned_by(Key::NONE) && !slab.shared().owned_by(Key::NONE));
    }

    #[test]
    fn only_the_first_unit_of_a_slab_of_others_gives_its_class() {
        let key = Key::of(7);
        for other in [Entry::slab(6, 5, 0), Entry::slab(MAX_HEAPS, 5, 0).shared()] {
            assert_eq!(other.first_unit_of_others(key), Some(ClassOffset::of(5)));
            assert_eq!(
                other.first_unit_of_others(Key::NONE),
                Some(ClassOffset::of(5))
            );
        }
        for entry in [
            Entry::slab(7, 5, 0),
            Entry::slab(7, 5, 0).shared(),
            Entry::slab(6, 5, 1),
            Entry::LARGE,
            Entry::DIRTY,
            Entry::BLANK,
            Entry::BLANK.shared(),
        ] {
            assert_eq!(entry.first_unit_of_others(key), None, "{entry:?}");
        }
    }
}
