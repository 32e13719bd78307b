//! Moving a cursor on: to the same word again, to the slab's next word, to another slab.
//!
//! A pass visits each word of a slab once, words that were used before first, untouched ones last:
//! so a slab grows into its pages only as far as needed. A word is taken again at once while a
//! quarter of it is free, which keeps tight loops within a page. A slab is left when less than an
//! eighth of it is free; it comes back to its list when that changes (`heap` invariant 2). So a
//! listed slab, and one in which another pass begins, always has a free slot: what other threads
//! freed counts as used until it is taken back.

use super::{Heap, fork};
use crate::records::UNIT;
use crate::records::layout::TABLES;
use crate::records::land::State;
use crate::region::REGION;
use crate::slab::words;
use crate::sync::Ordering::Relaxed;

/// Where a fresh slab's first slot may lie: somewhere in its first bytes, so that the hot objects
/// of different classes do not all compete for the same cache sets.
const COLOURS: u32 = 2048;

impl Heap {
    /// Gives an exhausted cursor a new mask. False if the system has no memory.
    pub(super) fn refill(&self, class: usize) -> bool {
        if let Some(unit) = self.cursors[class].unit(self.base.get()) {
            if self.again(class, unit) || self.next_word(class, unit) {
                return true;
            }
            self.drain_inbox();
            if self.pass_again(class, unit) {
                return true;
            }
        }
        match self.enter_slab(class) {
            // A fresh slab may have put the cursor somewhere already. A listed one has room.
            Some(unit) => self.cursors[class].held() != 0 || self.next_word(class, unit),
            None => false,
        }
    }

    /// The same word, if a quarter of it is free again.
    fn again(&self, class: usize, unit: u32) -> bool {
        let word = usize::from(self.passes[class].place.get());
        let valid = words::class(class as u32).valid(word);
        let free = valid & !TABLES.live(unit, word).load(Relaxed);
        let count = free.count_ones();
        if count == 0 || count * 4 < valid.count_ones() {
            return false;
        }
        self.stand(class, unit, word, free, count);
        true
    }

    /// The next word of this pass with a free slot.
    fn next_word(&self, class: usize, unit: u32) -> bool {
        let (pass, figures) = (&self.passes[class], words::class(class as u32));
        let virgin = TABLES.land(unit).virgin.get();
        let mut todo = pass.todo.get();
        while todo != 0 {
            let used = todo & !virgin;
            let word = if used != 0 { used } else { todo }.trailing_zeros() as usize;
            todo &= !(1 << word);
            // A slot that its owner and another thread both freed must not be handed out again.
            if TABLES.remote(unit, word).load(Relaxed) != 0 {
                let back = words::collect_word(unit, word).count_ones();
                self.lower_until(unit, back);
            }
            let free = figures.valid(word) & !TABLES.live(unit, word).load(Relaxed);
            if free != 0 {
                pass.todo.set(todo);
                self.stand(class, unit, word, free, free.count_ones());
                return true;
            }
        }
        pass.todo.set(0);
        false
    }

    /// Puts the cursor on the `count` free slots of a word.
    #[inline]
    fn stand(&self, class: usize, unit: u32, word: usize, free: u64, count: u32) {
        let (pass, cursor) = (&self.passes[class], &self.cursors[class]);
        let virgin = &TABLES.land(unit).virgin;
        let bit = 1 << word;
        let fresh = virgin.get() & bit != 0;
        pass.fresh.set(fresh);
        if fresh {
            virgin.set(virgin.get() & !bit);
        }
        pass.place.set(word as u8);
        let size = words::class(class as u32).size as usize;
        cursor.base.set(self.base.get() + unit as usize * UNIT + word * 64 * size);
        cursor.hold(TABLES.word_id(unit, word), free);
        let until = TABLES.until(unit);
        until.set(until.get() + count as u16);
    }

    /// Another pass over the slab, if an eighth of it is free; otherwise leaves it.
    fn pass_again(&self, class: usize, unit: u32) -> bool {
        let used = TABLES.until(unit).get() - 1;
        if used <= words::class(class as u32).relist_at {
            self.begin_pass(class);
            return self.next_word(class, unit);
        }
        self.retire(class, unit);
        false
    }

    fn begin_pass(&self, class: usize) {
        let words = words::class(class as u32).words;
        self.passes[class].todo.set(((1u32 << words) - 1) as u16);
    }

    /// Makes a slab with room the current one: a listed one, or a new one.
    fn enter_slab(&self, class: usize) -> Option<u32> {
        let mut unit = self.lists[class].first();
        while unit != 0 {
            let record = TABLES.land(unit);
            // Somebody may just be returning its pages.
            if record.state.claim(State::Listed as u8, State::Current as u8) {
                self.lists[class].remove(unit);
                let until = TABLES.until(unit);
                until.set(until.get() + 1);
                self.begin_pass(class);
                return Some(unit);
            }
            unit = record.next.get();
        }
        self.open_slab(class)
    }

    fn open_slab(&self, class: usize) -> Option<u32> {
        fork::notice();
        let units = u32::from(words::class(class as u32).units);
        let run = REGION.take(units, 1)?;
        words::open(run, self.number.get(), class as u32);
        TABLES.until(run.unit).set(1);
        self.begin_pass(class);
        self.colour(class, run.unit);
        Some(run.unit)
    }

    /// Starts a fresh slab a few slots into its first word; the slots before come later.
    fn colour(&self, class: usize, unit: u32) {
        let figures = words::class(class as u32);
        let choices = (COLOURS / figures.size).min(u32::from(figures.slots) / 2).min(64);
        if choices < 2 {
            return;
        }
        let skipped = (unit.wrapping_mul(7) + class as u32 * 5) % choices;
        let free = figures.valid(0) & u64::MAX << skipped;
        self.stand(class, unit, 0, free, free.count_ones());
    }
}

const _: () = assert!(COLOURS as usize <= UNIT);
