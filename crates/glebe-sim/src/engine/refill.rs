//! Moving a cursor on, and what happens to slabs between two passes.

use super::places::{self, relist_at, valid, words};
use super::{Engine, Land, Slab, State, Who};
use crate::memory::Touch;

/// Words of marked slabs in a row without others' frees until a class takes its inbox back.
const QUIET: u32 = 8;

impl Engine {
    /// Gives an exhausted cursor a new mask, or at least a new slab.
    pub(super) fn refill(&mut self, who: &mut Who, class: usize) {
        if let Some(unit) = self.heaps[who.heap].cursors[class].unit {
            if self.again(*who, class, unit) || self.next_word(*who, class, unit) {
                return;
            }
            let slab = self.slab(unit);
            if slab.used <= relist_at(class) && !slab.shared {
                self.heaps[who.heap].cursors[class].next = 0;
                if self.next_word(*who, class, unit) {
                    return;
                }
            }
            self.retire(*who, class, unit);
        }
        if self.heaps[who.heap].listed[class].is_empty() {
            self.drain(who.core, who.heap, class);
        }
        let unit = self.heaps[who.heap].listed[class].pop_front();
        let core = who.core;
        self.memory
            .touch(core, places::list(who.heap, class), Touch::Write);
        let unit = match unit {
            Some(unit) => {
                self.memory.touch(core, places::record(unit), Touch::Lock);
                self.memory.touch(core, places::until(unit), Touch::Write);
                unit
            }
            None => match self.open(who, class) {
                Some(unit) => unit,
                None => return,
            },
        };
        self.slab(unit).state = State::Current;
        let cursor = &mut self.heaps[who.heap].cursors[class];
        (cursor.unit, cursor.next) = (Some(unit), 0);
        self.next_word(*who, class, unit);
    }

    /// The same word, if half of it is free.
    fn again(&mut self, who: Who, class: usize, unit: u32) -> bool {
        let word = self.heaps[who.heap].cursors[class].word;
        self.memory
            .touch(who.core, places::live(unit, word), Touch::Wait);
        let slots = valid(class, word);
        let free = slots & !self.slab(unit).live[word];
        let enough = free.count_ones() >= slots.count_ones().div_ceil(2);
        if enough {
            self.hold(who, class, word, free);
        }
        enough
    }

    fn hold(&mut self, who: Who, class: usize, word: usize, free: u64) {
        let cursor = &mut self.heaps[who.heap].cursors[class];
        (cursor.word, cursor.mask) = (word, free);
        let unit = cursor.unit.expect("where a cursor stands");
        self.memory
            .touch(who.core, places::until(unit), Touch::Write);
    }

    /// The next word of the pass with a free slot.
    fn next_word(&mut self, who: Who, class: usize, unit: u32) -> bool {
        let mut word = self.heaps[who.heap].cursors[class].next;
        while word < words(class) {
            let slab = self.slab(unit);
            let (touched, shared) = (slab.touched, slab.shared);
            if word == touched && word > 0 && self.has_room_before(who, class, unit, word) {
                word = 0;
            }
            if shared {
                self.visit_shared(who, class, unit, word);
            }
            self.memory
                .touch(who.core, places::live(unit, word), Touch::Wait);
            let slab = self.slab(unit);
            let free = valid(class, word) & !slab.live[word];
            if free != 0 {
                slab.touched = slab.touched.max(word + 1);
                self.heaps[who.heap].cursors[class].next = word + 1;
                self.hold(who, class, word, free);
                return true;
            }
            word += 1;
        }
        self.heaps[who.heap].cursors[class].next = word;
        false
    }

    /// Whether half of the words before is free, so that fresh ones can wait.
    fn has_room_before(&mut self, who: Who, class: usize, unit: u32, word: usize) -> bool {
        if self.slab(unit).shared {
            for before in 0..word {
                self.collect(who.core, unit, class, before);
            }
        }
        self.slab(unit).used * 2 <= word * 64
    }

