//! fork without handlers and without locks held over it.
//!
//! Peers take all their locks before a fork and free them after; other libraries' fork handlers
//! that run in between and wait for a thread that waits for such a lock never come back. Glebe
//! registers no handler and holds nothing. Instead the child finds out by itself: one page of the
//! tables reads as zero in a child (`MADV_WIPEONFORK`), and every slow path looks at it before it
//! takes a lock. The first to notice puts the child in order, from the records alone:
//!
//! 1. Locks that threads of the parent held are freed. If the region's was held, the free runs are
//!    made anew from the directory: what is no whole slab and no large object is free.
//! 2. The thread that forked keeps its heap: it was not inside malloc. All other heaps are orphans.
//!    The next threads take them over; at that moment the heap's lists and counters are made anew
//!    from D, A and R. If a thread that the child has started notices the fork first, orphans wait
//!    until the thread that forked comes by and says which heap is its own.
//!
//! This works with `_Fork`, with `clone`, and in the child's own fork handlers, in whatever order.
//! Lost, at most: one slab or run, and one slot, for each thread that was inside malloc, what
//! waited in other threads' outboxes, and the slabs of an inbox that was just being taken back.

use super::Heap;
use super::life::{self, REGISTRY};
use crate::records::Entry;
use crate::records::directory::Land;
use crate::records::land::State;
use crate::records::layout::TABLES;
use crate::region::REGION;
use crate::slab::{remote, words};

/// Puts a freshly forked child in order; does nothing in any other process.
#[inline]
pub fn notice() {
    if TABLES.is_fresh_child() {
        repair();
    } else if REGISTRY.is_seeking() {
        REGISTRY.answer();
    }
}

#[cold]
fn repair() {
    if !TABLES.claim_child() {
        notice();
    } else {
        REGION.repair_after_fork();
        let late = REGISTRY.orphan_all();
        TABLES.note_fork();
        // What follows notices forks itself.
        late.into_iter().for_each(life::rebuild_late);
    }
}

impl Heap {
    /// Makes lists, counters and states anew from D, A and R. Nobody else touches the heap.
    pub(super) fn rebuild(&self) {
        self.empty_inboxes();
        self.outbox.forget();
        self.cursors.iter().for_each(|cursor| {
            cursor.let_go();
            cursor.leave();
        });
        self.lists.iter().for_each(|list| list.clear());
        let (first, frontier) = REGION.bounds();
        let mut unit = first;
        while unit < frontier {
            let length = match TABLES.directory(unit).get().land() {
                Land::Slab {
                    heap,
                    class,
                    delta: 0,
                } if heap == self.number.get() => self.rebuild_slab(unit, class),
                // Other threads of the child may free and join all else meanwhile.
                _ => 1,
            };
            unit += length.max(1);
        }
    }

    /// Takes the marks off the units in the inboxes; what was freed there is found anyway. Threads
    /// of the child may free into this heap already, so other marks must stay: most are followed by
    /// a push, and those of dead threads only make a slab slow.
    fn empty_inboxes(&self) {
        for inbox in &self.shared.inboxes {
            let mut unit = remote::take_all(inbox);
            while unit != 0 {
                let next = TABLES.link(unit).get();
                TABLES.directory(unit).clear_shared();
                unit = next;
            }
        }
    }

    /// One slab of [`Self::rebuild`]; its length in units.
    fn rebuild_slab(&self, unit: u32, class: u32) -> u32 {
        let record = TABLES.land(unit);
        let units = record.units.get();
        // A slab that was being opened or closed is empty: complete it, and it goes back below.
        for delta in 0..units {
            let entry = Entry::slab(self.number.get(), class, delta);
            let cell = TABLES.directory(unit + delta);
            if cell.get().unshared() != entry {
                cell.set(entry);
            }
        }
        words::collect_all(unit);
        let used = words::count_set(unit) as u16;
        if used > 0 {
            record.state.set(State::Current as u8);
            TABLES.until(unit).set(used + 1);
            self.retire(class as usize, unit);
        } else {
            record.state.set(State::Listed as u8);
            TABLES.until(unit).set(0);
            self.lists[class as usize].push(unit);
            self.give_back(class as usize, unit);
        }
        units
    }
}
