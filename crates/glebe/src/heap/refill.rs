//! Moving a cursor on: to the same word again, to the slab's next word, to another slab.
//!
//! A pass visits each word of a slab once, words that were used before first, untouched ones last:
//! so a slab grows into its pages only as far as needed. A word is taken again at once while a
//! quarter of it is free, which keeps tight loops within a page. A slab is left when less than an
//! eighth of it is free; it comes back to its list when that changes (`heap` invariant 2).

use super::Heap;
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
        let cursor = &self.cursors[class];
        if let Some(unit) = cursor.unit(self.base.get()) {
            if self.again(class, unit) || self.next_word(class, unit) {
                return true;
            }
            self.drain_inbox();
            if self.pass_again(class, unit) {
                return true;
            }
        }
        loop {
            let Some(unit) = self.enter_slab(class) else { return false };
            if cursor.held() != 0 || self.next_word(class, unit) {
                return true;
            }
            // Its free slots are all with threads whose frees are still on their way.
            self.retire(class, unit);
        }
    }

    /// The same word, if a quarter of it is free again.
    fn again(&self, class: usize, unit: u32) -> bool {
        let word = usize::from(self.passes[class].place.get());
        let valid = words::class_at(unit).valid(word);
        let free = valid & !TABLES.live(unit, word).load(Relaxed);
        if free.count_ones() * 4 < valid.count_ones() || free == 0 {
            return false;
        }
        self.stand(class, unit, word, free);
        true
    }

    /// The next word of this pass with a free slot.
    fn next_word(&self, class: usize, unit: u32) -> bool {
        let pass = &self.passes[class];
        let virgin = TABLES.land(unit).virgin.get();
        loop {
            let todo = pass.todo.get();
            if todo == 0 {
                return false;
            }
            let used = todo & !virgin;
            let word = if used != 0 { used } else { todo }.trailing_zeros() as usize;
            pass.todo.set(todo & !(1 << word));
            // A slot that its owner and another thread both freed must not be handed out again.
            if TABLES.remote(unit, word).load(Relaxed) != 0 {
                let back = words::collect_word(unit, word).count_ones();
                self.lower_until(unit, back);
            }
            let free = words::class_at(unit).valid(word) & !TABLES.live(unit, word).load(Relaxed);
            if free != 0 {
                self.stand(class, unit, word, free);
                return true;
            }
        }
    }

    /// Puts the cursor on the free slots of a word.
    fn stand(&self, class: usize, unit: u32, word: usize, free: u64) {
        let (pass, cursor) = (&self.passes[class], &self.cursors[class]);
        let virgin = &TABLES.land(unit).virgin;
        let bit = 1 << word;
        pass.fresh.set(virgin.get() & bit != 0);
        virgin.set(virgin.get() & !bit);
        pass.place.set(word as u8);
        cursor.base.set(words::slot_address(unit, word * 64));
        cursor.hold(TABLES.word_id(unit, word), free);
        let until = TABLES.until(unit);
        until.set(until.get() + free.count_ones() as u16);
    }

    /// Another pass over the slab, if an eighth of it is free; otherwise leaves it.
    fn pass_again(&self, class: usize, unit: u32) -> bool {
        let used = TABLES.until(unit).get() - 1;
        if used <= words::class_at(unit).relist_at {
            self.begin_pass(class, unit);
            if self.next_word(class, unit) {
                return true;
            }
        }
        self.retire(class, unit);
        false
    }

    fn begin_pass(&self, class: usize, unit: u32) {
        let all = ((1u32 << words::class_at(unit).words) - 1) as u16;
        self.passes[class].todo.set(all);
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
                self.begin_pass(class, unit);
                return Some(unit);
            }
            unit = record.next.get();
        }
        self.open_slab(class)
    }

    fn open_slab(&self, class: usize) -> Option<u32> {
        let units = u32::from(words::class(class as u32).units);
        let run = REGION.take(units, 1)?;
        words::open(run, self.number.get(), class as u32);
        TABLES.until(run.unit).set(1);
        self.begin_pass(class, run.unit);
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
        self.stand(class, unit, 0, figures.valid(0) & u64::MAX << skipped);
    }
}

const _: () = assert!(COLOURS as usize <= UNIT);
