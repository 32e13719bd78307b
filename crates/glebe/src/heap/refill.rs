//! Moving a cursor on: to the same word again, to the slab's next word, to another slab.
//!
//! A pass visits each word of a slab once, from the first to the last, and begins anew rather than
//! go where no slot was used yet: so a slab grows into its pages only as far as needed. A word is
//! taken again at once while half of it is free, which keeps tight loops within a page. A slab
//! is left when less than an eighth of it is free; it comes back to its list when that changes
//! (`heap` invariant 2). So a listed slab, and one in which another pass begins, always has a free
//! slot: what other threads freed counts as used until it is taken back.
//!
//! In a slab that is marked as freed into by others, the owner's frees and refills are longer. So a
//! class that meets marks but, for a while, no such frees takes its inbox back, marks and all.

use super::cursor::Cursor;
use super::{Heap, fork, reap};
use crate::records::UNIT;
use crate::records::layout::TABLES;
use crate::records::row::{ROW, Row, WordId};
use crate::region::{Kind, REGION};
use crate::slab::{Class, words};
use crate::sync::Ordering::Relaxed;

/// Where a fresh slab's first slot may lie: somewhere in its first bytes, so that the hot objects
/// of different classes do not all compete for the same cache sets.
const COLOURS: u32 = 2048;

/// So many words of marked slabs in a row without others' frees, and a class takes back its inbox.
const QUIET: u8 = 8;

impl Heap {
    /// The way of most refills of small classes: the next word of the pass, if it was used before,
    /// has a free slot, and nobody else frees into the slab, which is one unit long.
    #[inline(always)]
    pub(super) fn step(&self, cursor: &Cursor) -> bool {
        let Some(id) = cursor.word() else {
            return false;
        };
        let (row, pass) = (id.row(), &self.passes[self.class_of_cursor(cursor)]);
        let word = pass.next.get();
        if word >= pass.touched.get() || !row.entry.get().is_first_of(self.key.get()) {
            return false;
        }
        let is_last = word == pass.last.get();
        let spare = if is_last { pass.spare.get() } else { 0 };
        let slots = u64::MAX.wrapping_shr(u32::from(spare));
        let word = usize::from(word);
        let free = !row.live[word].load(Relaxed) & slots;
        if free == 0 {
            return false;
        }
        pass.next.set(word as u8 + 1);
        cursor.step_to(WordId::of(row, word), slots, free);
        true
    }

    /// Gives an exhausted cursor a new mask, [`Cursor::again`](super::cursor::Cursor::again)
    /// having failed. False if the system has no memory.
    pub(super) fn refill(&self, class: usize) -> bool {
        let figures = words::class(class as u32);
        if let Some(id) = self.cursors[class].word() {
            let row = id.row();
            if self.next_word(class, figures, row) {
                return true;
            }
            // Where others free just now it is better not to allocate: the line would go to and
            // fro.
            let used = row.until.get() - 1;
            if used <= figures.relist_at && !row.entry.get().is_shared() {
                self.begin_pass(class, row);
                return self.next_word(class, figures, row);
            }
            self.retire(class, self.unit_of(row));
        }
        // Taken back seldom, remote frees come in large numbers and cost little each.
        if self.lists[class].first() == 0 {
            self.drain(class);
        }
        match self.enter_slab(class) {
            // A fresh slab may have put the cursor somewhere already. A listed one has room.
            Some(row) => self.cursors[class].held() != 0 || self.next_word(class, figures, row),
            None => false,
        }
    }

    /// The unit of a row.
    #[inline]
    pub(super) fn unit_of(&self, row: &Row) -> u32 {
        ((&raw const *row as usize - self.base.get()) / ROW) as u32
    }

    /// The next word of this pass with a free slot.
    fn next_word(&self, class: usize, figures: &Class, row: &'static Row) -> bool {
        let pass = &self.passes[class];
        let shared = figures.units > 1 || row.entry.get().is_shared();
        let mut word = usize::from(pass.next.get());
        while word < usize::from(figures.words) {
            if word == usize::from(pass.touched.get()) && self.has_room_before(word, row, shared) {
                word = 0;
            }
            if shared {
                self.visit_shared(class, row, word);
            }
            let free = figures.valid(word) & !row.live[word].load(Relaxed);
            if free != 0 {
                pass.next.set(word as u8 + 1);
                self.stand(class, figures, row, word, free);
                return true;
            }
            word += 1;
        }
        pass.next.set(figures.words);
        false
    }

