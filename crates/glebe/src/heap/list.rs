//! A heap's list of slabs with room, linked through S by unit number.

use crate::records::layout::TABLES;
use core::cell::Cell;

/// First and last unit; 0 when empty.
pub(super) struct List {
    head: Cell<u32>,
    tail: Cell<u32>,
}

impl List {
    pub const fn empty() -> Self {
        List {
            head: Cell::new(0),
            tail: Cell::new(0),
        }
    }

    /// The first slab, or 0.
    pub fn first(&self) -> u32 {
        self.head.get()
    }

    /// The last slab, or 0.
    pub fn last(&self) -> u32 {
        self.tail.get()
    }

    /// Whether `unit` is all there is.
    pub fn is_only(&self, unit: u32) -> bool {
        self.head.get() == unit && self.tail.get() == unit
    }

    /// Adds a slab at the end.
    pub fn push(&self, unit: u32) {
        let tail = self.tail.get();
        TABLES.land(unit).next.set(0);
        TABLES.land(unit).prev.set(tail);
        if tail == 0 {
            self.head.set(unit);
        } else {
            TABLES.land(tail).next.set(unit);
        }
        self.tail.set(unit);
    }

    /// Takes a slab out.
    pub fn remove(&self, unit: u32) {
        let (next, prev) = (TABLES.land(unit).next.get(), TABLES.land(unit).prev.get());
        match prev {
            0 => self.head.set(next),
            _ => TABLES.land(prev).next.set(next),
        }
        match next {
            0 => self.tail.set(prev),
            _ => TABLES.land(next).prev.set(prev),
        }
    }

    /// Forgets all slabs.
    pub fn clear(&self) {
        self.head.set(0);
        self.tail.set(0);
    }

    /// The slabs in order.
    pub fn iter(&self) -> impl Iterator<Item = u32> {
        let after = |unit: u32| Some(unit).filter(|&unit| unit != 0);
        core::iter::successors(after(self.head.get()), move |&unit| {
            after(TABLES.land(unit).next.get())
        })
    }
}