    /// Takes back others' frees of a word that a pass comes to, or of the class, if marks are old.
    fn visit_shared(&mut self, who: Who, class: usize, unit: u32, word: usize) {
        let found = self.collect(who.core, unit, class, word);
        let quiet = &mut self.heaps[who.heap].cursors[class].quiet;
        match (found, *quiet) {
            (true, _) => *quiet = 0,
            (_, QUIET..) => {
                *quiet = 0;
                self.drain(who.core, who.heap, class);
            }
            _ => *quiet += 1,
        }
    }

    /// A slab on a run of its own; none if the thread has changed to another heap instead, which
    /// may have one with room.
    fn open(&mut self, who: &mut Who, class: usize) -> Option<u32> {
        self.send_all(*who);
        if self.choices.follow && self.follow(who) {
            return None;
        }
        let caller = self.caller(who.core);
        let unit = self.region.take(&mut self.memory, caller, 1, false);
        self.occupy(unit, 1);
        for word in (0..words(class)).step_by(8) {
            self.memory
                .touch(who.core, places::live(unit, word), Touch::Write);
        }
        self.land[unit as usize] = Land::Slab(Slab {
            heap: who.heap,
            class,
            state: State::Current,
            live: vec![0; words(class)],
            remote: vec![0; words(class)],
            used: 0,
            touched: 0,
            shared: false,
        });
        Some(unit)
    }

    /// Takes the cursor out of a slab whose mask it has used up.
    fn retire(&mut self, who: Who, class: usize, unit: u32) {
        self.heaps[who.heap].cursors[class].unit = None;
        self.memory
            .touch(who.core, places::record(unit), Touch::Write);
        let slab = self.slab(unit);
        slab.state = State::Full;
        if slab.used <= relist_at(class) {
            self.relist(who.core, unit);
        }
    }

    /// Slots of a slab became free: lists it again, or gives it back.
    pub(super) fn lower(&mut self, core: usize, unit: u32, count: usize) {
        let slab = self.slab(unit);
        slab.used -= count;
        let (used, class) = (slab.used, slab.class);
        match slab.state {
            State::Current => {}
            State::Full if used <= relist_at(class) => self.relist(core, unit),
            State::Listed if used == 0 => self.became_empty(core, unit),
            State::Full | State::Listed => {}
        }
    }

    fn relist(&mut self, core: usize, unit: u32) {
        let slab = self.slab(unit);
        slab.state = State::Listed;
        let (heap, class, used) = (slab.heap, slab.class, slab.used);
        self.memory
            .touch(core, places::list(heap, class), Touch::Write);
        self.memory.touch(core, places::record(unit), Touch::Write);
        self.heaps[heap].listed[class].push_front(unit);
        if used == 0 {
            self.became_empty(core, unit);
        }
    }

    /// An empty slab goes back, unless it is the last with room in its class.
    fn became_empty(&mut self, core: usize, unit: u32) {
        let slab = self.slab(unit);
        let (heap, class) = (slab.heap, slab.class);
        if self.heaps[heap].listed[class].len() > 1 {
            self.give_back(core, unit);
        }
    }

    /// Gives a listed, empty slab back; not one that others have just marked.
    fn give_back(&mut self, core: usize, unit: u32) {
        let slab = self.slab(unit);
        let (heap, class) = (slab.heap, slab.class);
        self.memory.touch(core, places::record(unit), Touch::Lock);
        self.memory.touch(core, places::entry(unit), Touch::Lock);
        if self.slab(unit).shared {
            return;
        }
        self.heaps[heap].listed[class].retain(|&listed| listed != unit);
        self.land[unit as usize] = Land::Free;
        let caller = self.caller(core);
        self.region.give(&mut self.memory, caller, unit, 1);
    }

    /// Leaves no cursor standing and keeps no empty slab.
    pub(super) fn tidy(&mut self, who: Who) {
        self.send_all(who);
        for class in 0..super::CLASSES {
            self.drain(who.core, who.heap, class);
            let cursor = &mut self.heaps[who.heap].cursors[class];
            cursor.mask = 0;
            if let Some(unit) = cursor.unit {
                self.retire(who, class, unit);
            }
            let listed: Vec<u32> = self.heaps[who.heap].listed[class].iter().copied().collect();
            for unit in listed {
                if self.slab(unit).used == 0 {
                    self.give_back(who.core, unit);
                }
            }
        }
    }
}