    /// Whether, before the cursor goes where no slot was used yet, another round through the words
    /// before is worth it: half of them is free.
    fn has_room_before(&self, word: usize, row: &'static Row, shared: bool) -> bool {
        if shared {
            (0..word).for_each(|before| {
                self.collect(row, before);
            });
        }
        let used = usize::from(row.until.get()) - 1;
        used * 2 <= word * 64 && word > 0
    }

    /// Takes back remote frees of a word: a slot that its owner and another thread both freed must
    /// not be handed out again. Whether there were any.
    #[cold]
    fn collect(&self, row: &'static Row, word: usize) -> bool {
        let unit = self.unit_of(row);
        let back = words::collect_word(unit, word).count_ones();
        self.lower_until(unit, back);
        back != 0
    }

    /// Takes back remote frees of a word that a pass comes to. After [`QUIET`] words of marked
    /// slabs without any, the class's marks are old, and are taken away.
    #[cold]
    #[inline(never)]
    fn visit_shared(&self, class: usize, row: &'static Row, word: usize) {
        let quiet = &self.passes[class].quiet;
        if self.collect(row, word) {
            quiet.set(0);
        } else if quiet.get() < QUIET {
            quiet.set(quiet.get() + 1);
        } else if row.entry.get().is_shared() {
            quiet.set(0);
            self.drain(class);
        }
    }

    /// Puts the cursor on free slots of a word.
    #[inline]
    fn stand(&self, class: usize, figures: &Class, row: &'static Row, word: usize, free: u64) {
        let (pass, cursor) = (&self.passes[class], &self.cursors[class]);
        let unit = self.unit_of(row);
        let fresh = word >= usize::from(pass.touched.get());
        if fresh {
            pass.touched.set(word as u8 + 1);
            TABLES.land(unit).touched.set(word as u8 + 1);
        }
        let start = unit as usize * UNIT + word * 64 * figures.size as usize;
        cursor.come(self.base.get() + start, figures.valid(word), fresh);
        cursor.hold(WordId::of(row, word), free);
    }

    fn begin_pass(&self, class: usize, row: &'static Row) {
        let pass = &self.passes[class];
        pass.next.set(0);
        pass.touched
            .set(TABLES.land(self.unit_of(row)).touched.get());
    }

    /// Makes a slab with room the current one: a listed one, or a new one.
    fn enter_slab(&self, class: usize) -> Option<&'static Row> {
        reap::awake(self);
        let figures = words::class(class as u32);
        let mut unit = self.lists[class].first();
        while unit != 0 {
            let record = TABLES.land(unit);
            // Somebody may just be returning its pages.
            if record.begin_use(TABLES.process()) {
                self.lists[class].remove(unit);
                let row = TABLES.row_of(unit);
                row.until.set(row.until.get() + 1);
                self.begin_pass(class, row);
                return Some(row);
            }
            unit = record.next.get();
        }
        self.open_slab(class, figures)
    }

    fn open_slab(&self, class: usize, figures: &Class) -> Option<&'static Row> {
        fork::notice();
        self.send_all();
        reap::now_and_then();
        let run = REGION.take(u32::from(figures.units), 1)?;
        if run.kind == Kind::Clean {
            reap::grown(run.units);
        }
        words::open(run, self.number.get(), class as u32);
        let row = TABLES.row_of(run.unit);
        row.until.set(1);
        self.begin_pass(class, row);
        self.colour(class, figures, row);
        Some(row)
    }

    /// Starts a fresh slab a few slots into its first word; the slots before come later.
    fn colour(&self, class: usize, figures: &Class, row: &'static Row) {
        let choices = (COLOURS / figures.size)
            .min(u32::from(figures.slots) / 2)
            .min(64);
        if choices < 2 {
            return;
        }
        let skipped = (self.unit_of(row).wrapping_mul(7) + class as u32 * 5) % choices;
        self.stand(
            class,
            figures,
            row,
            0,
            figures.valid(0) & u64::MAX << skipped,
        );
    }
}

const _: () = assert!(COLOURS as usize <= UNIT);
