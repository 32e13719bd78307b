//! Heaps: what one thread owns, and the paths of malloc and free through it.
//!
//! ```text
//! ┌ key, number, base      ┐ what it is
//! ├ cursor 0 … 93          ┤ what a malloc needs, a line each
//! ├ passes, lists 0 … 93   ┤ what a refill needs: slabs with room
//! ├ outbox 0 … 47          ┤ frees of other heaps' slots
//! └ stage, inboxes 0 … 93  ┘ what other threads write, in lines of its own
//! ```
//! A **cursor** stands in one word of one slab and *holds* the slots that were free there when it
//! came; malloc hands out the lowest and sets its bit in A. free clears the bit and counts, and
//! nothing else: it need not know where cursors stand. A free slot is never touched.
//!
//! Invariants
//! 1. A slot held by a cursor is clear in A.
//! 2. `until` of a slab, with `used` = bits set in A, and slots held:
//!    current: `used + 1` · listed: `used` · full: `used − relist_at`.
//!    So it falls to zero exactly when a listed slab is empty or a full one has an eighth free.
//! 3. Every slab of a heap is current, listed or full (`records::land::State`).
//! 4. Only the owner (the thread, or who holds the registry's lock if the heap is parked, or the
//!    late lock) touches anything but `shared`.

mod check;
mod cursor;
pub mod fork;
mod free;
mod life;
mod list;
mod malloc;
mod outbox;
mod reap;
mod refill;
mod resize;
mod slabs;
#[cfg(test)]
mod tests;
mod tls;

pub use check::verify;
pub use free::{free, free_aligned_sized, free_sized, usable_size};
pub use life::{count, publish, purge};
pub use malloc::{
    malloc, malloc_or, malloc_slowly, memalign, memalign_or, memalign_slowly, zalloc,
};
pub use resize::{realloc, realloc_aligned, realloc_with_room};

use crate::records::directory::{ClassOffset, Key};
use crate::records::layout::{HEAP_BYTES, TABLES};
use crate::slab::classes::{GRANULE, MEDIUM, class_of};
use crate::slab::{CLASSES, words};
use crate::sync::AtomicU32;
use core::cell::Cell;
use cursor::{Cursor, Pass};
use list::List;
use outbox::Outbox;

/// One thread's heap.
#[repr(C, align(64))]
pub struct Heap {
    key: Cell<Key>,
    number: Cell<u32>,
    base: Cell<usize>,
    /// Bytes reserved, so that a free compares with its own heap's memory; 0 in the empty heap.
    reach: Cell<usize>,
    generation: Cell<u32>,
    /// The last of [`reap`]'s rounds that the owner knows of.
    round: AtomicU32,
    /// How many slabs it enters until it looks up.
    entries: Cell<u32>,
    /// See [`tls::thread`].
    thread: Cell<usize>,
    cursors: [Cursor; CLASSES],
    passes: [Pass; CLASSES],
    lists: [List; CLASSES],
    outbox: Outbox,
    shared: Shared,
}

/// What other threads may touch.
#[repr(align(64))]
struct Shared {
    /// A [`life::Stage`].
    stage: AtomicU32,
    /// The next parked heap, under the registry's lock.
    next_parked: AtomicU32,
    /// Units with remote frees, by class, linked through their rows. One for each class, so
    /// that a class that runs out takes back its own frees only: the others' lines stay where they
    /// are until they are worth the trip.
    inboxes: [AtomicU32; CLASSES],
}

// SAFETY: invariant 4; `shared` is made of atomics.
unsafe impl Sync for Heap {}

const _: () = assert!(size_of::<Heap>() <= HEAP_BYTES);

impl Heap {
    /// A heap that owns nothing: every malloc misses its cursors, no free is its own.
    const fn empty() -> Heap {
        Heap {
            key: Cell::new(Key::NONE),
            number: Cell::new(0),
            base: Cell::new(0),
            reach: Cell::new(0),
            generation: Cell::new(0),
            round: AtomicU32::new(0),
            entries: Cell::new(0),
            thread: Cell::new(0),
            cursors: [const { Cursor::none() }; CLASSES],
            passes: [const { Pass::none() }; CLASSES],
            lists: [const { List::empty() }; CLASSES],
            outbox: Outbox::empty(),
            shared: Shared {
                stage: AtomicU32::new(0),
                next_parked: AtomicU32::new(0),
                inboxes: [const { AtomicU32::new(0) }; CLASSES],
            },
        }
    }

    /// Brings a zeroed heap to life, or one of which a fork may have seen a part.
    fn found(&self, number: u32) {
        self.key.set(Key::of(number));
        self.number.set(number);
        self.base.set(TABLES.base());
        self.reach.set(TABLES.bytes());
        self.entries.set(reap::ENTRIES);
        for (class, cursor) in self.cursors.iter().enumerate() {
            let figures = words::class(class as u32);
            cursor.serve(figures);
            let last = usize::from(figures.words) - 1;
            self.passes[class].last.set(last as u8);
            let spare = figures.valid(last).leading_zeros();
            self.passes[class].spare.set(spare as u8);
        }
    }

    /// The cursor of a class.
    #[inline(always)]
    fn cursor_of(&self, class: ClassOffset) -> &Cursor {
        // SAFETY: entries of slabs name classes below `CLASSES`.
        unsafe { &*class.pick(self.cursors.as_ptr()) }
    }

    /// The class of one of the heap's cursors.
    #[inline(always)]
    fn class_of_cursor(&self, cursor: &Cursor) -> usize {
        (&raw const *cursor as usize - self.cursors.as_ptr() as usize) / size_of::<Cursor>()
    }

    /// The cursor that serves requests of `last + 1` bytes, for `last < MEDIUM`.
    #[inline(always)]
    fn cursor_for_small(&self, last: usize) -> &Cursor {
        /// Where each step's cursor lies, in bytes from the first.
        static PLACES: [u16; MEDIUM / GRANULE] = {
            let mut places = [0; MEDIUM / GRANULE];
            let mut step = 0;
            while step < places.len() {
                places[step] = (class_of((step + 1) * GRANULE) * size_of::<Cursor>()) as u16;
                step += 1;
            }
            places
        };
        let place = PLACES[last / GRANULE];
        // SAFETY: the place of one of the cursors.
        unsafe { &*self.cursors.as_ptr().byte_add(place.into()) }
    }

    /// The cursor that serves requests of `size` bytes, for `1 ≤ size ≤ MAX_SLOT`.
    #[inline(always)]
    fn cursor_for(&self, size: usize) -> &Cursor {
        // SAFETY: `class_of` gives numbers below `CLASSES`.
        unsafe { self.cursors.get_unchecked(class_of(size)) }
    }

    /// The heap with a number that a directory entry names.
    fn numbered(number: u32) -> &'static Heap {
        // SAFETY: heaps lie in the tables, zeroed at first and never unmapped; a zeroed heap is
        // valid, and all its fields are cells and atomics.
        unsafe { &*TABLES.heap(number).cast::<Heap>() }
    }
}
