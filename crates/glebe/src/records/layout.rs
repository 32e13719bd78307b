//! Where each table lies in a reservation of a given size, and how to reach a row.

use super::directory::{Cell, MAX_HEAPS};
use super::land::{Field16, Field32, Record};
use super::row::{ROW, Row, WORDS, WordId};
use crate::blocks::system::{self, BLOCK};
use crate::sync::{AtomicU64, AtomicUsize, Ordering};

/// Bytes of a unit.
pub const UNIT: usize = 1 << UNIT_SHIFT;
/// log₂ of [`UNIT`].
pub const UNIT_SHIFT: u32 = 16;
/// Bytes set aside for a heap: a page and an odd number of lines, so that the hottest fields of a
/// heap do not have the same place in their page as large blocks have in theirs; processors take
/// such addresses for one another and stall.
pub const HEAP_BYTES: usize = BLOCK + 81 * 64;

/// The largest reservation: it must fit unit numbers of 24 bits and a 47-bit address space.
pub const MAX_RESERVATION: usize = 1 << 38;
/// The base is a multiple of this, so that units, and huge pages, begin where they should.
const BASE_ALIGN: usize = 2 << 20;
/// The smallest with which it is worth to start at all.
pub const MIN_RESERVATION: usize = 1 << 24;

/// Offsets of the tables from the base of a reservation of `bytes`, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Bytes reserved, a power of two.
    pub bytes: usize,
    /// S.
    pub land: usize,
    /// R.
    pub remote: usize,
    /// Heaps.
    pub heaps: usize,
    /// How many heaps there is room for; number 0 is never used.
    pub max_heaps: u32,
    /// The page that a forked child reads as zero.
    pub wiped: usize,
    /// The first unit of land. The unit before it is never opened.
    pub first_unit: u32,
}

impl Layout {
    /// The layout for a reservation of `bytes`, a power of two.
    pub const fn new(bytes: usize) -> Layout {
        let units = bytes >> UNIT_SHIFT;
        let land = units * ROW;
        let remote = land + units * size_of::<Record>();
        // Tables start at page boundaries whatever the page size.
        let heaps = (remote + units * size_of::<Remote>()).next_multiple_of(1 << 16);
        // One heap for each quarter mebibyte of a small region, and no more than entries can name.
        let wanted = (bytes >> 18) + 16;
        let max_heaps = if wanted > MAX_HEAPS as usize {
            MAX_HEAPS
        } else {
            wanted as u32
        };
        let wiped = (heaps + max_heaps as usize * HEAP_BYTES).next_multiple_of(1 << 16);
        let end = wiped + (1 << 16);
        let first_unit = (end.next_multiple_of(UNIT) >> UNIT_SHIFT) as u32 + 1;
        // Land starts at a huge page's boundary in any but the smallest regions.
        let huge_page_units = (2 << 20 >> UNIT_SHIFT) as u32;
        let aligned = first_unit.next_multiple_of(huge_page_units);
        let first_unit = if bytes >> 28 == 0 {
            first_unit
        } else {
            aligned
        };
        Layout {
            bytes,
            land,
            remote,
            heaps,
            max_heaps,
            wiped,
            first_unit,
        }
    }

    /// Units in the reservation, tables included.
    pub const fn units(&self) -> u32 {
        (self.bytes >> UNIT_SHIFT) as u32
    }

    /// Bytes from the base to the end of the tables.
    pub const fn tables(&self) -> usize {
        self.wiped + (1 << 16)
    }
}

/// A row of R: the remote frees of a slab that has no room for them in its row, by its first unit.
#[repr(C, align(512))]
struct Remote([AtomicU64; WORDS]);

const _: () = assert!(size_of::<Remote>() == ROW);

/// The tables of the process: where they are, once there is a region.
pub struct Tables {
    base: AtomicUsize,
    // The offsets of `Layout::new(bytes)`, kept so that nothing is computed twice.
    bytes: AtomicUsize,
    land: AtomicUsize,
    remote: AtomicUsize,
    heaps: AtomicUsize,
    wiped: AtomicUsize,
    first_unit: AtomicUsize,
    /// How many forks lie between the first process and this one.
    forks: AtomicUsize,
    /// 1 if the kernel wipes that page in children.
    child_is_told: AtomicUsize,
}

/// The one set of tables.
pub static TABLES: Tables = Tables::none();

