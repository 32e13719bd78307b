//! Heaps: what one thread owns, and the paths of malloc and free through it.
//!
//! ```text
//! ┌ key, base, limit, A, U ┐ what a free needs, one cache line
//! ├ cursor 0 … 71          ┤ what a malloc needs, half a line each
//! ├ lists 0 … 71           ┤ slabs with room
//! └ inbox, state           ┘ what other threads write, a line of its own
//! ```
//! A **cursor** stands in one word of one slab: `mask` holds the slots of that word that were free
//! when it came, less those it has handed out. malloc takes the lowest bit of the mask and sets it
//! in A; free clears the bit in A, and nothing else. So A is the truth at every moment, a free slot
//! is never touched, and neither path waits for the other's word.
//!
//! Invariants
//! 1. A slot in a cursor's mask is clear in A.
//! 2. `until` of a slab, with `used` = live slots + slots in the cursor's mask:
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
mod refill;
mod resize;
mod slabs;
mod tls;

pub use free::{free, free_aligned_sized, free_sized, usable_size};
pub use check::verify;
pub use life::{count, purge};
pub use malloc::{malloc, memalign, zalloc};
pub use resize::{realloc, realloc_aligned};

use crate::records::Entry;
use crate::records::layout::{HEAP_BYTES, TABLES};
use crate::slab::CLASSES;
use crate::sync::AtomicU32;
use core::cell::Cell;
use cursor::Cursor;
use list::List;

/// One thread's heap.
#[repr(C, align(64))]
pub struct Heap {
    key: Cell<u32>,
    number: Cell<u32>,
    base: Cell<usize>,
    limit: Cell<usize>,
    live: Cell<usize>,
    until: Cell<usize>,
    generation: Cell<u32>,
    cursors: [Cursor; CLASSES],
    lists: [List; CLASSES],
    shared: Shared,
}

/// What other threads may touch.
#[repr(align(64))]
struct Shared {
    /// Units with remote frees, linked through the table of links.
    inbox: AtomicU32,
    /// A [`life::Stage`].
    stage: AtomicU32,
    /// The next parked heap, under the registry's lock.
    next_parked: AtomicU32,
}

// SAFETY: invariant 4; `shared` is made of atomics.
unsafe impl Sync for Heap {}

const _: () = assert!(size_of::<Heap>() <= HEAP_BYTES);

impl Heap {
    /// A heap that owns nothing: every malloc misses its cursors, no free is its own.
    const fn empty() -> Heap {
        Heap {
            key: Cell::new(0),
            number: Cell::new(0),
            base: Cell::new(0),
            limit: Cell::new(0),
            live: Cell::new(0),
            until: Cell::new(0),
            generation: Cell::new(0),
            cursors: [const { Cursor::none() }; CLASSES],
            lists: [const { List::empty() }; CLASSES],
            shared: Shared {
                inbox: AtomicU32::new(0),
                stage: AtomicU32::new(0),
                next_parked: AtomicU32::new(0),
            },
        }
    }

    /// Brings a zeroed heap to life.
    fn found(&self, number: u32) {
        self.key.set(Entry::key(number));
        self.number.set(number);
        self.base.set(TABLES.base());
        self.limit.set(TABLES.bytes());
        self.live.set(TABLES.live_start());
        self.until.set(TABLES.until_start());
    }

    /// The heap with a number that a directory entry names.
    fn numbered(number: u32) -> &'static Heap {
        // SAFETY: heaps lie in the tables, zeroed at first and never unmapped; a zeroed heap is
        // valid, and all its fields are cells and atomics.
        unsafe { &*TABLES.heap(number).cast::<Heap>() }
    }
}
