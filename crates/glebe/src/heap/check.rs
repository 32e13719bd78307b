//! The heaps' own part of [`crate::raw::verify`].

use super::Heap;
use super::life::REGISTRY;
use crate::records::directory::Land;
use crate::records::land::State;
use crate::records::layout::TABLES;
use crate::region::{self, REGION};
use crate::slab::words;

/// Checks invariants 1 to 3 of every heap. No other thread may be inside the allocator.
pub fn verify() -> Result<(), &'static str> {
    REGISTRY.each(Heap::check_cursors)?;
    REGISTRY.each(Heap::check_lists)?;
    REGISTRY.each(|heap| heap.outbox.verify(heap.number.get()))?;
    let (first, frontier) = REGION.bounds();
    let mut unit = first;
    while unit < frontier {
        if let Land::Slab {
            heap,
            class,
            delta: 0,
        } = TABLES.directory(unit).get().land()
        {
            Heap::numbered(heap).check_slab(unit, class as usize)?;
        }
        unit += region::used_length(unit, frontier).max(1);
    }
    Ok(())
}

impl Heap {
    fn check_cursors(&self) -> Result<(), &'static str> {
        for cursor in &self.cursors {
            if !cursor.is_right(self.base.get()) {
                return Err("heap 1: a cursor is wrong about its word");
            }
            let Some(unit) = cursor.unit(self.base.get()) else {
                continue;
            };
            if TABLES.land(unit).state.get() != State::Current as u8 {
                return Err("heap 3: a cursor stands in a slab that is not current");
            }
        }
        Ok(())
    }

    fn check_lists(&self) -> Result<(), &'static str> {
        for (class, list) in self.lists.iter().enumerate() {
            let mut prev = 0;
            for unit in list.iter() {
                let record = TABLES.land(unit);
                let entry = TABLES.directory(unit).get();
                let ours = matches!(entry.land(), Land::Slab { class: found, delta: 0, .. }
                    if found as usize == class && entry.owned_by(self.key.get()));
                if !ours || record.prev.get() != prev {
                    return Err("heap 3: a list leads astray");
                }
                if record.state.get() != State::Listed as u8 {
                    return Err("heap 3: a slab in a list is not listed");
                }
                prev = unit;
            }
        }
        Ok(())
    }

    fn check_slab(&self, unit: u32, class: usize) -> Result<(), &'static str> {
        let figures = words::class_at(unit);
        let (until, set) = (u32::from(TABLES.until(unit).get()), words::count_set(unit));
        let cursor = &self.cursors[class];
        let state = TABLES.land(unit).state.get();
        let right = if state == State::Current as u8 {
            let used = set + cursor.held().count_ones();
            cursor.unit(self.base.get()) == Some(unit) && until == used + 1
        } else if state == State::Full as u8 {
            until != 0 && until + u32::from(figures.relist_at) == set
        } else {
            state == State::Listed as u8
                && until == set
                && self.lists[class].iter().any(|u| u == unit)
        };
        if right {
            Ok(())
        } else {
            Err("heap 2: a slab's count is off")
        }
    }
}