/// The mark on the page that a forked child reads as zero.
const PARENT: usize = 1;
/// A thread of the child is putting it in order.
const REPAIRING: usize = 2;

impl Tables {
    const fn none() -> Tables {
        Tables {
            base: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            land: AtomicUsize::new(0),
            remote: AtomicUsize::new(0),
            heaps: AtomicUsize::new(0),
            wiped: AtomicUsize::new(0),
            first_unit: AtomicUsize::new(0),
            forks: AtomicUsize::new(0),
            child_is_told: AtomicUsize::new(0),
        }
    }

    /// Reserves address space, the most the system grants, and opens the tables.
    ///
    /// Called once, before any other method, by whoever holds the region's lock.
    pub fn create(&self) -> Option<Layout> {
        let mut bytes = MAX_RESERVATION;
        while bytes >= MIN_RESERVATION {
            if let Some(start) = system::reserve(bytes + BASE_ALIGN) {
                let layout = Layout::new(bytes);
                // What lies before and after is left alone: it costs nothing but addresses.
                let base = start.map_addr(|start| start.next_multiple_of(BASE_ALIGN));
                // SAFETY: the reservation is ours and as long as the tables and more.
                if unsafe { self.open_at(base, &layout) } {
                    return Some(layout);
                }
                // SAFETY: nothing refers to it yet.
                unsafe { system::release(start, bytes + BASE_ALIGN) };
            }
            bytes /= 2;
        }
        None
    }

    /// # Safety
    /// `base` starts a reservation of `layout.bytes` that belongs to the caller.
    unsafe fn open_at(&self, base: *mut u8, layout: &Layout) -> bool {
        // SAFETY: the tables lie within the reservation.
        if !unsafe { system::open(base, layout.tables()) } {
            return false;
        }
        // SAFETY: as above; `wiped` starts a page that nothing else uses.
        unsafe {
            system::prefer_small_pages(base, layout.bytes);
            let page = base.add(layout.wiped);
            page.cast::<usize>().write(PARENT);
            let wipes = system::wipe_on_fork(page, system::page_size());
            self.child_is_told.store(wipes.into(), Ordering::Relaxed);
        }
        for (field, offset) in [
            (&self.bytes, layout.bytes),
            (&self.land, layout.land),
            (&self.remote, layout.remote),
            (&self.heaps, layout.heaps),
            (&self.wiped, layout.wiped),
            (&self.first_unit, layout.first_unit as usize),
        ] {
            field.store(offset, Ordering::Relaxed);
        }
        self.base.store(base as usize, Ordering::Release);
        true
    }

    /// The base address; 0 before there is a region.
    #[inline]
    pub fn base(&self) -> usize {
        self.base.load(Ordering::Acquire)
    }

    /// Bytes reserved.
    #[inline]
    pub fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// The first unit of land.
    #[inline]
    pub fn first_unit(&self) -> u32 {
        self.first_unit.load(Ordering::Relaxed) as u32
    }

    /// Units from `unit` to the next whose address is a multiple of `align` units, a power of two.
    #[inline]
    pub fn units_to_alignment(&self, unit: u32, align: u32) -> u32 {
        let number = self.base() / UNIT + unit as usize;
        (number.wrapping_neg() & (align as usize - 1)) as u32
    }

    /// The address of a unit's land.
    #[inline]
    pub fn address(&self, unit: u32) -> *mut u8 {
        (self.base() + ((unit as usize) << UNIT_SHIFT)) as *mut u8
    }

