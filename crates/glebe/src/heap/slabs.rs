//! What happens to a heap's slabs between two passes: counters, lists, remote frees taken back,
//! empty slabs given back.

use super::{Heap, fork};
use crate::records::Entry;
use crate::records::directory::Land;
use crate::records::land::State;
use crate::records::layout::TABLES;
use crate::region::REGION;
use crate::slab::{CLASSES, remote, words};

impl Heap {
    /// `until` of a slab fell to zero by a free of the owner's: a listed slab is empty, or a full
    /// one has an eighth free.
    pub(super) fn count_fell(&self, unit: u32) {
        let record = TABLES.land(unit);
        let class = usize::from(record.class.get());
        if record.state.get() == State::Full as u8 {
            self.relist(class, unit, u32::from(words::class_at(unit).relist_at));
        } else {
            self.became_empty(class, unit);
        }
    }

    /// `count` slots of a slab of this heap became free other than by a fast free.
    pub(super) fn lower_until(&self, unit: u32, count: u32) {
        let (record, until) = (TABLES.land(unit), TABLES.until(unit));
        let left = u32::from(until.get());
        let class = usize::from(record.class.get());
        let is_full = record.state.get() == State::Full as u8;
        if is_full && count >= left {
            self.relist(
                class,
                unit,
                u32::from(words::class_at(unit).relist_at) + left - count,
            );
            return;
        }
        debug_assert!(count <= left, "heap 2: until below zero");
        until.set((left - count) as u16);
        if left == count && record.state.get() != State::Current as u8 {
            self.became_empty(class, unit);
        }
    }

    /// A full slab has room again.
    fn relist(&self, class: usize, unit: u32, used: u32) {
        let record = TABLES.land(unit);
        TABLES.until(unit).set(used as u16);
        record.end_use(State::Listed);
        self.lists[class].push(unit);
        if used == 0 {
            self.became_empty(class, unit);
        }
    }

    /// A listed slab is empty: it goes back, unless it is the last with room in its class.
    fn became_empty(&self, class: usize, unit: u32) {
        if !self.lists[class].is_only(unit) {
            self.give_back(class, unit);
        }
    }

    /// Gives a listed, empty slab back to the region. False if another thread holds on to it.
    pub(super) fn give_back(&self, class: usize, unit: u32) -> bool {
        fork::notice();
        let record = TABLES.land(unit);
        if !record.begin_use(TABLES.process()) {
            return false;
        }
        // Once it is closed its unit, and with it the links, may be anyone's.
        self.lists[class].remove(unit);
        let Some(run) = words::close(unit) else {
            self.lists[class].push(unit);
            record.end_use(State::Listed);
            return false;
        };
        REGION.give(run);
        true
    }

    /// Takes the cursor out of a slab whose mask it has used up.
    pub(super) fn retire(&self, class: usize, unit: u32) {
        self.cursors[class].leave();
        let used = u32::from(TABLES.until(unit).get()) - 1;
        let relist_at = u32::from(words::class_at(unit).relist_at);
        if used <= relist_at {
            self.relist(class, unit, used);
        } else {
            TABLES.until(unit).set((used - relist_at) as u16);
            TABLES.land(unit).end_use(State::Full);
        }
    }

    /// Takes back what other threads freed in a class. Mostly nothing: a thread that ends asks for
    /// all classes, twice.
    #[inline(always)]
    pub(super) fn drain(&self, class: usize) {
        let first = remote::take_all(&self.shared.inboxes[class]);
        if first != 0 {
            self.drain_units(first);
        }
    }

    #[inline(never)]
    fn drain_units(&self, first: u32) {
        let mut unit = first;
        while unit != 0 {
            let next = TABLES.link(unit).get();
            self.drain_unit(unit);
            unit = next;
        }
    }

    /// Takes back what other threads freed.
    pub(super) fn drain_all(&self) {
        (0..CLASSES).for_each(|class| self.drain(class));
    }

    fn drain_unit(&self, unit: u32) {
        let cell = TABLES.directory(unit);
        let entry: Entry = cell.get();
        debug_assert!(
            entry.owned_by(self.key.get()) && entry.is_shared(),
            "remote 2"
        );
        cell.clear_shared();
        if let Land::Slab { delta, .. } = entry.land() {
            let head = unit - delta;
            let freed = words::collect_all(head);
            self.lower_until(head, freed);
        }
    }

    /// Leaves no cursor standing and keeps no empty slab: for heaps that nobody will use for a
    /// while, and for those who ask for their memory back.
    pub(super) fn tidy(&self) {
        self.send_all();
        self.drain_all();
        for class in 0..self.cursors.len() {
            self.abandon(class);
            self.give_back_empty(class);
        }
    }

    /// Gives back the listed slabs of a class that are empty, once: those that another thread holds
    /// on to come to the end of the list, behind the last one looked at.
    fn give_back_empty(&self, class: usize) {
        let (mut unit, last) = (self.lists[class].first(), self.lists[class].last());
        while unit != 0 {
            let next = TABLES.land(unit).next.get();
            if TABLES.until(unit).get() == 0 {
                self.give_back(class, unit);
            }
            unit = if unit == last { 0 } else { next };
        }
    }

    /// Hands the rest of a cursor's mask back and takes the cursor out of its slab.
    fn abandon(&self, class: usize) {
        let cursor = &self.cursors[class];
        let Some(unit) = cursor.unit(self.base.get()) else {
            return;
        };
        let until = TABLES.until(unit);
        until.set(until.get() - cursor.let_go() as u16);
        self.retire(class, unit);
    }
}
