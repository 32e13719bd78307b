//! Frees of other heaps' slots, gathered by word before they are published.
//!
//! ```text
//! class   0   1   2  …  47
//!       ┌───┬───┬───┬─ … ─┬───┐
//!       │ P │ P │ P │     │ P │   P = one word of A, and the slots of it freed here
//!       └───┴───┴───┴─ … ─┴───┘       and those that were live when it began
//! ```
//! A thread that frees what another allocated mostly walks through the other's words one after the
//! other: so a locked instruction a word does instead of one a slot. Until it is sent a free counts
//! as live for everybody else. A parcel is sent when its class turns to another word, and in its
//! turn when all of them hold [`MOST_PENDING`] bytes; all are sent when the thread needs a new slab
//! and when it ends.
//!
//! Whether its slots are live is looked up once a parcel: A and R are others' lines, and a thread
//! that waits for each of them frees only a few objects at a time.
//!
//! A slot that is noted gets a word written to it. Who frees an object has mostly read it, and then
//! its first line is in two caches: the owner, before it writes there again, waits until the other
//! one is told. From a cache in which it was written last the line comes at once.
//!
//! Exactness: a second free by this thread meets the bit in the parcel, one by another thread meets
//! it in R when the later of the two is sent, one by the owner clears the bit in A, and is found
//! out when the owner takes this one back. Only if that slot was handed out again in between is the
//! wrong one of the two frees refused.
//!
//! Invariants
//! 1. A parcel's word belongs to a slab of another heap, of the parcel's class, one unit long.
//! 2. Its bits are set in A: a slab with pending frees is not empty, and so not closed.

use super::{Heap, fork, life};
use crate::fault::{Misuse, misuse};
use crate::records::directory::{ClassOffset, Land};
use crate::records::layout::TABLES;
use crate::records::row::WordId;
use crate::slab::classes;
use crate::slab::remote::{self, Published};
use crate::sync::Ordering::Relaxed;
use core::cell::Cell;

/// Classes below this are gathered: slots up to 4 KiB.
const GATHERED: usize = 48;
/// Bytes that may wait in a thread.
const MOST_PENDING: usize = 256 << 10;

/// See the module's text.
pub(super) struct Outbox {
    parcels: [Parcel; GATHERED],
    /// Bytes of the slots in all parcels.
    pending: Cell<usize>,
    /// The class whose turn it is.
    turn: Cell<usize>,
}

struct Parcel {
    /// A [`WordId`] as a number; 0 at first.
    word: Cell<usize>,
    /// Slots of the word that were live when this thread last looked, or freed here before that.
    begun: Cell<u64>,
    /// Those among them that were not freed here.
    open: Cell<u64>,
}

impl Parcel {
    const fn empty() -> Self {
        Parcel {
            word: Cell::new(0),
            begun: Cell::new(0),
            open: Cell::new(0),
        }
    }

    /// Its word; none when it is empty.
    fn word(&self) -> Option<WordId> {
        // SAFETY: `Heap::address` stored the number of one.
        (self.freed() != 0).then(|| unsafe { WordId::from_number(self.word.get()) })
    }

    /// The slots freed here.
    fn freed(&self) -> u64 {
        self.begun.get() ^ self.open.get()
    }

    /// Empties it; what was in it.
    fn take(&self) -> u64 {
        self.begun.take() ^ self.open.take()
    }
}

impl Outbox {
    pub const fn empty() -> Self {
        Outbox {
            parcels: [const { Parcel::empty() }; GATHERED],
            pending: Cell::new(0),
            turn: Cell::new(0),
        }
    }

    /// Whether frees of a class wait here at all.
    #[inline(always)]
    pub fn gathers(class: ClassOffset) -> bool {
        class.number() < GATHERED
    }

    /// Whether a slot (by its number modulo 64) of `word` waits here.
    pub fn holds(&self, class: usize, word: WordId, slot: usize) -> bool {
        self.parcels.get(class).is_some_and(|parcel| {
            parcel.word() == Some(word) && parcel.freed() >> (slot % 64) & 1 != 0
        })
    }

    /// Forgets all, for a heap whose thread a fork has left behind: a few slots stay live.
    pub fn forget(&self) {
        self.parcels.iter().for_each(|parcel| {
            parcel.take();
        });
        self.pending.set(0);
    }