    #[inline]
    fn row<T>(&self, table: &AtomicUsize, index: usize) -> &'static T {
        let start = self.base.load(Ordering::Relaxed) + table.load(Ordering::Relaxed);
        // SAFETY: the table is open, zeroed at first, never unmapped, and holds atomics only;
        // callers pass row numbers of units in the reservation.
        unsafe { &*(start as *const T).add(index) }
    }

    /// The row of a unit; rows lie at the base.
    #[inline]
    pub fn row_of(&self, unit: u32) -> &'static Row {
        // SAFETY: as in `row`.
        unsafe { &*(self.base.load(Ordering::Relaxed) as *const Row).add(unit as usize) }
    }

    /// The row of the unit in which an address lies, if it lies in the reservation.
    #[inline(always)]
    pub fn row_at(&self, address: usize) -> Option<&'static Row> {
        // SAFETY: so many bytes are reserved.
        unsafe { self.row_within(address, self.bytes()) }
    }

    /// The row of the unit in which an address lies, if it lies in the first `bytes` of the
    /// reservation.
    ///
    /// # Safety
    /// So many bytes are reserved; 0 before there is a reservation.
    #[inline(always)]
    pub unsafe fn row_within(&self, address: usize, bytes: usize) -> Option<&'static Row> {
        let base = self.base.load(Ordering::Relaxed);
        let offset = address.wrapping_sub(base);
        if offset >= bytes {
            return None;
        }
        // SAFETY: rows begin at the base, and every unit of the reservation has one.
        unsafe {
            core::hint::assert_unchecked(base != 0);
            Some(&*(base as *const Row).add(offset >> UNIT_SHIFT))
        }
    }

    /// D's cell of a unit.
    #[inline]
    pub fn directory(&self, unit: u32) -> &'static Cell {
        &self.row_of(unit).entry
    }

    /// U's counter of a slab, by its first unit.
    #[inline]
    pub fn until(&self, unit: u32) -> &'static Field16 {
        &self.row_of(unit).until
    }

    /// A word of A as the fast paths name it.
    #[inline]
    pub fn word_id(&self, unit: u32, word: usize) -> WordId {
        WordId::of(self.row_of(unit), word)
    }

    /// A word of A, counted from the slab's first unit.
    #[inline]
    pub fn live(&self, unit: u32, word: usize) -> &'static AtomicU64 {
        &self.row_of(unit).live[word]
    }

    /// The inbox link of a unit.
    #[inline]
    pub fn link(&self, unit: u32) -> &'static Field32 {
        &self.row_of(unit).link
    }

    /// The record of the slab or run that starts (or, if free, ends) at a unit.
    #[inline]
    pub fn land(&self, unit: u32) -> &'static Record {
        self.row(&self.land, unit as usize)
    }

    /// From the words of A to those of R in a slab that has so many, in bytes: in the same row, if
    /// there is room, else in a table of their own.
    pub fn to_remote(&self, words: u8) -> usize {
        let words = usize::from(words);
        if words * 2 <= WORDS {
            words * size_of::<AtomicU64>()
        } else {
            self.remote.load(Ordering::Relaxed)
        }
    }

    /// The word of R beside [`Self::live`].
    #[inline]
    pub fn remote(&self, unit: u32, word: usize) -> &'static AtomicU64 {
        let row = self.row_of(unit);
        row.remote_of(WordId::of(row, word))
    }

    /// A heap's place; number 0 is none.
    #[inline]
    pub fn heap(&self, number: u32) -> *mut u8 {
        let start = self.base.load(Ordering::Relaxed) + self.heaps.load(Ordering::Relaxed);
        (start + number as usize * HEAP_BYTES) as *mut u8
    }

    /// Whether this is a forked child that is not in order yet.
    #[inline]
    pub fn is_fresh_child(&self) -> bool {
        self.base() != 0
            && self.wiped_word().load(Ordering::Relaxed) != PARENT
            && self.child_is_told.load(Ordering::Relaxed) != 0
    }

    /// In a child that [`Self::is_fresh_child`]: true for the one thread that is to put it in
    /// order and then call [`Self::note_fork`]; the others wait here until that is done.
    pub fn claim_child(&self) -> bool {
        let word = self.wiped_word();
        if word
            .compare_exchange(0, REPAIRING, Ordering::AcqRel, Ordering::Relaxed)
            .is_ok()
        {
            return true;
        }
        while word.load(Ordering::Acquire) != PARENT {
            core::hint::spin_loop();
        }
        false
    }

    /// How many forks lie between the first process and this one.
    #[inline]
    pub fn forks(&self) -> u32 {
        self.forks.load(Ordering::Relaxed) as u32
    }

    /// A small number, not 0, other than the parent's and the grandparents'.
    #[inline]
    pub fn process(&self) -> u8 {
        (self.forks.load(Ordering::Relaxed) % 255) as u8 + 1
    }

    /// The child is in order: it may be a parent itself.
    pub fn note_fork(&self) {
        self.forks.fetch_add(1, Ordering::Relaxed);
        self.wiped_word().store(PARENT, Ordering::Release);
    }

    fn wiped_word(&self) -> &'static AtomicUsize {
        self.row(&self.wiped, 0)
    }
}