    /// Checks the invariants of heap `number`'s outbox.
    pub fn verify(&self, number: u32) -> Result<(), &'static str> {
        for (class, parcel) in self.parcels.iter().enumerate() {
            let Some(id) = parcel.word() else { continue };
            let right = match id.row().entry.get().land() {
                Land::Slab {
                    heap,
                    class: of,
                    delta,
                } => heap != number && of as usize == class && delta == 0,
                _ => false,
            };
            if !right {
                return Err("outbox 1: a parcel for the wrong slab");
            }
            if parcel.freed() & !id.word().load(Relaxed) != 0 {
                return Err("outbox 2: a pending free of a slot that is not live");
            }
        }
        Ok(())
    }
}

impl Heap {
    /// Frees a slot in the first unit of another heap's slab, by and by, if it is live as far as
    /// one can see; else leaves it to `otherwise`. The class is gathered.
    #[inline(always)]
    pub(super) fn free_by_and_by(
        &self,
        block: *mut u8,
        id: WordId,
        slot: usize,
        class: ClassOffset,
        otherwise: fn(*mut u8),
    ) {
        // SAFETY: gathered classes have parcels.
        let parcel = unsafe { &*class.pick(self.outbox.parcels.as_ptr()) };
        let bit = 1 << (slot % 64);
        if parcel.word.get() == id.number() && parcel.open.get() & bit != 0 {
            self.put(parcel, block, bit, class);
        } else {
            self.address(block, id, bit, class, otherwise);
        }
    }

    #[inline(always)]
    fn put(&self, parcel: &Parcel, block: *mut u8, bit: u64, class: ClassOffset) {
        // SAFETY: the slot is live and given up by the caller, who had it to himself; nobody else
        // gets it before it is published. Volatile, for nobody reads what is written.
        unsafe { block.cast::<u64>().write_volatile(0) };
        parcel.open.set(parcel.open.get() ^ bit);
        let pending = self.outbox.pending.get() + self.cursor_of(class).slot_size();
        self.outbox.pending.set(pending);
        if pending > MOST_PENDING {
            self.send_next();
        }
    }

    /// Makes the class's parcel one for `id`, looks which slots are live there, and puts that of
    /// `bit` in it, which is `block`.
    #[cold]
    #[inline(never)]
    fn address(
        &self,
        block: *mut u8,
        id: WordId,
        bit: u64,
        class: ClassOffset,
        otherwise: fn(*mut u8),
    ) {
        let parcel = &self.outbox.parcels[class.number()];
        let same = parcel.word.get() == id.number();
        let freed_here = if same { parcel.freed() } else { 0 };
        let open = id.word().load(Relaxed) & !id.row().remote_of(id).load(Relaxed) & !freed_here;
        if open & bit == 0 {
            return otherwise(block);
        }
        // A thread that has no heap has no outbox: from the next free on it has.
        if self.number.get() == 0 {
            life::settle();
            return otherwise(block);
        }
        if !same {
            self.send(class.number());
            parcel.word.set(id.number());
        }
        parcel.begun.set(freed_here | open);
        parcel.open.set(open);
        self.put(parcel, block, bit, class);
    }

    /// Publishes what waits in the next class.
    fn send_next(&self) {
        let turn = &self.outbox.turn;
        loop {
            turn.set((turn.get() + 1) % GATHERED);
            if self.outbox.parcels[turn.get()].freed() != 0 {
                return self.send(turn.get());
            }
        }
    }

    /// Publishes all that waits.
    #[inline(never)]
    pub(super) fn send_all(&self) {
        for (class, parcel) in self.outbox.parcels.iter().enumerate() {
            if self.outbox.pending.get() == 0 {
                break;
            }
            if parcel.freed() != 0 {
                self.send(class);
            }
        }
    }

    /// Publishes what waits in a class.
    #[inline(never)]
    fn send(&self, class: usize) {
        let parcel = &self.outbox.parcels[class];
        let Some(id) = parcel.word() else { return };
        fork::notice();
        let freed = parcel.take();
        let size = classes::size_of_class(class);
        let pending = &self.outbox.pending;
        pending.set(pending.get() - freed.count_ones() as usize * size);
        let (unit, word) = (self.unit_of(id.row()), id.index());
        let refuse = |slots: u64| -> ! {
            let slot = word * 64 + slots.trailing_zeros() as usize;
            misuse(
                Misuse::DoubleFree,
                TABLES.address(unit) as usize + slot * size,
                size,
            )
        };
        let entry = id.row().entry.get();
        let owner = match entry.land() {
            Land::Slab {
                heap, class: found, ..
            } if found as usize == class => heap,
            // All of the slab was freed by others: what waited here, too.
            _ => refuse(freed),
        };
        match remote::publish(&id.row().entry, entry, TABLES.remote(unit, word), freed) {
            Published::Done => {}
            Published::TellOwner => life::tell_owner(owner, class, unit),
            Published::FreedBefore(twice) => refuse(twice),
        }
    }
}
